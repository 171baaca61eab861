/**
 * Every option of the SDK, once, with its type, default and meaning. Options of the Promise API with the same name are
 * documented here as well. The interfaces describe the options; `optionTable` says how they are read.
 *
 * `StatsigOptions` is what a program passes; durations may be `"10 seconds"`, milliseconds, or a `Duration`. `resolve`
 * turns it into `ResolvedOptions`: validated, with all defaults filled in. `config` reads the same options from the
 * environment.
 *
 * Bundlers drop what is marked pure, here and elsewhere, if it is not used.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"

/**
 * The URL of specs unless `specsUrl` is set: Statsig's CDN.
 *
 * @since 0.1.0
 */
export const defaultSpecsUrl = "https://api.statsigcdn.com/v2/download_config_specs"

/**
 * The URL of events unless `logEventUrl` is set: Statsig's own.
 *
 * @since 0.1.0
 */
export const defaultLogEventUrl = "https://prodregistryv2.org/v1/log_event"

/**
 * The URL of the ID list manifest unless `idListsUrl` is set: Statsig's CDN, followed by `/<sdkKey>.json`.
 *
 * @since 0.1.0
 */
export const defaultIdListsUrl = "https://api.statsigcdn.com/v1/get_id_lists"

/**
 * The options with the same name in both APIs, documented for both.
 *
 * @since 0.1.0
 */
export interface CommonOptions {
  /** The tier of users without an environment of their own, such as `staging`. Default: none. */
  environment: string
  /** Custom fields of every user; the user's own win. Default: none. */
  globalCustomFields: { readonly [field: string]: unknown }
  /**
   * The maximum size of specs in bytes, decompressed; larger ones are rejected as soon as that is known, and the held
   * specs stay. Less than 1 means the default, and more than 512 MB means 512 MB. Default: 268,435,456 (256 MB).
   */
  maxSpecsBytes: number
  /**
   * Compiles all specs before `initialize` ends and before an update is used. Default: false: they are compiled in the
   * background right after, two milliseconds at a time, and the first check of one that is not compiled yet takes some
   * 10 microseconds more. Of an update, what checks have asked for is always compiled before.
   */
  compileSpecsFirst: boolean
  /**
   * Where to fetch specs; `/<sdkKey>.json` is appended. Empty or `null` means the default. Default: Statsig's CDN,
   * https://api.statsigcdn.com/v2/download_config_specs.
   */
  specsUrl: string
  /**
   * Falls back to Statsig's CDN when a custom URL fails, for specs and for the manifest of ID lists: at once during
   * `initialize`, later on every fifth failed poll. Default: false.
   */
  fallbackToStatsigApi: boolean
  /** Requests specs as protobuf, and only what has changed. Default: false. */
  enableDcsDeltas: boolean
  /**
   * The full URL that events are posted to. Empty or `null` means the default. Default: Statsig's own,
   * https://prodregistryv2.org/v1/log_event.
   */
  logEventUrl: string
  /**
   * The maximum number of events per batch; that many start a flush: 10 to 2,000, anything else means the default (and
   * is accepted when the environment variable STATSIG_RUNNING_TESTS is set). Default: 2,000.
   */
  eventLoggingMaxQueueSize: number
  /**
   * The maximum number of waiting batches; beyond that the oldest events are dropped and counted. Less than 1 means the
   * default. Default: 100.
   */
  eventLoggingMaxPendingBatchQueueSize: number
  /**
   * The estimated memory that pending events may take, in bytes: beyond it the oldest events are dropped and counted.
   * Less than 1,048,576 means the default (and is accepted when the environment variable STATSIG_RUNNING_TESTS is set).
   * Default: 67,108,864, which is 64 MiB.
   */
  eventLoggingMaxPendingBytes: number
  /**
   * How many exposures are remembered, for up to a minute, so that they are not logged again; 0 means the default.
   * Default: 100,000.
   */
  exposureDedupeMaxKeys: number
  /** Logs no exposure and no event. Default: false. */
  disableAllLogging: boolean
  /** Opaque switches defined by Statsig. Default: none. */
  experimentalFlags: ReadonlySet<string>
  /** Downloads ID lists, for conditions on large segments. Default: false: no list has anyone. */
  enableIdLists: boolean
  /**
   * The full URL of the ID list manifest. Empty or `null` means the default. Default: Statsig's CDN,
   * https://api.statsigcdn.com/v1/get_id_lists, with `/<sdkKey>.json` behind it.
   */
  idListsUrl: string
  /**
   * Replaces scheme and host in the URL of every ID list file. Empty or `null` means the default. Default: files are
   * where the manifest says.
   */
  downloadIdListFileApi: string
  /** The name of the program, sent with requests. Default: none. */
  serviceName: string
  /** Makes no request of any kind. `initialize` succeeds without specs. Default: false. */
  disableNetwork: boolean
  /** Derives no country from the user's IP address. Default: false. */
  disableCountryLookup: boolean
  /** Derives no browser or operating system from the user agent. Default: false. */
  disableUserAgentParsing: boolean
  /** Parses user agents by the rules of uap-core instead of Statsig's own. Default: false. */
  useThirdPartyUaParser: boolean
}

/** The form in an Effect program. A mapped type like this one preserves each member's docstring. */
type Written<A> = { readonly [Name in keyof A]?: A[Name] | undefined }

/**
 * All options.
 *
 * @since 0.1.0
 */
export interface StatsigOptions extends Written<CommonOptions> {
  /** A server secret key of the Statsig project, wrapped with `Redacted.make` so that it is never shown. */
  readonly sdkKey: Redacted.Redacted
  /**
   * The proxy of all requests, such as `http://user:password@proxy:3128`, wrapped with `Redacted.make`. Default: that
   * of the environment variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, if any.
   */
  readonly proxyUrl?: Redacted.Redacted | undefined
  /** A PEM file of root certificates to trust in addition to Node's. Default: none. */
  readonly caCertPath?: string | undefined
  /**
   * The pause between two polls for new specs. Less than one second means the default (it is accepted when the
   * environment variable STATSIG_RUNNING_TESTS is set). Default: 10 seconds.
   */
  readonly specsSyncInterval?: Duration.DurationInput | undefined
  /**
   * The deadline of `initialize`, and the timeout of its request for specs. Default: no deadline, and 3 seconds for the
   * request.
   */
  readonly initTimeout?: Duration.DurationInput | undefined
  /** How long events wait for a batch to fill, at least 50 milliseconds. Default: 60 seconds. */
  readonly eventLoggingFlushInterval?: Duration.DurationInput | undefined
  /**
   * The pause between two syncs of ID lists. Less than one second means the default (it is accepted when the
   * environment variable STATSIG_RUNNING_TESTS is set). Default: 60 seconds.
   */
  readonly idListsSyncInterval?: Duration.DurationInput | undefined
  /**
   * The timeout of a request for ID lists; for a file, one more second per announced megabyte. 0 means the default.
   * Default: 10 seconds.
   */
  readonly idListsRequestTimeout?: Duration.DurationInput | undefined
}

const coreNames = [
  "specsSyncInterval",
  "initTimeout",
  "maxSpecsBytes",
  "compileSpecsFirst",
  "environment",
  "globalCustomFields"
] as const

/**
 * The options of the SDK itself, independent of its layers.
 *
 * @since 0.1.0
 */
export interface CoreOptions extends Pick<StatsigOptions, (typeof coreNames)[number]> {}

interface OptionRow {
  /** How it is written and read. */
  readonly kind: keyof typeof optionKinds
  /** Whether the Promise API lacks it, or has it in another form. */
  readonly effectOnly?: true
  readonly default?: boolean | number | string
  readonly min?: number | string
  readonly max?: number
  /** Whether these bounds only protect Statsig's servers and are lifted in tests, as for intervals. */
  readonly liftedInTests?: boolean
}

const flagRow = { kind: "flag", default: false } as const

/**
 * How the options are read, in the order in which the official package checks them; those of the Promise API only are
 * in its own module. The environment variable of `specsUrl` is `STATSIG_SPECS_URL`, and so on. In the Promise API
 * durations are numbers of milliseconds, with `Ms` appended to the name.
 *
 * @internal
 */
export const optionTable = {
  sdkKey: { kind: "sdkKey", effectOnly: true },
  proxyUrl: { kind: "secret", effectOnly: true },
  caCertPath: { kind: "text", effectOnly: true },
  disableAllLogging: flagRow,
  disableCountryLookup: flagRow,
  disableNetwork: flagRow,
  disableUserAgentParsing: flagRow,
  enableIdLists: flagRow,
  enableDcsDeltas: flagRow,
  environment: { kind: "tier" },
  eventLoggingFlushInterval: { kind: "optionalInterval", default: "60 seconds" },
  eventLoggingMaxQueueSize: { kind: "integer", default: 2_000, min: 10, max: 2_000, liftedInTests: true },
  eventLoggingMaxPendingBatchQueueSize: { kind: "integer", default: 100, min: 1 },
  eventLoggingMaxPendingBytes: { kind: "integer", default: 67_108_864, min: 1_048_576, liftedInTests: true },
  exposureDedupeMaxKeys: { kind: "count", default: 100_000 },
  fallbackToStatsigApi: flagRow,
  globalCustomFields: { kind: "fields" },
  idListsSyncInterval: { kind: "optionalInterval", default: "60 seconds", min: "1 second" },
  idListsRequestTimeout: { kind: "timeout", default: "10 seconds" },
  // The default is followed by the SDK key.
  idListsUrl: { kind: "optionalUrl", default: defaultIdListsUrl },
  downloadIdListFileApi: { kind: "optionalUrl" },
  // For the request for specs: `initialize` itself then has no deadline.
  initTimeout: { kind: "timeout", default: "3 seconds" },
  logEventUrl: { kind: "url", default: defaultLogEventUrl },
  serviceName: { kind: "text" },
  specsSyncInterval: { kind: "interval", default: "10 seconds", min: "1 second" },
  specsUrl: { kind: "url", default: defaultSpecsUrl },
  useThirdPartyUaParser: flagRow,
  experimentalFlags: { kind: "texts" },
  maxSpecsBytes: { kind: "integer", default: 268_435_456 },
  compileSpecsFirst: flagRow
} as const satisfies { readonly [Name in keyof StatsigOptions]-?: OptionRow }

/**
 * The URL, if given: empty or `null` means none.
 *
 * @internal
 */
export const givenUrl = (url: string | undefined): string | undefined =>
  url === "" || url?.toLowerCase() === "null" ? undefined : url

const isDurationInput = (value: unknown): value is Duration.DurationInput =>
  !Number.isNaN(value) && Option.isSome(Duration.decodeUnknown(value))

const DurationInput = /* @__PURE__ */ Schema.transform(
  /* @__PURE__ */ Schema.declare(isDurationInput, {
    identifier: "DurationInput",
    message: () => 'expected a duration such as "10 seconds", or a number of milliseconds'
  }),
  Schema.DurationFromSelf,
  { strict: true, decode: Duration.decode, encode: duration => duration }
)

const Url = (defaultUrl: string) =>
  Schema.optionalWith(
    Schema.transform(Schema.String, Schema.String, {
      strict: true,
      decode: url => givenUrl(url) ?? defaultUrl,
      encode: url => url
    }),
    { default: () => defaultUrl }
  )

const OptionalUrl = /* @__PURE__ */ Schema.optional(
  /* @__PURE__ */ Schema.transform(Schema.String, /* @__PURE__ */ Schema.UndefinedOr(Schema.String), {
    strict: true,
    decode: givenUrl,
    encode: url => url ?? ""
  })
)

/** Kept as given: a decoded record would lose a field named `__proto__`. */
const Fields = /* @__PURE__ */ Schema.declare(
  (value): value is { readonly [field: string]: unknown } =>
    typeof value === "object" && value !== null && !Array.isArray(value),
  { identifier: "Fields" }
)

/** Like the `DurationInput` of code: `"10 seconds"`, or digits alone for milliseconds. */
const duration = (name: string): Config.Config<Duration.Duration> =>
  Config.mapOrFail(Config.string(name), text => {
    const decoded = /^[0-9]+$/.test(text) ? Option.some(Duration.millis(Number(text))) : Duration.decodeUnknown(text)
    return Either.fromOption(decoded, () =>
      ConfigError.InvalidData(
        [],
        `expected a duration such as "10 seconds", or a number of milliseconds, got "${text}"`
      )
    )
  })

/** How options of a kind are validated in code, and read from the environment if it can hold them. */
const optionKinds = {
  sdkKey: {
    schema: () =>
      Schema.RedactedFromSelf(Schema.String).annotations({
        message: () => "expected the SDK key wrapped by Redacted.make"
      }),
    config: undefined
  },
  secret: {
    schema: () => Schema.optional(Schema.RedactedFromSelf(Schema.String)),
    config: (name: string) => Config.redacted(name)
  },
  flag: {
    schema: (row: { default: false }) => Schema.optionalWith(Schema.Boolean, { default: () => row.default }),
    config: Config.boolean
  },
  text: { schema: () => Schema.optional(Schema.String), config: Config.string },
  tier: { schema: () => Schema.optional(Schema.String), config: Config.string },
  url: { schema: (row: { default: string }) => Url(row.default), config: Config.string },
  optionalUrl: { schema: () => OptionalUrl, config: Config.string },
  integer: { schema: () => Schema.optional(Schema.Int), config: Config.integer },
  count: { schema: () => Schema.optional(Schema.NonNegativeInt), config: Config.integer },
  interval: {
    schema: (row: { default: Duration.DurationInput }) =>
      Schema.optionalWith(DurationInput, { default: () => Duration.decode(row.default) }),
    config: duration
  },
  optionalInterval: { schema: () => Schema.optional(DurationInput), config: duration },
  timeout: { schema: () => Schema.optional(DurationInput), config: duration },
  fields: { schema: () => Schema.optional(Fields), config: undefined },
  texts: { schema: () => Schema.optional(Schema.ReadonlySetFromSelf(Schema.String)), config: undefined }
}

/** An object made from each option. */
const ofOptions = (make: (row: OptionRow, name: string) => unknown) =>
  Object.fromEntries(
    Object.entries<OptionRow>(optionTable).flatMap(([name, row]) => {
      const made = make(row, name)
      return made === undefined ? [] : [[name, made]]
    })
  )

const optionSchemas = () =>
  ofOptions(row => optionKinds[row.kind].schema(row as never)) as unknown as Types.Simplify<{
    -readonly [Name in keyof StatsigOptions]-?: ReturnType<
      (typeof optionKinds)[(typeof optionTable)[Name]["kind"]]["schema"]
    >
  }>

/**
 * The schema of `StatsigOptions`.
 *
 * @since 0.1.0
 */
export const StatsigOptions = /* @__PURE__ */ (() =>
  Schema.Struct(optionSchemas()).annotations({ identifier: "StatsigOptions" }))()

/**
 * The schema of `CoreOptions`.
 *
 * @since 0.1.0
 */
export const CoreOptions = /* @__PURE__ */ (() =>
  StatsigOptions.pick(...coreNames).annotations({ identifier: "CoreOptions" }))()

/**
 * The core options with all defaults in place.
 *
 * @since 0.1.0
 */
export interface ResolvedCoreOptions extends Schema.Schema.Type<typeof CoreOptions> {}

/**
 * The options with all defaults in place.
 *
 * @since 0.1.0
 */
export interface ResolvedOptions extends Schema.Schema.Type<typeof StatsigOptions> {}

/**
 * Whether `STATSIG_RUNNING_TESTS` is set, which lifts the limits that protect Statsig's servers.
 *
 * @internal
 */
export const isRunningTests: Effect.Effect<boolean> = Effect.matchCause(Config.string("STATSIG_RUNNING_TESTS"), {
  onFailure: () => false,
  onSuccess: () => true
})

/**
 * The given interval, if allowed: Statsig's servers are asked at most once a second.
 *
 * @internal
 */
export const checkInterval = Effect.fnUntraced(function* (
  name: "specsSyncInterval" | "idListsSyncInterval",
  given: Duration.DurationInput | undefined
) {
  const { default: otherwise, min } = optionTable[name]
  const interval = Duration.decode(given ?? otherwise)
  if (Duration.greaterThanOrEqualTo(interval, min) || (yield* isRunningTests)) return interval
  const [least, got, used] = [min, interval, otherwise].map(Duration.format)
  yield* Effect.logWarning(`${name}: expected at least ${least}, got ${got}; using ${used}`)
  return Duration.decode(otherwise)
})

/**
 * The given number, or the default with a warning if it is out of bounds.
 *
 * @internal
 */
export const checkBounds = Effect.fnUntraced(function* (
  name: "eventLoggingMaxQueueSize" | "eventLoggingMaxPendingBatchQueueSize" | "eventLoggingMaxPendingBytes",
  given: number | undefined
) {
  const row: OptionRow & { readonly default: number; readonly min: number } = optionTable[name]
  const { default: otherwise, liftedInTests, max = Number.MAX_SAFE_INTEGER, min } = row
  if (given === undefined) return otherwise
  if (given >= min && given <= max) return given
  if (liftedInTests && given >= 1 && (yield* isRunningTests)) return given
  const range = row.max === undefined ? `at least ${min}` : `${min} to ${max}`
  yield* Effect.logWarning(`${name}: expected ${range}, got ${given}; using ${otherwise}`)
  return otherwise
})

const resolveBy = <A extends ResolvedCoreOptions, I>(schema: Schema.Schema<A, I>) =>
  Effect.fnUntraced(function* (options: I) {
    const resolved = yield* Effect.orDie(Schema.decodeUnknown(schema, { errors: "all" })(options))
    return { ...resolved, specsSyncInterval: yield* checkInterval("specsSyncInterval", resolved.specsSyncInterval) }
  })

/**
 * Validates the options and fills in the defaults. Dies on an option of the wrong type, with a message that names it.
 *
 * @since 0.1.0
 */
export const resolve: (options: StatsigOptions) => Effect.Effect<ResolvedOptions> =
  /* @__PURE__ */ resolveBy(StatsigOptions)

/**
 * As `resolve`, for the core options only.
 *
 * @since 0.1.0
 */
export const resolveCore: (options: CoreOptions) => Effect.Effect<ResolvedCoreOptions> =
  /* @__PURE__ */ resolveBy(CoreOptions)

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** The variable of the key first, then other common names. */
const sdkKeyNames = ["STATSIG_SDK_KEY", "STATSIG_SERVER_SECRET", "STATSIG_KEY"]

/** Trims the newline that a file or a mounted secret may add. */
const trimmed = (key: Redacted.Redacted): Redacted.Redacted => Redacted.make(Redacted.value(key).trim())

/** The first key that is not empty; else an empty one, which is enough without network. */
const sdkKeyConfig: Config.Config<Redacted.Redacted> = /* @__PURE__ */ Config.suspend(() =>
  Config.mapOrFail(Config.all(sdkKeyNames.map(name => optional(Config.redacted(name)))), found => {
    const keys = found.filter(key => key !== undefined)
    const key = keys.map(trimmed).find(key => Redacted.value(key) !== "") ?? keys[0]
    return Either.fromNullable(key, () =>
      ConfigError.MissingData(
        [sdkKeyNames[0]!],
        `expected the server secret key of the project, here or in ${sdkKeyNames.slice(1).join(" or ")}`
      )
    )
  })
)

/**
 * The options from the environment, or from the `ConfigProvider` in use: `STATSIG_` and the name in capitals, such as
 * `STATSIG_SDK_KEY`, `STATSIG_SPECS_URL` and `STATSIG_EVENT_LOGGING_MAX_QUEUE_SIZE`. Only the key is required; if its
 * variable is unset or empty, `STATSIG_SERVER_SECRET` and `STATSIG_KEY` are read, in this order. Durations are
 * milliseconds or text such as `10 seconds`. `globalCustomFields` and `experimentalFlags` are not read.
 *
 * @since 0.1.0
 */
export const config: Config.Config<StatsigOptions> = /* @__PURE__ */ Config.suspend(() => {
  const others = ofOptions(({ kind }, name) => {
    const variable = `STATSIG_${name.replaceAll(/[A-Z]/g, letter => `_${letter}`)}`.toUpperCase()
    const read: Config.Config<unknown> | undefined = optionKinds[kind].config?.(variable)
    return read && optional(read)
  })
  return Config.all({ sdkKey: sdkKeyConfig, ...others }) as Config.Config<StatsigOptions>
})
