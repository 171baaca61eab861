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
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as EffectLayer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { CountryLookup } from "../src/CountryLookup.js"
import { DataStore } from "../src/DataStore.js"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import type { JsonObject } from "../src/engine/user.js"
import { IdLists } from "../src/IdLists.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import { PersistentStorage } from "../src/PersistentStorage.js"
import { GCIRResponseFormat } from "../src/promise/clientInitialize.js"
import { captureLogLine as statsigCaptureLogLine } from "../src/promise/consoleCapture.js"
import * as ProgramDataStore from "../src/promise/DataStore.js"
import { clientFromProgram } from "../src/promise/observability.js"
import * as OutputLogger from "../src/promise/outputLogger.js"
import { ParameterStore } from "../src/promise/ParameterStore.js"
import * as ProgramPersistentStorage from "../src/promise/PersistentStorage.js"
import { DynamicConfig, Experiment, FeatureGate, Layer } from "../src/promise/results.js"
import {
  type MakeLayer,
  makeStatsig,
  type StatsigClass,
  type Statsig as StatsigInstance
} from "../src/promise/Statsig.js"
import { OverrideAdapterType, type StatsigOptions } from "../src/promise/StatsigOptions.js"
import { StatsigUser } from "../src/promise/StatsigUser.js"
import { type Fetch, SpecSource } from "../src/SpecSource.js"
import { checkSpecsSyncInterval } from "../src/StatsigOptions.js"
import { lookup as noCountry } from "./CountryLookup/Disabled.js"
import * as Ip3Country from "./CountryLookup/Ip3Country.js"
import * as Redis from "./DataStore/Redis.js"
import * as RedisFleet from "./DataStore/RedisFleet.js"
import * as EventLoggerLayer from "./EventLogger.js"
import * as HttpSink from "./EventSink/Http.js"
import * as NoSink from "./EventSink/Noop.js"
import * as HttpIdLists from "./IdLists/Http.js"
import * as MemoryIdLists from "./IdLists/Memory.js"
import * as NoObservability from "./ObservabilityClient/Noop.js"
import { client, isUnbounded, keySchemaOf, specSource, urlOf } from "./promiseSources.js"
import * as StatsigLayer from "./Statsig.js"
import { make as makeTest, type Setting, type Control as TestControl } from "./StatsigTest.js"
import * as NoUserAgentParser from "./UserAgentParser/Disabled.js"
import * as StatsigUserAgents from "./UserAgentParser/Statsig.js"
import * as UapCore from "./UserAgentParser/UapCore.js"

export { ResponseBuffer } from "../src/engine/byteBuffer.js"
export type {
  ExplainedEvaluation,
  ExplainedKind,
  Explanation
} from "../src/engine/explanation.js"
export { type ClientInitResponseOptions, GCIRResponseFormat } from "../src/promise/clientInitialize.js"
export { captureLogLine as statsigCaptureLogLine } from "../src/promise/consoleCapture.js"
export type {
  DataStore,
  DataStoreBytesResponse,
  DataStoreResponse
} from "../src/promise/DataStore.js"
export { ParameterStore } from "../src/promise/ParameterStore.js"
export {
  DynamicConfig,
  type EvaluationDetails,
  Experiment,
  FeatureGate,
  Layer,
  type SecondaryExposure,
  type TypedGet,
  type UnknownGet
} from "../src/promise/results.js"
export type {
  DynamicConfigEvaluationOptions,
  ExperimentEvaluationOptions,
  ExperimentGroup,
  ExperimentGroupsResult,
  ExplainResult,
  FeatureGateEvaluationOptions,
  InitializeDetails,
  LayerEvaluationOptions,
  ParameterStoreEvaluationOptions,
  SpecsStatus,
  StatsigResult
} from "../src/promise/Statsig.js"
export {
  type ConsoleCaptureOptions,
  type ObservabilityClient,
  type OutputLoggerProvider,
  type OverrideAdapterConfig,
  OverrideAdapterType,
  type PersistentStorage,
  type ProxyConfig,
  type SpecAdapterConfig,
  type StatsigOptions,
  type StickyValues,
  type UserPersistedValues
} from "../src/promise/StatsigOptions.js"
export { StatsigUser, type StatsigUserArgs } from "../src/promise/StatsigUser.js"
export type { SdkEvent } from "../src/promise/subscriptions.js"
export type { Audience, LoggedEvent, LoggedExposure, Setting } from "./StatsigTest.js"
export type { TestControl }

/**
 * One effect that makes part after part, not a graph of layers, which would take three times as many steps: at the start
 * of a process, where nothing is compiled yet, each of them counts.
 */
const makeLayer: MakeLayer = (sdkKey, options) =>
  EffectLayer.scopedContext(
    OutputLogger.use(options).pipe(
      Effect.andThen(surroundings(options)),
      Effect.flatMap(services => Effect.provide(parts(Redacted.make(sdkKey), options), services))
    )
  )

/** What the other parts are made with. */
const surroundings = Effect.fnUntraced(function* (options: StatsigOptions) {
  const { dataStore, observabilityClient, persistentStorage } = options
  let services = Context.add(
    yield* client(options),
    ObservabilityClient,
    observabilityClient === undefined ? NoObservability.client : clientFromProgram(observabilityClient)
  )
  if (dataStore !== undefined) services = Context.add(services, DataStore, ProgramDataStore.fromProgram(dataStore))
  if (persistentStorage !== undefined) {
    services = Context.add(services, PersistentStorage, ProgramPersistentStorage.fromProgram(persistentStorage))
  }
  return services
})

const parts = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { disableCountryLookup, environment, globalCustomFields, initTimeoutMs, specsSyncIntervalMs } = options
  const table = disableCountryLookup ? undefined : yield* Effect.forkScoped(EffectLayer.build(Ip3Country.layer))
  const made = Context.empty().pipe(
    Context.add(SpecSource, yield* specs(sdkKey, options, table)),
    Context.add(IdLists, yield* idLists(sdkKey, options)),
    Context.add(EventLogger, yield* eventLogger(sdkKey, options)),
    Context.add(CountryLookup, table === undefined ? { lookup: noCountry } : yield* lookupIn(table)),
    Context.merge(yield* EffectLayer.build(userAgentParser(options)))
  )
  const core = StatsigLayer.make({
    sdkKey,
    environment,
    globalCustomFields,
    initTimeout: initTimeoutMs === undefined || isUnbounded(initTimeoutMs) ? undefined : Duration.millis(initTimeoutMs),
    specsSyncInterval: yield* checkSpecsSyncInterval(specsSyncIntervalMs)
  })
  return yield* Effect.provide(core, made)
})

const eventLogger = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { logEventUrl, serviceName } = options
  const sink = options.disableNetwork ? NoSink.sink : yield* HttpSink.make({ sdkKey, logEventUrl, serviceName })
  const logger = EventLoggerLayer.make({
    environment: options.environment,
    globalCustomFields: options.globalCustomFields as JsonObject | undefined,
    serviceName,
    maxQueueSize: options.eventLoggingMaxQueueSize,
    maxPendingBatches: options.eventLoggingMaxPendingBatchQueueSize,
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
  if (disableUserAgentParsing) return NoUserAgentParser.layer
  return useThirdPartyUaParser ? UapCore.layer : StatsigUserAgents.layer
}

/** The country table of an instance, when it is there. */
type CountryTable = Fiber.Fiber<Context.Context<CountryLookup>>

/**
 * A bundle may hold the country table where it can only be waited for, which a constructor cannot do: addresses have no
 * country until it is there.
 */
const lookupIn = Effect.fnUntraced(function* (table: CountryTable) {
  let loaded: CountryLookup["Type"] | undefined
  yield* Effect.forkScoped(
    Effect.map(Fiber.join(table), services => {
      loaded = Context.get(services, CountryLookup)
    })
  )
  return CountryLookup.of({ lookup: ip => loaded?.lookup(ip) })
})

/** The source of specs; its answer to `initialize` waits for the country table where the program wants that. */
const specs = Effect.fnUntraced(function* (
  sdkKey: Redacted.Redacted,
  options: StatsigOptions,
  table: CountryTable | undefined
) {
  const source = yield* specSource(sdkKey, options)
  if (!options.waitForCountryLookupInit || table === undefined) return source
  const fetch: Fetch = (request, apply) =>
    request.purpose === "initialize"
      ? Effect.flatMap(Effect.exit(source.fetch(request, apply)), exit => Effect.andThen(Fiber.await(table), exit))
      : source.fetch(request, apply)
  return { ...source, fetch }
})

/**
 * Where the Redis of a data store is, and how it is used.
 *
 * @since 0.1.0
 */
export interface RedisDataStoreOptions {
  /** `redis[s]://[[username][:password]@][host][:port][/database]`. */
  url: string
  /** Milliseconds between two polls, as `specsSyncIntervalMs`; the same for all processes. Default: 10000. */
  intervalMs?: number
  /** For processes that are never to poll Statsig: they take updates from Redis only. Default: false. */
  readOnly?: boolean
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
export const redisDataStore = ({ intervalMs, readOnly, url }: RedisDataStoreOptions): ProgramDataStore.DataStore =>
  ProgramDataStore.toProgram(
    readOnly === true
      ? Redis.make({ url: Redacted.make(url), supportsPollingUpdates: true })
      : RedisFleet.make({ url: Redacted.make(url), interval: intervalMs })
  )

/**
 * A Statsig client over the network, the country table and the user-agent parser of the package.
 *
 * @since 0.1.0
 */
export const Statsig: StatsigClass = makeStatsig(makeLayer)

/**
 * A Statsig client.
 *
 * @since 0.1.0
 */
export type Statsig = StatsigInstance

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
  const Class = makeStatsig((_sdkKey, options) =>
    EffectLayer.provide(layer, EffectLayer.scopedDiscard(OutputLogger.use(options)))
  )
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
