/**
 * The text of an explanation.
 */

import { secondsBelow } from "../conditions/operators.js"
import type { Json } from "../json.js"
import type {
  ExplainedCondition as Condition,
  DecidedBy,
  ExplainedEvaluation as Evaluation,
  ExplainedBandit,
  ExplainedBucket,
  ExplainedMapping,
  ExplainedOperand,
  ExplainedOutcome,
  ExplainedSticky,
  Explanation,
  ExplainedExposure as Exposure,
  FoundIn,
  ExplainedParameter as Parameter,
  ExplainedRule as Rule
} from "./explanation.js"

/**
 * The explanation as indented text for a terminal. Long values are shortened; the data has them in full.
 *
 * `✓` holds, `✗` does not, `–` was not reached, `?` cannot be determined.
 *
 * @example
 * console.log(Explanation.render(statsig.explain(user, "gate", "new_checkout")))
 *
 * @since 0.1.0
 */
export const render = (explanation: Explanation): string => `${explanationLines(explanation).join("\n")}\n`

type Lines = ReadonlyArray<string>

const indent = (lines: Lines): Lines => lines.map(line => `  ${line}`)

/** The lines of a part that may be missing. */
const partLines = <A>(part: A | undefined, lines: (part: A) => Lines): Lines => (part === undefined ? [] : lines(part))

const markOf = (holds: boolean | null): string => (holds === null ? "?" : holds ? "✓" : "✗")

const explanationLines = ({ evaluation, exposures, kind, name, outcome, parameters }: Explanation): Lines => {
  const how =
    evaluation !== undefined
      ? `: ${evaluation.sticky?.decision === "kept" ? "a kept answer" : howOf(evaluation)}`
      : parameters === undefined
        ? ": the specs have no parameter store of this name"
        : ""
  return [
    `${kindWords[kind]} ${word(name)} is ${jsonOf(outcome.value)}${how}`,
    ...indent([
      factsOf(outcome),
      ...partLines(evaluation, insideOf),
      ...(parameters ?? []).flatMap(parameterLines),
      ...exposureLines(exposures)
    ])
  ]
}

/** The kinds in words. */
export const kindWords = {
  gate: "gate",
  dynamicConfig: "dynamic config",
  experiment: "experiment",
  layer: "layer",
  parameterStore: "parameter store"
} as const

const factsOf = (outcome: ExplainedOutcome): string => {
  const facts = [`reason ${outcome.reason}`]
  if (outcome.ruleID !== "") facts.push(`ruleID ${word(outcome.ruleID)}`)
  if (outcome.groupName !== null) facts.push(`group ${word(outcome.groupName)}`)
  if (outcome.allocatedExperimentName !== null) facts.push(`experiment ${word(outcome.allocatedExperimentName)}`)
  if (outcome.idType !== "") facts.push(`idType ${word(outcome.idType)}`)
  if (outcome.version !== null) facts.push(`version ${outcome.version}`)
  if (outcome.lcut !== null && outcome.lcut > 0) facts.push(`specs of ${moment(outcome.lcut)}`)
  return facts.join(", ")
}

/** How a name was decided, in a few words. */
const howOf = (evaluation: Evaluation): string => {
  const { decidedBy = "error", name, omitted, problem } = evaluation
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
  return decisions[decidedBy]?.(evaluation) ?? problem ?? "not decided"
}

const decisions: { readonly [by in DecidedBy]?: (evaluation: Evaluation) => string } = {
  override: ({ override }) =>
    override?.groupName === undefined ? "a local override" : `a local override, group ${word(override.groupName)}`,
  mapping: ({ mappings }) => {
    const taken = mappings?.find(({ isTaken }) => isTaken)
    return `${word(taken?.newConfigName ?? "")} answers in its place (config mapping)`
  },
  bandit: ({ bandit }) => banditHow(bandit),
  rule: evaluation => {
    const rule = lastRule(evaluation)
    if (rule === undefined) return "a rule"
    const isOutside = rule.result === "outsidePercentage"
    return isOutside ? `the default value, beyond the percentage of ${ruleTitle(rule)}` : ruleTitle(rule)
  },
  delegate: evaluation => {
    const rule = lastRule(evaluation)
    return rule === undefined ? "an experiment" : `${ruleTitle(rule)} lets ${word(rule.delegate?.name ?? "")} decide`
  },
  rules: () => "the rules that pass, together",
  default: ({ spec }) => `the default value, no rule passes${spec?.enabled === false ? " (disabled)" : ""}`,
  unsupported: () => "not decided, a condition is unsupported"
}

/** The last rule that was reached. */
const lastRule = ({ rules = [] }: Evaluation): Rule | undefined =>
  rules.filter(({ result }) => result !== "notReached").at(-1)

const banditHow = (bandit: ExplainedBandit | undefined): string => {
  const { groups = [], pickedBy = "draw" } = bandit ?? {}
  const picked = groups.find(({ isPicked }) => isPicked)
  const group = picked === undefined ? "" : `group ${word(picked.name)} `
  return pickedBy in picks
    ? `the bandit's ${group}${picks[pickedBy as keyof typeof picks]}`
    : `the default value, ${pickedBy === "notStarted" ? "the bandit has not started" : "the user is not targeted"}`
}

const picks = {
  bucket: "by the user's bucket",
  exploration: "by a draw, to explore",
  score: "with the best score",
  draw: "by a draw, none has a score"
} as const

/** The details of an evaluation below its first line. */
const insideOf = (evaluation: Evaluation): Lines => {
  const { bandit, decidedBy, mappings = [], problem, rules = [], sticky } = evaluation
  return [
    ...(problem === undefined || decidedBy === "unknown" || decidedBy === "error" ? [] : [problem]),
    ...partLines(sticky, sticky => stickyLines(sticky, evaluation)),
    ...mappings.flatMap(mappingLines),
    ...partLines(bandit, banditLines),
    ...rules.flatMap(ruleLines)
  ]
}

const evaluationLines = (evaluation: Evaluation): Lines => [headOf(evaluation), ...indent(insideOf(evaluation))]

const headOf = (evaluation: Evaluation): string =>
  `${kindWords[evaluation.kind]} ${word(evaluation.name)} is ${jsonOf(evaluation.value)}: ${howOf(evaluation)}`

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
  const title = name === "" || name === id ? `rule ${word(id)}` : `rule ${jsonOf(name)} (${word(id)})`
  return groupName === undefined || groupName === name ? title : `${title}, group ${word(groupName)}`
}

const ruleLines = (rule: Rule): Lines => {
  const { bucket, conditions, delegate, passPercentage, result } = rule
  return [
    `${ruleMarks[result]} ${ruleTitle(rule)}${ruleEnds[result] ?? ""}`,
    ...indent([
      ...conditions.flatMap(conditionLines),
      ...partLines(bucket, bucket => [bucketLine(bucket, passPercentage)]),
      ...partLines(delegate, delegate => delegateLines(rule, delegate))
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

const bucketLine = (
  { idType, passes, salt, threshold, unitID, value }: ExplainedBucket,
  percentage: number
): string => {
  const share = `${percentage} % of ${word(idType)}`
  if (threshold >= 10_000 || threshold <= 0) return `${markOf(threshold > 0)} ${share}`
  return `${markOf(passes)} ${share}: bucket ${value} of 10000 is ${passes ? "" : "not "}below ${threshold} (${unitText(unitID)}, salt ${jsonOf(salt)})`
}

const unitText = (unitID: string): string => (unitID === "" ? "no unit" : jsonOf(unitID))

// --- conditions

const conditionLines = (condition: Condition): Lines => {
  const { experiment, gate, operand, passes, problem, type } = condition
  const mark = markOf(passes)
  const compared = [type === "" ? "condition" : word(type), ...comparison(condition)].join(" ")
  const found = operand === undefined ? "" : `: ${operandText(condition, operand)}`
  return [
    gate === undefined ? `${mark} ${compared}${found}` : `${mark} ${word(type)} ${gateText(gate)}`,
    ...indent([
      ...partLines(problem, problem => [problem]),
      ...partLines(gate, insideOf),
      ...partLines(experiment, evaluationLines)
    ])
  ]
}

const gateText = (gate: Evaluation): string => `${word(gate.name)}: ${jsonOf(gate.value)}, ${howOf(gate)}`

const comparison = ({ field, idType, operator, targetValue, type }: Condition): ReadonlyArray<string> => {
  if (type === "public") return []
  return [
    ...partLines(idType ?? field, looksAt => [word(looksAt)]),
    ...partLines(operator, operator => [word(operator)]),
    ...partLines(targetValue, target => [comparesTimes.has(operator ?? "") ? timed(target, 1) : jsonOf(target)])
  ]
}

const comparesTimes = new Set(["before", "after", "on"])

const operandText = ({ operator, salt }: Condition, { foundIn, from, key, value }: ExplainedOperand): string => {
  if (foundIn === "nothing" || value === undefined) return "nothing found"
  const shown = comparesTimes.has(operator ?? "") ? timed(value, 1000) : jsonOf(value)
  if (foundIn === "bucket") return `bucket ${shown} of 1000 (${unitText(from ?? "")}, salt ${jsonOf(salt ?? "")})`
  if (foundIn === "experiment") return `group ${shown}`
  const places: { readonly [place in FoundIn]?: string } = {
    user: `the user's ${word(key ?? "")}`,
    userAgent: `the user agent ${jsonOf(from ?? "")}`,
    ip: `the address ${jsonOf(from ?? "")}`,
    statsigEnvironment: "the user's environment",
    environment: "the environment of the SDK or of the specs",
    clock: "the clock",
    appID: "the specs"
  }
  return `${shown} from ${places[foundIn] ?? `${foundIn}.${word(key ?? "")}`}`
}

// --- mappings, bandits, sticky assignments, exposures

const mappingLines = ({ isTaken, newConfigName, rules, target }: ExplainedMapping): Lines => [
  `${markOf(isTaken)} config mapping to ${word(newConfigName)}`,
  ...indent([
    ...rules.flatMap(({ rule, ruleName, startTime, state }) => {
      if (rule !== undefined) return ruleLines(rule)
      return state === "notStarted"
        ? [`✗ rule ${word(ruleName)}, not before ${moment(startTime ?? 0)}`]
        : [`? rule ${word(ruleName)}: the specs have none of this name`]
    }),
    ...partLines(target, evaluationLines)
  ])
]

const banditLines = ({ bucket, groups, pickedBy, targetingGate }: ExplainedBandit): Lines => [
  ...partLines(targetingGate, gate => [
    `${markOf(pickedBy !== "notTargeted")} targeting gate ${gateText(gate)}`,
    ...indent(insideOf(gate))
  ]),
  ...partLines(bucket, ({ salt, threshold, unitID, value }) => [
    `bucket ${value} of 10000 (${unitText(unitID)}, salt ${jsonOf(salt)}), the first ${threshold} explore`
  ]),
  ...groups.map(
    ({ id, isPicked, name, score }) =>
      `${isPicked ? "✓" : "–"} group ${word(name)} (${word(id)})${score === null ? "" : `, score ${score}`}`
  )
]

const stickyLines = ({ decision, kept, key, name, rechecks }: ExplainedSticky, evaluation: Evaluation): Lines => [
  `persistent assignment${key === undefined ? "" : ` ${jsonOf(key)} ${word(name ?? "")}`}: ${stickyWords[decision]}`,
  ...indent([
    ...partLines(kept, kept => [`kept: ${jsonOf(kept.json_value)}, ruleID ${word(kept.rule_id ?? "")}`]),
    ...rechecks.flatMap(({ evaluation, passes, rules }) => [
      `${markOf(passes)} ${rules === "targeting" ? "targeting" : "override"} rules${passes ? " pass: the kept answer gives way" : " do not pass"}`,
      ...indent(insideOf(evaluation))
    ]),
    ...(decision === "kept" ? [`otherwise: ${jsonOf(evaluation.value)}, ${howOf(evaluation)}`] : [])
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
    `→ ${eventName}${metadata["parameterName"] === undefined ? "" : " when the parameter is read"}: ${metadataText(metadata)}`,
    ...indent(
      (secondaryExposures ?? []).map(
        ({ gate, gateValue, ruleID }) => `with ${word(gate)} ${gateValue}, ruleID ${word(ruleID)}`
      )
    )
  ])

const metadataText = (metadata: Exposure["metadata"]): string =>
  Object.entries(metadata)
    .filter(([key]) => !exposureNoise.has(key))
    .map(([key, value]) => `${key} ${word(value)}`)
    .join(", ")

/** Shown elsewhere. */
const exposureNoise = new Set(["reason", "lcut", "receivedAt", "configVersion"])

const parameterLines = ({ kind, name, parameterName, reference, value }: Parameter): Lines => [
  `${word(name)} is ${jsonOf(value)}: ${
    kind === "static" ? "a fixed value" : parameterName === undefined ? "by a gate" : `parameter ${word(parameterName)}`
  }`,
  ...indent(partLines(reference, explanationLines))
]

// --- words

const mostCharacters = 80

/** Values come from anywhere: characters that would move the cursor or change colours are escaped. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)

const shortened = (text: string): string =>
  text.length > mostCharacters ? `${text.slice(0, mostCharacters - 1).replace(/[\ud800-\udbff]$/, "")}…` : text

const jsonOf = (value: Json): string => printable(shortened(JSON.stringify(value)))

/** A name as it is, or in quotes if its end would not be visible. */
const word = (text: string): string => (/^[^\s\p{C}"(),]+$/u.test(text) ? shortened(text) : jsonOf(text))

const moment = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? String(millis) : date.toISOString()
}

/** A number with the time it represents. A user's small numbers are in seconds, targets never are. */
const timed = (value: Json, millisOfSmall: 1 | 1000): string => {
  if (typeof value !== "number") return jsonOf(value)
  return `${value} (${moment(Math.abs(value) < secondsBelow ? value * millisOfSmall : value)})`
}
