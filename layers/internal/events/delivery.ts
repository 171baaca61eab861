/**
 * Delivers batches from the event queue to the sink, several at once: on demand, as soon as batches are full, and when
 * events have waited for long.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { Sink } from "../../../src/EventSink.js"
import { type EventList, EventWriter } from "../../../src/engine/events/eventList.js"
import type { Batch, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { wellFormedJson } from "../../../src/engine/json.js"
import type { User } from "../../../src/engine/user.js"
import { inBackground, interval } from "../../../src/internal/clocks.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import { EventSinkError } from "../../../src/StatsigError.js"
import type { FlushType, Outcomes, Retries } from "./outcomes.js"

/** The maximum number of concurrent batches: of automatic ones, and again of those sent by a flush. */
const concurrency = 5

/** How long a flush waits for batches sent by others. A sink bounds its own time, that of HTTP to 10 seconds. */
const longestWait = Duration.minutes(1)

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

/** Bytes that are written before yielding to the event loop. */
const eventsPerTurn = 1 << 17
/** The largest memory allocated for a body before anything is written, and kept for the next one. */
const largestGuess = 1 << 22
/** Writers kept for reuse. Full batches follow each other; more than two are rarely written at once. */
const mostIdle = 2

/** The pause between two checks of the queue; shorter if events wait for less. In milliseconds. */
export const longestTick = 1_000
const shortestTick = 50

export interface DeliveryParts {
  readonly outcomes: Outcomes
  readonly sink: Sink
  /** Puts waiting events into batches. */
  readonly gather: () => void
  readonly loggedUser: (user: User) => string
  readonly metadata: (flushType: FlushType) => object
  /** How long a shutdown may take, and a flush waits when the server asks for it. */
  readonly patience: Duration.Duration
  readonly now: () => number
  /** How long events wait, in milliseconds. */
  readonly flushAfter: number
  /** Called at each check of the queue, with the milliseconds since the start. */
  readonly onTick: (elapsed: number) => void
}

export class EventDelivery {
  readonly #sending = new Map<Batch, Fiber.RuntimeFiber<void, EventSinkError>>()
  /** One at a time: each sends what is queued when it starts. */
  readonly #oneFlush = Effect.unsafeMakeSemaphore(1)

  /** The size of an event in bytes, estimated from the last batch. */
  #eventSize = 1_000
  readonly #idle: Array<EventWriter> = []
  readonly #tick: number
  /** Signals that a batch has become full. */
  readonly #filled = Effect.runSync(Queue.dropping<void>(1))
  #senders = 0
  /** Each tick adds at least its length: the system time may be set back, or stand still in a test. */
  #elapsed = 0
  #lastTick: number
  #lastAttempt = 0
  readonly queue: EventQueue
  readonly retries: Retries
  readonly report: Effect.Effect<void>

  constructor(readonly parts: DeliveryParts) {
    this.queue = parts.outcomes.queue
    this.retries = parts.outcomes.retries
    this.report = parts.outcomes.report
    this.#tick = Math.min(Math.max(parts.flushAfter, shortestTick), longestTick)
    this.#lastTick = parts.now()
  }

  /** Sends the first batch. Returns whether there was one. */
  sendOne(flushType: FlushType): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      this.parts.gather()
      return this.#sendNext(flushType)
    }).pipe(Effect.uninterruptible)
  }

  /** Sends what is due, batch after batch, while the server accepts them. */
  readonly drain: Effect.Effect<void> = Effect.suspend(() =>
    this.queue.hasDue && this.retries.isOpen
      ? Effect.flatMap(this.sendOne("limit"), more => (more ? this.drain : Effect.void))
      : Effect.void
  )

  /** Sends what is queued, unless the server asks for a long wait: then it stays queued. */
  readonly flush = Effect.suspend(() =>
    Effect.flatMap(this.#waitAsTold, isFreeAgain => (isFreeAgain ? this.#sendAll("manual") : this.report))
  )

  /**
   * Sends everything for the last time, and continues until the time is over while the server asks to wait. Returns the
   * errors of dropped batches.
   */
  readonly finish: Effect.Effect<ReadonlyArray<EventSinkError>> = Effect.suspend(() => {
    const { queue, retries } = this
    retries.setDeadline(this.#patience)
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
      this.queue.dropAll("Shutdown", cause)
      const stopped = Effect.forEach([...this.#sending.values()], Fiber.interruptFork, { discard: true })
      return Effect.zipRight(stopped, this.report)
    })
  }

  get #patience(): number {
    return Duration.toMillis(this.parts.patience)
  }

  /** Waits as the server asks, if not for too long. Returns whether requests are allowed again. */
  readonly #waitAsTold = Effect.suspend(() => {
    const wait = this.retries.heldFor
    if (wait <= 0) return Effect.succeed(true)
    return wait > this.#patience ? Effect.succeed(false) : Effect.as(Effect.sleep(Duration.millis(wait)), true)
  })

  /** Sends every batch once, and waits for those sent by others. Returns the errors of those that were dropped. */
  #sendAll(flushType: "manual" | "shutdown"): Effect.Effect<ReadonlyArray<EventSinkError>> {
    return Effect.suspend(() => {
      const { queue, report, retries } = this
      const errors: Array<EventSinkError> = []
      this.parts.gather()
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
    const batch = this.queue.take(before)
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
      const { queue, retries } = this
      const { outcomes } = this.parts
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
    const { loggedUser, sink } = this.parts
    return Effect.suspend(() => {
      const guess = Math.min(eventsPerTurn + this.#eventSize * events.length, largestGuess)
      const writer = this.#idle.pop() ?? new EventWriter(guess, loggedUser)
      const sent = Effect.flatMap(this.#write(writer, events, flushType), body =>
        sink.send({ body, eventCount: events.length, retries: attempts })
      )
      return sink.releasesBody === true
        ? Effect.ensuring(
            sent,
            Effect.sync(() => this.#release(writer))
          )
        : sent
    }).pipe(
      Effect.catchAllDefect(
        defect => new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
      )
    )
  }

  /** The memory of a full batch, a megabyte, is used again: new memory for each keeps the garbage collector busy. */
  #release(writer: EventWriter): void {
    writer.clear()
    if (writer.capacity <= largestGuess && this.#idle.length < mostIdle) this.#idle.push(writer)
  }

  /** Writes the body of a batch, in several turns of the event loop. */
  #write(body: EventWriter, events: EventList, flushType: FlushType): Effect.Effect<Uint8Array> {
    return Effect.gen(this, function* () {
      const { metadata } = this.parts
      body.appendText('{"events":[')
      let written = 0
      for (let index = 0; index < events.length; index++) {
        events.write(index, body)
        if (body.length - written < eventsPerTurn) continue
        written = body.length
        yield* yieldToEventLoop
      }
      this.#eventSize = Math.ceil(body.length / events.length)
      body.appendText(wellFormedJson(`],"statsigMetadata":${JSON.stringify(metadata(flushType))}}`))
      return body.bytes
    })
  }

  tellFull(): void {
    if (this.retries.isOpen) Queue.unsafeOffer(this.#filled, undefined)
  }

  readonly start = Effect.suspend(() => {
    const forkForever = (step: Effect.Effect<unknown>) => Effect.forkScoped(inBackground(Effect.forever(step)))
    return Effect.all([
      forkForever(Effect.zipRight(interval(this.#tick), Effect.exit(this.#look))),
      forkForever(Effect.zipRight(Queue.take(this.#filled), this.#startSenders))
    ])
  })

  /** Due batches wait only for the pause after a failure, other events until they have waited for long. */
  readonly #look = Effect.suspend(() => {
    const { flushAfter, now, onTick } = this.parts
    const { queue, report, retries } = this
    const time = now()
    this.#elapsed += Math.max(time - this.#lastTick, this.#tick)
    this.#lastTick = time
    onTick(this.#elapsed)
    if (retries.pause > 0 || !(queue.hasDue || this.#elapsed - this.#lastAttempt >= flushAfter)) return report
    this.#lastAttempt = this.#elapsed
    const flushType = queue.hasFull ? "scheduled:full_batch" : "scheduled:max_time"
    return Effect.all([this.sendOne(flushType), this.#startSenders, report], { discard: true })
  })

  /** Starts sender fibers, up to the limit and as long as there is work. */
  readonly #startSenders: Effect.Effect<void> = Effect.suspend(() => {
    const { drain, queue, retries } = this
    if (this.#senders === concurrency || !queue.hasDue || !retries.isOpen) return Effect.void
    this.#senders++
    const sender = Effect.ensuring(
      Effect.exit(drain),
      Effect.sync(() => this.#senders--)
    )
    // The sender has taken its batch before the next check.
    return Effect.zipRight(Effect.fork(sender), Effect.zipRight(Effect.yieldNow(), this.#startSenders))
  })
}
