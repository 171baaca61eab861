/**
 * Programs whose tests replace the timers and the clock of the process.
 */
import { execFile } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, afterEach, describe, expect, it, vi } from "vitest"
import { layer as localLayer } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { translated } from "../support/translated.js"
import { payload } from "./support/payload.js"
import { stopEverything, timers } from "./support/stoppedTimers.js"

const runtime = ManagedRuntime.make(localLayer({ specs: payload }))
const local = await runtime.runPromise(LocalStatsig)
const key = "secret-fakeTimers"
const user = new StatsigUser({ userID: "u" })

/** Accepts connections and never responds. */
const sockets = new Set<Socket>()
const silent = createServer(socket => void sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1")
await once(silent, "listening")
const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`

const useVitest = (options?: Parameters<typeof vi.useFakeTimers>[0]) => () => {
  vi.useFakeTimers(options)
  return () => void vi.useRealTimers()
}

interface Fakes {
  readonly name: string
  readonly install: () => () => void
}

const fakes: ReadonlyArray<Fakes> = [
  { name: "vi.useFakeTimers()", install: useVitest() },
  {
    name: "vi.useFakeTimers() with queueMicrotask",
    install: useVitest({ toFake: [...timers, "Date", "performance", "hrtime", "queueMicrotask"] as never })
  },
  {
    name: "vi.setSystemTime()",
    install: () => {
      vi.setSystemTime(0)
      return () => void vi.useRealTimers()
    }
  },
  {
    name: "timers that never end",
    install: () => stopEverything([...timers, "queueMicrotask", "Date", "performance"])
  }
]

let uninstall = () => {}
afterEach(() => uninstall())
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  silent.close()
  await runtime.dispose()
})

const make = (options: StatsigOptions): Statsig => new Statsig(key, { outputLogLevel: "none", ...options })

/** Fails when the call takes longer than three seconds. */
const ends = async <A>(call: Promise<A>): Promise<A> => {
  const late = sleep(3_000, "it did not end", { ref: false })
  const first = await Promise.race([call.then(value => ({ value })), late])
  expect(first).not.toBe("it did not end")
  return (first as { readonly value: A }).value
}

it("under vi.useFakeTimers() polls and flushes run when the program advances its timers", async () => {
  uninstall = useVitest()()
  const statsig = make({ specsUrl: local.specsUrl, logEventUrl: local.logEventUrl, specsSyncIntervalMs: 10_000 })
  await ends(statsig.initialize())
  const { lcut } = statsig.getSpecsStatus()
  statsig.logEvent(user, "bought under fakes")
  await runtime.runPromise(local.setSpecs({ ...payload, time: lcut + 1, checksum: "another" }))
  await vi.advanceTimersByTimeAsync(9_000)
  expect(statsig.getSpecsStatus().lcut).toBe(lcut)
  await vi.advanceTimersByTimeAsync(55_000)
  const names = async () => (await runtime.runPromise(local.events)).map(event => event["eventName"])
  for (let look = 0; look < 300; look++) {
    if (statsig.getSpecsStatus().lcut === lcut + 1 && (await names()).includes("bought under fakes")) break
    await sleep(10)
  }
  expect(statsig.getSpecsStatus().lcut).toBe(lcut + 1)
  expect(await names()).toContain("bought under fakes")
  await ends(statsig.shutdown())
})

it("events are sent, and exposures are logged again, although the system clock is set back", async () => {
  uninstall = useVitest()()
  const statsig = make({ specsUrl: local.specsUrl, logEventUrl: local.logEventUrl })
  await ends(statsig.initialize())
  const exposures = async () => {
    const events = await runtime.runPromise(local.events)
    return events.filter(event => JSON.stringify(event["user"]).includes("time traveller")).length
  }
  for (const expected of [1, 2]) {
    statsig.checkGate(new StatsigUser({ userID: "time traveller" }), "gate_on")
    vi.setSystemTime(Date.now() - 86_400_000)
    await vi.advanceTimersByTimeAsync(65_000)
    for (let look = 0; look < 300 && (await exposures()) < expected; look++) await sleep(10)
    expect(await exposures()).toBe(expected)
    // No tick came while the batch was in flight.
    await vi.advanceTimersByTimeAsync(5_000)
  }
  await ends(statsig.shutdown())
})

describe.each(fakes)("under $name", ({ install }) => {
  describe.each(["before", "after"])("that are installed %s the instance is made", when => {
    const made = (options: StatsigOptions): Statsig => {
      if (when === "before") uninstall = install()
      const statsig = make(options)
      if (when === "after") uninstall = install()
      return statsig
    }

    it("initialize and shutdown keep their limits when the server is silent", async () => {
      const statsig = made({ specsUrl: silentUrl, logEventUrl: silentUrl, initTimeoutMs: 200 })
      const { error, isSuccess } = await ends(statsig.initialize())
      expect(isSuccess).toBe(false)
      expect(error).toMatch(/timed out/)
      expect(statsig.checkGate(user, "gate_on")).toBe(false)
      statsig.logEvent(user, "bought")
      expect(await ends(statsig.shutdown(200))).toEqual({
        isSuccess: false,
        error: "Shutdown failure: Shutdown timed out"
      })
    })

    it("all calls work when the server responds", async () => {
      const statsig = made({
        specsUrl: local.specsUrl,
        logEventUrl: local.logEventUrl,
        idListsUrl: local.idListsUrl,
        enableIdLists: true
      })
      const heard: Array<string> = []
      statsig.subscribe("specs_updated", ({ event_name }) => heard.push(event_name))
      expect(await ends(statsig.initialize())).toEqual({ isSuccess: true })
      expect(heard).toEqual(["specs_updated"])
      expect(statsig.checkGate(user, "gate_on")).toBe(true)
      statsig.logEvent(user, "bought")
      expect(await ends(statsig.flushEvents())).toEqual({ isSuccess: true })
      expect(await ends(statsig.syncNow())).toEqual({ isSuccess: true })
      expect(await ends(statsig.initialize())).toEqual({ isSuccess: true })
      expect(await ends(statsig.shutdown())).toEqual({ isSuccess: true })
    })
  })
})

// Jest's fakes replace it. Node's own connections do not survive that, so this runs in a separate process.
it.each(["before", "after"])("limits hold without process.nextTick, removed %s the instance is made", async when => {
  const program = await translated(fileURLToPath(new URL("support/withoutNextTick.ts", import.meta.url)))
  const { stdout } = await promisify(execFile)(process.execPath, [program, silentUrl, when])
  expect(JSON.parse(stdout)).toEqual({
    initialized: { isSuccess: false, error: expect.stringMatching(/timed out/) },
    ended: { isSuccess: false, error: "Shutdown failure: Shutdown timed out" }
  })
})
