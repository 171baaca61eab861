/**
 * Yields to the event loop during long work, and between the long work of several instances.
 *
 * Node calls everything that is ready in one turn of the event loop. With hundreds of instances in a process such a
 * turn would take seconds. So long work first takes a turn of the loop; only one piece of work holds a turn.
 */
import * as Effect from "effect/Effect"
import { setImmediate } from "./timers.js"

/** Whether the current turn of the event loop is taken. */
let isTaken = false

/** The work that waits for a turn, in order. */
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

/** Gives the event loop a turn; a timer would wait a millisecond. */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async(resume => {
  const begin = () => resume(Effect.void)
  waiting.add(begin)
  if (!isTaken) startTurn()
  return Effect.sync(() => waiting.delete(begin))
})

/** Takes a turn of the event loop: the current one if it is free, else a later one. */
export const takeTurn: Effect.Effect<void> = Effect.suspend(() => {
  if (isTaken) return yieldToEventLoop
  startTurn()
  return Effect.void
})

/** Whether long work of this package waits for a turn. */
export const hasWorkWaiting = (): boolean => waiting.size > 0

/** Runs long work that yields where others may take a turn. */
export const inTurns = <A>(work: () => Generator<void, A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    const steps = work()
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield* yieldToEventLoop
    }
  })
