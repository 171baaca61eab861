/**
 * Sends nothing: for programs that disable the network.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventSink, type Sink } from "../../src/EventSink.js"

/**
 * A sink that accepts and discards every batch.
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
