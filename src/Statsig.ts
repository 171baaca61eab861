import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { makeBuffer } from "./ClientInitialize.js"
import { DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, type Warn } from "./Evaluation.js"
import { Evaluator, type Service as EvaluatorService, type SpecMetadata } from "./Evaluator.js"
import { EventLogger, type EventLoggerStatus } from "./EventLogger.js"
import type { ResponseBuffer } from "./engine/byteBuffer.js"
import type { ClientInitializeOptions } from "./engine/clientInitialize/clientInitialize.js"
import type { ExplainedKind, Explanation } from "./engine/explain/explanation.js"
import type { User } from "./engine/user.js"
import { IdLists, type IdListsStatus } from "./IdLists.js"
import { type Checked, Checks } from "./internal/checks.js"
import { type InitializeResult, makeLifecycle } from "./internal/lifecycle.js"
import { makeListeners } from "./internal/listeners.js"
import { type FlagMismatch, makeReport } from "./internal/mismatches.js"
import { observer } from "./internal/observe.js"
import { type LogLineLevel, ProgramEvents } from "./internal/programEvents.js"
import { withQuietLoggers } from "./internal/quietly.js"
import { make as makeOverrides, type Override, type OverrideLookup, Overrides } from "./Overrides.js"
import type { UserPersistedValues } from "./PersistentStorage.js"
import { type SpecChange, type SpecStatus, SpecStore } from "./SpecStore.js"
import type { EventSinkError, IdListError, SpecSourceError, SpecsError } from "./StatsigError.js"
import type { ParsedUserAgent } from "./UserAgentParser.js"

export type { InitializeResult } from "./internal/lifecycle.js"
export type { LogLineLevel } from "./internal/programEvents.js"

/**
 * Options of one check.
 *
 * @since 0.1.0
 */
export interface CheckOptions {
  /** Logs no exposure; the check is only counted. Default `false`. */
  readonly disableExposureLogging?: boolean | undefined
}

/**
 * Options of one check of an experiment or a layer. Sticky assignments need a `PersistentStorage`.
 *
 * @since 0.1.0
 */
export interface ExperimentCheckOptions extends CheckOptions {
  /**
   * The sticky assignments of this user. If given, a stored assignment is used, and a new one is saved. If not, the
   * current evaluation is used and the stored assignment is deleted, unless `withPersistedValues` supplies it.
   */
  readonly userPersistedValues?: UserPersistedValues | undefined
  /** An override rule of the specs that the user now matches replaces the sticky assignment. Default `false`. */
  readonly enforceOverrides?: boolean | undefined
  /** The current evaluation replaces the sticky assignment when the user no longer passes targeting. Default `false`. */
  readonly enforceTargeting?: boolean | undefined
}

/**
 * One result of a check.
 *
 * @since 0.1.0
 */
export type Answer =
  | { readonly kind: "gate"; readonly user: User; readonly result: FeatureGate }
  | { readonly kind: "dynamicConfig"; readonly user: User; readonly result: DynamicConfig }
  | { readonly kind: "experiment"; readonly user: User; readonly result: Experiment }
  | { readonly kind: "layer"; readonly user: User; readonly result: Layer }

/**
 * How many results a slow reader of `evaluations` may lag behind; the oldest are dropped.
 */
const answersKept = 1_000

/**
 * The methods of the service.
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
  /** Logs nothing itself: each parameter logs its exposure when it is read. */
  readonly getLayer: (user: User, name: string, options?: ExperimentCheckOptions) => Layer
  /** Parameters are evaluated and logged when they are read. */
  readonly getParameterStore: (user: User, name: string, options?: CheckOptions) => ParameterStore
  /**
   * Explains the result of the check with these options: every rule and condition evaluated, with the user's value and
   * the target value, and the exposures that the check would log. `Explanation.render` turns it into text. Nothing is
   * logged, counted, saved or deleted.
   *
   * It shows values of the user, including private attributes, and takes many times as long as the check: use it to
   * inspect a case, not for every request.
   *
   * @example
   * yield* Console.log(Explanation.render(statsig.explain(user, "gate", "new_checkout")))
   */
  readonly explain: (user: User, kind: ExplainedKind, name: string, options?: ExperimentCheckOptions) => Explanation
  /**
   * The checks behind the methods above.
   *
   * @internal
   */
  readonly checks: Checks
  /** The value of one group of an experiment; no user is evaluated and nothing is logged. */
  readonly getExperimentByGroupName: (name: string, groupName: string) => Experiment
  /** As `getExperimentByGroupName`, by the id of any rule. */
  readonly getExperimentByGroupID: (name: string, groupID: string) => Experiment
  /** Logs the user's current exposure to the gate, regardless of earlier checks. */
  readonly manuallyLogGateExposure: (user: User, name: string) => void
  readonly manuallyLogDynamicConfigExposure: (user: User, name: string) => void
  readonly manuallyLogExperimentExposure: (user: User, name: string) => void
  readonly manuallyLogLayerParameterExposure: (user: User, name: string, parameter: string) => void
  /**
   * Logs a custom event. `value` is a string or a finite number, anything else counts as none; metadata values may be
   * any JSON. What cannot be JSON is left out, as in users. Metadata with a getter that throws is rejected, and the
   * event is counted as dropped.
   */
  readonly logEvent: (
    user: User,
    name: string,
    value?: string | number | null,
    metadata?: Readonly<Record<string, unknown>> | null
  ) => void
  /** Logs a line of the program's log as an event. */
  readonly forwardLogLine: (
    user: User,
    level: LogLineLevel,
    value?: string | null,
    metadata?: Readonly<Record<string, string>> | null
  ) => void
  /** Sends a user to Statsig without a check. */
  readonly identify: (user: User) => void
  /**
   * The evaluations of everything for the user, as the JSON that a client starts from without a request. Nothing is
   * logged. When an evaluation fails (a cycle of gates), the response contains no values.
   */
  readonly getClientInitializeResponse: (user: User, options?: ClientInitializeOptions) => string
  /**
   * As `getClientInitializeResponse`, in UTF-8, for a server that sends bytes: this avoids making a string, which takes
   * most of the time. The bytes are a view of the buffer and are overwritten by the next response written into it; copy
   * them to keep them beyond the current turn.
   */
  readonly writeClientInitializeResponse: (
    user: User,
    buffer: ResponseBuffer,
    options?: ClientInitializeOptions
  ) => Uint8Array
  /** Names, groups and needed user fields of the held specs. */
  readonly metadata: SpecMetadata
  /** The user's parsed `userAgent`. */
  readonly getParsedUserAgent: (user: User) => Option.Option<ParsedUserAgent>
  /** The same service, but its checks look up these overrides first. Other checks are not affected. */
  readonly withOverrides: (overrides: Iterable<Override> | OverrideLookup) => Service
  /**
   * The same service for a request of this user: it loads the user's sticky assignments, uses them in every check of
   * the user, and stores changes in the background. `idTypes` are the id types to load, by default `userID` and all
   * custom IDs. Assignments that cannot be loaded in time are left as they are: their checks return the current
   * evaluation.
   */
  readonly withPersistedValues: (user: User, idTypes?: ReadonlyArray<string>) => Effect.Effect<Service>
  /** Loads specs within the deadline and starts the background updates. May be called again. */
  readonly initialize: Effect.Effect<InitializeResult>
  /**
   * Fetches specs and ID lists now, without waiting for the next poll: after a webhook, for example. A call during a
   * fetch waits for that fetch.
   */
  readonly syncNow: Effect.Effect<void, SpecSourceError | SpecsError | IdListError>
  /**
   * As `syncNow`, for specs and ID lists that may be older than this; else it does nothing. For functions that are
   * frozen between requests, so that no poll runs: call it once at the start of a request.
   */
  readonly syncIfOlderThan: (
    age: Duration.DurationInput
  ) => Effect.Effect<void, SpecSourceError | SpecsError | IdListError>
  /** Sends the queued events. */
  readonly flush: Effect.Effect<void>
  /** Sends the remaining events and stops event delivery; closing the layer's scope does the same. */
  readonly shutdown: Effect.Effect<void, EventSinkError>
  /** The state of the specs: source, age and last error. */
  readonly status: Effect.Effect<SpecStatus>
  /** The state of event delivery: pending, sent, dropped, and the last error. */
  readonly eventStatus: Effect.Effect<EventLoggerStatus>
  /** The state of the ID lists: names and sizes, and the last error of each. */
  readonly idListStatus: Effect.Effect<IdListsStatus>
  /** Every update of the specs from now on. */
  readonly changes: Stream.Stream<SpecChange>
  /** Every result from now on, except manual exposures. Costs nothing without listeners. */
  readonly evaluations: Stream.Stream<Answer>
  /**
   * As `evaluations`: calls the listener within each check. Returns a function that removes it.
   *
   * @internal
   */
  readonly onCheck: (listener: (checked: Checked) => void) => () => void
  /**
   * Emits at once, and then whenever results may have changed: after an update of the specs or of the overrides. A slow
   * reader gets one for several.
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
   * Reports that a value does not fit its flag. Returns at once.
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

/**
 * Makes the service from an evaluator, a spec store, ID lists and an event logger.
 *
 * `initTimeout` bounds `initialize` as a whole; without it the sources bound themselves. Metrics contain the first
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
  const listeners = makeListeners<Checked>()
  const events = new ProgramEvents(logger, () => store.current().snapshot?.remote)

  /** The members that do not depend on the evaluator. */
  const shared = {
    logEvent: (user, name, value, metadata) => events.log(user, name, value, metadata),
    forwardLogLine: (user, level, value, metadata) => events.forwardLogLine(user, level, value, metadata),
    identify: user => events.log(user, "statsig::identify"),
    refuseEvent: problem => events.refuse(problem),
    metadata: everyone.metadata,
    getParsedUserAgent: user => Option.fromNullable(everyone.parsedUserAgent(user)),
    ...makeLifecycle({ store, idLists, logger, observe }, options),
    status: store.status,
    eventStatus: logger.status,
    idListStatus: idLists.status,
    changes: store.changes,
    // Made when it is run: a stream takes kilobytes.
    evaluations: Stream.suspend(() => Stream.map(listeners.stream(answersKept), checked => toAnswer(checked, warn))),
    onCheck: listeners.add,
    updates: updatesOf(overrides, store),
    reportMismatch: makeReport(() => store.current().snapshot, fork, observe)
  } satisfies Partial<Service>

  const buffer = makeBuffer()

  /** The service on an evaluator: the global one, or one with a further overlay. */
  const serviceBy = (evaluator: EvaluatorService): Service => {
    const checks = new Checks(evaluator, logger, listeners)
    return {
      checkGate: (user, name, options) => checks.checkGate(user, name, options),
      getFeatureGate: (user, name, options) => new FeatureGate(name, checks.gate(user, name, options)),
      getDynamicConfig: (user, name, options) =>
        new DynamicConfig(name, checks.dynamicConfig(user, name, options), warn),
      getExperiment: (user, name, options) => new Experiment(name, checks.experiment(user, name, options), warn),
      getLayer: (user, name, options) => {
        const { evaluation, expose } = checks.layer(user, name, options)
        return new Layer(name, evaluation, warn, (_, parameter) => expose(parameter))
      },
      getParameterStore: (user, name, options) => {
        const { evaluation, parameters } = checks.parameterStore(user, name)
        return new ParameterStore(name, evaluation, parameters, parameter => checks.resolve(user, parameter, options))
      },
      checks,
      explain: (user, kind, name, options) => checks.explain(user, kind, name, options),
      getExperimentByGroupName: (name, groupName) =>
        new Experiment(name, evaluator.experimentByGroupName(name, groupName), warn),
      getExperimentByGroupID: (name, groupID) =>
        new Experiment(name, evaluator.experimentByGroupID(name, groupID), warn),
      manuallyLogGateExposure: (user, name) => checks.exposeManually("gate", user, name),
      manuallyLogDynamicConfigExposure: (user, name) => checks.exposeManually("dynamicConfig", user, name),
      manuallyLogExperimentExposure: (user, name) => checks.exposeManually("experiment", user, name),
      manuallyLogLayerParameterExposure: (user, name, parameter) =>
        checks.exposeManually("layer", user, name, parameter),
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
      // Last: V8 takes a hundred times as long for an object literal that begins with a spread.
      ...shared
    }
  }

  return Statsig.of(serviceBy(everyone))
})

const toAnswer = ({ evaluation, kind, name, user }: Checked, warn: Warn): Answer => {
  switch (kind) {
    case "gate":
      return { kind, user, result: new FeatureGate(name, evaluation) }
    case "dynamicConfig":
      return { kind, user, result: new DynamicConfig(name, evaluation, warn) }
    case "experiment":
      return { kind, user, result: new Experiment(name, evaluation, warn) }
    case "layer":
      return { kind, user, result: new Layer(name, evaluation, warn, () => {}) }
  }
}

/** See `Service.updates`. */
const updatesOf = (overrides: Overrides["Type"], store: SpecStore["Type"]): Stream.Stream<void> =>
  Stream.suspend(() =>
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
  )

/**
 * The user of an effect. Provide it with `withUser`; the compiler refuses to run an effect that lacks it.
 *
 * @since 0.1.0
 */
export class CurrentUser extends Context.Tag("statsig-effect/Statsig/CurrentUser")<CurrentUser, User>() {}

/**
 * Sets the user of an effect: of a request, a job, a message.
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

type Tail<Arguments extends ReadonlyArray<unknown>> = Arguments extends readonly [unknown, ...infer Rest] ? Rest : never

type MethodOfUser = {
  [Name in keyof Service]: Service[Name] extends (user: User, ...input: never) => unknown ? Name : never
}[keyof Service]

/** A method of the service for the current user. */
const forCurrentUser =
  <Name extends MethodOfUser>(name: Name) =>
  (...input: Tail<Parameters<Service[Name]>>) =>
    Effect.zipWith(Statsig, CurrentUser, (statsig, user) =>
      (statsig[name] as (user: User, ...input: ReadonlyArray<unknown>) => ReturnType<Service[Name]>)(user, ...input)
    )

/**
 * Whether the gate is open for the current user; `false` for an unknown gate.
 *
 * This and the functions below are the service's methods for effects that take the user from the context. If the user
 * is at hand, or speed matters, call the methods directly.
 *
 * @example
 * const checkout = Effect.gen(function* () {
 *   return (yield* Statsig.checkGate("new_checkout")) ? "new" : "old"
 * })
 * checkout.pipe(Statsig.withUser(user))
 *
 * @since 0.1.0
 */
export const checkGate = /* @__PURE__ */ forCurrentUser("checkGate")

/**
 * As `checkGate`, with rule and details.
 *
 * @since 0.1.0
 */
export const getFeatureGate = /* @__PURE__ */ forCurrentUser("getFeatureGate")

/**
 * The dynamic config for the current user.
 *
 * @since 0.1.0
 */
export const getDynamicConfig = /* @__PURE__ */ forCurrentUser("getDynamicConfig")

/**
 * The experiment for the current user.
 *
 * @since 0.1.0
 */
export const getExperiment = /* @__PURE__ */ forCurrentUser("getExperiment")

/**
 * The layer for the current user. Reading a parameter logs its exposure.
 *
 * @since 0.1.0
 */
export const getLayer = /* @__PURE__ */ forCurrentUser("getLayer")

/**
 * The parameter store for the current user.
 *
 * @since 0.1.0
 */
export const getParameterStore = /* @__PURE__ */ forCurrentUser("getParameterStore")

/**
 * Explains the result of a check for the current user. See `Service.explain`.
 *
 * @since 0.1.0
 */
export const explain = /* @__PURE__ */ forCurrentUser("explain")

/**
 * Logs a custom event of the current user. See `Service.logEvent`.
 *
 * @since 0.1.0
 */
export const logEvent = /* @__PURE__ */ forCurrentUser("logEvent")

/**
 * Logs a line of the program's log as an event of the current user. See `Service.forwardLogLine`.
 *
 * @since 0.1.0
 */
export const forwardLogLine = /* @__PURE__ */ forCurrentUser("forwardLogLine")

/**
 * Sends the current user to Statsig without a check.
 *
 * @example
 * yield* Statsig.identify
 *
 * @since 0.1.0
 */
export const identify = /* @__PURE__ */ (() => forCurrentUser("identify")())()

/**
 * Logs the current user's current exposure to the gate, regardless of earlier checks.
 *
 * @example
 * const isOpen = yield* Statsig.checkGate("new_checkout", { disableExposureLogging: true })
 * // … once the user has seen it:
 * yield* Statsig.manuallyLogGateExposure("new_checkout")
 *
 * @since 0.1.0
 */
export const manuallyLogGateExposure = /* @__PURE__ */ forCurrentUser("manuallyLogGateExposure")

/**
 * As `manuallyLogGateExposure`, for a dynamic config.
 *
 * @since 0.1.0
 */
export const manuallyLogDynamicConfigExposure = /* @__PURE__ */ forCurrentUser("manuallyLogDynamicConfigExposure")

/**
 * As `manuallyLogGateExposure`, for an experiment.
 *
 * @since 0.1.0
 */
export const manuallyLogExperimentExposure = /* @__PURE__ */ forCurrentUser("manuallyLogExperimentExposure")

/**
 * As `manuallyLogGateExposure`, for a parameter of a layer.
 *
 * @since 0.1.0
 */
export const manuallyLogLayerParameterExposure = /* @__PURE__ */ forCurrentUser("manuallyLogLayerParameterExposure")

/**
 * The evaluations of everything for the current user, as the JSON that a client starts from.
 *
 * @since 0.1.0
 */
export const getClientInitializeResponse = /* @__PURE__ */ forCurrentUser("getClientInitializeResponse")

/**
 * Makes the checks of this effect only look up these overrides first: for one request, one test, one preview.
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
 * Gives a user sticky experiment and layer assignments in all checks of an effect: loads them before it starts, and
 * stores changes in the background. See `Service.withPersistedValues`.
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
