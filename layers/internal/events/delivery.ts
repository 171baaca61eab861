/**
 * Delivers batches from the event queue to the sink, several at once: on demand, as soon as batches are full, and when
 * events have waited for long.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { Sink } from "../../../src/EventSink.js"
import type { Batch, EventQueue } from "../../../src/engine/events/eventQueue.js"
import type { User } from "../../../src/engine/user.js"
import { inBackground, interval } from "../../../src/internal/clocks.js"
import { inNextTurn } from "../../../src/internal/eventLoop.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import { EventSinkError } from "../../../src/StatsigError.js"
import { Bodies } from "./bodies.js"
import type { FlushType, Outcomes, Retries } from "./outcomes.js"

/** The maximum number of concurrent batches: of automatic ones, and again of those sent by a flush. */
const concurrency = 5

/** How long a flush waits for batches sent by others. A sink bounds its own time, that of HTTP to 10 seconds. */
const longestWait = Duration.minutes(1)

const timeIsOver = () =>
  new EventSinkError({ reason: "Timeout", message: "the time to shut down is over", retryable: true })

/** The pause between two checks of the queue; shorter if events wait for less. In milliseconds. */
export const longestTick = 1_000
const shortestTick = 50

export interface DeliveryParts {
  readonly outcomes: Outcomes
  readonly sink: Sink
  /** Runs what is sent automatically. */
  readonly background: Runtime.Runtime<never>
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

/** A batch in flight. */
interface Sending {
  /** `undefined` while the batch is being written. */
  fiber: Fiber.RuntimeFiber<void> | undefined
  isStopped: boolean
}

export class EventDelivery {
  readonly #sending = new Map<Batch, Sending>()
  /** They look again whenever a batch has been settled. */
  readonly #waiters = new Set<() => void>()
  /** One at a time: each sends what is queued when it starts. */
  readonly #oneFlush = Effect.unsafeMakeSemaphore(1)

  readonly #bodies: Bodies
  readonly #tick: number
  #isWoken = false
  #isAttempting = false
  #senders = 0
  #isStopped = false
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
    this.#bodies = new Bodies(parts.loggedUser)
    this.#tick = Math.min(Math.max(parts.flushAfter, shortestTick), longestTick)
    this.#lastTick = parts.now()
  }

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

  /** Ends the automatic sending, and waits for batches in flight. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.#isStopped = true
    return this.#awaitSending(Number.POSITIVE_INFINITY)
  })

  /** Stops batches in flight, without waiting for them, and drops everything. */
  giveUp(cause: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.queue.dropAll("Shutdown", cause)
      for (const sending of this.#sending.values()) {
        sending.isStopped = true
        sending.fiber?.unsafeInterruptAsFork(FiberId.none)
      }
      return this.report
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
    return Effect.flatMap(withQuietLoggers(Effect.runtime<never>()), runtime => {
      const { queue, report, retries } = this
      const errors: Array<EventSinkError> = []
      this.parts.gather()
      const end = queue.nextOrder
      const isAllowed = () => flushType === "shutdown" || retries.heldFor <= 0
      const take = () => (isAllowed() ? queue.take(end) : undefined)
      return this.#sendEach(take, flushType, runtime, errors).pipe(
        Effect.zipRight(this.#awaitSending(end)),
        // A batch sent by others may have been too large, and is queued again in halves.
        Effect.repeat({ while: () => isAllowed() && queue.hasBefore(end) }),
        Effect.zipRight(report),
        Effect.as(errors)
      )
    }).pipe(this.#oneFlush.withPermits(1))
  }

  /** Sends the batches that `take` returns, several at once, and collects the errors of those that were dropped. */
  #sendEach(
    take: () => Batch | undefined,
    flushType: FlushType,
    runtime: Runtime.Runtime<never>,
    errors: Array<EventSinkError>
  ): Effect.Effect<void> {
    return Effect.async(resume => {
      let senders = concurrency
      let isInterrupted = false
      const next = (): void => {
        const batch = isInterrupted ? undefined : take()
        if (batch === undefined) {
          if (--senders === 0) resume(Effect.void)
          return
        }
        this.#deliver(batch, flushType, runtime, error => {
          if (error !== undefined) errors.push(error)
          next()
        })
      }
      for (let sender = 0; sender < concurrency; sender++) next()
      return Effect.sync(() => {
        isInterrupted = true
      })
    })
  }

  /** Waits for batches in flight with a lower number. Its timeout keeps the process alive. */
  #awaitSending(before: number): Effect.Effect<unknown> {
    const settled = Effect.async<void>(resume => {
      const look = () => {
        for (const { order } of this.#sending.keys()) if (order < before) return
        this.#waiters.delete(look)
        resume(Effect.void)
      }
      this.#waiters.add(look)
      look()
      return Effect.sync(() => this.#waiters.delete(look))
    })
    return Effect.timeoutOption(settled, longestWait)
  }

  /**
   * Sends a batch: writes its body, and gives it to the sink in a fiber of its own. Calls `done` once the outcome is
   * known, with the error if the batch was dropped.
   */
  #deliver(
    batch: Batch,
    flushType: FlushType,
    runtime: Runtime.Runtime<never>,
    done: (dropped: EventSinkError | undefined) => void
  ): void {
    const { metadata, sink } = this.parts
    const { attempts: retries, events } = batch
    const sentIn = this.retries.wave
    const sending: Sending = { fiber: undefined, isStopped: false }
    this.#sending.set(batch, sending)
    this.#bodies.write(
      events,
      () => metadata(flushType),
      written => {
        const sent = Effect.flatMap(written, ({ bytes: body }) =>
          sending.isStopped ? timeIsOver() : sink.send({ body, eventCount: events.length, retries })
        )
        const settled = Effect.flatMap(Effect.exit(Effect.interruptible(sent)), exit => {
          if (sink.releasesBody === true && Exit.isSuccess(written)) this.#bodies.release(written.value)
          this.#sending.delete(batch)
          const [dropped, told] = this.#settle(batch, flushType, exit, sentIn)
          done(dropped)
          for (const look of this.#waiters) look()
          return told === undefined ? Effect.void : Effect.logDebug(told)
        })
        sending.fiber = Runtime.runFork(runtime)(Effect.uninterruptible(settled))
      }
    )
  }

  /** Returns the error if the batch was dropped, and what is logged. */
  #settle(
    batch: Batch,
    flushType: FlushType,
    exit: Exit.Exit<void, EventSinkError>,
    sentIn: number
  ): readonly [EventSinkError | undefined, string | undefined] {
    const { queue, retries } = this
    const { outcomes } = this.parts
    const { length } = batch.events
    const what = `${length} ${length === 1 ? "event" : "events"} (${flushType}, attempt ${batch.attempts + 1})`
    if (Exit.isSuccess(exit)) {
      outcomes.settleSent(batch)
      return [undefined, `Sent ${what}; pending: ${queue.pending}`]
    }
    const error = errorOf(exit.cause)
    const dropped = outcomes.settleFailed(batch, flushType, error, sentIn)
    if (dropped !== undefined) return [dropped, undefined]
    return [undefined, `Could not send ${what}, to be tried again in ${retries.pause} ms or later: ${error.message}`]
  }

  /** Call it when a batch has become full. It is sent in a later turn of the event loop: this is on the check path. */
  tellFull(): void {
    if (this.#isWoken || !this.retries.isOpen) return
    this.#isWoken = true
    inNextTurn(() => {
      this.#isWoken = false
      this.#startSenders()
    })
  }

  /** Sends automatically until the scope closes. */
  readonly start = Effect.suspend(() =>
    Effect.forkScoped(inBackground(Effect.forever(Effect.zipRight(interval(this.#tick), Effect.exit(this.#look)))))
  )

  /** Due batches wait only for the pause after a failure, other events until they have waited for long. */
  readonly #look = Effect.suspend(() => {
    const { flushAfter, now, onTick } = this.parts
    const { queue, report, retries } = this
    const time = now()
    this.#elapsed += Math.max(time - this.#lastTick, this.#tick)
    this.#lastTick = time
    onTick(this.#elapsed)
    const isTime = queue.hasDue || this.#elapsed - this.#lastAttempt >= flushAfter
    if (isTime && retries.pause === 0 && !this.#isAttempting) this.#attempt()
    return report
  })

  /** Sends one batch, and further ones if the server accepts it. */
  #attempt(): void {
    this.#lastAttempt = this.#elapsed
    this.#isAttempting = true
    this.#sendNext(this.queue.hasFull ? "scheduled:full_batch" : "scheduled:max_time", () => {
      this.#isAttempting = false
      this.#startSenders()
    })
  }

  /** Starts senders, up to the limit and as long as there is work. */
  #startSenders(): void {
    while (this.#senders < concurrency && this.queue.hasDue && this.retries.isOpen && !this.#isStopped) {
      this.#senders++
      this.#sendNext("limit", () => {
        this.#senders--
        this.#startSenders()
      })
    }
  }

  #sendNext(flushType: FlushType, done: () => void): void {
    if (!this.queue.hasFull) this.parts.gather()
    const batch = this.queue.take()
    if (batch === undefined) done()
    else this.#deliver(batch, flushType, this.parts.background, done)
  }
}

const errorOf = (cause: Cause.Cause<EventSinkError>): EventSinkError => {
  const [defect] = Cause.defects(cause)
  return defect === undefined
    ? Option.getOrElse(Cause.failureOption(cause), timeIsOver)
    : new EventSinkError({ reason: "Failed", message: String(defect), retryable: true })
}
