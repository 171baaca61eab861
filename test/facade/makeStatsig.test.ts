import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { afterEach, describe, expect, it, vi } from "vitest"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import { StatsigUser } from "../../layers/promise.js"
import * as Bootstrap from "../../layers/SpecSource/Bootstrap.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import { Evaluator } from "../../src/Evaluator.js"
import { EventLogger, type Exposure } from "../../src/EventLogger.js"
import { makeStatsig } from "../../src/promise/statsigClass.js"
import * as Core from "../../src/Statsig.js"
import { InitializeTimeoutError } from "../../src/StatsigError.js"
import { payload } from "./support/payload.js"
import { outcome } from "./support/sides.js"

const user = new StatsigUser({ userID: "u" })

/** An instance over specs in memory, and what it logs. */
const start = async () => {
  const exposures: Array<Exposure> = []
  const counted: Array<string> = []
  const parts = Layer.mergeAll(
    Bootstrap.layer({ specs: payload }),
    Layer.succeed(EventLogger, {
      logEvent: () => {},
      flush: Effect.void,
      shutdown: Effect.void,
      status: Effect.succeed({ pending: 0, sent: 0, dropped: 0, lastError: undefined }),
      logExposure: exposure => void exposures.push(exposure),
      countNonExposed: name => void counted.push(name)
    }),
    Ip3Country.layer,
    StatsigUserAgents.layer,
    MemoryIdLists.layer(),
    NoObservability.layer
  )
  const Statsig = makeStatsig(() => Layer.build(Layer.provide(StatsigLayer.layerFrom({}), parts)))
  const statsig = new Statsig("secret-key")
  expect(await statsig.initialize()).toEqual({ isSuccess: true })
  const logged = () => ({
    exposures: exposures
      .splice(0)
      .map(({ kind, name, parameter }) => [kind, name, ...(parameter === undefined ? [] : [parameter])]),
    counted: counted.splice(0)
  })
  return { statsig, logged, exposures }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe("the class over other layers", () => {
  it("evaluates their specs", async () => {
    const { statsig } = await start()
    expect(statsig.getExperiment(user, "experiment")).toMatchObject({
      groupName: "Test",
      value: { n: 2, color: "blue" },
      details: { reason: "Bootstrap:Recognized", lcut: payload.time, version: 9 }
    })
  })

  it("logs the user as it was at the time of the check", async () => {
    const { exposures, statsig } = await start()
    const changing = new StatsigUser({ userID: "before" })
    statsig.checkGate(changing, "gate_on")
    changing.userID = "after"
    expect(exposures.map(({ user }) => user.userID)).toEqual(["before"])
  })

  it("logs a check once, and counts one whose logging is off", async () => {
    const { logged, statsig } = await start()
    statsig.checkGate(user, "gate_on")
    statsig.getFeatureGate(user, "ghost")
    statsig.getDynamicConfig(user, "config")
    statsig.getExperiment(user, "experiment")
    expect(logged()).toEqual({
      exposures: [
        ["gate", "gate_on"],
        ["gate", "ghost"],
        ["dynamicConfig", "config"],
        ["experiment", "experiment"]
      ],
      counted: []
    })
    const options = { disableExposureLogging: true }
    statsig.checkGate(user, "gate_on", options)
    statsig.getFeatureGate(user, "gate_on", options)
    statsig.getDynamicConfig(user, "config", options)
    statsig.getExperiment(user, "experiment", options)
    expect(logged()).toEqual({ exposures: [], counted: ["gate_on", "gate_on", "config", "experiment"] })
  })

  it("logs the layer parameters that are read", async () => {
    const { logged, statsig } = await start()
    vi.spyOn(console, "warn").mockImplementation(() => {})
    const { get, getValue } = statsig.getLayer(user, "layer")
    expect(logged()).toEqual({ exposures: [], counted: [] })
    get("a", "d")
    get("n", "another type", (_): _ is string => false)
    get("nul", "d")
    get("ghost", "d")
    get("ghost", null)
    getValue("n")
    getValue("ghost")
    statsig.getLayer(user, "ghost").get("x", 1)
    expect(logged().exposures).toEqual([
      ["layer", "layer", "a"],
      ["layer", "layer", "nul"],
      ["layer", "layer", "ghost"],
      ["layer", "layer", "n"],
      ["layer", "ghost", "x"]
    ])
    const silent = statsig.getLayer(user, "layer", { disableExposureLogging: true })
    silent.get("a", "d")
    silent.get("ghost", null)
    expect(logged()).toEqual({ exposures: [], counted: ["layer", "layer"] })
  })

  it("logs what the parameters of a store refer to", async () => {
    const { logged, statsig } = await start()
    const store = statsig.getParameterStore(user, "store")
    expect(logged()).toEqual({ exposures: [], counted: ["store"] })
    store.getValue("text", "")
    store.getValue("gate", "")
    store.getValue("unknown_gate", 5)
    store.getValue("config", "")
    store.getValue("experiment", "")
    store.getValue("layer", "")
    store.getValue("layer", 5)
    expect(logged()).toEqual({
      exposures: [
        ["gate", "gate_on"],
        ["gate", "ghost"],
        ["dynamicConfig", "config"],
        ["experiment", "experiment"],
        ["layer", "layer", "a"]
      ],
      counted: []
    })
  })

  it("logs nothing for look-ups and failed calls", async () => {
    const { logged, statsig } = await start()
    statsig.getExperimentByGroupName("experiment", "Test")
    statsig.getExperimentByGroupIdAdvanced("experiment", "test")
    statsig.getExperimentGroups("experiment")
    await outcome(() => statsig.checkGate({} as StatsigUser, "gate_on"))
    await outcome(() => statsig.checkGate(user, "gate_on", { disableExposureLogging: 1 } as object))
    expect(logged()).toEqual({ exposures: [], counted: [] })
  })

  it("catches the errors of a layer that throws", async () => {
    const broken = () => {
      throw new RangeError("broken")
    }
    const initialize = Effect.succeed({
      success: false,
      source: "Loading",
      duration: Duration.millis(5),
      failure: Option.some(new InitializeTimeoutError({ millis: 5 }))
    })
    const flush = Effect.die(new RangeError("broken"))
    const offline = StatsigLayer.layerOffline({ specs: payload })
    const breaking = Layer.effect(
      Evaluator,
      Effect.map(Evaluator, evaluator => ({ ...evaluator, gate: broken, layer: broken }))
    ).pipe(Layer.provide(Layer.fresh(offline)))
    const Statsig = makeStatsig(() =>
      Effect.map(Layer.build(Layer.provide(offline, breaking)), services => {
        const statsig = Context.get(services, Core.Statsig)
        return Context.add(services, Core.Statsig, { ...statsig, initialize, flush })
      })
    )
    const statsig = new Statsig("secret-key", { outputLogLevel: "none" })
    expect(await outcome(() => statsig.checkGate(user, "x"))).toMatch(/^error Statsig::checkGate RangeError .*\nnull$/)
    expect(await outcome(() => statsig.getLayer(user, "x"))).toMatch(/^error Statsig::getLayer RangeError .*\nnull$/)
    expect(await outcome(() => statsig.getFeatureGate(user, "x").details)).toMatch(/reason: ''/)
    expect(await outcome(() => statsig.flushEvents())).toMatch(/^error Statsig::flushEvents .*\nundefined$/)
    expect(await statsig.initialize()).toEqual({
      isSuccess: false,
      error: "Initialization Error: Initialization timed out"
    })
  })
})
