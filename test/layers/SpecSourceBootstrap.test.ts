import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream, TestClock } from "effect"
import * as Bootstrap from "../../layers/SpecSource/Bootstrap.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { initialize, keeping, payload, payloadObject, poll } from "./support/specs.js"

describe("SpecSource/Bootstrap", () => {
  it.effect("accepts a value instead of text", () =>
    Effect.gen(function* () {
      const apply = keeping()
      const source = yield* Bootstrap.make({ specs: payloadObject() })
      yield* source.fetch(initialize, apply)
      assert.deepStrictEqual(apply.responses, [{ source: "Bootstrap", sourceApi: undefined, body: payload() }])
    })
  )

  const cyclic: Record<string, unknown> = {}
  cyclic["self"] = cyclic
  for (const [name, specs, reason] of [
    ["an empty text", "", "Empty"],
    ["a cyclic value", cyclic, "Failed"],
    ["a bigint within", { time: 1n }, "Failed"]
  ] as const) {
    it.effect(`fails for ${name}`, () =>
      Effect.gen(function* () {
        const source = yield* Bootstrap.make({ specs })
        const error = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.deepInclude(error, { _tag: "SpecSourceError", source: "Bootstrap", reason })
        assert.match(error.message, /^specs: expected (JSON, got an empty text|a JSON value: )/)
      })
    )
  }

  it.scoped("replaces the specs of a store that follows it, at once", () =>
    Effect.gen(function* () {
      const source = yield* Bootstrap.make({ specs: payload({ time: 1, gates: { a: true } }) })
      const services = yield* Layer.build(
        Layer.provide(SpecStoreLayer.layer({ syncInterval: "10 seconds" }), Layer.succeed(SpecSource, source))
      )
      const store = Context.get(services, SpecStore)
      const gates = () => [...(store.current().snapshot?.names("gates") ?? [])]
      yield* store.load
      yield* store.startUpdates
      yield* source.set(payload({ time: 2, gates: { b: true } }))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([gates(), store.current().source], [["b"], "Bootstrap"])
      yield* source.set("garbage")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(gates(), ["b"])
      yield* source.set(payload({ time: 3, gates: { c: true } }))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(gates(), ["c"])
    })
  )

  it.effect("does not report specs that were already fetched", () =>
    Effect.gen(function* () {
      const source = yield* Bootstrap.make({ specs: "one" })
      yield* source.set("two")
      yield* source.fetch(initialize, keeping())
      const apply = keeping()
      const fiber = yield* Effect.fork(Stream.runForEach(source.updates, fetch => fetch(poll, apply)))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(apply.responses, [])
      yield* source.set("three")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(
        apply.responses.map(({ body }) => body),
        ["three"]
      )
      yield* fiber.interruptAsFork(fiber.id())
    })
  )
})
