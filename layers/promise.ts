/**
 * The Promise API: a drop-in replacement for `@statsig/statsig-node-core`, for programs without Effect.
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
import * as Effect from "effect/Effect"
import * as EffectLayer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { DataStore } from "../src/DataStore.js"
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
import * as Redis from "./DataStore/Redis.js"
import * as RedisFleet from "./DataStore/RedisFleet.js"
import { presetOptions } from "./internal/promiseOptions.js"
import * as StatsigLayer from "./Statsig.js"
import { make as makeTest, type Setting, type Control as TestControl } from "./StatsigTest.js"

export type { DropReason } from "../src/EventLogger.js"
export { type ByteBuffer, ResponseBuffer } from "../src/engine/byteBuffer.js"
export type { SecondaryExposure as ExplainedSecondaryExposure } from "../src/engine/evaluate/evaluation.js"
export type { StickyValues as ExplainedStickyValues } from "../src/engine/evaluate/sticky.js"
export type * from "../src/engine/explain/explanation.js"
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

const makeServices: MakeServices = (sdkKey, options) =>
  Effect.flatMap(presetOptions(Redacted.make(sdkKey), options), preset =>
    Effect.provide(StatsigLayer.make(preset), partsOf(options))
  )

/** The parts that the program provides in its options. */
const partsOf = ({ dataStore, observabilityClient, persistentStorage }: StatsigOptions): Context.Context<never> => {
  let parts = Context.empty()
  if (dataStore !== undefined) parts = Context.add(parts, DataStore, fromProgramDataStore(dataStore))
  if (observabilityClient !== undefined) {
    parts = Context.add(parts, ObservabilityClient, clientFromProgram(observabilityClient))
  }
  if (persistentStorage !== undefined) {
    parts = Context.add(parts, PersistentStorage, ProgramPersistentStorage.storageFromProgram(persistentStorage))
  }
  return parts
}

/**
 * The address of a data store's Redis, and how it is used.
 *
 * @since 0.1.0
 */
export interface RedisDataStoreOptions {
  /** The URL of the Redis: `redis[s]://[[username][:password]@][host][:port][/database]`. */
  url: string
  /** Milliseconds between two polls, as `specsSyncIntervalMs`; the same for all processes. Default: 10000. */
  intervalMs?: number
  /** For processes that must never poll Statsig: they take updates from Redis only. Default: false. */
  readOnly?: boolean
  /**
   * Loads the package `redis`, which bundlers do not see here: it is imported when the store is made, and must be
   * installed where the program runs. With `() => import("redis")` it becomes part of a bundle.
   */
  load?: () => Promise<unknown>
}

/**
 * Makes a data store in Redis (6 or later) for the option `dataStore`: of all processes with the same Redis and SDK key
 * one polls Statsig, and the others are notified by it. Not in the official Node package.
 *
 * It needs the package `redis`. Each instance of `Statsig` needs its own store. Redis errors are logged: without Redis
 * each process polls Statsig itself.
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
 * A Statsig client on the network, with the package's country table and user agent parser.
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
 * A test double for programs of this API: a client, its class, and the test's controls.
 *
 * @since 0.1.0
 */
export interface StatsigTest {
  /** A client with the test's flags. It needs no `initialize`. */
  readonly statsig: Statsig
  /** The class of such clients, to replace `Statsig` in programs that make their own. All have the same flags. */
  readonly Statsig: StatsigClass
  /** Sets flags, also while the program runs, and shows what was logged. */
  readonly test: TestControl
}

/**
 * Makes a test double without key, network or timers. A name that is not set is unrecognised.
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
 * The exports of the official package as one object: ES modules may import a CommonJS package so.
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
