/**
 * The `Statsig` class of the Promise API, over whatever layers it is given.
 *
 * The constructor builds the layers and resolves the services once. A check then calls the synchronous service as it is:
 * no Effect runs, and around it are a `try` and the checks of its arguments. Nothing that works in the background knows
 * the instance, so that one that is dropped can be collected, and its background work is stopped then.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as EffectLayer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import { Evaluator } from "../Evaluator.js"
import { copyJsonObject } from "../engine/getters.js"
import * as Core from "../Statsig.js"
import type { InitializeTimeoutError, SpecSourceError, SpecsError } from "../StatsigError.js"
import { asFlag, asText, asUnsigned, missingObject } from "./argument.js"
import { type Failures, guardMethods } from "./boundary.js"
import { ParameterStore } from "./ParameterStore.js"
import { DynamicConfig, Experiment, FeatureGate, Layer, recordAsRaw } from "./results.js"
import { checkOptions, type StatsigOptions, type UserPersistedValues } from "./StatsigOptions.js"
import { type StatsigUser, userOf } from "./StatsigUser.js"

/**
 * How a call ended that works with the outside. `error` is there when it failed, with keys masked.
 *
 * @since 0.1.0
 */
export interface StatsigResult {
  isSuccess: boolean
  error?: string
}

/**
 * How `initialize` ended. Not in the official Node package.
 *
 * @since 0.1.0
 */
export interface InitializeDetails {
  durationMs: number
  /** Whether `initialize` succeeded; `false` before it ended. */
  initSuccess: boolean
  /** Whether there are specs. */
  isConfigSpecReady: boolean
  /** Whether the ID lists were downloaded, `null` when they are off. */
  isIdListReady: boolean | null
  /** Where the specs come from, as in evaluation reasons: `Network`, `NoValues`, `Uninitialized`, … */
  source: string
  /** Why there are no fresh specs. `error` is the text of `StatsigResult.error`. */
  failureDetails?: { reason: string; error?: string }
}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface FeatureGateEvaluationOptions {
  /** Logs no exposure; the check is only counted. Default: false. */
  disableExposureLogging?: boolean
}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface DynamicConfigEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * How the parameters of a store are read.
 *
 * @since 0.1.0
 */
export interface ParameterStoreEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface ExperimentEvaluationOptions extends FeatureGateEvaluationOptions {
  /** The answers that this user keeps. */
  userPersistedValues?: UserPersistedValues
  /** A kept answer gives way to an override rule that the user meets now. */
  enforceOverrides?: boolean
  /** A kept answer is dropped when the user no longer passes targeting. */
  enforceTargeting?: boolean
}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface LayerEvaluationOptions extends ExperimentEvaluationOptions {}

/**
 * One group of an experiment.
 *
 * @since 0.1.0
 */
export interface ExperimentGroup {
  groupName: string
  ruleId: string
  idType: string
  // biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
  returnValue: Record<string, any>
}

/**
 * The groups of an experiment, in the order of the specs.
 *
 * @since 0.1.0
 */
export interface ExperimentGroupsResult {
  /** Absent when the name is no experiment's. */
  isExperimentActive?: boolean
  groups: Array<ExperimentGroup>
}

/**
 * The services that a `Statsig` instance works with.
 *
 * @since 0.1.0
 */
export type Services = Core.Statsig | Evaluator

/**
 * Gives the layers of one instance. They must be such that they are built synchronously.
 *
 * @since 0.1.0
 */
export type MakeLayer = (sdkKey: string, options: StatsigOptions) => EffectLayer.Layer<Services>

const defaultShutdownTimeout = 3000

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
 * if (statsig.checkGate(user, "new_checkout")) { … }
 * await statsig.shutdown()
 *
 * @since 0.1.0
 */
export abstract class Statsig {
  static readonly #collected = new FinalizationRegistry<Effect.Effect<void>>(stop => Effect.runFork(stop))

  readonly #statsig: Core.Service
  readonly #evaluator: Evaluator["Type"]
  readonly #stop: Effect.Effect<void>
  #initialized: Core.InitializeResult | undefined

  /** Throws, with a `code`, for a key that is no string and for options of the wrong type. */
  protected constructor(makeLayer: MakeLayer, sdkKey: string, options?: StatsigOptions | null) {
    const key = asText(sdkKey, "sdkKey")
    const runtime = ManagedRuntime.make(makeLayer(key, checkOptions(options)))
    const services = runtime.runSync(Effect.context<Services>())
    this.#statsig = Context.get(services, Core.Statsig)
    this.#evaluator = Context.get(services, Evaluator)
    this.#stop = runtime.disposeEffect
    Statsig.#collected.register(this, runtime.disposeEffect)
    guardMethods(this, failures)
  }

  /** Loads the specs and starts the background updates. May be called again to load anew. */
  async initialize(): Promise<StatsigResult> {
    return resultOf(await this.#initialize())
  }

  /** As `initialize`, and tells more. Not in the official Node package. */
  async initializeWithDetails(): Promise<InitializeDetails> {
    return this.#detailsOf(await this.#initialize())
  }

  /** How the last `initialize` ended. Not in the official Node package. */
  getInitializeDetails(): InitializeDetails {
    return this.#detailsOf(this.#initialized)
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
    return Effect.runPromise(
      Effect.ensuring(this.#statsig.flush, this.#stop).pipe(
        Effect.disconnect,
        Effect.timeoutTo({
          duration: Duration.millis(timeout),
          onSuccess: (): StatsigResult => ({ isSuccess: true }),
          onTimeout: () => ({ isSuccess: false, error: "Shutdown failure: Shutdown timed out" })
        })
      )
    )
  }

  /** Sends the queued events now. */
  async flushEvents(): Promise<StatsigResult> {
    await Effect.runPromise(this.#statsig.flush)
    return { isSuccess: true }
  }

  /** Whether the gate is open for the user; `false` for an unknown gate. */
  checkGate(user: StatsigUser, gateName: string, options?: FeatureGateEvaluationOptions | null): boolean {
    return this.#statsig.checkGate(userOf(user), asText(gateName, "gateName"), checkable(options))
  }

  /** As `checkGate`, with rule and details. */
  getFeatureGate(user: StatsigUser, gateName: string, options?: FeatureGateEvaluationOptions | null): FeatureGate {
    const gate = this.#statsig.getFeatureGate(userOf(user), asText(gateName, "gateName"), checkable(options))
    return new FeatureGate(gateName, recordAsRaw(gate.evaluation))
  }

  /** The config's value for the user; empty for an unknown config. */
  getDynamicConfig(
    user: StatsigUser,
    configName: string,
    options?: DynamicConfigEvaluationOptions | null
  ): DynamicConfig {
    const config = this.#statsig.getDynamicConfig(userOf(user), asText(configName, "configName"), checkable(options))
    return new DynamicConfig(configName, recordAsRaw(config.evaluation))
  }

  /** The experiment's value for the user; empty for an unknown experiment. */
  getExperiment(user: StatsigUser, experimentName: string, options?: ExperimentEvaluationOptions | null): Experiment {
    const experiment = this.#statsig.getExperiment(
      userOf(user),
      asText(experimentName, "experimentName"),
      checkableSticky(options)
    )
    return new Experiment(experimentName, recordAsRaw(experiment.evaluation))
  }

  /** The layer's value for the user; empty for an unknown layer. Each parameter that is read is logged. */
  getLayer(user: StatsigUser, layerName: string, options?: LayerEvaluationOptions | null): Layer {
    const layer = this.#statsig.getLayer(userOf(user), asText(layerName, "layerName"), checkableSticky(options))
    return new Layer(parameter => layer.logExposure(parameter), layerName, recordAsRaw(layer.evaluation))
  }

  /** The parameters under a store's name. They are decided, and logged, when they are read. */
  getParameterStore(
    user: StatsigUser,
    parameterStoreName: string,
    options?: ParameterStoreEvaluationOptions | null
  ): ParameterStore {
    const store = this.#statsig.getParameterStore(
      userOf(user),
      asText(parameterStoreName, "parameterStoreName"),
      checkable(options)
    )
    return new ParameterStore(
      store,
      this.#evaluator.parameterStore(parameterStoreName).parameters,
      options?.disableExposureLogging === true
    )
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

  /** The groups of an experiment. */
  getExperimentGroups(experimentName: string): ExperimentGroupsResult {
    const { groups, isExperimentActive } = this.#statsig.metadata.experimentGroups(
      asText(experimentName, "experimentName")
    )
    return {
      ...(isExperimentActive === undefined ? {} : { isExperimentActive }),
      groups: groups.map(({ groupName, idType, returnValue, ruleID }) => ({
        groupName,
        ruleId: ruleID,
        idType,
        returnValue: copyJsonObject(returnValue)
      }))
    }
  }

  /** The names of all gates, without holdouts and segments. */
  getFeatureGateList(): Array<string> {
    return [...this.#statsig.metadata.gates()]
  }

  getDynamicConfigList(): Array<string> {
    return [...this.#statsig.metadata.dynamicConfigs()]
  }

  getExperimentList(): Array<string> {
    return [...this.#statsig.metadata.experiments()]
  }

  getAutotuneList(): Array<string> {
    return [...this.#statsig.metadata.autotunes()]
  }

  getLayerList(): Array<string> {
    return [...this.#statsig.metadata.layers()]
  }

  getParameterStoreList(): Array<string> {
    return [...this.#statsig.metadata.parameterStores()]
  }

  /** The user's fields that the gate looks at. */
  getFieldsNeededForGate(gateName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForGate(asText(gateName, "gateName"))]
  }

  /** The user's fields that the dynamic config looks at. */
  getFieldsNeededForDynamicConfig(configName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForDynamicConfig(asText(configName, "configName"))]
  }

  /** The user's fields that the experiment looks at. */
  getFieldsNeededForExperiment(experimentName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForExperiment(asText(experimentName, "experimentName"))]
  }

  /** The user's fields that the layer looks at. */
  getFieldsNeededForLayer(layerName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForLayer(asText(layerName, "layerName"))]
  }

  /** The same as `getFieldsNeededForGate`, by its Python name. */
  getGateFieldsNeeded(gateName: string): Array<string> {
    return this.getFieldsNeededForGate(gateName)
  }

  /** The same as `getFieldsNeededForDynamicConfig`, by its Python name. */
  getDynamicConfigFieldsNeeded(configName: string): Array<string> {
    return this.getFieldsNeededForDynamicConfig(configName)
  }

  /** The same as `getFieldsNeededForExperiment`, by its Python name. */
  getExperimentFieldsNeeded(experimentName: string): Array<string> {
    return this.getFieldsNeededForExperiment(experimentName)
  }

  /** The same as `getFieldsNeededForLayer`, by its Python name. */
  getLayerFieldsNeeded(layerName: string): Array<string> {
    return this.getFieldsNeededForLayer(layerName)
  }

  /** What the user's `userAgent` says; `null` without one. */
  getParsedUserAgentValueForUser(user: StatsigUser): Record<string, string | undefined | null> | null {
    return Option.match(this.#statsig.getParsedUserAgent(userOf(user)), {
      onNone: () => null,
      onSome: ({ browserName, browserVersion, osName, osVersion }) => ({
        os_name: osName,
        os_version: osVersion,
        browser_name: browserName,
        browser_version: browserVersion
      })
    })
  }

  async #initialize(): Promise<Core.InitializeResult> {
    const result = await Effect.runPromise(this.#statsig.initialize)
    this.#initialized = result
    return result
  }

  #detailsOf(result: Core.InitializeResult | undefined): InitializeDetails {
    const { source, time } = Effect.runSync(this.#statsig.status)
    if (result === undefined) {
      return { durationMs: 0, initSuccess: false, isConfigSpecReady: time > 0, isIdListReady: null, source }
    }
    const { error, isSuccess } = resultOf(result)
    const failure = Option.getOrUndefined(result.failure)
    return {
      durationMs: Duration.toMillis(result.duration),
      initSuccess: isSuccess,
      isConfigSpecReady: time > 0,
      isIdListReady: null,
      source: result.source,
      ...(failure === undefined || error === undefined ? {} : { failureDetails: { reason: failure._tag, error } })
    }
  }
}

/** The failed shapes: what the official package gives where it cannot even evaluate. */
const failures: Failures = {
  getFeatureGate: (_user, name) => new FeatureGate(name as string, null),
  getDynamicConfig: (_user, name) => new DynamicConfig(name as string, null),
  getExperiment: (_user, name) => new Experiment(name as string, null),
  getExperimentByGroupName: name => new Experiment(name as string, null),
  getExperimentByGroupIdAdvanced: name => new Experiment(name as string, null)
}

/** The options of a check, if their members are of the right types. Whatever is no object has no members. */
const checkable = (options: FeatureGateEvaluationOptions | null | undefined): Core.CheckOptions | undefined => {
  if (options === undefined || options === null) return undefined
  checkFlag(options.disableExposureLogging, "disableExposureLogging")
  return options
}

const checkableSticky = (options: ExperimentEvaluationOptions | null | undefined): Core.CheckOptions | undefined => {
  if (options === undefined || options === null) return undefined
  if (options.userPersistedValues === null) throw missingObject()
  checkFlag(options.enforceOverrides, "enforceOverrides")
  checkFlag(options.enforceTargeting, "enforceTargeting")
  return checkable(options)
}

const checkFlag = (value: unknown, where: string): void => {
  if (value !== undefined) asFlag(value, where)
}

const resultOf = ({ failure }: Core.InitializeResult): StatsigResult =>
  Option.match(failure, {
    onNone: () => ({ isSuccess: true }),
    // A program that switched the network off does not expect specs from it.
    onSome: error =>
      error._tag === "SpecSourceError" && error.reason === "Disabled"
        ? { isSuccess: true }
        : { isSuccess: false, error: errorText(error) }
  })

/** The texts of the official package, which programs may look into. */
const errorText = (error: SpecSourceError | SpecsError | InitializeTimeoutError): string => {
  switch (error._tag) {
    case "InitializeTimeoutError":
      return "Initialization Error: Initialization timed out"
    case "SpecsError":
      return `Failed to parse JSON ResponseData - ${error.message}`
    case "SpecSourceError":
      if (error.source.includes(",")) return "Adapter not started: Failed to start any adapters"
      if (error.reason === "Timeout") return `NetworkError|RetriesExhausted: ${error.message}: operation timed out`
      return notRetryable.has(error.status!)
        ? `NetworkError|RequestNotRetryable: ${error.message.replace(" attempts(1)", "")}`
        : `NetworkError|RetriesExhausted: ${error.message}`
  }
}

const notRetryable = new Set([400, 403, 405, 413, 429, 501])

/**
 * The `Statsig` class over one kind of layers, with its shared instance.
 *
 * @since 0.1.0
 */
export interface StatsigClass {
  readonly prototype: Statsig
  /** Throws, with a `code`, for a key that is no string and for options of the wrong type. */
  new (sdkKey: string, options?: StatsigOptions | null): Statsig
  /** Makes the shared instance. While there is one, warns and gives an instance that answers with defaults only. */
  newShared(sdkKey: string, options?: StatsigOptions | null): Statsig
  /** The shared instance. Without one, warns and gives an instance that answers with defaults only. */
  shared(): Statsig
  /** Whether there is a shared instance. */
  hasShared(): boolean
  /** Forgets the shared instance, without shutting it down. */
  removeSharedInstance(): void
  /** The same as `hasShared`, by its Python name. */
  hasSharedInstance(): boolean
  /** The same as `removeSharedInstance`, by its Python name. */
  removeShared(): void
}

/**
 * Makes the `Statsig` class that works with these layers.
 *
 * @since 0.1.0
 */
export const makeStatsig = (makeLayer: MakeLayer): StatsigClass => {
  let shared: Statsig | undefined

  const invalid = (problem: string): Statsig => {
    console.warn(`[Statsig] ${problem}. Returning an invalid instance`)
    const instance = new Bound("INVALID-KEY", { disableNetwork: true })
    instance.shutdown()
    return instance
  }

  class Bound extends Statsig {
    static {
      Object.defineProperty(this, "name", { value: "Statsig" })
    }

    static newShared(sdkKey: string, options?: StatsigOptions | null): Statsig {
      if (shared !== undefined) {
        return invalid(
          "Shared instance has been created, call removeSharedInstance() if you want to create another one"
        )
      }
      shared = new Bound(sdkKey, options)
      return shared
    }

    static shared(): Statsig {
      return shared ?? invalid("No shared instance has been created yet. Call newShared() before using it")
    }

    static hasShared(): boolean {
      return shared !== undefined
    }

    static removeSharedInstance(): void {
      shared = undefined
    }

    static hasSharedInstance(): boolean {
      return Bound.hasShared()
    }

    static removeShared(): void {
      Bound.removeSharedInstance()
    }

    constructor(sdkKey: string, options?: StatsigOptions | null) {
      super(makeLayer, sdkKey, options)
    }
  }

  return Bound
}
