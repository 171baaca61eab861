/**
 * Worlds as protobuf, with envelopes that are broken in every way we could think of. The official package ends the
 * process over a length greater than what follows, so lengths are always right.
 */
import { brotliCompressSync } from "node:zlib"
import { BinaryWriter } from "@bufbuild/protobuf/wire"
import { Random } from "./random.js"
import { listAt, objectAt, Raw, type Tree, type TreeObject, textAt, write } from "./tree.js"
import type { World } from "./world.js"

const words = (text: string) => ["", ...text.split(" ")]
const entities = words("feature_gate dynamic_config autotune experiment layer segment holdout")
const types = words(
  "public fail_gate pass_gate ua_based ip_based user_field environment_field current_time user_bucket target_app unit_id"
)
const operators = words(
  "gt gte lt lte version_gt version_gte version_lt version_lte version_eq version_neq any none str_starts_with_any " +
    "str_ends_with_any str_contains_any str_contains_none any_case_sensitive none_case_sensitive str_matches before " +
    "after on eq neq in_segment_list not_in_segment_list array_contains_any array_contains_none array_contains_all " +
    "not_array_contains_all encoded_any"
)
const tables = { feature_gates: 3, dynamic_configs: 4, layer_configs: 5, param_stores: 6, condition_map: 7 } as const

const utf8 = (text: string) => new TextEncoder().encode(text)

/** The faults that were made, by name. */
export type Faults = Map<string, number>

/** The world served as protobuf. The same seed breaks the same envelopes, whatever else the payload has. */
export const asProtobuf = (world: World, seed: number, faults: Faults = new Map()): World => ({
  ...world,
  encode: payload => new Encoder(new Random(seed), faults).encode(payload)
})

type Field = (writer: BinaryWriter) => unknown

const message = (fields: ReadonlyArray<Field>): Uint8Array => {
  const writer = new BinaryWriter()
  for (const field of fields) field(writer)
  return writer.finish()
}

const text = (field: number, value: string | undefined): Field => {
  return writer => value !== undefined && writer.tag(field, 2).string(wellFormed(value))
}
const bytes = (field: number, value: Uint8Array): Field => {
  return writer => writer.tag(field, 2).bytes(value)
}
const integer = (field: number, value: number | bigint): Field => {
  return writer => writer.tag(field, 0).int64(value as number)
}
const flag = (field: number, value: Tree | undefined): Field => {
  return writer => typeof value === "boolean" && writer.tag(field, 0).bool(value)
}
const double = (field: number, value: number): Field => {
  return writer => writer.tag(field, 1).double(value)
}

class Encoder {
  readonly #random: Random
  readonly #faults: Faults

  constructor(random: Random, faults: Faults) {
    this.#random = random
    this.#faults = faults
  }

  encode(payload: TreeObject): Uint8Array {
    const random = this.#random
    const envelopes: Array<Uint8Array> = []
    const top = this.#topLevel(payload)
    const isTopFirst = random.chance(0.8)
    if (isTopFirst) envelopes.push(top)
    for (const [table, kind] of Object.entries(tables)) {
      for (const [name, entity] of objectAt(payload, table)) {
        envelopes.push(...this.#entity(kind, wellFormed(name), entity))
      }
    }
    if (!isTopFirst) envelopes.push(top)
    if (this.#isFault(0.1, "copy of nothing")) envelopes.unshift(envelope(10))
    if (this.#isFault(0.1, "second top level that is broken")) envelopes.push(envelope(2, { data: Uint8Array.of(1) }))
    if (this.#isFault(0.05, "deletions")) envelopes.push(this.#deletions(payload))
    if (this.#isFault(0.05, "deletions that are broken")) envelopes.push(envelope(8, { data: Uint8Array.of(10, 9) }))
    if (this.#isFault(0.01, "wrong sums")) envelopes.push(envelope(9, { data: new Uint8Array() }))
    if (this.#isFault(0.01, "no kind")) envelopes.push(message([text(2, "x")]))
    if (!this.#isFault(0.01, "no end")) envelopes.push(envelope(1))
    if (this.#isFault(0.05, "more after the end")) envelopes.push(envelope(0), Uint8Array.of(255))
    const stream = new BinaryWriter()
    for (const one of envelopes) stream.bytes(one)
    const compressed = brotliCompressSync(stream.finish(), { params: { 1: 4 } })
    return this.#isFault(0.01, "cut") ? compressed.subarray(0, compressed.length - random.between(2, 40)) : compressed
  }

  #isFault(probability: number, name: string): boolean {
    if (!this.#random.chance(probability)) return false
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1)
    return true
  }

  #topLevel(payload: TreeObject): Uint8Array {
    const own = ["has_updates", "time", "company_id", "response_format", "checksum"]
    const rest = new Map([...payload].filter(([name]) => !(name in tables) && !own.includes(name)))
    const time = payload.get("time")
    return envelope(2, {
      data: message([
        flag(1, payload.get("has_updates")),
        integer(2, BigInt(time instanceof Raw ? time.text : typeof time === "number" ? Math.trunc(time) : 0)),
        bytes(7, utf8(write(rest)))
      ])
    })
  }

  #deletions(payload: TreeObject): Uint8Array {
    const one = (table: keyof typeof tables) => this.#random.pick([...objectAt(payload, table).keys(), "nobody"])
    return envelope(8, {
      data: message([
        text(1, one("dynamic_configs")),
        text(2, one("feature_gates")),
        text(3, one("layer_configs")),
        text(5, one("condition_map")),
        text(7, one("param_stores"))
      ])
    })
  }

  /** The envelope of an entity, with its fault. */
  *#entity(kind: number, name: string, entity: Tree): Iterable<Uint8Array> {
    const random = this.#random
    const checksum = String(random.below(1000))
    const good = this.#data(kind, entity)
    const is = (fault: string) => this.#isFault(0.004, fault)
    if (is("unknown kind")) yield envelope(random.pick([11, 99, -1]), { name, checksum, data: good })
    if (is("broken envelope")) yield envelope(kind, { name, checksum, data: good }).subarray(0, random.between(3, 9))
    if (is("garbage envelope")) yield Uint8Array.from(random.times(random.between(1, 20), () => random.between(1, 255)))
    if (is("twice, the first one broken")) yield envelope(kind, { name, checksum, data: good.subarray(1) })
    const data = this.#brokenData(good)
    if (is("no name")) yield envelope(kind, { checksum, data })
    else if (is("no data")) yield envelope(kind, { name, checksum })
    else if (is("no checksum")) yield envelope(kind, { name, data })
    else if (is("name that is no text")) yield message([integer(1, kind), bytes(2, Uint8Array.of(255)), bytes(4, data)])
    else if (is("name of another type")) yield message([integer(1, kind), integer(2, 5), bytes(4, data)])
    else if (is("kind of another type")) yield message([text(1, "x"), text(2, name), bytes(4, data)])
    else if (is("fields nobody knows")) {
      const fields = [integer(20, 1), text(21, "x"), double(22, 1), bytes(23, data)]
      yield new Uint8Array([...envelope(kind, { name, checksum, data }), ...message(fields)])
    } else yield envelope(kind, { name, checksum, data })
    if (is("twice, the last one broken")) yield envelope(kind, { name, checksum: "x", data: good.subarray(2) })
    if (is("twice")) yield envelope(kind, { name, checksum: "x", data: this.#data(kind, entity) })
  }

  #brokenData(data: Uint8Array): Uint8Array {
    const random = this.#random
    const with_ = (...fields: ReadonlyArray<Field>) => new Uint8Array([...data, ...message(fields)])
    const choices: ReadonlyArray<readonly [string, () => Uint8Array]> = [
      ["cut data", () => data.subarray(0, random.below(data.length))],
      ["empty data", () => new Uint8Array()],
      ["a changed byte", () => data.with(random.below(data.length), random.below(256))],
      ["JSON that is not UTF-8", () => this.#brokenText(data)],
      ["bytes behind", () => new Uint8Array([...data, ...random.times(random.between(1, 4), () => random.below(256))])],
      ["a field of another type", () => with_(random.pick([double, integer])(random.between(1, 7), 5))],
      [
        "an unknown enumeration",
        () => with_(integer(random.pick([1, 4]), random.pick([0, 8, 12, 32, 99, -1, 2 ** 32])))
      ],
      ["an unknown ID type", () => with_(bytes(random.pick([2, 5]), message([integer(1, random.pick([0, 3, -1]))])))],
      ["an ID type that is empty", () => with_(bytes(random.pick([2, 5]), new Uint8Array()))],
      ["a value that is no JSON", () => with_(bytes(3, message([bytes(2, utf8("{"))])))],
      ["a raw value that is no JSON", () => with_(bytes(3, message([bytes(6, utf8("[1,]"))])))],
      ["a group", () => new Uint8Array([...data, 0xa3, 0x01, 0xa4, 0x01])],
      ["a group without end", () => new Uint8Array([...data, 0xa3, 0x01])]
    ]
    if (!random.chance(0.03) || data.length === 0) return data
    const [name, make] = random.pick(choices)
    this.#isFault(1, name)
    return make()
  }

  /** The first byte of a longer character in place of the first letter of a text within JSON, if there is one. */
  #brokenText(data: Uint8Array): Uint8Array {
    const isLetter = (byte = 0) => byte >= 97 && byte <= 122
    const places = [...data.keys()].filter(at => data[at] === 34 && isLetter(data[at + 1]) && isLetter(data[at + 2]))
    return places.length === 0 ? data : data.with(this.#random.pick(places) + 1, 0xda)
  }

  #data(kind: number, entity: Tree): Uint8Array {
    if (!(entity instanceof Map)) return utf8(write(entity))
    if (kind === tables.param_stores) return utf8(write(entity))
    return message(kind === tables.condition_map ? this.#condition(entity) : this.#spec(entity))
  }

  #condition(condition: TreeObject): ReadonlyArray<Field> {
    const target = condition.get("targetValue")
    const operator = condition.get("operator")
    const more = condition.get("additionalValues")
    return [
      integer(1, indexIn(types, condition.get("type"))),
      idType(2, condition),
      ...(target === undefined || target === null ? [] : [bytes(3, message([this.#anyValue(target)]))]),
      ...(typeof operator === "string" ? [integer(4, indexIn(operators, operator))] : []),
      text(5, textAt(condition, "field")),
      ...(more instanceof Map ? [bytes(6, utf8(write(more)))] : [])
    ]
  }

  #anyValue(value: Tree): Field {
    if (this.#random.chance(0.1)) return bytes(6, utf8(write(value)))
    if (typeof value === "string" && wellFormed(value) === value) return text(1, value)
    if (typeof value === "boolean") return flag(2, value)
    if (typeof value === "number" && Number.isSafeInteger(value) && !Object.is(value, -0)) {
      return integer(value < 0 || this.#random.chance(0.5) ? 3 : 4, value)
    }
    return typeof value === "number" && !Number.isInteger(value) ? double(5, value) : bytes(6, utf8(write(value)))
  }

  #spec(spec: TreeObject): ReadonlyArray<Field> {
    const { version } = { version: spec.get("version") }
    return [
      text(1, textAt(spec, "salt")),
      flag(2, spec.get("enabled")),
      this.#returnValue(3, spec.get("defaultValue")),
      integer(4, indexIn(entities, spec.get("entity"))),
      idType(5, spec),
      ...(typeof version === "number" ? [integer(6, Math.trunc(version))] : []),
      ...listAt(spec, "rules").flatMap(rule => (rule instanceof Map ? [bytes(7, message(this.#rule(rule)))] : [])),
      flag(8, spec.get("isActive")),
      ...listAt(spec, "explicitParameters").map(name => text(9, String(name))),
      flag(10, spec.get("hasSharedParams")),
      ...listAt(spec, "targetAppIDs").map(name => text(11, String(name))),
      flag(12, spec.get("useNewLayerEval")),
      flag(13, spec.get("forwardAllExposures")),
      ...listAt(spec, "fieldsUsed").map(name => text(14, String(name)))
    ]
  }

  #rule(rule: TreeObject): ReadonlyArray<Field> {
    const percentage = numberOf(rule.get("passPercentage"))
    const isUnsigned = Number.isInteger(percentage) && percentage >= 0 && percentage < 2 ** 32
    const rate = rule.get("samplingRate")
    return [
      text(1, textAt(rule, "name")),
      isUnsigned && this.#random.chance(0.5) ? integer(2, percentage) : double(13, percentage),
      text(3, textAt(rule, "id")),
      text(4, textAt(rule, "salt")),
      ...listAt(rule, "conditions").map(name => text(5, String(name))),
      idType(6, rule),
      this.#returnValue(7, rule.get("returnValue")),
      text(8, textAt(rule, "groupName")),
      text(9, textAt(rule, "configDelegate")),
      flag(10, rule.get("isExperimentGroup")),
      ...(typeof rate === "number" ? [(writer: BinaryWriter) => writer.tag(12, 5).float(rate)] : [])
    ]
  }

  #returnValue(field: number, value: Tree | undefined): Field {
    if (value === undefined) return () => {}
    return bytes(field, message([typeof value === "boolean" ? flag(1, value) : bytes(2, utf8(write(value)))]))
  }
}

const envelope = (
  kind: number,
  { checksum, data, name }: { readonly name?: string; readonly checksum?: string; readonly data?: Uint8Array } = {}
): Uint8Array =>
  message([integer(1, kind), text(2, name), text(3, checksum), ...(data === undefined ? [] : [bytes(4, data)])])

/** 99, which names nothing, for what the format does not define. */
const indexIn = (names: ReadonlyArray<string>, name: Tree | undefined): number => {
  const index = typeof name === "string" ? names.indexOf(name) : 0
  return index < 0 ? 99 : index
}

const idType = (field: number, holder: TreeObject): Field => {
  const value = textAt(holder, "idType")
  const known = ["", "userID", "stableID"].indexOf(value ?? "")
  return bytes(field, message([known > 0 ? integer(1, known) : text(2, value)]))
}

const numberOf = (tree: Tree | undefined): number => {
  if (tree instanceof Raw) return Number(tree.text)
  return typeof tree === "number" ? tree : 0
}

/** Without lone surrogates, which UTF-8 cannot encode. */
const wellFormed = (value: string): string => new TextDecoder().decode(utf8(value))
