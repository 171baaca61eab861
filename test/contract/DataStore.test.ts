/** The contract of every data store. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { createClient } from "redis"
import * as File from "../../layers/DataStore/File.js"
import * as KeyValue from "../../layers/DataStore/KeyValueStore.js"
import * as Memory from "../../layers/DataStore/Memory.js"
import * as Redis from "../../layers/DataStore/Redis.js"
import * as RedisFleet from "../../layers/DataStore/RedisFleet.js"
import { DataStore } from "../../src/DataStore.js"
import { hasRedis, redisUrl } from "../layers/support/redis.js"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "data-store-"))),
  path => Effect.promise(() => rm(path, { recursive: true }))
)

const url = Redacted.make(redisUrl)

const stores: ReadonlyArray<readonly [name: string, layer: Layer.Layer<DataStore, unknown>]> = [
  ["Memory", Memory.layer()],
  [
    "File",
    Layer.unwrapScoped(Effect.map(folder, directory => File.layer({ directory: join(directory, "a", "b") }))).pipe(
      Layer.provide(NodeContext.layer)
    )
  ],
  ["KeyValueStore in memory", Layer.provide(KeyValue.layer(), KeyValueStore.layerMemory)],
  [
    "KeyValueStore of files",
    Layer.unwrapScoped(
      Effect.map(folder, directory => Layer.provide(KeyValue.layer(), KeyValueStore.layerFileSystem(directory)))
    ).pipe(Layer.provide(NodeContext.layer))
  ],
  ...(hasRedis
    ? ([
        ["Redis", Redis.layer({ url })],
        ["RedisFleet", RedisFleet.layer({ url })]
      ] as const)
    : [])
]

const stamp = (version: number) => ({ version, receivedAt: version })

/** Keys of this run only: a Redis is not empty, and must not keep them. */
const id = crypto.randomUUID()
afterAll(async () => {
  if (!hasRedis) return
  const redis = await createClient({ url: redisUrl }).connect()
  for await (const keys of redis.scanIterator({ MATCH: `*${id}*`, COUNT: 1000 })) {
    if (keys.length > 0) await redis.del(keys)
  }
  await redis.close()
})

for (const [name, layer] of stores) {
  describe(`DataStore/${name}`, () => {
    const keyed = (key: string) => `statsig|${id}|${name}|${key}`

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

    it.live("is empty at first", () =>
      run(store =>
        Effect.gen(function* () {
          for (const key of ["a", "b", "__proto__", "constructor"]) {
            assert.isUndefined(yield* store.get(keyed(key)))
            assert.isUndefined(yield* store.getBytes(keyed(key)))
          }
        })
      )
    )

    it.live("returns the last text set for each key, unchanged", () =>
      run(store =>
        Effect.gen(function* () {
          const keys = ["t", "T", "t ", "__proto__", "constructor", "statsig|/v2/x|plain_text|=+/", "🦊"]
          const values = ["", "{}", "größe 🦊 \u0000", "x".repeat(1_000_000), "\u2028", "1", "MTIz"]
          for (const [index, key] of keys.entries()) {
            yield* store.set(keyed(key), "before, and longer", stamp(1))
            yield* store.set(keyed(key), values[index]!, stamp(2))
          }
          for (const [index, key] of keys.entries()) {
            for (let time = 0; time < 2; time++) assert.strictEqual(yield* store.get(keyed(key)), values[index])
          }
          assert.isUndefined(yield* store.get(keyed("u")))
        })
      )
    )

    it.live("returns the last bytes set", () =>
      run(store =>
        Effect.gen(function* () {
          const values = [new Uint8Array(), Uint8Array.from({ length: 256 }, (_, byte) => byte), Buffer.from("MTIz")]
          for (const [index, value] of values.entries()) {
            yield* store.setBytes(keyed(`bytes ${index}`), new Uint8Array(9), stamp(1))
            yield* store.setBytes(keyed(`bytes ${index}`), value, stamp(2))
          }
          for (const [index, value] of values.entries()) {
            const bytes = yield* store.getBytes(keyed(`bytes ${index}`))
            assert.deepStrictEqual(Array.from(bytes ?? [-1]), Array.from(value))
          }
        })
      )
    )

    it.live("keeps one whole value of those set concurrently", () =>
      run(store =>
        Effect.gen(function* () {
          const values = Array.from({ length: 10 }, (_, index) => String(index).repeat(100_000))
          yield* Effect.forEach(values, value => store.set(keyed("at once"), value, stamp(1)), {
            concurrency: "unbounded"
          })
          assert.include(values, yield* store.get(keyed("at once")))
        })
      )
    )

    it.live("may be initialised and shut down again", () =>
      run(store =>
        Effect.gen(function* () {
          yield* store.initialize
          yield* store.set(keyed("again"), "1", stamp(1))
          assert.strictEqual(yield* store.get(keyed("again")), "1")
          yield* store.shutdown
          yield* store.initialize
          assert.isBoolean(yield* store.supportsPollingUpdatesFor(keyed("again")))
        })
      )
    )

    it.live("says for each key whether updates are polled from it", () =>
      run(store =>
        Effect.gen(function* () {
          for (const key of ["/v2/download_config_specs", "__proto__"]) {
            assert.isBoolean(yield* store.supportsPollingUpdatesFor(keyed(key)))
            yield* store.stepDown(keyed(key))
          }
        })
      )
    )
  })
}
