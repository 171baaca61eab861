import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { guarded, inBackground } from "../../src/internal/clocks.js"
import { yieldToEventLoop } from "../../src/internal/eventLoop.js"

const holdEventLoop = (millis: number) => {
  for (const end = performance.now() + millis; performance.now() < end; ) {}
}

describe("a time limit", () => {
  for (const [name, run] of Object.entries({ guarded, inBackground })) {
    it.live(`does not count the time in which the event loop is blocked (${name})`, () =>
      Effect.gen(function* () {
        let isOver = false
        const limited = Effect.map(Effect.timeoutOption(Effect.never, "200 millis"), result => {
          isOver = true
          return result
        })
        const fiber = yield* Effect.fork(run(limited))
        yield* Effect.yieldNow()
        for (let held = 0; held < 3; held++) {
          yield* Effect.sync(() => holdEventLoop(400))
          yield* yieldToEventLoop
          assert.isFalse(isOver)
        }
        assert.deepStrictEqual(yield* fiber, Option.none())
      })
    )
  }
})
