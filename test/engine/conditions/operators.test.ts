import { describe, expect, it } from "vitest"
import { LowerText } from "../../../src/engine/conditions/lowerText.js"
import { compileOperator } from "../../../src/engine/conditions/operators.js"
import { timeOf, type UserValue } from "../../../src/engine/conditions/values.js"
import { NumberLiteral, type RawJson } from "../../../src/engine/json.js"

const holds = (name: string, target: RawJson | undefined, value: UserValue): boolean => {
  const operator = compileOperator(name, target)
  switch (operator?.kind) {
    case "text":
      return operator.test(new LowerText(value))
    case "value":
      return operator.test(value)
    case "time":
      return operator.test(timeOf(value))
    default:
      throw new Error(`${name} has no test`)
  }
}

interface Row {
  readonly says: string
  readonly target: RawJson | undefined
  readonly yes?: ReadonlyArray<UserValue>
  readonly no?: ReadonlyArray<UserValue>
  /** The result for a user without the value. */
  readonly missing: boolean
}

const big = new NumberLiteral("9007199254740993")

/** The results of each operator. A missing value has the empty text, and no number, time or items. */
const rows: Readonly<Record<string, ReadonlyArray<Row>>> = {
  any: [
    { says: "one item, without case", target: ["A"], yes: ["a", "A"], no: ["b", "", 1], missing: false },
    { says: "some items, without case", target: ["x", "Y"], yes: ["X", "y"], no: ["z", "xy"], missing: false },
    { says: "items by their text", target: [1, true, null], yes: [1, "1", true, "null"], no: [2], missing: false },
    { says: "the empty item", target: ["", "x"], yes: ["", {}], no: ["y"], missing: true },
    { says: "the keys of an object", target: { Ä: 1, b: 2 }, yes: ["B"], no: ["Ä", "c", 1], missing: false },
    { says: "no list", target: "a", no: ["a"], missing: false },
    { says: "no target", target: undefined, no: ["a", ""], missing: false },
    { says: "numbers in plain decimals", target: ["100000000000000000000"], yes: [1e20], no: [1e21], missing: false }
  ],
  none: [
    { says: "one item, without case", target: ["A"], yes: ["b"], no: ["a", "A"], missing: true },
    { says: "the empty item", target: ["", "x"], yes: ["y"], no: [""], missing: false },
    { says: "no list", target: null, yes: ["a"], missing: true }
  ],
  any_case_sensitive: [
    { says: "items with case", target: ["A", "b"], yes: ["A", "b"], no: ["a", "B"], missing: false },
    { says: "the later one of two that differ in case", target: ["A", "a"], yes: ["a"], no: ["A"], missing: false },
    { says: "the empty item", target: [""], yes: [""], no: ["a"], missing: true },
    { says: "no list", target: { a: 1 }, no: ["a"], missing: false }
  ],
  none_case_sensitive: [
    { says: "items with case", target: ["A"], yes: ["a"], no: ["A"], missing: true },
    { says: "no list", target: 1, yes: ["1"], missing: true }
  ],
  str_starts_with_any: [
    { says: "beginnings, without case", target: ["Ab", "c"], yes: ["aBx", "C"], no: ["xab", "b"], missing: false },
    { says: "the empty beginning", target: [""], yes: ["x"], missing: true },
    { says: "no list", target: "a", no: ["a"], missing: false }
  ],
  str_ends_with_any: [
    { says: "ends, without case", target: ["@X.com"], yes: ["a@x.COM"], no: ["a@x.com.au"], missing: false },
    { says: "no list", target: "a", no: ["a"], missing: false }
  ],
  str_contains_any: [
    { says: "parts, without case", target: ["BC", "z"], yes: ["abcd"], no: ["acb"], missing: false },
    { says: "the text of a number", target: [23], yes: [1234], no: [1324], missing: false },
    { says: "no list", target: { a: 1 }, no: ["a"], missing: false }
  ],
  str_contains_none: [
    { says: "parts, without case", target: ["BC"], yes: ["acb"], no: ["abcd"], missing: true },
    { says: "no list", target: "a", yes: ["a"], missing: true }
  ],
  str_matches: [
    { says: "a pattern anywhere", target: "b+c$", yes: ["abbc"], no: ["abbcd", "ABC"], missing: false },
    { says: "a pattern that the empty text matches", target: ".*", yes: ["", true], no: [{}], missing: false },
    { says: "a pattern that does not compile", target: "(", no: ["("], missing: false },
    { says: "a list of patterns", target: ["a"], no: ["a"], missing: false }
  ],
  gt: [
    { says: "a number", target: 5, yes: [6, "5.5", "inf"], no: [5, "4", "x", "", true, "nan"], missing: false },
    { says: "a text", target: "5", yes: [6], no: [5], missing: false },
    { says: "no number", target: [5], no: [6], missing: false }
  ],
  gte: [{ says: "a number", target: 5, yes: [5, "5.0", 6], no: [4.9], missing: false }],
  lt: [{ says: "a number", target: new NumberLiteral("5.0"), yes: [4, "-inf"], no: [5], missing: false }],
  lte: [{ says: "a number", target: 5, yes: [5, " 5".trim()], no: [6, " 5"], missing: false }],
  version_gt: [
    { says: "part by part", target: "1.2.3", yes: ["1.2.10", "2", "1.2.3.1"], no: ["1.2.3", "1.2"], missing: false },
    { says: "without what follows a dash", target: "1.2-beta", yes: ["1.3-alpha"], no: ["1.2-rc"], missing: false },
    { says: "no text", target: 1, no: ["2"], missing: false }
  ],
  version_gte: [{ says: "a shorter one", target: "1.2", yes: ["1.2.0", "1.2", 1.2], no: ["1.1.9"], missing: false }],
  version_lt: [
    { says: "a longer one", target: "1.2.0.1", yes: ["1.2", "1.2.0"], no: ["1.2.0.1"], missing: false },
    { says: "parts with a sign", target: "1.+2", yes: ["1.+1"], no: ["1.3", "1.-1"], missing: false }
  ],
  version_lte: [{ says: "an equal one", target: "1.2", yes: ["1.2.0.0", "1"], no: ["1.2.0.1"], missing: false }],
  version_eq: [
    { says: "missing parts as 0", target: "1.0", yes: ["1", "01.00.0", "1.0-x"], no: ["1.1", ""], missing: false },
    { says: "parts of 128 bits", target: `1.${2n ** 100n}`, yes: [`1.${2n ** 100n}`], no: ["1.2"], missing: false }
  ],
  version_neq: [
    { says: "another one", target: "1.0", yes: ["1.1"], no: ["1"], missing: false },
    { says: "no version", target: "1.0", no: ["1.x", "", "x"], missing: false }
  ],
  before: [
    {
      says: "milliseconds",
      target: 1_700_000_000_000,
      yes: [1_699_999_999_999],
      no: [1_700_000_000_000],
      missing: false
    },
    { says: "seconds of a user", target: 1_700_000_000_000, yes: [1_699_999_999], no: [1_700_000_000], missing: false },
    { says: "a date", target: "2024-03-05T08:05:00Z", yes: ["2024-03-05 08:04:59"], no: ["x", true], missing: false },
    { says: "no time", target: "soon", no: [1], missing: false }
  ],
  after: [
    {
      says: "a date",
      target: "2024-03-05T08:05:00Z",
      yes: ["2024-03-05 08:05:01"],
      no: ["2024-03-05 08:05:00"],
      missing: false
    },
    { says: "64-bit integers", target: big, yes: ["9007199254740994"], no: ["9007199254740992"], missing: false },
    { says: "minus infinity", target: "-inf", yes: [1], missing: false }
  ],
  on: [
    {
      says: "the same day in UTC",
      target: "2024-03-05T08:05:00Z",
      yes: ["2024-03-05 23:59:59"],
      no: ["2024-03-06 00:00:00"],
      missing: false
    },
    { says: "the smallest integer, which is on no day", target: "-inf", no: ["-9223372036854775808"], missing: false }
  ],
  eq: [
    { says: "null", target: null, yes: [null], no: ["", 0, false], missing: true },
    { says: "a boolean", target: true, yes: [true], no: ["true", 1, false], missing: false },
    { says: "a text, with case", target: "Ab", yes: ["Ab"], no: ["ab", ["Ab"]], missing: false },
    { says: "the text of a number", target: "1", yes: [1, "1"], no: ["1.0"], missing: false },
    { says: "a number", target: new NumberLiteral("1.0"), yes: [1, "1", "1e0"], no: [2, true], missing: false },
    {
      says: "an array",
      target: ["a", 1],
      yes: [["a", "1"]],
      no: [["a"], ["a", "2"], ["a", "1", "2"], "a"],
      missing: false
    },
    { says: "an array whose items differ in case", target: ["a", "A"], no: [["a", "A"], ["A"]], missing: false },
    {
      says: "an object",
      target: { a: 1 },
      yes: [{ a: "1" }],
      no: [{ a: 2 }, { b: "1" }, { a: "1", b: "1" }, ["1"]],
      missing: false
    }
  ],
  neq: [
    { says: "null", target: null, yes: [""], no: [null], missing: false },
    { says: "a text", target: "a", yes: ["b"], no: ["a"], missing: true }
  ],
  array_contains_any: [
    { says: "some item, with case", target: ["a", 1], yes: [["x", "a"], ["1"]], no: [["A"], [], "a"], missing: false },
    { says: "no list", target: "a", no: [["a"]], missing: false }
  ],
  array_contains_none: [
    { says: "no item", target: ["a"], yes: [["b"], []], no: [["a"], "b"], missing: false },
    { says: "no list", target: "a", no: [["b"]], missing: false }
  ],
  array_contains_all: [
    { says: "all items", target: ["a", 1], yes: [["1", "a", "b"]], no: [["a"], ["a", "b"], "a"], missing: false },
    { says: "an empty list", target: [], yes: [[], ["a"]], no: ["a"], missing: false },
    { says: "no list", target: null, no: [["a"]], missing: false }
  ],
  not_array_contains_all: [
    { says: "not all items", target: ["a", "b"], yes: [["a"]], no: [["a", "b"], "a"], missing: false },
    { says: "no list", target: null, no: [["a"]], missing: false }
  ]
}

describe("operators", () => {
  for (const [name, cases] of Object.entries(rows)) {
    describe(name, () => {
      for (const { missing, no = [], says, target, yes = [] } of cases) {
        for (const value of yes)
          it(`${says}: ${JSON.stringify(value)} passes`, () => expect(holds(name, target, value)).toBe(true))
        for (const value of no)
          it(`${says}: ${JSON.stringify(value)} fails`, () => expect(holds(name, target, value)).toBe(false))
        it(`${says}: a missing value ${missing ? "passes" : "fails"}`, () =>
          expect(holds(name, target, undefined)).toBe(missing))
      }
    })
  }

  it.each([
    ["in_segment_list", "list", { kind: "idList", list: "list", negated: false }],
    ["not_in_segment_list", "list", { kind: "idList", list: "list", negated: true }],
    ["in_segment_list", ["list"], { kind: "idList", list: undefined, negated: false }]
  ])("%s names the list in which the ID is looked up", (name, target, expected) =>
    expect(compileOperator(name, target)).toEqual(expected)
  )

  it.each(["", "ANY", "toString", "__proto__", "encoded_any"])("there is no operator %j", name =>
    expect(compileOperator(name, ["a"])).toBeUndefined()
  )

  it("finds texts in long lists", () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `User-${index}`)
    const operator = compileOperator("any", ids)
    const has = (id: string) => operator?.kind === "text" && operator.test(new LowerText(id))
    expect(ids.every(id => has(id.toUpperCase()))).toBe(true)
    expect(ids.some(id => has(`${id}x`))).toBe(false)
  })

  it("compares plain versions as it does others", () => {
    const texts = ["0", "1", "1.0", "1.2", "1.2.3", "1.10", "2.0.0.1", "0.0.1", "12345678901234.1", "1..2", "1.", ""]
    // White space forces the full parser for both.
    const spaced = (text: string) => text.replaceAll(".", ". ")
    for (const name of ["version_gt", "version_lt", "version_eq", "version_neq"]) {
      for (const left of texts) {
        for (const right of texts) expect(holds(name, right, left)).toBe(holds(name, spaced(right), spaced(left)))
      }
    }
  })
})
