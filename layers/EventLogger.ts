/**
 * The default EventLogger: a bounded queue that checks push into, and fibers that carry it to the `EventSink`.
 *
 * On the check path an exposure is looked up among those logged lately, sampled if the project wants it, and pushed; it
 * becomes text only when it is sent. Events are sent when a batch is full, when they have waited for long, on `flush`
 * and at the end. A batch that fails goes back to the end of the queue and is tried six times in all, with growing
 * pauses; batches that cannot be kept, or that the server refuses for good, are dropped, counted, reported in the log
 * and visible in `status`. When the queue is full the oldest event makes room.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { EventLogger } from "../src/EventLogger.js"
import { type EventBatch, EventSink } from "../src/EventSink.js"
import { Deduplicator } from "../src/engine/deduplicator.js"
import {
  answerOf,
  type Exposure,
  eventToJson,
  exposedRuleID,
  hasUnit,
  type QueuedEvent,
  type SamplingNote,
  samplingParts,
  secondariesOf,
  unitKey,
  userKey,
  userToLog
} from "../src/engine/events.js"
import { isSampled, type Word64 } from "../src/engine/samplingHash.js"
import { modulo, sha256 } from "../src/engine/sha256.js"
import type { RemoteConfig } from "../src/engine/snapshot.js"
import type { Json, JsonObject, User } from "../src/engine/user.js"
import { inBackground } from "../src/internal/backgroundClock.js"
import { statsigMetadata } from "../src/internal/sdkInfo.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import { EventSinkError } from "../src/StatsigError.js"

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
  /** Events in a batch. Default: 2,000. */
  readonly maxQueueSize?: number | undefined
  /** Batches that are kept. Default: 100. */
  readonly maxPendingBatches?: number | undefined
  /** How long events wait for a batch to fill. Default: 60 seconds. */
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

/** The pause between two looks at the queue. */
const tick = Duration.seconds(1)
/** The pause after an attempt, which doubles with each failure and halves with each success; in milliseconds. */
const minInterval = 1_000
const maxInterval = 60_000
/** The first attempt and five more. */
const maxAttempts = 6
/** Batches on their way at once. */
const concurrency = 5
/** Both windows of the official SDK, unless the project sets others; in milliseconds. */
const defaultWindow = 60_000
const maxFirstSeen = 100_000
/** Events turned into text before the event loop gets a turn. */
const slice = 200

interface Batch {
  readonly events: ReadonlyArray<QueuedEvent>
  readonly attempts: number
}

type FlushType = "scheduled:max_time" | "scheduled:full_batch" | "limit" | "manual" | "shutdown"

/** Gives the event loop a turn; a timer would wait a millisecond. */
const yieldToEventLoop = Effect.async<void>(resume => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

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
  const batchSize = options.maxQueueSize ?? 2_000
  const maxBatches = options.maxPendingBatches ?? 100
  const capacity = batchSize * maxBatches
  const flushAfter = Duration.toMillis(options.flushInterval ?? Duration.minutes(1))
  const enabled = options.disableAllLogging !== true
  const primaryID = secondaryAsPrimaryID(options.experimentalFlags ?? [])
  const primaryBucket = primaryID === undefined ? undefined : bucketOf(primaryID)

  const seen = new Deduplicator(options.exposureDedupeMaxKeys || 100_000)
  let seenSince = clock.unsafeCurrentTimeMillis()
  const firstSeen = new Map<string, Set<string>>()
  let firstSeenSize = 0
  let firstSeenSince = seenSince

  /** Taken from every payload that is met, and never forgotten, as in the official SDK. */
  const sdkConfigs = new Map<string, Json>()
  let remote: RemoteConfig | undefined
  let secondaryAsPrimary = false

  let pending: Array<QueuedEvent | undefined> = []
  /** Events of `pending` before this one were dropped to make room. */
  let pendingStart = 0
  let batches: Array<Batch> = []
  let inFlight = 0
  let nonExposed = new Map<string, { count: number }>()

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
    const share = Math.min(Math.max(numberOf(sdkConfigs.get("sec_expo_number")) ?? 0, 0), 1_000)
    secondaryAsPrimary = primaryBucket !== undefined && primaryBucket < share
  }

  const push = (event: QueuedEvent) => {
    pending.push(event)
    const size = pending.length - pendingStart
    if (size > capacity) {
      pending[pendingStart++] = undefined
      dropped++
      droppedSinceReport++
      if (pendingStart > capacity) {
        pending = pending.slice(pendingStart)
        pendingStart = 0
      }
    }
    if (size % batchSize === 0 && interval === minInterval && !closed) Queue.unsafeOffer(limitReached, undefined)
  }

  const isFirstSeen = (name: string, ruleID: string): boolean => {
    const rules = firstSeen.get(name)
    if (rules?.has(ruleID)) return false
    if (rules === undefined) firstSeen.set(name, new Set([ruleID]))
    else rules.add(ruleID)
    firstSeenSize++
    return true
  }

  /** `undefined`: not to be logged. `null`: logged, and nothing to note. */
  const sample = (
    name: string,
    ruleID: string,
    rate: number | undefined,
    mustLog: boolean,
    key: () => ReadonlyArray<Word64>
  ): SamplingNote | null | undefined => {
    const mode = sdkConfigs.get("sampling_mode")
    if ((mode !== "on" && mode !== "shadow") || mustLog || isFirstSeen(name, ruleID)) return null
    const special = ruleID === "default" || ruleID === "disabled" || ruleID === ""
    const samplingRate = (special ? numberOf(sdkConfigs.get("special_case_sampling_rate")) : undefined) ?? rate
    const logged = samplingRate === undefined || isSampled(key(), samplingRate)
    if (!logged && mode === "on") return undefined
    return { samplingRate: samplingRate ?? null, samplingMode: mode, shadowLogged: logged ? "logged" : "dropped" }
  }

  const logExposure = (exposure: Exposure): void => {
    if (!enabled) return
    const { evaluation, name, user } = exposure
    adopt(evaluation.remote)
    const time = clock.unsafeCurrentTimeMillis()
    const key = keyOf(user)
    const ruleID = exposedRuleID(exposure)
    const answer = answerOf(exposure)
    const withUnit = hasUnit(exposure)
    const unitType = withUnit ? evaluation.idType : undefined
    const isNew = seen.add(name, ruleID, answer, unitType === undefined ? key : unitKey(key, user, unitType), withUnit)
    const secondaries = secondaryAsPrimary ? (secondariesOf(exposure) ?? []) : []
    if (isNew) {
      const mustLog =
        evaluation.forwardAllExposures || (evaluation.hasUnsampledSecondaryExposure && !secondaryAsPrimary)
      const sampling = sample(name, ruleID, evaluation.samplingRate, mustLog, () =>
        samplingParts(name, ruleID, user, answer, unitType)
      )
      if (sampling !== undefined) {
        push({ _tag: "Exposure", exposure, time, sampling: sampling ?? undefined, stripped: secondaries.length > 0 })
      }
    }
    for (const secondary of secondaries) {
      const passed = secondary.gateValue === "true"
      if (!seen.add(secondary.gate, secondary.ruleID, passed, key, false)) continue
      const sampling = sample(secondary.gate, secondary.ruleID, undefined, false, () =>
        samplingParts(secondary.gate, secondary.ruleID, user, passed, undefined)
      )
      if (sampling !== undefined) {
        push({ _tag: "Secondary", secondary, user, time, sampling: sampling ?? undefined })
      }
    }
  }

  /** Computed once for a user: a request asks many gates for one. */
  const keys = new WeakMap<User, string>()
  const keyOf = (user: User): string => {
    if (user.customIDs === undefined && typeof user.userID === "string") return userKey(user)
    let key = keys.get(user)
    if (key === undefined) {
      key = userKey(user)
      keys.set(user, key)
    }
    return key
  }

  const countNonExposed = (name: string): void => {
    if (!enabled) return
    const counter = nonExposed.get(name)
    if (counter !== undefined) counter.count++
    else if (nonExposed.size < maxFirstSeen) nonExposed.set(name, { count: 1 })
  }

  // --- sending

  const loggedUsers = new WeakMap<User, { readonly tier: string | undefined; readonly json: string }>()
  const loggedUser = (user: User): string => {
    const tier = environment ?? remote?.defaultEnvironment
    const known = loggedUsers.get(user)
    if (known !== undefined && known.tier === tier) return known.json
    const json = userToLog(user, globalCustomFields, tier)
    loggedUsers.set(user, { tier, json })
    return json
  }

  /** Events that wait, whether in a batch or not. */
  const waiting = () => pending.length - pendingStart + batches.reduce((sum, batch) => sum + batch.events.length, 0)

  const drop = (count: number) => {
    dropped += count
    droppedSinceReport += count
  }

  const reportDropped = Effect.suspend(() => {
    if (droppedSinceReport === 0) return Effect.void
    const count = droppedSinceReport
    droppedSinceReport = 0
    report(() => observability.increment("statsig.sdk.events_dropped_count", count, undefined))
    return Effect.logWarning(
      `Too many events: ${count} of them were dropped. ${waiting()} wait, at most ${capacity} can.`
    )
  })

  const report = (call: () => void) => {
    try {
      call()
    } catch {
      // A client of the program's own must not stop the events.
    }
  }

  /** Puts everything that waits into batches: full ones first, then what is new, then what partial ones held. */
  const gather = () => {
    if (nonExposed.size > 0) {
      const checks = Object.fromEntries([...nonExposed].map(([name, { count }]) => [name, count]))
      nonExposed = new Map()
      push({
        _tag: "Custom",
        name: "statsig::non_exposed_checks",
        value: null,
        metadata: { checks: JSON.stringify(checks) },
        user: undefined,
        time: clock.unsafeCurrentTimeMillis()
      })
    }
    if (pending.length === pendingStart) return
    const full = batches.filter(batch => batch.events.length >= batchSize)
    const loose = pending.slice(pendingStart) as Array<QueuedEvent>
    pending = []
    pendingStart = 0
    for (const batch of batches)
      if (batch.events.length < batchSize) for (const event of batch.events) loose.push(event)
    for (let start = 0; start < loose.length; start += batchSize) {
      full.push({ events: loose.slice(start, start + batchSize), attempts: 0 })
    }
    const tooMany = Math.max(full.length - maxBatches, 0)
    for (const batch of full.splice(0, tooMany)) drop(batch.events.length)
    batches = full
  }

  const serialise = Effect.fnUntraced(function* (events: ReadonlyArray<QueuedEvent>, flushType: FlushType) {
    const parts: Array<string> = []
    for (let start = 0; start < events.length; start += slice) {
      if (start > 0) yield* yieldToEventLoop
      const end = Math.min(start + slice, events.length)
      for (let i = start; i < end; i++) parts.push(eventToJson(events[i]!, loggedUser))
    }
    const metadata = {
      ...statsigMetadata(options.serviceName),
      flushingIntervalMs: interval,
      batchSize,
      maxPendingBatches: maxBatches,
      flushType
    }
    return `{"events":[${parts.join(",")}],"statsigMetadata":${JSON.stringify(metadata)}}`
  })

  const send = Effect.fnUntraced(function* (batch: Batch, flushType: FlushType) {
    const eventCount = batch.events.length
    const body = yield* serialise(batch.events, flushType)
    const message: EventBatch = { body, eventCount, retries: batch.attempts }
    yield* sink.send(message)
    sent += eventCount
    lastError = undefined
    if (flushType !== "manual" && flushType !== "shutdown") interval = Math.max(Math.floor(interval / 2), minInterval)
    report(() => observability.increment("statsig.sdk.events_successfully_sent_count", eventCount, undefined))
  })

  /** A batch that failed is kept for later where that can help, else dropped and reported. */
  const recover = (batch: Batch, flushType: FlushType, error: EventSinkError) =>
    Effect.suspend(() => {
      lastError = error
      const attempts = batch.attempts + 1
      if (flushType !== "shutdown") {
        interval = Math.min(interval * 2, maxInterval)
        if (error.retryable && attempts < maxAttempts && batches.length <= maxBatches) {
          batches.push({ events: batch.events, attempts })
          return Effect.void
        }
      }
      const count = batch.events.length
      dropped += count
      report(() => observability.error("statsig::log_event_failed", error.message))
      report(() => observability.increment("statsig.sdk.events_dropped_count", count, undefined))
      return Effect.logWarning(`${count} events were dropped after ${attempts} attempts to send them: ${error.message}`)
    })

  const deliver = (batch: Batch, flushType: FlushType): Effect.Effect<void, EventSinkError> =>
    Effect.suspend(() => {
      inFlight += batch.events.length
      return send(batch, flushType).pipe(
        Effect.tapError(error => recover(batch, flushType, error)),
        Effect.uninterruptible,
        Effect.ensuring(
          Effect.sync(() => {
            inFlight -= batch.events.length
          })
        )
      )
    })

  /** Sends the first batch; whether that went well. */
  const sendOne = (flushType: FlushType): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      gather()
      const batch = batches.shift()
      if (batch === undefined) return Effect.succeed(false)
      return Effect.match(deliver(batch, flushType), { onFailure: () => false, onSuccess: () => true })
    }).pipe(Effect.zipLeft(reportDropped))

  const sendAll = (flushType: FlushType) =>
    Effect.suspend(() => {
      gather()
      const all = batches
      batches = []
      return Effect.partition(all, batch => deliver(batch, flushType), { concurrency })
    }).pipe(Effect.zipLeft(reportDropped))

  const hasFullBatch = (): boolean =>
    pending.length - pendingStart >= batchSize || batches.some(batch => batch.events.length >= batchSize)

  const forget = (now: number) => {
    if (now - seenSince > (numberOf(sdkConfigs.get("exposure_dedupe_ttl_ms")) ?? defaultWindow)) {
      seen.clear()
      seenSince = now
    }
    const window = numberOf(sdkConfigs.get("exposure_spec_sampling_ttl_ms")) ?? defaultWindow
    if (now - firstSeenSince > window || firstSeenSize > maxFirstSeen) {
      firstSeen.clear()
      firstSeenSize = 0
      firstSeenSince = now
    }
  }

  const scheduled = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    forget(now)
    if (now <= lastAttempt + interval) return
    const full = hasFullBatch()
    if (!full && now <= lastAttempt + flushAfter) return
    lastAttempt = now
    yield* sendOne(full ? "scheduled:full_batch" : "scheduled:max_time")
    report(() => observability.gauge("statsig.sdk.events_pending", waiting(), undefined))
  })

  /** Goes on as long as there is a full batch and the server takes them. */
  const atLimit: Effect.Effect<void> = Effect.suspend(() =>
    hasFullBatch() && interval === minInterval
      ? Effect.flatMap(sendOne("limit"), went => (went ? atLimit : Effect.void))
      : Effect.void
  )

  const background = yield* Effect.forkScoped(
    inBackground(
      Effect.all(
        [
          Effect.forever(Effect.andThen(Effect.sleep(tick), scheduled)),
          ...Array.from({ length: concurrency }, () =>
            Effect.forever(Effect.andThen(Queue.take(limitReached), atLimit))
          )
        ],
        { concurrency: "unbounded", discard: true }
      )
    )
  )

  const shutdown = Effect.suspend(() => {
    if (closed) return Effect.void
    closed = true
    return Effect.gen(function* () {
      // Waits for the batches that are on their way, which are not to be sent twice.
      yield* Fiber.interrupt(background)
      const [[failure]] = yield* sendAll("shutdown")
      if (failure !== undefined) return yield* failure
    })
  })

  const lastFlush = shutdown.pipe(
    Effect.disconnect,
    Effect.timeoutFail({
      duration: options.shutdownTimeout ?? Duration.seconds(3),
      onTimeout: () =>
        new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: false })
    }),
    Effect.catchAll(error =>
      Effect.logWarning(`Events were not sent before the end (${waiting() + inFlight} left): ${error.message}`)
    )
  )
  yield* Effect.addFinalizer(() => lastFlush)

  return EventLogger.of({
    logExposure,
    countNonExposed,
    logEvent: event => {
      if (!enabled) return
      adopt(event.remote)
      const { metadata, name, user, value } = event
      push({ _tag: "Custom", name, value, metadata, user, time: clock.unsafeCurrentTimeMillis() })
    },
    flush: Effect.asVoid(sendAll("manual")),
    shutdown,
    status: Effect.sync(() => ({ pending: waiting() + inFlight, sent, dropped, lastError }))
  })
})

/**
 * The logger as a layer.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<EventLogger, never, EventSink | ObservabilityClient> =>
  Layer.scoped(EventLogger, make(options))

/** The share of the secondary exposures' roll-out that an identifier stands at, in a thousand. */
const bucketOf = (identifier: string): number => {
  const { high, low } = sha256(identifier)
  return modulo(high, low, 1_000)
}
