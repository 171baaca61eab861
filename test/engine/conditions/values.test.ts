import { describe, expect, it } from "vitest"
import {
  floatText,
  integerOf,
  maxInteger,
  minInteger,
  numberOf,
  parseInteger,
  parseNumber,
  targetText,
  textOf,
  timeOf,
  type UserValue,
  userJson,
  utf8Length
} from "../../../src/engine/conditions/values.js"
import { NumberLiteral, type RawJson } from "../../../src/engine/json.js"

describe("the text of a user's value", () => {
  it.each<readonly [UserValue, string | undefined]>([
    ["Text", "Text"],
    [true, "true"],
    [false, "false"],
    [0, "0"],
    [-0, "-0"],
    [1.5, "1.5"],
    [-1e-7, "-0.0000001"],
    [1e21, `1${"0".repeat(21)}`],
    [1.25e22, `125${"0".repeat(20)}`],
    [["a", 1, [null]], '["a",1,[null]]'],
    [{ a: 1 }, undefined],
    [null, undefined],
    [undefined, undefined]
  ])("%j is %j", (value, text) => expect(textOf(value)).toBe(text))
})

describe("the JSON of values", () => {
  it.each<readonly [UserValue & {}, string]>([
    [4294967295, "4294967295"],
    [4294967296, "4294967296.0"],
    [-2147483648, "-2147483648"],
    [-2147483649, "-2147483649.0"],
    [-0, "0"],
    [{ b: 0.5, a: ['"'] }, '{"b":0.5,"a":["\\""]}']
  ])("a user's %j is %s", (value, text) => expect(userJson(value)).toBe(text))

  it.each<readonly [RawJson, string]>([
    ["text", "text"],
    [["text"], '["text"]'],
    [new NumberLiteral("1.0"), "1.0"],
    [new NumberLiteral("1e2"), "100.0"],
    [new NumberLiteral("-0"), "-0.0"],
    [new NumberLiteral("18446744073709551615"), "18446744073709551615"],
    [new NumberLiteral("18446744073709551616"), "1.8446744073709552e19"],
    [{ a: null, b: [true, 2] }, '{"a":null,"b":[true,2]}']
  ])("a target's %j is %s", (value, text) => expect(targetText(value)).toBe(text))

  it.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e16"],
    [1.5e300, "1.5e300"],
    [0.00001, "0.00001"],
    [0.000001, "1e-6"],
    [-12.25, "-12.25"]
  ])("the float %d is %s", (value, text) => expect(floatText(value)).toBe(text))
})

describe("the number of a value", () => {
  it.each<readonly [UserValue, number | undefined]>([
    [1.5, 1.5],
    ["1.5", 1.5],
    ["+.5e1", 5],
    ["5.", 5],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["inf", Number.POSITIVE_INFINITY],
    ["+nan", Number.NaN],
    ["", undefined],
    [" 1", undefined],
    ["0x1", undefined],
    ["1_000", undefined],
    [true, undefined],
    [[1], undefined],
    [undefined, undefined]
  ])("%j is %d", (value, number) => expect(numberOf(value)).toBe(number))

  it("may have many digits", () => expect(parseNumber(`1${"0".repeat(30)}`)).toBe(1e30))
})

describe("the integer of a value", () => {
  it.each<readonly [UserValue, number | bigint | undefined]>([
    [7, 7],
    ["+7", 7],
    ["-7", -7],
    ["9007199254740993", 9007199254740993n],
    ["9223372036854775807", maxInteger],
    ["9223372036854775808", undefined],
    ["-9223372036854775808", minInteger],
    [2 ** 63, maxInteger],
    [2 ** 64, undefined],
    [-(2 ** 63), -(2 ** 63)],
    ["7.0", undefined],
    [7.5, undefined],
    ["", undefined],
    [true, undefined],
    [undefined, undefined]
  ])("%j is %s", (value, integer) => expect(integerOf(value)).toBe(integer))

  it("accepts no white space", () => expect(parseInteger(" 7")).toBeUndefined())
})

describe("the time of a value", () => {
  it.each<readonly [UserValue, number | bigint | undefined]>([
    ["1700000000", 1_700_000_000],
    [1_700_000_000_000, 1_700_000_000_000],
    ["2023-11-14T22:13:20Z", 1_700_000_000_000],
    // 21 bytes
    ["2023-11-14T22:13:20.Z", undefined],
    ["2023-11-14T22:13:20.5Z", undefined],
    ["2023-11-14", undefined],
    [1.5, undefined],
    [undefined, undefined]
  ])("%j is %s", (value, time) => expect(timeOf(value)).toBe(time))
})

describe("the UTF-8 length", () => {
  it.each(["", "abc", "é", "€", "😀", "\ud800", "\udc00", "a\ud800b", "x😀é€\ud83d"])("of %j", text =>
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
  )
})
