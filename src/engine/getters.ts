/**
 * Reading one parameter of a value: the rules of `get` and `getValue` that configs, experiments and layers share.
 *
 * The functions report what happened in place of acting on it, because only a layer logs an exposure and only the
 * caller knows how to warn.
 */
import type { Json, JsonObject } from "./user.js"

/** Looked up once: in a sandbox, such as Jest runs tests in, every look at a global is slow. */
const { isArray } = Array
const { hasOwn } = Object

/** The type of a value as the getters compare them: `array` and `null` apart from `object`. */
export const kindOf = (value: unknown): string => (isArray(value) ? "array" : value === null ? "null" : typeof value)

/** A read of one parameter. `exposes` tells whether a layer logs it; `mismatch` names the two types that differ. */
export interface ParameterRead<A> {
  readonly value: A
  readonly exposes: boolean
  readonly mismatch: string | undefined
}

/** The member of that name, if it is the object's own. */
export const ownValue = (value: JsonObject, key: string): Json | undefined =>
  hasOwn(value, key) ? value[key] : undefined

/** The guard of `getInteger`. */
export const isInteger = (value: unknown): value is number => Number.isInteger(value)

/**
 * `get(key, fallback, guard?)`: the parameter if it has the fallback's type (or passes the guard), else the fallback.
 *
 * A missing parameter with a fallback counts as a read of the fallback and exposes: the official SDK does so.
 */
export const readTyped = (
  value: JsonObject,
  name: string,
  key: string,
  fallback: unknown,
  guard?: ((value: unknown) => boolean) | null
): ParameterRead<unknown> => {
  const expected = fallback ?? null
  const found = ownValue(value, key) ?? expected
  if (found === null) return { value: expected, exposes: false, mismatch: undefined }
  if (guard) {
    if (guard(found)) return { value: found, exposes: true, mismatch: undefined }
    return {
      value: expected,
      exposes: false,
      mismatch: `[Statsig] Parameter type mismatch. '${name}.${key}' failed typeGuard. Expected '${guard === isInteger ? "integer" : kindOf(expected)}', got '${kindOf(found)}'`
    }
  }
  if (expected === null || kindOf(expected) === kindOf(found))
    return { value: found, exposes: true, mismatch: undefined }
  return {
    value: expected,
    exposes: false,
    mismatch: `[Statsig] Parameter type mismatch. '${name}.${key}' was found to be type '${kindOf(found)}' but fallback/return type is '${kindOf(expected)}'`
  }
}

/** `getValue(key, fallback?)`: the parameter whatever its type, else the fallback. */
export const readAny = (value: JsonObject, key: unknown, fallback: unknown): ParameterRead<unknown> => {
  const name = typeof key === "string" ? key : key === null || key === undefined ? undefined : String(key)
  const found = name === undefined ? undefined : ownValue(value, name)
  return found === undefined || found === null
    ? { value: fallback ?? null, exposes: false, mismatch: undefined }
    : { value: found, exposes: true, mismatch: undefined }
}

/** A deep copy, so that a caller may change what it was given. Keys keep their order and `__proto__` stays a key. */
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

/** Sets an own property, also for the one name that assignment treats otherwise. */
export const setOwn = (target: { [key: string]: Json }, key: string, value: Json): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  } else target[key] = value
}

/** The one empty object that stands for every value without members. */
export const emptyObject: JsonObject = Object.freeze({})

/**
 * The object that a value stands for: anything but an object is an empty one. Of those, `true`, `false` and `null` each
 * have one of their own, by which `literalOf` knows them again.
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

/** The literal that an object of `asObject` stands for; any other object is itself. */
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
