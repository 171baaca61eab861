/**
 * Specs over a network with every kind of failure: the store keeps the newest good ones, reports the error, and has the
 * newest again one interval after the network has recovered.
 */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { type Clock, Context, Effect, Layer, Redacted, TestClock } from "effect"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as Http from "../../layers/SpecSource/Http.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { SpecStore } from "../../src/SpecStore.js"
import { payload, payloadObject } from "./support/specs.js"

const key = "secret-testkey1234567890"

const build = (specsUrl: string, syncInterval: "10 seconds" | "20 millis" = "10 seconds") =>
  SpecStoreLayer.layer({ syncInterval }).pipe(
    Layer.provide(Http.layer({ sdkKey: Redacted.make(key), specsUrl })),
    Layer.provide(NodeClient.layer),
    Layer.build,
    Effect.map(Context.get(SpecStore))
  )

const first = payload({ time: 1_000, checksum: "first", gates: { first: true } })
const second = payload({ time: 2_000, checksum: "second", gates: { second: true } })

/** `[time, gate]` of the current specs. */
const held = (store: SpecStore["Type"]) => {
  const { snapshot } = store.current()
  return [snapshot?.time, snapshot?.spec("gate", "first") !== undefined, snapshot?.spec("gate", "second") !== undefined]
}

const turn = (millis: number) => Effect.promise(() => sleep(millis))

/** Advances the test's clock and the network in small steps until the condition holds. */
const advanceUntil = (isSo: Effect.Effect<boolean>, step: "100 millis" | "1 second" = "100 millis") =>
  Effect.repeat(Effect.andThen(TestClock.adjust(step), Effect.andThen(turn(5), isSo)), { until: found => found })

/** Waits for the network only: the test's clock stands still. */
const waitUntil = (isSo: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.andThen(turn(5), isSo), { until: found => found })

const encoded = (encoding: "gzip" | "br", body: Uint8Array) =>
  Fault.Reply({ headers: { "content-encoding": encoding }, body: new Uint8Array(body) })

const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)

type Expected = readonly [reason: string, message: RegExp]

const statuses = [400, 401, 403, 404, 405, 408, 409, 413, 418, 429, 500, 501, 502, 503, 504]
const faults: ReadonlyArray<readonly [name: string, fault: Fault, expected: Expected]> = [
  ["a reset before the answer", Fault.Reset({}), ["Transport", /ECONNRESET|socket hang up/]],
  ["a reset within the answer", Fault.Reset({ at: "body" }), ["Transport", /aborted|ECONNRESET/]],
  ["no answer", Fault.Close({}), ["Transport", /socket hang up/]],
  ["half an answer", Fault.Close({ at: "body" }), ["Transport", /aborted|terminated/]],
  ["a stall before the answer", Fault.Stall({}), ["Timeout", /no whole answer within 10000 ms/]],
  ["a stall within the answer", Fault.Stall({ at: "body" }), ["Timeout", /no whole answer within 10000 ms/]],
  ["corrupt gzip", Fault.Encoding({ encoding: "gzip", corrupt: true }), ["Transport", /header|unknown compression/]],
  ["corrupt brotli", Fault.Encoding({ encoding: "br", corrupt: true }), ["Transport", /[Dd]ecompression failed/]],
  ["half of a gzip", encoded("gzip", half(gzipSync(second))), ["Transport", /unexpected end of file/]],
  ["half of a brotli", encoded("br", half(brotliCompressSync(second))), ["Transport", /unexpected end of file/]],
  ["an encoding that was not requested", Fault.Encoding({ encoding: "deflate", corrupt: true }), ["Transport", /./]],
  ["half a payload", Fault.Reply({ body: second.slice(0, -40) }), ["Syntax", /expected JSON/]],
  ["invalid UTF-8", Fault.Reply({ body: new Uint8Array([0xff, 0xfe]) }), ["Syntax", /UTF-8/]],
  ["a page", Fault.Reply({ headers: { "content-type": "text/html" }, body: "<html>" }), ["Syntax", /expected JSON/]],
  ["another JSON", Fault.Reply({ body: '{"error":"no"}' }), ["Shape", /has_updates/]],
  ["an empty answer", Fault.Reply({}), ["Syntax", /expected JSON/]],
  [
    "a redirect to itself",
    Fault.Reply({ status: 302, headers: { location: `${key}.json` } }),
    ["Status", /too many redirects/]
  ],
  ["a redirect without an address", Fault.Reply({ status: 302 }), ["Status", /status\(302\)/]],
  ...statuses.map(
    status => [`status ${status}`, Fault.Reply({ status }), ["Status", new RegExp(`status\\(${status}\\)`)]] as const
  )
]

describe("specs", () => {
  for (const [name, fault, [reason, message]] of faults) {
    it.scoped(`survive ${name}`, () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const store = yield* build(local.specsUrl)
        yield* store.load
        yield* store.startUpdates
        yield* local.faultAlways("specs", fault)
        yield* local.setSpecs(second)
        yield* TestClock.adjust("10 seconds")
        yield* advanceUntil(
          Effect.map(store.status, ({ lastError }) => lastError !== undefined),
          fault._tag === "Stall" ? "1 second" : "100 millis"
        )
        const { lastError, lastSuccessAt, source } = yield* store.status
        assert.deepStrictEqual([source, lastSuccessAt, ...held(store)], ["Network", 0, 1_000, true, false])
        assert.strictEqual(lastError?.reason, reason)
        assert.match(lastError?.message ?? "", message)
        assert.notInclude(lastError?.message ?? "", key)

        yield* local.clearFaults()
        yield* TestClock.adjust(reason === "Status" ? "20 seconds" : "10 seconds")
        // Not just one poll: one that was still running has delayed the next.
        yield* advanceUntil(Effect.sync(() => held(store)[0] === 2_000))
        const recovered = yield* store.status
        assert.deepStrictEqual(
          [recovered.lastError, recovered.isStale, ...held(store)],
          [undefined, false, 2_000, false, true]
        )
      }).pipe(Effect.provide(layerLocalStatsig({ specs: first })))
    )
  }

  it.scoped("survive a faulty start, which initialize reports", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const store = yield* build(local.specsUrl)
      yield* local.faultAlways("specs", Fault.Reset({}))
      assert.strictEqual((yield* Effect.flip(store.load)).reason, "Transport")
      assert.strictEqual(store.current().source, "NoValues")
      yield* store.startUpdates
      yield* local.clearFaults()
      yield* TestClock.adjust("10 seconds")
      yield* waitUntil(Effect.sync(() => held(store)[0] === 1_000))
      assert.strictEqual(store.current().source, "Network")
    }).pipe(Effect.provide(layerLocalStatsig({ specs: first })))
  )

  it.scoped("are read whatever content type the response declares", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const store = yield* build(local.specsUrl)
      yield* local.faultAlways("specs", Fault.Headers({ headers: { "content-type": "image/png" } }))
      yield* store.load
      assert.deepStrictEqual(held(store), [1_000, true, false])
    }).pipe(Effect.provide(layerLocalStatsig({ specs: first })))
  )

  it.scoped("are not replaced by older ones, which are not an error", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const store = yield* build(local.specsUrl)
      yield* store.load
      yield* local.faultNext("specs", Fault.Reply({ body: first }), Fault.Reply({ body: second }))
      yield* store.syncNow
      assert.deepStrictEqual([(yield* store.status).lastError, ...held(store)], [undefined, 2_000, false, true])
      yield* store.syncNow
      assert.deepStrictEqual(held(store), [2_000, false, true])
    }).pipe(Effect.provide(layerLocalStatsig({ specs: second })))
  )

  it.scopedLive("survive a server that is down for a while", () =>
    Effect.gen(function* () {
      let body = first
      const listen = (port: number) =>
        Effect.async<Server>(resume => {
          const server = createServer((_request, response) => response.end(body))
          server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        })
      const close = (server: Server) => Effect.sync(() => void server.close().closeAllConnections())
      const server = yield* listen(0)
      const { port } = server.address() as AddressInfo
      const store = yield* build(`http://127.0.0.1:${port}/v2/specs`, "20 millis")
      yield* store.load
      yield* close(server)
      const error = yield* Effect.flip(store.syncNow)
      assert.deepInclude(error, { _tag: "SpecSourceError", reason: "Transport" })
      assert.include(error.message, `connect ECONNREFUSED 127.0.0.1:${port}`)
      assert.deepStrictEqual(held(store), [1_000, true, false])
      body = second
      yield* Effect.acquireRelease(listen(port), close)
      yield* store.startUpdates
      yield* waitUntil(Effect.sync(() => held(store)[0] === 2_000))
    })
  )

  for (const days of [-1, 1]) {
    it.scopedLive(`survive a clock that jumps by ${days} day`, () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const real = yield* Effect.clock
        let jumped = 0
        const clock: Clock.Clock = Object.assign(Object.create(real), {
          unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() + jumped,
          currentTimeMillis: Effect.sync(() => real.unsafeCurrentTimeMillis() + jumped)
        })
        yield* Effect.gen(function* () {
          const store = yield* build(local.specsUrl, "20 millis")
          yield* store.load
          jumped = days * 86_400_000
          assert.strictEqual((yield* store.status).isStale, false)
          yield* local.setSpecs(second)
          yield* store.startUpdates
          yield* waitUntil(Effect.sync(() => held(store)[0] === 2_000))
          const { age, isStale, receivedAt } = yield* store.status
          assert.isDefined(age)
          assert.isFalse(isStale)
          assert.isAbove(days * (receivedAt! - real.unsafeCurrentTimeMillis()), 0)
        }).pipe(Effect.withClock(clock))
      }).pipe(Effect.provide(layerLocalStatsig({ specs: payloadObject({ time: 1_000, gates: { first: true } }) })))
    )
  }
})
