import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Http from "../../layers/SpecSource/Http.js"
import { encodePayload, protobufHeaders } from "./support/protobuf.js"
import { keeping, payload, payloadObject } from "./support/specs.js"

const first = payloadObject({ time: 1, checksum: "a", gates: { kept: true, gone: true } })
const second = payloadObject({ time: 2, checksum: "b", gates: { kept: true, added: false } })
const protobuf = (body: Uint8Array) => new Response(new Uint8Array(body), { headers: protobufHeaders })

/** A source that is answered in order, and the queries that it made. */
const make = Effect.fnUntraced(function* (answers: ReadonlyArray<() => Response>) {
  const queries: Array<string> = []
  const client = HttpClient.make(request =>
    Effect.sync(() => {
      const answer = answers[queries.push(new URL(request.url).search) - 1]!
      return HttpClientResponse.fromWeb(request, answer())
    })
  )
  const options = { sdkKey: Redacted.make("secret-key"), enableDcsDeltas: true }
  const source = yield* Effect.provideService(Http.make(options), HttpClient.HttpClient, client)
  const apply = keeping()
  const fetch = (sinceTime: number) => source.fetch({ purpose: "sync", sinceTime, checksum: undefined }, apply)
  const gates = () => Object.keys(JSON.parse(apply.responses.at(-1)!.body).feature_gates).sort()
  return { queries, fetch, gates }
})

const asked = "supports_proto=true&accept_deltas=true"

describe("SpecSource/Http with deltas", () => {
  it.effect("asks for the whole after sums that do not agree, and for deltas again after it", () =>
    Effect.gen(function* () {
      const { fetch, gates, queries } = yield* make([
        () => protobuf(encodePayload(first)),
        () => protobuf(encodePayload(second, { since: first, wrongSums: true })),
        () => protobuf(encodePayload(second)),
        () => new Response('{"has_updates":false}')
      ])
      yield* fetch(0)
      assert.deepStrictEqual(gates(), ["gone", "kept"])
      const error = yield* Effect.flip(fetch(1))
      assert.deepInclude(error, { _tag: "SpecsError", reason: "Checksum", format: "protobuf" })
      assert.include(error.message, "the checksums of feature_gates do not agree")
      yield* fetch(1)
      assert.deepStrictEqual(gates(), ["added", "kept"])
      yield* fetch(2)
      assert.deepStrictEqual(queries, [
        `?${asked}`,
        `?${asked}&sinceTime=1`,
        "?supports_proto=true&sinceTime=1",
        `?${asked}&sinceTime=2`
      ])
    })
  )

  it.effect("refuses what builds on specs from elsewhere, what has no end and what is no protobuf", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make([
        () => protobuf(encodePayload(second, { since: first })),
        () => protobuf(encodePayload(first, { endless: true })),
        () => protobuf(encodePayload(first).subarray(0, 40)),
        () => protobuf(new TextEncoder().encode(payload()))
      ])
      const messages: Array<string> = []
      for (let number = 0; number < 4; number++) messages.push((yield* Effect.flip(fetch(1))).message)
      assert.include(messages[0], "it builds on specs that are not held")
      assert.include(messages[1], "it ends too early")
      for (const message of messages.slice(2)) assert.include(message, "cannot be decompressed")
    })
  )

  it.effect("reads JSON all the same", () =>
    Effect.gen(function* () {
      const { fetch, gates } = yield* make([() => new Response(JSON.stringify(second))])
      yield* fetch(0)
      assert.deepStrictEqual(gates(), ["added", "kept"])
    })
  )
})
