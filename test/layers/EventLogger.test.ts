import { assert, describe, it } from "@effect/vitest"
import {
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Scope,
  TestClock
} from "effect"
import * as EventLoggerLayer from "../../layers/EventLogger.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import { EventLogger, type Exposure } from "../../src/EventLogger.js"
import { type EventBatch, EventSink } from "../../src/EventSink.js"
import type { Json } from "../../src/engine/json.js"
import type { RemoteConfig } from "../../src/engine/specs.js"
import { User } from "../../src/engine/user.js"
import { ObservabilityClient } from "../../src/ObservabilityClient.js"
import { EventSinkError } from "../../src/StatsigError.js"
import { Random } from "../conformance/support/random.js"
import { type EvaluationFields, evaluationOf } from "../engine/support/evaluations.js"
import { capturingLogs } from "./support/specs.js"

interface SentEvent {
  readonly eventName: string
  readonly value: unknown
  readonly metadata: Readonly<Record<string, string>> | null
  readonly statsigMetadata: Readonly<Record<string, unknown>> | null
  readonly user: Readonly<Record<string, unknown>>
  readonly time: number
  readonly secondaryExposures: ReadonlyArray<unknown> | null
}

/** One call of a sink. */
interface Attempt {
  readonly time: number
  readonly retries: number
  readonly eventCount: number
  readonly events: ReadonlyArray<SentEvent>
  readonly metadata: Readonly<Record<string, unknown>>
}

const names = (attempt: Attempt | undefined) => attempt?.events.map(({ eventName }) => eventName)

const retryable = new EventSinkError({ reason: "Status", message: "no", status: 500, retryable: true })
const final = new EventSinkError({ reason: "Status", message: "never", status: 400, retryable: false })

const tooLarge = new EventSinkError({ reason: "Status", message: "too large", status: 413, retryable: false })
const tooMany = (retryAfterMillis: number | undefined) =>
  new EventSinkError({ reason: "Status", message: "later", status: 429, retryable: true, retryAfterMillis })

/** A sink that responds as `answer` says and keeps every attempt. */
const scriptedSink = (answer: (number: number) => Effect.Effect<void, EventSinkError> = () => Effect.void) => {
  const attempts: Array<Attempt> = []
  const send = ({ body, eventCount, retries }: EventBatch) =>
    Effect.flatMap(TestClock.currentTimeMillis, time => {
      const { events, statsigMetadata } = JSON.parse(new TextDecoder().decode(body))
      return answer(attempts.push({ time, retries, eventCount, events, metadata: statsigMetadata }) - 1)
    })
  return { attempts, layer: Layer.succeed(EventSink, { send }) }
}

const make = (
  sink: Layer.Layer<EventSink>,
  options: EventLoggerLayer.Options = {},
  observability: Layer.Layer<ObservabilityClient> = NoObservability.layer
) =>
  EventLoggerLayer.make(options).pipe(
    Effect.provide(Layer.merge(sink, observability)),
    // Only tests may use small batches.
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["STATSIG_RUNNING_TESTS", "1"]])))
  )

const user = new User({ userID: "u" })

const log = (logger: EventLogger["Type"], ...events: ReadonlyArray<string>) => {
  for (const name of events) logger.logEvent({ name, value: null, metadata: null, user, remote: undefined })
}

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

const remoteOf = (sdkConfigs: Readonly<Record<string, Json>>, defaultEnvironment?: string): RemoteConfig => ({
  defaultEnvironment,
  sdkConfigs: new Map(Object.entries(sdkConfigs)),
  diagnostics: new Map()
})

const exposureOf = (name: string, fields: Partial<Exposure> = {}, evaluation: EvaluationFields = {}): Exposure => ({
  kind: "gate",
  origin: "get",
  name,
  user,
  parameter: undefined,
  ...fields,
  evaluation: evaluationOf({ bool: true, ruleID: "rule", ...evaluation })
})

const userOf = (userID: string) => new User({ userID })

/** Lets fibers run that wait only for each other, and for slices of events. */
const settle = Effect.promise(async () => {
  for (let turns = 0; turns < 12; turns++) await new Promise(resolve => setImmediate(resolve))
})

const adjust = (duration: Duration.DurationInput) => Effect.andThen(TestClock.adjust(duration), settle)

/** Advances second by second, as the background fiber does. */
const adjustBySecond = (seconds: number) => Effect.repeatN(adjust("1 second"), seconds - 1)

const statusOf = (logger: EventLogger["Type"]) =>
  Effect.map(logger.status, ({ dropped, pending, sent }) => ({ dropped, pending, sent }))

describe("EventLogger", () => {
  describe("flush", () => {
    it.scoped("sends all events in order, with the metadata of the SDK", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000)
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, { serviceName: "shop" })
        log(logger, "a", "b")
        yield* TestClock.setTime(1_500)
        logger.logExposure(exposureOf("gate"))
        yield* logger.flush
        assert.strictEqual(attempts.length, 1)
        const [attempt] = attempts
        assert.deepStrictEqual(names(attempt), ["a", "b", "statsig::gate_exposure"])
        assert.deepStrictEqual(
          attempt?.events.map(({ time }) => time),
          [1_000, 1_000, 1_500]
        )
        assert.deepInclude(attempt, { retries: 0, eventCount: 3 })
        assert.deepInclude(attempt?.metadata, {
          service_name: "shop",
          flushingIntervalMs: 1_000,
          batchSize: 2_000,
          maxPendingBatches: 100,
          flushType: "manual"
        })
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 3, dropped: 0 })
      })
    )

    it.scoped("sends nothing when the queue is empty", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer)
        yield* logger.flush
        yield* adjustBySecond(130)
        yield* logger.shutdown
        assert.deepStrictEqual(attempts, [])
      })
    )

    it.scoped("sends all batches, five at a time", () =>
      Effect.gen(function* () {
        let open = 0
        let most = 0
        const { attempts, layer } = scriptedSink(() =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++open)
            }),
            () => settle,
            () => Effect.sync(() => open--)
          )
        )
        const logger = yield* make(layer, { maxQueueSize: 10, maxPendingBatches: 100 })
        // From here on nothing is sent automatically.
        yield* logger.shutdown
        const all = numbered("e", 129)
        log(logger, ...all)
        yield* logger.flush
        assert.deepStrictEqual(attempts.flatMap(attempt => names(attempt) ?? []).sort(), [...all].sort())
        assert.strictEqual(most, 5)
      })
    )

    it.scoped("waits for batches in flight", () =>
      Effect.gen(function* () {
        const mayEnd = yield* Deferred.make<void>()
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Deferred.await(mayEnd) : Effect.void))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 10))
        yield* settle
        assert.strictEqual(attempts.length, 1)
        log(logger, "last")
        const flush = yield* Effect.fork(logger.flush)
        yield* settle
        assert.deepStrictEqual(names(attempts[1]), ["last"])
        assert.isNull(flush.unsafePoll())
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 10, sent: 1, dropped: 0 })
        yield* Deferred.succeed(mayEnd, undefined)
        yield* Fiber.join(flush)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 11, dropped: 0 })
      })
    )

    it.scoped("loses nothing when interrupted, and returns at once", () =>
      Effect.gen(function* () {
        const mayEnd = yield* Deferred.make<void>()
        const { attempts, layer } = scriptedSink(() => Deferred.await(mayEnd))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 9))
        const flush = yield* Effect.fork(logger.flush)
        yield* settle
        log(logger, ...numbered("f", 9))
        yield* Fiber.interrupt(flush)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 18, sent: 0, dropped: 0 })
        yield* Deferred.succeed(mayEnd, undefined)
        yield* logger.flush
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 18, dropped: 0 })
        assert.strictEqual(attempts.length, 2)
      })
    )

    it.scoped("encodes long texts in slices and yields between them", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer)
        log(logger, ...numbered("long name ".repeat(160), 1_999))
        let turns = 0
        let done = false
        const count = () => {
          turns++
          if (!done) setImmediate(count)
        }
        count()
        yield* logger.flush
        done = true
        assert.isAtLeast(turns, 7)
        assert.strictEqual(attempts[0]?.events.length, 1_999)
      })
    )
  })

  describe("bodies", () => {
    const decoded = (body: Uint8Array) => names(JSON.parse(new TextDecoder().decode(body)))

    it.scoped("stay as they are where the sink keeps them", () =>
      Effect.gen(function* () {
        const kept: Array<Uint8Array> = []
        const send = ({ body }: EventBatch) => Effect.sync(() => void kept.push(body))
        const logger = yield* make(Layer.succeed(EventSink, { send }), { maxQueueSize: 10 })
        for (const prefix of ["a", "b", "c"]) {
          log(logger, ...numbered(prefix, 25))
          yield* logger.flush
        }
        assert.deepStrictEqual(kept.flatMap(body => decoded(body) ?? []).sort(), [
          ...numbered("a", 25).sort(),
          ...numbered("b", 25).sort(),
          ...numbered("c", 25).sort()
        ])
      })
    )

    it.scoped("take the memory of an earlier one that the sink has released", () =>
      Effect.gen(function* () {
        const memories = new Set<ArrayBufferLike>()
        const arrived: Array<string> = []
        let attempts = 0
        const send = ({ body }: EventBatch) =>
          Effect.suspend(() => {
            memories.add(body.buffer)
            const sent = decoded(body) ?? []
            body.fill(0)
            if (++attempts % 3 === 0) return retryable
            arrived.push(...sent)
            return Effect.void
          })
        const logger = yield* make(Layer.succeed(EventSink, { send, releasesBody: true }), { maxQueueSize: 10 })
        for (let round = 0; round < 10; round++) {
          log(logger, ...numbered(`${round} `, 9))
          yield* logger.flush
        }
        yield* adjustBySecond(120)
        assert.deepStrictEqual(
          arrived.sort(),
          Array.from({ length: 10 }, (_, round) => numbered(`${round} `, 9)).flat()
        )
        assert.strictEqual(memories.size, 1)
      })
    )
  })

  describe("background", () => {
    it.scoped("sends a batch as soon as it is full", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("a", 9))
        yield* settle
        assert.strictEqual(attempts.length, 0)
        log(logger, ...numbered("b", 16))
        yield* settle
        assert.deepStrictEqual(
          attempts.map(({ events, metadata }) => [events.length, metadata["flushType"]]),
          [
            [10, "limit"],
            [10, "limit"]
          ]
        )
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 5, sent: 20, dropped: 0 })
      })
    )

    const waits: ReadonlyArray<
      readonly [flushInterval: Duration.DurationInput | undefined, before: number, after: number]
    > = [
      [undefined, 59_999, 1],
      ["5 seconds", 4_999, 1],
      ["200 millis", 199, 1],
      [0, 49, 1]
    ]
    for (const [flushInterval, before, after] of waits) {
      it.scoped(`sends waiting events after a flush interval of ${flushInterval}`, () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink()
          const logger = yield* make(layer, { flushInterval })
          for (const round of [1, 2]) {
            log(logger, "a")
            yield* adjust(Duration.millis(before))
            assert.strictEqual(attempts.length, round - 1)
            yield* adjust(Duration.millis(after))
            assert.strictEqual(attempts.length, round)
          }
          assert.strictEqual(attempts[0]?.metadata["flushType"], "scheduled:max_time")
        })
      )
    }

    it.scoped("tries a batch six times with growing pauses, then drops and reports it", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(() => Effect.fail(retryable))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 10))
        yield* settle
        yield* adjustBySecond(61)
        assert.deepInclude(yield* logger.status, { pending: 10, dropped: 0, lastError: retryable })
        yield* adjustBySecond(5)
        assert.deepStrictEqual(
          attempts.map(({ metadata, retries, time }) => [time / 1_000, retries, metadata["flushingIntervalMs"]]),
          [
            [0, 0, 1_000],
            [2, 1, 2_000],
            [6, 2, 4_000],
            [14, 3, 8_000],
            [30, 4, 16_000],
            [62, 5, 32_000]
          ]
        )
        assert.deepStrictEqual(
          attempts.map(({ metadata }) => metadata["flushType"]),
          ["limit", ...Array(5).fill("scheduled:full_batch")]
        )
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 0, dropped: 10 })
        assert.deepStrictEqual(logs.lines, ["WARN 10 events were dropped: 6 attempts to send failed: no"])
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("retries one batch after the pause, and sends the others once it has arrived", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number < 3 ? Effect.fail(retryable) : Effect.void))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 10))
        yield* settle
        yield* adjustBySecond(13)
        assert.strictEqual(attempts.length, 3)
        log(logger, ...numbered("f", 50))
        yield* settle
        assert.strictEqual(attempts.length, 3)
        yield* adjustBySecond(20)
        assert.deepStrictEqual(
          attempts.slice(3).map(({ metadata, time }) => [time / 1_000, metadata["flushingIntervalMs"]]),
          [
            [14, 8_000],
            [14, 1_000],
            [14, 1_000],
            [14, 1_000],
            [14, 1_000],
            [14, 1_000]
          ]
        )
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 60, dropped: 0 })
        assert.isUndefined((yield* logger.status).lastError)
      })
    )

    it.scoped("drops a permanently refused batch at once", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Effect.fail(final) : Effect.void))
        const logger = yield* make(layer)
        log(logger, "a")
        yield* logger.flush
        log(logger, "b")
        yield* logger.flush
        assert.deepStrictEqual(attempts.map(names), [["a"], ["b"]])
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 1, dropped: 1 })
        assert.deepStrictEqual(logs.lines, ["WARN 1 event was dropped: refused for good: never"])
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("puts failed events behind new ones, in a new batch", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number < 2 ? Effect.fail(retryable) : Effect.void))
        const logger = yield* make(layer)
        log(logger, "a", "b", "c")
        yield* logger.flush
        yield* logger.flush
        log(logger, "x", "y")
        yield* logger.flush
        assert.deepStrictEqual(
          attempts.map(attempt => [names(attempt)?.join(), attempt.retries]),
          [
            ["a,b,c", 0],
            ["a,b,c", 1],
            ["x,y,a,b,c", 0]
          ]
        )
      })
    )

    it.scoped("sends several backlogged batches at once, even when nothing new is logged", () =>
      Effect.gen(function* () {
        let fails = true
        let open = 0
        let most = 0
        const { attempts, layer } = scriptedSink(() =>
          Effect.suspend(() =>
            fails
              ? Effect.fail(retryable)
              : Effect.acquireUseRelease(
                  Effect.sync(() => {
                    most = Math.max(most, ++open)
                  }),
                  () => settle,
                  () => Effect.sync(() => open--)
                )
          )
        )
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 445))
        yield* settle
        fails = false
        const failures = attempts.length
        yield* adjust("1999 millis")
        assert.strictEqual(attempts.length, failures)
        yield* adjust("1001 millis")
        yield* Effect.repeatN(settle, 60)
        assert.isAtLeast(most, 5)
        // The last five do not fill a batch.
        assert.isAtLeast((yield* logger.status).sent, 440)
        assert.isBelow(yield* TestClock.currentTimeMillis, 3_001)
      })
    )

    it.scoped("counts simultaneous failures as one", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number =>
          number < 5 ? Effect.zipRight(settle, Effect.fail(retryable)) : Effect.void
        )
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 50))
        yield* Effect.repeatN(settle, 5)
        assert.strictEqual(attempts.length, 5)
        yield* adjustBySecond(2)
        assert.strictEqual(attempts[5]?.time, 2_000)
      })
    )

    it.scoped("retries a partial batch after the same pause", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Effect.fail(retryable) : Effect.void))
        const logger = yield* make(layer)
        log(logger, "a")
        yield* logger.flush
        yield* adjustBySecond(2)
        assert.deepStrictEqual(
          attempts.map(({ retries, time }) => [time, retries]),
          [
            [0, 0],
            [2_000, 1]
          ]
        )
      })
    )

    describe("when the server asks for a delay", () => {
      it.scoped("waits as long as the server asks, even more than six times", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink(number => (number < 8 ? Effect.fail(tooMany(5_000)) : Effect.void))
          const logger = yield* make(layer, { maxQueueSize: 10 })
          log(logger, ...numbered("e", 10))
          yield* settle
          yield* adjustBySecond(60)
          assert.deepStrictEqual(
            attempts.map(({ retries, time }) => [time, retries]),
            Array.from({ length: 9 }, (_, index) => [5_000 * index, index])
          )
          assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 10, dropped: 0 })
        })
      )

      it.scoped("uses growing pauses where the server names no delay", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink(number =>
            number < 7 ? Effect.fail(tooMany(undefined)) : Effect.void
          )
          const logger = yield* make(layer, { maxQueueSize: 10 })
          log(logger, ...numbered("e", 10))
          yield* settle
          yield* adjustBySecond(190)
          assert.deepStrictEqual(
            attempts.map(({ time }) => time / 1_000),
            [0, 2, 6, 14, 30, 62, 122, 182]
          )
          assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 10, dropped: 0 })
        })
      )

      it.scoped("flush waits out a short delay, and leaves the events in the queue for a long one", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink(number =>
            number < 2 ? Effect.fail(tooMany([2_000, 100_000][number])) : Effect.void
          )
          const logger = yield* make(layer, { maxQueueSize: 10 })
          log(logger, "a")
          yield* logger.flush
          const second = yield* Effect.fork(logger.flush)
          yield* adjust("1999 millis")
          assert.strictEqual(attempts.length, 1)
          yield* adjust("1 millis")
          yield* Fiber.join(second)
          yield* logger.flush
          assert.strictEqual(attempts.length, 2)
          assert.deepStrictEqual(yield* statusOf(logger), { pending: 1, sent: 0, dropped: 0 })
          yield* adjustBySecond(101)
          assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 1, dropped: 0 })
          assert.isAtLeast(attempts[2]?.time ?? 0, 102_000)
        })
      )

      it.scoped("shutdown also waits, while time remains", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink(number => (number < 2 ? Effect.fail(tooMany(1_000)) : Effect.void))
          const logger = yield* make(layer)
          log(logger, "a")
          const shutdown = yield* Effect.fork(logger.shutdown)
          yield* settle
          yield* adjustBySecond(2)
          yield* Fiber.join(shutdown)
          assert.deepStrictEqual(
            attempts.map(({ time }) => time),
            [0, 1_000, 2_000]
          )
          assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 1, dropped: 0 })
        })
      )
    })

    it.scoped("halves a batch that is too large, and drops a single event that is too large", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => {
          const { events } = attempts[number]!
          return events.length > 3 || events.some(({ eventName }) => eventName === "e6")
            ? Effect.fail(tooLarge)
            : Effect.void
        })
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 10))
        yield* Effect.repeatN(settle, 10)
        assert.deepInclude(yield* logger.status, { pending: 0, sent: 9, dropped: 1, droppedBy: { TooLarge: 1 } })
        yield* adjust("1 second")
        assert.deepStrictEqual(logs.lines, ["WARN 1 event was dropped: too large for the server: too large"])
        assert.isTrue(attempts.every(({ retries }) => retries === 0))
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("continues when a sink or a metrics client throws", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Effect.die(new Error("bug")) : Effect.void))
        const broken = () => {
          throw new Error("broken")
        }
        const metrics = { increment: broken, gauge: broken, distribution: broken, error: broken }
        const logger = yield* make(layer, { maxQueueSize: 10 }, Layer.succeed(ObservabilityClient, metrics))
        log(logger, ...numbered("e", 10))
        yield* settle
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 10, sent: 0, dropped: 0 })
        assert.include((yield* logger.status).lastError?.message, "bug")
        yield* adjustBySecond(3)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 10, dropped: 0 })
        log(logger, ...numbered("f", 10))
        yield* settle
        assert.strictEqual(attempts.length, 3)
      })
    )

    it.scoped("continues when the program's own logger throws", () => {
      const broken = Logger.make(() => {
        throw new Error("broken")
      })
      return Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number < 7 ? Effect.fail(final) : Effect.void))
        const logger = yield* make(layer, { maxQueueSize: 10, flushInterval: "1 second" })
        for (let round = 0; round < 8; round++) {
          log(logger, ...numbered("e", 10))
          yield* settle
          yield* adjustBySecond(64)
        }
        assert.strictEqual(attempts.length, 8)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 10, dropped: 70 })
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, broken)))
    })
  })

  describe("when the queue is full", () => {
    it.scoped("drops the oldest events, counts and reports them", () => {
      const logs = capturingLogs()
      const counted: Array<readonly [string, number]> = []
      const metrics = Layer.succeed(ObservabilityClient, {
        increment: (name, value) => void counted.push([name, value]),
        gauge: () => {},
        distribution: () => {},
        error: () => {}
      })
      return Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, { maxQueueSize: 10, maxPendingBatches: 100 }, metrics)
        const all = numbered("e", 5_000)
        log(logger, ...all)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 1_000, sent: 0, dropped: 4_000 })
        yield* logger.flush
        yield* settle
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 1_000, dropped: 4_000 })
        assert.sameMembers(
          attempts.flatMap(attempt => names(attempt) ?? []),
          all.slice(4_000)
        )
        assert.strictEqual(logs.lines.length, 1)
        assert.strictEqual(
          logs.lines[0],
          "WARN 4000 events were dropped: newer ones needed the room, which is for 1000 events and 67108864 bytes"
        )
        assert.deepInclude(counted, ["statsig.sdk.events_dropped_count", 4_000])
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("drops the oldest events also from waiting batches and when failed ones return", () =>
      Effect.gen(function* () {
        const answered = yield* Deferred.make<void>()
        let answer: Effect.Effect<void, EventSinkError> = Effect.fail(retryable)
        const { attempts, layer } = scriptedSink(() => Effect.suspend(() => answer))
        const logger = yield* make(layer, { maxQueueSize: 10, maxPendingBatches: 2 })
        log(logger, ...numbered("old", 20))
        yield* logger.flush
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 20, sent: 0, dropped: 0 })
        log(logger, ...numbered("new", 4))
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 20, sent: 0, dropped: 4 })

        answer = Effect.zipRight(Deferred.await(answered), Effect.fail(retryable))
        const flush = yield* Effect.fork(logger.flush)
        yield* settle
        assert.deepStrictEqual(attempts.slice(2).map(names), [
          numbered("old", 10).slice(4),
          numbered("old", 20).slice(10),
          numbered("new", 4)
        ])
        // Events in flight are counted separately.
        log(logger, ...numbered("newest", 15))
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 35, sent: 0, dropped: 4 })
        yield* Deferred.succeed(answered, undefined)
        yield* Fiber.join(flush)
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 20, sent: 0, dropped: 19 })

        answer = Effect.void
        yield* logger.flush
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 20, dropped: 19 })
        assert.includeMembers(
          attempts.slice(5).flatMap(attempt => names(attempt) ?? []),
          numbered("newest", 15)
        )
      })
    )

    it.scoped("stays within its bounds while nothing can be sent, and counts every lost event", () =>
      Effect.gen(function* () {
        let works = false
        const { attempts, layer } = scriptedSink(() =>
          Effect.suspend(() => (works ? Effect.void : Effect.fail(retryable)))
        )
        const logger = yield* make(layer, { maxQueueSize: 10, maxPendingBatches: 3 })
        for (let round = 0; round < 20; round++) {
          log(logger, ...numbered(`${round}:`, 27))
          yield* adjustBySecond(3)
          const { dropped, pending, sent } = yield* logger.status
          assert.isAtMost(pending, 30)
          assert.strictEqual(pending + dropped + sent, (round + 1) * 27)
        }
        works = true
        yield* logger.flush
        const { dropped, pending, sent } = yield* logger.status
        assert.deepStrictEqual([pending, sent + dropped], [0, 540])
        const arrived = new Set(attempts.slice(-Math.ceil(sent / 10)).flatMap(attempt => names(attempt) ?? []))
        assert.strictEqual(arrived.size, sent)
      })
    )

    const sizes: ReadonlyArray<
      readonly [EventLoggerLayer.Options, batchSize: number, batches: number, warning: string]
    > = [
      [{ maxQueueSize: 9 }, 2_000, 100, "WARN eventLoggingMaxQueueSize: expected 10 to 2000, got 9; using 2000"],
      [{ maxQueueSize: 2_001 }, 2_000, 100, "WARN eventLoggingMaxQueueSize: expected 10 to 2000, got 2001; using 2000"],
      [
        { maxPendingBatches: 0 },
        2_000,
        100,
        "WARN eventLoggingMaxPendingBatchQueueSize: expected at least 1, got 0; using 100"
      ],
      [{ maxQueueSize: 10, maxPendingBatches: 1 }, 10, 1, ""],
      [{ maxQueueSize: 2_000 }, 2_000, 100, ""]
    ]
    for (const [options, batchSize, maxPendingBatches, warning] of sizes) {
      it.scoped(`is ${batchSize} and ${maxPendingBatches} for ${JSON.stringify(options)}`, () => {
        const logs = capturingLogs()
        return Effect.gen(function* () {
          const { attempts, layer } = scriptedSink()
          const logger = yield* EventLoggerLayer.make(options).pipe(
            Effect.provide(Layer.merge(layer, NoObservability.layer)),
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
          )
          log(logger, "a")
          yield* logger.flush
          assert.deepInclude(attempts[0]?.metadata, { batchSize, maxPendingBatches })
          assert.deepStrictEqual(logs.lines, warning === "" ? [] : [warning])
        }).pipe(Effect.provide(logs.layer))
      })
    }
  })

  describe("shutdown", () => {
    it.scoped("sends what remains", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 9))
        yield* logger.shutdown
        assert.strictEqual(attempts[0]?.metadata["flushType"], "shutdown")
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 9, dropped: 0 })
        yield* logger.shutdown
        assert.strictEqual(attempts.length, 1)
      })
    )

    it.scoped("fails with the first error, and counts the events it could not send as lost", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number === 1 ? Effect.void : Effect.fail(retryable)))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 9))
        yield* Effect.fork(logger.flush)
        yield* settle
        log(logger, ...numbered("f", 20))
        const error = yield* Effect.flip(logger.shutdown)
        assert.strictEqual(error, retryable)
        const { dropped, pending, sent } = yield* logger.status
        assert.deepStrictEqual([pending, dropped + sent], [0, 29])
        assert.isAbove(sent, 0)
        // Nothing is left to fail.
        yield* logger.shutdown
        assert.isAbove(attempts.length, 2)
      })
    )

    it.scoped("does not send batches in flight twice", () =>
      Effect.gen(function* () {
        const mayEnd = yield* Deferred.make<void>()
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Deferred.await(mayEnd) : Effect.void))
        const logger = yield* make(layer, { maxQueueSize: 10 })
        log(logger, ...numbered("e", 12))
        yield* settle
        const shutdown = yield* Effect.fork(logger.shutdown)
        yield* settle
        assert.strictEqual(attempts.length, 1)
        yield* Deferred.succeed(mayEnd, undefined)
        yield* Fiber.join(shutdown)
        assert.deepStrictEqual(attempts.map(names), [numbered("e", 10), ["e10", "e11"]])
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 12, dropped: 0 })
      })
    )

    it.scoped("is shared by concurrent callers", () =>
      Effect.gen(function* () {
        const mayEnd = yield* Deferred.make<void>()
        const { attempts, layer } = scriptedSink(() => Deferred.await(mayEnd))
        const logger = yield* make(layer)
        log(logger, "a")
        const fibers = yield* Effect.all([Effect.fork(logger.shutdown), Effect.fork(logger.shutdown)])
        yield* settle
        assert.deepStrictEqual(
          fibers.map(fiber => fiber.unsafePoll()),
          [null, null]
        )
        yield* Fiber.interrupt(fibers[0])
        yield* Deferred.succeed(mayEnd, undefined)
        yield* Fiber.join(fibers[1])
        assert.strictEqual(attempts.length, 1)
      })
    )

    it.scoped("leaves later events to flush", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, { maxQueueSize: 10 })
        yield* logger.shutdown
        log(logger, ...numbered("e", 25))
        yield* adjustBySecond(100)
        assert.strictEqual(attempts.length, 0)
        yield* logger.flush
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 25, dropped: 0 })
      })
    )

    const buildIn = (scope: Scope.Scope, sink: Layer.Layer<EventSink>, options: EventLoggerLayer.Options = {}) =>
      EventLoggerLayer.layer(options).pipe(
        Layer.provide(Layer.merge(sink, NoObservability.layer)),
        Layer.buildWithScope(scope),
        Effect.map(Context.get(EventLogger))
      )

    it.effect("runs when the layer closes", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { attempts, layer } = scriptedSink()
        const logger = yield* buildIn(scope, layer)
        log(logger, "a")
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(attempts.map(names), [["a"]])
      })
    )

    it.effect("stops at its deadline, interrupts batches in flight and counts them", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const scope = yield* Scope.make()
        let interrupted = 0
        const { attempts, layer } = scriptedSink(() =>
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
        )
        const logger = yield* buildIn(scope, layer, { maxQueueSize: 10, shutdownTimeout: "2 seconds" })
        log(logger, ...numbered("e", 95))
        yield* settle
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* adjust("1999 millis")
        assert.isNull(closing.unsafePoll())
        yield* adjust("1 millis")
        assert.isNotNull(closing.unsafePoll())
        assert.strictEqual(interrupted, attempts.length)
        const { dropped, pending, sent } = yield* logger.status
        assert.deepStrictEqual([pending, sent, dropped], [0, 0, 95])
        assert.deepStrictEqual(logs.lines, ["WARN 95 events were dropped: the time to shut down was over"])
        yield* adjustBySecond(100)
        assert.strictEqual(interrupted, attempts.length)
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("drops undelivered events when interrupted, and reports them once", () => {
      const logs = capturingLogs()
      const counted: Array<unknown> = []
      const metrics = Layer.succeed(ObservabilityClient, {
        increment: (name, value, tags) => {
          if (name === "statsig.sdk.events_dropped_count") counted.push([value, tags])
        },
        gauge: () => {},
        distribution: () => {},
        error: () => {}
      })
      return Effect.gen(function* () {
        const { layer } = scriptedSink(() => Effect.never)
        const logger = yield* make(layer, { maxQueueSize: 10 }, metrics)
        log(logger, ...numbered("e", 301))
        yield* settle
        const shutdown = yield* Effect.fork(Effect.timeoutOption(logger.shutdown, "1 second"))
        yield* adjust("1 second")
        yield* Fiber.join(shutdown)
        assert.deepInclude(yield* logger.status, { pending: 0, sent: 0, dropped: 301, droppedBy: { Shutdown: 301 } })
        assert.deepStrictEqual(logs.lines, ["WARN 301 events were dropped: the time to shut down was over"])
        assert.deepStrictEqual(counted, [[301, { reason: "Shutdown" }]])
      }).pipe(Effect.provide(logs.layer))
    })

    it.scoped("can be called again, and sends what was logged in between", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink(number => (number === 0 ? Effect.fail(retryable) : Effect.void))
        const logger = yield* make(layer)
        log(logger, "a")
        assert.strictEqual(yield* Effect.flip(logger.shutdown), retryable)
        log(logger, "b")
        yield* logger.shutdown
        yield* logger.shutdown
        assert.deepStrictEqual(attempts.map(names), [["a"], ["b"]])
        assert.deepStrictEqual(yield* statusOf(logger), { pending: 0, sent: 1, dropped: 1 })
      })
    )

    it.effect("drops events logged after the scope has closed, and reports it", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { attempts, layer } = scriptedSink()
        const logger = yield* buildIn(scope, layer)
        yield* Scope.close(scope, Exit.void)
        log(logger, ...numbered("e", 1_000))
        assert.deepInclude(yield* logger.status, { pending: 0, sent: 0, dropped: 1_000, droppedBy: { Closed: 1_000 } })
        yield* adjust("1 second")
        assert.deepStrictEqual(logs.lines, ["WARN 1000 events were dropped: logged after the SDK was shut down"])
        yield* logger.flush
        assert.strictEqual(attempts.length, 0)
      }).pipe(Effect.provide(logs.layer))
    })

    it.effect("is quick when the program is interrupted", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logged = yield* Deferred.make<void>()
        const program = Effect.gen(function* () {
          const logger = yield* EventLogger
          log(logger, "a")
          yield* Deferred.succeed(logged, undefined)
          yield* Effect.never
        }).pipe(Effect.provide(EventLoggerLayer.layer()), Effect.provide(Layer.merge(layer, NoObservability.layer)))
        const fiber = yield* Effect.fork(program)
        yield* Deferred.await(logged)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(attempts.map(names), [["a"]])
      })
    )
  })

  it.scoped("accounts for every event, whatever happens", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 12; seed++) {
        const random = new Random(seed)
        const arrived = new Set<string>()
        let reached = 0
        const { layer } = scriptedSink(() =>
          Effect.suspend(() => {
            const answer = random.below(10)
            if (answer < 3) return Effect.void
            if (answer === 3) return Effect.fail(retryable)
            if (answer === 4) return Effect.fail(final)
            if (answer === 5) return Effect.die("bug")
            if (answer === 6) return Effect.fail(tooLarge)
            if (answer === 7) return Effect.fail(tooMany(random.below(9_000)))
            return Effect.sleep(Duration.seconds(random.below(12)))
          })
        )
        const sink = Layer.map(layer, context => {
          const { send } = Context.get(context, EventSink)
          return Context.make(EventSink, {
            send: (batch: EventBatch) =>
              Effect.tap(send(batch), () => {
                for (const { eventName } of JSON.parse(new TextDecoder().decode(batch.body)).events)
                  arrived.add(eventName)
                reached += batch.eventCount
              })
          })
        })
        const scope = yield* Scope.make()
        const logger = yield* Scope.extend(make(sink, { maxQueueSize: 5, maxPendingBatches: 3 }), scope)
        let logged = 0
        const logSome = () => {
          const count = random.below(12)
          log(logger, ...numbered(`${logged}:`, count))
          logged += count
        }
        const check = Effect.map(logger.status, ({ dropped, droppedBy = {}, pending, sent }) => {
          assert.strictEqual(pending + sent + dropped, logged, `seed ${seed}`)
          assert.strictEqual(
            Object.values(droppedBy).reduce((sum, count) => sum + count, 0),
            dropped,
            `seed ${seed}`
          )
          assert.strictEqual(arrived.size, sent, `seed ${seed}`)
          assert.strictEqual(reached, sent, `seed ${seed}`)
        })
        const waiting: Array<Fiber.Fiber<void, unknown>> = []
        for (let step = 0; step < 60; step++) {
          const action = random.below(14)
          if (action < 6) logSome()
          else if (action < 9) yield* adjust(Duration.millis(random.below(9_000)))
          else if (action < 11) waiting.push(yield* Effect.fork(logger.flush))
          else if (action < 13) {
            const fiber = waiting.pop()
            if (fiber !== undefined) yield* Fiber.interrupt(fiber)
          } else if (step > 20) waiting.push(yield* Effect.fork(logger.shutdown))
          yield* settle
          yield* check
        }
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* adjust("2 seconds")
        yield* check
        yield* adjust("20 seconds")
        yield* Fiber.join(closing)
        yield* check
        assert.strictEqual((yield* logger.status).pending, 0, `seed ${seed}`)
        logSome()
        yield* check
        assert.strictEqual((yield* logger.status).pending, 0, `seed ${seed}`)
      }
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  describe("exposures", () => {
    const sentBy = (options: EventLoggerLayer.Options, logExposures: (logger: EventLogger["Type"]) => void) =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer, options)
        logExposures(logger)
        yield* logger.flush
        return attempts.flatMap(({ events }) => events)
      }).pipe(Effect.scoped)

    const gates = (events: ReadonlyArray<SentEvent>) => events.map(({ metadata }) => metadata?.["gate"])

    it.effect("are logged once per window, which starts at the same time for all", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer)
        const logged = Effect.gen(function* () {
          attempts.length = 0
          for (const userID of ["a", "b", "a"]) logger.logExposure(exposureOf("gate", { user: userOf(userID) }))
          yield* logger.flush
          return attempts.flatMap(({ events }) => events.map(({ user }) => user["userID"]))
        })
        assert.deepStrictEqual(yield* logged, ["a", "b"])
        yield* adjustBySecond(60)
        assert.deepStrictEqual(yield* logged, [])
        yield* adjustBySecond(1)
        assert.deepStrictEqual(yield* logged, ["a", "b"])
        yield* adjustBySecond(30)
        // Flushing and new exposures do not extend it.
        logger.logExposure(exposureOf("gate", { user: userOf("c") }))
        assert.deepStrictEqual(yield* logged, ["c"])
        yield* adjustBySecond(31)
        assert.deepStrictEqual(yield* logged, ["a", "b"])
      }).pipe(Effect.scoped)
    )

    it.effect("are logged again after the window that the project sets", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer)
        const remote = remoteOf({ exposure_dedupe_ttl_ms: 3_000 })
        for (let second = 0; second < 9; second++) {
          logger.logExposure(exposureOf("gate", {}, { remote }))
          yield* adjustBySecond(1)
        }
        yield* logger.flush
        assert.deepStrictEqual(
          attempts.flatMap(({ events }) => events.map(({ time }) => time)),
          [0, 4_000, 8_000]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("are remembered up to a limit; the least recently seen is forgotten", () =>
      Effect.gen(function* () {
        const events = yield* sentBy({ exposureDedupeMaxKeys: 3 }, logger => {
          for (const name of "abcadabcd") logger.logExposure(exposureOf(name))
        })
        assert.deepStrictEqual(gates(events), ["a", "b", "c", "d", "b", "c", "d"])
      })
    )

    it.effect("are duplicates where only fields other than IDs differ", () =>
      Effect.gen(function* () {
        const fields = [{ email: "a" }, { custom: { a: 1 } }, { privateAttributes: { a: 1 } }, { ip: "1" }]
        const events = yield* sentBy({}, logger => {
          for (const more of fields)
            logger.logExposure(exposureOf("gate", { user: new User({ userID: "u", ...more }) }))
          logger.logExposure(exposureOf("gate", { kind: "dynamicConfig" }))
          logger.logExposure(exposureOf("gate", { origin: "check" }, { idType: "userID" }))
          logger.logExposure(exposureOf("gate", { origin: "check" }, { idType: "companyID" }))
        })
        assert.deepStrictEqual(
          events.map(({ user }) => user),
          [{ userID: "u", email: "a" }, { userID: "u" }]
        )
      })
    )

    it.effect("and all other events are dropped when logging is off", () =>
      Effect.gen(function* () {
        const events = yield* sentBy({ disableAllLogging: true }, logger => {
          logger.logExposure(exposureOf("gate"))
          logger.countNonExposed("gate")
          log(logger, "a")
        })
        assert.deepStrictEqual(events, [])
      })
    )

    it.effect("that are suppressed are counted by name, in one event per flush", () =>
      Effect.gen(function* () {
        const { attempts, layer } = scriptedSink()
        const logger = yield* make(layer)
        for (const name of ["a", "__proto__", "a"]) logger.countNonExposed(name)
        log(logger, "first")
        yield* logger.flush
        yield* logger.flush
        logger.countNonExposed("b")
        yield* logger.flush
        assert.deepStrictEqual(attempts.map(names), [
          ["first", "statsig::non_exposed_checks"],
          ["statsig::non_exposed_checks"]
        ])
        const [first, second] = attempts.map(({ events }) => events.at(-1))
        assert.deepStrictEqual(Object.entries(JSON.parse(first?.metadata?.["checks"] ?? "")), [
          ["a", 2],
          ["__proto__", 1]
        ])
        assert.deepInclude(second, { metadata: { checks: '{"b":1}' }, user: {}, statsigMetadata: null, value: null })
      }).pipe(Effect.scoped)
    )

    it.effect("carry the environment of the SDK, or else that of the specs", () =>
      Effect.gen(function* () {
        const remote = remoteOf({}, "development")
        const environmentOf = (options: EventLoggerLayer.Options) =>
          Effect.map(
            sentBy(options, logger => logger.logExposure(exposureOf("gate", {}, { remote }))),
            ([event]) => event?.user["statsigEnvironment"]
          )
        assert.deepStrictEqual(yield* environmentOf({ environment: "staging" }), { tier: "staging" })
        assert.deepStrictEqual(yield* environmentOf({}), { tier: "development" })
      })
    )

    describe("are sampled", () => {
      const on = remoteOf({ sampling_mode: "on", special_case_sampling_rate: 10 })
      const shadow = remoteOf({ sampling_mode: "shadow", special_case_sampling_rate: "10" })
      const users = numbered("user-", 400).map(userOf)

      const sampled = (remote: RemoteConfig, evaluation: EvaluationFields) =>
        sentBy({}, logger => {
          for (const user of users) logger.logExposure(exposureOf("sampled_gate", { user }, { ...evaluation, remote }))
        })

      const rated = { ruleID: "rule_sampled", samplingRate: 4 }

      it.effect("at the given rate, and the first of each rule always", () =>
        Effect.gen(function* () {
          const events = yield* sampled(on, rated)
          assert.deepStrictEqual(events[0]?.statsigMetadata, {})
          assert.strictEqual(events.length, 101)
          for (const { statsigMetadata } of events.slice(1)) {
            assert.deepStrictEqual(statsigMetadata, { samplingRate: 4, samplingMode: "on", shadowLogged: "logged" })
          }
          const withRate0 = yield* sampled(on, { ...rated, samplingRate: 0 })
          assert.strictEqual(withRate0.length, 1)
          const withRate1 = yield* sampled(on, { ...rated, samplingRate: 1 })
          assert.strictEqual(withRate1.length, 400)
        })
      )

      it.effect("but still logged in shadow mode, with the decision noted", () =>
        Effect.gen(function* () {
          const events = yield* sampled(shadow, rated)
          assert.strictEqual(events.length, 400)
          const notes = events.slice(1).map(({ statsigMetadata }) => statsigMetadata?.["shadowLogged"])
          assert.strictEqual(notes.filter(note => note === "logged").length, 100)
          assert.strictEqual(notes.filter(note => note === "dropped").length, 299)
        })
      )

      it.effect("at the project's rate where no rule decided", () =>
        Effect.gen(function* () {
          for (const ruleID of ["default", "disabled", ""]) {
            for (const remote of [on, shadow]) {
              const events = yield* sampled(remote, { ruleID })
              const kept = events.filter(({ statsigMetadata }) => statsigMetadata?.["shadowLogged"] !== "dropped")
              assert.isAbove(kept.length, 20)
              assert.isBelow(kept.length, 70)
              assert.strictEqual(events[1]?.statsigMetadata?.["samplingRate"], 10)
            }
          }
        })
      )

      it.effect("never where the caller forbids it or there is no rate", () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* sampled(on, { ...rated, forwardAllExposures: true })).length, 400)
          assert.strictEqual((yield* sampled(on, { ...rated, hasUnsampledSecondaryExposure: true })).length, 400)
          assert.strictEqual((yield* sampled(remoteOf({ sampling_mode: "none" }), rated)).length, 400)
          const unrated = yield* sampled(on, { ruleID: "rule_sampled" })
          assert.strictEqual(unrated.length, 400)
          assert.deepStrictEqual(unrated[1]?.statsigMetadata, {
            samplingRate: null,
            samplingMode: "on",
            shadowLogged: "logged"
          })
        })
      )

      it.effect("and sampled-out ones count as logged", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink()
          const logger = yield* make(layer)
          const logAll = (remote: RemoteConfig) => {
            for (const user of users) logger.logExposure(exposureOf("sampled_gate", { user }, { ...rated, remote }))
          }
          logAll(on)
          logAll(remoteOf({ sampling_mode: "none" }))
          yield* logger.flush
          assert.strictEqual(attempts[0]?.events.length, 101)
        }).pipe(Effect.scoped)
      )

      it.effect("and the first of each rule is logged again after a window", () =>
        Effect.gen(function* () {
          const { attempts, layer } = scriptedSink()
          const logger = yield* make(layer)
          const remote = remoteOf({
            sampling_mode: "on",
            exposure_spec_sampling_ttl_ms: 2_000,
            exposure_dedupe_ttl_ms: 1
          })
          for (let second = 0; second < 7; second++) {
            logger.logExposure(exposureOf("gate", {}, { samplingRate: 0, remote }))
            yield* adjustBySecond(1)
          }
          yield* logger.flush
          assert.deepStrictEqual(
            attempts.flatMap(({ events }) => events.map(({ time }) => time)),
            [0, 3_000, 6_000]
          )
        }).pipe(Effect.scoped)
      )
    })

    describe("of nested gates", () => {
      const secondaryExposures = [
        { gate: "green", gateValue: "true", ruleID: "rule_green" },
        { gate: "dead", gateValue: "false", ruleID: "disabled" }
      ] as const
      const flags = ["other", "sec_expo_as_primary:", "sec_expo_as_primary:abc"]
      const nested = (remote: RemoteConfig) => exposureOf("nested", {}, { secondaryExposures, remote })

      it.effect("get exposures of their own for a share of the unit IDs: abc hashes to 74 per thousand", () =>
        Effect.gen(function* () {
          const run = (experimentalFlags: ReadonlyArray<string>, share: Json) =>
            Effect.map(
              sentBy({ experimentalFlags }, logger => logger.logExposure(nested(remoteOf({ sec_expo_number: share })))),
              events =>
                events.map(({ metadata, secondaryExposures }) => [metadata?.["gate"], secondaryExposures?.length])
            )
          const apart = [
            ["nested", 0],
            ["green", 0],
            ["dead", 0]
          ]
          assert.deepStrictEqual(yield* run(flags, 75), apart)
          assert.deepStrictEqual(yield* run(flags, 74), [["nested", 2]])
          assert.deepStrictEqual(yield* run(flags, 5_000), apart)
          assert.deepStrictEqual(yield* run(flags, -1), [["nested", 2]])
          assert.deepStrictEqual(yield* run([], 1_000), [["nested", 2]])
          assert.deepStrictEqual(yield* run(["sec_expo_as_primary:"], 1_000), [["nested", 2]])
        })
      )

      it.effect("share the key of a getter's exposure, and are offered whatever happens to the outer exposure", () =>
        Effect.gen(function* () {
          const remote = remoteOf({ sec_expo_number: 1_000 })
          const events = yield* sentBy({ experimentalFlags: flags }, logger => {
            logger.logExposure(nested(remote))
            logger.logExposure(exposureOf("green", {}, { ruleID: "rule_green", remote }))
            logger.logExposure(
              exposureOf(
                "nested",
                {},
                { remote, secondaryExposures: [secondaryExposures[0], { ...secondaryExposures[1], gate: "third" }] }
              )
            )
          })
          assert.deepStrictEqual(gates(events), ["nested", "green", "dead", "third"])
          assert.deepStrictEqual(events[1]?.metadata, secondaryExposures[0])
        })
      )
    })
  })
})
