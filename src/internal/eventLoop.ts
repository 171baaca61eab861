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

/**
 * Does long work that yields wherever others may have a turn.
 *
 * @internal
 */
export const inTurns = <A>(work: () => Generator<void, A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    const steps = work()
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield* yieldToEventLoop
    }
  })
