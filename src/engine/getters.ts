/**
 * Reading one parameter of a value: the rules of `get` and `getValue` for configs, experiments and layers.
 *
 * The functions report what happened instead of acting on it: only a layer logs an exposure, and only the caller can
 * warn.
 */

import { type JsonObject, ownValue } from "./json.js"

/** Looked up once: in a sandbox such as Jest's, each access to a global is slow. */
const { isArray } = Array

/** The type of a value as the getters compare it: `array` and `null` are distinct from `object`. */
export const kindOf = (value: unknown): string => (isArray(value) ? "array" : value === null ? "null" : typeof value)

/** A read of one parameter. `exposes`: whether a layer logs it; `mismatch`: the two types that differ. */
export interface ParameterRead<A> {
  readonly value: A
  readonly exposes: boolean
  readonly mismatch: string | undefined
}

const exposed = <A>(value: A): ParameterRead<A> => ({ value, exposes: true, mismatch: undefined })

const unexposed = <A>(value: A, mismatch?: string): ParameterRead<A> => ({ value, exposes: false, mismatch })

/** The guard of `getInteger`. */
export const isInteger = (value: unknown): value is number => Number.isInteger(value)

/**
 * `get(key, fallback, guard?)`: the parameter if it has the fallback's type (or passes the guard), else the fallback.
 *
 * As in the official SDK, a missing parameter with a fallback counts as a read of the fallback and exposes.
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
  if (found === null) return unexposed(expected)
  if (guard ? guard(found) : expected === null || kindOf(expected) === kindOf(found)) return exposed(found)
  const problem = guard
    ? `failed typeGuard. Expected '${guard === isInteger ? "integer" : kindOf(expected)}', got '${kindOf(found)}'`
    : `was found to be type '${kindOf(found)}' but fallback/return type is '${kindOf(expected)}'`
  return unexposed(expected, `[Statsig] Parameter type mismatch. '${name}.${key}' ${problem}`)
}

/** `getValue(key, fallback?)`: the parameter of any type, else the fallback. */
export const readAny = (value: JsonObject, key: unknown, fallback: unknown): ParameterRead<unknown> => {
  const name = typeof key === "string" ? key : key === null || key === undefined ? undefined : String(key)
  const found = name === undefined ? undefined : ownValue(value, name)
  return found === undefined || found === null ? unexposed(fallback ?? null) : exposed(found)
}
