/**
 * The waiting operations: initialization, sync on demand, and shutdown of the service.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { EventLogger } from "../EventLogger.js"
import type { IdLists } from "../IdLists.js"
import type { SpecStore } from "../SpecStore.js"
import { InitializeTimeoutError, type SpecSourceError, type SpecsError } from "../StatsigError.js"
import { guarded } from "./clocks.js"
import { BackgroundRecorder, mark, recordDiagnostics } from "./diagnostics.js"
import { type Observe, reportException } from "./observe.js"
import { withQuietLoggers } from "./quietly.js"
import { sdkKeyShown, sdkType, sdkVersion } from "./sdkInfo.js"

/**
 * The result of `initialize`. It never fails: without specs every check returns its default, and polling continues.
 *
 * @since 0.1.0
 */
export interface InitializeResult {
  /** Whether a source responded in time. */
  readonly success: boolean
  /** The source of the specs afterwards, as in evaluation reasons. */
  readonly source: string
  readonly duration: Duration.Duration
  /** Why there are no fresh specs. */
  readonly failure: Option.Option<SpecSourceError | SpecsError | InitializeTimeoutError>
}

/** Runs the second even if the first fails, and fails if either did. */
const inTurn = <E, E2>(first: Effect.Effect<void, E>, second: Effect.Effect<void, E2>): Effect.Effect<void, E | E2> =>
  Effect.flatMap(Effect.exit(first), exit => Effect.zipRight(second, exit))

/** A caller's wait also ends in time under fake timers, and no failing log line ends it. */
const forCaller = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => guarded(withQuietLoggers(effect))

/** The services that are started and stopped together. */
interface LifecycleParts {
  readonly store: SpecStore["Type"]
  readonly idLists: IdLists["Type"]
  readonly logger: EventLogger["Type"]
  readonly observe: Observe
}

interface LifecycleOptions {
  /** Bounds `initialize` as a whole. */
  readonly initTimeout?: Duration.Duration | undefined
  readonly sdkKey?: Redacted.Redacted | undefined
}

/** Makes the waiting effects of the service. */
export const makeLifecycle = ({ idLists, logger, observe, store }: LifecycleParts, options: LifecycleOptions) => {
  const diagnostics = { remote: () => store.current().snapshot?.remote, log: logger.logEvent }
  const recordInitialize = recordDiagnostics({ context: "initialize", rate: "initialize", ...diagnostics })
  const recordLists = recordDiagnostics({ context: "config_sync", rate: "get_id_list", ...diagnostics })
  const syncLists = recordLists(idLists.sync)

  const listsIfOlderThan = Effect.fnUntraced(function* (age: Duration.DurationInput) {
    const { lastSuccessAt } = yield* idLists.status
    const now = yield* Clock.currentTimeMillis
    if (lastSuccessAt === undefined || now - lastSuccessAt >= Duration.toMillis(age)) yield* syncLists
  })

  const initialize = Effect.gen(function* () {
    const started = yield* Clock.currentTimeMillis
    yield* mark({ key: "overall", action: "start" })
    const load = within(options.initTimeout, loadAll(store, idLists))
    const failure = yield* Effect.match(load, { onFailure: Option.some, onSuccess: () => Option.none() })
    const success = Option.isNone(failure)
    const { snapshot, source } = store.current()
    const configSpecReady = snapshot !== undefined
    yield* mark({ key: "overall", action: "end", success, configSpecReady, source })
    yield* store.startUpdates
    yield* Effect.provideService(idLists.startUpdates, BackgroundRecorder, recordLists)
    const duration = Duration.millis((yield* Clock.currentTimeMillis) - started)
    const result: InitializeResult = { success, source, duration, failure }
    observe(client => measureInitialize(client, result, store, options.sdkKey))
    return result
  })

  return {
    initialize: forCaller(recordInitialize(initialize)),
    syncNow: forCaller(inTurn(store.syncNow, syncLists)),
    syncIfOlderThan: (age: Duration.DurationInput) =>
      forCaller(inTurn(store.syncIfOlderThan(age), listsIfOlderThan(age))),
    flush: forCaller(logger.flush),
    shutdown: forCaller(logger.shutdown)
  }
}

/** The lists report errors in their own status. */
const loadAll = (store: SpecStore["Type"], idLists: IdLists["Type"]) => {
  // A program that disables the network wants to start without specs.
  const loadSpecs = Effect.catchIf(
    store.load,
    error => error._tag === "SpecSourceError" && error.reason === "Disabled",
    () => Effect.void
  )
  return inTurn(loadSpecs, Effect.ignore(idLists.sync))
}

const within = <E>(
  timeout: Duration.Duration | undefined,
  load: Effect.Effect<void, E>
): Effect.Effect<void, E | InitializeTimeoutError> =>
  timeout === undefined
    ? load
    : Effect.timeoutFail(load, {
        duration: timeout,
        onTimeout: () => new InitializeTimeoutError({ millis: Duration.toMillis(timeout) })
      })

const measureInitialize = (
  client: Parameters<Parameters<Observe>[0]>[0],
  { duration, failure, source, success }: InitializeResult,
  store: SpecStore["Type"],
  sdkKey: Redacted.Redacted | undefined
): void => {
  const { snapshot, sourceApi } = store.current()
  client.distribution("statsig.sdk.initialization", Duration.toMillis(duration), {
    init_success: String(success),
    source,
    store_populated: String(snapshot !== undefined),
    ...(sdkKey === undefined ? {} : { sdk_key: Redacted.value(sdkKey).slice(0, sdkKeyShown) }),
    sdk_type: sdkType,
    sdk_version: sdkVersion,
    init_source_api: sourceApi ?? ""
  })
  if (Option.isSome(failure)) reportException(client, "Statsig", "InitializationError", failure.value.message)
}
