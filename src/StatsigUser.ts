/**
 * The user of a check.
 *
 * @since 0.1.0
 */
import type { Json, JsonObject } from "./engine/json.js"
import { User } from "./engine/user.js"
import { Walk } from "./internal/walk.js"

/**
 * An immutable user. Make one with `make`.
 *
 * @since 0.1.0
 */
export type StatsigUser = User

/**
 * The fields of a user; each is optional. Custom values may be any JSON.
 *
 * `privateAttributes` are used in evaluation and never leave the process.
 *
 * @since 0.1.0
 */
export interface StatsigUserInput {
  readonly userID?: string | number | undefined
  readonly customIDs?: Readonly<Record<string, string | number | undefined>> | undefined
  readonly email?: string | undefined
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
  readonly country?: string | undefined
  readonly locale?: string | undefined
  readonly appVersion?: string | undefined
  readonly custom?: Readonly<Record<string, unknown>> | undefined
  readonly privateAttributes?: Readonly<Record<string, unknown>> | undefined
  readonly statsigEnvironment?: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * Makes a user. It copies its input, so later changes to the input have no effect. It never throws. What cannot be JSON
 * is left out (`undefined`, functions, symbols, bigints, getters that throw) or becomes `null` (`NaN` and the
 * infinities). A field of the wrong shape counts as absent.
 *
 * In each map, an object that contains itself is left out where it recurs. So is anything nested deeper than 100
 * levels, anything after the first 100,000 values, and strings beyond a total of 16,777,216 characters (2^24).
 *
 * @example
 * const user = StatsigUser.make({ userID: "u-1", customIDs: { companyID: "c-7" }, custom: { plan: "pro" } })
 *
 * @since 0.1.0
 */
export const make = (input: StatsigUserInput): StatsigUser =>
  new User({
    userID: textField(input, "userID"),
    customIDs: recordField(input, "customIDs", scalar),
    email: textField(input, "email"),
    ip: textField(input, "ip"),
    userAgent: textField(input, "userAgent"),
    country: textField(input, "country"),
    locale: textField(input, "locale"),
    appVersion: textField(input, "appVersion"),
    custom: recordField(input, "custom", toJson),
    privateAttributes: recordField(input, "privateAttributes", toJson),
    statsigEnvironment: recordField(input, "statsigEnvironment", scalar)
  })

const scalar = (value: unknown): Json | undefined => {
  if (typeof value === "string") return value.toWellFormed()
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

/** Whether it is an object but not an array; a revoked proxy is neither. */
const isMap = (value: unknown): value is object => {
  try {
    return typeof value === "object" && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

type ToJson = (value: unknown, walk: Walk) => Json | undefined

/** A field of the input; `undefined` where its getter throws. */
const userField = (input: StatsigUserInput, name: keyof StatsigUserInput): unknown => {
  try {
    return input[name]
  } catch {
    return undefined
  }
}

const textField = (input: StatsigUserInput, name: keyof StatsigUserInput): Json | undefined =>
  scalar(userField(input, name))

const recordField = (
  input: StatsigUserInput,
  name: keyof StatsigUserInput,
  memberToJson: ToJson
): JsonObject | undefined => {
  const value = userField(input, name)
  return isMap(value) ? userMembers(value, new Walk(), memberToJson) : undefined
}

/** A copy; `undefined` for a proxy whose keys cannot be listed. A member whose getter throws is left out. */
const userMembers = (value: object, walk: Walk, memberToJson: ToJson): JsonObject | undefined => {
  try {
    return walk.members(value, Object.keys, (holder, key) => read(holder, key, walk, memberToJson))
  } catch {
    return undefined
  }
}

const items = (value: ReadonlyArray<unknown>, walk: Walk): ReadonlyArray<Json> | undefined => {
  try {
    return walk.items(value, (holder, index) => read(holder, index, walk, toJson))
  } catch {
    return undefined
  }
}

const read = <Key extends PropertyKey>(
  holder: { readonly [key in Key]: unknown },
  key: Key,
  walk: Walk,
  valueToJson: ToJson
): Json | undefined => {
  try {
    return valueToJson(holder[key], walk)
  } catch {
    return undefined
  }
}

/**
 * The JSON form of anything, within the bounds of a `Walk`; `undefined` when it has none. It never throws.
 *
 * @internal
 */
export const toJson = (value: unknown, walk = new Walk()): Json | undefined => {
  switch (typeof value) {
    case "string":
      return value.toWellFormed()
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : null
    case "object":
      if (value === null) return null
      return isMap(value) ? userMembers(value, walk, toJson) : items(value as ReadonlyArray<unknown>, walk)
    default:
      return undefined
  }
}
