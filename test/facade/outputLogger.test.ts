/**
 * The SDK's own log lines: which come at which level, where they go, and what a provider may do.
 */
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, describe, expect, it, vi } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { type OutputLoggerProvider, Statsig, type StatsigOptions } from "../../layers/promise.js"
import { payload } from "./support/payload.js"

const runtime = ManagedRuntime.make(localLayer({ specs: payload }))
const local = await runtime.runPromise(LocalStatsig)
afterAll(() => runtime.dispose())

/** A life that gives a line of each level: specs come, an option is out of its range, and a start fails. */
const live = async (options: StatsigOptions): Promise<void> => {
  for (const specsUrl of [local.specsUrl, `${local.url}/nowhere`]) {
    const statsig = new Statsig("secret-fakeO1234567890", {
      specsUrl,
      logEventUrl: local.logEventUrl,
      specsSyncIntervalMs: 3_600_000,
      eventLoggingMaxQueueSize: 1,
      ...options
    })
    await statsig.initialize()
    await statsig.shutdown()
  }
}

const levels = ["debug", "info", "warn", "error"] as const

/** A provider that keeps what it is called with, by members that need their object. */
class Lines implements OutputLoggerProvider {
  readonly calls: Array<readonly [member: string, ...input: ReadonlyArray<string>]> = []
  initialize() {
    this.calls.push(["initialize"])
  }
  debug(tag: string, message: string) {
    this.calls.push(["debug", tag, message])
  }
  info(tag: string, message: string) {
    this.calls.push(["info", tag, message])
  }
  warn(tag: string, message: string) {
    this.calls.push(["warn", tag, message])
  }
  error(tag: string, message: string) {
    this.calls.push(["error", tag, message])
  }
  shutdown() {
    this.calls.push(["shutdown"])
  }
}

describe("outputLoggerProvider", () => {
  it.each([
    ["none", []],
    ["error", ["error"]],
    ["warn", ["error", "warn"]],
    [undefined, ["error", "warn"]],
    ["nonsense", ["error", "warn"]],
    ["debug", ["debug", "error", "warn"]]
  ])("gets at level %s the lines %j", async (outputLogLevel, expected) => {
    const provider = new Lines()
    await live({ outputLoggerProvider: provider, outputLogLevel: outputLogLevel as "warn" })
    const members = provider.calls.map(([member]) => member)
    expect([...new Set(members)].filter(member => levels.includes(member as "warn")).sort()).toEqual(expected)
    expect(members.filter(member => member === "initialize" || member === "shutdown")).toEqual([
      "initialize",
      "shutdown",
      "initialize",
      "shutdown"
    ])
    expect(JSON.stringify(provider.calls)).not.toContain("secret-fakeO1")
    for (const [member, ...input] of provider.calls) {
      expect(input).toEqual(
        member === "initialize" || member === "shutdown" ? [] : [expect.any(String), expect.any(String)]
      )
    }
  })

  it("may lack members, and throw in those that it has", async () => {
    const broken = () => {
      throw new Error("mine")
    }
    for (const provider of [{}, { warn: broken, error: broken, initialize: broken, shutdown: broken }]) {
      await live({ outputLoggerProvider: provider, outputLogLevel: "debug" })
    }
  })
})

it("without a provider lines go to standard output", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true)
  await live({})
  const lines = write.mock.calls.map(([line]) => String(line))
  write.mockRestore()
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z (WARN |ERROR) \[Statsig::\w+\] .+\n$/)
  expect(lines).toContainEqual(expect.stringContaining("Failed to initialize Statsig: NetworkError|"))
})
