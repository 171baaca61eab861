/**
 * The text of an explanation.
 */

import { secondsBelow } from "../conditions/operators.js"
import type { Json } from "../json.js"
import type {
  ExplainedCondition as Condition,
  ExplainedEvaluation as Evaluation,
  ExplainedBandit,
  ExplainedBucket,
  ExplainedMapping,
  ExplainedOperand,
  ExplainedOutcome,
  ExplainedSticky,
  Explanation,
  ExplainedExposure as Exposure,
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

const explanationLines = ({ evaluation, exposures, kind, name, outcome, parameters }: Explanation): Lines => {
  const how =
    evaluation !== undefined
      ? `: ${isKept(evaluation) ? "a kept answer" : howOf(evaluation)}`
      : parameters === undefined
        ? ": the specs have no parameter store of this name"
        : ""
  return [
    `${kindWords[kind]} ${word(name)} is ${jsonOf(outcome.value)}${how}`,
    ...indent([
      factsOf(outcome),
      ...(evaluation === undefined ? [] : insideOf(evaluation)),
      ...(parameters ?? []).flatMap(parameterLines),
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

/** The details of an evaluation below its first line. */
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
  const title = name === "" || name === id ? `rule ${word(id)}` : `rule ${inQuotes(name)} (${word(id)})`
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

const bucketLine = (
  { idType, passes, salt, threshold, unitID, value }: ExplainedBucket,
  percentage: number
): string => {
  if (threshold >= 10_000) return `✓ ${percentage} % of ${word(idType)}`
  if (threshold <= 0) return `✗ ${percentage} % of ${word(idType)}`
  return `${passes ? "✓" : "✗"} ${percentage} % of ${word(idType)}: bucket ${value} of 10000 is ${passes ? "" : "not "}below ${threshold} (${unitText(unitID)}, salt ${inQuotes(salt)})`
}

const unitText = (unitID: string): string => (unitID === "" ? "no unit" : inQuotes(unitID))

// --- conditions

const conditionLines = (condition: Condition): Lines => {
  const { experiment, gate, operand, passes, problem, type } = condition
  const mark = passes === null ? "?" : passes ? "✓" : "✗"
  const compared = [type === "" ? "condition" : word(type), ...comparison(condition)].join(" ")
  const found = operand === undefined ? "" : `: ${operandText(condition, operand)}`
  return [
    gate === undefined
      ? `${mark} ${compared}${found}`
      : `${mark} ${word(type)} ${word(gate.name)}: ${jsonOf(gate.value)}, ${howOf(gate)}`,
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
      : [comparesTimes.has(operator ?? "") ? timed(targetValue, 1) : jsonOf(targetValue)])
  ]
}

const comparesTimes = new Set(["before", "after", "on"])

const operandText = ({ operator, salt }: Condition, { foundIn, from, key, value }: ExplainedOperand): string => {
  if (foundIn === "nothing" || value === undefined) return "nothing found"
  const shown = comparesTimes.has(operator ?? "") ? timed(value, 1000) : jsonOf(value)
  switch (foundIn) {
    case "user":
      return `${shown} from the user's ${word(key ?? "")}`
    case "userAgent":
      return `${shown} from the user agent ${jsonOf(from ?? "")}`
    case "ip":
      return `${shown} from the address ${jsonOf(from ?? "")}`
    case "statsigEnvironment":
      return `${shown} from the user's environment`
    case "environment":
      return `${shown} from the environment of the SDK or of the specs`
    case "clock":
      return `${shown} from the clock`
    case "bucket":
      return `bucket ${shown} of 1000 (${unitText(from ?? "")}, salt ${inQuotes(salt ?? "")})`
    case "appID":
      return `${shown} from the specs`
    case "experiment":
      return `group ${shown}`
    default:
      return `${shown} from ${foundIn}.${word(key ?? "")}`
  }
}

// --- mappings, bandits, sticky assignments, exposures

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
        `${pickedBy === "notTargeted" ? "✗" : "✓"} targeting gate ${word(targetingGate.name)}: ${jsonOf(targetingGate.value)}, ${howOf(targetingGate)}`,
        ...indent(insideOf(targetingGate))
      ]),
  ...(bucket === undefined
    ? []
    : [
        `bucket ${bucket.value} of 10000 (${unitText(bucket.unitID)}, salt ${inQuotes(bucket.salt)}), the first ${bucket.threshold} explore`
      ]),
  ...groups.map(
    ({ id, isPicked, name, score }) =>
      `${isPicked ? "✓" : "–"} group ${word(name)} (${word(id)})${score === null ? "" : `, score ${score}`}`
  )
]

const stickyLines = ({ decision, kept, key, name, rechecks }: ExplainedSticky, evaluation: Evaluation): Lines => [
  `persistent assignment${key === undefined ? "" : ` ${inQuotes(key)} ${word(name ?? "")}`}: ${stickyWords[decision]}`,
  ...indent([
    ...(kept === undefined ? [] : [`kept: ${jsonOf(kept.json_value)}, ruleID ${word(kept.rule_id ?? "")}`]),
    ...rechecks.flatMap(({ evaluation, passes, rules }) => [
      `${passes ? "✓" : "✗"} ${rules === "targeting" ? "targeting" : "override"} rules${passes ? " pass: the kept answer gives way" : " do not pass"}`,
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

/** Shown elsewhere. */
const exposureNoise = new Set(["reason", "lcut", "receivedAt", "configVersion"])

const parameterLines = ({ kind, name, parameterName, reference, value }: Parameter): Lines => [
  `${word(name)} is ${jsonOf(value)}: ${
    kind === "static" ? "a fixed value" : parameterName === undefined ? "by a gate" : `parameter ${word(parameterName)}`
  }`,
  ...indent(reference === undefined ? [] : explanationLines(reference))
]

// --- words

const mostCharacters = 80

/** Values come from anywhere: characters that would move the cursor or change colours are escaped. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)

const shortened = (text: string): string =>
  text.length > mostCharacters ? `${text.slice(0, mostCharacters - 1).replace(/[\ud800-\udbff]$/, "")}…` : text

const jsonOf = (value: Json): string => printable(shortened(JSON.stringify(value)))

const inQuotes = (text: string): string => jsonOf(text)

/** A name as it is, or in quotes if its end would not be visible. */
const word = (text: string): string => (/^[^\s\p{C}"(),]+$/u.test(text) ? shortened(text) : inQuotes(text))

const moment = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? String(millis) : date.toISOString()
}

/** A number with the time it represents. A user's small numbers are in seconds, targets never are. */
const timed = (value: Json, millisOfSmall: 1 | 1000): string => {
  if (typeof value !== "number") return jsonOf(value)
  return `${value} (${moment(Math.abs(value) < secondsBelow ? value * millisOfSmall : value)})`
}
