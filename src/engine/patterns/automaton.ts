/**
 * Linear-time matcher for patterns that need no backtracking.
 *
 * The state sets of the pattern's program become, on demand, the states of a deterministic automaton, which costs one
 * table look-up per character. Characters in the same sets of the pattern are one symbol. A state set is ordered by
 * preference, so it also shows where the match of a backtracking engine would end.
 *
 * Bounds: tables that have grown too big are dropped; building states and running is charged to the `Work` of the call,
 * and when none is left nothing matches.
 */

import { accept, assert, assertions, consume, numberAt, type Program, split, writeProgram } from "./program.js"
import type { Assertion, Node } from "./syntax.js"

/** Steps that one call may still take, of about ten nanoseconds each. Below zero the result is "does not match". */
export interface PatternWork {
  left: number
}

/** The cost in steps of finding the symbol of a character beyond ASCII, for each class of the pattern. */
const workPerLookup = 50

/** Deterministic states kept, and numbers kept in their sets; beyond this they are dropped and rebuilt. */
const maximumStates = 2_000
const maximumStateItems = 500_000

/** Symbols kept, and characters beyond ASCII whose symbol is kept. */
const maximumSymbols = 1_000
const maximumKnown = 10_000

/** The neighbour of a position: none, a line feed, or another character. */
type Context = 0 | 1 | 2
const edge = 0
const lineFeed = 1
const other = 2

const holds = (assertion: Assertion | undefined, before: Context, after: Context): boolean => {
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

/** Characters that the pattern does not distinguish. */
interface PatternSymbol {
  readonly number: number
  /** The program's sets that contain them. */
  readonly members: Uint8Array
  readonly context: Context
}

/** A state set after all its empty steps, for one context on the far side. */
interface Closure {
  /** Consuming instructions, by preference. */
  readonly instructions: Int32Array
  /** Whether the pattern has matched here; instructions of lower preference are then left out. */
  readonly accepts: boolean
}

class State {
  /** The state after each symbol, by its number, if known. */
  readonly next: Array<State | undefined> = []
  /** By the next context, if known. */
  readonly closures: Array<Closure | undefined> = [undefined, undefined, undefined]

  constructor(
    readonly instructions: Int32Array,
    readonly behind: Context
  ) {}
}

/** The states of an automaton, indexed by their state set. */
class States {
  readonly #byHash = new Map<number, Array<State>>()
  #count = 0
  #items = 0

  get(instructions: Int32Array, behind: Context): State {
    let hash: number = behind
    for (let at = 0; at < instructions.length; at++) hash = Math.imul(hash, 0x01000193) ^ numberAt(instructions, at)
    const alike = this.#byHash.get(hash)
    const known = alike?.find(state => state.behind === behind && isSameList(state.instructions, instructions))
    if (known !== undefined) return known
    const state = new State(instructions.slice(), behind)
    this.#count++
    this.#items += instructions.length
    if (alike === undefined) this.#byHash.set(hash, [state])
    else alike.push(state)
    return state
  }

  get isFull(): boolean {
    return this.#count >= maximumStates || this.#items >= maximumStateItems
  }
}

const isSameList = (left: Int32Array, right: Int32Array): boolean => {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}

/**
 * The question for an automaton: does the pattern match anywhere, does it match from a position on, where does the
 * preferred match from a position on end, does it match up to a position.
 */
export type PatternQuestion = "anywhere" | "from" | "end" | "upTo"

/** A compiled pattern, or the compiled part of one that needs no backtracking. */
export class Automaton {
  readonly #program: Program
  /** Reached when nothing can match any more. */
  readonly #dead = new State(new Int32Array(0), other)
  /** Reached when a match is found and its end is not needed. */
  readonly #matched = new State(new Int32Array(0), other)
  #states = new States()
  /** The first state, by the context before it. */
  #starts: Array<State | undefined> = [undefined, undefined, undefined]
  /** The symbol of each ASCII character, if known. */
  readonly #ascii = new Array<PatternSymbol | undefined>(128).fill(undefined)
  /** The same for other characters. */
  readonly #known = new Map<number, PatternSymbol>()
  readonly #symbols = new Map<string, PatternSymbol>()
  /** The number of the last walk that visited each instruction. */
  readonly #visited: Int32Array
  #walk = 0
  /** Buffers for a walk: instructions still to visit, instructions found. */
  readonly #pending: Int32Array
  readonly #found: Int32Array

  /** @throws InvalidPattern when the official engine would find the pattern too big */
  constructor(
    node: Node,
    private readonly question: PatternQuestion
  ) {
    this.#program = writeProgram(node, question === "upTo" ? "backwards" : question === "end" ? "from" : question)
    const size = this.#program.kinds.length
    this.#visited = new Int32Array(size)
    this.#pending = new Int32Array(size * 2)
    this.#found = new Int32Array(size)
  }

  /** The end of the match, or any position if the end is not needed; -1 if nothing matches. */
  run(text: string, from: number, work: PatternWork): number {
    return this.question === "upTo" ? this.#runBackwards(text, from, work) : this.#runForwards(text, from, work)
  }

  #runForwards(text: string, from: number, work: PatternWork): number {
    const { length } = text
    const ascii = this.#ascii
    const wantsEnd = this.question === "end"
    let state = this.#start(contextBefore(text, from))
    let at = from
    let end = -1
    while (at < length) {
      const unit = text.charCodeAt(at)
      let symbol = unit < 128 ? ascii[unit] : undefined
      let size = 1
      if (symbol === undefined) {
        const codePoint = text.codePointAt(at) ?? unit
        if (codePoint > 0xffff) size = 2
        state = this.#tidy(state)
        symbol = this.#symbol(codePoint, work)
      }
      if (wantsEnd && this.#closure(state, symbol.context, work).accepts) end = at
      state = state.next[symbol.number] ?? this.#step(state, symbol, work)
      if (state === this.#dead || state === this.#matched) break
      at += size
    }
    // A look-up alone costs half a step.
    work.left -= wantsEnd ? at - from : (at - from) >> 1
    return state === this.#matched || (at >= length && this.#closure(state, edge, work).accepts) ? at : end
  }

  #runBackwards(text: string, from: number, work: PatternWork): number {
    let state = this.#start(contextAfter(text, from))
    let at = from
    while (at > 0) {
      const codePoint = codePointBefore(text, at)
      state = this.#tidy(state)
      const symbol = this.#symbol(codePoint, work)
      state = state.next[symbol.number] ?? this.#step(state, symbol, work)
      if (state === this.#dead || state === this.#matched) break
      at -= codePoint > 0xffff ? 2 : 1
    }
    work.left -= from - at
    return state === this.#matched || (at === 0 && this.#closure(state, edge, work).accepts) ? at : -1
  }

  #start(behind: Context): State {
    const context = this.#program.hasAssertions ? behind : other
    this.#starts[context] ??= this.#states.get(Int32Array.of(this.#program.start), context)
    return this.#starts[context]
  }

  /** Drops all tables if there is no space for another symbol; returns the state as a new one. */
  #tidy(state: State): State {
    if (this.#symbols.size < maximumSymbols) return state
    this.#ascii.fill(undefined)
    this.#known.clear()
    this.#symbols.clear()
    this.#dropStates()
    return this.#states.get(state.instructions, state.behind)
  }

  #dropStates(): void {
    this.#states = new States()
    this.#starts = [undefined, undefined, undefined]
  }

  #symbol(codePoint: number, work: PatternWork): PatternSymbol {
    const known = codePoint < 128 ? this.#ascii[codePoint] : this.#known.get(codePoint)
    if (known !== undefined) return known
    const { letters, classes, sets, hasAssertions } = this.#program
    if (codePoint >= 128) work.left -= classes.length * workPerLookup
    const numbers = classes.filter(([, set]) => set.has(codePoint)).map(([number]) => number)
    const letter = letters.get(codePoint)
    if (letter !== undefined) numbers.push(letter)
    const context = hasAssertions && codePoint === 10 ? lineFeed : other
    const key = `${context} ${numbers.join()}`
    let symbol = this.#symbols.get(key)
    if (symbol === undefined) {
      const members = new Uint8Array(sets)
      for (const number of numbers) members[number] = 1
      symbol = { number: this.#symbols.size, members, context }
      this.#symbols.set(key, symbol)
    }
    if (this.#known.size >= maximumKnown) this.#known.clear()
    if (codePoint < 128) this.#ascii[codePoint] = symbol
    else this.#known.set(codePoint, symbol)
    return symbol
  }

  /** The state after a symbol. */
  #step(state: State, symbol: PatternSymbol, work: PatternWork): State {
    if (work.left < 0) return this.#dead
    const { instructions, accepts } = this.#closure(state, symbol.context, work)
    work.left -= instructions.length
    const next = accepts && this.question !== "end" ? this.#matched : this.#advance(instructions, symbol, work)
    state.next[symbol.number] = next
    return next
  }

  #advance(instructions: Int32Array, { context, members }: PatternSymbol, work: PatternWork): State {
    const { first, second } = this.#program
    const visited = this.#visited
    const found = this.#found
    const walk = ++this.#walk
    let count = 0
    for (let at = 0; at < instructions.length; at++) {
      const instruction = numberAt(instructions, at)
      const target = numberAt(first, instruction)
      if (members[numberAt(second, instruction)] === 0 || visited[target] === walk) continue
      visited[target] = walk
      found[count++] = target
    }
    if (count === 0) return this.#dead
    work.left -= count
    if (this.#states.isFull) this.#dropStates()
    return this.#states.get(found.subarray(0, count), context)
  }

  #closure(state: State, ahead: Context, work: PatternWork): Closure {
    const context = this.#program.hasAssertions ? ahead : other
    const known = state.closures[context]
    if (known !== undefined) return known
    const closure = this.#close(state, context, work)
    state.closures[context] = closure
    return closure
  }

  /** Takes all empty steps from a state, preferred ones first. */
  #close(state: State, ahead: Context, work: PatternWork): Closure {
    const { kinds, first, second } = this.#program
    const [before, after] = this.question === "upTo" ? [ahead, state.behind] : [state.behind, ahead]
    const visited = this.#visited
    const pending = this.#pending
    const found = this.#found
    const walk = ++this.#walk
    let count = 0
    let steps = 0
    let accepts = false
    for (let at = 0; at < state.instructions.length; at++) {
      let waiting = 0
      pending[waiting++] = numberAt(state.instructions, at)
      while (waiting > 0) {
        const instruction = numberAt(pending, --waiting)
        if (visited[instruction] === walk) continue
        visited[instruction] = walk
        steps++
        const kind = kinds[instruction]
        if (kind === consume) found[count++] = instruction
        else if (kind === split) {
          pending[waiting++] = numberAt(second, instruction)
          pending[waiting++] = numberAt(first, instruction)
        } else if (kind === assert) {
          const assertion = assertions[numberAt(second, instruction)]
          if (holds(assertion, before, after)) pending[waiting++] = numberAt(first, instruction)
        } else if (kind === accept) {
          accepts = true
          waiting = 0
        }
      }
      if (accepts) break
    }
    work.left -= steps
    return { instructions: found.slice(0, count), accepts }
  }
}

const contextOf = (unit: number): Context => (unit === 10 ? lineFeed : other)

const contextBefore = (text: string, at: number): Context => (at === 0 ? edge : contextOf(text.charCodeAt(at - 1)))

const contextAfter = (text: string, at: number): Context => (at === text.length ? edge : contextOf(text.charCodeAt(at)))

/** The code point that ends at a position above zero. */
export const codePointBefore = (text: string, at: number): number => {
  const unit = text.charCodeAt(at - 1)
  const pair = (unit & 0xfc00) === 0xdc00 ? text.codePointAt(at - 2) : undefined
  return pair !== undefined && pair > 0xffff ? pair : unit
}
