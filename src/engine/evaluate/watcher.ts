/**
 * The steps that an evaluation reports.
 *
 * A `Call` with a watcher takes the same decisions as one without, and reports each step once it is taken. A watcher
 * only listens, so it sees exactly what the check did.
 */
import type { BanditPick, CompiledBandit } from "../conditions/bandit.js"
import type { CompiledCondition, Place, Subject } from "../conditions/conditions.js"
import type { UserValue } from "../conditions/values.js"
import type { CompiledRule, CompiledSpec } from "../payload/compiled.js"
import type { CompiledMapping } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { Evaluation } from "./evaluation.js"
import type { OverrideValues } from "./overrides.js"

/** One step of an evaluation. Evaluations nest, and so do their steps. */
export type Step =
  /** The evaluation of a name begins. */
  | { readonly step: "begin"; readonly kind: SpecKind; readonly name: string }
  /** It has ended; `found` is whether there is anything of that name. */
  | { readonly step: "end"; readonly record: Evaluation; readonly found: boolean }
  /** A limit was passed; `count` evaluations end without a result. */
  | { readonly step: "abandoned"; readonly count: number }
  /** An override replaces the specs' result. */
  | { readonly step: "override"; readonly value: OverrideValues[SpecKind]; readonly record: Evaluation }
  /** The rules of a spec follow, in this order. */
  | { readonly step: "spec"; readonly spec: CompiledSpec; readonly rules: ReadonlyArray<CompiledRule> }
  /** A rule begins, of the spec or of a config mapping. */
  | { readonly step: "rule"; readonly rule: CompiledRule }
  /** The next condition of the rule begins. */
  | { readonly step: "condition" }
  /** The condition has read the value on the user's side, and tested it. */
  | { readonly step: "operand"; readonly value: UserValue; readonly place: Place | undefined }
  /** The condition lacked data that was not loaded; `reason` becomes the reason of the evaluation. */
  | { readonly step: "lack"; readonly reason: string }
  /** The condition has written its result. */
  | { readonly step: "conditionEnd"; readonly condition: CompiledCondition; readonly record: Evaluation }
  /** All conditions were evaluated, or one ended the rule. */
  | { readonly step: "ruleEnd"; readonly record: Evaluation }
  /** The pass percentage was checked, after the conditions. */
  | { readonly step: "percentage"; readonly rule: CompiledRule; readonly passes: boolean }
  /** In new layer evaluation: whether a rule that passes adds its value. */
  | { readonly step: "merge"; readonly adds: boolean }
  /** A config mapping of the name is checked. */
  | { readonly step: "mapping"; readonly mapping: CompiledMapping }
  | { readonly step: "mappingRule"; readonly rule: CompiledMapping["rules"][number]; readonly isStarted: boolean }
  /** The mapped spec was evaluated. */
  | { readonly step: "mappingEnd"; readonly isTaken: boolean }
  /** A bandit replaces the experiment. */
  | { readonly step: "bandit"; readonly bandit: CompiledBandit }
  | { readonly step: "pick"; readonly bandit: CompiledBandit; readonly pick: BanditPick; readonly subject: Subject }

/** Receives the steps of an evaluation. */
export type Watcher = (step: Step) => void
