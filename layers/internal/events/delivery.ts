/**
 * Carries batches from the queue of events to the sink, several at once.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Sink } from "../../../src/EventSink.js"
import type { EventList } from "../../../src/engine/events/eventList.js"
import type { Batch, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import { EventSinkError } from "../../../src/StatsigError.js"
import type { FlushType, Outcomes, Retries } from "./outcomes.js"

/**
 * Batches on their way at once: of those that leave by themselves, and again of those that a flush sends.
 *
 * @internal
 */
export const concurrency = 5

/** How long a flush waits for batches that others are sending. A sink bounds its own time, that of HTTP by 10 seconds. */
const longestWait = Duration.minutes(1)

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

/** @internal */
export interface DeliveryParts {
  readonly queue: EventQueue
  readonly retries: Retries
  readonly outcomes: Outcomes
  readonly sink: Sink
  /** Puts what waits into batches. */
  readonly gather: () => void
  /** Writes the body of a batch. */
  readonly write: (events: EventList, flushType: FlushType) => Effect.Effect<Uint8Array>
  /** Tells of what was dropped. */
  readonly report: Effect.Effect<void>
  /** The longest that a flush waits because the server asks for it, and for which `finish` goes on; in milliseconds. */
  readonly patience: number
}

/** @internal */
export class EventDelivery {
  /** Batches on their way. */
  readonly #sending = new Map<Batch, Fiber.RuntimeFiber<void, EventSinkError>>()
  /** One at a time: each sends what is there when it begins. */
  readonly #oneFlush = Effect.unsafeMakeSemaphore(1)

  constructor(private readonly parts: DeliveryParts) {}

  /** Sends the first batch. Gives whether there was one. */
  sendOne(flushType: FlushType): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      this.parts.gather()
      return this.#sendNext(flushType)
    }).pipe(Effect.uninterruptible)
  }

  /** Sends what is due, batch after batch, for as long as the server takes them. */
  readonly drain: Effect.Effect<void> = Effect.suspend(() =>
    this.parts.queue.hasDue && this.parts.retries.isOpen
      ? Effect.flatMap(this.sendOne("limit"), more => (more ? this.drain : Effect.void))
      : Effect.void
  )

  /** Sends what is queued, unless the server asks to wait for long: then it stays queued. */
  readonly flush = Effect.suspend(() =>
    Effect.flatMap(this.#waitAsTold, isFreeAgain => (isFreeAgain ? this.#sendAll("manual") : this.parts.report))
  )

  /**
   * Sends everything for the last time, and goes on while the server asks to wait and the time is not over. Gives the
   * errors of batches that were dropped.
   */
  readonly finish: Effect.Effect<ReadonlyArray<EventSinkError>> = Effect.suspend(() => {
    const { patience, queue, retries } = this.parts
    retries.setDeadline(patience)
    const round: typeof this.finish = Effect.flatMap(
      Effect.zipRight(this.#waitAsTold, this.#sendAll("shutdown")),
      errors =>
        queue.waiting > 0 && retries.heldFor > 0 && !retries.isHeldTooLong
          ? Effect.map(round, more => [...errors, ...more])
          : Effect.succeed(errors)
    )
    return round
  })

  /** Stops what is on its way, without waiting for it, and drops everything. */
  giveUp(cause: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.parts.queue.dropAll("Shutdown", cause)
      const stopped = Effect.forEach([...this.#sending.values()], Fiber.interruptFork, { discard: true })
      return Effect.zipRight(stopped, this.parts.report)
    })
  }

  /** Waits as the server asks, if that is not for too long. Gives whether it may be asked again. */
  readonly #waitAsTold = Effect.suspend(() => {
    const wait = this.parts.retries.heldFor
    if (wait <= 0) return Effect.succeed(true)
    return wait > this.parts.patience ? Effect.succeed(false) : Effect.as(Effect.sleep(Duration.millis(wait)), true)
  })

  /** Sends every batch once, and waits for those that others send. Gives the errors of those that were dropped. */
  #sendAll(flushType: "manual" | "shutdown"): Effect.Effect<ReadonlyArray<EventSinkError>> {
    return Effect.suspend(() => {
      const { gather, queue, report, retries } = this.parts
      const errors: Array<EventSinkError> = []
      gather()
      const end = queue.nextOrder
      const isAllowed = () => flushType === "shutdown" || retries.heldFor <= 0
      const sendNext = Effect.suspend(() =>
        isAllowed() ? this.#sendNext(flushType, end, errors) : Effect.succeed(false)
      ).pipe(Effect.uninterruptible, Effect.repeat({ while: more => more }))
      return Effect.replicateEffect(sendNext, concurrency, { concurrency, discard: true }).pipe(
        Effect.zipRight(this.#awaitSending(end)),
        // What others were sending may have been too large, and is there again in halves.
        Effect.repeat({ while: () => isAllowed() && queue.hasBefore(end) }),
        Effect.zipRight(report),
        Effect.as(errors)
      )
    }).pipe(this.#oneFlush.withPermits(1))
  }

  /** Waits for the batches on their way that have a lower number: by a timeout, which keeps the process alive. */
  #awaitSending(before: number): Effect.Effect<unknown> {
    return Effect.suspend(() => {
      const fibers = [...this.#sending].flatMap(([{ order }, fiber]) => (order < before ? [fiber] : []))
      return Effect.timeoutOption(Fiber.awaitAll(fibers), longestWait)
    })
  }

  /** Sends the first of the batches with a lower number, if there is one, and notes the error if it was dropped. */
  #sendNext(flushType: FlushType, before?: number, errors?: Array<EventSinkError>): Effect.Effect<boolean> {
    const batch = this.parts.queue.take(before)
    if (batch === undefined) return Effect.succeed(false)
    return Effect.map(this.#deliver(batch, flushType), error => {
      if (error !== undefined) errors?.push(error)
      return true
    })
  }

  /**
   * Sends a batch, in a fiber of its own: whoever waits for it cannot be interrupted before the outcome is known, but the
   * sending itself can. A child would be interrupted along with its parent. Gives the error if the batch was dropped.
   */
  #deliver(batch: Batch, flushType: FlushType): Effect.Effect<EventSinkError | undefined> {
    return Effect.gen(this, function* () {
      const { outcomes, queue, retries } = this.parts
      const { attempts, events } = batch
      const sentIn = retries.wave
      const fiber = yield* Effect.forkDaemon(Effect.interruptible(this.#send(batch, flushType)))
      this.#sending.set(batch, fiber)
      const exit = yield* Fiber.await(fiber)
      this.#sending.delete(batch)
      const what = `${events.length} ${events.length === 1 ? "event" : "events"} (${flushType}, attempt ${attempts + 1})`
      if (Exit.isSuccess(exit)) {
        outcomes.settleSent(batch)
        yield* withQuietLoggers(Effect.logDebug(`Sent ${what}; pending: ${queue.pending}`))
        return undefined
      }
      const error = Option.getOrElse(Cause.failureOption(exit.cause), timeIsOver)
      const dropped = outcomes.settleFailed(batch, flushType, error, sentIn)
      if (dropped === undefined) {
        const later = `to be tried again in ${retries.pause} ms or later`
        yield* withQuietLoggers(Effect.logDebug(`Could not send ${what}, ${later}: ${error.message}`))
      }
      return dropped
    }).pipe(Effect.uninterruptible)
  }

  #send({ attempts, events }: Batch, flushType: FlushType): Effect.Effect<void, EventSinkError> {
    return this.parts.write(events, flushType).pipe(
      Effect.flatMap(body => this.parts.sink.send({ body, eventCount: events.length, retries: attempts })),
      Effect.catchAllDefect(
        defect => new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
      )
    )
  }
}
