import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { NumberLiteral, plain } from "../../../src/engine/json.js"
import { isReadable, readExact } from "../../../src/engine/payload/exactJson.js"

const arrays = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
const objects = (levels: number) => `${'{"k":'.repeat(levels)}1${"}".repeat(levels)}`

describe("JSON of a payload", () => {
  it.each([
    ["1", 1],
    ["1.0", new NumberLiteral("1.0")],
    ["-0", new NumberLiteral("-0")],
    ["9007199254740993", new NumberLiteral("9007199254740993")],
    ["1e400", new NumberLiteral("1e400")],
    ["1e-400", new NumberLiteral("1e-400")]
  ])("keeps the spelling of %s where it matters", (text, expected) => {
    const { isPlain, value } = readExact(text)
    expect(value).toEqual(expected)
    expect(isPlain).toBe(typeof value === "number")
  })

  it.each([
    ["a number out of range", "1e400", "1.7976931348623157e308"],
    ["a negative number out of range", '{"a":[-1e309]}', '{"a":[-1e308]}'],
    ["a long integer out of range", "9".repeat(310), "9".repeat(308)],
    ["half a pair of surrogates in a text", '["\\ud800x"]', '["\\ud83d\\ude00"]'],
    ["half a pair of surrogates in a key", '{"\\udc00":1}', '{"\\u00e9":1}'],
    ["more than 127 levels of arrays", arrays(128), arrays(127)],
    ["more than 127 levels of objects", objects(128), objects(127)],
    ["100,000 levels", `{"a":${arrays(100_000)},"b":"]"}`, `{"a":${arrays(126)},"b":"]"}`]
  ])("reports that the official parser rejects %s", (_, bad, good) => {
    const read = readExact(bad)
    expect(read.isPlain).toBe(false)
    expect(isReadable(read.value)).toBe(false)
    expect(isReadable(readExact(good).value)).toBe(true)
    expect(plain(readExact(good).value)).toEqual(JSON.parse(good))
  })

  it("continues after what is nested too deep", () => {
    const { value } = readExact(`{"a":${arrays(300)},"b":["${"\\\\]}"}",${objects(300)}],"c":2}`)
    expect(value).toMatchObject({ b: [expect.any(String), expect.anything()], c: 2 })
  })

  it("counts levels from where the parser begins", () => {
    const { value } = readExact(arrays(125))
    expect(isReadable(value, 3)).toBe(true)
    expect(isReadable(value, 4)).toBe(false)
  })

  it("names duplicate keys", () => {
    const { duplicates, value } = readExact('{"a":1,"b":{"c":1,"c":2},"a":3}')
    expect(plain(value)).toEqual({ a: 3, b: { c: 2 } })
    expect(duplicates.map(({ key }) => key)).toEqual(["c", "a"])
  })

  it("reads a text in one way, however fast it is", () => {
    const numbers = fc.oneof(
      fc.constantFrom("0", "-0", "1", "12.5", "1.0", "-1.00", "1.0000000000000001", "1e3", "1E-3", "1.5e400", "-0.0"),
      fc.constantFrom("900719925474099.95", "9007199254740991", "9007199254740993", "123456789012345678901234567890"),
      fc.constantFrom("0.1", "0.30000000000000004", "-0.5", "4503599627370495.5", "100000000000000.0", "1e21"),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value))
    )
    const texts = fc.oneof(
      fc.constantFrom('"a"', '"b"', '"__proto__"', '"\\ud800"', '"\\""', '":"', '"a\\":"', '",-0"', '":1.0 "', '"é"'),
      fc.string().map(text => JSON.stringify(text))
    )
    const space = fc.constantFrom("", "", "", " ", "\n\t")
    const json = fc.letrec<{ value: string; member: string }>(tie => ({
      value: fc.oneof(
        { maxDepth: 5 },
        numbers,
        texts,
        fc.constantFrom("true", "false", "null", objects(126), arrays(128)),
        fc.array(tie("value")).map(items => `[${items.join(",")}]`),
        fc.array(tie("member")).map(members => `{${members.join(",")}}`)
      ),
      member: fc
        .tuple(texts, space, space, tie("value"), space)
        .map(([key, before, after, value, end]) => `${key}${before}:${after}${value}${end}`)
    }))
    const member = json.member
    fc.assert(
      fc.property(fc.array(member, { maxLength: 8 }), members => {
        const text = `{${members.join(",")}}`
        // With a space before it, each character is read.
        expect(readExact(text)).toEqual(readExact(` ${text}`))
      }),
      { numRuns: 2_000 }
    )
  })
})
