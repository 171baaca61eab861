/**
 * Decides about a batch, and the sending pace, after a response of the sink.
 *
 * A batch is tried six times, not counting a 429; a 413 halves it. After a failure there are no automatic sends for a
 * pause that doubles with each wave of failures; a wait set by the server replaces it. The first success ends the
 * back-off.
 */
import * as Effect from "effect/Effect"
import type { Batch, DropReason, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { released } from "../../../src/internal/errors.js"
import { exceptionOf, type Observe, reportException } from "../../../src/internal/observe.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import type { EventSinkError } from "../../../src/StatsigError.js"

/** Why a batch is sent, in the words of the official SDK. */
export type FlushType = "scheduled:max_time" | "scheduled:full_batch" | "limit" | "manual" | "shutdown"

/** The first attempt and five more. */
const maxAttempts = 6
/** The pause after a failure, in milliseconds. */
const minInterval = 1_000
const maxInterval = 60_000

/** When batches may be sent. Times are those of a monotonic clock. */
export class Retries {
  /** The pause after the next failure; included in the metadata of each batch. */
  interval = minInterval
  #isBackingOff = false
  /** No automatic sends before this time. */
  #notBefore = 0
  /** The server accepts no request before this time. */
  #heldUntil = 0
  /** When the last sending must be over. */
  #deadline = 0
  /** The number of the wave of batches sent between two pauses: those of one wave fail together. */
  wave = 0

  constructor(private readonly now: () => number) {}

  /** Whether batches may follow each other: after a failure one batch goes first. */
  get isOpen(): boolean {
    return this.pause === 0 && !this.#isBackingOff
  }

  /** How long automatic sends are paused. */
  get pause(): number {
    return Math.max(this.#notBefore - this.now(), 0)
  }

  /** How long the server accepts no request; not above 0 without such a limit. */
  get heldFor(): number {
    return this.#heldUntil - this.now()
  }

  /** Whether the server asks for a longer wait than the time left. */
  get isHeldTooLong(): boolean {
    return this.#heldUntil > this.#deadline
  }

  /** Sets the time left for the last sending. */
  setDeadline(millis: number): void {
    this.#deadline = this.now() + millis
  }

  /** A batch has arrived. */
  succeeded(): void {
    this.interval = minInterval
    this.#isBackingOff = false
    if (this.heldFor <= 0) this.#notBefore = 0
  }

  /** A batch has failed. Batches that were sent together and fail together count as one failure. */
  failed(sentIn: number, told: number | undefined): void {
    const isFirst = sentIn === this.wave
    this.#isBackingOff = true
    if (told !== undefined) this.#heldUntil = Math.max(this.#heldUntil, this.now() + Math.max(told, minInterval))
    else if (isFirst) this.interval = Math.min(this.interval * 2, maxInterval)
    if (isFirst) this.wave++
    this.#notBefore = Math.max(this.#notBefore, told === undefined ? this.now() + this.interval : this.#heldUntil)
  }
}

/** Settles batches in the queue, and reports what was dropped. */
export class Outcomes {
  /** Why the last batch failed, until one succeeds. */
  lastError: EventSinkError | undefined

  constructor(
    readonly queue: EventQueue,
    readonly retries: Retries,
    private readonly observe: Observe
  ) {}

  settleSent(batch: Batch): void {
    if (!this.queue.isUnderway(batch)) return
    const { length } = batch.events
    this.queue.markSent(batch)
    this.lastError = undefined
    this.retries.succeeded()
    this.observe(client => client.increment("statsig.sdk.events_successfully_sent_count", length, undefined))
  }

  /**
   * Keeps a failed batch for a retry if that can help, else drops it. `sentIn`: its wave. Returns the error if it was
   * dropped.
   */
  settleFailed(batch: Batch, flushType: FlushType, error: EventSinkError, sentIn: number): EventSinkError | undefined {
    if (!this.queue.isUnderway(batch)) return error
    this.lastError = released(error)
    const exception = exceptionOf(error)
    if (exception !== undefined) {
      this.observe(client => reportException(client, exception.tag, exception.exception, error.message))
    }
    if (error.status === 413 && batch.events.length > 1) {
      this.queue.halve(batch)
      return undefined
    }
    const [reason, cause] = this.#problemOf(batch, flushType, error, sentIn) ?? []
    if (reason !== undefined) {
      this.queue.drop(batch, reason, `${cause}: ${error.message}`)
      return error
    }
    this.queue.putBack(batch, error.status === 429)
    return undefined
  }

  /** Backs off as the error requires, and returns why the batch cannot be sent again. */
  #problemOf(
    { attempts, postponed }: Batch,
    flushType: FlushType,
    { retryable, retryAfterMillis, status }: EventSinkError,
    sentIn: number
  ): readonly [DropReason, string] | undefined {
    if (status === 413) return ["TooLarge", "too large for the server"]
    const isPostponed = status === 429
    const isLast = flushType === "shutdown"
    // At the last attempt there is no later, so a server that sets no time is given a second.
    const told = retryAfterMillis ?? (isPostponed && isLast ? minInterval : undefined)
    if (!isLast || told !== undefined) this.retries.failed(sentIn, told)
    if (!retryable) return ["Refused", "refused for good"]
    if (isLast && (told === undefined || this.retries.isHeldTooLong)) {
      return ["Shutdown", "not delivered at the shutdown"]
    }
    const tries = attempts - postponed + 1
    return !isPostponed && tries >= maxAttempts ? ["Attempts", `${maxAttempts} attempts to send failed`] : undefined
  }

  /** Reports everything dropped since the last report: one line and one metric for each cause. */
  readonly report: Effect.Effect<void> = withQuietLoggers(
    Effect.suspend(() =>
      Effect.forEach(
        this.queue.takeDrops(),
        ({ cause, count, reason }) => {
          const message = `${count} ${count === 1 ? "event was" : "events were"} dropped: ${cause}`
          const tag = failedReasons.has(reason) ? "log_event_failed" : "log_event_dropped_event_count"
          this.observe(client => reportException(client, `statsig::${tag}`, "LogEventError", message))
          this.observe(client => client.increment("statsig.sdk.events_dropped_count", count, { reason }))
          return Effect.logWarning(message)
        },
        { discard: true }
      )
    )
  )
}

/** Reasons that the official SDK counts as failed requests, not as dropped events. */
const failedReasons: ReadonlySet<DropReason> = new Set(["Refused", "Attempts", "Shutdown"])
