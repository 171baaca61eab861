import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Memory from "../../layers/EventLogger/Memory.js"
import { EventLogger, type Exposure, type LoggedEvent } from "../../src/EventLogger.js"

const exposure = (name: string) => ({ kind: "gate", name }) as Exposure
const event = (name: string): LoggedEvent => ({ name, value: 1, metadata: null, user: undefined, remote: undefined })

const names = (items: ReadonlyArray<{ readonly name: string }>) => items.map(({ name }) => name)

describe("EventLogger/Memory", () => {
  it.effect("keeps exposures and events in order and counts suppressed exposures by name", () =>
    Effect.gen(function* () {
      const logger = yield* EventLogger
      const logged = yield* Memory.LoggedEvents
      const [firstExposure, firstEvent] = [exposure("a"), event("x")]
      logger.logExposure(firstExposure)
      logger.logExposure(exposure("__proto__"))
      logger.logEvent(firstEvent)
      logger.logEvent(event("y"))
      for (const name of ["b", "b", "constructor"]) logger.countNonExposed(name)
      yield* logger.flush
      const [exposures, events, nonExposed] = yield* Effect.all([logged.exposures, logged.events, logged.nonExposed])
      assert.deepStrictEqual([exposures[0], events[0]], [firstExposure, firstEvent])
      assert.deepStrictEqual(
        [names(exposures), names(events)],
        [
          ["a", "__proto__"],
          ["x", "y"]
        ]
      )
      assert.deepStrictEqual(
        [...nonExposed],
        [
          ["b", 2],
          ["constructor", 1]
        ]
      )
      assert.deepStrictEqual(yield* logger.status, { pending: 4, sent: 0, dropped: 0, lastError: undefined })
      yield* logged.clear
      assert.deepStrictEqual(yield* Effect.all([logged.exposures, logged.events, logged.nonExposed]), [
        [],
        [],
        new Map()
      ])
      assert.deepStrictEqual([exposures.length, events.length, nonExposed.size], [2, 2, 2])
    }).pipe(Effect.provide(Memory.layer()))
  )

  for (const capacity of [0, 1, 3, 10]) {
    it.effect(`keeps the last ${capacity} of many and counts the others`, () =>
      Effect.gen(function* () {
        const { logged, logger } = Memory.make({ capacity })
        for (let count = 1; count <= 25; count++) {
          logger.logExposure(exposure(String(count)))
          const kept = Math.min(count, capacity)
          const expected = Array.from({ length: kept }, (_, index) => String(count - kept + index + 1))
          assert.deepStrictEqual(names(yield* logged.exposures), expected)
          assert.deepInclude(yield* logger.status, { pending: kept, dropped: count - kept })
        }
        yield* logged.clear
        for (let count = 0; count < 25; count++) {
          logger.logEvent(event(String(count)))
          logger.countNonExposed(String(count))
        }
        assert.strictEqual((yield* logged.nonExposed).size, capacity)
        assert.strictEqual((yield* logged.events).length, capacity)
        assert.deepInclude(yield* logger.status, { pending: capacity, dropped: 2 * (25 - capacity) })
      })
    )
  }

  it.effect("keeps 100,000 by default", () =>
    Effect.gen(function* () {
      const { logged, logger } = Memory.make()
      const same = exposure("a")
      for (let count = 0; count < 250_001; count++) logger.logExposure(same)
      assert.strictEqual((yield* logged.exposures).length, 100_000)
      assert.strictEqual((yield* logger.status).dropped, 150_001)
    })
  )
})
