/**
 * ID lists in memory, given as plain ids: empty by default; for tests.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { idListKey } from "../../src/engine/hashing/sha256.js"
import { PackedSet } from "../../src/engine/idLists/packedSet.js"
import { IdLists } from "../../src/IdLists.js"

type Service = IdLists["Type"]

/**
 * Lists that can be modified.
 *
 * @since 0.1.0
 */
export interface MemoryIdLists extends Service {
  /** Sets a list to these ids, replacing the one with that name. */
  readonly set: (list: string, ids: Iterable<string>) => void
  readonly remove: (list: string) => void
}

/**
 * Makes the lists. Provide them as a service to modify them later.
 *
 * @since 0.1.0
 */
export const make = (lists: Readonly<Record<string, Iterable<string>>> = {}): MemoryIdLists => {
  const held = new Map<string, PackedSet>()

  const set = (list: string, ids: Iterable<string>) => {
    const keys = new PackedSet()
    for (const id of ids) {
      const { high, low } = idListKey(id)
      keys.add(high, low)
    }
    held.set(list, keys)
  }

  for (const list of Object.keys(lists)) set(list, lists[list]!)

  return {
    contains: (list, high, low) => held.get(list)?.has(high, low) === true,
    set,
    remove: list => void held.delete(list),
    sync: Effect.void,
    startUpdates: Effect.void,
    status: Effect.sync(() => ({
      isReady: undefined,
      lists: Array.from(held, ([name, { size }]) => ({
        name,
        ids: size,
        file: undefined,
        updatedAt: undefined,
        lastError: undefined
      })),
      lastSuccessAt: undefined,
      lastError: undefined
    }))
  }
}

/**
 * The given lists; none by default.
 *
 * @since 0.1.0
 */
export const layer = (lists: Readonly<Record<string, Iterable<string>>> = {}): Layer.Layer<IdLists> =>
  Layer.sync(IdLists, () => make(lists))
