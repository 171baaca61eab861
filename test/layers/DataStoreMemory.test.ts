import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Memory from "../../layers/DataStore/Memory.js"
import { DataStore } from "../../src/DataStore.js"

describe("DataStore/Memory", () => {
  it.effect("supports polling only when enabled", () =>
    Effect.gen(function* () {
      const polls = Effect.flatMap(DataStore, store => store.supportsPollingUpdatesFor("/v2/download_config_specs"))
      assert.isFalse(yield* Effect.provide(polls, Memory.layer()))
      assert.isTrue(yield* Effect.provide(polls, Memory.layer({ supportsPollingUpdates: true })))
    })
  )

  it.effect("is a different store each time it is built", () =>
    Effect.gen(function* () {
      const layer = Memory.layer()
      yield* Effect.provide(
        Effect.flatMap(DataStore, store => store.set("a", "1", { version: 1, receivedAt: 1 })),
        layer
      )
      assert.isUndefined(
        yield* Effect.provide(
          Effect.flatMap(DataStore, store => store.get("a")),
          layer
        )
      )
    })
  )
})
