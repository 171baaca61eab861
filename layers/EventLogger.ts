/**
 * The default EventLogger: a bounded queue that checks push into, and fibers that carry it to the `EventSink`.
 *
 * On the check path an exposure is looked up among those logged lately, sampled if the project wants it, and pushed; it
 * becomes text only when it is sent. Events are sent when a batch is full, when they have waited for long, on `flush`
 * and at the end. A batch that fails goes back to the end of the queue and is tried six times in all, with growing
 * pauses; batches that cannot be kept, or that the server refuses for good, are dropped, counted, reported in the log
 * and visible in `status`. New events and batches that wait have one bound together; beyond it the oldest event makes
 * room. The few batches that are on their way come on top. At every moment, each event that was taken is one of those
 * that `status` counts: it waits, was sent, or was dropped.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import type { SecondaryExposure } from "../src/engine/evaluation.js"
import { type Answer, Deduplicator, hashNames } from "../src/engine/events/deduplicator.js"
import { EventList, EventWriter } from "../src/engine/events/eventList.js"
import {
  customText,
  type EventText,
  type Exposure,
  exposureText,
  formOf,
  noRule,
  type SamplingNote,
  samplingParts,
  secondariesOf,
  secondaryText,
  userKey,
  userToLog,
  wellFormedJson
} from "../src/engine/events/events.js"
import { isSampled } from "../src/engine/events/samplingHash.js"
import { modulo, sha256 } from "../src/engine/sha256.js"
import type { RemoteConfig } from "../src/engine/specs.js"
import type { Json, JsonObject, User } from "../src/engine/user.js"
import { inBackground } from "../src/internal/backgroundClock.js"
import { yieldToEventLoop } from "../src/internal/eventLoop.js"
import { exceptionOf, reportException } from "../src/internal/observe.js"
import { statsigMetadata } from "../src/internal/sdkInfo.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import { EventSinkError } from "../src/StatsigError.js"
import { isRunningTests } from "../src/StatsigOptions.js"

/**
 * How events are gathered.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The tier of users that carry no environment of their own. */
  readonly environment?: string | undefined
  /** Custom fields of every logged user; the user's own win. */
  readonly globalCustomFields?: JsonObject | undefined
  /** Sent along with the events. */
  readonly serviceName?: string | undefined
  /** Events in a batch: 10 to 2,000. Default: 2,000. */
  readonly maxQueueSize?: number | undefined
  /** Batches that are kept: 1 or more. Default: 100. */
  readonly maxPendingBatches?: number | undefined
  /** How long events wait for a batch to fill, at least 50 milliseconds. Default: 60 seconds. */
  readonly flushInterval?: Duration.DurationInput | undefined
  /** Exposures that are remembered, so as not to be logged again. Default: 100,000. */
  readonly exposureDedupeMaxKeys?: number | undefined
  /** How long the last flush may take. Default: 3 seconds. */
  readonly shutdownTimeout?: Duration.DurationInput | undefined
  /** Logs nothing at all. Default: false. */
  readonly disableAllLogging?: boolean | undefined
  /** Opaque switches; the one that is known begins with `sec_expo_as_primary:`. */
  readonly experimentalFlags?: Iterable<string> | undefined
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly default: number
  /** Whether they are there for the sake of Statsig's servers alone. */
  readonly liftedInTests: boolean
}

const batchSizes: Bounds = { min: 10, max: 2_000, default: 2_000, liftedInTests: true }
const batchCounts: Bounds = { min: 1, max: Number.MAX_SAFE_INTEGER, default: 100, liftedInTests: false }

/** The number that is given, or with a warning the default in place of one out of bounds. */
const inBounds = Effect.fnUntraced(function* (name: string, given: number | undefined, bounds: Bounds) {
  const { max, min } = bounds
  if (given === undefined) return bounds.default
  if (given >= min && given <= max) return given
  if (bounds.liftedInTests && given >= 1 && (yield* isRunningTests)) return given
  const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`
  yield* Effect.logWarning(`${name}: expected ${range}, got ${given}; using ${bounds.default}`)
  return bounds.default
})

/** The pause between two looks at the queue; shorter where events are to wait less. In milliseconds. */
const longestTick = 1_000
const shortestTick = 50
/** The pause after an attempt, which doubles with each failure and halves with each success; in milliseconds. */
const minInterval = 1_000
const maxInterval = 60_000
/** The first attempt and five more. */
const maxAttempts = 6
/** Batches on their way at once: of those that have filled up, and again of those that a flush sends. */
const concurrency = 5
/** Both windows of the official SDK, unless the project sets others; in milliseconds. */
const defaultWindow = 60_000
const maxFirstSeen = 100_000
const maxNonExposed = 100_000
/** Bytes that are written before the event loop gets a turn. */
const portion = 1 << 17

interface Batch {
  /** Loses its oldest where there is no room, for as long as it waits. */
  readonly events: EventList
  readonly attempts: number
  /** Whether it was full when it was made: others are put together anew. */
  readonly isFull: boolean
}

/** How many checks of a name logged no exposure. */
interface NonExposed {
  readonly name: string
  count: number
}

type FlushType = "scheduled:max_time" | "scheduled:full_batch" | "limit" | "manual" | "shutdown"

const numberOf = (value: Json | undefined): number | undefined => {
  const number = typeof value === "string" ? Number.parseFloat(value) : value
  return typeof number === "number" && Number.isFinite(number) ? Math.trunc(number) : undefined
}

/** The identifier of the switch that sends secondary exposures as exposures of their own. */
const secondaryAsPrimaryID = (flags: Iterable<string>): string | undefined =>
  [...flags]
    .filter(flag => flag.startsWith(secondaryPrefix) && flag.length > secondaryPrefix.length)
    .map(flag => flag.slice(secondaryPrefix.length))
    .sort()[0]

const secondaryPrefix = "sec_expo_as_primary:"

/** Rule ids of answers that no rule gave: the project has a sampling rate for them all. */
const speciallySampled: ReadonlySet<string> = new Set(["default", "disabled", "", noRule])

const noSecondaries: ReadonlyArray<SecondaryExposure> = []

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

/** The share of the secondary exposures' roll-out that an identifier stands at, in a thousand. */
const bucketOf = (identifier: string): number => {
  const { high, low } = sha256(identifier)
  return modulo(high, low, 1_000)
}

/** What a metrics client of the program's own throws must not stop the events. */
const report = (call: () => void): void => {
  try {
    call()
  } catch {}
}

/**
 * Makes the logger on the `EventSink` of the context. Closing its scope shuts it down.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const sink = yield* EventSink
  const observability = yield* ObservabilityClient
  const clock = yield* Effect.clock
  const { environment, globalCustomFields } = options
  const batchSize = yield* inBounds("eventLoggingMaxQueueSize", options.maxQueueSize, batchSizes)
  const maxBatches = yield* inBounds("eventLoggingMaxPendingBatchQueueSize", options.maxPendingBatches, batchCounts)
  const capacity = batchSize * maxBatches
  const flushAfter = Duration.toMillis(options.flushInterval ?? Duration.minutes(1))
  const tick = Math.min(Math.max(flushAfter, shortestTick), longestTick)
  const enabled = options.disableAllLogging !== true
  const primaryID = secondaryAsPrimaryID(options.experimentalFlags ?? [])
  const primaryBucket = primaryID === undefined ? undefined : bucketOf(primaryID)

  const seed = yield* Random.nextIntBetween(0, 2 ** 31)
  const seen = new Deduplicator(options.exposureDedupeMaxKeys || 100_000, seed)
  let seenSince = clock.unsafeCurrentTimeMillis()
  const firstSeen = new Map<string, Set<string>>()
  let firstSeenSize = 0
  let firstSeenSince = seenSince

  /** Taken from every payload that is met, and never forgotten, as in the official SDK. */
  const sdkConfigs = new Map<string, Json>()
  let remote: RemoteConfig | undefined
  let samplingMode: SamplingNote["samplingMode"] | undefined
  let specialRate: number | undefined
  let secondaryAsPrimary = false

  let pending = new EventList()
  let batches: Array<Batch> = []
  /** Batches that a flush is about to send, before all others. */
  let flushing: Array<Batch> = []
  /** Events in both. */
  let batched = 0
  /** Events of batches that were taken to be sent, and of which it is not known yet what becomes of them. */
  let taken = 0
  let nonExposed = new Map<string, NonExposed>()
  /** The one that was counted last: a loop over users asks for one name again and again. */
  let lastCounted: NonExposed | undefined

  let interval = minInterval
  let lastAttempt = seenSince
  let closed = false
  let sent = 0
  let dropped = 0
  let droppedSinceReport = 0
  let lastError: EventSinkError | undefined
  const limitReached = yield* Queue.dropping<void>(concurrency)

  // --- taking

  const adopt = (next: RemoteConfig | undefined) => {
    if (next === undefined || next === remote) return
    remote = next
    for (const [key, value] of next.sdkConfigs) sdkConfigs.set(key, value)
    const mode = sdkConfigs.get("sampling_mode")
    samplingMode = mode === "on" || mode === "shadow" ? mode : undefined
    specialRate = numberOf(sdkConfigs.get("special_case_sampling_rate"))
    const share = Math.min(Math.max(numberOf(sdkConfigs.get("sec_expo_number")) ?? 0, 0), 1_000)
    secondaryAsPrimary = primaryBucket !== undefined && primaryBucket < share
  }

  const drop = (count: number) => {
    dropped += count
    droppedSinceReport += count
  }

  /** Drops the oldest event that waits. */
  const dropOldest = () => {
    drop(1)
    const waiting = flushing.length > 0 ? flushing : batches
    const [oldest] = waiting
    if (oldest === undefined) {
      pending.drop(1)
      return
    }
    oldest.events.drop(1)
    if (oldest.events.length === 0) waiting.shift()
    batched--
  }

  const push = (text: EventText, user: User | undefined, time: number) => {
    pending.push(text, user, time)
    const size = pending.length
    if (size + batched > capacity) dropOldest()
    if (size % batchSize === 0 && interval === minInterval && !closed) Queue.unsafeOffer(limitReached, undefined)
  }

  const forgetFirstSeen = (now: number) => {
    firstSeen.clear()
    firstSeenSize = 0
    firstSeenSince = now
  }

  const isFirstSeen = (name: string, ruleID: string, now: number): boolean => {
    if (firstSeen.get(name)?.has(ruleID)) return false
    if (firstSeenSize === maxFirstSeen) forgetFirstSeen(now)
    const rules = firstSeen.get(name)
    if (rules === undefined) firstSeen.set(name, new Set([ruleID]))
    else rules.add(ruleID)
    firstSeenSize++
    return true
  }

  /** `false` when it is not to be logged, else what is noted along with it. */
  const sample = (
    name: string,
    ruleID: string,
    user: User,
    answer: Answer,
    unit: string | undefined,
    ruleRate: number | undefined,
    now: number
  ): SamplingNote | undefined | false => {
    if (samplingMode === undefined || isFirstSeen(name, ruleID, now)) return undefined
    const rate = (speciallySampled.has(ruleID) ? specialRate : undefined) ?? ruleRate
    const logged = rate === undefined || isSampled(samplingParts(name, ruleID, user, answer, unit), rate)
    if (!logged && samplingMode === "on") return false
    return { samplingRate: rate ?? null, samplingMode, shadowLogged: logged ? "logged" : "dropped" }
  }

  const logExposure = (exposure: Exposure): void => {
    if (!enabled) return
    const { evaluation, user } = exposure
    adopt(evaluation.remote)
    const time = clock.unsafeCurrentTimeMillis()
    const form = formOf(exposure)
    const { answer, name, ruleID } = form
    const key = userKey(user)
    const unit = form.unitOf(user)
    const secondaries = secondaryAsPrimary ? (secondariesOf(form) ?? noSecondaries) : noSecondaries
    if (seen.add(form, answer, key, unit)) {
      const mustLog =
        evaluation.forwardAllExposures || (evaluation.hasUnsampledSecondaryExposure && !secondaryAsPrimary)
      const sampling = mustLog ? undefined : sample(name, ruleID, user, answer, unit, evaluation.samplingRate, time)
      if (sampling !== false) push(exposureText(form, sampling, secondaries.length > 0), user, time)
    }
    for (const secondary of secondaries) {
      const passed = secondary.gateValue === "true"
      const ruleID = secondary.ruleID === "" ? noRule : secondary.ruleID
      if (!seen.add(hashNames(secondary.gate, ruleID), passed, key, undefined)) continue
      const sampling = sample(secondary.gate, ruleID, user, passed, undefined, undefined, time)
      if (sampling !== false) push(secondaryText(secondary, sampling), user, time)
    }
  }

  const countNonExposed = (name: string): void => {
    if (!enabled) return
    let counter = lastCounted?.name === name ? lastCounted : nonExposed.get(name)
    if (counter === undefined) {
      if (nonExposed.size === maxNonExposed) return
      counter = { name, count: 0 }
      nonExposed.set(name, counter)
    }
    counter.count++
    lastCounted = counter
  }

  const pushNonExposed = () => {
    if (nonExposed.size === 0) return
    const checks = Object.fromEntries(Array.from(nonExposed.values(), ({ count, name }) => [name, count]))
    nonExposed = new Map()
    lastCounted = undefined
    const metadata = { checks: wellFormedJson(JSON.stringify(checks)) }
    push(customText("statsig::non_exposed_checks", null, metadata), undefined, clock.unsafeCurrentTimeMillis())
  }

  const forget = (now: number) => {
    if (now - seenSince > (numberOf(sdkConfigs.get("exposure_dedupe_ttl_ms")) ?? defaultWindow)) {
      seen.clear()
      seenSince = now
    }
    const window = numberOf(sdkConfigs.get("exposure_spec_sampling_ttl_ms")) ?? defaultWindow
    if (now - firstSeenSince > window) forgetFirstSeen(now)
  }

  // --- sending

  const waiting = () => pending.length + batched + taken

  const reportLost = (tag: string, count: number, message: string) => {
    report(() => reportException(observability, tag, "LogEventError", message))
    report(() => observability.increment("statsig.sdk.events_dropped_count", count, undefined))
  }

  const reportDropped = Effect.suspend(() => {
    if (droppedSinceReport === 0) return Effect.void
    const count = droppedSinceReport
    droppedSinceReport = 0
    const message = `Too many events: ${count} of them, the oldest, were dropped; ${waiting()} wait.`
    reportLost("statsig::log_event_dropped_event_count", count, message)
    return Effect.logWarning(message)
  })

  /** Puts everything that waits into batches: full ones first, then what is new, then what partial ones held. */
  const gather = () => {
    pushNonExposed()
    if (pending.length === 0) return
    const full = batches.filter(batch => batch.isFull)
    const loose = pending
    batched += loose.length
    pending = new EventList()
    for (const batch of batches) if (!batch.isFull) loose.pushAll(batch.events)
    for (let start = 0; start < loose.length; start += batchSize) {
      const events = loose.slice(start, batchSize)
      full.push({ events, attempts: 0, isFull: events.length === batchSize })
    }
    batches = full
  }

  /** Bytes of an event, as far as the last batch tells. */
  let eventSize = 1_000

  /** The body of a batch, written in turns with the rest of the process. */
  const serialise = Effect.fnUntraced(function* (events: EventList, flushType: FlushType) {
    const tier = environment ?? remote?.defaultEnvironment
    const body = new EventWriter(portion + eventSize * events.length, user => userToLog(user, globalCustomFields, tier))
    body.appendText('{"events":[')
    let written = 0
    for (let index = 0; index < events.length; index++) {
      events.write(index, body)
      if (body.length - written < portion) continue
      written = body.length
      yield* yieldToEventLoop
    }
    eventSize = Math.ceil(body.length / events.length)
    const metadata = {
      ...statsigMetadata(options.serviceName),
      flushingIntervalMs: interval,
      batchSize,
      maxPendingBatches: maxBatches,
      flushType
    }
    body.appendText(wellFormedJson(`],"statsigMetadata":${JSON.stringify(metadata)}}`))
    return body.bytes
  })

  const send = ({ attempts, events }: Batch, flushType: FlushType): Effect.Effect<void, EventSinkError> =>
    serialise(events, flushType).pipe(
      Effect.flatMap(body => sink.send({ body, eventCount: events.length, retries: attempts })),
      Effect.catchAllDefect(
        defect => new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
      )
    )

  const settleSent = ({ events }: Batch, flushType: FlushType) => {
    sent += events.length
    lastError = undefined
    if (flushType !== "manual" && flushType !== "shutdown") interval = Math.max(Math.floor(interval / 2), minInterval)
    report(() => observability.increment("statsig.sdk.events_successfully_sent_count", events.length, undefined))
  }

  /** A batch that failed is kept for later where that can help, else dropped and reported. */
  const settleFailed = ({ attempts, events, isFull }: Batch, flushType: FlushType, error: EventSinkError) => {
    lastError = error
    const exception = exceptionOf(error)
    if (exception !== undefined) {
      report(() => reportException(observability, exception.tag, exception.exception, error.message))
    }
    if (flushType !== "shutdown") {
      interval = Math.min(interval * 2, maxInterval)
      const room = capacity - batched - pending.length
      if (error.retryable && attempts + 1 < maxAttempts && room > 0) {
        // Older than what waits.
        const surplus = Math.max(events.length - room, 0)
        events.drop(surplus)
        drop(surplus)
        batches.push({ events, attempts: attempts + 1, isFull })
        batched += events.length
        return Effect.void
      }
    }
    dropped += events.length
    const message = `${events.length} events were dropped after ${attempts + 1} attempts to send them: ${error.message}`
    reportLost("statsig::log_event_failed", events.length, message)
    return Effect.logWarning(message)
  }

  /** Batches on their way. */
  const sending = new Set<Fiber.RuntimeFiber<void, EventSinkError>>()

  /**
   * Sends a batch, in a fiber of its own: whoever waits for it cannot be interrupted before it is known what became of
   * the events, but the sending itself can. A child would be interrupted along with its parent. Gives the error if it
   * failed.
   */
  const deliver = Effect.fnUntraced(function* (batch: Batch, flushType: FlushType) {
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(send(batch, flushType)))
    sending.add(fiber)
    const exit = yield* Fiber.await(fiber)
    sending.delete(fiber)
    taken -= batch.events.length
    if (Exit.isSuccess(exit)) {
      settleSent(batch, flushType)
      return undefined
    }
    const error = Option.getOrElse(Cause.failureOption(exit.cause), timeIsOver)
    yield* settleFailed(batch, flushType, error)
    return error
  }, Effect.uninterruptible)

  const takeFirst = (waiting: Array<Batch>): Batch | undefined => {
    const batch = waiting.shift()
    if (batch === undefined) return undefined
    batched -= batch.events.length
    taken += batch.events.length
    return batch
  }

  /** Sends the first batch; whether there was one and it arrived. */
  const sendOne = (flushType: FlushType): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      gather()
      const batch = takeFirst(batches)
      if (batch === undefined) return Effect.succeed(false)
      return Effect.map(deliver(batch, flushType), error => error === undefined)
    }).pipe(Effect.uninterruptible)

  const takeAll = () => {
    gather()
    flushing = batches
    batches = []
  }

  const putBack = () => {
    batches = [...flushing, ...batches]
    flushing = []
  }

  /** One at a time: each sends what is there when it begins. */
  const oneFlush = yield* Effect.makeSemaphore(1)

  /** Sends every batch once, and waits for those that were on their way before. Gives the errors. */
  const sendAll = (flushType: FlushType): Effect.Effect<ReadonlyArray<EventSinkError>> =>
    Effect.suspend(() => {
      const before = [...sending]
      const errors: Array<EventSinkError> = []
      const sendNext = Effect.suspend(() => {
        const batch = takeFirst(flushing)
        if (batch === undefined) return Effect.succeed(false)
        return Effect.map(deliver(batch, flushType), error => {
          if (error !== undefined) errors.push(error)
          return true
        })
      }).pipe(Effect.uninterruptible, Effect.repeat({ while: more => more }))
      return Effect.acquireUseRelease(
        Effect.sync(takeAll),
        () => Effect.replicateEffect(sendNext, Math.min(flushing.length, concurrency), { concurrency, discard: true }),
        () => Effect.sync(putBack)
      ).pipe(Effect.zipRight(Fiber.awaitAll(before)), Effect.zipRight(reportDropped), Effect.as(errors))
    }).pipe(oneFlush.withPermits(1))

  const hasFullBatch = (): boolean => pending.length >= batchSize || batches.some(batch => batch.isFull)

  /** A batch that is full waits for the pause after the last attempt, any other until its events have waited. */
  const scheduled = Effect.suspend(() => {
    const now = clock.unsafeCurrentTimeMillis()
    forget(now)
    report(() => observability.gauge("statsig.sdk.events_pending", waiting(), undefined))
    const full = hasFullBatch()
    const pause = full ? interval : Math.max(flushAfter, interval === minInterval ? 0 : interval)
    if (now - lastAttempt < pause) return reportDropped
    lastAttempt = now
    return Effect.zipRight(sendOne(full ? "scheduled:full_batch" : "scheduled:max_time"), reportDropped)
  })

  /** Goes on as long as there is a full batch and the server takes them. */
  const atLimit: Effect.Effect<void> = Effect.suspend(() =>
    hasFullBatch() && interval === minInterval
      ? Effect.flatMap(sendOne("limit"), arrived => (arrived ? atLimit : Effect.void))
      : Effect.void
  )

  // Whatever breaks, such as a logger of the program's own, must not end them.
  const background = yield* Effect.forkScoped(
    inBackground(
      Effect.all(
        [
          Effect.forever(Effect.andThen(Effect.sleep(tick), Effect.exit(scheduled))),
          ...Array.from({ length: concurrency }, () =>
            Effect.forever(Effect.andThen(Queue.take(limitReached), Effect.exit(atLimit)))
          )
        ],
        { concurrency: "unbounded", discard: true }
      )
    )
  )

  const end = Effect.gen(function* () {
    // Waits for the batches that are on their way, which are not to be sent twice.
    yield* Fiber.interrupt(background)
    const [failure] = yield* sendAll("shutdown")
    if (failure !== undefined) return yield* failure
  })

  const ended = yield* Deferred.make<void, EventSinkError>()
  let ending: Fiber.RuntimeFiber<unknown> | undefined

  const shutdown = Effect.suspend(() => {
    if (closed) return Deferred.await(ended)
    closed = true
    return Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(end, ended))).pipe(
      Effect.andThen(fiber => {
        ending = fiber
      }),
      Effect.uninterruptible,
      Effect.zipRight(Deferred.await(ended))
    )
  })

  const giveUp = Effect.suspend(() =>
    Effect.forEach([...(ending === undefined ? [] : [ending]), ...sending], Fiber.interruptFork, { discard: true })
  )

  const lastFlush = shutdown.pipe(
    Effect.interruptible,
    Effect.timeoutFail({
      duration: options.shutdownTimeout ?? Duration.seconds(3),
      onTimeout: timeIsOver
    }),
    Effect.catchAll(({ message }) => Effect.logWarning(`Not all events were sent before the end: ${message}`)),
    Effect.zipRight(giveUp)
  )
  yield* Effect.addFinalizer(() => lastFlush)

  return EventLogger.of({
    logExposure,
    countNonExposed,
    logEvent: event => {
      if (!enabled) return
      adopt(event.remote)
      const { metadata, name, user, value } = event
      push(customText(name, value, metadata), user, clock.unsafeCurrentTimeMillis())
    },
    flush: Effect.disconnect(Effect.asVoid(sendAll("manual"))),
    shutdown,
    status: Effect.sync(() => ({ pending: waiting(), sent, dropped, lastError }))
  })
})

/**
 * The logger as a layer.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<EventLogger, never, EventSink | ObservabilityClient> =>
  Layer.scoped(EventLogger, make(options))
