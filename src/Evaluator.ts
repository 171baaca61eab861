/**
 * Decides. A plain synchronous service: every method is total, returns a finished record and logs nothing but the
 * exposures of experiments that an `experiment_group` condition reads.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { ExperimentGroups } from "./Evaluation.js"
import type { Evaluation } from "./engine/evaluation.js"
import type { User } from "./engine/user.js"
import type { ParsedUserAgent } from "./UserAgentParser.js"

/**
 * Lists and metadata of the held specs. All are empty while there are none.
 *
 * @since 0.1.0
 */
export interface SpecMetadata {
  readonly gates: () => ReadonlyArray<string>
  readonly dynamicConfigs: () => ReadonlyArray<string>
  readonly experiments: () => ReadonlyArray<string>
  readonly autotunes: () => ReadonlyArray<string>
  readonly layers: () => ReadonlyArray<string>
  readonly parameterStores: () => ReadonlyArray<string>
  readonly experimentGroups: (name: string) => ExperimentGroups
  readonly fieldsNeededForGate: (name: string) => ReadonlyArray<string>
  readonly fieldsNeededForDynamicConfig: (name: string) => ReadonlyArray<string>
  readonly fieldsNeededForExperiment: (name: string) => ReadonlyArray<string>
  readonly fieldsNeededForLayer: (name: string) => ReadonlyArray<string>
}

/**
 * The definition of one parameter of a parameter store.
 *
 * @since 0.1.0
 */
export type { Parameter } from "./engine/specs.js"

/**
 * The evaluator in use. The last argument of each check switches off the exposures of `experiment_group` conditions.
 *
 * Layers: `statsig-effect/layers/Evaluator` (default).
 *
 * @since 0.1.0
 */
export class Evaluator extends Context.Tag("statsig-effect/Evaluator")<
  Evaluator,
  {
    readonly gate: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
    readonly dynamicConfig: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
    readonly experiment: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
    readonly layer: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
    /** The value of the first rule with that group name; no user takes part. */
    readonly experimentByGroupName: (name: string, groupName: string) => Evaluation
    /** The value of the first rule with that id. */
    readonly experimentByGroupID: (name: string, groupID: string) => Evaluation
    /** The definitions of a parameter store, and the details of looking it up. */
    readonly parameterStore: (name: string) => {
      readonly evaluation: Evaluation
      readonly parameters: ReadonlyMap<string, import("./engine/specs.js").Parameter> | undefined
    }
    readonly metadata: SpecMetadata
    /** What the user's own `userAgent` says; `undefined` without one. */
    readonly parsedUserAgent: (user: User) => ParsedUserAgent | undefined
  }
>() {}
