/**
 * What the facade logs and reports, seen from outside: a local Statsig receives the events, the program's own objects
 * receive metrics and log lines.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig, type ReceivedEvent } from "../../layers/LocalStatsig.js"
import { Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { payload } from "./support/payload.js"

let runtime: ManagedRuntime.ManagedRuntime<LocalStatsig, unknown>
let local: LocalStatsig["Type"]
const instances: Array<Statsig> = []

beforeEach(async () => {
  runtime = ManagedRuntime.make(LocalStatsigNode.layer({ specs: payload }))
  local = await runtime.runPromise(LocalStatsig)
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const instance of instances.splice(0)) await instance.shutdown(500)
  await runtime.dispose()
})

const make = (options: StatsigOptions = {}): Statsig => {
  const statsig = new Statsig("secret-facade", {
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    ...options
  })
  instances.push(statsig)
  return statsig
}

const start = async (options: StatsigOptions = {}): Promise<Statsig> => {
  const statsig = make(options)
  expect(await statsig.initialize()).toEqual({ isSuccess: true })
  return statsig
}

/** The events that arrived, except those of the SDK itself. */
const arrived = async (): Promise<ReadonlyArray<ReceivedEvent>> => {
  const events = await Effect.runPromise(local.events)
  return events.filter(event => event.eventName !== "statsig::diagnostics")
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

const user = new StatsigUser({ userID: "u-1", privateAttributes: { secret: "x" } })

describe("logEvent", () => {
  it.each([
    ["text", "text"],
    ["", ""],
    [12.5, 12.5],
    [0, 0],
    [null, null],
    [undefined, null],
    [true, null],
    [["a"], null]
  ])("records the value %j as %j", async (value, logged) => {
    const statsig = await start()
    statsig.logEvent(user, "bought", value as string)
    await statsig.flushEvents()
    expect(await arrived()).toMatchObject([{ eventName: "bought", value: logged, metadata: null }])
  })

  it("keeps the types of metadata and omits private attributes", async () => {
    const statsig = await start({ environment: "staging", globalCustomFields: { region: "eu" } })
    statsig.logEvent(user, "bought", null, { a: 1, b: true, c: null, d: [1, "x"], e: { f: "g" }, gone: undefined })
    await statsig.flushEvents()
    const [event] = await arrived()
    expect(event?.metadata).toEqual({ a: 1, b: true, c: null, d: [1, "x"], e: { f: "g" } })
    expect(event?.user).toEqual({
      userID: "u-1",
      custom: { region: "eu" },
      statsigEnvironment: { tier: "staging" }
    })
  })

  it("sends U+FFFD for each lone surrogate", async () => {
    const statsig = await start()
    const user = new StatsigUser({ userID: "a\ud800b", email: "\udfff\u{1f600}", custom: { k: ["\ud83d", "\\ud800"] } })
    statsig.logEvent(user, "e\udfff", "v\ud800", { m: "x\ud800y" })
    statsig.checkGate(user, "g\ud800")
    statsig.checkGate(user, "n\ud800", { disableExposureLogging: true })
    await statsig.flushEvents()
    const logged = { userID: "a\ufffdb", email: "\ufffd\u{1f600}", custom: { k: ["\ufffd", "\\ud800"] } }
    expect(await arrived()).toMatchObject([
      { eventName: "e\ufffd", value: "v\ufffd", metadata: { m: "x\ufffdy" }, user: logged },
      { metadata: { gate: "g\ufffd" }, user: logged },
      { metadata: { checks: '{"n\ufffd":1}' } }
    ])
  })

  it("refuses values and metadata that cannot be JSON, and logs nothing then", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    const statsig = await start({ outputLogLevel: "none" })
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol("s"), () => 1]
    for (const value of [...odd, ...odd.map(item => [item]), ...odd.map(item => ({ deep: { item } })), [undefined]]) {
      expect(statsig.logEvent(user, "value", value as number)).toBeNull()
      expect(statsig.logEvent(user, "metadata", null, value as object)).toBeNull()
    }
    await statsig.flushEvents()
    expect(await arrived()).toEqual([])
  })
})

describe("other events", () => {
  it("forwards log lines under all names of their levels", async () => {
    const statsig = await start()
    const levels = ["trace", "DEBUG", "log", "Info", "warn", "warning", "error", "err"] as const
    for (const level of levels) statsig.forwardLogLineEvent(user, level as "trace", level, { status: "mine", k: "v" })
    await statsig.flushEvents()
    const lines = (await arrived()).map(({ eventName, metadata, value }) => [
      eventName,
      value,
      metadata?.["log_level"],
      metadata?.["status"],
      metadata?.["k"]
    ])
    expect(lines).toEqual([
      ["statsig::log_line", "trace", "Trace", "trace", "v"],
      ["statsig::log_line", "DEBUG", "Debug", "debug", "v"],
      ["statsig::log_line", "log", "Log", "info", "v"],
      ["statsig::log_line", "Info", "Info", "info", "v"],
      ["statsig::log_line", "warn", "Warn", "warn", "v"],
      ["statsig::log_line", "warning", "Warn", "warn", "v"],
      ["statsig::log_line", "error", "Error", "error", "v"],
      ["statsig::log_line", "err", "Error", "error", "v"]
    ])
  })

  it("logs nothing at an unknown level, and reports it", async () => {
    const lines: Array<string> = []
    const statsig = await start({ outputLoggerProvider: { error: (_, message) => lines.push(message) } })
    statsig.forwardLogLineEvent(user, "loud" as "trace", "line")
    await statsig.flushEvents()
    expect(await arrived()).toEqual([])
    expect(lines).toEqual(["Invalid log level: loud"])
  })

  it("identifies users, and logs manual exposures", async () => {
    const statsig = await start()
    statsig.identify(user)
    statsig.identify(user)
    statsig.manuallyLogFeatureGateExposure(user, "gate_on")
    statsig.manuallyLogDynamicConfigExposure(user, "config")
    statsig.manuallyLogExperimentExposure(user, "experiment")
    statsig.manuallyLogLayerParamExposure(user, "layer", "a")
    await statsig.flushEvents()
    const events = await arrived()
    expect(events.map(event => event.eventName)).toEqual([
      "statsig::identify",
      "statsig::identify",
      "statsig::gate_exposure",
      "statsig::config_exposure",
      "statsig::config_exposure",
      "statsig::layer_exposure"
    ])
    expect(events.slice(2).map(event => event.metadata?.["isManualExposure"])).toEqual(["true", "true", "true", "true"])
  })
})

describe("shutdown", () => {
  it("sends what remains", async () => {
    const statsig = await start()
    statsig.checkGate(user, "gate_on")
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    expect(await arrived()).toMatchObject([{ eventName: "statsig::gate_exposure" }])
  })

  it("reports a log endpoint that refuses", async () => {
    const statsig = await start({ outputLogLevel: "none" })
    await Effect.runPromise(local.faultAlways("logEvent", Fault.Reply({ status: 500, body: "sad" })))
    statsig.logEvent(user, "bought")
    const result = await statsig.shutdown()
    expect(result).toEqual({
      isSuccess: false,
      error: `NetworkError|RetriesExhausted: ${local.logEventUrl} status(500) attempts(1) Internal Server Error: sad`
    })
  })

  it("ends at its timeout when the log endpoint does not respond", async () => {
    const statsig = await start({ outputLogLevel: "none" })
    await Effect.runPromise(local.faultAlways("logEvent", Fault.Stall({})))
    statsig.logEvent(user, "bought")
    expect(await statsig.shutdown(50)).toEqual({ isSuccess: false, error: "Shutdown failure: Shutdown timed out" })
  })

  it("leaves events logged later to flushEvents", async () => {
    const statsig = await start()
    await statsig.shutdown()
    statsig.logEvent(user, "late")
    await statsig.flushEvents()
    expect(await arrived()).toMatchObject([{ eventName: "late" }])
  })
})

describe("subscriptions", () => {
  const heard = (statsig: Statsig, name: "*" | "gate_evaluated") => {
    const events: Array<unknown> = []
    return { events, id: statsig.subscribe(name, event => events.push(event)) }
  }

  it("report every evaluation, after the call", async () => {
    const statsig = await start()
    const { events, id } = heard(statsig, "*")
    expect(id).toMatch(/^[0-9a-f-]{36}@\*$/)
    statsig.checkGate(user, "gate_on")
    statsig.getDynamicConfig(user, "ghost", { disableExposureLogging: true })
    const experiment = statsig.getExperiment(user, "experiment")
    statsig.getLayer(user, "layer")
    statsig.manuallyLogFeatureGateExposure(user, "gate_on")
    expect(events).toEqual([])
    await turn()
    expect(events).toEqual([
      {
        event_name: "gate_evaluated",
        data: { gate_name: "gate_on", rule_id: expect.any(String), value: true, reason: "Network:Recognized" }
      },
      {
        event_name: "dynamic_config_evaluated",
        data: { config_name: "ghost", reason: "Network:Unrecognized", rule_id: null, value: null }
      },
      {
        event_name: "experiment_evaluated",
        data: {
          experiment_name: "experiment",
          reason: "Network:Recognized",
          rule_id: experiment.ruleID,
          value: experiment.value,
          group_name: experiment.groupName
        }
      },
      {
        event_name: "layer_evaluated",
        data: { layer_name: "layer", reason: "Network:Recognized", rule_id: expect.any(String) }
      }
    ])
  })

  it("report new specs before initialize ends", async () => {
    const statsig = make()
    const { events } = heard(statsig, "*")
    await statsig.initialize()
    await turn()
    expect(events).toMatchObject([
      { event_name: "specs_updated", data: { source: "Network", values: { time: payload.time } } }
    ])
  })

  it("end by ID, by name, and all together", async () => {
    const statsig = await start()
    const byId = heard(statsig, "gate_evaluated")
    const byName = heard(statsig, "gate_evaluated")
    const star = heard(statsig, "*")
    statsig.unsubscribeById(byId.id)
    statsig.checkGate(user, "gate_on")
    await turn()
    statsig.unsubscribe("gate_evaluated")
    statsig.checkGate(user, "gate_on")
    await turn()
    statsig.unsubscribeAll()
    statsig.checkGate(user, "gate_on")
    await turn()
    expect([byId, byName, star].map(({ events }) => events.length)).toEqual([0, 1, 2])
  })

  it("continue when one of them throws, and refuse an unknown name", async () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {})
    const statsig = await start({ outputLogLevel: "none" })
    statsig.subscribe("gate_evaluated", () => {
      throw new Error("mine")
    })
    const { events } = heard(statsig, "gate_evaluated")
    statsig.checkGate(user, "gate_on")
    await turn()
    expect(events).toHaveLength(1)
    expect(complaint).toHaveBeenCalledWith("[Statsig] Error parsing SDK Event: Error: mine")
    expect(statsig.subscribe("gates" as "*", () => {})).toBe("ERROR@ERROR")
  })
})

describe("console capture", () => {
  it("logs the requested levels, and restores the console", async () => {
    const original = console.warn
    const printed = vi.spyOn(console, "log").mockImplementation(() => {})
    const statsig = await start({
      consoleCaptureOptions: { enabled: true, logLevels: ["log"], maxKeys: 2, maxDepth: 2, maxLength: 20 }
    })
    console.log("a", { b: 1 }, [1, 2], 5, true, null, undefined)
    console.log({ a: 1, b: 2, c: 3 }, { a: { b: 1 } }, "x".repeat(30))
    console.log("[Statsig] of the SDK itself")
    console.warn = original
    await statsig.flushEvents()
    statsig.stopConsoleCapture()
    console.log("no more")
    await statsig.flushEvents()
    const lines = await arrived()
    expect(lines.map(({ value }) => value)).toEqual([
      'a {"b":1} [1,2] 5 true null undefined',
      `[object Object] [object Object] ${"x".repeat(20)}...`
    ])
    expect(lines[0]).toMatchObject({
      eventName: "statsig::log_line",
      user: { userID: "console-capture-user" },
      metadata: { log_level: "Log", status: "info", trace: expect.stringContaining("at ") }
    })
    expect(printed).toHaveBeenCalledTimes(4)
  })
})

describe("the logging options", () => {
  const names = async () => (await arrived()).map(({ eventName }) => eventName)

  it("send a full batch, and one that has waited long enough", async () => {
    const many = Array.from({ length: 10 }, (_, index) => `event ${index}`)
    const full = await start({ eventLoggingMaxQueueSize: 10, eventLoggingFlushIntervalMs: 3_600_000 })
    for (const name of many) full.logEvent(user, name)
    await vi.waitFor(async () => expect(await names()).toEqual(expect.arrayContaining(many.slice(0, 9))), 5_000)
    const late = await start({ eventLoggingFlushIntervalMs: 20 })
    late.logEvent(user, "late")
    await vi.waitFor(async () => expect(await names()).toContain("late"), 5_000)
  })

  it("limit the waiting batches and keep the newest", async () => {
    const statsig = await start({
      eventLoggingMaxQueueSize: 10,
      eventLoggingMaxPendingBatchQueueSize: 1,
      outputLogLevel: "none"
    })
    await Effect.runPromise(local.faultAlways("logEvent", Fault.Reply({ status: 500 })))
    for (let i = 0; i < 100; i++) statsig.logEvent(user, `event ${i}`)
    await statsig.flushEvents()
    await Effect.runPromise(local.clearFaults())
    await statsig.flushEvents()
    const sent = await names()
    expect(sent).toContain("event 99")
    expect(sent).not.toContain("event 0")
  })

  it.each([
    [{ exposureDedupeMaxKeys: 1 }, ["gate_on", "gate_off", "gate_on"]],
    [{}, ["gate_on", "gate_off"]]
  ])("with %j deduplicate the exposures of %j", async (options, expected) => {
    const statsig = await start(options)
    for (const name of ["gate_on", "gate_off", "gate_on"]) statsig.checkGate(user, name)
    await statsig.flushEvents()
    expect((await arrived()).map(({ metadata }) => metadata?.["gate"])).toEqual(expected)
  })
})

describe("metrics", () => {
  it("reach an observability client, whose exceptions are contained", async () => {
    const calls: Array<ReadonlyArray<unknown>> = []
    const statsig = await start({
      observabilityClient: {
        initialize() {
          calls.push(["initialize"])
          throw new Error("mine")
        },
        increment: (...input) => calls.push(["increment", ...input])
      }
    })
    statsig.logEvent(user, "bought")
    await statsig.flushEvents()
    await turn()
    // The other event has the diagnostics of initialize.
    expect(calls).toContainEqual(["initialize"])
    expect(calls).toContainEqual(["increment", "statsig.sdk.events_successfully_sent_count", 2, null])
  })
})
