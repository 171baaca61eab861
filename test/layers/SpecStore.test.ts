import { assert, describe, it } from "@effect/vitest"
import {
  Chunk,
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Queue,
  Random,
  Scope,
  Stream,
  TestClock
} from "effect"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { ObservabilityClient } from "../../src/ObservabilityClient.js"
import { type Fetch, type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { SpecSourceError } from "../../src/StatsigError.js"
import { capturingLogs, noUpdates, type PayloadOptions, payload, scriptedSource } from "./support/specs.js"

const build = (source: Source, syncInterval: string = "10 seconds", compileSpecsFirst = false) =>
  Effect.map(
    Layer.build(
      Layer.provide(
        SpecStoreLayer.layer({ syncInterval: syncInterval as "10 seconds", compileSpecsFirst }),
        Layer.succeed(SpecSource, source)
      )
    ),
    Context.get(SpecStore)
  )

const down = new SpecSourceError({ source: "Network", reason: "Transport", message: "connection refused" })

const refused = (status: number, retryAfter?: number) =>
  Effect.fail(
    new SpecSourceError({ source: "Network", reason: "Status", status, retryAfter, message: `status(${status})` })
  )

/** The current specs: `[source, time, gates]`. */
const held = (store: SpecStore["Type"]) => {
  const { snapshot, source } = store.current()
  return [source, snapshot?.time, snapshot === undefined ? undefined : [...snapshot.names("gates")].join()]
}

const at = (time: number, options: PayloadOptions = {}) => payload({ time, ...options })

describe("SpecStore", () => {
  describe("load", () => {
    it.scoped("holds nothing before it", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([payload()]))
        assert.deepStrictEqual(store.current(), {
          source: "Uninitialized",
          sourceApi: undefined,
          snapshot: undefined,
          receivedAt: undefined,
          defaultEnvironment: undefined
        })
        assert.deepStrictEqual(yield* store.status, {
          source: "Uninitialized",
          time: 0,
          receivedAt: undefined,
          lastSuccessAt: undefined,
          age: undefined,
          isStale: true,
          lastError: undefined,
          warnings: []
        })
      })
    )

    it.scoped("requests everything and holds what it gets", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(5_000)
        const source = scriptedSource([
          payload({ time: 100, checksum: "c", fields: { default_environment: "staging" } })
        ])
        const store = yield* build(source)
        yield* store.load
        assert.deepStrictEqual(source.requests, [{ purpose: "initialize", sinceTime: 0, checksum: undefined }])
        const { defaultEnvironment, receivedAt, snapshot, sourceApi } = store.current()
        assert.deepStrictEqual([defaultEnvironment, receivedAt, sourceApi], ["staging", 5_000, "https://specs.test/v2"])
        assert.deepStrictEqual([snapshot?.time, snapshot?.checksum], [100, "c"])
        assert.deepStrictEqual(held(store), ["Network", 100, "gate"])
      })
    )

    it.scoped("succeeds without specs and stays Loading until a poll brings them", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([noUpdates, payload({ time: 7 })]))
        yield* store.load
        assert.deepStrictEqual(held(store), ["Loading", undefined, undefined])
        yield* store.startUpdates
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(held(store), ["Network", 7, "gate"])
      })
    )

    const unusable: ReadonlyArray<readonly [name: string, body: string | Uint8Array]> = [
      ["an empty body", ""],
      ["an object without fields", "{}"],
      ["null", "null"],
      ["an array", "[]"],
      ["garbage", "<html>"],
      ["a byte order mark", `\ufeff${payload()}`],
      ["a truncated payload", payload().slice(0, -20)],
      ["bytes that are no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)],
      ["half a character", Uint8Array.of(0xe2, 0x82)],
      ["half a pair of surrogates", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
      ["time as text", payload({ fields: { time: "1" } })],
      ["a missing table", payload({ fields: { feature_gates: undefined } })]
    ]
    for (const [name, body] of unusable) {
      it.scoped(`fails for ${name} and keeps the current specs`, () =>
        Effect.gen(function* () {
          const store = yield* build(scriptedSource([body, at(100), body]))
          const error = yield* Effect.flip(store.load)
          assert.strictEqual(error._tag, "SpecsError")
          assert.isNotEmpty(error.message)
          assert.deepStrictEqual(held(store), ["NoValues", undefined, undefined])
          yield* store.load
          yield* Effect.flip(store.load)
          assert.deepStrictEqual(held(store), ["NoValues", 100, "gate"])
        })
      )
    }

    it.scoped("fails when its source fails", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([Effect.fail(down)]))
        assert.strictEqual(yield* Effect.flip(store.load), down)
        assert.deepStrictEqual(held(store), ["NoValues", undefined, undefined])
        assert.strictEqual((yield* store.status).lastError, down)
      })
    )

    const broken: ReadonlyArray<readonly [name: string, fetch: Fetch]> = [
      ["dies", () => Effect.die(new Error("boom"))],
      [
        "throws",
        () => {
          throw new Error("boom")
        }
      ],
      ["interrupts itself", () => Effect.interrupt]
    ]
    for (const [name, fetch] of broken) {
      it.scoped(`fails, and does not die, when its source ${name}`, () =>
        Effect.gen(function* () {
          const store = yield* build({ ...scriptedSource([""]), fetch })
          const error = yield* Effect.flip(store.load)
          assert.deepInclude(error, { _tag: "SpecSourceError", source: "Network", reason: "Failed" })
          assert.match(error.message, name === "interrupts itself" ? /Network broke/ : /Network broke: Error: boom/)
        })
      )
    }

    it.scoped("requests only updates the second time, and says Loading when there are none", () =>
      Effect.gen(function* () {
        const source = scriptedSource([at(100, { checksum: "c" }), noUpdates, Effect.fail(down), at(200)])
        const store = yield* build(source)
        yield* store.load
        yield* store.load
        assert.deepStrictEqual(source.requests[1], { purpose: "initialize", sinceTime: 100, checksum: "c" })
        assert.deepStrictEqual(held(store), ["Loading", 100, "gate"])
        yield* Effect.flip(store.load)
        assert.deepStrictEqual(held(store), ["NoValues", 100, "gate"])
        yield* store.load
        assert.deepStrictEqual(held(store), ["Network", 200, "gate"])
      })
    )

    it.scoped("succeeds both times when run twice concurrently, and holds specs", () =>
      Effect.gen(function* () {
        const source: Source = {
          ...scriptedSource([""]),
          fetch: (request, apply) =>
            Effect.andThen(
              Effect.sleep("1 second"),
              apply({ source: "Network", sourceApi: undefined, body: request.sinceTime > 0 ? noUpdates : at(100) })
            )
        }
        const store = yield* build(source)
        const fiber = yield* Effect.fork(Effect.all([store.load, store.load], { concurrency: "unbounded" }))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(held(store), ["Network", 100, "gate"])
      })
    )

    it.scoped("alone applies the default environment, whether it succeeds or fails", () =>
      Effect.gen(function* () {
        const named = (time: number, name: string | undefined) => at(time, { fields: { default_environment: name } })
        const store = yield* build(
          scriptedSource([named(1, "one"), named(2, "two"), named(3, undefined), named(4, "four"), Effect.fail(down)])
        )
        const environments: Array<string | undefined> = []
        for (const step of [store.load, store.syncNow, store.load, store.syncNow, Effect.flip(store.load)]) {
          yield* step
          environments.push(store.current().defaultEnvironment)
        }
        assert.deepStrictEqual(environments, ["one", "one", "one", "one", "four"])
      })
    )

    it.scoped("ends at once when interrupted, applies nothing and stays Loading; polls recover it", () =>
      Effect.gen(function* () {
        const source: Source = {
          ...scriptedSource([""]),
          // The worst case: it ignores interruption.
          fetch: (request, apply) =>
            Effect.uninterruptible(
              Effect.andThen(
                Effect.sleep("8 seconds"),
                apply({ source: "Network", sourceApi: undefined, body: at(request.purpose === "initialize" ? 1 : 2) })
              )
            )
        }
        const store = yield* build(source)
        const fiber = yield* Effect.fork(Effect.timeoutOption(store.load, "1 second"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
        yield* TestClock.adjust("8 seconds")
        assert.deepStrictEqual(held(store), ["Loading", undefined, undefined])
        yield* store.startUpdates
        yield* TestClock.adjust("18 seconds")
        assert.deepStrictEqual(held(store), ["Network", 2, "gate"])
      })
    )
  })

  describe("apply", () => {
    const steps: ReadonlyArray<
      readonly [
        name: string,
        body: string,
        expected: readonly [gates: string, time: number, checksum: string | undefined]
      ]
    > = [
      ["an older payload is refused", at(50, { checksum: "B", gates: { b: true } }), ["a", 100, "A"]],
      ["equal time, other checksum: applied", at(100, { checksum: "C", gates: { c: true } }), ["c", 100, "C"]],
      ["newer time, same checksum: refused", at(200, { checksum: "C", gates: { d: true } }), ["c", 100, "C"]],
      ["no checksum: applied", at(300, { gates: { e: true } }), ["e", 300, undefined]],
      ["equal time, no checksum: applied", at(300, { gates: { f: true } }), ["f", 300, undefined]],
      ["time 0 is older", at(0, { checksum: "D", gates: { g: true } }), ["f", 300, undefined]],
      ["whole payload without updates", at(400, { fields: { has_updates: false } }), ["f", 300, undefined]],
      ["another company", at(700, { gates: { h: true }, fields: { company_id: "x" } }), ["h", 700, undefined]],
      ["an empty checksum counts as missing", at(700, { checksum: "", gates: { i: true } }), ["i", 700, ""]],
      ["so the next one is applied", at(700, { checksum: "", gates: { j: true } }), ["j", 700, ""]]
    ]

    it.scoped("compares time and checksum", () =>
      Effect.gen(function* () {
        const source = scriptedSource([
          at(100, { checksum: "A", gates: { a: true } }),
          ...steps.map(([, body]) => body)
        ])
        const store = yield* build(source)
        yield* store.load
        for (const [name, , [gates, time, checksum]] of steps) {
          yield* store.syncNow
          assert.deepStrictEqual(held(store), ["Network", time, gates], name)
          assert.strictEqual(store.current().snapshot?.checksum, checksum, name)
        }
        const asked = source.requests.map(({ checksum, sinceTime }) => [sinceTime, checksum])
        assert.deepStrictEqual(asked.slice(0, 5), [
          [0, undefined],
          [100, "A"],
          [100, "A"],
          [100, "C"],
          [100, "C"]
        ])
        assert.deepStrictEqual(asked.at(-1), [700, ""])
      })
    )

    it.scoped("accepts time 0 and then requests without a time", () =>
      Effect.gen(function* () {
        const source = scriptedSource([at(0), at(5)])
        const store = yield* build(source)
        yield* store.load
        yield* store.syncNow
        assert.strictEqual(source.requests[1]?.sinceTime, 0)
        assert.deepStrictEqual(held(store), ["Network", 5, "gate"])
      })
    )

    it.scoped("keeps the snapshot of a repeated payload, as text or bytes, with the time of the latest", () =>
      Effect.gen(function* () {
        const body = at(100, { gates: { a: true } })
        const store = yield* build(scriptedSource([body, body, new TextEncoder().encode(body), at(100)]))
        yield* store.load
        const { snapshot } = store.current()
        assert.isDefined(snapshot)
        for (let received = 1; received <= 2; received++) {
          yield* TestClock.setTime(received)
          yield* store.syncNow
          assert.strictEqual(store.current().snapshot, snapshot)
          assert.strictEqual(store.current().receivedAt, received)
        }
        yield* store.syncNow
        assert.notStrictEqual(store.current().snapshot, snapshot)
      })
    )

    it.scoped("replaces the state as a whole and never mutates an old one", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([at(1), noUpdates, at(2)]))
        yield* store.load
        const first = store.current()
        const copy = { ...first }
        yield* store.syncNow
        assert.strictEqual(store.current(), first)
        yield* store.syncNow
        assert.notStrictEqual(store.current(), first)
        assert.deepStrictEqual({ ...first }, copy)
      })
    )
  })

  describe("polling", () => {
    it.scoped("begins with startUpdates, once, and pauses from the end of one to the start of the next", () =>
      Effect.gen(function* () {
        const starts: Array<number> = []
        const source: Source = {
          ...scriptedSource([""]),
          fetch: (_request, apply) =>
            Effect.gen(function* () {
              starts.push(yield* Effect.clockWith(clock => clock.currentTimeMillis))
              yield* Effect.sleep("3 seconds")
              return yield* apply({ source: "Network", sourceApi: undefined, body: noUpdates })
            })
        }
        const store = yield* build(source)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(starts, [])
        yield* Effect.all([store.startUpdates, store.startUpdates, store.startUpdates], { concurrency: "unbounded" })
        yield* TestClock.adjust("39 seconds")
        yield* store.startUpdates
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(starts, [70_000, 83_000, 96_000, 109_000])
      })
    )

    it.scoped("survives every failure of a source, which the status reports", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const source = scriptedSource([
          at(1),
          Effect.fail(down),
          Effect.die(new Error("boom")),
          Effect.interrupt,
          "<html>",
          "",
          noUpdates,
          at(2)
        ])
        const store = yield* build(source)
        yield* store.load
        yield* store.startUpdates
        const seen: Array<unknown> = []
        for (let poll = 0; poll < 7; poll++) {
          yield* TestClock.adjust("10 seconds")
          const { lastError, lastSuccessAt, source, time } = yield* store.status
          seen.push([source, time, lastSuccessAt, lastError?._tag, lastError?.reason])
        }
        assert.deepStrictEqual(seen, [
          ["Network", 1, 0, "SpecSourceError", "Transport"],
          ["Network", 1, 0, "SpecSourceError", "Failed"],
          ["Network", 1, 0, "SpecSourceError", "Failed"],
          ["Network", 1, 0, "SpecsError", "Syntax"],
          ["Network", 1, 0, "SpecsError", "Syntax"],
          ["Network", 1, 60_000, undefined, undefined],
          ["Network", 2, 70_000, undefined, undefined]
        ])
        assert.strictEqual(logs.lines.filter(line => line.startsWith("WARN The specs were not synced")).length, 5)
      }).pipe(Effect.provide(logs.layer))
    })

    describe("while the server refuses", () => {
      /** The times of the polls in seconds, with the given share of randomness. */
      const pollsOf = (answers: Parameters<typeof scriptedSource>[0], share: number, seconds: number) =>
        Effect.gen(function* () {
          const times: Array<number> = []
          const begun = yield* Clock.currentTimeMillis
          const scripted = scriptedSource(answers)
          const source: Source = {
            ...scripted,
            fetch: (request, apply) =>
              Effect.flatMap(Effect.clock, clock => {
                times.push((clock.unsafeCurrentTimeMillis() - begun) / 1_000)
                return scripted.fetch(request, apply)
              })
          }
          const store = yield* build(source)
          yield* store.startUpdates
          yield* TestClock.adjust(Duration.seconds(seconds))
          return times
        }).pipe(Effect.withRandom(Random.fixed([share])))

      const from = (second: number) =>
        Array.from({ length: (300 - second) / 10 + 1 }, (_, index) => second + 10 * index)
      const ten = (status: number) => Array.from({ length: 10 }, () => refused(status))

      for (const status of [400, 401, 403, 404, 429, 500, 503]) {
        it.scoped(`by ${status} happens less and less often, down to every two minutes`, () =>
          Effect.gen(function* () {
            const times = yield* pollsOf(ten(status), 1, 600)
            const pauses = times.map((time, index) => time - (times[index - 1] ?? 0))
            assert.deepStrictEqual(pauses.slice(0, 6), [10, 20, 40, 80, 120, 120])
          })
        )
      }

      it.scoped("is spread by up to a half, and is never more frequent than the interval", () =>
        Effect.gen(function* () {
          const times = yield* pollsOf(ten(429), 0, 300)
          assert.deepStrictEqual(times.slice(0, 6), [10, 20, 40, 80, 140, 200])
        })
      )

      it.scoped("waits as long as the server asks, and a little longer", () =>
        Effect.gen(function* () {
          const told = [refused(429, 60_000), refused(503, 100_000), noUpdates]
          assert.deepStrictEqual(yield* pollsOf(told, 0, 300), [10, 70, 170, ...from(180)])
          assert.deepStrictEqual((yield* pollsOf(told, 1, 200)).slice(0, 3), [10, 76, 186])
        })
      )

      it.scoped("returns to its interval after the first success, also after one on demand", () =>
        Effect.gen(function* () {
          const times = yield* pollsOf([refused(500), refused(500), noUpdates], 0, 120)
          assert.deepStrictEqual(times, [10, 20, 40, 50, 60, 70, 80, 90, 100, 110, 120])
        })
      )

      it.scoped("keeps its interval where there is no response, and where a payload cannot be used", () =>
        Effect.gen(function* () {
          const times = yield* pollsOf([Effect.fail(down), "<html>", Effect.fail(down), noUpdates], 1, 50)
          assert.deepStrictEqual(times, [10, 20, 30, 40, 50])
        })
      )

      it.scoped("is not started by syncIfOlderThan, but by syncNow", () =>
        Effect.gen(function* () {
          const source = scriptedSource([at(1), refused(429, 60_000), at(2)])
          const store = yield* build(source)
          yield* store.load
          yield* TestClock.adjust("1 minute")
          const error = yield* Effect.flip(store.syncIfOlderThan("1 second"))
          assert.deepInclude(error, { status: 429, retryAfter: 60_000 })
          assert.strictEqual(yield* Effect.flip(store.syncIfOlderThan("1 second")), error)
          assert.strictEqual(source.requests.length, 2)
          yield* TestClock.adjust("67 seconds")
          yield* store.syncIfOlderThan("1 second")
          assert.strictEqual(source.requests.length, 3)
          yield* store.syncNow
          assert.strictEqual(source.requests.length, 4)
        })
      )
    })

    it.scoped("does not poll a source without polling", () =>
      Effect.gen(function* () {
        const source = scriptedSource([at(1)], { polls: Effect.succeed(false) })
        const store = yield* build(source)
        yield* store.startUpdates
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(source.requests, [])
      })
    )

    it.effect("ends with the scope; the specs stay and can still be synced", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const source = scriptedSource([at(1), at(2), at(3)])
        const store = yield* Scope.extend(build(source), scope)
        yield* store.load
        yield* store.startUpdates
        yield* TestClock.adjust("10 seconds")
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(held(store), ["Network", 2, "gate"])
        yield* store.load
        yield* store.startUpdates
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(held(store), ["Network", 3, "gate"])
        assert.strictEqual(source.requests.length, 3)
      })
    )

    it.scoped("never runs two fetches at once", () =>
      Effect.gen(function* () {
        let running = 0
        let most = 0
        let count = 0
        const source: Source = {
          ...scriptedSource([""]),
          updates: Stream.repeatEffect(Effect.as(Effect.sleep("700 millis"), (_request, apply) => fetch(apply))),
          fetch: (_request, apply) => fetch(apply)
        }
        const fetch = (apply: Parameters<Fetch>[1]) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++running)
              count++
            }),
            () =>
              Effect.andThen(
                Effect.sleep("900 millis"),
                apply({ source: "Network", sourceApi: undefined, body: noUpdates })
              ),
            () => Effect.sync(() => running--)
          )
        const store = yield* build(source, "1 second")
        yield* store.startUpdates
        const calls = yield* Effect.fork(
          Effect.all([store.load, store.syncNow, store.load, store.syncNow, store.syncNow], {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(calls)
        assert.strictEqual(most, 1)
        assert.isAbove(count, 20)
      })
    )
  })

  describe("syncNow", () => {
    /** Takes a second for each fetch; the specs are those of the fetch's number. */
    const slowSource = () => {
      const requests: Array<string> = []
      const source: Source = {
        ...scriptedSource([""]),
        fetch: ({ purpose }, apply) =>
          Effect.suspend(() => {
            const time = requests.push(purpose)
            return Effect.delay(apply({ source: "Network", sourceApi: undefined, body: at(time) }), "1 second")
          })
      }
      return { requests, source }
    }

    it.scoped("shares one fetch between concurrent callers, and starts another for later ones", () =>
      Effect.gen(function* () {
        const { requests, source } = slowSource()
        const store = yield* build(source)
        const callers = yield* Effect.fork(
          Effect.all([store.syncNow, store.syncIfOlderThan(0), store.syncNow], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(callers)
        assert.deepStrictEqual(requests, ["sync"])
        assert.deepStrictEqual(held(store), ["Network", 1, "gate"])
        yield* Effect.fork(store.syncNow)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(held(store), ["Network", 2, "gate"])
      })
    )

    it.scoped("continues for the other callers when one of them is interrupted", () =>
      Effect.gen(function* () {
        const { requests, source } = slowSource()
        const store = yield* build(source)
        const first = yield* Effect.fork(store.syncNow)
        yield* Effect.yieldNow()
        const second = yield* Effect.fork(store.syncNow)
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(second)
        assert.deepStrictEqual([requests, held(store)], [["sync"], ["Network", 1, "gate"]])
      })
    )

    it.scoped("reports its failure to all callers, and the next one starts again", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([Effect.delay(Effect.fail(down), "1 second"), at(1)]))
        const callers = yield* Effect.fork(
          Effect.all([Effect.flip(store.syncNow), Effect.flip(store.syncNow)], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(callers), [down, down])
        yield* store.syncNow
        assert.deepStrictEqual(held(store), ["Network", 1, "gate"])
      })
    )

    it.scoped("is skipped by syncIfOlderThan while the specs are young enough", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000_000)
        const source = scriptedSource([at(1), noUpdates, Effect.fail(down), at(2)])
        const store = yield* build(source)
        const asked = (age: "1 minute") =>
          Effect.as(
            Effect.ignore(store.syncIfOlderThan(age)),
            Effect.sync(() => source.requests.length)
          ).pipe(Effect.flatten)
        assert.strictEqual(yield* asked("1 minute"), 1)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* asked("1 minute"), 1)
        yield* TestClock.adjust("1 milli")
        assert.strictEqual(yield* asked("1 minute"), 2)
        yield* TestClock.adjust("61 seconds")
        assert.strictEqual(yield* asked("1 minute"), 3)
        // It failed, so the specs are as old as before.
        assert.strictEqual(yield* asked("1 minute"), 4)
        assert.strictEqual(yield* asked("1 minute"), 4)
        yield* TestClock.setTime(5)
        assert.strictEqual(yield* asked("1 minute"), 5)
      })
    )
  })

  describe("status", () => {
    const ages = Effect.fnUntraced(function* (store: SpecStore["Type"]) {
      const { age, isStale } = yield* store.status
      return [age === undefined ? undefined : Duration.toSeconds(age), isStale]
    })

    it.scoped("reports the age of the specs and when they are stale", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([at(1), noUpdates, Effect.fail(down)]))
        yield* store.load
        assert.deepStrictEqual(yield* ages(store), [0, false])
        yield* store.startUpdates
        yield* TestClock.adjust("15 seconds")
        assert.deepStrictEqual(yield* ages(store), [5, false])
        yield* TestClock.adjust("25 seconds")
        assert.deepStrictEqual(yield* ages(store), [30, false])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* ages(store), [31, true])
        assert.strictEqual((yield* store.status).lastError, down)
        yield* TestClock.setTime(0)
        assert.deepStrictEqual(yield* ages(store), [undefined, true])
      })
    )

    it.scoped("does not call unpolled specs stale, only missing ones", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([noUpdates, at(1)], { polls: Effect.succeed(false) }))
        yield* store.load
        yield* store.startUpdates
        assert.deepStrictEqual(yield* ages(store), [0, true])
        yield* store.load
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(yield* ages(store), [86_400, false])
      })
    )
  })

  describe("supervision", () => {
    it.scoped("restarts polling, with growing delays, when the logger throws", () =>
      Effect.gen(function* () {
        let isBroken = true
        const brokenLog = Logger.make(() => {
          if (isBroken) throw new Error("the log is full")
        })
        const source = scriptedSource([Effect.fail(down), Effect.fail(down), at(1)])
        const store = yield* Effect.provide(build(source), Logger.replace(Logger.defaultLogger, brokenLog))
        yield* store.startUpdates
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(source.requests.length, 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(source.requests.length, 2)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(source.requests.length, 2)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(held(store), ["Network", 1, "gate"])
        isBroken = false
      })
    )
  })

  describe("updates of the source", () => {
    it.scoped("are fetched as they arrive, errors are only logged, and only after startUpdates", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const news = yield* Queue.unbounded<string>()
        const source = scriptedSource([at(1)], {
          polls: Effect.succeed(false),
          updates: Stream.map(
            Stream.fromQueue(news),
            (body): Fetch =>
              (_request, apply) =>
                apply({ source: "Pushed", sourceApi: undefined, body })
          )
        })
        const store = yield* build(source)
        yield* store.load
        yield* Queue.offer(news, at(2))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(held(store), ["Network", 1, "gate"])
        yield* store.startUpdates
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(held(store), ["Pushed", 2, "gate"])
        yield* Queue.offerAll(news, ["garbage", at(3)])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(held(store), ["Pushed", 3, "gate"])
        assert.strictEqual(logs.lines.length, 1)
        assert.strictEqual(source.requests.length, 1)
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("are followed again after the stream died", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        let opened = 0
        const source = scriptedSource([at(1)], {
          polls: Effect.succeed(false),
          updates: Stream.suspend(() =>
            ++opened === 1
              ? Stream.die(new Error("boom"))
              : Stream.make<Array<Fetch>>((_request, apply) =>
                  apply({ source: "Pushed", sourceApi: undefined, body: at(opened) })
                )
          )
        })
        const store = yield* build(source)
        yield* store.startUpdates
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual([opened, held(store)], [1, ["Uninitialized", undefined, undefined]])
        yield* TestClock.adjust("1 milli")
        assert.deepStrictEqual([opened, held(store)], [2, ["Pushed", 2, "gate"]])
        assert.match(logs.lines.join("\n"), /^ERROR Following Network broke/)
      }).pipe(Effect.provide(logs.layer))
    })
  })

  describe("changes", () => {
    it.scoped("name what an update added, changed and removed", () =>
      Effect.gen(function* () {
        const store = yield* build(
          scriptedSource([
            at(1, { gates: { kept: true, changed: true, removed: true } }),
            noUpdates,
            at(2, { gates: { kept: true, changed: false, ["__proto__x"]: true } })
          ])
        )
        const ready = yield* Deferred.make<void>()
        const fiber = yield* store.changes.pipe(
          Stream.onStart(Deferred.succeed(ready, undefined)),
          Stream.take(2),
          Stream.runCollect,
          Effect.fork
        )
        yield* Deferred.await(ready)
        yield* Effect.yieldNow()
        yield* store.load
        yield* store.syncNow
        yield* store.syncNow
        const none = { added: [], changed: [], removed: [] }
        const rest = { source: "Network", sourceApi: "https://specs.test/v2", dynamicConfigs: none, layers: none }
        assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(fiber)), [
          { ...rest, time: 1, previousTime: 0, gates: { ...none, added: ["kept", "changed", "removed"] } },
          {
            ...rest,
            time: 2,
            previousTime: 1,
            gates: { added: ["__proto__x"], changed: ["changed"], removed: ["removed"] }
          }
        ])
      })
    )

    it.scoped("lose the oldest for a slow reader, and block no update", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource(Array.from({ length: 101 }, (_, time) => at(time))))
        const ready = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const fiber = yield* store.changes.pipe(
          Stream.rechunk(1),
          Stream.tap(({ time }) =>
            time === 0 ? Effect.andThen(Deferred.succeed(ready, undefined), Deferred.await(go)) : Effect.void
          ),
          Stream.takeUntil(({ time }) => time === 100),
          Stream.runCollect,
          Effect.fork
        )
        yield* Effect.yieldNow()
        yield* store.load
        yield* Deferred.await(ready)
        for (let update = 1; update <= 100; update++) yield* store.syncNow
        yield* Deferred.succeed(go, undefined)
        const times = Chunk.toReadonlyArray(yield* Fiber.join(fiber)).map(({ time }) => time)
        assert.deepStrictEqual(times, [0, ...Array.from({ length: 64 }, (_, index) => 37 + index)])
      })
    )
  })

  describe("warnings", () => {
    const bad = (time: number) =>
      at(time, { gates: { good: true }, fields: { feature_gates: { bad: { salt: 1 }, worse: null } } })

    it.scoped("about invalid specs are logged once and listed until the next specs", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const store = yield* build(scriptedSource([bad(1), at(2)]))
        yield* store.load
        for (let check = 0; check < 3; check++) {
          assert.isUndefined(store.current().snapshot?.spec("gate", "bad"))
          assert.isUndefined(store.current().snapshot?.spec("gate", "worse"))
        }
        yield* TestClock.adjust(0)
        const { warnings } = yield* store.status
        assert.deepStrictEqual(
          warnings.map(({ kind, name }) => [kind, name]),
          [
            ["gate", "bad"],
            ["gate", "worse"]
          ]
        )
        assert.deepStrictEqual(logs.lines, [
          `WARN The gate "bad" cannot be used: ${warnings[0]?.message}`,
          `WARN The gate "worse" cannot be used: ${warnings[1]?.message}`
        ])
        yield* store.syncNow
        assert.deepStrictEqual((yield* store.status).warnings, [])
        assert.strictEqual(warnings.length, 2)
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("come without a check: specs are compiled in the background", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([bad(1)]))
        yield* store.load
        const seen = Effect.map(store.status, ({ warnings }) => warnings.length)
        const shortly = Effect.promise(() => new Promise(resolve => setTimeout(resolve, 5)))
        yield* Effect.zipRight(shortly, seen).pipe(Effect.repeat({ until: count => count === 2 }))
      })
    )

    it.scoped("come before the specs are used with compileSpecsFirst", () =>
      Effect.gen(function* () {
        const store = yield* build(scriptedSource([bad(1)]), "10 seconds", true)
        yield* store.load
        assert.lengthOf((yield* store.status).warnings, 2)
      })
    )

    it.scoped("are bounded", () =>
      Effect.gen(function* () {
        const names = Array.from({ length: 3_000 }, (_, index) => `bad${index}`)
        const specs = Object.fromEntries(names.map(name => [name, {}]))
        const store = yield* build(scriptedSource([at(1, { fields: { feature_gates: specs } })]))
        yield* store.load
        for (const name of names) store.current().snapshot?.spec("gate", name)
        assert.strictEqual((yield* store.status).warnings.length, 1_000)
      })
    )
  })

  describe("metrics", () => {
    const measured = (source: Source, client: Partial<ObservabilityClient["Type"]>) =>
      Effect.provideService(build(source), ObservabilityClient, {
        increment: () => {},
        gauge: () => {},
        distribution: () => {},
        error: () => {},
        ...client
      })

    it.scoped("report polls without news, and how old the news is", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(5_000)
        const metrics: Array<unknown> = []
        const store = yield* measured(scriptedSource([at(1_000), noUpdates, at(2_000)]), {
          increment: (...metric) => void metrics.push(metric),
          distribution: (...metric) => {
            if (metric[0] !== "statsig.sdk.config_sync_overall.latency") metrics.push(metric)
          },
          allowsHighCardinality: tag => tag === "lcut"
        })
        yield* store.load
        assert.deepStrictEqual(metrics, [])
        yield* store.syncNow
        yield* store.syncNow
        const tags = { source: "Network", source_api: "https://specs.test/v2" }
        assert.deepStrictEqual(metrics, [
          ["statsig.sdk.config_no_update", 1, tags],
          ["statsig.sdk.config_propagation_diff", 3_000, { ...tags, response_format: "JSON", lcut: "2000" }]
        ])
      })
    )

    it.scoped("may throw", () =>
      Effect.gen(function* () {
        const fail = () => {
          throw new Error("boom")
        }
        const store = yield* measured(scriptedSource([at(1), noUpdates, at(2)]), {
          increment: fail,
          distribution: fail
        })
        yield* store.load
        yield* store.syncNow
        yield* store.syncNow
        assert.deepStrictEqual(held(store), ["Network", 2, "gate"])
      })
    )
  })
})
