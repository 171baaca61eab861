import { KeyValueStore } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as KeyValueStorage from "../../layers/PersistentStorage/KeyValueStore.js"
import { PersistentStorage } from "../../src/PersistentStorage.js"
import { values } from "./support/stickyValues.js"

const memory = Layer.provideMerge(KeyValueStorage.layer, KeyValueStore.layerMemory)

describe("PersistentStorage/KeyValueStore", () => {
  it.effect("keeps one separate entry for each user", () =>
    Effect.gen(function* () {
      const storage = yield* PersistentStorage
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("u:userID", "somebody else's")
      yield* storage.save("u:userID", "a", values)
      yield* storage.save("u:userID", "b", values)
      assert.strictEqual(yield* store.size, 2)
      yield* storage.delete("u:userID", "a")
      yield* storage.delete("u:userID", "b")
      assert.strictEqual(yield* store.size, 1)
    }).pipe(Effect.provide(memory))
  )

  it.effect("leaves unreadable entries unchanged", () =>
    Effect.gen(function* () {
      const storage = yield* PersistentStorage
      const store = yield* KeyValueStore.KeyValueStore
      for (const text of ["", "{", "[]", "null", '"text"']) {
        yield* store.set("statsig|sticky|u:userID", text)
        const failures = [
          yield* Effect.flip(storage.load("u:userID")),
          yield* Effect.flip(storage.save("u:userID", "a", values)),
          yield* Effect.flip(storage.delete("u:userID", "a"))
        ]
        assert.deepStrictEqual(
          failures.map(({ _tag, operation }) => [_tag, operation]),
          ["load", "save", "delete"].map(operation => ["PersistentStorageError", operation])
        )
        assert.deepInclude(yield* store.get("statsig|sticky|u:userID"), { value: text })
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("leaves malformed assignments next to a valid one unchanged", () =>
    Effect.gen(function* () {
      const storage = yield* PersistentStorage
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set("statsig|sticky|u:userID", '{"odd":{"value":"yes"}}')
      yield* storage.save("u:userID", "a", values)
      assert.deepStrictEqual(yield* storage.load("u:userID"), { odd: { value: "yes" }, a: values })
    }).pipe(Effect.provide(memory))
  )

  it.effect("fails when the store fails", () => {
    const broken = new SystemError({
      module: "KeyValueStore",
      method: "get",
      reason: "Unknown",
      description: "no disk"
    })
    const store = KeyValueStore.makeStringOnly({
      get: () => Effect.fail(broken),
      set: () => Effect.fail(broken),
      remove: () => Effect.fail(broken),
      clear: Effect.fail(broken),
      size: Effect.fail(broken)
    })
    return Effect.gen(function* () {
      const storage = yield* PersistentStorage
      const error = yield* Effect.flip(storage.save("u:userID", "a", values))
      assert.deepInclude(error, { _tag: "PersistentStorageError", operation: "save" })
      assert.include(error.message, "no disk")
    }).pipe(Effect.provide(KeyValueStorage.layer), Effect.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))
  })
})
