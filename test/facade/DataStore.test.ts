import { describe, expect, it } from "vitest"
import { payload } from "./support/payload.js"
import { dataStore, expectSame, offline, ourSide, type Side } from "./support/sides.js"

const text = JSON.stringify(payload)

/** How an instance starts from a data store, without a network. */
const start = async (side: Side, store: unknown, options: object = {}) => {
  const statsig = new side.Statsig("secret-key-of-more-than-twenty", { ...offline, dataStore: store, ...options })
  const user = new side.StatsigUser({ userID: "u" })
  const result = await statsig.initialize()
  const answers = [statsig.getFeatureGate(user, "gate_on"), statsig.getFeatureGate(user, "ghost")]
  await statsig.shutdown()
  return { result, answers }
}

const gets: ReadonlyArray<readonly [string, unknown]> = [
  ["specs", async () => ({ result: text, time: 1 })],
  ["specs without a time", async () => ({ result: text })],
  ["nothing", async () => ({})],
  ["undefined", async () => undefined],
  ["null", async () => null],
  ["a number", async () => 5],
  ["a text alone", async () => text],
  ["a result that is null", async () => ({ result: null })],
  ["a result that is a number", async () => ({ result: 5 })],
  ["a result that is an object", async () => ({ result: payload })],
  ["an empty text", async () => ({ result: "" })],
  ["no JSON", async () => ({ result: "{" })],
  ["other JSON", async () => ({ result: "{}" })],
  ["no update", async () => ({ result: '{"has_updates":false}' })],
  ["specs without updates", async () => ({ result: JSON.stringify({ ...payload, has_updates: false }) })],
  ["specs that lack a field", async () => ({ result: JSON.stringify({ ...payload, layer_configs: undefined }) })],
  ["specs of the time 0", async () => ({ result: JSON.stringify({ ...payload, time: 0 }) })],
  ["a rejection", async () => Promise.reject(new Error("get"))],
  ["a rejection with no error", async () => Promise.reject("get")]
]

describe("a data store", () => {
  it.each(gets)("that gives %s starts as for the official package", async (_, get) => {
    await expectSame(side => start(side, { ...dataStore(), get }))
  })

  it("is initialised once, for specs and ID lists together", async () => {
    let count = 0
    const initialize = async () => void count++
    await start(ourSide, { ...dataStore(), initialize }, { enableIdLists: true })
    expect(count).toBe(1)
  })

  const plain = Array.from(new TextEncoder().encode(text))
  const stores: ReadonlyArray<readonly [string, object]> = [
    ["no members", {}],
    ["no initialize", { get: dataStore().get }],
    ["no get", { initialize: dataStore().initialize }],
    ["nothing but initialize and get", { initialize: dataStore().initialize, get: dataStore().get }],
    ["an initialize that rejects", { ...dataStore(), initialize: async () => Promise.reject(new Error("initialize")) }],
    ["a set that rejects", { ...dataStore(), set: async () => Promise.reject(new Error("set")) }],
    ["a shutdown that rejects", { ...dataStore(), shutdown: async () => Promise.reject(new Error("shutdown")) }],
    [
      "a support that rejects",
      { ...dataStore(), supportPollingUpdatesFor: async () => Promise.reject(new Error("support")) }
    ],
    ["a support that is not a boolean", { ...dataStore(), supportPollingUpdatesFor: async () => 1 }],
    [
      "bytes under its text key",
      {
        ...dataStore(),
        get: undefined,
        getBytes: async (key: string) => (key.includes("plain_text") ? { result: plain } : {})
      }
    ],
    ["no bytes and a text that is not asked for", { ...dataStore(), getBytes: async () => ({}) }],
    ["bytes that reject", { ...dataStore(), getBytes: async () => Promise.reject(new Error("bytes")) }]
  ]

  it.each(stores)("with %s starts as for the official package", async (_, store) => {
    await expectSame(side => start(side, store))
  })

  it("may hold the declared bytes, which the official package does not read", async () => {
    for (const result of [new Uint8Array(plain), Buffer.from(plain), new Uint8Array(plain).buffer]) {
      const { answers } = await start(ourSide, { ...dataStore(), get: undefined, getBytes: async () => ({ result }) })
      expect(answers[0].details.reason).toBe("Adapter(DataStore):Recognized")
    }
  })

  it.each([undefined, "v2", "2", "V2", "v3", "3", "V3", "v4", ""])("has the keys of schema %j", async schema => {
    await expectSame(async side => {
      const calls: Array<string> = []
      const store = {
        ...dataStore(),
        get: async (key: string) => {
          calls.push(key)
          return { result: text }
        },
        supportPollingUpdatesFor: async (path: string) => {
          calls.push(path)
          return false
        }
      }
      await start(side, store, schema === undefined ? {} : { dataStoreKeySchemaVersion: schema })
      return calls
    })
  })
})

describe("evaluation options", () => {
  const users: ReadonlyArray<object> = [
    { userID: "u" },
    { userID: "u", custom: { plan: "free" } },
    { userID: "u", privateAttributes: { plan: "free" } },
    { userID: "u", statsigEnvironment: { tier: "production" } },
    { userID: "u", statsigEnvironment: { other: "x" } }
  ]

  it.each([
    { environment: "staging" },
    { environment: "" },
    { environment: "production" },
    { globalCustomFields: { plan: "pro" } },
    { globalCustomFields: { plan: ["pro"], other: Number.NaN, none: undefined } },
    { globalCustomFields: { plan: true } }
  ])("%j decide as in the official package", async options => {
    await expectSame(async side => {
      const statsig = new side.Statsig("secret-key", { ...offline, dataStore: dataStore(), ...options })
      await statsig.initialize()
      return users.map(args => {
        const user = new side.StatsigUser(args)
        return [statsig.getFeatureGate(user, "staging"), statsig.getFeatureGate(user, "pro")]
      })
    })
  })

  it("select other user agent rules, as in the official package", async () => {
    const agents = [
      "",
      "unknown",
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"
    ]
    for (const useThirdPartyUaParser of [false, true]) {
      await expectSame(async side => {
        const options = { ...offline, dataStore: dataStore(), useThirdPartyUaParser, waitForUserAgentInit: true }
        const statsig = new side.Statsig("secret-key", options)
        await statsig.initialize()
        return agents.map(userAgent => {
          const user = new side.StatsigUser({ userID: "u", userAgent })
          return [statsig.getParsedUserAgentValueForUser(user), statsig.getFeatureGate(user, "chrome")]
        })
      })
    }
  })
})
