/**
 * Remembers recently logged exposures, within a bound.
 *
 * A key is a spec, a rule, the result and the user. As in the official SDK only its 64-bit hash is kept: a million
 * users leave nothing but numbers, in arrays that the garbage collector does not scan. When the set is full, a new key
 * replaces the one that was unseen for longest.
 *
 * The cost of a look-up is memory latency, since each key is at another spot. So all but one access are sequential. A
 * log has the keys in the order in which they were seen, and an open-addressing table has their positions in the log. A
 * key that is seen again moves to the end of the log. One that is dropped stays in the table: its position is before
 * the beginning. When the log is full, both are written again without such remains.
 */

/** The result: a boolean, or the parameter of a layer that was read. */
export type KeyAnswer = boolean | string

/** The initial number of places. Small: an instance may never log an exposure. */
const firstPlaces = 32
/** The fields of a place: the lower half of a key's hash, and the position of the key, which is 0 in a free place. */
const placeLength = 2
/** The fields of a position: both halves of the hash. */
const positionLength = 2
/** Positions in the log for each place: a quarter of the places stays free. */
const positionShare = 0.75
/** The share of keys in a full log from which both arrays are doubled. */
const mostKeys = 0.75
/** Ends a text in a hash; no character has this code. */
const endOfText = 0x10000
/** Any two odd numbers with many bits. */
const multipliers = [0x9e3779b1, 0x5f356495] as const

/** A 64-bit hash, in two halves. */
export interface Hash {
  readonly high: number
  readonly low: number
}

/** Continues the hash `before` with a text. */
const hashText = (text: string, before: Hash): Hash => {
  let { high, low } = before
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = Math.imul(high ^ code, multipliers[0])
    low = Math.imul(low ^ code, multipliers[1])
  }
  return { high: Math.imul(high ^ endOfText, multipliers[0]), low: Math.imul(low ^ endOfText, multipliers[1]) }
}

/**
 * The part of a key for a spec, a rule and a parameter that was read. It is the same for all users, so it is cached with
 * their exposure form.
 */
export const hashNames = (spec: string, rule: string, answer: KeyAnswer): Hash => {
  const names = hashText(rule, hashText(spec, { high: 0, low: ~0 }))
  return typeof answer === "string" ? hashText(answer, names) : names
}

/** A text, with its hash for the set that last asked for it. */
class HashedText implements Hash {
  readonly text: string
  high = 0
  low = 0
  #seed: Hash | undefined = undefined

  constructor(text: string) {
    this.text = text
  }

  for(seed: Hash): Hash {
    if (this.#seed !== seed) {
      const { high, low } = hashText(this.text, seed)
      this.high = high
      this.low = low
      this.#seed = seed
    }
    return this
  }
}

/** The user of a key: cached on the user, with the unit ID that was last asked for. */
export class KeyUser extends HashedText {
  #unit: HashedText | undefined = undefined

  unit(text: string): HashedText {
    if (this.#unit?.text !== text) this.#unit = new HashedText(text)
    return this.#unit as HashedText
  }
}

/** The index is always valid: places are taken modulo their number, and positions are within the log. */
const entryAt = (numbers: Int32Array, index: number): number => numbers[index] as number

/** A set of at most `capacity` keys. A random seed makes it unpredictable which keys share a place. */
export class Deduplicator {
  readonly #capacity: number
  readonly #seed: Hash
  #size = 0
  #places = new Int32Array(placeLength * firstPlaces)
  /** Position 0 is not used. A key that has moved leaves zeros. */
  #log = new Int32Array(positionLength * positionShare * firstPlaces)
  /** The position of the oldest key, or of one that has moved before it. */
  #oldest = 1
  /** The position after the newest. */
  #next = 1
  /** The hash of the current key. */
  #high = 0
  #low = 0

  constructor(capacity: number, seed: number) {
    this.#capacity = Math.max(capacity, 1)
    this.#seed = { high: seed, low: ~seed }
  }

  /** The number of keys held. */
  get size(): number {
    return this.#size
  }

  /** Adds a key and returns whether it was new. `names` has the same answer. `unit` is the unit ID of the check, if the key includes it. */
  add(names: Hash, answer: KeyAnswer, user: KeyUser, unit: string | undefined): boolean {
    if (positionLength * this.#next === this.#log.length) this.#rewrite()
    this.#hash(names, answer, user, unit)
    const places = this.#places
    const low = this.#low
    let left: number | undefined
    let place = firstPlace(places, low)
    for (let position = entryAt(places, place + 1); position !== 0; position = entryAt(places, place + 1)) {
      if (position < this.#oldest) left ??= place
      else if (places[place] === low && this.#log[positionLength * position + 1] === this.#high) {
        this.#move(place, position)
        return false
      }
      place = nextPlace(places, place)
    }
    if (this.#size === this.#capacity) this.#dropOldest()
    else this.#size++
    this.#append(left ?? place)
    return true
  }

  /** Removes all keys. */
  clear(): void {
    this.#places.fill(0)
    this.#size = 0
    this.#oldest = this.#next = 1
  }

  #hash(names: Hash, answer: KeyAnswer, user: KeyUser, unit: string | undefined): void {
    const who = user.for(this.#seed)
    const isUser = unit === user.text
    const flags = (answer === false ? 1 : answer === true ? 2 : 3) + (unit === undefined ? 0 : isUser ? 4 : 8)
    let high = Math.imul(names.high ^ flags, multipliers[0]) ^ who.high
    let low = Math.imul(names.low ^ flags, multipliers[1]) ^ who.low
    if (unit !== undefined && !isUser) {
      const whose = user.unit(unit).for(this.#seed)
      high = Math.imul(high, multipliers[1]) ^ whose.high
      low = Math.imul(low, multipliers[0]) ^ whose.low
    }
    this.#low = Math.imul(low ^ (low >>> 15), multipliers[0]) ^ Math.imul(high ^ (high >>> 13), multipliers[1])
    // Zeros are left in the log by keys that have moved.
    this.#high = Math.imul(high ^ (high >>> 16), multipliers[0]) ^ Math.imul(low ^ (low >>> 14), multipliers[1]) || 1
  }

  /** Adds the current key to the end of the log. */
  #append(place: number): void {
    const position = this.#next++
    this.#log[positionLength * position] = this.#low
    this.#log[positionLength * position + 1] = this.#high
    this.#places[place] = this.#low
    this.#places[place + 1] = position
  }

  /** Moves the current key to the end of the log. */
  #move(place: number, position: number): void {
    if (position === this.#next - 1) return
    this.#log[positionLength * position + 1] = 0
    this.#append(place)
  }

  /** Drops the key that was unseen for longest. */
  #dropOldest(): void {
    while (this.#log[positionLength * this.#oldest + 1] === 0) this.#oldest++
    this.#oldest++
  }

  /** Writes the log and the table again, twice as large if keys fill most of the log. */
  #rewrite(): void {
    const before = this.#log
    const isCrowded = positionLength * this.#size > mostKeys * before.length
    if (isCrowded) {
      this.#log = new Int32Array(2 * before.length)
      this.#places = new Int32Array(2 * this.#places.length)
    } else this.#places.fill(0)
    const end = positionLength * this.#next
    const places = this.#places
    let from = positionLength * this.#oldest
    this.#oldest = this.#next = 1
    for (; from < end; from += positionLength) {
      this.#high = entryAt(before, from + 1)
      if (this.#high === 0) continue
      this.#low = entryAt(before, from)
      let place = firstPlace(places, this.#low)
      while (places[place + 1] !== 0) place = nextPlace(places, place)
      this.#append(place)
    }
  }
}

/** The preferred place of a hash. */
const firstPlace = (places: Int32Array, low: number): number => (placeLength * low) & (places.length - 1)

const nextPlace = (places: Int32Array, place: number): number => (place + placeLength) & (places.length - 1)
