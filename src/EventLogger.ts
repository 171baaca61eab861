/**
 * Takes what is to be logged and sees that it arrives. The methods that take something are called on the check path:
 * they return at once and never throw.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Exposure } from "./engine/events/events.js"
import type { RemoteConfig } from "./engine/specs.js"
import type { JsonObject, User } from "./engine/user.js"
import type { EventSinkError } from "./StatsigError.js"

export type { Exposure, ExposureOrigin } from "./engine/events/events.js"

/**
 * An event that is no exposure.
 *
 * @since 0.1.0
 */
export interface LoggedEvent {
  readonly name: string
  readonly value: string | number | null
  readonly metadata: JsonObject | null
  /** `undefined` for events of the SDK itself. */
  readonly user: User | undefined
  /** What the specs of the moment say to the SDK itself. */
  readonly remote: RemoteConfig | undefined
}

/**
 * What became of the events.
 *
 * @since 0.1.0
 */
export interface EventLoggerStatus {
  /** Events that wait. */
  readonly pending: number
  /** Events that the sink accepted. */
  readonly sent: number
  /** Events that were given up: the queue was full, or a batch could not be delivered. */
  readonly dropped: number
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
    readonly logEvent: (event: LoggedEvent) => void
    /** Sends what is queued, in several requests where it must. Failures are retried later and show in `status`. */
    readonly flush: Effect.Effect<void>
    /**
     * Ends the background work and sends what is left, once: a batch that fails now is lost and counted. Later events
     * are still taken, and sent by `flush` alone.
     */
    readonly shutdown: Effect.Effect<void, EventSinkError>
    readonly status: Effect.Effect<EventLoggerStatus>
  }
>() {}
