/**
 * Reads JSON text where `JSON.parse` would lose something that decides answers: which of `1` and `1.0` was written,
 * integers beyond 2^53, keys that occur twice.
 *
 * The text was checked before (`body.ts`); what is here may therefore assume well-formed JSON and only bounds its own
 * depth.
 */
import { JsonError } from "./body.js"
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

const endsScalar = (code: number): boolean =>
  code === 0x2c || code === 0x7d || code === 0x5d || code === 0x3a || code === quote || isSpace(code)

const readString = (text: string, at: number, end: number): string => {
  const inner = text.slice(at + 1, end - 1)
  return inner.includes("\\") ? (JSON.parse(text.slice(at, end)) as string) : inner
}

/** Reads a value, keeping what `JSON.parse` loses. Throws `JsonError` for what it cannot hold. */
export const readExact = (text: string): RawDocument => {
  const duplicates: Array<{ object: RawJson; key: string }> = []
  let hasLiterals = false
  let i = 0

  const number = (): RawJson => {
    const start = i
    while (i < text.length && !endsScalar(text.charCodeAt(i))) i++
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
