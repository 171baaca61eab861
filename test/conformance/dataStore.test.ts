/**
 * One data store for both packages: what one package stores starts the other, in every format of the server and for
 * every set of store members.
 */
import { setTimeout as sleep } from "node:timers/promises"
import * as official from "@statsig/statsig-node-core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, describe, expect, it } from "vitest"
import * as ours from "../../layers/promise.js"
import { encodePayload, protobufHeaders } from "../layers/support/protobuf.js"
import { serve } from "../layers/support/proxies.js"
import { payloadObject } from "../layers/support/specs.js"
import { liftBounds } from "../support/testBounds.js"

liftBounds()

type Side = Pick<typeof official, "Statsig" | "StatsigUser">
const sides = { official, ours: ours as unknown as Side }

type Form = "JSON" | "protobuf" | "what is asked for"

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** The server's current specs, and its format. */
let served = { form: "JSON" as Form, time: 1, isChanged: false }

const specs = () => payloadObject({ time: served.time, checksum: `c${served.time}`, gates: { gate: served.isChanged } })

const origin = await Effect.runPromise(
  Scope.extend(
    serve("http", (request, response) => {
      const url = new URL(request.url!, "http://server.test")
      const { form, time } = served
      if (Number(url.searchParams.get("sinceTime")) >= time) {
        response.end('{"has_updates":false}')
        return
      }
      const asksForProtobuf = url.searchParams.get("supports_proto") === "true"
      if (form === "protobuf" || (form === "what is asked for" && asksForProtobuf)) {
        response.writeHead(200, protobufHeaders).end(encodePayload(specs()))
      } else response.end(JSON.stringify(specs()))
    }),
    scope
  )
)

type Members = "text" | "bytes" | "all"

/**
 * A store with the official interface. It returns bytes as plain arrays, the only form that the official package reads.
 */
const makeStore = (members: Members, values: Map<string, string | Uint8Array> = new Map()) => {
  const bytesOf = (value: string | Uint8Array) => Array.from(typeof value === "string" ? Buffer.from(value) : value)
  const text = {
    get: async (key: string) => (values.has(key) ? { result: Buffer.from(bytesOf(values.get(key)!)).toString() } : {}),
    set: async (key: string, value: string) => void values.set(key, value)
  }
  const bytes = {
    getBytes: async (key: string) => (values.has(key) ? { result: bytesOf(values.get(key)!) } : {}),
    setBytes: async (key: string, value: Uint8Array) => void values.set(key, Uint8Array.from(value))
  }
  const store = {
    initialize: async () => {},
    shutdown: async () => {},
    supportPollingUpdatesFor: async () => false,
    ...(members === "bytes" ? {} : text),
    ...(members === "text" ? {} : bytes)
  }
  const formats = () => [...values.keys()].map(key => key.split("|")[2]).sort()
  return { store, values, formats }
}

const options = {
  specsUrl: `${origin}/v2/download_config_specs`,
  specsSyncIntervalMs: 20,
  disableAllLogging: true,
  outputLogLevel: "none" as const
}

const start = async (side: Side, store: object, more: object = {}) => {
  const statsig = new side.Statsig("secret-fleet", { ...options, dataStore: store as official.DataStore, ...more })
  const { isSuccess } = await statsig.initialize()
  const gate = () => statsig.getFeatureGate(new side.StatsigUser({ userID: "u" }), "gate")
  return { statsig, isSuccess, gate }
}

/** Fills the store from the network, and returns the formats that it then holds. */
const fill = async (side: Side, { formats, store }: ReturnType<typeof makeStore>, isFilled: () => boolean) => {
  const { statsig } = await start(side, store)
  for (let waited = 0; waited < 6_000 && !isFilled(); waited++) await sleep(5)
  await statsig.shutdown()
  return formats()
}

/** The start of a process without a network. */
const startOffline = async (side: Side, store: object) => {
  const { gate, isSuccess, statsig } = await start(side, store, { disableNetwork: true })
  const { details, value } = gate()
  await statsig.shutdown()
  return { isSuccess, value, reason: details.reason, time: details.lcut }
}

const good = (time: number, value = false) => ({
  isSuccess: true,
  value,
  reason: "Adapter(DataStore):Recognized",
  time
})

describe("a data store that one process filled", () => {
  for (const form of ["JSON", "protobuf", "what is asked for"] as const) {
    for (const members of ["text", "bytes", "all"] as const) {
      const title = `of ${members === "all" ? "all members" : `members for ${members}`}, from a server of ${form}`
      for (const [filler, starter] of [
        ["official", "ours"],
        ["ours", "official"],
        ["ours", "ours"]
      ] as const) {
        it(`${title}, filled by ${filler}, starts ${starter}`, async () => {
          served = { form, time: 10, isChanged: false }
          const store = makeStore(members)
          // The official package writes protobuf as bytes or not at all.
          const isEmpty = filler === "official" && members === "text" && form !== "JSON"
          const formats = await fill(sides[filler], store, () => isEmpty || store.values.size > 0)
          expect(formats.length > 0).toBe(!isEmpty)
          const started = await startOffline(sides[starter], store.store)
          expect(started).toEqual(isEmpty ? { ...started, isSuccess: false } : good(10))
        })
      }
    }
  }

  it("has the same keys and bytes from both, and JSON besides from ours", async () => {
    for (const form of ["JSON", "protobuf"] as const) {
      served = { form, time: 10, isChanged: false }
      const [expected, actual] = [makeStore("all"), makeStore("all")]
      await fill(official, expected, () => expected.values.size > 0)
      await fill(sides.ours, actual, () => actual.values.size === (form === "JSON" ? 1 : 2))
      for (const [key, value] of expected.values)
        expect(Buffer.from(actual.values.get(key)!)).toEqual(Buffer.from(value))
      expect(actual.formats()).toEqual(form === "JSON" ? ["plain_text"] : ["plain_text", "statsig-br"])
    }
  })
})

describe("a data store with specs in both forms", () => {
  const key = (format: string) => `statsig|/v2/download_config_specs|${format}|secret-fleet`
  const v3 = { dataStoreKeySchemaVersion: "v3" as const, disableNetwork: true }
  const at = (time: number) => payloadObject({ time, gates: { gate: time === 2 } })

  it.each([
    ["JSON is newer", JSON.stringify(at(2)), encodePayload(at(1)), 2],
    ["protobuf is newer", JSON.stringify(at(1)), encodePayload(at(2)), 2],
    ["both are as new", JSON.stringify(at(2)), encodePayload(at(2)), 2],
    ["the newer JSON is broken", JSON.stringify(at(2)).slice(0, -1), encodePayload(at(1)), 1],
    ["the newer protobuf is broken", JSON.stringify(at(1)), encodePayload(at(2), { endless: true }), 1],
    ["protobuf is invalid", JSON.stringify(at(1)), Uint8Array.of(0xff, 0xfe), 1],
    ["JSON is invalid", "<html>", encodePayload(at(1)), 1],
    ["JSON has no updates", '{"has_updates":false}', encodePayload(at(1)), 1]
  ])("loads the newest usable one: %s", async (_, json, protobuf, time) => {
    const { store } = makeStore(
      "bytes",
      new Map<string, string | Uint8Array>([
        [key("plain_text"), json],
        [key("statsig-br"), protobuf]
      ])
    )
    const { gate, statsig } = await start(sides.ours, store, v3)
    expect(gate().details).toMatchObject({ reason: "Adapter(DataStore):Recognized", lcut: time })
    await statsig.shutdown()
  })

  it("is kept up to date by our process for official ones, which prefer protobuf to JSON", async () => {
    served = { form: "what is asked for", time: 10, isChanged: false }
    const store = makeStore("all")
    expect(await fill(official, store, () => store.values.size > 0)).toEqual(["statsig-br"])
    served = { form: "what is asked for", time: 20, isChanged: true }
    expect(await fill(sides.ours, store, () => store.values.size === 2)).toEqual(["plain_text", "statsig-br"])
    expect(await startOffline(official, store.store)).toEqual(good(20, true))
    expect(await startOffline(sides.ours, store.store)).toEqual(good(20, true))
  })
})
