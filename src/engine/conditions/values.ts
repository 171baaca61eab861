/**
 * The forms of a value: text, number, integer, time. Each operator compares one of them; `undefined` means that a value
 * has no such form.
 */

import { type Json, NumberLiteral, type RawJson, wellFormedJson } from "../json.js"
import { parseDate } from "./dates.js"

/** A user-side value; `undefined` when nothing was found. */
export type UserValue = Json | undefined

/** The shortest digits of a finite number, and the number of digits before the decimal point. */
const decimal = (value: number): { readonly sign: string; readonly digits: string; readonly point: number } => {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e") as [string, string]
  return {
    sign: value < 0 || Object.is(value, -0) ? "-" : "",
    digits: mantissa.replace(".", ""),
    point: Number(exponent) + 1
  }
}

/** A number in plain decimals, without an exponent: the text form of a user's number. */
const plainNumber = (value: number): string => {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value)
  const { digits, point, sign } = decimal(value)
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits + "0".repeat(point - digits.length)
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/**
 * A number as the official serialiser writes floats: always with `.0` or an exponent when it is integral, an exponent
 * from 1e16 on and below 1e-5.
 */
export const floatText = (value: number): string => {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  const { digits, point, sign } = decimal(value)
  if (point > 16 || point <= -5) {
    const exponent = point - 1
    return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${exponent}`
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`
  if (point >= digits.length) return `${sign}${digits}${"0".repeat(point - digits.length)}.0`
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** The official SDK receives a user's numbers as 32-bit integers if they fit, else as floats. */
const userNumberJson = (value: number): string =>
  Number.isInteger(value) && value >= -2147483648 && value <= 4294967295 ? String(value + 0) : floatText(value)

/** Numbers of a payload stay integers or floats, as they were written. */
const payloadNumberJson = (value: number | NumberLiteral): string => {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : floatText(value)
  const { text } = value
  if (/^-?\d+$/.test(text) && text !== "-0") {
    const integer = BigInt(text)
    if (integer >= -(2n ** 63n) && integer < 2n ** 64n) return integer.toString()
  }
  return floatText(Number(text))
}

const compactJson = (value: RawJson, numberJson: (value: number | NumberLiteral) => string): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "number" || value instanceof NumberLiteral) return numberJson(value)
  if (typeof value !== "object" || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(item => compactJson(item, numberJson)).join(",")}]`
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${compactJson(member, numberJson)}`)
    .join(",")}}`
}

/** The compact JSON text of a user's value, with U+FFFD for each half of a surrogate pair. */
export const userJson = (value: Json): string =>
  wellFormedJson(compactJson(value, userNumberJson as (value: number | NumberLiteral) => string))

/** The text of one item or member of a target: a string is itself, anything else its compact JSON. */
export const targetText = (value: RawJson): string =>
  typeof value === "string" ? value : compactJson(value, payloadNumberJson)

/** The text form of a user's value. */
export const textOf = (value: UserValue): string | undefined => {
  switch (typeof value) {
    case "string":
      return value
    case "boolean":
      return value ? "true" : "false"
    case "number":
      return plainNumber(value)
    case "object":
      return Array.isArray(value) ? userJson(value) : undefined
    default:
      return undefined
  }
}

/** A decimal number as the official parser accepts it: no spaces, no hexadecimal; `.5` and `5.` are valid. */
const floatSyntax = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const namedFloat = /^([+-]?)(?:inf(?:inity)?|(nan))$/i

/** The number that a text represents. */
export const parseNumber = (text: string): number | undefined => {
  if (floatSyntax.test(text)) return Number(text)
  const named = namedFloat.exec(text)
  if (named === null) return undefined
  return named[2] !== undefined ? Number.NaN : named[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** The number form of a user's value. */
export const numberOf = (value: UserValue): number | undefined =>
  typeof value === "number" ? value : typeof value === "string" ? parseNumber(value) : undefined

/** A 64-bit integer: a number if that is exact, else a big integer. They compare with each other exactly. */
export type Integer = number | bigint

/** The smallest and the largest 64-bit integer. */
export const minInteger = -(2n ** 63n)
/** The largest 64-bit integer. */
export const maxInteger = 2n ** 63n - 1n

/** The 64-bit integer that a text represents. */
export const parseInteger = (text: string): Integer | undefined => {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  if (text.length <= 15) return Number(text)
  const integer = BigInt(text.startsWith("+") ? text.slice(1) : text)
  return integer >= minInteger && integer <= maxInteger ? integer : undefined
}

/** The integer form of a user's value. */
export const integerOf = (value: UserValue): Integer | undefined => {
  if (typeof value === "string") return parseInteger(value)
  if (typeof value !== "number" || !Number.isInteger(value)) return undefined
  // The official upper bound is the float 2^63, so that one number counts as the largest integer.
  if (value === 2 ** 63) return maxInteger
  return value >= -(2 ** 63) && value < 2 ** 63 ? value : undefined
}

/** The UTF-8 length of a text. */
export const utf8Length = (text: string): number => {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    if (code < 0x800) length++
    else if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 2
      i++
    } else length += 2
  }
  return length
}

/** A longer text of a user is not a date. In UTF-8 bytes, as in the official SDK. */
const maxUserDateBytes = 20

/** The time form of a user's text. The official SDK also requires 8 bytes for a date, which every date has. */
const parseUserTime = (text: string): Integer | undefined => {
  const integer = parseInteger(text)
  if (integer !== undefined) return integer
  return text.length <= maxUserDateBytes && utf8Length(text) <= maxUserDateBytes ? parseDate(text) : undefined
}

/** The time that operators compare: the time form of a user's value, else its integer form. */
export const timeOf = (value: UserValue): Integer | undefined =>
  typeof value === "string" ? parseUserTime(value) : integerOf(value)

/** The time form of a target's text. */
export const parseTargetTime = (text: string): Integer | undefined => parseInteger(text) ?? parseDate(text)
