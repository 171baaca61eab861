import { describe, expect, it } from "vitest"
import {
  distinct,
  type Exposures,
  isLong,
  join,
  listOf,
  noExposures,
  type SecondaryExposure,
  shortened
} from "../../../src/engine/evaluate/exposures.js"

const exposure = (gate: string, ruleID = "rule", gateValue: "true" | "false" = "true"): SecondaryExposure => ({
  gate,
  gateValue,
  ruleID
})

const some = (count: number, prefix = "gate"): ReadonlyArray<SecondaryExposure> =>
  Array.from({ length: count }, (_, index) => exposure(`${prefix}${index}`))

describe("joined exposures", () => {
  it("follow one another", () => {
    const [left, right] = [some(2, "left"), some(3, "right")]
    expect(listOf(join(left, right))).toEqual([...left, ...right])
  })

  it("are the other list where one is empty", () => {
    const list = some(2)
    expect(join(list, noExposures)).toBe(list)
    expect(join(noExposures, list)).toBe(list)
  })

  it.each([
    [256, false],
    [257, true]
  ])("%d of them are a tree: %s", (count, isTree) => {
    const joined = join(some(count - 1), some(1, "last"))
    expect(isLong(joined)).toBe(isTree)
    expect(joined.length).toBe(count)
    expect(listOf(joined)).toEqual([...some(count - 1), ...some(1, "last")])
  })

  it("keep their order when lists are joined on either side, one by one", () => {
    let [onTheRight, onTheLeft]: [Exposures, Exposures] = [some(300), some(300)]
    const expected = [...some(300)]
    for (let i = 0; i < 20_000; i++) onTheRight = join(onTheRight, [exposure(`more${i}`)])
    for (let i = 0; i < 20_000; i++) onTheLeft = join([exposure(`more${i}`)], onTheLeft)
    const more = some(20_000, "more")
    expect(listOf(onTheRight)).toEqual([...expected, ...more])
    expect(listOf(onTheLeft)).toEqual([...more.toReversed(), ...expected])
  })

  it("without duplicates contain once each part that was joined twice", () => {
    let doubled: Exposures = some(300)
    for (let i = 0; i < 20; i++) doubled = join(doubled, doubled)
    expect(doubled.length).toBe(300 * 2 ** 20)
    expect(shortened(doubled)).toEqual(some(300))
    expect(distinct(doubled)).toEqual(some(300))
  })
})

describe("distinct exposures", () => {
  it("are distinguished by gate, value and rule", () => {
    const list = [exposure("a"), exposure("b"), exposure("a", "other"), exposure("a", "rule", "false")]
    expect(distinct([...list, ...list.toReversed()])).toEqual(list)
  })

  it("do not confuse the end of a gate's name with a rule", () => {
    const list = [exposure("ab", "c"), exposure("a", "bc")]
    expect(distinct(list)).toBe(list)
  })
})
