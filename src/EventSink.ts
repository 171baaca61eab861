/**
 * Where batches of events go.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EventSinkError } from "./StatsigError.js"

/**
 * Events that travel together.
 *
 * @since 0.1.0
 */
export interface EventBatch {
  /** The JSON of the request that Statsig takes, in UTF-8: `{"events":[…],"statsigMetadata":{…}}`. */
  readonly body: Uint8Array
  readonly eventCount: number
  /** How often this batch was sent before, in vain. */
  readonly retries: number
}

/**
 * Implement it to send events elsewhere. It must bound its own time, and should end soon when it is interrupted, as it is
 * when a program ends and the time to do so is over. The EventLogger decides about retries; a defect counts as an error
 * after which the same batch may be sent again.
 *
 * @since 0.1.0
 */
export interface Sink {
  readonly send: (batch: EventBatch) => Effect.Effect<void, EventSinkError>
}

/**
 * The sink in use.
 *
 * Layers: `statsig-effect/layers/EventSink/Http` (default), `File`, `Memory`, `Noop`.
 *
 * @since 0.1.0
 */
export class EventSink extends Context.Tag("statsig-effect/EventSink")<EventSink, Sink>() {}
