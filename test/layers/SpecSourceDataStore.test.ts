import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Queue, Redacted, Scope, Stream, TestClock } from "effect"
import * as MemoryDataStore from "../../layers/DataStore/Memory.js"
import * as DataStoreSource from "../../layers/SpecSource/DataStore.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { DataStore, type PollingOptions, type Store } from "../../src/DataStore.js"
import { disabled, inOrder, type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { DataStoreError, SpecSourceError } from "../../src/StatsigError.js"
import { encodePayload } from "./support/protobuf.js"
import {
  capturingLogs,
  initialize,
  keeping,
  noUpdates,
  payload,
  payloadObject,
  poll,
  scriptedSource
} from "./support/specs.js"

const sdkKey = Redacted.make("secret-testkey1234567890")
const key = "statsig|/v2/download_config_specs|plain_text|CtXWzAFksPaEOTWOGn2HrFu2vvyPHod3Auwq1w6Tvrk="

/** A store in memory, changed where a test needs it, and its calls. */
const recordingStore = (changes: Partial<Store> = {}, options: PollingOptions = {}) => {
  const calls: Array<ReadonlyArray<unknown>> = []
  const store: Store = { ...MemoryDataStore.make(options), ...changes }
  const noting =
    <Arguments extends ReadonlyArray<unknown>, A, E>(
      name: string,
      call: (...input: Arguments) => Effect.Effect<A, E>
    ) =>
    (...input: Arguments) =>
      Effect.suspend(() => {
        calls.push([name, ...input])
        return call(...input)
      })
  const recording: Store = {
    ...store,
    initialize: noting("initialize", () => store.initialize)(),
    get: noting("get", store.get),
    set: noting("set", store.set),
    supportsPollingUpdatesFor: noting("supportsPollingUpdatesFor", store.supportsPollingUpdatesFor),
    shutdown: noting("shutdown", () => store.shutdown)()
  }
  return { calls, store: recording, layer: Layer.succeed(DataStore, recording) }
}

const protobufKey = key.replace("plain_text", "statsig-br")

const gatesIn = (text: string | undefined) => Object.keys(JSON.parse(text!).feature_gates)

const failing = (operation: DataStoreError["operation"]) =>
  new DataStoreError({ operation, message: "no route to secret-testkey1234567890" })

/** The spec store over a data store that comes before a network. */
const build = (store: Layer.Layer<DataStore>, network: Source) =>
  SpecStoreLayer.layer({ syncInterval: "10 seconds" }).pipe(
    Layer.provide(DataStoreSource.layerBefore({ sdkKey })),
    Layer.provide(Layer.merge(store, Layer.succeed(SpecSource, network))),
    Layer.build,
    Effect.map(Context.get(SpecStore))
  )

const held = (store: SpecStore["Type"]) => [store.current().source, store.current().snapshot?.time]

const down = new SpecSourceError({ source: "Network", reason: "Transport", message: "refused" })

describe("SpecSource/DataStore", () => {
  it("derives its keys from the SDK key", () => {
    assert.strictEqual(DataStoreSource.specsKey({ sdkKey }), key)
    assert.strictEqual(DataStoreSource.specsKey({ sdkKey, keySchema: "v2" }), key)
    assert.strictEqual(
      DataStoreSource.specsKey({ sdkKey, keySchema: "v3" }),
      "statsig|/v2/download_config_specs|plain_text|secret-testkey123456"
    )
    assert.strictEqual(DataStoreSource.protobufKey({ sdkKey }), protobufKey)
    assert.strictEqual(
      DataStoreSource.specsKey({ sdkKey: Redacted.make("secret-examplekey0123456789") }),
      "statsig|/v2/download_config_specs|plain_text|Y4ux6eCYaByYg+ULdpxENOI8xfi9r3WG1g82GPRGaZ0="
    )
  })

  it.effect("initialises the store once, before it reads, and shuts it down with the scope", () =>
    Effect.gen(function* () {
      const { calls, layer } = recordingStore()
      const scope = yield* Scope.make()
      const source = yield* DataStoreSource.make({ sdkKey }).pipe(Effect.provide(layer), Scope.extend(scope))
      assert.deepStrictEqual(calls, [])
      const error = yield* Effect.flip(source.fetch(initialize, keeping()))
      yield* Effect.ignore(source.fetch(poll, keeping()))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(
        calls.filter(([name]) => name !== "supportsPollingUpdatesFor"),
        [["initialize"], ["get", key], ["get", key], ["shutdown"]]
      )
      assert.deepInclude(error, { source: "Adapter(DataStore)", reason: "Empty" })
    })
  )

  it.effect("masks keys in messages", () =>
    Effect.gen(function* () {
      const { layer } = recordingStore({ get: () => failing("get") })
      const failed = yield* DataStoreSource.make({ sdkKey }).pipe(
        Effect.flatMap(source => Effect.flip(source.fetch(initialize, keeping()))),
        Effect.provide(layer),
        Effect.scoped
      )
      assert.deepInclude(failed, { reason: "Failed", message: "get failed: no route to secret-testk*****" })
      const empty = yield* DataStoreSource.make({ sdkKey, keySchema: "v3" }).pipe(
        Effect.flatMap(source => Effect.flip(source.fetch(initialize, keeping()))),
        Effect.provide(recordingStore().layer),
        Effect.scoped
      )
      assert.notInclude(empty.message, "secret-testkey")
    })
  )

  it.effect("waits 10 seconds for the store, and one second for its shutdown", () =>
    Effect.gen(function* () {
      const { layer } = recordingStore({
        get: () => Effect.uninterruptible(Effect.never),
        shutdown: Effect.uninterruptible(Effect.never)
      })
      const scope = yield* Scope.make()
      const source = yield* DataStoreSource.make({ sdkKey }).pipe(Effect.provide(layer), Scope.extend(scope))
      const fiber = yield* Effect.fork(Effect.flip(source.fetch(initialize, keeping())))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { source: "Adapter(DataStore)", reason: "Timeout" })
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(closing)
    })
  )

  it.effect("asks before each poll whether to poll, and takes a failure as no", () =>
    Effect.gen(function* () {
      const broken = Effect.die("boom")
      const answers: ReadonlyArray<readonly [answer: Effect.Effect<unknown>, expected: boolean]> = [
        [Effect.succeed(true), true],
        [Effect.succeed(false), false],
        [Effect.succeed(1), false],
        [broken, false]
      ]
      for (const [answer, expected] of answers) {
        const { calls, layer } = recordingStore({ supportsPollingUpdatesFor: () => answer as Effect.Effect<boolean> })
        const source = yield* DataStoreSource.make({ sdkKey }).pipe(Effect.provide(layer), Effect.scoped)
        assert.strictEqual(yield* source.polls, expected)
        assert.strictEqual(yield* source.polls, expected)
        const asked = calls.filter(([name]) => name === "supportsPollingUpdatesFor")
        const times = answer === broken ? 1 : 2
        assert.deepStrictEqual(asked, Array(times).fill(["supportsPollingUpdatesFor", key]))
      }
    })
  )

  describe("before the network", () => {
    const cases: ReadonlyArray<
      readonly [
        name: string,
        stored: string | undefined | "fails" | "dies",
        network: string | undefined,
        expected: unknown
      ]
    > = [
      [
        "valid",
        payload({ time: 5 }),
        payload({ time: 9 }),
        { held: ["Adapter(DataStore)", 5], requests: 0, writes: 0 }
      ],
      [
        "valid, network down",
        payload({ time: 5 }),
        undefined,
        { held: ["Adapter(DataStore)", 5], requests: 0, writes: 0 }
      ],
      ["without updates", noUpdates, payload({ time: 9 }), { held: ["Loading", undefined], requests: 0, writes: 0 }],
      ["missing", undefined, payload({ time: 9 }), { held: ["Network", 9], requests: 1, writes: 1 }],
      ["empty", "", payload({ time: 9 }), { held: ["Network", 9], requests: 1, writes: 1 }],
      ["garbage", "<html>", payload({ time: 9 }), { held: ["Network", 9], requests: 1, writes: 1 }],
      ["failing", "fails", payload({ time: 9 }), { held: ["Network", 9], requests: 1, writes: 1 }],
      ["dying", "dies", payload({ time: 9 }), { held: ["Network", 9], requests: 1, writes: 1 }],
      [
        "missing, network without updates",
        undefined,
        noUpdates,
        { held: ["Loading", undefined], requests: 1, writes: 0 }
      ]
    ]
    for (const [name, stored, network, expected] of cases) {
      it.scoped(`a store that is ${name}`, () =>
        Effect.gen(function* () {
          yield* TestClock.setTime(77)
          const get =
            stored === "fails"
              ? () => failing("get")
              : stored === "dies"
                ? () => Effect.die(new Error("boom"))
                : () => Effect.succeed(stored)
          const { calls, layer } = recordingStore({ get })
          const source = scriptedSource([network ?? Effect.fail(down)])
          const store = yield* build(layer, source)
          yield* store.load
          yield* TestClock.adjust(0)
          const writes = calls.filter(([name]) => name === "set")
          assert.deepStrictEqual(
            { held: held(store), requests: source.requests.length, writes: writes.length },
            expected
          )
          if (writes.length > 0) assert.deepStrictEqual(writes, [["set", key, network, { version: 9, receivedAt: 77 }]])
        })
      )
    }

    for (const [name, network] of [
      ["down", scriptedSource([Effect.fail(down)])],
      ["disabled", disabled]
    ] as const) {
      it.scoped(`an empty store and a network that is ${name}: no specs, and both are named`, () =>
        Effect.gen(function* () {
          const store = yield* build(recordingStore().layer, network)
          const error = yield* Effect.flip(store.load)
          assert.deepInclude(error, { reason: "Failed", source: "Adapter(DataStore), Network" })
          assert.match(error.message, /^Adapter\(DataStore\): the data store has no .*; Network: /)
          assert.deepStrictEqual(held(store), ["NoValues", undefined])
        })
      )
    }

    it.scoped("polls the network with the time and checksum of the stored specs, and writes what is applied", () =>
      Effect.gen(function* () {
        const older = payload({ time: 4 })
        const newer = payload({ time: 6 })
        const { calls, layer, store } = recordingStore()
        yield* store.set(key, payload({ time: 5, checksum: "c" }), { version: 1, receivedAt: 1 })
        const source = scriptedSource([noUpdates, older, "garbage", newer])
        const specs = yield* build(layer, source)
        yield* specs.load
        yield* specs.startUpdates
        yield* TestClock.adjust("40 seconds")
        assert.deepStrictEqual(held(specs), ["Network", 6])
        assert.deepStrictEqual(source.requests[0], { purpose: "poll", sinceTime: 5, checksum: "c" })
        assert.deepStrictEqual(calls.filter(([name]) => name === "set").slice(1), [
          ["set", key, newer, { version: 6, receivedAt: 40_000 }]
        ])
      })
    )

    it.scoped("polls only the store when it supports that", () =>
      Effect.gen(function* () {
        const { calls, layer, store } = recordingStore({}, { supportsPollingUpdates: true })
        yield* store.set(key, payload({ time: 5 }), { version: 1, receivedAt: 1 })
        const source = scriptedSource([payload({ time: 9 })])
        const specs = yield* build(layer, source)
        yield* specs.load
        yield* specs.startUpdates
        const seen: Array<unknown> = []
        for (const text of [payload({ time: 6 }), payload({ time: 4 }), "garbage", payload({ time: 7 })]) {
          yield* store.set(key, text, { version: 1, receivedAt: 1 })
          yield* TestClock.adjust("10 seconds")
          seen.push(held(specs)[1])
        }
        assert.deepStrictEqual(seen, [6, 6, 6, 7])
        assert.deepStrictEqual(source.requests, [])
        assert.isAbove(calls.filter(([name]) => name === "supportsPollingUpdatesFor").length, 1)
      })
    )

    it.scoped("polls the store or the network as the store says before each poll", () =>
      Effect.gen(function* () {
        let polls = true
        const { calls, layer } = recordingStore({
          get: () => Effect.succeed(payload({ time: 5 })),
          supportsPollingUpdatesFor: () => Effect.sync(() => polls)
        })
        const source = scriptedSource([payload({ time: 6 })])
        const specs = yield* build(layer, source)
        yield* specs.load
        yield* specs.startUpdates
        const asked: Array<unknown> = []
        for (const answer of [true, false, true]) {
          polls = answer
          yield* TestClock.adjust("10 seconds")
          asked.push([calls.filter(([name]) => name === "get").length, source.requests.length])
        }
        assert.deepStrictEqual(asked, [
          [2, 0],
          [2, 1],
          [3, 1]
        ])
        assert.deepStrictEqual(held(specs), ["Network", 6])
      })
    )

    it.scoped("reads the store whenever it reports a change", () =>
      Effect.gen(function* () {
        const told = yield* Queue.unbounded<void>()
        const { layer, store } = recordingStore({ changes: () => Stream.fromQueue(told) })
        yield* store.set(key, payload({ time: 5 }), { version: 5, receivedAt: 1 })
        const source = scriptedSource([noUpdates])
        const specs = yield* build(layer, source)
        yield* specs.load
        yield* specs.startUpdates
        yield* store.set(key, payload({ time: 6 }), { version: 6, receivedAt: 2 })
        yield* Queue.offer(told, undefined)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(held(specs), ["Adapter(DataStore)", 6])
        assert.deepStrictEqual(source.requests, [])
      })
    )

    it.scoped("writes protobuf both unchanged and as JSON, and deltas as the JSON of the whole", () =>
      Effect.gen(function* () {
        const { calls, layer, store } = recordingStore()
        const first = payloadObject({ time: 1, gates: { kept: true, gone: true } })
        const second = payloadObject({ time: 2, gates: { kept: true, added: true } })
        const whole = encodePayload(first)
        const specs = yield* build(layer, scriptedSource([whole, encodePayload(second, { since: first })]))
        yield* specs.load
        yield* TestClock.adjust(0)
        while ((yield* store.get(key)) === undefined) yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* store.getBytes(protobufKey), whole)
        assert.deepStrictEqual(gatesIn(yield* store.get(key)), ["kept", "gone"])
        yield* specs.syncNow
        while (calls.filter(([name]) => name === "set").length < 2) yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* store.getBytes(protobufKey), whole)
        assert.deepStrictEqual(gatesIn(yield* store.get(key)), ["kept", "added"])
      })
    )

    it.scoped("reads the store whenever it reports a change of protobuf", () =>
      Effect.gen(function* () {
        const told = yield* Queue.unbounded<void>()
        const { layer, store } = recordingStore({
          changes: changed => (changed === protobufKey ? Stream.fromQueue(told) : Stream.empty)
        })
        const specs = yield* build(layer, scriptedSource([payload({ time: 5 })]))
        yield* specs.load
        yield* specs.startUpdates
        yield* store.setBytes(protobufKey, encodePayload(payloadObject({ time: 6 })), { version: 6, receivedAt: 2 })
        yield* Queue.offer(told, undefined)
        while (specs.current().snapshot?.time !== 6) yield* Effect.promise(() => new Promise(setImmediate))
        assert.deepStrictEqual(held(specs), ["Adapter(DataStore)", 6])
      })
    )

    it.scoped("notifies the store of a poll without specs, and of no other", () =>
      Effect.gen(function* () {
        const toldOf: Array<string> = []
        const { layer } = recordingStore({ stepDown: key => Effect.sync(() => void toldOf.push(key)) })
        const specs = yield* build(
          layer,
          scriptedSource([payload({ time: 1 }), noUpdates, "garbage", Effect.fail(down)])
        )
        yield* specs.load
        for (let sync = 0; sync < 3; sync++) {
          assert.deepStrictEqual(toldOf, [])
          yield* Effect.ignore(specs.syncNow)
        }
        assert.deepStrictEqual(toldOf, [key])
      })
    )

    it.scoped("notifies the store when there is no network to poll", () =>
      Effect.gen(function* () {
        let told = 0
        const { layer } = recordingStore({ stepDown: () => Effect.sync(() => void told++) })
        const source = yield* SpecSource.pipe(
          Effect.provide(Layer.provide(DataStoreSource.layerBefore({ sdkKey }), Layer.succeed(SpecSource, disabled))),
          Effect.provide(layer)
        )
        assert.isFalse(yield* source.polls)
        assert.strictEqual(told, 1)
      })
    )

    it.effect("retries a failed write at the next poll and at the end", () =>
      Effect.gen(function* () {
        const tried: Array<number> = []
        let isUp = false
        const { layer } = recordingStore({
          set: (_key, _value, { version }) =>
            Effect.suspend(() => {
              tried.push(version)
              return isUp ? Effect.void : failing("set")
            })
        })
        const scope = yield* Scope.make()
        const answers = [payload({ time: 1 }), noUpdates, noUpdates, noUpdates, payload({ time: 2 })]
        const specs = yield* build(layer, scriptedSource(answers)).pipe(Scope.extend(scope))
        const sync = Effect.andThen(specs.syncNow, TestClock.adjust(0))
        yield* Effect.andThen(specs.load, TestClock.adjust(0))
        yield* sync
        isUp = true
        yield* sync
        yield* sync
        assert.deepStrictEqual(tried, [1, 1, 1])
        isUp = false
        yield* sync
        isUp = true
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(tried, [1, 1, 1, 2, 2])
      })
    )

    for (const [name, get, said] of [
      ["fails", () => failing("get"), "get failed: no route to secret-testk*****"],
      ["dies", () => Effect.die(new Error("boom")), "boom"],
      ["holds garbage", () => Effect.succeed("<html>"), 'expected JSON: unexpected "<" at byte 0 (6 bytes)'],
      ["is empty", () => Effect.succeed(undefined), undefined]
    ] as const) {
      it.scoped(`a store that ${name} at initialize is ${said === undefined ? "no trouble" : "in the log"}`, () => {
        const logs = capturingLogs()
        return Effect.gen(function* () {
          const store = yield* build(recordingStore({ get }).layer, scriptedSource([payload({ time: 9 })]))
          yield* store.load
          const expected = said === undefined ? [] : [`WARN The specs of the data store cannot be used: ${said}`]
          assert.deepStrictEqual(logs.lines, expected)
        }).pipe(Effect.provide(logs.layer))
      })
    }

    it.scoped("writes in the background, only the latest when the store is slow, and only logs failures", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const written: Array<string> = []
        const gate = yield* Deferred.make<void>()
        const { layer } = recordingStore({
          set: (_key, value) =>
            Effect.suspend(() => {
              written.push(value)
              return written.length === 1 ? Effect.andThen(Deferred.await(gate), failing("set")) : Effect.void
            })
        })
        const bodies = [1, 2, 3, 4].map(time => payload({ time }))
        const store = yield* build(layer, scriptedSource(bodies))
        yield* store.load
        yield* TestClock.adjust(0)
        for (let sync = 0; sync < 3; sync++) yield* store.syncNow
        assert.deepStrictEqual(held(store), ["Network", 4])
        assert.deepStrictEqual(written, [bodies[0]])
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(written, [bodies[0], bodies[3]])
        assert.strictEqual(logs.lines.length, 1)
        assert.match(logs.lines[0]!, /^WARN The specs were not written to the data store: .*secret-testk\*\*\*\*\*/)
      }).pipe(Effect.provide(logs.layer))
    })
  })
})

type Broken = (call: "get" | "set" | "supports" | "initialize") => Effect.Effect<unknown, DataStoreError> | undefined

/** How a store can fail, and the first line that is logged when it is read, polled and written. */
const faults: ReadonlyArray<readonly [name: string, fault: Broken, said: RegExp]> = [
  ["fails to initialise", call => (call === "initialize" ? failing(call) : undefined), /initialize failed: no route/],
  ["never initialises", call => (call === "initialize" ? Effect.never : undefined), /not answer within 10000 ms/],
  ["fails to read", call => (call === "get" ? failing(call) : undefined), /get failed: no route/],
  ["dies while reading", call => (call === "get" ? Effect.die("boom") : undefined), /boom/],
  ["never reads", call => (call === "get" ? Effect.never : undefined), /not answer within 10000 ms/],
  ["cannot be interrupted", call => (call === "get" ? Effect.uninterruptible(Effect.never) : undefined), /10000 ms/],
  ["returns garbage", call => (call === "get" ? Effect.succeed("{") : undefined), /JSON/],
  [
    "returns half a payload",
    call => (call === "get" ? Effect.succeed(payload({ time: 9 }).slice(0, 99)) : undefined),
    /JSON/
  ],
  ["returns another shape", call => (call === "get" ? Effect.succeed("[]") : undefined), /JSON object/],
  ["does not tell who polls", call => (call === "supports" ? Effect.never : undefined), /does not tell/],
  ["fails to write", call => (call === "set" ? failing(call) : undefined), /not written .*no route/],
  ["never writes", call => (call === "set" ? Effect.never : undefined), /not written/]
]

describe("a data store that fails for a while", () => {
  for (const [name, fault, said] of faults) {
    it.scoped(`and ${name} affects no held specs, is logged, and is used when it works again`, () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        let isBroken = true
        let polls = false
        const memory = MemoryDataStore.make()
        const broken = <A>(call: Parameters<Broken>[0], works: Effect.Effect<A, DataStoreError>) =>
          Effect.suspend(() => ((isBroken ? fault(call) : undefined) ?? works) as typeof works)
        const store: Store = {
          ...memory,
          initialize: broken("initialize", memory.initialize),
          get: key => broken("get", memory.get(key)),
          set: (key, value, stamp) => broken("set", memory.set(key, value, stamp)),
          supportsPollingUpdatesFor: () =>
            Effect.orDie(
              broken(
                "supports",
                Effect.sync(() => polls)
              )
            )
        }
        const network = scriptedSource([payload({ time: 2 }), noUpdates])
        const specs = yield* build(Layer.succeed(DataStore, store), network)
        const loading = yield* Effect.fork(specs.load)
        yield* TestClock.adjust("60 seconds")
        yield* Fiber.join(loading)
        assert.deepStrictEqual(held(specs), ["Network", 2])
        yield* specs.startUpdates
        yield* TestClock.adjust("60 seconds")
        assert.deepStrictEqual(held(specs), ["Network", 2])
        assert.match(logs.lines.join("\n"), said)
        assert.notInclude(logs.lines.join("\n"), "testkey1234567890")

        isBroken = false
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* memory.get(key), payload({ time: 2 }))
        polls = true
        yield* memory.set(key, payload({ time: 3 }), { version: 3, receivedAt: 3 })
        yield* TestClock.adjust("10 seconds")
        const isAsked = name !== "does not tell who polls"
        assert.deepStrictEqual(held(specs), isAsked ? ["Adapter(DataStore)", 3] : ["Network", 2])
      }).pipe(Effect.provide(logs.layer))
    })
  }
})

describe("inOrder", () => {
  it.effect("of one source is that source", () =>
    Effect.sync(() => {
      const source = scriptedSource([""])
      assert.strictEqual(inOrder(source), source)
    })
  )

  it.effect("polls only the first source that polls, and never falls back", () =>
    Effect.gen(function* () {
      const silent = scriptedSource(["silent"], { polls: Effect.succeed(false) })
      const first = scriptedSource([Effect.fail(down)])
      const second = scriptedSource(["second"])
      const source = inOrder(silent, first, second)
      assert.isTrue(yield* source.polls)
      assert.strictEqual(yield* Effect.flip(source.fetch(poll, keeping())), down)
      assert.deepStrictEqual(
        [silent, first, second].map(({ requests }) => requests.length),
        [0, 1, 0]
      )
    })
  )

  it.effect("fetches from all sources on demand when none polls", () =>
    Effect.gen(function* () {
      const silent = { polls: Effect.succeed(false) }
      const source = inOrder(scriptedSource([Effect.fail(down)], silent), scriptedSource(["second"], silent))
      const apply = keeping()
      assert.isFalse(yield* source.polls)
      yield* source.fetch(poll, apply)
      assert.deepStrictEqual(
        apply.responses.map(({ body }) => body),
        ["second"]
      )
    })
  )
})
