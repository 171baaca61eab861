/**
 * Reads JSON text where `JSON.parse` would lose something that decides evaluations: `1` versus `1.0`, integers beyond
 * 2^53, repeated keys.
 *
 * The text was checked before (`body.ts`), so this code assumes well-formed JSON.
 *
 * Well-formed JSON may still exceed what the official parser accepts: a number beyond the doubles, half a surrogate
 * pair, or too many levels. Nothing is rejected here, because the consequence depends on the place; see `isReadable`.
 */

import { halfPair, type Json, NumberLiteral, type RawJson, type RawObject, setOwn } from "../json.js"
import { backslash, closeBrace, closeBracket, isSpace, openBrace, openBracket, quote } from "./body.js"

/** The result of reading one value. */
export interface RawDocument {
  readonly value: RawJson
  /** Whether the value has no `NumberLiteral`, and nothing that the official parser rejects. */
  readonly isPlain: boolean
  /** Keys that occur twice in one object, with the object. */
  readonly duplicates: ReadonlyArray<{ readonly object: RawJson; readonly key: string }>
}

/** The nesting levels that the official parser accepts. */
export const maxJsonDepth = 127

/** The nesting levels kept here: more than enough for a value of `maxDepth` levels anywhere in a payload. */
const maxDepthKept = 160

const skipSpaceIn = (text: string, at: number): number => {
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** The position after the string that begins at `at`. */
const skipStringIn = (text: string, at: number): number => {
  for (let from = at + 1; ; ) {
    const end = text.indexOf('"', from)
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end + 1
    from = end + 1
  }
}

/** The position after the array or object that begins at `at`. */
const skipContainer = (text: string, at: number): number => {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) i = skipStringIn(text, i) - 1
    else if (code === openBracket || code === openBrace) depth++
    else if ((code === closeBracket || code === closeBrace) && --depth === 0) return i + 1
  }
  return text.length
}

const endsScalar = (code: number): boolean =>
  code === 0x2c || code === 0x7d || code === 0x5d || code === 0x3a || code === quote || isSpace(code)

/** Reads a value, keeping what `JSON.parse` loses. Values nested too deep for any place become `[]`. */
export const readExact = (text: string): RawDocument => readUsual(text) ?? readByCharacter(text)

/**
 * What `JSON.parse` may lose, or what this search would take for something else: numbers with an exponent, with zeros
 * only after the point, or with so many digits that they are rounded; minus zero; escaped characters, which can be half
 * a pair; space between a key and its colon.
 */
const unusual = /[:,[]\s*-?(?:\d[\d.]*[eE]|\d+\.0+\D|\d[\d.]{15})|[:,[]\s*-0(?![.\d])|\\u|"\s+:/

/**
 * The value of an object by `JSON.parse`, which is twice as fast and whose texts do not keep the whole text alive;
 * `undefined` if it loses something.
 */
const readUsual = (text: string): RawDocument | undefined => {
  if (text.charCodeAt(0) !== openBrace || unusual.test(text)) return undefined
  const value = JSON.parse(text) as RawJson
  // `":` within a text is counted too, so the numbers are equal only if no key was lost.
  return keysOf(value, 1) === countOf(text, '":') ? { value, isPlain: true, duplicates: noDuplicates } : undefined
}

const noDuplicates: RawDocument["duplicates"] = []

const countOf = (text: string, wanted: string): number => {
  let count = 0
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) count++
  return count
}

/** The number of keys in a value; `NaN` if it is nested too deep. */
const keysOf = (value: RawJson, depth: number): number => {
  if (typeof value !== "object" || value === null) return 0
  if (depth > maxJsonDepth) return Number.NaN
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") count += keysOf(item, depth + 1)
    return count
  }
  for (const key in value) count += 1 + keysOf((value as RawObject)[key] as RawJson, depth + 1)
  return count
}

const readByCharacter = (text: string): RawDocument => {
  const duplicates: Array<{ object: RawJson; key: string }> = []
  let isPlain = true
  let i = 0

  const string = (): string => {
    const start = i
    i = skipStringIn(text, i)
    const inner = text.slice(start + 1, i - 1)
    if (!inner.includes("\\")) return inner
    const decoded = JSON.parse(text.slice(start, i)) as string
    // Only escapes can produce half a pair.
    if (halfPair.test(decoded)) isPlain = false
    return decoded
  }

  const number = (): RawJson => {
    const start = i
    while (i < text.length && !endsScalar(text.charCodeAt(i))) i++
    const literal = text.slice(start, i)
    const value = Number(literal)
    const exact = Number.isSafeInteger(value)
      ? !Object.is(value, -0) && /^-?\d+$/.test(literal)
      : Number.isFinite(value) && !Number.isInteger(value)
    if (exact) return value
    isPlain = false
    return new NumberLiteral(literal)
  }

  /** Whether the current container is skipped. */
  const isTooDeep = (depth: number): boolean => {
    isPlain = false
    if (depth <= maxDepthKept) return false
    i = skipContainer(text, i)
    return true
  }

  const read = (depth: number): RawJson => {
    i = skipSpaceIn(text, i)
    switch (text.charCodeAt(i)) {
      case quote:
        return string()
      case 0x74:
        i += 4
        return true
      case 0x66:
        i += 5
        return false
      case 0x6e:
        i += 4
        return null
      case openBracket: {
        if (depth > maxJsonDepth && isTooDeep(depth)) return []
        const items: Array<RawJson> = []
        i = skipSpaceIn(text, i + 1)
        if (text.charCodeAt(i) === closeBracket) {
          i++
          return items
        }
        for (;;) {
          items.push(read(depth + 1))
          i = skipSpaceIn(text, i) + 1
          if (text.charCodeAt(i - 1) !== 0x2c) return items
        }
      }
      case openBrace: {
        if (depth > maxJsonDepth && isTooDeep(depth)) return []
        const object: { [key: string]: RawJson } = {}
        i = skipSpaceIn(text, i + 1)
        if (text.charCodeAt(i) === closeBrace) {
          i++
          return object
        }
        for (;;) {
          i = skipSpaceIn(text, i)
          const key = string()
          i = skipSpaceIn(text, i) + 1
          const value = read(depth + 1)
          if (Object.hasOwn(object, key)) duplicates.push({ object, key })
          setOwn(object as { [key: string]: Json }, key, value as Json)
          i = skipSpaceIn(text, i) + 1
          if (text.charCodeAt(i - 1) !== 0x2c) return object
        }
      }
      default:
        return number()
    }
  }

  const value = read(1)
  return { value, isPlain, duplicates }
}

/**
 * Whether the official parser accepts the value. It counts levels from where it starts to parse; `depth` is the level
 * of the value there. `takesHalfPairs` is for places where this SDK is less strict than the official one.
 */
export const isReadable = (value: RawJson, depth = 1, takesHalfPairs = false): boolean => {
  if (typeof value === "string") return takesHalfPairs || !halfPair.test(value)
  if (typeof value !== "object" || value === null) return true
  if (value instanceof NumberLiteral) return Number.isFinite(Number(value.text))
  if (depth > maxJsonDepth) return false
  if (Array.isArray(value)) return value.every(item => isReadable(item, depth + 1, takesHalfPairs))
  return Object.entries(value).every(
    ([key, member]) => (takesHalfPairs || !halfPair.test(key)) && isReadable(member, depth + 1, takesHalfPairs)
  )
}
