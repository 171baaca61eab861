/**
 * The `Statsig` class of the Promise API, over whatever services it is given.
 *
 * The constructor makes the services once. A check then calls the synchronous service as it is:
 * no Effect runs, and around it are a `try` and the checks of its arguments. Nothing that works in the background knows
 * the instance, so that one that is dropped can be collected, and its background work is stopped then.
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
 * Why a check gives its answer: as data, and as an indented text for a terminal. Not in the official Node package.
 *
 * @since 0.1.0
 */
export interface ExplainResult extends Explanation {
  text: string
}

/**
 * The services that a `Statsig` instance works with.
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
 * the background updates. Until then, and whenever there are no specs, checks give their defaults.
 *
 * No method throws or rejects: what goes wrong is written to `console.error`, and the method gives `null`, `undefined`
 * from a promise, or an empty result object. Methods may be passed around without their instance.
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
   * Throws, with a `code`, for a key that is no string and for options of the wrong type.
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

  /** Loads the specs and starts the background updates. May be called again to load anew. */
  async initialize(): Promise<StatsigResult> {
    return resultOf(await this.#initialize())
  }

  /** As `initialize`, and tells more. Not in the official Node package. */
  async initializeWithDetails(): Promise<InitializeDetails> {
    return detailsOf(this.#statsig, await this.#initialize())
  }

  /** How the last `initialize` ended. Not in the official Node package. */
  getInitializeDetails(): InitializeDetails {
    return detailsOf(this.#statsig, this.#initialized)
  }

  /** How the specs are doing: source, age, the last trouble. For a health check. Not in the official Node package. */
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

  /** How the events are doing: pending, sent, dropped, the last trouble. Not in the official Node package. */
  getEventStatus(): EventStatus {
    const { dropped, droppedBy, lastError, pending, sent } = Effect.runSync(this.#statsig.eventStatus)
    return { pending, sent, dropped, droppedBy: { ...droppedBy }, lastError: lastError?.message ?? null }
  }

  /**
   * Fetches specs and ID lists now, without waiting for the next poll: after a webhook, say. Calls while that is under way
   * wait for the same fetch. Not in the official Node package.
   */
  async syncNow(): Promise<StatsigResult> {
    return this.#run(Effect.match(this.#statsig.syncNow, syncOutcome))
  }

  /**
   * As `syncNow`, for specs and ID lists that may be older than this many milliseconds; else it does nothing. For functions that are
   * frozen between requests, in which no poll runs: one call at the beginning of a request. Not in the official Node
   * package.
   */
  async syncIfOlderThan(ageMs: number): Promise<StatsigResult> {
    return this.#run(Effect.match(this.#statsig.syncIfOlderThan(asUnsigned(ageMs, "ageMs")), syncOutcome))
  }

  /** Whether `initialize` ended with success. Not in the official Node package. */
  isInitialized(): boolean {
    return this.getInitializeDetails().initSuccess
  }

  /**
   * Sends the queued events and stops the background work. Fails when that takes longer than the timeout in milliseconds,
   * by default 3000. Checks go on to answer from the last specs.
   */
  async shutdown(timeoutMs?: number | null): Promise<StatsigResult> {
    const timeout =
      timeoutMs === undefined || timeoutMs === null ? defaultShutdownTimeout : asUnsigned(timeoutMs, "timeoutMs")
    stopCapture()
    this.#isRunning = false
    // Events that are undelivered when the time is over are counted before this ends; the rest need not be waited for.
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

  /** Gives the console back its own functions. */
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

  /** The layer's value for the user; empty for an unknown layer. Each parameter that is read is logged. */
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

  /** The parameters under a store's name. They are decided, and logged, when they are read. */
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
   * Why the check of that kind, with these options, gives its answer: every rule and condition on the way, with what was
   * found for the user and what it was compared with, and the exposures that the check would log. Nothing is logged,
   * counted, saved or deleted. `kind` is `gate`, `dynamicConfig`, `experiment`, `layer` or `parameterStore`.
   *
   * It shows values of the user, private attributes too, and takes many times as long as the check: it is for looking
   * into a case, not for every request. Not in the official Node package.
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
   * Logs an event of the program's own. A value that is neither text nor a number, and metadata that is no object, count
   * as none; an event with what cannot be JSON is refused, and counted as dropped.
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

  /** Logs a line of the program's own log. A level that does not exist logs nothing. */
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

  /** Tells Statsig of a user without asking anything. */
  identify(user: StatsigUser): void {
    this.#offer(() => this.#statsig.identify(userOf(user)))
  }

  /** Logs that the user met the gate's answer of now. */
  manuallyLogFeatureGateExposure(user: StatsigUser, gateName: string): void {
    this.#offer(() => this.#statsig.manuallyLogGateExposure(userOf(user), asText(gateName, "gateName")))
  }

  /** Logs that the user met the dynamic config's value of now. */
  manuallyLogDynamicConfigExposure(user: StatsigUser, configName: string): void {
    this.#offer(() => this.#statsig.manuallyLogDynamicConfigExposure(userOf(user), asText(configName, "configName")))
  }

  /** Logs that the user met the experiment's value of now. */
  manuallyLogExperimentExposure(user: StatsigUser, experimentName: string): void {
    this.#offer(() =>
      this.#statsig.manuallyLogExperimentExposure(userOf(user), asText(experimentName, "experimentName"))
    )
  }

  /** Logs that the user met the value of now of a layer's parameter. */
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
   * `dynamic_config_evaluated`, `experiment_evaluated`, `layer_evaluated`, `specs_updated`, or `*` for all. Gives an id
   * to end it with.
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

  /** Sets the gate's value, for the user with this `userID` or custom ID, without one for everyone. */
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
   * Sets the parameters of a store. A value that looks like the definition of a parameter is taken as one. Unlike in the
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

  /** The value that a group of an experiment gets. Nothing is logged. */
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
   * All answers for the user at once, as the JSON that a client starts from without a request
   * (`client.dataAdapter.setData`). Nothing is logged.
   */
  getClientInitializeResponse(user: StatsigUser, options?: ClientInitResponseOptions | null): string {
    return this.#statsig.getClientInitializeResponse(userOf(user), clientInitializeOptions(options))
  }

  /**
   * As `getClientInitializeResponse`, as UTF-8 in a buffer that is used again, which takes a fraction of the time. The
   * bytes are a view of the buffer, and the next response overwrites them: a program that keeps them, or hands them to a
   * socket, copies them (`bytes.slice()`). Not in the official Node package.
   */
  writeClientInitializeResponse(
    user: StatsigUser,
    buffer: ResponseBuffer,
    options?: ClientInitResponseOptions | null
  ): Uint8Array {
    // Of any copy: it is written to by its own methods.
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

  /** Logs an event. One that cannot be logged, by an argument of the wrong type, is counted as dropped. */
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
    // Whoever waits for the specs has heard of them then.
    await this.#subscriptions.delivered
    return result
  }
}

/** Does the second after the first, whatever becomes of that, and waits for it until it is interrupted. */
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

/** The failed shapes: what the official package gives where it cannot even evaluate. */
const failures: Failures = {
  getFeatureGate: (_user, name) => new FeatureGate(name as string, null),
  getDynamicConfig: (_user, name) => new DynamicConfig(name as string, null),
  getExperiment: (_user, name) => new Experiment(name as string, null),
  getExperimentByGroupName: name => new Experiment(name as string, null),
  getExperimentByGroupIdAdvanced: name => new Experiment(name as string, null)
}
