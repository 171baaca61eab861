/**
 * The destination of event batches.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EventSinkError } from "./StatsigError.js"

/**
 * Events that are sent together.
 *
 * @since 0.1.0
 */
export interface EventBatch {
  /** The JSON of the request that Statsig accepts, in UTF-8: `{"events":[…],"statsigMetadata":{…}}`. */
  readonly body: Uint8Array
  readonly eventCount: number
  /** How many earlier attempts to send this batch failed. */
  readonly retries: number
}

/**
 * Implement it to send events elsewhere. It must bound its own time and end soon when interrupted, which happens when a
 * program ends and its time is over. The EventLogger decides about retries; a defect counts as an error after which the
 * same batch may be sent again.
 *
 * @since 0.1.0
 */
export interface Sink {
  readonly send: (batch: EventBatch) => Effect.Effect<void, EventSinkError>
  /**
   * Whether the sink no longer needs a body when its `send` has ended. Then the memory of the body is used for the next
   * batch, which spares the garbage collector a megabyte per full batch. Default: `false`, and a body may be kept.
   */
  readonly releasesBody?: boolean
}

/**
 * The sink in use.
 *
 * Layers: `statsig-effect/layers/EventSink/Http` (default), `File`, `Memory`, `Noop`.
 *
 * @since 0.1.0
 */
export class EventSink extends Context.Tag("statsig-effect/EventSink")<EventSink, Sink>() {}
