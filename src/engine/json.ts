/**
 * Reads payload text where `JSON.parse` would lose something that decides answers: which of `1` and `1.0` was written,
 * integers beyond 2^53, keys that occur twice, and where each member of a large object stands in the text.
 *
 * The text is checked as a whole by `JSON.parse` first; what is here may therefore assume well-formed JSON and only
 * bounds its own depth.
 */
import { setOwn } from "./getters.js"
import type { Json } from "./user.js"

/** A number whose spelling matters: integral with a point or an exponent, minus zero, or beyond 2^53. */
export class NumberLiteral {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** JSON as read from a payload. */
export type RawJson = string | number | boolean | null | NumberLiteral | ReadonlyArray<RawJson> | RawObject

/** An object as read from a payload. */
export interface RawObject {
  readonly [key: string]: RawJson
}

/** What reading one value gave. */
export interface RawDocument {
  readonly value: RawJson
  /** Whether a `NumberLiteral` occurs anywhere in the value. */
  readonly hasLiterals: boolean
  /** Keys that occur twice in one object, with the object. */
  readonly duplicates: ReadonlyArray<{ readonly object: RawJson; readonly key: string }>
}

/** Where a value stands in the text. */
export interface TextRange {
  readonly start: number
  readonly end: number
}

/** Thrown inside this module and its direct callers only: the text is not what was promised. */
export class JsonError extends Error {}

/** As deep as the official parser follows. */
const maxDepth = 128

const quote = 0x22
const backslash = 0x5c

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

const skipSpace = (text: string, at: number): number => {
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** The position behind the string that begins at `at`. */
const skipString = (text: string, at: number): number => {
  for (let from = at + 1; ; ) {
    const end = text.indexOf('"', from)
    if (end < 0) throw new JsonError(`unterminated string at offset ${at}`)
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end + 1
    from = end + 1
  }
}

/** The position behind the value that begins at `at`. Follows any depth, without recursion. */
const skipValue = (text: string, at: number): number => {
  let depth = 0
  for (let i = at; ; ) {
    switch (text.charCodeAt(i)) {
      case quote:
        i = skipString(text, i)
        break
      case 0x7b:
      case 0x5b:
        depth++
        i++
        continue
      case 0x7d:
      case 0x5d:
        depth--
        i++
        break
      case 0x2c:
      case 0x3a:
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        i++
        continue
      default: {
        const start = i
        while (i < text.length && !endsScalar(text.charCodeAt(i))) i++
        if (i === start) throw new JsonError(`unexpected end at offset ${i}`)
      }
    }
    if (depth <= 0) return i
  }
}

const endsScalar = (code: number): boolean =>
  code === 0x2c || code === 0x7d || code === 0x5d || code === 0x3a || code === quote || isSpace(code)

const readString = (text: string, at: number, end: number): string => {
  const inner = text.slice(at + 1, end - 1)
  return inner.includes("\\") ? (JSON.parse(text.slice(at, end)) as string) : inner
}

/** Visits the members of the object that begins at `at`; gives the position behind it. */
export const forEachMember = (text: string, at: number, visit: (key: string, range: TextRange) => void): number => {
  let i = skipSpace(text, at)
  if (text.charCodeAt(i) !== 0x7b) throw new JsonError(`expected an object at offset ${i}`)
  i = skipSpace(text, i + 1)
  if (text.charCodeAt(i) === 0x7d) return i + 1
  for (;;) {
    if (text.charCodeAt(i) !== quote) throw new JsonError(`expected a key at offset ${i}`)
    const keyEnd = skipString(text, i)
    const key = readString(text, i, keyEnd)
    i = skipSpace(text, keyEnd)
    if (text.charCodeAt(i) !== 0x3a) throw new JsonError(`expected a colon at offset ${i}`)
    const start = skipSpace(text, i + 1)
    const end = skipValue(text, start)
    visit(key, { start, end })
    i = skipSpace(text, end)
    const code = text.charCodeAt(i)
    if (code === 0x7d) return i + 1
    if (code !== 0x2c) throw new JsonError(`expected a comma at offset ${i}`)
    i = skipSpace(text, i + 1)
  }
}

/** Reads the value in a part of a text, keeping what `JSON.parse` loses. */
export const readExact = (text: string, range: TextRange): RawDocument => {
  const duplicates: Array<{ object: RawJson; key: string }> = []
  let hasLiterals = false
  let i = range.start

  const number = (): RawJson => {
    const start = i
    while (i < range.end && !endsScalar(text.charCodeAt(i))) i++
    const literal = text.slice(start, i)
    const value = Number(literal)
    if (!Number.isFinite(value)) throw new JsonError(`number out of range at offset ${start}`)
    const exact = Number.isSafeInteger(value)
      ? !Object.is(value, -0) && /^-?\d+$/.test(literal)
      : !Number.isInteger(value)
    if (exact) return value
    hasLiterals = true
    return new NumberLiteral(literal)
  }

  const read = (depth: number): RawJson => {
    if (depth > maxDepth) throw new JsonError(`nested deeper than ${maxDepth} levels at offset ${i}`)
    i = skipSpace(text, i)
    switch (text.charCodeAt(i)) {
      case quote: {
        const start = i
        i = skipString(text, i)
        return readString(text, start, i)
      }
      case 0x74:
        i += 4
        return true
      case 0x66:
        i += 5
        return false
      case 0x6e:
        i += 4
        return null
      case 0x5b: {
        const items: Array<RawJson> = []
        i = skipSpace(text, i + 1)
        if (text.charCodeAt(i) === 0x5d) {
          i++
          return items
        }
        for (;;) {
          items.push(read(depth + 1))
          i = skipSpace(text, i) + 1
          if (text.charCodeAt(i - 1) !== 0x2c) return items
        }
      }
      case 0x7b: {
        const object: { [key: string]: RawJson } = {}
        i = skipSpace(text, i + 1)
        if (text.charCodeAt(i) === 0x7d) {
          i++
          return object
        }
        for (;;) {
          i = skipSpace(text, i)
          const start = i
          i = skipString(text, i)
          const key = readString(text, start, i)
          i = skipSpace(text, i) + 1
          const value = read(depth + 1)
          if (Object.hasOwn(object, key)) duplicates.push({ object, key })
          setOwn(object as { [key: string]: Json }, key, value as Json)
          i = skipSpace(text, i) + 1
          if (text.charCodeAt(i - 1) !== 0x2c) return object
        }
      }
      default:
        return number()
    }
  }

  const value = read(1)
  return { value, hasLiterals, duplicates }
}

/** Plain JSON again: spellings become the numbers they stand for. */
export const plain = (value: RawJson): Json => {
  if (typeof value !== "object" || value === null) return value
  if (value instanceof NumberLiteral) return Number(value.text)
  if (Array.isArray(value)) return value.map(plain)
  const object: { [key: string]: Json } = {}
  for (const key of Object.keys(value)) setOwn(object, key, plain((value as RawObject)[key]!))
  return object
}
