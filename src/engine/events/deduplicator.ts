/**
 * Remembers recently logged exposures, within a bound.
 *
 * A key is a spec, a rule, the result and the user. As in the official SDK only its 64-bit hash is kept: a million
 * users leave nothing but numbers, in arrays that the garbage collector does not scan. When the set is full, a new key
 * replaces the one that was unseen for longest.
 *
 * The cost of a look-up is memory latency, since each key is at another spot. So a key has one spot: a place in an
 * open-addressing table. The order is kept apart, in a log that is written and read in sequence: whenever a key is
 * seen, its hash is added to the log, and the place notes the position. An earlier position of the same key is then out
 * of date, and skipped by whoever reads the log.
 */

/** The result: a boolean, or the parameter of a layer that was read. */
export type KeyAnswer = boolean | string

/** The initial number of places, doubled whenever half are in use. Small: an instance may never log an exposure. */
const firstPlaces = 32
/** The fields of a place: the two halves of the key's hash, and its position in the log, which is 0 in a free place. */
const lowOf = 0
const highOf = 1
const positionOf = 2
const placeLength = 3
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

/** The part of a key for a spec and a rule. It is the same for all users, so it is cached with their exposure form. */
export const hashNames = (spec: string, rule: string): Hash => hashText(rule, hashText(spec, { high: 0, low: ~0 }))

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
  /** The lower halves of the hashes, in the order in which the keys were seen. Position 0 is not used. */
  #log = new Int32Array(firstPlaces)
  /** The oldest position that may be up to date. */
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

  /** Adds a key and returns whether it was new. `unit` is the unit ID of the check, if the key includes it. */
  add(names: Hash, answer: KeyAnswer, user: KeyUser, unit: string | undefined): boolean {
    this.#hash(names, answer, user, unit)
    let place = this.#find()
    const position = entryAt(this.#places, place + positionOf)
    if (position !== 0) {
      if (position !== this.#next - 1) this.#see(place)
      return false
    }
    if (this.#size >= this.#capacity) {
      this.#dropOldest()
      place = this.#find()
    } else if (2 * placeLength * ++this.#size > this.#places.length) {
      this.#grow()
      place = this.#find()
    }
    this.#places[place + lowOf] = this.#low
    this.#places[place + highOf] = this.#high
    this.#see(place)
    return true
  }

  /** Removes all keys. */
  clear(): void {
    if (this.#size === 0) return
    this.#places.fill(0)
    this.#size = 0
    this.#oldest = this.#next = 1
  }

  // --- the hash

  #hash(names: Hash, answer: KeyAnswer, user: KeyUser, unit: string | undefined): void {
    const who = user.for(this.#seed)
    const isUser = unit === user.text
    const flags = (answer === false ? 1 : answer === true ? 2 : 3) + (unit === undefined ? 0 : isUser ? 4 : 8)
    let high = Math.imul(names.high ^ flags, multipliers[0]) ^ who.high
    let low = Math.imul(names.low ^ flags, multipliers[1]) ^ who.low
    if (typeof answer === "string") {
      const parameter = hashText(answer, this.#seed)
      high = Math.imul(high, multipliers[1]) ^ parameter.high
      low = Math.imul(low, multipliers[0]) ^ parameter.low
    }
    if (unit !== undefined && !isUser) {
      const whose = user.unit(unit).for(this.#seed)
      high = Math.imul(high, multipliers[1]) ^ whose.high
      low = Math.imul(low, multipliers[0]) ^ whose.low
    }
    this.#low = Math.imul(low ^ (low >>> 15), multipliers[0]) ^ Math.imul(high ^ (high >>> 13), multipliers[1])
    this.#high = Math.imul(high ^ (high >>> 16), multipliers[0]) ^ Math.imul(low ^ (low >>> 14), multipliers[1])
  }

  // --- the table

  /** The preferred place of a hash. */
  #firstPlace(low: number): number {
    return placeLength * (low & (this.#log.length - 1))
  }

  #placeAfter(place: number): number {
    return place + placeLength === this.#places.length ? 0 : place + placeLength
  }

  /** The place of the current key, or the free one where it belongs. */
  #find(): number {
    const places = this.#places
    const low = this.#low
    let place = this.#firstPlace(low)
    while (
      places[place + positionOf] !== 0 &&
      (places[place + lowOf] !== low || places[place + highOf] !== this.#high)
    ) {
      place = this.#placeAfter(place)
    }
    return place
  }

  /** The place of the key whose last position this is; `undefined` if its key was seen again or is gone. */
  #placeAt(position: number): number | undefined {
    const places = this.#places
    let place = this.#firstPlace(entryAt(this.#log, position))
    for (;;) {
      const found = entryAt(places, place + positionOf)
      if (found === position) return place
      if (found === 0) return undefined
      place = this.#placeAfter(place)
    }
  }

  /** Frees a place, and moves up later ones that the gap would make unreachable. */
  #free(place: number): void {
    const places = this.#places
    const { length } = places
    let free = place
    for (let next = this.#placeAfter(free); places[next + positionOf] !== 0; next = this.#placeAfter(next)) {
      const wanted = this.#firstPlace(entryAt(places, next + lowOf))
      if ((next - wanted + length) % length < (next - free + length) % length) continue
      places.copyWithin(free, next, next + placeLength)
      free = next
    }
    places[free + positionOf] = 0
  }

  #grow(): void {
    const before = this.#places
    const log = this.#log
    this.#places = new Int32Array(2 * before.length)
    this.#log = new Int32Array(2 * log.length)
    this.#log.set(log)
    for (let from = 0; from < before.length; from += placeLength) {
      if (before[from + positionOf] === 0) continue
      let place = this.#firstPlace(entryAt(before, from + lowOf))
      while (this.#places[place + positionOf] !== 0) place = this.#placeAfter(place)
      for (let field = 0; field < placeLength; field++) this.#places[place + field] = entryAt(before, from + field)
    }
  }

  // --- the log

  /** Makes the key at a place the newest. */
  #see(place: number): void {
    const low = entryAt(this.#places, place + lowOf)
    // Its earlier position, if it has one, stays up to date until here.
    if (this.#next === this.#log.length) this.#compact()
    this.#log[this.#next] = low
    this.#places[place + positionOf] = this.#next++
  }

  /** Moves the positions that are up to date, at most half of all, to the beginning of the log. */
  #compact(): void {
    let to = 1
    for (let position = this.#oldest; position < this.#next; position++) {
      const place = this.#placeAt(position)
      if (place === undefined) continue
      this.#log[to] = entryAt(this.#log, position)
      this.#places[place + positionOf] = to++
    }
    this.#oldest = 1
    this.#next = to
  }

  /** Drops the key that was unseen for longest. */
  #dropOldest(): void {
    let place = this.#placeAt(this.#oldest++)
    while (place === undefined) place = this.#placeAt(this.#oldest++)
    this.#free(place)
  }
}
