import { createHash } from "node:crypto"
import { createServer, request as httpRequest } from "node:http"
import * as zlib from "node:zlib"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, TestClock } from "effect"
import { decompress } from "fzstd"
import { layer as layerNode } from "../../layers/LocalStatsig/Node.js"
import { Fault, idListHash, LocalStatsig, layer, type SpecsPayload } from "../../layers/LocalStatsig.js"

const specs: SpecsPayload = {
  has_updates: true,
  time: 1_700_000_000_000,
  checksum: "a+b/c==",
  feature_gates: {},
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {},
  experiment_to_layer: {},
  padding: "statsig ".repeat(200)
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const send = (url: string, init: RequestInit = {}) =>
  Effect.tryPromise(async (signal): Promise<Answer> => {
    const response = await fetch(url, { ...init, signal })
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

/** The bytes as transmitted: `fetch` would decode them. */
const sendRaw = (url: string, headers: Record<string, string>) =>
  Effect.promise(
    () =>
      new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
        httpRequest(url, { headers }, response => {
          const parts: Array<Buffer> = []
          response.on("data", part => parts.push(part))
          response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts) }))
          response.on("error", reject)
        })
          .on("error", reject)
          .end()
      })
  )

const specsUrl = (local: LocalStatsig["Type"], query = "") => `${local.specsUrl}/secret-key.json${query}`

const post = (local: LocalStatsig["Type"], events: ReadonlyArray<object>) =>
  send(local.logEventUrl, { method: "POST", body: JSON.stringify({ events, statsigMetadata: { sdkType: "test" } }) })

const run = layerNode({ specs, decodeZstd: body => decompress(body) })

describe("LocalStatsig", () => {
  describe("specs", () => {
    it.effect("sends the whole payload to a client that has none, and no update to one that is current", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const whole = yield* send(specsUrl(local))
        assert.strictEqual(whole.status, 200)
        assert.strictEqual(whole.headers.get("content-type"), "application/json")
        assert.deepStrictEqual(JSON.parse(whole.text), specs)

        const isCurrent = (query: string) =>
          Effect.map(send(specsUrl(local, query)), answer => answer.text === `{"has_updates":false}`)
        assert.isTrue(yield* isCurrent("?sinceTime=1700000000000"))
        assert.isTrue(yield* isCurrent("?sinceTime=1700000000001"))
        assert.isFalse(yield* isCurrent("?sinceTime=1699999999999"))
        assert.isFalse(yield* isCurrent("?sinceTime=soon"))
        assert.isTrue(yield* isCurrent("?sinceTime=1700000000000&checksum=a%252Bb%252Fc%253D%253D"), "encoded twice")
        assert.isTrue(yield* isCurrent("?sinceTime=1700000000000&checksum=a%2Bb%2Fc%3D%3D"), "encoded once")
        assert.isFalse(yield* isCurrent("?sinceTime=1700000000000&checksum=other"))
        assert.isFalse(yield* isCurrent("?sinceTime=1700000000000&checksum=%25"), "not decodable")
      }).pipe(Effect.provide(run))
    )

    it.effect("is an empty project without specs", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const { text } = yield* send(specsUrl(local))
        assert.deepInclude(JSON.parse(text), { has_updates: true, time: 1, feature_gates: {} })
      }).pipe(Effect.provide(layerNode()))
    )

    it.effect("encodes as the client accepts", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const decoders: Record<string, (body: Buffer) => Buffer> = {
          "statsig-br, gzip, deflate, br": zlib.brotliDecompressSync,
          "gzip, br": zlib.brotliDecompressSync,
          GZIP: zlib.gunzipSync,
          "zstd, deflate": body => body
        }
        const encodings: Array<unknown> = []
        for (const [accept, decoder] of Object.entries(decoders)) {
          const { body, headers } = yield* sendRaw(specsUrl(local), { "accept-encoding": accept })
          encodings.push(headers["content-encoding"])
          assert.strictEqual(headers["content-length"], String(body.length))
          assert.deepStrictEqual(JSON.parse(decoder(body).toString()), specs)
        }
        assert.deepStrictEqual(encodings, ["br", "br", "gzip", undefined])
      }).pipe(Effect.provide(run))
    )

    it.effect("serves a text unchanged", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        for (const text of [`{"has_updates":true,"time":1.0}`, "no json", ""]) {
          yield* local.setSpecs(text)
          assert.strictEqual((yield* send(specsUrl(local, "?sinceTime=0"))).text, text)
        }
        const exit = yield* Effect.exit(local.updateSpecs(specs => specs))
        assert.isTrue(Exit.isFailure(exit), "an update needs JSON")
      }).pipe(Effect.provide(run))
    )

    it.effect("gives every update a newer time", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const current = Effect.map(send(specsUrl(local)), (answer): SpecsPayload => JSON.parse(answer.text))

        yield* local.updateSpecs(specs => ({ ...specs, app_id: "app" }))
        const first = yield* current
        assert.strictEqual(first["app_id"], "app")
        assert.isAbove(first.time, specs.time)
        assert.notStrictEqual(first.checksum, specs.checksum)

        yield* local.updateSpecs(specs => {
          specs.time = 1_800_000_000_000
          specs.checksum = "mine"
          return specs
        })
        assert.deepInclude(yield* current, { app_id: "app", time: 1_800_000_000_000, checksum: "mine" })
        assert.strictEqual(specs.time, 1_700_000_000_000, "the given payload is not touched")

        yield* local.setSpecs({ ...specs, checksum: undefined })
        yield* local.updateSpecs(specs => specs)
        assert.notProperty(yield* current, "checksum")
      }).pipe(Effect.provide(run))
    )
  })

  describe("ID lists", () => {
    const manifest = (local: LocalStatsig["Type"], method = "POST") =>
      Effect.map(send(local.idListsUrl, { method }), answer => JSON.parse(answer.text))

    it.effect("lists its files and serves ranges of them", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        assert.deepStrictEqual(yield* manifest(local), {})
        yield* local.setIdList("vips", ["alice", "zoë"])
        const hash = (id: string) => createHash("sha256").update(id).digest("base64").slice(0, 8)
        const text = `+${hash("alice")}\n+${hash("zoë")}\n`
        assert.strictEqual(idListHash("zoë"), hash("zoë"))

        const { vips } = yield* manifest(local)
        assert.deepStrictEqual(yield* manifest(local, "GET"), { vips })
        assert.deepInclude(vips, { name: "vips", size: 20 })
        assert.isNumber(vips.creationTime)
        assert.isString(vips.fileID)

        const part = (range: string) => Effect.map(send(vips.url, { headers: { range } }), answer => answer)
        const answers = yield* Effect.forEach(
          ["bytes=0-", "bytes=10-", "bytes=3-5", "bytes=-4", "bytes=15-99", "bytes=-99"],
          part
        )
        assert.deepStrictEqual(
          answers.map(answer => [answer.status, answer.headers.get("content-range"), answer.text]),
          [
            [206, "bytes 0-19/20", text],
            [206, "bytes 10-19/20", text.slice(10)],
            [206, "bytes 3-5/20", text.slice(3, 6)],
            [206, "bytes 16-19/20", text.slice(16)],
            [206, "bytes 15-19/20", text.slice(15)],
            [206, "bytes 0-19/20", text]
          ]
        )
        const beyond = yield* part("bytes=20-")
        assert.deepStrictEqual([beyond.status, beyond.headers.get("content-range")], [416, "bytes */20"])
        for (const range of ["bytes=5-3", "bytes=0-1,4-5", "lines=1-", "bytes=-"]) {
          const answer = yield* part(range)
          assert.deepStrictEqual([answer.status, answer.text], [200, text], range)
        }
        const cdn = yield* send(`${vips.url}?range=10-`)
        assert.deepStrictEqual([cdn.status, cdn.text], [206, text.slice(10)])
      }).pipe(Effect.provide(run))
    )

    it.effect("keeps the file while it grows, and creates a new one otherwise", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.setIdList("__proto__", "+1\n")
        yield* local.setIdList("empty", [])
        const first = yield* manifest(local)
        assert.deepStrictEqual(Object.keys(first), ["__proto__", "empty"])
        const empty = yield* send(first.empty.url, { headers: { range: "bytes=0-" } })
        assert.deepStrictEqual([empty.status, empty.text], [200, ""])

        yield* local.removeIdList("__proto__")
        yield* local.setIdList("empty", "+1\n")
        const second = yield* manifest(local)
        assert.deepStrictEqual(second, { empty: { ...first.empty, size: 3 } })

        yield* local.setIdList("empty", "-1\n")
        const third = (yield* manifest(local)).empty
        assert.notStrictEqual(third.fileID, second.empty.fileID)
        assert.isAbove(third.creationTime, second.empty.creationTime)
        assert.strictEqual((yield* send(second.empty.url)).status, 404)
        assert.strictEqual((yield* send(third.url)).text, "-1\n")
      }).pipe(Effect.provide(run))
    )
  })

  describe("events", () => {
    const batch = (name: string) => JSON.stringify({ events: [{ eventName: name }], statsigMetadata: { sdkType: "x" } })
    // A zstd frame with one raw block, written by hand: Node 20 has no encoder.
    const zstd = (text: string) =>
      Buffer.concat([
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, text.length, (text.length << 3) | 1, text.length >> 5, 0]),
        Buffer.from(text)
      ])

    it.effect("decodes every encoding and keeps the order", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const bodies: Array<[encoding: string | undefined, body: string | Buffer]> = [
          [undefined, batch("plain")],
          ["identity", batch("identity")],
          ["gzip", zlib.gzipSync(batch("gzip"))],
          ["br", zlib.brotliCompressSync(batch("br"))],
          ["deflate", zlib.deflateSync(batch("deflate"))],
          ["zstd", zstd(batch("zstd"))]
        ]
        for (const [encoding, body] of bodies) {
          const headers = encoding === undefined ? {} : { "content-encoding": encoding }
          const answer = yield* send(local.logEventUrl, { method: "POST", body, headers })
          assert.deepStrictEqual([answer.status, answer.text], [202, `{"success":true}`], encoding)
        }
        assert.deepStrictEqual(
          (yield* local.events).map(event => event.eventName),
          ["plain", "identity", "gzip", "br", "deflate", "zstd"]
        )
        const [first, , third] = yield* local.batches
        assert.deepStrictEqual(first!.statsigMetadata, { sdkType: "x" })
        assert.strictEqual(third!.request.headers["content-encoding"], "gzip")
        assert.strictEqual(third!.request.bodySize, (bodies[2]![1] as Buffer).length)
      }).pipe(Effect.provide(run))
    )

    it.effect("refuses unreadable bodies", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const status = (body: string, encoding = "identity") =>
          Effect.map(
            send(local.logEventUrl, { method: "POST", body, headers: { "content-encoding": encoding } }),
            answer => [answer.status, JSON.parse(answer.text).success]
          )
        assert.deepStrictEqual(yield* status("{}"), [400, false])
        assert.deepStrictEqual(yield* status("null"), [400, false])
        assert.deepStrictEqual(yield* status(`{"events":{}}`), [400, false])
        assert.deepStrictEqual(yield* status("no json"), [400, false])
        assert.deepStrictEqual(yield* status(batch("plain"), "gzip"), [400, false])
        assert.deepStrictEqual(yield* status(batch("plain"), "zstd"), [400, false])
        assert.deepStrictEqual(yield* status(batch("plain"), "snappy"), [415, false])
        assert.deepStrictEqual(yield* local.events, [])
      }).pipe(Effect.provide(run))
    )

    it.effect("waits for future events, and takes each once", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const waiting = yield* Effect.fork(local.takeEvents(3))
        yield* post(local, [{ eventName: "a" }, { eventName: "b" }])
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* post(local, [{ eventName: "c" }, { eventName: "d" }])
        const names = (events: ReadonlyArray<{ eventName: string }>) => events.map(event => event.eventName)
        assert.deepStrictEqual(names(yield* Fiber.join(waiting)), ["a", "b", "c"])
        assert.deepStrictEqual(names(yield* local.takeEvents(1)), ["d"])
        assert.deepStrictEqual(names(yield* local.events), ["a", "b", "c", "d"])
      }).pipe(Effect.provide(run))
    )

    it.effect("keeps at most 100,000 events", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const many = (eventName: string) => Array.from({ length: 60_000 }, () => ({ eventName }))
        yield* post(local, many("old"))
        yield* post(local, many("new"))
        const events = yield* local.events
        assert.strictEqual(events.length, 60_000)
        assert.strictEqual(events[0]!.eventName, "new")
      }).pipe(Effect.provide(run))
    )
  })

  describe("requests", () => {
    it.effect("are recorded, known or not", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* TestClock.setTime(1_234)
        yield* send(specsUrl(local, "?sinceTime=5&checksum=a%252Bb"), { headers: { "STATSIG-API-KEY": "secret-key" } })
        const unknown = yield* send(`${local.url}/v1/elsewhere`, { method: "POST", body: "12345" })
        assert.strictEqual(unknown.status, 404)
        assert.property(JSON.parse(unknown.text), "error")
        assert.strictEqual((yield* send(local.logEventUrl)).status, 404, "GET of the event endpoint")
        assert.strictEqual((yield* send(`${local.url}/v1/download_id_list_file/none`)).status, 404)

        const [first, second] = yield* local.requests
        assert.deepInclude(first, {
          endpoint: "specs",
          method: "GET",
          path: "/v2/download_config_specs/secret-key.json",
          query: { sinceTime: "5", checksum: "a%2Bb" },
          bodySize: 0,
          time: 1_234
        })
        assert.strictEqual(first!.headers["statsig-api-key"], "secret-key")
        assert.deepInclude(second, {
          endpoint: undefined,
          path: "/v1/elsewhere",
          method: "POST",
          query: {},
          bodySize: 5
        })
        assert.deepStrictEqual(
          (yield* local.requests).map(request => request.endpoint),
          ["specs", undefined, undefined, "idListFile"]
        )
      }).pipe(Effect.provide(run))
    )

    it.effect("can be awaited, by endpoint", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const waiting = yield* Effect.fork(local.takeRequests("specs", 2))
        yield* send(specsUrl(local))
        yield* send(local.idListsUrl)
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* send(specsUrl(local, "?sinceTime=1"))
        assert.deepStrictEqual(
          (yield* Fiber.join(waiting)).map(request => request.query),
          [{}, { sinceTime: "1" }]
        )
      }).pipe(Effect.provide(run))
    )
  })

  describe("faults", () => {
    const status = (local: LocalStatsig["Type"]) => Effect.map(send(specsUrl(local)), answer => answer.status)

    it.effect("hit one request each, in order, and take precedence over a lasting one", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultAlways("specs", Fault.Reply({ status: 500 }))
        yield* local.faultNext("specs", Fault.Reply({ status: 503 }))
        yield* local.faultNext("specs", Fault.Reply({ status: 429 }), Fault.Reply({ status: 204 }))
        const statuses = yield* Effect.replicateEffect(status(local), 5)
        assert.deepStrictEqual(statuses, [503, 429, 204, 500, 500])
        assert.strictEqual((yield* send(local.idListsUrl)).status, 200, "another endpoint")

        yield* local.faultNext("specs", Fault.Reply({ status: 503 }))
        yield* local.clearFaults("idListManifest")
        assert.strictEqual(yield* status(local), 503)
        yield* local.faultNext("specs", Fault.Reply({ status: 503 }))
        yield* local.clearFaults("specs")
        assert.strictEqual(yield* status(local), 200)
        yield* local.faultAlways("specs", Fault.Reply({ status: 500 }))
        yield* local.clearFaults()
        assert.strictEqual(yield* status(local), 200)
      }).pipe(Effect.provide(run))
    )

    it.effect("hit one ID list by its name", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.setIdList("good", ["a"])
        yield* local.setIdList("bad", ["a"])
        yield* local.faultAlways("idListFile:bad", Fault.Reply({ status: 500 }))
        const { bad, good } = JSON.parse((yield* send(local.idListsUrl)).text)
        assert.deepStrictEqual([(yield* send(good.url)).status, (yield* send(bad.url)).status], [200, 500])
        yield* local.faultNext("idListFile", Fault.Reply({ status: 404 }))
        assert.deepStrictEqual([(yield* send(good.url)).status, (yield* send(good.url)).status], [404, 200])
      }).pipe(Effect.provide(run))
    )

    it.effect("can send any response", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext(
          "specs",
          Fault.Reply({ body: "<html>garbage" }),
          Fault.Reply({ status: 302, headers: { location: local.idListsUrl } }),
          Fault.Reply({ body: Uint8Array.of(1, 2, 3), headers: { "content-type": "application/octet-stream" } }),
          Fault.Headers({ headers: { "content-type": "text/html", "x-statsig-region": "az" } })
        )
        const garbage = yield* send(specsUrl(local))
        assert.deepStrictEqual([garbage.status, garbage.text], [200, "<html>garbage"])
        assert.strictEqual((yield* send(specsUrl(local))).text, "{}", "redirected")
        const bytes = yield* sendRaw(specsUrl(local), {})
        assert.deepStrictEqual([...bytes.body], [1, 2, 3])
        assert.strictEqual(bytes.headers["content-type"], "application/octet-stream")
        const headers = yield* send(specsUrl(local))
        assert.strictEqual(headers.headers.get("content-type"), "text/html")
        assert.strictEqual(headers.headers.get("x-statsig-region"), "az")
        assert.deepStrictEqual(JSON.parse(headers.text), specs)
      }).pipe(Effect.provide(run))
    )

    it.effect("can use an encoding that was not requested, or corrupt it", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext(
          "specs",
          Fault.Encoding({ encoding: "deflate" }),
          Fault.Encoding({ encoding: "identity" })
        )
        const deflate = yield* sendRaw(specsUrl(local), { "accept-encoding": "br" })
        assert.strictEqual(deflate.headers["content-encoding"], "deflate")
        assert.deepStrictEqual(JSON.parse(zlib.inflateSync(deflate.body).toString()), specs)
        const identity = yield* sendRaw(specsUrl(local), { "accept-encoding": "br" })
        assert.deepStrictEqual(JSON.parse(identity.body.toString()), specs)

        for (const encoding of ["gzip", "br", "deflate"] as const) {
          yield* local.faultNext("specs", Fault.Encoding({ encoding, corrupt: true }))
          assert.isTrue(Exit.isFailure(yield* Effect.exit(send(specsUrl(local)))), encoding)
        }
        assert.strictEqual(yield* status(local), 200)
      }).pipe(Effect.provide(run))
    )

    it.effect("can cut the connection before or during the response", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const faults = [Fault.Reset({}), Fault.Reset({ at: "body" }), Fault.Close({}), Fault.Close({ at: "body" })]
        for (const fault of faults) {
          yield* local.faultNext("specs", fault)
          assert.isTrue(Exit.isFailure(yield* Effect.exit(send(specsUrl(local)))), fault._tag)
        }
        assert.strictEqual(yield* status(local), 200)
      }).pipe(Effect.provide(run))
    )

    it.effect("can truncate the body below its announced length", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext("specs", Fault.Close({ at: "body" }))
        const { length, received } = yield* Effect.promise(async () => {
          const response = await fetch(specsUrl(local), { headers: { "accept-encoding": "identity" } })
          let received = 0
          try {
            for await (const part of response.body!) received += part.length
          } catch {
            return { length: Number(response.headers.get("content-length")), received }
          }
          throw new Error("the body was whole")
        })
        assert.strictEqual(length, JSON.stringify(specs).length)
        assert.strictEqual(received, length >> 1)
      }).pipe(Effect.provide(run))
    )

    it.effect("can delay by the clock", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext("specs", Fault.Delay({ duration: "1 hour" }))
        const late = yield* Effect.fork(status(local))
        yield* local.takeRequests("specs", 1)
        assert.strictEqual(yield* status(local), 200)
        assert.isTrue(Option.isNone(yield* Fiber.poll(late)))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(late), 200)
      }).pipe(Effect.provide(run))
    )

    it.effect("keep no events of an unprocessed request, but those of one whose response is lost", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const faults = [
          Fault.Reply({ status: 500 }),
          Fault.Reset({}),
          Fault.Reset({ at: "body" }),
          Fault.Headers({ headers: {} })
        ]
        yield* local.faultNext("logEvent", ...faults)
        for (const index of faults.keys()) yield* Effect.exit(post(local, [{ eventName: String(index) }]))
        assert.deepStrictEqual(
          (yield* local.events).map(event => event.eventName),
          ["2", "3"]
        )
      }).pipe(Effect.provide(run))
    )

    it.effect("stall until the client or the server gives up", () =>
      Effect.gen(function* () {
        const stalled = yield* Effect.gen(function* () {
          const local = yield* LocalStatsig
          yield* local.faultAlways("specs", Fault.Stall({}))
          yield* local.faultNext("specs", Fault.Stall({ at: "body" }))
          const body = yield* Effect.forkDaemon(Effect.exit(status(local)))
          yield* local.takeRequests("specs", 1)
          const head = yield* Effect.forkDaemon(Effect.exit(status(local)))
          const gone = yield* Effect.fork(status(local))
          yield* local.takeRequests("specs", 2)
          yield* Fiber.interrupt(gone)
          assert.strictEqual((yield* send(local.idListsUrl)).status, 200)
          assert.isTrue(Option.isNone(yield* Fiber.poll(body)))
          assert.isTrue(Option.isNone(yield* Fiber.poll(head)))
          return [head, body]
        }).pipe(Effect.provide(run))
        const exits = yield* Effect.forEach(stalled, fiber => Fiber.join(fiber))
        assert.deepStrictEqual(exits.map(Exit.isFailure), [true, true])
      })
    )
  })

  it.effect("runs on the given server and releases stalled requests at the end", () =>
    Effect.gen(function* () {
      const server = NodeHttpServer.layerServer(createServer, { port: 0, host: "127.0.0.1" })
      const stalled = yield* Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext("specs", Fault.Stall({}), Fault.Delay({ duration: "1 hour" }))
        const options = { headers: { connection: "close" } }
        const fibers = yield* Effect.replicateEffect(Effect.forkDaemon(Effect.exit(send(specsUrl(local), options))), 2)
        yield* local.takeRequests("specs", 2)
        return fibers
      }).pipe(Effect.provide(Layer.provide(layer({ specs }), server)))
      const exits = yield* Effect.forEach(stalled, fiber => Fiber.join(fiber))
      assert.deepStrictEqual(exits.filter(Exit.isFailure).length, 1)
    })
  )
})
