/**
 * Room for others in the middle of long work, and between the long work of several instances.
 *
 * Node calls everything that is ready in one turn of the event loop. With hundreds of instances in a process that turn
 * would take seconds. So whoever has long work to do takes a turn of the loop for it, of which there is one at a time.
 */
import * as Effect from "effect/Effect"
import { setImmediate } from "./timers.js"

/** Whether somebody has the turn of the event loop that runs now. */
let isTaken = false

/** Those who wait for a turn, in their order. */
const waiting = new Set<() => void>()

const startTurn = (): void => {
  isTaken = true
  setImmediate(() => {
    const [next] = waiting
    if (next === undefined) {
      isTaken = false
      return
    }
    waiting.delete(next)
    startTurn()
    next()
  })
}

/**
 * Gives the event loop a turn; a timer would wait a millisecond.
 *
 * @internal
 */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async(resume => {
  const begin = () => resume(Effect.void)
  waiting.add(begin)
  if (!isTaken) startTurn()
  return Effect.sync(() => waiting.delete(begin))
})

/**
 * Takes a turn of the event loop: this one if nobody has it, else a later one.
 *
 * @internal
 */
export const takeTurn: Effect.Effect<void> = Effect.suspend(() => {
  if (isTaken) return yieldToEventLoop
  startTurn()
  return Effect.void
})

/**
 * Whether long work of this package waits for a turn.
 *
 * @internal
 */
export const hasWorkWaiting = (): boolean => waiting.size > 0

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
