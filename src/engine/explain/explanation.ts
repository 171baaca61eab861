/**
 * The explanation of one answer, as data: what was evaluated, in the order of evaluation, with what was found and
 * compared. Plain JSON, whose members have Statsig's names. `src/Explanation.ts` holds the Schema and the readable text.
 */
import type { FoundIn } from "../conditions/conditions.js"

export type { FoundIn } from "../conditions/conditions.js"

import type { SecondaryExposure } from "../evaluate/evaluation.js"
import type { StickyValues } from "../evaluate/sticky.js"
import type { Json, JsonObject } from "../json.js"

/** What can be explained. */
export type ExplainedKind = "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"

/** Why a check gives the answer that it gives. */
export interface Explanation {
  readonly kind: ExplainedKind
  /** The name that was asked for. */
  readonly name: string
  readonly outcome: ExplainedOutcome
  /**
   * What the check would log, before repetitions are left out and before sampling. A layer and a parameter store log a
   * parameter when it is read: each of the layer's parameters is listed here, those of a store are with the parameter.
   */
  readonly exposures: ReadonlyArray<ExplainedExposure>
  /** How it was decided; not for parameter stores. */
  readonly evaluation?: ExplainedEvaluation | undefined
  /** Of a parameter store, what each parameter stands for; none for an unknown store. */
  readonly parameters?: ReadonlyArray<ExplainedParameter> | undefined
}

/** The answer, as the check gives it. */
export interface ExplainedOutcome {
  /** A gate's answer, else all parameters. Those of a parameter store are what they are when read without a fallback. */
  readonly value: boolean | JsonObject
  /** The id of the rule that decided; `default`, `disabled` or `override` when none did, empty for an unknown name. */
  readonly ruleID: string
  /** The unit that the answer is decided for; empty for an unknown name. */
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
  /** The gates that were evaluated on the way, as they are logged. */
  readonly secondaryExposures: ReadonlyArray<SecondaryExposure>
}

/** An exposure, with the words in which it is sent. */
export interface ExplainedExposure {
  /** `statsig::gate_exposure`, `statsig::config_exposure` or `statsig::layer_exposure`. */
  readonly eventName: string
  readonly metadata: { readonly [key: string]: string }
  readonly secondaryExposures: ReadonlyArray<SecondaryExposure> | null
}

/** What decided. `rules`: in a layer that is evaluated the new way several rules add parameters. */
export type DecidedBy =
  /** A local override. */
  | "override"
  /** A config mapping let another spec answer. */
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
  /** A condition that this SDK does not know, or that is missing from the specs, ended the evaluation. */
  | "unsupported"
  /** A limit was passed, which ended the whole evaluation. */
  | "error"

/** The evaluation of one name, nested gates and delegates included. */
export interface ExplainedEvaluation {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer"
  readonly name: string
  /** What it came to: a gate's own answer (before `fail_gate` turns it round) or the parameters; `null` for none. */
  readonly value: boolean | JsonObject | null
  /** The rule id as nested gates are logged with it; `null` when there is none. */
  readonly ruleID: string | null
  /** Not with `omitted`. */
  readonly decidedBy?: DecidedBy | undefined
  /**
   * Why the tree ends here. `repeated`: it was evaluated before and the answer remembered. `circle`: it is asked by what
   * it asks itself. `depth`, `size`: the tree is deep or large enough.
   */
  readonly omitted?: "repeated" | "circle" | "depth" | "size" | undefined
  /** What is wrong, in words. */
  readonly problem?: string | undefined
  readonly override?: ExplainedOverride | undefined
  readonly mappings?: ReadonlyArray<ExplainedMapping> | undefined
  readonly bandit?: ExplainedBandit | undefined
  /** The spec whose rules were evaluated. */
  readonly spec?: ExplainedSpec | undefined
  readonly rules?: ReadonlyArray<ExplainedRule> | undefined
  /** Only where answers are kept (`PersistentStorage`). */
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

/** A local override that answered. */
export interface ExplainedOverride {
  readonly value: boolean | JsonObject | null
  /** The group whose value it takes. */
  readonly groupName?: string | undefined
}

/** What became of a rule. */
export type RuleResult =
  /** A condition does not hold. */
  | "fails"
  /** The conditions hold and the user is within the pass percentage: its value. */
  | "passes"
  /** The conditions hold and the user is beyond the pass percentage: the spec's default value. */
  | "outsidePercentage"
  /** The conditions hold and an experiment decides. */
  | "delegates"
  /** It passes, and adds nothing: an earlier rule of the layer has decided. */
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
  /** Whether all conditions hold; `null` where that was not found out. */
  readonly conditionsPass: boolean | null
  /** In the order of the rule, as far as they were evaluated. */
  readonly conditions: ReadonlyArray<ExplainedCondition>
  readonly passPercentage: number
  /** Once the pass percentage was asked. */
  readonly bucket?: ExplainedBucket | undefined
  readonly delegate?: ExplainedDelegate | undefined
}

/** The experiment that a rule delegates to. Without an evaluation it was not asked, or there is none of that name. */
export interface ExplainedDelegate {
  readonly name: string
  readonly evaluation?: ExplainedEvaluation | undefined
}

/** Where a unit falls: `value` is `hash(salt + "." + unitID)` modulo 10,000, and passes below the threshold. */
export interface ExplainedBucket {
  readonly idType: string
  /** Empty when the user has no such unit. */
  readonly unitID: string
  readonly salt: string
  readonly value: number
  /** The percentage times 100. */
  readonly threshold: number
  readonly passes: boolean
}

/** The value on the user's side. */
export interface ExplainedOperand {
  /** Absent when nothing was found. */
  readonly value?: Json | undefined
  readonly foundIn: FoundIn
  /** The name under which it was found. */
  readonly key?: string | undefined
  /** What the value was worked out from. */
  readonly from?: string | undefined
}

/** One condition: `operand operator targetValue`. */
export interface ExplainedCondition {
  /** As the specs have it; empty for one that they lack. */
  readonly type: string
  readonly operator?: string | undefined
  readonly field?: string | undefined
  /** Where the condition looks at a unit. */
  readonly idType?: string | undefined
  /** Of a `user_bucket` condition. */
  readonly salt?: string | undefined
  readonly targetValue?: Json | undefined
  /** Whether it holds; `null` where that cannot be told. */
  readonly passes: boolean | null
  readonly operand?: ExplainedOperand | undefined
  /** The gate that `pass_gate` and `fail_gate` ask. */
  readonly gate?: ExplainedEvaluation | undefined
  /** The experiment whose group an `experiment_group` condition compares. */
  readonly experiment?: ExplainedEvaluation | undefined
  /** Why it cannot be told, or which data was missing, in words. */
  readonly problem?: string | undefined
}

/** A config mapping: for the users of its rules another spec answers. */
export interface ExplainedMapping {
  readonly newConfigName: string
  readonly rules: ReadonlyArray<ExplainedMappingRule>
  /** The evaluation of the other spec, if a rule passed. */
  readonly target?: ExplainedEvaluation | undefined
  /** Whether it answered. */
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
   * How a group was found. `notStarted`, `notTargeted`: none was, the default value answers. `bucket`: evenly by the
   * bucket. `exploration`: drawn, the less known groups more often. `score`: the best one. `draw`: drawn, for none has a
   * score.
   */
  readonly pickedBy: "notStarted" | "notTargeted" | "bucket" | "exploration" | "score" | "draw"
  /** The unit's bucket against the share that explores. */
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

/** What persistent assignment makes of the answer. */
export interface ExplainedSticky {
  /**
   * `kept`: the kept answer is given. `givesWay`: there is one, and an override or targeting rule takes it away.
   * `nothingKept`: there is none for the name, and none to save. `saved`: the answer would be kept from now on.
   * `notGiven`: nothing is known of what the user keeps; what is kept would be deleted. `notActive`: the experiment does
   * not run; what is kept would be deleted. `noUnit`: there is no unit to keep anything for.
   */
  readonly decision: "kept" | "givesWay" | "nothingKept" | "saved" | "notGiven" | "notActive" | "noUnit"
  /** The key in the storage, such as `u-1:userID`. */
  readonly key?: string | undefined
  /** The name in the storage. */
  readonly name?: string | undefined
  readonly kept?: StickyValues | undefined
  /** The evaluations that may take a kept answer away. */
  readonly rechecks: ReadonlyArray<ExplainedRecheck>
}

/** An evaluation by some rules only: `targeting` or `overrides`. If it passes, the kept answer gives way. */
export interface ExplainedRecheck {
  readonly rules: "targeting" | "overrides"
  readonly passes: boolean
  readonly evaluation: ExplainedEvaluation
}

/** A parameter of a parameter store. */
export interface ExplainedParameter {
  readonly name: string
  readonly kind: "static" | "gate" | "dynamicConfig" | "experiment" | "layer"
  /** What it is when it is read without a fallback. */
  readonly value: Json
  /** The parameter of the config, experiment or layer that it stands for. */
  readonly parameterName?: string | undefined
  /** What it stands for. Its exposures are those of reading the parameter. */
  readonly reference?: Explanation | undefined
}
