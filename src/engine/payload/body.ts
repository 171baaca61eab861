/**
 * The bytes of a payload: whether they are JSON, and where in them each spec and condition stands.
 *
 * What stands there byte for byte as in the payload before is taken over unread, in long runs, so an update costs what
 * it changed and a comparison of memory. Everything else is checked to the last byte, as `JSON.parse` would, but not
 * parsed: that waits until a part is used.
 *
 * The work is done in portions of a bounded number of bytes. The functions that do it are generators which yield between
 * two portions, and who drives them gives other work its turn. Only a single string is never divided.
 */

/**
 * One member of a payload, apart from where it stands: payloads in which it has the same bytes share it, and what was
 * made of it.
 */
export class Entry<A> {
  /** What was made of it; `undefined` until it is used, and for one that cannot be used. */
  content: A | undefined = undefined
  /** Why it cannot be used. */
  problem: string | undefined = undefined
}

/** The members of an object, in the order of the text. */
export interface Table<A> {
  readonly names: ReadonlyArray<string>
  /** The place of each name in the lists; of a name that occurs twice, the last. */
  readonly ordinals: ReadonlyMap<string, number>
  readonly entries: ReadonlyArray<Entry<A>>
  /** Where each member begins, and where its value begins and ends. */
  readonly keys: ReadonlyArray<number>
  readonly starts: ReadonlyArray<number>
  readonly ends: ReadonlyArray<number>
}

/** A payload that was looked through. */
export interface Body {
  /** UTF-8. Shares its memory with the array that it was made of, which must not change any more. */
  readonly bytes: Buffer
  /** The members at the top level. Those in `tables` have nothing to be made of them. */
  readonly members: Table<unknown>
  /** The objects whose members are kept one by one, if they are objects. */
  readonly tables: ReadonlyMap<string, Table<unknown>>
  /** Names that occur twice at the top level. */
  readonly repeated: ReadonlyArray<string>
}

/** A table without members. */
export const emptyTable: Table<never> = { names: [], ordinals: new Map(), entries: [], keys: [], starts: [], ends: [] }

/** Thrown inside the engine and by its direct callers only: the bytes are no JSON, or not what was promised. */
export class JsonError extends Error {}

/** Thrown for JSON that is no object. */
export class NotAnObject extends JsonError {}

/**
 * Work between two yields, in bytes that are checked one by one: some milliseconds. Comparing memory is cheaper, and
 * each member costs something too.
 */
export const portion = 1 << 20
const comparedPerChecked = 16
const costOfMember = 64

/** No more than this is compared at once. */
const longestRun = 1 << 18

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Looks through a payload. `tableNames` are the top-level members whose own members are kept one by one; `before` is the
 * payload that this one probably resembles. `bytes` must be UTF-8. What follows the JSON is ignored.
 *
 * Throws `JsonError` for what is no JSON, `NotAnObject` for JSON that is no object.
 */
export function* readBody(
  bytes: Uint8Array,
  tableNames: ReadonlySet<string>,
  before: Body | undefined
): Generator<void, Body> {
  const scanner = new Scanner(bytes)
  if (!scanner.isAtObject) {
    while (!scanner.skipValue()) yield scanner.rest()
    throw new NotAnObject("it is no object")
  }
  const held = before?.members
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
      tables.set(name, yield* readTable(scanner, before?.bytes, before?.tables.get(name)))
    } else {
      entry = scanner.takeValue(before?.bytes, held, held?.ordinals.get(name))
      if (entry === undefined) while (!scanner.skipValue()) yield scanner.rest()
    }
    members.add(name, key, start, scanner.at, entry ?? new Entry())
    if (scanner.isSpent) yield scanner.rest()
  }
  return { bytes: scanner.bytes, members: members.build(), tables, repeated }
}

/** Checks that bytes are one JSON value and nothing else. They must be UTF-8. Throws `JsonError` for anything else. */
export function* checkJson(bytes: Uint8Array): Generator<void, void> {
  const scanner = new Scanner(bytes)
  while (!scanner.skipValue()) yield scanner.rest()
  const end = skipSpace(scanner.bytes, scanner.at)
  if (end < bytes.length) throw unexpected(scanner.bytes, end)
}

/**
 * The JSON of one top-level member, the first of that name; `undefined` where there is none, or the bytes are no JSON
 * object as far as they were read.
 */
export function* memberOf(bytes: Uint8Array, name: string): Generator<void, string | undefined> {
  const scanner = new Scanner(bytes)
  if (!scanner.isAtObject) return undefined
  try {
    for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
      const key = scanner.key()
      const start = scanner.at
      while (!scanner.skipValue()) yield scanner.rest()
      if (key === name) return textOf(bytes, start, scanner.at)
    }
  } catch {
    // What is wrong is found again, and told, where the payload is read.
  }
  return undefined
}

/** Looks through the object that the scanner is at. `held` is the table that stands in `before`. */
function* readTable(
  scanner: Scanner,
  before: Buffer | undefined,
  held: Table<unknown> | undefined
): Generator<void, Table<unknown>> {
  const table = new TableBuilder(held)
  /** The member of the held table that probably comes next. */
  let expected = 0
  /** How many are compared at once: more and more while they are the same. */
  let run = 1
  for (let goesOn = scanner.open(); goesOn; goesOn = scanner.next()) {
    const taken = held === undefined ? 0 : takeRun(scanner, before!, held, expected, run)
    if (taken > 0) {
      table.addRun(held!, expected, taken, scanner.at)
      scanner.spend(taken * costOfMember)
      expected += taken
      run = taken * 2
    } else {
      const key = scanner.at
      const name = scanner.key()
      const start = scanner.at
      const known = held?.ordinals.get(name)
      const entry = scanner.takeValue(before, held, known)
      if (entry === undefined) while (!scanner.skipValue()) yield scanner.rest()
      table.add(name, key, start, scanner.at, entry ?? new Entry())
      if (known !== undefined) expected = known + 1
      run = 1
    }
    if (scanner.isSpent) yield scanner.rest()
  }
  return table.build()
}

/** Takes as many of the expected members as stand here in the same bytes, at most `run`; gives their number. */
const takeRun = (
  scanner: Scanner,
  before: Buffer,
  { ends, keys }: Table<unknown>,
  expected: number,
  run: number
): number => {
  for (let count = Math.min(run, keys.length - expected); count > 0; count >>= 1) {
    const start = keys[expected]!
    const end = ends[expected + count - 1]!
    if ((count === 1 || end - start <= longestRun) && scanner.take(before, start, end)) return count
  }
  return 0
}

/** Gathers the members of a table. Where the names are those of the held table, in its order, its names are kept. */
class TableBuilder {
  readonly #held: Table<unknown> | undefined
  readonly #names: Array<string> = []
  readonly #entries: Array<Entry<unknown>> = []
  readonly #keys: Array<number> = []
  readonly #starts: Array<number> = []
  readonly #ends: Array<number> = []
  #isAsHeld: boolean

  constructor(held: Table<unknown> | undefined) {
    this.#held = held
    this.#isAsHeld = held !== undefined
  }

  add(name: string, key: number, start: number, end: number, entry: Entry<unknown>): void {
    if (this.#isAsHeld && this.#held!.names[this.#names.length] !== name) this.#isAsHeld = false
    this.#names.push(name)
    this.#entries.push(entry)
    this.#keys.push(key)
    this.#starts.push(start)
    this.#ends.push(end)
  }

  /** Adds members of the held table, the last of which ends at `end` now. */
  addRun({ ends, entries, keys, names, starts }: Table<unknown>, first: number, count: number, end: number): void {
    const shift = end - ends[first + count - 1]!
    for (let i = first; i < first + count; i++) {
      this.add(names[i]!, keys[i]! + shift, starts[i]! + shift, ends[i]! + shift, entries[i]!)
    }
  }

  build(): Table<unknown> {
    const isAsHeld = this.#isAsHeld && this.#held!.names.length === this.#names.length
    return {
      names: isAsHeld ? this.#held!.names : this.#names,
      ordinals: isAsHeld ? this.#held!.ordinals : new Map(this.#names.map((name, ordinal) => [name, ordinal])),
      entries: this.#entries,
      keys: this.#keys,
      starts: this.#starts,
      ends: this.#ends
    }
  }
}

/** Goes through bytes of JSON. */
class Scanner {
  readonly bytes: Buffer
  /** Where it is. */
  at = 0
  #allowance = portion
  /** The value that is being skipped: for each of its open containers, whether it is an object. */
  readonly #containers: Array<boolean> = []
  #depth = 0
  #isBeforeValue = true

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = skipSpace(this.bytes, 0)
  }

  /** Whether the portion is used up. */
  get isSpent(): boolean {
    return this.#allowance <= 0
  }

  spend(work: number): void {
    this.#allowance -= work
  }

  /** Begins another portion. */
  rest(): void {
    this.#allowance = portion
  }

  get isAtObject(): boolean {
    return this.bytes[this.at] === openBrace
  }

  /** Into an object: whether it has members. */
  open(): boolean {
    this.at = skipSpace(this.bytes, this.at + 1)
    if (this.bytes[this.at] !== closeBrace) return true
    this.at++
    return false
  }

  /** Behind the value of a member: whether another follows. */
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

  /** Over a key and the colon behind it, to the value. */
  key(): string {
    const { at, bytes } = this
    this.at = skipKey(bytes, at)
    this.#allowance -= this.at - at + costOfMember
    let end = at + 1
    while (bytes[end]! > quote && bytes[end]! < 0x80 && bytes[end] !== backslash) end++
    if (bytes[end] === quote) return bytes.toString("latin1", at + 1, end)
    return JSON.parse(textOf(bytes, at, skipString(bytes, at))) as string
  }

  /** Over what is at hand, if it is the same as whole values, or members, in other bytes. */
  take(other: Buffer, start: number, end: number): boolean {
    const { at, bytes } = this
    const until = at + end - start
    // A number may go on behind the same digits.
    if (until >= bytes.length || !isDelimiter(bytes[until]!)) return false
    this.#allowance -= (end - start) / comparedPerChecked
    if (bytes.compare(other, start, end, at, until) !== 0) return false
    this.at = until
    return true
  }

  /** Over the value at hand, if it is that of a held member, whose entry it gives. */
  takeValue(
    before: Buffer | undefined,
    held: Table<unknown> | undefined,
    ordinal: number | undefined
  ): Entry<unknown> | undefined {
    if (before === undefined || held === undefined || ordinal === undefined) return undefined
    return this.take(before, held.starts[ordinal]!, held.ends[ordinal]!) ? held.entries[ordinal] : undefined
  }

  /**
   * Over the value at hand, without recursion: whether it was reached in this portion. If not, call it again after
   * `rest`.
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
        const isObject = containers[depth - 1]!
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
export const textOf = (bytes: Uint8Array, start: number, end: number): string => utf8.decode(bytes.subarray(start, end))

const isSpace = (code: number | undefined): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

const isDelimiter = (code: number): boolean => code === comma || code === closeBrace || isSpace(code)

const isDigit = (code: number | undefined): boolean => code !== undefined && code >= 0x30 && code <= 0x39

const isHexDigit = (code: number | undefined): boolean =>
  code !== undefined && (isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66))

const unexpected = (bytes: Buffer, at: number): JsonError =>
  at >= bytes.length
    ? new JsonError(`unexpected end at byte ${at}`)
    : new JsonError(`unexpected ${JSON.stringify(characterAt(bytes, at))} at byte ${at}`)

const characterAt = (bytes: Buffer, at: number): string => [...textOf(bytes, at, at + 4)][0] ?? ""

const skipSpace = (bytes: Buffer, at: number): number => {
  while (isSpace(bytes[at])) at++
  return at
}

/** Over a string and the colon behind it. */
const skipKey = (bytes: Buffer, at: number): number => {
  if (bytes[at] !== quote) throw unexpected(bytes, at)
  const end = skipSpace(bytes, skipString(bytes, at))
  if (bytes[end] !== colon) throw unexpected(bytes, end)
  return skipSpace(bytes, end + 1)
}

const skipString = (bytes: Buffer, at: number): number => {
  for (let i = at + 1; ; i++) {
    const code = bytes[i]!
    if (code > quote && code !== backslash) continue
    if (code === quote) return i + 1
    if (code === backslash) i = skipEscape(bytes, i + 1)
    else if (!(code >= 0x20)) throw unexpected(bytes, i)
  }
}

/** `"\/bfnrt`. */
const escapes: ReadonlySet<number | undefined> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74])

/** To the last byte of what follows a backslash. */
const skipEscape = (bytes: Buffer, at: number): number => {
  if (escapes.has(bytes[at])) return at
  if (bytes[at] !== 0x75) throw unexpected(bytes, at)
  for (let i = at + 1; i <= at + 4; i++) if (!isHexDigit(bytes[i])) throw unexpected(bytes, i)
  return at + 4
}

const skipScalar = (bytes: Buffer, at: number): number => {
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

const skipWord = (bytes: Buffer, at: number, word: string): number => {
  for (let i = 1; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) throw unexpected(bytes, at + i)
  return at + word.length
}

const skipNumber = (bytes: Buffer, at: number): number => {
  if (bytes[at] === 0x2d) at++
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at)
  if (bytes[at] === 0x2e) at = skipDigits(bytes, at + 1)
  if ((bytes[at]! | 0x20) === 0x65) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    at = skipDigits(bytes, at)
  }
  return at
}

/** Over one digit or more. */
const skipDigits = (bytes: Buffer, at: number): number => {
  if (!isDigit(bytes[at])) throw unexpected(bytes, at)
  do at++
  while (isDigit(bytes[at]))
  return at
}
