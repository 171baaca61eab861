/**
 * ID lists in memory, given as plain ids: none at all by default, and any for tests.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { idListKey } from "../../src/engine/sha256.js"
import { IdLists } from "../../src/IdLists.js"

/**
 * Lists that can be changed.
 *
 * @since 0.1.0
 */
export interface MemoryIdLists {
  readonly contains: IdLists["Type"]["contains"]
  /** Makes a list of these ids, in place of the one that had the name. */
  readonly set: (list: string, ids: Iterable<string>) => void
  readonly remove: (list: string) => void
}

/** Both halves of a key in one number; 48 bits are exact. */
const packed = (high: number, low: number): number => high * 2 ** 24 + low

/**
 * Makes the lists. Provide them as a service to change them later.
 *
 * @since 0.1.0
 */
export const make = (lists: Readonly<Record<string, Iterable<string>>> = {}): MemoryIdLists => {
  const held = new Map<string, ReadonlySet<number>>()

  const set = (list: string, ids: Iterable<string>) => {
    const keys = new Set<number>()
    for (const id of ids) {
      const { high, low } = idListKey(id)
      keys.add(packed(high, low))
    }
    held.set(list, keys)
  }

  for (const list of Object.keys(lists)) set(list, lists[list]!)

  return {
    contains: (list, high, low) => held.get(list)?.has(packed(high, low)) === true,
    set,
    remove: list => void held.delete(list)
  }
}

/**
 * The given lists; none by default.
 *
 * @since 0.1.0
 */
export const layer = (lists: Readonly<Record<string, Iterable<string>>> = {}): Layer.Layer<IdLists> =>
  Layer.sync(IdLists, () => make(lists))
