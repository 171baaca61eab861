/**
 * Room for others in the middle of long work.
 */
import * as Effect from "effect/Effect"

/**
 * Gives the event loop a turn; a timer would wait a millisecond.
 *
 * @internal
 */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async(resume => {
  if (typeof setImmediate === "function") setImmediate(() => resume(Effect.void))
  else setTimeout(() => resume(Effect.void), 0)
})
