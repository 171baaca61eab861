/**
 * Recorded exchanges of the official package: its requests, the responses, and its state afterwards. A server gives the
 * same responses here, and every request must equal the recorded one.
 *
 * Not compared: the SDK's name and the time; that we request JSON where the official package requests protobuf, except
 * with deltas; `deflate`, which it advertises and cannot read; the encoding of events. Exchanges with Statsig's own
 * host go through a proxy that leads to the server.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingMessage, RequestListener } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, describe, expect, it } from "vitest"
import { Statsig, type StatsigOptions, type StatsigResult, StatsigUser } from "../../layers/promise.js"
import { rootCertificate } from "../layers/support/certificates.js"
import { serve, serveProxy } from "../layers/support/proxies.js"
import { gateSpec } from "../layers/support/specs.js"
import { liftBounds } from "../support/testBounds.js"
import recorded from "../vectors/syncing-exchanges.json" with { type: "json" }

interface Exchange {
  readonly id: string
  readonly note?: string
  readonly request: {
    readonly method: string
    readonly host?: string
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    readonly headers: Readonly<Record<string, string>>
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: unknown
  }
}

const exchanges = new Map(recorded.exchanges.map(exchange => [exchange.id, exchange as unknown as Exchange]))
const used = new Set<string>()
const sdkKey = "secret-examplekey0123456789"
liftBounds()

const folder = mkdtempSync(join(tmpdir(), "statsig-"))
const caCertPath = join(folder, "root.pem")
writeFileSync(caCertPath, rootCertificate)
afterAll(() => rmSync(folder, { recursive: true }))

type Kind = "specs" | "manifest" | "file" | "events"
const kindOf = (path: string): Kind => {
  if (path.includes("download_config_specs")) return "specs"
  if (path.includes("get_id_lists")) return "manifest"
  return path.includes("log_event") ? "events" : "file"
}

/** A request without everything that may differ. */
const comparable = (
  request: { method: string; path: string; query: Iterable<[string, string]>; headers: Record<string, unknown> },
  usesDeltas: boolean
) => {
  const { accept, connection, host, ...headers } = request.headers
  const volatile = [headers["statsig-client-time"], headers["statsig-server-session-id"]]
  for (const name of ["client-time", "server-session-id", "sdk-type", "sdk-version"]) delete headers[`statsig-${name}`]
  const query = Object.fromEntries(request.query)
  if (!usesDeltas) {
    delete query["supports_proto"]
    delete headers["statsig-supports-proto"]
  }
  const encodings = String(headers["accept-encoding"] ?? "")
    .split(", ")
    .filter(name => name !== "deflate" && (usesDeltas || name !== "statsig-br"))
    .join(", ")
  if (kindOf(request.path) === "events") {
    delete headers["content-encoding"]
    delete headers["content-length"]
  }
  return {
    volatile,
    shown: {
      method: request.method,
      path: request.path,
      query,
      headers: { ...headers, "accept-encoding": encodings, accept }
    }
  }
}

const received = (request: IncomingMessage, usesDeltas: boolean) => {
  const url = new URL(request.url!, "http://server.test")
  return comparable(
    { method: request.method!, path: url.pathname, query: url.searchParams, headers: { ...request.headers } },
    usesDeltas
  )
}

interface World {
  readonly statsig: Statsig
  /** Waits until all exchanges have taken place. */
  readonly done: () => Promise<void>
}

/** An instance whose requests get the recorded responses, in order, and then responses without news. */
const replay = async (
  ids: ReadonlyArray<string>,
  options: StatsigOptions,
  use: (world: World) => Promise<void>,
  first?: { readonly specs?: object }
): Promise<void> => {
  const scope = Effect.runSync(Scope.make())
  const inScope = <A>(effect: Effect.Effect<A, never, Scope.Scope>) => Effect.runPromise(Scope.extend(effect, scope))
  const expected = ids.map(id => exchanges.get(id)!)
  for (const id of ids) used.add(id)
  const usesDeltas = options.enableDcsDeltas === true
  const waiting = [...expected]
  const differences: Array<{ readonly id: string; readonly actual: unknown; readonly expected: unknown }> = []
  let manifest = "{}"
  let unasked = first?.specs
  let origin = ""

  const listener: RequestListener = (request, response) => {
    request.resume()
    const kind = kindOf(request.url!)
    if (kind === "specs" && unasked !== undefined) {
      response.end(JSON.stringify(unasked))
      unasked = undefined
      return
    }
    const index = waiting.findIndex(exchange => kindOf(exchange.request.path) === kind)
    if (index < 0) {
      response.end(kind === "specs" ? '{"has_updates":false}' : kind === "manifest" ? manifest : '{"success":true}')
      return
    }
    const [{ id, request: wanted, response: answer }] = waiting.splice(index, 1) as [Exchange]
    const actual = received(request, usesDeltas)
    const { shown } = comparable(
      { ...wanted, query: Object.entries(wanted.query), headers: { ...wanted.headers } },
      usesDeltas
    )
    differences.push({ id, actual: actual.shown, expected: shown })
    expect(actual.volatile).toEqual([expect.stringMatching(/^1[0-9]{12}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)])
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body)
    const body = text.replaceAll("http://127.0.0.1:8720", origin)
    if (kind === "manifest") manifest = body
    response.writeHead(answer.status, answer.headers).end(body)
  }

  try {
    const isRemote = expected.some(({ request }) => request.host !== undefined)
    origin = await inScope(serve("http", listener))
    const secured = await inScope(serve("https", listener))
    const proxy = await inScope(serveProxy({ tunnelTo: Number(new URL(secured).port) }))
    const statsig = new Statsig(sdkKey, {
      specsSyncIntervalMs: 10,
      idListsSyncIntervalMs: 10,
      disableAllLogging: true,
      outputLogLevel: "none",
      ...(isRemote
        ? { proxyConfig: { proxyHost: "localhost", proxyPort: proxy.port, caCertPath } }
        : {
            specsUrl: `${origin}/v2/download_config_specs`,
            idListsUrl: `${origin}/v1/get_id_lists`,
            logEventUrl: `${origin}/v1/log_event`
          }),
      ...options
    })
    const done = async () => {
      while (waiting.length > 0) await sleep(5)
      // The response to the last one is in flight.
      await sleep(30)
    }
    await use({ statsig, done })
    await statsig.shutdown()
    for (const { actual, expected, id } of differences) expect(actual, id).toEqual(expected)
    expect(waiting).toEqual([])
    const strangers = /^(?!(CONNECT api\.statsigcdn\.com:443|GET http:\/\/localhost:1\/.*)$)/
    expect(proxy.seen.filter(line => strangers.test(line))).toEqual([])
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const user = new StatsigUser({ userID: "u1" })

/** The gate's value and its source. */
const gate = (statsig: Statsig) => {
  const { details, value } = statsig.getFeatureGate(user, "a_gate")
  return [value, details.reason, details.lcut]
}

const firstTime = 1_700_000_000_000
const secondTime = 1_700_000_050_000
const firstSpecs = exchanges.get("init")!.response.body as Record<string, unknown>
const secondSpecs = exchanges.get("poll-update")!.response.body as Record<string, unknown>

/** The result of `initialize` according to the note. */
const noted = (id: string, statsigUrl: string): StatsigResult => {
  const json = /result: (\{.*\})$/.exec(exchanges.get(id)!.note!)![1]!
  return JSON.parse(json.replace("http://127.0.0.1:8720", statsigUrl))
}

/** Specs with a gate on list membership. */
const listSpecs = {
  ...firstSpecs,
  feature_gates: { vips: gateSpec(true, ["in_vips"]) },
  condition_map: {
    in_vips: {
      type: "unit_id",
      operator: "in_segment_list",
      targetValue: "vips",
      field: null,
      additionalValues: {},
      idType: "userID"
    }
  }
}

const membersOf = (statsig: Statsig): ReadonlyArray<string> =>
  ["alice", "bob", "carol"].filter(userID => statsig.checkGate(new StatsigUser({ userID }), "vips"))

const until = async <A>(read: () => A, wanted: A) => {
  while (JSON.stringify(read()) !== JSON.stringify(wanted)) await sleep(5)
}

describe("the recorded exchanges", () => {
  it("of polls: nothing new, an update, nothing new", () =>
    replay(["init", "poll-no-update", "poll-update", "poll-after-update"], { serviceName: "checkout" }, async world => {
      expect(await world.statsig.initialize()).toEqual({ isSuccess: true })
      expect(gate(world.statsig)).toEqual([true, "Network:Recognized", firstTime])
      await world.done()
      expect(gate(world.statsig)).toEqual([false, "Network:Recognized", secondTime])
    }))

  it("of a checksum with special characters", () =>
    replay(
      ["poll-checksum-encoding"],
      {},
      async world => {
        await world.statsig.initialize()
        await world.done()
        expect(gate(world.statsig)).toEqual([true, "Network:Recognized", 5])
      },
      { specs: { ...firstSpecs, time: 5, checksum: "a+b/c==" } }
    ))

  for (const id of ["init-500-no-retry", "init-403"]) {
    it(`of a failed initialize: ${id}`, () =>
      replay([id], { specsSyncIntervalMs: 60_000 }, async world => {
        const result = await world.statsig.initialize()
        const url = /http:\/\/localhost:[0-9]+/.exec(result.error!)![0]
        expect(result).toEqual(noted(id, url))
        expect(gate(world.statsig)).toEqual([false, "NoValues", null])
      }))
  }

  it("of a poll that is retried", () =>
    replay(
      ["poll-5xx-retry/1", "poll-5xx-retry/2", "poll-5xx-retry/3"],
      {},
      async world => {
        await world.statsig.initialize()
        await world.done()
        expect(gate(world.statsig)).toEqual([false, "Network:Recognized", secondTime])
      },
      { specs: firstSpecs }
    ))

  it("of deltas on request", () =>
    replay(["deltas-enabled/1", "deltas-enabled/2"], { enableDcsDeltas: true }, async world => {
      await world.statsig.initialize()
      await world.done()
      expect(gate(world.statsig)).toEqual([true, "Network:Recognized", firstTime])
    }))

  it("of ID lists: new, unchanged, grown, another file, gone", () =>
    replay(
      [
        "id-lists-init/1",
        "id-lists-init/2",
        "id-lists-unchanged",
        "id-lists-incremental/1",
        "id-lists-incremental/2",
        "id-lists-new-file/1",
        "id-lists-new-file/2",
        "id-lists-deleted"
      ],
      { enableIdLists: true, idListsSyncIntervalMs: 200 },
      async world => {
        await world.statsig.initialize()
        expect(membersOf(world.statsig)).toEqual(["alice", "bob"])
        await until(() => membersOf(world.statsig), ["bob", "carol"])
        await until(() => membersOf(world.statsig), ["carol"])
        await until(() => membersOf(world.statsig), [])
      },
      { specs: listSpecs }
    ))

  it("of events, sent and retried", async () => {
    const options = { disableAllLogging: false, serviceName: "checkout", environment: "staging" }
    const specs = { specs: { ...firstSpecs, diagnostics: { initialize: 10_000, dcs: 0 } } }
    await replay(
      ["log-event"],
      options,
      async world => {
        await world.statsig.initialize()
        world.statsig.checkGate(user, "a_gate")
        world.statsig.logEvent(user, "purchase", 12.5, { sku: "x1" })
        await world.statsig.flushEvents()
      },
      specs
    )
    await replay(
      ["log-event-retry/1", "log-event-retry/2"],
      options,
      async world => {
        world.statsig.logEvent(user, "retry_me")
        await world.statsig.flushEvents()
        await world.statsig.flushEvents()
      },
      specs
    )
  })

  it("of a data store: empty, then with specs", async () => {
    const held = new Map<string, string>()
    const dataStore = {
      initialize: async () => {},
      get: async (key: string) => {
        const result = held.get(key)
        return result === undefined ? {} : { result }
      },
      set: async (key: string, value: string) => void held.set(key, value),
      supportPollingUpdatesFor: async () => false,
      shutdown: async () => {}
    }
    await replay(["data-store-empty/1", "data-store-empty/2"], { dataStore }, async world => {
      await world.statsig.initialize()
      expect(gate(world.statsig)).toEqual([true, "Network:Recognized", firstTime])
      await world.done()
      expect(gate(world.statsig)).toEqual([false, "Network:Recognized", secondTime])
    })
    const [call] = recorded.data_store[1]!.calls.filter(({ op }) => op === "get")
    expect([...held.keys()]).toEqual(call!.args)
    expect(JSON.parse([...held.values()][0]!)).toEqual(secondSpecs)
    await replay(["data-store-hit"], { dataStore }, async world => {
      await world.statsig.initialize()
      expect(gate(world.statsig)).toEqual([false, "Adapter(DataStore):Recognized", secondTime])
      await world.done()
    })
  })

  it("with Statsig's own host: specs, ID lists, a list on the CDN that grows", () =>
    replay(
      ["default-hosts/1", "default-hosts/2", "default-hosts/3", "default-hosts/4", "default-hosts/5"],
      { enableIdLists: true },
      async world => {
        expect(await world.statsig.initialize()).toEqual({ isSuccess: true })
        await world.done()
        expect(gate(world.statsig)).toEqual([true, "Network:Recognized", firstTime])
      }
    ))

  it("with Statsig's own host, where a custom host fails", () =>
    replay(
      ["init-fallback"],
      { specsUrl: "http://localhost:1/v2/download_config_specs", fallbackToStatsigApi: true },
      async world => {
        expect(await world.statsig.initialize()).toEqual({ isSuccess: true })
        expect(gate(world.statsig)).toEqual([true, "Network:Recognized", firstTime])
      }
    ))

  it("are all here, except for an error report, which this package does not send", () => {
    expect([...exchanges.keys()].filter(id => !used.has(id))).toEqual(["sdk-exception"])
  })
})
