/**
 * A data store in Redis for a fleet: of all processes that use it, one polls Statsig and writes, and the others read.
 *
 * The store is all that a fleet needs. Before every poll it is asked whether to poll the store or Statsig
 * (`supportsPollingUpdatesFor`); only the holder of a lease in Redis polls Statsig. There is one lease per key, so one
 * Redis serves several projects. It lasts one interval and is renewed three times in it. Other processes try to take it
 * when it should have expired: so it passes on within two intervals when its holder dies, and at once when its holder
 * ends or cannot reach Statsig. The others are notified of every write.
 *
 * A lease alone does not prevent late writes of a holder that was paused or cut off. Redis therefore compares the
 * versions of writes; the lease only decides between equal ones. The holder also rewrites what Redis lost.
 *
 * A process that gets no response from Redis, or cannot read the value there, for two intervals polls Statsig by itself
 * until that works again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DataStore from "../../src/DataStore.js"
import { guarded, inBackground } from "../../src/internal/clocks.js"
import type { DataStoreError, LayerError } from "../../src/StatsigError.js"
import type { RedisOptions } from "../internal/redisConnection.js"
import * as RedisStore from "../internal/redisStore.js"

/**
 * Options of the fleet.
 *
 * @since 0.1.0
 */
export interface FleetOptions extends RedisOptions {
  /** The pause between two polls, as `specsSyncInterval`; the same for the whole fleet. Default: 10 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

const defaultInterval = Duration.seconds(10)

/** The longest possible poll, including retries. */
const longestPoll = Duration.seconds(45)

/** Members that learn at the same moment that the lease is free spread over this many milliseconds. */
const longestRush = 500

/** A lease that is not released in time expires by itself. */
const releaseTimeout = Duration.seconds(1)

/**
 * Takes or renews the lease. A lease that would never expire, or that is invalid, is taken over, and one that lasts
 * longer than any member's is shortened. Returns the version in Redis, or how long another process holds the lease.
 */
const claimScript = `
local holder = lease()
local left = redis.call("PTTL", KEYS[3])
if not holder or holder == ARGV[1] or left == -1 then
  redis.call("SET", KEYS[3], ARGV[1], "PX", ARGV[2])
  return {1, version() and meta("version")}
end
local longest = tonumber(ARGV[2])
if left > longest then
  redis.call("PEXPIRE", KEYS[3], ARGV[2])
  left = longest
end
return {0, left}`

const releaseScript = `
if lease() == ARGV[1] then
  redis.call("DEL", KEYS[3])
  redis.call("PUBLISH", ARGV[2], ARGV[3])
end
return 1`

/** A process's state of a lease. Times are milliseconds of a monotonic clock. */
class Lease {
  heldUntil = 0
  heardAt = Number.NEGATIVE_INFINITY
  /** A process that does not poll does not need the lease. */
  wantedUntil = 0
  campaign: Fiber.RuntimeFiber<void> | undefined
  /** Completes when the lease was first requested. */
  readonly asked = Deferred.unsafeMake<void>(FiberId.none)
  readonly wake = Effect.runSync(Queue.sliding<void>(1))

  constructor(public readAt: number) {}
}

const nowMillis = Effect.map(Clock.currentTimeNanos, nanos => Number(nanos / 1_000_000n))

/** The leases that this process holds or requests. */
class Leases {
  readonly #leases = new Map<string, Lease>()

  /** `interval`: the pause between two polls, in milliseconds. The campaigns end with the scope. */
  constructor(
    private readonly values: RedisStore.RedisValues,
    private readonly interval: number,
    private readonly scope: Scope.Scope
  ) {}

  /** Whether another process polls: one that responds in time, unless its values could not be read here for long. */
  isPolledElsewhere(key: string, read: Effect.Effect<unknown, DataStoreError>): Effect.Effect<boolean> {
    return Effect.gen(this, function* () {
      const lease = yield* this.#leaseOf(key)
      yield* Deferred.await(lease.asked)
      const now = yield* nowMillis
      const follows = now >= lease.heldUntil && now - lease.heardAt < 2 * this.interval
      if (!follows || now - lease.readAt < 2 * this.interval) return follows
      // Redis responds, but could not be read for long.
      return yield* Effect.isSuccess(read)
    })
  }

  /** Notes a successful read of the key. */
  noteRead(key: string): Effect.Effect<void> {
    return Effect.map(nowMillis, now => {
      const lease = this.#leases.get(key)
      if (lease !== undefined) lease.readAt = now
    })
  }

  /** Requests at once a lease that this message of another process may have freed. */
  hear({ key, kind }: RedisStore.StoreMessage): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const [leased, { wake }] of this.#leases) {
        if (kind === "Connected" || (kind === "Released" && key === leased)) Queue.unsafeOffer(wake, undefined)
      }
    })
  }

  stepDown(key: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const lease = this.#leases.get(key)
      if (lease?.campaign === undefined || lease.heldUntil === 0) return Effect.void
      // Until it is requested again, before the next poll: the others learn of the release and are first.
      this.#leases.delete(key)
      return Effect.zipRight(Fiber.interrupt(lease.campaign), this.#release(key))
    })
  }

  readonly end = Effect.suspend(() => {
    const held = [...this.#leases]
    this.#leases.clear()
    return Effect.zipRight(
      Fiber.interruptAll(held.flatMap(([_key, { campaign }]) => campaign ?? [])),
      Effect.forEach(held, ([key]) => this.#release(key))
    )
  })

  #leaseOf(key: string): Effect.Effect<Lease> {
    return Effect.gen(this, function* () {
      const now = yield* nowMillis
      const found = this.#leases.get(key)
      const lease = found ?? new Lease(now)
      lease.wantedUntil = now + 3 * this.interval + Duration.toMillis(longestPoll)
      if (found !== undefined) return found
      this.values.follow(key)
      this.#leases.set(key, lease)
      lease.campaign = yield* Effect.forkIn(inBackground(this.#campaign(key, lease)), this.scope)
      return lease
    })
  }

  #campaign(key: string, lease: Lease): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      while ((yield* nowMillis) < lease.wantedUntil) {
        const [from, to] = yield* this.#claim(key, lease)
        yield* Deferred.succeed(lease.asked, undefined)
        const isWoken = yield* Effect.raceFirst(
          Effect.as(this.#pause(from, to), false),
          Effect.as(Queue.take(lease.wake), true)
        )
        if (isWoken) yield* this.#pause(0, Math.min(0.1, longestRush / this.interval))
      }
      this.#leases.delete(key)
      yield* this.#release(key)
    })
  }

  /** Requests the lease once, and returns the wait until the next request, in intervals. */
  #claim(key: string, lease: Lease): Effect.Effect<readonly [from: number, to: number]> {
    return Effect.gen(this, function* () {
      const asked = yield* nowMillis
      const input = [this.values.token, String(Math.ceil(this.interval))]
      const reply = yield* Effect.option(this.#run(claimScript, key, input))
      if (reply._tag === "None") return [0.2, 0.5]
      const [isHeld, rest] = reply.value as readonly [number, string | number | null]
      lease.heardAt = yield* nowMillis
      if (isHeld !== 1) {
        lease.heldUntil = 0
        const part = Math.min(Math.max(Number(rest) / this.interval, 0), 1)
        return [part, part + 0.25]
      }
      if (lease.heldUntil === 0) yield* Effect.logInfo("This process fetches from Statsig for its fleet")
      // Counted from before the request: Redis started counting later.
      lease.heldUntil = asked + this.interval
      yield* this.values.restore(key, rest)
      return [0.3, 0.35]
    })
  }

  #release(key: string): Effect.Effect<void> {
    const { token } = this.values
    return Effect.interruptible(
      Effect.disconnect(this.#run(releaseScript, key, [token, ...this.values.notice("Released", key)]))
    ).pipe(Effect.timeout(releaseTimeout), Effect.ignore, guarded)
  }

  #run(script: string, key: string, input: ReadonlyArray<string>): Effect.Effect<unknown, DataStoreError> {
    return this.values.connection.run("set", script, key, input, { isAwaited: false })
  }

  #pause(from: number, to: number): Effect.Effect<void> {
    return Effect.flatMap(Random.nextRange(from, to), part => Effect.sleep(Duration.millis(this.interval * part)))
  }
}

/**
 * Makes the store. Its lease is released and its connection closed when the scope ends.
 *
 * Fails when the package `redis` is not installed, or when the URL is invalid.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FleetOptions) {
  const values = yield* RedisStore.make(options)
  const { store } = values
  const interval = Math.max(1, Duration.toMillis(options.interval ?? defaultInterval))
  const leases = new Leases(values, interval, yield* Effect.scope)

  yield* Effect.addFinalizer(() => leases.end)
  yield* Stream.fromPubSub(values.messages).pipe(
    Stream.runForEach(message => leases.hear(message)),
    Effect.forkScoped
  )

  const get = (key: string) => Effect.zipLeft(store.get(key), leases.noteRead(key))

  return DataStore.make({
    ...store,
    get,
    getBytes: key => Effect.zipLeft(store.getBytes(key), leases.noteRead(key)),
    supportsPollingUpdatesFor: key => leases.isPolledElsewhere(key, get(key)),
    stepDown: key => leases.stepDown(key),
    shutdown: Effect.zipRight(leases.end, store.shutdown)
  })
})

/**
 * A store in Redis for a fleet.
 *
 * @example
 * const source = DataStoreSource.layerBefore({ sdkKey }).pipe(
 *   Layer.provide(Http.layer({ sdkKey })),
 *   Layer.provide(RedisFleet.layer({ url: Redacted.make("redis://127.0.0.1:6379") }))
 * )
 *
 * @since 0.1.0
 */
export const layer = (options: FleetOptions): Layer.Layer<DataStore.DataStore, LayerError> =>
  Layer.scoped(DataStore.DataStore, make(options))
