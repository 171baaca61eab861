/**
 * Linear-time matcher for patterns without look-around, references and the like.
 *
 * The pattern becomes a nondeterministic automaton; its state sets become, as texts ask for them, the states of a
 * deterministic one, which then costs a table look-up per character. Characters are told apart only as far as the
 * pattern does (`symbols`). A state set is ordered by preference, so that the end of the match a backtracking engine
 * would prefer can be told too.
 *
 * Bounds: programs above `maximumWeight` are refused, as the official engine does; the tables are dropped when they
 * have grown too big; building states is charged to the `Work` of the call, and without work left nothing matches.
 */

import { CharacterSet, InvalidPattern } from "./regexSet.js"
import type { Assertion, Node } from "./regexSyntax.js"

/**
 * Steps one call may still take. Below zero the answer is "does not match". One step is some ten nanoseconds.
 *
 * @since 0.1.0
 */
export interface Work {
  left: number
}

/**
 * The official engine refuses automata of more than 10 MiB; less a little it spends on every pattern.
 *
 * @since 0.1.0
 */
export const maximumWeight = 10 * 2 ** 20 - 450

/**
 * The same for the automaton of a look-behind of no fixed length, where the official engine's cache sets the limit.
 *
 * @since 0.1.0
 */
export const maximumWeightBehind = 2_700_000

/** Rust counts repetitions in 32 bits. */
const maximumCount = 2 ** 32 - 1

/** Deterministic states kept; more are forgotten and built anew. */
const maximumStates = 2_000

/** Numbers kept in the deterministic states' sets. */
const maximumStateItems = 500_000

/** Kinds of characters kept, and other than ASCII characters whose kind is kept. */
const maximumSymbols = 1_000
const maximumKnown = 10_000

/** What stands beside a position: nothing, a line feed, or something else. */
type Context = 0 | 1 | 2
const edge = 0
const lineFeed = 1
const other = 2

/** Whether a node can only match the empty text. */
const isEmptyOnly = (node: Node): boolean => {
  switch (node.type) {
    case "empty":
    case "assertion":
      return true
    case "concat":
    case "alternation":
      return node.children.every(isEmptyOnly)
    case "group":
      return isEmptyOnly(node.child)
    case "repeat":
      return node.maximum === 0 || isEmptyOnly(node.child)
    default:
      return false
  }
}

const matchesEmpty = (node: Node): boolean => {
  switch (node.type) {
    case "empty":
    case "assertion":
      return true
    case "concat":
      return node.children.every(matchesEmpty)
    case "alternation":
      return node.children.some(matchesEmpty)
    case "group":
      return matchesEmpty(node.child)
    case "repeat":
      return node.minimum === 0 || matchesEmpty(node.child)
    default:
      return false
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

/** How often to write a repeated part down: one time does where it matches only the empty text. */
const bounds = (node: Node & { type: "repeat" }): readonly [minimum: number, maximum: number] => {
  const { minimum, maximum } = node
  if (minimum > maximum || minimum > maximumCount) throw new InvalidPattern()
  if (maximum !== Number.POSITIVE_INFINITY && maximum > maximumCount) throw new InvalidPattern()
  return isEmptyOnly(node.child) ? [Math.min(minimum, 1), Math.min(maximum, 1)] : [minimum, maximum]
}

/** Whether every match begins at the start of the text. */
const isAnchored = (node: Node): boolean => {
  switch (node.type) {
    case "assertion":
      return node.assertion === "textStart"
    case "concat":
      return isAnchored(node.children[0]!)
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

type Kind = 0 | 1 | 2 | 3
const consume = 0
const split = 1
const assert = 2
const accept = 3

/** The nondeterministic automaton, as parallel lists indexed by instruction. */
class Program {
  readonly kinds: Array<Kind> = []
  /** Next instruction, or the preferred one of two. */
  readonly first: Array<number> = []
  /** Other instruction of a split, set of a consume. */
  readonly second: Array<number> = []
  readonly assertions = new Map<number, Assertion>()
  readonly sets: Array<CharacterSet> = []
  readonly #setIndexes = new Map<string, number>()
  readonly start: number

  constructor(
    node: Node,
    readonly backwards: boolean,
    unanchored: boolean
  ) {
    const body = this.#compile(node, this.#add(accept, 0, 0))
    this.start = unanchored && !isAnchored(node) ? this.#anywhere(body) : body
  }

  #add(kind: Kind, first: number, second: number): number {
    this.kinds.push(kind)
    this.first.push(first)
    return this.second.push(second) - 1
  }

  #anywhere(body: number): number {
    const loop = this.#add(split, body, 0)
    this.second[loop] = this.#consume(new CharacterSet("any", 0, () => true), loop)
    return loop
  }

  #consume(set: CharacterSet, next: number): number {
    let index = this.#setIndexes.get(set.key)
    if (index === undefined) {
      index = this.sets.push(set) - 1
      this.#setIndexes.set(set.key, index)
    }
    return this.#add(consume, next, index)
  }

  /** Adds instructions that match the node and go on to `next`; returns the first of them. */
  #compile(node: Node, next: number): number {
    switch (node.type) {
      case "character": {
        const { codePoint } = node
        const single = new CharacterSet(`=${codePoint}`, 0, character => character.codePointAt(0) === codePoint)
        return this.#consume(single, next)
      }
      case "set":
        return this.#consume(node.set, next)
      case "assertion": {
        const index = this.#add(assert, next, 0)
        this.assertions.set(index, node.assertion)
        return index
      }
      case "concat": {
        const children = this.backwards ? node.children : node.children.toReversed()
        return children.reduce((entry, child) => this.#compile(child, entry), next)
      }
      case "alternation": {
        const entries = node.children.map(child => this.#compile(child, next))
        return entries.reduceRight((entry, child) => this.#add(split, child, entry))
      }
      case "group":
        return this.#compile(node.child, next)
      case "repeat":
        return this.#repeat(node, next)
      default:
        return next
    }
  }

  #choice(greedy: boolean, body: number, next: number): number {
    return greedy ? this.#add(split, body, next) : this.#add(split, next, body)
  }

  /** One or more. */
  #loop(child: Node, greedy: boolean, next: number): number {
    const again = this.#add(split, next, next)
    const body = this.#compile(child, again)
    if (greedy) this.first[again] = body
    else this.second[again] = body
    return body
  }

  #repeat(node: Node & { type: "repeat" }, next: number): number {
    const { child, greedy } = node
    const [minimum, maximum] = bounds(node)
    let entry = next
    let required = minimum
    if (maximum === Number.POSITIVE_INFINITY) {
      if (minimum === 0 && !matchesEmpty(child)) {
        const again = this.#add(split, next, next)
        const body = this.#compile(child, again)
        if (greedy) this.first[again] = body
        else this.second[again] = body
        return again
      }
      entry = this.#loop(child, greedy, next)
      if (minimum === 0) return this.#choice(greedy, entry, next)
      required = minimum - 1
    } else {
      for (let count = minimum; count < maximum; count++) {
        entry = this.#choice(greedy, this.#compile(child, entry), next)
      }
    }
    for (let count = 0; count < required; count++) entry = this.#compile(child, entry)
    return entry
  }
}

const holds = (assertion: Assertion, before: Context, after: Context): boolean => {
  switch (assertion) {
    case "textStart":
      return before === edge
    case "textEnd":
      return after === edge
    case "lineStart":
      return before !== other
    case "lineEnd":
      return after !== other
    default:
      return false
  }
}

/** A state set with all its empty steps taken, for one kind of neighbour on the far side. */
interface Closure {
  /** Consuming instructions, by preference. */
  readonly instructions: Int32Array
  /** Whether the pattern has matched here; instructions of lower preference are left out then. */
  readonly accepts: boolean
}

class State {
  readonly next: Array<State | undefined> = []
  readonly closures: [Closure | undefined, Closure | undefined, Closure | undefined] = [undefined, undefined, undefined]

  constructor(
    readonly instructions: Int32Array,
    readonly behind: Context
  ) {}
}

/**
 * What is asked of an automaton: does the pattern match anywhere, does it match from a position on, where does the
 * preferred match from a position on end, does it match up to a position.
 *
 * @since 0.1.0
 */
export type Question = "anywhere" | "from" | "end" | "upTo"

/**
 * A pattern, or the part of one that needs no backtracking, ready to run.
 *
 * @since 0.1.0
 */
export class Automaton {
  readonly #program: Program
  readonly #backwards: boolean
  readonly #wantsEnd: boolean
  readonly #hasAssertions: boolean
  /** Reached when nothing can match any more. */
  readonly #dead = new State(new Int32Array(0), other)
  /** Reached when a match is found and its end is not wanted. */
  readonly #matched = new State(new Int32Array(0), other)
  readonly #states = new Map<string, State>()
  #stateItems = 0
  /** The first state, by what stands before it. */
  readonly #starts: Array<State | undefined> = []
  /** Symbol of each ASCII character; -1 is not known yet. */
  readonly #ascii = new Int32Array(128).fill(-1)
  readonly #known = new Map<number, number>()
  /** For each symbol, which of the program's sets hold it. */
  readonly #symbols: Array<Uint8Array> = []
  readonly #symbolContexts: Array<Context> = []
  readonly #symbolIndexes = new Map<string, number>()
  /** Instructions marked with the number of the closure or step that visited them last. */
  readonly #marks: Int32Array
  #mark = 0

  /** @throws InvalidPattern when the official engine would find the pattern too big */
  constructor(node: Node, question: Question) {
    this.#backwards = question === "upTo"
    if (weigh(node) > (this.#backwards ? maximumWeightBehind : maximumWeight)) throw new InvalidPattern()
    this.#program = new Program(node, this.#backwards, question === "anywhere")
    this.#wantsEnd = question === "end"
    this.#hasAssertions = this.#program.assertions.size > 0
    this.#marks = new Int32Array(this.#program.kinds.length)
  }

  /** The end of the match, or any position when the end is not asked for; -1 when nothing matches. */
  run(text: string, from: number, work: Work): number {
    return this.#backwards ? this.#runBackwards(text, from, work) : this.#runForwards(text, from, work)
  }

  #runForwards(text: string, from: number, work: Work): number {
    const { length } = text
    let state = this.#start(from === 0 ? edge : text.charCodeAt(from - 1) === 10 ? lineFeed : other)
    let at = from
    let end = -1
    while (at < length) {
      const unit = text.charCodeAt(at)
      let symbol = unit < 128 ? this.#ascii[unit]! : -1
      let size = 1
      if (symbol < 0) {
        const codePoint = text.codePointAt(at)!
        if (codePoint > 0xffff) size = 2
        if (this.#symbols.length >= maximumSymbols) state = this.#forget(state)
        symbol = this.#symbol(codePoint, work)
      }
      if (this.#wantsEnd && this.#closure(state, this.#symbolContexts[symbol]!, work).accepts) end = at
      state = state.next[symbol] ?? this.#step(state, symbol, work)
      if (state === this.#dead) break
      if (state === this.#matched) {
        end = at
        break
      }
      at += size
    }
    if (at >= length && this.#closure(state, edge, work).accepts) end = length
    work.left -= (at - from) >> 3
    return end
  }

  #runBackwards(text: string, from: number, work: Work): number {
    let state = this.#start(from === text.length ? edge : text.charCodeAt(from) === 10 ? lineFeed : other)
    let at = from
    let end = -1
    while (at > 0) {
      const codePoint = codePointBefore(text, at)
      if (this.#symbols.length >= maximumSymbols) state = this.#forget(state)
      const symbol = this.#symbol(codePoint, work)
      state = state.next[symbol] ?? this.#step(state, symbol, work)
      if (state === this.#dead) break
      if (state === this.#matched) {
        end = at
        break
      }
      at -= codePoint > 0xffff ? 2 : 1
    }
    if (at === 0 && this.#closure(state, edge, work).accepts) end = 0
    work.left -= (from - at) >> 3
    return end
  }

  #start(behind: Context): State {
    const context = this.#hasAssertions ? behind : other
    const known = this.#starts[context]
    if (known !== undefined) return known
    const state = this.#state(Int32Array.of(this.#program.start), context)
    this.#starts[context] = state
    return state
  }

  #state(instructions: Int32Array, behind: Context): State {
    const key = `${behind} ${instructions.join()}`
    const known = this.#states.get(key)
    if (known !== undefined) return known
    if (this.#states.size >= maximumStates || this.#stateItems >= maximumStateItems) {
      this.#states.clear()
      this.#starts.length = 0
      this.#stateItems = 0
    }
    const state = new State(instructions, behind)
    this.#states.set(key, state)
    this.#stateItems += instructions.length
    return state
  }

  /** Drops all tables; returns the given state as a new one. */
  #forget(state: State): State {
    this.#ascii.fill(-1)
    this.#known.clear()
    this.#symbols.length = 0
    this.#symbolContexts.length = 0
    this.#symbolIndexes.clear()
    this.#states.clear()
    this.#starts.length = 0
    this.#stateItems = 0
    return this.#state(state.instructions, state.behind)
  }

  #symbol(codePoint: number, work: Work): number {
    const known = codePoint < 128 ? this.#ascii[codePoint]! : (this.#known.get(codePoint) ?? -1)
    if (known >= 0) return known
    const { sets } = this.#program
    work.left -= sets.length
    const members = Uint8Array.from(sets, set => (set.has(codePoint) ? 1 : 0))
    const context = this.#hasAssertions && codePoint === 10 ? lineFeed : other
    const key = `${context} ${members.join("")}`
    let symbol = this.#symbolIndexes.get(key)
    if (symbol === undefined) {
      symbol = this.#symbols.push(members) - 1
      this.#symbolContexts.push(context)
      this.#symbolIndexes.set(key, symbol)
    }
    if (this.#known.size >= maximumKnown) this.#known.clear()
    if (codePoint < 128) this.#ascii[codePoint] = symbol
    else this.#known.set(codePoint, symbol)
    return symbol
  }

  /** The state after a symbol. */
  #step(state: State, symbol: number, work: Work): State {
    if (work.left < 0) return this.#dead
    const { instructions, accepts } = this.#closure(state, this.#symbolContexts[symbol]!, work)
    work.left -= instructions.length
    const next = accepts && !this.#wantsEnd ? this.#matched : this.#advance(instructions, symbol)
    state.next[symbol] = next
    return next
  }

  #advance(instructions: Int32Array, symbol: number): State {
    const { first, second } = this.#program
    const members = this.#symbols[symbol]!
    const marks = this.#marks
    const mark = ++this.#mark
    const targets: Array<number> = []
    for (const instruction of instructions) {
      const target = first[instruction]!
      if (members[second[instruction]!] === 0 || marks[target] === mark) continue
      marks[target] = mark
      targets.push(target)
    }
    return targets.length === 0 ? this.#dead : this.#state(Int32Array.from(targets), this.#symbolContexts[symbol]!)
  }

  #closure(state: State, ahead: Context, work: Work): Closure {
    const context = this.#hasAssertions ? ahead : other
    const known = state.closures[context]
    if (known !== undefined) return known
    const closure = this.#close(state, context, work)
    state.closures[context] = closure
    return closure
  }

  /** Takes all empty steps from a state, preferred ones first. */
  #close(state: State, ahead: Context, work: Work): Closure {
    const { kinds, first, second, assertions } = this.#program
    const [before, after] = this.#backwards ? [ahead, state.behind] : [state.behind, ahead]
    const marks = this.#marks
    const mark = ++this.#mark
    const pending = Array.from(state.instructions).reverse()
    const instructions: Array<number> = []
    let accepts = false
    while (pending.length > 0 && !accepts) {
      const instruction = pending.pop()!
      if (marks[instruction] === mark) continue
      marks[instruction] = mark
      work.left--
      switch (kinds[instruction]!) {
        case consume:
          instructions.push(instruction)
          break
        case split:
          pending.push(second[instruction]!, first[instruction]!)
          break
        case assert:
          if (holds(assertions.get(instruction)!, before, after)) pending.push(first[instruction]!)
          break
        case accept:
          accepts = true
          break
      }
    }
    return { instructions: Int32Array.from(instructions), accepts }
  }
}

/**
 * The code point that ends at a position above zero.
 *
 * @since 0.1.0
 */
export const codePointBefore = (text: string, at: number): number => {
  const codePoint = at > 1 ? text.codePointAt(at - 2)! : 0
  return codePoint > 0xffff ? codePoint : text.charCodeAt(at - 1)
}
