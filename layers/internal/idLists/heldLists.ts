/**
 * The lists in use. A list is never modified, only replaced, in one assignment: a check sees it before or after a
 * change, never in between.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { HeldList, StoredIdLists } from "./storedIdLists.js"

/** The lists by name, and which of them must still be written to the store, if there is one. */
export class HeldLists {
  readonly #lists = new Map<string, HeldList>()
  readonly #unwritten = new Set<string>()
  #isRead = false
  #isInSync = false

  /** `changes` wakes the writer. */
  constructor(
    readonly stored: StoredIdLists | undefined,
    readonly changes: Queue.Queue<void>
  ) {}

  get lists(): ReadonlyMap<string, HeldList> {
    return this.#lists
  }

  replace(name: string, list: HeldList): void {
    this.#lists.set(name, list)
    this.#unwritten.add(name)
    if (!this.#isInSync) Queue.unsafeOffer(this.changes, undefined)
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const name of this.#lists.keys()) {
      if (named.has(name)) continue
      this.#lists.delete(name)
      this.#unwritten.add(name)
    }
  }

  /** Writes the changes of a sync together, at its end. */
  together<A, E>(sync: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#isInSync = true
      return sync
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.#isInSync = false
          Queue.unsafeOffer(this.changes, undefined)
        })
      )
    )
  }

  readonly readStored: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isRead || this.stored === undefined) return Effect.void
    return Effect.map(this.stored.read, found => {
      this.#isRead = true
      for (const [name, list] of found) this.#lists.set(name, list)
    })
  })

  /** Writes changes as they come. Failed writes are repeated with the next. */
  readonly writeChanges: Effect.Effect<never> = Effect.suspend(() => Queue.take(this.changes)).pipe(
    Effect.andThen(Effect.suspend(() => this.#writeUnwritten())),
    Effect.forever
  )

  #writeUnwritten(): Effect.Effect<void> {
    if (this.#unwritten.size === 0 || this.stored === undefined) return Effect.void
    const names = new Set(this.#unwritten)
    this.#unwritten.clear()
    return Effect.map(this.stored.write(names, new Map(this.#lists)), failed => {
      for (const name of failed) this.#unwritten.add(name)
    })
  }
}
