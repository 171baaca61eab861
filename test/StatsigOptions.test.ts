import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, Redacted } from "effect"
import { checkOptions } from "../src/promise/StatsigOptions.js"
import * as StatsigOptions from "../src/StatsigOptions.js"
import { capturingLogs } from "./layers/support/specs.js"

const sdkKey = Redacted.make("secret-testkey1234567890")

const fromEnvironment = (values: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

const resolve = (options: object) => StatsigOptions.resolve({ sdkKey, ...options } as StatsigOptions.StatsigOptions)

const effectOnly = ["sdkKey", "proxyUrl", "caCertPath"]

const promiseOnly = [
  "dataStore",
  "dataStoreKeySchemaVersion",
  "logEventConnectionReuse",
  "observabilityClient",
  "outputLogLevel",
  "outputLoggerProvider",
  "configCompressionMode",
  "overrideAdapterConfig",
  "persistentStorage",
  "specAdaptersConfig",
  "waitForCountryLookupInit",
  "waitForUserAgentInit",
  "proxyConfig",
  "consoleCaptureOptions"
]

/** The options of the Promise API, in the order in which they are read. */
const promiseNames = () => {
  const names: Array<string> = []
  checkOptions(new Proxy({}, { get: (_, name) => void names.push(String(name)) }))
  return names
}

/** The rows of the options page, without the tables of values that are not options of an instance. */
const documented = readFileSync(join(import.meta.dirname, "../docs/options.md"), "utf8")
  .split("## Accepted without effect")[0]!
  .split("\n")
  .filter(line => line.startsWith("| `"))
  .map(line => line.split("|").slice(1, -1))
  .map(cells => cells.map(cell => cell.trim()))

/** The default of an option as the page shows it. */
const shown = (name: string): string => {
  const row: object = StatsigOptions.optionTable[name as keyof typeof StatsigOptions.optionTable]
  const value = "default" in row ? row.default : undefined
  if (typeof value === "number") return value.toLocaleString("en-US")
  if (typeof value !== "string") return value === undefined ? "" : String(value)
  return value.startsWith("https:") ? "Statsig's" : value.replace(/ seconds$/, " s")
}

describe("the table of options", () => {
  const table = Object.entries<{ readonly kind: string; readonly effectOnly?: true }>(StatsigOptions.optionTable)
  const inPromise = (name: string, kind: string) => (/interval|timeout/i.test(kind) ? `${name}Ms` : name)

  it("has every option for both APIs, except these", () => {
    const common = table
      .filter(([, row]) => row.effectOnly === undefined)
      .map(([name, { kind }]) => inPromise(name, kind))
    assert.deepStrictEqual(
      table.filter(([, row]) => row.effectOnly).map(([name]) => name),
      effectOnly
    )
    assert.deepStrictEqual(
      promiseNames().filter(name => !promiseOnly.includes(name)),
      common
    )
    assert.includeMembers(promiseNames(), promiseOnly)
  })

  it("has the options that docs/options.md lists, with their names and defaults", () => {
    assert.sameMembers(
      documented.map(([name]) => name!.replaceAll("`", "")),
      table.map(([name]) => name)
    )
    for (const [cell, variable, promiseCell, defaultCell] of documented) {
      const name = cell!.replaceAll("`", "")
      const { kind } = StatsigOptions.optionTable[name as keyof typeof StatsigOptions.optionTable]
      const snake = `STATSIG_${name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
      if (kind !== "fields" && kind !== "texts") assert.include(variable, `\`${snake}\``)
      if (!effectOnly.includes(name)) assert.strictEqual(promiseCell, `\`${inPromise(name, kind)}\``)
      assert.include(defaultCell, shown(name), name)
    }
  })
})

describe("StatsigOptions", () => {
  describe("resolve", () => {
    it.effect("fills in the defaults", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* resolve({}), {
          sdkKey,
          specsUrl: "https://api.statsigcdn.com/v2/download_config_specs",
          logEventUrl: "https://prodregistryv2.org/v1/log_event",
          fallbackToStatsigApi: false,
          enableDcsDeltas: false,
          compileSpecsFirst: false,
          specsSyncInterval: Duration.seconds(10),
          disableAllLogging: false,
          enableIdLists: false,
          disableNetwork: false,
          disableCountryLookup: false,
          disableUserAgentParsing: false,
          useThirdPartyUaParser: false
        })
      })
    )

    it.effect("keeps the given values, whatever the form of a duration", () =>
      Effect.gen(function* () {
        const given = {
          specsUrl: "http://a.test",
          environment: "staging",
          globalCustomFields: { a: [1] },
          disableNetwork: true,
          serviceName: "shop"
        }
        for (const initTimeout of [2_000, "2 seconds", Duration.seconds(2), [2, 0], 2_000_000_000n]) {
          const resolved = yield* resolve({ ...given, initTimeout, specsSyncInterval: initTimeout })
          assert.deepInclude(resolved, given)
          assert.isTrue(Duration.equals(resolved.initTimeout!, "2 seconds"))
          assert.isTrue(Duration.equals(resolved.specsSyncInterval, "2 seconds"))
        }
        assert.isUndefined((yield* resolve({ initTimeout: undefined })).initTimeout)
        assert.isTrue(Duration.isZero((yield* resolve({ initTimeout: 0 })).initTimeout!))
      })
    )

    for (const specsUrl of ["", "null", "NULL", "Null"]) {
      it.effect(`uses the default URL for ${JSON.stringify(specsUrl)}`, () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* resolve({ specsUrl })).specsUrl, StatsigOptions.defaultSpecsUrl)
        })
      )
    }

    it.effect("warns of a sync interval below a second and uses the default", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        for (const specsSyncInterval of [999, 0, "500 millis"]) {
          assert.isTrue(Duration.equals((yield* resolve({ specsSyncInterval })).specsSyncInterval, "10 seconds"))
        }
        assert.deepStrictEqual(
          logs.lines,
          ["999ms", "0", "500ms"].map(got => `WARN specsSyncInterval: expected at least 1s, got ${got}; using 10s`)
        )
        assert.isTrue(Duration.equals((yield* resolve({ specsSyncInterval: 1_000 })).specsSyncInterval, "1 second"))
        assert.strictEqual(logs.lines.length, 3)
      }).pipe(fromEnvironment({}), Effect.provide(logs.layer))
    })

    it.effect("accepts any sync interval when STATSIG_RUNNING_TESTS is set", () =>
      Effect.gen(function* () {
        for (const value of ["1", "", "false"]) {
          const { specsSyncInterval } = yield* fromEnvironment({ STATSIG_RUNNING_TESTS: value })(
            resolve({ specsSyncInterval: 1 })
          )
          assert.isTrue(Duration.equals(specsSyncInterval, 1))
        }
      })
    )

    const bad: ReadonlyArray<readonly [name: string, value: unknown, expected: RegExp]> = [
      ["sdkKey", "secret-testkey1234567890", /expected the SDK key wrapped by Redacted\.make/],
      ["sdkKey", undefined, /sdkKey/],
      ["specsUrl", 5, /Expected string, actual 5/],
      ["specsSyncInterval", "soon", /expected a duration such as "10 seconds", or a number of milliseconds/],
      ["initTimeout", Number.NaN, /expected a duration such as/],
      ["environment", { tier: "staging" }, /Expected string/],
      ["globalCustomFields", [], /./],
      ["disableNetwork", "yes", /Expected boolean, actual "yes"/],
      ["serviceName", null, /Expected string/]
    ]
    for (const [name, value, expected] of bad) {
      it.effect(`dies of ${name}: ${typeof value}, and says what is expected`, () =>
        Effect.gen(function* () {
          const message = yield* Effect.map(Effect.exit(resolve({ [name]: value })), exit =>
            Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
          )
          assert.include(message, `["${name}"]`)
          assert.match(message, expected)
          assert.notInclude(message, "secret-testkey")
        })
      )
    }
  })

  describe("config", () => {
    it.effect("reads every option that an environment can hold", () =>
      Effect.gen(function* () {
        const options = yield* fromEnvironment({
          STATSIG_SDK_KEY: "secret-abc",
          STATSIG_SPECS_URL: "http://a.test",
          STATSIG_SPECS_SYNC_INTERVAL: "20 seconds",
          STATSIG_INIT_TIMEOUT: "1500",
          STATSIG_ENVIRONMENT: "staging",
          STATSIG_DISABLE_NETWORK: "true",
          STATSIG_DISABLE_COUNTRY_LOOKUP: "1",
          STATSIG_DISABLE_USER_AGENT_PARSING: "false",
          STATSIG_USE_THIRD_PARTY_UA_PARSER: "yes",
          STATSIG_SERVICE_NAME: "shop",
          STATSIG_LOG_EVENT_URL: "http://b.test/log",
          STATSIG_FALLBACK_TO_STATSIG_API: "true",
          STATSIG_ENABLE_DCS_DELTAS: "true",
          STATSIG_PROXY_URL: "http://me:secret@proxy.test:3128",
          STATSIG_CA_CERT_PATH: "/root.pem",
          STATSIG_EVENT_LOGGING_MAX_QUEUE_SIZE: "500",
          STATSIG_EVENT_LOGGING_MAX_PENDING_BATCH_QUEUE_SIZE: "7",
          STATSIG_EVENT_LOGGING_MAX_PENDING_BYTES: "2000000",
          STATSIG_EVENT_LOGGING_FLUSH_INTERVAL: "5 seconds",
          STATSIG_EXPOSURE_DEDUPE_MAX_KEYS: "1000",
          STATSIG_MAX_SPECS_BYTES: "1000000",
          STATSIG_COMPILE_SPECS_FIRST: "true",
          STATSIG_DISABLE_ALL_LOGGING: "true",
          STATSIG_ENABLE_ID_LISTS: "true",
          STATSIG_ID_LISTS_URL: "http://c.test/lists",
          STATSIG_DOWNLOAD_ID_LIST_FILE_API: "null",
          STATSIG_ID_LISTS_SYNC_INTERVAL: "2 minutes",
          STATSIG_ID_LISTS_REQUEST_TIMEOUT: "1500"
        })(StatsigOptions.config)
        assert.strictEqual(Redacted.value(options.sdkKey), "secret-abc")
        assert.deepStrictEqual(yield* StatsigOptions.resolve(options), {
          sdkKey: options.sdkKey,
          specsUrl: "http://a.test",
          specsSyncInterval: Duration.seconds(20),
          initTimeout: Duration.millis(1_500),
          environment: "staging",
          disableNetwork: true,
          disableCountryLookup: true,
          disableUserAgentParsing: false,
          useThirdPartyUaParser: true,
          serviceName: "shop",
          fallbackToStatsigApi: true,
          enableDcsDeltas: true,
          proxyUrl: Redacted.make("http://me:secret@proxy.test:3128"),
          caCertPath: "/root.pem",
          logEventUrl: "http://b.test/log",
          eventLoggingMaxQueueSize: 500,
          eventLoggingMaxPendingBatchQueueSize: 7,
          eventLoggingMaxPendingBytes: 2_000_000,
          eventLoggingFlushInterval: Duration.seconds(5),
          exposureDedupeMaxKeys: 1_000,
          maxSpecsBytes: 1_000_000,
          compileSpecsFirst: true,
          disableAllLogging: true,
          enableIdLists: true,
          idListsUrl: "http://c.test/lists",
          downloadIdListFileApi: undefined,
          idListsSyncInterval: Duration.minutes(2),
          idListsRequestTimeout: Duration.millis(1_500)
        })
      })
    )

    it.effect("needs only the key", () =>
      Effect.gen(function* () {
        const options = yield* fromEnvironment({ STATSIG_SDK_KEY: "secret-abc" })(StatsigOptions.config)
        const defaults = yield* resolve({})
        const resolved = yield* StatsigOptions.resolve(options)
        for (const [name, value] of Object.entries(defaults)) {
          if (name !== "sdkKey") assert.deepStrictEqual(resolved[name as keyof typeof resolved], value, name)
        }
        const error = yield* Effect.flip(fromEnvironment({})(StatsigOptions.config))
        assert.include(String(error), "STATSIG_SDK_KEY")
      })
    )

    const [key, secret, short] = ["STATSIG_SDK_KEY", "STATSIG_SERVER_SECRET", "STATSIG_KEY"]
    const keys: ReadonlyArray<readonly [Record<string, string>, string]> = [
      [{ [short]: "secret-c", [secret]: "secret-b", [key]: "secret-a" }, "secret-a"],
      [{ [short]: "secret-c", [secret]: "secret-b" }, "secret-b"],
      [{ [short]: "secret-c" }, "secret-c"],
      [{ [key]: "", [secret]: " \n", [short]: "secret-c" }, "secret-c"],
      [{ [key]: " ", [secret]: "secret-b" }, "secret-b"],
      [{ [key]: " secret-a\n" }, "secret-a"],
      [{ [key]: "" }, ""]
    ]
    for (const [environment, expected] of keys) {
      it.effect(`reads the key ${JSON.stringify(expected)} from ${JSON.stringify(environment)}`, () =>
        Effect.gen(function* () {
          const { sdkKey } = yield* fromEnvironment(environment)(StatsigOptions.config)
          assert.strictEqual(Redacted.value(sdkKey), expected)
        })
      )
    }

    it.effect("reads the names of the key through any provider", () =>
      Effect.gen(function* () {
        const nested = ConfigProvider.fromMap(new Map([["shop.STATSIG_SERVER_SECRET", "secret-b"]]), { pathDelim: "." })
        const { sdkKey } = yield* Effect.withConfigProvider(ConfigProvider.nested(nested, "shop"))(
          StatsigOptions.config
        )
        assert.strictEqual(Redacted.value(sdkKey), "secret-b")
      })
    )

    const bad: ReadonlyArray<readonly [name: string, value: string, expected: string]> = [
      [
        "STATSIG_INIT_TIMEOUT",
        "soon",
        'expected a duration such as "10 seconds", or a number of milliseconds, got "soon"'
      ],
      ["STATSIG_SPECS_SYNC_INTERVAL", "-5", 'got "-5"'],
      ["STATSIG_DISABLE_NETWORK", "perhaps", "perhaps"]
    ]
    for (const [name, value, expected] of bad) {
      it.effect(`names ${name} when it holds ${value}`, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(
            fromEnvironment({ STATSIG_SDK_KEY: "secret-abc", [name]: value })(StatsigOptions.config)
          )
          assert.strictEqual(String(error).split(name).length, 2, String(error))
          assert.include(String(error), expected)
        })
      )
    }
  })
})
