import { connect, createServer, type Server, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { createClient } from "redis"
import * as RedisStorage from "../../layers/PersistentStorage/Redis.js"
import { PersistentStorage } from "../../src/PersistentStorage.js"
import { hasRedis, redisAddress, redisUrl } from "./support/redis.js"
import { capturingLogs } from "./support/specs.js"
import { values } from "./support/stickyValues.js"

/** A proxy to Redis that can be closed and opened again. */
const gate = Effect.acquireRelease(
  Effect.promise(async () => {
    const sockets = new Set<Socket>()
    const server: Server = createServer(client => {
      const redis = connect(redisAddress)
      for (const socket of [client, redis]) sockets.add(socket.on("error", () => {}))
      client.pipe(redis).pipe(client)
    })
    const listen = (port: number) => new Promise<void>(resolve => server.listen(port, "127.0.0.1", resolve))
    await listen(0)
    const { port } = server.address() as { readonly port: number }
    const close = () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
    return { url: `redis://127.0.0.1:${port}/9`, open: () => listen(port), close }
  }),
  ({ close }) => Effect.promise(close)
)

const client = Effect.acquireRelease(
  Effect.promise(() => createClient({ url: redisUrl }).connect()),
  client => Effect.promise(() => client.close())
)

describe("PersistentStorage/Redis", () => {
  it.live("starts without a Redis, and fails every operation at once", () => {
    const { layer, lines } = capturingLogs()
    return Effect.gen(function* () {
      const storage = yield* PersistentStorage
      for (const operation of [storage.load("u"), storage.save("u", "a", values), storage.delete("u", "a")]) {
        assert.deepInclude(yield* Effect.flip(operation), { _tag: "PersistentStorageError" })
      }
      assert.deepStrictEqual(lines, ["WARN There is no connection to Redis yet: users do not keep their answers"])
    }).pipe(Effect.provide(RedisStorage.layer({ url: Redacted.make("redis://127.0.0.1:9/9") })), Effect.provide(layer))
  })

  it.live("refuses an invalid URL without showing it", () =>
    Effect.gen(function* () {
      const url = Redacted.make("http://:password@127.0.0.1")
      const exit = yield* Effect.exit(Effect.provide(PersistentStorage, RedisStorage.layer({ url })))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), "The URL of Redis cannot be used")
      assert.notInclude(String(exit), "password")
    })
  )
})

describe.skipIf(!hasRedis)("PersistentStorage/Redis with a server", () => {
  it.scopedLive("recovers when Redis does", () =>
    Effect.gen(function* () {
      const { close, open, url } = yield* gate
      const storage = yield* RedisStorage.make({ url: Redacted.make(url) })
      const key = `${crypto.randomUUID()}:userID`
      yield* storage.save(key, "a", values)
      yield* Effect.promise(close)
      assert.deepInclude(yield* Effect.flip(storage.load(key)), { _tag: "PersistentStorageError", operation: "load" })
      yield* Effect.promise(open)
      yield* Effect.iterate(false, {
        while: done => !done,
        body: () => Effect.andThen(Effect.sleep("20 millis"), Effect.isSuccess(storage.load(key)))
      })
      assert.deepStrictEqual(yield* storage.load(key), { a: values })
      yield* storage.delete(key, "a")
    })
  )

  it.scopedLive("keeps one hash per user, which is deleted with its last assignment", () =>
    Effect.gen(function* () {
      const storage = yield* RedisStorage.make({ url: Redacted.make(redisUrl) })
      const redis = yield* client
      const key = `${crypto.randomUUID()}:userID`
      yield* storage.save(key, "a", values)
      assert.deepStrictEqual(
        yield* Effect.promise(() => redis.hGet(`statsig|sticky|${key}`, "a")),
        JSON.stringify(values)
      )
      yield* storage.delete(key, "a")
      assert.strictEqual(yield* Effect.promise(() => redis.exists(`statsig|sticky|${key}`)), 0)
    })
  )

  it.scopedLive("returns invalid JSON as text, and fails for a key that is not a hash", () =>
    Effect.gen(function* () {
      const storage = yield* RedisStorage.make({ url: Redacted.make(redisUrl) })
      const redis = yield* client
      const key = `${crypto.randomUUID()}:userID`
      yield* storage.save(key, "a", values)
      yield* Effect.promise(() => redis.hSet(`statsig|sticky|${key}`, "b", "{"))
      assert.deepStrictEqual(yield* storage.load(key), { a: values, b: "{" })
      yield* Effect.promise(() => redis.set(`statsig|sticky|${key}`, "text"))
      assert.deepInclude(yield* Effect.flip(storage.load(key)), { _tag: "PersistentStorageError", operation: "load" })
      yield* Effect.promise(() => redis.del(`statsig|sticky|${key}`))
    })
  )
})
