import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { FailingLists } from "../../../../layers/internal/idLists/listSync.js"
import { IdListError } from "../../../../src/StatsigError.js"

const error = (list: string, retryAfter?: number) =>
  new IdListError({ list, reason: "Status", message: `${list} failed`, retryAfter })

/** How many syncs in a row skip a file. */
const skipsOf = (failing: FailingLists, file = "f1") => {
  let skips = 0
  while (failing.skip("a", file)) skips++
  return skips
}

describe("a failing list", () => {
  it("is skipped for longer with each failure", () => {
    const failing = new FailingLists(Duration.minutes(1))
    const skips = Array.from({ length: 9 }, () => {
      failing.fail("a", "f1", error("a"), 1)
      return skipsOf(failing)
    })
    assert.deepStrictEqual(skips, [0, 2, 4, 8, 16, 32, 64, 64, 64])
    failing.delete("a")
    failing.fail("a", "f1", error("a"), 1)
    assert.strictEqual(skipsOf(failing), 0)
  })

  it("is skipped for a share of that, and for as long as the server asks", () => {
    const failing = new FailingLists(Duration.seconds(10))
    for (let count = 0; count < 4; count++) failing.fail("a", "f1", error("a"), 0.6)
    assert.strictEqual(skipsOf(failing), 5)
    failing.fail("b", "f1", error("b"), 1)
    failing.fail("a", "f1", error("a", 115_000), 0.5)
    assert.strictEqual(skipsOf(failing), 12)
  })

  it("is not skipped when it gets another file", () => {
    const failing = new FailingLists(Duration.minutes(1))
    for (let count = 0; count < 3; count++) failing.fail("a", "f1", error("a"), 1)
    assert.strictEqual(skipsOf(failing, "f2"), 0)
    assert.isFalse(failing.has("a"))
  })

  it("keeps its error for as long as it fails and is named", () => {
    const failing = new FailingLists(Duration.minutes(1))
    for (const name of ["a", "b"]) failing.fail(name, "f1", error(name), 1)
    assert.strictEqual(failing.get("b")?.error.list, "b")
    assert.deepStrictEqual([...failing.keys()], ["a", "b"])
    failing.keepOnly(new Set(["b"]))
    assert.deepStrictEqual([...failing.keys()], ["b"])
    assert.deepStrictEqual([...failing.values()][0]?.error.list, "b")
  })

  it("is reported once, and very many only by their number", () => {
    const failing = new FailingLists(Duration.minutes(1))
    for (let count = 0; count < 13; count++) failing.fail(`${count}`, "f1", error(`${count}`), 1)
    const { errors, more } = failing.takeUntold()
    assert.deepStrictEqual([errors.length, more], [10, 3])
    assert.deepStrictEqual(failing.takeUntold(), { errors: [], more: 0 })
  })
})
