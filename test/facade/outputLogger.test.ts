/** The SDK's own log lines: which appear at which level, where they go, and what a provider may do. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { afterAll, describe, expect, it, vi } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { type OutputLoggerProvider, Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import { Statsig as CoreStatsig } from "../../src/Statsig.js"
import * as CoreUser from "../../src/StatsigUser.js"
import { payload } from "./support/payload.js"

const runtime = ManagedRuntime.make(localLayer({ specs: payload }))
const local = await runtime.runPromise(LocalStatsig)
afterAll(() => runtime.dispose())

/** A run that logs a line of each level: specs arrive, an option is out of its range, and a start fails. */
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

/** A provider that keeps its calls, through methods that need their `this`. */
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

  it("is warned of a client key, with the prefix of a server key", async () => {
    const provider = new Lines()
    const { logEventUrl, url } = local
    const statsig = new Statsig("client-abc", {
      specsUrl: `${url}/nowhere`,
      logEventUrl,
      outputLoggerProvider: provider
    })
    await statsig.initialize()
    await statsig.shutdown()
    expect(provider.calls).toContainEqual([
      "warn",
      expect.any(String),
      expect.stringMatching(/expected a server secret key, which begins with "secret-", got a client key/)
    ])
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

it("a standard output that throws loses only the line", async () => {
  vi.spyOn(process.stdout, "write").mockImplementation(() => {
    throw new Error("EIO")
  })
  await live({ outputLogLevel: "debug" })
  vi.restoreAllMocks()
})

it("a provider that rejects loses only the line", async () => {
  const broken = async () => {
    throw new Error("mine")
  }
  await live({
    outputLogLevel: "debug",
    outputLoggerProvider: { debug: broken, warn: broken, error: broken, initialize: broken, shutdown: broken }
  })
})

it("a method does not throw when the console throws", () => {
  const broken = () => {
    throw new Error("mine")
  }
  vi.spyOn(console, "error").mockImplementation(broken)
  vi.spyOn(console, "warn").mockImplementation(broken)
  const statsig = new Statsig("secret-fakeO1234567890", { disableNetwork: true })
  expect(statsig.logEvent(new StatsigUser({ userID: "u" }), "event", Number.NaN)).toBeNull()
  expect(() => Statsig.shared()).not.toThrow()
  vi.restoreAllMocks()
})

describe("at level debug", () => {
  /** Refuses the first `refusals` requests of each kind with 503, and has nothing new after the first specs. */
  const serve = (refusals: number) =>
    new Promise<{ readonly url: string; readonly close: () => void }>(resolve => {
      const counts = new Map<string, number>()
      const server = createServer((request, response) => {
        const url = request.url ?? ""
        const [, kind = ""] = url.split(/[/?]/)
        const count = (counts.get(kind) ?? 0) + 1
        counts.set(kind, count)
        request.resume().on("end", () => {
          response.statusCode = count <= refusals ? 503 : 200
          if (kind === "specs" && count > refusals + 1) response.end('{"has_updates":false}')
          else response.end(kind === "specs" ? JSON.stringify(payload) : '{"success":true}')
        })
      }).listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const close = () => void server.close().closeAllConnections()
        resolve({ url: `http://127.0.0.1:${port}`, close })
      })
    })

  const optionsOf = (url: string) => ({ specsUrl: `${url}/specs?token=mine`, logEventUrl: `${url}/log` })

  it("the facade reports each request, batch, retry and fetch, and the shutdown", async () => {
    const { close, url } = await serve(1)
    const provider = new Lines()
    const statsig = new Statsig("secret-fakeO1234567890", {
      ...optionsOf(url),
      outputLoggerProvider: provider,
      outputLogLevel: "debug"
    })
    await statsig.initialize()
    await statsig.syncNow()
    await statsig.syncNow()
    statsig.logEvent(new StatsigUser({ userID: "u" }), "bought")
    await statsig.flushEvents()
    await statsig.flushEvents()
    await statsig.shutdown()
    close()
    const lines = provider.calls.map(([level, , message]) => `${level} ${message ?? ""}`)
    const specs = `debug GET ${url}/specs`
    for (const expected of [
      new RegExp(`^${specs} status\\(503\\) in \\d+ ms$`),
      new RegExp(`^${specs} status\\(200\\) in \\d+ ms$`),
      /^debug Specs of \d+ from Network$/,
      /^debug Network has no new specs$/,
      new RegExp(`^debug POST ${url}/log status\\(503\\) in \\d+ ms$`),
      /^debug Could not send \d+ events? \(manual, attempt 1\), to be tried again in \d+ ms or later: .*status\(503\)/,
      new RegExp(`^debug POST ${url}/log status\\(200\\) in \\d+ ms$`),
      /^debug Sent \d+ events? \(manual, attempt 2\); pending: 0$/,
      /^debug Shutting down within 3000 ms$/,
      /^debug Shut down; events sent: \d+, dropped: 0$/
    ]) {
      expect(lines.filter(line => expected.test(line)).length, `${expected}\n${lines.join("\n")}`).toBeGreaterThan(0)
    }
    expect(lines.join()).not.toMatch(/unhandled|fakeO1/)
  })

  it("a request without a response logs a line", async () => {
    const provider = new Lines()
    const statsig = new Statsig("secret-fakeO1234567890", {
      ...optionsOf("http://127.0.0.1:9"),
      outputLoggerProvider: provider,
      outputLogLevel: "debug"
    })
    await statsig.initialize()
    await statsig.shutdown()
    expect(provider.calls).toContainEqual([
      "debug",
      expect.any(String),
      expect.stringMatching(/^GET http:\/\/127.0.0.1:9\/specs no answer in \d+ ms$/)
    ])
  })

  it("an Effect program gets the same lines, and none for a handled failure", async () => {
    const { close, url } = await serve(3)
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
    const layer = StatsigLayer.layer({
      sdkKey: Redacted.make("secret-fakeO1234567890"),
      specsSyncInterval: "1 second",
      ...optionsOf(url)
    })
    const program = Effect.gen(function* () {
      const statsig = yield* CoreStatsig
      yield* Effect.ignore(statsig.syncNow)
      statsig.logEvent(CoreUser.make({ userID: "u" }), "bought")
      for (let flush = 0; flush < 4; flush++) yield* statsig.flush
      const isRetried = Effect.sync(() => lines.some(line => line.includes("failed, the next is in")))
      yield* Effect.repeat(Effect.delay(isRetried, "10 millis"), { until: found => found })
    })
    await program.pipe(
      Effect.provide(layer),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.Debug),
      Effect.scoped,
      Effect.runPromise
    )
    close()
    expect(lines).toContainEqual(expect.stringMatching(/^DEBUG GET .* status\(503\) in \d+ ms$/))
    expect(lines).toContainEqual(expect.stringMatching(/^DEBUG Attempt 1 of \d+ failed, the next is in \d+ ms: /))
    expect(lines).toContainEqual(expect.stringMatching(/^DEBUG Could not send \d+ events? \(manual, attempt 2\)/))
    expect(lines).toContainEqual(expect.stringMatching(/^DEBUG Sent \d+ events?/))
    expect(lines).toContainEqual(expect.stringMatching(/^DEBUG Shut down; events sent: \d+, dropped: 0$/))
    expect(lines.join()).not.toMatch(/unhandled/)
  })
})
