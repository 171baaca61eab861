/**
 * Converts an evaluation context to a user.
 */
import type { EvaluationContext } from "@openfeature/server-sdk"
import { type Json, type JsonObject, setOwn } from "../engine/json.js"
import { User } from "../engine/user.js"
import { Walk } from "../internal/walk.js"

/** The string fields of a user. The targeting key is the `userID`. */
const textFields = ["email", "ip", "userAgent", "country", "locale", "appVersion"] as const

const mapFields = ["customIDs", "custom", "privateAttributes", "statsigEnvironment"] as const

const ownFields: ReadonlySet<string> = new Set(["targetingKey", "userID", ...textFields, ...mapFields])

/** What is wrong with a context. */
export class ContextProblem {
  constructor(readonly message: string) {}
}

/**
 * Statsig's own fields keep their names, and the targeting key is the `userID`; every other member is a custom field,
 * and so are the members of `custom`, which take precedence. All dates become epoch milliseconds, which Statsig
 * compares times by. `null` means no value.
 */
export const userOfContext = (context: EvaluationContext): User | ContextProblem => {
  const problems: Array<string> = []
  // One for the whole context, so that its total is bounded.
  const walk = new Walk()
  const expected = (where: string, what: string) => void problems.push(`${where}: expected ${what}`)

  const scalar = (value: unknown, where: string): Json | undefined => {
    if (value === undefined || value === null) return undefined
    if (typeof value === "string" || Number.isFinite(value)) return value as string | number
    return expected(where, "text or a number")
  }
  const json = (value: unknown, where: string): Json | undefined => {
    try {
      return toFlagJson(value, date => date.getTime(), walk)
    } catch {
      return expected(where, "what can be JSON")
    }
  }
  const entriesOf = (value: object, where: string): ReadonlyArray<readonly [string, unknown]> => {
    try {
      return Object.entries(value)
    } catch {
      expected(where, "members that can be read")
      return []
    }
  }
  const map = (
    field: (typeof mapFields)[number],
    read: (value: unknown, where: string) => Json | undefined
  ): JsonObject | undefined => {
    const value = context[field] as unknown
    if (value === undefined || value === null) return undefined
    if (typeof value !== "object" || Array.isArray(value) || value instanceof Date) return expected(field, "an object")
    const members: { [key: string]: Json } = {}
    for (const [key, member] of entriesOf(value, field)) {
      const known = read(member, `${field}.${key}`)
      if (known !== undefined) setOwn(members, key, known)
    }
    return members
  }

  const { targetingKey } = context
  if (typeof (targetingKey ?? "") !== "string") expected("targetingKey", "text")
  const custom: { [key: string]: Json } = {}
  for (const key of Object.keys(context)) {
    const value = ownFields.has(key) ? undefined : json(context[key], key)
    if (value !== undefined) setOwn(custom, key, value)
  }
  for (const [key, value] of Object.entries(map("custom", json) ?? {})) setOwn(custom, key, value)

  const user = new User({
    userID: targetingKey ?? scalar(context["userID"], "userID"),
    customIDs: map("customIDs", scalar),
    ...Object.fromEntries(textFields.map(field => [field, scalar(context[field], field)])),
    custom: Object.keys(custom).length === 0 ? undefined : custom,
    privateAttributes: map("privateAttributes", json),
    statsigEnvironment: map("statsigEnvironment", scalar)
  })
  return problems.length === 0 ? user : new ContextProblem(problems.join("; "))
}

/**
 * The JSON form of a value that a program passes to OpenFeature: that of `JSON.stringify`, except that the caller
 * converts dates, and within the bounds of a `Walk`. `undefined` for a value without one, and for one that is left out.
 * Throws for a bigint, and if reading throws.
 */
export const toFlagJson = (value: unknown, ofDate: (date: Date) => Json, walk = new Walk()): Json | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : null
    case "bigint":
      throw new TypeError("a bigint has no JSON form")
    case "object": {
      if (value === null) return null
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : ofDate(value)
      const { toJSON } = value as { readonly toJSON?: unknown }
      if (typeof toJSON !== "function") return partsToJson(value, ofDate, walk)
      const shown: unknown = toJSON.call(value)
      // The `toJSON` of its result is not called.
      return typeof shown === "object" && shown !== null
        ? partsToJson(shown, ofDate, walk)
        : toFlagJson(shown, ofDate, walk)
    }
    default:
      return undefined
  }
}

const partsToJson = (value: object, ofDate: (date: Date) => Json, walk: Walk): Json | undefined =>
  Array.isArray(value)
    ? walk.items(value, (holder, index) => toFlagJson(holder[index], ofDate, walk))
    : walk.members(value, Object.keys, (holder, key) => toFlagJson(holder[key], ofDate, walk))
