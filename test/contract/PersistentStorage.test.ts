/** The contract of every storage of sticky assignments. */
import { FileSystem, KeyValueStore } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import * as KeyValueStorage from "../../layers/PersistentStorage/KeyValueStore.js"
import * as Memory from "../../layers/PersistentStorage/Memory.js"
import * as RedisStorage from "../../layers/PersistentStorage/Redis.js"
import { decode, PersistentStorage, type StickyValues } from "../../src/PersistentStorage.js"
import { storageFromProgram } from "../../src/promise/PersistentStorage.js"
import type { UserPersistedValues } from "../../src/promise/StatsigOptions.js"
import { hasRedis, redisUrl } from "../layers/support/redis.js"

const inFiles = Layer.unwrapScoped(
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, files => files.makeTempDirectoryScoped()),
    directory => KeyValueStore.layerFileSystem(directory)
  )
).pipe(Layer.provide(NodeContext.layer))

/** As programs write it for the official package. */
const ofProgram = Layer.sync(PersistentStorage, () => {
  const users = new Map<string, UserPersistedValues>()
  return storageFromProgram({
    load: key => users.get(key) ?? null,
    save: (key, configName, data) => {
      users.set(key, Object.fromEntries([...Object.entries(users.get(key) ?? {}), [configName, data]]))
    },
    delete: (key, configName) => {
      const entries = Object.entries(users.get(key) ?? {}).filter(([name]) => name !== configName)
      users.set(key, Object.fromEntries(entries))
    }
  })
})

type Storages = ReadonlyArray<readonly [name: string, layer: Layer.Layer<PersistentStorage, unknown>]>

const storages: Storages = [
  ["Memory", Memory.layer],
  ["KeyValueStore in memory", Layer.provide(KeyValueStorage.layer, KeyValueStore.layerMemory)],
  ["KeyValueStore in files", Layer.provide(KeyValueStorage.layer, inFiles)],
  ["a program's object", ofProgram]
]

const onRedis: Storages = [["Redis", RedisStorage.layer({ url: Redacted.make(redisUrl) })]]

const values = (fields: Partial<StickyValues> = {}): StickyValues => ({
  value: true,
  json_value: { text: "größe 🦊 \u0000", list: [1, null, { a: 1.5 }], ["__proto__"]: "name" },
  rule_id: "rule",
  group_name: null,
  secondary_exposures: [{ gate: "g", gateValue: "true", ruleID: "r" }],
  undelegated_secondary_exposures: null,
  config_delegate: "experiment",
  explicit_parameters: ["text"],
  time: 1_700_000_000_000,
  config_version: 3,
  ...fields
})

const suite = (all: Storages) => {
  for (const [name, layer] of all) {
    describe(`PersistentStorage/${name}`, () => {
      /** Users of this run only: a storage may be shared. */
      const user = (id: string) => `${id}${crypto.randomUUID()}:userID`

      const run = <E>(use: (storage: PersistentStorage["Type"]) => Effect.Effect<void, E>) =>
        Effect.provide(Effect.flatMap(PersistentStorage, use), layer)

      const kept = (storage: PersistentStorage["Type"], key: string) =>
        Effect.map(storage.load(key), json => {
          const decoded = decode(Object(json ?? {}))
          assert.isDefined(decoded)
          return Object.fromEntries(decoded!)
        })

      it.live("has nothing for a user at first", () =>
        run(storage =>
          Effect.gen(function* () {
            for (const id of ["a", "", "__proto__", "constructor"]) {
              assert.deepStrictEqual(yield* kept(storage, user(id)), {})
            }
          })
        )
      )

      it.live("returns what was last saved for each user and name, unchanged", () =>
        run(storage =>
          Effect.gen(function* () {
            const users = ["a", "A", "__proto__", "🦊", 'a/b\\c?d*"e"', "a b"].map(user)
            const names = ["button", "", "__proto__", "constructor", "🦊", "a|b:c"]
            for (const [i, key] of users.entries()) {
              for (const [j, name] of names.entries()) {
                yield* storage.save(key, name, values({ value: false, rule_id: "before" }))
                yield* storage.save(key, name, values({ rule_id: `${i} ${j}` }))
              }
            }
            for (const [i, key] of users.entries()) {
              const expected = names.map((name, j) => [name, values({ rule_id: `${i} ${j}` })] as const)
              assert.deepStrictEqual(yield* kept(storage, key), Object.fromEntries(expected))
              for (const name of names) yield* storage.delete(key, name)
            }
          })
        )
      )

      it.live("deletes one name of one user, also when it is missing", () =>
        run(storage =>
          Effect.gen(function* () {
            const [one, other] = [user("one"), user("other")]
            yield* storage.save(one, "a", values())
            yield* storage.save(one, "b", values())
            yield* storage.save(other, "a", values())
            yield* storage.delete(one, "a")
            yield* storage.delete(one, "a")
            yield* storage.delete(one, "c")
            yield* storage.delete(user("nobody"), "a")
            assert.deepStrictEqual(yield* kept(storage, one), { b: values() })
            assert.deepStrictEqual(yield* kept(storage, other), { a: values() })
            yield* storage.delete(one, "b")
            yield* storage.delete(other, "a")
            assert.deepStrictEqual(yield* kept(storage, one), {})
          })
        )
      )

      it.live("loses none of many concurrent changes", () =>
        run(storage =>
          Effect.gen(function* () {
            const key = user("busy")
            const names = Array.from({ length: 40 }, (_, index) => `experiment ${index}`)
            yield* Effect.forEach(names, name => storage.save(key, name, values()), { concurrency: "unbounded" })
            assert.sameMembers(Object.keys(yield* kept(storage, key)), names)
            yield* Effect.forEach(names, name => storage.delete(key, name), { concurrency: "unbounded" })
            assert.deepStrictEqual(yield* kept(storage, key), {})
          })
        )
      )
    })
  }
}

suite(storages)
describe.skipIf(!hasRedis)("with Redis", () => suite(onRedis))
