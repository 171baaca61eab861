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
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { makeBuffer } from "./ClientInitialize.js"
import { DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, type Warn } from "./Evaluation.js"
import { Evaluator, type Service as EvaluatorService, type SpecMetadata } from "./Evaluator.js"
import { EventLogger, type EventLoggerStatus, type ExposureOrigin } from "./EventLogger.js"
import type { ResponseBuffer } from "./engine/byteBuffer.js"
import type { ClientInitializeOptions } from "./engine/clientInitialize/clientInitialize.js"
import type { Evaluation } from "./engine/evaluate/evaluation.js"
import type { ExplainedKind, Explanation } from "./engine/explain/explanation.js"
import { type JsonObject, ownValue } from "./engine/json.js"
import type { User } from "./engine/user.js"
import { IdLists, type IdListsStatus } from "./IdLists.js"
import { guarded } from "./internal/clocks.js"
import { BackgroundRecorder, mark, record } from "./internal/diagnostics.js"
import { makeListeners } from "./internal/listeners.js"
import { type Look, type LookTarget, makeLook, stickyOf } from "./internal/look.js"
import { type FlagMismatch, makeReport } from "./internal/mismatches.js"
import { observer, reportException } from "./internal/observe.js"
import { withQuietLoggers } from "./internal/quietly.js"
import { sdkKeyShown, sdkType, sdkVersion } from "./internal/sdkInfo.js"
import { make as makeOverrides, type Override, type OverrideLookup, Overrides } from "./Overrides.js"
import type { UserPersistedValues } from "./PersistentStorage.js"
import { type SpecChange, type SpecStatus, SpecStore } from "./SpecStore.js"
import {
  type EventSinkError,
  type IdListError,
  InitializeTimeoutError,
  type SpecSourceError,
  type SpecsError
} from "./StatsigError.js"
import { toJson } from "./StatsigUser.js"
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
 * How one check of an experiment or a layer is made. What is said of kept answers needs a `PersistentStorage`.
 *
 * @since 0.1.0
 */
export interface ExperimentCheckOptions extends CheckOptions {
  /**
   * The answers that this user keeps. Given, a kept answer comes first, and a new one is saved. Not given, the answer is
   * that of now, and what is kept is deleted, unless `withPersistedValues` sees to it.
   */
  readonly userPersistedValues?: UserPersistedValues | undefined
  /** A kept answer gives way to an override rule of the specs that the user meets now. Default `false`. */
  readonly enforceOverrides?: boolean | undefined
  /** A kept answer gives way when the user no longer passes targeting. Default `false`. */
  readonly enforceTargeting?: boolean | undefined
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
 * One answer that was given.
 *
 * @since 0.1.0
 */
export type Answer =
  | { readonly kind: "gate"; readonly user: User; readonly result: FeatureGate }
  | { readonly kind: "dynamicConfig"; readonly user: User; readonly result: DynamicConfig }
  | { readonly kind: "experiment"; readonly user: User; readonly result: Experiment }
  | { readonly kind: "layer"; readonly user: User; readonly result: Layer }

/**
 * Answers that a slow reader of `evaluations` may be behind; the oldest are dropped.
 */
const answersKept = 1_000

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
  readonly getExperiment: (user: User, name: string, options?: ExperimentCheckOptions) => Experiment
  /** Logs nothing itself: each parameter that is read from the layer is logged. */
  readonly getLayer: (user: User, name: string, options?: ExperimentCheckOptions) => Layer
  /** Parameters are decided, and logged, when they are read. */
  readonly getParameterStore: (user: User, name: string, options?: CheckOptions) => ParameterStore
  /**
   * Why the check of that kind, with these options, gives its answer: every rule and condition on the way, with what was
   * found for the user and what it was compared with, and the exposures that the check would log. `Explanation.render`
   * makes a text of it. Nothing is logged, counted, saved or deleted.
   *
   * It shows values of the user, private attributes too, and takes many times as long as the check: it is for looking
   * into a case, not for every request.
   *
   * @example
   * yield* Console.log(Explanation.render(statsig.explain(user, "gate", "new_checkout")))
   */
  readonly explain: (user: User, kind: ExplainedKind, name: string, options?: ExperimentCheckOptions) => Explanation
  /**
   * The check of a flag by a caller who may refuse the value. Nothing is logged before `finish` says whether it is used.
   *
   * @internal
   */
  readonly look: (user: User, target: LookTarget) => Look
  /** The value that a group of an experiment gets; no user takes part and nothing is logged. */
  readonly getExperimentByGroupName: (name: string, groupName: string) => Experiment
  /** As `getExperimentByGroupName`, by the id of any rule. */
  readonly getExperimentByGroupID: (name: string, groupID: string) => Experiment
  /** Logs that the user met the gate's answer of now, whatever was checked before. */
  readonly manuallyLogGateExposure: (user: User, name: string) => void
  readonly manuallyLogDynamicConfigExposure: (user: User, name: string) => void
  readonly manuallyLogExperimentExposure: (user: User, name: string) => void
  readonly manuallyLogLayerParameterExposure: (user: User, name: string, parameter: string) => void
  /**
   * Logs an event of the program's own. `value` is text or a finite number, anything else counts as none; metadata
   * values may be any JSON. What cannot be JSON is left out, as in users. Metadata with a getter that throws are refused,
   * and the event is counted as dropped.
   */
  readonly logEvent: (
    user: User,
    name: string,
    value?: string | number | null,
    metadata?: Readonly<Record<string, unknown>> | null
  ) => void
  /** Logs a line of the program's own log as an event. */
  readonly forwardLogLine: (
    user: User,
    level: LogLineLevel,
    value?: string | null,
    metadata?: Readonly<Record<string, string>> | null
  ) => void
  /** Tells Statsig of a user without asking anything. */
  readonly identify: (user: User) => void
  /**
   * All answers for the user at once, as the JSON that a client starts from without a request. Nothing is logged. When
   * an evaluation fails (gates in a circle), the client finds no values in it.
   */
  readonly getClientInitializeResponse: (user: User, options?: ClientInitializeOptions) => string
  /**
   * As `getClientInitializeResponse`, in UTF-8, for a server that sends bytes: no text is made, which takes most of the
   * time. The bytes are a view of the buffer and are overwritten by the next response that is written into it; a program
   * that keeps them for longer than its current turn copies them.
   */
  readonly writeClientInitializeResponse: (
    user: User,
    buffer: ResponseBuffer,
    options?: ClientInitializeOptions
  ) => Uint8Array
  /** Names, groups and needed user fields of the held specs. */
  readonly metadata: SpecMetadata
  /** What the user's own `userAgent` says. */
  readonly getParsedUserAgent: (user: User) => Option.Option<ParsedUserAgent>
  /** The same service, whose checks ask these overrides first. The checks of others do not. */
  readonly withOverrides: (overrides: Iterable<Override> | OverrideLookup) => Service
  /**
   * The same service for a request of this user: it loads what the user keeps, goes by it in every check of the user, and
   * stores changes in the background. `idTypes` are those whose values are loaded, by default `userID` and all custom
   * IDs. What cannot be loaded in time is left as it is: its checks give the answers of now.
   */
  readonly withPersistedValues: (user: User, idTypes?: ReadonlyArray<string>) => Effect.Effect<Service>
  /** Loads specs within the deadline and starts the background updates. May be called again. */
  readonly initialize: Effect.Effect<InitializeResult>
  /**
   * Fetches specs and ID lists now, without waiting for the next poll: after a webhook, say. Whoever asks while that is
   * under way waits for the same fetch.
   */
  readonly syncNow: Effect.Effect<void, SpecSourceError | SpecsError | IdListError>
  /**
   * As `syncNow`, for specs and for ID lists that may be older than this; else it does nothing. For functions that are
   * frozen between requests, in which no poll runs: one call at the beginning of a request.
   */
  readonly syncIfOlderThan: (
    age: Duration.DurationInput
  ) => Effect.Effect<void, SpecSourceError | SpecsError | IdListError>
  /** Sends the queued events. */
  readonly flush: Effect.Effect<void>
  /** Sends what is left and ends the sending of events; closing the layer's scope does the same. */
  readonly shutdown: Effect.Effect<void, EventSinkError>
  /** How the specs are doing: their source, age and the last trouble. */
  readonly status: Effect.Effect<SpecStatus>
  /** How the events are doing: waiting, sent, dropped, and the last trouble. */
  readonly eventStatus: Effect.Effect<EventLoggerStatus>
  /** How the ID lists are doing: their names and sizes, and the last trouble of each. */
  readonly idListStatus: Effect.Effect<IdListsStatus>
  /** Every update of the specs from now on. */
  readonly changes: Stream.Stream<SpecChange>
  /** Every answer from now on, but for manual exposures. Costs nothing while nobody listens. */
  readonly evaluations: Stream.Stream<Answer>
  /**
   * As `evaluations`: calls the listener within each check. Gives what ends it.
   *
   * @internal
   */
  readonly onEvaluation: (listener: (answer: Answer) => void) => () => void
  /**
   * Emits at once, and then whenever answers may have changed: after an update of the specs or of the overrides. One who
   * reads slowly gets one for many.
   *
   * @internal
   */
  readonly updates: Stream.Stream<void>
  /**
   * Counts an event that cannot be logged as dropped.
   *
   * @internal
   */
  readonly refuseEvent: (problem: string) => void
  /**
   * Tells that a value does not fit its flag. Returns at once.
   *
   * @internal
   */
  readonly reportMismatch: (mismatch: FlagMismatch) => void
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

/** Does the second whatever becomes of the first, and fails where one did. */
const inTurn = <E, E2>(first: Effect.Effect<void, E>, second: Effect.Effect<void, E2>): Effect.Effect<void, E | E2> =>
  Effect.flatMap(Effect.exit(first), exit => Effect.zipRight(second, exit))

/** What a caller waits for ends in time under fake timers, and no log line ends it. */
const forCaller = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => guarded(withQuietLoggers(effect))

/**
 * Makes the service from an evaluator, a spec store, ID lists and an event logger.
 *
 * `initTimeout` bounds `initialize` as a whole; without it the sources bound themselves. Metrics tell the first
 * characters of `sdkKey`.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly initTimeout?: Duration.Duration | undefined
  readonly sdkKey?: Redacted.Redacted | undefined
}) {
  const store = yield* SpecStore
  const everyone = yield* Evaluator
  const logger = yield* EventLogger
  const overrides = yield* Overrides
  const idLists = yield* IdLists
  const observe = yield* observer
  const fork = Runtime.runFork(yield* withQuietLoggers(Effect.runtime<never>()))
  const warn: Warn = message => void fork(Effect.logWarning(message))

  const buffer = makeBuffer()

  const listeners = makeListeners<Answer>()

  const log = (
    kind: "gate" | "dynamicConfig" | "experiment",
    user: User,
    name: string,
    evaluation: Evaluation,
    disabled: boolean,
    origin: ExposureOrigin
  ) => {
    if (disabled) logger.countNonExposed(name)
    else logger.logExposure({ kind, origin, name, user, evaluation, parameter: undefined })
  }

  const refuseEvent = (problem: string) => logger.refuse?.(problem)

  /** Nothing is queued that could not be written later, where it would spoil a whole batch. */
  const logEvent = (user: User, name: string, value?: unknown, metadata?: unknown, more?: JsonObject) => {
    const json = eventMetadata(metadata)
    if (typeof name !== "string") return refuseEvent("the name is no text")
    if (json === undefined) return refuseEvent("a getter of the metadata throws")
    const { remote } = store.current().snapshot ?? { remote: undefined }
    logger.logEvent({ user, name, value: eventValue(value), metadata: more ? { ...json, ...more } : json, remote })
  }

  // Whoever switches the network off wants to start without specs.
  const loadSpecs = Effect.catchIf(
    store.load,
    error => error._tag === "SpecSourceError" && error.reason === "Disabled",
    () => Effect.void
  )
  // What becomes of the lists is told by their own status.
  const load = inTurn(loadSpecs, Effect.ignore(idLists.sync)).pipe(
    options.initTimeout === undefined
      ? effect => effect
      : Effect.timeoutFail({
          duration: options.initTimeout,
          onTimeout: () =>
            new InitializeTimeoutError({ millis: Duration.toMillis(options.initTimeout as Duration.Duration) })
        })
  )

  const recordLists = record({
    context: "config_sync",
    rate: "get_id_list",
    remote: () => store.current().snapshot?.remote,
    log: logger.logEvent
  })
  const syncLists = recordLists(idLists.sync)

  const listsIfOlderThan = Effect.fnUntraced(function* (age: Duration.DurationInput) {
    const { lastSuccessAt } = yield* idLists.status
    const now = yield* Clock.currentTimeMillis
    if (lastSuccessAt === undefined || now - lastSuccessAt >= Duration.toMillis(age)) yield* syncLists
  })

  const measureInitialize = ({ duration, failure, source, success }: InitializeResult) =>
    observe(client => {
      const { snapshot, sourceApi } = store.current()
      client.distribution("statsig.sdk.initialization", Duration.toMillis(duration), {
        init_success: String(success),
        source,
        store_populated: String(snapshot !== undefined),
        ...(options.sdkKey === undefined ? {} : { sdk_key: Redacted.value(options.sdkKey).slice(0, sdkKeyShown) }),
        sdk_type: sdkType,
        sdk_version: sdkVersion,
        init_source_api: sourceApi ?? ""
      })
      if (Option.isSome(failure)) reportException(client, "Statsig", "InitializationError", failure.value.message)
    })

  /** What does not depend on the evaluator. */
  const shared = {
    logEvent: (user, name, value, metadata) => logEvent(user, name, value, metadata),
    forwardLogLine: (user, level, value, metadata) =>
      logEvent(user, "statsig::log_line", value, metadata, { ...logLineLevels[level], source: sdkType }),
    identify: user => logEvent(user, "statsig::identify"),
    metadata: everyone.metadata,
    getParsedUserAgent: user => Option.fromNullable(everyone.parsedUserAgent(user)),
    initialize: Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      yield* mark({ key: "overall", action: "start" })
      const failure = yield* Effect.match(load, { onFailure: Option.some, onSuccess: () => Option.none() })
      const success = Option.isNone(failure)
      const { snapshot, source } = store.current()
      const configSpecReady = snapshot !== undefined
      yield* mark({ key: "overall", action: "end", success, configSpecReady, source })
      yield* store.startUpdates
      yield* Effect.provideService(idLists.startUpdates, BackgroundRecorder, recordLists)
      const duration = Duration.millis((yield* Clock.currentTimeMillis) - started)
      measureInitialize({ success, source, duration, failure })
      return { success, source, duration, failure }
    }).pipe(
      record({
        context: "initialize",
        rate: "initialize",
        remote: () => store.current().snapshot?.remote,
        log: logger.logEvent
      }),
      forCaller
    ),
    syncNow: forCaller(inTurn(store.syncNow, syncLists)),
    syncIfOlderThan: age => forCaller(inTurn(store.syncIfOlderThan(age), listsIfOlderThan(age))),
    flush: forCaller(logger.flush),
    shutdown: forCaller(logger.shutdown),
    status: store.status,
    eventStatus: logger.status,
    idListStatus: idLists.status,
    changes: store.changes,
    evaluations: listeners.stream(answersKept),
    onEvaluation: listeners.add,
    updates: Stream.suspend(() =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const news = yield* Queue.sliding<void>(1)
          const tell = () => void Queue.unsafeOffer(news, undefined)
          yield* Effect.acquireRelease(
            Effect.sync(() => [overrides.onChange(tell), store.onChange(tell)]),
            ends =>
              Effect.sync(() => {
                for (const end of ends) end()
              })
          )
          tell()
          return Stream.fromQueue(news)
        })
      )
    ),
    refuseEvent,
    reportMismatch: makeReport(() => store.current().snapshot, fork, observe)
  } satisfies Partial<Service>

  /** The service by an evaluator: that of everyone, or one with more laid over the specs. */
  const serviceBy = (evaluator: EvaluatorService): Service => {
    const checkGate: Service["checkGate"] = (user, name, options) => {
      const disabled = options?.disableExposureLogging === true
      const evaluation = evaluator.gate(user, name, disabled)
      log("gate", user, name, evaluation, disabled, "check")
      if (!listeners.isEmpty()) listeners.tell({ kind: "gate", user, result: new FeatureGate(name, evaluation) })
      return evaluation.bool
    }

    const getFeatureGate: Service["getFeatureGate"] = (user, name, options) => {
      // As in the official SDK, this one logs the experiments that an `experiment_group` condition reads in any case.
      const evaluation = evaluator.gate(user, name, false)
      log("gate", user, name, evaluation, options?.disableExposureLogging === true, "get")
      const result = new FeatureGate(name, evaluation)
      if (!listeners.isEmpty()) listeners.tell({ kind: "gate", user, result })
      return result
    }

    const dynamicConfig = (user: User, name: string, options: CheckOptions | undefined, origin: ExposureOrigin) => {
      const disabled = options?.disableExposureLogging === true
      const evaluation = evaluator.dynamicConfig(user, name, disabled)
      log("dynamicConfig", user, name, evaluation, disabled, origin)
      const result = new DynamicConfig(name, evaluation, warn)
      if (!listeners.isEmpty()) listeners.tell({ kind: "dynamicConfig", user, result })
      return result
    }

    const experiment = (
      user: User,
      name: string,
      options: ExperimentCheckOptions | undefined,
      origin: ExposureOrigin
    ) => {
      const disabled = options?.disableExposureLogging === true
      const evaluation = evaluator.experiment(user, name, disabled, stickyOf(options, origin))
      log("experiment", user, name, evaluation, disabled, origin)
      const result = new Experiment(name, evaluation, warn)
      if (!listeners.isEmpty()) listeners.tell({ kind: "experiment", user, result })
      return result
    }

    const layer = (user: User, name: string, options: ExperimentCheckOptions | undefined, origin: ExposureOrigin) => {
      const disabled = options?.disableExposureLogging === true
      const evaluation = evaluator.layer(user, name, disabled, stickyOf(options, origin))
      if (disabled) logger.countNonExposed(name)
      const result = new Layer(name, evaluation, warn, (read, parameter) => {
        if (disabled) logger.countNonExposed(name)
        else logger.logExposure({ kind: "layer", origin, name, user, evaluation: read.evaluation, parameter })
      })
      if (!listeners.isEmpty() && origin !== "manual") listeners.tell({ kind: "layer", user, result })
      return result
    }

    return {
      checkGate,
      getFeatureGate,
      getDynamicConfig: (user, name, options) => dynamicConfig(user, name, options, "get"),
      getExperiment: (user, name, options) => experiment(user, name, options, "get"),
      getLayer: (user, name, options) => layer(user, name, options, "get"),
      getParameterStore: (user, name, options) => {
        const { evaluation, parameters } = evaluator.parameterStore(user, name)
        logger.countNonExposed(name)
        return new ParameterStore(name, evaluation, parameters, reference => {
          switch (reference.kind) {
            case "static":
              return { value: reference.value }
            case "gate":
              return { value: checkGate(user, reference.gateName, options) ? reference.passValue : reference.failValue }
            case "dynamicConfig":
              return {
                value: own(
                  dynamicConfig(user, reference.configName, options, "parameterStore"),
                  reference.parameterName
                )
              }
            case "experiment":
              return {
                value: own(
                  experiment(user, reference.experimentName, options, "parameterStore"),
                  reference.parameterName
                )
              }
            case "layer": {
              const found = layer(user, reference.layerName, options, "parameterStore")
              return {
                value: own(found, reference.parameterName),
                expose: () => found.logExposure(reference.parameterName)
              }
            }
          }
        })
      },
      look: makeLook(evaluator, logger, (kind, user, name, evaluation) => {
        if (listeners.isEmpty()) return
        if (kind === "gate") listeners.tell({ kind, user, result: new FeatureGate(name, evaluation) })
        else if (kind === "dynamicConfig") {
          listeners.tell({ kind, user, result: new DynamicConfig(name, evaluation, warn) })
        } else if (kind === "experiment") listeners.tell({ kind, user, result: new Experiment(name, evaluation, warn) })
        else listeners.tell({ kind, user, result: new Layer(name, evaluation, warn, () => {}) })
      }),
      explain: (user, kind, name, options) => {
        const sticky = kind === "experiment" || kind === "layer" ? stickyOf(options, "get") : undefined
        return evaluator.explain(user, kind, name, options?.disableExposureLogging === true, sticky)
      },
      getExperimentByGroupName: (name, groupName) =>
        new Experiment(name, evaluator.experimentByGroupName(name, groupName), warn),
      getExperimentByGroupID: (name, groupID) =>
        new Experiment(name, evaluator.experimentByGroupID(name, groupID), warn),
      manuallyLogGateExposure: (user, name) =>
        log("gate", user, name, evaluator.gate(user, name, false), false, "manual"),
      manuallyLogDynamicConfigExposure: (user, name) =>
        log("dynamicConfig", user, name, evaluator.dynamicConfig(user, name, false), false, "manual"),
      manuallyLogExperimentExposure: (user, name) =>
        log("experiment", user, name, evaluator.experiment(user, name, false), false, "manual"),
      manuallyLogLayerParameterExposure: (user, name, parameter) =>
        layer(user, name, undefined, "manual").logExposure(parameter),
      getClientInitializeResponse: (user, options = {}) => {
        evaluator.writeClientInitializeResponse(user, options, buffer)
        return buffer.text
      },
      writeClientInitializeResponse: (user, into, options = {}) => {
        evaluator.writeClientInitializeResponse(user, options, into)
        return into.bytes
      },
      withOverrides: overrides =>
        serviceBy(
          evaluator.overlaid({ overrides: Symbol.iterator in overrides ? makeOverrides(overrides) : overrides })
        ),
      withPersistedValues: (user, idTypes = ["userID", ...Object.keys(user.customIDs ?? {})]) =>
        Effect.map(withQuietLoggers(evaluator.loadPersistedValues(user, idTypes)), persistedValues =>
          serviceBy(evaluator.overlaid({ persistedValues }))
        ),
      // Last: an object literal that begins with others takes V8 a hundred times as long.
      ...shared
    }
  }

  return Statsig.of(serviceBy(everyone))
})

/**
 * The user that an effect works for. Provide it with `withUser`; the compiler refuses to run an effect that lacks it.
 *
 * @since 0.1.0
 */
export class CurrentUser extends Context.Tag("statsig-effect/Statsig/CurrentUser")<CurrentUser, User>() {}

/**
 * Lets an effect work for this user: a request, a job, a message.
 *
 * @example
 * program.pipe(Statsig.withUser(StatsigUser.make({ userID: "u-1" })))
 *
 * @since 0.1.0
 */
export const withUser =
  (user: User) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, CurrentUser>> =>
    Effect.provideService(effect, CurrentUser, user)

/** What a method of the service gives for the current user. */
const forCurrentUser = <A>(ask: (statsig: Service, user: User) => A): Effect.Effect<A, never, Statsig | CurrentUser> =>
  Effect.zipWith(Statsig, CurrentUser, ask)

/**
 * Whether the gate is open for the current user; `false` for an unknown gate.
 *
 * This and the functions below are the methods of the service for effects that know their user from the context. With
 * the user in hand, and where it has to be fast, the methods are called as they are.
 *
 * @example
 * const checkout = Effect.gen(function* () {
 *   return (yield* Statsig.checkGate("new_checkout")) ? "new" : "old"
 * })
 * checkout.pipe(Statsig.withUser(user))
 *
 * @since 0.1.0
 */
export const checkGate = (name: string, options?: CheckOptions) =>
  forCurrentUser((statsig, user) => statsig.checkGate(user, name, options))

/**
 * As `checkGate`, with rule and details.
 *
 * @since 0.1.0
 */
export const getFeatureGate = (name: string, options?: CheckOptions) =>
  forCurrentUser((statsig, user) => statsig.getFeatureGate(user, name, options))

/**
 * The dynamic config for the current user.
 *
 * @since 0.1.0
 */
export const getDynamicConfig = (name: string, options?: CheckOptions) =>
  forCurrentUser((statsig, user) => statsig.getDynamicConfig(user, name, options))

/**
 * The experiment for the current user.
 *
 * @since 0.1.0
 */
export const getExperiment = (name: string, options?: ExperimentCheckOptions) =>
  forCurrentUser((statsig, user) => statsig.getExperiment(user, name, options))

/**
 * The layer for the current user. Each parameter that is read from it is logged.
 *
 * @since 0.1.0
 */
export const getLayer = (name: string, options?: ExperimentCheckOptions) =>
  forCurrentUser((statsig, user) => statsig.getLayer(user, name, options))

/**
 * The parameter store for the current user.
 *
 * @since 0.1.0
 */
export const getParameterStore = (name: string, options?: CheckOptions) =>
  forCurrentUser((statsig, user) => statsig.getParameterStore(user, name, options))

/**
 * Why a check for the current user gives its answer. See `Service.explain`.
 *
 * @since 0.1.0
 */
export const explain = (kind: ExplainedKind, name: string, options?: ExperimentCheckOptions) =>
  forCurrentUser((statsig, user) => statsig.explain(user, kind, name, options))

/**
 * Logs an event of the current user. See `Service.logEvent`.
 *
 * @since 0.1.0
 */
export const logEvent = (...event: Tail<Parameters<Service["logEvent"]>>) =>
  forCurrentUser((statsig, user) => statsig.logEvent(user, ...event))

/**
 * Logs a line of the program's own log as an event of the current user. See `Service.forwardLogLine`.
 *
 * @since 0.1.0
 */
export const forwardLogLine = (...line: Tail<Parameters<Service["forwardLogLine"]>>) =>
  forCurrentUser((statsig, user) => statsig.forwardLogLine(user, ...line))

/**
 * Tells Statsig of the current user without asking anything.
 *
 * @example
 * yield* Statsig.identify
 *
 * @since 0.1.0
 */
export const identify = /* @__PURE__ */ forCurrentUser((statsig, user) => statsig.identify(user))

/**
 * Logs that the current user met the gate's answer of now, whatever was checked before.
 *
 * @example
 * const isOpen = yield* Statsig.checkGate("new_checkout", { disableExposureLogging: true })
 * // … once the user has seen it:
 * yield* Statsig.manuallyLogGateExposure("new_checkout")
 *
 * @since 0.1.0
 */
export const manuallyLogGateExposure = (name: string) =>
  forCurrentUser((statsig, user) => statsig.manuallyLogGateExposure(user, name))

/**
 * As `manuallyLogGateExposure`, for a dynamic config.
 *
 * @since 0.1.0
 */
export const manuallyLogDynamicConfigExposure = (name: string) =>
  forCurrentUser((statsig, user) => statsig.manuallyLogDynamicConfigExposure(user, name))

/**
 * As `manuallyLogGateExposure`, for an experiment.
 *
 * @since 0.1.0
 */
export const manuallyLogExperimentExposure = (name: string) =>
  forCurrentUser((statsig, user) => statsig.manuallyLogExperimentExposure(user, name))

/**
 * As `manuallyLogGateExposure`, for a parameter of a layer.
 *
 * @since 0.1.0
 */
export const manuallyLogLayerParameterExposure = (name: string, parameter: string) =>
  forCurrentUser((statsig, user) => statsig.manuallyLogLayerParameterExposure(user, name, parameter))

/**
 * All answers for the current user, as the JSON that a client starts from.
 *
 * @since 0.1.0
 */
export const getClientInitializeResponse = (options?: ClientInitializeOptions) =>
  forCurrentUser((statsig, user) => statsig.getClientInitializeResponse(user, options))

type Tail<Arguments extends ReadonlyArray<unknown>> = Arguments extends readonly [unknown, ...infer Rest] ? Rest : never

/**
 * Lets the checks of an effect ask these overrides first, and those of no other: for one request, one test, one preview.
 *
 * @example
 * program.pipe(Statsig.withOverrides([{ gate: "new_checkout", value: true }]))
 *
 * @since 0.1.0
 */
export const withOverrides =
  (overrides: Iterable<Override> | OverrideLookup) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Statsig> =>
    Effect.flatMap(Statsig, statsig => Effect.provideService(effect, Statsig, statsig.withOverrides(overrides)))

/**
 * Lets a user keep experiment and layer assignments in all checks of an effect: loads what is kept before it begins, and
 * stores what changes in the background. See `Service.withPersistedValues`.
 *
 * @example
 * program.pipe(Statsig.withPersistedValues(user))
 *
 * @since 0.1.0
 */
export const withPersistedValues =
  (user: User, idTypes?: ReadonlyArray<string>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Statsig> =>
    Effect.flatMap(Statsig, statsig =>
      Effect.flatMap(statsig.withPersistedValues(user, idTypes), view => Effect.provideService(effect, Statsig, view))
    )

/** Text or a number; Statsig takes nothing else. */
const eventValue = (value: unknown): string | number | null =>
  typeof value === "string" || Number.isFinite(value) ? (value as string | number) : null

/** An object; `null` for anything else, and `undefined` for what throws when it is read. */
const eventMetadata = (metadata: unknown): JsonObject | null | undefined => {
  try {
    const json = toJson(metadata)
    return typeof json === "object" && !Array.isArray(json) ? (json as JsonObject | null) : null
  } catch {
    return undefined
  }
}

/**
 * The levels of forwarded log lines.
 *
 * @since 0.1.0
 */
export type LogLineLevel = "trace" | "debug" | "log" | "info" | "warn" | "error"

/** How Statsig names the levels. */
const logLineLevels = {
  trace: { status: "trace", log_level: "Trace" },
  debug: { status: "debug", log_level: "Debug" },
  log: { status: "info", log_level: "Log" },
  info: { status: "info", log_level: "Info" },
  warn: { status: "warn", log_level: "Warn" },
  error: { status: "error", log_level: "Error" }
} as const satisfies Record<LogLineLevel, unknown>

const own = (result: DynamicConfig | Experiment | Layer, parameter: string) =>
  ownValue(result.evaluation.value ?? {}, parameter)
