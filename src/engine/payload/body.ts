/**
 * Scans the bytes of a payload: checks that they are JSON and finds the position of each spec and condition.
 *
 * Parts with the same bytes as in the previous payload are reused unread, in long runs, so an update costs what changed
 * plus a memory comparison. Everything else is checked to the last byte, as `JSON.parse` would, but parsed only when it
 * is used.
 *
 * The work is done in portions of a bounded number of bytes. The generators yield between two portions, so that the
 * caller can let other work run. Only a single string is never divided.
 */

/**
 * One member of a payload, independent of its position. Payloads in which it has the same bytes share the entry and its
 * decoded content.
 */
export class Entry<A> {
  /** The decoded content; `undefined` until it is used, and if it is invalid. */
  content: A | undefined = undefined
  /** Why it is invalid. */
  problem: string | undefined = undefined
}

/** The position of a member: its name begins at `key`, its value at `start`. */
export interface TableMember<A> {
  readonly name: string
  readonly key: number
  readonly start: number
  readonly end: number
  readonly entry: Entry<A>
}

/** The members of an object, in text order. */
export interface Table<A> {
  readonly members: ReadonlyArray<TableMember<A>>
  /** The index of each name in the list; for a repeated name, the last. */
  readonly ordinals: ReadonlyMap<string, number>
}

/** The member of a name. */
export const memberNamed = <A>({ members, ordinals }: Table<A>, name: string): TableMember<A> | undefined => {
  const ordinal = ordinals.get(name)
  return ordinal === undefined ? undefined : members[ordinal]
}

/** A scanned payload. */
export interface Body {
  /** UTF-8. Must not change any more. */
  readonly bytes: Uint8Array
  /** The members at the top level. Those in `tables` have no content of their own. */
  readonly members: Table<unknown>
  /** The objects whose members are indexed one by one, if they are objects. */
  readonly tables: ReadonlyMap<string, Table<unknown>>
  /** Names that occur twice at the top level. */
  readonly repeated: ReadonlyArray<string>
}

/** A previous payload that the new one probably resembles. */
export interface Before {
  readonly body: Body
  /** Whether the new payload's bytes from `at` on equal this one's bytes from `start` to `end`. */
  readonly isSame: (at: number, start: number, end: number) => boolean
}

/** A table without members. */
export const emptyTable: Table<never> = { members: [], ordinals: new Map() }

/** Thrown inside the engine and by its direct callers only: the bytes are not JSON, or not what was expected. */
export class JsonError extends Error {}

/** Thrown for JSON that is not an object. */
export class NotAnObject extends JsonError {}

/**
 * Work between two yields, in bytes that are checked one by one: some milliseconds. Comparing memory is cheaper, and
 * each member adds a cost.
 */
export const portion = 1 << 20
const comparedPerChecked = 16
const costOfMember = 64

/** The most bytes compared at once. */
const longestRun = 1 << 18

/** The character codes that structure JSON, the same in UTF-8 and UTF-16. */
export const quote = 0x22
const comma = 0x2c
const colon = 0x3a
/** `[` */
export const openBracket = 0x5b
/** The escape character. */
export const backslash = 0x5c
/** `]` */
export const closeBracket = 0x5d
/** `{` */
export const openBrace = 0x7b
/** `}` */
export const closeBrace = 0x7d

/**
 * Scans a payload. `tableNames` are the top-level members whose own members are indexed one by one. `bytes` must be
 * UTF-8. Bytes after the JSON are ignored.
 *
 * Throws `JsonError` for invalid JSON, `NotAnObject` for JSON that is not an object.
 */
export function* readBody(
  bytes: Uint8Array,
  tableNames: ReadonlySet<string>,
  before: Before | undefined
): Generator<void, Body> {
  const scanner = new Scanner(bytes, before)
  if (!scanner.isAtObject) {
    while (!scanner.skipValue()) yield scanner.rest()
    throw new NotAnObject("it is no object")
  }
  const held = before?.body.members
  const members = new TableBuilder(held)
  const tables = new Map<string, Table<unknown>>()
  const seen = new Set<string>()
  const repeated: Array<string> = []
  for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
    const key = scanner.at
    const name = scanner.key()
    const start = scanner.at
    if (seen.has(name)) repeated.push(name)
    seen.add(name)
    tables.delete(name)
    let entry: Entry<unknown> | undefined
    if (tableNames.has(name) && scanner.isAtObject) {
      tables.set(name, yield* readTable(scanner, before?.body.tables.get(name)))
    } else {
      entry = scanner.takeValue(held && memberNamed(held, name))
      if (entry === undefined) while (!scanner.skipValue()) yield scanner.rest()
    }
    members.add({ name, key, start, end: scanner.at, entry: entry ?? new Entry() })
    if (scanner.isSpent) yield scanner.rest()
  }
  return { bytes: scanner.bytes, members: members.build(), tables, repeated }
}

/** Checks that bytes are exactly one JSON value. They must be UTF-8. Throws `JsonError` otherwise. */
export function* checkJson(bytes: Uint8Array): Generator<void, void> {
  const scanner = new Scanner(bytes, undefined)
  while (!scanner.skipValue()) yield scanner.rest()
  const end = skipSpace(scanner.bytes, scanner.at)
  if (end < bytes.length) throw unexpected(scanner.bytes, end)
}

/**
 * The JSON of the first top-level member of that name; `undefined` if there is none, or if the bytes read so far are
 * not a JSON object.
 */
export function* memberOf(bytes: Uint8Array, name: string): Generator<void, string | undefined> {
  const scanner = new Scanner(bytes, undefined)
  if (!scanner.isAtObject) return undefined
  try {
    for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
      const key = scanner.key()
      const start = scanner.at
      while (!scanner.skipValue()) yield scanner.rest()
      if (key === name) return textOfBytes(bytes, start, scanner.at)
    }
  } catch {
    // The error is found and reported again when the payload is read.
  }
  return undefined
}

/** Where the value of the first member of that name begins in the JSON of an object; `undefined` if there is none. */
export function* startOf(bytes: Uint8Array, name: string): Generator<void, number | undefined> {
  const scanner = new Scanner(bytes, undefined)
  if (!scanner.isAtObject) return undefined
  for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
    if (scanner.key() === name) return scanner.at
    while (!scanner.skipValue()) yield scanner.rest()
  }
  return undefined
}

/** Scans the object at the scanner's position. `held` is the table of the previous payload. */
function* readTable(scanner: Scanner, held: Table<unknown> | undefined): Generator<void, Table<unknown>> {
  const table = new TableBuilder(held)
  /** The member of the held table that probably comes next. */
  let expected = 0
  /** How many are compared at once; grows while they are the same. */
  let run = 1
  for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
    const taken = held === undefined ? 0 : takeRun(scanner, held.members, expected, run)
    if (held !== undefined && taken > 0) {
      table.addRun(held.members.slice(expected, expected + taken), scanner.at)
      scanner.spend(taken * costOfMember)
      expected += taken
      run = taken * 2
    } else {
      const key = scanner.at
      const name = scanner.key()
      const start = scanner.at
      const known = held?.ordinals.get(name)
      const entry = scanner.takeValue(known === undefined ? undefined : held?.members[known])
      if (entry === undefined) while (!scanner.skipValue()) yield scanner.rest()
      table.add({ name, key, start, end: scanner.at, entry: entry ?? new Entry() })
      if (known !== undefined) expected = known + 1
      run = 1
    }
    if (scanner.isSpent) yield scanner.rest()
  }
  return table.build()
}

type Run = ReadonlyArray<TableMember<unknown>>

/** Takes as many expected members as have the same bytes here, at most `run`; returns their number. */
const takeRun = (scanner: Scanner, members: Run, expected: number, run: number): number => {
  const first = members[expected]
  for (let count = Math.min(run, members.length - expected); count > 0; count >>= 1) {
    const last = members[expected + count - 1]
    if (first === undefined || last === undefined) return 0
    const isShort = count === 1 || last.end - first.key <= longestRun
    if (isShort && scanner.take(first.key, last.end)) return count
  }
  return 0
}

/** Builds a table. Its ordinals are reused if it has the names of the held table in the same order. */
class TableBuilder {
  readonly #members: Array<TableMember<unknown>> = []
  /** The held table, as long as the names are the same. */
  #same: Table<unknown> | undefined

  constructor(held: Table<unknown> | undefined) {
    this.#same = held
  }

  add(member: TableMember<unknown>): void {
    if (this.#same?.members[this.#members.length]?.name !== member.name) this.#same = undefined
    this.#members.push(member)
  }

  /** Adds members of the held table, the last of which now ends at `end`. */
  addRun(run: Run, end: number): void {
    const shift = end - (run.at(-1)?.end ?? end)
    for (const member of run) {
      const { entry, name } = member
      const key = member.key + shift
      this.add(shift === 0 ? member : { name, key, start: member.start + shift, end: member.end + shift, entry })
    }
  }

  build(): Table<unknown> {
    const members = this.#members
    const ordinals = this.#same?.members.length === members.length ? this.#same.ordinals : undefined
    return { members, ordinals: ordinals ?? new Map(members.map(({ name }, ordinal) => [name, ordinal])) }
  }
}

/** Scans bytes of JSON. */
class Scanner {
  readonly #isSame: Before["isSame"] | undefined
  /** The current position. */
  at = 0
  #allowance = portion
  /** The value being skipped: for each open container, whether it is an object. */
  readonly #containers: Array<boolean> = []
  #depth = 0
  #isBeforeValue = true

  constructor(
    readonly bytes: Uint8Array,
    before: Before | undefined
  ) {
    this.#isSame = before?.isSame
    this.at = skipSpace(this.bytes, 0)
  }

  /** Whether the portion is used up. */
  get isSpent(): boolean {
    return this.#allowance <= 0
  }

  spend(work: number): void {
    this.#allowance -= work
  }

  /** Starts the next portion. */
  rest(): void {
    this.#allowance = portion
  }

  get isAtObject(): boolean {
    return this.bytes[this.at] === openBrace
  }

  /** Enters an object; returns whether it has members. */
  open(): boolean {
    this.at = skipSpace(this.bytes, this.at + 1)
    if (this.bytes[this.at] !== closeBrace) return true
    this.at++
    return false
  }

  /** After a member's value: whether another member follows. */
  next(): boolean {
    const at = skipSpace(this.bytes, this.at)
    switch (this.bytes[at]) {
      case comma:
        this.at = skipSpace(this.bytes, at + 1)
        return true
      case closeBrace:
        this.at = at + 1
        return false
      default:
        throw unexpected(this.bytes, at)
    }
  }

  /** Reads a key, and skips the colon after it. */
  key(): string {
    const { at, bytes } = this
    this.at = skipKey(bytes, at)
    this.#allowance -= this.at - at + costOfMember
    let end = at + 1
    while (isPlainByte(bytes[end])) end++
    if (bytes[end] === quote) return textOfBytes(bytes, at + 1, end)
    return JSON.parse(textOfBytes(bytes, at, skipString(bytes, at))) as string
  }

  /** Skips the next bytes if they equal whole values or members of the previous payload. */
  take(start: number, end: number): boolean {
    const until = this.at + end - start
    // A number may continue after the same digits.
    if (this.#isSame === undefined || !isDelimiter(this.bytes[until])) return false
    this.#allowance -= (end - start) / comparedPerChecked
    if (!this.#isSame(this.at, start, end)) return false
    this.at = until
    return true
  }

  /** Skips the next value if it equals that of a held member; returns the member's entry. */
  takeValue(held: TableMember<unknown> | undefined): Entry<unknown> | undefined {
    return held !== undefined && this.take(held.start, held.end) ? held.entry : undefined
  }

  /**
   * Skips the next value without recursion; returns whether its end was reached in this portion. If not, call it again
   * after `rest`.
   */
  skipValue(): boolean {
    const { bytes } = this
    const containers = this.#containers
    const limit = this.at + this.#allowance
    let isBeforeValue = this.#isBeforeValue
    let depth = this.#depth
    let at = this.at
    while (at <= limit) {
      if (isBeforeValue) {
        isBeforeValue = false
        switch (bytes[at]) {
          case openBrace:
            at = skipSpace(bytes, at + 1)
            if (bytes[at] === closeBrace) at++
            else {
              at = skipKey(bytes, at)
              containers[depth++] = true
              isBeforeValue = true
            }
            break
          case openBracket:
            at = skipSpace(bytes, at + 1)
            if (bytes[at] === closeBracket) at++
            else {
              containers[depth++] = false
              isBeforeValue = true
            }
            break
          case quote:
            at = skipString(bytes, at)
            break
          default:
            at = skipScalar(bytes, at)
        }
      } else {
        if (depth === 0) {
          this.#allowance -= at - this.at
          this.at = at
          this.#depth = 0
          this.#isBeforeValue = true
          return true
        }
        at = skipSpace(bytes, at)
        const isObject = containers[depth - 1] === true
        const code = bytes[at]
        if (code === comma) {
          at = skipSpace(bytes, at + 1)
          if (isObject) at = skipKey(bytes, at)
          isBeforeValue = true
        } else if (code === (isObject ? closeBrace : closeBracket)) {
          at++
          depth--
        } else throw unexpected(bytes, at)
      }
    }
    this.#allowance = 0
    this.at = at
    this.#depth = depth
    this.#isBeforeValue = isBeforeValue
    return false
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** The text of a part. */
export const textOfBytes = (bytes: Uint8Array, start: number, end: number): string =>
  utf8.decode(bytes.subarray(start, end))

/** Whether JSON allows the character between values. */
export const isSpace = (code: number | undefined): boolean =>
  code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/** Whether a byte of a string represents itself. */
const isPlainByte = (code: number | undefined): boolean =>
  code !== undefined && code > quote && code < 0x80 && code !== backslash

const isDelimiter = (code: number | undefined): boolean => code === comma || code === closeBrace || isSpace(code)

const isDigitByte = (code: number | undefined): boolean => code !== undefined && code >= 0x30 && code <= 0x39

const isHexDigit = (code: number | undefined): boolean =>
  code !== undefined && (isDigitByte(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66))

const unexpected = (bytes: Uint8Array, at: number): JsonError =>
  at >= bytes.length
    ? new JsonError(`unexpected end at byte ${at}`)
    : new JsonError(`unexpected ${JSON.stringify(characterAt(bytes, at))} at byte ${at}`)

const characterAt = (bytes: Uint8Array, at: number): string => [...textOfBytes(bytes, at, at + 4)][0] ?? ""

const skipSpace = (bytes: Uint8Array, at: number): number => {
  while (isSpace(bytes[at])) at++
  return at
}

/** Skips a string and the colon after it. */
const skipKey = (bytes: Uint8Array, at: number): number => {
  if (bytes[at] !== quote) throw unexpected(bytes, at)
  const end = skipSpace(bytes, skipString(bytes, at))
  if (bytes[end] !== colon) throw unexpected(bytes, end)
  return skipSpace(bytes, end + 1)
}

/** Inside a string it is as invalid as the control character of that code. */
const endOfBytes = 0

const skipString = (bytes: Uint8Array, at: number): number => {
  for (let i = at + 1; ; i++) {
    const code = bytes[i] ?? endOfBytes
    if (code > quote && code !== backslash) continue
    if (code === quote) return i + 1
    if (code === backslash) i = skipEscape(bytes, i + 1)
    else if (code < 0x20) throw unexpected(bytes, i)
  }
}

/** `"\/bfnrt`. */
const escapes: ReadonlySet<number | undefined> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74])

/** Moves to the last byte of an escape. */
const skipEscape = (bytes: Uint8Array, at: number): number => {
  if (escapes.has(bytes[at])) return at
  if (bytes[at] !== 0x75) throw unexpected(bytes, at)
  for (let i = at + 1; i <= at + 4; i++) if (!isHexDigit(bytes[i])) throw unexpected(bytes, i)
  return at + 4
}

const skipScalar = (bytes: Uint8Array, at: number): number => {
  switch (bytes[at]) {
    case 0x74:
      return skipWord(bytes, at, "true")
    case 0x66:
      return skipWord(bytes, at, "false")
    case 0x6e:
      return skipWord(bytes, at, "null")
    default:
      return skipNumber(bytes, at)
  }
}

const skipWord = (bytes: Uint8Array, at: number, word: string): number => {
  for (let i = 1; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) throw unexpected(bytes, at + i)
  return at + word.length
}

const skipNumber = (bytes: Uint8Array, at: number): number => {
  if (bytes[at] === 0x2d) at++
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at)
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1)
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    at = skipDigits(bytes, at)
  }
  return at
}

/** Skips one or more digits. */
const skipDigits = (bytes: Uint8Array, at: number): number => {
  if (!isDigitByte(bytes[at])) throw unexpected(bytes, at)
  do at++
  while (isDigitByte(bytes[at]))
  return at
}
