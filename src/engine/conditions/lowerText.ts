/**
 * Texts in lower case, as most operators compare them, and sets of such texts.
 *
 * Targeting by lists of ids looks up one text in several long lists. So values derived from a text are cached with it,
 * and each list has a filter in front: most texts are in no list, and one bit shows it without a look at the list's own
 * texts, which are scattered over the memory.
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
    if (this.#hash < 0) this.#hash = hashOf(this.text)
    return this.#hash
  }
}

const hashOf = (text: string): number => {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  // The bits that the filter reads depend on all others.
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 4
}

/** Bits of the filter for each text: one in sixteen texts outside the set still has to be looked up. */
const bitsPerText = 16

/** Smaller sets have no filter. */
const filteredSize = 16

/** A word of the filter. Its length is a power of two, so a masked index is within it. */
const bitsAt = (filter: Int32Array, index: number): number => filter[index] as number

/** A set of texts in lower case. */
export class LowerTextSet {
  readonly #texts: ReadonlySet<string>
  /** A power of two of bits; `undefined` for a small set. */
  readonly #filter: Int32Array | undefined

  constructor(texts: Iterable<string>) {
    this.#texts = new Set(texts)
    const { size } = this.#texts
    if (size < filteredSize) {
      this.#filter = undefined
      return
    }
    const filter = new Int32Array(2 ** Math.ceil(Math.log2((size * bitsPerText) / 32)))
    for (const text of this.#texts) {
      const hash = hashOf(text)
      const word = (hash >>> 5) & (filter.length - 1)
      filter[word] = bitsAt(filter, word) | (1 << hash)
    }
    this.#filter = filter
  }

  has(lower: LowerText): boolean {
    const filter = this.#filter
    if (filter !== undefined) {
      const { hash } = lower
      if ((bitsAt(filter, (hash >>> 5) & (filter.length - 1)) & (1 << hash)) === 0) return false
    }
    return this.#texts.has(lower.text)
  }
}
