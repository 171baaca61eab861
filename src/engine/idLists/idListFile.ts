/**
 * The files of ID lists: a line `+xxxxxxxx` adds an id, a line `-xxxxxxxx` removes one, in file order. The eight
 * characters are the first of the base64 of the id's SHA-256, which are 48 bits.
 *
 * Any other line is ignored, since no id has such a hash: other lengths, surrounding blanks, other characters. A
 * carriage return before the line feed is not part of the line; the last line needs no line feed.
 */
import type { PackedSet } from "./packedSet.js"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

const newline = 10
const carriageReturn = 13
const plus = 43
const minus = 45

/** A sign and eight characters. */
const lineLength = 9

/** The bytes of an id with its line feed, to estimate the number of ids from the size of a file. */
export const bytesPerId = lineLength + 1

/** For characters outside the alphabet: a bit that no valid value has. */
const noCharacter = 64

const values = new Uint8Array(256).fill(noCharacter)
for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value

/** The value of the character at a position; every byte has one. */
const valueAt = (bytes: Uint8Array, at: number): number => values[bytes[at] as number] as number

/** Reads a file into a set, in chunks that may end anywhere. */
export class IdListReader {
  /** The start of an unfinished line; of a long line only enough to show that it is too long. */
  readonly #open = new Uint8Array(lineLength + 2)
  #openLength = 0

  constructor(private readonly ids: PackedSet) {}

  /** The number of bytes since the last line feed. */
  get openLength(): number {
    return this.#openLength
  }

  read(bytes: Uint8Array): void {
    let at = this.#openLength === 0 ? 0 : this.#close(bytes)
    while (at < bytes.length) {
      if (bytes[at + lineLength] === newline && this.#apply(bytes, at)) {
        at += lineLength + 1
        continue
      }
      const end = bytes.indexOf(newline, at)
      if (end === -1) {
        this.#keep(bytes, at, bytes.length)
        return
      }
      const length = end - at - (bytes[end - 1] === carriageReturn && end > at ? 1 : 0)
      if (length === lineLength) this.#apply(bytes, at)
      at = end + 1
    }
  }

  /** Ends the file. */
  end(): void {
    if (this.#openLength === lineLength) this.#apply(this.#open, 0)
    this.#openLength = 0
  }

  /** Completes the open line; returns where the next one begins. */
  #close(bytes: Uint8Array): number {
    const end = bytes.indexOf(newline)
    this.#keep(bytes, 0, end === -1 ? bytes.length : end)
    if (end === -1) return bytes.length
    if (this.#openLength === lineLength + 1 && this.#open[lineLength] === carriageReturn) this.#openLength--
    this.end()
    return end + 1
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#openLength < this.#open.length) {
      const room = this.#open.length - this.#openLength
      this.#open.set(bytes.subarray(start, Math.min(end, start + room)), this.#openLength)
    }
    this.#openLength += end - start
  }

  /** Applies a line of nine bytes; `false` if they are not a valid line. */
  #apply(bytes: Uint8Array, at: number): boolean {
    const sign = bytes[at]
    if (sign !== plus && sign !== minus) return false
    const a = valueAt(bytes, at + 1)
    const b = valueAt(bytes, at + 2)
    const c = valueAt(bytes, at + 3)
    const d = valueAt(bytes, at + 4)
    const e = valueAt(bytes, at + 5)
    const f = valueAt(bytes, at + 6)
    const g = valueAt(bytes, at + 7)
    const h = valueAt(bytes, at + 8)
    if (((a | b | c | d | e | f | g | h) & noCharacter) !== 0) return false
    const high = (a << 18) | (b << 12) | (c << 6) | d
    const low = (e << 18) | (f << 12) | (g << 6) | h
    if (sign === plus) this.ids.add(high, low)
    else this.ids.delete(high, low)
    return true
  }
}

/** The file of exactly these ids, a few thousand lines at a time. The set must not change meanwhile. */
export function* idListLines(ids: PackedSet): Iterable<string> {
  for (const keys of ids.parts()) {
    let lines = ""
    for (const [high, low] of keys) lines += `+${base64(high)}${base64(low)}\n`
    yield lines
  }
}

const base64 = (bits: number): string =>
  alphabet.charAt(bits >>> 18) +
  alphabet.charAt((bits >>> 12) & 63) +
  alphabet.charAt((bits >>> 6) & 63) +
  alphabet.charAt(bits & 63)
