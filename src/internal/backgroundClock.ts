/**
 * A clock for fibers that work in the background: what they sleep does not keep the process alive.
 *
 * Effect's own clock sleeps on a timer that does. It is replaced only where it is in use, so that a `TestClock`, or a
 * clock of the program's own, stays in charge.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** `setTimeout` cannot wait longer and would fire at once. */
const longestTimer = 2 ** 31 - 1

const backgroundClock: Clock.Clock = {
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => liveClock.unsafeCurrentTimeMillis(),
  unsafeCurrentTimeNanos: () => liveClock.unsafeCurrentTimeNanos(),
  currentTimeMillis: liveClock.currentTimeMillis,
  currentTimeNanos: liveClock.currentTimeNanos,
  sleep: duration =>
    Effect.async<void>(resume => {
      const millis = Duration.toMillis(duration)
      if (millis > longestTimer) return
      const timer = setTimeout(() => resume(Effect.void), millis)
      timer.unref()
      return Effect.sync(() => clearTimeout(timer))
    })
}

/**
 * Runs an effect whose sleeps and timeouts do not keep the process alive.
 *
 * @internal
 */
export const inBackground = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith(clock => (clock === liveClock ? Effect.withClock(effect, backgroundClock) : effect))
