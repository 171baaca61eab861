/**
 * Long lists of texts, read straight from the bytes of a payload.
 *
 * Targeting by ids takes lists of a million. Texts for all of them would take seconds and fill the memory, so a list
 * keeps the bytes, and for each item its position and a hash. Reading it yields, and no look-up takes long: until the
 * hash table is complete, each one adds a portion to it and searches the rest item by item.
 */
import { halfPair } from "../json.js"
import { type LowerText, lowerBit, lowerHash, mixed } from "./lowerText.js"

/** A list of texts. Of two that are equal ignoring case only the later one counts, as in the official SDK. */
export interface TextSet {
  /** Whether it has the text, ignoring case. */
  readonly has: (lower: LowerText) => boolean
  /** Whether it has the text, in the same case. */
  readonly hasExactly: (text: string) => boolean
}

const quote = 0x22
const comma = 0x2c
const minus = 0x2d
const zero = 0x30
const nine = 0x39
const backslash = 0x5c
const closeBracket = 0x5d

/** Bytes read between two yields: a millisecond. */
const bytesPerTurn = 1 << 19
/** Items added to the table by one look-up: less than a millisecond. */
const placedPerLookup = 1 << 13
/** Digits of integers that JSON numbers represent exactly; their text is as they are written. */
const plainDigits = 15

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

const isDigit = (code: number | undefined): boolean => code !== undefined && code >= zero && code <= nine
const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a
const lowerByte = (code: number): number => (isUpper(code) ? code | lowerBit : code)

/** A growing array of 32-bit integers. */
class Integers {
  values = new Int32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(this.length * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.length++] = value
  }
}

/** A list whose items are texts or plain integers. */
export class LongList implements TextSet {
  readonly #bytes: Uint8Array
  /** Where each item begins; a text after its quote. */
  readonly #starts: Int32Array
  readonly #hashes: Int32Array
  /** Items that are written with escapes or beyond ASCII. */
  readonly #decoded: ReadonlyMap<number, string>
  readonly length: number
  /** The length of its JSON. */
  readonly byteLength: number
  /** Open addressing: the number of an item plus one, or 0. Made by the first look-up. */
  #places: Int32Array | undefined = undefined
  /** The number of items in the table. */
  #placed = 0

  private constructor(bytes: Uint8Array, starts: Integers, hashes: Integers, decoded: ReadonlyMap<number, string>) {
    this.#bytes = bytes
    this.length = starts.length
    this.byteLength = bytes.length
    this.#starts = starts.values.slice(0, this.length)
    this.#hashes = hashes.values.slice(0, this.length)
    this.#decoded = decoded
  }

  /**
   * Reads a list from valid JSON that begins with it. Returns `undefined` for one with other items, or with halves of
   * surrogate pairs. Yields where others may take a turn.
   */
  static *read(bytes: Uint8Array): Generator<void, LongList | undefined> {
    const starts = new Integers()
    const hashes = new Integers()
    const decoded = new Map<number, string>()
    let next = bytesPerTurn
    let at = 1
    for (;;) {
      const code = bytes[at] as number
      if (code === closeBracket) break
      if (code === quote) {
        const end = readText(bytes, at + 1, hashes)
        if (end < 0) {
          const textEnd = endOfText(bytes, at + 1)
          const text = JSON.parse(utf8.decode(bytes.subarray(at, textEnd + 1))) as string
          if (halfPair.test(text)) return undefined
          decoded.set(starts.length, text)
          hashes.push(lowerHash(text))
          starts.push(at + 1)
          at = textEnd + 1
        } else {
          starts.push(at + 1)
          at = end + 1
        }
      } else if (isDigit(code) || code === minus) {
        const end = readInteger(bytes, at, hashes)
        if (end < 0) return undefined
        starts.push(at)
        at = end
      } else if (code > 0x20 && code !== comma) return undefined
      else at++
      if (at > next) {
        next = at + bytesPerTurn
        yield
      }
    }
    // The payload must not be kept for the list alone.
    return new LongList(bytes.slice(0, at + 1), starts, hashes, decoded)
  }

  has({ hash, text }: LowerText): boolean {
    return this.#last(hash, text) >= 0
  }

  hasExactly(text: string): boolean {
    const item = this.#last(lowerHash(text), text.toLowerCase())
    return item >= 0 && this.#text(item) === text
  }

  /** The items as texts. */
  texts(): ReadonlyArray<string> {
    return Array.from({ length: this.length }, (_, item) => this.#text(item))
  }

  /** The last item that is equal ignoring case; -1 if there is none. */
  #last(hash: number, lower: string): number {
    this.#place()
    const rest = this.#hashes.subarray(this.#placed)
    for (let at = rest.lastIndexOf(hash); at >= 0; at = at === 0 ? -1 : rest.lastIndexOf(hash, at - 1)) {
      if (this.#equals(this.#placed + at, lower)) return this.#placed + at
    }
    return this.#numberAt(this.#find(hash, lower)) - 1
  }

  /** Adds the next items to the table. */
  #place(): void {
    if (this.#placed === this.length) return
    this.#places ??= new Int32Array(2 ** Math.ceil(Math.log2(2 * this.length + 1)))
    const end = Math.min(this.#placed + placedPerLookup, this.length)
    for (let item = this.#placed; item < end; item++) {
      const hash = this.#hashes[item] as number
      this.#places[this.#find(hash, undefined, item)] = item + 1
    }
    this.#placed = end
  }

  #numberAt(place: number): number {
    return this.#places?.[place] ?? 0
  }

  /** The place of the text, or of the item if no text is given, or the free place where it belongs. */
  #find(hash: number, lower: string | undefined, item = 0): number {
    const mask = (this.#places?.length ?? 1) - 1
    let place = hash & mask
    for (let number = this.#numberAt(place); number !== 0; number = this.#numberAt(place)) {
      if (this.#hashes[number - 1] === hash && this.#equals(number - 1, lower ?? this.#text(item).toLowerCase())) break
      place = (place + 1) & mask
    }
    return place
  }

  #equals(item: number, lower: string): boolean {
    const decoded = this.#decoded.get(item)
    if (decoded !== undefined) return decoded.toLowerCase() === lower
    const bytes = this.#bytes
    const start = this.#starts[item] as number
    const end = start + lower.length
    if (this.#end(item) !== end) return false
    for (let at = start; at < end; at++) {
      if (lowerByte(bytes[at] as number) !== lower.charCodeAt(at - start)) return false
    }
    return true
  }

  #end(item: number): number {
    const start = this.#starts[item] as number
    return this.#bytes[start - 1] === quote ? this.#bytes.indexOf(quote, start) : endOfInteger(this.#bytes, start)
  }

  #text(item: number): string {
    return this.#decoded.get(item) ?? utf8.decode(this.#bytes.subarray(this.#starts[item] as number, this.#end(item)))
  }
}

/** Reads a text in ASCII without escapes; returns the position of its last quote, or -1 for another text. */
const readText = (bytes: Uint8Array, start: number, hashes: Integers): number => {
  let hash = 0
  let all = 0
  let at = start
  for (let code = bytes[at] as number; code !== quote; code = bytes[++at] as number) {
    if (code === backslash) return -1
    all |= code
    hash = (Math.imul(hash, 31) + (code | lowerBit)) | 0
  }
  if (all > 127) return -1
  hashes.push(mixed(hash))
  return at
}

const endOfText = (bytes: Uint8Array, start: number): number => {
  let at = start
  while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}

const endOfInteger = (bytes: Uint8Array, start: number): number => {
  let at = start + 1
  while (isDigit(bytes[at])) at++
  return at
}

/** Reads an integer; returns the position after it, or -1 for a number whose text may differ from its spelling. */
const readInteger = (bytes: Uint8Array, start: number, hashes: Integers): number => {
  const end = endOfInteger(bytes, start)
  const isNegative = bytes[start] === minus
  const after = bytes[end]
  const isWhole = after === comma || after === closeBracket || (after as number) <= 0x20
  if (!isWhole || end - start > plainDigits || (isNegative && bytes[start + 1] === zero)) return -1
  let hash = 0
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + ((bytes[at] as number) | lowerBit)) | 0
  hashes.push(mixed(hash))
  return end
}
