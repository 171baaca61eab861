/**
 * What kind of decision an evaluation was, for those who tell others about it. Worked out afterwards, from the specs: no
 * check pays for it.
 */

import type { CompiledRule, CompiledSpec, Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { Evaluation } from "./evaluation.js"

/**
 * - `static`: nothing tells users apart
 * - `disabled`: the flag is switched off
 * - `default`: nobody was singled out: no rule, or the one for everyone else
 * - `targeting`: a rule for such users
 * - `split`: a draw, by percentage or by group
 */
export type Decision = "static" | "disabled" | "default" | "targeting" | "split"

/** A decision and the rule that made it, if it is one of the specs. */
export interface Decided {
  readonly decision: Decision
  readonly rule: CompiledRule | undefined
}

/** The decision behind an evaluation of that name. The snapshot is the one that it was made from. */
export const decisionOf = (
  snapshot: Snapshot | undefined,
  kind: SpecKind,
  name: string,
  evaluation: Evaluation
): Decided => {
  const { configDelegate, isExperimentGroup, overrideConfigName, ruleID } = evaluation
  const spec = snapshot?.spec(kind, overrideConfigName ?? name)
  const delegate = configDelegate === undefined ? undefined : snapshot?.spec("experiment", configDelegate)
  const rule = ruleOf(spec, ruleID) ?? ruleOf(delegate, ruleID)
  const decided = (decision: Decision): Decided => ({ decision, rule })
  if (ruleID === "disabled") return decided("disabled")
  if (spec?.rules.every(rule => rule.selection === "everyone" && rule.configDelegate === undefined) === true) {
    return decided("static")
  }
  if (isExperimentGroup) return decided("split")
  // A bandit draws.
  if (rule === undefined) return decided(ruleID === undefined || ruleID === "default" ? "default" : "split")
  return decided(rule.selection === "everyone" ? "default" : rule.selection)
}

const ruleOf = (spec: CompiledSpec | undefined, ruleID: string | undefined): CompiledRule | undefined =>
  spec?.rules.find(rule => rule.id === ruleID)
