import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { type DataStore, Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { liftBounds } from "../support/testBounds.js"
import { payload } from "./support/payload.js"

const runtime = ManagedRuntime.make(localLayer())
const local = await runtime.runPromise(LocalStatsig)
const run = runtime.runPromise

/** Sync intervals under a second are accepted only with this set, as in the official package. */
liftBounds()

const gate = (condition: string) => ({
  ...payload.feature_gates.gate_on,
  rules: payload.feature_gates.gate_on.rules.map(rule => ({ ...rule, conditions: [condition] }))
})
const segment = (operator: string) => ({
  type: "unit_id",
  idType: "userID",
  operator,
  targetValue: "vips",
  field: null,
  additionalValues: {}
})

const instances: Array<Statsig> = []
const make = (options: StatsigOptions = {}): Statsig => {
  const statsig = new Statsig("secret-idlists", {
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    idListsUrl: local.idListsUrl,
    specsSyncIntervalMs: 3_600_000,
    outputLogLevel: "none",
    ...options
  })
  instances.push(statsig)
  return statsig
}

const [alice, bob] = ["alice", "bob"].map(userID => new StatsigUser({ userID })) as [StatsigUser, StatsigUser]
const isIn = (statsig: Statsig) => [alice, bob].map(user => statsig.checkGate(user, "in"))

beforeEach(async () => {
  await run(local.clearFaults())
  await run(
    local.setSpecs({
      ...payload,
      feature_gates: { in: gate("in"), out: gate("out") },
      condition_map: { in: segment("in_segment_list"), out: segment("not_in_segment_list") }
    })
  )
  await run(local.removeIdList("vips"))
  await run(local.setIdList("vips", ["alice"]))
})

afterEach(() => Promise.all(instances.splice(0).map(statsig => statsig.shutdown())))

afterAll(() => runtime.dispose())

describe("ID lists", () => {
  it("decide segment membership", async () => {
    const statsig = make({ enableIdLists: true })
    expect(statsig.getInitializeDetails().isIdListReady).toBe(null)
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(statsig.getInitializeDetails().isIdListReady).toBe(true)
    expect(isIn(statsig)).toEqual([true, false])
    expect([alice, bob].map(user => statsig.checkGate(user, "out"))).toEqual([false, true])
  })

  it("are given up after the request timeout", async () => {
    await run(local.faultAlways("idListManifest", Fault.Stall({})))
    const statsig = make({ enableIdLists: true, idListsRequestTimeoutMs: 50, initTimeoutMs: -1 })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(statsig.getInitializeDetails().isIdListReady).toBe(false)
  })

  it("are off by default", async () => {
    const statsig = make()
    const asked = (await run(local.requests)).length
    await statsig.initialize()
    expect((await run(local.requests)).slice(asked).map(({ endpoint }) => endpoint)).toEqual(["specs"])
    expect(isIn(statsig)).toEqual([false, false])
    expect(statsig.getInitializeDetails().isIdListReady).toBe(null)
  })

  it("are kept up to date, also when the first sync and the specs failed", async () => {
    await run(local.faultNext("specs", Fault.Reply({ status: 500 })))
    await run(local.faultNext("idListFile:vips", Fault.Reply({ status: 500 })))
    const statsig = make({ enableIdLists: true, idListsSyncIntervalMs: 20, specsSyncIntervalMs: 20 })
    expect((await statsig.initialize()).isSuccess).toBe(false)
    expect(statsig.getInitializeDetails().isIdListReady).toBe(false)
    await expect.poll(() => isIn(statsig)).toEqual([true, false])
    await run(local.growIdList("vips", { add: ["bob"], remove: ["alice"] }))
    await expect.poll(() => isIn(statsig)).toEqual([false, true])
    await run(local.removeIdList("vips"))
    await expect.poll(() => isIn(statsig)).toEqual([false, false])
  })

  it("are loaded by a sync on demand, also when the specs fail, and not while they are young", async () => {
    const statsig = make({ enableIdLists: true, idListsSyncIntervalMs: 3_600_000 })
    await statsig.initialize()
    await run(local.growIdList("vips", { add: ["bob"] }))
    expect(await statsig.syncIfOlderThan(60_000)).toEqual({ isSuccess: true })
    expect(isIn(statsig)).toEqual([true, false])
    await run(local.faultNext("specs", Fault.Reply({ status: 500 })))
    expect((await statsig.syncNow()).isSuccess).toBe(false)
    expect(isIn(statsig)).toEqual([true, true])
    await run(local.growIdList("vips", { remove: ["alice"] }))
    await run(local.faultNext("idListFile:vips", Fault.Reply({ status: 500 })))
    expect((await statsig.syncIfOlderThan(0)).error).toMatch(/vips/)
    expect(await statsig.syncIfOlderThan(0)).toEqual({ isSuccess: true })
    expect(isIn(statsig)).toEqual([false, true])
  })

  it("do not make initialize fail, except at its deadline", async () => {
    await run(local.faultNext("idListManifest", Fault.Reply({ status: 500 })))
    expect(await make({ enableIdLists: true }).initialize()).toEqual({ isSuccess: true })
    await run(local.faultNext("idListManifest", Fault.Stall({})))
    const late = make({ enableIdLists: true, initTimeoutMs: 500 })
    expect(await late.initialize()).toEqual({
      isSuccess: false,
      error: "Initialization Error: Initialization timed out"
    })
    expect(late.getFeatureGate(alice, "in").details.reason).toBe("Network:Recognized")
    expect(isIn(late)).toEqual([false, false])
  })

  it("come from the configured file host", async () => {
    const { vips } = JSON.parse(await (await fetch(local.idListsUrl)).text())
    const moved = { vips: { ...vips, url: vips.url.replace(local.url, "http://gone.invalid") } }
    await run(local.faultNext("idListManifest", Fault.Reply({ body: JSON.stringify(moved) })))
    const statsig = make({ enableIdLists: true, downloadIdListFileApi: local.url })
    await statsig.initialize()
    expect(isIn(statsig)).toEqual([true, false])
  })

  it("are kept in the data store, from which a program starts without a network", async () => {
    const held = new Map<string, string>()
    const dataStore: DataStore = {
      initialize: async () => {},
      get: async key => ({ result: held.get(key) as string }),
      set: async (key, value) => void held.set(key, value)
    }
    await make({ enableIdLists: true, dataStore }).initialize()
    // The specs, the names of the lists, and the list.
    await expect.poll(() => held.size).toBe(3)
    const offline = make({ enableIdLists: true, dataStore, disableNetwork: true })
    expect(await offline.initialize()).toEqual({ isSuccess: true })
    expect(isIn(offline)).toEqual([true, false])
  })
})
