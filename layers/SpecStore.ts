/**
 * The spec store: one variable that checks read, and one fiber that keeps it fresh.
 *
 * Everything that fetches takes its turn (`lock`), so answers cannot arrive out of order. The fiber waits from the
 * beginning and is let go by `startUpdates`, so it runs as the layer was built, whoever calls `initialize`; it outlives
 * every failure of a source, and its timers do not keep the process alive.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Iterable from "effect/Iterable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import { EventLogger } from "../src/EventLogger.js"
import type { BadPart, Snapshot } from "../src/engine/payload/snapshot.js"
import { inBackground } from "../src/internal/clocks.js"
import { record } from "../src/internal/diagnostics.js"
import { released } from "../src/internal/errors.js"
import { makeListeners } from "../src/internal/listeners.js"
import { exceptionOf, observer, reportException } from "../src/internal/observe.js"
import { makePace } from "../src/internal/pace.js"
import { sizeLimit } from "../src/internal/payload.js"
import {
  type Apply,
  type Fetch,
  fetchFrom,
  type SpecRequest,
  type SpecResponse,
  SpecSource
} from "../src/SpecSource.js"
import { type SpecChange, type SpecState, SpecStore } from "../src/SpecStore.js"
import * as Specs from "../src/Specs.js"
import { type SpecSourceError, SpecsError } from "../src/StatsigError.js"
import type { StatsigOptions } from "../src/StatsigOptions.js"
import * as Protobuf from "./internal/protobuf/decode.js"

/** Updates that a slow reader of `changes` may be behind. */
const changesKept = 64

/** Warnings of one snapshot that the status lists. */
const warningsKept = 1_000

/** Warnings that wait to be logged. */
const warningsQueued = 100

/** Sync intervals without an answer after which the specs count as stale. */
const staleAfter = 3

/** The pauses before background work that broke begins again: 1, 2, 4 seconds and so on, up to a minute. */
const restarts = Schedule.exponential("1 second").pipe(
  Schedule.union(Schedule.spaced("1 minute")),
  Schedule.resetAfter("10 minutes")
)

/**
 * How a store works.
 *
 * @since 0.1.0
 */
export interface SpecStoreOptions extends Pick<StatsigOptions, "maxSpecsBytes"> {
  /** The pause between two polls, from the end of one to the start of the next. */
  readonly syncInterval: Duration.DurationInput
}

/**
 * Makes a store that asks the `SpecSource` of the context, and polls it every `syncInterval` once `startUpdates` ran.
 * An `ObservabilityClient` in the context gets its metrics, an `EventLogger` the diagnostics of syncs. Background work
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
  const changes = makeListeners<SpecChange>()
  const badParts = yield* Queue.dropping<Specs.SpecWarning>(warningsQueued)
  const started = yield* Deferred.make<void>()
  const lock = yield* Effect.makeSemaphore(1)

  let state: SpecState = {
    source: "Uninitialized",
    sourceApi: undefined,
    snapshot: undefined,
    receivedAt: undefined,
    defaultEnvironment: undefined
  }
  let lastSuccessAt: number | undefined
  const madeAt = yield* Clock.currentTimeMillis
  /** What the metrics tell of the payload that the sync at hand read. */
  let answer: Partial<Pick<SpecResponse, "sourceApi" | "format" | "deltasUsed">> | undefined
  let lastError: SpecSourceError | SpecsError | undefined
  /** What is held, if it came as protobuf: the hash of the payload, and the envelopes that were left out of it. */
  let heldProtobuf: { readonly hash: string; readonly warnings: ReadonlyArray<BadPart> } | undefined
  const limit = sizeLimit(options.maxSpecsBytes)

  const onWarning = (warning: Specs.SpecWarning) => void Queue.unsafeOffer(badParts, warning)

  const onSums = (result: "success" | "failure") =>
    observe(client => client.increment("statsig.sdk.deltas_checksum_validation.count", 1, { result }))

  /** A payload whatever its form, and of protobuf what is remembered of it. The same payload again is not decoded. */
  const read = Effect.fnUntraced(function* (body: string | Uint8Array, held: Snapshot | undefined) {
    if (body.length > limit) {
      const message = `expected at most ${limit} bytes (maxSpecsBytes), got ${body.length}`
      return yield* new SpecsError({ reason: "Size", message })
    }
    if (!Protobuf.isProtobuf(body)) return { parsed: yield* Specs.parse(body, onWarning, held) }
    const hash = createHash("sha256").update(body).digest("hex")
    if (held !== undefined && heldProtobuf?.hash === hash) {
      const parsed: Specs.Parsed = { _tag: "Specs", snapshot: held }
      return { parsed, protobuf: { ...heldProtobuf, whole: undefined } }
    }
    const { isDelta, json, warnings } = yield* Protobuf.decode(body, { limit, held: held?.body, onSums })
    warnings.forEach(onWarning)
    const parsed = yield* Specs.parse(json, onWarning, held)
    return { parsed, protobuf: { hash, warnings, whole: isDelta ? undefined : body } }
  })

  /** Interruptible also within a source that is not, so that nothing is applied after the deadline of `initialize`. */
  const apply: Apply = Effect.fnUntraced(function* ({ body, deltasUsed, format, source, sourceApi }) {
    answer = { sourceApi: sourceApi ?? (source === "Adapter(DataStore)" ? "datastore" : ""), format, deltasUsed }
    const held = state.snapshot
    const { parsed, protobuf } = yield* Effect.mapError(
      read(body, held),
      ({ message, reason }) => new SpecsError({ reason, message, format })
    )
    const tags = { source, source_api: sourceApi ?? "" }
    if (parsed._tag === "NoUpdates") {
      observe(client => client.increment("statsig.sdk.config_no_update", 1, tags))
      yield* Effect.logDebug(`${source} has no new specs`)
      return parsed
    }
    const { snapshot } = parsed
    const now = yield* Clock.currentTimeMillis
    const isRepaired = isBeyond(state, now) && snapshot.time <= now + farthestTime
    if (!isRepaired && !isNewer(snapshot, held)) {
      yield* Effect.logDebug(`The specs of ${snapshot.time} from ${source} are not newer than those that are held`)
      return { _tag: "NotNewer", time: snapshot.time } as const
    }
    const receivedAt = now
    const before = state
    const change: SpecChange = {
      source,
      sourceApi,
      time: snapshot.time,
      previousTime: held?.time ?? 0,
      ...snapshot.changesSince(held)
    }
    yield* Effect.uninterruptible(
      Effect.sync(() => {
        state = { source, sourceApi, snapshot, receivedAt, defaultEnvironment: state.defaultEnvironment }
        heldProtobuf = protobuf && { hash: protobuf.hash, warnings: protobuf.warnings }
        changes.tell(change)
      })
    )
    if (before.source !== "Uninitialized" && before.source !== "Loading") {
      observe(client =>
        client.distribution("statsig.sdk.config_propagation_diff", receivedAt - snapshot.time, {
          ...tags,
          response_format: protobuf === undefined ? "JSON" : "Protobuf",
          ...(client.allowsHighCardinality?.("lcut") === true ? { lcut: String(snapshot.time) } : {}),
          ...(client.allowsHighCardinality?.("prev_lcut") === true ? { prev_lcut: String(held?.time ?? 0) } : {})
        })
      )
    }
    yield* Effect.logDebug(`Specs of ${snapshot.time} from ${source}`)
    return { _tag: "Applied", time: snapshot.time, json: snapshot.body.bytes, protobuf: protobuf?.whole } as const
  }, Effect.interruptible)

  /** One fetch, in turn, with its end noted for the status. */
  const run = (fetch: Fetch, purpose: SpecRequest["purpose"]) =>
    lock.withPermits(1)(
      Effect.flatMap(Clock.currentTimeMillis, started => {
        const held = state.snapshot
        const { checksum, time: sinceTime = 0 } = isBeyond(state, started) ? {} : (held ?? {})
        answer = undefined
        const options: Tracer.SpanOptions = {
          kind: "client",
          attributes: { "statsig.sync.purpose": purpose, "statsig.sync.source": source.name },
          // Polls go on when the span within which the layer was built has long ended.
          root: purpose === "poll",
          captureStackTrace: false
        }
        // Not `withSpan`, which would put the span into errors.
        return Effect.useSpan("statsig.sync", options, span =>
          fetchFrom(source.name, fetch)({ purpose, sinceTime, checksum }, apply).pipe(
            Effect.tapBoth({
              onFailure: error =>
                Effect.flatMap(Clock.currentTimeMillis, now => {
                  lastError = released(error)
                  measureSync(now - started, error)
                  if (isRefusal(error)) return pace.refused(error.retryAfter)
                  // A payload came, though not one that can be used.
                  return error._tag === "SpecsError" ? Effect.sync(pace.accepted) : Effect.void
                }),
              onSuccess: () =>
                Effect.map(Clock.currentTimeMillis, now => {
                  lastSuccessAt = now
                  lastError = undefined
                  pace.accepted()
                  measureSync(now - started, undefined)
                })
            }),
            Effect.ensuring(
              Effect.sync(() => {
                span.attribute("statsig.sync.source_api", answer?.sourceApi ?? "")
                span.attribute("statsig.sync.is_new", state.snapshot !== held)
                span.attribute("statsig.specs.time", state.snapshot?.time ?? 0)
              })
            ),
            Effect.asVoid
          )
        )
      })
    )

  const measureSync = (millis: number, error: SpecSourceError | SpecsError | undefined) => {
    const told: typeof answer = answer ?? (error?._tag === "SpecSourceError" ? error : undefined)
    const exception = error === undefined ? undefined : exceptionOf(error)
    observe(client => {
      client.distribution("statsig.sdk.config_sync_overall.latency", millis, {
        source_api: told?.sourceApi ?? "",
        format: told?.format ?? "unknown",
        error: error?.message ?? "",
        network_success: String(error?._tag !== "SpecSourceError"),
        process_success: String(error === undefined),
        deltas_used: String(told?.deltasUsed === true)
      })
      if (exception !== undefined) reportException(client, exception.tag, exception.exception, error?.message ?? "")
    })
  }

  /** How old the specs may be: the time since a source was last asked with success. */
  const measureStaleness = Effect.map(Clock.currentTimeMillis, now =>
    observe(client => client.gauge("statsig.sdk.config_staleness", now - (lastSuccessAt ?? madeAt), undefined))
  )

  const diagnosed = record({
    context: "config_sync",
    rate: "dcs",
    remote: () => state.snapshot?.remote,
    log: event => Option.map(logger, ({ logEvent }) => logEvent(event))
  })

  /** The default environment is taken here and nowhere else: it stays the same for the whole life of an instance. */
  const loaded = (source: string) => {
    const defaultEnvironment = state.snapshot?.defaultEnvironment ?? state.defaultEnvironment
    state = { ...state, source, defaultEnvironment }
  }

  const load = Effect.suspend(() => {
    state = { ...state, source: "Loading", sourceApi: undefined }
    return run(source.fetch, "initialize").pipe(
      Effect.tapBoth({
        onFailure: () => Effect.sync(() => loaded("NoValues")),
        onSuccess: () => Effect.sync(() => loaded(state.source))
      }),
      // A source that cannot be interrupted must not hold up the deadline of `initialize`.
      Effect.disconnect
    )
  })

  const sync = (fetch: Fetch, purpose: SpecRequest["purpose"]) =>
    Effect.ensuring(diagnosed(run(fetch, purpose)), measureStaleness)

  let underWay: Deferred.Deferred<void, SpecSourceError | SpecsError> | undefined

  /** One sync for all who want one meanwhile; it goes on when they go away. */
  const syncNow = Effect.uninterruptibleMask(restore =>
    Effect.suspend(() => {
      if (underWay !== undefined) return restore(Deferred.await(underWay))
      const done = Deferred.unsafeMake<void, SpecSourceError | SpecsError>(FiberId.none)
      underWay = done
      return sync(source.fetch, "sync").pipe(
        Effect.interruptible,
        Effect.ensuring(
          Effect.sync(() => {
            underWay = undefined
          })
        ),
        Effect.intoDeferred(done),
        Effect.forkDaemon,
        Effect.andThen(restore(Deferred.await(done)))
      )
    })
  )

  /** `undefined` as long as no source has answered. A clock that was set back tells nothing. */
  const age = Effect.map(Clock.currentTimeMillis, now =>
    lastSuccessAt === undefined || now < lastSuccessAt ? undefined : Duration.millis(now - lastSuccessAt)
  )

  const withWarning = <A>(effect: Effect.Effect<A, SpecSourceError | SpecsError>) =>
    Effect.catchAll(effect, error => Effect.logWarning(`The specs were not synced: ${error.message}`))

  /** Begins again after whatever ends it before its time, at first soon. */
  const supervised = (name: string, work: Effect.Effect<unknown>) =>
    work.pipe(
      Effect.sandbox,
      // The log may be what broke.
      Effect.tapError(cause => Effect.ignoreLogged(Effect.sandbox(Effect.logError(`${name} broke`, cause)))),
      Effect.retry(restarts)
    )

  let isPolled = false
  const poll = Effect.suspend(() => {
    isPolled = true
    return Effect.forever(Effect.andThen(pace.pause, withWarning(sync(source.fetch, "poll"))))
  })

  const follow = Stream.runForEach(source.updates, fetch => withWarning(sync(fetch, "poll")))

  const polls = Effect.catchAllCause(source.polls, cause =>
    Effect.as(Effect.logError(`${source.name} does not tell whether it polls`, cause), true)
  )

  const polling = Effect.whenEffect(supervised("Polling", poll), polls)
  // Most sources have no updates, and fibers and streams are not free.
  const updating =
    source.updates === Stream.empty
      ? polling
      : Effect.zip(supervised(`Following ${source.name}`, follow), polling, { concurrent: true })

  yield* Effect.forkScoped(inBackground(Effect.andThen(Deferred.await(started), updating)))

  yield* Effect.forkScoped(
    Effect.forever(
      Effect.flatMap(Queue.take(badParts), ({ kind, message, name }) =>
        Effect.logWarning(`The ${kind} "${name}" cannot be used: ${message}`)
      )
    )
  )

  return SpecStore.of({
    current: () => state,
    load,
    startUpdates: Effect.asVoid(Deferred.succeed(started, undefined)),
    syncNow,
    syncIfOlderThan: oldest =>
      Effect.flatMap(Effect.zip(age, pace.rest), ([known, rest]) => {
        if (known !== undefined && Duration.lessThanOrEqualTo(known, oldest)) return Effect.void
        // It may be called with every request of a program, which a server that refuses is not to feel.
        return rest > 0 && lastError !== undefined ? Effect.fail(lastError) : syncNow
      }),
    onChange: changes.add,
    changes: changes.stream(changesKept),
    status: Effect.map(age, age => ({
      source: state.source,
      time: state.snapshot?.time ?? 0,
      receivedAt: state.receivedAt,
      lastSuccessAt,
      age,
      isStale:
        state.snapshot === undefined ||
        (isPolled && (age === undefined || Duration.greaterThan(age, Duration.times(syncInterval, staleAfter)))),
      lastError,
      warnings: [...(heldProtobuf?.warnings ?? []), ...Iterable.take(state.snapshot?.badParts() ?? [], warningsKept)]
    }))
  })
})

/** Clocks differ a little. In milliseconds. */
const farthestTime = 24 * 60 * 60 * 1_000

/**
 * Whether the specs are from a data store and say that they are made in the future. Others write to such stores too, and
 * specs like these would keep all later ones out for ever.
 */
const isBeyond = ({ snapshot, source }: SpecState, now: number): boolean =>
  source === "Adapter(DataStore)" && snapshot !== undefined && snapshot.time > now + farthestTime

/** Whether a server answered, and gave nothing. */
const isRefusal = (error: SpecSourceError | SpecsError): error is SpecSourceError =>
  error._tag === "SpecSourceError" &&
  (error.reason === "Status" ||
    (error.reason === "Key" && error.status !== undefined) ||
    error.retryAfter !== undefined)

/** Equal times pass: specs may change twice in a millisecond. An equal checksum is the same payload whatever its time. */
const isNewer = (next: Snapshot, held: Snapshot | undefined): boolean => {
  if (held === undefined) return true
  if (held.time > next.time) return false
  return held.checksum === undefined || held.checksum === "" || held.checksum !== next.checksum
}

/**
 * The store. `syncInterval` is the pause between two polls, from the end of one to the start of the next. It is longer
 * while the server refuses.
 *
 * @since 0.1.0
 */
export const layer = (options: SpecStoreOptions): Layer.Layer<SpecStore, never, SpecSource> =>
  Layer.scoped(SpecStore, make(options))
