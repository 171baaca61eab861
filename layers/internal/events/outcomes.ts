/**
 * What becomes of a batch, and of the pace of sending, after an answer of the sink.
 *
 * A batch is tried six times, a 429 not counted; a 413 halves it. After a failure nothing is sent by itself for a pause
 * that doubles with each wave of failures; what the server itself asks for takes its place. The first success ends all
 * that.
 */
import * as Effect from "effect/Effect"
import type { Batch, DropReason, EventQueue } from "../../../src/engine/events/eventQueue.js"
import { released } from "../../../src/internal/errors.js"
import { exceptionOf, type Observe, reportException } from "../../../src/internal/observe.js"
import { withQuietLoggers } from "../../../src/internal/quietly.js"
import type { EventSinkError } from "../../../src/StatsigError.js"

/**
 * Why a batch is sent, in the words of the official SDK.
 *
 * @internal
 */
export type FlushType = "scheduled:max_time" | "scheduled:full_batch" | "limit" | "manual" | "shutdown"

/** The first attempt and five more. */
const maxAttempts = 6
/** The pause after a failure, in milliseconds. */
const minInterval = 1_000
const maxInterval = 60_000

/**
 * When batches may be sent. Moments are those of a clock that only goes on.
 *
 * @internal
 */
export class Retries {
  /** The pause after the next failure; the metadata of each batch tell it. */
  interval = minInterval
  #isBackingOff = false
  /** Nothing is sent by itself before. */
  #notBefore = 0
  /** The server wants no request before. */
  #heldUntil = 0
  /** When the last sending must be over. */
  #deadline = 0
  /** The number of the wave of batches that are sent between two pauses: those of one wave fail together. */
  wave = 0

  constructor(private readonly now: () => number) {}

  /** Whether no pause holds events back that are to leave by themselves. */
  get isFree(): boolean {
    return this.now() >= this.#notBefore
  }

  /** Whether they may follow each other: after a failure one batch goes ahead. */
  get isOpen(): boolean {
    return this.isFree && !this.#isBackingOff
  }

  /** For how long nothing is sent by itself. */
  get pause(): number {
    return Math.max(this.#notBefore - this.now(), 0)
  }

  /** For how long the server wants no request; not above 0 where it does not mind. */
  get heldFor(): number {
    return this.#heldUntil - this.now()
  }

  /** Whether the server wants to be left alone for longer than there is time. */
  get isHeldTooLong(): boolean {
    return this.#heldUntil > this.#deadline
  }

  /** From now on there is so much time for the last sending. */
  setDeadline(millis: number): void {
    this.#deadline = this.now() + millis
  }

  /** A batch has arrived. */
  succeeded(): void {
    this.interval = minInterval
    this.#isBackingOff = false
    if (this.heldFor <= 0) this.#notBefore = 0
  }

  /** A batch has failed. Those that were sent at the same time and fail at the same time are one failure. */
  failed(sentIn: number, told: number | undefined): void {
    const isFirst = sentIn === this.wave
    this.#isBackingOff = true
    if (told !== undefined) this.#heldUntil = Math.max(this.#heldUntil, this.now() + Math.max(told, minInterval))
    else if (isFirst) this.interval = Math.min(this.interval * 2, maxInterval)
    if (isFirst) this.wave++
    this.#notBefore = Math.max(this.#notBefore, told === undefined ? this.now() + this.interval : this.#heldUntil)
  }
}

/**
 * Settles batches in the queue.
 *
 * @internal
 */
export class Outcomes {
  /** Why the last batch failed, until one succeeds. */
  lastError: EventSinkError | undefined

  constructor(
    private readonly queue: EventQueue,
    private readonly retries: Retries,
    private readonly observe: Observe
  ) {}

  settleSent(batch: Batch): void {
    if (!this.queue.isUnderway(batch)) return
    this.queue.markSent(batch)
    this.lastError = undefined
    this.retries.succeeded()
    this.observe(client =>
      client.increment("statsig.sdk.events_successfully_sent_count", batch.events.length, undefined)
    )
  }

  /**
   * A batch that failed is kept for later where that can help, else dropped. `sentIn`: its wave. Gives the error if it was
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
    const dropped = this.#problemOf(batch, flushType, error, sentIn)
    if (dropped === undefined) {
      this.queue.putBack(batch, error.status === 429)
      return undefined
    }
    const [reason, cause] = dropped
    this.queue.drop(batch, reason, `${cause}: ${error.message}`)
    return error
  }

  /** Slows down as the error says, and gives why the batch cannot be sent again. */
  #problemOf(
    { attempts, postponed }: Batch,
    flushType: FlushType,
    { retryable, retryAfterMillis, status }: EventSinkError,
    sentIn: number
  ): readonly [DropReason, string] | undefined {
    if (status === 413) return ["TooLarge", "too large for the server"]
    const isPostponed = status === 429
    const isLast = flushType === "shutdown"
    // For the last time there is no later, so a server that does not say for how long is given a second.
    const told = retryAfterMillis ?? (isPostponed && isLast ? minInterval : undefined)
    if (!isLast || told !== undefined) this.retries.failed(sentIn, told)
    if (!retryable) return ["Refused", "refused for good"]
    if (isLast && (told === undefined || this.retries.isHeldTooLong)) {
      return ["Shutdown", "not delivered at the shutdown"]
    }
    const tries = attempts - postponed + 1
    return !isPostponed && tries >= maxAttempts ? ["Attempts", `${maxAttempts} attempts to send failed`] : undefined
  }
}

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

/**
 * Tells of everything that was dropped since the last report: a line and a metric for each cause.
 *
 * @internal
 */
export const reportDrops = (queue: EventQueue, observe: Observe): Effect.Effect<void> =>
  withQuietLoggers(
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
