/**
 * The user that a check is made for.
 *
 * @since 0.1.0
 */
import { setOwn } from "./engine/getters.js"
import { type Json, type JsonObject, User } from "./engine/user.js"

/**
 * An immutable user. Make one with `make`.
 *
 * @since 0.1.0
 */
export type StatsigUser = User

/**
 * What a user is made of; every field may be left out. Custom values may be any JSON.
 *
 * `privateAttributes` take part in decisions and never leave the process.
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
 * Makes a user. It copies what it is given, so changing the input later changes nothing. It never throws: what cannot
 * be JSON is dropped (`undefined`, functions, symbols, bigints, anything nested deeper than 100 levels) or becomes
 * `null` (`NaN` and the infinities), and a field of the wrong shape counts as absent.
 *
 * @example
 * const user = StatsigUser.make({ userID: "u-1", customIDs: { companyID: "c-7" }, custom: { plan: "pro" } })
 *
 * @since 0.1.0
 */
export const make = (input: StatsigUserInput): StatsigUser =>
  new User({
    userID: scalar(input.userID),
    customIDs: record(input.customIDs, scalar),
    email: scalar(input.email),
    ip: scalar(input.ip),
    userAgent: scalar(input.userAgent),
    country: scalar(input.country),
    locale: scalar(input.locale),
    appVersion: scalar(input.appVersion),
    custom: record(input.custom, toJson),
    privateAttributes: record(input.privateAttributes, toJson),
    statsigEnvironment: record(input.statsigEnvironment, scalar)
  })

const scalar = (value: unknown): Json | undefined =>
  typeof value === "string" || (typeof value === "number" && Number.isFinite(value)) ? value : undefined

const record = (value: unknown, member: (value: unknown) => Json | undefined): JsonObject | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const result: { [key: string]: Json } = {}
  for (const key of Object.keys(value)) {
    const json = member((value as Record<string, unknown>)[key])
    if (json !== undefined) setOwn(result, key, json)
  }
  return result
}

/** Deeper nesting than this is dropped: it bounds the work and ends cycles. */
const maxDepth = 100

/**
 * The JSON form of anything, `undefined` when it has none.
 *
 * @internal
 */
export const toJson = (value: unknown, depth = 0): Json | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : null
    case "object": {
      if (value === null) return null
      if (depth >= maxDepth) return undefined
      if (Array.isArray(value)) return value.map(item => toJson(item, depth + 1) ?? null)
      return record(value, member => toJson(member, depth + 1))
    }
    default:
      return undefined
  }
}
