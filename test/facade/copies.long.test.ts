import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import * as Memory from "../../layers/DataStore/Memory.js"
import type { StatsigOptions } from "../../layers/promise.js"
import { bundle } from "../../scripts/bundle.js"
import { StatsigProvider } from "../../src/openfeature/StatsigProvider.js"
import { payload } from "./support/payload.js"
import { dataStore, offline } from "./support/sides.js"

const folder = mkdtempSync(join(tmpdir(), "statsig-effect-copies-"))
const program = fileURLToPath(new URL("support/copiesProgram.mjs", import.meta.url))
const specs = join(folder, "specs.json")
const module = join(folder, "promise.mjs")
const commonJs = join(folder, "promise.cjs")

const asUrl = (path: string, query = ""): string => `${pathToFileURL(path)}${query}`

beforeAll(async () => {
  writeFileSync(specs, JSON.stringify(payload))
  await bundle("layers/promise.ts", "esm", module)
  await bundle("layers/promise.ts", "cjs", commonJs)
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true }))

describe.each([
  ["import and require", asUrl(module), commonJs],
  ["require and import", commonJs, asUrl(module)],
  ["a second evaluation of the file", asUrl(module), asUrl(module, "?copy=2")]
])("two copies of the published file in one process: %s", (_, first, second) => {
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  let seen: any

  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, first, second, specs])
    seen = JSON.parse(stdout)
    expect(seen.isTwice).toBe(true)
  })

  it("evaluates and logs the same for a user of the other copy", () => {
    expect(seen.own.events.length).toBeGreaterThan(10)
    expect(seen.own.answers).not.toContain(null)
    expect(seen.foreign).toEqual(seen.own)
  })

  it("sees changes to such a user, also to one of a subclass", () => {
    expect(seen.changes).toEqual([false, true])
  })

  it("have one shared instance", () => {
    expect(seen.shared).toEqual([true, true, false])
  })

  it("recognise the other copy's objects by instanceof, and no others", () => {
    expect(seen.instances).toEqual({
      user: true,
      statsig: true,
      gate: true,
      layer: true,
      layerAsGate: false,
      plain: false,
      ownSubclass: true,
      otherAsSubclass: false
    })
  })

  it("log a line when a user is of another version", () => {
    const [answer, ...lines] = seen.later
    expect(answer).toBe(null)
    expect(lines).toEqual([
      "Statsig::checkGate This StatsigUser is of another version of statsig-effect, whose form (2) is not that of this " +
        "one (1): use one version of the package in a process."
    ])
  })

  it("do not accept a proxy as a user", () => {
    expect(seen.proxied).toEqual([null, expect.stringContaining("Expected StatsigUser instance")])
  })

  it("capture the console once", () => {
    expect(seen.captured).toEqual([true, "handed over"])
  })

  it("add one property to globalThis", () => {
    expect(seen.globals).toEqual(["Symbol(statsig-effect/process)"])
  })
})

describe("reloaded modules", () => {
  const options: StatsigOptions = { ...offline, outputLogLevel: "none", dataStore: dataStore() }
  const load = async () => {
    vi.resetModules()
    return import("../../layers/promise.js")
  }
  let before: Awaited<ReturnType<typeof load>>
  let after: typeof before

  beforeEach(async () => {
    before = await load()
    after = await load()
    expect(after.StatsigUser).not.toBe(before.StatsigUser)
  })

  it("keep the previous instance and users", async () => {
    const statsig = before.Statsig.newShared("secret-key", options)
    await statsig.initialize()
    expect(after.Statsig.shared()).toBe(statsig)
    expect(statsig.checkGate(new after.StatsigUser({ userID: "u" }), "gate_on")).toBe(true)
    after.Statsig.removeSharedInstance()
    expect(before.Statsig.hasShared()).toBe(false)
  })

  it("leave a test double its own instance", () => {
    const { Statsig } = before.makeStatsigTest()
    const instance = Statsig.newShared("secret-test")
    expect(Statsig.shared()).toBe(instance)
    expect(before.Statsig.hasShared()).toBe(false)
    expect(after.makeStatsigTest().Statsig.hasShared()).toBe(false)
  })

  it("accept a data store made by the other copy of this package", async () => {
    const { toProgram } = await import("../../src/promise/DataStore.js")
    vi.resetModules()
    const { fromProgram } = await import("../../src/promise/DataStore.js")
    const changes = Stream.make(undefined, undefined)
    const store = fromProgram(toProgram(Effect.sync(() => ({ ...Memory.make(), changes: () => changes }))))
    const stamp = { version: 1, receivedAt: 2 }
    const seen = await Effect.runPromise(
      Effect.gen(function* () {
        const early = yield* Effect.flip(store.get("key"))
        yield* store.initialize
        yield* store.set("key", "text", stamp)
        yield* store.setBytes("bytes", new Uint8Array([1, 2]), stamp)
        return [
          [early._tag, early.message],
          yield* store.get("key"),
          yield* store.getBytes("bytes"),
          yield* store.supportsPollingUpdatesFor("key"),
          Chunk.size(yield* Stream.runCollect(Stream.take(store.changes("key"), 2)))
        ]
      }).pipe(Effect.ensuring(Effect.orDie(store.shutdown)))
    )
    expect(seen).toEqual([
      ["DataStoreError", expect.stringContaining("not initialised")],
      "text",
      new Uint8Array([1, 2]),
      false,
      2
    ])
  })

  it("have instances that OpenFeature's provider accepts, except those of another version", () => {
    const { statsig } = after.makeStatsigTest([{ gate: "open", value: true }])
    expect(() => new StatsigProvider(statsig)).not.toThrow()
    class Later extends after.Statsig {}
    Object.defineProperty(Later.prototype, Symbol.for("statsig-effect/Statsig"), { value: 2 })
    const later = new Later("secret-key", options)
    expect(() => new StatsigProvider(later)).toThrow("This Statsig is of another version of statsig-effect")
  })
})
