import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Queue, Redacted, Stream } from "effect"
import { createClient } from "redis"
import * as Redis from "../../layers/DataStore/Redis.js"
import { canStartRedis, redisServer } from "./support/redisServer.js"
import { capturingLogs } from "./support/specs.js"

const stamp = (version: number) => ({ version, receivedAt: version })

/** A connected store. */
const connected = (options: Parameters<typeof Redis.make>[0]) =>
  Effect.tap(Redis.make(options), store => store.initialize)

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(condition, "20 millis"), { until: done => done })

const client = (url: Redacted.Redacted) =>
  Effect.acquireRelease(
    Effect.promise(() => createClient({ url: Redacted.value(url) }).connect()),
    client => Effect.sync(() => client.destroy())
  )

describe("DataStore/Redis", () => {
  it.scopedLive("fails every call at once without a Redis, and reports it once", () => {
    const { layer, lines } = capturingLogs()
    return Effect.gen(function* () {
      const store = yield* Redis.make({ url: Redacted.make("redis://127.0.0.1:9") })
      for (const [operation, call] of [
        ["initialize", store.initialize],
        ["initialize", store.initialize],
        ["get", store.get("a")],
        ["set", store.set("a", "1", stamp(1))]
      ] as const) {
        assert.deepInclude(yield* Effect.flip(call as typeof store.initialize), { _tag: "DataStoreError", operation })
      }
      yield* store.shutdown
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0]!, /^WARN There is no connection to Redis: /)
    }).pipe(Effect.provide(layer))
  })

  it.live("refuses an invalid URL without showing it", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(Redis.make({ url: Redacted.make("http://:password@127.0.0.1") })))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "The URL of Redis cannot be used")
      assert.notInclude(String(exit), "password")
    })
  )

  it.scopedLive("supports polling only when enabled", () =>
    Effect.gen(function* () {
      const url = Redacted.make("redis://127.0.0.1:9")
      const [one, other] = [yield* Redis.make({ url }), yield* Redis.make({ url, supportsPollingUpdates: true })]
      assert.isFalse(yield* one.supportsPollingUpdatesFor("a"))
      assert.isTrue(yield* other.supportsPollingUpdatesFor("a"))
    })
  )
})

describe.skipIf(!canStartRedis)("DataStore/Redis with a server", () => {
  it.scopedLive("keeps a plain string that others can read, and reads what others wrote", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer
      const store = yield* connected({ url })
      const redis = yield* client(url)
      const key = crypto.randomUUID()
      yield* store.set(key, "größe", stamp(5))
      assert.strictEqual(yield* Effect.promise(() => redis.get(key)), "größe")
      const foreign = crypto.randomUUID()
      yield* Effect.promise(() => redis.set(foreign, "theirs"))
      assert.strictEqual(yield* store.get(foreign), "theirs")
    })
  )

  it.scopedLive("never replaces a newer value by an older one, whichever comes last", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer
      const stores = yield* Effect.forEach(Array(5), () => connected({ url }))
      const key = crypto.randomUUID()
      const versions = Array.from({ length: 200 }, (_, index) => ((index * 73) % 200) + 1)
      yield* Effect.forEach(
        versions,
        (version, index) => stores[index % stores.length]!.set(key, `version ${version}`, stamp(version)),
        { concurrency: "unbounded" }
      )
      for (const store of stores) assert.strictEqual(yield* store.get(key), "version 200")
      yield* stores[0]!.set(key, "version 199, late", stamp(199))
      assert.strictEqual(yield* stores[0]!.get(key), "version 200")
      yield* stores[0]!.set(key, "version 200, corrected", stamp(200))
      for (const store of stores) assert.strictEqual(yield* store.get(key), "version 200, corrected")
    })
  )

  it.scopedLive("prefers the lease holder's value among two of one version", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer
      const store = yield* connected({ url })
      const redis = yield* client(url)
      const key = crypto.randomUUID()
      yield* store.set(key, "one", stamp(1))
      yield* Effect.promise(() => redis.set(`{${key}}|lease`, "another"))
      yield* store.set(key, "other", stamp(1))
      assert.strictEqual(yield* store.get(key), "one")
      yield* store.set(key, "newer", stamp(2))
      assert.strictEqual(yield* store.get(key), "newer")
    })
  )

  it.scopedLive("notifies the others of a write, and of no other key", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer
      const [writer, reader] = [yield* connected({ url }), yield* connected({ url })]
      const [key, other] = [crypto.randomUUID(), crypto.randomUUID()]
      const told = yield* Queue.unbounded<string>()
      for (const [name, store, followed] of [
        ["reader", reader, key],
        ["reader of the other", reader, other],
        ["writer", writer, key]
      ] as const) {
        const follow = Stream.runForEach(store.changes(followed), () =>
          Effect.flatMap(store.get(followed), value => Queue.offer(told, `${name}: ${value}`))
        )
        yield* Effect.forkScoped(follow)
      }
      yield* Effect.sleep("100 millis")
      yield* writer.set(key, "1", stamp(1))
      assert.strictEqual(yield* Queue.take(told), "reader: 1")
      yield* writer.set(key, "0", stamp(0))
      yield* writer.set(key, "2", stamp(2))
      assert.strictEqual(yield* Queue.take(told), "reader: 2")
      yield* reader.set(other, "3", stamp(3))
      yield* writer.set(other, "4", stamp(4))
      assert.strictEqual(yield* Queue.take(told), "reader of the other: 4")
      assert.strictEqual(yield* Queue.size(told), 0)
    })
  )

  it.scopedLive("reports what was written between the first read and the subscription", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer
      const [writer, reader] = [yield* connected({ url }), yield* connected({ url })]
      const key = crypto.randomUUID()
      const changes = reader.changes(key)
      yield* writer.set(key, "1", stamp(1))
      assert.strictEqual(yield* reader.get(key), "1")
      yield* writer.set(key, "2", stamp(2))
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(Stream.take(changes, 1))), 1)
    })
  )

  it.scopedLive("fails at once when Redis is killed, and recovers with it, reporting missed writes", () => {
    const { layer, lines } = capturingLogs()
    return Effect.gen(function* () {
      const server = yield* redisServer
      const store = yield* connected({ url: server.url })
      const told = yield* Queue.unbounded<void>()
      yield* Effect.forkScoped(Stream.runForEach(store.changes("key"), () => Queue.offer(told, undefined)))
      yield* store.set("key", "1", stamp(1))
      yield* server.kill
      yield* until(Effect.isFailure(store.get("key")))
      yield* until(Effect.sync(() => lines.length > 0))
      yield* server.start
      const other = yield* connected({ url: server.url })
      yield* other.set("key", "2", stamp(2))
      yield* Queue.take(told)
      assert.strictEqual(yield* store.get("key"), "2")
      assert.match(lines[0]!, /^WARN There is no connection to Redis: /)
      assert.deepStrictEqual(lines.slice(1), ["INFO There is a connection to Redis again"])
    }).pipe(Effect.provide(layer))
  })

  it.scopedLive("fails within its timeout when Redis is paused, and works again afterwards", () =>
    Effect.gen(function* () {
      const server = yield* redisServer
      const store = yield* connected({ url: server.url })
      yield* store.set("key", "1", stamp(1))
      yield* server.pause
      const reading = yield* Effect.fork(Effect.flip(store.get("key")))
      assert.deepInclude(yield* Fiber.join(reading), {
        operation: "get",
        message: "Redis did not answer within 3000 ms"
      })
      yield* server.goOn
      yield* until(Effect.isSuccess(store.get("key")))
      assert.strictEqual(yield* store.get("key"), "1")
    })
  )
})
