import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { djb2, hashedName } from "../../../src/engine/hashing/nameHash.js"

describe("hashed names", () => {
  it.each([
    ["", 0],
    ["a", 97],
    ["ab", 97 * 31 + 98],
    ["polygenelubricants", 2 ** 31],
    ["😀", 0x1f600],
    ["\ud800", 0xfffd]
  ])("djb2 of %j", (name, hash) => expect(djb2(name)).toBe(hash))

  it("are decimal, base64 or plain", () => {
    expect(hashedName("djb2", "ab")).toBe("3105")
    expect(hashedName("sha256", "ab")).toBe(createHash("sha256").update("ab").digest("base64"))
    expect(hashedName("none", "ab")).toBe("ab")
  })
})
