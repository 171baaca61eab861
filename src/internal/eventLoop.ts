/**
 * Yields to the event loop during long work, and between the long work of several instances.
 *
 * Node calls everything that is ready in one turn of the event loop. With hundreds of instances in a process such a
 * turn would take seconds. So long work first takes a turn of the loop; only one piece of work holds a turn.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { setImmediate, setTimeout, unref } from "./timers.js"

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

/** Calls a function in a later turn of the event loop; a timer would wait a millisecond. It must not throw. */
export const inNextTurn = (begin: () => void): void => {
  waiting.add(begin)
  if (!isTaken) startTurn()
}

/** Whether long work gives the event loop turns. */
const givesTurns = FiberRef.unsafeMake(true)

/** Runs an effect whose caller needs the result at once: its long work does not yield. */
export const inOneTurn = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.locally(effect, givesTurns, false)

const nextTurn: Effect.Effect<void> = Effect.async(resume => {
  const begin = () => resume(Effect.void)
  inNextTurn(begin)
  return Effect.sync(() => waiting.delete(begin))
})

/** Gives the event loop a turn. */
export const yieldToEventLoop: Effect.Effect<void> = Effect.flatMap(FiberRef.get(givesTurns), isGiven =>
  isGiven ? nextTurn : Effect.void
)

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

/** The longest slice of work, in milliseconds. */
const longestSlice = 2

/** The real one, even if a test replaces it later. */
const now = performance.now.bind(performance)

/** Background work of all instances that waits for its next slice. */
const resting = new Set<() => void>()
let isTimerSet = false

/** Starts one slice after another, with rests that are as long: at least half of the time is for other work. */
const wakeNext = (): void => {
  if (isTimerSet || resting.size === 0) return
  isTimerSet = true
  const timer = setTimeout(() => {
    isTimerSet = false
    const [next] = resting
    if (next === undefined) return
    resting.delete(next)
    wakeNext()
    next()
  }, 2 * longestSlice)
  unref(timer)
}

/** Lets other work run. It does not keep the process alive. */
const rest: Effect.Effect<void> = Effect.async(resume => {
  const wake = () => resume(Effect.void)
  resting.add(wake)
  wakeNext()
  return Effect.sync(() => resting.delete(wake))
})

/**
 * Runs small pieces of work in slices of two milliseconds. In the background it rests before each, and instances take
 * turns.
 */
export const inSlices = (work: Iterable<void>, isBackground = false): Effect.Effect<void> => {
  const pieces = work[Symbol.iterator]()
  const slice: Effect.Effect<void> = Effect.suspend(() => {
    const end = now() + longestSlice
    do {
      if (pieces.next().done === true) return Effect.void
    } while (now() < end)
    return next
  })
  const next = Effect.zipRight(isBackground ? rest : yieldToEventLoop, slice)
  return isBackground ? next : slice
}
