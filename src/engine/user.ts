/**
 * The user as the engine reads it: immutable, already normalised, nothing shared with the caller.
 *
 * Both APIs build one (`StatsigUser.make`, the facade's `StatsigUser`); their setters make a new one, so an
 * exposure can keep the reference and be serialised later.
 */

/** A JSON value as a user may carry it. Never holds `undefined`, `NaN`, `Infinity` or a cycle. */
export type Json = string | number | boolean | null | ReadonlyArray<Json> | JsonObject

/** A JSON object. Keys are read as own properties only, so `__proto__` and `constructor` are names like others. */
export interface JsonObject {
  readonly [key: string]: Json
}

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
