/**
 * Listeners that are called synchronously, one after the other.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A set of listeners, and how to notify them. */
export interface Listeners<A> {
  readonly isEmpty: () => boolean
  /** Returns a function that removes the listener. */
  readonly add: (listener: (news: A) => void) => () => void
  readonly tell: (news: A) => void
  /** The news from now on. A slow reader may lag behind by that many; then it misses the oldest. */
  readonly stream: (bufferSize: number) => Stream.Stream<A>
}

/** Makes an empty set of listeners. */
export const makeListeners = <A>(): Listeners<A> => {
  const all = new Set<(news: A) => void>()
  const add: Listeners<A>["add"] = listener => {
    all.add(listener)
    return () => void all.delete(listener)
  }
  return {
    isEmpty: () => all.size === 0,
    add,
    tell: news => {
      for (const listener of all) listener(news)
    },
    stream: bufferSize =>
      // Made when it is run: a stream takes kilobytes.
      Stream.suspend(() =>
        Stream.asyncPush<A>(
          emit =>
            Effect.acquireRelease(
              Effect.sync(() => add(news => emit.single(news))),
              end => Effect.sync(end)
            ),
          { bufferSize, strategy: "sliding" }
        )
      )
  }
}
