/**
 * The clocks that the SDK waits on.
 *
 * There are two kinds of waiting. **Limits**, and the pauses within work that a caller may wait for, protect the
 * caller: they run on timers that no test can stop (`timers.ts`). **Intervals**, the pauses between two polls, two
 * flushes or two checks of a file, should be controllable by tests: they use the current `setTimeout`.
 *
 * A limit excludes the time in which code of this process blocks the event loop: no response can be read then, and the
 * server is not at fault.
 *
 * Effect's own clock does neither. It is replaced only if it is in use: a clock set by the program, such as a
 * `TestClock`, controls everything.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { hasWorkWaiting } from "./eventLoop.js"
import * as timers from "./timers.js"

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** `setTimeout` cannot wait longer and would fire at once. In milliseconds. */
const longestTimer = 2 ** 31 - 1

/** Uses the current timers, which may be those of a test. It does not keep the process alive. */
const sleepOnGlobalTimer = (millis: number): Effect.Effect<void> =>
  Effect.async(resume => {
    const { clearTimeout } = globalThis
    const rest = millis - longestTimer
    const timer = setTimeout(
      () => resume(rest > 0 ? sleepOnGlobalTimer(rest) : Effect.void),
      Math.min(millis, longestTimer)
    )
    timers.unref(timer)
    return Effect.sync(() => clearTimeout(timer as never))
  })

/** A limit is split into this many parts, each of at least so many milliseconds. */
const timerParts = 64
const shortestPart = 5

/**
 * Waits in parts. After each part the event loop reads what has arrived, so a turn of the loop counts as one part at
 * most, however long it takes. A part in which long work of this package waits for its turn does not count at all.
 * `isAwaited`: it keeps the process alive.
 */
const sleepInTurns = (millis: number, isAwaited: boolean): Effect.Effect<void> =>
  Effect.async(resume => {
    const part = Math.min(Math.max(Math.ceil(millis / timerParts), shortestPart), longestTimer)
    let rest = millis
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const waitForPart = () => {
      timer = timers.setTimeout(() => timers.setImmediate(endPart), Math.min(part, rest))
      if (!isAwaited) timers.unref(timer)
    }
    const endPart = () => {
      if (isOver) return
      if (!hasWorkWaiting()) rest -= part
      if (rest > 0) waitForPart()
      else resume(Effect.void)
    }
    waitForPart()
    return Effect.sync(() => {
      isOver = true
      timers.clearTimeout(timer)
    })
  })

const clockWith = (sleep: Clock.Clock["sleep"]): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => liveClock.unsafeCurrentTimeMillis(),
  unsafeCurrentTimeNanos: () => liveClock.unsafeCurrentTimeNanos(),
  currentTimeMillis: liveClock.currentTimeMillis,
  currentTimeNanos: liveClock.currentTimeNanos,
  sleep
})

const guardingClock = clockWith(duration => sleepInTurns(Duration.toMillis(duration), true))
const backgroundClock = clockWith(duration => sleepInTurns(Duration.toMillis(duration), false))

const isOurs = (clock: Clock.Clock): boolean =>
  clock === liveClock || clock === guardingClock || clock === backgroundClock

/** Runs an effect that a caller waits for: its timeouts and sleeps end even if the program's timers are faked. */
export const guarded = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith(clock => (clock === liveClock ? Effect.withClock(effect, guardingClock) : effect))

/**
 * Runs an effect in the background: its timeouts and sleeps do not keep the process alive, and end even if the
 * program's timers are faked.
 */
export const inBackground = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith(clock => (isOurs(clock) ? Effect.withClock(effect, backgroundClock) : effect))

/**
 * The pause between two rounds of background work. It does not keep the process alive, and a program that fakes its
 * timers advances it with them. Nothing that a caller waits for may depend on it.
 */
export const interval = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.clockWith(clock =>
    isOurs(clock) ? sleepOnGlobalTimer(Duration.toMillis(duration)) : clock.sleep(Duration.decode(duration))
  )

/** A millisecond clock that never goes back, even if the system time is set back. */
export const steady = (clock: Clock.Clock): (() => number) => {
  let last = clock.unsafeCurrentTimeMillis()
  let lost = 0
  return () => {
    const time = clock.unsafeCurrentTimeMillis()
    if (time < last) lost += last - time
    last = time
    return time + lost
  }
}
