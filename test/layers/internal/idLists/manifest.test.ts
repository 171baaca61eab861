import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeManifest, decodeManifestEntry, fileKeyOf } from "../../../../layers/internal/idLists/manifest.js"

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
