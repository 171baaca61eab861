/**
 * The user as the engine reads it: immutable, already normalised, nothing shared with the caller.
 *
 * Both APIs build one (`StatsigUser.make`, the facade's `StatsigUser`); their setters make a new one, so an
 * exposure can keep the reference and be serialised later.
 */
import { type Json, type JsonObject, setOwn } from "./json.js"

/** The user's fields after normalisation; a field that was not given is `undefined`. */
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
 * What is worked out of it again and again is kept on it, and goes with it.
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
   * What exposures are keyed by, once it is worked out.
   *
   * @internal
   */
  key: string | undefined = undefined
  /**
   * The bytes that it takes while its events wait, about, once they are worked out.
   *
   * @internal
   */
  size: number | undefined = undefined

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

  /** The fields that are set, without `privateAttributes`: what is printed may end up anywhere. */
  toJSON(): unknown {
    const fields = Object.entries(this).filter(([name, value]) => value !== undefined && !hidden.has(name))
    return Object.fromEntries(fields)
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

const hidden: ReadonlySet<string> = new Set(["privateAttributes", "key", "size"])

/**
 * The logged form of a user: without private attributes, with global fields behind its own, and with an environment of
 * the SDK if it has none.
 */
export const userToLog = (user: User, globalCustomFields: JsonObject | undefined, tier: string | undefined): string => {
  let { custom } = user
  if (globalCustomFields !== undefined) {
    const all: { [key: string]: Json } = { ...globalCustomFields }
    for (const key of Object.keys(custom ?? {})) setOwn(all, key, custom?.[key] as Json)
    custom = all
  }
  // What is `undefined` is left out.
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
