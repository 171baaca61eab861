/**
 * Listeners that are called one after the other, at once.
 */

/**
 * Who listens, and the way to tell them.
 *
 * @internal
 */
export interface Listeners<A> {
  readonly isEmpty: () => boolean
  /** Gives what ends it. */
  readonly add: (listener: (news: A) => void) => () => void
  readonly tell: (news: A) => void
}

/**
 * Makes an empty set of listeners.
 *
 * @internal
 */
export const makeListeners = <A>(): Listeners<A> => {
  const all = new Set<(news: A) => void>()
  return {
    isEmpty: () => all.size === 0,
    add: listener => {
      all.add(listener)
      return () => void all.delete(listener)
    },
    tell: news => {
      for (const listener of all) listener(news)
    }
  }
}
