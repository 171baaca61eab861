/**
 * Bounds for copying values from the program as JSON: fields of a user, metadata of an event, overrides, sticky
 * assignments.
 *
 * Such a value may contain itself, and may reference one object in many places, each of which makes a copy: 100 levels
 * of two references to the next level would make 2^100. So an object within itself is left out, and the depth, the
 * number of values and the length of the strings are bounded. What exceeds the bounds is left out. Repeated copies of
 * one object have a bound of their own, so that they take only milliseconds and large values without repetition keep
 * their full size.
 */

import { type Json, setOwn } from "../engine/json.js"

/** Nested objects and arrays, below a map of a user or the value itself. */
const maxWalkDepth = 100

/** Members of objects and items of arrays, on all levels. */
export const maxValues = 100_000

/** Those in objects and arrays that were copied before. */
const maxRepeated = 10_000

/** Characters in strings and member names, on all levels. */
export const maxCharacters = 1 << 24

/** Whether it is listed by index and has more indices than the bound: a file in a buffer, for example. */
const isLongList = (value: object): boolean =>
  (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof String) &&
  (value as { readonly length?: number }).length! > maxValues

/** Listing all indices would take seconds. */
const firstIndices = (list: object): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (let index = 0; index <= maxValues; index++) if (index in list) keys.push(String(index))
  return keys
}

/** Returns the JSON form of a member or an item; `undefined` leaves it out. */
export type ReadMember<Holder, Key> = (holder: Holder, key: Key) => Json | undefined

/** The copying of one value, or of one map of values. */
export class Walk {
  readonly #open: Array<object> = []
  readonly #met = new Set<object>()
  /** How many of the open objects were copied before. */
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

  /** For anything but a string the parts were counted. */
  #hasRoomFor(json: Json): boolean {
    if (typeof json !== "string") return true
    if (this.#characters + json.length > maxCharacters) return false
    this.#characters += json.length
    return true
  }
}
