import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, TestClock } from "effect"
import * as Downloads from "../../../../layers/internal/idLists/downloads.js"

const open = Effect.gen(function* () {
  const downloads = yield* Downloads.make
  const begun: Array<string> = []
  const givenUp: Array<string> = []
  const progress = new Map<string, () => void>()
  const start = (name: string, run: Effect.Effect<void> = Effect.never, file = "f1") =>
    downloads.start({
      name,
      file,
      run: heard => {
        begun.push(name)
        progress.set(name, heard)
        return run
      },
      onGivenUp: () => void givenUp.push(name)
    })
  const startMany = (count: number, from = 0) =>
    Effect.forEach(
      Array.from({ length: count }, (_, index) => `${from + index}`),
      name => start(name),
      { discard: true }
    )
  return { downloads, begun, givenUp, progress, start, startMany }
})

const quickly = { awaited: "quick", patience: Duration.seconds(1) } as const
const all = { awaited: "all", patience: Duration.seconds(5) } as const

describe("concurrent downloads", () => {
  it.scoped("yield their slots when they take longer than a second", () =>
    Effect.gen(function* () {
      const { begun, downloads, startMany } = yield* open
      yield* startMany(70)
      yield* TestClock.adjust("900 millis")
      assert.strictEqual(begun.length, 64)
      assert.strictEqual(downloads.underWay("69"), "f1")
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(begun.length, 70)
    })
  )

  it.scoped("are given up when too many hang, the longest silent first", () =>
    Effect.gen(function* () {
      const { givenUp, progress, startMany } = yield* open
      yield* startMany(256 + 64)
      for (let second = 0; second < 4; second++) {
        yield* TestClock.adjust("1 second")
        progress.get("0")?.()
      }
      yield* TestClock.adjust("1 second")
      assert.strictEqual(givenUp.length, 64)
      assert.notInclude(givenUp, "0")
      assert.include(givenUp, "1")
    })
  )

  it.scoped("are awaited until nothing more arrives", () =>
    Effect.gen(function* () {
      const { downloads, progress, start } = yield* open
      assert.isTrue(yield* downloads.settled(all))
      yield* start("slow")
      const [poll, sync] = [yield* Effect.fork(downloads.settled(quickly)), yield* Effect.fork(downloads.settled(all))]
      yield* TestClock.adjust("999 millis")
      assert.isNull(poll.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.isFalse(yield* Fiber.join(poll))
      progress.get("slow")?.()
      yield* TestClock.adjust("4999 millis")
      assert.isNull(sync.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.isFalse(yield* Fiber.join(sync))
    })
  )

  it.scoped("end when another of the same name begins, and when they are no longer named", () =>
    Effect.gen(function* () {
      const { begun, downloads, start } = yield* open
      yield* start("a")
      yield* start("a", Effect.never, "f2")
      yield* start("b")
      yield* Effect.yieldNow()
      assert.deepStrictEqual([begun, downloads.underWay("a")], [["a", "a", "b"], "f2"])
      yield* downloads.cancelAllBut(new Set(["b"]))
      assert.deepStrictEqual([downloads.underWay("a"), downloads.underWay("b")], [undefined, "f1"])
      yield* downloads.cancelAllBut(new Set())
      assert.isTrue(yield* downloads.settled(all))
    })
  )
})
