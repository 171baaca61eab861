/** Console lines as events: the official package logged the same ones for the same calls. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { Effect, ManagedRuntime } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig, type ReceivedEvent } from "../../layers/LocalStatsig.js"
import { Statsig, type StatsigOptions, statsigCaptureLogLine } from "../../layers/promise.js"
import { expectSame } from "./support/sides.js"

const reference: {
  readonly specs: object
  readonly captures: ReadonlyArray<{ readonly name: string; readonly body: { readonly events: Array<ReceivedEvent> } }>
} = JSON.parse(readFileSync(new URL("../vectors/events-captures.json", import.meta.url), "utf8"))

/** The official package's text for one argument. */
const officialText: (item: unknown, maxKeys: number, maxDepth: number, maxLength: number) => string = createRequire(
  import.meta.url
)("@statsig/statsig-node-core/console_captrue_utils.js").safeStringify

let runtime: ManagedRuntime.ManagedRuntime<LocalStatsig, unknown>
let local: LocalStatsig["Type"]
const instances: Array<Statsig> = []

beforeEach(async () => {
  runtime = ManagedRuntime.make(
    LocalStatsigNode.layer({ specs: { ...reference.specs, diagnostics: { initialize: 0 } } })
  )
  local = await runtime.runPromise(LocalStatsig)
  // Not `trace`: Node's calls `error`, which is part of the test.
  for (const level of ["log", "info", "debug", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation(() => {})
  }
})

afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.shutdown(500)
  vi.restoreAllMocks()
  await runtime.dispose()
})

const make = (sdkKey: string, options: StatsigOptions): Statsig => {
  const { logEventUrl, specsUrl } = local
  const statsig = new Statsig(sdkKey, { specsUrl, logEventUrl, ...options })
  instances.push(statsig)
  return statsig
}

/** The lines that have arrived since the last call. */
const arrived = async (...flushed: ReadonlyArray<Statsig>): Promise<ReadonlyArray<ReceivedEvent>> => {
  const before = (await Effect.runPromise(local.events)).length
  for (const statsig of flushed) await statsig.flushEvents()
  return (await Effect.runPromise(local.events)).slice(before)
}

describe("console capture", () => {
  it("formats arguments as the official package does", async () => {
    const statsig = make("secret-console", {
      consoleCaptureOptions: { enabled: true, logLevels: ["trace", "debug", "log", "info", "warn", "error"] },
      environment: "prod",
      globalCustomFields: { g: 1 }
    })
    await statsig.initialize()
    console.log("l1")
    console.info("i1", { a: 1 })
    console.debug("d1")
    console.warn("w1", [1, 2], 5, true, null, undefined)
    console.error("e1", new Error("bad"))
    console.trace("t1")
    const withoutOwn = ({ metadata, time, value, ...event }: ReceivedEvent) => {
      const { source: _, trace, ...rest } = metadata ?? {}
      return {
        ...event,
        isTimed: time !== undefined,
        value: String(value).replace(/^(Trace: t1).*$/s, "$1"),
        metadata: rest,
        traced: trace !== undefined
      }
    }
    const [capture] = reference.captures.filter(({ name }) => name === "console_capture")
    const lines = await arrived(statsig)
    expect(lines.map(withoutOwn)).toEqual(capture?.body.events.map(withoutOwn))
    for (const { metadata } of lines) expect(metadata?.["trace"]?.split("\n").length).toBe(3)
  })

  it("makes text of arguments as the official package does", async () => {
    const statsig = make("secret-console", {
      consoleCaptureOptions: { enabled: true, maxKeys: 2, maxDepth: 3, maxLength: 30 }
    })
    const cycle: Record<string, unknown> = { a: 1 }
    cycle["self"] = cycle
    const shared = { b: 1 }
    const calls = [
      [cycle, [cycle], { x: { y: { z: 1 } } }, { x: shared, y: shared }, { a: 1, b: 2, c: 3 }, [{ a: 1, b: 2, c: 3 }]],
      [new Map([[1, 2]]), new Date(0), new Error("bad"), () => 1, class {}, Symbol("s"), 1n, -0, Number.NaN],
      [Object.create(null), { toJSON: () => undefined }, "y".repeat(30), "y".repeat(31), ["y".repeat(31)]],
      []
    ]
    for (const call of calls) console.warn(...call)
    console.log("of a level that is not captured")
    const lines = (await arrived(statsig)).map(({ value }) => value)
    expect(lines).toEqual(calls.map(call => call.map(item => officialText(item, 2, 3, 30)).join(" ")))
  })
})

describe("statsigCaptureLogLine", () => {
  it("passes lines to the instance with the key, at its levels, until it is shut down", async () => {
    const one = make("secret-one", { consoleCaptureOptions: { enabled: true, logLevels: ["log", "warn"] } })
    const two = make("secret-two", { consoleCaptureOptions: { enabled: true } })
    const none = make("secret-none", {})
    statsigCaptureLogLine("warn", ["a", "b"], "secret-one")
    statsigCaptureLogLine("WARNING", ["upper"], "secret-one", "stack here")
    statsigCaptureLogLine("error", ["not a level of one"], "secret-one", null)
    statsigCaptureLogLine("loud", ["no level"], "secret-one")
    statsigCaptureLogLine("warn", ["[Statsig] of the SDK itself"], "secret-one")
    statsigCaptureLogLine("warn", [], "secret-one")
    statsigCaptureLogLine("warn", ["nobody"], "secret-none")
    statsigCaptureLogLine("warn", ["nobody"], "secret-unknown")
    one.stopConsoleCapture()
    statsigCaptureLogLine("warn", ["after the stop"], "secret-one")
    statsigCaptureLogLine("error", ["to two"], "secret-two")
    const shown = ({ metadata, value }: ReceivedEvent) => [value, metadata?.["log_level"], metadata?.["trace"]]
    expect((await arrived(one, none)).map(shown)).toEqual([
      ["a b", "Warn", undefined],
      ["upper", "Warn", "stack here"],
      ["", "Warn", undefined],
      ["after the stop", "Warn", undefined]
    ])
    await one.shutdown()
    statsigCaptureLogLine("warn", ["after the end"], "secret-one")
    statsigCaptureLogLine("error", ["to two again"], "secret-two")
    expect((await arrived(one, two)).map(({ value }) => value)).toEqual(["to two", "to two again"])
  })

  it.each([
    ["warn", "text", "key"],
    ["warn", {}, "key"],
    ["warn", [1], "key"],
    [1, [], "key"],
    ["warn", [], 1],
    ["warn", [], "key", 5],
    ["warn", [], "key", null],
    ["loud", [], "key"]
  ])("accepts and refuses %j, %j, %j, %j as the official package does", async (...input) => {
    await expectSame(({ statsigCaptureLogLine }) => statsigCaptureLogLine(...input))
  })
})
