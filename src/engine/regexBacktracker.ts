/**
 * Backtracking matcher for patterns with look-around, references, atomic groups, conditions or word boundaries.
 *
 * It splits a pattern as the official engine does: parts that need no backtracking (`hard` is false) go to an
 * `Automaton` wherever what follows cannot ask them for another match, only the rest backtracks. So it also takes
 * about as many backtracking steps, which matters because both give up after the same number of them. Look-aheads
 * may be re-entered by backtracking, as there.
 */

import { Automaton, codePointBefore, type Work } from "./regexAutomaton.js"
import { anySet, InvalidPattern, wordSet } from "./regexSet.js"
import type { Assertion, Node, ParsedPattern } from "./regexSyntax.js"

/** Backtracking steps before the official engine gives up; also the most alternatives it keeps open. */
const maximumBacktracks = 1_000_000

/** Assignments kept to be undone. The official engine has no such limit. */
const maximumTrail = 4_000_000

/** A node with what the compiler asks of it. */
interface Part {
  readonly node: Node
  readonly children: ReadonlyArray<Part>
  /** Fewest characters a match has; all matches have as many when `constant`. */
  readonly minimum: number
  readonly constant: boolean
  /** Whether it, or something in it, needs backtracking. */
  readonly hard: boolean
}

interface Size {
  readonly minimum: number
  readonly constant: boolean
}

const isHardAssertion = (assertion: Assertion): boolean =>
  assertion !== "textStart" && assertion !== "textEnd" && assertion !== "lineStart" && assertion !== "lineEnd"

class Analyzer {
  readonly #sizes = new Map<number, Size>()

  constructor(readonly referenced: ReadonlySet<number>) {}

  analyze(node: Node): Part {
    const leaf = (minimum: number, hard: boolean): Part => ({ node, children: [], minimum, constant: true, hard })
    switch (node.type) {
      case "empty":
        return leaf(0, false)
      case "character":
      case "set":
        return leaf(1, false)
      case "assertion":
        return leaf(0, isHardAssertion(node.assertion))
      case "keepOut":
      case "searchStart":
      case "groupMatched":
        return leaf(0, true)
      case "concat": {
        const children = node.children.map(child => this.analyze(child))
        return {
          node,
          children,
          minimum: children.reduce((sum, child) => sum + child.minimum, 0),
          constant: children.every(child => child.constant),
          hard: children.some(child => child.hard)
        }
      }
      case "alternation": {
        const children = node.children.map(child => this.analyze(child))
        const minimum = children.reduce((least, child) => Math.min(least, child.minimum), Number.POSITIVE_INFINITY)
        return {
          node,
          children,
          minimum,
          constant: children.every(child => child.constant && child.minimum === minimum),
          hard: children.some(child => child.hard)
        }
      }
      case "group": {
        const child = this.analyze(node.child)
        const { minimum, constant } = child
        this.#sizes.set(node.group, { minimum, constant })
        return { node, children: [child], minimum, constant, hard: child.hard || this.referenced.has(node.group) }
      }
      case "repeat": {
        const child = this.analyze(node.child)
        return {
          node,
          children: [child],
          minimum: child.minimum * node.minimum,
          constant: child.constant && node.minimum === node.maximum,
          hard: child.hard
        }
      }
      case "look":
        return { ...leaf(0, true), children: [this.analyze(node.child)] }
      case "atomic": {
        const child = this.analyze(node.child)
        return { node, children: [child], minimum: child.minimum, constant: child.constant, hard: true }
      }
      case "backReference":
        return { ...leaf(0, true), constant: false, ...this.#sizes.get(node.group) }
      case "conditional": {
        const [condition, yes, no] = [node.condition, node.yes, node.no].map(child => this.analyze(child)) as [
          Part,
          Part,
          Part
        ]
        return {
          node,
          children: [condition, yes, no],
          minimum: condition.minimum + Math.min(yes.minimum, no.minimum),
          constant: condition.constant && yes.constant && no.constant && condition.minimum + yes.minimum === no.minimum,
          hard: true
        }
      }
    }
  }
}

/** Kinds of node that are instructions as they are. */
type Leaf = Node & { readonly type: "set" | "assertion" | "searchStart" | "groupMatched" | "backReference" }

type Instruction =
  | Leaf
  | { readonly type: "literal"; readonly text: string }
  /** Goes on at `first`; comes back to `second`. */
  | { readonly type: "split"; first: number; second: number }
  | { readonly type: "jump"; to: number }
  | { readonly type: "save"; readonly slot: number }
  | { readonly type: "clear"; readonly slot: number }
  | { readonly type: "restore"; readonly slot: number }
  | {
      readonly type: "repeat"
      readonly minimum: number
      readonly maximum: number
      readonly greedy: boolean
      readonly count: number
      /** Slot of the position of the last round, where an empty round ends the repetition; else -1. */
      readonly position: number
      next: number
    }
  | { readonly type: "back"; readonly characters: number }
  | { readonly type: "failLook" }
  | { readonly type: "beginAtomic" }
  | { readonly type: "endAtomic" }
  /** Runs an automaton; goes on where its match ends, or anywhere when what follows does not care. */
  | { readonly type: "automaton"; readonly automaton: Automaton; readonly moves: boolean }
  | { readonly type: "matched" }

/** Text of a part that is nothing but letters as they are, else undefined. */
const literalText = ({ node, children }: Part): string | undefined => {
  if (node.type === "character") return String.fromCodePoint(node.codePoint)
  return node.type === "concat" ? literalTextOf(children) : undefined
}

const literalTextOf = (parts: ReadonlyArray<Part>): string | undefined => {
  const texts = parts.map(literalText)
  return texts.every(text => text !== undefined) ? texts.join("") : undefined
}

const leading = (parts: ReadonlyArray<Part>, test: (part: Part) => boolean): number => {
  const end = parts.findIndex(part => !test(part))
  return end < 0 ? parts.length : end
}

const isAnchored = (node: Node): boolean =>
  node.type === "assertion"
    ? node.assertion === "textStart"
    : node.type === "concat" && node.children[0]!.type === "assertion" && isAnchored(node.children[0]!)

/**
 * Writes the instructions. `hard` says that what follows may ask for another match of the part; `last` that nothing
 * follows that could tell where the match ended.
 */
class Compiler {
  readonly instructions: Array<Instruction> = []
  slots: number

  constructor(groups: number) {
    this.slots = (groups + 1) * 2
  }

  compile(root: Part): void {
    if (!isAnchored(root.node)) {
      const start = this.#split()
      this.#add({ type: "set", set: anySet(true) })
      this.#add({ type: "jump", to: 0 })
      start.first = this.#here
    }
    this.#visit(root, false, true)
    this.#add({ type: "matched" })
  }

  get #here(): number {
    return this.instructions.length
  }

  #add<Added extends Instruction>(instruction: Added): Added {
    this.instructions.push(instruction)
    return instruction
  }

  #split(): Instruction & { type: "split" } {
    return this.#add({ type: "split", first: this.#here + 1, second: this.#here + 1 })
  }

  #visit(part: Part, hard: boolean, last: boolean): void {
    const { node, children } = part
    if (node.type === "empty" || node.type === "keepOut") return
    if (!hard && !part.hard) this.#delegate([part], last)
    else if (node.type === "concat") this.#concat(children, hard, last)
    else if (node.type === "alternation") this.#alternatives(children, child => this.#visit(child, hard, last))
    else if (node.type === "repeat") this.#repeat(part, node, hard, last)
    else if (node.type === "look") this.#look(node, children[0]!)
    else if (node.type === "conditional") this.#conditional(children, hard, last)
    else if (node.type === "character") this.#delegate([part], last)
    else if (node.type === "group") {
      this.#add({ type: "save", slot: node.group * 2 })
      this.#visit(children[0]!, hard, false)
      this.#add({ type: "save", slot: node.group * 2 + 1 })
    } else if (node.type === "atomic") {
      this.#add({ type: "beginAtomic" })
      this.#visit(children[0]!, false, last)
      this.#add({ type: "endAtomic" })
    } else this.#add(node)
  }

  /** Parts that match on their own: the first match is as good as any. */
  #delegate(parts: ReadonlyArray<Part>, last: boolean): void {
    const text = literalTextOf(parts)
    if (text !== undefined) {
      if (text !== "") this.#add({ type: "literal", text })
      return
    }
    const { node } = parts[0]!
    if (parts.length === 1 && node.type === "set") this.#add(node)
    else {
      const whole: Node = parts.length === 1 ? node : { type: "concat", children: parts.map(part => part.node) }
      this.#add({ type: "automaton", automaton: new Automaton(whole, last ? "from" : "end"), moves: !last })
    }
  }

  #concat(parts: ReadonlyArray<Part>, hard: boolean, last: boolean): void {
    const prefix = leading(parts, part => part.constant && !part.hard)
    const rest = parts.slice(prefix)
    const suffix = leading(rest.toReversed(), part => !part.hard && (part.constant || !hard))
    const middle = rest.slice(0, rest.length - suffix)
    this.#delegate(parts.slice(0, prefix), last && rest.length === 0)
    for (const [index, part] of middle.entries()) {
      this.#visit(part, true, last && suffix === 0 && index === middle.length - 1)
    }
    this.#delegate(rest.slice(middle.length), last)
  }

  #alternatives(parts: ReadonlyArray<Part>, visit: (part: Part) => void): void {
    const jumps: Array<Instruction & { type: "jump" }> = []
    for (const [index, part] of parts.entries()) {
      if (index === parts.length - 1) visit(part)
      else {
        const choice = this.#split()
        visit(part)
        jumps.push(this.#add({ type: "jump", to: 0 }))
        choice.second = this.#here
      }
    }
    for (const jump of jumps) jump.to = this.#here
  }

  #repeat(part: Part, node: Node & { type: "repeat" }, hard: boolean, last: boolean): void {
    const { minimum, maximum, greedy } = node
    const child = part.children[0]!
    const unbounded = maximum === Number.POSITIVE_INFINITY
    if (minimum === 0 && maximum === 1) {
      const choice = this.#split()
      this.#visit(child, hard, last)
      if (greedy) choice.second = this.#here
      else choice.first = this.#here
    } else if (minimum === 0 && unbounded && child.minimum > 0) {
      const start = this.#here
      const choice = this.#split()
      this.#visit(child, true, false)
      this.#add({ type: "jump", to: start })
      if (greedy) choice.second = this.#here
      else choice.first = this.#here
    } else if (minimum === 1 && unbounded && child.minimum > 0) {
      const start = this.#here
      this.#visit(child, true, false)
      const choice = this.#split()
      if (greedy) choice.first = start
      else choice.second = start
    } else {
      const count = this.slots++
      const position = unbounded && child.minimum === 0 ? this.slots++ : -1
      this.#add({ type: "clear", slot: count })
      const start = this.#here
      const repeat = this.#add({ type: "repeat", minimum, maximum, greedy, count, position, next: 0 })
      this.#visit(child, true, false)
      this.#add({ type: "jump", to: start })
      repeat.next = this.#here
    }
  }

  #look({ behind, negative }: Node & { type: "look" }, body: Part): void {
    const parts = behind && !body.constant && body.node.type === "alternation" ? body.children : [body]
    if (negative) {
      for (const part of parts) {
        const choice = this.#split()
        this.#lookBody(part, behind)
        this.#add({ type: "failLook" })
        choice.second = this.#here
      }
    } else {
      this.#alternatives(parts, part => {
        const slot = this.slots++
        this.#add({ type: "save", slot })
        this.#lookBody(part, behind)
        this.#add({ type: "restore", slot })
      })
    }
  }

  #lookBody(part: Part, behind: boolean): void {
    if (!behind || part.constant) {
      if (behind) this.#add({ type: "back", characters: part.minimum })
      this.#visit(part, false, true)
    } else if (part.hard) throw new InvalidPattern()
    else this.#add({ type: "automaton", automaton: new Automaton(part.node, "upTo"), moves: false })
  }

  #conditional([condition, yes, no]: ReadonlyArray<Part>, hard: boolean, last: boolean): void {
    this.#add({ type: "beginAtomic" })
    const choice = this.#split()
    this.#visit(condition!, hard, false)
    this.#add({ type: "endAtomic" })
    this.#visit(yes!, hard, last)
    const jump = this.#add({ type: "jump", to: 0 })
    choice.second = this.#here
    this.#visit(no!, hard, last)
    jump.to = this.#here
  }
}

/** How many alternatives were open when the atomic groups around the position began, innermost first. */
interface AtomicMarks {
  readonly alternatives: number
  readonly outer: AtomicMarks | undefined
}

interface Alternative {
  readonly instruction: number
  readonly at: number
  /** Length of the trail when it was left. */
  readonly trail: number
  readonly marks: AtomicMarks | undefined
}

const utf8Length = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

const escapeForExpression = (text: string): string =>
  Array.from(text, character => `\\u{${character.codePointAt(0)!.toString(16)}}`).join("")

/**
 * Where a case-insensitive repetition of `captured` at a position ends, or -1. As in the official engine the
 * repetition has as many bytes of UTF-8, and beyond ASCII it is enough that the captured text occurs among them.
 */
const repetitionEnd = (text: string, at: number, captured: string): number => {
  if (text.startsWith(captured, at)) return at + captured.length
  let bytes = 0
  for (const character of captured) bytes += utf8Length(character.codePointAt(0)!)
  let end = at
  while (bytes > 0 && end < text.length) {
    const codePoint = text.codePointAt(end)!
    bytes -= utf8Length(codePoint)
    end += codePoint > 0xffff ? 2 : 1
  }
  if (bytes !== 0) return -1
  const candidate = text.slice(at, end)
  const matches = isAscii(candidate)
    ? isAscii(captured) && candidate.toLowerCase() === captured.toLowerCase()
    : new RegExp(escapeForExpression(captured), "iu").test(candidate)
  return matches ? end : -1
}

/**
 * A pattern that needs backtracking, ready to run.
 *
 * @since 0.1.0
 */
export class Backtracker {
  readonly #instructions: ReadonlyArray<Instruction>
  readonly #slots: number
  readonly #word = wordSet()

  private constructor(compiler: Compiler) {
    this.#instructions = compiler.instructions
    this.#slots = compiler.slots
  }

  /**
   * Compiles a pattern, or gives undefined when it does not need backtracking.
   *
   * @throws InvalidPattern when the official engine would refuse the pattern
   */
  static compile({ node, referenced, groups }: ParsedPattern): Backtracker | undefined {
    const root = new Analyzer(referenced).analyze(node)
    if (!root.hard) return undefined
    const compiler = new Compiler(groups)
    compiler.compile(root)
    return new Backtracker(compiler)
  }

  /** Whether the pattern matches somewhere in the text. */
  matches(text: string, work: Work): boolean {
    const instructions = this.#instructions
    const slots: Array<number> = new Array(this.#slots).fill(-1)
    /** Pairs of slot and former value. */
    const trail: Array<number> = []
    const alternatives: Array<Alternative> = []
    let marks: AtomicMarks | undefined
    let backtracks = 0
    let index = 0
    let at = 0

    const assign = (slot: number, value: number): void => {
      trail.push(slot, slots[slot]!)
      slots[slot] = value
    }
    const leave = (instruction: number): void => {
      alternatives.push({ instruction, at, trail: trail.length, marks })
    }
    /** Goes back to the last alternative left. */
    const resume = (): void => {
      const alternative = alternatives.pop()!
      while (trail.length > alternative.trail) {
        const value = trail.pop()!
        slots[trail.pop()!] = value
      }
      index = alternative.instruction
      at = alternative.at
      marks = alternative.marks
    }

    for (;;) {
      if (--work.left < 0 || alternatives.length > maximumBacktracks || trail.length > maximumTrail) return false
      const instruction = instructions[index++]!
      let failed = false
      switch (instruction.type) {
        case "matched":
          return true
        case "literal":
          if (text.startsWith(instruction.text, at)) at += instruction.text.length
          else failed = true
          break
        case "set": {
          const codePoint = text.codePointAt(at)
          if (codePoint !== undefined && instruction.set.has(codePoint)) at += codePoint > 0xffff ? 2 : 1
          else failed = true
          break
        }
        case "assertion":
          failed = !this.#holds(instruction.assertion, text, at)
          break
        case "searchStart":
          failed = at !== 0
          break
        case "split":
          leave(instruction.second)
          index = instruction.first
          break
        case "jump":
          index = instruction.to
          break
        case "save":
          assign(instruction.slot, at)
          break
        case "clear":
          assign(instruction.slot, 0)
          break
        case "restore":
          at = slots[instruction.slot]!
          break
        case "repeat": {
          const { minimum, maximum, greedy, count, position, next } = instruction
          const rounds = slots[count]!
          if (rounds === maximum || (position >= 0 && rounds > 0 && slots[position] === at)) {
            index = next
            break
          }
          assign(count, rounds + 1)
          if (rounds < minimum) break
          if (position >= 0) assign(position, at)
          leave(greedy ? next : index)
          if (!greedy) index = next
          break
        }
        case "back":
          for (let left = instruction.characters; left > 0 && !failed; left--) {
            work.left--
            if (at === 0) failed = true
            else at -= codePointBefore(text, at) > 0xffff ? 2 : 1
          }
          break
        case "failLook":
          // Nothing left inside the look-around is of interest: its own alternative is the one that leads past it.
          while (alternatives.at(-1)!.instruction !== index) alternatives.pop()
          resume()
          failed = true
          break
        case "backReference": {
          const start = slots[instruction.group * 2]!
          const end = slots[instruction.group * 2 + 1]!
          if (start < 0 || end < 0) {
            failed = true
            break
          }
          const captured = text.slice(start, end)
          work.left -= captured.length >> 3
          if (instruction.caseInsensitive) {
            const repetition = repetitionEnd(text, at, captured)
            if (repetition < 0) failed = true
            else at = repetition
          } else if (text.startsWith(captured, at)) at += captured.length
          else failed = true
          break
        }
        case "groupMatched":
          failed = slots[instruction.group * 2]! < 0
          break
        case "beginAtomic":
          marks = { alternatives: alternatives.length, outer: marks }
          break
        case "endAtomic":
          alternatives.length = marks!.alternatives
          marks = marks!.outer
          break
        case "automaton": {
          const end = instruction.automaton.run(text, at, work)
          if (end < 0) failed = true
          else if (instruction.moves) at = end
          break
        }
      }
      if (failed) {
        if (alternatives.length === 0 || ++backtracks > maximumBacktracks) return false
        resume()
      }
    }
  }

  #holds(assertion: Assertion, text: string, at: number): boolean {
    const isWordBefore = (): boolean => at > 0 && this.#word.has(codePointBefore(text, at))
    const isWordAfter = (): boolean => at < text.length && this.#word.has(text.codePointAt(at)!)
    switch (assertion) {
      case "textStart":
        return at === 0
      case "textEnd":
        return at === text.length
      case "lineStart":
        return at === 0 || text.charCodeAt(at - 1) === 10
      case "lineEnd":
        return at === text.length || text.charCodeAt(at) === 10
      case "wordBoundary":
        return isWordBefore() !== isWordAfter()
      case "notWordBoundary":
        return isWordBefore() === isWordAfter()
      case "wordStart":
        return !isWordBefore() && isWordAfter()
      case "wordEnd":
        return isWordBefore() && !isWordAfter()
      case "wordStartHalf":
        return !isWordBefore()
      case "wordEndHalf":
        return !isWordAfter()
    }
  }
}
