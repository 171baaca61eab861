/**
 * The service that programs use: every check is a plain synchronous method that always answers and never throws;
 * Effects appear where something waits.
 *
 * A check is one evaluation, one offer to the event logger and one small result; nothing of Effect runs on the way.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Stream from "effect/Stream"
import { DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, type Warn } from "./Evaluation.js"
import { Evaluator, type SpecMetadata } from "./Evaluator.js"
import { EventLogger } from "./EventLogger.js"
import type { Evaluation } from "./engine/evaluation.js"
import { ownValue } from "./engine/getters.js"
import type { User } from "./engine/user.js"
import { type SpecChange, type SpecStatus, SpecStore } from "./SpecStore.js"
import { InitializeTimeoutError, type SpecSourceError, type SpecsError } from "./StatsigError.js"
import type { ParsedUserAgent } from "./UserAgentParser.js"

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface CheckOptions {
  /** Logs no exposure; the check is only counted. Default `false`. */
  readonly disableExposureLogging?: boolean | undefined
}

/**
 * How `initialize` ended. It never fails: without specs every check gives its default, and polling goes on.
 *
 * @since 0.1.0
 */
export interface InitializeResult {
  /** Whether a source answered in time. */
  readonly success: boolean
  /** The source of the specs afterwards, as in evaluation reasons. */
  readonly source: string
  readonly duration: Duration.Duration
  /** Why there are no fresh specs. */
  readonly failure: Option.Option<SpecSourceError | SpecsError | InitializeTimeoutError>
}

/**
 * What the service offers.
 *
 * @since 0.1.0
 */
export interface Service {
  /** Whether the gate is open for the user; `false` for an unknown gate. */
  readonly checkGate: (user: User, name: string, options?: CheckOptions) => boolean
  /** As `checkGate`, with rule and details. */
  readonly getFeatureGate: (user: User, name: string, options?: CheckOptions) => FeatureGate
  readonly getDynamicConfig: (user: User, name: string, options?: CheckOptions) => DynamicConfig
  readonly getExperiment: (user: User, name: string, options?: CheckOptions) => Experiment
  /** Logs nothing itself: each parameter that is read from the layer is logged. */
  readonly getLayer: (user: User, name: string, options?: CheckOptions) => Layer
  /** Parameters are decided, and logged, when they are read. */
  readonly getParameterStore: (user: User, name: string, options?: CheckOptions) => ParameterStore
  /** The value that a group of an experiment gets; no user takes part and nothing is logged. */
  readonly getExperimentByGroupName: (name: string, groupName: string) => Experiment
  /** As `getExperimentByGroupName`, by the id of any rule. */
  readonly getExperimentByGroupID: (name: string, groupID: string) => Experiment
  /** Names, groups and needed user fields of the held specs. */
  readonly metadata: SpecMetadata
  /** What the user's own `userAgent` says. */
  readonly getParsedUserAgent: (user: User) => Option.Option<ParsedUserAgent>
  /** Loads specs within the deadline and starts the background updates. May be called again. */
  readonly initialize: Effect.Effect<InitializeResult>
  /** Fetches specs now, without waiting for the next poll. */
  readonly sync: Effect.Effect<void, SpecSourceError | SpecsError>
  /** Sends the queued events. */
  readonly flush: Effect.Effect<void>
  /** How the specs are doing: their source, age and the last trouble. */
  readonly status: Effect.Effect<SpecStatus>
  /** Every update of the specs from now on. */
  readonly changes: Stream.Stream<SpecChange>
}

/**
 * The Statsig service.
 *
 * @example
 * const program = Effect.gen(function* () {
 *   const statsig = yield* Statsig.Statsig
 *   return statsig.checkGate(StatsigUser.make({ userID: "u-1" }), "new_checkout")
 * })
 *
 * @since 0.1.0
 */
export class Statsig extends Context.Tag("statsig-effect/Statsig")<Statsig, Service>() {}

/**
 * Makes the service from an evaluator, a spec store and an event logger.
 *
 * `initTimeout` bounds `initialize` as a whole; without it the sources bound themselves.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: { readonly initTimeout?: Duration.Duration | undefined }) {
  const store = yield* SpecStore
  const evaluator = yield* Evaluator
  const logger = yield* EventLogger
  const fork = Runtime.runFork(yield* Effect.runtime<never>())
  const warn: Warn = message => void fork(Effect.logWarning(message))

  const log = (
    kind: "gate" | "dynamicConfig" | "experiment",
    user: User,
    name: string,
    evaluation: Evaluation,
    disabled: boolean
  ) => {
    if (disabled) logger.countNonExposed(name)
    else logger.logExposure({ kind, name, user, evaluation, parameter: undefined })
  }

  const gate = (user: User, name: string, options: CheckOptions | undefined): Evaluation => {
    const disabled = options?.disableExposureLogging === true
    const evaluation = evaluator.gate(user, name, disabled)
    log("gate", user, name, evaluation, disabled)
    return evaluation
  }

  const getFeatureGate: Service["getFeatureGate"] = (user, name, options) => {
    // As in the official SDK, this one logs the experiments that an `experiment_group` condition reads in any case.
    const evaluation = evaluator.gate(user, name, false)
    log("gate", user, name, evaluation, options?.disableExposureLogging === true)
    return new FeatureGate(name, evaluation)
  }

  const getDynamicConfig: Service["getDynamicConfig"] = (user, name, options) => {
    const disabled = options?.disableExposureLogging === true
    const evaluation = evaluator.dynamicConfig(user, name, disabled)
    log("dynamicConfig", user, name, evaluation, disabled)
    return new DynamicConfig(name, evaluation, warn)
  }

  const getExperiment: Service["getExperiment"] = (user, name, options) => {
    const disabled = options?.disableExposureLogging === true
    const evaluation = evaluator.experiment(user, name, disabled)
    log("experiment", user, name, evaluation, disabled)
    return new Experiment(name, evaluation, warn)
  }

  const getLayer: Service["getLayer"] = (user, name, options) => {
    const disabled = options?.disableExposureLogging === true
    const evaluation = evaluator.layer(user, name, disabled)
    if (disabled) logger.countNonExposed(name)
    return new Layer(name, evaluation, warn, (layer, parameter) => {
      if (disabled) logger.countNonExposed(name)
      else logger.logExposure({ kind: "layer", name, user, evaluation: layer.evaluation, parameter })
    })
  }

  const load = store.load.pipe(
    options.initTimeout === undefined
      ? effect => effect
      : Effect.timeoutFail({
          duration: options.initTimeout,
          onTimeout: () =>
            new InitializeTimeoutError({ millis: Duration.toMillis(options.initTimeout as Duration.Duration) })
        })
  )

  return Statsig.of({
    checkGate: (user, name, options) => gate(user, name, options).bool,
    getFeatureGate,
    getDynamicConfig,
    getExperiment,
    getLayer,
    getParameterStore: (user, name, options) => {
      const { evaluation, parameters } = evaluator.parameterStore(name)
      logger.countNonExposed(name)
      return new ParameterStore(name, evaluation, parameters, reference => {
        switch (reference.kind) {
          case "static":
            return { value: reference.value }
          case "gate":
            return { value: gate(user, reference.gateName, options).bool ? reference.passValue : reference.failValue }
          case "dynamicConfig":
            return { value: own(getDynamicConfig(user, reference.configName, options), reference.parameterName) }
          case "experiment":
            return { value: own(getExperiment(user, reference.experimentName, options), reference.parameterName) }
          case "layer": {
            const layer = getLayer(user, reference.layerName, options)
            return {
              value: own(layer, reference.parameterName),
              expose: () => layer.logExposure(reference.parameterName)
            }
          }
        }
      })
    },
    getExperimentByGroupName: (name, groupName) =>
      new Experiment(name, evaluator.experimentByGroupName(name, groupName), warn),
    getExperimentByGroupID: (name, groupID) => new Experiment(name, evaluator.experimentByGroupID(name, groupID), warn),
    metadata: evaluator.metadata,
    getParsedUserAgent: user => Option.fromNullable(evaluator.parsedUserAgent(user)),
    initialize: Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      const failure = yield* Effect.match(load, { onFailure: Option.some, onSuccess: () => Option.none() })
      yield* store.startUpdates
      const ended = yield* Clock.currentTimeMillis
      return {
        success: Option.isNone(failure),
        source: store.current().source,
        duration: Duration.millis(ended - started),
        failure
      }
    }),
    sync: store.sync,
    flush: logger.flush,
    status: store.status,
    changes: store.changes
  })
})

const own = (result: DynamicConfig | Experiment | Layer, parameter: string) =>
  ownValue(result.evaluation.value ?? {}, parameter)
