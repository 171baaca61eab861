/**
 * Connections to Redis (6 or later), with the package `redis`, an optional peer dependency.
 *
 * Without a connection commands fail at once. An idle connection does not keep the process alive.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { inBackground } from "../../src/internal/clocks.js"
import { DataStoreError, LayerError } from "../../src/StatsigError.js"
import { commandOf, type Value } from "./redisScripts.js"

/**
 * The location of Redis.
 *
 * @since 0.1.0
 */
export interface RedisOptions {
  /** The URL of the Redis: `redis[s]://[[username][:password]@][host][:port][/database]`. */
  readonly url: Redacted.Redacted
  /** Loads the package `redis`. Default: `() => import("redis")`. */
  readonly load?: (() => Promise<unknown>) | undefined
}

const connectTimeout = Duration.seconds(2)
const commandTimeout = Duration.seconds(3)

export const pauseBetweenConnections = Duration.seconds(1)

/** Loads the package, and makes clients of one protocol version. The error names `layer` if it cannot be loaded. */
export const loadRedis = Effect.fnUntraced(function* <RESP extends 2 | 3>(
  layer: string,
  RESP: RESP,
  { load = () => import("redis"), url }: RedisOptions
) {
  const redis = yield* Effect.tryPromise({
    try: load as () => Promise<typeof import("redis")>,
    catch: cause =>
      new LayerError({ layer, message: "The package redis cannot be loaded. Install it: npm install redis@6", cause })
  })
  const newClient = Effect.try({
    try: () =>
      redis
        .createClient({
          url: Redacted.value(url),
          RESP,
          disableOfflineQueue: true,
          socket: { connectTimeout: Duration.toMillis(connectTimeout), reconnectStrategy: false }
        })
        // Without a listener an error would end the process; the command that fails reports it.
        .on("error", () => {}),
    catch: () => new LayerError({ layer, message: "The URL of Redis cannot be used" })
  })
  return { redis, newClient }
})

/** Commands, and those whose replies the process waits for. Replies are passed on in order. */
export class Commands {
  #awaited = 0

  async run<A>(
    client: { readonly ref: () => void; readonly unref: () => void },
    send: () => Promise<A>,
    isAwaited = true
  ): Promise<A> {
    if (isAwaited && this.#awaited++ === 0) client.ref()
    try {
      return await send()
    } finally {
      if (isAwaited && --this.#awaited === 0) client.unref()
    }
  }
}

interface CommandOptions {
  /** Whether the command keeps the process alive. Default: `true`. */
  readonly isAwaited?: boolean
  /** Default: text. */
  readonly asBytes?: boolean
}

type Loaded = Effect.Effect.Success<ReturnType<typeof loadRedis<3>>>
type RedisClient = Effect.Effect.Success<Loaded["newClient"]>

interface ConnectionOptions extends Loaded {
  readonly channel: string
  readonly onMessage: (message: string) => void
  readonly onConnected: Effect.Effect<unknown>
}

/**
 * One connection for commands and the messages of a channel (RESP3). Without one, a reconnect is tried about every
 * second; a command without a reply in time ends the connection.
 */
export class RedisConnection {
  #client: RedisClient | undefined
  #isWanted = false
  #isLost = false
  readonly #lock = Effect.unsafeMakeSemaphore(1)
  readonly #commands = new Commands()

  constructor(private readonly options: ConnectionOptions) {}

  /** Connects for the first time. From then on a lost connection is replaced, see `keep`. */
  readonly open = Effect.suspend(() => {
    this.#isWanted = true
    return Effect.mapError(
      this.#connect(true),
      problem => new DataStoreError({ operation: "initialize", message: String(problem) })
    )
  })

  readonly close = Effect.sync(() => {
    this.#isWanted = false
    if (this.#client !== undefined) this.#destroy(this.#client)
  })

  /** Reconnects repeatedly, in the background. */
  readonly keep = Random.nextRange(0.5, 1.5).pipe(
    Effect.flatMap(factor => Effect.sleep(Duration.times(pauseBetweenConnections, factor))),
    Effect.andThen(Effect.suspend(() => (this.#isWanted ? Effect.ignore(this.#connect(false)) : Effect.void))),
    Effect.forever,
    inBackground
  )

  /** Runs a script on the keys of `key`. */
  run(
    operation: DataStoreError["operation"],
    script: string,
    key: string,
    input: ReadonlyArray<Value>,
    { isAwaited, asBytes = false }: CommandOptions = {}
  ): Effect.Effect<unknown, DataStoreError> {
    return Effect.suspend(() => {
      const failed = (problem: string) => new DataStoreError({ operation, message: problem })
      const client = this.#client
      if (!client?.isReady) return failed("there is no connection to Redis")
      const { BLOB_STRING } = this.options.redis.RESP_TYPES
      const typed = asBytes ? client.withTypeMapping({ [BLOB_STRING]: Buffer }) : client
      const send = (): Promise<unknown> => typed.sendCommand(commandOf(script, key, input))
      return Effect.timeoutFail(
        Effect.tryPromise({
          try: () => this.#commands.run(client, send, isAwaited),
          catch: error => failed(String(error))
        }),
        {
          duration: commandTimeout,
          onTimeout: () => {
            this.#destroy(client)
            return failed(`Redis did not answer within ${Duration.toMillis(commandTimeout)} ms`)
          }
        }
      )
    })
  }

  /** `isAwaited`: it keeps the process alive. */
  #connect(isAwaited: boolean) {
    const connected = Effect.flatMap(this.options.newClient, client => this.#establish(client, isAwaited))
    return this.#lock.withPermits(1)(Effect.suspend(() => (this.#client?.isReady ? Effect.void : connected)))
  }

  #establish(client: RedisClient, isAwaited: boolean) {
    const { channel, onMessage } = this.options
    return Effect.tryPromise({
      try: async () => {
        if (!isAwaited) client.unref()
        await client.connect()
        await client.subscribe(channel, onMessage)
        client.unref()
      },
      catch: String
    }).pipe(
      Effect.timeoutFail({
        duration: connectTimeout,
        onTimeout: () => `no answer within ${Duration.toMillis(connectTimeout)} ms`
      }),
      Effect.onExit(exit => Effect.suspend(() => this.#settle(client, exit._tag === "Success"))),
      Effect.tapError(problem => {
        if (this.#isLost) return Effect.void
        this.#isLost = true
        return Effect.logWarning(`There is no connection to Redis: ${problem}`)
      })
    )
  }

  #settle(client: RedisClient, isConnected: boolean): Effect.Effect<unknown> {
    if (!isConnected || !this.#isWanted) {
      this.#destroy(client)
      return Effect.void
    }
    this.#client = client
    const told = this.#isLost ? Effect.logInfo("There is a connection to Redis again") : Effect.void
    this.#isLost = false
    return Effect.andThen(told, this.options.onConnected)
  }

  #destroy(client: RedisClient): void {
    if (this.#client === client) this.#client = undefined
    try {
      client.destroy()
    } catch {
      // It was closed already.
    }
  }
}
