import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import type { HeldList } from "../../../../layers/internal/idLists/heldLists.js"
import {
  decodeManifest,
  decodeManifestEntry,
  fileKeyOf,
  type ListFile,
  ListReading,
  planOf,
  type ReadingPlan
} from "../../../../layers/internal/idLists/listFile.js"
import { idListKey } from "../../../../src/engine/hashing/sha256.js"
import { PackedSet } from "../../../../src/engine/idLists/packedSet.js"
import { linesOf, people } from "../../support/idLists.js"

const file = (fileID: string, creationTime: number, size: number): ListFile => ({
  fileID,
  creationTime,
  size,
  url: "https://own.test/file"
})

const has = (ids: PackedSet, id: string) => {
  const { high, low } = idListKey(id)
  return ids.has(high, low)
}

const held = (...ids: ReadonlyArray<string>): HeldList => {
  const keys = new PackedSet()
  for (const id of ids) {
    const { high, low } = idListKey(id)
    keys.add(high, low)
  }
  const { url: _, ...read } = file("f1", 10, 10 * ids.length)
  return { ids: keys, file: read, addition: undefined, updatedAt: 1 }
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** Reads a response that arrives in these parts. */
const read = (next: ListFile, plan: ReadingPlan, status: number, ...parts: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const reading = new ListReading(next, plan)
    for (const part of parts) yield* reading.read(part)
    return yield* reading.end(status)
  })

describe("the reading plan of a list", () => {
  const list = held("alice", "bob")
  const added: HeldList = { ...list, addition: { fileID: "f0", creationTime: 5, size: 10 } }
  for (const [name, next, before, as, start] of [
    ["all of a new list", file("f1", 1, 9), undefined, "replacement", 0],
    ["all of a newer file", file("f2", 10, 1), list, "replacement", 0],
    ["the end of one that grew", file("f1", 10, 21), list, "growth", 20],
    ["nothing of one that did not", file("f1", 10, 20), list, undefined, 0],
    ["nothing of the same file from an older manifest", file("f1", 9, 20), list, undefined, 0],
    ["an older file as an addition", file("f0", 5, 10), list, "addition", 0],
    ["the same file of a later time as an addition", file("f1", 11, 10), list, "addition", 0],
    ["nothing of an unchanged addition", file("f0", 5, 10), added, undefined, 0],
    ["the end of an addition that grew", file("f0", 5, 30), added, "addition", 10],
    ["another file as an addition", file("f0", 6, 10), added, "addition", 0]
  ] as const) {
    it(name, () => {
      const plan = planOf(next, before)
      assert.deepStrictEqual([plan?.as, plan?.start ?? 0], [as, start])
    })
  }
})

describe("reading a list from its file", () => {
  it.live("builds a new list from parts that end anywhere", () =>
    Effect.gen(function* () {
      const all = bytes(linesOf(...people))
      const next = file("f1", 1, 40)
      const list = yield* read(next, { as: "replacement", start: 0 }, 206, all.subarray(0, 13), all.subarray(13))
      assert.isTrue(people.every(id => has(list.ids, id)))
      assert.deepStrictEqual(list.file, { fileID: "f1", creationTime: 1, size: 40 })
    })
  )

  it.effect("changes a copy, and leaves the current list unchanged", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(7)
      const before = held("alice")
      const plan: ReadingPlan = { as: "growth", start: 10, held: before }
      const list = yield* read(file("f1", 10, 20), plan, 206, bytes(linesOf("bob")))
      assert.deepStrictEqual([before.ids.size, list.ids.size], [1, 2])
      assert.deepStrictEqual([list.file.size, list.updatedAt], [20, 7])
    })
  )

  it.live("keeps the file of a list when another one adds to it", () =>
    Effect.gen(function* () {
      const plan: ReadingPlan = { as: "addition", start: 0, held: held("alice") }
      const list = yield* read(file("f0", 5, 10), plan, 200, bytes(linesOf("bob")))
      assert.deepStrictEqual(list.file, held("alice").file)
      assert.deepStrictEqual(list.addition, { fileID: "f0", creationTime: 5, size: 10 })
      assert.isTrue(has(list.ids, "alice") && has(list.ids, "bob"))
    })
  )

  it.live("stops before a truncated line, if more is expected", () =>
    Effect.gen(function* () {
      const cut = bytes(linesOf("alice", "bob").slice(0, 15))
      const short = yield* read(file("f1", 1, 20), { as: "replacement", start: 0 }, 206, cut)
      assert.deepStrictEqual([short.ids.size, short.file.size], [1, 10])
    })
  )

  it.live("tells the whole file from its end by the status", () =>
    Effect.gen(function* () {
      const plan: ReadingPlan = { as: "growth", start: 10, held: held("alice") }
      const all = bytes(linesOf("alice", "bob"))
      const whole = yield* read(file("f1", 10, 20), plan, 200, all)
      assert.deepStrictEqual([whole.ids.size, whole.file.size], [2, 20])
      const longer = yield* read(file("f1", 10, 20), plan, 206, all)
      assert.strictEqual(longer.file.size, 30)
    })
  )

  it.live("refuses invalid UTF-8, in the middle and at the end", () =>
    Effect.gen(function* () {
      for (const part of [Uint8Array.of(0xff, 10), Uint8Array.of(10, 0xc3)]) {
        const failing = Effect.flip(read(file("f1", 1, 2), { as: "replacement", start: 0 }, 206, part))
        assert.strictEqual(yield* failing, "expected UTF-8 text, got other bytes")
      }
    })
  )
})

const entry = { name: "a", url: "https://own.test/file", size: 10, creationTime: 1, fileID: "f1" }

describe("a manifest of ID lists", () => {
  it.effect("is an object, whatever its entries contain", () =>
    Effect.gen(function* () {
      const decode = (text: string) => decodeManifest(new TextEncoder().encode(text))
      assert.deepStrictEqual(yield* decode('{"a":1,"b":null}'), { a: 1, b: null })
      for (const text of ["", "{", "[]", "null", "1"]) assert.notStrictEqual(yield* Effect.flip(decode(text)), "", text)
      assert.include(yield* Effect.flip(decode("[]")), "expected an object of lists")
    })
  )

  it.effect("names the file of each list", () =>
    Effect.gen(function* () {
      const { name, ...file } = entry
      assert.deepStrictEqual(yield* decodeManifestEntry(entry), file)
      assert.deepStrictEqual(yield* decodeManifestEntry({ ...file, key: name, fileID: null }), {
        ...file,
        fileID: undefined
      })
      assert.include(yield* Effect.flip(decodeManifestEntry(file)), 'expected "name"')
      for (const wrong of [{ size: -1 }, { size: 1.5 }, { url: 1 }, { creationTime: "1" }]) {
        assert.include(yield* Effect.flip(decodeManifestEntry({ ...entry, ...wrong })), Object.keys(wrong)[0]!)
      }
    })
  )

  it("distinguishes files", () => {
    const same = fileKeyOf({ ...entry, size: 20 })
    assert.strictEqual(fileKeyOf(entry), same)
    for (const other of [{ url: "x" }, { creationTime: 2 }, { fileID: undefined }]) {
      assert.notStrictEqual(fileKeyOf({ ...entry, ...other }), same)
    }
  })
})
