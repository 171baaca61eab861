/**
 * Queues events and delivers them. The logging methods are called on the check path: they return at once and never
 * throw.
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
 * The state of event delivery. At every moment each logged event is pending, sent or dropped.
 *
 * @since 0.1.0
 */
export interface EventLoggerStatus {
  /** Events that are queued or being sent. */
  readonly pending: number
  /** Events that the sink accepted. */
  readonly sent: number
  /** Events that were given up. */
  readonly dropped: number
  /** Dropped events by reason; a reason that did not occur is absent. Loggers may leave it out. */
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
    /** Sends the queued events, in several requests if needed. Failures are retried later and show in `status`. */
    readonly flush: Effect.Effect<void>
    /**
     * Ends the background work and sends what is left. A batch that fails now is dropped, and the effect fails with the
     * first error. If it is interrupted, as by a timeout, all undelivered events are dropped. Later events are still
     * accepted; `flush` or another `shutdown` sends them.
     */
    readonly shutdown: Effect.Effect<void, EventSinkError>
    readonly status: Effect.Effect<EventLoggerStatus>
  }
>() {}
