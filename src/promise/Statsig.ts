/**
 * The `Statsig` class of the Promise API, on given services.
 *
 * The constructor makes the services once. A check then calls the synchronous service directly: no Effect runs, only a
 * `try` and the argument checks are added. No background work references the instance, so that an unused one can be
 * collected, which stops its background work.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type { Evaluator } from "../Evaluator.js"
import { ResponseBuffer } from "../engine/byteBuffer.js"
import type { ExplainedKind, Explanation } from "../engine/explain/explanation.js"
import { render } from "../engine/explain/render.js"
import type { Checks } from "../internal/checks.js"
import { guarded } from "../internal/clocks.js"
import { quietly } from "../internal/quietly.js"
import { soon } from "../internal/timers.js"
import { Overrides } from "../Overrides.js"
import { SpecStore } from "../SpecStore.js"
import * as Core from "../Statsig.js"
import { argumentError, asFlag, asText, asUnsigned, problemOf } from "./argument.js"
import { type Failures, guardCall, guardMethods } from "./boundary.js"
import { brandClass } from "./classes.js"
import { type ClientInitResponseOptions, clientInitializeOptions } from "./clientInitialize.js"
import { captureConsole, stopCapture } from "./consoleCapture.js"
import {
  asEventMetadata,
  asEventValue,
  asID,
  asKind,
  checkable,
  checkableSticky,
  type DynamicConfigEvaluationOptions,
  type ExperimentEvaluationOptions,
  type FeatureGateEvaluationOptions,
  type LayerEvaluationOptions,
  type ParameterStoreEvaluationOptions
} from "./evaluationOptions.js"
import { type Internals, internals } from "./internals.js"
import { toJsonMap, toMap } from "./json.js"
import { logLineLevel } from "./logLineLevels.js"
import { type OutputLoggerProvider, runtimeWithLogger } from "./outputLogger.js"
import { ParameterStore } from "./ParameterStore.js"
import { DynamicConfig, Experiment, FeatureGate, Layer, recordAsRaw } from "./results.js"
import { StatsigMetadata } from "./StatsigMetadata.js"
import { checkOptions, type StatsigOptions } from "./StatsigOptions.js"
import { type StatsigUser, userOf } from "./StatsigUser.js"
import {
  detailsOf,
  type EventStatus,
  type InitializeDetails,
  resultOf,
  type SpecsStatus,
  type StatsigResult,
  sinkErrorText,
  syncOutcome
} from "./status.js"
import {
  followAnswers,
  followSpecs,
  invalidSubscription,
  type SdkEvent,
  type SdkEventCallback,
  Subscriptions
} from "./subscriptions.js"

/**
 * Explains the result of a check, as data and as indented text for a terminal. Not in the official Node package.
 *
 * @since 0.1.0
 */
export interface ExplainResult extends Explanation {
  text: string
}

/**
 * The services of a `Statsig` instance.
 *
 * @since 0.1.0
 */
export type Services = Core.Statsig | Evaluator | SpecStore | Overrides

/**
 * Makes the services of one instance, synchronously. They end with the scope.
 *
 * @since 0.1.0
 */
export type MakeServices = (
  sdkKey: string,
  options: StatsigOptions
) => Effect.Effect<Context.Context<Services>, never, Scope.Scope>

const defaultShutdownTimeout = 3000

brandClass(ResponseBuffer, "ResponseBuffer")

/**
 * A Statsig client. `new Statsig(sdkKey, options)` makes one without a request; `initialize` loads the specs and starts
 * the background updates. Until then, and whenever there are no specs, checks return their defaults.
 *
 * No method throws or rejects: errors are written to `console.error`, and the method returns `null`, a promise of
 * `undefined`, or an empty result object. Methods may be passed around without their instance.
 *
 * @example
 * const statsig = new Statsig("secret-…", { environment: "staging" })
 * await statsig.initialize()
 * const user = new StatsigUser({ userID: "u-1" })
 * if (statsig.checkGate(user, "new_checkout")) console.log("open")
 * await statsig.shutdown()
 *
 * @since 0.1.0
 */
export abstract class StatsigClient extends StatsigMetadata {
  static readonly #collected = new FinalizationRegistry<Effect.Effect<void>>(stop => Effect.runFork(stop))

  readonly #statsig: Core.Service
  readonly #checks: Checks
  readonly #overrides: Overrides["Type"]
  readonly #store: SpecStore["Type"]
  readonly #subscriptions: Subscriptions
  readonly #provider: OutputLoggerProvider | undefined
  /** Also works after `shutdown`. */
  readonly #run: <A>(effect: Effect.Effect<A>) => Promise<A>
  readonly #stop: Effect.Effect<void>
  #initialized: Core.InitializeResult | undefined
  #isRunning = true

  /**
   * Throws, with a `code`, if the key is not a string or an option has the wrong type.
   *
   * @internal
   */
  protected constructor(makeServices: MakeServices, sdkKey: string, options?: StatsigOptions | null) {
    const key = asText(sdkKey, "sdkKey")
    const checked = checkOptions(options)
    const scope = Effect.runSync(Scope.make())
    const runtime = Runtime.runSync(runtimeWithLogger(checked))(
      Effect.flatMap(Scope.extend(makeServices(key, checked), scope), services =>
        Effect.provide(Effect.runtime<Services>(), services)
      )
    )
    const statsig = Context.get(runtime.context, Core.Statsig)
    super(statsig)
    this.#statsig = statsig
    this.#checks = this.#statsig.checks
    this.#overrides = Context.get(runtime.context, Overrides)
    this.#store = Context.get(runtime.context, SpecStore)
    this.#provider = checked.outputLoggerProvider
    const store = this.#store
    this.#subscriptions = new Subscriptions(subscriptions => {
      const ends = [followAnswers(statsig, subscriptions), followSpecs(store, subscriptions)]
      return () => {
        for (const end of ends) end()
      }
    })
    const capture = checked.consoleCaptureOptions
    const endCapture = capture?.enabled ? captureConsole(key, this.#statsig, capture) : () => {}
    this.#run = Runtime.runPromise(runtime)
    this.#stop = Effect.ensuring(Scope.close(scope, Exit.void), Effect.sync(endCapture))
    StatsigClient.#collected.register(this, this.#stop)
    guardMethods(this, failures)
  }

  /** Loads the specs and starts the background updates. May be called again to reload. */
  async initialize(): Promise<StatsigResult> {
    return resultOf(await this.#initialize())
  }

  /** As `initialize`, with a more detailed result. Not in the official Node package. */
  async initializeWithDetails(): Promise<InitializeDetails> {
    return detailsOf(this.#statsig, await this.#initialize())
  }

  /** The result of the last `initialize`. Not in the official Node package. */
  getInitializeDetails(): InitializeDetails {
    return detailsOf(this.#statsig, this.#initialized)
  }

  /** The state of the specs: source, age, last error. For a health check. Not in the official Node package. */
  getSpecsStatus(): SpecsStatus {
    const { age, isStale, lastError, lastSuccessAt, receivedAt, source, time, warnings } = Effect.runSync(
      this.#statsig.status
    )
    return {
      source,
      lcut: time,
      receivedAt: receivedAt ?? null,
      lastSuccessAt: lastSuccessAt ?? null,
      ageMs: age === undefined ? null : Duration.toMillis(age),
      isStale,
      lastError: lastError?.message ?? null,
      warnings: warnings.map(({ kind, message, name }) => ({ kind, name, message }))
    }
  }

  /** The state of event delivery: pending, sent, dropped, last error. Not in the official Node package. */
  getEventStatus(): EventStatus {
    const { dropped, droppedBy, lastError, pending, sent } = Effect.runSync(this.#statsig.eventStatus)
    return { pending, sent, dropped, droppedBy: { ...droppedBy }, lastError: lastError?.message ?? null }
  }

  /**
   * Fetches specs and ID lists now, without waiting for the next poll: after a webhook, for example. A call during a
   * fetch waits for that fetch. Not in the official Node package.
   */
  async syncNow(): Promise<StatsigResult> {
    return this.#run(Effect.match(this.#statsig.syncNow, syncOutcome))
  }

  /**
   * As `syncNow`, for specs and ID lists that may be older than this many milliseconds; else it does nothing. For
   * functions that are frozen between requests, so that no poll runs: call it once at the start of a request. Not in
   * the official Node package.
   */
  async syncIfOlderThan(ageMs: number): Promise<StatsigResult> {
    return this.#run(Effect.match(this.#statsig.syncIfOlderThan(asUnsigned(ageMs, "ageMs")), syncOutcome))
  }

  /** Whether `initialize` succeeded. Not in the official Node package. */
  isInitialized(): boolean {
    return this.getInitializeDetails().initSuccess
  }

  /**
   * Sends the queued events and stops the background work. Fails when that takes longer than the timeout in
   * milliseconds, by default 3000. Checks continue with the last specs.
   */
  async shutdown(timeoutMs?: number | null): Promise<StatsigResult> {
    const timeout =
      timeoutMs === undefined || timeoutMs === null ? defaultShutdownTimeout : asUnsigned(timeoutMs, "timeoutMs")
    stopCapture()
    this.#isRunning = false
    // Undelivered events are counted before this ends; the remaining work need not be waited for.
    return this.#run(
      thenInBackground(this.#statsig.shutdown, this.#stop).pipe(
        Effect.match({
          onFailure: (error): StatsigResult => ({ isSuccess: false, error: sinkErrorText(error) }),
          onSuccess: (): StatsigResult => ({ isSuccess: true })
        }),
        Effect.timeoutTo({
          duration: Duration.millis(timeout),
          onSuccess: result => result,
          onTimeout: (): StatsigResult => ({ isSuccess: false, error: "Shutdown failure: Shutdown timed out" })
        }),
        Effect.ensuring(Effect.sync(() => endProvider(this.#provider))),
        guarded
      )
    )
  }

  /** Restores the console's own functions. */
  stopConsoleCapture(): void {
    stopCapture()
  }

  /** Sends the queued events now. */
  async flushEvents(): Promise<StatsigResult> {
    await this.#run(this.#statsig.flush)
    return { isSuccess: true }
  }

  /** Whether the gate is open for the user; `false` for an unknown gate. */
  checkGate(user: StatsigUser, gateName: string, options?: FeatureGateEvaluationOptions | null): boolean {
    return this.#checks.checkGate(userOf(user), asText(gateName, "gateName"), checkable(options))
  }

  /** As `checkGate`, with rule and details. */
  getFeatureGate(user: StatsigUser, gateName: string, options?: FeatureGateEvaluationOptions | null): FeatureGate {
    const evaluation = this.#checks.gate(userOf(user), asText(gateName, "gateName"), checkable(options))
    return new FeatureGate(gateName, recordAsRaw(evaluation))
  }

  /** The config's value for the user; empty for an unknown config. */
  getDynamicConfig(
    user: StatsigUser,
    configName: string,
    options?: DynamicConfigEvaluationOptions | null
  ): DynamicConfig {
    const evaluation = this.#checks.dynamicConfig(userOf(user), asText(configName, "configName"), checkable(options))
    return new DynamicConfig(configName, recordAsRaw(evaluation))
  }

  /** The experiment's value for the user; empty for an unknown experiment. */
  getExperiment(user: StatsigUser, experimentName: string, options?: ExperimentEvaluationOptions | null): Experiment {
    const target = userOf(user)
    const name = asText(experimentName, "experimentName")
    return new Experiment(name, recordAsRaw(this.#checks.experiment(target, name, checkableSticky(options))))
  }

  /** The layer's value for the user; empty for an unknown layer. Reading a parameter logs its exposure. */
  getLayer(user: StatsigUser, layerName: string, options?: LayerEvaluationOptions | null): Layer {
    const { evaluation, expose } = this.#checks.layer(
      userOf(user),
      asText(layerName, "layerName"),
      checkableSticky(options)
    )
    const logRead = (parameter: string) => {
      guardCall("logLayerParamExposure", () => expose(asText(parameter, "paramName")))
    }
    return new Layer(logRead, layerName, recordAsRaw(evaluation))
  }

  /** The parameters of the store. They are evaluated and logged when they are read. */
  getParameterStore(
    user: StatsigUser,
    parameterStoreName: string,
    options?: ParameterStoreEvaluationOptions | null
  ): ParameterStore {
    const settings = checkable(options)
    const store = this.#statsig.getParameterStore(
      userOf(user),
      asText(parameterStoreName, "parameterStoreName"),
      settings
    )
    return new ParameterStore(store, settings?.disableExposureLogging === true)
  }

  /**
   * Explains the result of the check with these options: every rule and condition evaluated, with the user's value and
   * the target value, and the exposures that the check would log. Nothing is logged, counted, saved or deleted. `kind`
   * is `gate`, `dynamicConfig`, `experiment`, `layer` or `parameterStore`.
   *
   * It shows values of the user, including private attributes, and takes many times as long as the check: use it to
   * inspect a case, not for every request. Not in the official Node package.
   *
   * @example
   * console.log(statsig.explain(user, "gate", "new_checkout").text)
   */
  explain(
    user: StatsigUser,
    kind: ExplainedKind,
    name: string,
    options?: ExperimentEvaluationOptions | null
  ): ExplainResult {
    const explanation = this.#checks.explain(userOf(user), asKind(kind), asText(name, "name"), checkableSticky(options))
    return { ...explanation, text: render(explanation) }
  }

  /**
   * Logs a custom event. A value that is neither a string nor a number, and metadata that is not an object, count as
   * none; an event that cannot be JSON is rejected and counted as dropped.
   */
  logEvent(
    user: StatsigUser,
    eventName: string,
    value?: string | number | null,
    // biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
    metadata?: Record<string, any> | null
  ): void {
    this.#offer(() =>
      this.#statsig.logEvent(
        userOf(user),
        asText(eventName, "eventName"),
        asEventValue(value),
        asEventMetadata(metadata)
      )
    )
  }

  /** Logs a line of the program's log. An unknown level logs nothing. */
  forwardLogLineEvent(
    user: StatsigUser,
    logLevel: "trace" | "debug" | "log" | "info" | "warn" | "warning" | "error" | "err",
    value?: string | null,
    metadata?: Record<string, string> | null
  ): void {
    this.#offer(() => {
      const target = userOf(user)
      const level = logLineLevel(asText(logLevel, "logLevel"))
      const line = value === undefined || value === null ? null : asText(value, "value")
      const fields =
        metadata === undefined || metadata === null
          ? null
          : toMap(metadata, (member, name) => asText(member, `metadata.${name}`))
      if (level === undefined) {
        this.#run(Effect.logError(`Invalid log level: ${logLevel}`))
        this.#statsig.refuseEvent("the log level does not exist")
        return
      }
      this.#statsig.forwardLogLine(target, level, line, fields as Record<string, string> | null)
    })
  }

  /** Sends a user to Statsig without a check. */
  identify(user: StatsigUser): void {
    this.#offer(() => this.#statsig.identify(userOf(user)))
  }

  /** Logs the user's current exposure to the gate. */
  manuallyLogFeatureGateExposure(user: StatsigUser, gateName: string): void {
    this.#offer(() => this.#statsig.manuallyLogGateExposure(userOf(user), asText(gateName, "gateName")))
  }

  /** Logs the user's current exposure to the dynamic config. */
  manuallyLogDynamicConfigExposure(user: StatsigUser, configName: string): void {
    this.#offer(() => this.#statsig.manuallyLogDynamicConfigExposure(userOf(user), asText(configName, "configName")))
  }

  /** Logs the user's current exposure to the experiment. */
  manuallyLogExperimentExposure(user: StatsigUser, experimentName: string): void {
    this.#offer(() =>
      this.#statsig.manuallyLogExperimentExposure(userOf(user), asText(experimentName, "experimentName"))
    )
  }

  /** Logs the user's current exposure to a layer's parameter. */
  manuallyLogLayerParamExposure(user: StatsigUser, layerName: string, paramName: string): void {
    this.#offer(() =>
      this.#statsig.manuallyLogLayerParameterExposure(
        userOf(user),
        asText(layerName, "layerName"),
        asText(paramName, "paramName")
      )
    )
  }

  /** The same as `manuallyLogFeatureGateExposure`, by its Python name. */
  manuallyLogGateExposure(user: StatsigUser, gateName: string): void {
    this.manuallyLogFeatureGateExposure(user, gateName)
  }

  /** The same as `manuallyLogLayerParamExposure`, by its Python name. */
  manuallyLogLayerParameterExposure(user: StatsigUser, layerName: string, paramName: string): void {
    this.manuallyLogLayerParamExposure(user, layerName, paramName)
  }

  /**
   * Calls back, soon after, for every evaluation or update of the specs of that name: `gate_evaluated`,
   * `dynamic_config_evaluated`, `experiment_evaluated`, `layer_evaluated`, `specs_updated`, or `*` for all. Returns an
   * id to unsubscribe with.
   */
  subscribe(eventName: SdkEvent, callback: SdkEventCallback): string {
    const id = this.#subscriptions.add(asText(eventName, "eventName"), callback)
    if (id === invalidSubscription) this.#run(Effect.logError(`Invalid event name: ${eventName}`))
    return id
  }

  /** Ends all subscriptions of that name; `*` ends only those of `*`. */
  unsubscribe(eventName: SdkEvent): void {
    this.#subscriptions.removeByName(asText(eventName, "eventName"))
  }

  /** Ends one subscription. */
  unsubscribeById(subscriptionId: string): void {
    this.#subscriptions.removeById(asText(subscriptionId, "subscriptionId"))
  }

  /** Ends all subscriptions. */
  unsubscribeAll(): void {
    this.#subscriptions.clear()
  }

  /** Sets the gate's value for the user with this `userID` or custom ID; without an id, for everyone. */
  overrideGate(gateName: string, value: boolean, id?: string | null): void {
    this.#overrides.set({ gate: asText(gateName, "gateName"), value: asFlag(value, "value"), id: asID(id) })
  }

  /** Sets the whole value of a dynamic config. */
  overrideDynamicConfig(configName: string, value: Record<string, unknown>, id?: string | null): void {
    this.#overrides.set({ dynamicConfig: asText(configName, "configName"), value: toJsonMap(value), id: asID(id) })
  }

  /** Sets the whole value of an experiment. */
  overrideExperiment(experimentName: string, value: Record<string, unknown>, id?: string | null): void {
    this.#overrides.set({ experiment: asText(experimentName, "experimentName"), value: toJsonMap(value), id: asID(id) })
  }

  /** Gives an experiment the value of one of its groups. */
  overrideExperimentByGroupName(experimentName: string, groupName: string, id?: string | null): void {
    const experiment = asText(experimentName, "experimentName")
    this.#overrides.set({ experiment, group: asText(groupName, "groupName"), id: asID(id) })
  }

  /** Sets the whole value of a layer. */
  overrideLayer(layerName: string, value: Record<string, unknown>, id?: string | null): void {
    this.#overrides.set({ layer: asText(layerName, "layerName"), value: toJsonMap(value), id: asID(id) })
  }

  /**
   * Sets the parameters of a store. A value in the form of a parameter definition is treated as one. Unlike in the
   * official Node package it has an effect.
   */
  overrideParameterStore(parameterStoreName: string, value: Record<string, unknown>, id?: string | null): void {
    const parameterStore = asText(parameterStoreName, "parameterStoreName")
    this.#overrides.set({ parameterStore, value: toJsonMap(value), id: asID(id) })
  }

  /** Removes the override for this id; without one all overrides of the name. */
  removeGateOverride(gateName: string, id?: string | null): void {
    this.#overrides.remove({ gate: asText(gateName, "gateName"), id: asID(id) })
  }

  removeDynamicConfigOverride(configName: string, id?: string | null): void {
    this.#overrides.remove({ dynamicConfig: asText(configName, "configName"), id: asID(id) })
  }

  removeExperimentOverride(experimentName: string, id?: string | null): void {
    this.#overrides.remove({ experiment: asText(experimentName, "experimentName"), id: asID(id) })
  }

  removeLayerOverride(layerName: string, id?: string | null): void {
    this.#overrides.remove({ layer: asText(layerName, "layerName"), id: asID(id) })
  }

  removeParameterStoreOverride(parameterStoreName: string, id?: string | null): void {
    this.#overrides.remove({ parameterStore: asText(parameterStoreName, "parameterStoreName"), id: asID(id) })
  }

  removeAllOverrides(): void {
    this.#overrides.removeAll()
  }

  /** The value of one group of an experiment. Nothing is logged. */
  getExperimentByGroupName(experimentName: string, groupName: string): Experiment {
    const name = asText(experimentName, "experimentName")
    const experiment = this.#statsig.getExperimentByGroupName(name, asText(groupName, "groupName"))
    return new Experiment(name, recordAsRaw(experiment.evaluation))
  }

  /** The value of an experiment's rule with that id. Nothing is logged. */
  getExperimentByGroupIdAdvanced(experimentName: string, groupId: string): Experiment {
    const name = asText(experimentName, "experimentName")
    const experiment = this.#statsig.getExperimentByGroupID(name, asText(groupId, "groupId"))
    return new Experiment(name, recordAsRaw(experiment.evaluation))
  }

  /**
   * The evaluations of everything for the user, as the JSON that a client starts from without a request
   * (`client.dataAdapter.setData`). Nothing is logged.
   */
  getClientInitializeResponse(user: StatsigUser, options?: ClientInitResponseOptions | null): string {
    return this.#statsig.getClientInitializeResponse(userOf(user), clientInitializeOptions(options))
  }

  /**
   * As `getClientInitializeResponse`, as UTF-8 in a reused buffer, which takes a fraction of the time. The bytes are a
   * view of the buffer and are overwritten by the next response: copy them (`bytes.slice()`) to keep them or pass them
   * to a socket. Not in the official Node package.
   */
  writeClientInitializeResponse(
    user: StatsigUser,
    buffer: ResponseBuffer,
    options?: ClientInitResponseOptions | null
  ): Uint8Array {
    // It may be from another copy: its own methods write to it.
    if (!(buffer instanceof ResponseBuffer)) throw argumentError("InvalidArg", "buffer: expected a ResponseBuffer")
    return this.#statsig.writeClientInitializeResponse(userOf(user), buffer, clientInitializeOptions(options))
  }

  /** @internal */
  get [internals](): Internals {
    return {
      statsig: this.#statsig,
      store: this.#store,
      overrides: this.#overrides,
      status: () => Effect.runSync(this.#statsig.status),
      idListStatus: () => Effect.runSync(this.#statsig.idListStatus),
      isRunning: () => this.#isRunning
    }
  }

  /** Logs an event. One that cannot be logged, because an argument has the wrong type, is counted as dropped. */
  #offer(log: () => void): void {
    try {
      log()
    } catch (error) {
      this.#statsig.refuseEvent(problemOf(error))
      throw error
    }
  }

  async #initialize(): Promise<Core.InitializeResult> {
    const result = await this.#run(this.#statsig.initialize)
    this.#initialized = result
    const { error } = resultOf(result)
    const millis = Duration.toMillis(result.duration)
    await this.#run(
      error === undefined
        ? Effect.logDebug(`Initialized from ${result.source} in ${millis} ms`)
        : Effect.logError(`Failed to initialize Statsig: ${error}`)
    )
    // By then the caller's subscriptions have been notified of the specs.
    await this.#subscriptions.delivered
    return result
  }
}

/** Runs the second after the first, even if that fails, and waits for it until interrupted. */
const thenInBackground = <A, E>(first: Effect.Effect<A, E>, second: Effect.Effect<void>): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask(restore =>
    Effect.flatMap(Effect.exit(restore(first)), exit =>
      Effect.flatMap(Effect.forkDaemon(Effect.interruptible(second)), fiber =>
        Effect.zipRight(restore(Fiber.await(fiber)), exit)
      )
    )
  )

const endProvider = (provider: OutputLoggerProvider | undefined): void => {
  if (provider === undefined) return
  soon(() => quietly(() => provider.shutdown?.()))
}

/** The failure results: as the official package returns them when it cannot evaluate at all. */
const failures: Failures = {
  getFeatureGate: (_user, name) => new FeatureGate(name as string, null),
  getDynamicConfig: (_user, name) => new DynamicConfig(name as string, null),
  getExperiment: (_user, name) => new Experiment(name as string, null),
  getExperimentByGroupName: name => new Experiment(name as string, null),
  getExperimentByGroupIdAdvanced: name => new Experiment(name as string, null)
}
