/**
 * The default logger and the HTTP sink against a Statsig that fails in every possible way: each event arrives or is
 * counted. Requests are real; time is simulated.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigProvider,
  Context,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Redacted,
  Scope,
  TestClock
} from "effect"
import { decompress } from "fzstd"
import * as EventLoggerLayer from "../../layers/EventLogger.js"
import * as HttpSink from "../../layers/EventSink/Http.js"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import { EventLogger } from "../../src/EventLogger.js"
import { User } from "../../src/engine/user.js"

const user = new User({ userID: "u" })

const open = Effect.gen(function* () {
  const local = Context.get(yield* Layer.build(layerLocalStatsig({ decodeZstd: decompress })), LocalStatsig)
  const scope = yield* Scope.make()
  const sink = HttpSink.layer({ sdkKey: Redacted.make("secret-testkey1234567890"), logEventUrl: local.logEventUrl })
  const services = yield* EventLoggerLayer.layer({ maxQueueSize: 10, maxPendingBatches: 3 }).pipe(
    Layer.provide(Layer.merge(Layer.provide(sink, NodeClient.layer), NoObservability.layer)),
    Layer.buildWithScope(scope),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
  )
  const logger = Context.get(services, EventLogger)
  let logged = 0
  const log = (count: number) => {
    for (let index = 0; index < count; index++) {
      logger.logEvent({ name: `event ${logged++}`, value: null, metadata: null, user, remote: undefined })
    }
  }
  /** Every event has arrived, is waiting or was counted; the client knows what arrived, unless a response was lost. */
  const account = (answersAreLost: boolean) =>
    Effect.gen(function* () {
      const { dropped, pending, sent } = yield* logger.status
      const arrived = new Set((yield* local.events).map(({ eventName }) => eventName)).size
      assert.strictEqual(sent + dropped + pending, logged)
      if (answersAreLost) assert.isAtLeast(arrived, sent)
      else assert.strictEqual(arrived, sent)
      return { arrived, dropped, pending }
    })
  return { local, logger, log, account, close: Scope.close(scope, Exit.void) }
})

/** Some real time for requests in flight. */
const moment = Effect.promise(() => new Promise(resolve => setTimeout(resolve, 20)))

/** Runs the effect to its end while time passes in steps that let the fault show. */
const passing = <A, E>(effect: Effect.Effect<A, E>, step: Duration.DurationInput) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    while (fiber.unsafePoll() === null) {
      yield* moment
      yield* TestClock.adjust(step)
    }
    return yield* Fiber.join(fiber)
  })

interface Trouble {
  readonly name: string
  readonly faults: ReadonlyArray<Fault>
  /** The events arrive; only the response is lost. */
  readonly answersAreLost?: true
  /** How long the fault takes to notice; the sink waits for 10 seconds. */
  readonly takes?: Duration.DurationInput
  /** Retrying does not help. */
  readonly final?: true
}

const reply = (status: number, body: string) => Fault.Reply({ status, body })

const troubles: ReadonlyArray<Trouble> = [
  { name: "500 and 503", faults: [reply(500, ""), reply(503, "later")] },
  { name: "401 and 404", faults: [reply(401, "{}"), reply(404, "{}")] },
  { name: "400", faults: [reply(400, "{}")], final: true },
  { name: "429", faults: [reply(429, '{"success":true}')] },
  { name: "413", faults: [reply(413, ""), reply(413, "")] },
  { name: "success: false", faults: [reply(200, '{"success":false}')] },
  { name: "an empty body", faults: [reply(200, "")] },
  { name: "no JSON", faults: [reply(202, "OK")] },
  { name: "a redirect", faults: [Fault.Reply({ status: 302, headers: { location: "/elsewhere" } })] },
  { name: "a reset", faults: [Fault.Reset({})] },
  { name: "a closed connection", faults: [Fault.Close({})] },
  { name: "no answer", faults: [Fault.Stall({})], takes: "10 seconds" },
  { name: "a reset in the middle of the answer", faults: [Fault.Reset({ at: "body" })], answersAreLost: true },
  { name: "half an answer", faults: [Fault.Close({ at: "body" })], answersAreLost: true },
  { name: "an answer that stops", faults: [Fault.Stall({ at: "body" })], answersAreLost: true, takes: "10 seconds" },
  { name: "an answer that is late", faults: [Fault.Delay({ duration: "5 seconds" })], takes: "5 seconds" }
]

describe("events", () => {
  for (const { answersAreLost = false, faults, final, name, takes = 0 } of troubles) {
    it.scoped(`survive ${name}, and permanently refused ones are counted`, () =>
      Effect.gen(function* () {
        const { account, local, log, logger } = yield* open
        yield* local.faultNext("logEvent", ...faults)
        log(9)
        for (const _ of faults) {
          const before = (yield* local.requests).length
          const flushing = yield* Effect.fork(logger.flush)
          // No time passes before the fault has its request, however slow the machine is.
          while ((yield* local.requests).length === before) yield* moment
          yield* passing(Fiber.join(flushing), takes)
          yield* account(answersAreLost)
          log(1)
        }
        yield* passing(logger.flush, 0)
        const { arrived, dropped, pending } = yield* account(answersAreLost)
        assert.deepStrictEqual([arrived + dropped, pending], [9 + faults.length, 0])
        assert.strictEqual(dropped, final === true ? 9 : 0)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.scoped(`are counted when there is ${name} while the program ends`, () =>
      Effect.gen(function* () {
        const { account, close, local, log } = yield* open
        for (const fault of faults.slice(0, 1)) yield* local.faultAlways("logEvent", fault)
        log(27)
        yield* passing(close, "1 second")
        yield* passing(moment, takes)
        const { arrived, dropped, pending } = yield* account(answersAreLost || takes !== 0)
        assert.isAtLeast(arrived + dropped + pending, 27)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  }

  it.scoped("are dropped and counted while Statsig is down for longer than they can wait", () =>
    Effect.gen(function* () {
      const { account, local, log, logger } = yield* open
      yield* local.faultAlways("logEvent", Fault.Reply({ status: 503 }))
      for (let round = 0; round < 12; round++) {
        log(13)
        yield* passing(moment, "7 seconds")
        const { arrived, pending } = yield* account(false)
        assert.strictEqual(arrived, 0)
        assert.isAtMost(pending, 70)
      }
      const before = yield* account(false)
      assert.isAbove(before.dropped, 50)
      yield* local.clearFaults()
      log(5)
      yield* passing(logger.flush, 0)
      // A request may still have been on its way when the faults ended: its batch waits for a retry.
      for (let tries = 0; tries < 10 && (yield* account(false)).pending > 0; tries++) {
        yield* passing(logger.flush, "7 seconds")
      }
      const { arrived, dropped, pending } = yield* account(false)
      assert.deepStrictEqual([arrived + dropped, pending], [12 * 13 + 5, 0])
      assert.isAtLeast(arrived, 5)
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
})
