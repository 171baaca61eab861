/**
 * Every option of the SDK: once, with its type, default and meaning. Those of the Promise API that have the same name are
 * documented here as well. What is said of options stands in the interfaces, what is read of them in `optionTable`.
 *
 * `StatsigOptions` is what a program writes; durations may be `"10 seconds"`, milliseconds, or a `Duration`. `resolve`
 * turns it into `ResolvedOptions`: checked, and with all defaults in place. `config` reads the same from the environment.
 *
 * What is marked pure here and elsewhere is left out of bundles that do not use it.
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
 * Where specs come from unless `specsUrl` says otherwise: Statsig's CDN.
 *
 * @since 0.1.0
 */
export const defaultSpecsUrl = "https://api.statsigcdn.com/v2/download_config_specs"

/**
 * Where events go unless `logEventUrl` says otherwise: Statsig's own.
 *
 * @since 0.1.0
 */
export const defaultLogEventUrl = "https://prodregistryv2.org/v1/log_event"

/**
 * Where the manifest of ID lists is unless `idListsUrl` says otherwise: Statsig's CDN, with `/<sdkKey>.json` behind it.
 *
 * @since 0.1.0
 */
export const defaultIdListsUrl = "https://api.statsigcdn.com/v1/get_id_lists"

/**
 * The options that both APIs have under one name. What each means is said here, for both.
 *
 * @since 0.1.0
 */
export interface CommonOptions {
  /** The tier of users that carry no environment of their own, such as `staging`. Default: none. */
  environment: string
  /** Custom fields of every user; the user's own win. Default: none. */
  globalCustomFields: { readonly [field: string]: unknown }
  /**
   * The most bytes that specs may have, decompressed; larger ones are refused as soon as that shows, and what is held
   * stays. Less than 1 stands for the default, and more than 512 MB for that. Default: 268,435,456 (256 MB).
   */
  maxSpecsBytes: number
  /**
   * Where to fetch specs; `/<sdkKey>.json` is appended. Empty or `null` stands for the default. Default: Statsig's CDN,
   * https://api.statsigcdn.com/v2/download_config_specs.
   */
  specsUrl: string
  /**
   * Asks Statsig's CDN where a URL of one's own fails, for specs and for the manifest of ID lists: at once at
   * `initialize`, for every fifth poll that fails afterwards. Default: false.
   */
  fallbackToStatsigApi: boolean
  /** Asks for specs as protobuf, and for no more of them than has changed. Default: false. */
  enableDcsDeltas: boolean
  /**
   * Where events are posted, as it is written. Empty or `null` stands for the default. Default: Statsig's own,
   * https://prodregistryv2.org/v1/log_event.
   */
  logEventUrl: string
  /**
   * Events that travel together, and whose number starts a flush: 10 to 2,000, anything else stands for the default (and
   * is accepted when the environment variable STATSIG_RUNNING_TESTS is set). Default: 2,000.
   */
  eventLoggingMaxQueueSize: number
  /**
   * Batches of events that wait at most; beyond that the oldest events are dropped and counted. Less than 1 stands for
   * the default. Default: 100.
   */
  eventLoggingMaxPendingBatchQueueSize: number
  /**
   * The memory that pending events may take, estimated, in bytes: beyond it the oldest events are dropped and counted.
   * Less than 1,048,576 stands for the default (and is accepted when the environment variable STATSIG_RUNNING_TESTS is
   * set). Default: 67,108,864, which is 64 MiB.
   */
  eventLoggingMaxPendingBytes: number
  /**
   * Exposures that are remembered for up to a minute, so as not to be logged again; 0 stands for the default. Default:
   * 100,000.
   */
  exposureDedupeMaxKeys: number
  /** Logs no exposure and no event. Default: false. */
  disableAllLogging: boolean
  /** Opaque switches of Statsig's. Default: none. */
  experimentalFlags: ReadonlySet<string>
  /** Keeps ID lists, for conditions on large segments. Default: false: no list has anyone. */
  enableIdLists: boolean
  /**
   * Where the manifest of ID lists is, as it is written. Empty or `null` stands for the default. Default: Statsig's CDN,
   * https://api.statsigcdn.com/v1/get_id_lists, with `/<sdkKey>.json` behind it.
   */
  idListsUrl: string
  /**
   * Takes the place of scheme and host in the address of every ID-list file. Empty or `null` stands for the default.
   * Default: files are where the manifest says.
   */
  downloadIdListFileApi: string
  /** The name of the program, sent along with requests. Default: none. */
  serviceName: string
  /** Makes no request of any kind. `initialize` succeeds without specs. Default: false. */
  disableNetwork: boolean
  /** Derives no country from the user's IP address. Default: false. */
  disableCountryLookup: boolean
  /** Derives no browser or operating system from the user agent. Default: false. */
  disableUserAgentParsing: boolean
  /** Parses user agents by the rules of uap-core in place of Statsig's own. Default: false. */
  useThirdPartyUaParser: boolean
}

/** How an Effect program writes them. A mapped type like this one keeps what is said of each member. */
type Written<A> = { readonly [Name in keyof A]?: A[Name] | undefined }

/**
 * The options that concern the SDK itself, whatever its parts are.
 *
 * @since 0.1.0
 */
export interface CoreOptions
  extends Written<Pick<CommonOptions, "environment" | "globalCustomFields" | "maxSpecsBytes">> {
  /**
   * The pause between two polls for new specs. Less than one second is not accepted and stands for the default (it is
   * accepted when the environment variable STATSIG_RUNNING_TESTS is set). Default: 10 seconds.
   */
  readonly specsSyncInterval?: Duration.DurationInput | undefined
  /**
   * The deadline of `initialize`, and how long its request for specs may take. Default: no deadline, and 3 seconds for
   * the request.
   */
  readonly initTimeout?: Duration.DurationInput | undefined
}

/**
 * All options.
 *
 * @since 0.1.0
 */
export interface StatsigOptions extends CoreOptions, Written<CommonOptions> {
  /** A server secret key of the Statsig project, wrapped by `Redacted.make` so that it is never shown. */
  readonly sdkKey: Redacted.Redacted
  /**
   * The proxy of all requests, such as `http://user:password@proxy:3128`, wrapped by `Redacted.make`. Default: that of the
   * environment variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, if any.
   */
  readonly proxyUrl?: Redacted.Redacted | undefined
  /** A PEM file of root certificates to trust besides those that Node trusts. Default: none. */
  readonly caCertPath?: string | undefined
  /** How long events wait for a batch to fill, at least 50 milliseconds. Default: 60 seconds. */
  readonly eventLoggingFlushInterval?: Duration.DurationInput | undefined
  /**
   * The pause between two syncs of ID lists. Less than one second is not accepted and stands for the default (it is
   * accepted when the environment variable STATSIG_RUNNING_TESTS is set). Default: 60 seconds.
   */
  readonly idListsSyncInterval?: Duration.DurationInput | undefined
  /**
   * How long a request for ID lists may take; that of a file longer by a second for each announced megabyte. 0 stands for
   * the default. Default: 10 seconds.
   */
  readonly idListsRequestTimeout?: Duration.DurationInput | undefined
}

interface OptionRow {
  /** How it is written and read. */
  readonly kind: keyof typeof optionKinds
  /** Whether the Promise API has it not, or in another form. */
  readonly effectOnly?: true
  readonly default?: boolean | number | string
  readonly min?: number | string
  readonly max?: number
  /** Whether these bounds of a number are there for the sake of Statsig's servers alone; those of intervals are. */
  readonly liftedInTests?: boolean
}

const flagRow = { kind: "flag", default: false } as const

/**
 * What the code knows of the options, in the order in which the official package looks at them; those that the Promise API
 * alone has stand there. The environment variable of `specsUrl` is `STATSIG_SPECS_URL`, and so on. In the Promise API
 * durations are numbers of milliseconds, with `Ms` behind their names.
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
  // The default has the SDK key behind it.
  idListsUrl: { kind: "optionalUrl", default: defaultIdListsUrl },
  downloadIdListFileApi: { kind: "optionalUrl" },
  // Of the request for specs: `initialize` itself has no deadline then.
  initTimeout: { kind: "timeout", default: "3 seconds" },
  logEventUrl: { kind: "url", default: defaultLogEventUrl },
  serviceName: { kind: "text" },
  specsSyncInterval: { kind: "interval", default: "10 seconds", min: "1 second" },
  specsUrl: { kind: "url", default: defaultSpecsUrl },
  useThirdPartyUaParser: flagRow,
  experimentalFlags: { kind: "texts" },
  maxSpecsBytes: { kind: "integer", default: 268_435_456 }
} as const satisfies { readonly [Name in keyof StatsigOptions]-?: OptionRow }

/**
 * The URL, if one is given: empty or `null` stands for none.
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

/** Kept as it is given: a decoded record would lose a field named `__proto__`. */
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

/** How options of a kind are checked in code, and read from the environment where that can hold them. */
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

/** Something of each option that it is made of. */
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
  StatsigOptions.pick(
    "specsSyncInterval",
    "initTimeout",
    "maxSpecsBytes",
    "environment",
    "globalCustomFields"
  ).annotations({ identifier: "CoreOptions" }))()

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
 * Whether `STATSIG_RUNNING_TESTS` is set, which lifts the limits that options have for the sake of Statsig's servers.
 *
 * @internal
 */
export const isRunningTests: Effect.Effect<boolean> = Effect.matchCause(Config.string("STATSIG_RUNNING_TESTS"), {
  onFailure: () => false,
  onSuccess: () => true
})

/**
 * The interval that is given, if it may be: Statsig's servers are asked no more than once a second.
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
 * The number that is given, or with a warning the default in place of one out of bounds.
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
 * Checks the options and fills in the defaults. Dies of an option of the wrong type, with a message that names it.
 *
 * @since 0.1.0
 */
export const resolve: (options: StatsigOptions) => Effect.Effect<ResolvedOptions> =
  /* @__PURE__ */ resolveBy(StatsigOptions)

/**
 * As `resolve`, for the core options alone.
 *
 * @since 0.1.0
 */
export const resolveCore: (options: CoreOptions) => Effect.Effect<ResolvedCoreOptions> =
  /* @__PURE__ */ resolveBy(CoreOptions)

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** The variable of the key first, then others that programs have it in. */
const sdkKeyNames = ["STATSIG_SDK_KEY", "STATSIG_SERVER_SECRET", "STATSIG_KEY"]

/** Without the end of a line that a file or a mounted secret may bring along. */
const trimmed = (key: Redacted.Redacted): Redacted.Redacted => Redacted.make(Redacted.value(key).trim())

/** The first key that is not empty; an empty one where there is no other, for without network it is as good as any. */
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
 * The options from the environment, or whatever `ConfigProvider` is in use: the name of each in capitals behind `STATSIG_`,
 * such as `STATSIG_SDK_KEY`, `STATSIG_SPECS_URL` and `STATSIG_EVENT_LOGGING_MAX_QUEUE_SIZE`. Only the key is required;
 * where its variable is not set or empty, `STATSIG_SERVER_SECRET` and `STATSIG_KEY` are read, in this order. Durations are
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
