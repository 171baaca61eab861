/** The contract of every event sink. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { decompress } from "fzstd"
import * as EventLoggerLayer from "../../layers/EventLogger.js"
import * as FileSink from "../../layers/EventSink/File.js"
import * as HttpSink from "../../layers/EventSink/Http.js"
import * as MemorySink from "../../layers/EventSink/Memory.js"
import * as NoSink from "../../layers/EventSink/Noop.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import { type EventBatch, EventSink, type Sink } from "../../src/EventSink.js"
import { User } from "../../src/engine/user.js"
import { EventSinkError } from "../../src/StatsigError.js"

interface Subject {
  readonly sink: Sink
  /** The events that arrived, in order; `undefined` where they cannot be observed. */
  readonly arrived: Effect.Effect<ReadonlyArray<unknown>> | undefined
}

interface Implementation {
  readonly name: string
  readonly make: Effect.Effect<Subject, unknown, Scope.Scope>
}

const implementations: ReadonlyArray<Implementation> = [
  {
    name: "Http",
    make: Effect.gen(function* () {
      const server = Context.get(yield* Layer.build(layerLocalStatsig({ decodeZstd: decompress })), LocalStatsig)
      const sink = yield* Effect.provide(
        HttpSink.make({ sdkKey: Redacted.make("secret-testkey1234567890"), logEventUrl: server.logEventUrl }),
        FetchClient.layer
      )
      return { sink, arrived: server.events }
    })
  },
  {
    name: "File",
    make: Effect.gen(function* () {
      const services = yield* Layer.build(NodeContext.layer)
      const files = Context.get(services, FileSystem.FileSystem)
      const path = `${yield* files.makeTempDirectoryScoped()}/new folder/events.jsonl`
      const sink = yield* Effect.provide(FileSink.make({ path }), services)
      const lines = Effect.orDie(files.readFileString(path)).pipe(
        Effect.map(text => text.split("\n").flatMap(line => (line === "" ? [] : (JSON.parse(line) as Array<unknown>))))
      )
      return { sink, arrived: lines }
    })
  },
  {
    name: "Memory",
    make: Effect.sync(() => {
      const { sent, sink } = MemorySink.make()
      return { sink, arrived: sent.events }
    })
  },
  {
    name: "Noop",
    make: Effect.map(Layer.build(NoSink.layer), context => ({
      sink: Context.get(context, EventSink),
      arrived: undefined
    }))
  }
]

const event = (name: string, more: object = {}) => ({
  eventName: name,
  value: null,
  metadata: null,
  statsigMetadata: null,
  user: { userID: "u" },
  time: 1,
  secondaryExposures: null,
  ...more
})

const batchOf = (events: ReadonlyArray<unknown>): EventBatch => ({
  body: new TextEncoder().encode(JSON.stringify({ events, statsigMetadata: { sdkType: "test" } })),
  eventCount: events.length,
  retries: 0
})

for (const { make, name } of implementations) {
  describe(`EventSink/${name}`, () => {
    const run = <E>(use: (subject: Subject) => Effect.Effect<void, E>) => Effect.scoped(Effect.flatMap(make, use))

    it.live("accepts batches one after the other", () =>
      run(({ arrived, sink }) =>
        Effect.gen(function* () {
          yield* sink.send(batchOf([event("a"), event("b", { value: 1.5, metadata: { k: [1, { deep: null }] } })]))
          yield* sink.send(batchOf([event("c", { value: "" })]))
          if (arrived === undefined) return
          assert.deepStrictEqual(yield* arrived, [
            event("a"),
            event("b", { value: 1.5, metadata: { k: [1, { deep: null }] } }),
            event("c", { value: "" })
          ])
        })
      )
    )

    it.live("carries every text unchanged", () =>
      run(({ arrived, sink }) =>
        Effect.gen(function* () {
          const names = [
            "",
            "\n",
            "\r\n",
            "\u2028",
            '"',
            "\\",
            "größe",
            "🦊",
            "\u0000",
            '","statsigMetadata":{}}',
            "__proto__"
          ]
          const events = names.map(text => event(text, { value: text, metadata: { [text]: text, x: text } }))
          yield* sink.send(batchOf(events))
          if (arrived !== undefined) assert.deepStrictEqual(yield* arrived, events)
        })
      )
    )

    it.live("accepts many full batches concurrently, each whole", () =>
      run(({ arrived, sink }) =>
        Effect.gen(function* () {
          const long = "x".repeat(200)
          const batches = Array.from({ length: 8 }, (_, batch) =>
            Array.from({ length: 2_000 }, (_, index) => event(`${batch}:${index}`, { value: long }))
          )
          yield* Effect.forEach(batches, events => sink.send(batchOf(events)), { concurrency: "unbounded" })
          if (arrived === undefined) return
          const names = (yield* arrived).map(sent => (sent as { readonly eventName: string }).eventName)
          assert.strictEqual(names.length, 16_000)
          for (let batch = 0; batch < 8; batch++) {
            const own = names.filter(name => name.startsWith(`${batch}:`))
            assert.deepStrictEqual(
              own,
              Array.from({ length: 2_000 }, (_, index) => `${batch}:${index}`)
            )
          }
        })
      )
    )

    it.live("accounts for every event of the default logger, before and after the end", () =>
      run(({ arrived, sink }) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const logger = yield* EventLoggerLayer.make({ maxQueueSize: 10 }).pipe(
            Effect.provideService(EventSink, sink),
            Effect.provide(NoObservability.layer),
            Scope.extend(scope)
          )
          const user = new User({ userID: "u" })
          let logged = 0
          const log = (count: number) => {
            for (let index = 0; index < count; index++) {
              logger.logEvent({ name: `e${logged++}`, value: null, metadata: null, user, remote: undefined })
            }
          }
          const account = Effect.map(logger.status, ({ dropped, pending, sent }) => {
            assert.strictEqual(pending + sent + dropped, logged)
            return { dropped, pending, sent }
          })
          log(25)
          yield* account
          yield* logger.flush
          log(13)
          yield* logger.shutdown
          log(14)
          assert.deepStrictEqual(yield* account, { pending: 14, sent: 38, dropped: 0 })
          yield* logger.shutdown
          log(3)
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(yield* account, { pending: 0, sent: 55, dropped: 0 })
          log(5)
          yield* logger.flush
          assert.deepStrictEqual(yield* account, { pending: 0, sent: 55, dropped: 5 })
          if (arrived !== undefined) assert.strictEqual((yield* arrived).length, 55)
        }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
      )
    )

    if (name !== "Noop") {
      for (const text of ["", "nonsense", "[]", '{"events":{}}']) {
        it.live(`refuses ${JSON.stringify(text)} permanently, and continues`, () =>
          run(({ arrived, sink }) =>
            Effect.gen(function* () {
              const error = yield* Effect.flip(
                Effect.asVoid(sink.send({ body: new TextEncoder().encode(text), eventCount: 1, retries: 0 }))
              )
              assert.instanceOf(error, EventSinkError)
              assert.isFalse(error.retryable)
              yield* sink.send(batchOf([event("a")]))
              if (arrived !== undefined) assert.deepStrictEqual(yield* arrived, [event("a")])
            })
          )
        )
      }
    }
  })
}
