import { assert, describe, it } from "vitest"
import { Deduplicator, hashNames, type KeyAnswer, KeyUser } from "../../../src/engine/events/deduplicator.js"
import { Random } from "../../conformance/support/random.js"

type Key = readonly [spec: string, rule: string, answer: KeyAnswer, user: string, unit: string | undefined]

/** The simplest equal set: a map keeps its keys in the order of their last use. */
class Model {
  readonly #capacity: number
  readonly #keys = new Map<string, true>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#keys.size
  }

  add(key: Key): boolean {
    const text = JSON.stringify(key.map(part => part ?? null))
    const isNew = !this.#keys.delete(text)
    this.#keys.set(text, true)
    if (this.#keys.size > this.#capacity) this.#keys.delete(this.#keys.keys().next().value ?? "")
    return isNew
  }

  clear(): void {
    this.#keys.clear()
  }
}

const anySeed = 0x12345678

const add = (seen: Deduplicator, ...[spec, rule, answer, user, unit]: Key): boolean =>
  seen.add(hashNames(spec, rule, answer), answer, new KeyUser(user), unit)

/** As `add`, with users that keep their hashes from one key to the next. */
const adderOf = () => {
  const users = new Map<string, KeyUser>()
  return (seen: Deduplicator, ...[spec, rule, answer, user, unit]: Key): boolean => {
    const known = users.get(user) ?? new KeyUser(user)
    users.set(user, known)
    return seen.add(hashNames(spec, rule, answer), answer, known, unit)
  }
}

describe("Deduplicator", () => {
  it("recognises a repeated key", () => {
    const seen = new Deduplicator(10, anySeed)
    assert.isTrue(add(seen, "gate", "rule", true, "u", undefined))
    assert.isFalse(add(seen, "gate", "rule", true, "u", undefined))
    assert.strictEqual(seen.size, 1)
  })

  it("separates keys that differ in any part, even if their concatenation is equal", () => {
    const keys: ReadonlyArray<Key> = [
      ["ab", "c", true, "u", undefined],
      ["a", "bc", true, "u", undefined],
      ["abc", "", true, "u", undefined],
      ["", "abc", true, "u", undefined],
      ["ab", "c", false, "u", undefined],
      ["ab", "c", "", "u", undefined],
      ["ab", "c", "p", "u", undefined],
      ["ab", "c", "true", "u", undefined],
      ["ab", "c", true, "", undefined],
      ["ab", "c", true, "u", "u"],
      ["ab", "c", true, "u", ""],
      ["ab", "c", true, "u", "other"],
      ["ab", "c", "p", "u", "q"],
      ["ab", "c", "q", "u", "p"],
      ["ab", "c", "", "u", "pq"],
      ["ab", "c", "pq", "u", ""],
      ["__proto__", "constructor", true, "toString", undefined],
      ["🦊", "\ud800", true, "u", undefined],
      ["🦊", "\ud801", true, "u", undefined]
    ]
    const seen = new Deduplicator(100, anySeed)
    for (const key of keys) assert.isTrue(add(seen, ...key), JSON.stringify(key))
    for (const key of keys) assert.isFalse(add(seen, ...key), JSON.stringify(key))
    assert.strictEqual(seen.size, keys.length)
  })

  it("evicts the least recently seen key, and a hit counts as seen", () => {
    const seen = new Deduplicator(3, anySeed)
    const isNew = (user: string) => add(seen, "gate", "rule", true, user, undefined)
    assert.deepStrictEqual(["a", "b", "c", "a", "d"].map(isNew), [true, true, true, false, true])
    assert.deepStrictEqual(["a", "c", "d"].map(isNew), [false, false, false])
    assert.isTrue(isNew("b"))
    assert.isTrue(isNew("a"))
    assert.strictEqual(seen.size, 3)
  })

  it("holds one key when its limit is zero", () => {
    const seen = new Deduplicator(0, anySeed)
    assert.deepStrictEqual(
      ["a", "a", "b", "a"].map(user => add(seen, "gate", "rule", true, user, undefined)),
      [true, false, true, true]
    )
    assert.strictEqual(seen.size, 1)
  })

  it("starts again when cleared", () => {
    const seen = new Deduplicator(1_000, anySeed)
    const users = Array.from({ length: 2_000 }, (_, index) => `user-${index}`)
    for (let round = 0; round < 3; round++) {
      for (const user of users) assert.isTrue(add(seen, "gate", "rule", true, user, undefined))
      assert.strictEqual(seen.size, 1_000)
      seen.clear()
      assert.strictEqual(seen.size, 0)
    }
  })

  it.each([1, 2, 3, 7, 100, 511, 512, 513, 2_000])("behaves as a plain LRU set of %i keys for any input", capacity => {
    const random = new Random(capacity)
    const add = adderOf()
    // Two instances share the users.
    const sets = [0, 1].map(() => ({ seen: new Deduplicator(capacity, random.bits() | 0), model: new Model(capacity) }))
    for (let count = 0; count < 20_000; count++) {
      const { model, seen } = random.pick(sets)
      if (random.chance(0.0002)) {
        seen.clear()
        model.clear()
      }
      const user = `user-${random.below(random.chance(0.5) ? 2 * capacity : 20)}`
      const key: Key = [
        `gate-${random.below(3)}`,
        random.pick(["", "rule", "default"]),
        random.pick([true, false, "parameter"]),
        user,
        random.pick([undefined, undefined, user, "unit", "other unit"])
      ]
      assert.strictEqual(add(seen, ...key), model.add(key), `${count}: ${JSON.stringify(key)}`)
      assert.strictEqual(seen.size, model.size)
    }
  })

  it("is bounded for any number of generated users and names", () => {
    const seen = new Deduplicator(1_000, anySeed)
    for (let count = 0; count < 200_000; count++) {
      const made = `made up ${count}`
      if (!add(seen, count % 2 === 0 ? made : "gate", "rule", true, made, undefined)) assert.fail(made)
    }
    assert.strictEqual(seen.size, 1_000)
  })

  it("confuses none of 200,000 users", () => {
    const seen = new Deduplicator(200_000, anySeed)
    for (let count = 0; count < 100_000; count++) {
      if (!add(seen, "gate", "rule", true, String(count), undefined)) assert.fail(`${count} is not known yet`)
      if (!add(seen, "gate", "rule", true, `user-${count}`, `user-${count}`)) assert.fail(`user-${count}`)
    }
    assert.strictEqual(seen.size, 200_000)
  })
})
