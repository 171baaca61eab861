/**
 * Buckets of units: the part of the users that a salt selects.
 */
import { Sha256, type Words } from "./sha256.js"

/**
 * The 64-bit number of the two words modulo `modulus` (at most 2^20), without big integers: 2^32 is congruent to its
 * own remainder.
 */
export const modulo = (high: number, low: number, modulus: number): number =>
  ((high % modulus) * (0x100000000 % modulus) + (low % modulus)) % modulus

/** Longer unit IDs are rare. */
const maxUnitLength = 64

/** A recently bucketed unit ID, as words for the hash: one user is bucketed for many salts. */
class Unit implements Words {
  text: string | undefined = undefined
  length = 0
  /** Four characters in each, then the byte that begins the padding. */
  readonly words = new Int32Array(maxUnitLength / 4 + 1)
  count = 0

  /** Stores a text; returns whether it is short and ASCII. */
  read(text: string): boolean {
    const end = text.length
    if (end > maxUnitLength) return false
    const { words } = this
    this.text = undefined
    let all = 0
    let index = 0
    for (let i = 3; i < end; i += 4) {
      const c0 = text.charCodeAt(i - 3)
      const c1 = text.charCodeAt(i - 2)
      const c2 = text.charCodeAt(i - 1)
      const c3 = text.charCodeAt(i)
      all |= c0 | c1 | c2 | c3
      words[index++] = (c0 << 24) | (c1 << 16) | (c2 << 8) | c3
    }
    let last = 0x80
    for (let i = end - 1; i >= index << 2; i--) {
      const code = text.charCodeAt(i)
      all |= code
      last = (last << 8) | code
    }
    if (all > 127) return false
    // `last` holds its first byte lowest.
    words[index] = (last << 24) | ((last & 0xff00) << 8) | ((last >>> 8) & 0xff00) | (last >>> 24)
    this.text = text
    this.length = end
    this.count = index + 1
    return true
  }
}

/** The number of id types in use at a time: a user's own, a device's, a company's. */
const unitsKept = 4

/** Memory that bucketers share because they never use it at the same time. */
class Scratch {
  readonly hash = new Sha256()
  readonly #units = Array.from({ length: unitsKept }, () => new Unit())
  #oldest = 0

  /** The words of a text; `undefined` if it is long or not ASCII. */
  unit(text: string): Unit | undefined {
    for (const unit of this.#units) if (unit.text === text) return unit
    const unit = this.#units[this.#oldest]!
    this.#oldest = (this.#oldest + 1) % unitsKept
    return unit.read(text) ? unit : undefined
  }
}

/** The number of buckets: of rules, and of layers and experiments. */
type Modulus = 10_000 | 1_000

/**
 * Buckets of units for one salt prefix. Caches the last result, because one request checks the same holdouts
 * repeatedly.
 */
export class Bucketer {
  readonly #start = new Sha256()
  readonly #scratch: Scratch
  readonly #modulus: Modulus
  #lastUnit: string | undefined = undefined
  #lastBucket = 0

  /** `scratch` belongs to the owner of many bucketers. */
  constructor(prefix: string, modulus: Modulus, scratch: Scratch) {
    this.#start.text(prefix)
    this.#scratch = scratch
    this.#modulus = modulus
  }

  /** The bucket of a unit, 0 to modulus - 1. */
  of(text: string): number {
    if (text === this.#lastUnit) return this.#lastBucket
    const { hash } = this.#scratch
    const unit = this.#scratch.unit(text)
    if (unit !== undefined) hash.finishWith(this.#start, unit)
    else {
      hash.restore(this.#start)
      hash.text(text)
      hash.finish()
    }
    const high = hash.state[0] >>> 0
    const low = hash.state[1] >>> 0
    // `modulo` with literals: dividing by a variable takes ten times as long.
    const bucket =
      this.#modulus === 10_000
        ? ((high % 10_000) * 7_296 + (low % 10_000)) % 10_000
        : ((high % 1_000) * 296 + (low % 1_000)) % 1_000
    this.#lastUnit = text
    this.#lastBucket = bucket
    return bucket
  }
}

/** Makes bucketers that share memory. */
export class Bucketers {
  readonly #scratch = new Scratch()
  readonly #shared = new Map<string, Bucketer>()

  /** The number of shared bucketers. */
  get size(): number {
    return this.#shared.size
  }

  /** A bucketer that is not shared. */
  make(prefix: string, modulus: Modulus): Bucketer {
    return new Bucketer(prefix, modulus, this.#scratch)
  }

  /** The shared bucketer for this prefix and modulus: the groups of an experiment are ranges of the same bucket. */
  shared(prefix: string, modulus: Modulus): Bucketer {
    const key = `${modulus} ${prefix}`
    let bucketer = this.#shared.get(key)
    if (bucketer === undefined) {
      bucketer = this.make(prefix, modulus)
      this.#shared.set(key, bucketer)
    }
    return bucketer
  }
}
