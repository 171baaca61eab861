/**
 * Sends nothing: for programs that switch the network off.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventSink, type Sink } from "../../src/EventSink.js"

/**
 * A sink that accepts every batch and forgets it.
 *
 * @since 0.1.0
 */
export const sink: Sink = { send: () => Effect.void }

/**
 * That sink.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventSink> = Layer.succeed(EventSink, sink)
