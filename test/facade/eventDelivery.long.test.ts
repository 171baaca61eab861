/**
 * What happens to events when their delivery fails, or the instance or the process ends: tested through the facade,
 * with the test's own servers.
 */
import { execFile } from "node:child_process"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gunzipSync } from "node:zlib"
import { decompress } from "fzstd"
import { afterEach, describe, expect, it, vi } from "vitest"
import { Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { translated } from "../support/translated.js"

const user = new StatsigUser({ userID: "u" })
const servers: Array<Server> = []
const instances: Array<Statsig> = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const instance of instances.splice(0)) await instance.shutdown(100)
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

interface Request {
  readonly method: string | undefined
  readonly key: unknown
  readonly time: number
  readonly names: ReadonlyArray<string>
}

type Answer = (request: Request, response: ServerResponse, number: number) => void

const accept: Answer = (_request, response) => {
  response.writeHead(200).end("{}")
}

const bodyOf = async (request: IncomingMessage): Promise<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

/** A log-event server and the requests that it received. */
const serve = async (answer: Answer) => {
  const requests: Array<Request> = []
  const server = createServer(async (incoming, response) => {
    const body = await bodyOf(incoming)
    const decode = incoming.headers["content-encoding"] === "zstd" ? decompress : gunzipSync
    const { events } = body.length === 0 ? { events: [] } : JSON.parse(Buffer.from(decode(body)).toString())
    const names = events.map(({ eventName }: { readonly eventName: string }) => eventName)
    const { headers, method } = incoming
    const request = { method, key: headers["statsig-api-key"], time: performance.now(), names }
    answer(request, response, requests.push(request) - 1)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  return { requests, logEventUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/log_event` }
}

/** An instance whose log lines are kept. */
const make = (logEventUrl: string, options: StatsigOptions = {}) => {
  const lines: Array<string> = []
  const statsig = new Statsig("secret-facade1234567890", {
    logEventUrl,
    outputLoggerProvider: { warn: (_tag, message) => lines.push(message) },
    ...options
  })
  instances.push(statsig)
  return { statsig, lines }
}

const log = (statsig: Statsig, count: number) => {
  for (let index = 0; index < count; index++) statsig.logEvent(user, `event ${index}`)
}

const namesOf = (requests: ReadonlyArray<Request>) => requests.flatMap(({ names }) => names)

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

describe("shutdown of an instance", () => {
  it("drops undelivered events at its timeout: in the status, the metric and one line", async () => {
    const { logEventUrl } = await serve(() => {})
    const counted: Array<unknown> = []
    const { lines, statsig } = make(logEventUrl, {
      observabilityClient: {
        increment: (name, value, tags) => {
          if (name === "statsig.sdk.events_dropped_count") counted.push([value, tags])
        }
      }
    })
    log(statsig, 3_001)
    expect(await statsig.shutdown(50)).toEqual({ isSuccess: false, error: "Shutdown failure: Shutdown timed out" })
    expect(statsig.getEventStatus()).toMatchObject({
      pending: 0,
      sent: 0,
      dropped: 3_001,
      droppedBy: { Shutdown: 3_001 }
    })
    await turn()
    expect(lines).toEqual(["3001 events were dropped: the time to shut down was over"])
    expect(counted).toEqual([[3_001, { reason: "Shutdown" }]])
  })

  it("drops and counts them when the server refuses, and fails with the server's error", async () => {
    const { logEventUrl } = await serve((_request, response) => response.writeHead(500).end())
    const { lines, statsig } = make(logEventUrl)
    log(statsig, 9)
    expect(await statsig.shutdown()).toMatchObject({ isSuccess: false, error: expect.stringContaining("status(500)") })
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 0, dropped: 9, droppedBy: { Shutdown: 9 } })
    await turn()
    expect(lines).toEqual([expect.stringContaining("9 events were dropped: not delivered at the shutdown: ")])
  })

  it.each(["flushEvents", "shutdown"] as const)("leaves later events to %s, which delivers them", async method => {
    const { logEventUrl, requests } = await serve(accept)
    const { statsig } = make(logEventUrl)
    await statsig.shutdown()
    log(statsig, 1_000)
    expect(statsig.getEventStatus()).toMatchObject({ pending: 1_000, dropped: 0 })
    expect(await statsig[method]()).toEqual({ isSuccess: true })
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 1_000, dropped: 0 })
    expect(namesOf(requests)).toHaveLength(1_000)
  })

  it("drops later events that it cannot deliver when called again", async () => {
    let works = true
    const { logEventUrl } = await serve((request, response, number) => {
      if (works) accept(request, response, number)
    })
    const { statsig } = make(logEventUrl)
    log(statsig, 10)
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    works = false
    log(statsig, 1_000)
    expect(await statsig.shutdown(50)).toMatchObject({ isSuccess: false })
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 10, dropped: 1_000 })
  })
})

describe("shutdown of an instance whose server fails", () => {
  it("drops and counts at each of two timeouts", async () => {
    const { logEventUrl } = await serve(() => {})
    const { statsig } = make(logEventUrl)
    log(statsig, 10)
    expect(await statsig.shutdown(50)).toMatchObject({ isSuccess: false })
    log(statsig, 7)
    expect(await statsig.shutdown(50)).toMatchObject({ isSuccess: false })
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 0, dropped: 17 })
  })

  it("tries again when the server asks for a delay without naming it", async () => {
    const { logEventUrl, requests } = await serve((request, response, number) => {
      if (number === 0) response.writeHead(429).end()
      else accept(request, response, number)
    })
    const { statsig } = make(logEventUrl)
    log(statsig, 50)
    expect(await statsig.shutdown()).toEqual({ isSuccess: true })
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 50, dropped: 0 })
    expect(requests).toHaveLength(2)
  })
})

describe("a server", () => {
  it.each([307, 308])(
    "that redirects by %d gets all events at the new place, and the key stays at the origin",
    async status => {
      const other = await serve(accept)
      const { logEventUrl } = await serve((_request, response) =>
        response.writeHead(status, { location: other.logEventUrl }).end()
      )
      const { statsig } = make(logEventUrl)
      log(statsig, 50)
      await statsig.flushEvents()
      expect(namesOf(other.requests)).toHaveLength(50)
      expect(other.requests.map(({ key, method }) => [method, key])).toEqual([["POST", undefined]])
      expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 50, dropped: 0 })
    }
  )

  it.each([429, 503])(
    "that responds %d with a delay gets no request until then, and then gets all events",
    async status => {
      const { logEventUrl, requests } = await serve((request, response, number) => {
        if (number < 2) response.writeHead(status, { "retry-after": "1" }).end()
        else accept(request, response, number)
      })
      const { statsig } = make(logEventUrl)
      log(statsig, 50)
      await statsig.flushEvents()
      expect(statsig.getEventStatus()).toMatchObject({ pending: 50, dropped: 0 })
      await vi.waitFor(
        () => expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 50, dropped: 0 }),
        30_000
      )
      const [first, second, third] = requests.map(({ time }) => time)
      // The clocks of both sides may differ slightly.
      expect(second! - first!).toBeGreaterThan(990)
      expect(third! - second!).toBeGreaterThan(990)
    }
  )

  it("that limits the size of a batch gets all events in parts, except a single one that is too large", async () => {
    const { logEventUrl, requests } = await serve((request, response, number) => {
      const { names } = request
      if (names.length > 7 || names.includes("event 42")) response.writeHead(413).end()
      else accept(request, response, number)
    })
    const { lines, statsig } = make(logEventUrl)
    log(statsig, 100)
    await statsig.flushEvents()
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 99, dropped: 1, droppedBy: { TooLarge: 1 } })
    expect(requests.filter(({ names }) => names.length === 1 && names[0] === "event 42")).toHaveLength(1)
    await turn()
    expect(lines.filter(line => line.includes("dropped"))).toEqual([
      expect.stringContaining("1 event was dropped: too large for the server: ")
    ])
  })
})

describe("an event that cannot be logged", () => {
  it("is counted as dropped, with the reason", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    const { logEventUrl } = await serve(accept)
    const { lines, statsig } = make(logEventUrl)
    const getter = {
      get text() {
        throw new Error("mine")
      }
    }
    statsig.logEvent(user, "nan", Number.NaN)
    statsig.logEvent(user, "bigint", null, { big: 1n })
    statsig.logEvent(user, "getter", null, getter)
    statsig.logEvent({ userID: "u" } as unknown as StatsigUser, "no user")
    statsig.logEvent(user, 5 as unknown as string)
    statsig.forwardLogLineEvent(user, "info", "line", { n: 5 as unknown as string })
    statsig.forwardLogLineEvent(user, "loud" as "info", "line")
    statsig.identify(null as unknown as StatsigUser)
    statsig.manuallyLogFeatureGateExposure(user, null as unknown as string)
    statsig.logEvent(user, "good")
    await statsig.flushEvents()
    expect(statsig.getEventStatus()).toMatchObject({ pending: 0, sent: 1, dropped: 9, droppedBy: { Invalid: 9 } })
    await turn()
    expect(lines).toContain("1 event was dropped: cannot be logged: mine")
  })

  it("is not counted when logging is off", () => {
    vi.spyOn(console, "error").mockImplementation(() => {})
    const { statsig } = make("http://127.0.0.1:9", { disableAllLogging: true })
    statsig.logEvent(user, "nan", Number.NaN)
    expect(statsig.getEventStatus()).toEqual({ pending: 0, sent: 0, dropped: 0, droppedBy: {}, lastError: null })
  })
})

const exitProgram = translated(fileURLToPath(new URL("support/exitProgram.ts", import.meta.url)))
const memoryProgram = translated(fileURLToPath(new URL("support/memoryProgram.ts", import.meta.url)))

// These tests mostly start processes and wait.
describe.concurrent("a process", () => {
  it("has one listener for all its instances, and ends although it logs at each exit", async () => {
    const { logEventUrl } = await serve(accept)
    const { stdout } = await promisify(execFile)(process.execPath, [await exitProgram, logEventUrl])
    expect(JSON.parse(stdout.split("\n").at(-2)!)).toEqual({ counts: [0, 1, 1], ends: true, sum: true })
  })

  it.each(["events", "users", "small bound"])(
    "survives large events that no server accepts (%s), and counts them",
    async what => {
      const { logEventUrl } = await serve((_request, response) => response.writeHead(503).end())
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--max-old-space-size=150",
        await memoryProgram,
        what,
        logEventUrl
      ])
      expect(JSON.parse(stdout)).toEqual({ all: 1_500, full: true, waiting: true })
    }
  )
})
