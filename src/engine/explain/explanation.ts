/**
 * The explanation of one evaluation, as data: what was evaluated, in order, with the values that were found and
 * compared. Plain JSON with Statsig's member names. `src/Explanation.ts` holds the Schema and the readable text.
 */
import type { FoundIn } from "../conditions/conditions.js"
import type { SecondaryExposure } from "../evaluate/evaluation.js"
import type { StickyValues } from "../evaluate/sticky.js"
import type { Json, JsonObject } from "../json.js"

export type { FoundIn }

/** What can be explained. */
export type ExplainedKind = "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"

/** Why a check returns its result. */
export interface Explanation {
  readonly kind: ExplainedKind
  /** The name that was asked for. */
  readonly name: string
  readonly outcome: ExplainedOutcome
  /**
   * The exposures that the check would log, before deduplication and sampling. A layer and a parameter store log a
   * parameter when it is read: the exposures of all the layer's parameters are listed here, those of a store with each
   * parameter.
   */
  readonly exposures: ReadonlyArray<ExplainedExposure>
  /** How it was decided; not for parameter stores. */
  readonly evaluation?: ExplainedEvaluation | undefined
  /** For a parameter store: its parameters; none for an unknown store. */
  readonly parameters?: ReadonlyArray<ExplainedParameter> | undefined
}

/** The result that the check returns. */
export interface ExplainedOutcome {
  /**
   * A gate's result, else all parameters. Those of a parameter store have the value that a read without a fallback
   * gives.
   */
  readonly value: boolean | JsonObject
  /** The id of the deciding rule; `default`, `disabled` or `override` if no rule decided, empty for an unknown name. */
  readonly ruleID: string
  /** The id type of the deciding unit ID; empty for an unknown name. */
  readonly idType: string
  /** The group of the deciding rule, as checks of experiments and layers show it. */
  readonly groupName: string | null
  /** The experiment that decided, for a rule that delegates to one. */
  readonly allocatedExperimentName: string | null
  /** Whether the user is in a group of a running experiment. */
  readonly isUserInExperiment: boolean
  /** The source of the specs and what was found, e.g. `Network:Recognized`. */
  readonly reason: string
  /** The `time` of the specs that decided, in epoch milliseconds. */
  readonly lcut: number | null
  /** When those specs were stored, in epoch milliseconds. */
  readonly receivedAt: number | null
  readonly version: number | null
  /** The nested gates that were evaluated, as they are logged. */
  readonly secondaryExposures: ReadonlyArray<SecondaryExposure>
}

/** An exposure, with the field names and values that are sent. */
export interface ExplainedExposure {
  /** `statsig::gate_exposure`, `statsig::config_exposure` or `statsig::layer_exposure`. */
  readonly eventName: string
  readonly metadata: { readonly [key: string]: string }
  readonly secondaryExposures: ReadonlyArray<SecondaryExposure> | null
}

/** What decided. `rules`: in new layer evaluation several rules add parameters. */
export type DecidedBy =
  /** A local override. */
  | "override"
  /** A config mapping replaced the spec with another. */
  | "mapping"
  | "bandit"
  /** The first rule whose conditions all hold. */
  | "rule"
  /** The experiment that such a rule delegates to. */
  | "delegate"
  | "rules"
  /** No rule: the spec's default value. */
  | "default"
  /** There is nothing of that name. */
  | "unknown"
  /** A condition that is unsupported or missing from the specs ended the evaluation. */
  | "unsupported"
  /** A limit was passed, which ended the whole evaluation. */
  | "error"

/** The evaluation of one name, nested gates and delegates included. */
export interface ExplainedEvaluation {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer"
  readonly name: string
  /** The result: a gate's own (before `fail_gate` inverts it) or the parameters; `null` for none. */
  readonly value: boolean | JsonObject | null
  /** The rule id that nested gates are logged with; `null` if there is none. */
  readonly ruleID: string | null
  /** Not with `omitted`. */
  readonly decidedBy?: DecidedBy | undefined
  /**
   * Why the tree ends here. `repeated`: evaluated before; the result was reused. `circle`: it depends on itself.
   * `depth`, `size`: the tree is deep or large enough.
   */
  readonly omitted?: "repeated" | "circle" | "depth" | "size" | undefined
  /** A description of the problem. */
  readonly problem?: string | undefined
  readonly override?: ExplainedOverride | undefined
  readonly mappings?: ReadonlyArray<ExplainedMapping> | undefined
  readonly bandit?: ExplainedBandit | undefined
  /** The spec whose rules were evaluated. */
  readonly spec?: ExplainedSpec | undefined
  readonly rules?: ReadonlyArray<ExplainedRule> | undefined
  /** Only with sticky assignments (`PersistentStorage`). */
  readonly sticky?: ExplainedSticky | undefined
}

/** A spec's own members, without its rules. */
export interface ExplainedSpec {
  readonly entity: string
  readonly enabled: boolean
  readonly idType: string
  readonly salt: string
  readonly isActive?: boolean | undefined
  readonly version?: number | undefined
  readonly defaultValue: Json
}

/** A local override that decided. */
export interface ExplainedOverride {
  readonly value: boolean | JsonObject | null
  /** The group whose value it takes. */
  readonly groupName?: string | undefined
}

/** The result of a rule. */
export type RuleResult =
  /** A condition does not hold. */
  | "fails"
  /** The conditions hold and the user is within the pass percentage: its value. */
  | "passes"
  /** The conditions hold and the user is beyond the pass percentage: the spec's default value. */
  | "outsidePercentage"
  /** The conditions hold and an experiment decides. */
  | "delegates"
  /** It passes but adds nothing: an earlier rule of the layer has decided. */
  | "skipped"
  /** A condition cannot be evaluated. */
  | "unsupported"
  /** An earlier rule decided. */
  | "notReached"
  /** A limit was passed within it. */
  | "error"

/** One rule. */
export interface ExplainedRule {
  readonly id: string
  readonly name: string
  readonly groupName?: string | undefined
  readonly returnValue: Json
  readonly result: RuleResult
  /** Whether all conditions hold; `null` if unknown. */
  readonly conditionsPass: boolean | null
  /** In the order of the rule, as far as evaluated. */
  readonly conditions: ReadonlyArray<ExplainedCondition>
  readonly passPercentage: number
  /** Set once the pass percentage was checked. */
  readonly bucket?: ExplainedBucket | undefined
  readonly delegate?: ExplainedDelegate | undefined
}

/** The experiment that a rule delegates to. Without an evaluation it was not evaluated, or does not exist. */
export interface ExplainedDelegate {
  readonly name: string
  readonly evaluation?: ExplainedEvaluation | undefined
}

/** The bucket of a unit: `value` is `hash(salt + "." + unitID)` modulo 10,000, and passes below the threshold. */
export interface ExplainedBucket {
  readonly idType: string
  /** Empty if the user has no such unit ID. */
  readonly unitID: string
  readonly salt: string
  readonly value: number
  /** The percentage times 100. */
  readonly threshold: number
  readonly passes: boolean
}

/** The user-side value. */
export interface ExplainedOperand {
  /** Absent if nothing was found. */
  readonly value?: Json | undefined
  readonly foundIn: FoundIn
  /** The name under which it was found. */
  readonly key?: string | undefined
  /** The value it was derived from. */
  readonly from?: string | undefined
}

/** One condition: `operand operator targetValue`. */
export interface ExplainedCondition {
  /** As in the specs; empty for a missing condition. */
  readonly type: string
  readonly operator?: string | undefined
  readonly field?: string | undefined
  /** For conditions on a unit ID. */
  readonly idType?: string | undefined
  /** For a `user_bucket` condition. */
  readonly salt?: string | undefined
  readonly targetValue?: Json | undefined
  /** Whether it holds; `null` if that cannot be determined. */
  readonly passes: boolean | null
  readonly operand?: ExplainedOperand | undefined
  /** The gate of `pass_gate` and `fail_gate`. */
  readonly gate?: ExplainedEvaluation | undefined
  /** The experiment whose group an `experiment_group` condition compares. */
  readonly experiment?: ExplainedEvaluation | undefined
  /** Why the result cannot be determined, or which data was missing. */
  readonly problem?: string | undefined
}

/** A config mapping: another spec applies to the users of its rules. */
export interface ExplainedMapping {
  readonly newConfigName: string
  readonly rules: ReadonlyArray<ExplainedMappingRule>
  /** The evaluation of the other spec, if a rule passed. */
  readonly target?: ExplainedEvaluation | undefined
  /** Whether the other spec decided. */
  readonly isTaken: boolean
}

/** A rule of a config mapping. */
export interface ExplainedMappingRule {
  readonly ruleName: string
  /** In epoch milliseconds. */
  readonly startTime?: number | undefined
  readonly state: "evaluated" | "notStarted" | "missing"
  readonly rule?: ExplainedRule | undefined
}

/** A contextual bandit (autotune AI). */
export interface ExplainedBandit {
  readonly enabled: boolean
  readonly idType: string
  readonly targetingGate?: ExplainedEvaluation | undefined
  /**
   * How a group was picked. `notStarted`, `notTargeted`: none was; the default value applies. `bucket`: evenly by
   * bucket. `exploration`: at random, less explored groups more often. `score`: the best one. `draw`: at random,
   * because no group has a score.
   */
  readonly pickedBy: "notStarted" | "notTargeted" | "bucket" | "exploration" | "score" | "draw"
  /** The unit's bucket and the share of exploration. */
  readonly bucket?: ExplainedBucket | undefined
  readonly groups: ReadonlyArray<ExplainedBanditGroup>
}

/** A group of a bandit. */
export interface ExplainedBanditGroup {
  readonly id: string
  readonly name: string
  /** `null` without a model. */
  readonly score: number | null
  readonly isPicked: boolean
}

/** The effect of sticky assignments on the evaluation. */
export interface ExplainedSticky {
  /**
   * `kept`: the sticky assignment is returned. `givesWay`: there is one, but an override or targeting rule replaces it.
   * `nothingKept`: there is none for the name, and none to save. `saved`: the evaluation would be saved. `notGiven`:
   * the user's sticky assignments are unknown; one for the name would be deleted. `notActive`: the experiment is not
   * active; its sticky assignment would be deleted. `noUnit`: the user has no unit ID to store one for.
   */
  readonly decision: "kept" | "givesWay" | "nothingKept" | "saved" | "notGiven" | "notActive" | "noUnit"
  /** The key in the storage, such as `u-1:userID`. */
  readonly key?: string | undefined
  /** The name in the storage. */
  readonly name?: string | undefined
  readonly kept?: StickyValues | undefined
  /** The evaluations that may replace a sticky assignment. */
  readonly rechecks: ReadonlyArray<ExplainedRecheck>
}

/** An evaluation by some rules only: `targeting` or `overrides`. If it passes, the sticky assignment is replaced. */
export interface ExplainedRecheck {
  readonly rules: "targeting" | "overrides"
  readonly passes: boolean
  readonly evaluation: ExplainedEvaluation
}

/** A parameter of a parameter store. */
export interface ExplainedParameter {
  readonly name: string
  readonly kind: "static" | "gate" | "dynamicConfig" | "experiment" | "layer"
  /** The value that a read without a fallback gives. */
  readonly value: Json
  /** The parameter of the referenced config, experiment or layer. */
  readonly parameterName?: string | undefined
  /** The referenced evaluation. Its exposures are those of reading the parameter. */
  readonly reference?: Explanation | undefined
}
