/**
 * When events are sent automatically: as soon as batches are full, and when events have waited for long.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { inBackground, interval } from "../../../src/internal/clocks.js"
import { concurrency, type EventDelivery } from "./delivery.js"

/** The pause between two checks of the queue; shorter if events wait for less. In milliseconds. */
export const longestTick = 1_000
const shortestTick = 50

interface ScheduleParts {
  readonly now: () => number
  /** How long events wait, in milliseconds. */
  readonly flushAfter: number
  /** Called at each check of the queue, with the milliseconds since the start. */
  readonly onTick: (elapsed: number) => void
}

export class SendingSchedule {
  readonly #tick: number
  /** Signals that a batch has become full. */
  readonly #filled = Effect.runSync(Queue.dropping<void>(1))
  #senders = 0
  /** Each tick adds at least its length: the system time may be set back, or stand still in a test. */
  #elapsed = 0
  #lastTick: number
  #lastAttempt = 0

  constructor(
    private readonly delivery: EventDelivery,
    private readonly parts: ScheduleParts
  ) {
    this.#tick = Math.min(Math.max(parts.flushAfter, shortestTick), longestTick)
    this.#lastTick = parts.now()
  }

  tellFull(): void {
    if (this.delivery.retries.isOpen) Queue.unsafeOffer(this.#filled, undefined)
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
    const { queue, report, retries } = this.delivery
    const time = now()
    this.#elapsed += Math.max(time - this.#lastTick, this.#tick)
    this.#lastTick = time
    onTick(this.#elapsed)
    if (retries.pause > 0 || !(queue.hasDue || this.#elapsed - this.#lastAttempt >= flushAfter)) return report
    this.#lastAttempt = this.#elapsed
    const flushType = queue.hasFull ? "scheduled:full_batch" : "scheduled:max_time"
    return Effect.all([this.delivery.sendOne(flushType), this.#startSenders, report], { discard: true })
  })

  /** Starts sender fibers, up to the limit and as long as there is work. */
  readonly #startSenders: Effect.Effect<void> = Effect.suspend(() => {
    const { drain, queue, retries } = this.delivery
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
