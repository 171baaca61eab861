/**
 * The user as the engine reads it: immutable, normalised, and sharing nothing with the caller.
 *
 * Both APIs build one (`StatsigUser.make`, the facade's `StatsigUser`); their setters make a new one, so an exposure
 * can keep the reference and be serialised later.
 */
import { type Json, type JsonObject, setOwn } from "./json.js"

/** The user's fields after normalisation; an omitted field is `undefined`. */
export interface UserFields {
  readonly userID?: Json | undefined
  readonly customIDs?: JsonObject | undefined
  readonly email?: Json | undefined
  readonly ip?: Json | undefined
  readonly userAgent?: Json | undefined
  readonly country?: Json | undefined
  readonly locale?: Json | undefined
  readonly appVersion?: Json | undefined
  readonly custom?: JsonObject | undefined
  readonly privateAttributes?: JsonObject | undefined
  readonly statsigEnvironment?: JsonObject | undefined
}

/**
 * An immutable user. Always built with every field in one order, so that all instances share one hidden class.
 *
 * Derived values that are used often are cached on it.
 */
export class User {
  readonly userID: Json | undefined
  readonly customIDs: JsonObject | undefined
  readonly email: Json | undefined
  readonly ip: Json | undefined
  readonly userAgent: Json | undefined
  readonly country: Json | undefined
  readonly locale: Json | undefined
  readonly appVersion: Json | undefined
  readonly custom: JsonObject | undefined
  readonly privateAttributes: JsonObject | undefined
  readonly statsigEnvironment: JsonObject | undefined
  /**
   * The user part of exposure keys, once computed. `events` knows the type.
   *
   * @internal
   */
  key: unknown = undefined
  /**
   * The approximate bytes it takes while its events wait, once computed.
   *
   * @internal
   */
  size: number | undefined = undefined
  /**
   * Where it was last written. `events` knows the type.
   *
   * @internal
   */
  written: unknown = undefined
  /**
   * The decider that was last asked, by its number, and what it keeps with the user. `evaluate` knows the type.
   *
   * @internal
   */
  decider: number | undefined = undefined
  /** @internal */
  decisions: Array<unknown> | undefined = undefined

  /** @internal */
  constructor(fields: UserFields) {
    this.userID = fields.userID
    this.customIDs = fields.customIDs
    this.email = fields.email
    this.ip = fields.ip
    this.userAgent = fields.userAgent
    this.country = fields.country
    this.locale = fields.locale
    this.appVersion = fields.appVersion
    this.custom = fields.custom
    this.privateAttributes = fields.privateAttributes
    this.statsigEnvironment = fields.statsigEnvironment
  }

  /** The fields that are set, without `privateAttributes`: printed output may end up anywhere. */
  toJSON(): unknown {
    const fields = Object.entries(this).filter(([name, value]) => value !== undefined && !hidden.has(name))
    return Object.fromEntries(fields)
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

const hidden: ReadonlySet<string> = new Set(["privateAttributes", "key", "size", "written", "decider", "decisions"])

/**
 * The logged form of a user: without private attributes, with global fields after its own, and with the SDK's
 * environment if it has none.
 */
export const userToLog = (user: User, globalCustomFields: JsonObject | undefined, tier: string | undefined): string => {
  let { custom } = user
  if (globalCustomFields !== undefined) {
    const all: { [key: string]: Json } = { ...globalCustomFields }
    for (const key of Object.keys(custom ?? {})) setOwn(all, key, custom?.[key] as Json)
    custom = all
  }
  // `undefined` fields are omitted.
  return JSON.stringify({
    userID: user.userID,
    customIDs: user.customIDs,
    email: user.email,
    ip: user.ip,
    userAgent: user.userAgent,
    country: user.country,
    locale: user.locale,
    appVersion: user.appVersion,
    custom,
    statsigEnvironment: user.statsigEnvironment ?? (tier === undefined ? undefined : { tier })
  })
}
