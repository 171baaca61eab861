/**
 * The decoded parts of a config-specs payload, as the engine reads them. `src/Specs.ts` holds the Schema of each and
 * the rules of strictness.
 */
import type { Json, RawJson } from "./json.js"

/** The kinds of names that can be evaluated. */
export type SpecKind = "gate" | "dynamicConfig" | "experiment" | "layer"

/** Settings in a payload for the SDK itself. Small, so that results and queued events may hold it. */
export interface RemoteConfig {
  readonly defaultEnvironment: string | undefined
  readonly sdkConfigs: ReadonlyMap<string, Json>
  /** For each kind of diagnostics event, how many in 10,000 are sent. */
  readonly diagnostics: ReadonlyMap<string, number>
}

/** A rule of a spec, or of a config mapping. */
export interface Rule {
  readonly name: string
  readonly passPercentage: number
  readonly returnValue: Json
  readonly id: string
  readonly salt?: string | undefined
  readonly conditions: ReadonlyArray<string>
  readonly idType: string
  readonly groupName?: string | undefined
  readonly configDelegate?: string | undefined
  readonly isExperimentGroup?: boolean | undefined
  readonly samplingRate?: number | undefined
}

/** A gate, a dynamic config (experiment, autotune) or a layer. */
export interface Spec {
  readonly salt: string
  readonly defaultValue: Json
  readonly enabled: boolean
  readonly rules: ReadonlyArray<Rule>
  readonly idType: string
  readonly entity: string
  readonly explicitParameters?: ReadonlyArray<string> | undefined
  readonly hasSharedParams?: boolean | undefined
  readonly isActive?: boolean | undefined
  readonly version?: number | undefined
  readonly targetAppIDs?: ReadonlyArray<string> | undefined
  readonly forwardAllExposures?: boolean | undefined
  readonly fieldsUsed?: ReadonlyArray<string> | undefined
  readonly useNewLayerEval?: boolean | undefined
}

/** A condition. Its target keeps the spelling of numbers, because items are compared as text. */
export interface Condition {
  readonly type: string
  readonly idType: string
  readonly targetValue?: RawJson | undefined
  readonly operator?: string | undefined
  readonly field?: string | undefined
  readonly additionalValues?: Readonly<Record<string, string>> | undefined
}

/** One parameter of a parameter store. */
export type Parameter =
  | { readonly kind: "static"; readonly value: Json }
  | { readonly kind: "gate"; readonly gateName: string; readonly passValue: Json; readonly failValue: Json }
  | { readonly kind: "dynamicConfig"; readonly configName: string; readonly parameterName: string }
  | { readonly kind: "experiment"; readonly experimentName: string; readonly parameterName: string }
  | { readonly kind: "layer"; readonly layerName: string; readonly parameterName: string }

/** A parameter of the payload, with fields that are only passed on to clients. */
export type ParameterSpec = Parameter & {
  readonly refType: string
  readonly parameterType: string
  readonly name?: string | undefined
}

/** A parameter store. */
export interface ParameterStoreSpec {
  readonly parameters: ReadonlyMap<string, ParameterSpec>
  readonly targetAppIDs?: ReadonlyArray<string> | undefined
}

/** A contextual bandit (autotune AI). */
export interface Bandit {
  readonly salt: string
  readonly defaultValue: Json
  readonly idType: string
  readonly enabled: boolean
  readonly version: number
  readonly sampleRate: number
  readonly higherIsBetter: boolean
  readonly groups: ReadonlyArray<{ readonly name: string; readonly parameterValues: Json; readonly id: string }>
  readonly config?: ReadonlyMap<string, BanditModel> | undefined
  readonly targetingGateName?: string | undefined
  readonly targetAppIDs?: ReadonlyArray<string> | undefined
}

/** The learnt weights of one group of a bandit. */
export interface BanditModel {
  readonly alpha: number
  readonly intercept: number
  readonly records: number
  readonly weightsNumerical: ReadonlyMap<string, number>
  readonly weightsCategorical: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** A config mapping: which spec replaces another, and for which users. */
export interface ConfigMapping {
  readonly newConfigName: string
  readonly rules: ReadonlyArray<{ readonly ruleName: string; readonly startTime: number }>
}

/** Settings for clients about recording sessions. */
export interface SessionReplay {
  readonly samplingRate?: number | undefined
  readonly targetingGate?: string | undefined
  readonly recordingBlocked?: boolean | undefined
  readonly eventTriggers?: ReadonlyMap<string, RecordingTrigger> | undefined
  readonly exposureTriggers?: ReadonlyMap<string, RecordingTrigger> | undefined
  /** Passed on as in the payload. */
  readonly privacySettings?: Readonly<Record<string, string | ReadonlyArray<string> | undefined>> | undefined
}

/** The trigger of a recording in a client. */
export interface RecordingTrigger {
  readonly samplingRate?: number | undefined
  readonly values?: ReadonlyArray<string> | undefined
}

/** The target app of each client key; `undefined` for a map that the payload lacks. */
export interface ClientKeys {
  readonly plain?: ReadonlyMap<string, Json> | undefined
  /** By the djb2 of the key. If present, only this map is used. */
  readonly hashed?: ReadonlyMap<string, Json> | undefined
}
