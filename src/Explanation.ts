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
import type { SecondaryExposure } from "./engine/evaluation.js"
import type {
  Bucket as BucketType,
  ExplainedBandit,
  ExplainedCondition,
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedMapping,
  ExplainedOverride,
  ExplainedParameter,
  ExplainedRecheck,
  ExplainedRule,
  ExplainedSpec,
  ExplainedSticky,
  Explanation as ExplanationType,
  FoundIn as FoundInType,
  Operand as OperandType,
  Outcome as OutcomeType
} from "./engine/explanation.js"
import type { StickyValues } from "./engine/sticky.js"
import type { Json, JsonObject } from "./engine/user.js"

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
export type Outcome = OutcomeType

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
export type Bucket = BucketType

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
export type Operand = OperandType

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

/**
 * What can be explained.
 *
 * @since 0.1.0
 */
export type { ExplainedKind as Kind } from "./engine/explanation.js"

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

// --- text

/**
 * The explanation as an indented text for a terminal. Long values are cut; the data has them whole.
 *
 * `✓` holds, `✗` does not, `–` was not reached, `?` cannot be told.
 *
 * @example
 * console.log(Explanation.render(statsig.explain(user, "gate", "new_checkout")))
 *
 * @since 0.1.0
 */
export const render = (explanation: Explanation): string => `${explanationLines(explanation).join("\n")}\n`

type Lines = ReadonlyArray<string>

const indent = (lines: Lines): Lines => lines.map(line => `  ${line}`)

const explanationLines = ({ evaluation, exposures, kind, name, outcome, parameters = [] }: Explanation): Lines => {
  const how = evaluation === undefined ? undefined : isKept(evaluation) ? "a kept answer" : howOf(evaluation)
  return [
    `${kindWords[kind]} ${word(name)} is ${json(outcome.value)}${how === undefined ? "" : `: ${how}`}`,
    ...indent([
      factsOf(outcome),
      ...(evaluation === undefined ? [] : insideOf(evaluation)),
      ...parameters.flatMap(parameterLines),
      ...exposureLines(exposures)
    ])
  ]
}

const kindWords = {
  gate: "gate",
  dynamicConfig: "dynamic config",
  experiment: "experiment",
  layer: "layer",
  parameterStore: "parameter store"
} as const

const factsOf = (outcome: Outcome): string => {
  const facts = [`reason ${outcome.reason}`]
  if (outcome.ruleID !== "") facts.push(`ruleID ${word(outcome.ruleID)}`)
  if (outcome.groupName !== null) facts.push(`group ${word(outcome.groupName)}`)
  if (outcome.allocatedExperimentName !== null) facts.push(`experiment ${word(outcome.allocatedExperimentName)}`)
  if (outcome.idType !== "") facts.push(`idType ${word(outcome.idType)}`)
  if (outcome.version !== null) facts.push(`version ${outcome.version}`)
  if (outcome.lcut !== null && outcome.lcut > 0) facts.push(`specs of ${moment(outcome.lcut)}`)
  return facts.join(", ")
}

const isKept = ({ sticky }: Evaluation): boolean => sticky?.decision === "kept"

/** How a name was decided, in a few words. */
const howOf = (evaluation: Evaluation): string => {
  const { decidedBy, name, omitted, override, problem } = evaluation
  switch (omitted) {
    case "repeated":
      return "evaluated before"
    case "circle":
      return `${word(name)} asks itself, without end`
    case "depth":
      return "nested too deep to be shown"
    case "size":
      return "left out, there is too much to show"
  }
  switch (decidedBy) {
    case "override":
      return override?.groupName === undefined
        ? "a local override"
        : `a local override, group ${word(override.groupName)}`
    case "mapping": {
      const taken = evaluation.mappings?.find(({ isTaken }) => isTaken)
      return `${word(taken?.newConfigName ?? "")} answers in its place (config mapping)`
    }
    case "bandit":
      return banditHow(evaluation.bandit)
    case "rule": {
      const rule = lastRule(evaluation)
      if (rule === undefined) return "a rule"
      return rule.result === "outsidePercentage"
        ? `the default value, beyond the percentage of ${ruleTitle(rule)}`
        : ruleTitle(rule)
    }
    case "delegate": {
      const rule = lastRule(evaluation)
      return rule === undefined ? "an experiment" : `${ruleTitle(rule)} lets ${word(rule.delegate?.name ?? "")} decide`
    }
    case "rules":
      return "the rules that pass, together"
    case "default":
      return `the default value, no rule passes${evaluation.spec?.enabled === false ? " (disabled)" : ""}`
    case "unsupported":
      return "not decided, a condition is unsupported"
    default:
      return problem ?? "not decided"
  }
}

/** The last rule that was reached. */
const lastRule = ({ rules = [] }: Evaluation): Rule | undefined =>
  rules.filter(({ result }) => result !== "notReached").at(-1)

const banditHow = (bandit: ExplainedBandit | undefined): string => {
  const picked = bandit?.groups.find(({ isPicked }) => isPicked)
  const group = picked === undefined ? "" : `group ${word(picked.name)} `
  switch (bandit?.pickedBy) {
    case "notStarted":
      return "the default value, the bandit has not started"
    case "notTargeted":
      return "the default value, the user is not targeted"
    case "bucket":
      return `the bandit's ${group}by the user's bucket`
    case "exploration":
      return `the bandit's ${group}by a draw, to explore`
    case "score":
      return `the bandit's ${group}with the best score`
    default:
      return `the bandit's ${group}by a draw, none has a score`
  }
}

/** All that is known of an evaluation beyond the line that it begins with. */
const insideOf = (evaluation: Evaluation): Lines => {
  const { bandit, decidedBy, mappings = [], problem, rules = [], sticky } = evaluation
  return [
    ...(problem === undefined || decidedBy === "unknown" || decidedBy === "error" ? [] : [problem]),
    ...(sticky === undefined ? [] : stickyLines(sticky, evaluation)),
    ...mappings.flatMap(mappingLines),
    ...(bandit === undefined ? [] : banditLines(bandit)),
    ...rules.flatMap(ruleLines)
  ]
}

const evaluationLines = (evaluation: Evaluation): Lines => [headOf(evaluation), ...indent(insideOf(evaluation))]

const headOf = (evaluation: Evaluation): string =>
  `${kindWords[evaluation.kind]} ${word(evaluation.name)} is ${json(evaluation.value)}: ${howOf(evaluation)}`

// --- rules

const ruleMarks = {
  fails: "✗",
  passes: "✓",
  outsidePercentage: "✗",
  delegates: "✓",
  skipped: "✓",
  unsupported: "?",
  notReached: "–",
  error: "?"
} as const

const ruleEnds: { readonly [result in Rule["result"]]?: string } = {
  skipped: ", adds nothing: an earlier rule has decided",
  notReached: ", not reached",
  unsupported: ", unsupported",
  error: ", not finished"
}

const ruleTitle = ({ groupName, id, name }: Rule): string => {
  const title = name === "" || name === id ? `rule ${word(id)}` : `rule ${quote(name)} (${word(id)})`
  return groupName === undefined || groupName === name ? title : `${title}, group ${word(groupName)}`
}

const ruleLines = (rule: Rule): Lines => {
  const { bucket, conditions, delegate, passPercentage, result } = rule
  return [
    `${ruleMarks[result]} ${ruleTitle(rule)}${ruleEnds[result] ?? ""}`,
    ...indent([
      ...conditions.flatMap(conditionLines),
      ...(bucket === undefined ? [] : [bucketLine(bucket, passPercentage)]),
      ...(delegate === undefined ? [] : delegateLines(rule, delegate))
    ])
  ]
}

const delegateLines = (
  { conditionsPass, result }: Rule,
  { evaluation, name }: NonNullable<Rule["delegate"]>
): Lines => {
  if (evaluation !== undefined) return ["✓ the experiment decides", ...indent(evaluationLines(evaluation))]
  return conditionsPass && result !== "outsidePercentage"
    ? [`? there is no experiment ${word(name)}: the rule's own value`]
    : []
}

const bucketLine = ({ idType, passes, salt, threshold, unitID, value }: Bucket, percentage: number): string => {
  if (threshold >= 10_000) return `✓ ${percentage} % of ${word(idType)}`
  if (threshold <= 0) return `✗ ${percentage} % of ${word(idType)}`
  return `${passes ? "✓" : "✗"} ${percentage} % of ${word(idType)}: bucket ${value} of 10000 is ${passes ? "" : "not "}below ${threshold} (${unitText(unitID)}, salt ${quote(salt)})`
}

const unitText = (unitID: string): string => (unitID === "" ? "no unit" : quote(unitID))

// --- conditions

const conditionLines = (condition: Condition): Lines => {
  const { experiment, gate, operand, passes, problem, type } = condition
  const mark = passes === null ? "?" : passes ? "✓" : "✗"
  const compared = [type === "" ? "condition" : word(type), ...comparison(condition)].join(" ")
  const found = operand === undefined ? "" : `: ${operandText(condition, operand)}`
  return [
    gate === undefined
      ? `${mark} ${compared}${found}`
      : `${mark} ${word(type)} ${word(gate.name)}: ${json(gate.value)}, ${howOf(gate)}`,
    ...indent([
      ...(problem === undefined ? [] : [problem]),
      ...(gate === undefined ? [] : insideOf(gate)),
      ...(experiment === undefined ? [] : evaluationLines(experiment))
    ])
  ]
}

const comparison = ({ field, idType, operator, targetValue, type }: Condition): ReadonlyArray<string> => {
  if (type === "public") return []
  const looksAt = idType ?? field
  return [
    ...(looksAt === undefined ? [] : [word(looksAt)]),
    ...(operator === undefined ? [] : [word(operator)]),
    ...(targetValue === undefined
      ? []
      : [comparesTimes.has(operator ?? "") ? timed(targetValue, 1) : json(targetValue)])
  ]
}

const comparesTimes = new Set(["before", "after", "on"])

const operandText = ({ operator, salt }: Condition, { foundIn, from, key, value }: Operand): string => {
  if (foundIn === "nothing" || value === undefined) return "nothing found"
  const shown = comparesTimes.has(operator ?? "") ? timed(value, 1000) : json(value)
  switch (foundIn) {
    case "user":
      return `${shown} from the user's ${word(key ?? "")}`
    case "userAgent":
      return `${shown} from the user agent ${json(from ?? "")}`
    case "ip":
      return `${shown} from the address ${json(from ?? "")}`
    case "statsigEnvironment":
      return `${shown} from the user's environment`
    case "environment":
      return `${shown} from the environment of the SDK or of the specs`
    case "clock":
      return `${shown} from the clock`
    case "bucket":
      return `bucket ${shown} of 1000 (${unitText(from ?? "")}, salt ${quote(salt ?? "")})`
    case "appID":
      return `${shown} from the specs`
    case "experiment":
      return `group ${shown}`
    default:
      return `${shown} from ${foundIn}.${word(key ?? "")}`
  }
}

// --- mappings, bandits, kept answers, exposures

const mappingLines = ({ isTaken, newConfigName, rules, target }: ExplainedMapping): Lines => [
  `${isTaken ? "✓" : "✗"} config mapping to ${word(newConfigName)}`,
  ...indent([
    ...rules.flatMap(({ rule, ruleName, startTime, state }) => {
      if (rule !== undefined) return ruleLines(rule)
      return state === "notStarted"
        ? [`✗ rule ${word(ruleName)}, not before ${moment(startTime ?? 0)}`]
        : [`? rule ${word(ruleName)}: the specs have none of this name`]
    }),
    ...(target === undefined ? [] : evaluationLines(target))
  ])
]

const banditLines = ({ bucket, groups, pickedBy, targetingGate }: ExplainedBandit): Lines => [
  ...(targetingGate === undefined
    ? []
    : [
        `${pickedBy === "notTargeted" ? "✗" : "✓"} targeting gate ${word(targetingGate.name)}: ${json(targetingGate.value)}, ${howOf(targetingGate)}`,
        ...indent(insideOf(targetingGate))
      ]),
  ...(bucket === undefined
    ? []
    : [
        `bucket ${bucket.value} of 10000 (${unitText(bucket.unitID)}, salt ${quote(bucket.salt)}), the first ${bucket.threshold} explore`
      ]),
  ...groups.map(
    ({ id, isPicked, name, score }) =>
      `${isPicked ? "✓" : "–"} group ${word(name)} (${word(id)})${score === null ? "" : `, score ${score}`}`
  )
]

const stickyLines = ({ decision, kept, key, name, rechecks }: ExplainedSticky, evaluation: Evaluation): Lines => [
  `persistent assignment${key === undefined ? "" : ` ${quote(key)} ${word(name ?? "")}`}: ${stickyWords[decision]}`,
  ...indent([
    ...(kept === undefined ? [] : [`kept: ${json(kept.json_value)}, ruleID ${word(kept.rule_id ?? "")}`]),
    ...rechecks.flatMap(({ evaluation, passes, rules }) => [
      `${passes ? "✓" : "✗"} ${rules} rules${passes ? " pass: the kept answer gives way" : " do not pass"}`,
      ...indent(insideOf(evaluation))
    ]),
    ...(decision === "kept" ? [`otherwise: ${json(evaluation.value)}, ${howOf(evaluation)}`] : [])
  ])
]

const stickyWords = {
  kept: "the kept answer is given",
  givesWay: "the kept answer gives way, and stays kept",
  nothingKept: "nothing is kept, and this is no answer to keep",
  saved: "nothing is kept; this answer would be saved",
  notGiven: "nothing is known of what the user keeps; what is kept would be deleted",
  notActive: "the experiment is not active; what is kept would be deleted",
  noUnit: "there is no unit to keep anything for"
} as const

const exposureLines = (exposures: ReadonlyArray<Exposure>): Lines =>
  exposures.flatMap(({ eventName, metadata, secondaryExposures }) => [
    `→ ${eventName}${metadata["parameterName"] === undefined ? "" : " when the parameter is read"}: ${Object.entries(
      metadata
    )
      .filter(([key]) => !exposureNoise.has(key))
      .map(([key, value]) => `${key} ${word(value)}`)
      .join(", ")}`,
    ...indent(
      (secondaryExposures ?? []).map(
        ({ gate, gateValue, ruleID }) => `with ${word(gate)} ${gateValue}, ruleID ${word(ruleID)}`
      )
    )
  ])

/** Said before. */
const exposureNoise = new Set(["reason", "lcut", "receivedAt", "configVersion"])

const parameterLines = ({ kind, name, parameterName, reference, value }: Parameter): Lines => [
  `${word(name)} is ${json(value)}: ${
    kind === "static" ? "a fixed value" : parameterName === undefined ? "by a gate" : `parameter ${word(parameterName)}`
  }`,
  ...indent(reference === undefined ? [] : explanationLines(reference))
]

// --- words

const mostCharacters = 80

/** Values come from anywhere: what would move the cursor or change colours is written as an escape. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)

const cut = (text: string): string =>
  text.length > mostCharacters ? `${text.slice(0, mostCharacters - 1).replace(/[\ud800-\udbff]$/, "")}…` : text

const json = (value: Json): string => printable(cut(JSON.stringify(value)))

const quote = (text: string): string => json(text)

/** A name as it is, or in quotes where it would not be seen where it ends. */
const word = (text: string): string => (/^[^\s\p{C}"(),]+$/u.test(text) ? cut(text) : quote(text))

const moment = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? String(millis) : date.toISOString()
}

/** A number with the moment that it stands for. The user's are in seconds when they are small, targets never are. */
const timed = (value: Json, millisOfSmall: 1 | 1000): string => {
  if (typeof value !== "number") return json(value)
  return `${value} (${moment(Math.abs(value) < secondsBelow ? value * millisOfSmall : value)})`
}

const secondsBelow = 10_000_000_000
