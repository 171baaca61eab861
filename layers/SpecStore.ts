/**
 * The spec store: one variable that checks read, and one fiber that keeps it fresh.
 *
 * All fetches run one at a time, so responses cannot be applied out of order. The fiber starts with the layer and waits
 * for `startUpdates`, so it runs in the layer's context, not in that of the caller of `initialize`; it survives every failure of a
 * source, and its timers do not keep the process alive.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { EventLogger } from "../src/EventLogger.js"
import { inBackground } from "../src/internal/clocks.js"
import { recordDiagnostics } from "../src/internal/diagnostics.js"
import { observer } from "../src/internal/observe.js"
import { makePace, type Pace } from "../src/internal/pace.js"
import { sizeLimit } from "../src/internal/payload.js"
import { type Fetch, type Source, type SpecRequest, SpecSource } from "../src/SpecSource.js"
import { SpecStore } from "../src/SpecStore.js"
import type { SpecWarning } from "../src/Specs.js"
import type { StatsigOptions } from "../src/StatsigOptions.js"
import { HeldSpecs } from "./internal/specs/heldSpecs.js"
import { type SyncError, Syncs } from "./internal/specs/syncs.js"

/** How many updates a slow reader of `changes` may lag behind. */
const changesKept = 64

/** The maximum number of warnings that wait to be logged. */
const warningsQueued = 100

/** Sync intervals without a response after which the specs count as stale. */
const staleAfter = 3

/** The pauses before failed background work is restarted: 1, 2, 4 seconds and so on, up to a minute. */
const restarts = Schedule.exponential("1 second").pipe(
  Schedule.union(Schedule.spaced("1 minute")),
  Schedule.resetAfter("10 minutes")
)

/**
 * Options of a store.
 *
 * @since 0.1.0
 */
export interface SpecStoreOptions extends Pick<StatsigOptions, "compileSpecsFirst" | "maxSpecsBytes"> {
  /** The pause between two polls, from the end of one to the start of the next. */
  readonly syncInterval: Duration.DurationInput
}

/**
 * Makes a store on the `SpecSource` of the context; it polls it every `syncInterval` once `startUpdates` ran. An
 * `ObservabilityClient` in the context receives its metrics, an `EventLogger` the diagnostics of syncs. Background work
 * ends with the scope; the specs stay.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: SpecStoreOptions) {
  const source = yield* SpecSource
  const syncInterval = Duration.decode(options.syncInterval)
  const pace = makePace(syncInterval)
  const observe = yield* observer
  const logger = yield* Effect.serviceOption(EventLogger)
  const badParts = yield* Queue.dropping<SpecWarning>(warningsQueued)
  const started = yield* Deferred.make<void>()
  const onWarning = (warning: SpecWarning) => void Queue.unsafeOffer(badParts, warning)
  const held = new HeldSpecs({
    limit: sizeLimit(options.maxSpecsBytes),
    compilesFirst: options.compileSpecsFirst === true,
    observe,
    onWarning
  })
  const syncs = new Syncs(source.name, held, pace, observe, yield* Clock.currentTimeMillis)

  const diagnosed = recordDiagnostics({
    context: "config_sync",
    rate: "dcs",
    remote: () => held.state.snapshot?.remote,
    log: event => Option.map(logger, ({ logEvent }) => logEvent(event))
  })
  const sync: Sync = (fetch, purpose) => Effect.ensuring(diagnosed(syncs.run(fetch, purpose)), syncs.measureStaleness)
  const syncNow = oneAtATime(sync(source.fetch, "sync"))
  const polling = new Polling(source, pace, sync)

  yield* Effect.forkScoped(inBackground(Effect.andThen(Deferred.await(started), polling.run)))
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.flatMap(Queue.take(badParts), ({ kind, message, name }) =>
        Effect.logWarning(`The ${kind} "${name}" cannot be used: ${message}`)
      )
    )
  )

  yield* Effect.forkScoped(held.compiling)

  const isStale = (age: Duration.Duration | undefined) =>
    held.state.snapshot === undefined ||
    (polling.isPolled && (age === undefined || Duration.greaterThan(age, Duration.times(syncInterval, staleAfter))))

  return SpecStore.of({
    current: () => held.state,
    load: held.loadBy(syncs.run(source.fetch, "initialize")),
    startUpdates: Effect.asVoid(Deferred.succeed(started, undefined)),
    syncNow,
    syncIfOlderThan: oldest =>
      Effect.flatMap(Effect.zip(syncs.age, pace.rest), ([age, rest]) => {
        if (age !== undefined && Duration.lessThanOrEqualTo(age, oldest)) return Effect.void
        // It may be called with every request of a program, which must not burden a server that refuses.
        return rest > 0 && syncs.lastError !== undefined ? Effect.fail(syncs.lastError) : syncNow
      }),
    onChange: held.changes.add,
    changes: held.changes.stream(changesKept),
    status: Effect.map(syncs.age, age => ({
      source: held.state.source,
      time: held.state.snapshot?.time ?? 0,
      receivedAt: held.state.receivedAt,
      lastSuccessAt: syncs.lastSuccessAt,
      age,
      isStale: isStale(age),
      lastError: syncs.lastError,
      warnings: held.warnings
    }))
  })
})

/** One run for all concurrent callers; it continues when they are interrupted. */
const oneAtATime = <E>(run: Effect.Effect<void, E>): Effect.Effect<void, E> => {
  let underWay: Deferred.Deferred<void, E> | undefined
  const ended = Effect.sync(() => {
    underWay = undefined
  })
  return Effect.uninterruptibleMask(restore =>
    Effect.suspend(() => {
      if (underWay !== undefined) return restore(Deferred.await(underWay))
      const done = Deferred.unsafeMake<void, E>(FiberId.none)
      underWay = done
      return run.pipe(
        Effect.interruptible,
        Effect.ensuring(ended),
        Effect.intoDeferred(done),
        Effect.forkDaemon,
        Effect.andThen(restore(Deferred.await(done)))
      )
    })
  )
}

type Sync = (fetch: Fetch, purpose: SpecRequest["purpose"]) => Effect.Effect<void, SyncError>

/** Keeps the specs fresh: polls at its pace and follows the source's own updates. */
class Polling {
  isPolled = false

  constructor(
    private readonly source: Source,
    private readonly pace: Pace,
    private readonly sync: Sync
  ) {}

  get run(): Effect.Effect<unknown, unknown> {
    const { name, polls, updates } = this.source
    const arePolled = Effect.catchAllCause(polls, cause =>
      Effect.as(Effect.logError(`${name} does not tell whether it polls`, cause), true)
    )
    const polling = Effect.whenEffect(supervised("Polling", this.#poll), arePolled)
    // Most sources have no updates, and fibers and streams are not free.
    if (updates === Stream.empty) return polling
    const follow = Stream.runForEach(updates, fetch => this.#syncOrWarn(fetch))
    return Effect.zip(supervised(`Following ${name}`, follow), polling, { concurrent: true })
  }

  readonly #poll = Effect.suspend(() => {
    this.isPolled = true
    return Effect.forever(Effect.andThen(this.pace.pause, this.#syncOrWarn(this.source.fetch)))
  })

  #syncOrWarn(fetch: Fetch): Effect.Effect<void> {
    return Effect.catchAll(this.sync(fetch, "poll"), error =>
      Effect.logWarning(`The specs were not synced: ${error.message}`)
    )
  }
}

/** Restarts the work after a failure, soon at first. */
const supervised = (name: string, work: Effect.Effect<unknown>) =>
  work.pipe(
    Effect.sandbox,
    // The logger may be what failed.
    Effect.tapError(cause => Effect.ignoreLogged(Effect.sandbox(Effect.logError(`${name} broke`, cause)))),
    Effect.retry(restarts)
  )

/**
 * The store. `syncInterval` is the pause between two polls, from the end of one to the start of the next. It is longer
 * while the server refuses.
 *
 * @since 0.1.0
 */
export const layer = (options: SpecStoreOptions): Layer.Layer<SpecStore, never, SpecSource> =>
  Layer.scoped(SpecStore, make(options))
