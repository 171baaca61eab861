/** Nondeterministic automata: patterns without look-around, references and similar features, as instructions. */

import { anySet, type CharacterSet, InvalidPattern } from "./set.js"
import type { Assertion, Node } from "./syntax.js"

/** Bytes: the official engine rejects automata of more than 10 MiB, some of which every pattern uses. */
const maximumWeight = 10 * 2 ** 20 - 450

/** The same for the automaton of a look-behind of variable length, where the size of a cache sets the limit. */
const maximumWeightBehind = 2_700_000

/** Rust counts repetitions in 32 bits. */
const maximumCopies = 2 ** 32 - 1

/** The lengths of the shortest and of the longest match. */
const lengths = (node: Node): readonly [shortest: number, longest: number] => {
  switch (node.type) {
    case "empty":
    case "assertion":
      return [0, 0]
    case "concat":
      return node.children.map(lengths).reduce((sum, child) => [sum[0] + child[0], sum[1] + child[1]])
    case "alternation":
      return node.children.map(lengths).reduce((all, one) => [Math.min(all[0], one[0]), Math.max(all[1], one[1])])
    case "group":
      return lengths(node.child)
    case "repeat": {
      const [shortest, longest] = lengths(node.child)
      return [shortest * node.minimum, node.maximum === 0 || longest === 0 ? 0 : longest * node.maximum]
    }
    default:
      return [1, 1]
  }
}

/** Bytes of the official engine's automaton, estimated from its measured limits. */
const weigh = (node: Node): number => {
  switch (node.type) {
    case "character":
      return node.codePoint < 0x80 ? 32 : node.codePoint < 0x800 ? 64 : node.codePoint < 0x10000 ? 96 : 128
    case "set":
      return node.set.weight
    case "assertion":
      return 32
    case "concat":
      return node.children.reduce((sum, child) => sum + weigh(child), 0)
    case "alternation":
      return node.children.reduce((sum, child) => sum + weigh(child) + 8, 64)
    case "group":
      return weigh(node.child) + 64
    case "repeat": {
      const [minimum, maximum] = bounds(node)
      const child = weigh(node.child)
      return maximum === Number.POSITIVE_INFINITY
        ? child * Math.max(minimum, 1) + 40
        : child * maximum + 40 * (maximum - minimum)
    }
    default:
      return 0
  }
}

/** How often to write a repeated part: once is enough if it matches only the empty text. */
const bounds = (node: Node & { type: "repeat" }): readonly [minimum: number, maximum: number] => {
  const { minimum, maximum } = node
  if (minimum > maximum || minimum > maximumCopies) throw new InvalidPattern()
  if (maximum !== Number.POSITIVE_INFINITY && maximum > maximumCopies) throw new InvalidPattern()
  return lengths(node.child)[1] === 0 ? [Math.min(minimum, 1), Math.min(maximum, 1)] : [minimum, maximum]
}

/** Whether every match begins at the start of the text. */
const isAnchored = (node: Node): boolean => {
  switch (node.type) {
    case "assertion":
      return node.assertion === "textStart"
    case "concat":
      return node.children.slice(0, 1).some(isAnchored)
    case "alternation":
      return node.children.every(isAnchored)
    case "group":
      return isAnchored(node.child)
    case "repeat":
      return node.minimum > 0 && isAnchored(node.child)
    default:
      return false
  }
}

/** Continues at `first` after a character of the set numbered `second`. @since 0.1.0 */
export const consume = 0
/** Continues at `first`, or else at `second`. @since 0.1.0 */
export const split = 1
/** Continues at `first` if the assertion numbered `second` holds. @since 0.1.0 */
export const assert = 2
/** The pattern has matched. */
export const accept = 3

/** Assertions by their number in instructions. */
export const assertions: ReadonlyArray<Assertion> = ["textStart", "textEnd", "lineStart", "lineEnd"]

/** The index is always valid: instructions refer only to each other, and all other indices are counted up from 0. */
export const numberAt = (numbers: Int32Array, index: number): number => numbers[index] as number

/** Instructions being written; a finished `Program` has them in typed arrays. */
class Writer {
  readonly kinds: Array<number> = []
  readonly first: Array<number> = []
  readonly second: Array<number> = []
  readonly letters = new Map<number, number>()
  readonly classes: Array<readonly [number: number, set: CharacterSet]> = []
  readonly #classNumbers = new Map<string, number>()

  constructor(readonly backwards: boolean) {}

  add(kind: number, first: number, second: number): number {
    this.kinds.push(kind)
    this.first.push(first)
    return this.second.push(second) - 1
  }

  get sets(): number {
    return this.letters.size + this.classes.length
  }

  /** Prefixes a pattern with a loop over any characters, so that it may match at any position. */
  addAnywhere(body: number): number {
    const loop = this.add(split, body, 0)
    this.second[loop] = this.#consumeClass(anySet(true), loop)
    return loop
  }

  #consumeClass(set: CharacterSet, next: number): number {
    const number = this.#classNumbers.get(set.key) ?? this.sets
    if (number === this.sets) this.classes.push([number, set])
    this.#classNumbers.set(set.key, number)
    return this.add(consume, next, number)
  }

  #consumeLetter(codePoint: number, next: number): number {
    const number = this.letters.get(codePoint) ?? this.sets
    this.letters.set(codePoint, number)
    return this.add(consume, next, number)
  }

  /** Adds instructions that match the node and continue at `next`; returns the first of them. */
  write(node: Node, next: number): number {
    switch (node.type) {
      case "character":
        return this.#consumeLetter(node.codePoint, next)
      case "set":
        return this.#consumeClass(node.set, next)
      case "assertion":
        return this.add(assert, next, assertions.indexOf(node.assertion))
      case "concat": {
        const children = this.backwards ? node.children : node.children.toReversed()
        return children.reduce((entry, child) => this.write(child, entry), next)
      }
      case "alternation": {
        const entries = node.children.map(child => this.write(child, next))
        return entries.reduceRight((entry, child) => this.add(split, child, entry))
      }
      case "group":
        return this.write(node.child, next)
      case "repeat":
        return this.#repeat(node, next)
      default:
        return next
    }
  }

  #repeat(node: Node & { type: "repeat" }, next: number): number {
    const { child, greedy } = node
    const [minimum, maximum] = bounds(node)
    const choice = (body: number): number => (greedy ? this.add(split, body, next) : this.add(split, next, body))
    let entry = next
    let required = minimum
    if (maximum === Number.POSITIVE_INFINITY) {
      const again = choice(next)
      const body = this.write(child, again)
      if (greedy) this.first[again] = body
      else this.second[again] = body
      if (minimum > 0) {
        entry = body
        required--
      } else entry = lengths(child)[0] === 0 ? choice(body) : again
    } else {
      for (let count = minimum; count < maximum; count++) entry = choice(this.write(child, entry))
    }
    for (let count = 0; count < required; count++) entry = this.write(child, entry)
    return entry
  }
}

/** A pattern as numbered instructions; `kinds`, `first` and `second` define them. */
export interface Program {
  readonly kinds: Uint8Array
  readonly first: Int32Array
  readonly second: Int32Array
  /** Numbers of the sets with one code point, and of the other sets; the number of sets. */
  readonly letters: ReadonlyMap<number, number>
  readonly classes: ReadonlyArray<readonly [number: number, set: CharacterSet]>
  readonly sets: number
  readonly start: number
  readonly hasAssertions: boolean
}

/**
 * Writes the program of a pattern: from a position on, from there or any later one, or from there backwards.
 *
 * @throws InvalidPattern when the official engine would find it too big
 */
export const writeProgram = (node: Node, direction: "from" | "anywhere" | "backwards"): Program => {
  const backwards = direction === "backwards"
  if (weigh(node) > (backwards ? maximumWeightBehind : maximumWeight)) throw new InvalidPattern()
  const writer = new Writer(backwards)
  const body = writer.write(node, writer.add(accept, 0, 0))
  const start = direction === "anywhere" && !isAnchored(node) ? writer.addAnywhere(body) : body
  return {
    kinds: Uint8Array.from(writer.kinds),
    first: Int32Array.from(writer.first),
    second: Int32Array.from(writer.second),
    letters: writer.letters,
    classes: writer.classes,
    sets: writer.sets,
    start,
    hasAssertions: writer.kinds.includes(assert)
  }
}
