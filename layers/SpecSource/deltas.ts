/**
 * Specs as protobuf, whole or as what differs from those before: brotli around messages of one entity each.
 *
 * They become the JSON that the store reads, so that there is one way into the snapshot. What the entities were made of
 * is kept, for the next payload to build on; where it cannot (the store meanwhile took specs from elsewhere, or sums do
 * not agree), the next request asks for the whole. Numbers and texts of the format are Statsig's own (`syncing.md` of
 * the reference). `@bufbuild/protobuf` is built into this module of the package, so that nobody needs to install it.
 */
import { BinaryReader } from "@bufbuild/protobuf/wire"
import type * as Headers from "@effect/platform/Headers"
import * as Effect from "effect/Effect"
import type { Observe } from "../../src/internal/observe.js"
import { largestPayload } from "../../src/internal/payload.js"
import type { Outcome } from "../../src/SpecSource.js"
import { SpecsError } from "../../src/StatsigError.js"

/** An answer of the network. */
interface Answer {
  readonly bytes: Uint8Array
  readonly headers: Headers.Headers
  /** The `time` of the specs that the store held when it was asked for. */
  readonly since: number
  /** What an error tells of the answer. */
  readonly told: Pick<SpecsError, "sourceApi" | "format" | "deltasUsed">
}

/** Asks for protobuf and reads it; JSON is read as well. */
export interface Deltas {
  readonly headers: Readonly<Record<string, string>>
  readonly query: () => ReadonlyArray<string>
  /** Whether the next request asks for no more than what differs. */
  readonly isAccepting: () => boolean
  /** Hands the answer's payload over as JSON. */
  readonly read: (
    answer: Answer,
    apply: (body: string | Uint8Array) => Effect.Effect<Outcome, SpecsError>
  ) => Effect.Effect<Outcome, SpecsError>
}

/** The tables of a payload that hold entities. */
type Table = "feature_gates" | "dynamic_configs" | "layer_configs" | "param_stores" | "condition_map"

interface Entity {
  readonly checksum: string
  /** JSON. */
  readonly text: string
}

interface Payload {
  readonly top: TopLevel
  readonly tables: Readonly<Record<Table, ReadonlyMap<string, Entity>>>
}

interface TopLevel {
  readonly hasUpdates: boolean
  readonly time: string
  readonly texts: Readonly<Record<string, string>>
  /** The other members of the payload. */
  readonly rest: Readonly<Record<string, unknown>>
}

/** Begins with nothing to build on. */
export const make = Effect.fnUntraced(function* (observe: Observe) {
  const { brotliDecompress } = yield* Effect.promise(() => import("node:zlib"))

  const decompress = (bytes: Uint8Array) =>
    Effect.async<Uint8Array, SpecsError>(resume =>
      brotliDecompress(bytes, { maxOutputLength: largestPayload }, (error, plain) =>
        resume(error === null ? Effect.succeed(plain) : malformed(`cannot be decompressed: ${error.message}`))
      )
    )

  /** What the store holds, if it came as protobuf. */
  let held: Payload | undefined
  let accepting = true

  const readProtobuf = Effect.fnUntraced(function* (answer: Answer) {
    const plain = yield* decompress(answer.bytes)
    const before = held?.top.time === String(answer.since) ? held : undefined
    return yield* Effect.try({
      try: () => readPayload(new BinaryReader(plain), before, countSums),
      catch: error =>
        malformed(
          error instanceof Error ? error.message : String(error),
          error instanceof ChecksumError ? "Checksum" : "Syntax"
        )
    })
  })

  const countSums = (result: "success" | "failure") =>
    observe(client => client.increment("statsig.sdk.deltas_checksum_validation.count", 1, { result }))

  const read: Deltas["read"] = Effect.fnUntraced(
    function* (answer, apply) {
      if (!isProtobuf(answer.headers)) {
        const outcome = yield* apply(answer.bytes)
        if (outcome._tag === "Applied") held = undefined
        accepting = true
        return outcome
      }
      const { payload, warnings } = yield* Effect.mapError(
        readProtobuf(answer),
        ({ message, reason }) => new SpecsError({ reason, message, ...answer.told })
      )
      for (const warning of warnings) yield* Effect.logWarning(warning)
      const outcome = yield* apply(textOf(payload))
      if (outcome._tag === "Applied") held = payload
      // Differences that lead nowhere: the whole may.
      accepting = outcome._tag !== "NotNewer" || answer.headers["x-deltas-used"] === undefined
      return outcome
    },
    Effect.tapError(() =>
      Effect.sync(() => {
        accepting = false
      })
    )
  )

  const deltas: Deltas = {
    headers: { "accept-encoding": "statsig-br, gzip, br", "statsig-supports-proto": "true" },
    query: () => ["supports_proto=true", ...(accepting ? ["accept_deltas=true"] : [])],
    isAccepting: () => accepting,
    read
  }
  return deltas
})

const malformed = (problem: string, reason: SpecsError["reason"] = "Syntax") =>
  new SpecsError({ reason, message: `protobuf specs: ${problem}` })

/** Whether an answer says that it is protobuf. */
export const isProtobuf = (headers: Headers.Headers): boolean =>
  headers["content-encoding"] === "statsig-br" && headers["content-type"]?.includes("application/octet-stream") === true

// --- the messages, by the numbers of their fields

type Read = (reader: BinaryReader) => unknown

/** A field: its name and how it is read. One whose name ends in `[]` occurs any number of times. */
type Fields = Readonly<Record<number, readonly [name: string, read: Read]>>

const text: Read = reader => reader.string()
const bool: Read = reader => reader.bool()
const uint32: Read = reader => reader.uint32()
const uint64: Read = reader => String(reader.uint64())
const bytes: Read = reader => reader.bytes()

/** A value that is JSON already. */
const json: Read = reader => checkedJson(reader.bytes())

const checkedJson = (bytes: Uint8Array): string => {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  JSON.parse(text)
  return text
}

/** With a point where the format says that it is no integer: conditions tell them apart. */
const floatText = (value: number): string => {
  if (!Number.isFinite(value)) return "null"
  return Number.isInteger(value) && !String(value).includes("e") ? `${value}.0` : String(value)
}

type Message = { readonly [name: string]: unknown }

const message =
  (fields: Fields): ((reader: BinaryReader, length?: number) => Message) =>
  (reader, length = reader.uint32()) => {
    const end = reader.pos + length
    if (end > reader.len) throw new Error("it ends too early")
    const found: Record<string, unknown> = {}
    while (reader.pos < end) {
      const [number, wireType] = reader.tag()
      const field = fields[number]
      if (field === undefined) {
        reader.skip(wireType, number)
        continue
      }
      const [name, read] = field
      if (name.endsWith("[]")) {
        const list = (found[name] ?? []) as ReadonlyArray<unknown>
        found[name] = [...list, read(reader)]
      } else {
        found[name] = read(reader)
      }
    }
    return found
  }

const enumOf =
  (names: ReadonlyArray<string>): Read =>
  reader => {
    const number = reader.int32()
    const name = names[number]
    if (name === undefined || name === "") throw new Error(`the number ${number} names nothing`)
    return name
  }

const idType = message({ 1: ["id", enumOf(["", "userID", "stableID"])], 2: ["id", text] })

const returnValue = message({ 1: ["value", reader => String(reader.bool())], 2: ["value", json] })

const anyValue = message({
  1: ["value", reader => JSON.stringify(reader.string())],
  2: ["value", reader => String(reader.bool())],
  3: ["value", reader => String(reader.int64())],
  4: ["value", uint64],
  5: ["value", reader => floatText(reader.double())],
  6: ["value", json]
})

const entities = ["", "feature_gate", "dynamic_config", "autotune", "experiment", "layer", "segment", "holdout"]
const gateEntities: ReadonlySet<unknown> = new Set(["feature_gate", "segment", "holdout"])

const conditionTypes = [
  "",
  "public",
  "fail_gate",
  "pass_gate",
  "ua_based",
  "ip_based",
  "user_field",
  "environment_field",
  "current_time",
  "user_bucket",
  "target_app",
  "unit_id"
]

const operators = [
  "",
  "gt",
  "gte",
  "lt",
  "lte",
  "version_gt",
  "version_gte",
  "version_lt",
  "version_lte",
  "version_eq",
  "version_neq",
  "any",
  "none",
  "str_starts_with_any",
  "str_ends_with_any",
  "str_contains_any",
  "str_contains_none",
  "any_case_sensitive",
  "none_case_sensitive",
  "str_matches",
  "before",
  "after",
  "on",
  "eq",
  "neq",
  "in_segment_list",
  "not_in_segment_list",
  "array_contains_any",
  "array_contains_none",
  "array_contains_all",
  "not_array_contains_all",
  "encoded_any"
]

const rule = message({
  1: ["name", text],
  2: ["passPercentage", uint32],
  3: ["id", text],
  4: ["salt", text],
  5: ["conditions[]", text],
  6: ["idType", idType],
  7: ["returnValue", returnValue],
  8: ["groupName", text],
  9: ["configDelegate", text],
  10: ["isExperimentGroup", bool],
  11: ["isControlGroup", bool],
  12: ["samplingRate", reader => reader.float()],
  13: ["exactPercentage", reader => reader.double()]
})

const spec = message({
  1: ["salt", text],
  2: ["enabled", bool],
  3: ["defaultValue", returnValue],
  4: ["entity", enumOf(entities)],
  5: ["idType", idType],
  6: ["version", uint32],
  7: ["rules[]", rule],
  8: ["isActive", bool],
  9: ["explicitParameters[]", text],
  10: ["hasSharedParams", bool],
  11: ["targetAppIDs[]", text],
  12: ["useNewLayerEval", bool],
  13: ["forwardAllExposures", bool],
  14: ["fieldsUsed[]", text]
})

const condition = message({
  1: ["type", enumOf(conditionTypes)],
  2: ["idType", idType],
  3: ["targetValue", anyValue],
  4: ["operator", enumOf(operators)],
  5: ["field", text],
  6: ["additionalValues", json]
})

const topLevel = message({
  1: ["hasUpdates", bool],
  2: ["time", uint64],
  3: ["company_id", text],
  4: ["response_format", text],
  5: ["checksum", text],
  7: ["rest", json]
})

/** Names that are gone. Those of the other members need no list: they are never built on. */
const deletions = message({
  1: ["dynamic_configs[]", text],
  2: ["feature_gates[]", text],
  3: ["layer_configs[]", text],
  5: ["condition_map[]", text],
  7: ["param_stores[]", text]
})

const checksums = message({ 1: ["sums[]", message({ 1: ["table", text], 2: ["sum", uint64] })] })

const kinds = [
  "",
  "done",
  "topLevel",
  "feature_gates",
  "dynamic_configs",
  "layer_configs",
  "param_stores",
  "condition_map",
  "deletions",
  "checksums",
  "copyPrevious"
]

const envelope = message({ 1: ["kind", enumOf(kinds)], 2: ["name", text], 3: ["checksum", text], 4: ["data", bytes] })

// --- to JSON

const member = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `,${JSON.stringify(name)}:${value}`

/** What JSON says in its own words: texts, flags, numbers and lists of texts; `undefined` for what is not there. */
const literal = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value))

const required = (holder: unknown, what: string, name: string): string => {
  const value = (holder as Message | undefined)?.[name]
  if (typeof value !== "string") throw new Error(`it has no ${what}`)
  return value
}

const ruleText = (rule: Message): string =>
  `{"name":${JSON.stringify(rule["name"] ?? "")}` +
  member("id", literal(rule["id"] ?? "")) +
  member("salt", literal(rule["salt"])) +
  member("passPercentage", literal(rule["exactPercentage"] ?? rule["passPercentage"] ?? 0)) +
  member("conditions", literal(rule["conditions[]"] ?? [])) +
  member("idType", literal(required(rule["idType"], "idType", "id"))) +
  member("returnValue", required(rule["returnValue"], "returnValue", "value")) +
  member("groupName", literal(rule["groupName"])) +
  member("configDelegate", literal(rule["configDelegate"])) +
  member("isExperimentGroup", literal(rule["isExperimentGroup"])) +
  member("isControlGroup", literal(rule["isControlGroup"])) +
  member("samplingRate", literal(rule["samplingRate"])) +
  "}"

const specText = (spec: Message, checksum: string): string => {
  const { entity = "" } = spec
  return (
    `{"type":"${gateEntities.has(entity) ? "feature_gate" : "dynamic_config"}"` +
    member("entity", literal(entity)) +
    member("salt", literal(spec["salt"] ?? "")) +
    member("enabled", literal(spec["enabled"] ?? false)) +
    member("defaultValue", required(spec["defaultValue"], "defaultValue", "value")) +
    member("idType", literal(required(spec["idType"], "idType", "id"))) +
    member("version", literal(spec["version"] ?? 0)) +
    member("rules", `[${((spec["rules[]"] ?? []) as ReadonlyArray<Message>).map(ruleText).join(",")}]`) +
    member("isActive", literal(spec["isActive"])) +
    member("explicitParameters", literal(spec["explicitParameters[]"])) +
    member("hasSharedParams", literal(spec["hasSharedParams"])) +
    member("targetAppIDs", literal(spec["targetAppIDs[]"])) +
    member("useNewLayerEval", literal(spec["useNewLayerEval"])) +
    member("forwardAllExposures", literal(spec["forwardAllExposures"])) +
    member("fieldsUsed", literal(spec["fieldsUsed[]"])) +
    member("checksum", literal(checksum)) +
    "}"
  )
}

const conditionText = (condition: Message, checksum: string): string =>
  `{"type":${JSON.stringify(condition["type"] ?? "")}` +
  member("idType", literal(required(condition["idType"], "idType", "id"))) +
  member("targetValue", (condition["targetValue"] as Message | undefined)?.["value"] as string | undefined) +
  member("operator", literal(condition["operator"])) +
  member("field", literal(condition["field"])) +
  member("additionalValues", condition["additionalValues"] as string | undefined) +
  member("checksum", literal(checksum)) +
  "}"

const tableText = (table: ReadonlyMap<string, Entity>): string =>
  `{${Array.from(table, ([name, { text }]) => `${JSON.stringify(name)}:${text}`).join(",")}}`

const textOf = ({ tables, top }: Payload): string => {
  const { hasUpdates, rest, texts, time } = top
  if (!hasUpdates) return '{"has_updates":false}'
  return (
    `{"has_updates":true,"time":${time}` +
    Object.entries(texts)
      .map(([name, value]) => member(name, JSON.stringify(value)))
      .join("") +
    Object.entries(rest)
      .filter(([name]) => !(name in tables) && !(name in texts))
      .map(([name, value]) => member(name, JSON.stringify(value)))
      .join("") +
    Object.entries(tables)
      .map(([name, table]) => member(name, tableText(table)))
      .join("") +
    "}"
  )
}

// --- a whole payload

const isTable = (kind: string): kind is Table => kind === "param_stores" || kind in entityReaders

const entityReaders: Readonly<
  Record<Exclude<Table, "param_stores">, (reader: BinaryReader, length: number, checksum: string) => string>
> = {
  feature_gates: (reader, length, checksum) => specText(spec(reader, length), checksum),
  dynamic_configs: (reader, length, checksum) => specText(spec(reader, length), checksum),
  layer_configs: (reader, length, checksum) => specText(spec(reader, length), checksum),
  condition_map: (reader, length, checksum) => conditionText(condition(reader, length), checksum)
}

/**
 * Reads a payload on top of the one before, and tells what became of its sums. What cannot be built on throws; a single
 * bad entity is left out.
 */
const readPayload = (
  reader: BinaryReader,
  before: Payload | undefined,
  onSums: (result: "success" | "failure") => void
): { readonly payload: Payload; readonly warnings: ReadonlyArray<string> } => {
  const tables: Record<Table, Map<string, Entity>> = {
    feature_gates: new Map(),
    dynamic_configs: new Map(),
    layer_configs: new Map(),
    param_stores: new Map(),
    condition_map: new Map()
  }
  const warnings: Array<string> = []
  /** As it comes: unlike the tables it is never built on. */
  let rest: Record<string, unknown> = {}
  let top: TopLevel | undefined
  const readerOf = (data: Uint8Array): BinaryReader => new (reader.constructor as typeof BinaryReader)(data)

  const readEntity = (kind: Table, name: string, checksum: string, data: Uint8Array | undefined): void => {
    const known = before?.tables[kind].get(name)
    if (known !== undefined && known.checksum === checksum && checksum !== "") {
      tables[kind].set(name, known)
      return
    }
    try {
      if (data === undefined) throw new Error("it has no data")
      const text =
        kind === "param_stores" ? checkedJson(data) : entityReaders[kind](readerOf(data), data.length, checksum)
      tables[kind].set(name, { checksum, text })
    } catch (error) {
      warnings.push(`${JSON.stringify(name)} of ${kind} cannot be used: ${String(error)}`)
    }
  }

  for (;;) {
    if (reader.pos >= reader.len) throw new Error("it ends too early")
    const {
      checksum = "",
      data,
      kind,
      name = ""
    } = envelope(reader) as {
      readonly kind?: string
      readonly name?: string
      readonly checksum?: string
      readonly data?: Uint8Array
    }
    if (kind === "done") break
    if (kind === "topLevel") {
      const { hasUpdates = false, rest: members = "{}", time = "0", ...texts } = topLevel(readerOf(data!), data!.length)
      rest = JSON.parse(members as string)
      top = {
        hasUpdates: hasUpdates as boolean,
        time: time as string,
        texts: texts as Readonly<Record<string, string>>,
        rest
      }
    } else if (kind === "copyPrevious") {
      if (before === undefined) throw new Error("it builds on specs that are not held")
      for (const [table, entities] of Object.entries(before.tables)) {
        for (const [name, entity] of entities) tables[table as Table].set(name, entity)
      }
    } else if (kind === "deletions") {
      const lists = deletions(readerOf(data ?? new Uint8Array()), data?.length ?? 0)
      for (const [table, entities] of Object.entries(tables)) {
        for (const name of (lists[`${table}[]`] ?? []) as ReadonlyArray<string>) entities.delete(name)
      }
    } else if (kind === "checksums") {
      const { "sums[]": sums = [] } = checksums(readerOf(data ?? new Uint8Array()), data?.length ?? 0)
      const problem = differenceOf(tables, sums as ReadonlyArray<{ readonly table?: string; readonly sum?: string }>)
      onSums(problem === undefined ? "success" : "failure")
      if (problem !== undefined) throw new ChecksumError(problem)
    } else if (kind !== undefined && isTable(kind)) {
      readEntity(kind, name, checksum, data)
    } else {
      throw new Error("it has a part of an unknown kind")
    }
  }
  if (top === undefined) throw new Error("it has no top level")
  return { payload: { top: { ...top, rest }, tables }, warnings }
}

const u32 = /^[0-9]{1,10}$/

class ChecksumError extends Error {}

/** The first table whose sum is another than it should be; `undefined` where all agree. */
const differenceOf = (
  tables: Readonly<Record<Table, ReadonlyMap<string, Entity>>>,
  sums: ReadonlyArray<{ readonly table?: string; readonly sum?: string }>
): string | undefined => {
  for (const [name, table] of Object.entries(tables)) {
    let actual = 0n
    for (const { checksum } of table.values()) {
      const number = u32.test(checksum) ? BigInt(checksum) : 0n
      if (number <= 0xffffffffn) actual = BigInt.asUintN(64, actual + number)
    }
    const expected =
      sums.find(({ table }) => table === name)?.sum ?? (sums.some(s => s.table === name) ? "0" : undefined)
    if (expected !== String(actual)) {
      return `the checksums of ${name} do not agree: expected ${expected}, got ${actual}`
    }
  }
  return undefined
}
