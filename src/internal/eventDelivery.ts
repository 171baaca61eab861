/**
 * Carries batches from the queue of events to the sink: writes them, sends several at once, and decides after each answer
 * what the batch and the pace of sending become.
 *
 * After a failure nothing is sent by itself for a pause that doubles with each wave of failures; what the server itself
 * asks for takes its place. The first success ends all that. A batch is tried six times, a 429 not counted; a 413 halves
 * it.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Sink } from "../EventSink.js"
import { type EventList, EventWriter } from "../engine/events/eventList.js"
import type { Batch, DropReason, EventQueue } from "../engine/events/eventQueue.js"
import { wellFormedJson } from "../engine/json.js"
import type { User } from "../engine/user.js"
import { EventSinkError } from "../StatsigError.js"
import { steady } from "./clocks.js"
import { released } from "./errors.js"
import { yieldToEventLoop } from "./eventLoop.js"
import { exceptionOf, type Observe, reportException } from "./observe.js"
import { withQuietLoggers } from "./quietly.js"

/**
 * Why a batch is sent, in the words of the official SDK.
 *
 * @internal
 */
export type FlushType = "scheduled:max_time" | "scheduled:full_batch" | "limit" | "manual" | "shutdown"

/**
 * Batches on their way at once: of those that leave by themselves, and again of those that a flush sends.
 *
 * @internal
 */
export const concurrency = 5

/** The first attempt and five more. */
const maxAttempts = 6
/** The pause after a failure, in milliseconds; the metadata of each batch tell it. */
const minInterval = 1_000
const maxInterval = 60_000
/** Bytes that are written before the event loop gets a turn. */
const portion = 1 << 17
/** The largest memory that is taken for a body before anything is written. */
const largestGuess = 1 << 22
/** How long a flush waits for batches that others are sending. A sink bounds its own time, that of HTTP by 10 seconds. */
const longestWait = Duration.minutes(1)

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

/** @internal */
export interface DeliveryOptions {
  readonly queue: EventQueue
  readonly sink: Sink
  readonly observe: Observe
  readonly clock: Clock.Clock
  /** The longest that a flush waits because the server asks for it, and for which `finish` goes on. */
  readonly patience: Duration.Duration
  /** The logged form of a user. */
  readonly loggedUser: (user: User) => string
  /** The `statsigMetadata` of a batch. */
  readonly metadata: (flushType: FlushType, interval: number) => object
  /** Called before events are put into batches. */
  readonly beforeGather: () => void
}

/** @internal */
export type Delivery = Effect.Effect.Success<ReturnType<typeof makeDelivery>>

/** @internal */
export const makeDelivery = Effect.fnUntraced(function* (options: DeliveryOptions) {
  const { beforeGather, clock, observe, queue, sink } = options
  const patience = Duration.toMillis(options.patience)
  const now = steady(clock)

  let interval = minInterval
  let isBackingOff = false
  /** Nothing is sent by itself before. */
  let notBefore = 0
  /** The server wants no request before. */
  let heldUntil = 0
  /** The number of the wave of batches that are sent between two pauses: those of one wave fail together. */
  let wave = 0
  let lastError: EventSinkError | undefined
  /** Bytes of an event, as far as the last batch tells. */
  let eventSize = 1_000
  /** When `finish` must be over. */
  let deadline = 0

  // --- reporting

  /** Tells of everything that was dropped since the last report: a line and a metric for each cause. */
  const report = withQuietLoggers(
    Effect.suspend(() =>
      Effect.forEach(
        queue.takeDrops(),
        ({ cause, count, reason }) => {
          const message = `${count} ${count === 1 ? "event was" : "events were"} dropped: ${cause}`
          observe(client => reportException(client, exceptionTags[reason], "LogEventError", message))
          observe(client => client.increment("statsig.sdk.events_dropped_count", count, { reason }))
          return Effect.logWarning(message)
        },
        { discard: true }
      )
    )
  )

  // --- one batch

  /** The body of a batch, written in turns with the rest of the process. */
  const serialise = Effect.fnUntraced(function* (events: EventList, flushType: FlushType) {
    const guess = Math.min(portion + eventSize * events.length, largestGuess)
    const body = new EventWriter(guess, options.loggedUser)
    body.appendText('{"events":[')
    let written = 0
    for (let index = 0; index < events.length; index++) {
      events.write(index, body)
      if (body.length - written < portion) continue
      written = body.length
      yield* yieldToEventLoop
    }
    eventSize = Math.ceil(body.length / events.length)
    body.appendText(wellFormedJson(`],"statsigMetadata":${JSON.stringify(options.metadata(flushType, interval))}}`))
    return body.bytes
  })

  const send = ({ attempts, events }: Batch, flushType: FlushType): Effect.Effect<void, EventSinkError> =>
    serialise(events, flushType).pipe(
      Effect.flatMap(body => sink.send({ body, eventCount: events.length, retries: attempts })),
      Effect.catchAllDefect(
        defect => new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
      )
    )

  const settleSent = (batch: Batch): void => {
    if (!queue.isUnderway(batch)) return
    queue.markSent(batch)
    lastError = undefined
    interval = minInterval
    isBackingOff = false
    if (heldUntil <= now()) notBefore = 0
    observe(client => client.increment("statsig.sdk.events_successfully_sent_count", batch.events.length, undefined))
  }

  /** Slows down. Batches that were sent at the same time and fail at the same time are one failure. */
  const backOff = (sentIn: number, told: number | undefined) => {
    isBackingOff = true
    if (told !== undefined) heldUntil = Math.max(heldUntil, now() + Math.max(told, minInterval))
    else if (sentIn === wave) interval = Math.min(interval * 2, maxInterval)
    if (sentIn === wave) wave++
    notBefore = Math.max(notBefore, told === undefined ? now() + interval : heldUntil)
  }

  const drop = (batch: Batch, reason: DropReason, cause: string, error: EventSinkError) => {
    queue.drop(batch, reason, `${cause}: ${error.message}`)
    return error
  }

  /** A batch that failed is kept for later where that can help, else dropped. Gives the error if it was. */
  const settleFailed = (batch: Batch, flushType: FlushType, error: EventSinkError, sentIn: number) => {
    if (!queue.isUnderway(batch)) return error
    lastError = released(error)
    const exception = exceptionOf(error)
    if (exception !== undefined) {
      observe(client => reportException(client, exception.tag, exception.exception, error.message))
    }
    if (error.status === 413) {
      if (batch.events.length === 1) return drop(batch, "TooLarge", "too large for the server", error)
      queue.halve(batch)
      return undefined
    }
    const isPostponed = error.status === 429
    // For the last time there is no later, so a server that does not say for how long is given a second.
    const told = error.retryAfterMillis ?? (isPostponed && flushType === "shutdown" ? minInterval : undefined)
    if (flushType !== "shutdown" || told !== undefined) backOff(sentIn, told)
    if (!error.retryable) return drop(batch, "Refused", "refused for good", error)
    if (flushType === "shutdown" && (told === undefined || heldUntil > deadline)) {
      return drop(batch, "Shutdown", "not delivered at the shutdown", error)
    }
    const tries = batch.attempts - batch.postponed + 1
    if (!isPostponed && tries >= maxAttempts) {
      return drop(batch, "Attempts", `${maxAttempts} attempts to send failed`, error)
    }
    queue.putBack(batch, isPostponed)
    return undefined
  }

  /** Batches on their way. */
  const sending = new Map<Batch, Fiber.RuntimeFiber<void, EventSinkError>>()

  /** Waits for the batches on their way that have a lower number: by a timeout, which keeps the process alive. */
  const awaitSending = (before: number) =>
    Effect.suspend(() => {
      const fibers = [...sending].flatMap(([{ order }, fiber]) => (order < before ? [fiber] : []))
      return Effect.timeoutOption(Fiber.awaitAll(fibers), longestWait)
    })

  /**
   * Sends a batch, in a fiber of its own: whoever waits for it cannot be interrupted before the outcome is known, but the
   * sending itself can. A child would be interrupted along with its parent. Gives the error if the batch was dropped.
   */
  const deliver = Effect.fnUntraced(function* (batch: Batch, flushType: FlushType) {
    const sentIn = wave
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(send(batch, flushType)))
    sending.set(batch, fiber)
    const exit = yield* Fiber.await(fiber)
    sending.delete(batch)
    const { attempts, events } = batch
    const what = `${events.length} ${events.length === 1 ? "event" : "events"} (${flushType}, attempt ${attempts + 1})`
    if (Exit.isSuccess(exit)) {
      settleSent(batch)
      yield* withQuietLoggers(Effect.logDebug(`Sent ${what}; pending: ${queue.pending}`))
      return undefined
    }
    const error = Option.getOrElse(Cause.failureOption(exit.cause), timeIsOver)
    const dropped = settleFailed(batch, flushType, error, sentIn)
    if (dropped === undefined) {
      const pause = Math.max(notBefore - now(), 0)
      yield* withQuietLoggers(
        Effect.logDebug(`Could not send ${what}, to be tried again in ${pause} ms or later: ${error.message}`)
      )
    }
    return dropped
  }, Effect.uninterruptible)

  const gather = () => {
    beforeGather()
    queue.gather()
  }

  // --- by itself

  /** Whether no pause holds events back that are to leave by themselves. */
  const isFree = () => now() >= notBefore

  /** Whether they may follow each other: after a failure one batch goes ahead. */
  const isOpen = () => isFree() && !isBackingOff

  /** Sends the first batch. Gives whether there was one. */
  const sendOne = (flushType: FlushType): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      gather()
      const batch = queue.take()
      if (batch === undefined) return Effect.succeed(false)
      return Effect.as(deliver(batch, flushType), true)
    }).pipe(Effect.uninterruptible)

  /** Sends what is due, batch after batch, for as long as the server takes them. */
  const drain: Effect.Effect<void> = Effect.suspend(() =>
    queue.hasDue && isOpen() ? Effect.flatMap(sendOne("limit"), more => (more ? drain : Effect.void)) : Effect.void
  )

  // --- everything

  /** One at a time: each sends what is there when it begins. */
  const oneFlush = yield* Effect.makeSemaphore(1)

  /** Waits as the server asks, if that is not for too long. Gives whether it may be asked again. */
  const waitAsTold = Effect.suspend(() => {
    const wait = heldUntil - now()
    if (wait <= 0) return Effect.succeed(true)
    return wait > patience ? Effect.succeed(false) : Effect.as(Effect.sleep(Duration.millis(wait)), true)
  })

  /** Sends every batch once, and waits for those that others send. Gives the errors of those that were dropped. */
  const sendAll = (flushType: "manual" | "shutdown"): Effect.Effect<ReadonlyArray<EventSinkError>> =>
    Effect.suspend(() => {
      const errors: Array<EventSinkError> = []
      gather()
      const end = queue.nextOrder
      const isAllowed = () => flushType === "shutdown" || heldUntil <= now()
      const sendNext = Effect.suspend(() => {
        const batch = isAllowed() ? queue.take(end) : undefined
        if (batch === undefined) return Effect.succeed(false)
        return Effect.map(deliver(batch, flushType), error => {
          if (error !== undefined) errors.push(error)
          return true
        })
      }).pipe(Effect.uninterruptible, Effect.repeat({ while: more => more }))
      return Effect.replicateEffect(sendNext, concurrency, { concurrency, discard: true }).pipe(
        Effect.zipRight(awaitSending(end)),
        // What others were sending may have been too large, and is there again in halves.
        Effect.repeat({ while: () => isAllowed() && queue.hasBefore(end) }),
        Effect.zipRight(report),
        Effect.as(errors)
      )
    }).pipe(oneFlush.withPermits(1))

  /** Sends what is queued, unless the server asks to wait for long: then it stays queued. */
  const flush = Effect.flatMap(waitAsTold, isFreeAgain => (isFreeAgain ? sendAll("manual") : report))

  /** Sends everything for the last time, and goes on while the server asks to wait and the time is not over. */
  const finish: Effect.Effect<ReadonlyArray<EventSinkError>> = Effect.suspend(() => {
    deadline = now() + patience
    const round: Effect.Effect<ReadonlyArray<EventSinkError>> = Effect.zipRight(waitAsTold, sendAll("shutdown")).pipe(
      Effect.flatMap(errors =>
        queue.waiting > 0 && heldUntil > now() && heldUntil <= deadline
          ? Effect.map(round, more => [...errors, ...more])
          : Effect.succeed(errors)
      )
    )
    return round
  })

  /** Stops what is on its way, without waiting for it, and drops everything. */
  const giveUp = (cause: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      queue.dropAll("Shutdown", cause)
      return Effect.zipRight(Effect.forEach([...sending.values()], Fiber.interruptFork, { discard: true }), report)
    })

  return {
    sendOne,
    drain,
    flush,
    finish,
    giveUp,
    report,
    isFree,
    isOpen,
    lastError: () => lastError
  }
})

/** Which error a reason counts as, in the words of the official SDK. */
const exceptionTags: Readonly<Record<DropReason, string>> = {
  Invalid: "statsig::log_event_dropped_event_count",
  QueueFull: "statsig::log_event_dropped_event_count",
  TooLarge: "statsig::log_event_dropped_event_count",
  Closed: "statsig::log_event_dropped_event_count",
  Refused: "statsig::log_event_failed",
  Attempts: "statsig::log_event_failed",
  Shutdown: "statsig::log_event_failed"
}
