/**
 * Takes what is to be logged and sees that it arrives. The methods that take something are called on the check path:
 * they return at once and never throw.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { DropReason } from "./engine/events/eventQueue.js"
import type { Exposure } from "./engine/events/events.js"
import type { CustomEvent } from "./engine/events/intake.js"
import type { EventSinkError } from "./StatsigError.js"

export type { DropReason } from "./engine/events/eventQueue.js"
export type { Exposure, ExposureOrigin } from "./engine/events/events.js"
export type { CustomEvent as LoggedEvent } from "./engine/events/intake.js"
export type { RemoteConfig } from "./engine/specs.js"

/**
 * How the events are doing. At every moment each event that was logged is pending, sent or dropped.
 *
 * @since 0.1.0
 */
export interface EventLoggerStatus {
  /** Events that wait or are being sent. */
  readonly pending: number
  /** Events that the sink accepted. */
  readonly sent: number
  /** Events that were given up. */
  readonly dropped: number
  /** The same by reason; a reason that did not occur is absent. Loggers may leave it out. */
  readonly droppedBy?: Readonly<Partial<Record<DropReason, number>>>
  /** Why the last batch failed, until one succeeds. */
  readonly lastError: EventSinkError | undefined
}

/**
 * The logger in use.
 *
 * Layers: `statsig-effect/layers/EventLogger` (default), `statsig-effect/layers/EventLogger/Memory` (tests), `Noop`.
 *
 * @since 0.1.0
 */
export class EventLogger extends Context.Tag("statsig-effect/EventLogger")<
  EventLogger,
  {
    readonly logExposure: (exposure: Exposure) => void
    /** Counts an evaluation made without exposure logging. */
    readonly countNonExposed: (name: string) => void
    readonly logEvent: (event: CustomEvent) => void
    /** Counts an event that cannot be logged as dropped. `problem` says why. Loggers may leave it out. */
    readonly refuse?: (problem: string) => void
    /** Sends what is queued, in several requests where it must. Failures are retried later and show in `status`. */
    readonly flush: Effect.Effect<void>
    /**
     * Ends the background work and sends what is left: a batch that fails now is dropped, and fails this with the first
     * error. When it is interrupted, as by a timeout, everything that is undelivered is dropped. Later events are still
     * taken, and sent by `flush` or another `shutdown`.
     */
    readonly shutdown: Effect.Effect<void, EventSinkError>
    readonly status: Effect.Effect<EventLoggerStatus>
  }
>() {}
