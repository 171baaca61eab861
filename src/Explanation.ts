/**
 * Explains the result of a check: every rule and condition that was evaluated, with the user's value and where it came
 * from, the target value, buckets and percentages, nested gates, delegates, overrides and sticky assignments, and the
 * exposures that the check would log.
 *
 * `Statsig.explain` makes one. It is plain JSON; `render` turns it into indented text for a terminal. The engine
 * records it while it evaluates, so it matches what a check does.
 *
 * An explanation is for the developer. It shows the values of the user's fields, **including private attributes**: take
 * care where you write it. The SDK itself logs none.
 *
 * @since 0.1.0
 */
export type {
  DecidedBy,
  ExplainedBandit as Bandit,
  ExplainedBanditGroup as BanditGroup,
  ExplainedBucket as Bucket,
  ExplainedCondition as Condition,
  ExplainedDelegate as Delegate,
  ExplainedEvaluation as Evaluation,
  ExplainedExposure as Exposure,
  ExplainedKind as Kind,
  ExplainedMapping as Mapping,
  ExplainedMappingRule as MappingRule,
  ExplainedOperand as Operand,
  ExplainedOutcome as Outcome,
  ExplainedOverride as Override,
  ExplainedParameter as Parameter,
  ExplainedRecheck as Recheck,
  ExplainedRule as Rule,
  ExplainedSpec as Spec,
  ExplainedSticky as Sticky,
  Explanation,
  FoundIn,
  RuleResult
} from "./engine/explain/explanation.js"
export { render } from "./engine/explain/render.js"
