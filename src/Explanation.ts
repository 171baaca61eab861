/**
 * Why a check gives its answer: every rule and condition that was evaluated, with the value that was found for the user
 * and where, what it was compared with, buckets and percentages, nested gates, delegates, overrides and kept answers, and
 * the exposures that the check would log.
 *
 * `Statsig.explain` makes one. It is plain JSON, and `render` turns it into an indented text for a terminal. The engine
 * makes it while it evaluates, so it says what a check does.
 *
 * An explanation is for the developer. It shows the values of the user's fields, **private attributes among them**: take
 * care where it is written to. The SDK itself logs none.
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
