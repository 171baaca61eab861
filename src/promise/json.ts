/**
 * The JSON form of values that a program puts into a user, an event or an override. The rules are those of the official
 * package: inherited enumerable members count, strings and arrays become maps of their indices where a map is expected,
 * half a surrogate pair in a text becomes U+FFFD, and what cannot be JSON throws.
 */
import type { Json, JsonObject } from "../engine/json.js"
import { maxCharacters, maxValues, Walk } from "../internal/walk.js"
import { argumentError, missingObject } from "./argument.js"

/**
 * The JSON form of a value, within the bounds of a `Walk`; `undefined` when the value itself exceeds them. Throws
 * `InvalidArg` for a value without a JSON form.
 */
export const toExactJson = (value: unknown, walk = new Walk()): Json | undefined => {
  switch (typeof value) {
    case "string":
      return value.toWellFormed()
    case "boolean":
      return value
    case "number":
      if (!Number.isFinite(value)) throw argumentError("InvalidArg", `expected a JSON value, got ${value}`)
      // Negative zero becomes zero.
      return value + 0
    case "object":
      if (value === null) return null
      return Array.isArray(value)
        ? walk.items(value, (items, index) => toExactJson(items[index], walk))
        : toMembers(value, toAssignedMember, walk)
    default:
      throw argumentError("InvalidArg", `expected a JSON value, got ${typeof value}`)
  }
}

/** Reads a member of a map; `undefined` leaves it out. */
type ReadMember = (member: unknown, key: string, walk: Walk) => Json | undefined

const toMembers = (value: object, read: ReadMember, walk: Walk): { [key: string]: Json } | undefined =>
  walk.members(value, allKeys, (holder, key) => read(holder[key], key, walk))

const allKeys = (value: object): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (const key in value) keys.push(key)
  return keys
}

/**
 * A value as a map, with the members that `read` does not leave out. It is within the bounds of a `Walk`. Throws for
 * `null`.
 */
export const toMap = (value: unknown, read: ReadMember): { [key: string]: Json } => {
  if (value === null || value === undefined) throw missingObject()
  return toMembers(Object(value), read, new Walk()) ?? {}
}

/** A map as a constructor accepts it: members that are `undefined` are left out, and `NaN` becomes `null`. */
export const toCustomMap = (value: unknown): JsonObject =>
  (isPlainObject(value) ? copySimple(value) : undefined) ?? toMap(value, toMember)

/**
 * The map of custom IDs as a constructor accepts it. Throws `InvalidArg` for an id that is not a string or a number.
 */
export const toIDMap = (value: unknown): JsonObject =>
  isPlainObject(value) && hasOnlyTexts(value) ? { ...value } : toMap(value, toID)

/** A map as a setter accepts it: `null` and `undefined` mean none, and `NaN` throws. */
export const toAssignedMap = (value: unknown): JsonObject | undefined =>
  value === null || value === undefined ? undefined : toJsonMap(value)

/** A map of JSON values. Throws for `null`, and for values without a JSON form. */
export const toJsonMap = (value: unknown): { [key: string]: Json } => toMap(value, toAssignedMember)

// Nearly every map holds only scalars and arrays of scalars. Such a map is copied in one step, which takes a fraction
// of the time.

/** Without such an accessor, or with a member of that name, the slow path gives the same map. */
const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" &&
  value !== null &&
  // biome-ignore lint/suspicious/noProto: read in place, where `Object.getPrototypeOf` calls the runtime
  (value as { readonly __proto__?: unknown }).__proto__ === Object.prototype

const hasOnlyTexts = (map: Record<string, unknown>): map is Record<string, string> => {
  let characters = 0
  for (const key in map) {
    const member = map[key]
    if (typeof member !== "string" || !member.isWellFormed()) return false
    characters += key.length + member.length
  }
  return characters <= maxCharacters
}

const isScalar = (value: unknown): value is number | boolean =>
  typeof value === "boolean" || (Number.isFinite(value) && !Object.is(value, -0))

/** A copy of a map of scalars and arrays of them, `undefined` for any other map and for one beyond the bounds. */
const copySimple = (map: Record<string, unknown>): JsonObject | undefined => {
  const copy = { ...map }
  let values = 0
  let characters = 0
  for (const key in copy) {
    const member = copy[key]
    values++
    characters += key.length
    if (typeof member === "string") {
      if (!member.isWellFormed()) return undefined
      characters += member.length
    } else if (Array.isArray(member)) {
      values += member.length
      if (key === "__proto__" || values > maxValues) return undefined
      for (let i = 0; i < member.length; i++) {
        const item: unknown = member[i]
        if (typeof item === "string" && item.isWellFormed()) characters += item.length
        else if (!isScalar(item)) return undefined
      }
      copy[key] = member.slice()
    } else if (!isScalar(member)) return undefined
  }
  return values > maxValues || characters > maxCharacters ? undefined : (copy as JsonObject)
}

const toMember: ReadMember = (value, _, walk) => {
  if (value === undefined) return undefined
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  // The official package treats an array with a gap as a map of its existing indices.
  return Array.isArray(value) && value.includes(undefined)
    ? toMembers(value, toAssignedMember, walk)
    : toExactJson(value, walk)
}

const toID: ReadMember = (value, key) => {
  if (value === undefined) return value
  if (typeof value === "string") return value.toWellFormed()
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  throw argumentError("InvalidArg", `customIDs.${key}: expected a string or a number`)
}

const toAssignedMember: ReadMember = (value, _, walk) => (value === undefined ? undefined : toExactJson(value, walk))
