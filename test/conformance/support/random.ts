/**
 * Random choices that a seed reproduces.
 */

/** A source of random choices; equal seeds give equal choices. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** An independent source for part `index` of the seed. */
  static of(seed: number, index: number): Random {
    return new Random(new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)).bits())
  }

  /** 32 random bits (splitmix32). */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.bits() / 4294967296) * limit)
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.bits() / 4294967296 < probability
  }

  /** One of the items. */
  pick<A>(items: ReadonlyArray<A>): A {
    return items[this.below(items.length)] as A
  }

  /** One of the values, each as likely as its weight. */
  weighted<A>(choices: ReadonlyArray<readonly [weight: number, value: A]>): A {
    let rest = this.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, value] of choices) {
      if (rest < weight) return value
      rest -= weight
    }
    throw new Error("no choice has a weight")
  }

  /** That many values. */
  times<A>(count: number, make: (index: number) => A): Array<A> {
    return Array.from({ length: count }, (_, index) => make(index))
  }

  /** The items in random order. */
  shuffle<A>(items: ReadonlyArray<A>): Array<A> {
    const result = [...items]
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.below(index + 1)
      const item = result[index] as A
      result[index] = result[other] as A
      result[other] = item
    }
    return result
  }
}
