/** Payloads as protobuf, as the server writes them: whole, or as a delta to another one. */
import { brotliCompressSync, constants } from "node:zlib"
import { BinaryWriter } from "@bufbuild/protobuf/wire"

// biome-ignore lint/suspicious/noExplicitAny: payloads are read as they come
type Json = any

const utf8 = (value: Json): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const entities = ["", "feature_gate", "dynamic_config", "autotune", "experiment", "layer", "segment", "holdout"]
const types =
  " public fail_gate pass_gate ua_based ip_based user_field environment_field current_time user_bucket target_app unit_id"
const operators =
  " gt gte lt lte version_gt version_gte version_lt version_lte version_eq version_neq any none str_starts_with_any " +
  "str_ends_with_any str_contains_any str_contains_none any_case_sensitive none_case_sensitive str_matches before after " +
  "on eq neq in_segment_list not_in_segment_list array_contains_any array_contains_none array_contains_all " +
  "not_array_contains_all encoded_any"

/** 0, which names nothing, for what the format does not define. */
const indexIn = (names: string, name: string): number => Math.max(0, names.split(" ").indexOf(name))

/** The fields of a message by their numbers; `undefined` fields are omitted. */
class Message {
  readonly writer = new BinaryWriter()
  text(field: number, value: Json) {
    if (value !== undefined && value !== null) this.writer.tag(field, 2).string(value)
    return this
  }
  texts(field: number, values: Json) {
    for (const value of values ?? []) this.text(field, value)
    return this
  }
  flag(field: number, value: Json) {
    if (value !== undefined && value !== null) this.writer.tag(field, 0).bool(value)
    return this
  }
  number(field: number, value: Json) {
    if (value !== undefined && value !== null) this.writer.tag(field, 0).uint64(value)
    return this
  }
  bytes(field: number, value: Uint8Array | undefined) {
    if (value !== undefined) this.writer.tag(field, 2).bytes(value)
    return this
  }
  message(field: number, message: Message) {
    return this.bytes(field, message.finish())
  }
  finish(): Uint8Array {
    return this.writer.finish()
  }
}

const idType = (value: string): Message => {
  const known = ["", "userID", "stableID"].indexOf(value)
  return known > 0 ? new Message().number(1, known) : new Message().text(2, value)
}

const returnValue = (value: Json): Message =>
  typeof value === "boolean" ? new Message().flag(1, value) : new Message().bytes(2, utf8(value))

const anyValue = (value: Json): Message => {
  const message = new Message()
  if (typeof value === "string") return message.text(1, value)
  if (typeof value === "boolean") return message.flag(2, value)
  if (typeof value !== "number") return message.bytes(6, utf8(value))
  if (!Number.isInteger(value)) message.writer.tag(5, 1).double(value)
  else if (value < 0) message.writer.tag(3, 0).int64(value)
  else message.number(4, value)
  return message
}

const rule = (rule: Json): Message => {
  const message = new Message().text(1, rule.name).text(3, rule.id).text(4, rule.salt).texts(5, rule.conditions)
  if (Number.isInteger(rule.passPercentage)) message.number(2, rule.passPercentage)
  else message.writer.tag(13, 1).double(rule.passPercentage)
  message.message(6, idType(rule.idType)).message(7, returnValue(rule.returnValue))
  message.text(8, rule.groupName).text(9, rule.configDelegate)
  message.flag(10, rule.isExperimentGroup).flag(11, rule.isControlGroup)
  if (rule.samplingRate !== undefined) message.writer.tag(12, 5).float(rule.samplingRate)
  return message
}

const spec = (spec: Json): Message => {
  const message = new Message().text(1, spec.salt).flag(2, spec.enabled).message(3, returnValue(spec.defaultValue))
  message
    .number(4, Math.max(0, entities.indexOf(spec.entity)))
    .message(5, idType(spec.idType))
    .number(6, spec.version)
  for (const one of spec.rules) message.message(7, rule(one))
  return message
    .flag(8, spec.isActive)
    .texts(9, spec.explicitParameters)
    .flag(10, spec.hasSharedParams)
    .texts(11, spec.targetAppIDs)
    .flag(12, spec.useNewLayerEval)
    .flag(13, spec.forwardAllExposures)
    .texts(14, spec.fieldsUsed)
}

const condition = (condition: Json): Message => {
  const message = new Message().number(1, indexIn(types, condition.type)).message(2, idType(condition.idType))
  if (condition.targetValue !== null && condition.targetValue !== undefined) {
    message.message(3, anyValue(condition.targetValue))
  }
  const operator = indexIn(operators, condition.operator)
  if (operator > 0) message.number(4, operator)
  message.text(5, condition.field)
  return condition.additionalValues ? message.bytes(6, utf8(condition.additionalValues)) : message
}

const tables = {
  feature_gates: { kind: 3, encode: spec, deleted: 2 },
  dynamic_configs: { kind: 4, encode: spec, deleted: 1 },
  layer_configs: { kind: 5, encode: spec, deleted: 3 },
  param_stores: { kind: 6, encode: undefined, deleted: 7 },
  condition_map: { kind: 7, encode: condition, deleted: 5 }
} as const

type Table = keyof typeof tables
const tableNames = Object.keys(tables) as Array<Table>

/** The checksum that the server gives an entity. */
const checksumOf = (entity: Json): number => {
  let hash = 0
  for (const character of JSON.stringify(entity)) hash = (hash * 31 + character.charCodeAt(0)) >>> 0
  return hash
}

interface EncodeOptions {
  /** The payload that the body builds on. */
  readonly since?: Json
  /** The members of the body's own top level besides the usual ones. Default: all that the payload has. */
  readonly rest?: Json
  /** Makes the checksums wrong. */
  readonly wrongSums?: boolean
  /** Omits the checksums. */
  readonly noSums?: boolean
  /** Omits the end. */
  readonly endless?: boolean
  /** Does not compress it. */
  readonly plain?: boolean
}

/** The body of a response: brotli around delimited envelopes. */
export const encodePayload = (payload: Json, options: EncodeOptions = {}): Uint8Array => {
  const { since } = options
  const stream = new BinaryWriter()
  const write = (kind: number, envelope: { name?: string; checksum?: string; data?: Uint8Array } = {}) => {
    const { checksum, data, name } = envelope
    stream.bytes(new Message().number(1, kind).text(2, name).text(3, checksum).bytes(4, data).finish())
  }
  if (since !== undefined) write(10)
  const { checksum, company_id, has_updates, response_format, time, ...others } = payload
  const rest = Object.fromEntries(Object.entries(others).filter(([name]) => !(name in tables)))
  write(2, {
    data: new Message()
      .flag(1, has_updates)
      .number(2, time)
      .text(3, company_id)
      .text(4, response_format)
      .text(5, checksum)
      .bytes(7, utf8(options.rest ?? rest))
      .finish()
  })
  const sums = new Message()
  const deletions = new Message()
  for (const table of tableNames) {
    const { deleted, encode, kind } = tables[table]
    const entries = Object.entries(payload[table] ?? {})
    let sum = 0
    for (const [name, entity] of entries) {
      const number = checksumOf(entity)
      sum += number
      if (since !== undefined && JSON.stringify(since[table]?.[name]) === JSON.stringify(entity)) continue
      write(kind, { name, checksum: String(number), data: encode?.(entity).finish() ?? utf8(entity) })
    }
    sums.message(1, new Message().text(1, table).number(2, sum + (options.wrongSums ? 1 : 0)))
    deletions.texts(
      deleted,
      Object.keys(since?.[table] ?? {}).filter(name => !Object.hasOwn(payload[table] ?? {}, name))
    )
  }
  if (since !== undefined) {
    write(8, { data: deletions.finish() })
    if (options.noSums !== true) write(9, { data: sums.finish() })
  }
  if (options.endless !== true) write(1)
  const plain = stream.finish()
  return options.plain === true ? plain : brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
}

/** The headers of a response with such a body. */
export const protobufHeaders = { "content-type": "application/octet-stream", "content-encoding": "statsig-br" }
