/** Hundreds of ID lists whose files hang, drip or are missing, next to a good one. */
import type { ServerResponse } from "node:http"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, TestClock } from "effect"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import { linesOf, listStatus, make, members, people, stubClient } from "./support/idLists.js"
import { serve } from "./support/server.js"

describe("many unavailable ID lists", () => {
  const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))
  const url = "http://lists.test"
  const entry = (name: string, more: object = {}) => ({
    name,
    url: `${url}/${name}`,
    size: 10,
    creationTime: 1,
    fileID: name,
    ...more
  })
  const manifestOf = (entries: ReadonlyArray<{ readonly name: string }>) =>
    Response.json(Object.fromEntries(entries.map(entry => [entry.name, entry])))
  const bad = (count: number) => Array.from({ length: count }, (_, index) => entry(`bad-${index}`))

  /** Headers, and then an occasional byte. */
  const drip = (response: ServerResponse) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write("+"), 300)
    response.on("close", () => clearInterval(timer))
  }

  for (const [count, trouble] of [
    [24, "hang"],
    [100, "hang"],
    [100, "drip"]
  ] as const) {
    it.scopedLive(`${count} that ${trouble} delay neither a good list nor the polls`, () =>
      Effect.gen(function* () {
        let file = linesOf("alice")
        const base = yield* serve((request, response) => {
          if (request.url?.startsWith("/bad") === true) return trouble === "drip" ? drip(response) : undefined
          if (request.url === "/good") {
            return void response.writeHead(206).end(file.slice(Number(/\d+/.exec(request.headers.range ?? "")?.[0])))
          }
          const entries = [...bad(count), entry("good", { size: file.length })]
          const moved = entries.map(entry => [
            entry.name,
            { ...entry, url: entry.url.replace(url, `http://${request.headers.host}`) }
          ])
          response.end(JSON.stringify(Object.fromEntries(moved)))
        })
        // The deadline of a file exceeds that of this test.
        const lists = yield* make(
          { idListsUrl: `${base}/lists`, idListsRequestTimeout: "10 minutes", idListsSyncInterval: "1 second" },
          NodeClient.layer
        )
        const holdsGood = (count: number) =>
          Effect.repeat(
            Effect.delay(
              Effect.sync(() => members(lists, "good", people).length),
              "10 millis"
            ),
            { until: found => found === count }
          )
        const sync = yield* Effect.fork(lists.sync)
        yield* holdsGood(1)
        // As the deadline of initialize does.
        yield* Fiber.interrupt(sync)
        yield* lists.startUpdates
        for (const [index, id] of ["bob", "carol"].entries()) {
          file += linesOf(id)
          yield* holdsGood(index + 2)
        }
      }).pipe(quiet)
    )
  }

  it.scoped("hundreds of missing ones are not requested again and again, and the log stays short", () => {
    const lines: Array<unknown> = []
    const log = Logger.make(({ message }) => void lines.push(message))
    return Effect.gen(function* () {
      const asked = new Map<string, number>()
      let size = 10
      const { layer } = stubClient(request => {
        if (!request.url.startsWith(url)) throw new Error(request.url)
        const name = request.url.slice(url.length + 1)
        if (name === "lists") return manifestOf([...bad(200), entry("good", { size })])
        asked.set(name, (asked.get(name) ?? 0) + 1)
        return name === "good"
          ? new Response("+aliceali\n".slice(0, 10), { status: 206 })
          : new Response("", { status: 404 })
      })
      const lists = yield* make({ idListsUrl: `${url}/lists`, idListsSyncInterval: "1 minute" }, layer)
      yield* Effect.ignore(lists.sync)
      assert.strictEqual(lines.length, 11)
      for (let sync = 1; sync < 60; sync++) {
        size += 10
        yield* Effect.ignore(lists.sync)
      }
      assert.strictEqual(asked.get("good"), 60)
      // In the first two syncs, then after twice as many each time.
      const counts = new Set(Array.from(asked.values()))
      counts.delete(60)
      assert.isAtMost(Math.max(...counts), 8)
      assert.isAtLeast(Math.min(...counts), 5)
      assert.isAtMost(lines.length, 60 * 11)
      assert.include(String(lines[10]), "190 more ID lists were not synced")
      assert.strictEqual((yield* lists.status).lists.length, 201)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, log)))
  })

  it.scoped("a file is skipped for as long as its server asks, unless the manifest names another one", () =>
    Effect.gen(function* () {
      let fileID = "first"
      const seen: Array<number> = []
      let polls = 0
      const { layer } = stubClient(request => {
        if (request.url.endsWith("/lists")) {
          polls++
          return manifestOf([entry("a", { fileID })])
        }
        seen.push(polls)
        return new Response("", { status: 503, headers: { "retry-after": "300" } })
      })
      const lists = yield* make({ idListsUrl: `${url}/lists`, idListsSyncInterval: "1 minute" }, layer)
      const error = yield* Effect.flip(lists.sync)
      assert.deepInclude(error, { list: "a", status: 503, retryAfter: 300_000 })
      for (let sync = 0; sync < 5; sync++) assert.strictEqual(yield* Effect.flip(lists.sync), error)
      assert.deepStrictEqual(seen, [1])
      yield* Effect.flip(lists.sync)
      assert.deepStrictEqual(seen, [1, 7])
      fileID = "second"
      yield* Effect.flip(lists.sync)
      assert.deepStrictEqual(seen, [1, 7, 8])
    }).pipe(quiet)
  )

  it.scoped("downloads beyond the limit on hanging ones are given up, the longest hanging first", () =>
    Effect.gen(function* () {
      const count = 600
      const client = HttpClient.make(request =>
        request.url.endsWith("/lists")
          ? Effect.succeed(HttpClientResponse.fromWeb(request, manifestOf([...bad(count), entry("good")])))
          : request.url.endsWith("/good")
            ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response(linesOf("alice"), { status: 206 })))
            : Effect.never
      )
      const lists = yield* make(
        { idListsUrl: `${url}/lists`, idListsRequestTimeout: "10 minutes" },
        Layer.succeed(HttpClient.HttpClient, client)
      )
      yield* Effect.fork(lists.sync)
      for (let second = 0; second < 40 && members(lists, "good", people).length === 0; second++) {
        yield* TestClock.adjust("1 second")
        yield* Effect.promise(() => new Promise(resolve => setTimeout(resolve, 20)))
      }
      assert.deepStrictEqual(members(lists, "good", people), ["alice"])
      const { lastError } = (yield* listStatus(lists, "bad-0"))!
      assert.deepInclude(lastError, { reason: "Timeout" })
      assert.include(lastError?.message, "too many other files hang")
      const failing = (yield* lists.status).lists.filter(({ lastError }) => lastError !== undefined)
      assert.isAtMost(failing.length, count - 256)
    }).pipe(quiet)
  )

  it.scoped("the manifest is requested less often while its server refuses", () =>
    Effect.gen(function* () {
      const { layer, requests } = stubClient(() => new Response("", { status: 429, headers: { "retry-after": "300" } }))
      const lists = yield* make({ idListsUrl: `${url}/lists`, idListsSyncInterval: "10 seconds" }, layer)
      yield* lists.startUpdates
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(requests.length, 1)
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual(requests.length, 1)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(requests.length, 2)
    }).pipe(quiet)
  )
})
