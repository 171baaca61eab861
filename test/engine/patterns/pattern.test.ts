/**
 * The pattern engine of `str_matches`. Every expected value of the tables was observed from the official engine
 * (@statsig/statsig-node-core 0.23.2).
 */

import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { compilePattern } from "../../../src/engine/patterns/pattern.js"

const matches = (pattern: string, text: string): boolean => compilePattern(pattern)?.test(text) ?? false

type Row = readonly [pattern: string, matching: ReadonlyArray<string>, other: ReadonlyArray<string>]

const rows: Readonly<Record<string, ReadonlyArray<Row>>> = {
  "end and start of text and line": [
    ["a$", ["a"], ["a\n"]],
    ["a\\Z", ["a", "a\n", "a\n\n"], ["a\r\n", "ab"]],
    ["a\\z", ["a"], ["a\n"]],
    ["\\Aa", ["a"], ["\na"]],
    ["^a", ["a"], ["\na"]],
    ["(?m)^a$", ["b\na\nc"], ["b\ra\rc"]],
    ["(?m:^)a", ["b\na"], []],
    ["(?m)a$", ["a\n"], ["a\r\n"]]
  ],
  dot: [
    ["^.$", ["\r", "\u2028", "😀"], ["\n", ""]],
    ["(?s)^.$", ["\n"], []],
    ["(?s-s:.)", [], ["\n"]],
    ["^\\O$", ["\n"], []]
  ],
  "Perl classes and word boundaries": [
    ["^\\d$", ["1", "٣"], ["²"]],
    ["^\\w$", ["é", "_", "\u0301", "‿"], ["-", "😀"]],
    ["^\\s$", ["\u0085", "\u00a0", "\u2028"], ["\ufeff", "\u180e", "\u200b"]],
    ["^\\D$", ["a"], ["٣"]],
    ["^\\W$", ["-"], ["é"]],
    ["^\\S$", ["\ufeff"], ["\u0085"]],
    ["\\bé", ["é", "-é"], ["aé"]],
    ["\\Ba", ["ba"], ["a"]],
    ["^\\h+$", ["09afAF"], ["g"]],
    ["^\\H$", ["g"], ["a"]]
  ],
  flags: [
    ["(?i)k", ["\u212a", "K"], []],
    ["(?i)ß", ["ẞ"], ["SS"]],
    ["(?i)Σ", ["ς", "σ"], []],
    ["(?i)ſ", ["S"], []],
    ["(?i)İ", ["İ"], ["i"]],
    ["(?i)ı", [], ["I"]],
    ["(?i)^[a-z]$", ["\u212a"], []],
    ["(?i)^[^k]$", ["a"], ["\u212a"]],
    ["(?i)^\\P{Lu}$", ["1"], ["a"]],
    ["(?i:a)b", ["Ab"], ["AB"]],
    ["a(?i)b", ["aB"], ["AB"]],
    ["a|(?i)b|c", ["B", "C"], ["A"]],
    ["(a(?i)b)c", ["aBC"], []],
    ["(?:a(?i)b)c", ["aBc"], ["aBC"]],
    ["(?i)a(?-i)b", ["Ab"], ["AB"]],
    ["(?x)a b # c\n c", ["abc"], ["a b c"]],
    ["(?x)[a b]", [" "], []],
    ["(?x)a\\ b", ["a b"], []],
    ["(?x: a )b c", ["ab c"], ["abc"]],
    ["(?U)^a+b$", ["aab"], []],
    ["(?u)a", ["a"], []],
    ["(?-u)\\d", [], ["1"]],
    ["(?i-s:a)", ["A"], []],
    ["(?R)a", [], ["a"]],
    ["(?)a", [], ["a"]],
    ["(?-)a", [], ["a"]],
    ["(?y)a", [], ["a"]],
    ["(?i)\\é", ["é"], ["É"]],
    ["(?i)\\x{e9}", ["É"], []]
  ],
  "groups, references and conditions": [
    ["(?P<n>a)(?P=n)", ["aa"], ["ab"]],
    ["(?<n>a)\\k<n>", ["aa"], []],
    ["(?'n'a)\\k'n'", ["aa"], []],
    ["(a)\\1", ["aa"], ["ab"]],
    ["(a)(b)\\k<-2>", ["aba"], ["abb"]],
    ["(?<é>x)\\k<é>", ["xx"], []],
    ["(?<a>x)(?<a>y)\\k<a>", ["xyy"], ["xyx"]],
    ["(?<n>a)\\1", [], ["aa"]],
    ["(?<n>a)\\1|q", ["aa", "q"], []],
    ["(a)?\\1b", ["aab"], ["b"]],
    ["\\1?(a)", ["a"], []],
    ["(a)\\2", [], ["aa"]],
    ["(a\\1?)b", ["ab"], []],
    ["(?i)(a)\\1", ["aA"], []],
    ["(?i)(\u212a)\\1", ["\u212akk", "\u212aké"], []],
    ["^(a)?(?(1)b|c)$", ["ab", "c"], ["b", "ac"]],
    ["^(?<n>a)?(?(<n>)b|c)$", ["ab", "c"], []],
    ["(a)(?(1))b", ["ab"], []],
    ["^(?(a)b|c|d)$", ["ab", "c", "d"], ["b"]],
    ["(?(0)a|b)", [], ["a", "b"]],
    ["(?(?=a)a|b)", [], ["a", "b"]],
    ["(?#comment \\) here)a", ["a"], []],
    ["a(?#c)+b", ["aab"], []],
    ["a\\Kb", ["ab"], []],
    ["\\Ga", ["a"], ["ba"]],
    ["(?<a.b>x)", [], ["x"]],
    ["(?<>x)", [], ["x"]]
  ],
  "look-around": [
    ["a(?=b)", ["ab"], ["ac"]],
    ["a(?!b)", ["ac"], ["ab"]],
    ["(?<=x+)a", ["xxa"], ["a"]],
    ["(?<!x+y)a", ["ya"], ["xya"]],
    ["(?<=a|bc)d", ["ad", "bcd"], ["cd"]],
    ["(?<=^a*)b", ["aab"], ["cab"]],
    ["(?<=\\bx)a", ["xa"], ["bxa"]],
    ["(?<=(x)\\1)a", ["xxa"], ["xa"]],
    ["(?<=a+(?=b))b", [], ["aab"]],
    ["(?<=\\bx+)a", [], ["xa"]],
    ["(?=(a|ab)(?<n>b)?\\k<n>)abb", ["abbb", "abb"], []],
    ["(?=a)*b", [], ["b"]],
    ["(?<=a)?b", [], ["b"]]
  ],
  "atomic groups and repetitions": [
    ["(?>a|ab)c", ["ac"], ["abc"]],
    ["a++a", [], ["aa"]],
    ["a*+b", ["aab"], []],
    ["a?+a", ["aa"], ["a"]],
    ["^a{,2}$", ["", "aa"], ["aaa"]],
    ["^a{,}$", ["aaa"], []],
    ["^a{2}$", ["aa"], ["a"]],
    ["^a{2,}$", ["aaa"], ["a"]],
    ["^a{1}{2}$", ["a{2}"], ["aa"]],
    ["(?x)^a{ 1 , 2 }$", ["aa"], []],
    ["a{2,1}", [], ["aa"]],
    ["(?!x)(?:a|ab(?=c)){2,1}", ["a"], []],
    ["^\\b{2}a", ["a"], []],
    ["^*a", ["ba"], []],
    ["a+?b", ["aab"], []],
    ["a**", [], ["a"]],
    ["a+*", [], ["a"]],
    ["*a", [], ["a"]],
    ["|*", [], ["a"]],
    ["(?:)*", [], ["a"]],
    ["()*", ["a"], []],
    ["(|a)+b", ["b"], []]
  ],
  classes: [
    ["^[[:alpha:]]$", ["a"], ["é", "1"]],
    ["^[[:^alpha:]]$", ["1"], ["a"]],
    ["^[[:word:]]$", ["_"], ["é"]],
    ["^[[:ALPHA:]]$", ["A"], ["a"]],
    ["^[a[bc]]$", ["c"], ["d"]],
    ["^[a-z&&[aeiou]]$", ["e"], ["b"]],
    ["^[a-z--[aeiou]]$", ["b"], ["e"]],
    ["^[a-c~~b-d]$", ["a", "d"], ["b"]],
    ["^[a-z&&[^aeiou]--[xyz]]$", ["b"], ["x", "a"]],
    ["^[^a-z&&b]$", ["a"], ["b"]],
    ["^[]a]$", ["]", "a"], []],
    ["^[^]a]$", ["b"], ["]"]],
    ["^[a-]$", ["-"], []],
    ["^[--a]$", ["-", "a"], []],
    ["^[a-c-e]$", ["-"], ["d"]],
    ["^[\\w--\\d]$", ["a"], ["1"]],
    ["^[^\\W\\d]$", ["a"], ["1"]],
    ["[[:alpha:]-z]", ["-"], []],
    ["[[\\:alpha:]]", ["x"], [":"]],
    ["[\\b]", ["\b"], []],
    ["^[\\A\\z\\G\\K]$", ["A", "K"], []],
    ["[[]a]]", [], ["[", "a]"]],
    ["[&&]", [], ["&"]],
    ["^[a&b]$", ["&"], []]
  ],
  "Unicode properties": [
    ["^\\p{Greek}$", ["α"], ["a"]],
    ["^\\p{Script=Greek}$", ["α"], []],
    ["^\\p{sc=Grek}$", ["α"], []],
    ["^\\p{scx=Greek}$", ["α"], []],
    ["^\\pL$", ["é"], ["1"]],
    ["^\\PL$", ["1"], ["é"]],
    ["^\\p{Emoji}$", ["😀", "1"], []],
    ["^\\p{lu}$", ["A"], ["a"]],
    ["^\\p{Is Uppercase-letter}$", ["A"], []],
    ["^\\p{gc=Nd}$", ["٣"], []],
    ["^\\p{any}$", ["x"], []],
    ["^\\p{ascii}$", ["x"], ["é"]],
    ["^\\p{signwriting}$", ["𝠀"], []],
    ["^\\p{cf}$", ["\u200d"], []],
    ["^\\p{sc!=Greek}$", ["α"], ["a"]],
    ["\\p{nope}", [], ["n"]],
    ["\\p{^L}", [], ["1", "a"]],
    ["\\p{Script}", [], ["a"]],
    ["\\p{In_Greek}", [], ["α"]],
    ["\\p{Zzzz}", [], ["a"]]
  ],
  escapes: [
    ["^\\x41\\x{41}\\u0041\\u{41}\\U00000041$", ["AAAAA"], []],
    ["^\\e\\a\\f\\v\\t\\r\\n$", ["\u001b\u0007\f\u000b\t\r\n"], []],
    ["^\\_\\-\\/\\&\\ \\é\\😀$", ["_-/& é😀"], []],
    ["\\b{start}a", ["a"], ["ba"]],
    ["a\\b{end}", ["a"], ["ab"]],
    ["\\b{start-half}a", ["-a"], ["ba"]],
    ["a\\b{end-half}", ["a-"], ["ab"]],
    ["\\<a", ["a", "<a"], ["ba"]],
    ["a\\>", ["a"], ["ab"]],
    ["\\b{foo}", [], ["a"]],
    ["\\x{110000}", [], ["a"]],
    ["\\x{D800}", [], ["a"]],
    ["\\xg", [], ["g"]],
    ["\\u123", [], ["a"]]
  ],
  "braces and brackets as letters": [
    ["^{$", ["{"], []],
    ["^}$", ["}"], []],
    ["^]$", ["]"], []],
    ["^a{$", ["a{"], []],
    ["^a{2$", ["a{2"], []],
    ["^a{x}$", ["a{x}"], []],
    ["^{2}$", [""], ["{2}"]],
    ["^a{,3$", ["a{,3"], []]
  ],
  "invalid patterns": [
    ["(a", [], ["a"]],
    ["a)", [], ["a"]],
    ["[a", [], ["a"]],
    ["a\\", [], ["a"]],
    ["[z-a]", [], ["b"]],
    ["[\\d-x]", [], ["1"]],
    ["[a-\\d]", [], ["a"]],
    ["[^]", [], ["a"]],
    ["[]", [], ["a"]],
    ["\\Qa\\E", [], ["a"]],
    ["\\R", [], ["\n"]],
    ["\\N", [], ["a"]],
    ["\\cA", [], ["a"]],
    ["\\0", [], ["\u0000"]],
    ["\\01", [], ["\u0001"]],
    ["\\y", [], ["y"]],
    ["\\i", [], ["i"]],
    ["(?P<x>a)(?P>x)", [], ["aa"]],
    ["(a)\\g<1>", [], ["aa"]],
    ["(*FAIL)|a", [], ["a"]],
    ["(?~a)", [], ["b"]],
    ["[\\1]", [], ["1"]],
    ["\\k<n>", [], ["n"]],
    ["(?#a", [], ["a"]]
  ],
  "size limits": [
    ["(?:a{1000}){1000}", [], ["a"]],
    ["|(?:a{500}){600}", [""], []],
    ["|(?:a{500}){700}", [], [""]],
    ["^\\w{1,200}$", ["a"], []],
    ["^\\w{1,255}$", [], ["a"]],
    ["\\b\\w{1,255}\\b", ["a"], []],
    ["|\\d{1500}", [""], []],
    ["|\\d{3000}", [], [""]],
    ["|.{9000}", [""], []],
    ["|.{12000}", [], [""]],
    ["|(?<=\\w{1,40}x)a", [""], []],
    ["|(?<=\\w{1,80}x)a", [], [""]],
    ["(?:^){4294967295}a", ["a"], []],
    ["(?:^){4294967296}a", [], ["a"]],
    ["a{99999999999999999999}", ["a{99999999999999999999}"], []]
  ]
}

describe("patterns", () => {
  for (const [feature, table] of Object.entries(rows)) {
    it(feature, () => {
      for (const [pattern, matching, other] of table) {
        for (const text of matching)
          expect({ pattern, text, matches: matches(pattern, text) }).toMatchObject({ matches: true })
        for (const text of other)
          expect({ pattern, text, matches: matches(pattern, text) }).toMatchObject({ matches: false })
      }
    })
  }

  it("are undefined when invalid", () => {
    for (const [pattern] of rows["invalid patterns"]!)
      expect([pattern, compilePattern(pattern)]).toEqual([pattern, undefined])
  })

  it("nest as deep as the official engine allows, no deeper", () => {
    const nested = (open: string, close: string, depth: number): string =>
      `${open.repeat(depth)}a${close.repeat(depth)}`
    expect(matches(nested("(", ")", 63), "a")).toBe(true)
    expect(compilePattern(nested("(", ")", 64))).toBeUndefined()
    expect(compilePattern(nested("(", ")", 100_000))).toBeUndefined()
    expect(matches(nested("[", "]", 250), "a")).toBe(true)
    expect(compilePattern(nested("[", "]", 251))).toBeUndefined()
    expect(compilePattern(nested("[", "]", 100_000))).toBeUndefined()
  })

  it("accept any text", () => {
    for (const text of ["\ud800", "a\udfff", "\udc00\ud800x", "\0", "x".repeat(100_000)]) {
      for (const pattern of ["a", "^.$", "[^a]b", "\\bx", "(.)\\1", "(?i)[^é]\\b", "(?<=.)x\\b", "(?<=x*.)a"]) {
        expect(typeof matches(pattern, text)).toBe("boolean")
      }
    }
  })

  it.each(["(?<=^.)x", "(?<=^.?)x", "(?<!^..)x"])("step back over a surrogate pair as one character: %s", pattern =>
    expect(matches(pattern, "😀x")).toBe(true)
  )

  it("may be tested again and again, in any order", () => {
    const pattern = compilePattern("^(?:[a-m]+|[^a-m]{2,40})\\d$")!
    const texts = Array.from(
      { length: 3_000 },
      (_, index) => `${String.fromCodePoint(0x4e00 + index).repeat(index % 45)}${index % 10}`
    )
    const expected = texts.map((_, index) => index % 45 >= 2 && index % 45 <= 40)
    expect(texts.map(pattern.test)).toEqual(expected)
    expect(texts.map(pattern.test)).toEqual(expected)
  })

  it("with thousands of different letters keep their tables small", () => {
    const letters = Array.from({ length: 1_500 }, (_, index) => String.fromCodePoint(0x4e00 + index))
    const pattern = compilePattern(`^(?:${letters.join("|")})+$`)!
    expect(pattern.test(letters.join(""))).toBe(true)
    expect(pattern.test(`${letters.join("")}a`)).toBe(false)
  })
})

describe("all ways to run a pattern agree", () => {
  const atom = fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", "\\n", "^", "$")
  const alternatives = (piece: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc
      .array(fc.array(piece, { maxLength: 4 }), { minLength: 1, maxLength: 3 })
      .map(branches => branches.map(branch => branch.join("")).join("|"))
  // Repeated parts contain no repetition, so that backtracking always ends in time.
  const repeated = fc
    .tuple(
      fc.oneof(
        fc.constantFrom("a", ".", "[bc]"),
        alternatives(atom).map(inner => `(${inner})`)
      ),
      fc.constantFrom("?", "*", "+", "{2}", "{1,3}", "{0,2}", "{2,}"),
      fc.constantFrom("", "?")
    )
    .map(parts => parts.join(""))
  const { pattern } = fc.letrec<{ readonly pattern: string; readonly piece: string }>(tie => ({
    pattern: alternatives(tie("piece")),
    piece: fc.oneof(
      { depthSize: "small" },
      atom,
      repeated,
      tie("pattern").map(inner => `(?:${inner})`),
      tie("pattern").map(inner => `(${inner})`)
    )
  }))
  const text = fc.array(fc.constantFrom("a", "b", "c", "\n"), { maxLength: 5 }).map(letters => letters.join(""))

  it("as an automaton, backtracking, and as JavaScript reads it", () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
        const automaton = compilePattern(source)!
        // A group with a back-reference needs backtracking; repeating it zero times changes nothing else.
        const backtracking = compilePattern(`(${source})\\k<1>{0}`)!
        const javaScript = new RegExp(source, "u")
        for (const candidate of texts) {
          const expected = javaScript.test(candidate)
          expect([source, candidate, automaton.test(candidate)]).toEqual([source, candidate, expected])
          expect([source, candidate, backtracking.test(candidate)]).toEqual([source, candidate, expected])
        }
      }),
      { numRuns: 150 }
    )
  })

  it("forwards to a position and backwards from it", () => {
    fc.assert(
      fc.property(pattern, text, (source, candidate) => {
        // A look-behind of variable length runs backwards.
        const behind = compilePattern(`(?<=(?:${source})c*?)\\z`)!
        expect([source, candidate, behind.test(candidate)]).toEqual([
          source,
          candidate,
          new RegExp(`(?:${source})c*$`, "u").test(candidate)
        ])
      }),
      { numRuns: 150 }
    )
  })
})

describe("large counted repetitions", () => {
  it("are refused beyond the official engine's size limit", () => {
    for (const pattern of [
      "(?:a{1000}){1000}",
      "(?:(?:a{1,1000}){1,1000}){1,1000}",
      "a{4000000000}",
      ".{0,100000000}"
    ]) {
      expect([pattern, compilePattern(pattern)]).toEqual([pattern, undefined])
    }
  })

  it("cost nothing where only positions are matched or the matcher counts", () => {
    expect(matches("(?:^){4000000000}a", "a")).toBe(true)
    expect(matches("(?:a|b\\b){1000000000}", "a")).toBe(false)
    expect(matches("^(?:a|b\\b){0,1000000000}$", "aab")).toBe(true)
  })
})
