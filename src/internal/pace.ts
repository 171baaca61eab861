/**
 * How often a server is polled, with back-off while it refuses.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { interval } from "./clocks.js"

/** The longest pause in milliseconds, unless twice the interval is longer: two minutes. */
const longestPause = 2 * 60 * 1_000

/**
 * For requests on demand the pause grows from this instead of the interval, in milliseconds: an interval may be hours
 * long.
 */
const shortestRest = 1_000

/** How much longer than requested a process waits at most, so that not all return at the same moment. */
const spread = 0.1

/**
 * The pace of one loop that polls a server. A server refuses when it responds with an error status. After each refusal
 * in a row the pause doubles, up to two minutes, and is then shortened by up to a half at random: after the first it is
 * one to two intervals. It is never shorter than the server asked for (`Retry-After`). The first response that is not a
 * refusal restores the interval.
 */
export interface Pace {
  /** The pause before the next poll. */
  readonly pause: Effect.Effect<void>
  /**
   * How long requests on demand must still wait, in milliseconds; 0 if the server did not refuse. As long as the server
   * asked for; from the second refusal in a row on it grows from two seconds to two minutes.
   */
  readonly rest: Effect.Effect<number>
  /** `retryAfter`: what the server asked for, in milliseconds. */
  readonly refused: (retryAfter?: number) => Effect.Effect<void>
  readonly accepted: () => void
}

/** Makes the pace of a loop with this interval. */
export const makePace = (syncInterval: Duration.Duration): Pace => {
  const base = Duration.toMillis(syncInterval)
  let refusals = 0
  let wait = 0
  let restWait = 0
  let until = 0

  // A clock that jumps must not prolong the wait.
  const rest = Effect.map(Clock.currentTimeMillis, now => Math.min(Math.max(until - now, 0), restWait))
  const grown = (from: number) => Math.min(from * 2 ** refusals, Math.max(longestPause, 2 * from))

  return {
    rest,
    // A request other than a poll may have been refused meanwhile.
    pause: Effect.suspend(() => interval(Math.max(base, wait))).pipe(
      Effect.andThen(rest),
      Effect.flatMap(millis => (millis > 0 ? interval(millis) : Effect.void))
    ),
    refused: Effect.fnUntraced(function* (retryAfter = 0) {
      refusals++
      const share = 0.5 + (yield* Random.next) / 2
      const told = retryAfter * (1 + spread * (yield* Random.next))
      wait = Math.max(grown(base) * share, told)
      restWait = Math.max(refusals > 1 ? grown(Math.min(base, shortestRest)) * share : 0, told)
      until = (yield* Clock.currentTimeMillis) + restWait
    }),
    accepted: () => {
      refusals = 0
      wait = 0
      until = 0
    }
  }
}
