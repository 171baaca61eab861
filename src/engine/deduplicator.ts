/**
 * Remembers which exposures were logged lately, within a bound.
 *
 * A key is a spec and a rule, what was answered, and who asked. As in the official SDK only its 64-bit hash is kept: a
 * million users leave nothing behind but numbers, in arrays that the garbage collector never looks into. A key has a
 * slot. An open-addressing table finds the slot by the hash, and the slots stand in a ring by the time they were last
 * seen; once all are in use, the key that was unseen for longest gives up its own.
 */

/** What was answered: a truth value, or a parameter of a layer that was read. */
export type Answer = boolean | string

/** The slot that is none: the ring begins and ends at it, and free places of the table hold it. */
const none = 0
/** At first; then twice as many whenever they are all in use. */
const firstSlots = 512
/** Ends a text in a hash; no character has this code. */
const endOfText = 0x10000
/** Any two odd numbers with many bits. */
const multipliers = [0x9e3779b1, 0x5f356495] as const

/** A hash of 64 bits, in two halves. */
export interface Hash {
  readonly high: number
  readonly low: number
}

const hashOf = (first: string, second: string, seed: number): Hash => {
  let high = seed
  let low = ~seed
  for (const text of [first, second]) {
    for (let i = 0; i <= text.length; i++) {
      const code = i < text.length ? text.charCodeAt(i) : endOfText
      high = Math.imul(high ^ code, multipliers[0])
      low = Math.imul(low ^ code, multipliers[1])
    }
  }
  return { high, low }
}

/** The part of a key that names a spec and a rule. The same for all users, so it is kept with what is logged of them. */
export const hashNames = (spec: string, rule: string): Hash => hashOf(spec, rule, 0)

const grown = (numbers: Int32Array, length: number) => {
  const larger = new Int32Array(length)
  larger.set(numbers)
  return larger
}

/** A set of keys that holds at most `capacity` of them. With a random seed nobody can tell which keys share a place. */
export class Deduplicator {
  readonly #capacity: number
  readonly #seed: number
  #size = 0
  /** By place: a slot. Twice as many places as slots, so that a free one is near. */
  #slots = new Int32Array(2 * firstSlots)
  /** By slot: the two halves of the key's hash, and the slots seen just after and just before it. */
  #highs = new Int32Array(firstSlots)
  #lows = new Int32Array(firstSlots)
  #newer = new Int32Array(firstSlots)
  #older = new Int32Array(firstSlots)
  /** A request asks many names for one user. */
  #user: string | undefined
  #userHash: Hash = { high: 0, low: 0 }
  /** The hash of the key in question. */
  #high = 0
  #low = 0

  constructor(capacity: number, seed: number) {
    this.#capacity = Math.max(capacity, 1)
    this.#seed = seed
  }

  /** The number of keys held. */
  get size(): number {
    return this.#size
  }

  /** Whether the key is new; from now on it is not. `unit` is the id of the unit of the check, where it counts. */
  add(names: Hash, answer: Answer, user: string, unit: string | undefined): boolean {
    this.#hash(names, answer, user, unit)
    const high = this.#high
    const low = this.#low
    let place = low & (this.#slots.length - 1)
    for (let slot = this.#slots[place]!; slot !== none; slot = this.#slots[place]!) {
      if (this.#lows[slot] === low && this.#highs[slot] === high) {
        this.#unlink(slot)
        this.#linkAsNewest(slot)
        return false
      }
      place = (place + 1) & (this.#slots.length - 1)
    }
    const slot = this.#freeSlot()
    this.#highs[slot] = high
    this.#lows[slot] = low
    this.#place(slot)
    this.#linkAsNewest(slot)
    return true
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.fill(none)
    this.#size = 0
    this.#newer[none] = none
    this.#older[none] = none
  }

  // --- the hash

  #hash(names: Hash, answer: Answer, user: string, unit: string | undefined): void {
    if (user !== this.#user) {
      this.#user = user
      this.#userHash = hashOf(user, "", this.#seed)
    }
    const who = this.#userHash
    const flags = (answer === false ? 1 : answer === true ? 2 : 3) + (unit === undefined ? 0 : unit === user ? 4 : 8)
    let high = Math.imul(names.high ^ flags, multipliers[0]) ^ who.high
    let low = Math.imul(names.low ^ flags, multipliers[1]) ^ who.low
    if (typeof answer === "string" || flags >= 8) {
      const rest = hashOf(typeof answer === "string" ? answer : "", flags >= 8 ? (unit ?? "") : "", this.#seed)
      high = Math.imul(high, multipliers[1]) ^ rest.high
      low = Math.imul(low, multipliers[0]) ^ rest.low
    }
    this.#low = Math.imul(low ^ (low >>> 15), multipliers[0]) ^ Math.imul(high ^ (high >>> 13), multipliers[1])
    this.#high = Math.imul(high ^ (high >>> 16), multipliers[0]) ^ Math.imul(low ^ (low >>> 14), multipliers[1])
  }

  // --- the table

  /** Puts a slot into the first free place from that of its hash on. */
  #place(slot: number): void {
    const last = this.#slots.length - 1
    let place = this.#lows[slot]! & last
    while (this.#slots[place] !== none) place = (place + 1) & last
    this.#slots[place] = slot
  }

  /** Frees the place of a slot, and moves up those behind it that would not be found past a free place. */
  #displace(slot: number): void {
    const last = this.#slots.length - 1
    let free = this.#lows[slot]! & last
    while (this.#slots[free] !== slot) free = (free + 1) & last
    for (let place = (free + 1) & last; this.#slots[place] !== none; place = (place + 1) & last) {
      const other = this.#slots[place]!
      const wanted = this.#lows[other]! & last
      if (((place - wanted) & last) < ((place - free) & last)) continue
      this.#slots[free] = other
      free = place
    }
    this.#slots[free] = none
  }

  #freeSlot(): number {
    if (this.#size >= this.#capacity) {
      const oldest = this.#newer[none]!
      this.#unlink(oldest)
      this.#displace(oldest)
      return oldest
    }
    const slot = ++this.#size
    if (slot === this.#highs.length) this.#grow()
    return slot
  }

  #grow(): void {
    const length = 2 * this.#highs.length
    this.#highs = grown(this.#highs, length)
    this.#lows = grown(this.#lows, length)
    this.#newer = grown(this.#newer, length)
    this.#older = grown(this.#older, length)
    this.#slots = new Int32Array(2 * length)
    for (let slot = 1; slot < this.#size; slot++) this.#place(slot)
  }

  // --- the ring

  #linkAsNewest(slot: number): void {
    const newest = this.#older[none]!
    this.#older[slot] = newest
    this.#newer[slot] = none
    this.#newer[newest] = slot
    this.#older[none] = slot
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot]!
    const older = this.#older[slot]!
    this.#older[newer] = older
    this.#newer[older] = newer
  }
}
