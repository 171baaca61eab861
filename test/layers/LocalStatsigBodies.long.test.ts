/** What LocalStatsig keeps and refuses of request bodies of many megabytes. */
import { request as httpRequest } from "node:http"
import * as zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer as layerNode } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"

const post = (local: LocalStatsig["Type"], events: ReadonlyArray<object>) =>
  send(local.logEventUrl, { method: "POST", body: JSON.stringify({ events, statsigMetadata: { sdkType: "test" } }) })

const send = (url: string, init: RequestInit) => Effect.promise(signal => fetch(url, { ...init, signal }))

const run = layerNode()

describe("large request bodies to a LocalStatsig", () => {
  const megabyte = 1024 * 1024
  const event = (megabytes: number) => ({ eventName: "large", value: "x".repeat(megabytes * megabyte) })
  const names = (events: ReadonlyArray<{ readonly eventName: string }>) => events.map(({ eventName }) => eventName)

  it.live("are kept up to the limit of 64 MB", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      assert.strictEqual((yield* post(local, [event(32)])).status, 202)
      assert.strictEqual((yield* post(local, [event(63)])).status, 202)
      assert.deepStrictEqual(names(yield* local.events), ["large"])
    }).pipe(Effect.provide(run))
  )

  it.live("are refused with 413 above it, before they are read to their end", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const part = Buffer.alloc(megabyte, 32)
      /** Sends that many parts and keeps the request open; returns the response. */
      const send = (headers: Record<string, string | number>, parts: number) =>
        Effect.async<{ readonly status: number | undefined; readonly text: string }>(resume => {
          const request = httpRequest(local.logEventUrl, { method: "POST", headers }, response => {
            const text: Array<Buffer> = []
            response.on("data", part => text.push(part))
            response.on("end", () => {
              request.destroy()
              resume(Effect.succeed({ status: response.statusCode, text: Buffer.concat(text).toString() }))
            })
          })
          request.on("error", () => {})
          for (let index = 0; index < parts; index++) request.write(part)
        })
      for (const answer of [
        yield* send({ "content-length": 65 * megabyte }, 1),
        yield* send({ "transfer-encoding": "chunked" }, 65)
      ]) {
        assert.strictEqual(answer.status, 413)
        assert.deepStrictEqual(JSON.parse(answer.text), {
          success: false,
          error: "expected a body of at most 67108864 bytes, got more"
        })
      }
      assert.strictEqual((yield* post(local, [{ eventName: "next" }])).status, 202)
      assert.deepStrictEqual(names(yield* local.events), ["next"])
    }).pipe(Effect.provide(run))
  )

  it.live("are refused with 413 where they exceed 256 MB decoded", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      for (const [encoding, encode] of [
        ["gzip", (plain: Uint8Array) => zlib.gzipSync(plain, { level: 1 })],
        ["br", (plain: Uint8Array) => zlib.brotliCompressSync(plain, { params: { 1: 1 } })]
      ] as const) {
        const body = new Uint8Array(encode(Buffer.alloc(257 * megabyte, 32)))
        const headers = { "content-encoding": encoding }
        assert.strictEqual((yield* send(local.logEventUrl, { method: "POST", body, headers })).status, 413, encoding)
      }
    }).pipe(Effect.provide(run))
  )

  it.live("are dropped, the oldest first, beyond 64 MB in total", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      for (const eventName of ["first", "second", "third"]) {
        yield* post(local, [{ ...event(25), eventName }, { eventName: `${eventName}, small` }])
      }
      assert.deepStrictEqual(names(yield* local.takeEvents(1)), ["second"])
      assert.deepStrictEqual(names(yield* local.events), ["second", "second, small", "third", "third, small"])
      assert.strictEqual((yield* local.batches).length, 2)
      assert.deepStrictEqual(names(yield* local.takeEvents(2)), ["second, small", "third"])
    }).pipe(Effect.provide(run))
  )
})
