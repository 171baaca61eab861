import { describe, expect, it } from "vitest"
import { LowerText, LowerTextSet } from "../../../src/engine/conditions/lowerText.js"

describe("LowerText", () => {
  it.each([
    ["ÄB", "äb"],
    [true, "true"],
    [12, "12"],
    [undefined, ""],
    [{ a: 1 }, ""]
  ])("of %j is %j", (value, text) => expect(new LowerText(value).text).toBe(text))

  it("has a non-negative hash, equal for equal texts", () => {
    for (let i = 0; i < 1_000; i++) {
      const { hash } = new LowerText(`User ${i * 7_919}`)
      expect(hash).toBeGreaterThanOrEqual(0)
      expect(new LowerText(`uSER ${i * 7_919}`).hash).toBe(hash)
    }
  })
})

describe("LowerTextSet", () => {
  it.each([0, 1, 15, 16, 17, 100, 5_000])("of %d texts contains them and no others", size => {
    const texts = Array.from({ length: size }, (_, index) => `id-${index * 31}`)
    const set = new LowerTextSet(texts)
    expect(texts.every(text => set.has(new LowerText(text)))).toBe(true)
    expect(texts.some(text => set.has(new LowerText(`${text}-`)))).toBe(false)
    expect(set.has(new LowerText(undefined))).toBe(false)
  })

  it("finds the empty text", () => {
    const texts = Array.from({ length: 20 }, (_, index) => "x".repeat(index))
    expect(new LowerTextSet(texts).has(new LowerText(undefined))).toBe(true)
  })
})
