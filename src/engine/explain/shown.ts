/**
 * Shows single items of an explanation: rules and conditions before their evaluation, values, the outcome.
 */
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import { type ExposureOfAll, exposureJson } from "../events/events.js"
import {
  asObject,
  copyJson,
  copyJsonObject,
  emptyObject,
  type JsonObject,
  literalOf,
  NumberLiteral,
  plain,
  type RawJson
} from "../json.js"
import type { CompiledRule } from "../payload/snapshot.js"
import type { Condition, SpecKind } from "../specs.js"
import type {
  ExplainedCondition,
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedOutcome,
  ExplainedRule
} from "./explanation.js"

/** A type whose members may still be set. */
export type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

/** A rule that is or will be evaluated. */
export interface OpenRule {
  readonly explained: Writable<ExplainedRule>
  readonly conditions: Array<ExplainedCondition>
}

/** A condition of the specs, with its explanation before it is evaluated. */
export interface SourceCondition {
  /** `undefined` for a missing or invalid condition. */
  readonly condition: Condition | undefined
  readonly explained: Writable<ExplainedCondition>
}

/** A gate's result, else the value. */
export const valueOf = (kind: SpecKind, record: Evaluation): boolean | JsonObject | null =>
  kind === "gate" ? record.bool : record.value === undefined ? null : copyJsonObject(asObject(literalOf(record.value)))

/** A rule before it is evaluated. */
export const openRule = ({ source }: CompiledRule): OpenRule => {
  const { configDelegate, groupName, id, name, passPercentage, returnValue } = source
  const conditions: Array<ExplainedCondition> = []
  return {
    conditions,
    explained: {
      id,
      name,
      ...(groupName === undefined ? {} : { groupName }),
      returnValue: copyJson(returnValue),
      result: "notReached",
      conditionsPass: null,
      conditions,
      passPercentage,
      ...(configDelegate === undefined ? {} : { delegate: { name: configDelegate } })
    }
  }
}

/** A condition before it is evaluated; `undefined` for one that the specs lack, a text for one that is bad. */
export const sourceCondition = (key: string, condition: Condition | string | undefined): SourceCondition => {
  if (typeof condition === "object") return { condition, explained: explainedCondition(condition) }
  const problem =
    condition === undefined
      ? `the specs have no condition "${key}"`
      : `the condition "${key}" cannot be used: ${condition}`
  return { condition: undefined, explained: { type: "", passes: null, problem } }
}

const explainedCondition = ({
  additionalValues,
  field,
  idType,
  operator,
  targetValue,
  type
}: Condition): Writable<ExplainedCondition> => {
  const isBucket = type === "user_bucket"
  return {
    type,
    ...(operator === undefined ? {} : { operator }),
    ...(field === undefined ? {} : { field }),
    ...(isBucket || type === "unit_id" ? { idType } : {}),
    ...(isBucket ? { salt: additionalValues?.["salt"] ?? "" } : {}),
    ...(targetValue === undefined ? {} : { targetValue: shown(targetValue) }),
    passes: null
  }
}

/** A target as plain JSON; a number that JSON cannot represent stays text. */
const shown = (target: RawJson) =>
  target instanceof NumberLiteral && !Number.isFinite(Number(target.text)) ? target.text : plain(target)

/** An experiment that the same check has read before. */
export const repeatedExperiment = (name: string, record: Evaluation): ExplainedEvaluation => ({
  kind: "experiment",
  name,
  value: valueOf("experiment", record),
  ruleID: record.ruleID === undefined ? null : ruleIDOf(record),
  omitted: "repeated"
})

/** The outcome shown for a record. */
export const shownOutcome = (kind: SpecKind, record: Evaluation): ExplainedOutcome => ({
  value: kind === "gate" ? record.bool : copyJsonObject(record.value ?? emptyObject),
  ruleID: ruleIDOf(record),
  idType: record.idType ?? "",
  groupName: record.groupName ?? null,
  allocatedExperimentName: record.configDelegate ?? null,
  isUserInExperiment: record.isExperimentActive && record.isExperimentGroup,
  reason: record.reason,
  lcut: record.lcut ?? null,
  receivedAt: record.receivedAt ?? null,
  version: record.version ?? null,
  secondaryExposures: record.secondaryExposures.map(exposure => ({ ...exposure }))
})

/** The exposure as it would be sent. */
export const explainedExposure = (exposure: ExposureOfAll): ExplainedExposure => {
  const { eventName, metadata, secondaryExposures } = JSON.parse(exposureJson(exposure))
  return { eventName, metadata, secondaryExposures }
}
