/**
 * Operators: each is compiled once from its target and then only tests the user's value.
 *
 * A target keeps its items as text. Of two items that are equal ignoring case the later one wins, as in the official
 * SDK, which keys them by that.
 */
import { NumberLiteral, type RawJson, type RawObject } from "../json.js"
import { compilePattern, type Pattern } from "../patterns/pattern.js"
import { LongList, type TextSet } from "./longList.js"
import { type LowerText, TextList } from "./lowerText.js"
import {
  type Integer,
  maxInteger,
  minInteger,
  numberOf,
  parseNumber,
  parseTargetTime,
  targetText,
  textOf,
  type UserValue
} from "./values.js"

/** Tests a user's value. */
export type Test = (value: UserValue) => boolean

/** Tests a user's value by its text in lower case. */
export type TextTest = (text: LowerText) => boolean

/** Tests a time; operators that compare times also have this form for `current_time`. */
export type TimeTest = (time: Integer | undefined) => boolean

/** An operator with its target. */
export type Operator =
  | { readonly kind: "value"; readonly test: Test }
  | { readonly kind: "text"; readonly test: TextTest }
  | { readonly kind: "time"; readonly test: TimeTest }
  | { readonly kind: "idList"; readonly list: string | undefined; readonly negated: boolean }

const never = () => false
const not =
  <A>(test: (value: A) => boolean): ((value: A) => boolean) =>
  value =>
    !test(value)

/** What an operator compares with; a long list as it was read from the bytes of the payload. */
export type Target = RawJson | LongList | undefined

/** Compiles an operator; `undefined` for an unknown name. */
export const compileOperator = (name: string, given: Target): Operator | undefined => {
  const makeSet = Object.hasOwn(setOperators, name) ? setOperators[name] : undefined
  if (makeSet !== undefined && given instanceof LongList) return makeSet(given)
  const target = given instanceof LongList ? given.texts() : given
  const make = Object.hasOwn(operators, name) ? operators[name] : undefined
  if (make !== undefined) return { kind: "value", test: make(target) }
  const makeText = Object.hasOwn(textOperators, name) ? textOperators[name] : undefined
  if (makeText !== undefined) return { kind: "text", test: makeText(target) }
  switch (name) {
    case "before":
      return { kind: "time", test: compareTimes(target, (left, right) => left < right) }
    case "after":
      return { kind: "time", test: compareTimes(target, (left, right) => left > right) }
    case "on":
      return { kind: "time", test: compareTimes(target, sameDay) }
    case "in_segment_list":
    case "not_in_segment_list":
      return {
        kind: "idList",
        list: typeof target === "string" ? target : undefined,
        negated: name === "not_in_segment_list"
      }
    default:
      return undefined
  }
}

// --- targets

const isArray = (target: RawJson | undefined): target is ReadonlyArray<RawJson> => Array.isArray(target)

const isRawObject = (target: RawJson | undefined): target is RawObject =>
  typeof target === "object" && target !== null && !isArray(target) && !(target instanceof NumberLiteral)

const targetNumber = (target: RawJson | undefined): number | undefined => {
  if (typeof target === "number") return target
  if (target instanceof NumberLiteral) return Number(target.text)
  return typeof target === "string" ? parseNumber(target) : undefined
}

/** The items of a list as text; of another target, none. */
const itemsOf = (target: RawJson | undefined): ReadonlyArray<string> => {
  if (!isArray(target)) return []
  return target.every(raw => typeof raw === "string") ? target : target.map(targetText)
}

/** The items without those of which a later one is equal ignoring case. */
const distinctItems = (target: RawJson | undefined): ReadonlyArray<string> => [
  ...new Map(itemsOf(target).map(text => [text.toLowerCase(), text])).values()
]

// --- text

const isAnyOf = (target: RawJson | undefined): TextTest => {
  if (!isRawObject(target) && !isArray(target)) return never
  // The names of an object are compared as they are.
  const items = isArray(target) ? itemsOf(target) : Object.keys(target).filter(name => name === name.toLowerCase())
  if (items.length === 1) {
    const only = items[0]?.toLowerCase()
    return ({ text }) => text === only
  }
  return isIn(new TextList(items))
}

const isIn =
  (list: TextSet): TextTest =>
  text =>
    list.has(text)

const isExactlyIn =
  (list: TextSet): Test =>
  value =>
    list.hasExactly(textOf(value) ?? "")

const isAnyOfExactly = (target: RawJson | undefined): Test => isExactlyIn(new TextList(itemsOf(target)))

const someItem =
  (matches: (text: string, item: string) => boolean) =>
  (target: RawJson | undefined): TextTest => {
    const items = distinctItems(target).map(text => text.toLowerCase())
    return ({ text }) => {
      for (const item of items) if (matches(text, item)) return true
      return false
    }
  }

const contains = someItem((text, item) => text.includes(item))

const matchesPattern = (target: RawJson | undefined): Test => {
  if (typeof target !== "string") return never
  let pattern: Pattern | undefined | null = null
  return value => {
    const text = textOf(value)
    if (text === undefined) return false
    // Compiled on first use: a project has many patterns that most processes never need.
    if (pattern === null) pattern = compilePattern(target)
    return pattern?.test(text) ?? false
  }
}

// --- numbers

const compareNumbers =
  (holds: (left: number, right: number) => boolean) =>
  (target: RawJson | undefined): Test => {
    const right = targetNumber(target)
    if (right === undefined) return never
    return value => {
      const left = numberOf(value)
      return left !== undefined && holds(left, right)
    }
  }

// --- versions

/** 128-bit limits: a part beyond them does not parse. */
const minPart = -(2n ** 127n)
const maxPart = 2n ** 127n - 1n

type VersionPart = Integer | undefined

const parsePart = (text: string): VersionPart => {
  const trimmed = text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "")
  if (!/^[+-]?\d+$/.test(trimmed)) return undefined
  if (trimmed.length <= 15) return Number(trimmed)
  const integer = BigInt(trimmed.startsWith("+") ? trimmed.slice(1) : trimmed)
  return integer >= minPart && integer <= maxPart ? integer : undefined
}

const parseVersion = (text: string): ReadonlyArray<VersionPart> => {
  const dash = text.indexOf("-")
  return (dash < 0 ? text : text.slice(0, dash)).split(".").map(parsePart)
}

/** Negative, zero or positive; `undefined` if a part that is needed does not parse. */
const compareParts = (left: ReadonlyArray<VersionPart>, right: ReadonlyArray<VersionPart>): number | undefined => {
  const length = Math.max(left.length, right.length)
  for (let i = 0; i < length; i++) {
    const a = i < left.length ? left[i] : 0
    const b = i < right.length ? right[i] : 0
    if (a === undefined || b === undefined) return undefined
    if (a < b) return -1
    if (a > b) return 1
  }
  return 0
}

/** Compares plain numeric versions without splitting them; `undefined` means that the full parser must decide. */
const comparePlain = (text: string, right: ReadonlyArray<number>): number | undefined => {
  const end = text.length
  if (end === 0 || end > 32) return undefined
  let order = 0
  let index = 0
  let part = 0
  let digits = 0
  for (let i = 0; i <= end; i++) {
    const code = i === end ? dot : text.charCodeAt(i)
    if (code === dot) {
      if (digits === 0 || digits > 15) return undefined
      const other = right[index] ?? 0
      if (order === 0 && part !== other) order = part < other ? -1 : 1
      index++
      part = 0
      digits = 0
    } else if (code >= zeroInteger && code <= nine) {
      part = part * 10 + code - zeroInteger
      digits++
    } else return undefined
  }
  for (; index < right.length && order === 0; index++) order = -Math.sign(right[index] ?? 0)
  return order
}

const dot = 0x2e
const zeroInteger = 0x30
const nine = 0x39

const isPlainItem = (parts: ReadonlyArray<VersionPart>): parts is ReadonlyArray<number> =>
  parts.every(part => typeof part === "number")

const compareVersions =
  (holds: (order: number) => boolean) =>
  (target: RawJson | undefined): Test => {
    if (typeof target !== "string") return never
    const right = parseVersion(target)
    const plainRight = isPlainItem(right) ? right : undefined
    return value => {
      const text = textOf(value)
      if (text === undefined) return false
      const order =
        (plainRight === undefined ? undefined : comparePlain(text, plainRight)) ??
        compareParts(parseVersion(text), right)
      return order !== undefined && holds(order)
    }
  }

// --- times

/** Below this a user's time is taken as seconds. */
export const secondsBelow = 10_000_000_000
const dayMillis = 86_400_000

const targetTime = (target: RawJson | undefined): Integer | undefined => {
  const time = typeof target === "string" ? parseTargetTime(target) : undefined
  if (time !== undefined) return time
  const number = targetNumber(target)
  if (number === undefined) return undefined
  if (Number.isNaN(number)) return 0
  if (number >= 2 ** 63) return maxInteger
  if (number <= -(2 ** 63)) return minInteger
  return Math.trunc(number)
}

const compareTimes = (target: RawJson | undefined, holds: (left: Integer, right: Integer) => boolean): TimeTest => {
  const right = targetTime(target)
  if (right === undefined) return () => false
  return time => {
    if (time === undefined) return false
    const left = typeof time === "number" && Math.abs(time) < secondsBelow ? time * 1000 : time
    return holds(left, right)
  }
}

const dayOf = (time: Integer): bigint =>
  typeof time === "number" ? BigInt(Math.trunc(time / dayMillis)) : time / BigInt(dayMillis)

/** The smallest integer is on no day: dividing it crashes the official process. */
const isSmallest = (time: Integer): boolean => time <= minInteger

const sameDay = (left: Integer, right: Integer): boolean =>
  !isSmallest(left) && !isSmallest(right) && dayOf(left) === dayOf(right)

// --- equality

const equals = (target: RawJson | undefined): Test => {
  if (target === undefined || target === null) return value => value === undefined || value === null
  if (typeof target === "boolean") return value => value === target
  if (typeof target === "string") return value => textOf(value) === target
  if (typeof target === "number" || target instanceof NumberLiteral) {
    const number = targetNumber(target)
    return value => numberOf(value) === number
  }
  if (isArray(target)) {
    const texts = target.map(targetText)
    const indexes = [...new Map(texts.map((text, index) => [text.toLowerCase(), index])).values()]
    return value =>
      Array.isArray(value) &&
      value.length === indexes.length &&
      indexes.every(index => index < value.length && textOf(value[index]) === texts[index])
  }
  const members = Object.entries(target).map(([key, member]) => [key, targetText(member)] as const)
  return value => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false
    const object = value as { readonly [key: string]: UserValue }
    return (
      Object.keys(object).length === members.length &&
      members.every(([key, text]) => Object.hasOwn(object, key) && textOf(object[key]) === text)
    )
  }
}

// --- arrays

const containsAny = (target: RawJson | undefined): Test => containsOneOf(new TextList(itemsOf(target)))

const containsOneOf = (list: TextSet): Test => {
  const has = (text: string | undefined) => text !== undefined && list.hasExactly(text)
  return value => Array.isArray(value) && value.some(item => has(textOf(item)))
}

const containsAll = (target: RawJson | undefined): Test => {
  if (!isArray(target)) return never
  const items = distinctItems(target)
  return value => {
    // Fewer values cannot include all items.
    if (!Array.isArray(value) || value.length < items.length) return false
    const texts = new Set(value.map(textOf))
    return items.every(item => texts.has(item))
  }
}

/** Without two arrays the result is false, for negated operators too. */
const notOfArrays =
  (make: (target: RawJson | undefined) => Test) =>
  (target: RawJson | undefined): Test =>
    isArray(target) ? notOfArray(make(target)) : never

const notOfArray =
  (test: Test): Test =>
  value =>
    Array.isArray(value) && !test(value)

const operators: Readonly<Record<string, (target: RawJson | undefined) => Test>> = {
  gt: compareNumbers((left, right) => left > right),
  gte: compareNumbers((left, right) => left >= right),
  lt: compareNumbers((left, right) => left < right),
  lte: compareNumbers((left, right) => left <= right),
  version_gt: compareVersions(order => order > 0),
  version_gte: compareVersions(order => order >= 0),
  version_lt: compareVersions(order => order < 0),
  version_lte: compareVersions(order => order <= 0),
  version_eq: compareVersions(order => order === 0),
  version_neq: compareVersions(order => order !== 0),
  any_case_sensitive: isAnyOfExactly,
  none_case_sensitive: target => not(isAnyOfExactly(target)),
  str_matches: matchesPattern,
  eq: equals,
  neq: target => not(equals(target)),
  array_contains_any: containsAny,
  array_contains_none: notOfArrays(containsAny),
  array_contains_all: containsAll,
  not_array_contains_all: notOfArrays(containsAll)
}

const textOperators: Readonly<Record<string, (target: RawJson | undefined) => TextTest>> = {
  any: isAnyOf,
  none: target => not(isAnyOf(target)),
  str_starts_with_any: someItem((text, item) => text.startsWith(item)),
  str_ends_with_any: someItem((text, item) => text.endsWith(item)),
  str_contains_any: contains,
  str_contains_none: target => not(contains(target))
}

/** The operators that look a text up in a list. */
const setOperators: Readonly<Record<string, (list: LongList) => Operator>> = {
  any: list => ({ kind: "text", test: isIn(list) }),
  none: list => ({ kind: "text", test: not(isIn(list)) }),
  any_case_sensitive: list => ({ kind: "value", test: isExactlyIn(list) }),
  none_case_sensitive: list => ({ kind: "value", test: not(isExactlyIn(list)) }),
  array_contains_any: list => ({ kind: "value", test: containsOneOf(list) }),
  array_contains_none: list => ({ kind: "value", test: notOfArray(containsOneOf(list)) })
}
