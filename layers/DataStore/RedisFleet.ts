/**
 * A data store in Redis for a fleet: of all processes that use it, one polls Statsig and writes, and the others read.
 *
 * There is no other part to a fleet. The store is asked before every poll whether the process is to poll the store or
 * Statsig (`supportsPollingUpdatesFor`), and says Statsig to the one that holds a lease in Redis. The lease is for one
 * key, so one Redis serves several projects; it lasts one interval and is renewed three times in it. Who does not hold it
 * tries when it should have ended: so it passes on within two intervals when its holder dies, and at once when its holder
 * ends or cannot reach Statsig. The others are told of every write.
 *
 * A lease alone does not keep a holder that was paused or cut off from writing late. What is written is therefore
 * compared in Redis, by version; the lease only decides between equal ones. The holder also writes again what Redis lost.
 *
 * Who hears nothing of Redis for two intervals, or cannot read the value there for so long, polls Statsig by itself until that works
 * again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as DataStore from "../../src/DataStore.js"
import { guarded, inBackground } from "../../src/internal/clocks.js"
import type { DataStoreError, LayerError } from "../../src/StatsigError.js"
import type { RedisOptions } from "../internal/redisStore.js"
import * as RedisStore from "../internal/redisStore.js"

/**
 * How the fleet works.
 *
 * @since 0.1.0
 */
export interface FleetOptions extends RedisOptions {
  /** The pause between two polls, as `specsSyncInterval`; the same for the whole fleet. Default: 10 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

const defaultInterval = Duration.seconds(10)

/** The longest that a poll can take, with all that is repeated. */
const longestPoll = Duration.seconds(45)

/** Over how many milliseconds the members spread that hear at the same moment that the lease is free. */
const longestRush = 500

/** A lease that is not released in time ends by itself. */
const releaseTimeout = Duration.seconds(1)

/**
 * Takes or renews the lease. A lease that would never end, or that is none, is taken over, and one that lasts longer than
 * any member's is cut short. Answers what version Redis holds, or for how long another has the lease.
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

/** What a process knows of a lease. Moments are milliseconds of a clock that only goes on. */
interface Lease {
  heldUntil: number
  /** When Redis answered last. */
  heardAt: number
  /** When a read last worked. */
  readAt: number
  /** A process that does not poll has no use for the lease. */
  wantedUntil: number
  /** Ends when the lease was asked for the first time. */
  readonly asked: Deferred.Deferred<void>
  /** Something happened: it is to be asked for now. */
  readonly wake: Queue.Queue<void>
}

const nowMillis = Effect.map(Clock.currentTimeNanos, nanos => Number(nanos / 1_000_000n))

/**
 * Makes the store. Its lease is released and its connection closed when the scope ends.
 *
 * Fails when the package `redis` is not installed, or when the URL is none.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FleetOptions) {
  const { channel, followed, known, messages, run, store, token, write } = yield* RedisStore.make(options)
  const interval = Math.max(1, Duration.toMillis(options.interval ?? defaultInterval))
  const scope = yield* Effect.scope
  const leases = new Map<string, Lease>()
  const fibers = new Map<string, Fiber.RuntimeFiber<void>>()

  const pause = (from: number, to: number) =>
    Effect.flatMap(Random.nextRange(from, to), part => Effect.sleep(Duration.millis(interval * part)))

  const release = (key: string) =>
    Effect.interruptible(
      Effect.disconnect(
        run("set", releaseScript, key, [token, channel, `Released ${token} ${key}`], { isAwaited: false })
      )
    ).pipe(Effect.timeout(releaseTimeout), Effect.ignore, guarded)

  /** Gives Redis what it lost, or never got. */
  const restore = (key: string, version: unknown) => {
    const value = known.get(key)
    if (value === undefined || (version !== null && Number(version) >= value.version)) return Effect.void
    return Effect.ignore(write(key, value.value, value.version))
  }

  /** Asks for the lease once, and says how long to wait before the next time, in intervals. */
  const claim = Effect.fnUntraced(function* (key: string, lease: Lease) {
    const asked = yield* nowMillis
    const reply = yield* Effect.option(
      run("set", claimScript, key, [token, String(Math.ceil(interval))], { isAwaited: false })
    )
    if (reply._tag === "None") return [0.2, 0.5] as const
    const [isHeld, rest] = reply.value as readonly [number, string | number | null]
    lease.heardAt = yield* nowMillis
    if (isHeld !== 1) {
      lease.heldUntil = 0
      const part = Math.min(Math.max(Number(rest) / interval, 0), 1)
      return [part, part + 0.25] as const
    }
    if (lease.heldUntil === 0) yield* Effect.logInfo("This process fetches from Statsig for its fleet")
    // Counted from before the question: Redis began to count later.
    lease.heldUntil = asked + interval
    yield* restore(key, rest)
    return [0.3, 0.35] as const
  })

  const campaign = Effect.fnUntraced(function* (key: string, lease: Lease) {
    while ((yield* nowMillis) < lease.wantedUntil) {
      const [from, to] = yield* claim(key, lease)
      yield* Deferred.succeed(lease.asked, undefined)
      const waited = yield* Effect.raceFirst(Effect.as(pause(from, to), true), Effect.as(Queue.take(lease.wake), false))
      if (!waited) yield* pause(0, Math.min(0.1, longestRush / interval))
    }
    leases.delete(key)
    fibers.delete(key)
    yield* release(key)
  })

  const leaseOf = Effect.fnUntraced(function* (key: string) {
    const now = yield* nowMillis
    const wantedUntil = now + 3 * interval + Duration.toMillis(longestPoll)
    const found = leases.get(key)
    if (found !== undefined) {
      found.wantedUntil = wantedUntil
      return found
    }
    const lease: Lease = {
      heldUntil: 0,
      heardAt: Number.NEGATIVE_INFINITY,
      readAt: now,
      wantedUntil,
      asked: yield* Deferred.make<void>(),
      wake: yield* Queue.sliding<void>(1)
    }
    followed.add(key)
    leases.set(key, lease)
    fibers.set(key, yield* Effect.forkIn(inBackground(campaign(key, lease)), scope))
    return lease
  })

  yield* Effect.addFinalizer(() => Effect.forEach(leases.keys(), release))
  yield* Stream.fromPubSub(messages).pipe(
    Stream.runForEach(({ key, kind }) =>
      Effect.forEach(leases, ([leased, { wake }]) =>
        kind === "Connected" || (kind === "Released" && key === leased) ? Queue.offer(wake, undefined) : Effect.void
      )
    ),
    Effect.forkScoped
  )

  const noted =
    <A>(read: (key: string) => Effect.Effect<A | undefined, DataStoreError>) =>
    (key: string) =>
      Effect.tap(read(key), () =>
        Effect.map(nowMillis, now => {
          const lease = leases.get(key)
          if (lease !== undefined) lease.readAt = now
        })
      )
  const get = noted(store.get)

  return DataStore.make({
    ...store,
    get,
    getBytes: noted(store.getBytes),
    supportsPollingUpdatesFor: Effect.fnUntraced(function* (key) {
      const lease = yield* leaseOf(key)
      yield* Deferred.await(lease.asked)
      const now = yield* nowMillis
      const follows = now >= lease.heldUntil && now - lease.heardAt < 2 * interval
      if (!follows || now - lease.readAt < 2 * interval) return follows
      // Redis answers, and could not be read for long.
      return yield* Effect.isSuccess(get(key))
    }),
    stepDown: Effect.fnUntraced(function* (key) {
      const fiber = fibers.get(key)
      if (fiber === undefined || leases.get(key)?.heldUntil === 0) return
      // Until it is asked for again, before the next poll: the others hear of the release and are there first.
      leases.delete(key)
      fibers.delete(key)
      yield* Fiber.interrupt(fiber)
      yield* release(key)
    }),
    shutdown: Effect.suspend(() => {
      const running = [...fibers.values()]
      const held = [...leases.keys()]
      fibers.clear()
      leases.clear()
      return Fiber.interruptAll(running).pipe(
        Effect.andThen(Effect.forEach(held, release)),
        Effect.andThen(store.shutdown)
      )
    })
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
