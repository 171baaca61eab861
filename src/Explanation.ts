/**
 * Why a check gives its answer: every rule and condition that was evaluated, with the value that was found for the user
 * and where, what it was compared with, buckets and percentages, nested gates, delegates, overrides and kept answers, and
 * the exposures that the check would log.
 *
 * `Statsig.explain` makes one. It is plain JSON: `Explanation` is its Schema, and `render` turns it into an indented text
 * for a terminal. It is made by the engine itself while it evaluates, so it says what a check does.
 *
 * An explanation is for the developer. It shows the values of the user's fields, **private attributes among them**: take
 * care where it is written to. The SDK itself logs none.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { SecondaryExposure } from "./engine/evaluate/evaluation.js"
import type { StickyValues } from "./engine/evaluate/sticky.js"
import type {
  ExplainedBandit,
  ExplainedBucket,
  ExplainedCondition,
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedMapping,
  ExplainedOperand,
  ExplainedOutcome,
  ExplainedOverride,
  ExplainedParameter,
  ExplainedRecheck,
  ExplainedRule,
  ExplainedSpec,
  ExplainedSticky,
  Explanation as ExplanationType,
  FoundIn as FoundInType
} from "./engine/explain/explanation.js"
import type { Json, JsonObject } from "./engine/json.js"

// --- data

const isJson = (value: unknown): value is Json => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return true
    case "object":
      return value === null || Object.values(value).every(isJson)
    default:
      return false
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && isJson(value)

const AnyJson = Schema.declare(isJson, { identifier: "Json", jsonSchema: {} })
const AnyObject = Schema.declare(isObject, { identifier: "JsonObject", jsonSchema: { type: "object" } })
const Value = Schema.Union(Schema.Boolean, AnyObject)

const SecondaryExposures: Schema.Schema<ReadonlyArray<SecondaryExposure>> = Schema.Array(
  Schema.Struct({ gate: Schema.String, gateValue: Schema.Literal("true", "false"), ruleID: Schema.String })
)

/**
 * The answer, as the check gives it.
 *
 * @since 0.1.0
 */
export type Outcome = ExplainedOutcome

/**
 * The answer, as the check gives it.
 *
 * @since 0.1.0
 */
export const Outcome: Schema.Schema<Outcome> = Schema.Struct({
  value: Value,
  ruleID: Schema.String,
  idType: Schema.String,
  groupName: Schema.NullOr(Schema.String),
  allocatedExperimentName: Schema.NullOr(Schema.String),
  isUserInExperiment: Schema.Boolean,
  reason: Schema.String,
  lcut: Schema.NullOr(Schema.Number),
  receivedAt: Schema.NullOr(Schema.Number),
  version: Schema.NullOr(Schema.Number),
  secondaryExposures: SecondaryExposures
})

/**
 * An exposure that the check would log, with the words in which it is sent.
 *
 * @since 0.1.0
 */
export type Exposure = ExplainedExposure

/**
 * An exposure that the check would log, with the words in which it is sent.
 *
 * @since 0.1.0
 */
export const Exposure: Schema.Schema<Exposure> = Schema.Struct({
  eventName: Schema.String,
  metadata: Schema.Record({ key: Schema.String, value: Schema.String }),
  secondaryExposures: Schema.NullOr(SecondaryExposures)
})

/**
 * Where a unit falls, of 10,000: it passes below the threshold.
 *
 * @since 0.1.0
 */
export type Bucket = ExplainedBucket

/**
 * Where a unit falls, of 10,000: it passes below the threshold.
 *
 * @since 0.1.0
 */
export const Bucket: Schema.Schema<Bucket> = Schema.Struct({
  idType: Schema.String,
  unitID: Schema.String,
  salt: Schema.String,
  value: Schema.Number,
  threshold: Schema.Number,
  passes: Schema.Boolean
})

/**
 * Where the value on the user's side was found.
 *
 * @since 0.1.0
 */
export type FoundIn = FoundInType

/**
 * Where the value on the user's side was found.
 *
 * @since 0.1.0
 */
export const FoundIn: Schema.Schema<FoundIn> = Schema.Literal(
  "user",
  "custom",
  "globalCustomFields",
  "privateAttributes",
  "customIDs",
  "userAgent",
  "ip",
  "statsigEnvironment",
  "environment",
  "clock",
  "bucket",
  "appID",
  "experiment",
  "nothing"
)

/**
 * The value on the user's side of a condition.
 *
 * @since 0.1.0
 */
export type Operand = ExplainedOperand

/**
 * The value on the user's side of a condition.
 *
 * @since 0.1.0
 */
export const Operand: Schema.Schema<Operand> = Schema.Struct({
  value: Schema.optional(AnyJson),
  foundIn: FoundIn,
  key: Schema.optional(Schema.String),
  from: Schema.optional(Schema.String)
})

const nested = Schema.suspend((): Schema.Schema<Evaluation> => Evaluation)

/**
 * One condition.
 *
 * @since 0.1.0
 */
export type Condition = ExplainedCondition

/**
 * One condition.
 *
 * @since 0.1.0
 */
export const Condition: Schema.Schema<Condition> = Schema.Struct({
  type: Schema.String,
  operator: Schema.optional(Schema.String),
  field: Schema.optional(Schema.String),
  idType: Schema.optional(Schema.String),
  salt: Schema.optional(Schema.String),
  targetValue: Schema.optional(AnyJson),
  passes: Schema.NullOr(Schema.Boolean),
  operand: Schema.optional(Operand),
  gate: Schema.optional(nested),
  experiment: Schema.optional(nested),
  problem: Schema.optional(Schema.String)
})

/**
 * One rule.
 *
 * @since 0.1.0
 */
export type Rule = ExplainedRule

/**
 * One rule.
 *
 * @since 0.1.0
 */
export const Rule: Schema.Schema<Rule> = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  groupName: Schema.optional(Schema.String),
  returnValue: AnyJson,
  result: Schema.Literal(
    "fails",
    "passes",
    "outsidePercentage",
    "delegates",
    "skipped",
    "unsupported",
    "notReached",
    "error"
  ),
  conditionsPass: Schema.NullOr(Schema.Boolean),
  conditions: Schema.Array(Condition),
  passPercentage: Schema.Number,
  bucket: Schema.optional(Bucket),
  delegate: Schema.optional(Schema.Struct({ name: Schema.String, evaluation: Schema.optional(nested) }))
})

const Override: Schema.Schema<ExplainedOverride> = Schema.Struct({
  value: Schema.NullOr(Value),
  groupName: Schema.optional(Schema.String)
})

const Mapping: Schema.Schema<ExplainedMapping> = Schema.Struct({
  newConfigName: Schema.String,
  rules: Schema.Array(
    Schema.Struct({
      ruleName: Schema.String,
      startTime: Schema.optional(Schema.Number),
      state: Schema.Literal("evaluated", "notStarted", "missing"),
      rule: Schema.optional(Rule)
    })
  ),
  target: Schema.optional(nested),
  isTaken: Schema.Boolean
})

const Bandit: Schema.Schema<ExplainedBandit> = Schema.Struct({
  enabled: Schema.Boolean,
  idType: Schema.String,
  targetingGate: Schema.optional(nested),
  pickedBy: Schema.Literal("notStarted", "notTargeted", "bucket", "exploration", "score", "draw"),
  bucket: Schema.optional(Bucket),
  groups: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      name: Schema.String,
      score: Schema.NullOr(Schema.Number),
      isPicked: Schema.Boolean
    })
  )
})

const Spec: Schema.Schema<ExplainedSpec> = Schema.Struct({
  entity: Schema.String,
  enabled: Schema.Boolean,
  idType: Schema.String,
  salt: Schema.String,
  isActive: Schema.optional(Schema.Boolean),
  version: Schema.optional(Schema.Number),
  defaultValue: AnyJson
})

const Kept: Schema.Schema<StickyValues> = Schema.Struct({
  value: Schema.Boolean,
  json_value: AnyJson,
  rule_id: Schema.NullOr(Schema.String),
  group_name: Schema.NullOr(Schema.String),
  secondary_exposures: SecondaryExposures,
  undelegated_secondary_exposures: Schema.NullOr(SecondaryExposures),
  config_delegate: Schema.NullOr(Schema.String),
  explicit_parameters: Schema.NullOr(Schema.Array(Schema.String)),
  time: Schema.NullOr(Schema.Number),
  config_version: Schema.NullOr(Schema.Number)
})

const Recheck: Schema.Schema<ExplainedRecheck> = Schema.Struct({
  rules: Schema.Literal("targeting", "overrides"),
  passes: Schema.Boolean,
  evaluation: nested
})

const Sticky: Schema.Schema<ExplainedSticky> = Schema.Struct({
  decision: Schema.Literal("kept", "givesWay", "nothingKept", "saved", "notGiven", "notActive", "noUnit"),
  key: Schema.optional(Schema.String),
  name: Schema.optional(Schema.String),
  kept: Schema.optional(Kept),
  rechecks: Schema.Array(Recheck)
})

const kinds = ["gate", "dynamicConfig", "experiment", "layer"] as const

/**
 * The evaluation of one name, with all that it asked in turn.
 *
 * @since 0.1.0
 */
export type Evaluation = ExplainedEvaluation

/**
 * The evaluation of one name, with all that it asked in turn.
 *
 * @since 0.1.0
 */
export const Evaluation: Schema.Schema<Evaluation> = Schema.Struct({
  kind: Schema.Literal(...kinds),
  name: Schema.String,
  value: Schema.NullOr(Value),
  ruleID: Schema.NullOr(Schema.String),
  decidedBy: Schema.optional(
    Schema.Literal(
      "override",
      "mapping",
      "bandit",
      "rule",
      "delegate",
      "rules",
      "default",
      "unknown",
      "unsupported",
      "error"
    )
  ),
  omitted: Schema.optional(Schema.Literal("repeated", "circle", "depth", "size")),
  problem: Schema.optional(Schema.String),
  override: Schema.optional(Override),
  mappings: Schema.optional(Schema.Array(Mapping)),
  bandit: Schema.optional(Bandit),
  spec: Schema.optional(Spec),
  rules: Schema.optional(Schema.Array(Rule)),
  sticky: Schema.optional(Sticky)
})

/**
 * A parameter of a parameter store, with the explanation of what it stands for.
 *
 * @since 0.1.0
 */
export type Parameter = ExplainedParameter

/**
 * A parameter of a parameter store, with the explanation of what it stands for.
 *
 * @since 0.1.0
 */
export const Parameter: Schema.Schema<Parameter> = Schema.Struct({
  name: Schema.String,
  kind: Schema.Literal("static", ...kinds),
  value: AnyJson,
  parameterName: Schema.optional(Schema.String),
  reference: Schema.optional(Schema.suspend((): Schema.Schema<Explanation> => Explanation))
})

export type {
  DecidedBy,
  ExplainedBandit as Bandit,
  ExplainedBanditGroup as BanditGroup,
  ExplainedDelegate as Delegate,
  ExplainedKind as Kind,
  ExplainedMapping as Mapping,
  ExplainedMappingRule as MappingRule,
  ExplainedOverride as Override,
  ExplainedRecheck as Recheck,
  ExplainedSpec as Spec,
  ExplainedSticky as Sticky,
  RuleResult
} from "./engine/explain/explanation.js"

/**
 * Why a check gives its answer.
 *
 * @since 0.1.0
 */
export type Explanation = ExplanationType

/**
 * Why a check gives its answer.
 *
 * @example
 * const json = JSON.stringify(statsig.explain(user, "gate", "new_checkout"))
 * const explanation = Schema.decodeSync(Schema.parseJson(Explanation.Explanation))(json)
 *
 * @since 0.1.0
 */
export const Explanation: Schema.Schema<Explanation> = Schema.Struct({
  kind: Schema.Literal(...kinds, "parameterStore"),
  name: Schema.String,
  outcome: Outcome,
  exposures: Schema.Array(Exposure),
  evaluation: Schema.optional(Evaluation),
  parameters: Schema.optional(Schema.Array(Parameter))
})

export { render } from "./engine/explain/render.js"
