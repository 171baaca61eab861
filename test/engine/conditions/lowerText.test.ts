import { describe, expect, it } from "vitest"
import { LowerText, TextList } from "../../../src/engine/conditions/lowerText.js"
import { Random } from "../../conformance/support/random.js"

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

describe("TextList", () => {
  it.each([0, 1, 15, 16, 17, 100, 5_000])("of %d texts contains them and no others", size => {
    const texts = Array.from({ length: size }, (_, index) => `Id-${index * 31}`)
    const list = new TextList(texts)
    expect(texts.every(text => list.has(new LowerText(text.toUpperCase())) && list.hasExactly(text))).toBe(true)
    expect(texts.some(text => list.has(new LowerText(`${text}-`)) || list.hasExactly(`${text}-`))).toBe(false)
    expect(texts.some(text => list.hasExactly(text.toLowerCase()))).toBe(false)
    expect(list.has(new LowerText(undefined)) || list.hasExactly("")).toBe(false)
  })

  it("finds the empty text", () => {
    const list = new TextList(Array.from({ length: 20 }, (_, index) => "x".repeat(index)))
    expect(list.has(new LowerText(undefined)) && list.hasExactly("")).toBe(true)
  })

  it("has of two texts that are equal ignoring case only the later one", () => {
    const list = new TextList(["ab", "AB", "Straße", "ÄÖ", "äö", "\u212a", "K"])
    expect(["ab", "AB", "straße", "Straße", "ÄÖ", "äö", "\u212a", "K", "k"].map(text => list.hasExactly(text))).toEqual(
      [...[false, true, false, true, false, true, false, true, false]]
    )
    expect(["aB", "STRAßE", "Äö", "k"].every(text => list.has(new LowerText(text)))).toBe(true)
  })

  it("behaves as a map from lower case to the last text", () => {
    const random = new Random(7)
    const letters = ["a", "A", "b", "ä", "Ä", "İ", "ı", "\u212a", "k", "K", "ß", "ſ", "S", "🦊"]
    const text = () => random.times(random.below(4), () => random.pick(letters)).join("")
    for (let round = 0; round < 300; round++) {
      const texts = random.times(random.below(60), text)
      const list = new TextList(texts)
      const model = new Map(texts.map(text => [text.toLowerCase(), text]))
      for (const asked of [...texts, ...random.times(30, text)]) {
        expect(list.has(new LowerText(asked))).toBe(model.has(asked.toLowerCase()))
        expect(list.hasExactly(asked)).toBe(model.get(asked.toLowerCase()) === asked)
      }
    }
  })
})
