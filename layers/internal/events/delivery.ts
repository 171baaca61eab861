/**
 * Delivers batches from the event queue to the sink, several at once.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Sink } from "../../../src/EventSink.js"
import type { Batch, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import { EventSinkError } from "../../../src/StatsigError.js"
import type { Bodies } from "./bodies.js"
import type { FlushType, Outcomes, Retries } from "./outcomes.js"

/** The maximum number of concurrent batches: of automatic ones, and again of those sent by a flush. */
export const concurrency = 5

/** How long a flush waits for batches sent by others. A sink bounds its own time, that of HTTP to 10 seconds. */
const longestWait = Duration.minutes(1)

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

export interface DeliveryParts {
  readonly queue: EventQueue
  readonly retries: Retries
  readonly outcomes: Outcomes
  readonly sink: Sink
  /** Puts waiting events into batches. */
  readonly gather: () => void
  /** Describes the SDK in the body of a batch. */
  readonly metadata: (flushType: FlushType) => object
  readonly bodies: Bodies
  /** Reports dropped events. */
  readonly report: Effect.Effect<void>
  /** The longest time in milliseconds that a flush waits when the server asks for it, and that `finish` continues. */
  readonly patience: number
}

export class EventDelivery {
  /** Batches in flight. */
  readonly #sending = new Map<Batch, Fiber.RuntimeFiber<void, EventSinkError>>()
  /** One at a time: each sends what is queued when it starts. */
  readonly #oneFlush = Effect.unsafeMakeSemaphore(1)

  constructor(private readonly parts: DeliveryParts) {}

  /** Sends the first batch. Returns whether there was one. */
  sendOne(flushType: FlushType): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      this.parts.gather()
      return this.#sendNext(flushType)
    }).pipe(Effect.uninterruptible)
  }

  /** Sends what is due, batch after batch, while the server accepts them. */
  readonly drain: Effect.Effect<void> = Effect.suspend(() =>
    this.parts.queue.hasDue && this.parts.retries.isOpen
      ? Effect.flatMap(this.sendOne("limit"), more => (more ? this.drain : Effect.void))
      : Effect.void
  )

  /** Sends what is queued, unless the server asks for a long wait: then it stays queued. */
  readonly flush = Effect.suspend(() =>
    Effect.flatMap(this.#waitAsTold, isFreeAgain => (isFreeAgain ? this.#sendAll("manual") : this.parts.report))
  )

  /**
   * Sends everything for the last time, and continues until the time is over while the server asks to wait. Returns the
   * errors of dropped batches.
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

  /** Stops batches in flight, without waiting for them, and drops everything. */
  giveUp(cause: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.parts.queue.dropAll("Shutdown", cause)
      const stopped = Effect.forEach([...this.#sending.values()], Fiber.interruptFork, { discard: true })
      return Effect.zipRight(stopped, this.parts.report)
    })
  }

  /** Waits as the server asks, if not for too long. Returns whether requests are allowed again. */
  readonly #waitAsTold = Effect.suspend(() => {
    const wait = this.parts.retries.heldFor
    if (wait <= 0) return Effect.succeed(true)
    return wait > this.parts.patience ? Effect.succeed(false) : Effect.as(Effect.sleep(Duration.millis(wait)), true)
  })

  /** Sends every batch once, and waits for those sent by others. Returns the errors of those that were dropped. */
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
        // A batch sent by others may have been too large, and is queued again in halves.
        Effect.repeat({ while: () => isAllowed() && queue.hasBefore(end) }),
        Effect.zipRight(report),
        Effect.as(errors)
      )
    }).pipe(this.#oneFlush.withPermits(1))
  }

  /** Waits for batches in flight with a lower number. Its timeout keeps the process alive. */
  #awaitSending(before: number): Effect.Effect<unknown> {
    return Effect.suspend(() => {
      const fibers = [...this.#sending].flatMap(([{ order }, fiber]) => (order < before ? [fiber] : []))
      return Effect.timeoutOption(Fiber.awaitAll(fibers), longestWait)
    })
  }

  /** Sends the first batch with a lower number, if there is one, and notes the error if it was dropped. */
  #sendNext(flushType: FlushType, before?: number, errors?: Array<EventSinkError>): Effect.Effect<boolean> {
    const batch = this.parts.queue.take(before)
    if (batch === undefined) return Effect.succeed(false)
    return Effect.map(this.#deliver(batch, flushType), error => {
      if (error !== undefined) errors?.push(error)
      return true
    })
  }

  /**
   * Sends a batch, in a fiber of its own: its waiter cannot be interrupted before the outcome is known, but the sending
   * itself can. A child would be interrupted along with its parent. Returns the error if the batch was dropped.
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
    const { bodies, metadata, sink } = this.parts
    const target = {
      releasesBody: sink.releasesBody === true,
      send: (body: Uint8Array) => sink.send({ body, eventCount: events.length, retries: attempts })
    }
    return Effect.catchAllDefect(
      bodies.send(events, () => metadata(flushType), target),
      defect => new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
    )
  }
}
