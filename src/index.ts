/**
 * Statsig for Effect programs: one namespace for each module.
 *
 * The layers that make it a running SDK are under `statsig-effect/layers/*`.
 *
 * @since 0.1.0
 */

export * as ClientInitialize from "./ClientInitialize.js"
export * as Codegen from "./Codegen.js"
export * as CountryLookup from "./CountryLookup.js"
export * as DataStore from "./DataStore.js"
export * as Evaluation from "./Evaluation.js"
export * as Evaluator from "./Evaluator.js"
export * as EventLogger from "./EventLogger.js"
export * as EventSink from "./EventSink.js"
export * as Explanation from "./Explanation.js"
export * as Flag from "./Flag.js"
export * as IdLists from "./IdLists.js"
export * as ObservabilityClient from "./ObservabilityClient.js"
export * as Overrides from "./Overrides.js"
export * as PersistentStorage from "./PersistentStorage.js"
export * as SpecSource from "./SpecSource.js"
export * as SpecStore from "./SpecStore.js"
export * as Specs from "./Specs.js"
export * as Statsig from "./Statsig.js"
export * as StatsigError from "./StatsigError.js"
export * as StatsigOptions from "./StatsigOptions.js"
export * as StatsigUser from "./StatsigUser.js"
export * as UserAgentParser from "./UserAgentParser.js"
