/**
 * What holds for every sink of events, wherever they go.
 */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { decompress } from "fzstd"
import * as FileSink from "../../layers/EventSink/File.js"
import * as HttpSink from "../../layers/EventSink/Http.js"
import * as MemorySink from "../../layers/EventSink/Memory.js"
import * as NoSink from "../../layers/EventSink/Noop.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { type EventBatch, EventSink, type Sink } from "../../src/EventSink.js"
import { EventSinkError } from "../../src/StatsigError.js"

interface Subject {
  readonly sink: Sink
  /** The events that came through, in order; `undefined` where nobody can know. */
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

    it.live("takes batches in turn", () =>
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

    it.live("carries every text unharmed", () =>
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

    it.live("takes many full batches at once, each whole", () =>
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

    if (name !== "Noop") {
      for (const text of ["", "nonsense", "[]", '{"events":{}}']) {
        it.live(`refuses ${JSON.stringify(text)} for good, and goes on`, () =>
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
