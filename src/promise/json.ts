/**
 * The JSON form of what a program puts into a user. The rules are those of the official package: inherited enumerable
 * members count, strings and arrays stand for their indices where a map is expected, and what cannot be JSON throws.
 *
 * All of it is a plain loop: a user is made on every request.
 */
import { setOwn } from "../engine/getters.js"
import type { Json, JsonObject } from "../engine/user.js"
import { argumentError, missingObject } from "./argument.js"

/** Deeper nesting than this is dropped: it bounds the work and ends cycles. */
const maxDepth = 100

/** The JSON form of a value, `undefined` when it is nested too deep. Throws `InvalidArg` for what has none. */
export const toJson = (value: unknown, depth = 0): Json | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      if (!Number.isFinite(value)) throw argumentError("InvalidArg", `expected a JSON value, got ${value}`)
      // Zero has no sign here.
      return value + 0
    case "object":
      if (value === null) return null
      if (depth === maxDepth) return undefined
      return Array.isArray(value)
        ? Array.from(value, item => toJson(item, depth + 1) ?? null)
        : toMap(value, member => (member === undefined ? undefined : toJson(member, depth + 1)))
    default:
      throw argumentError("InvalidArg", `expected a JSON value, got ${typeof value}`)
  }
}

/** The map that a value stands for, with the members that `read` does not leave out. Throws for `null`. */
export const toMap = (
  value: unknown,
  read: (member: unknown, key: string) => Json | undefined
): { [key: string]: Json } => {
  if (value === null || value === undefined) throw missingObject()
  const map: { [key: string]: Json } = {}
  for (const key in value as object) {
    const json = read((value as Record<string, unknown>)[key], key)
    if (json !== undefined) setOwn(map, key, json)
  }
  return map
}

/** A map as a constructor takes it: members that are `undefined` are left out, and `NaN` becomes `null`. */
export const toCustomMap = (value: unknown): JsonObject =>
  (isPlain(value) ? copySimple(value) : undefined) ?? toMap(value, toMember)

/** The map of custom IDs as a constructor takes it. Throws `InvalidArg` for an id that is no string or number. */
export const toIDMap = (value: unknown): JsonObject =>
  isPlain(value) && hasOnlyTexts(value) ? { ...value } : toMap(value, toID)

/** A map as a setter takes it: `null` and `undefined` stand for none, and `NaN` throws. */
export const toAssignedMap = (value: unknown): JsonObject | undefined =>
  value === null || value === undefined ? undefined : toMap(value, toAssignedMember)

// Nearly every map holds scalars and arrays of scalars only. Such a map is copied in one step, which takes a fraction of
// the time.

/** Where there is no such accessor, or a member of that name, the long way leads to the same map. */
const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" &&
  value !== null &&
  // biome-ignore lint/suspicious/noProto: read in place, where `Object.getPrototypeOf` calls the runtime
  (value as { readonly __proto__?: unknown }).__proto__ === Object.prototype

const hasOnlyTexts = (map: Record<string, unknown>): map is Record<string, string> => {
  for (const key in map) if (typeof map[key] !== "string") return false
  return true
}

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "boolean" || (Number.isFinite(value) && !Object.is(value, -0))

/** A copy of a map of scalars and arrays of them, `undefined` for any other map. */
const copySimple = (map: Record<string, unknown>): JsonObject | undefined => {
  const copy = { ...map }
  for (const key in copy) {
    const member = copy[key]
    if (isScalar(member)) continue
    if (!Array.isArray(member) || key === "__proto__") return undefined
    for (let i = 0; i < member.length; i++) if (!isScalar(member[i])) return undefined
    copy[key] = member.slice()
  }
  return copy as JsonObject
}

const toMember = (value: unknown): Json | undefined => {
  if (value === undefined) return undefined
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  // An array with a gap is no array to the official package, but a map of the indices that are there.
  return Array.isArray(value) && value.includes(undefined) ? toMap(value, toAssignedMember) : toJson(value)
}

const toID = (value: unknown, key: string): Json | undefined => {
  if (value === undefined || typeof value === "string") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  throw argumentError("InvalidArg", `customIDs.${key}: expected a string or a number`)
}

const toAssignedMember = (value: unknown): Json | undefined => (value === undefined ? undefined : toJson(value))
