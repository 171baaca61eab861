/**
 * Sticky assignments in Redis: one hash per user, `statsig|sticky|u-1:userID`, with a JSON field per configuration.
 *
 * Processes that change the same user do not interfere. The client is that of the package `redis`, an optional peer
 * dependency. While there is no connection every operation fails at once, and a reconnect is tried every second; the
 * program also starts when Redis does not respond. An idle connection does not keep the process alive.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { inBackground } from "../../src/internal/clocks.js"
import { PersistentStorage, type Storage } from "../../src/PersistentStorage.js"
import { type LayerError, PersistentStorageError } from "../../src/StatsigError.js"
import { Commands, loadRedis, pauseBetweenConnections, type RedisOptions } from "../internal/redisConnection.js"

const keyPrefix = "statsig|sticky|"

/**
 * Makes a storage on the Redis at `url`, `redis[s]://[[username][:password]@][host][:port][/database]`. The connection is
 * closed when the scope ends.
 *
 * Fails when the package `redis` is not installed.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Pick<RedisOptions, "url">) {
  // RESP2 replies are arrays: objects would lose a configuration named `__proto__`.
  const { newClient } = yield* loadRedis("PersistentStorage/Redis", 2, options)
  const client = yield* newClient
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

  const commands = new Commands()
  /** A command; the process waits for its reply. */
  const command = <A>(operation: PersistentStorageError["operation"], run: () => Promise<A>) =>
    Effect.tryPromise({
      try: () => commands.run(client, run),
      catch: error => new PersistentStorageError({ operation, message: String(error) })
    })

  const storage: Storage = {
    load: key =>
      Effect.map(
        command("load", () => client.sendCommand<ReadonlyArray<string>>(["HGETALL", keyPrefix + key])),
        reply => {
          const entries = new Map<string, unknown>()
          for (let i = 0; i < reply.length; i += 2) entries.set(reply[i]!, parseStored(reply[i + 1]!))
          return Object.fromEntries(entries)
        }
      ),
    save: (key, configName, values) =>
      command("save", () => client.hSet(keyPrefix + key, configName, JSON.stringify(values))),
    delete: (key, configName) => command("delete", () => client.hDel(keyPrefix + key, configName))
  }
  return storage
})

/** Invalid JSON stays text, which is not a sticky assignment. */
const parseStored = (text: string): unknown => {
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
