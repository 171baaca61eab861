/**
 * The official SDKs' third-party mode (`useThirdPartyUaParser`): the regular expressions of uap-core, in the selection
 * that the official SDK ships. The first rule that matches decides; a version always has three parts (`14.0.0`).
 *
 * The rules are a generated module of plain strings, compiled when the first user agent is parsed. The official SDK's
 * regular expressions support Unicode, which takes twice the time here; printable ASCII, that is, nearly every user
 * agent, does not need it, so the patterns are compiled with Unicode only for other texts.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { type ParsedUserAgent, UserAgentParser } from "../../src/UserAgentParser.js"
import { memoize } from "../internal/memoize.js"
import { browserRules, osRules, type Rule } from "../internal/uapRules.generated.js"

interface Matcher {
  readonly pattern: RegExp
  readonly replacements: ReadonlyArray<string>
}

/** Matchers, compiled when they are first needed. */
const compiled = (toRegExp: (pattern: string) => RegExp) => {
  const compile = (rules: ReadonlyArray<Rule>): ReadonlyArray<Matcher> =>
    rules.map(([pattern, ...replacements]) => ({ pattern: toRegExp(pattern), replacements }))
  let made: Readonly<Record<"os" | "browser", ReadonlyArray<Matcher>>> | undefined
  return () => {
    made ??= { os: compile(osRules), browser: compile(browserRules) }
    return made
  }
}

const isPlain = (userAgent: string): boolean => /^[\t -~]*$/.test(userAgent)

const wordCharacters = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

const unicodeClasses = new Map([
  ["d", "\\p{Nd}"],
  ["s", "\\p{White_Space}"],
  ["w", `[${wordCharacters}]`],
  ["b", `(?:(?<=[${wordCharacters}])(?![${wordCharacters}])|(?<![${wordCharacters}])(?=[${wordCharacters}]))`]
])

/**
 * A pattern with the digits, letters and spaces of all scripts, which counts characters instead of UTF-16 units, and
 * whose dot matches all but `
 * `. Escapes unknown to the flag `u` lose their backslash.
 */
const withUnicode = (pattern: string): RegExp => {
  let inClass = false
  const source = pattern.replace(/\\(.)|[[\].]/g, (piece, escaped: string | undefined) => {
    if (escaped !== undefined) {
      return unicodeClasses.get(escaped) ?? (/[_\s!:]/.test(escaped) || (escaped === "-" && !inClass) ? escaped : piece)
    }
    if (piece === ".") return inClass ? "." : "[^\\n]"
    inClass = piece === "["
    return piece
  })
  return new RegExp(source, "u")
}

/** A field of a match: its replacement, with `$1` replaced by the first group, or else the group of its number. */
const field = (match: RegExpExecArray, { replacements }: Matcher, index: number): string | undefined => {
  const replacement = replacements[index]
  return replacement ? replacement.replace(/\$(\d)/g, (_, group) => match[Number(group)] ?? "") : match[index + 1]
}

/** A rule that matches without giving a name does not count. */
const find = (matchers: ReadonlyArray<Matcher>, userAgent: string): readonly [name: string, version: string] => {
  for (const matcher of matchers) {
    const match = matcher.pattern.exec(userAgent)
    const name = match && field(match, matcher, 0)
    if (name) return [name, [1, 2, 3].map(part => field(match, matcher, part) || "0").join(".")]
  }
  return ["Other", "0.0.0"]
}

const mostBytes = 1_000

const isTooLong = (userAgent: string): boolean =>
  userAgent.length > mostBytes ||
  (userAgent.length * 3 > mostBytes && new TextEncoder().encode(userAgent).length > mostBytes)

const plainPart = compiled(pattern => new RegExp(pattern))
const unicode = compiled(withUnicode)

/**
 * Parses a user agent. The rules are compiled on the first use and kept.
 *
 * It is total. It returns null for user agents of more than 1,000 bytes of UTF-8, because the time of a regular
 * expression is bounded by its input only.
 *
 * @since 0.1.0
 */
export const parse = (userAgent: string): ParsedUserAgent | null => {
  if (isTooLong(userAgent)) return null
  const matchers = isPlain(userAgent) ? plainPart() : unicode()
  const [osName, osVersion] = find(matchers.os, userAgent)
  const [browserName, browserVersion] = find(matchers.browser, userAgent)
  return { osName, osVersion, browserName, browserVersion }
}

/**
 * The third-party parser as a service. All users share its rules and one memo of about 1,000 user agents.
 *
 * @since 0.1.0
 */
export const parser: UserAgentParser["Type"] = { parse: /* @__PURE__ */ memoize(parse) }

/**
 * The third-party parser as a layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<UserAgentParser> = /* @__PURE__ */ Layer.succeed(UserAgentParser, parser)
