import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Redacted, Scope } from "effect"
import { createClient } from "redis"
import * as RedisFleet from "../../layers/DataStore/RedisFleet.js"
import type { SpecStore } from "../../src/SpecStore.js"
import { member, memberProcess, specsKey, statsigServer } from "./support/fleet.js"
import { canStartRedis, redisServer } from "./support/redisServer.js"
import { payload } from "./support/specs.js"

type Store = SpecStore["Type"]

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(condition, "10 millis"), { until: done => done })

const names = Array.from({ length: 10 }, (_, index) => `member ${index}`)

const holds = (stores: ReadonlyArray<Store>, time: number) =>
  until(Effect.sync(() => stores.every(store => store.current().snapshot?.time === time)))

/** A proxy to Redis that can be closed, and that passes nothing more after a reply that it blocks. */
const gateTo = (port: number, lets: (reply: Buffer) => boolean = () => true) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer(client => {
        const redis = connect(port, "127.0.0.1")
        for (const socket of [client, redis]) sockets.add(socket.on("error", () => {}))
        client.pipe(redis)
        let isOpen = true
        redis.on("end", () => client.end())
        redis.on("data", (reply: Buffer) => {
          isOpen &&= lets(reply)
          if (isOpen) client.write(reply)
        })
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

/** The surroundings of a fleet: its own Redis and Statsig, both observable. */
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
    ask,
    /** The holder of the lease. */
    holder: ask("GET", `{${specsKey}}|lease`),
    /** The remaining milliseconds of the lease if it is not renewed. */
    leaseLeft: Effect.map(ask("PTTL", `{${specsKey}}|lease`), Number),
    /** The time of the stored specs. */
    stored: Effect.map(ask("GET", specsKey), text => (text === null ? undefined : JSON.parse(text).time)),
    /** Clears the callers, waits for this many calls, and returns who made them. */
    callersOf: (calls: number) =>
      Effect.gen(function* () {
        statsig.callers.length = 0
        yield* until(Effect.sync(() => statsig.callers.length >= calls))
        return new Set(statsig.callers)
      })
  }
})

describe.skipIf(!canStartRedis)("DataStore/RedisFleet with two hundred clients", () => {
  it.scopedLive("names one to poll, keeps it, and names another within two intervals when it is gone", () =>
    Effect.gen(function* () {
      const { gate, holder, leaseLeft, redis } = yield* world
      const interval = 10_000
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

const metaKey = `{${specsKey}}|meta`
const leaseKey = `{${specsKey}}|lease`

interface Trouble {
  readonly name: string
  readonly does: ReadonlyArray<ReadonlyArray<string>>
  /** What makes Redis accept writes again; without it the fleet repairs the fault itself. */
  readonly undo?: ReadonlyArray<ReadonlyArray<string>>
}

const set = (value: string) => ["SET", specsKey, value]
const meta = (...words: ReadonlyArray<string>) => ["HSET", metaKey, ...words]
/** A key of an unexpected type. */
const list = (key: string) => [
  ["DEL", key],
  ["RPUSH", key, "poison"]
]
const text = (key: string) => [
  ["DEL", key],
  ["SET", key, "poison"]
]
const hash = (key: string) => [
  ["DEL", key],
  ["HSET", key, "poison", "poison"]
]
const old = payload({ time: 10 })

const troubles: ReadonlyArray<Trouble> = [
  { name: "the value is a list", does: list(specsKey) },
  { name: "the value is a hash", does: hash(specsKey) },
  { name: "the meta is a text", does: text(metaKey) },
  { name: "the meta is a list", does: list(metaKey) },
  { name: "the lease is a list", does: list(leaseKey) },
  { name: "the lease is a hash", does: hash(leaseKey) },
  { name: "all are lists", does: [...list(specsKey), ...list(metaKey), ...list(leaseKey)] },
  ...["99999999999999", "9e99", "inf", "nan", "-5", "abc", ""].map(version => ({
    name: `the version is ${JSON.stringify(version)}`,
    does: [meta("version", version)]
  })),
  { name: "another write is named", does: [meta("write", "poison")] },
  { name: "the lease never ends, and its holder is gone", does: [["SET", leaseKey, "gone"]] },
  { name: "the lease is of one who is gone, for an hour", does: [["SET", leaseKey, "gone", "EX", "3600"]] },
  { name: "the lease is empty and never ends", does: [["SET", leaseKey, ""]] },
  { name: "the value is cut off", does: [set(old.slice(0, -20))] },
  { name: "the value is empty", does: [set("")] },
  { name: "the value is another JSON", does: [set('{"error":"no"}')] },
  { name: "the value is older than its version", does: [set(old)] },
  { name: "the value says that it is from the future", does: [set(payload({ time: 9e15 }))] },
  { name: "value and meta are from the future", does: [set(payload({ time: 9e15 })), ["DEL", metaKey]] },
  { name: "the value is gone", does: [["DEL", specsKey]] },
  { name: "the meta is gone", does: [["DEL", metaKey]] },
  { name: "the lease is gone", does: [["DEL", leaseKey]] },
  { name: "everything is gone", does: [["FLUSHALL"]] },
  {
    name: "Redis is read-only",
    does: [["REPLICAOF", "127.0.0.1", "1"]],
    undo: [["REPLICAOF", "NO", "ONE"]]
  },
  {
    name: "Redis has no memory left",
    does: [["CONFIG", "SET", "maxmemory", "1"]],
    undo: [["CONFIG", "SET", "maxmemory", "0"]]
  },
  {
    name: "Redis has no memory left and lost everything",
    does: [["FLUSHALL"], ["CONFIG", "SET", "maxmemory", "1"]],
    undo: [["CONFIG", "SET", "maxmemory", "0"]]
  }
]

/** Intervals within which all members have the new specs. Two usually suffice; machines are slow. */
const intervalsToHeal = 10

describe.skipIf(!canStartRedis)("DataStore/RedisFleet over a Redis with arbitrary content", () => {
  it.scopedLive(
    "recovers",
    () =>
      Effect.gen(function* () {
        const { ask, fleet, statsig, stored } = yield* world
        const interval = 1000
        statsig.state.time = 11
        const members = yield* Effect.forEach(["one", "two", "three"], name => member({ ...fleet, name, interval }))
        yield* holds(members, 11)
        for (const { does, name, undo = [] } of troubles) {
          yield* until(Effect.map(stored, time => time === statsig.state.time))
          yield* Effect.forEach(does, words => ask(...words))
          // Every member may read it.
          yield* ask("PUBLISH", "statsig|changes", `Changed nobody ${specsKey}`)
          const time = ++statsig.state.time
          const late = Effect.dieMessage(
            `${name}: ${members.map(store => store.current().snapshot?.time)}, not ${time}`
          )
          const inTime = Effect.timeoutTo({
            duration: `${intervalsToHeal * interval} millis`,
            onSuccess: () => Effect.void,
            onTimeout: () => late
          })
          yield* Effect.flatten(inTime(holds(members, time)))
          yield* Effect.forEach(undo, words => ask(...words))
          yield* Effect.flatten(inTime(until(Effect.map(stored, found => found === time))))
        }
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger))),
    300_000
  )
})

// These tests mostly wait.
describe.skipIf(!canStartRedis).concurrent("DataStore/RedisFleet", () => {
  it.scopedLive("one polls, all are up to date, and another one polls when it is killed", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, statsig } = yield* world
      // Long: a member that gets no CPU time for an interval loses the lease.
      const often = { ...fleet, interval: 10_000, syncInterval: 1000 }
      const first = yield* memberProcess({ ...often, name: "first" })
      const members = yield* Effect.forEach(names, name => member({ ...often, name }))
      yield* holds(members, 1)
      // Only the first requested Statsig, even to initialise.
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
      // One that has read nothing for two intervals may poll once more.
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1 && !callers.has("first")))
      yield* holds(members, 3)
      assert.strictEqual(yield* holder, after)
    })
  )

  it.scopedLive("members that start together on an empty Redis make one request, and are notified of changes", () =>
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

  it.scopedLive("a holder that ends, or that cannot reach Statsig, releases the lease", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, statsig } = yield* world
      const scope = yield* Scope.make()
      // Long, so that the lease cannot just have expired.
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

  it.scopedLive("a holder that was paused does not restore older specs, and follows when it resumes", () =>
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
      // The response awaits it, newer than its specs and older than the next ones.
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
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      assert.strictEqual(second.current().snapshot?.time, 3)
    })
  )

  it.scopedLive("all poll Statsig when Redis is killed; one does and fills it when Redis is back and empty", () =>
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
      // Until each has reconnected to Redis, some may poll once more.
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      statsig.state.time = 3
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      yield* holds(members, 3)
    })
  )

  it.scopedLive("a member that reaches Redis and cannot read the specs polls Statsig until reading works again", () =>
    Effect.gen(function* () {
      const { callersOf, fleet, holder, redis, statsig } = yield* world
      let isCut = false
      const narrow = yield* gateTo(redis.port, reply => !(isCut && reply.includes("has_updates")))
      // There is enough time to reconnect between two failing reads.
      const interval = 6000
      const first = yield* member({ ...fleet, name: "first", interval })
      yield* until(Effect.map(holder, now => now !== null))
      const second = yield* member({ ...fleet, redis: narrow.url, name: "second", interval })
      isCut = true
      statsig.state.time = 2
      yield* holds([first, second], 2)
      isCut = false
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      statsig.state.time = 3
      yield* holds([first, second], 3)
    })
  )

  it.scopedLive("nothing is lost when Redis is paused, and one polls when it resumes", () =>
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
      yield* until(Effect.map(callersOf(2), callers => callers.size === 1))
      yield* holds(members, 3)
    })
  )
})
