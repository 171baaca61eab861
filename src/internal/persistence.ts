/**
 * Connects the engine to a persistent storage.
 *
 * Changes wait in a bounded list and are written from the next turn of the event loop on: those of one key in order,
 * those of different keys concurrently. When the scope closes, it waits, for a limited time, until all are written;
 * later changes are tried too. A storage error loses the change but does not affect the check.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type { LoadedValues, Persistence, StickyValues, UserPersistedValues } from "../engine/evaluate/sticky.js"
import { load, type Storage } from "../PersistentStorage.js"
import type { PersistentStorageError } from "../StatsigError.js"
import { guarded, inBackground } from "./clocks.js"
import { setImmediate } from "./timers.js"

/** The maximum number of waiting changes; further ones are dropped. */
const mostWaiting = 10_000

/** How many changes are written concurrently. */
const batchSize = 100

/** The timeout of a load, and of one batch of writes. */
const storageTimeout = Duration.seconds(1)

/** The timeout for all remaining changes when the scope ends. */
const closeTimeout = Duration.seconds(2)

/** The minimum time between two warnings, in milliseconds: a storage that is down fails for every user. */
const warningInterval = 60_000

interface Change {
  readonly key: string
  readonly name: string
  /** `undefined`: the stored assignment is deleted. */
  readonly values: StickyValues | undefined
}

/** Guards the calls of a storage: errors are reported at intervals, and only the failed call is lost. */
class GuardedStorage {
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly storage: Storage) {}

  warn(message: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, now => {
      if (now - this.#warnedAt < warningInterval) return Effect.void
      this.#warnedAt = now
      return Effect.logWarning(message)
    })
  }

  load(key: string): Effect.Effect<ReadonlyArray<readonly [key: string, values: UserPersistedValues]>> {
    const loading = this.#attempt("load", () => load(this.storage, key))
    return Effect.flatMap(this.#inTime("load", loading), loaded => {
      if (loaded === undefined) return Effect.succeed([])
      const { malformed, values } = loaded
      const warned = this.warn(`The answers that are kept for ${malformed.join(", ")} are malformed`)
      return Effect.as(malformed.length > 0 ? warned : Effect.void, [[key, values] as const])
    })
  }

  /** Changes of one key in order, those of different keys concurrently. */
  write(changes: ReadonlyArray<Change>): Effect.Effect<void> {
    const writing = Effect.forEach(
      byKey(changes),
      ofKey => Effect.forEach(ofKey, change => this.#write(change), { discard: true }),
      { concurrency: "unbounded", discard: true }
    )
    return Effect.asVoid(this.#inTime("write", writing))
  }

  #write({ key, name, values }: Change): Effect.Effect<unknown> {
    return values === undefined
      ? this.#attempt("delete", () => this.storage.delete(key, name))
      : this.#attempt("save", () => this.storage.save(key, name, values))
  }

  /** Reports any error or defect of the storage; returns the value on success. */
  #attempt<A>(operation: string, run: () => Effect.Effect<A, PersistentStorageError>): Effect.Effect<A | undefined> {
    return Effect.catchAllCause(Effect.suspend(run), cause => {
      const told = this.warn(`The persistent storage failed to ${operation}: ${Cause.pretty(cause)}`)
      return Effect.as(Cause.isInterruptedOnly(cause) ? Effect.void : told, undefined)
    })
  }

  /** Continues after the timeout even if the storage cannot be interrupted. */
  #inTime<A>(operation: string, effect: Effect.Effect<A>): Effect.Effect<A | undefined> {
    return effect.pipe(
      Effect.disconnect,
      Effect.interruptible,
      Effect.timeoutTo({
        duration: storageTimeout,
        onSuccess: value => Effect.succeed<A | undefined>(value),
        onTimeout: () => Effect.as(this.warn(`The persistent storage was too slow to ${operation}`), undefined)
      }),
      Effect.flatten,
      guarded
    )
  }
}

/** Changes that wait to be written. */
class Changes {
  readonly #lock = Effect.unsafeMakeSemaphore(1)
  readonly #waiting: Array<Change> = []
  #isWriting = false
  #dropped = 0

  constructor(
    private readonly storage: GuardedStorage,
    private readonly runtime: Runtime.Runtime<never>
  ) {}

  add(change: Change): void {
    if (this.#waiting.length >= mostWaiting) this.#dropped++
    else this.#waiting.push(change)
    if (this.#isWriting) return
    this.#isWriting = true
    setImmediate(() => Runtime.runFork(this.runtime)(inBackground(this.writeAll)))
  }

  readonly writeAll: Effect.Effect<void> = Effect.whileLoop({
    while: () => {
      this.#isWriting = this.#waiting.length > 0
      return this.#isWriting
    },
    body: () => this.storage.write(this.#waiting.splice(0, batchSize)),
    step: () => {}
  }).pipe(
    Effect.andThen(() => {
      const count = this.#dropped
      this.#dropped = 0
      if (count === 0) return Effect.void
      return this.storage.warn(`${count} changes of kept answers were dropped: too many waited`)
    }),
    this.#lock.withPermits(1)
  )
}

/** Makes the engine's side of a storage, and the loader of sticky assignments. */
export const make = Effect.fnUntraced(function* (storage: Storage) {
  const kept = new GuardedStorage(storage)
  const changes = new Changes(kept, yield* Effect.runtime<never>())
  yield* Effect.addFinalizer(() =>
    changes.writeAll.pipe(Effect.disconnect, Effect.interruptible, Effect.timeoutOption(closeTimeout), guarded)
  )
  const persistence: Persistence = {
    valuesOf: () => undefined,
    save: (key, name, values) => changes.add({ key, name, values }),
    delete: (key, name) => changes.add({ key, name, values: undefined })
  }
  const loadValues = (keys: Iterable<string>): Effect.Effect<LoadedValues> =>
    Effect.map(
      Effect.forEach(keys, key => kept.load(key), { concurrency: "unbounded" }),
      loaded => new Map(loaded.flat())
    )
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
