/**
 * The config-specs payload as Schema, and how a payload is read.
 *
 * Strictness is the official SDK's: unknown keys are ignored, `null` stands for an absent optional field, integers must
 * be written as integers, a known key must not occur twice. A mistake in a spec costs that spec alone. A mistake
 * elsewhere refuses the payload, with one exception that is deliberate: a bad condition costs only the specs that use
 * it, where the official SDK refuses everything.
 *
 * The envelope is decoded when a payload arrives, specs and conditions when they are first used.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import {
  JsonError,
  NumberLiteral,
  plain,
  type RawDocument,
  type RawJson,
  type RawObject,
  readExact
} from "./engine/json.js"
import { type Decoder, type Envelope, indexPayload, Snapshot, type SpecTable } from "./engine/snapshot.js"
import type * as Engine from "./engine/specs.js"
import type { Json } from "./engine/user.js"
import { SpecsError } from "./StatsigError.js"

// --- scalars

const Literal = Schema.instanceOf(NumberLiteral)

/** Any number; those whose spelling is kept are read as the number they stand for. */
const Float = Schema.Union(
  Schema.Number,
  Schema.transform(Literal, Schema.Number, {
    strict: true,
    decode: literal => Number(literal.text),
    encode: number => new NumberLiteral(String(number))
  })
)

/** An integer that is written as one: `7.0` and `7e0` are none. */
const UInt32 = Schema.Number.pipe(Schema.int(), Schema.between(0, 4294967295)).annotations({
  identifier: "UInt32",
  message: () => "expected an integer from 0 to 4294967295, written without point or exponent"
})

const isUInt64 = (text: string): boolean => /^\d+$/.test(text) && BigInt(text) < 2n ** 64n

const UInt64 = Schema.Union(
  Schema.NonNegativeInt,
  Schema.transform(Literal.pipe(Schema.filter(literal => isUInt64(literal.text))), Schema.Number, {
    strict: true,
    decode: literal => Number(literal.text),
    encode: number => new NumberLiteral(String(number))
  })
).annotations({
  identifier: "UInt64",
  message: () => "expected an integer from 0 to 2^64-1, written without point or exponent"
})

const isInt64 = (text: string): boolean => /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)

const Int64 = Schema.Union(
  Schema.Int,
  Schema.transform(Literal.pipe(Schema.filter(literal => isInt64(literal.text))), Schema.Number, {
    strict: true,
    decode: literal => Number(literal.text),
    encode: number => new NumberLiteral(String(number))
  })
).annotations({ identifier: "Int64", message: () => "expected a 64-bit integer, written without point or exponent" })

/** Any JSON that is there. Spellings of numbers are kept here and dropped where the value is given out. */
const Any = Schema.declare((value: unknown): value is RawJson => value !== undefined, { identifier: "JSON" })

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { nullable: true })

const isRawObject = (value: unknown): value is RawObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral)

const ObjectFromRaw = Schema.declare(isRawObject, { identifier: "object" })

/** A map keyed by name, as entries: an object built by assignment would lose the name `__proto__`. */
const NameMap = <A, I>(value: Schema.Schema<A, I>) =>
  Schema.compose(
    Schema.transform(ObjectFromRaw, Schema.Array(Schema.Tuple(Schema.String, Schema.Unknown)), {
      strict: true,
      decode: object => Object.entries(object),
      encode: entries => Object.fromEntries(entries) as RawObject
    }),
    Schema.ReadonlyMap({ key: Schema.String, value }),
    { strict: false }
  ) as Schema.Schema<ReadonlyMap<string, A>, RawObject>

// --- parts

/** A rule of a spec, or of a config mapping. */
const Rule = Schema.Struct({
  name: Schema.String,
  passPercentage: Float,
  returnValue: Any,
  id: Schema.String,
  salt: optional(Schema.String),
  conditions: Schema.Array(Schema.String),
  idType: Schema.String,
  groupName: optional(Schema.String),
  configDelegate: optional(Schema.String),
  isExperimentGroup: optional(Schema.Boolean),
  samplingRate: optional(UInt64)
})

/** A gate, a dynamic config, an experiment, an autotune or a layer. */
const Spec = Schema.Struct({
  type: Schema.String,
  salt: Schema.String,
  defaultValue: Any,
  enabled: Schema.Boolean,
  rules: Schema.Array(Rule),
  idType: Schema.String,
  entity: Schema.String,
  explicitParameters: optional(Schema.Array(Schema.String)),
  hasSharedParams: optional(Schema.Boolean),
  isActive: optional(Schema.Boolean),
  version: optional(UInt32),
  targetAppIDs: optional(Schema.Array(Schema.String)),
  forwardAllExposures: optional(Schema.Boolean),
  fieldsUsed: optional(Schema.Array(Schema.String)),
  useNewLayerEval: optional(Schema.Boolean),
  checksum: optional(Schema.String)
})

/** A condition. */
const Condition = Schema.Struct({
  type: Schema.String,
  idType: Schema.String,
  targetValue: Schema.optional(Any),
  operator: optional(Schema.String),
  field: optional(Schema.String),
  additionalValues: optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  checksum: optional(Schema.String)
})

const parameterFields = { ref_type: Schema.String, param_type: Schema.String, name: optional(Schema.String) }

/** A parameter is the first of these shapes that fits; `ref_type` is not looked at. */
const Parameter = Schema.Union(
  Schema.Struct({ ...parameterFields, value: Any }),
  Schema.Struct({ ...parameterFields, gate_name: Schema.String, pass_value: Any, fail_value: Any }),
  Schema.Struct({ ...parameterFields, config_name: Schema.String, param_name: Schema.String }),
  Schema.Struct({ ...parameterFields, experiment_name: Schema.String, param_name: Schema.String }),
  Schema.Struct({ ...parameterFields, layer_name: Schema.String, param_name: Schema.String })
)

const ParameterStore = Schema.Struct({
  parameters: NameMap(Parameter),
  targetAppIDs: optional(Schema.Array(Schema.String)),
  version: optional(UInt32),
  checksum: optional(Schema.String)
})

const Bandit = Schema.Struct({
  salt: Schema.String,
  targetAppIDs: optional(Schema.Array(Schema.String)),
  defaultValue: Any,
  idType: Schema.String,
  enabled: Schema.Boolean,
  version: UInt32,
  sampleRate: Float,
  higherIsBetter: Schema.Boolean,
  groups: Schema.Array(Schema.Struct({ name: Schema.String, parameterValues: Any, id: Schema.String })),
  config: optional(
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
  targetingGateName: optional(Schema.String)
})

const Mapping = Schema.Struct({
  new_config_name: Schema.String,
  rules: Schema.Array(Schema.Struct({ rule_name: Schema.String, start_time: optional(Int64) }))
})

const Trigger = Schema.Struct({
  sampling_rate: optional(Float),
  values: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  passes_sampling: optional(Schema.Boolean)
})

/** Everything at the top level. The four tables are only known to be objects here. */
const Payload = Schema.Struct({
  has_updates: Schema.Boolean,
  time: UInt64,
  feature_gates: ObjectFromRaw,
  dynamic_configs: ObjectFromRaw,
  layer_configs: ObjectFromRaw,
  condition_map: ObjectFromRaw,
  experiment_to_layer: NameMap(Schema.String),
  checksum: optional(Schema.String),
  company_id: optional(Schema.String),
  response_format: optional(Schema.String),
  app_id: Schema.optional(Any),
  param_stores: optional(NameMap(ParameterStore)),
  cmab_configs: optional(NameMap(Bandit)),
  override_rules: optional(NameMap(Rule)),
  overrides: optional(NameMap(Schema.Array(Mapping))),
  default_environment: optional(Schema.String),
  diagnostics: optional(NameMap(Float)),
  id_lists: optional(NameMap(Schema.Boolean)),
  sdk_configs: optional(NameMap(Any)),
  sdk_flags: optional(NameMap(Schema.Boolean)),
  sdk_keys_to_app_ids: optional(NameMap(Any)),
  hashed_sdk_keys_to_app_ids: optional(NameMap(Any)),
  session_replay_info: optional(
    Schema.Struct({
      sampling_rate: optional(Float),
      targeting_gate: optional(Schema.String),
      recording_blocked: optional(Schema.Boolean),
      session_recording_event_triggers: optional(NameMap(Trigger)),
      session_recording_exposure_triggers: optional(NameMap(Trigger)),
      session_recording_privacy_settings: optional(
        Schema.Struct({
          privacy_mode: Schema.String,
          unmasked_elements: optional(Schema.Array(Schema.String)),
          masked_elements: optional(Schema.Array(Schema.String)),
          blocked_elements: optional(Schema.Array(Schema.String))
        })
      )
    })
  ),
  auto_capture_settings: optional(Schema.Struct({ disabled_events: NameMap(Schema.Boolean) })),
  gcir_config: optional(Schema.Struct({ remove_default_value_gates: Schema.Boolean }))
})

const decodePayload = Schema.decodeUnknownEither(Payload)
const decodeSpec = Schema.decodeUnknownEither(Spec)
const decodeCondition = Schema.decodeUnknownEither(Condition)

const specKeys: ReadonlySet<string> = new Set(Object.keys(Spec.fields))
const ruleKeys: ReadonlySet<string> = new Set(Object.keys(Rule.fields))
const conditionKeys: ReadonlySet<string> = new Set(Object.keys(Condition.fields))
const payloadKeys: ReadonlySet<string> = new Set(Object.keys(Payload.fields))
const tableKeys: ReadonlySet<string> = new Set(["feature_gates", "dynamic_configs", "layer_configs", "condition_map"])

// --- messages

/** Where in a raw value the first issue lies and what was expected there. Maps are entries inside the Schema. */
const describe = (error: ParseResult.ParseError, raw: unknown): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (issue === undefined) return error.message
  const names: Array<string> = []
  let value = raw
  for (let i = 0; i < issue.path.length; i++) {
    const step = issue.path[i]!
    if (typeof step === "number" && isRawObject(value)) {
      const key = Object.keys(value)[step] ?? String(step)
      names.push(key)
      value = value[key]
      i++
    } else {
      names.push(String(step))
      value =
        typeof value === "object" && value !== null
          ? (value as Readonly<Record<PropertyKey, unknown>>)[step]
          : undefined
    }
  }
  return `${names.map(name => JSON.stringify(name)).join(".")}: ${issue.message}`
}

// --- reading

/**
 * A part of a payload that could not be used: it fails alone, the rest works.
 *
 * @since 0.1.0
 */
export interface SpecWarning {
  readonly kind: "gate" | "dynamicConfig" | "layer" | "condition"
  readonly name: string
  /** What was found and what was expected. */
  readonly message: string
}

/**
 * A payload that was read: specs, or the word that there is nothing new.
 *
 * @since 0.1.0
 */
export type Parsed = { readonly _tag: "Specs"; readonly snapshot: Snapshot } | { readonly _tag: "NoUpdates" }

const kinds = { gates: "gate", dynamicConfigs: "dynamicConfig", layers: "layer" } as const

const plainRule = (rule: typeof Rule.Type): Engine.Rule => ({ ...rule, returnValue: plain(rule.returnValue) })

const makeDecoder = (onWarning: (warning: SpecWarning) => void): Decoder => ({
  spec: (table: SpecTable, name: string, raw: RawDocument | undefined): Engine.Spec | undefined => {
    const fail = (message: string) => {
      onWarning({ kind: kinds[table], name, message })
      return undefined
    }
    if (raw === undefined) return fail("nested too deeply, or a number out of range")
    const twice = raw.duplicates.find(
      ({ key, object }) =>
        (object === raw.value && specKeys.has(key)) || (isRuleOf(raw.value, object) && ruleKeys.has(key))
    )
    if (twice !== undefined) return fail(`${JSON.stringify(twice.key)} occurs twice`)
    const decoded = decodeSpec(raw.value)
    if (Either.isLeft(decoded)) return fail(describe(decoded.left, raw.value))
    const spec = decoded.right
    return raw.hasLiterals
      ? { ...spec, defaultValue: plain(spec.defaultValue), rules: spec.rules.map(plainRule) }
      : (spec as Engine.Spec)
  },
  condition: (name: string, raw: RawDocument | undefined): Engine.Condition | undefined => {
    const fail = (message: string) => {
      onWarning({ kind: "condition", name, message })
      return undefined
    }
    if (raw === undefined) return fail("nested too deeply, or a number out of range")
    const twice = raw.duplicates.find(({ key, object }) => object === raw.value && conditionKeys.has(key))
    if (twice !== undefined) return fail(`${JSON.stringify(twice.key)} occurs twice`)
    const decoded = decodeCondition(raw.value)
    return Either.isLeft(decoded) ? fail(describe(decoded.left, raw.value)) : decoded.right
  }
})

const isRuleOf = (spec: RawJson, object: RawJson): boolean =>
  isRawObject(spec) && Array.isArray(spec["rules"]) && (spec["rules"] as ReadonlyArray<RawJson>).includes(object)

const parameterSpecOf = (parameter: typeof Parameter.Type): Engine.ParameterSpec => ({
  ...parameterOf(parameter),
  refType: parameter.ref_type,
  parameterType: parameter.param_type
})

const parameterOf = (parameter: typeof Parameter.Type): Engine.Parameter => {
  if ("value" in parameter) return { kind: "static", value: plain(parameter.value) }
  if ("gate_name" in parameter) {
    return {
      kind: "gate",
      gateName: parameter.gate_name,
      passValue: plain(parameter.pass_value),
      failValue: plain(parameter.fail_value)
    }
  }
  const parameterName = parameter.param_name
  if ("config_name" in parameter) return { kind: "dynamicConfig", configName: parameter.config_name, parameterName }
  if ("experiment_name" in parameter) {
    return { kind: "experiment", experimentName: parameter.experiment_name, parameterName }
  }
  return { kind: "layer", layerName: parameter.layer_name, parameterName }
}

const mapValues = <A, B>(map: ReadonlyMap<string, A> | undefined, f: (value: A) => B): ReadonlyMap<string, B> =>
  new Map([...(map ?? [])].map(([key, value]) => [key, f(value)]))

const envelopeOf = (payload: typeof Payload.Type): Envelope => ({
  time: payload.time,
  checksum: payload.checksum,
  remote: {
    defaultEnvironment: payload.default_environment,
    sdkConfigs: mapValues(payload.sdk_configs, plain),
    diagnostics: payload.diagnostics ?? new Map()
  },
  appId: payload.app_id === undefined ? undefined : plain(payload.app_id),
  parameterStores: mapValues(payload.param_stores, store => ({
    parameters: mapValues(store.parameters, parameterSpecOf),
    targetAppIDs: store.targetAppIDs
  })),
  bandits: mapValues(payload.cmab_configs, bandit => ({
    ...bandit,
    defaultValue: plain(bandit.defaultValue),
    groups: bandit.groups.map(group => ({ ...group, parameterValues: plain(group.parameterValues) }))
  })),
  mappingRules: mapValues(payload.override_rules, plainRule),
  mappings: mapValues(payload.overrides, mappings =>
    mappings.map(mapping => ({
      newConfigName: mapping.new_config_name,
      rules: mapping.rules.map(rule => ({ ruleName: rule.rule_name, startTime: rule.start_time ?? 0 }))
    }))
  ),
  clientKeys: {
    plain: payload.sdk_keys_to_app_ids && mapValues(payload.sdk_keys_to_app_ids, plain),
    hashed: payload.hashed_sdk_keys_to_app_ids && mapValues(payload.hashed_sdk_keys_to_app_ids, plain)
  },
  sessionReplay: payload.session_replay_info && sessionReplayOf(payload.session_replay_info)
})

const sessionReplayOf = (info: NonNullable<(typeof Payload.Type)["session_replay_info"]>): Engine.SessionReplay => ({
  samplingRate: info.sampling_rate,
  targetingGate: info.targeting_gate,
  recordingBlocked: info.recording_blocked,
  eventTriggers: info.session_recording_event_triggers && mapValues(info.session_recording_event_triggers, triggerOf),
  exposureTriggers:
    info.session_recording_exposure_triggers && mapValues(info.session_recording_exposure_triggers, triggerOf),
  privacySettings: info.session_recording_privacy_settings
})

const triggerOf = (trigger: typeof Trigger.Type): Engine.RecordingTrigger => ({
  samplingRate: trigger.sampling_rate,
  values: trigger.values ?? undefined
})

/** The payload's members but for the content of the tables. */
interface Outline {
  readonly end: number
  readonly members: RawObject
  readonly tables: ReturnType<typeof indexPayload>["tables"]
  readonly twice: string | undefined
}

const outline = (body: string): Outline => {
  const members: { [key: string]: RawJson } = {}
  let twice: string | undefined
  const { end, tables } = indexPayload(body, (key, range) => {
    if (!payloadKeys.has(key)) return
    if (Object.hasOwn(members, key)) twice ??= key
    const isTable = tableKeys.has(key) && body[range.start] === "{"
    members[key] = isTable ? {} : readExact(body, range).value
  })
  return { end, members, tables, twice }
}

const read = (body: string, onWarning: (warning: SpecWarning) => void): Parsed | SpecsError => {
  let found: Outline
  try {
    found = outline(body)
    // What is behind the document is ignored, as the official SDK does.
    JSON.parse(found.end === body.length ? body : body.slice(0, found.end))
  } catch (error) {
    return syntaxError(body, error)
  }
  const { members, tables, twice } = found
  const decoded = decodePayload(members)
  if (Either.isRight(decoded) && twice === undefined) {
    const payload = decoded.right
    if (!payload.has_updates) return { _tag: "NoUpdates" }
    const index = {
      text: body,
      gates: tables.get("feature_gates") ?? new Map(),
      dynamicConfigs: tables.get("dynamic_configs") ?? new Map(),
      layers: tables.get("layer_configs") ?? new Map(),
      conditions: tables.get("condition_map") ?? new Map()
    }
    return { _tag: "Specs", snapshot: new Snapshot(index, envelopeOf(payload), makeDecoder(onWarning)) }
  }
  if (members["has_updates"] === false) return { _tag: "NoUpdates" }
  return new SpecsError({
    reason: "Shape",
    message:
      twice !== undefined
        ? `${JSON.stringify(twice)} occurs twice`
        : Either.isLeft(decoded)
          ? describe(decoded.left, members as Json)
          : "not a config-specs payload"
  })
}

const syntaxError = (body: string, error: unknown): SpecsError => {
  const message = error instanceof Error ? error.message : String(error)
  const size = `${body.length} characters`
  if (error instanceof SyntaxError) return new SpecsError({ reason: "Syntax", message: `${message} (${size})` })
  try {
    JSON.parse(body)
  } catch (syntax) {
    return new SpecsError({ reason: "Syntax", message: `${(syntax as Error).message} (${size})` })
  }
  return error instanceof JsonError
    ? new SpecsError({ reason: "Shape", message: `expected a JSON object with config specs: ${message}` })
    : new SpecsError({ reason: "Syntax", message })
}

/**
 * Reads a payload. Single specs are decoded when they are first used; one that is bad is reported to `onWarning` then,
 * once.
 *
 * @since 0.1.0
 */
export const parse = (body: string, onWarning: (warning: SpecWarning) => void): Effect.Effect<Parsed, SpecsError> =>
  Effect.suspend(() => {
    const parsed = read(body, onWarning)
    return parsed instanceof SpecsError ? Effect.fail(parsed) : Effect.succeed(parsed)
  })

const decodeParameterEither = Schema.decodeUnknownEither(Parameter)

/**
 * A single definition of a parameter; `undefined` for what is none.
 *
 * @internal
 */
export const decodeParameter = (json: Json): Engine.Parameter | undefined => {
  const decoded = decodeParameterEither(json)
  return Either.isLeft(decoded) ? undefined : parameterOf(decoded.right)
}
