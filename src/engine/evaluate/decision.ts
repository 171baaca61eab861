/**
 * Classifies an evaluation for reports. Derived afterwards from the specs, so checks do not pay for it.
 */

import type { CompiledRule, CompiledSpec } from "../payload/compiled.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { Evaluation } from "./evaluation.js"

/**
 * - `static`: the specs treat all users alike
 * - `disabled`: the flag is switched off
 * - `default`: no targeting: no rule, or the rule for everyone else
 * - `targeting`: a rule that selects users by their attributes
 * - `split`: a random split, by percentage or by group
 */
export type Decision = "static" | "disabled" | "default" | "targeting" | "split"

/** A decision and the rule that made it, if it is in the specs. */
export interface Decided {
  readonly decision: Decision
  readonly rule: CompiledRule | undefined
}

/** The decision behind an evaluation of that name. `snapshot` is the one it was made from. */
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
  // A bandit splits users.
  if (rule === undefined) return decided(ruleID === undefined || ruleID === "default" ? "default" : "split")
  return decided(rule.selection === "everyone" ? "default" : rule.selection)
}

const ruleOf = (spec: CompiledSpec | undefined, ruleID: string | undefined): CompiledRule | undefined =>
  spec?.rules.find(rule => rule.id === ruleID)
