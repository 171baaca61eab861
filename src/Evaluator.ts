/**
 * Evaluates. A plain synchronous service: every method is total and returns a finished record. It logs only the
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

export type { Evaluation, SharedDetails } from "./engine/evaluate/evaluation.js"
export type { LoadedValues, StickyOptions } from "./engine/evaluate/sticky.js"
export type { Parameter } from "./engine/specs.js"

/**
 * Data laid over the specs for a limited scope, such as a request.
 *
 * @since 0.1.0
 */
export interface Overlay {
  /** Looked up before the global overrides. */
  readonly overrides?: OverrideLookup | undefined
  /** The stored sticky assignments of users. Users without an entry have none, and theirs are not changed. */
  readonly persistedValues?: LoadedValues | undefined
}

/**
 * The methods of the service. `disableExposureLogging` switches off the exposures of `experiment_group` conditions.
 *
 * @since 0.1.0
 */
export interface Service {
  readonly gate: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
  readonly dynamicConfig: (user: User, name: string, disableExposureLogging: boolean) => Evaluation
  /** Without `sticky`, the current evaluation: sticky assignments are ignored and nothing is stored. */
  readonly experiment: (user: User, name: string, disableExposureLogging: boolean, sticky?: StickyOptions) => Evaluation
  /** As `experiment`. */
  readonly layer: (user: User, name: string, disableExposureLogging: boolean, sticky?: StickyOptions) => Evaluation
  /**
   * An evaluation that may not be used: nothing is logged until `settle` is called, which says whether to log the
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
  /** Explains the result of the same check. Nothing is logged, and no sticky assignment is changed. */
  readonly explain: (
    user: User,
    kind: ExplainedKind,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ) => Explanation
  /** Writes the client initialize response into the buffer, replacing its contents. */
  readonly writeClientInitializeResponse: (user: User, options: ClientInitializeOptions, buffer: ResponseBuffer) => void
  readonly metadata: SpecMetadata
  /** The user's parsed `userAgent`; `undefined` without one. */
  readonly parsedUserAgent: (user: User) => ParsedUserAgent | undefined
  /** The same evaluator with a further overlay on the specs. */
  readonly overlaid: (overlay: Overlay) => Service
  /** Loads the user's sticky assignments for these id types. Those that cannot be read are left out. */
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
