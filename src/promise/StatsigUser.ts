/**
 * The user of the Promise API.
 *
 * A thin, mutable wrapper around an immutable engine `User`: a setter makes a new one, so that a check and its events
 * may keep the reference.
 *
 * @since 0.1.0
 */

import { textOf } from "../engine/conditions/values.js"
import { copyJson, copyJsonObject, type Json, type JsonObject, setOwn } from "../engine/json.js"
import { User, type UserFields } from "../engine/user.js"
import { argumentError, asText, missingObject } from "./argument.js"
import { brandClass, brandOf, brandVersion, otherVersion, showMembers } from "./classes.js"
import { toAssignedMap, toCustomMap, toExactJson, toIDMap, toMap } from "./json.js"

/**
 * The fields of a user; each is optional.
 *
 * `privateAttributes` are used in evaluation and never leave the process.
 *
 * @since 0.1.0
 */
export interface StatsigUserArgs {
  userID?: string
  customIDs?: Record<string, string>
  email?: string
  ip?: string
  userAgent?: string
  country?: string
  locale?: string
  appVersion?: string
  statsigEnvironment?: { tier?: string; [key: string]: string | undefined } | undefined
  custom?: Record<
    string,
    string | number | boolean | Array<string | number | boolean> | null | undefined | Record<string, unknown>
  >
  privateAttributes?: Record<
    string,
    string | number | boolean | Array<string | number | boolean> | Record<string, unknown>
  >
}

/**
 * Custom fields of a user, as `StatsigUser` returns and accepts them.
 *
 * @since 0.1.0
 */
export type CustomFields = Record<string, string | number | boolean | Array<string | number | boolean>>

type TextField = "userID" | "email" | "ip" | "userAgent" | "country" | "locale" | "appVersion"
type MapField = "customIDs" | "custom" | "privateAttributes" | "statsigEnvironment"

/**
 * The engine's user behind a `StatsigUser`. Throws `InvalidArg` for anything else.
 *
 * @internal
 */
export const userOf = (value: unknown): User => engineUser(value)

let engineUser: (value: unknown) => User

const brand: unique symbol = brandOf("StatsigUser") as never

/** Where a user exposes its fields to other copies of this package, which cannot read private members. */
const content: unique symbol = Symbol.for("statsig-effect/StatsigUser/content") as never

/** The engine's users for those of other copies: values derived from a user are cached on it. */
const adopted = new WeakMap<UserFields, User>()

/** The engine's user for a `StatsigUser` of another copy. */
const adopt = (value: unknown): User => {
  const fields = fieldsOf(value)
  const known = adopted.get(fields)
  if (known !== undefined) return known
  const user = new User(fields)
  adopted.set(fields, user)
  return user
}

const fieldsOf = (value: unknown): UserFields => {
  const { [brand]: version, [content]: fields } = Object(value) as Shown
  if (version === brandVersion && fields !== undefined) return fields
  const isOfNone = version === undefined || version === brandVersion
  throw argumentError("InvalidArg", isOfNone ? noUser : otherVersion("StatsigUser", version))
}

interface Shown {
  readonly [brand]?: unknown
  readonly [content]?: UserFields | undefined
}

const noUser =
  "Expected StatsigUser instance, plain javascript object is not supported. " +
  "Please create a StatsigUser instance using `new StatsigUser(...)` instead."

/**
 * The user of a check.
 *
 * The constructor copies its input. Every field is an accessor: a getter returns a fresh copy, or `null` when the field
 * is not set, and assigning `null` clears a field. To change a map, assign a whole new one.
 *
 * @example
 * const user = new StatsigUser({ userID: "u-1", customIDs: { companyID: "c-7" }, custom: { plan: "pro" } })
 *
 * @since 0.1.0
 */
export class StatsigUser {
  static {
    brandClass(this, "StatsigUser")
    showMembers(this)
  }

  #user: User

  static {
    engineUser = value => (typeof value === "object" && value !== null && #user in value ? value.#user : adopt(value))
  }

  /** A user with this `userID`. Throws `StringExpected` when it is not a string. */
  static withUserID(userID: string): StatsigUser {
    return new StatsigUser({ userID: asText(userID, "userID") })
  }

  /** A user without a `userID`, with these ids. Throws `InvalidArg` for an id that is not a string or a number. */
  static withCustomIDs(customIDs: Record<string, string>): StatsigUser {
    if (customIDs === undefined) throw missingObject()
    return new StatsigUser({ customIDs })
  }

  /**
   * Throws `StringExpected` when a string field is not a string, `InvalidArg` for what cannot be JSON, and a
   * `TypeError` for `null` instead of a map. A user with neither `userID` nor `customIDs` gets the `userID` `""`.
   */
  constructor(args: ({ userID: string } | { customIDs: Record<string, string> }) & StatsigUserArgs) {
    if (args === null || args === undefined) throw missingObject()
    const fields: StatsigUserArgs = args
    const { custom, customIDs, privateAttributes, statsigEnvironment, userID } = fields
    this.#user = new User({
      userID:
        userID === undefined ? (customIDs === undefined ? "" : undefined) : asText(userID, "userID").toWellFormed(),
      customIDs: customIDs === undefined ? undefined : toIDMap(customIDs),
      email: optionalText(fields.email, "email"),
      ip: optionalText(fields.ip, "ip"),
      userAgent: optionalText(fields.userAgent, "userAgent"),
      country: optionalText(fields.country, "country"),
      locale: optionalText(fields.locale, "locale"),
      appVersion: optionalText(fields.appVersion, "appVersion"),
      custom: custom === undefined ? undefined : toCustomMap(custom),
      privateAttributes: privateAttributes === undefined ? undefined : toCustomMap(privateAttributes),
      statsigEnvironment: statsigEnvironment === undefined ? undefined : toMap(statsigEnvironment, optionalText)
    })
  }

  get userID(): string | null {
    return this.#text("userID")
  }

  set userID(value: unknown) {
    this.#assignText("userID", value)
  }

  get email(): string | null {
    return this.#text("email")
  }

  set email(value: unknown) {
    this.#assignText("email", value)
  }

  get ip(): string | null {
    return this.#text("ip")
  }

  set ip(value: unknown) {
    this.#assignText("ip", value)
  }

  get userAgent(): string | null {
    return this.#text("userAgent")
  }

  set userAgent(value: unknown) {
    this.#assignText("userAgent", value)
  }

  get country(): string | null {
    return this.#text("country")
  }

  set country(value: unknown) {
    this.#assignText("country", value)
  }

  get locale(): string | null {
    return this.#text("locale")
  }

  set locale(value: unknown) {
    this.#assignText("locale", value)
  }

  get appVersion(): string | null {
    return this.#text("appVersion")
  }

  set appVersion(value: unknown) {
    this.#assignText("appVersion", value)
  }

  get customIDs(): Record<string, string> | null {
    return texts(this.#user.customIDs)
  }

  set customIDs(value: Record<string, string> | null | undefined) {
    const map = toAssignedMap(value)
    this.#assign(
      "customIDs",
      map && toMap(map, member => (typeof member === "string" || typeof member === "number" ? member : undefined))
    )
  }

  get custom(): CustomFields | null {
    return copyOf(this.#user.custom)
  }

  set custom(value: StatsigUserArgs["custom"] | null | undefined) {
    this.#assign("custom", toAssignedMap(value))
  }

  get privateAttributes(): CustomFields | null {
    return copyOf(this.#user.privateAttributes)
  }

  set privateAttributes(value: StatsigUserArgs["privateAttributes"] | null | undefined) {
    this.#assign("privateAttributes", toAssignedMap(value))
  }

  get statsigEnvironment(): Record<string, string> | null {
    return texts(this.#user.statsigEnvironment)
  }

  set statsigEnvironment(value: StatsigUserArgs["statsigEnvironment"] | null) {
    this.#assign("statsigEnvironment", toAssignedMap(value))
  }

  /** The fields that are set, as JSON, without `privateAttributes`. */
  // biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
  toJSON(): any {
    const shown: { [field: string]: Json } = {}
    for (const field of shownFields) {
      const value = this.#user[field]
      if (value !== undefined) shown[field] = copyJson(value)
    }
    return shown
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }

  /** @internal */
  get [content](): UserFields | undefined {
    return #user in this ? this.#user : undefined
  }

  #text(field: TextField): string | null {
    return textOf(this.#user[field]) ?? null
  }

  #assignText(field: TextField, value: unknown): void {
    this.#assign(field, value === null ? undefined : toExactJson(value))
  }

  #assign(field: TextField | MapField, value: Json | undefined): void {
    this.#user = new User({ ...this.#user, [field]: value })
  }
}

const shownFields = [
  "userID",
  "customIDs",
  "email",
  "ip",
  "userAgent",
  "country",
  "locale",
  "appVersion",
  "statsigEnvironment",
  "custom"
] as const

const optionalText = (value: unknown, where: string): string | undefined =>
  value === undefined ? undefined : asText(value, where).toWellFormed()

const copyOf = (map: JsonObject | undefined): CustomFields | null =>
  map === undefined ? null : (copyJsonObject(map) as CustomFields)

const texts = (map: JsonObject | undefined): Record<string, string> | null => {
  if (map === undefined) return null
  const result: Record<string, string> = {}
  for (const key of Object.keys(map)) {
    const text = textOf(map[key])
    if (text !== undefined) setOwn(result, key, text)
  }
  return result
}
