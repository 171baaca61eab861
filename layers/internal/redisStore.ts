/**
 * Values in Redis, for the stores that are made of them.
 *
 * A value is a plain string under its own key, so that other tools can read it; its version, the name of the write it
 * came by, and a sum of both stand in a hash beside it (`{<key>}|meta`, on the same node of a cluster). Writing is one
 * script that compares versions, so an older value never replaces a newer one, whoever comes late. Where the sum says
 * that the value or its version was changed by another hand, the next write replaces them. Reading asks for the value
 * only when it is not that of the last read. Every write is published on one channel.
 *
 * There is one connection for commands and messages (RESP3, Redis 6 or later). While there is none, commands fail at
 * once, and a new one is tried about every second; a command that is not answered in time ends the connection. An idle
 * connection does not keep the process alive.
 */

import { randomUUID } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Stamp, Store } from "../../src/DataStore.js"
import { inBackground } from "../../src/internal/clocks.js"
import { DataStoreError, LayerError } from "../../src/StatsigError.js"

/**
 * Where Redis is.
 *
 * @since 0.1.0
 */
export interface RedisOptions {
  /** Where the Redis is: `redis[s]://[[username][:password]@][host][:port][/database]`. */
  readonly url: Redacted.Redacted
  /** Loads the package `redis`. Default: `() => import("redis")`. */
  readonly load?: (() => Promise<unknown>) | undefined
}

const channel = "statsig|changes"

const connectTimeout = Duration.seconds(2)
const commandTimeout = Duration.seconds(3)
const pauseBetweenConnections = Duration.seconds(1)

/** Messages that a slow reader may be behind; each only says that there is something to read. */
const messagesKept = 64

/** In every script: the value, what is known of it, the lease of the one that fetches it. */
const keysOf = (key: string): ReadonlyArray<string> => [key, `{${key}}|meta`, `{${key}}|lease`]

/** Values up to this many bytes are summed whole, longer ones by their length: Redis does nothing else meanwhile. */
const longestSummed = 1024 * 1024

/**
 * What the scripts have in common. Anything may stand under the keys: other programs, other versions and people write to
 * Redis too. What is of another type counts as absent. The version is only believed where it and the value are still
 * those that were written together.
 */
const common = `
local function is(key, kind) return redis.call("TYPE", key)["ok"] == kind end
local function meta(field) return is(KEYS[2], "hash") and redis.call("HGET", KEYS[2], field) end
local function lease() return is(KEYS[3], "string") and redis.call("GET", KEYS[3]) end
local function size() return redis.call("STRLEN", KEYS[1]) end
local function sum(version)
  local value = size() > ${longestSummed} and size() or redis.call("GET", KEYS[1])
  return redis.sha1hex(version .. " " .. value)
end
local function version()
  local text = is(KEYS[1], "string") and meta("version")
  return text and meta("sum") == sum(text) and tonumber(text)
end
`

/** In milliseconds. Versions are moments, and clocks differ a little. */
const farthestVersion = 24 * 60 * 60 * 1_000

/**
 * Of the same version, the value counts that the holder of the lease writes. A version from the future would keep all
 * others out for ever, and gives way. Answers whether it wrote.
 */
const writeScript = `
local held = version()
local now = tonumber(redis.call("TIME")[1]) * 1000
if held and held <= now + ${farthestVersion} then
  local next = tonumber(ARGV[2])
  if held > next then return 0 end
  local holder = lease()
  if held == next and holder and holder ~= ARGV[3] then return 0 end
end
redis.call("SET", KEYS[1], ARGV[1])
redis.call("DEL", KEYS[2])
redis.call("HSET", KEYS[2], "version", ARGV[2], "write", ARGV[4], "size", size(), "sum", sum(ARGV[2]))
redis.call("PUBLISH", ARGV[5], ARGV[6])
return 1`

/** Answers with nothing but a 1 when the value is that of the given write. */
const readScript = `
if not is(KEYS[1], "string") then return {0, false, false, false} end
local write = meta("write")
if write and write == ARGV[1] and meta("size") == tostring(size()) then return {1} end
return {0, redis.call("GET", KEYS[1]), write, version() and meta("version")}`

type Value = string | Buffer

/** The value that was last read or written here. */
interface Known {
  readonly value: Value
  readonly version: number
  readonly write: string | undefined
}

/** What other processes say of a key; `Connected` says that anything may have been missed. */
export interface Message {
  readonly kind: "Changed" | "Released" | "Connected"
  readonly key: string
}

/**
 * Values in the Redis at `url`, with what a store is made of. Nothing is connected before `initialize`.
 *
 * Fails when the package `redis` is not installed.
 */
export const make = Effect.fnUntraced(function* ({ load = () => import("redis"), url }: RedisOptions) {
  const { createClient, RESP_TYPES } = yield* Effect.tryPromise({
    try: load as () => Promise<typeof import("redis")>,
    catch: cause =>
      new LayerError({
        layer: "DataStore/Redis",
        message: "The package redis cannot be loaded. Install it: npm install redis@6",
        cause
      })
  })
  const newClient = Effect.try({
    try: () =>
      createClient({
        url: Redacted.value(url),
        RESP: 3,
        disableOfflineQueue: true,
        socket: { connectTimeout: Duration.toMillis(connectTimeout), reconnectStrategy: false }
      })
        // Without a listener an error would end the process; it is told by the command that fails.
        .on("error", () => {}),
    catch: () => new LayerError({ layer: "DataStore/Redis", message: "The URL of Redis cannot be used" })
  })
  type Client = Effect.Effect.Success<typeof newClient>
  // A URL that is none is no matter of the connection.
  yield* newClient

  /** Tells this process from all others. */
  const token = randomUUID()
  const messages = yield* PubSub.sliding<Message>(messagesKept)
  const lock = yield* Effect.makeSemaphore(1)
  /** The keys that are read again and again. Of these the last value is kept. */
  const followed = new Set<string>()
  const known = new Map<string, Known>()
  let client: Client | undefined
  let isWanted = false
  let isLost = false
  let running = 0
  let writes = 0

  const tell = (kind: Message["kind"], key: string) => PubSub.publish(messages, { kind, key })

  const listen = (message: string) => {
    const [kind, sender, ...rest] = message.split(" ")
    if (sender === token || (kind !== "Changed" && kind !== "Released")) return
    messages.unsafeOffer({ kind, key: rest.join(" ") })
  }

  const destroy = (gone: Client) => {
    if (client === gone) client = undefined
    try {
      gone.destroy()
    } catch {
      // It was closed already.
    }
  }

  /** `isAwaited`: the process stays alive for it. */
  const connect = (isAwaited: boolean) =>
    Effect.suspend(() =>
      client?.isReady ? Effect.void : Effect.flatMap(newClient, next => open(next, isAwaited))
    ).pipe(lock.withPermits(1))

  const open = (next: Client, isAwaited: boolean) =>
    Effect.tryPromise({
      try: async () => {
        if (!isAwaited) next.unref()
        await next.connect()
        await next.subscribe(channel, listen)
        next.unref()
      },
      catch: String
    }).pipe(
      Effect.timeoutFail({
        duration: connectTimeout,
        onTimeout: () => `no answer within ${Duration.toMillis(connectTimeout)} ms`
      }),
      Effect.onExit(exit =>
        Effect.suspend(() => {
          if (exit._tag === "Failure" || !isWanted) {
            destroy(next)
            return Effect.void
          }
          client = next
          const told = isLost ? Effect.logInfo("There is a connection to Redis again") : Effect.void
          isLost = false
          return Effect.andThen(told, tell("Connected", ""))
        })
      ),
      Effect.tapError(problem => {
        if (isLost) return Effect.void
        isLost = true
        return Effect.logWarning(`There is no connection to Redis: ${problem}`)
      })
    )

  yield* Effect.addFinalizer(() => shutdown)
  yield* Random.nextRange(0.5, 1.5).pipe(
    Effect.flatMap(factor => Effect.sleep(Duration.times(pauseBetweenConnections, factor))),
    Effect.andThen(Effect.suspend(() => (isWanted ? Effect.ignore(connect(false)) : Effect.void))),
    Effect.forever,
    inBackground,
    Effect.forkScoped
  )

  const send = async (
    on: Client,
    script: string,
    key: string,
    input: ReadonlyArray<Value>,
    { isAwaited = true, asBytes = false }: CommandOptions
  ): Promise<unknown> => {
    const keys = keysOf(key)
    const words = ["EVAL", common + script, String(keys.length), ...keys, ...input]
    if (isAwaited && running++ === 0) on.ref()
    try {
      return await (asBytes ? on.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) : on).sendCommand(words)
    } finally {
      if (isAwaited && --running === 0) on.unref()
    }
  }

  /** Runs a script on the keys of `key`. */
  const run = (
    operation: DataStoreError["operation"],
    script: string,
    key: string,
    input: ReadonlyArray<Value>,
    options: CommandOptions = {}
  ) =>
    Effect.suspend(() => {
      const failed = (problem: string) => new DataStoreError({ operation, message: problem })
      const on = client
      if (!on?.isReady) return failed("there is no connection to Redis")
      return Effect.timeoutFail(
        Effect.tryPromise({
          try: () => send(on, script, key, input, options),
          catch: error => failed(String(error))
        }),
        {
          duration: commandTimeout,
          onTimeout: () => {
            destroy(on)
            return failed(`Redis did not answer within ${Duration.toMillis(commandTimeout)} ms`)
          }
        }
      )
    })

  const keep = (key: string, value: Known) => {
    if (followed.has(key)) known.set(key, value)
  }

  const read = Effect.fnUntraced(function* (key: string, asBytes: boolean) {
    const before = known.get(key)
    const reply = yield* run("get", readScript, key, [before?.write ?? ""], { asBytes })
    const [isSame, value, write, version] = reply as readonly [number, Value | null, Value | null, Value | null]
    if (isSame === 1) return before?.value
    if (value === null) return undefined
    // A value whose version is not known is not kept, so as not to be given back to a Redis that lost it.
    if (version === null) return value
    const next = { value, version: Number(version), write: write?.toString() }
    // What was known may be newer than what a Redis holds that lost it.
    if (before === undefined || next.version >= before.version) keep(key, next)
    return value
  })

  const write = Effect.fnUntraced(function* (key: string, value: Value, version: number) {
    const name = `${token}-${++writes}`
    const before = known.get(key)
    if (before === undefined || version >= before.version) keep(key, { value, version, write: undefined })
    const input = [value, String(version), token, name, channel, `Changed ${token} ${key}`]
    const isWritten = (yield* run("set", writeScript, key, input)) === 1
    const held = known.get(key)
    if (isWritten && held?.value === value) keep(key, { value, version, write: name })
    if (isWritten) return
    // Redis has a newer one.
    if (held?.value === value) known.delete(key)
    yield* Effect.logDebug(`Redis holds something newer than version ${version} of ${key}`)
    yield* tell("Changed", key)
  })

  /** Whether Redis holds another value than the one that is known. */
  const isNews = (key: string) =>
    Effect.map(
      run("get", 'return meta("write")', key, [], { isAwaited: false }),
      write => write !== null && write !== known.get(key)?.write
    )

  /** Looks once at first: something may have changed since the first read. */
  const changes = (key: string): Stream.Stream<void> => {
    followed.add(key)
    return Stream.unwrapScoped(
      Effect.map(PubSub.subscribe(messages), heard =>
        Stream.fromQueue(heard).pipe(
          Stream.filter(({ key: changed, kind }) => kind === "Connected" || (kind === "Changed" && changed === key)),
          Stream.map(() => undefined),
          later => Stream.concat(Stream.void, later),
          Stream.filterEffect(() => Effect.orElseSucceed(isNews(key), () => false))
        )
      )
    )
  }

  const shutdown = Effect.sync(() => {
    isWanted = false
    if (client !== undefined) destroy(client)
  })

  const store = {
    initialize: Effect.suspend(() => {
      isWanted = true
      return Effect.mapError(
        connect(true),
        problem => new DataStoreError({ operation: "initialize", message: String(problem) })
      )
    }),
    get: (key: string) => Effect.map(read(key, false), value => value?.toString()),
    set: (key: string, value: string, { version }: Stamp) => write(key, value, version),
    getBytes: (key: string) =>
      Effect.map(read(key, true), value => (typeof value === "string" ? Buffer.from(value) : value)),
    setBytes: (key: string, value: Uint8Array, { version }: Stamp) => write(key, Buffer.from(value), version),
    changes,
    shutdown
  } satisfies Partial<Store>

  return { store, token, channel, messages, followed, known, run, write }
})

interface CommandOptions {
  /** Whether the process stays alive for the answer. Default: `true`. */
  readonly isAwaited?: boolean
  /** Default: text. */
  readonly asBytes?: boolean
}
