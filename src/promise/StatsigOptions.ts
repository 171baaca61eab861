/**
 * The options of the Promise API: their types, and a reader for each. Options of both APIs are read by their kind in
 * `optionTable`.
 *
 * A reader accepts anything, returns the option's value, and throws with the official package's `code` for a wrong
 * type. `undefined` is the same as absent; unknown options are ignored.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "../engine/json.js"
import { type CommonOptions, givenUrl, optionTable, type StatsigOptions as WrittenOptions } from "../StatsigOptions.js"
import { argumentError, asFlag, asInteger, asText, asUnsigned, missingObject } from "./argument.js"
import type { DataStore } from "./DataStore.js"
import { toExactJson, toMap } from "./json.js"
import type { OutputLoggerProvider } from "./outputLogger.js"
import type { SecondaryExposure } from "./results.js"
import { type CustomFields, type StatsigUser, userOf } from "./StatsigUser.js"

/**
 * The kinds of override adapters. Local overrides are always enabled.
 *
 * @since 0.1.0
 */
export const OverrideAdapterType = { LocalOverride: 0 } as const

/**
 * A kind of override adapter.
 *
 * @since 0.1.0
 */
export type OverrideAdapterType = (typeof OverrideAdapterType)[keyof typeof OverrideAdapterType]

/**
 * One override adapter.
 *
 * @since 0.1.0
 */
export interface OverrideAdapterConfig {
  adapterType: OverrideAdapterType
}

/**
 * Captures what the program writes to the console.
 *
 * @since 0.1.0
 */
export interface ConsoleCaptureOptions {
  /** Whether lines are captured. */
  enabled: boolean
  /** The methods of the console whose lines are captured. Default: `warn` and `error`. */
  logLevels?: Array<"trace" | "debug" | "log" | "info" | "warn" | "error">
  /** The user of the events. Default: one whose `userID` is `console-capture-user`. */
  user?: StatsigUser
  /** The maximum number of members written of an object. Default and most: 100. */
  maxKeys?: number
  /** The maximum depth of objects. Default and most: 10. */
  maxDepth?: number
  /** The maximum length of a string, in characters. Default and most: 4096. */
  maxLength?: number
}

/**
 * Receives the SDK's own metrics.
 *
 * @since 0.1.0
 */
export interface ObservabilityClient {
  initialize?: () => void
  increment?: (metricName: string, value: number, tags: Record<string, string>) => void
  gauge?: (metricName: string, value: number, tags: Record<string, string>) => void
  dist?: (metricName: string, value: number, tags: Record<string, string>) => void
  error?: (tag: string, error: string) => void
  /** Whether a tag with many different values may be sent. */
  shouldEnableHighCardinalityForThisTag?: (tag: string) => boolean
}

/**
 * A sticky assignment.
 *
 * @since 0.1.0
 */
export type StickyValues = {
  value: boolean
  json_value: Record<string, unknown>
  rule_id: string
  group_name: string | null
  secondary_exposures: Array<SecondaryExposure>
  undelegated_secondary_exposures: Array<SecondaryExposure>
  config_delegate: string | null
  explicit_parameters: Array<string> | null
  time: number
  /** The version is written and read under this name; the official package declares the one below and never sets it. */
  config_version?: number | null
  configVersion?: number | undefined
}

/**
 * The sticky assignments of one user, by the names of experiments and layers.
 *
 * @since 0.1.0
 */
export type UserPersistedValues = Record<string, StickyValues>

/**
 * Stores the sticky assignments of users.
 *
 * @since 0.1.0
 */
export interface PersistentStorage {
  load: (key: string) => UserPersistedValues | null
  save: (key: string, config_name: string, data: StickyValues) => void
  delete: (key: string, config_name: string) => void
}

/**
 * The proxy for requests. It is used if host and port are set.
 *
 * @since 0.1.0
 */
export interface ProxyConfig {
  /** The name or address of the proxy. */
  proxyHost?: string
  /** Its port, 0 to 65535. */
  proxyPort?: number
  /** Its credentials: `user:password`. Default: none. */
  proxyAuth?: string
  /** Its protocol. Default: `http`. */
  proxyProtocol?: string
  /** A PEM file of root certificates, which also applies without a proxy. */
  caCertPath?: string
}

/**
 * One source of specs.
 *
 * @since 0.1.0
 */
export interface SpecAdapterConfig {
  /**
   * The kind of source. `network_grpc_websocket` is not supported: it counts as a source without specs, with a warning.
   */
  adapterType: "data_store" | "network_grpc_websocket" | "network_http"
  /** The URL from which `network_http` fetches specs. Default: the `specsUrl` of the options. */
  specsUrl?: string
  /** The timeout of a `network_http` request at `initialize`; 0 or less means that of the options. */
  initTimeoutMs: number
  /**
   * For `network_http`: with `tls` it also trusts `caCertPath`, with `mtls` it also presents the client's certificate.
   */
  authenticationMode?: "none" | "tls" | "mtls" | undefined | null
  /** A PEM file of root certificates to trust in addition to Node's. */
  caCertPath?: string
  /** A PEM file of the client's certificate. */
  clientCertPath?: string
  /** A PEM file with the key of the client's certificate. */
  clientKeyPath?: string
  /** The name that the server's certificate must have, if it is not that of the URL. */
  domainName?: string
}

/**
 * The options of `new Statsig(sdkKey, options)`. All are optional. Numbers are truncated to integers.
 *
 * @since 0.1.0
 */
export interface StatsigOptions extends Partial<CommonOptions> {
  globalCustomFields?: CustomFields
  experimentalFlags?: Set<string>
  /** Milliseconds between two polls for new specs. Less than 1000 means the default. Default: 10000. */
  specsSyncIntervalMs?: number
  /**
   * The deadline of `initialize`, and of its request for specs, in milliseconds. Below 0 there is no limit for either.
   * Default: no deadline, and 3000 for the request.
   */
  initTimeoutMs?: number
  /** How long events wait for a batch to fill, in milliseconds, at least 50. Default: 60000. */
  eventLoggingFlushIntervalMs?: number
  /** Milliseconds between two syncs of ID lists. Less than 1000 means the default. Default: 60000. */
  idListsSyncIntervalMs?: number
  /**
   * The timeout of a request for ID lists, in milliseconds; for a file, 1000 more per announced megabyte. 0 or less
   * means the default. Default: 10000.
   */
  idListsRequestTimeoutMs?: number
  /** Stores specs outside the process; it is asked before the network. For Redis: `redisDataStore`. */
  dataStore?: DataStore
  /** How the SDK key appears in the keys of the data store: its hash (`v2`, the default) or its beginning (`v3`). */
  dataStoreKeySchemaVersion?: "v2" | "v3"
  /** Has no effect: connections are always kept open for a while, for reuse. */
  logEventConnectionReuse?: boolean
  /** Receives the SDK's own metrics. Default: none. */
  observabilityClient?: ObservabilityClient
  /** Which of the SDK's own log lines are written. Default: `warn`. */
  outputLogLevel?: "none" | "debug" | "info" | "warn" | "error"
  /** Receives the SDK's own log lines. Default: the console. */
  outputLoggerProvider?: OutputLoggerProvider
  /**
   * Has no effect, as in the official package: the dictionary protocol is gone, and specs are compressed as the server
   * chooses.
   */
  configCompressionMode?: "gzip" | "dictionary"
  /** Accepted; local overrides are always enabled. */
  overrideAdapterConfig?: Array<OverrideAdapterConfig>
  /** Stores sticky assignments, for as long as an experiment runs. Default: none. */
  persistentStorage?: PersistentStorage
  /**
   * The sources of specs, in order: `initialize` asks them in order until one has specs; later the first that can be
   * polled is polled. Default: the data store, if there is one, and the network.
   */
  specAdaptersConfig?: Array<SpecAdapterConfig>
  /** Has no effect: the country table is loaded by the first check that needs it. */
  waitForCountryLookupInit?: boolean
  /** Has no effect: the user agent rules are available from the start. */
  waitForUserAgentInit?: boolean
  /** The proxy of all requests. Default: that of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  proxyConfig?: ProxyConfig
  /** Captures what the program writes to the console, as events. Default: off. */
  consoleCaptureOptions?: ConsoleCaptureOptions
}

/**
 * Reads a value from the program, or throws.
 *
 * @internal
 */
export type Reader<A> = (value: unknown, where: string) => A

type Readers<A> = { readonly [Name in keyof A]-?: Reader<NonNullable<A[Name]>> }

/**
 * Reads the members of an object that are present. Throws `InvalidArg` when one of `required` is missing.
 *
 * @internal
 */
export const members =
  <A extends object>(readers: Readers<A>, required: ReadonlyArray<keyof A & string> = []): Reader<A> =>
  (value, where) => {
    if (value === null || value === undefined) throw missingObject()
    const found: Partial<A> = {}
    for (const name of Object.keys(readers) as Array<keyof A & string>) {
      const member = (value as A)[name] as unknown
      if (member !== undefined) found[name] = readers[name](member, `${where}.${name}`)
      else if (required.includes(name)) throw argumentError("InvalidArg", `${where}: the field ${name} is missing`)
    }
    return found as A
  }

const list =
  <A>(read: Reader<A>): Reader<Array<A>> =>
  (value, where) => {
    if (!Array.isArray(value)) throw argumentError("InvalidArg", `${where}: expected an array`)
    return value.map((item, index) => read(item, `${where}[${index}]`))
  }

/** Programs migrated from `statsig-node` pass an object: the error says what to write instead. */
const environment: Reader<string> = (value, where) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return asText(value, where)
  const { tier } = value as { readonly tier?: unknown }
  const text = JSON.stringify(typeof tier === "string" ? tier : "staging")
  throw argumentError("StringExpected", `${where}: expected a string, got an object; write environment: ${text}`)
}

/** One of a few strings. Unknown strings are handled where the value is used. */
const choice = asText as Reader<never>

/** An object from the program, to be called later. Missing members are not called. */
const provided: Reader<never> = value => {
  if (value === null) throw missingObject()
  return value as never
}

/** The value as it is, once it has passed a check. */
const checkedBy =
  (check: Reader<unknown>): Reader<never> =>
  (value, where) => {
    check(value, where)
    return value as never
  }

const method: Reader<never> = (value, where) => {
  if (typeof value !== "function") throw argumentError("InvalidArg", `${where}: expected a function`)
  return value as never
}

const globalCustomFields: Reader<JsonObject> = (value, where) =>
  toMap(value, (member, key, walk) => {
    if (member === undefined) return undefined
    if (typeof member === "string" || typeof member === "boolean") return member
    if (typeof member === "number") return Number.isFinite(member) ? member : null
    if (Array.isArray(member)) return toExactJson(member, walk)
    throw argumentError("InvalidArg", `${where}.${key}: expected a string, a number, a boolean or an array`)
  })

const overrideAdapterType: Reader<OverrideAdapterType> = (value, where) => {
  if (asUnsigned(value, where) === OverrideAdapterType.LocalOverride) return OverrideAdapterType.LocalOverride
  throw argumentError("InvalidArg", `${where}: expected OverrideAdapterType.LocalOverride`)
}

const port: Reader<number> = (value, where) => {
  const number = asUnsigned(value, where)
  if (number <= 65535) return number
  throw argumentError("GenericFailure", `${where}: expected a port number`)
}

/**
 * Anything that lists strings by `values()`, as a Set does.
 *
 * @internal
 */
export const textSet: Reader<Set<string>> = (value, where) => {
  const { values } = Object(value) as { readonly values?: unknown }
  if (value === null) throw missingObject()
  if (typeof values !== "function") throw argumentError("InvalidArg", `${where}: expected a Set`)
  const iterator: Iterator<unknown> = values.call(value)
  if (typeof iterator?.next !== "function") throw argumentError("InvalidArg", `${where}: expected a Set`)
  const found = new Set<string>()
  for (const text of { [Symbol.iterator]: () => iterator }) found.add(asText(text, where))
  return found
}

type OptionTable = typeof optionTable

/** The options of both APIs, by their names in the Effect API. */
type CommonName = {
  [Name in keyof OptionTable]: OptionTable[Name] extends { effectOnly: true } ? never : Name
}[keyof OptionTable]

/** The same by their names in this API, where durations are numbers of milliseconds. */
type PromiseName = {
  [Name in CommonName]: OptionTable[Name]["kind"] extends "interval" | "optionalInterval" | "timeout"
    ? `${Name}Ms`
    : Name
}[CommonName]

/** The options of both APIs, in the order in which the official package checks them. */
const commonOptions = Object.entries<{ readonly kind: OptionTable[CommonName]["kind"]; readonly effectOnly?: true }>(
  optionTable as Pick<OptionTable, CommonName>
).flatMap(([name, { effectOnly, kind }]) =>
  effectOnly ? [] : [{ name, kind, promiseName: (/interval|timeout/i.test(kind) ? `${name}Ms` : name) as PromiseName }]
)

const commonReaders: Readonly<Record<OptionTable[CommonName]["kind"], Reader<unknown>>> = {
  flag: asFlag,
  text: asText,
  tier: environment,
  url: asText,
  optionalUrl: asText,
  integer: asUnsigned,
  count: asUnsigned,
  interval: asUnsigned,
  optionalInterval: asUnsigned,
  timeout: asInteger,
  fields: globalCustomFields,
  texts: textSet
}

/** The readers of the common options, up to this name. */
const commonUpTo = (last: PromiseName) => {
  const end = commonOptions.findIndex(({ promiseName }) => promiseName === last) + 1
  return Object.fromEntries(commonOptions.slice(0, end).map(row => [row.promiseName, commonReaders[row.kind]]))
}

/**
 * In the order in which the official package checks them: of several wrong options the first is reported. A repeated
 * member keeps its place.
 */
const readOptions = members({
  dataStore: provided,
  dataStoreKeySchemaVersion: choice,
  ...commonUpTo("disableUserAgentParsing"),
  logEventConnectionReuse: asFlag,
  ...commonUpTo("logEventUrl"),
  observabilityClient: provided,
  outputLogLevel: choice,
  outputLoggerProvider: provided,
  configCompressionMode: choice,
  overrideAdapterConfig: list(members({ adapterType: overrideAdapterType }, ["adapterType"])),
  ...commonUpTo("serviceName"),
  persistentStorage: checkedBy(members({ load: method, save: method, delete: method }, ["load", "save", "delete"])),
  specAdaptersConfig: list(
    members<SpecAdapterConfig>(
      {
        adapterType: choice,
        specsUrl: asText,
        initTimeoutMs: asInteger,
        authenticationMode: choice,
        caCertPath: asText,
        clientCertPath: asText,
        clientKeyPath: asText,
        domainName: asText
      },
      ["adapterType", "initTimeoutMs"]
    )
  ),
  ...commonUpTo("specsUrl"),
  waitForCountryLookupInit: asFlag,
  waitForUserAgentInit: asFlag,
  proxyConfig: members<ProxyConfig>({
    proxyHost: asText,
    proxyPort: port,
    proxyAuth: asText,
    proxyProtocol: asText,
    caCertPath: asText
  }),
  consoleCaptureOptions: members<ConsoleCaptureOptions>(
    {
      enabled: asFlag,
      logLevels: list(choice),
      user: checkedBy(userOf),
      maxKeys: asInteger,
      maxDepth: asInteger,
      maxLength: asInteger
    },
    ["enabled"]
  ),
  ...commonUpTo("compileSpecsFirst")
} satisfies Readers<Omit<StatsigOptions, PromiseName>> as object as Readers<StatsigOptions>)

/**
 * Checks a program's options. Anything but an object means no options.
 *
 * @internal
 */
export const checkOptions = (options: unknown): StatsigOptions => readOptions(options ?? {}, "StatsigOptions")

/**
 * The checked options of both APIs, in the form of the Effect API.
 *
 * @internal
 */
export const asWritten = (options: StatsigOptions) =>
  Object.fromEntries(
    commonOptions.map(({ kind, name, promiseName }) => {
      const value = options[promiseName]
      return [name, kind === "url" || kind === "optionalUrl" ? givenUrl(value as string | undefined) : value]
    })
  ) as Pick<WrittenOptions, CommonName>
