import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LongList } from "../../../src/engine/conditions/longList.js"
import { LowerText, TextList } from "../../../src/engine/conditions/lowerText.js"
import { targetText } from "../../../src/engine/conditions/values.js"
import { readExact } from "../../../src/engine/payload/exactJson.js"

const readList = (json: string): LongList | undefined => {
  const reading = LongList.read(new TextEncoder().encode(json))
  for (;;) {
    const step = reading.next()
    if (step.done === true) return step.value
  }
}

const word = fc.oneof(
  fc.constantFrom("a", "A", "ab", "AB", "aB", "", "é", "É", "\u212a", "k", "K", "İ", "@`[{", "12", "-3", "😀"),
  fc.string({ maxLength: 6 })
)
/** The same text with and without escapes. */
const textItem = word.chain(text =>
  fc.constantFrom(
    JSON.stringify(text),
    `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`
  )
)
const item = fc.oneof(textItem, fc.constantFrom("0", "12", "-3", "999999999999999"))
const space = fc.constantFrom("", "", " ", "\n\t")
const listJson = fc
  .array(fc.tuple(space, item, space), { maxLength: 40 })
  .map(items => `[${items.map(([before, one, after]) => before + one + after).join(",")}]`)

const plainList = (json: string) => new TextList((readExact(json).value as ReadonlyArray<string>).map(targetText))

describe("a long list", () => {
  it("has what a list of its texts has", () => {
    fc.assert(
      fc.property(listJson, fc.array(word, { maxLength: 30 }), (json, words) => {
        const list = readList(json)
        const expected = plainList(json)
        for (const text of [...words, ...(list?.texts() ?? [])]) {
          const lower = new LowerText(text)
          expect([text, list?.has(lower), list?.hasExactly(text)]).toEqual([
            text,
            expected.has(lower),
            expected.hasExactly(text)
          ])
        }
        expect(list?.texts()).toEqual((readExact(json).value as ReadonlyArray<string>).map(targetText))
      })
    )
  })

  it("has the same while its table grows as afterwards", () => {
    const texts = Array.from({ length: 30_000 }, (_, index) =>
      index % 3 === 0 ? `User-${index % 9_999}` : `u${index}`
    )
    const json = JSON.stringify(texts)
    const expected = new TextList(texts)
    const list = readList(json)
    for (let look = 0; look < 40; look++) {
      for (const text of [texts[look * 7], texts.at(-1 - look * 5), `none ${look}`, `USER-${look * 3}`]) {
        const lower = new LowerText(text)
        expect(list?.has(lower)).toBe(expected.has(lower))
        expect(list?.hasExactly(String(text))).toBe(expected.hasExactly(String(text)))
      }
    }
  })

  it("ends where its JSON ends", () => {
    const json = '[ "a]", 1 ]'
    expect(readList(`${json},"operator":"any"}`)?.byteLength).toBe(json.length)
  })

  it.each(["[true]", "[null]", "[1.5]", "[1e3]", "[-0]", "[1234567890123456]", "[[]]", "[{}]", '["\\ud800"]'])(
    "is not made of %s",
    json => expect(readList(json)).toBeUndefined()
  )
})
