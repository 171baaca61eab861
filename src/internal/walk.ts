/**
 * Bounds for copying what a program passes in as JSON: fields of a user, metadata of an event, overrides, kept answers.
 *
 * Such a value may contain itself, and it may reach one object in many ways, each of which makes a copy: 100 levels of
 * two references to the next level would make 2^100. So an object that is being visited is left out where it is met
 * again, and the depth, the number of values and the length of the texts are bounded. What is within the bounds is kept;
 * what is beyond them is left out. Copies of what was copied before have a bound of their own, so that they take no more
 * than milliseconds and large values without repetition keep all their room.
 */

import { type Json, setOwn } from "../engine/json.js"

/** Objects and arrays within each other, below a map of a user or the value itself. */
const maxWalkDepth = 100

/** Members of objects and items of arrays, over all levels. */
export const maxValues = 100_000

/** Those of them that are in objects and arrays that were copied before. */
const maxRepeated = 10_000

/** Characters in texts and in names of members, over all levels. */
export const maxCharacters = 1 << 24

/** Something that is listed by its indices, and has more of them than there is room for: a file in a buffer, say. */
const isLongList = (value: object): boolean =>
  (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof String) &&
  (value as { readonly length?: number }).length! > maxValues

/** To list all indices takes seconds. */
const firstIndices = (list: object): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (let index = 0; index <= maxValues; index++) if (index in list) keys.push(String(index))
  return keys
}

/** Gives the JSON form of a member or an item; `undefined` leaves it out. */
export type ReadMember<Holder, Key> = (holder: Holder, key: Key) => Json | undefined

/** The copying of one value, or of one map of values. */
export class Walk {
  readonly #open: Array<object> = []
  readonly #met = new Set<object>()
  /** How many of the open ones were copied before. */
  #repeating = 0
  #values = 0
  #repeated = 0
  #characters = 0

  /** A copy of an object with these members; `undefined` when it is within itself or too deep. */
  members(
    value: object,
    keysOf: (value: object) => ReadonlyArray<string>,
    read: ReadMember<Readonly<Record<string, unknown>>, string>
  ): { [key: string]: Json } | undefined {
    return this.#visit(value, () => {
      const copy: { [key: string]: Json } = {}
      for (const key of isLongList(value) ? firstIndices(value) : keysOf(value)) {
        if (!this.#hasRoom()) break
        if (!this.#hasRoomFor(key)) continue
        const json = read(value as Readonly<Record<string, unknown>>, key)
        if (json !== undefined && this.#hasRoomFor(json)) setOwn(copy, key, json)
      }
      return copy
    })
  }

  /** A copy of an array, with `null` for items that are left out; `undefined` when it is within itself or too deep. */
  items(value: ReadonlyArray<unknown>, read: ReadMember<ReadonlyArray<unknown>, number>): Array<Json> | undefined {
    return this.#visit(value, () => {
      const copy: Array<Json> = []
      for (let i = 0; i < value.length && this.#hasRoom(); i++) {
        const json = read(value, i)
        copy.push(json !== undefined && this.#hasRoomFor(json) ? json : null)
      }
      return copy
    })
  }

  #visit<A>(value: object, copy: () => A): A | undefined {
    if (this.#open.length > maxWalkDepth || this.#open.includes(value)) return undefined
    const isRepeated = this.#met.has(value)
    if (isRepeated) {
      if (this.#repeated >= maxRepeated) return undefined
      this.#repeating++
    } else this.#met.add(value)
    this.#open.push(value)
    try {
      return copy()
    } finally {
      this.#open.pop()
      if (isRepeated) this.#repeating--
    }
  }

  #hasRoom(): boolean {
    if (this.#repeating > 0 && ++this.#repeated > maxRepeated) return false
    return ++this.#values <= maxValues
  }

  /** Of what is no text the parts were counted. */
  #hasRoomFor(json: Json): boolean {
    if (typeof json !== "string") return true
    if (this.#characters + json.length > maxCharacters) return false
    this.#characters += json.length
    return true
  }
}
