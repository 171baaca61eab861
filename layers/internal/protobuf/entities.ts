/**
 * Converts protobuf entities to the JSON that the store reads.
 */
import * as Predicate from "effect/Predicate"
import type { RawJson } from "../../../src/engine/json.js"
import { type Body, checkJson, readBody } from "../../../src/engine/payload/body.js"
import { isReadable, maxJsonDepth, readExact } from "../../../src/engine/payload/exactJson.js"
import { isUtf8 } from "../../../src/internal/bytes.js"
import { parameterStoreProblem } from "../../../src/Specs.js"
import * as Format from "./fields.js"
import { type Message, readMessage } from "./wire.js"

/** Bytes of rules between two turns of the event loop: about two milliseconds. */
const entitiesPerTurn = 32 * 1024

/** Longer raw JSON is not made a string. */
const longestDate = 1024

/** Builds JSON from strings and from bytes that are JSON already. */
class JsonWriter {
  readonly #parts: Array<Uint8Array> = []
  #text = ""

  add(text: string): void {
    this.#text += text
  }

  /** A present member. Its value is made of a string, a boolean, a number or a list of strings. */
  member(name: string, value: unknown): void {
    if (value !== undefined) this.#text += `,"${name}":${JSON.stringify(value)}`
  }

  /** Bytes that are known to be JSON. */
  known(bytes: Uint8Array): void {
    if (bytes.length <= longestDate) this.#text += textField(bytes)
    else {
      this.#flush()
      this.#parts.push(bytes)
    }
  }

  /** A message with one value. */
  *value(name: string, holder: unknown): Generator<void, void> {
    this.#text += `,"${name}":`
    const value = holder === undefined ? "null" : (holder as { readonly value?: string | Uint8Array }).value
    if (value === undefined) throw new Error(`the ${name} is empty`)
    if (typeof value === "string") this.#text += value
    else {
      yield* checkText(value, "a value")
      this.known(value)
    }
  }

  end(): ReadonlyArray<Uint8Array> {
    this.#flush()
    return this.#parts
  }

  #flush(): void {
    if (this.#text !== "") this.#parts.push(Buffer.from(this.#text))
    this.#text = ""
  }
}

/** An exponent, an escape such as `\ud800`, or a number of so many digits that it may be out of range. */
const unusual = /\d[eE]|\\u|(?<!\d)\d{301}/

/**
 * Whether JSON may contain something that the official parser rejects. Few values do, and only those are checked
 * closely.
 */
const isUnusual = (bytes: Uint8Array): boolean => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")
  return unusual.test(text) || text.split(/[[{]/, maxJsonDepth + 2).length > maxJsonDepth + 1
}

const textField = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

const idTypeOf = (message: unknown): string => {
  const { id = "" } = (message ?? {}) as { readonly id?: number | string }
  return typeof id === "string" ? id : Format.nameOf("ID type", Format.idTypes, id)
}

/** JSON cannot express non-finite numbers. These are on the same side for every user. */
const percentageOf = ({ exactPercentage, passPercentage = 0 }: Message): unknown => {
  if (exactPercentage === undefined || Number.isFinite(exactPercentage)) return exactPercentage ?? passPercentage
  return exactPercentage === Number.POSITIVE_INFINITY ? 100 : 0
}

const largestUInt64 = 2n ** 64n - 1n

/** An integer, though the format has it as a float. */
const samplingRateText = (rate: number): string => {
  if (!Number.isInteger(rate) || rate < 0) throw new Error(`the sampling rate ${rate} is no positive integer`)
  const integer = BigInt(rate)
  return String(integer > largestUInt64 ? largestUInt64 : integer)
}

function* writeRule(json: JsonWriter, rule: Message): Generator<void, void> {
  json.add(`{"name":${JSON.stringify(rule["name"] ?? "")}`)
  json.member("id", rule["id"] ?? "")
  json.member("salt", rule["salt"])
  json.member("passPercentage", percentageOf(rule))
  json.member("conditions", rule["conditions[]"] ?? [])
  json.member("idType", idTypeOf(rule["idType"]))
  yield* json.value("returnValue", rule["returnValue"])
  json.member("groupName", rule["groupName"])
  json.member("configDelegate", rule["configDelegate"])
  json.member("isExperimentGroup", rule["isExperimentGroup"])
  json.member("isControlGroup", rule["isControlGroup"])
  const rate = rule["samplingRate"] as number | undefined
  if (rate !== undefined) json.add(`,"samplingRate":${samplingRateText(rate)}`)
  json.add("}")
}

function* writeRules(json: JsonWriter, rules: ReadonlyArray<Uint8Array>): Generator<void, void> {
  json.add(',"rules":[')
  let work = 0
  for (const [index, data] of rules.entries()) {
    if (index > 0) json.add(",")
    yield* writeRule(json, readMessage(Format.ruleFields, data))
    work += data.length
    if (work < entitiesPerTurn) continue
    work = 0
    yield
  }
  json.add("]")
}

function* writeSpec(json: JsonWriter, data: Uint8Array): Generator<void, void> {
  const spec = readMessage(Format.specFields, data)
  const entity = Format.nameOf("entity", Format.entityTypes, spec["entity"])
  json.member("type", Format.gateTypes.has(entity) ? "feature_gate" : "dynamic_config")
  json.member("entity", entity)
  json.member("salt", spec["salt"] ?? "")
  json.member("enabled", spec["enabled"] ?? false)
  yield* json.value("defaultValue", spec["defaultValue"])
  json.member("idType", idTypeOf(spec["idType"]))
  json.member("version", spec["version"] ?? 0)
  yield* writeRules(json, (spec["rules[]"] ?? []) as ReadonlyArray<Uint8Array>)
  json.member("isActive", spec["isActive"])
  json.member("explicitParameters", spec["explicitParameters[]"])
  json.member("hasSharedParams", spec["hasSharedParams"])
  json.member("targetAppIDs", spec["targetAppIDs[]"])
  json.member("useNewLayerEval", spec["useNewLayerEval"])
  json.member("forwardAllExposures", spec["forwardAllExposures"])
  json.member("fieldsUsed", spec["fieldsUsed[]"])
}

function* writeCondition(json: JsonWriter, data: Uint8Array): Generator<void, void> {
  const condition = readMessage(Format.conditionFields, data)
  const { operator, targetValue } = condition as { readonly operator?: number; readonly targetValue?: Message }
  json.member("type", Format.nameOf("condition type", Format.conditionTypes, condition["type"]))
  json.member("idType", idTypeOf(condition["idType"]))
  const target = targetValue?.["value"] as string | Uint8Array | undefined
  if (target !== undefined) yield* json.value("targetValue", targetValue)
  // The official SDK parses values of rules on demand, those of conditions at once.
  if (target instanceof Uint8Array && isUnusual(target) && !isReadable(readExact(textField(target)).value)) {
    throw new Error("the targetValue has a number out of range, half a pair of surrogates, or more than 127 levels")
  }
  if (operator !== undefined) json.member("operator", Format.nameOf("operator", Format.operatorNames, operator))
  json.member("field", condition["field"])
  const more = condition["additionalValues"] as Uint8Array | undefined
  if (more !== undefined) json.member("additionalValues", textMapOf(more))
}

/** Throws if the bytes are not a JSON object of strings. */
const textMapOf = (bytes: Uint8Array): object => {
  if (!isUtf8(bytes)) throw new Error("the additional values are not UTF-8")
  const found: unknown = JSON.parse(textField(bytes))
  if (
    !Predicate.isRecord(found) ||
    !isReadable(found as RawJson) ||
    Object.values(found).some(value => typeof value !== "string")
  ) {
    throw new Error("the additional values are no texts")
  }
  return found
}

/** Throws if the bytes are not JSON in UTF-8. */
export function* checkText(bytes: Uint8Array, what: string): Generator<void, void> {
  if (!isUtf8(bytes)) throw new Error(`${what} is not UTF-8`)
  yield* checkJson(bytes)
}

/** The members of a body except some, as written there, including duplicates. */
export const membersOf = (
  { bytes, members: { members } }: Body,
  without: ReadonlySet<string>
): ReadonlyArray<readonly [string, Uint8Array]> =>
  members
    .filter(({ name }) => !without.has(name))
    .map(({ end, name, start }) => [name, bytes.subarray(start, end)] as const)

/** It is JSON already, but its checksum is that of the envelope. */
function* writeParameterStore(json: JsonWriter, data: Uint8Array): Generator<void, void> {
  yield* checkText(data, "it")
  const problem = parameterStoreProblem(data)
  if (problem !== undefined) throw new Error(problem)
  for (const [name, value] of membersOf(yield* readBody(data, new Set(), undefined), new Set(["checksum"]))) {
    json.add(`,${JSON.stringify(name)}:`)
    json.known(value)
  }
}

const writers: Readonly<Record<Format.TableName, (json: JsonWriter, data: Uint8Array) => Generator<void, void>>> = {
  feature_gates: writeSpec,
  dynamic_configs: writeSpec,
  layer_configs: writeSpec,
  param_stores: writeParameterStore,
  condition_map: writeCondition
}

/**
 * The JSON of an entity, in parts. Throws if it cannot be read.
 *
 * The checksum comes first: it is found there when the next payload builds on this one.
 */
export function* entityJson(
  table: Format.TableName,
  checksum: string,
  data: Uint8Array
): Generator<void, ReadonlyArray<Uint8Array>> {
  const json = new JsonWriter()
  json.add(`{"checksum":${JSON.stringify(checksum)}`)
  yield* writers[table](json, data)
  json.add("}")
  return json.end()
}
