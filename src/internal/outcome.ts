/**
 * An evaluation in the common terms of feature flags: those of OpenFeature and of OpenTelemetry's semantic conventions,
 * which write them in lower case.
 */
import { decisionOf } from "../engine/evaluate/decision.js"
import { type Evaluation, ruleIDOf } from "../engine/evaluate/evaluation.js"
import type { Snapshot } from "../engine/payload/snapshot.js"

/** The kinds of flags that are evaluated for a user. */
export type FlagKind = "gate" | "dynamicConfig" | "experiment" | "layer"

/** How a value was decided. */
export type Reason = "static" | "default" | "targeting_match" | "split" | "cached" | "disabled"

/** Why there is no value. */
export type ErrorType = "provider_not_ready" | "flag_not_found" | "parse_error" | "general"

/** The outcome of an evaluation. */
export type FlagOutcome =
  | {
      readonly _tag: "Resolved"
      readonly reason: Reason
      /** The variant: `on` or `off` for a gate, else the group, or the rule if it has no group. */
      readonly variant: string
    }
  | { readonly _tag: "Failed"; readonly type: ErrorType; readonly message: string }

/** The outcome of an evaluation of that name; `snapshot` is the one it was evaluated on. */
export const outcomeOf = (
  snapshot: Snapshot | undefined,
  kind: FlagKind,
  name: string,
  evaluation: Evaluation
): FlagOutcome => {
  const error = errorOf(name, evaluation.reason)
  if (error !== undefined) return error
  const { decision, rule } = decisionOf(snapshot, kind, name, evaluation)
  const reason: Reason =
    evaluation.reason === "Persisted"
      ? "cached"
      : evaluation.ruleID === undefined || evaluation.reason.startsWith("LocalOverride:")
        ? "static"
        : decision === "targeting"
          ? "targeting_match"
          : decision
  if (kind === "gate") return { _tag: "Resolved", reason, variant: evaluation.bool ? "on" : "off" }
  // A user who matches a rule but is outside its percentage gets the default value.
  const isLeftOut =
    rule !== undefined && reason !== "cached" && kind !== "layer" && evaluation.value !== rule.returnValue
  return {
    _tag: "Resolved",
    reason,
    variant: isLeftOut ? "default" : (evaluation.groupName ?? ruleIDOf(evaluation))
  }
}

/** The error behind a reason that means there is no result. */
export const errorOf = (
  name: string,
  reason: string
): Extract<FlagOutcome, { readonly _tag: "Failed" }> | undefined => {
  const failed = (type: ErrorType, message: string) => ({ _tag: "Failed", type, message }) as const
  if (reason === "Uninitialized" || reason === "NoValues" || reason === "Loading:Unrecognized") {
    return failed("provider_not_ready", `there are no specs (${reason})`)
  }
  if (reason.endsWith(":Unrecognized")) return failed("flag_not_found", `flag ${name} not found`)
  if (reason.endsWith(":Unsupported")) {
    return failed("parse_error", `flag ${name} has a condition or an operator that this SDK does not know`)
  }
  if (reason.startsWith("Error:")) return failed("general", reason.slice("Error:".length))
  return undefined
}
