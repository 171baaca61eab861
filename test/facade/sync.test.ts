/** Keeping specs up to date, as a program of the Promise API sees it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { ServerOptions } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { type SpecAdapterConfig, Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { rootCertificate, serverCertificate, serverKey } from "../layers/support/certificates.js"
import { serve, serveProxy } from "../layers/support/proxies.js"
import { payload } from "./support/payload.js"
import { dataStore } from "./support/sides.js"

const runtime = ManagedRuntime.make(localLayer())
const local = await runtime.runPromise(LocalStatsig)
const run = runtime.runPromise
const user = new StatsigUser({ userID: "u" })

const instances: Array<Statsig> = []
const lines: Array<string> = []
const logLine = (_tag: string, message: string) => void lines.push(message)
let count = 0

const make = (options: StatsigOptions = {}) => {
  const key = `secret-sync${++count}`
  const statsig = new Statsig(key, {
    specsUrl: local.specsUrl,
    disableAllLogging: true,
    specsSyncIntervalMs: 3_600_000,
    outputLoggerProvider: { warn: logLine },
    ...options
  })
  instances.push(statsig)
  const requests = async () => (await run(local.requests)).filter(({ path }) => path.includes(`${key}.json`)).length
  return { statsig, requests }
}

/** Runs a proxy for as long as it is used. */
const withProxy = <A>(use: (proxy: { readonly seen: ReadonlyArray<string>; readonly port: number }) => Promise<A>) =>
  run(Effect.scoped(Effect.flatMap(serveProxy({ user: "me:pa:ss" }), proxy => Effect.promise(() => use(proxy)))))

const reason = (statsig: Statsig) => statsig.getFeatureGate(user, "gate_on").details.reason

beforeEach(async () => {
  lines.length = 0
  await run(local.clearFaults())
  await run(local.setSpecs(payload))
})

afterAll(async () => {
  await Promise.all(instances.map(statsig => statsig.shutdown()))
  await runtime.dispose()
})

describe("syncNow", () => {
  it("fetches what is new, once for concurrent calls, and reports failures", async () => {
    const { requests, statsig } = make()
    await statsig.initialize()
    await run(local.updateSpecs(specs => ({ ...specs, feature_gates: {} })))
    const results = await Promise.all([statsig.syncNow(), statsig.syncNow(), statsig.syncIfOlderThan(0)])
    expect(results).toEqual([{ isSuccess: true }, { isSuccess: true }, { isSuccess: true }])
    expect(await requests()).toBe(2)
    expect(statsig.checkGate(user, "gate_on")).toBe(false)
    await run(local.faultAlways("specs", Fault.Reply({ status: 503, body: "busy" })))
    const { error, isSuccess } = await statsig.syncNow()
    expect(isSuccess).toBe(false)
    expect(error).toMatch(/RetriesExhausted: .*status\(503\) attempts\(1\) Service Unavailable: busy/)
    expect(await requests()).toBe(3)
  })

  it("does nothing by syncIfOlderThan while the specs are young", async () => {
    const { requests, statsig } = make()
    expect(await statsig.syncIfOlderThan(60_000)).toEqual({ isSuccess: true })
    expect(statsig.checkGate(user, "gate_on")).toBe(true)
    expect(await statsig.syncIfOlderThan(60_000)).toEqual({ isSuccess: true })
    expect(await requests()).toBe(1)
  })
})

describe("getSpecsStatus", () => {
  it("reports source, age and the last error", async () => {
    const { statsig } = make()
    const nothing = { lcut: 0, receivedAt: null, lastSuccessAt: null, ageMs: null, isStale: true, lastError: null }
    expect(statsig.getSpecsStatus()).toEqual({ source: "Uninitialized", ...nothing, warnings: [] })
    await statsig.initialize()
    const fresh = statsig.getSpecsStatus()
    expect(fresh).toMatchObject({ source: "Network", lcut: payload.time, isStale: false, lastError: null })
    expect(fresh.lastSuccessAt).toBeGreaterThanOrEqual(fresh.receivedAt as number)
    expect(fresh.ageMs).toBeGreaterThanOrEqual(0)
    await run(local.faultAlways("specs", Fault.Reply({ status: 401 })))
    await statsig.syncNow()
    expect(statsig.getSpecsStatus()).toMatchObject({ source: "Network", lcut: payload.time, isStale: false })
    expect(statsig.getSpecsStatus().lastError).toMatch(/secret-sync[0-9]*\*\*\*\*\*\.json status\(401\)/)
  })
})

describe("specAdaptersConfig", () => {
  const http = (specsUrl?: string) => ({
    adapterType: "network_http" as const,
    initTimeoutMs: 0,
    ...(specsUrl === undefined ? {} : { specsUrl })
  })
  const nowhere = "http://127.0.0.1:1"
  const noAdapter = { isSuccess: false, error: "Adapter not started: Failed to start any adapters" }

  it("tries the adapters in order until one has specs", async () => {
    const { requests, statsig } = make({ specsUrl: nowhere, specAdaptersConfig: [http(nowhere), http(local.specsUrl)] })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect([reason(statsig), await requests()]).toEqual(["Network:Recognized", 1])
  })

  it("may have the data store after the network, or before it", async () => {
    const store = { adapterType: "data_store" as const, initTimeoutMs: 0 }
    const behind = make({ dataStore: dataStore(), specAdaptersConfig: [http(nowhere), store] })
    expect(await behind.statsig.initialize()).toEqual({ isSuccess: true })
    expect(reason(behind.statsig)).toBe("Adapter(DataStore):Recognized")
    const before = make({ dataStore: dataStore(), specAdaptersConfig: [store, http()] })
    await before.statsig.initialize()
    expect([reason(before.statsig), await before.requests()]).toEqual(["Adapter(DataStore):Recognized", 0])
  })

  it("polls the first adapter that supports polling, whichever had the specs", async () => {
    const { requests, statsig } = make({ specAdaptersConfig: [http(nowhere), http()] })
    await statsig.initialize()
    expect((await statsig.syncNow()).isSuccess).toBe(false)
    expect(await requests()).toBe(1)
  })

  it("fails as a whole: one, none, or none that is supported", async () => {
    const lists = [[http(nowhere)], [], [{ adapterType: "network_grpc_websocket" as const, initTimeoutMs: 1 }]]
    for (const specAdaptersConfig of lists) {
      const { statsig } = make({ specAdaptersConfig })
      expect(await statsig.initialize()).toEqual(noAdapter)
      expect(reason(statsig)).toBe("NoValues")
    }
    expect(lines.some(line => line.includes("network_grpc_websocket is not supported"))).toBe(true)
  })

  it("gives up an adapter after its own timeout", async () => {
    await run(local.faultNext("specs", Fault.Stall({})))
    const quick = { ...http(), initTimeoutMs: 50 }
    const { requests, statsig } = make({ specAdaptersConfig: [quick, http()] })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(await requests()).toBe(2)
  })

  it("warns of adapters that it skips or replaces", async () => {
    const unknown = { adapterType: "carrier_pigeon" as "network_http", initTimeoutMs: 0 }
    const store = { adapterType: "data_store" as const, initTimeoutMs: 0 }
    const { statsig } = make({ specAdaptersConfig: [store, unknown] })
    expect(await statsig.initialize()).toEqual({ isSuccess: true })
    expect(lines.join("\n")).toMatch(/there is no dataStore.*carrier_pigeon is unknown/s)
  })

  describe("over TLS", () => {
    const folder = mkdtempSync(join(tmpdir(), "statsig-"))
    afterAll(() => rmSync(folder, { recursive: true }))
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const caCertPath = file("root.pem", rootCertificate)
    const clientCertPath = file("client.pem", serverCertificate)
    const clientKeyPath = file("client.key", serverKey)
    const missing = join(folder, "missing.pem")

    /** Serves the specs over TLS for as long as it is used. */
    const withServer = (use: (specsUrl: string) => Promise<void>, options?: ServerOptions) => {
      const server = serve("https", (_request, response) => response.end(JSON.stringify(payload)), options)
      return run(Effect.scoped(Effect.flatMap(server, url => Effect.promise(() => use(url)))))
    }

    /** The reason of an instance that has only this adapter. */
    const reasonWith = async (adapter: Partial<SpecAdapterConfig>, options: StatsigOptions = {}) => {
      const { statsig } = make({ specAdaptersConfig: [{ ...http(), ...adapter }], ...options })
      await statsig.initialize()
      return reason(statsig)
    }
    const fromNetwork = "Network:Recognized"

    it("trusts the adapter's own roots with tls and mtls, and not without", () =>
      withServer(async specsUrl => {
        const own = { specsUrl, caCertPath }
        expect(await reasonWith({ ...own, authenticationMode: "tls" })).toBe(fromNetwork)
        expect(await reasonWith({ ...own, authenticationMode: "mtls" })).toBe(fromNetwork)
        expect(await reasonWith({ ...own, authenticationMode: "none" })).toBe("NoValues")
        expect(await reasonWith(own)).toBe("NoValues")
        expect(await reasonWith({ specsUrl, authenticationMode: "tls" })).toBe("NoValues")
      }))

    it("trusts the roots of proxyConfig where it has none of its own", () =>
      withServer(async specsUrl => {
        const options = { proxyConfig: { caCertPath } }
        expect(await reasonWith({ specsUrl, authenticationMode: "tls" }, options)).toBe(fromNetwork)
        expect(await reasonWith({ specsUrl }, options)).toBe(fromNetwork)
      }))

    it("presents the client's certificate with mtls only", () =>
      withServer(
        async specsUrl => {
          const client = { specsUrl, caCertPath, clientCertPath, clientKeyPath }
          expect(await reasonWith({ ...client, authenticationMode: "mtls" })).toBe(fromNetwork)
          expect(await reasonWith({ ...client, authenticationMode: "tls" })).toBe("NoValues")
          expect(await reasonWith({ specsUrl, caCertPath, authenticationMode: "mtls" })).toBe("NoValues")
        },
        { requestCert: true, ca: rootCertificate }
      ))

    it("checks the server's certificate against domainName", () =>
      withServer(async specsUrl => {
        const own = { specsUrl, caCertPath, authenticationMode: "tls" as const }
        expect(await reasonWith({ ...own, domainName: "api.statsigcdn.com" })).toBe(fromNetwork)
        expect(await reasonWith({ ...own, domainName: "other.test" })).toBe("NoValues")
      }))

    it("uses the proxy too", () =>
      withServer(specsUrl =>
        withProxy(async ({ port, seen }) => {
          const adapter = { specsUrl, caCertPath, authenticationMode: "tls" as const }
          const proxyConfig = { proxyHost: "127.0.0.1", proxyPort: port, proxyAuth: "me:pa:ss" }
          expect(await reasonWith(adapter, { proxyConfig })).toBe(fromNetwork)
          expect(seen).toEqual([`CONNECT ${new URL(specsUrl).host} me:pa:ss`])
        })
      ))

    it("warns of unusable files, and tries the next adapter", () =>
      withServer(async specsUrl => {
        const wrong: ReadonlyArray<Partial<SpecAdapterConfig>> = [
          { caCertPath: missing },
          { caCertPath, clientCertPath: missing, clientKeyPath },
          { caCertPath, clientCertPath, clientKeyPath: missing }
        ]
        for (const files of wrong) {
          lines.length = 0
          const first = { ...http(specsUrl), authenticationMode: "mtls" as const, ...files }
          const { requests, statsig } = make({ specAdaptersConfig: [first, http()] })
          expect(await statsig.initialize()).toEqual({ isSuccess: true })
          expect([reason(statsig), await requests()]).toEqual([fromNetwork, 1])
          expect(lines.join("\n")).toContain("The certificates of the network options are not used")
        }
      }))
  })
})

describe("proxyConfig", () => {
  it("fetches specs and ID lists and sends events through the proxy", async () => {
    await withProxy(async ({ port, seen }) => {
      const { statsig } = make({
        disableAllLogging: false,
        logEventUrl: local.logEventUrl,
        enableIdLists: true,
        idListsUrl: local.idListsUrl,
        proxyConfig: { proxyHost: "127.0.0.1", proxyPort: port, proxyAuth: "me:pa:ss" }
      })
      expect(await statsig.initialize()).toEqual({ isSuccess: true })
      statsig.logEvent(user, "bought")
      await statsig.flushEvents()
      const paths = seen.map(line => new URL(line.split(" ")[1]!).pathname.split("/").slice(0, 3).join("/"))
      expect(new Set(paths)).toEqual(new Set(["/v2/download_config_specs", "/v1/get_id_lists", "/v1/log_event"]))
      expect(seen.every(line => line.endsWith(" me:pa:ss"))).toBe(true)
    })
  })

  it("is ignored, with a warning, where it cannot be used", async () => {
    const proxies = [
      { proxyHost: "127.0.0.1", proxyPort: 1, proxyProtocol: "socks5" },
      { proxyHost: "127.0.0.1" },
      { proxyPort: 1 }
    ]
    for (const proxyConfig of proxies) {
      const { statsig } = make({ proxyConfig })
      expect(await statsig.initialize()).toEqual({ isSuccess: true })
    }
    expect(lines).toEqual([expect.stringContaining("socks5 is not supported")])
  })
})
