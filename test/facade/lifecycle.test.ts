import { setTimeout as sleep } from "node:timers/promises"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { type DataStore, Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { liftBounds } from "../support/testBounds.js"
import { payload } from "./support/payload.js"
import { dataStore, offline, outcome } from "./support/sides.js"

const runtime = ManagedRuntime.make(localLayer())
const local = await runtime.runPromise(LocalStatsig)
const run = runtime.runPromise
const key = "secret-fakeO1234567890"
const url = `${local.specsUrl}/secret-fakeO*****.json`

/** Poll intervals under a second are accepted only with this set, as in the official package. */
liftBounds()

const instances: Array<Statsig> = []
const make = (options: StatsigOptions = {}, sdkKey = key): Statsig => {
  const statsig = new Statsig(sdkKey, {
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    specsSyncIntervalMs: 3_600_000,
    outputLogLevel: "none",
    ...options
  })
  instances.push(statsig)
  return statsig
}

const user = new StatsigUser({ userID: "u" })
const reason = (statsig: Statsig, gate = "gate_on"): string => statsig.getFeatureGate(user, gate).details.reason
const requests = async (sdkKey = key) =>
  (await run(local.requests)).filter(({ endpoint, path }) => endpoint !== "logEvent" && path.includes(sdkKey)).length

let served = payload

beforeEach(async () => {
  served = { ...payload, time: served.time + 1, checksum: `checksum ${served.time + 1}` }
  await run(local.clearFaults())
  await run(local.setSpecs(served))
})

afterAll(async () => {
  await Promise.all(instances.map(statsig => statsig.shutdown()))
  await runtime.dispose()
})

describe("initialize", () => {
  it("loads the specs", async () => {
    const statsig = make()
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(statsig.getFeatureGate(user, "gate_on").details).toEqual({
      reason: "Network:Recognized",
      lcut: served.time,
      receivedAt: expect.any(Number),
      version: 7
    })
    expect(reason(statsig, "ghost")).toBe("Network:Unrecognized")
  })

  const failures: ReadonlyArray<readonly [string, Fault, string | RegExp, string]> = [
    [
      "a server error",
      Fault.Reply({ status: 500, body: "the body" }),
      `NetworkError|RetriesExhausted: ${url} status(500) attempts(1) Internal Server Error: the body`,
      "NoValues"
    ],
    [
      "a server error that shows the key",
      Fault.Reply({ status: 404, body: `no ${key} here` }),
      `NetworkError|RetriesExhausted: ${url} status(404) attempts(1) Not Found: no secret-fakeO***** here`,
      "NoValues"
    ],
    [
      "a refusal",
      Fault.Reply({ status: 403 }),
      `NetworkError|RequestNotRetryable: ${url} status(403) Forbidden`,
      "NoValues"
    ],
    ["no answer", Fault.Reset({}), /^NetworkError\|RetriesExhausted: .* status\(None\) attempts\(1\) ./, "NoValues"],
    ["no JSON", Fault.Reply({ body: "<html>" }), /^Failed to parse JSON ResponseData - ./, "NoValues"],
    ["nothing", Fault.Reply({ body: "" }), /^Failed to parse JSON ResponseData - ./, "NoValues"],
    ["other JSON", Fault.Reply({ body: "{}" }), /^Failed to parse JSON ResponseData - ./, "NoValues"]
  ]

  it.each(failures)("fails for %s", async (_, fault, error, expectedReason) => {
    // Always: a reused connection that was reset is retried once.
    await run(local.faultAlways("specs", fault))
    const statsig = make()
    const result = await statsig.initialize()
    await run(local.clearFaults("specs"))
    expect(result).toEqual({
      isSuccess: false,
      error: typeof error === "string" ? error : expect.stringMatching(error)
    })
    expect(result.error).not.toContain(key)
    expect(statsig.checkGate(user, "gate_on")).toBe(false)
    expect(reason(statsig)).toBe(expectedReason)
  })

  it.each([
    ["", "an empty text"],
    ["client-abcdefghij", "a client key"],
    ["secret-abcdefghij ", "one with white space at its beginning or end"],
    [" secret-abcdefghij", "one with white space at its beginning or end"]
  ])("names the key %j when no specs arrive, with a data store too", async (key, got) => {
    await run(local.faultAlways("specs", Fault.Reply({ status: 403 })))
    const expected = `sdkKey: expected a server secret key, which begins with "secret-", got ${got}`
    const [alone, stored] = [make({}, key), make({ dataStore: { ...dataStore(), get: async () => ({}) } }, key)]
    const [first, second] = [await alone.initialize(), await stored.initialize()]
    expect(first.isSuccess).toBe(false)
    expect(first.error).toContain(`NetworkError|RequestNotRetryable: ${expected}: `)
    expect(second.isSuccess).toBe(false)
    expect(second.error).toMatch(/^Adapter not started: Failed to start any adapters: /)
    expect(second.error).toContain(expected)
    expect(`${first.error} ${second.error}`).not.toContain("abcdefghij")
    await run(local.clearFaults("specs"))
  })

  it.each(["", "client-abc"])(
    "accepts the key %j where a data store has specs, or the server accepts it",
    async key => {
      for (const options of [{}, { dataStore: dataStore() }, { dataStore: dataStore(), disableNetwork: true }]) {
        const statsig = make(options, key)
        expect(await statsig.initialize()).toEqual({ isSuccess: true })
        expect(statsig.checkGate(user, "gate_on")).toBe(true)
      }
      expect(await make({ disableNetwork: true }, key).initialize()).toEqual({ isSuccess: true })
    }
  )

  it("fails for an invalid URL, and for a port where nobody listens", async () => {
    for (const specsUrl of ["nowhere", "http://127.0.0.1:1/v2"]) {
      const { error, isSuccess } = await make({ specsUrl }).initialize()
      expect(isSuccess).toBe(false)
      expect(error).toMatch(/^NetworkError\|RetriesExhausted: /)
    }
  })

  it("succeeds when there is nothing new from the start", async () => {
    await run(local.faultNext("specs", Fault.Reply({ body: '{"has_updates":false}' })))
    const statsig = make()
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    const { details } = statsig.getFeatureGate(user, "gate_on")
    expect(details).toEqual({ reason: "Loading:Unrecognized", lcut: 0, receivedAt: null, version: null })
  })

  it("succeeds without a request when the network is off", async () => {
    const before = await requests()
    const statsig = make({ disableNetwork: true })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(statsig)).toBe("NoValues")
    expect(await requests()).toBe(before)
  })

  it("ends at its deadline", async () => {
    await run(local.faultAlways("specs", Fault.Stall({})))
    const statsig = make({ initTimeoutMs: 50 })
    const { error, isSuccess } = await statsig.initialize()
    expect(isSuccess).toBe(false)
    expect(error).toMatch(/timed out$/)
    expect(["NoValues", "Loading:Unrecognized"]).toContain(reason(statsig))
  })

  it("ends at once with a deadline of 0", async () => {
    const statsig = make({ initTimeoutMs: 0 })
    expect(await statsig.initialize()).toEqual({
      isSuccess: false,
      error: "Initialization Error: Initialization timed out"
    })
    expect(reason(statsig)).toBe("Loading:Unrecognized")
  })

  it("ignores a deadline below 0", async () => {
    await run(local.faultNext("specs", Fault.Delay({ duration: 50 })))
    const statsig = make({ initTimeoutMs: -1 })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(statsig)).toBe("Network:Recognized")
  })

  it("recovers by a poll", async () => {
    await run(local.faultNext("specs", Fault.Reply({ status: 501 })))
    const statsig = make({ specsSyncIntervalMs: 20 })
    expect((await statsig.initialize()).isSuccess).toBe(false)
    await vi.waitUntil(() => statsig.checkGate(user, "gate_on"), { timeout: 20_000 })
    expect(reason(statsig)).toBe("Network:Recognized")
    await statsig.shutdown()
  })

  it("may be called twice concurrently, and again", async () => {
    // A separate key: a poll of another test's instance may still be in flight.
    const statsig = make({}, "secret-twice")
    expect(await Promise.all([statsig.initialize(), statsig.initialize()])).toEqual([
      { isSuccess: true },
      { isSuccess: true }
    ])
    expect(await requests("secret-twice")).toBe(2)
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(await requests("secret-twice")).toBe(3)
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
  })

  it("leaves an instance without specs until it ends", async () => {
    await run(local.faultNext("specs", Fault.Delay({ duration: 50 })))
    const statsig = make()
    expect(statsig.getFeatureGate(user, "gate_on")).toMatchObject({
      value: false,
      details: { reason: "Uninitialized", lcut: null, receivedAt: null, version: null }
    })
    expect(statsig.getFeatureGateList()).toEqual([])
    expect(statsig.getExperimentGroups("experiment")).toEqual({ groups: [] })
    const initializing = statsig.initialize()
    expect(statsig.getFeatureGate(user, "gate_on")).toMatchObject({
      value: false,
      details: { reason: "Loading:Unrecognized", lcut: 0, receivedAt: null, version: null }
    })
    await initializing
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
  })

  it("creates independent instances", async () => {
    const [first, second] = [make(), make()]
    await first.initialize()
    expect(first.checkGate(user, "gate_on")).toBe(true)
    expect(second.checkGate(user, "gate_on")).toBe(false)
  })
})

describe("the details of initialize", () => {
  it("report success", async () => {
    const statsig = make()
    const before = { durationMs: 0, initSuccess: false, isConfigSpecReady: false, isIdListReady: null }
    expect(statsig.getInitializeDetails()).toEqual({ ...before, source: "Uninitialized" })
    expect(statsig.isInitialized()).toBe(false)
    const details = await statsig.initializeWithDetails()
    expect(details).toEqual({
      durationMs: expect.any(Number),
      initSuccess: true,
      isConfigSpecReady: true,
      isIdListReady: null,
      source: "Network"
    })
    expect(statsig.getInitializeDetails()).toEqual(details)
    expect(statsig.isInitialized()).toBe(true)
  })

  it("report failure", async () => {
    await run(local.faultNext("specs", Fault.Reply({ status: 500 })))
    const statsig = make()
    const details = await statsig.initializeWithDetails()
    expect(details).toMatchObject({
      initSuccess: false,
      isConfigSpecReady: false,
      source: "NoValues",
      failureDetails: {
        reason: "SpecSourceError",
        error: `NetworkError|RetriesExhausted: ${url} status(500) attempts(1) Internal Server Error`
      }
    })
    expect(statsig.isInitialized()).toBe(false)
  })

  it("do not report a disabled network as a failure", async () => {
    const details = await make({ disableNetwork: true }).initializeWithDetails()
    expect(details).toMatchObject({ initSuccess: true, isConfigSpecReady: false, source: "NoValues" })
    expect(details).not.toHaveProperty("failureDetails")
  })
})

describe("shutdown", () => {
  it("may come first, and may be repeated", async () => {
    const statsig = make()
    for (const timeout of [undefined, null, 0, 100])
      expect(await statsig.shutdown(timeout)).toEqual({ isSuccess: true })
  })

  it("stops the polls and keeps the specs", async () => {
    const statsig = make({ specsSyncIntervalMs: 5 })
    await statsig.initialize()
    const before = await requests()
    await vi.waitUntil(async () => (await requests()) > before, { timeout: 20_000 })
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    // A poll in flight may still arrive.
    await sleep(50)
    const after = await requests()
    await sleep(100)
    expect(await requests()).toBe(after)
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
    expect(reason(statsig)).toBe("Network:Recognized")
    expect(await statsig.flushEvents()).toEqual({ isSuccess: true })
  })

  it("lets initialize fetch again", async () => {
    const statsig = make()
    await statsig.initialize()
    await statsig.shutdown()
    const since = served.time
    await run(local.setSpecs({ ...served, time: since + 1, checksum: "newer", feature_gates: {} }))
    await run(local.takeRequests("specs", await requests("")))
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    const [request] = await run(local.takeRequests("specs", 1))
    expect(request?.query["sinceTime"]).toBe(String(since))
    expect(statsig.checkGate(user, "gate_on")).toBe(false)
  })

  it("lets a running initialize finish", async () => {
    await run(local.faultNext("specs", Fault.Delay({ duration: 50 })))
    const statsig = make()
    const initializing = statsig.initialize()
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    expect(await initializing).toEqual({ isSuccess: true })
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
  })

  it("continues in the background after its deadline", async () => {
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const shutdown = vi.fn(() => held)
    const statsig = make({ dataStore: { ...dataStore(), shutdown }, disableNetwork: true })
    await statsig.initialize()
    expect(await statsig.shutdown(20)).toEqual({
      isSuccess: false,
      error: "Shutdown failure: Shutdown timed out"
    })
    expect(shutdown).toHaveBeenCalledTimes(1)
    release()
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
  })
})

describe("a data store before the network", () => {
  const emptyStore = (): Required<Pick<DataStore, "initialize" | "get" | "set" | "shutdown">> => ({
    initialize: vi.fn(async () => {}),
    get: vi.fn(async () => ({})),
    set: vi.fn(async () => {}),
    shutdown: vi.fn(async () => {})
  })

  it("saves the request", async () => {
    const before = await requests()
    const statsig = make({ dataStore: dataStore() })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(statsig)).toBe("Adapter(DataStore):Recognized")
    expect(await requests()).toBe(before)
  })

  it("is filled from the network", async () => {
    const store = emptyStore()
    const statsig = make({ dataStore: store })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(statsig)).toBe("Network:Recognized")
    await vi.waitUntil(() => vi.mocked(store.set).mock.calls.length > 0)
    const [asked] = vi.mocked(store.get).mock.calls
    expect(store.set).toHaveBeenCalledExactlyOnceWith(asked?.[0], JSON.stringify(served), expect.any(Number))
    await statsig.shutdown()
    expect(store.shutdown).toHaveBeenCalledTimes(1)
  })

  it("is filled with bytes where it accepts them", async () => {
    const setBytes = vi.fn(async () => {})
    const store = { ...emptyStore(), setBytes }
    await make({ dataStore: store }).initialize()
    await vi.waitUntil(() => setBytes.mock.calls.length > 0)
    const [, bytes] = setBytes.mock.calls[0] as unknown as [string, Uint8Array]
    expect(bytes).toBeInstanceOf(Uint8Array)
    expect(new TextDecoder().decode(bytes)).toBe(JSON.stringify(served))
    expect(store.set).not.toHaveBeenCalled()
  })

  it("is polled instead of the network where it supports that", async () => {
    let text = JSON.stringify(payload)
    const before = await requests()
    const statsig = make({
      specsSyncIntervalMs: 10,
      dataStore: {
        ...dataStore(),
        get: async () => ({ result: text }),
        supportPollingUpdatesFor: async path => path === "/v2/download_config_specs"
      }
    })
    await statsig.initialize()
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
    text = JSON.stringify({ ...payload, time: payload.time + 1, checksum: "newer", feature_gates: {} })
    await vi.waitUntil(() => !statsig.checkGate(user, "gate_on"), { timeout: 20_000 })
    expect(await requests()).toBe(before)
    await statsig.shutdown()
  })

  it("leaves the polls to the network otherwise", async () => {
    const statsig = make({ specsSyncIntervalMs: 10, dataStore: dataStore() })
    await statsig.initialize()
    await run(local.setSpecs({ ...payload, time: payload.time + 1000, checksum: "newer", feature_gates: {} }))
    await vi.waitUntil(() => !statsig.checkGate(user, "gate_on"), { timeout: 20_000 })
    await statsig.shutdown()
  })

  it("is called as a method of the object", async () => {
    class Store {
      readonly #text = JSON.stringify(payload)
      async initialize() {
        return void this.#text
      }
      async get() {
        return { result: this.#text }
      }
    }
    const statsig = make({ dataStore: new Store() })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(statsig)).toBe("Adapter(DataStore):Recognized")
  })

  it("affects nothing else when it throws, or returns something other than a promise", async () => {
    const throwing = () => {
      throw new Error("broken")
    }
    const broken = { initialize: throwing, get: throwing, set: throwing, shutdown: throwing }
    for (const store of [
      { ...broken, supportPollingUpdatesFor: throwing },
      { ...dataStore(), get: throwing },
      { ...dataStore(), get: () => undefined },
      { ...dataStore(), get: 5 },
      { ...dataStore(), getBytes: throwing },
      { ...dataStore(), getBytes: async () => ({ result: new Uint8Array([0xff, 0xfe]) }) }
    ]) {
      const statsig = make({ dataStore: store as unknown as DataStore })
      expect(await outcome(() => statsig.initialize())).toBe("{ isSuccess: true }")
      expect(reason(statsig)).toBe("Network:Recognized")
      expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    }
  })

  it("fails initialize together with the network", async () => {
    await run(local.faultNext("specs", Fault.Reply({ status: 500 })))
    const statsig = make({ dataStore: emptyStore() })
    expect(await statsig.initialize()).toEqual({
      isSuccess: false,
      error: "Adapter not started: Failed to start any adapters"
    })
    expect(reason(statsig)).toBe("NoValues")
  })
})

describe("the options", () => {
  it("send the service name", async () => {
    await make({ serviceName: "checkout" }).initialize()
    const all = await run(local.requests)
    expect(all.at(-1)?.headers["x-request-service"]).toBe("checkout")
    expect(all.at(-1)?.headers["statsig-api-key"]).toBe(key)
  })

  it("disable what is derived from the address and the user agent", async () => {
    const visitor = new StatsigUser({
      userID: "u",
      ip: "8.8.8.8",
      userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
    })
    const answers = async (options: StatsigOptions) => {
      const statsig = make({ ...(offline as StatsigOptions), dataStore: dataStore(), ...options })
      await statsig.initialize()
      return ["american", "chrome"].map(gate => statsig.getFeatureGate(visitor, gate).value)
    }
    expect(await answers({})).toEqual([true, true])
    expect(await answers({ disableCountryLookup: true })).toEqual([false, true])
    expect(await answers({ disableUserAgentParsing: true })).toEqual([true, false])
  })
})
