/**
 * Texts in lower case, as most operators compare them, and the lists of texts in which they are looked up.
 *
 * Targeting by lists of ids looks up one text in several lists. So values derived from a text are cached with it, and
 * the hashes of a list are in one array: one place of it mostly shows that a text is not in the list. Preparing a list
 * makes no text and no object, since it happens at a first check. Longer lists are in `longList.ts`.
 */
import { textOf, type UserValue } from "./values.js"

/** The lower-case text of a user's value; a value without a text form counts as empty. */
export class LowerText {
  readonly text: string
  #hash = -1

  constructor(value: UserValue) {
    this.text = (textOf(value) ?? "").toLowerCase()
  }

  /** A hash of the text, not negative. */
  get hash(): number {
    if (this.#hash < 0) this.#hash = lowerHash(this.text)
    return this.#hash
  }
}

/** The bit that letters of ASCII in lower case have in addition. A hash takes all characters with it. */
export const lowerBit = 0x20

/** A hash of the text in lower case. */
export const lowerHash = (text: string): number => {
  let hash = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return textHash(text.toLowerCase())
    hash = (Math.imul(hash, 31) + (code | lowerBit)) | 0
  }
  return mixed(hash)
}

const textHash = (text: string): number => {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + (text.charCodeAt(i) | lowerBit)) | 0
  return mixed(hash)
}

/** The bits that choose a place depend on all others. */
export const mixed = (hash: number): number => Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 4

/** The fields of a place: a hash, and the index of its text plus one, which is 0 in a free place. */
const placeLength = 2

/** The index is always valid: places are taken modulo their number. */
const entryAt = (places: Int32Array, index: number): number => places[index] as number

/** A list of texts. Of two that are equal ignoring case the later one counts, as in the official SDK. */
export class TextList {
  readonly #texts: ReadonlyArray<string>
  /** Open addressing. At least half of the places are free. */
  readonly #places: Int32Array

  constructor(texts: ReadonlyArray<string>) {
    this.#texts = texts
    this.#places = new Int32Array(placeLength * 2 ** Math.ceil(Math.log2(2 * texts.length + 1)))
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index] as string
      const hash = lowerHash(text)
      const place = this.#find(hash, other => other.toLowerCase() === text.toLowerCase())
      this.#places[place] = hash
      this.#places[place + 1] = index + 1
    }
  }

  /** Whether it has the text, ignoring case. */
  has(lower: LowerText): boolean {
    const place = this.#find(lower.hash, text => text.toLowerCase() === lower.text)
    return this.#places[place + 1] !== 0
  }

  /** Whether it has the text, in the same case. */
  hasExactly(text: string): boolean {
    const place = this.#find(lowerHash(text), other => other === text)
    return this.#places[place + 1] !== 0
  }

  /** The place of the text with that hash for which `isWanted` holds, or the free place where it belongs. */
  #find(hash: number, isWanted: (text: string) => boolean): number {
    const places = this.#places
    let place = (placeLength * hash) & (places.length - 1)
    for (let number = entryAt(places, place + 1); number !== 0; number = entryAt(places, place + 1)) {
      if (places[place] === hash && isWanted(this.#texts[number - 1] as string)) break
      place = (place + placeLength) & (places.length - 1)
    }
    return place
  }
}
