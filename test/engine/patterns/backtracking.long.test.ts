/**
 * Patterns and texts on which a naive backtracking engine would not end: they are decided, or given up after fixed
 * work.
 */
import { describe, expect, it } from "@effect/vitest"
import { compilePattern } from "../../../src/engine/patterns/pattern.js"

const matches = (pattern: string, text: string): boolean => compilePattern(pattern)?.test(text) ?? false

describe("patterns with endless backtracking", () => {
  const length = 50_000
  const table: ReadonlyArray<readonly [pattern: string, text: string, expected: boolean]> = [
    ["(a+)+$", "a".repeat(length), true],
    ["(a+)+$", `${"a".repeat(length)}!`, false],
    ["(x+x+)+y", "x".repeat(length), false],
    ["(x+x+)+y", `${"x".repeat(length)}y`, true],
    ["(a|aa)+$", `${"a".repeat(length)}b`, false],
    ["(.*)*=", "x".repeat(length), false],
    ["(.*)*=", `${"x".repeat(length)}=`, true],
    ["(a*)*\\1b", "a".repeat(length), false],
    ["(?=(a+)+$)b", "a".repeat(length), false],
    ["(?=(a+)+$)a", "a".repeat(length), true],
    ["(?!(a+)+$)a", `${"a".repeat(200)}b`, true],
    ["(a|b|ab)*c", `${"ab".repeat(length / 2)}c`, true],
    ["(?:(?:(?:a*)*)*)*b", "a".repeat(length), false],
    ["a*a*a*a*a*b", "a".repeat(length), false],
    ["\\b(a+)+\\b!", "a".repeat(length), false],
    ["(\\w+\\s?)+\\b!", "aaa bbb ".repeat(100), false],
    ["(?>\\w*)b", "a".repeat(length), false],
    ["(?<=a+)b", "a".repeat(length), false],
    ["(?i)(é+)\\1!", "éÉ".repeat(length / 2), false],
    ["(?:(?(a)b|))*c", "aab", false],
    ["(?:a{1,1000}){1,100}b", "a".repeat(1_000), false],
    ["[ab]*a[ab]{12}c", "ab".repeat(length / 2), false]
  ]
  for (const [pattern, text, expected] of table) {
    it(`${pattern} on ${text.length} characters`, () => expect(matches(pattern, text)).toBe(expected))
  }

  it("give up after as many steps as the official engine, and then do not match", () => {
    // The second alternative would match at the end, but the first is tried before.
    expect(matches("(a+)+\\b!|b", "b")).toBe(true)
    expect(matches("(a+)+\\b!|b", `${"a".repeat(10)}b`)).toBe(true)
    expect(matches("(a+)+\\b!|b", `${"a".repeat(40)}b`)).toBe(false)
  })

  // The official engine finds all of these matches. The first of each pair it finds in a few tens of milliseconds.
  it.each([
    ["(?=.*z)q|!$", "a", 4_000, 16_000],
    ["(?>a+)c|!", "a", 3_000, 12_000],
    ["(.*)(.*)\\1\\2x|!$", "a", 100, 160],
    ["^(?:[a-z]{1,50}){1,50}!$", "a", 400, 2_400]
  ])("are given up after a fixed amount of work: %s", (pattern, letter, length, tooLong) => {
    expect(matches(pattern, `${letter.repeat(length)}!`)).toBe(true)
    expect(matches(pattern, `${letter.repeat(tooLong)}!`)).toBe(false)
  })

  it("do not affect the next test", () => {
    const pattern = compilePattern("(?:[ab]{1,100}){1,100}c")!
    expect(pattern.test("ab".repeat(length))).toBe(false)
    expect(pattern.test("abc")).toBe(true)
    expect(pattern.test("ab")).toBe(false)
  })
})
