/**
 * What holds for every data store.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import * as Memory from "../../layers/DataStore/Memory.js"
import { DataStore } from "../../src/DataStore.js"

const stores: ReadonlyArray<readonly [name: string, layer: Layer.Layer<DataStore, unknown>]> = [
  ["Memory", Memory.layer()]
]

for (const [name, layer] of stores) {
  describe(`DataStore/${name}`, () => {
    const run = <E>(use: (store: DataStore["Type"]) => Effect.Effect<void, E>) =>
      Effect.provide(
        Effect.gen(function* () {
          const store = yield* DataStore
          yield* store.initialize
          yield* use(store)
          yield* store.shutdown
        }),
        layer
      )

    it.live("has nothing at first", () =>
      run(store =>
        Effect.gen(function* () {
          for (const key of ["a", "", "__proto__", "constructor"]) assert.isUndefined(yield* store.get(key))
        })
      )
    )

    it.live("gives back what was last set, key by key, to the letter", () =>
      run(store =>
        Effect.gen(function* () {
          const keys = ["a", "A", "", "__proto__", "constructor", "statsig|/v2/x|plain_text|=+/", "🦊"]
          const values = ["", "{}", "größe 🦊 \u0000", "x".repeat(1_000_000), "\ufeff", "1", "2"]
          for (const [index, key] of keys.entries()) {
            yield* store.set(key, "before", { version: 1, receivedAt: 1 })
            yield* store.set(key, values[index]!, { version: 2, receivedAt: 2 })
          }
          for (const [index, key] of keys.entries()) assert.strictEqual(yield* store.get(key), values[index])
          assert.isUndefined(yield* store.get("b"))
        })
      )
    )

    it.live("may be initialised and shut down again", () =>
      run(store =>
        Effect.gen(function* () {
          yield* store.initialize
          yield* store.set("a", "1", { version: 1, receivedAt: 1 })
          assert.strictEqual(yield* store.get("a"), "1")
          yield* store.shutdown
        })
      )
    )

    it.live("knows of each path whether updates are polled from it", () =>
      run(store =>
        Effect.gen(function* () {
          for (const path of ["/v2/download_config_specs", "", "__proto__"]) {
            assert.isBoolean(yield* store.supportsPollingUpdatesFor(path))
          }
        })
      )
    )
  })
}
