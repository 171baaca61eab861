/**
 * Values in Redis, for the stores built on them.
 *
 * Reading transfers a value only if it is not that of the last read. Every write is published on one channel.
 * `redisScripts` describes how a value is stored and when a write wins.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { Stamp, Store } from "../../src/DataStore.js"
import type { DataStoreError } from "../../src/StatsigError.js"
import { loadRedis, RedisConnection, type RedisOptions } from "./redisConnection.js"
import { readScript, type Value, writeScript } from "./redisScripts.js"

const channel = "statsig|changes"

/** How many messages a slow reader may lag behind; each only says that there is something to read. */
const messagesKept = 64

/** The value last read or written here. */
interface Known {
  readonly value: Value
  readonly version: number
  readonly write: string | undefined
}

/** A message of another process about a key; `Connected` means that messages may have been missed. */
export interface StoreMessage {
  readonly kind: "Changed" | "Released" | "Connected"
  readonly key: string
}

/** The values, and this process's copies of them. */
export class RedisValues {
  /** Distinguishes this process from all others. */
  readonly token = crypto.randomUUID()
  /** The keys that are read repeatedly. Their last value is cached. */
  readonly #followed = new Set<string>()
  readonly #known = new Map<string, Known>()
  #writes = 0
  readonly connection: RedisConnection

  constructor(
    redis: Effect.Effect.Success<ReturnType<typeof loadRedis<3>>>,
    readonly messages: PubSub.PubSub<StoreMessage>
  ) {
    const onMessage = (message: string) => {
      const [kind, sender, ...rest] = message.split(" ")
      if (sender === this.token || (kind !== "Changed" && kind !== "Released")) return
      messages.unsafeOffer({ kind, key: rest.join(" ") })
    }
    const onConnected = messages.publish({ kind: "Connected", key: "" })
    this.connection = new RedisConnection({ ...redis, channel, onMessage, onConnected })
  }

  /** Caches the last value of the key from now on. */
  follow(key: string): void {
    this.#followed.add(key)
  }

  /** The arguments with which a script publishes a change of a key. */
  notice(kind: "Changed" | "Released", key: string): readonly [channel: string, message: string] {
    return [channel, `${kind} ${this.token} ${key}`]
  }

  read(key: string, asBytes: boolean): Effect.Effect<Value | undefined, DataStoreError> {
    return Effect.gen(this, function* () {
      const before = this.#known.get(key)
      const reply = yield* this.connection.run("get", readScript, key, [before?.write ?? ""], { asBytes })
      const [isSame, value, write, version] = reply as readonly [number, Value | null, Value | null, Value | null]
      if (isSame === 1) return before?.value
      if (value === null) return undefined
      // A value without a known version is not cached, so that it is not restored to a Redis that lost it.
      if (version === null) return value
      const next = { value, version: Number(version), write: write?.toString() }
      // The cached value may be newer than that of a Redis that lost it.
      if (before === undefined || next.version >= before.version) this.#keep(key, next)
      return value
    })
  }

  write(key: string, value: Value, version: number): Effect.Effect<void, DataStoreError> {
    return Effect.gen(this, function* () {
      const write = `${this.token}-${++this.#writes}`
      const before = this.#known.get(key)
      if (before === undefined || version >= before.version) this.#keep(key, { value, version, write: undefined })
      const input = [value, String(version), this.token, write, ...this.notice("Changed", key)]
      const isWritten = (yield* this.connection.run("set", writeScript, key, input)) === 1
      const isHeld = this.#known.get(key)?.value === value
      if (isWritten && isHeld) this.#keep(key, { value, version, write })
      if (isWritten) return
      // Redis has a newer one.
      if (isHeld) this.#known.delete(key)
      yield* Effect.logDebug(`Redis holds something newer than version ${version} of ${key}`)
      yield* this.messages.publish({ kind: "Changed", key })
    })
  }

  /** Writes the cached value again if Redis lost it or never got it: Redis has this version, or none. */
  restore(key: string, version: unknown): Effect.Effect<void> {
    const known = this.#known.get(key)
    if (known === undefined || (version !== null && Number(version) >= known.version)) return Effect.void
    return Effect.ignore(this.write(key, known.value, known.version))
  }

  /** Checks once at first: something may have changed since the first read. */
  changes(key: string): Stream.Stream<void> {
    this.follow(key)
    return Stream.unwrapScoped(
      Effect.map(PubSub.subscribe(this.messages), heard =>
        Stream.fromQueue(heard).pipe(
          Stream.filter(({ key: changed, kind }) => kind === "Connected" || (kind === "Changed" && changed === key)),
          Stream.map(() => undefined),
          later => Stream.concat(Stream.void, later),
          // Whether Redis holds another value than the cached one.
          Stream.filterEffect(() =>
            this.connection.run("get", 'return meta("write")', key, [], { isAwaited: false }).pipe(
              Effect.map(write => write !== null && write !== this.#known.get(key)?.write),
              Effect.orElseSucceed(() => false)
            )
          )
        )
      )
    )
  }

  /** As a data store. */
  get store() {
    return {
      initialize: this.connection.open,
      get: (key: string) => Effect.map(this.read(key, false), value => value?.toString()),
      set: (key: string, value: string, { version }: Stamp) => this.write(key, value, version),
      getBytes: (key: string) =>
        Effect.map(this.read(key, true), value => (typeof value === "string" ? Buffer.from(value) : value)),
      setBytes: (key: string, value: Uint8Array, { version }: Stamp) => this.write(key, Buffer.from(value), version),
      changes: (key: string) => this.changes(key),
      shutdown: this.connection.close
    } satisfies Partial<Store>
  }

  #keep(key: string, value: Known): void {
    if (this.#followed.has(key)) this.#known.set(key, value)
  }
}

/**
 * The values in the Redis at `url`. Nothing is connected before `initialize`.
 *
 * Fails when the package `redis` is not installed.
 */
export const make = Effect.fnUntraced(function* (options: RedisOptions) {
  const redis = yield* loadRedis("DataStore/Redis", 3, options)
  // An invalid URL is not a connection problem.
  yield* redis.newClient
  const values = new RedisValues(redis, yield* PubSub.sliding<StoreMessage>(messagesKept))
  yield* Effect.addFinalizer(() => values.connection.close)
  yield* Effect.forkScoped(values.connection.keep)
  return values
})
