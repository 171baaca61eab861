/**
 * Decides. A plain synchronous service: every method is total, returns a finished record and logs nothing but the
 * exposures of experiments that an `experiment_group` condition reads.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ExperimentGroups } from "./Evaluation.js"
import type { ResponseBuffer } from "./engine/byteBuffer.js"
import type { ClientInitializeOptions } from "./engine/clientInitialize/clientInitialize.js"
import type { UnsettledLook } from "./engine/engine.js"
import type { Evaluation } from "./engine/evaluate/evaluation.js"
import type { OverrideLookup } from "./engine/evaluate/overrides.js"
import type { LoadedValues, StickyOptions } from "./engine/evaluate/sticky.js"
import type { ExplainedKind, Explanation } from "./engine/explain/explanation.js"
import type { Parameter, SpecKind } from "./engine/specs.js"
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

export type { Evaluation } from "./engine/evaluate/evaluation.js"
export type { LoadedValues, StickyOptions } from "./engine/evaluate/sticky.js"
export type { Parameter } from "./engine/specs.js"

/**
 * What may lie over the specs for the extent of something, such as a request.
 *
 * @since 0.1.0
 */
export interface Overlay {
  /** Asked before the overrides of everyone. */
  readonly overrides?: OverrideLookup | undefined
  /** What users keep; users that are not among them have no kept answers, and none of theirs are changed. */
  readonly persistedValues?: LoadedValues | undefined
}

/**
 * What the service offers. `disableExposureLogging` switches off the exposures of `experiment_group` conditions.
 *
 * @since 0.1.0
 */
export interface Service {
  readonly gate: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
  readonly dynamicConfig: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
  /** Without `sticky` the answer of now, whatever the user keeps, and nothing is stored. */
  readonly experiment: (user: User, name: string, disableExposureLogging: boolean, sticky?: StickyOptions) => Evaluation
  /** As `experiment`. */
  readonly layer: (user: User, name: string, disableExposureLogging: boolean, sticky?: StickyOptions) => Evaluation
  /**
   * An answer of which it is not known yet whether it is used: nothing is logged until `settle` says whether with
   * exposures of `experiment_group` conditions.
   *
   * @internal
   */
  readonly look: (user: User, kind: SpecKind, name: string, sticky?: StickyOptions) => UnsettledLook
  /** The value of the first rule with that group name; no user takes part. */
  readonly experimentByGroupName: (name: string, groupName: string) => Evaluation
  /** The value of the first rule with that id. */
  readonly experimentByGroupID: (name: string, groupID: string) => Evaluation
  /** The definitions of a parameter store, and the details of looking it up. */
  readonly parameterStore: (
    user: User,
    name: string
  ) => {
    readonly evaluation: Evaluation
    readonly parameters: ReadonlyMap<string, Parameter> | undefined
  }
  /** Why the same check would give its answer. Nothing is logged, and nothing that users keep is changed. */
  readonly explain: (
    user: User,
    kind: ExplainedKind,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ) => Explanation
  /** Writes the client initialize response into the buffer, in place of what is in it. */
  readonly writeClientInitializeResponse: (user: User, options: ClientInitializeOptions, buffer: ResponseBuffer) => void
  readonly metadata: SpecMetadata
  /** What the user's own `userAgent` says; `undefined` without one. */
  readonly parsedUserAgent: (user: User) => ParsedUserAgent | undefined
  /** The same evaluator with more laid over the specs. */
  readonly overlaid: (overlay: Overlay) => Service
  /** Reads what the user keeps under these id types. What cannot be read is left out. */
  readonly loadPersistedValues: (user: User, idTypes: ReadonlyArray<string>) => Effect.Effect<LoadedValues>
}

/**
 * The evaluator in use.
 *
 * Layers: `statsig-effect/layers/Evaluator` (default).
 *
 * @since 0.1.0
 */
export class Evaluator extends Context.Tag("statsig-effect/Evaluator")<Evaluator, Service>() {}
