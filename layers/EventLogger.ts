/**
 * The default EventLogger: a bounded queue that checks push to, and its delivery to the `EventSink`.
 *
 * On the check path an exposure is deduplicated, sampled if the project says so, and pushed; it is serialized only when
 * sent. Events are sent when a batch is full, when they have waited for long, on `flush`, at shutdown, and when the
 * process has nothing else left to do. A batch that fails goes back to the end of the queue. Events that cannot be kept
 * are dropped, counted by reason, reported in the log and visible in `status`: at every moment each logged event is
 * pending, sent or dropped.
 *
 * The logic for events is in `src/engine/events`; waiting and retries are in `layers/internal/events`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import { EventQueue } from "../src/engine/events/eventQueue.js"
import { EventIntake } from "../src/engine/events/intake.js"
import type { JsonObject } from "../src/engine/json.js"
import { userToLog } from "../src/engine/user.js"
import { inBackground, steady } from "../src/internal/clocks.js"
import { observer } from "../src/internal/observe.js"
import { withQuietLoggers } from "../src/internal/quietly.js"
import { statsigMetadata } from "../src/internal/sdkInfo.js"
import type { ObservabilityClient } from "../src/ObservabilityClient.js"
import { checkBounds, optionTable, type StatsigOptions } from "../src/StatsigOptions.js"
import { EventDelivery } from "./internal/events/delivery.js"
import { Outcomes, Retries } from "./internal/events/outcomes.js"
import { Shutdown } from "./internal/events/shutdown.js"

/**
 * Options for queueing and delivery.
 *
 * @since 0.1.0
 */
export interface Options
  extends Pick<
    StatsigOptions,
    "disableAllLogging" | "environment" | "exposureDedupeMaxKeys" | "globalCustomFields" | "serviceName"
  > {
  readonly globalCustomFields?: JsonObject | undefined
  /** The maximum number of events in a batch: 10 to 2,000. Default: 2,000. */
  readonly maxQueueSize?: number | undefined
  /** The maximum number of waiting batches: 1 or more. Default: 100. */
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
  /** Opaque switches defined by Statsig; the only one used begins with `sec_expo_as_primary:`. Default: none. */
  readonly experimentalFlags?: Iterable<string> | undefined
}

/** `isLasting`: whether events are accepted after its scope has closed. */
const open = Effect.fnUntraced(function* (options: Options, isLasting: boolean) {
  const sink = yield* EventSink
  const observe = yield* observer
  const clock = yield* Effect.clock
  const runtime = yield* withQuietLoggers(Effect.runtime<never>())
  const now = () => clock.unsafeCurrentTimeMillis()
  const { disableAllLogging, environment, experimentalFlags, globalCustomFields, serviceName } = options
  const isEnabled = disableAllLogging !== true
  const batchSize = yield* checkBounds("eventLoggingMaxQueueSize", options.maxQueueSize)
  const maxBatches = yield* checkBounds("eventLoggingMaxPendingBatchQueueSize", options.maxPendingBatches)
  const maxBytes = yield* checkBounds("eventLoggingMaxPendingBytes", options.maxPendingBytes)

  const queue = new EventQueue({ batchSize, maxBatches, maxBytes })
  const intake = new EventIntake(queue, {
    dedupeMaxKeys: options.exposureDedupeMaxKeys || optionTable.exposureDedupeMaxKeys.default,
    seed: yield* Random.nextIntBetween(0, 2 ** 31),
    experimentalFlags
  })
  const retries = new Retries(steady(clock))
  const outcomes = new Outcomes(queue, retries, observe)
  const delivery = new EventDelivery({
    outcomes,
    sink,
    background: yield* inBackground(withQuietLoggers(Effect.runtime<never>())),
    patience: Duration.decode(options.shutdownTimeout ?? Duration.seconds(3)),
    now,
    flushAfter: Duration.toMillis(options.flushInterval ?? optionTable.eventLoggingFlushInterval.default),
    onTick: elapsed => {
      intake.forget(elapsed)
      observe(client => client.gauge("statsig.sdk.events_pending", queue.pending, undefined))
    },
    gather: () => {
      intake.pushCounts(now())
      queue.gather()
    },
    loggedUser: user => userToLog(user, globalCustomFields, environment ?? intake.defaultEnvironment),
    metadata: flushType => ({
      ...statsigMetadata(serviceName),
      flushingIntervalMs: retries.interval,
      batchSize,
      maxPendingBatches: maxBatches,
      flushType
    })
  })
  const shutdown = new Shutdown(delivery, runtime, yield* delivery.start)
  shutdown.watchExit()

  /** Runs after each event, which may have completed a batch. */
  const settle = (isFull: boolean) => {
    if (shutdown.isStopped) shutdown.noteLateEvent()
    else if (isFull) delivery.tellFull()
  }

  const logger = EventLogger.of({
    logExposure: exposure => {
      if (isEnabled) settle(intake.logExposure(exposure, now))
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
    flush: Effect.disconnect(
      Effect.zipRight(
        delivery.flush,
        Effect.suspend(() => (shutdown.isStopped ? shutdown.unwatchIfDone : Effect.void))
      )
    ),
    shutdown: shutdown.run,
    status: Effect.sync(() => ({
      pending: queue.pending,
      sent: queue.sent,
      dropped: queue.dropped,
      droppedBy: queue.droppedBy,
      lastError: outcomes.lastError
    }))
  })
  yield* Effect.addFinalizer(() => {
    const ended = shutdown.end(isLasting)
    return isLasting ? ended : Effect.map(ended, () => queue.close())
  })
  return logger
})

/**
 * Makes the logger on the `EventSink` of the context. Closing its scope shuts it down, within `shutdownTimeout`:
 * undelivered events and later ones are dropped.
 *
 * @since 0.1.0
 */
export const make = (options: Options) => open(options, false)

/**
 * As `make`, for the Promise API: events that are logged after its scope has closed wait for a `flush` or `shutdown`.
 *
 * @internal
 */
export const makeLasting = (options: Options) => open(options, true)

/**
 * The logger as a layer.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<EventLogger, never, EventSink | ObservabilityClient> =>
  Layer.scoped(EventLogger, make(options))
