import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { idListKey, Sha256, sha256, sha256Base64, sha256OfBytes } from "../../../src/engine/hashing/sha256.js"

const digest = (data: string | Uint8Array): Buffer => createHash("sha256").update(data).digest()

const first64 = (data: string | Uint8Array) => {
  const bytes = digest(data)
  return { high: bytes.readUInt32BE(0), low: bytes.readUInt32BE(4) }
}

/**
 * Texts of all lengths up to more than three blocks, in ASCII and with longer characters early, late and throughout.
 */
const texts = Array.from({ length: 200 }, (_, length) => {
  const ascii = Array.from({ length }, (_, i) => String.fromCharCode(32 + ((i * 7 + length) % 95))).join("")
  return [ascii, `${ascii}é`, `€${ascii}`, `${ascii.slice(0, length >> 1)}😀${ascii}`]
}).flat()

describe("sha256 equals that of node:crypto", () => {
  it("for texts", () => {
    for (const text of texts) expect(sha256(text)).toEqual(first64(text))
  })

  it("for lone surrogates, which are U+FFFD in UTF-8", () => expect(sha256("a\ud800b")).toEqual(first64("a\ufffdb")))

  it("for bytes in parts", () => {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text)
      const cut = bytes.length >> 2
      expect(sha256OfBytes([bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)])).toEqual(first64(bytes))
    }
  })

  it("in base64", () => {
    for (const text of texts) expect(sha256Base64(text)).toBe(digest(text).toString("base64"))
  })

  it("as the key of an ID list", () => {
    for (const text of texts) {
      const { high, low } = idListKey(text)
      const key = Buffer.from([high >> 16, high >> 8, high, low >> 16, low >> 8, low]).toString("base64")
      expect(key).toBe(digest(text).toString("base64").slice(0, 8))
    }
  })

  it("when it resumes from another state", () => {
    for (let length = 0; length < 140; length++) {
      const start = new Sha256()
      start.text("p".repeat(length))
      const hash = new Sha256()
      for (const end of ["", "unit", "é", "u".repeat(70)]) {
        hash.restore(start)
        hash.text(end)
        hash.finish()
        const { high, low } = first64("p".repeat(length) + end)
        expect([(hash.state[0] ?? 0) >>> 0, (hash.state[1] ?? 0) >>> 0]).toEqual([high, low])
      }
    }
  })
})
