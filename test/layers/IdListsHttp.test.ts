import { readFileSync } from "node:fs"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Option, Redacted, TestClock } from "effect"
import * as MemoryStore from "../../layers/DataStore/Memory.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import type * as Http from "../../layers/IdLists/Http.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import packageJson from "../../package.json" with { type: "json" }
import * as DataStore from "../../src/DataStore.js"
import { type Answer, key, linesOf, listStatus, make, members, people, sdkKey, stubClient } from "./support/idLists.js"
import { serve } from "./support/server.js"

interface Exchange {
  readonly id: string
  readonly note?: string
  readonly request: {
    readonly method: string
    readonly raw_target: string
    readonly host?: string
    readonly headers: Readonly<Record<string, string>>
  }
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body: unknown }
}

const recorded: { readonly sdkKey: string; readonly exchanges: ReadonlyArray<Exchange> } = JSON.parse(
  readFileSync(new URL("../vectors/id-list-exchanges.json", import.meta.url), "utf8")
)

/** What differs between requests and between SDKs; `fetch` adds no content length on its own. */
const volatile = new Set([
  "statsig-client-time",
  "statsig-server-session-id",
  "statsig-sdk-type",
  "statsig-sdk-version",
  "content-length"
])

const comparable = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !volatile.has(name)))

const replay = (prefix: string, options: Partial<Http.HttpOptions>) =>
  Effect.gen(function* () {
    const exchanges = recorded.exchanges.filter(({ id }) => id.startsWith(prefix))
    const { layer, requests } = stubClient((_, number) => {
      const { body, headers, status } = exchanges[number - 1]!.response
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers })
    })
    const lists = yield* make({ sdkKey: Redacted.make(recorded.sdkKey), ...options }, layer)
    const held: Array<ReadonlyArray<string>> = []
    while (requests.length < exchanges.length) {
      yield* lists.sync
      held.push(members(lists, "vips", people))
    }
    for (const [index, { host, request }] of exchanges
      .map(({ request }) => ({ host: request.host, request }))
      .entries()) {
      const sent = requests[index]!
      const origin = host === undefined ? "http://127.0.0.1:8720" : `https://${host}`
      assert.deepStrictEqual([sent.method, sent.url], [request.method, origin + request.raw_target])
      assert.deepStrictEqual(comparable(sent.headers), comparable(request.headers))
      assert.strictEqual(sent.headers["statsig-sdk-version"], packageJson.version)
    }
    return held
  })

describe("IdLists/Http", () => {
  describe("as recorded from the official package", () => {
    it.scoped("queries a custom server, and holds its lists", () =>
      Effect.map(replay("id-lists", { idListsUrl: "http://127.0.0.1:8720/v1/get_id_lists" }), held =>
        assert.deepStrictEqual(held, [["alice", "bob"], ["alice", "bob"], ["bob", "carol"], ["carol"], []])
      )
    )

    it.scoped("queries Statsig's CDN", () => replay("default-hosts", {}))
  })

  describe("request for a file", () => {
    const entry = { name: "a", size: 11, creationTime: 1, fileID: "f" }
    const cases: ReadonlyArray<
      readonly [url: string, api: string | undefined, sent: string, range: string | undefined, hasKey: boolean]
    > = [
      ["http://lists.test/a", undefined, "http://lists.test/a", "bytes=0-", true],
      ["https://files.test/a?sig=1", undefined, "https://files.test/a?sig=1", "bytes=0-", false],
      ["https://files.test/x/y?sig=1", "http://own.test/dl", "http://own.test/dl/x/y?sig=1", "bytes=0-", true],
      ["https://files.test", "http://own.test/dl", "http://own.test/dl", "bytes=0-", true],
      ["https://api.statsigcdn.com/f?a=b", undefined, "https://api.statsigcdn.com/f?a=b&range=0-", undefined, true]
    ]
    for (const [url, api, sent, range, hasKey] of cases) {
      it.scoped(`${url} goes to ${sent}, ${hasKey ? "with" : "without"} the key`, () =>
        Effect.gen(function* () {
          const { layer, requests } = stubClient((_, number) =>
            number === 1 ? Response.json({ a: { ...entry, url } }) : new Response(linesOf("bob"))
          )
          const lists = yield* make({ idListsUrl: "http://lists.test/lists", downloadIdListFileApi: api }, layer)
          yield* lists.sync
          assert.strictEqual(requests[1]?.url, sent)
          assert.strictEqual(requests[1]?.headers["range"], range)
          assert.strictEqual(requests[1]?.headers["statsig-api-key"], hasKey ? key : undefined)
          assert.deepStrictEqual(members(lists, "a", people), ["bob"])
        })
      )
    }
  })

  describe("manifest", () => {
    const answers =
      (status: number): Answer =>
      ({ url }) =>
        url.startsWith("http://own") ? new Response("", { status }) : Response.json({})

    it.scoped("is requested from Statsig's own host as a fallback when enabled", () =>
      Effect.gen(function* () {
        for (const [status, fallbackToStatsigApi, count] of [
          [500, true, 2],
          [404, true, 2],
          [403, true, 1],
          [429, true, 1],
          [500, false, 1]
        ] as const) {
          const { layer, requests } = stubClient(answers(status))
          const lists = yield* make({ idListsUrl: "http://own.test/lists", fallbackToStatsigApi }, layer)
          yield* Effect.ignore(lists.sync)
          const urls = ["http://own.test/lists", `https://api.statsigcdn.com/v1/get_id_lists/${key}.json`]
          assert.deepStrictEqual(
            requests.map(({ url }) => url),
            urls.slice(0, count)
          )
        }
      })
    )

    it.scoped("skips invalid entries and loads the others", () =>
      Effect.gen(function* () {
        const good = { url: "http://own.test/file", size: 11, creationTime: 1 }
        const { layer } = stubClient(({ url }) =>
          url.endsWith("/lists")
            ? new Response(
                `{"good": ${JSON.stringify({ key: "good", ...good })}, "__proto__": ${JSON.stringify({ name: "p", ...good })},
                  "no name": ${JSON.stringify(good)}, "size": ${JSON.stringify({ name: "s", ...good, size: -1 })},
                  "time": ${JSON.stringify({ name: "t", ...good, creationTime: 1.5 })}, "null": null,
                  "url": ${JSON.stringify({ name: "u", ...good, url: "no-url" })}}`
              )
            : new Response(linesOf("bob"))
        )
        const lists = yield* make({ idListsUrl: "http://own.test/lists" }, layer)
        const error = yield* Effect.flip(lists.sync)
        assert.strictEqual(error.reason, "Invalid")
        for (const name of ["good", "__proto__"]) assert.deepStrictEqual(members(lists, name, people), ["bob"], name)
        const { lists: all, isReady } = yield* lists.status
        assert.isFalse(isReady)
        const failed = all.filter(({ lastError }) => lastError !== undefined)
        assert.deepStrictEqual(
          failed.map(({ lastError, name }) => [name, lastError?.reason]),
          [
            ["no name", "Invalid"],
            ["size", "Invalid"],
            ["time", "Invalid"],
            ["null", "Invalid"],
            ["url", "Failed"]
          ]
        )
      })
    )
  })

  it.scopedLive("follows a server's lists, and downloads only what is new", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const lists = yield* make({ idListsUrl: local.idListsUrl })
      yield* local.setIdList("a", ["alice"])
      yield* local.setIdList("b", [])
      assert.deepStrictEqual(yield* lists.status, {
        isReady: undefined,
        lists: [],
        lastSuccessAt: undefined,
        lastError: undefined
      })
      yield* lists.sync
      assert.deepStrictEqual(members(lists, "a", people), ["alice"])
      yield* local.growIdList("a", { add: ["bob", "carol"], remove: ["alice"] })
      yield* lists.sync
      yield* lists.sync
      assert.deepStrictEqual(members(lists, "a", people), ["bob", "carol"])
      yield* local.setIdList("a", ["dave"])
      yield* local.removeIdList("b")
      yield* lists.sync
      assert.deepStrictEqual(members(lists, "a", people), ["dave"])
      const files = (yield* local.requests).filter(({ endpoint }) => endpoint === "idListFile")
      assert.deepStrictEqual(files.map(({ headers, path }) => [path.slice(-1), headers["range"]]).sort(), [
        ["1", "bytes=0-"],
        ["1", "bytes=10-"],
        ["2", "bytes=0-"],
        ["3", "bytes=0-"]
      ])
      const status = yield* lists.status
      assert.isTrue(status.isReady)
      assert.deepInclude(status.lists[0], {
        name: "a",
        ids: 1,
        file: { fileID: "file_3", bytes: 10 },
        lastError: undefined
      })
      assert.strictEqual(status.lists.length, 1)
    }).pipe(Effect.provide(layerLocalStatsig()))
  )

  it.scopedLive("updates the other lists while one fails, and that one when it recovers", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const lists = yield* make({ idListsUrl: local.idListsUrl })
      for (const name of ["a", "b", "c"]) yield* local.setIdList(name, ["alice"])
      yield* lists.sync
      yield* local.growIdList("a", { add: ["bob"] })
      yield* local.growIdList("b", { add: ["bob"] })
      yield* local.removeIdList("c")
      yield* local.faultNext("idListFile:a", Fault.Reply({ status: 503, body: "later" }))
      const error = yield* Effect.flip(lists.sync)
      assert.deepInclude(error, { list: "a", reason: "Status", status: 503 })
      assert.include(error.message, "Service Unavailable: later")
      const held = () => ["a", "b", "c"].map(name => members(lists, name, people).length)
      assert.deepStrictEqual(held(), [1, 2, 0])
      assert.strictEqual((yield* listStatus(lists, "a"))?.lastError, error)
      assert.isUndefined((yield* listStatus(lists, "b"))?.lastError)
      yield* lists.sync
      assert.deepStrictEqual(held(), [2, 2, 0])
      const { lastError } = yield* lists.status
      assert.isUndefined(lastError)
    }).pipe(Effect.provide(layerLocalStatsig()))
  )

  describe("unexpected files", () => {
    const entry = { name: "a", creationTime: 1, fileID: "f" }
    const all = linesOf(...people)

    /** A server whose file holds `has()`, which announces the size `tells()` and responds as `answers` says. */
    const withFile = (has: () => string, tells: () => number, answers: "206" | "200 with all") =>
      Effect.flatMap(
        serve((request, response) => {
          if (request.url === "/lists") {
            const url = `http://${request.headers.host}/file`
            return void response.end(JSON.stringify({ a: { ...entry, url, size: tells() } }))
          }
          const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0])
          ranges.push(start)
          if (answers === "206") response.writeHead(206).end(has().slice(start))
          else response.end(has())
        }),
        url => make({ idListsUrl: `${url}/lists` })
      )
    let ranges: Array<number> = []

    it.scopedLive("are resumed after the last complete line when shorter than announced", () =>
      Effect.gen(function* () {
        ranges = []
        let has = all.slice(0, 15)
        const lists = yield* withFile(
          () => has,
          () => 40,
          "206"
        )
        yield* lists.sync
        assert.deepStrictEqual(members(lists, "a", people), ["alice"])
        has = all
        yield* lists.sync
        yield* lists.sync
        assert.deepStrictEqual(members(lists, "a", people), people)
        assert.deepStrictEqual(ranges, [0, 10])
      })
    )

    it.scopedLive("are read to their end when longer than announced", () =>
      Effect.gen(function* () {
        ranges = []
        let size = 10
        const lists = yield* withFile(
          () => all,
          () => size,
          "206"
        )
        yield* lists.sync
        assert.deepStrictEqual(members(lists, "a", people), people)
        size = 40
        yield* lists.sync
        assert.deepStrictEqual(ranges, [0])
      })
    )

    it.scopedLive("are read whole from a server without range support", () =>
      Effect.gen(function* () {
        ranges = []
        let has = all.slice(0, 10)
        const lists = yield* withFile(
          () => has,
          () => has.length,
          "200 with all"
        )
        for (const length of [10, 20, 20, 30, 40]) {
          has = all.slice(0, length)
          yield* lists.sync
          assert.strictEqual(members(lists, "a", people).length, length / 10)
        }
        assert.deepStrictEqual(ranges, [0, 10, 20, 30])
      })
    )

    it.scopedLive("are read once when they do not replace the previous one", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const lists = yield* make({ idListsUrl: local.idListsUrl })
        const serving = (fileID: string, creationTime: number, size: number) =>
          local.faultNext(
            "idListManifest",
            Fault.Reply({
              body: JSON.stringify({
                a: { name: "a", url: `${local.url}/v1/download_id_list_file/file_1`, fileID, creationTime, size }
              })
            })
          )
        yield* local.setIdList("a", ["alice"])
        const ranges = Effect.map(local.requests, requests =>
          requests.flatMap(({ endpoint, headers }) => (endpoint === "idListFile" ? headers["range"] : []))
        )
        for (const [fileID, time, size] of [
          ["f1", 10, 10],
          ["f1", 20, 10],
          ["f1", 20, 10],
          ["f0", 5, 10],
          ["f0", 5, 10]
        ] as const) {
          yield* serving(fileID, time, size)
          yield* lists.sync
        }
        assert.deepStrictEqual(yield* ranges, ["bytes=0-", "bytes=0-", "bytes=0-"])
        yield* local.growIdList("a", { add: ["bob"] })
        yield* serving("f0", 5, 20)
        yield* lists.sync
        assert.deepStrictEqual((yield* ranges).at(-1), "bytes=10-")
        assert.deepStrictEqual(members(lists, "a", people), ["alice", "bob"])
      }).pipe(Effect.provide(layerLocalStatsig()))
    )

    it.scopedLive("may be empty", () =>
      Effect.gen(function* () {
        const url = yield* serve((request, response) => {
          if (request.url !== "/lists") return void response.writeHead(416, { "content-range": "bytes */0" }).end()
          response.end(JSON.stringify({ a: { ...entry, url: `http://${request.headers.host}/file`, size: 0 } }))
        })
        const lists = yield* make({ idListsUrl: `${url}/lists` })
        yield* lists.sync
        assert.strictEqual((yield* listStatus(lists, "a"))?.ids, 0)
      })
    )
  })

  describe("faults", () => {
    const gzip = { "content-encoding": "gzip" }
    const both: ReadonlyArray<readonly [name: string, fault: Fault, reason: string, status?: number]> = [
      ["a reset connection", Fault.Reset({}), "Transport"],
      ["a reset in the middle", Fault.Reset({ at: "body" }), "Transport"],
      ["an end in the middle", Fault.Close({ at: "body" }), "Transport"],
      ["corrupt gzip", Fault.Reply({ headers: gzip, body: "no gzip at all" }), "Transport"],
      ["corrupt gzip further on", Fault.Encoding({ encoding: "gzip", corrupt: true }), "Transport"],
      ["a redirect loop", Fault.Reply({ status: 302, headers: { location: "/v1/get_id_lists" } }), "Status", 302],
      ["a redirect to nowhere", Fault.Reply({ status: 302 }), "Status", 302],
      ["not modified", Fault.Reply({ status: 304 }), "Status", 304],
      ...[400, 401, 403, 404, 405, 408, 413, 416, 429, 500, 501, 502, 503].map(
        status => [`status ${status}`, Fault.Reply({ status }), "Status", status] as const
      )
    ]
    const manifests: typeof both = [
      ["no JSON", Fault.Reply({ body: "{" }), "Invalid"],
      ["a list of lists", Fault.Reply({ body: "[]" }), "Invalid"],
      ["nothing", Fault.Reply({ body: "" }), "Invalid"]
    ]
    const files: typeof both = [
      ["no UTF-8", Fault.Reply({ body: Uint8Array.of(43, 255, 254, 10) }), "Invalid"],
      ["another range", Fault.Headers({ headers: { "content-range": "bytes 0-19/20" } }), "Invalid"]
    ]

    const clients = [
      ["fetch", FetchClient.layer],
      ["node:http", NodeClient.layer]
    ] as const

    const lasting = (target: "idListManifest" | "idListFile:a", faults: typeof both) => {
      for (const [client, layer] of clients) lastingBy(target, faults, client, layer)
    }

    const lastingBy = (
      target: "idListManifest" | "idListFile:a",
      faults: typeof both,
      client: string,
      layer: Layer.Layer<HttpClient.HttpClient>
    ) =>
      it.scopedLive(`of the ${target} leave the lists unchanged, are reported, and pass: ${client}`, () =>
        Effect.gen(function* () {
          const local = yield* LocalStatsig
          const lists = yield* make({ idListsUrl: local.idListsUrl }, layer)
          yield* local.setIdList("a", ["alice"])
          yield* lists.sync
          let count = 1
          for (const [name, fault, reason, status] of faults) {
            yield* local.growIdList("a", { add: [`more ${count}`] })
            yield* local.faultAlways(target, fault)
            const error = yield* Effect.flip(lists.sync)
            assert.strictEqual(error.reason, reason, `${name}: ${error.message}`)
            if (status !== undefined) assert.strictEqual(error.status, status, name)
            assert.strictEqual(error.list, target === "idListManifest" ? undefined : "a", name)
            assert.strictEqual((yield* lists.status).lastError, error)
            assert.strictEqual((yield* listStatus(lists, "a"))?.ids, count, name)
            yield* local.clearFaults()
            yield* lists.sync
            assert.strictEqual((yield* listStatus(lists, "a"))?.ids, ++count, name)
          }
        }).pipe(Effect.provide(layerLocalStatsig()), Effect.provide(Logger.remove(Logger.defaultLogger)))
      )

    lasting("idListManifest", [...both, ...manifests])
    lasting("idListFile:a", [...both.filter(([name]) => name !== "a redirect loop"), ...files])

    for (const [name, layer] of clients) {
      it.scoped(`of a silent server last no longer than a request may: ${name}`, () =>
        Effect.gen(function* () {
          const local = yield* LocalStatsig
          const lists = yield* make({ idListsUrl: local.idListsUrl }, layer)
          yield* local.setIdList("a", ["alice"])
          yield* lists.sync
          const taken = { idListManifest: 0, idListFile: 0 }
          for (const endpoint of ["idListManifest", "idListFile"] as const) {
            for (const at of ["head", "body"] as const) {
              yield* local.growIdList("a", { add: [`${endpoint} ${at}`] })
              yield* local.faultNext(endpoint, Fault.Stall({ at }))
              const seen = (yield* local.requests).filter(request => request.endpoint === endpoint).length
              yield* local.takeRequests(endpoint, seen - taken[endpoint])
              taken[endpoint] = seen + 1
              const failing = yield* Effect.fork(Effect.flip(lists.sync))
              yield* local.takeRequests(endpoint, 1)
              // A file gets one more second for each megabyte.
              yield* TestClock.adjust("10001 millis")
              assert.strictEqual((yield* Fiber.join(failing)).reason, "Timeout", `${endpoint} ${at}`)
              const { ids } = (yield* listStatus(lists, "a"))!
              yield* lists.sync
              assert.strictEqual((yield* listStatus(lists, "a"))?.ids, ids + 1)
            }
          }
        }).pipe(Effect.provide(layerLocalStatsig()), Effect.provide(Logger.remove(Logger.defaultLogger)))
      )
    }

    it.scopedLive("of an unreachable server are reported", () =>
      Effect.gen(function* () {
        const gone = yield* Effect.scoped(serve(() => {}))
        const lists = yield* make({ idListsUrl: `${gone}/lists` })
        const error = yield* Effect.flip(lists.sync)
        assert.strictEqual(error.reason, "Transport")
        assert.include(error.message, `${gone}/lists status(None)`)
        assert.include(error.message, "ECONNREFUSED")
      })
    )

    it.scopedLive("reveal neither the key nor the signature of a file", () =>
      Effect.gen(function* () {
        const url = yield* serve((request, response) => {
          if (request.url !== "/lists") return void response.writeHead(500).end(key)
          const file = `http://${request.headers.host}/${key}/file?signature=opensesame`
          response.end(JSON.stringify({ a: { name: "a", creationTime: 1, url: file, size: 1 } }))
        })
        const lists = yield* make({ idListsUrl: `${url}/lists` })
        const { message } = yield* Effect.flip(lists.sync)
        assert.include(message, "/secret-testk*****/file status(500)")
        assert.notInclude(message, key)
        assert.notInclude(message, "opensesame")
      })
    )
  })

  describe("polling", () => {
    const answering = (answer: () => Response) => stubClient(() => answer())

    it.scoped("starts on request, continues through failures, and keeps its interval", () =>
      Effect.gen(function* () {
        let answer = () => new Response("no JSON")
        const { layer, requests } = answering(() => answer())
        const lists = yield* make({ idListsSyncInterval: "5 seconds" }, layer)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(requests.length, 0)
        yield* lists.startUpdates
        yield* lists.startUpdates
        yield* TestClock.adjust("4999 millis")
        assert.strictEqual(requests.length, 0)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(requests.length, 2)
        answer = () => {
          throw new Error("broken")
        }
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* lists.status).lastError?.reason, "Failed")
        answer = () => Response.json({})
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(requests.length, 4)
        assert.isUndefined((yield* lists.status).lastError)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.scoped("uses the default for less than a second", () =>
      Effect.gen(function* () {
        const { layer, requests } = answering(() => Response.json({}))
        const lists = yield* make({ idListsSyncInterval: 999 }, layer)
        yield* lists.startUpdates
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual(requests.length, 0)
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(requests.length, 1)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.scoped("gives up a request after 10 seconds, or after the configured time", () =>
      Effect.gen(function* () {
        const never = Layer.succeed(
          HttpClient.HttpClient,
          HttpClient.make(() => Effect.never)
        )
        for (const [given, seconds] of [
          [undefined, 10],
          [0, 10],
          [-5, 10],
          ["3 seconds", 3]
        ] as const) {
          const lists = yield* make({ idListsRequestTimeout: given }, never)
          yield* lists.startUpdates
          yield* TestClock.adjust("1 minute")
          yield* TestClock.adjust(`${seconds * 1_000 - 1} millis`)
          assert.isUndefined((yield* lists.status).lastError)
          yield* TestClock.adjust("1 millis")
          assert.strictEqual((yield* lists.status).lastError?.reason, "Timeout")
        }
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  })

  describe("with a data store", () => {
    /** Waits for background writes. */
    const eventually = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
      Effect.flatMap(condition, isMet =>
        isMet
          ? Effect.void
          : Effect.andThen(
              Effect.sleep("2 millis"),
              Effect.suspend(() => eventually(condition))
            )
      )

    const recording = () => {
      const store = MemoryStore.make()
      const texts = new Map<string, string>()
      return {
        texts,
        store: DataStore.make({
          ...store,
          set: (key, text, stamp) => Effect.tap(store.set(key, text, stamp), () => void texts.set(key, text))
        })
      }
    }

    const namesKey = DataStore.keyOf("/v1/get_id_lists", "plain_text", { sdkKey })
    const listKey = (name: string) => DataStore.keyOf(`/v1/download_id_list_file/${name}`, "plain_text", { sdkKey })

    it.scopedLive("a process resumes where an earlier one stopped", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const { store, texts } = recording()
        const process = Effect.provideService(make({ idListsUrl: local.idListsUrl }), DataStore.DataStore, store)
        const first = yield* process
        yield* local.setIdList("a", ["alice", "bob"])
        yield* local.setIdList("größe/🦊", ["carol"])
        yield* first.sync
        yield* eventually(Effect.sync(() => texts.has(namesKey)))
        yield* local.growIdList("a", { add: ["dave"], remove: ["alice"] })
        yield* local.faultAlways("idListManifest", Fault.Reply({ status: 500 }))
        const second = yield* process
        yield* Effect.ignore(second.sync)
        assert.deepStrictEqual(members(second, "a", people), ["alice", "bob"])
        assert.deepStrictEqual(members(second, "größe/🦊", people), ["carol"])
        yield* local.clearFaults()
        yield* second.sync
        assert.deepStrictEqual(members(second, "a", people), ["bob", "dave"])
        const ranges = (yield* local.requests).flatMap(({ headers }) => headers["range"] ?? [])
        assert.deepStrictEqual(ranges, ["bytes=0-", "bytes=0-", "bytes=20-"])
        yield* local.removeIdList("größe/🦊")
        yield* second.sync
        yield* eventually(Effect.sync(() => texts.get(namesKey) === '["a"]'))
        const offline = yield* Effect.provideService(make({ disableNetwork: true }), DataStore.DataStore, store)
        yield* offline.sync
        assert.deepStrictEqual(members(offline, "a", people), ["bob", "dave"])
        assert.strictEqual((yield* offline.status).lists.length, 1)
        assert.strictEqual(texts.get(listKey(encodeURIComponent("größe/🦊"))), "")
      }).pipe(Effect.provide(layerLocalStatsig()), Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.scopedLive("lost or mixed-up entries affect only their own lists", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.setIdList("a", ["alice"])
        yield* local.setIdList("b", ["bob"])
        const { store, texts } = recording()
        const process = Effect.provideService(make({ idListsUrl: local.idListsUrl }), DataStore.DataStore, store)
        yield* (yield* process).sync
        yield* eventually(Effect.sync(() => texts.has(namesKey)))
        const cutShort = texts.get(listKey("a"))!.slice(0, -3)
        for (const [name, text] of [
          [namesKey, "no JSON"],
          [listKey("a"), cutShort],
          [listKey("a"), "no JSON"],
          [listKey("a"), "{}\n"]
        ] as const) {
          const kept = texts.get(name)!
          yield* store.set(name, text, { version: 1, receivedAt: 1 })
          const offline = yield* Effect.provideService(make({ disableNetwork: true }), DataStore.DataStore, store)
          yield* offline.sync
          assert.deepStrictEqual(members(offline, "a", people), [], text)
          assert.deepStrictEqual(members(offline, "b", people), name === namesKey ? [] : ["bob"], text)
          const online = yield* process
          yield* online.sync
          assert.deepStrictEqual(members(online, "a", people), ["alice"], text)
          yield* store.set(name, kept, { version: 1, receivedAt: 1 })
        }
      }).pipe(Effect.provide(layerLocalStatsig()), Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.scopedLive("a failing store delays no list, and later gets what it missed", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.setIdList("a", ["alice"])
        const { store, texts } = recording()
        let isBroken = true
        const broken = DataStore.make({
          ...store,
          initialize: Effect.dieMessage("no store today"),
          set: (key, text, stamp) => (isBroken ? Effect.dieMessage("no store today") : store.set(key, text, stamp))
        })
        const lists = yield* Effect.provideService(make({ idListsUrl: local.idListsUrl }), DataStore.DataStore, broken)
        yield* lists.sync
        assert.deepStrictEqual(members(lists, "a", people), ["alice"])
        isBroken = false
        yield* eventually(
          Effect.andThen(
            Effect.ignore(lists.sync),
            Effect.sync(() => texts.has(listKey("a")))
          )
        )
        assert.deepStrictEqual(Option.fromNullable(texts.get(namesKey)), Option.some('["a"]'))
      }).pipe(Effect.provide(layerLocalStatsig()), Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  })
})
