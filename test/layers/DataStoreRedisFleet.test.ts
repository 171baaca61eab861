import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Scope } from "effect"
import { createClient } from "redis"
import * as RedisFleet from "../../layers/DataStore/RedisFleet.js"
import type { SpecStore } from "../../src/SpecStore.js"
import { member, memberProcess, specsKey, statsigServer } from "./support/fleet.js"
import { canStartRedis, redisServer } from "./support/redisServer.js"

type Store = SpecStore["Type"]

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(condition, "10 millis"), { until: done => done })

const names = Array.from({ length: 10 }, (_, index) => `member ${index}`)

const holds = (stores: ReadonlyArray<Store>, time: number) =>
  until(Effect.sync(() => stores.every(store => store.current().snapshot?.time === time)))

/** A way to Redis that can be closed. */
const gateTo = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer(client => {
        const redis = connect(port, "127.0.0.1")
        for (const socket of [client, redis]) sockets.add(socket.on("error", () => {}))
        client.pipe(redis).pipe(client)
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address() as AddressInfo
      return {
        url: Redacted.make(`redis://127.0.0.1:${address.port}`),
        close: Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
      }
    }),
    ({ close }) => close
  )

/** What a fleet stands on: a Redis and a Statsig of its own, and eyes on both. */
const world = Effect.gen(function* () {
  const redis = yield* redisServer
  const gate = yield* gateTo(redis.port)
  const statsig = yield* statsigServer
  const connected = createClient({ url: Redacted.value(redis.url), socket: { reconnectStrategy: 20 } }).on(
    "error",
    () => {}
  )
  const client = yield* Effect.acquireRelease(
    Effect.promise(() => connected.connect()),
    client => Effect.sync(() => client.destroy())
  )
  const ask = (...words: ReadonlyArray<string>) =>
    Effect.promise(() => client.sendCommand<string | null>(words as Array<string>))
  return {
    redis,
    gate,
    statsig,
    fleet: { redis: redis.url, specsUrl: statsig.url },
    /** Who has the lease. */
    holder: ask("GET", `{${specsKey}}|lease`),
    /** How long the lease holds if nobody renews it, in milliseconds. */
    leaseLeft: Effect.map(ask("PTTL", `{${specsKey}}|lease`), Number),
    /** The time of the stored specs. */
    stored: Effect.map(ask("GET", specsKey), text => (text === null ? undefined : JSON.parse(text).time)),
    /** Forgets who called, waits for this many calls, and tells who made them. */
    callersOf: (calls: number) =>
      Effect.gen(function* () {
        statsig.callers.length = 0
        yield* until(Effect.sync(() => statsig.callers.length >= calls))
        return new Set(statsig.callers)
      })
  }
})

describe.skipIf(!canStartRedis)("DataStore/RedisFleet, with two hundred clients", () => {
  it.scopedLive("names one to poll, keeps to it, and names another within two intervals when it is gone", () =>
    Effect.gen(function* () {
      const { gate, holder, leaseLeft, redis } = yield* world
      const interval = 2000
      const start = (url: Redacted.Redacted) =>
        Effect.tap(RedisFleet.make({ url, interval }), store => store.initialize)
      const first = yield* start(gate.url)
      assert.isFalse(yield* first.supportsPollingUpdatesFor(specsKey))
      const others = yield* Effect.forEach(Array(199), () => start(redis.url), { concurrency: 20 })
      const pollers = Effect.map(
        Effect.forEach(others, store => store.supportsPollingUpdatesFor(specsKey), { concurrency: "unbounded" }),
        answers => answers.filter(answer => !answer).length
      )
      const before = yield* holder
      for (let sample = 0; sample < 5; sample++) {
        assert.strictEqual(yield* pollers, 0)
        yield* Effect.sleep("200 millis")
      }
      assert.strictEqual(yield* holder, before)

      // It can neither renew nor release.
      yield* gate.close
      assert.isAtMost(yield* leaseLeft, 2 * interval)
      yield* until(Effect.map(holder, now => now !== null && now !== before))
      const after = yield* holder
      yield* until(Effect.map(pollers, count => count === 1))
      for (let sample = 0; sample < 5; sample++) {
        assert.strictEqual(yield* pollers, 1)
        yield* Effect.sleep("200 millis")
      }
      assert.strictEqual(yield* holder, after)
    })
  )
})

// They mostly wait.
describe.skipIf(!canStartRedis).concurrent("DataStore/RedisFleet", () => {
  it.scopedLive("one polls, all are fresh, and when it is killed another one polls", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, statsig } = yield* world
      const interval = 1000
      const first = yield* memberProcess({ ...fleet, name: "first", interval })
      const members = yield* Effect.forEach(names, name => member({ ...fleet, name, interval }))
      yield* holds(members, 1)
      // Nobody but the first asked Statsig, not even to initialise.
      assert.deepStrictEqual(new Set(statsig.callers), new Set(["first"]))
      const before = yield* holder
      statsig.state.time = 2
      assert.deepStrictEqual(yield* callersOf(2), new Set(["first"]))
      yield* holds(members, 2)
      assert.strictEqual(yield* holder, before)

      yield* first.kill
      yield* until(Effect.map(holder, now => now !== null && now !== before))
      const after = yield* holder
      statsig.state.time = 3
      const callers = yield* callersOf(2)
      assert.strictEqual(callers.size, 1)
      assert.notInclude([...callers], "first")
      yield* holds(members, 3)
      assert.strictEqual(yield* holder, after)
    })
  )

  it.scopedLive("members that start at once on an empty Redis make one request, and are told of changes", () =>
    Effect.gen(function* () {
      const { fleet, statsig } = yield* world
      // Polls are too far apart to bring anything.
      const members = yield* Effect.forEach(
        names,
        name => member({ ...fleet, name, interval: 60_000, syncInterval: 3_600_000 }),
        { concurrency: "unbounded" }
      )
      yield* holds(members, 1)
      assert.strictEqual(statsig.callers.length, 1)
      const leader = members[names.indexOf(statsig.callers[0]!)]!
      statsig.state.time = 2
      yield* leader.syncNow
      yield* holds(members, 2)
      assert.strictEqual(statsig.callers.length, 2)
      const sources = members.map(store => store.current().source)
      assert.strictEqual(sources.filter(source => source === "Network").length, 1)
      assert.strictEqual(sources.filter(source => source === "Adapter(DataStore)").length, 9)
    })
  )

  it.scopedLive("a holder that ends, or that cannot reach Statsig, makes room", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, statsig } = yield* world
      const scope = yield* Scope.make()
      // Long, so that the lease cannot just have run out.
      const interval = 60_000
      const start = (name: string, specsUrl = fleet.specsUrl) =>
        member({ ...fleet, specsUrl, name, interval, syncInterval: 1000 })
      yield* Scope.extend(start("first"), scope)
      const before = yield* holder
      const cutOff = yield* start("cut off", "http://127.0.0.1:9")
      yield* Scope.close(scope, Exit.void)
      yield* until(Effect.map(holder, now => now !== null && now !== before))
      const third = yield* start("third")
      statsig.state.time = 2
      assert.deepStrictEqual(yield* callersOf(2), new Set(["third"]))
      yield* holds([cutOff, third], 2)
    })
  )

  it.scopedLive("a holder that was paused does not bring back what is older, and follows when it goes on", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, statsig, stored } = yield* world
      const interval = 1000
      const first = yield* memberProcess({ ...fleet, name: "first", interval })
      const second = yield* member({ ...fleet, name: "second", interval })
      statsig.state.time = 2
      const before = yield* holder
      const held = yield* Effect.fork(statsig.hold("first"))
      const answer = yield* Fiber.join(held)
      yield* first.pause
      // Its answer waits for it, newer than what it has and older than what comes next.
      answer()
      yield* until(Effect.map(holder, now => now !== null && now !== before))
      statsig.state.time = 3
      yield* holds([second], 3)
      yield* until(Effect.map(stored, time => time === 3))
      yield* first.goOn
      const seen: Array<unknown> = []
      yield* until(
        Effect.map(stored, time => {
          seen.push(time)
          return first.held.at(-1) === 3
        })
      )
      assert.deepStrictEqual([...new Set(seen)], [3])
      assert.deepStrictEqual(first.held, [1, 2, 3])
      assert.strictEqual((yield* callersOf(2)).size, 1)
      assert.strictEqual(second.current().snapshot?.time, 3)
    })
  )

  it.scopedLive("when Redis is killed all poll Statsig; when it is back, and empty, one does and fills it", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, redis, statsig, stored } = yield* world
      const interval = 1000
      const members = yield* Effect.forEach(names, name => member({ ...fleet, name, interval }))
      yield* redis.kill
      statsig.state.time = 2
      yield* holds(members, 2)
      yield* redis.start
      yield* until(Effect.map(holder, now => now !== null))
      yield* until(Effect.map(stored, time => time === 2))
      // Until each has heard of Redis again some may poll once more.
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      const before = yield* holder
      statsig.state.time = 3
      assert.strictEqual((yield* callersOf(2)).size, 1)
      yield* holds(members, 3)
      assert.strictEqual(yield* holder, before)
    })
  )

  it.scopedLive("when Redis is paused nothing is lost, and one polls when it goes on", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, redis, statsig, stored } = yield* world
      const interval = 1000
      const members = yield* Effect.forEach(names, name => member({ ...fleet, name, interval }))
      yield* redis.pause
      statsig.state.time = 2
      yield* holds(members, 2)
      yield* redis.goOn
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      yield* until(Effect.map(stored, time => time === 2))
      statsig.state.time = 3
      assert.strictEqual((yield* callersOf(2)).size, 1)
      yield* holds(members, 3)
    })
  )
})
