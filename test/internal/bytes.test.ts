import { assert, describe, it } from "vitest"
import { compareEach, isUtf8, sameParts } from "../../src/internal/bytes.js"

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe("parts of payloads", () => {
  const before = bytesOf("0123456789")
  const after = bytesOf("ab0123456X89").subarray(2)

  for (const [name, compare] of [
    ["at the speed of memory", sameParts],
    ["byte by byte", compareEach]
  ] as const) {
    describe(name, () => {
      const isSame = compare(after, before)

      it("are equal where all bytes are, at any place", () => {
        assert.isTrue(isSame(0, 0, 7))
        assert.isTrue(isSame(8, 8, 10))
        assert.isTrue(compare(bytesOf("xx012"), before)(2, 0, 3))
        assert.isTrue(isSame(3, 3, 3))
      })

      it("differ where one byte differs", () => {
        assert.isFalse(isSame(0, 0, 8))
        assert.isFalse(isSame(7, 7, 8))
        assert.isFalse(isSame(1, 0, 3))
      })
    })
  }

  it("differ beyond an end, byte by byte", () => {
    assert.isFalse(compareEach(bytesOf("01"), before)(0, 0, 3))
    assert.isFalse(compareEach(after, bytesOf("01"))(0, 0, 3))
  })
})

it("well-formed UTF-8 is distinguished from other bytes", () => {
  assert.isTrue(isUtf8(bytesOf("größe 😀")))
  assert.isFalse(isUtf8(Uint8Array.of(0x7b, 0xff, 0x7d)))
  assert.isFalse(isUtf8(Uint8Array.of(0xf0, 0x9f)))
})
