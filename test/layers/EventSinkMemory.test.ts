import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Memory from "../../layers/EventSink/Memory.js"
import { EventSink } from "../../src/EventSink.js"

const event = (name: string) => ({
  eventName: name,
  value: null,
  metadata: null,
  statsigMetadata: {},
  user: {},
  time: 1,
  secondaryExposures: []
})

const send = (events: ReadonlyArray<object>) =>
  Effect.flatMap(EventSink, sink =>
    sink.send({
      body: new TextEncoder().encode(JSON.stringify({ events, statsigMetadata: { flushType: "manual" } })),
      eventCount: 1,
      retries: 0
    })
  )

const names = (events: ReadonlyArray<Memory.SentEvent>) => events.map(({ eventName }) => eventName)

describe("EventSink/Memory", () => {
  it.effect("keeps batches with the metadata of the SDK", () =>
    Effect.gen(function* () {
      const sent = yield* Memory.SentBatches
      yield* send([event("a"), event("b")])
      yield* send([event("c")])
      const batches = yield* sent.batches
      assert.deepStrictEqual(
        batches.map(({ events }) => names(events)),
        [["a", "b"], ["c"]]
      )
      assert.deepStrictEqual(batches[0]?.statsigMetadata, { flushType: "manual" })
      assert.deepStrictEqual(names(yield* sent.events), ["a", "b", "c"])
      yield* sent.clear
      assert.deepStrictEqual([yield* sent.batches, yield* sent.events], [[], []])
      yield* send([event("d")])
      assert.deepStrictEqual(names(yield* sent.events), ["d"])
    }).pipe(Effect.provide(Memory.layer()))
  )

  it.effect("keeps the latest batches within its event limit", () =>
    Effect.gen(function* () {
      const sent = yield* Memory.SentBatches
      for (const batch of [["a", "b"], ["c"], ["d", "e"], ["f"]]) yield* send(batch.map(event))
      assert.deepStrictEqual(names(yield* sent.events), ["d", "e", "f"])
      yield* send("ghij".split("").map(event))
      assert.deepStrictEqual(yield* sent.events, [])
      yield* send([event("k")])
      assert.deepStrictEqual(names(yield* sent.events), ["k"])
    }).pipe(Effect.provide(Memory.layer({ capacity: 3 })))
  )

  it.effect("refuses an event with a missing field", () =>
    Effect.gen(function* () {
      for (const key of Object.keys(event("a"))) {
        const error = yield* Effect.flip(send([{ ...event("a"), [key]: undefined }]))
        assert.deepInclude(error, { reason: "Refused", retryable: false })
        assert.include(error.message, key)
      }
      assert.deepStrictEqual(yield* (yield* Memory.SentBatches).batches, [])
    }).pipe(Effect.provide(Memory.layer()))
  )
})
