/**
 * Converts an evaluation context to a user.
 */
import type { EvaluationContext } from "@openfeature/server-sdk"
import { type Json, type JsonObject, setOwn } from "../engine/json.js"
import { User } from "../engine/user.js"
import { Walk } from "../internal/walk.js"
import { toFlagJson } from "./json.js"

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
  if (targetingKey !== undefined && targetingKey !== null && typeof targetingKey !== "string") {
    expected("targetingKey", "text")
  }
  const custom: { [key: string]: Json } = {}
  for (const key of Object.keys(context)) {
    const value = ownFields.has(key) ? undefined : json(context[key], key)
    if (value !== undefined) setOwn(custom, key, value)
  }
  for (const [key, value] of Object.entries(map("custom", json) ?? {})) setOwn(custom, key, value)

  const user = new User({
    userID: targetingKey ?? scalar(context["userID"], "userID"),
    customIDs: map("customIDs", scalar),
    email: scalar(context["email"], "email"),
    ip: scalar(context["ip"], "ip"),
    userAgent: scalar(context["userAgent"], "userAgent"),
    country: scalar(context["country"], "country"),
    locale: scalar(context["locale"], "locale"),
    appVersion: scalar(context["appVersion"], "appVersion"),
    custom: Object.keys(custom).length === 0 ? undefined : custom,
    privateAttributes: map("privateAttributes", json),
    statsigEnvironment: map("statsigEnvironment", scalar)
  })
  return problems.length === 0 ? user : new ContextProblem(problems.join("; "))
}
