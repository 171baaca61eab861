import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import * as Http from "../../layers/SpecSource/Http.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { SpecStore } from "../../src/SpecStore.js"
import { encodePayload, protobufHeaders } from "./support/protobuf.js"
import { noUpdates, payload, payloadObject } from "./support/specs.js"

const first = payloadObject({ time: 1, checksum: "a", gates: { kept: true, gone: true } })
const second = payloadObject({ time: 2, checksum: "b", gates: { kept: true, added: false } })
const protobuf = (body: Uint8Array) => new Response(new Uint8Array(body), { headers: protobufHeaders })

/** A spec store over a source that responds in order, and its queries. */
const make = Effect.fnUntraced(function* (answers: ReadonlyArray<() => Response>, enableDcsDeltas = true) {
  const queries: Array<string> = []
  const client = HttpClient.make(request =>
    Effect.sync(() => {
      const answer = answers[queries.push(new URL(request.url).search) - 1]!
      return HttpClientResponse.fromWeb(request, answer())
    })
  )
  const source = Http.layer({ sdkKey: Redacted.make("secret-key"), enableDcsDeltas })
  const store = yield* SpecStoreLayer.layer({ syncInterval: "1 hour" }).pipe(
    Layer.provide(source),
    Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
    Layer.build,
    Effect.map(Context.get(SpecStore))
  )
  const gates = () => [...(store.current().snapshot?.names("gates") ?? [])].sort()
  return { queries, store, gates }
})

const asked = "supports_proto=true&accept_deltas=true"

describe("SpecSource/Http with deltas", () => {
  it.scoped("requests the whole payload after a checksum mismatch, and deltas again afterwards", () =>
    Effect.gen(function* () {
      const { gates, queries, store } = yield* make([
        () => protobuf(encodePayload(first)),
        () => protobuf(encodePayload(second, { since: first, wrongSums: true })),
        () => protobuf(encodePayload(second)),
        () => new Response(noUpdates)
      ])
      yield* store.syncNow
      assert.deepStrictEqual(gates(), ["gone", "kept"])
      const error = yield* Effect.flip(store.syncNow)
      assert.deepInclude(error, { _tag: "SpecsError", reason: "Checksum", format: "protobuf" })
      assert.include(error.message, "the checksums of feature_gates do not agree")
      yield* store.syncNow
      assert.deepStrictEqual(gates(), ["added", "kept"])
      yield* store.syncNow
      assert.deepStrictEqual(queries, [
        `?${asked}`,
        `?${asked}&sinceTime=1&checksum=a`,
        "?supports_proto=true&sinceTime=1&checksum=a",
        `?${asked}&sinceTime=2&checksum=b`
      ])
    })
  )

  it.scoped("builds on specs that came as JSON", () =>
    Effect.gen(function* () {
      const { gates, store } = yield* make([
        () => new Response(JSON.stringify(first)),
        () => protobuf(encodePayload(second, { since: first, noSums: true }))
      ])
      yield* store.syncNow
      yield* store.syncNow
      assert.deepStrictEqual(gates(), ["added", "kept"])
    })
  )

  it.scoped("refuses a body without an end and invalid protobuf, and keeps the current specs", () =>
    Effect.gen(function* () {
      const bad = [
        encodePayload(second, { endless: true }),
        encodePayload(second).subarray(0, 40),
        Uint8Array.of(0xff, 1, 2)
      ]
      const { gates, store } = yield* make([
        () => new Response(JSON.stringify(first)),
        ...bad.map(body => () => protobuf(body)),
        () => protobuf(new TextEncoder().encode(payload({ time: 3, gates: { json: true } })))
      ])
      yield* store.syncNow
      for (const said of [/it ends too early/, /unexpected end of file/, /expected JSON in UTF-8, or protobuf/]) {
        const error = yield* Effect.flip(store.syncNow)
        assert.deepInclude(error, { _tag: "SpecsError", reason: "Syntax", format: "protobuf" })
        assert.match(error.message, said)
        assert.deepStrictEqual(gates(), ["gone", "kept"])
      }
      yield* store.syncNow
      assert.deepStrictEqual(gates(), ["json"], "JSON, whatever the headers say")
    })
  )

  it.scoped("reads protobuf that was not requested, whatever the headers say", () =>
    Effect.gen(function* () {
      const headers = [
        protobufHeaders,
        { "content-type": "application/octet-stream" },
        { "content-encoding": "statsig-br" }
      ]
      for (const told of [...headers, {}]) {
        const answer = () => new Response(new Uint8Array(encodePayload(first)), { headers: told })
        const { gates, queries, store } = yield* make([answer], false)
        yield* store.syncNow
        assert.deepStrictEqual(gates(), ["gone", "kept"])
        assert.deepStrictEqual(queries, [""])
      }
    })
  )
})
