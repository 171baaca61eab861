/**
 * The default EventLogger: a bounded queue that checks push into, and fibers that carry it to the `EventSink`.
 *
 * On the check path an exposure is looked up among those that were logged lately, sampled if the project wants it, and
 * pushed; it becomes text only when it is sent. Events are sent when a batch is full, when they have waited for long, on
 * `flush`, at the end, and when the process has nothing else left to do. A batch that fails goes back to the end of the
 * queue. Events that cannot be kept are dropped, counted by reason, reported in the log and visible in `status`: at every
 * moment each event that was logged is pending, sent or dropped.
 *
 * What is decided about events is in `src/engine/events`, the sending in `src/internal/eventDelivery`; this is when.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import { EventQueue } from "../src/engine/events/eventQueue.js"
import { EventIntake } from "../src/engine/events/intake.js"
import type { JsonObject } from "../src/engine/json.js"
import { userToLog } from "../src/engine/user.js"
import { onBeforeExit } from "../src/internal/beforeExit.js"
import { guarded, inBackground, interval } from "../src/internal/clocks.js"
import { concurrency, makeDelivery } from "../src/internal/eventDelivery.js"
import { observer } from "../src/internal/observe.js"
import { withQuietLoggers } from "../src/internal/quietly.js"
import { statsigMetadata } from "../src/internal/sdkInfo.js"
import type { ObservabilityClient } from "../src/ObservabilityClient.js"
import type { EventSinkError } from "../src/StatsigError.js"
import { isRunningTests, type StatsigOptions } from "../src/StatsigOptions.js"

/**
 * How events are gathered.
 *
 * @since 0.1.0
 */
export interface Options
  extends Pick<
    StatsigOptions,
    "disableAllLogging" | "environment" | "exposureDedupeMaxKeys" | "globalCustomFields" | "serviceName"
  > {
  readonly globalCustomFields?: JsonObject | undefined
  /** Events in a batch: 10 to 2,000. Default: 2,000. */
  readonly maxQueueSize?: number | undefined
  /** Batches that are kept: 1 or more. Default: 100. */
  readonly maxPendingBatches?: number | undefined
  /**
   * The memory that pending events may take, in bytes; beyond it the oldest are dropped. 1,048,576 or more. Default:
   * 67,108,864, which is 64 MiB.
   */
  readonly maxPendingBytes?: number | undefined
  /** How long events wait for a batch to fill, at least 50 milliseconds. Default: 60 seconds. */
  readonly flushInterval?: Duration.DurationInput | undefined
  /** How long the last flush may take. Default: 3 seconds. */
  readonly shutdownTimeout?: Duration.DurationInput | undefined
  /** Opaque switches of Statsig's; the one that is known begins with `sec_expo_as_primary:`. Default: none. */
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
const byteCounts: Bounds = {
  min: 1_048_576,
  max: Number.MAX_SAFE_INTEGER,
  default: 67_108_864,
  liftedInTests: true
}

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
const defaultDedupeMaxKeys = 100_000

const makeQueue = Effect.fnUntraced(function* (options: Options) {
  const batchSize = yield* inBounds("eventLoggingMaxQueueSize", options.maxQueueSize, batchSizes)
  const maxBatches = yield* inBounds("eventLoggingMaxPendingBatchQueueSize", options.maxPendingBatches, batchCounts)
  const maxBytes = yield* inBounds("eventLoggingMaxPendingBytes", options.maxPendingBytes, byteCounts)
  return { queue: new EventQueue({ batchSize, maxBatches, maxBytes }), batchSize, maxPendingBatches: maxBatches }
})

/** A shutdown under way. */
interface Ending {
  readonly result: Deferred.Deferred<void, EventSinkError>
  fiber: Fiber.RuntimeFiber<unknown> | undefined
  /** Callers that wait for it. */
  waiters: number
}

const tooLate = "the time to shut down was over"
const tooLateAtExit = "the process ended before the delivery"

/** A logger, what ends it within its time, and what refuses later events. Its scope ends the background work. */
const open = Effect.fnUntraced(function* (options: Options) {
  const sink = yield* EventSink
  const observe = yield* observer
  const clock = yield* Effect.clock
  const runtime = yield* withQuietLoggers(Effect.runtime<never>())
  const now = () => clock.unsafeCurrentTimeMillis()
  const { environment, globalCustomFields, serviceName } = options
  const isEnabled = options.disableAllLogging !== true
  const patience = Duration.decode(options.shutdownTimeout ?? Duration.seconds(3))
  const flushAfter = Duration.toMillis(options.flushInterval ?? Duration.minutes(1))
  const tick = Math.min(Math.max(flushAfter, shortestTick), longestTick)
  const { queue, ...sizes } = yield* makeQueue(options)
  const intake = new EventIntake(queue, {
    dedupeMaxKeys: options.exposureDedupeMaxKeys || defaultDedupeMaxKeys,
    seed: yield* Random.nextIntBetween(0, 2 ** 31),
    experimentalFlags: options.experimentalFlags ?? []
  })
  const delivery = yield* makeDelivery({
    queue,
    sink,
    observe,
    clock,
    patience,
    loggedUser: user => userToLog(user, globalCustomFields, environment ?? intake.defaultEnvironment),
    metadata: (flushType, flushingIntervalMs) => ({
      ...statsigMetadata(serviceName),
      flushingIntervalMs,
      ...sizes,
      flushType
    }),
    beforeGather: () => intake.pushCounts(now())
  })

  // --- by itself

  /** Tells that a batch has become full. */
  const filled = yield* Queue.dropping<void>(1)
  let senders = 0
  /**
   * Milliseconds since the begin. Each tick adds its length at least: the time of day may be set back, or stand still in a
   * test.
   */
  let elapsed = 0
  let lastTick = now()
  let lastAttempt = 0

  /** As many fibers as may, and as there is work for, send what is due. */
  const startSenders: Effect.Effect<void> = Effect.suspend(() => {
    if (senders === concurrency || !queue.hasDue || !delivery.isOpen()) return Effect.void
    senders++
    const ended = Effect.sync(() => senders--)
    const sender = Effect.ensuring(Effect.exit(delivery.drain), ended)
    // It has taken its batch before the next one looks.
    return Effect.zipRight(Effect.fork(sender), Effect.zipRight(Effect.yieldNow(), startSenders))
  })

  /** What is due waits for the pause after a failure only, other events until they have waited for long. */
  const scheduled = Effect.gen(function* () {
    const time = now()
    elapsed += Math.max(time - lastTick, tick)
    lastTick = time
    intake.forget(elapsed)
    observe(client => client.gauge("statsig.sdk.events_pending", queue.pending, undefined))
    if (delivery.isFree() && (queue.hasDue || elapsed - lastAttempt >= flushAfter)) {
      lastAttempt = elapsed
      yield* delivery.sendOne(queue.hasFull ? "scheduled:full_batch" : "scheduled:max_time")
      yield* startSenders
    }
    yield* delivery.report
  })

  const forkForever = (step: Effect.Effect<unknown>) => Effect.forkScoped(inBackground(Effect.forever(step)))
  const background = [
    yield* forkForever(Effect.zipRight(interval(tick), Effect.exit(scheduled))),
    yield* forkForever(Effect.zipRight(Queue.take(filled), startSenders))
  ]

  // --- the end

  let ending: Ending | undefined
  /** Whether nothing is sent by itself any more. */
  let isStopped = false
  /** Whether the process has come to its end once, and gone on. */
  let hasExited = false
  let isReporting = false

  const lastWords = Effect.suspend(() => {
    if (queue.pending === 0) return delivery.report
    if (hasExited) return delivery.giveUp(tooLateAtExit)
    hasExited = true
    return Effect.zipRight(
      Effect.timeoutOption(Effect.disconnect(delivery.finish), patience),
      delivery.giveUp(tooLateAtExit)
    )
  })
  let unwatch: (() => void) | undefined
  const watch = () => {
    unwatch ??= onBeforeExit(() => {
      if (queue.pending > 0 || queue.hasDrops) Runtime.runFork(runtime)(guarded(lastWords))
    })
  }
  const unwatchIfDone = Effect.sync(() => {
    if (!isStopped || queue.pending > 0 || queue.hasDrops) return
    unwatch?.()
    unwatch = undefined
  })
  watch()

  /** For drops that no fiber in the background will report. */
  const reportSoon = () => {
    if (isReporting) return
    isReporting = true
    const report = Effect.zipRight(
      Effect.sync(() => {
        isReporting = false
      }),
      Effect.zipRight(delivery.report, unwatchIfDone)
    )
    Runtime.runFork(runtime)(inBackground(Effect.zipRight(Effect.sleep(longestTick), report)))
  }

  /** After each event, which may have made a batch full. */
  const settle = (isFull: boolean) => {
    if (isStopped) {
      watch()
      if (queue.hasDrops) reportSoon()
    } else if (isFull && delivery.isOpen()) Queue.unsafeOffer(filled, undefined)
  }

  const lastSend = Effect.gen(function* () {
    // Waits for the batches that are on their way, which are not to be sent twice.
    yield* Fiber.interruptAll(background)
    const [failure] = yield* delivery.finish
    if (failure !== undefined) return yield* failure
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        ending = undefined
      })
    ),
    Effect.ensuring(unwatchIfDone)
  )

  const saidLastSend = Effect.logDebug(`Shutting down within ${Duration.toMillis(patience)} ms`).pipe(
    Effect.zipRight(lastSend),
    Effect.zipLeft(
      Effect.suspend(() => Effect.logDebug(`Shut down; events sent: ${queue.sent}, dropped: ${queue.dropped}`))
    )
  )

  const beginEnding = Effect.suspend(() => {
    // The scope of a logger that was shut down closes later, with nothing more to say.
    const last = isStopped && queue.pending === 0 ? lastSend : saidLastSend
    isStopped = true
    const begun: Ending = { result: Deferred.unsafeMake(FiberId.none), fiber: undefined, waiters: 0 }
    ending = begun
    return Effect.map(Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(last, begun.result))), fiber => {
      begun.fiber = fiber
      return begun
    })
  })

  /** Ends a shutdown under way, if there is one, and drops what is undelivered. */
  const giveUp = Effect.suspend(() => {
    const stopped = ending?.fiber === undefined ? Effect.void : Fiber.interruptFork(ending.fiber)
    ending = undefined
    return Effect.all([stopped, delivery.giveUp(tooLate), unwatchIfDone], { discard: true })
  })

  /** The end, which begins now unless it is under way. */
  const theEnd = Effect.uninterruptible(
    Effect.suspend(() => (ending === undefined ? beginEnding : Effect.succeed(ending)))
  )

  /** When the last caller goes away its time is over. */
  const shutdown = Effect.uninterruptibleMask(restore =>
    Effect.flatMap(theEnd, current => {
      current.waiters++
      return Effect.onInterrupt(restore(Deferred.await(current.result)), () =>
        Effect.suspend(() => (--current.waiters === 0 ? giveUp : Effect.void))
      )
    })
  )

  /** Waits for the end as long as there is time for it, for no caller. What went wrong is in the log by then. */
  const end = Effect.flatMap(theEnd, ({ result }) => Deferred.await(result)).pipe(
    Effect.interruptible,
    Effect.timeoutOption(patience),
    Effect.ignore
  )

  /** Drops what is undelivered. */
  const dropRest = Effect.suspend(() => (queue.pending > 0 ? giveUp : Effect.void))

  /** The same, unless a caller still waits: it has a time of its own. */
  const dropUnawaited = Effect.suspend(() => ((ending?.waiters ?? 0) === 0 ? dropRest : Effect.void))

  const logger = EventLogger.of({
    logExposure: exposure => {
      if (isEnabled) settle(intake.logExposure(exposure, now()))
    },
    countNonExposed: name => {
      if (isEnabled) intake.countNonExposed(name)
    },
    logEvent: event => {
      if (isEnabled) settle(intake.logEvent(event, now()))
    },
    refuse: problem => {
      if (!isEnabled) return
      queue.refuse(problem)
      settle(false)
    },
    flush: Effect.disconnect(Effect.zipRight(delivery.flush, unwatchIfDone)),
    shutdown,
    status: Effect.sync(() => ({
      pending: queue.pending,
      sent: queue.sent,
      dropped: queue.dropped,
      droppedBy: queue.droppedBy,
      lastError: delivery.lastError()
    }))
  })
  return {
    logger,
    end: guarded(Effect.zipRight(end, dropRest)),
    endUnlessAwaited: guarded(Effect.zipRight(end, dropUnawaited)),
    close: Effect.sync(() => queue.close())
  }
})

/**
 * Makes the logger on the `EventSink` of the context. Closing its scope shuts it down, within `shutdownTimeout`: what is
 * undelivered then, and what is logged later, is dropped.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { close, end, logger } = yield* open(options)
  yield* Effect.addFinalizer(() => Effect.zipRight(end, close))
  return logger
})

/**
 * As `make`, for the Promise API: events that are logged after its scope has closed wait for a `flush` or `shutdown`.
 *
 * @internal
 */
export const makeLasting = Effect.fnUntraced(function* (options: Options) {
  const { endUnlessAwaited, logger } = yield* open(options)
  yield* Effect.addFinalizer(() => endUnlessAwaited)
  return logger
})

/**
 * The logger as a layer.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<EventLogger, never, EventSink | ObservabilityClient> =>
  Layer.scoped(EventLogger, make(options))
