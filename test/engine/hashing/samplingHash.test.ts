/** The sampling hash: vectors from the official package, and its arithmetic against big integers. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { noRule, samplingParts } from "../../../src/engine/events/events.js"
import {
  hashFlag,
  hashID,
  hashName,
  hashUser,
  isSampled,
  type Word64
} from "../../../src/engine/hashing/samplingHash.js"
import { User, type UserFields } from "../../../src/engine/user.js"

interface Vectors {
  readonly idHash: Readonly<Record<string, string>>
  readonly nameHash: Readonly<Record<string, string>>
  readonly vec4: ReadonlyArray<{ readonly in: ReadonlyArray<number>; readonly out: string }>
  readonly final: ReadonlyArray<{
    readonly spec: string
    readonly ruleID: string
    readonly user: UserFields
    readonly additional: number
    readonly unitType: string | null
    readonly final: string
    readonly mod4: number
    readonly mod10: number
  }>
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../vectors/events-captures.json", import.meta.url), "utf8")
).sampling_hash_vectors

const mask = 0xffffffffffffffffn
const toBig = ({ high, low }: Word64): bigint => (BigInt(high) << 32n) | BigInt(low)
const word = (value: bigint): Word64 => ({ high: Number(value >> 32n), low: Number(value & 0xffffffffn) })
const shown = (hash: Word64): string => `0x${toBig(hash).toString(16).padStart(16, "0")}`
const small = (value: number): Word64 => ({ high: 0, low: value })

/** The same hash as the reference defines it. */
const fold = (a: bigint, b: bigint): bigint => ((a * b) & mask) ^ ((a * b) >> 64n)
const rotate = (a: bigint, count: bigint): bigint => ((a << count) | (a >> (64n - count))) & mask
const keys = [
  420n ^ 0x452821e638d01377n,
  42n ^ 0xbe5466cf34e90c6cn,
  24n ^ 0xc0ac29b7c97c50ddn,
  4n ^ 0x3f84d5b5b5470917n
] as const
const multiplier = 6364136223846793005n

const slowHash = (parts: ReadonlyArray<bigint | Uint8Array>): bigint => {
  let state: bigint = keys[1]
  for (const part of parts) {
    if (typeof part === "bigint") {
      state = fold(part ^ state, multiplier)
      continue
    }
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength)
    const pair = (a: bigint, b: bigint) => {
      state = rotate(((state + keys[0]) & mask) ^ fold(a ^ keys[2], b ^ keys[3]), 23n)
    }
    const { length } = part
    state = ((state + BigInt(length)) * multiplier) & mask
    if (length > 16) {
      pair(view.getBigUint64(length - 16, true), view.getBigUint64(length - 8, true))
      for (let at = 0; length - at > 16; at += 16) pair(view.getBigUint64(at, true), view.getBigUint64(at + 8, true))
    } else if (length > 8) pair(view.getBigUint64(0, true), view.getBigUint64(length - 8, true))
    else if (length >= 4) pair(BigInt(view.getUint32(0, true)), BigInt(view.getUint32(length - 4, true)))
    else if (length >= 2) pair(BigInt(view.getUint16(0, true)), BigInt(part[length - 1] ?? 0))
    else pair(BigInt(part[0] ?? 0), BigInt(part[0] ?? 0))
  }
  return rotate(fold(state, keys[0]), state & 63n)
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** Texts of every length up to a few blocks, with characters of one to four bytes. */
const texts = Array.from({ length: 70 }, (_, length) =>
  Array.from({ length }, (_, index) => ["a", "Z", "é", "߿", "€", "🦊", "\u0000", "~"][(index * 7 + length) % 8]).join(
    ""
  )
)

describe("samplingHash", () => {
  it.each(Object.entries(vectors.idHash))("hashes the ID %j", (text, expected) => {
    assert.strictEqual(shown(hashID(text)), expected)
  })

  it.each(Object.entries(vectors.nameHash))("hashes the name %j", (text, expected) => {
    assert.strictEqual(shown(hashName(text)), expected)
  })

  it("hashes an empty name like any other, and no rule to nothing", () => {
    assert.strictEqual(toBig(hashName("")), slowHash([0n, bytes("")]))
    const [, rule] = samplingParts("gate", noRule, new User({}), true, undefined)
    assert.deepStrictEqual(rule, { high: 0, low: 0 })
  })

  it.each(vectors.vec4)(
    "hashes the parts of a user $in",
    ({ in: [userID = 0, stableID = 0, unit = 0, sum = 0], out }) => {
      assert.strictEqual(shown(hashUser(small(userID), small(stableID), small(unit), [small(sum)])), out)
    }
  )

  it.each(vectors.final)("hashes the whole key of $spec, $ruleID, $user, $unitType", vector => {
    const user = new User(vector.user)
    const unit = vector.unitType === null ? undefined : (user.userID as string)
    const parts = samplingParts(
      vector.spec,
      vector.ruleID === "" ? noRule : vector.ruleID,
      user,
      vector.additional === 1,
      unit
    )
    const key = parts.reduce((sum, part) => sum ^ toBig(part), 0n)
    assert.strictEqual(shown(word(key)), vector.final)
    assert.strictEqual(isSampled(parts, 4), vector.mod4 === 0)
    assert.strictEqual(isSampled(parts, 10), vector.mod10 === 0)
  })

  it("agrees with big integers on texts of every length", () => {
    for (const text of texts) {
      assert.strictEqual(toBig(hashID(text)), slowHash([bytes(text), 0xffn]), JSON.stringify(text))
      assert.strictEqual(toBig(hashName(text)), slowHash([BigInt(bytes(text).length), bytes(text)]), text)
    }
  })

  it("adds up the custom IDs modulo 2^64", () => {
    const ids = texts.map(hashID)
    const sum = ids.reduce((total, id) => (total + toBig(id)) & mask, 0n)
    const data = new Uint8Array(32)
    new DataView(data.buffer).setBigUint64(24, sum, true)
    assert.strictEqual(toBig(hashUser(undefined, undefined, undefined, ids)), slowHash([4n, data]))
  })

  it("keeps one in a rate, for rates of every size", () => {
    const rates = [
      1,
      2,
      3,
      7,
      10,
      4_096,
      65_537,
      0x100000,
      0x100001,
      2 ** 31,
      2 ** 32 + 1,
      2 ** 40,
      Number.MAX_SAFE_INTEGER
    ]
    const words = [...texts.map(hashID), word(mask), word(0n), word(0xffffffffn), word(1n << 32n)]
    for (const rate of rates) {
      for (const hash of words) assert.strictEqual(isSampled([hash], rate), toBig(hash) % BigInt(rate) === 0n)
      const multiple = word((mask / BigInt(rate)) * BigInt(rate))
      assert.isTrue(isSampled([multiple], rate), String(rate))
    }
    assert.isTrue(texts.every(text => isSampled([hashID(text), hashFlag(true)], 1)))
    assert.isFalse(texts.some(text => isSampled([hashID(text)], 0)))
    assert.isFalse(isSampled([word(0n)], -1))
  })

  it("keeps about one in ten of many users", () => {
    const kept = Array.from({ length: 20_000 }, (_, index) => {
      const user = new User({ userID: `user-${index}` })
      return isSampled(samplingParts("gate", "rule", user, true, undefined), 10)
    }).filter(Boolean).length
    assert.isAbove(kept, 1_800)
    assert.isBelow(kept, 2_200)
  })
})
