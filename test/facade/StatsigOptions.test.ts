import { describe, expect, it } from "vitest"
import { OverrideAdapterType, Statsig } from "../../layers/promise.js"
import { expectSame, offline, show } from "./support/sides.js"

const noFunction = () => 1

const values: ReadonlyArray<unknown> = [
  undefined,
  null,
  "x",
  "",
  5,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  {},
  [],
  ["a"],
  noFunction,
  Symbol("s"),
  1n,
  new Map()
]

/** Whether both sides accept the options, or throw alike. */
const expectSameFate = (options: object) =>
  expectSame(({ Statsig }) => {
    new Statsig("secret-key", { ...offline, ...options })
  })

describe("new Statsig", () => {
  it("accepts and refuses keys as the official class does", async () => {
    for (const key of [...values, "secret-", new String("secret-key")]) {
      await expectSame(({ Statsig }) => {
        new Statsig(key, offline)
      })
    }
  })

  it("accepts anything as options", () => {
    for (const options of values) expect(() => new Statsig("secret-key", options as object)).not.toThrow()
  })

  it.each([
    [{ tier: "production" }, '"production"'],
    [{}, '"staging"']
  ])("says what to write for the environment %j of `statsig-node`", (environment, text) => {
    expect(() => new Statsig("secret-key", { environment } as object)).toThrow(
      `StatsigOptions.environment: expected a string, got an object; write environment: ${text}`
    )
  })

  it.each([
    "specsUrl",
    "specsSyncIntervalMs",
    "initTimeoutMs",
    "disableNetwork",
    "fallbackToStatsigApi",
    "enableDcsDeltas",
    "enableIdLists",
    "idListsUrl",
    "idListsSyncIntervalMs",
    "idListsRequestTimeoutMs",
    "downloadIdListFileApi",
    "logEventUrl",
    "logEventConnectionReuse",
    "disableAllLogging",
    "eventLoggingMaxQueueSize",
    "eventLoggingFlushIntervalMs",
    "environment",
    "serviceName",
    "disableCountryLookup",
    "waitForCountryLookupInit",
    "waitForUserAgentInit",
    "useThirdPartyUaParser",
    "outputLogLevel",
    "configCompressionMode",
    "dataStoreKeySchemaVersion",
    "globalCustomFields",
    "specAdaptersConfig",
    "outputLoggerProvider",
    "dataStore",
    "observabilityClient",
    "persistentStorage",
    "overrideAdapterConfig",
    "proxyConfig",
    "consoleCaptureOptions",
    "experimentalFlags"
  ])("accepts or refuses any %s as the official class does", async name => {
    for (const value of values) await expectSameFate({ [name]: value })
  })

  it("accepts or refuses any exposureDedupeMaxKeys as the official class does, where that survives it", async () => {
    for (const value of values.filter(value => value !== -1)) await expectSameFate({ exposureDedupeMaxKeys: value })
  })

  it("accepts or refuses the members of options as the official class does", async () => {
    const adapter = { adapterType: "network_http", initTimeoutMs: 5 }
    const capture = { enabled: false }
    const members = { load: noFunction, save: noFunction, delete: noFunction }
    const options: ReadonlyArray<object> = [
      ...[
        null,
        undefined,
        {},
        [],
        [null],
        [undefined],
        [{}],
        [1, [2]],
        noFunction,
        Number.NaN,
        1n,
        true,
        new Date(0)
      ].map(k => ({ globalCustomFields: { k } })),
      ...[
        null,
        {},
        { adapterType: "network_http" },
        adapter,
        { ...adapter, adapterType: 5 },
        { ...adapter, adapterType: "unknown" },
        { ...adapter, initTimeoutMs: "5" },
        { ...adapter, initTimeoutMs: null },
        { ...adapter, specsUrl: null },
        { ...adapter, specsUrl: 5 },
        { ...adapter, authenticationMode: null },
        { ...adapter, authenticationMode: "unknown" },
        { ...adapter, caCertPath: null },
        { ...adapter, clientCertPath: 5 },
        { ...adapter, clientKeyPath: 5 },
        { ...adapter, domainName: 5 }
      ].map(item => ({ specAdaptersConfig: [item] })),
      ...[
        null,
        {},
        { adapterType: 0 },
        { adapterType: 1 },
        { adapterType: "0" },
        { adapterType: null },
        { adapterType: 0.5 }
      ].map(item => ({ overrideAdapterConfig: [item] })),
      ...[
        { proxyHost: 5 },
        { proxyHost: null },
        { proxyPort: "80" },
        { proxyPort: 65535 },
        { proxyPort: 65536 },
        { proxyPort: -1 },
        { proxyPort: 1.5 },
        { proxyPort: Number.NaN },
        { proxyAuth: 5 },
        { proxyProtocol: 5 },
        { proxyProtocol: "unknown" },
        { caCertPath: 5 },
        { caCertPath: undefined }
      ].map(proxyConfig => ({ proxyConfig })),
      ...[
        capture,
        { enabled: 1 },
        { enabled: null },
        { ...capture, logLevels: "x" },
        { ...capture, logLevels: null },
        { ...capture, logLevels: ["unknown"] },
        { ...capture, logLevels: [5] },
        { ...capture, user: {} },
        { ...capture, user: null },
        { ...capture, user: undefined },
        { ...capture, maxKeys: "x" },
        { ...capture, maxDepth: -1 },
        { ...capture, maxDepth: true },
        { ...capture, maxLength: Number.NaN }
      ].map(consoleCaptureOptions => ({ consoleCaptureOptions })),
      ...[members, { ...members, load: undefined }, { load: noFunction, save: noFunction }].map(persistentStorage => ({
        persistentStorage
      })),
      ...[
        new Set(["a"]),
        new Set([5]),
        new Set([null]),
        [5],
        new Map([["a", "b"]]),
        { values: () => ["a"] },
        { values: () => ["a"].values() },
        { values: 5 },
        { values: () => 5 }
      ].map(experimentalFlags => ({ experimentalFlags })),
      { dataStore: {} },
      { dataStore: { get: undefined } }
    ]
    for (const option of options) await expectSameFate(option)
  })

  it("accepts a user for the console capture, and no other object", async () => {
    await expectSame(({ Statsig, StatsigUser }) => {
      const user = new StatsigUser({ userID: "u" })
      new Statsig("secret-key", { ...offline, consoleCaptureOptions: { enabled: false, user } })
    })
  })

  it("reports the same one of several wrong arguments", async () => {
    await expectSame(({ Statsig }) => new Statsig(5, { specsUrl: 5 }))
    await expectSame(({ Statsig }) => new Statsig("x", { specsUrl: 5, disableNetwork: 1 }))
    await expectSame(({ Statsig }) => new Statsig("x", { specsUrl: 5, environment: 5, dataStore: null }))
  })

  it("reads inherited options, and rethrows what an accessor throws", async () => {
    await expectSame(({ Statsig }) => new Statsig("x", Object.create({ specsUrl: 5, disableNetwork: true })))
    const options = {
      get specsUrl(): string {
        throw new RangeError("mine")
      }
    }
    await expectSame(({ Statsig }) => new Statsig("x", options))
  })

  it("checks the options that only this package has", () => {
    for (const options of [{ disableUserAgentParsing: 1 }, { eventLoggingMaxPendingBatchQueueSize: "x" }]) {
      expect(() => new Statsig("secret-key", { ...offline, ...options } as object), show(options)).toThrow(/expected/)
    }
  })
})

describe("OverrideAdapterType", () => {
  it("equals the official one", async () => {
    expect(await expectSame(({ OverrideAdapterType }) => ({ ...OverrideAdapterType }))).toBe(show(OverrideAdapterType))
  })
})
