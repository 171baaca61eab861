/**
 * JSON values as the engine holds them, and helpers for them.
 */

/** Looked up once: in a sandbox such as Jest's, each access to a global is slow. */
const { isArray } = Array
const { hasOwn } = Object

/** A JSON value as a user may carry it. Never holds `undefined`, `NaN`, `Infinity` or a cycle. */
export type Json = string | number | boolean | null | ReadonlyArray<Json> | JsonObject

/** A JSON object. Only own properties are read, so `__proto__` and `constructor` are ordinary names. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** A number whose spelling matters: integral with a point or an exponent, minus zero, beyond 2^53, or out of range. */
export class NumberLiteral {
  constructor(readonly text: string) {}
}

/** JSON as read from a payload. */
export type RawJson = string | number | boolean | null | NumberLiteral | ReadonlyArray<RawJson> | RawObject

/** An object as read from a payload. */
export interface RawObject {
  readonly [key: string]: RawJson
}

/** Half a surrogate pair. */
export const halfPair = /\p{Surrogate}/u

/** The object's own member of that name. */
export const ownValue = (value: JsonObject, key: string): Json | undefined =>
  hasOwn(value, key) ? value[key] : undefined

/** A deep copy, so that a caller may change it. Keys keep their order and `__proto__` stays a key. */
export const copyJson = (value: Json): Json => {
  if (typeof value !== "object" || value === null) return value
  if (!isArray(value)) return copyJsonObject(value as JsonObject)
  const copy: Array<Json> = value.slice()
  for (let i = 0; i < copy.length; i++) {
    const item = copy[i] as Json
    if (typeof item === "object" && item !== null) copy[i] = copyJson(item)
  }
  return copy
}

/** `copyJson` for an object. */
export const copyJsonObject = (value: JsonObject): { [key: string]: Json } => {
  const copy: { [key: string]: Json } = { ...value }
  for (const key in copy) {
    const member = copy[key] as Json
    if (typeof member === "object" && member !== null) setOwn(copy, key, copyJson(member))
  }
  return copy
}

/** Sets an own property, including `__proto__`, which assignment treats differently. */
export const setOwn = (target: { [key: string]: Json }, key: string, value: Json): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  } else target[key] = value
}

/** The shared empty object for all values without members. */
export const emptyObject: JsonObject = Object.freeze({})

/**
 * The object form of a value: anything but an object becomes an empty one. `true`, `false` and `null` each have a
 * distinct one, which `literalOf` recognises.
 */
export const asObject = (value: Json): JsonObject => {
  switch (value) {
    case true:
      return literalTrue
    case false:
      return literalFalse
    case null:
      return literalNull
    default:
      return typeof value === "object" && !Array.isArray(value) ? (value as JsonObject) : emptyObject
  }
}

const literalTrue: JsonObject = Object.freeze({})

const literalFalse: JsonObject = Object.freeze({})

const literalNull: JsonObject = Object.freeze({})

/** The literal behind an object of `asObject`; any other object is returned as it is. */
export const literalOf = (value: JsonObject): Json => {
  switch (value) {
    case literalTrue:
      return true
    case literalFalse:
      return false
    case literalNull:
      return null
    default:
      return value
  }
}

/** Converts to plain JSON: number literals become numbers. */
export const plain = (value: RawJson): Json => {
  if (typeof value !== "object" || value === null) return value
  if (value instanceof NumberLiteral) return Number(value.text)
  if (Array.isArray(value)) return value.map(plain)
  const object: { [key: string]: Json } = {}
  for (const [key, member] of Object.entries(value)) setOwn(object, key, plain(member))
  return object
}

/**
 * The same JSON with U+FFFD for each half of a surrogate pair, as in the official SDK. `JSON.stringify` writes such a
 * half as an escape, for which strict parsers reject the whole text.
 */
export const wellFormedJson = (json: string): string =>
  json.includes("\\ud")
    ? json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, escape => (escape.length === 6 ? "\ufffd" : escape))
    : json
