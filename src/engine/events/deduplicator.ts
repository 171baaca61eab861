/**
 * Remembers recently logged exposures, within a bound.
 *
 * A key is a spec, a rule, the result and the user. As in the official SDK only its 64-bit hash is kept: a million
 * users leave nothing but numbers, in arrays that the garbage collector does not scan. Each key has a slot. An
 * open-addressing table finds the slot by the hash, and the slots form a ring ordered by when they were last seen. When
 * all slots are in use, a new key replaces the one that was unseen for longest.
 *
 * The cost of a look-up is memory latency, since each key is at another spot. So related data is stored together: a
 * place of the table shows by itself whether it may hold the key, and all data of a slot is in one spot.
 */

/** The result: a boolean, or the parameter of a layer that was read. */
export type KeyAnswer = boolean | string

/** No slot: the ring begins and ends at it, and free places of the table hold it. */
const none = 0
/** The initial number, doubled whenever all are in use. Small, because an instance may never log an exposure. */
const firstSlots = 16
/** Ends a text in a hash; no character has this code. */
const endOfText = 0x10000
/** Any two odd numbers with many bits. */
const multipliers = [0x9e3779b1, 0x5f356495] as const

/** A 64-bit hash, in two halves. */
export interface Hash {
  readonly high: number
  readonly low: number
}

/** Continues the hash `before` with a text; the text stays with it. */
const hashText = (text: string, before: Hash): Hash & { readonly text: string } => {
  let { high, low } = before
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = Math.imul(high ^ code, multipliers[0])
    low = Math.imul(low ^ code, multipliers[1])
  }
  return { text, high: Math.imul(high ^ endOfText, multipliers[0]), low: Math.imul(low ^ endOfText, multipliers[1]) }
}

/** The part of a key for a spec and a rule. It is the same for all users, so it is cached with their exposure form. */
export const hashNames = (spec: string, rule: string): Hash => hashText(rule, hashText(spec, { high: 0, low: ~0 }))

/** The hashes of the last few texts: a request checks many names for one user and two or three unit IDs. */
class TextHashes {
  readonly #before: Hash
  readonly #known: Array<ReturnType<typeof hashText>>
  #next = 0

  constructor(seed: number) {
    this.#before = { high: seed, low: ~seed }
    this.#known = Array.from({ length: 8 }, () => hashText("", this.#before))
  }

  of(text: string): Hash {
    for (const known of this.#known) if (known.text === text) return known
    const hash = hashText(text, this.#before)
    this.#known[this.#next] = hash
    this.#next = (this.#next + 1) % this.#known.length
    return hash
  }
}

/** The fields of a slot: the two halves of the key's hash, and the slots seen just after and just before it. */
const highOf = 0
const lowOf = 1
const newerOf = 2
const olderOf = 3
const slotLength = 4
/** The fields of a place: a slot, and the lower half of its key's hash. */
const placeLength = 2

/** The index is always valid: places are taken modulo their number, and slots come from places and from the ring. */
const entryAt = (numbers: Int32Array, index: number): number => numbers[index] as number

/** A set of at most `capacity` keys. A random seed makes it unpredictable which keys share a place. */
export class Deduplicator {
  readonly #capacity: number
  #size = 0
  #slots = new Int32Array(slotLength * firstSlots)
  /** Twice as many as slots, so that a free one is near. */
  #places = new Int32Array(placeLength * 2 * firstSlots)
  readonly #hashes: TextHashes
  /** The hash of the current key. */
  #high = 0
  #low = 0

  constructor(capacity: number, seed: number) {
    this.#capacity = Math.max(capacity, 1)
    this.#hashes = new TextHashes(seed)
  }

  /** The number of keys held. */
  get size(): number {
    return this.#size
  }

  /** Adds a key and returns whether it was new. `unit` is the unit ID of the check, if the key includes it. */
  add(names: Hash, answer: KeyAnswer, user: string, unit: string | undefined): boolean {
    this.#hash(names, answer, user, unit)
    const high = this.#high
    const low = this.#low
    const places = this.#places
    let place = firstPlace(places, low)
    for (let slot = entryAt(places, place); slot !== none; slot = entryAt(places, place)) {
      if (places[place + 1] === low && this.#slots[slotLength * slot + highOf] === high) {
        this.#unlink(slot)
        this.#linkAsNewest(slot)
        return false
      }
      place = nextPlace(places, place)
    }
    const slot = this.#freeSlot()
    this.#slots[slotLength * slot + highOf] = high
    this.#slots[slotLength * slot + lowOf] = low
    this.#place(slot)
    this.#linkAsNewest(slot)
    return true
  }

  /** Removes all keys. */
  clear(): void {
    this.#places.fill(none)
    this.#size = 0
    this.#slots[newerOf] = none
    this.#slots[olderOf] = none
  }

  // --- the hash

  #hash(names: Hash, answer: KeyAnswer, user: string, unit: string | undefined): void {
    const who = this.#hashes.of(user)
    const flags = (answer === false ? 1 : answer === true ? 2 : 3) + (unit === undefined ? 0 : unit === user ? 4 : 8)
    let high = Math.imul(names.high ^ flags, multipliers[0]) ^ who.high
    let low = Math.imul(names.low ^ flags, multipliers[1]) ^ who.low
    if (typeof answer === "string") {
      const parameter = this.#hashes.of(answer)
      high = Math.imul(high, multipliers[1]) ^ parameter.high
      low = Math.imul(low, multipliers[0]) ^ parameter.low
    }
    if (unit !== undefined && unit !== user) {
      const whose = this.#hashes.of(unit)
      high = Math.imul(high, multipliers[1]) ^ whose.high
      low = Math.imul(low, multipliers[0]) ^ whose.low
    }
    this.#low = Math.imul(low ^ (low >>> 15), multipliers[0]) ^ Math.imul(high ^ (high >>> 13), multipliers[1])
    this.#high = Math.imul(high ^ (high >>> 16), multipliers[0]) ^ Math.imul(low ^ (low >>> 14), multipliers[1])
  }

  // --- the table

  /** Puts a slot into the first free place, starting from that of its hash. */
  #place(slot: number): void {
    const places = this.#places
    const low = entryAt(this.#slots, slotLength * slot + lowOf)
    let place = firstPlace(places, low)
    while (places[place] !== none) place = nextPlace(places, place)
    places[place] = slot
    places[place + 1] = low
  }

  /** Frees the place of a slot, and moves up later ones that the gap would make unreachable. */
  #displace(slot: number): void {
    const places = this.#places
    const last = places.length - 1
    let free = firstPlace(places, entryAt(this.#slots, slotLength * slot + lowOf))
    while (places[free] !== slot) free = nextPlace(places, free)
    for (let place = nextPlace(places, free); places[place] !== none; place = nextPlace(places, place)) {
      const low = entryAt(places, place + 1)
      const wanted = firstPlace(places, low)
      if (((place - wanted) & last) < ((place - free) & last)) continue
      places[free] = entryAt(places, place)
      places[free + 1] = low
      free = place
    }
    places[free] = none
  }

  #freeSlot(): number {
    if (this.#size >= this.#capacity) {
      const oldest = entryAt(this.#slots, newerOf)
      this.#unlink(oldest)
      this.#displace(oldest)
      return oldest
    }
    const slot = ++this.#size
    if (slotLength * slot === this.#slots.length) this.#grow()
    return slot
  }

  #grow(): void {
    const slots = this.#slots
    this.#slots = new Int32Array(2 * slots.length)
    this.#slots.set(slots)
    this.#places = new Int32Array(2 * this.#places.length)
    for (let slot = 1; slot < this.#size; slot++) this.#place(slot)
  }

  // --- the ring, which begins and ends at `none`

  #linkAsNewest(slot: number): void {
    const slots = this.#slots
    const newest = entryAt(slots, olderOf)
    slots[slotLength * slot + olderOf] = newest
    slots[slotLength * slot + newerOf] = none
    slots[slotLength * newest + newerOf] = slot
    slots[olderOf] = slot
  }

  #unlink(slot: number): void {
    const slots = this.#slots
    const newer = entryAt(slots, slotLength * slot + newerOf)
    const older = entryAt(slots, slotLength * slot + olderOf)
    slots[slotLength * older + newerOf] = newer
    slots[slotLength * newer + olderOf] = older
  }
}

/** The preferred place of a hash. */
const firstPlace = (places: Int32Array, low: number): number => (placeLength * low) & (places.length - 1)

const nextPlace = (places: Int32Array, place: number): number => (place + placeLength) & (places.length - 1)
