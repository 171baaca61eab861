/**
 * The config-specs payload as Schema, and how a payload is read.
 *
 * It is as strict as the official SDK: unknown keys are ignored, `null` means an absent optional field, integers must
 * be written as integers, a known key must not occur twice. An invalid spec is skipped; the others still load. An error
 * elsewhere rejects the payload, with one deliberate exception: an invalid condition disables only the specs that use
 * it, where the official SDK rejects everything. A value that the official parser does not accept, such as one with the
 * number `1e400`, is no error: it counts as `{}`, and as no target in a condition.
 *
 * The envelope is decoded when a payload arrives, specs and conditions when they are first used. What is unchanged
 * since the previous payload is not decoded again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type Json, NumberLiteral, plain, type RawJson, type RawObject } from "./engine/json.js"
import {
  type Body,
  type Entry,
  memberNamed,
  NotAnObject,
  portion,
  readBody,
  textOfBytes
} from "./engine/payload/body.js"
import { isReadable, type RawDocument, readExact } from "./engine/payload/exactJson.js"
import {
  type Decoder,
  type Envelope,
  Snapshot,
  type BadPart as SpecWarning,
  tableNames
} from "./engine/payload/snapshot.js"
import type * as Engine from "./engine/specs.js"
import { sameParts } from "./internal/bytes.js"
import { inTurns } from "./internal/eventLoop.js"
import { payloadBytes } from "./internal/payload.js"
import { decoderOf, optionalField, usually } from "./internal/usualForm.js"
import { SpecsError } from "./StatsigError.js"

// --- scalars

const Literal = Schema.instanceOf(NumberLiteral).pipe(
  Schema.filter(({ text }) => Number.isFinite(Number(text)) || `expected a number, not one out of range: ${text}`)
)

/** The value of a number whose spelling is kept. */
const numberFrom = (literal: Schema.Schema<NumberLiteral>) =>
  Schema.transform(literal, Schema.Number, {
    strict: true,
    decode: ({ text }) => Number(text),
    encode: number => new NumberLiteral(String(number))
  })

/** An integer beyond 2^53, if it is written as one and is in range. */
const bigInteger = (pattern: RegExp, isInRange: (value: bigint) => boolean) =>
  numberFrom(Literal.pipe(Schema.filter(({ text }) => pattern.test(text) && isInRange(BigInt(text)))))

/** Any number; numbers whose spelling is kept are read by their value. */
const Float = usually(Schema.Union(Schema.Number, numberFrom(Literal)), value => typeof value === "number")

const isUInt32 = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32

/** An integer written as one: `7.0` and `7e0` are rejected. */
const UInt32 = usually(
  Schema.Number.pipe(Schema.filter(isUInt32)).annotations({
    identifier: "UInt32",
    message: () => "expected an integer from 0 to 4294967295, written without point or exponent"
  }),
  isUInt32
)

const UInt64 = usually(
  Schema.Union(
    Schema.NonNegativeInt,
    bigInteger(/^\d+$/, value => value < 2n ** 64n)
  ).annotations({
    identifier: "UInt64",
    message: () => "expected an integer from 0 to 2^64-1, written without point or exponent"
  }),
  value => Number.isSafeInteger(value) && Number(value) >= 0
)

const Int64 = Schema.Union(
  Schema.Int,
  bigInteger(/^-?\d+$/, value => BigInt.asIntN(64, value) === value)
).annotations({ identifier: "Int64", message: () => "expected a 64-bit integer, written without point or exponent" })

/** Any JSON that is present. Spellings of numbers are kept here and dropped when the value is returned. */
const isAny = (value: unknown): value is RawJson => value !== undefined
const Any = usually(Schema.declare(isAny, { identifier: "JSON" }), isAny)

/** The same for a value that is at that level of the payload and is parsed with it. */
const Readable = (level: number) =>
  Any.pipe(
    Schema.filter(
      value => isReadable(value, level, true) || "expected no number out of range, and no more than 127 levels in all"
    )
  )

const isRawObject = (value: unknown): value is RawObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral)

const ObjectFromRaw = Schema.declare(isRawObject, { identifier: "object" })

/** A map keyed by name: a record would lose the name `__proto__`. */
const NameMap = <A, I>(value: Schema.Schema<A, I>): Schema.Schema<ReadonlyMap<string, A>, RawObject> => {
  const decode = ParseResult.decodeUnknownEither(value)
  return Schema.transformOrFail(ObjectFromRaw, Schema.Unknown as Schema.Schema<ReadonlyMap<string, A>>, {
    strict: true,
    decode: (object, options, ast) => {
      const decoded = new Map<string, A>()
      for (const [name, member] of Object.entries(object)) {
        const result = decode(member, options)
        if (Either.isLeft(result))
          return ParseResult.fail(
            new ParseResult.Composite(ast, object, new ParseResult.Pointer(name, object, result.left))
          )
        decoded.set(name, result.right)
      }
      return ParseResult.succeed(decoded)
    },
    encode: (map, _options, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, map, "a payload is not written"))
  })
}

// --- parts

/** A rule of a spec, or of a config mapping. */
const RuleSchema = Schema.Struct({
  name: Schema.String,
  passPercentage: Float,
  returnValue: Any,
  id: Schema.String,
  salt: optionalField(Schema.String),
  conditions: Schema.Array(Schema.String),
  idType: Schema.String,
  groupName: optionalField(Schema.String),
  configDelegate: optionalField(Schema.String),
  isExperimentGroup: optionalField(Schema.Boolean),
  samplingRate: optionalField(UInt64)
})

/** A gate, a dynamic config, an experiment, an autotune or a layer. */
const SpecSchema = Schema.Struct({
  type: Schema.String,
  salt: Schema.String,
  defaultValue: Any,
  enabled: Schema.Boolean,
  rules: Schema.Array(RuleSchema),
  idType: Schema.String,
  entity: Schema.String,
  explicitParameters: optionalField(Schema.Array(Schema.String)),
  hasSharedParams: optionalField(Schema.Boolean),
  isActive: optionalField(Schema.Boolean),
  version: optionalField(UInt32),
  targetAppIDs: optionalField(Schema.Array(Schema.String)),
  forwardAllExposures: optionalField(Schema.Boolean),
  fieldsUsed: optionalField(Schema.Array(Schema.String)),
  useNewLayerEval: optionalField(Schema.Boolean),
  checksum: optionalField(Schema.String)
})

/** A condition. */
const ConditionSchema = Schema.Struct({
  type: Schema.String,
  idType: Schema.String,
  targetValue: Schema.optional(Any),
  operator: optionalField(Schema.String),
  field: optionalField(Schema.String),
  additionalValues: optionalField(
    usually(
      Schema.Record({ key: Schema.String, value: Schema.String }),
      value => isRawObject(value) && Object.values(value).every(text => typeof text === "string")
    )
  ),
  checksum: optionalField(Schema.String)
})

const parameterFields = { ref_type: Schema.String, param_type: Schema.String, name: optionalField(Schema.String) }

/** A parameter is the first of these shapes that fits; `ref_type` is ignored. */
const ParameterSchema = () =>
  Schema.Union(
    Schema.Struct({ ...parameterFields, value: Readable(6) }),
    Schema.Struct({ ...parameterFields, gate_name: Schema.String, pass_value: Readable(6), fail_value: Readable(6) }),
    Schema.Struct({ ...parameterFields, config_name: Schema.String, param_name: Schema.String }),
    Schema.Struct({ ...parameterFields, experiment_name: Schema.String, param_name: Schema.String }),
    Schema.Struct({ ...parameterFields, layer_name: Schema.String, param_name: Schema.String })
  )

type ParameterSchema = ReturnType<typeof ParameterSchema>["Type"]

const ParameterStore = () =>
  Schema.Struct({
    parameters: NameMap(ParameterSchema()),
    targetAppIDs: optionalField(Schema.Array(Schema.String)),
    version: optionalField(UInt32),
    checksum: optionalField(Schema.String)
  })

const BanditSchema = () =>
  Schema.Struct({
    salt: Schema.String,
    targetAppIDs: optionalField(Schema.Array(Schema.String)),
    defaultValue: Any,
    idType: Schema.String,
    enabled: Schema.Boolean,
    version: UInt32,
    sampleRate: Float,
    higherIsBetter: Schema.Boolean,
    groups: Schema.Array(Schema.Struct({ name: Schema.String, parameterValues: Any, id: Schema.String })),
    config: optionalField(
      NameMap(
        Schema.Struct({
          alpha: Float,
          intercept: Float,
          records: UInt64,
          weightsNumerical: NameMap(Float),
          weightsCategorical: NameMap(NameMap(Float))
        })
      )
    ),
    targetingGateName: optionalField(Schema.String)
  })

const Mapping = () =>
  Schema.Struct({
    new_config_name: Schema.String,
    rules: Schema.Array(Schema.Struct({ rule_name: Schema.String, start_time: optionalField(Int64) }))
  })

const Trigger = () =>
  Schema.Struct({
    sampling_rate: optionalField(Float),
    values: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
    passes_sampling: optionalField(Schema.Boolean)
  })

const SessionReplaySchema = () =>
  Schema.Struct({
    sampling_rate: optionalField(Float),
    targeting_gate: optionalField(Schema.String),
    recording_blocked: optionalField(Schema.Boolean),
    session_recording_event_triggers: optionalField(NameMap(Trigger())),
    session_recording_exposure_triggers: optionalField(NameMap(Trigger())),
    session_recording_privacy_settings: optionalField(
      Schema.Struct({
        privacy_mode: Schema.String,
        unmasked_elements: optionalField(Schema.Array(Schema.String)),
        masked_elements: optionalField(Schema.Array(Schema.String)),
        blocked_elements: optionalField(Schema.Array(Schema.String))
      })
    )
  })

const decodeSpec = decoderOf(SpecSchema)
const decodeCondition = decoderOf(ConditionSchema)

const specKeys: ReadonlySet<string> = new Set(Object.keys(SpecSchema.fields))
const ruleKeys: ReadonlySet<string> = new Set(Object.keys(RuleSchema.fields))
const conditionKeys: ReadonlySet<string> = new Set(Object.keys(ConditionSchema.fields))

// --- messages

/** Where the first issue is, within a member if given, and what was expected there. */
const describe = (error: ParseResult.ParseError, member?: string): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (issue === undefined) return error.message
  const path = member === undefined ? issue.path : [member, ...issue.path]
  return `${path.map(name => JSON.stringify(String(name))).join(".")}: ${issue.message}`
}

// --- reading

export type { BadPart as SpecWarning, Snapshot } from "./engine/payload/snapshot.js"

/**
 * A parsed payload: specs, or the statement that there is nothing new.
 *
 * @since 0.1.0
 */
export type Parsed = { readonly _tag: "Specs"; readonly snapshot: Snapshot } | { readonly _tag: "NoUpdates" }

/** The official SDK parses values of specs one by one; a value that its parser rejects counts as an empty object. */
const rawValue = (raw: RawJson): Json => (isReadable(raw) ? plain(raw) : {})

const withValue = (rule: typeof RuleSchema.Type): Engine.Rule => ({ ...rule, returnValue: rawValue(rule.returnValue) })

/** Members whose values are parsed on their own, or elsewhere in this module. */
const parsedApart: ReadonlySet<string> = new Set(["defaultValue", "returnValue", "targetValue", "rules"])

const holdsHalfPair = (object: RawJson, known: ReadonlySet<string>): boolean =>
  isRawObject(object) &&
  Object.keys(object).some(
    key => !isReadable(key) || (known.has(key) && !parsedApart.has(key) && !isReadable(object[key]!))
  )

const loneSurrogate = "a text holds half a pair of surrogates, such as \\ud800 alone"

const repeatedKey = (key: string): string => `${JSON.stringify(key)} occurs twice`

/** The decoded part, or why it is invalid. */
const decodePart = <A>(
  { duplicates, value }: RawDocument,
  decode: (value: unknown) => Either.Either<A, ParseResult.ParseError>,
  isKnown: (key: string, object: RawJson) => boolean
): A | string => {
  const twice = duplicates.find(({ key, object }) => isKnown(key, object))
  return twice === undefined ? Either.getOrElse(decode(value), describe) : repeatedKey(twice.key)
}

const makeDecoder = (onWarning: (warning: SpecWarning) => void): Decoder => ({
  spec: (raw: RawDocument): Engine.Spec | string => {
    const spec = decodePart(
      raw,
      decodeSpec,
      (key, object) => (object === raw.value && specKeys.has(key)) || (isRuleOf(raw.value, object) && ruleKeys.has(key))
    )
    if (typeof spec === "string" || raw.isPlain) return spec as Engine.Spec | string
    const rules = (raw.value as RawObject)["rules"] as ReadonlyArray<RawJson>
    if (holdsHalfPair(raw.value, specKeys) || rules.some(rule => holdsHalfPair(rule, ruleKeys))) return loneSurrogate
    return { ...spec, defaultValue: rawValue(spec.defaultValue), rules: spec.rules.map(withValue) }
  },
  condition: (raw: RawDocument): Engine.Condition | string => {
    const isKnown = (key: string, object: RawJson) => object === raw.value && conditionKeys.has(key)
    const condition = decodePart(raw, decodeCondition, isKnown)
    if (typeof condition === "string" || raw.isPlain) return condition
    if (holdsHalfPair(raw.value, conditionKeys)) return loneSurrogate
    return isReadable(condition.targetValue ?? null) ? condition : { ...condition, targetValue: null }
  },
  onBadPart: onWarning
})

const isRuleOf = (spec: RawJson, object: RawJson): boolean =>
  isRawObject(spec) && Array.isArray(spec["rules"]) && (spec["rules"] as ReadonlyArray<RawJson>).includes(object)

const parameterSpecOf = (parameter: ParameterSchema): Engine.ParameterSpec => ({
  ...parameterOf(parameter),
  refType: parameter.ref_type,
  parameterType: parameter.param_type,
  name: parameter.name ?? undefined
})

const parameterOf = (parameter: ParameterSchema): Engine.Parameter => {
  if ("value" in parameter) return { kind: "static", value: plain(parameter.value) }
  if ("gate_name" in parameter) {
    const [passValue, failValue] = [plain(parameter.pass_value), plain(parameter.fail_value)]
    return { kind: "gate", gateName: parameter.gate_name, passValue, failValue }
  }
  const parameterName = parameter.param_name
  if ("config_name" in parameter) return { kind: "dynamicConfig", configName: parameter.config_name, parameterName }
  return "experiment_name" in parameter
    ? { kind: "experiment", experimentName: parameter.experiment_name, parameterName }
    : { kind: "layer", layerName: parameter.layer_name, parameterName }
}

const mapValues = <A, B>(map: ReadonlyMap<string, A> | null | undefined, f: (value: A) => B): ReadonlyMap<string, B> =>
  new Map([...(map ?? [])].map(([key, value]) => [key, f(value)]))

const identity = <A>(value: A): A => value
const forgotten = () => undefined
const textSchema = () => Schema.String
const flags = () => NameMap(Schema.Boolean)
const anything = () => NameMap(Readable(3))
/** The contents of the four tables are not checked here. */
const table = () => ObjectFromRaw

/** A top-level member: how it is decoded, and which part is kept. */
interface Member<B> {
  readonly isRequired: boolean
  readonly decode: (raw: unknown) => Either.Either<B, ParseResult.ParseError>
}

/** The schema is made when a payload first has the member: most payloads have few, which saves time at startup. */
const required = <A, I, B>(schema: () => Schema.Schema<A, I>, keep: (value: A) => B): Member<B> => {
  const decode = Schema.decodeUnknownEither(Schema.suspend(schema))
  return { isRequired: true, decode: raw => Either.map(decode(raw), keep) }
}

const optionally = <A, I, B>(
  schema: () => Schema.Schema<A, I>,
  keep: (value: A | null | undefined) => B
): Member<B> => {
  const { decode } = required(schema, keep)
  return {
    isRequired: false,
    decode: raw => (raw === undefined || raw === null ? Either.right(keep(raw)) : decode(raw))
  }
}

/** All top-level members. */
const payloadMembers = {
  has_updates: required(() => Schema.Boolean, identity),
  time: required(() => UInt64, identity),
  feature_gates: required(table, forgotten),
  dynamic_configs: required(table, forgotten),
  layer_configs: required(table, forgotten),
  condition_map: required(table, forgotten),
  experiment_to_layer: required(() => NameMap(Schema.String), forgotten),
  checksum: optionally(textSchema, value => value ?? undefined),
  company_id: optionally(textSchema, forgotten),
  response_format: optionally(textSchema, forgotten),
  app_id: optionally(
    () => Readable(2),
    value => value && plain(value)
  ),
  param_stores: optionally(
    () => NameMap(ParameterStore()),
    stores =>
      mapValues(stores, store => ({
        parameters: mapValues(store.parameters, parameterSpecOf),
        targetAppIDs: store.targetAppIDs
      }))
  ),
  cmab_configs: optionally(
    () => NameMap(BanditSchema()),
    bandits =>
      mapValues(bandits, bandit => ({
        ...bandit,
        defaultValue: rawValue(bandit.defaultValue),
        groups: bandit.groups.map(group => ({ ...group, parameterValues: rawValue(group.parameterValues) }))
      }))
  ),
  override_rules: optionally(
    () => NameMap(RuleSchema),
    rules => mapValues(rules, withValue)
  ),
  overrides: optionally(
    () => NameMap(Schema.Array(Mapping())),
    overrides =>
      mapValues(overrides, mappings =>
        mappings.map(mapping => ({
          newConfigName: mapping.new_config_name,
          rules: mapping.rules.map(rule => ({ ruleName: rule.rule_name, startTime: rule.start_time ?? 0 }))
        }))
      )
  ),
  default_environment: optionally(textSchema, value => value ?? undefined),
  diagnostics: optionally(
    () => NameMap(Float),
    rates => mapValues(rates, identity)
  ),
  id_lists: optionally(flags, forgotten),
  sdk_configs: optionally(anything, configs => mapValues(configs, plain)),
  sdk_flags: optionally(flags, forgotten),
  sdk_keys_to_app_ids: optionally(anything, keys => (keys ? mapValues(keys, plain) : undefined)),
  hashed_sdk_keys_to_app_ids: optionally(anything, keys => (keys ? mapValues(keys, plain) : undefined)),
  session_replay_info: optionally(SessionReplaySchema, info => (info ? sessionReplayOf(info) : undefined)),
  auto_capture_settings: optionally(() => Schema.Struct({ disabled_events: NameMap(Schema.Boolean) }), forgotten),
  gcir_config: optionally(() => Schema.Struct({ remove_default_value_gates: Schema.Boolean }), forgotten)
}

type MemberName = keyof typeof payloadMembers

type PayloadValues = {
  readonly [K in MemberName]: (typeof payloadMembers)[K] extends Member<infer B> ? B : never
}

const memberNames = Object.keys(payloadMembers) as ReadonlyArray<MemberName>

const envelopeOf = (members: PayloadValues): Envelope => ({
  time: members.time,
  checksum: members.checksum,
  remote: {
    defaultEnvironment: members.default_environment,
    sdkConfigs: members.sdk_configs,
    diagnostics: members.diagnostics
  },
  appId: members.app_id,
  parameterStores: members.param_stores,
  bandits: members.cmab_configs,
  mappingRules: members.override_rules,
  mappings: members.overrides,
  clientKeys: { plain: members.sdk_keys_to_app_ids, hashed: members.hashed_sdk_keys_to_app_ids },
  sessionReplay: members.session_replay_info
})

const sessionReplayOf = (info: ReturnType<typeof SessionReplaySchema>["Type"]): Engine.SessionReplay => ({
  samplingRate: info.sampling_rate,
  targetingGate: info.targeting_gate,
  recordingBlocked: info.recording_blocked,
  eventTriggers: info.session_recording_event_triggers && mapValues(info.session_recording_event_triggers, triggerOf),
  exposureTriggers:
    info.session_recording_exposure_triggers && mapValues(info.session_recording_exposure_triggers, triggerOf),
  privacySettings: info.session_recording_privacy_settings
})

const triggerOf = (trigger: ReturnType<typeof Trigger>["Type"]): Engine.RecordingTrigger => ({
  samplingRate: trigger.sampling_rate,
  values: trigger.values ?? undefined
})

const decodeParameterStore = Schema.decodeUnknownEither(Schema.suspend(ParameterStore))

/**
 * Why the JSON of a parameter store cannot be used; `undefined` for a valid one.
 *
 * @internal
 */
export const parameterStoreProblem = (json: Uint8Array): string | undefined => {
  try {
    const decoded = decodeParameterStore(readExact(textOfBytes(json, 0, json.length)).value)
    return Either.isLeft(decoded) ? describe(decoded.left) : undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A decoded top-level member; `value` may be `undefined`. */
interface DecodedMember {
  readonly value: unknown
}

/** Decodes one top-level member. Returns it, or why the payload cannot be used. */
const decodeMember = (body: Body, key: MemberName): DecodedMember | string => {
  const found = memberNamed(body.members, key)
  const member: Member<unknown> = payloadMembers[key]
  if (found === undefined && member.isRequired) return `${JSON.stringify(key)}: is missing`
  const entry = found?.entry as Entry<DecodedMember> | undefined
  if (entry?.content !== undefined) return entry.content
  let raw: RawJson | undefined
  if (found !== undefined) {
    raw = body.tables.has(key) ? {} : readExact(textOfBytes(body.bytes, found.start, found.end)).value
  }
  const decoded = member.decode(raw)
  if (Either.isLeft(decoded)) return describe(decoded.left, key)
  const content = { value: decoded.right }
  if (entry !== undefined) entry.content = content
  return content
}

/** Whether a top-level member is not decoded yet and is long: more than 64 KB. */
const isLongMember = ({ members, tables }: Body, key: MemberName): boolean => {
  const member = memberNamed(members, key)
  if (member === undefined || tables.has(key) || member.entry.content !== undefined) return false
  return member.end - member.start > 1 << 16
}

function* read(
  bytes: Uint8Array,
  onWarning: (warning: SpecWarning) => void,
  before: Snapshot | undefined
): Generator<void, Parsed | SpecsError> {
  const isSame = sameParts(bytes, before?.body.bytes)
  if (before?.body.bytes.length === bytes.length && isSame(0, 0, bytes.length)) {
    return { _tag: "Specs", snapshot: before }
  }
  let body: Body
  try {
    body = yield* readBody(bytes, tableNames, before && { body: before.body, isSame })
  } catch (error) {
    const message = `${error instanceof Error ? error.message : String(error)} (${bytes.length} bytes)`
    return error instanceof NotAnObject
      ? new SpecsError({ reason: "Shape", message: `expected a JSON object with config specs: ${message}` })
      : new SpecsError({ reason: "Syntax", message: `expected JSON: ${message}` })
  }
  if (bytes.length > portion) yield
  const hasUpdates = decodeMember(body, "has_updates")
  if (typeof hasUpdates !== "string" && hasUpdates.value === false) return { _tag: "NoUpdates" }
  const twice = body.repeated.find(name => Object.hasOwn(payloadMembers, name))
  if (twice !== undefined) return new SpecsError({ reason: "Shape", message: repeatedKey(twice) })
  const members: Record<string, unknown> = {}
  for (const key of memberNames) {
    if (isLongMember(body, key)) yield
    const decoded = decodeMember(body, key)
    if (typeof decoded === "string") return new SpecsError({ reason: "Shape", message: decoded })
    members[key] = decoded.value
  }
  const envelope = envelopeOf(members as unknown as PayloadValues)
  const snapshot = new Snapshot(body, envelope, makeDecoder(onWarning), before)
  yield* snapshot.compileLong()
  return { _tag: "Specs", snapshot }
}

/**
 * Reads a payload, text or UTF-8. Specs are decoded when they are first used; an invalid one is then reported to
 * `onWarning`, once.
 *
 * What is unchanged from `before`, the snapshot of an earlier payload, is not read again; the same bytes return
 * `before` itself. Reading is spread over several turns of the event loop, so that it does not block it. Bytes must not
 * be modified afterwards.
 *
 * @since 0.1.0
 */
export const parse = (
  body: string | Uint8Array,
  onWarning: (warning: SpecWarning) => void,
  before?: Snapshot
): Effect.Effect<Parsed, SpecsError> =>
  payloadBytes(body).pipe(
    Effect.flatMap(bytes => inTurns(() => read(bytes, onWarning, before))),
    Effect.flatMap(parsed => (parsed instanceof SpecsError ? Effect.fail(parsed) : Effect.succeed(parsed)))
  )

const decodeParameterEither = Schema.decodeUnknownEither(Schema.suspend(ParameterSchema))

/**
 * A single definition of a parameter; `undefined` if it is invalid.
 *
 * @internal
 */
export const decodeParameter = (json: Json): Engine.Parameter | undefined =>
  Either.getOrUndefined(Either.map(decodeParameterEither(json), parameterOf))
