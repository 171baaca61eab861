import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { IdListReader, idListLines } from "../../../src/engine/idLists/idListFile.js"
import { PackedSet } from "../../../src/engine/idLists/packedSet.js"
import { Random } from "../../conformance/support/random.js"

const half = fc.integer({ min: 0, max: 2 ** 24 - 1 })

/** Few enough to repeat, and with equal first or last bits. */
const keys = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
  fc.tuple(half, fc.constantFrom(0, 1, 2 ** 24 - 1)),
  fc.tuple(fc.constantFrom(0, 1, 2 ** 24 - 1), half),
  fc.tuple(half, half)
)

const number = (high: number, low: number) => high * 2 ** 24 + low

const numbersOf = (set: PackedSet) =>
  new Set(Array.from(set.parts(), part => part.map(([high, low]) => number(high, low))).flat())

const randomKeys = (seed: number, count: number) => {
  const random = new Random(seed)
  return random.times(count, () => [random.below(2 ** 24), random.below(2 ** 24)] as const)
}

describe("PackedSet", () => {
  it("holds what a Set would hold after any changes", () => {
    const changes = fc.array(fc.tuple(fc.boolean(), keys), { maxLength: 200 })
    fc.assert(
      fc.property(changes, fc.integer({ min: 0, max: 300 }), (changes, expected) => {
        const set = new PackedSet(expected)
        const model = new Set<number>()
        for (const [isAdded, [high, low]] of changes) {
          if (isAdded) {
            set.add(high, low)
            model.add(number(high, low))
          } else {
            set.delete(high, low)
            model.delete(number(high, low))
          }
          assert.strictEqual(set.has(high, low), isAdded)
          assert.strictEqual(set.size, model.size)
        }
        assert.deepStrictEqual(numbersOf(set), model)
        for (const [, [high, low]] of changes) assert.strictEqual(set.has(high, low), model.has(number(high, low)))
      })
    )
  })

  for (const expected of [0, 1_000, 60_000, 1_000_000]) {
    it(`grows to 60,000 keys and shrinks again when ${expected} were expected`, () => {
      const all = randomKeys(expected, 60_000)
      const set = new PackedSet(expected)
      for (const [high, low] of all) set.add(high, low)
      assert.strictEqual(set.size, numbersOf(set).size)
      assert.isTrue(all.every(([high, low]) => set.has(high, low)))
      assert.isFalse(randomKeys(-1, 60_000).some(([high, low]) => set.has(high, low)))
      for (const [index, [high, low]] of all.entries()) if (index % 2 === 0) set.delete(high, low)
      assert.isTrue(all.every(([high, low], index) => set.has(high, low) === (index % 2 === 1)))
    })
  }

  it("holds keys with equal beginnings, which hashes never have", () => {
    const set = new PackedSet()
    for (let low = 0; low < 10_000; low++) set.add(7, low * 1_600)
    assert.strictEqual(set.size, 10_000)
    for (let low = 0; low < 10_000; low++) assert.isTrue(set.has(7, low * 1_600))
    assert.isFalse(set.has(7, 1))
  })

  it("is independent of its copies", () => {
    const before = randomKeys(1, 20_000)
    const original = new PackedSet()
    for (const [high, low] of before) original.add(high, low)
    const kept = numbersOf(original)
    const copy = original.copy()
    const copyOfCopy = copy.copy()
    for (const [high, low] of randomKeys(2, 20_000)) copy.add(high, low)
    for (const [high, low] of before) copy.delete(high, low)
    assert.deepStrictEqual(numbersOf(original), kept)
    assert.deepStrictEqual(numbersOf(copyOfCopy), kept)
    for (const [high, low] of before) original.delete(high, low)
    assert.strictEqual(original.size, 0)
    assert.deepStrictEqual(numbersOf(copyOfCopy), kept)
    assert.strictEqual(copy.size, 20_000)
  })
})

const a = "ypeBEsob"
const b = "PiPoFgA5"
const c = "Ln0sA6lQ"

const read = (pieces: ReadonlyArray<string | Uint8Array>, ids = new PackedSet()) => {
  const reader = new IdListReader(ids)
  for (const piece of pieces) reader.read(typeof piece === "string" ? new TextEncoder().encode(piece) : piece)
  reader.end()
  return Array.from(idListLines(ids)).join("").split("\n").filter(Boolean).sort()
}

const added = (...hashes: ReadonlyArray<string>) => hashes.map(hash => `+${hash}`).sort()

/** Each as the official package reads it, except for a first character of two bytes, which ends that. */
const files: ReadonlyArray<readonly [name: string, text: string, members: ReadonlyArray<string>]> = [
  ["adds and removes", `+${a}\n+${b}\n-${a}\n+${c}\n`, added(b, c)],
  ["ignores the removal of a missing key", `-${a}\n+${b}\n`, added(b)],
  ["reads a last line without its end", `+${a}\n+${b}`, added(a, b)],
  ["drops one carriage return before a line feed", `+${a}\r\n+${b}\r\r\n+${c}\r`, added(a)],
  ["ignores lines with blanks", `\n \n+${a} \n +${b}\n+ ${c}\n+${a}\t\n`, []],
  ["ignores lines without a sign", `${a}\n*${b}\n++${c}\n`, []],
  ["ignores other lengths", `+${a}x\n+${b.slice(1)}\n+\n-\n+${c}=\n`, []],
  ["ignores other alphabets", `+-${a.slice(1)}\n+_${a.slice(1)}\n+é${b.slice(2)}\né${c}\n`, []],
  ["ignores other line ends", `+${a}\u2028\n+${b}\v+${c}\n+${a}\r+${b}\n`, []],
  ["ignores a line with a byte order mark", `\ufeff+${a}\n+${b}\n`, added(b)],
  ["skips a long line", `+${a}\n+${"x".repeat(1_000)}\n+${b}\n`, added(a, b)],
  ["removes by valid lines only", `+${a}\n-${a} \n+${b}\n-${b}\r\n`, added(a)]
]

describe("IdListReader", () => {
  for (const [name, text, members] of files) {
    it(name, () => assert.deepStrictEqual(read([text]), members))
  }

  it("reads the same wherever a file is divided", () => {
    for (const [name, text, members] of files) {
      const bytes = new TextEncoder().encode(text)
      for (let at = 0; at <= bytes.length; at++) {
        const message = `${name} at ${at}`
        assert.deepStrictEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), members, message)
      }
      assert.deepStrictEqual(read(Array.from(bytes, byte => Uint8Array.of(byte))), members, name)
    }
  })

  it("reports how much of a line has arrived", () => {
    const reader = new IdListReader(new PackedSet())
    reader.read(new TextEncoder().encode(`+${a}\n+${"x".repeat(40)}`))
    assert.strictEqual(reader.openLength, 41)
    reader.read(new TextEncoder().encode("\n"))
    assert.strictEqual(reader.openLength, 0)
  })

  it("reads a serialised set", () => {
    const ids = new PackedSet()
    for (const [high, low] of randomKeys(5, 10_000)) ids.add(high, low)
    const lines = Array.from(idListLines(ids)).join("")
    assert.strictEqual(lines.length, 10 * ids.size)
    const again = new PackedSet()
    read([lines], again)
    assert.deepStrictEqual(numbersOf(again), numbersOf(ids))
  })
})
