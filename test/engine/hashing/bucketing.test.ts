import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { Bucketers, modulo } from "../../../src/engine/hashing/bucketing.js"

/** The bucket by definition: the first 64 bits of the SHA-256, as one integer. */
const bucketOf = (text: string, modulus: number): number =>
  Number(createHash("sha256").update(text).digest().readBigUInt64BE() % BigInt(modulus))

const units = [
  "",
  "u",
  "user-1",
  ...Array.from({ length: 70 }, (_, length) => "abcdefg".repeat(10).slice(0, length)),
  "ünïcode",
  "u".repeat(63).concat("é"),
  "😀",
  "long ".repeat(60)
]

describe("buckets", () => {
  it("equal those of node:crypto after prefixes and for unit IDs of all lengths", () => {
    const bucketers = new Bucketers()
    for (let length = 0; length < 132; length++) {
      const prefix = `${"salt/".repeat(30).slice(0, length)}.`
      const [ofRule, ofLayer] = [bucketers.make(prefix, 10_000), bucketers.make(prefix, 1_000)]
      for (const unit of units) {
        expect(ofRule.of(unit)).toBe(bucketOf(prefix + unit, 10_000))
        expect(ofLayer.of(unit)).toBe(bucketOf(prefix + unit, 1_000))
      }
    }
  })

  it("are the same for alternating unit IDs", () => {
    const bucketers = new Bucketers()
    const salts = ["a.", "b.", "é."].map(salt => [salt, bucketers.make(salt, 10_000)] as const)
    for (let turn = 0; turn < 100; turn++) {
      const unit = `unit-${(turn * 5) % 7}`
      for (const [salt, bucketer] of salts) expect(bucketer.of(unit)).toBe(bucketOf(salt + unit, 10_000))
    }
  })

  it("share one bucketer for each prefix and modulus", () => {
    const bucketers = new Bucketers()
    const shared = bucketers.shared("salt.", 1_000)
    expect(bucketers.shared("salt.", 1_000)).toBe(shared)
    expect(bucketers.shared("salt.", 10_000)).not.toBe(shared)
    expect(bucketers.shared("other.", 1_000)).not.toBe(shared)
    expect(bucketers.make("salt.", 1_000)).not.toBe(shared)
    expect(bucketers.size).toBe(3)
  })
})

describe("modulo", () => {
  it.each([1_000, 10_000, 999_983, 2 ** 20])("%d of the largest and other numbers", modulus => {
    for (const [high, low] of [
      [0, 0],
      [0, 4294967295],
      [4294967295, 4294967295],
      [305419896, 2596069104]
    ] as const) {
      expect(modulo(high, low, modulus)).toBe(Number(((BigInt(high) << 32n) | BigInt(low)) % BigInt(modulus)))
    }
  })
})
