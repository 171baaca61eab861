/**
 * Kept answers in Redis: one hash for each user, `statsig|sticky|u-1:userID`, with a field of JSON for each configuration.
 *
 * Processes that change the same user do not disturb each other. The client is that of the package `redis`, an optional
 * peer dependency. While there is no connection every operation fails at once, and a new connection is tried every
 * second; the program starts also when Redis does not answer. An idle connection does not keep the process alive.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inBackground } from "../../src/internal/clocks.js"
import { PersistentStorage, type Storage } from "../../src/PersistentStorage.js"
import { LayerError, PersistentStorageError } from "../../src/StatsigError.js"
import type { RedisOptions } from "../internal/redisStore.js"

const prefix = "statsig|sticky|"

const connectTimeout = Duration.seconds(2)
const pauseBetweenConnections = Duration.seconds(1)

/**
 * Makes a storage on the Redis at `url`, `redis[s]://[[username][:password]@][host][:port][/database]`. The connection is
 * closed when the scope ends.
 *
 * Fails when the package `redis` is not installed.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Pick<RedisOptions, "url">) {
  const { createClient } = yield* Effect.tryPromise({
    try: () => import("redis"),
    catch: cause =>
      new LayerError({
        layer: "PersistentStorage/Redis",
        message: "The package redis cannot be loaded. Install it: npm install redis@6",
        cause
      })
  })
  const client = yield* Effect.try({
    try: () =>
      createClient({
        url: Redacted.value(options.url),
        // Replies are arrays: objects would lose a configuration named `__proto__`.
        RESP: 2,
        disableOfflineQueue: true,
        socket: { connectTimeout: Duration.toMillis(connectTimeout), reconnectStrategy: false }
      }),
    catch: () => new LayerError({ layer: "PersistentStorage/Redis", message: "The URL of Redis cannot be used" })
  })
  // Without a listener an error would end the process; it is told by the operation that it fails.
  client.on("error", () => {})
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.try(() => client.destroy())))

  const connect = Effect.ignore(Effect.tryPromise(() => client.connect()))
  yield* connect
  if (!client.isReady) yield* Effect.logWarning("There is no connection to Redis yet: users do not keep their answers")
  client.unref()
  yield* Effect.sleep(pauseBetweenConnections).pipe(
    Effect.andThen(Effect.suspend(() => (client.isOpen ? Effect.void : connect))),
    Effect.forever,
    inBackground,
    Effect.forkScoped
  )

  let running = 0
  /** A command; the process waits for its reply. */
  const command = <A>(operation: PersistentStorageError["operation"], run: () => Promise<A>) =>
    Effect.tryPromise({
      try: async () => {
        if (running++ === 0) client.ref()
        try {
          return await run()
        } finally {
          if (--running === 0) client.unref()
        }
      },
      catch: error => new PersistentStorageError({ operation, message: String(error) })
    })

  const storage: Storage = {
    load: key =>
      Effect.map(
        command("load", () => client.sendCommand<ReadonlyArray<string>>(["HGETALL", prefix + key])),
        reply => {
          const entries = new Map<string, unknown>()
          for (let i = 0; i < reply.length; i += 2) entries.set(reply[i]!, parse(reply[i + 1]!))
          return Object.fromEntries(entries)
        }
      ),
    save: (key, configName, values) =>
      command("save", () => client.hSet(prefix + key, configName, JSON.stringify(values))),
    delete: (key, configName) => command("delete", () => client.hDel(prefix + key, configName))
  }
  return storage
})

/** What is no JSON stays text, which is no answer. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * A storage on Redis.
 *
 * @example
 * StatsigLayer.layerConfig.pipe(Layer.provide(RedisStorage.layer({ url: Redacted.make("redis://127.0.0.1:6379") })))
 *
 * @since 0.1.0
 */
export const layer = (options: Pick<RedisOptions, "url">): Layer.Layer<PersistentStorage, LayerError> =>
  Layer.scoped(PersistentStorage, make(options))
