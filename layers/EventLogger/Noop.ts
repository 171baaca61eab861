/**
 * Logs nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventLogger } from "../../src/EventLogger.js"

/**
 * A logger that discards everything.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventLogger> = Layer.succeed(EventLogger, {
  logExposure: () => {},
  countNonExposed: () => {},
  logEvent: () => {},
  flush: Effect.void,
  shutdown: Effect.void,
  status: Effect.succeed({ pending: 0, sent: 0, dropped: 0, lastError: undefined })
})
