import { Effect, Fiber } from "effect"
import { assert, describe, it } from "vitest"
import { inSlices } from "../../src/internal/eventLoop.js"

/** Pieces of work of a millisecond each. */
function* pieces(count: number, onPiece: (index: number) => void): Generator<void> {
  for (let index = 0; index < count; index++) {
    const end = performance.now() + 1
    while (performance.now() < end);
    onPiece(index)
    yield
  }
}

/** Counts turns of the event loop. */
const countingTurns = () => {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isOver = true
    return turns
  }
}

describe.each([
  ["in the foreground", false],
  ["in the background", true]
])("work in slices %s", (_, isBackground) => {
  it("is done in order, with turns of the event loop in between", async () => {
    const done: Array<number> = []
    const end = countingTurns()
    await Effect.runPromise(
      inSlices(
        pieces(20, index => done.push(index)),
        isBackground
      )
    )
    assert.deepStrictEqual(
      done,
      Array.from({ length: 20 }, (_, index) => index)
    )
    // A slice has two pieces at most.
    assert.isAtLeast(end(), 9)
  })

  it("of several instances is done by turns", async () => {
    const done: Array<string> = []
    const work = (name: string) =>
      inSlices(
        pieces(12, () => done.push(name)),
        isBackground
      )
    await Effect.runPromise(Effect.all([work("a"), work("b")], { concurrency: "unbounded" }))
    assert.isBelow(done.indexOf("b"), done.lastIndexOf("a"))
    assert.isBelow(done.indexOf("a"), done.lastIndexOf("b"))
    assert.lengthOf(done, 24)
  })

  it("ends when it is interrupted, and leaves the rest to others", async () => {
    const done: Array<string> = []
    const work = (name: string, count: number) =>
      inSlices(
        pieces(count, () => done.push(name)),
        isBackground
      )
    const endless = Effect.runFork(work("interrupted", 100_000))
    const other = Effect.runFork(work("other", 6))
    await Effect.runPromise(Fiber.interrupt(endless))
    await Effect.runPromise(Fiber.join(other))
    assert.strictEqual(done.filter(name => name === "other").length, 6)
    const before = done.length
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.lengthOf(done, before)
  })
})
