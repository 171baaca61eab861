/**
 * What the engine hands over for a storage, and what it is to know from one.
 *
 * Changes wait in a bounded list, and from the next turn of the event loop on they are written: those of one key in
 * order, those of several keys at once. The end of the scope waits, for a while, until all are written; changes that come
 * after it are tried too. Trouble with the storage costs the change, not the check.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type { LoadedValues, Persistence, StickyValues } from "../engine/evaluate/sticky.js"
import { load, type Storage } from "../PersistentStorage.js"
import type { PersistentStorageError } from "../StatsigError.js"
import { guarded, inBackground } from "./clocks.js"
import { setImmediate } from "./timers.js"

/** Changes that wait; further ones are dropped. */
const mostWaiting = 10_000

/** Changes that are written at once. */
const batchSize = 100

/** For loading, and for writing what is written at once. */
const timeout = Duration.seconds(1)

/** For all that is left when the scope ends. */
const closeTimeout = Duration.seconds(2)

/** Between two warnings, in milliseconds: a storage that is down fails for every user. */
const warningInterval = 60_000

interface Change {
  readonly key: string
  readonly name: string
  /** `undefined`: what is kept is deleted. */
  readonly values: StickyValues | undefined
}

/**
 * Makes the engine's side of a storage, and the loading of what users keep.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function* (storage: Storage) {
  const runtime = yield* Effect.runtime<never>()
  const lock = yield* Effect.makeSemaphore(1)
  const waiting: Array<Change> = []
  let isWriting = false
  let dropped = 0
  let warnedAt = Number.NEGATIVE_INFINITY

  const warn = (message: string) =>
    Effect.flatMap(Clock.currentTimeMillis, now => {
      if (now - warnedAt < warningInterval) return Effect.void
      warnedAt = now
      return Effect.logWarning(message)
    })

  /** Whatever the storage does: its trouble is told, and the value is that of success, if any. */
  const attempt = <A>(operation: string, run: () => Effect.Effect<A, PersistentStorageError>) =>
    Effect.matchCauseEffect(Effect.suspend(run), {
      onSuccess: value => Effect.succeed<A | undefined>(value),
      onFailure: cause =>
        Cause.isInterruptedOnly(cause)
          ? Effect.succeed(undefined)
          : Effect.as(warn(`The persistent storage failed to ${operation}: ${Cause.pretty(cause)}`), undefined)
    })

  /** Goes on after the timeout also where the storage cannot be interrupted. */
  const inTime = <A>(operation: string, effect: Effect.Effect<A>) =>
    effect.pipe(
      Effect.disconnect,
      Effect.interruptible,
      Effect.timeoutTo({
        duration: timeout,
        onSuccess: value => Effect.succeed<A | undefined>(value),
        onTimeout: () => Effect.as(warn(`The persistent storage was too slow to ${operation}`), undefined)
      }),
      Effect.flatten,
      guarded
    )

  const write = ({ key, name, values }: Change) =>
    values === undefined
      ? attempt("delete", () => storage.delete(key, name))
      : attempt("save", () => storage.save(key, name, values))

  const writeBatch = Effect.suspend(() =>
    inTime(
      "write",
      Effect.forEach(
        byKey(waiting.splice(0, batchSize)),
        changes => Effect.forEach(changes, write, { discard: true }),
        {
          concurrency: "unbounded",
          discard: true
        }
      )
    )
  )

  const warnOfDropped = Effect.suspend(() => {
    const count = dropped
    dropped = 0
    return count === 0 ? Effect.void : warn(`${count} changes of kept answers were dropped: too many waited`)
  })

  const writeAll = Effect.whileLoop({
    while: () => {
      isWriting = waiting.length > 0
      return isWriting
    },
    body: () => writeBatch,
    step: () => {}
  }).pipe(Effect.andThen(warnOfDropped), lock.withPermits(1))

  yield* Effect.addFinalizer(() =>
    writeAll.pipe(Effect.disconnect, Effect.interruptible, Effect.timeoutOption(closeTimeout), guarded)
  )

  const add = (change: Change) => {
    if (waiting.length >= mostWaiting) dropped++
    else waiting.push(change)
    if (isWriting) return
    isWriting = true
    setImmediate(() => Runtime.runFork(runtime)(inBackground(writeAll)))
  }

  const persistence: Persistence = {
    valuesOf: () => undefined,
    save: (key, name, values) => add({ key, name, values }),
    delete: (key, name) => add({ key, name, values: undefined })
  }

  const loadValuesOf = Effect.fnUntraced(function* (key: string) {
    const loaded = yield* inTime(
      "load",
      attempt("load", () => load(storage, key))
    )
    if (loaded === undefined) return []
    const { malformed, values } = loaded
    if (malformed.length > 0) yield* warn(`The answers that are kept for ${malformed.join(", ")} are malformed`)
    return [[key, values] as const]
  })

  const loadValues = (keys: Iterable<string>): Effect.Effect<LoadedValues> =>
    Effect.map(Effect.forEach(keys, loadValuesOf, { concurrency: "unbounded" }), loaded => new Map(loaded.flat()))

  return { persistence, loadValues }
})

const byKey = (changes: ReadonlyArray<Change>): Iterable<ReadonlyArray<Change>> => {
  const groups = new Map<string, Array<Change>>()
  for (const change of changes) {
    const group = groups.get(change.key)
    if (group === undefined) groups.set(change.key, [change])
    else group.push(change)
  }
  return groups.values()
}
