/**
 * Programs for patterns with look-around, references, atomic groups, conditions or word boundaries.
 *
 * A pattern is split as in the official engine: parts that need no backtracking (not `hard`) run on an `Automaton`
 * wherever the following part cannot request another match; only the rest backtracks. So it also takes about as many
 * backtracking steps, which matters because both give up after the same number of them. As there, backtracking may
 * re-enter look-aheads.
 */

import { Automaton } from "./automaton.js"
import { anySet, type CharacterSet, InvalidPattern } from "./set.js"
import { type Assertion, concatenation, type Node, type ParsedPattern } from "./syntax.js"

interface Size {
  /** The minimum length of a match; the length of all matches if `constant`. */
  readonly minimum: number
  readonly constant: boolean
}

/** A node with the properties that the compiler needs. */
interface PatternPart extends Size {
  readonly node: Node
  readonly children: ReadonlyArray<PatternPart>
  /** Whether it, or a part of it, needs backtracking. */
  readonly hard: boolean
}

const easyAssertions: ReadonlySet<Assertion> = new Set(["textStart", "textEnd", "lineStart", "lineEnd"])

const childrenOf = (node: Node): ReadonlyArray<Node> => {
  if ("children" in node) return node.children
  if ("child" in node) return [node.child]
  return node.type === "conditional" ? [node.condition, node.yes, node.no] : []
}

class Analyzer {
  readonly #sizes = new Map<number, Size>()

  constructor(readonly referenced: ReadonlySet<number>) {}

  analyze(node: Node): PatternPart {
    const children = childrenOf(node).map(child => this.analyze(child))
    const hard = this.#isHard(node) || children.some(child => child.hard)
    return { node, children, hard, ...this.#size(node, children) }
  }

  #isHard(node: Node): boolean {
    switch (node.type) {
      case "assertion":
        return !easyAssertions.has(node.assertion)
      case "group":
        return this.referenced.has(node.group)
      default:
        return hardTypes.has(node.type)
    }
  }

  #size(node: Node, children: ReadonlyArray<PatternPart>): Size {
    const [{ minimum, constant } = { minimum: 0, constant: true }, yes, no] = children
    switch (node.type) {
      case "character":
      case "set":
        return { minimum: 1, constant: true }
      case "concat":
        return {
          minimum: children.reduce((sum, child) => sum + child.minimum, 0),
          constant: children.every(child => child.constant)
        }
      case "alternation": {
        const least = children.reduce((least, child) => Math.min(least, child.minimum), Number.POSITIVE_INFINITY)
        return { minimum: least, constant: children.every(child => child.constant && child.minimum === least) }
      }
      case "group":
        this.#sizes.set(node.group, { minimum, constant })
        return { minimum, constant }
      case "repeat":
        return { minimum: minimum * node.minimum, constant: constant && node.minimum === node.maximum }
      case "atomic":
        return { minimum, constant }
      case "backReference":
        return this.#sizes.get(node.group) ?? { minimum: 0, constant: false }
      case "conditional": {
        const [first = 0, second = 0] = [yes?.minimum, no?.minimum]
        const isConstant = constant && yes?.constant === true && no?.constant === true
        return { minimum: minimum + Math.min(first, second), constant: isConstant && minimum + first === second }
      }
      default:
        return { minimum: 0, constant: true }
    }
  }
}

const hardTypes: ReadonlySet<Node["type"]> = new Set([
  "keepOut",
  "searchStart",
  "groupMatched",
  "look",
  "atomic",
  "backReference",
  "conditional"
])

/** What an instruction does; the backtracker's loop shows how. */
export type Operation =
  | "matched"
  | "literal"
  | "consume"
  | "assert"
  | "searchStart"
  | "split"
  | "jump"
  | "save"
  | "clear"
  | "restore"
  | "repeat"
  | "back"
  | "failLook"
  | "backReference"
  | "groupMatched"
  | "beginAtomic"
  | "endAtomic"
  | "run"

/** An instruction of a backtracking program. All have one shape, so that running them is fast. */
export interface Instruction {
  readonly operation: Operation
  /** The next instruction (`split`, `jump`), or the one after a repetition. */
  next: number
  /** The instruction after backtracking (`split`). */
  alternative: number
  /** Slot to read or to write; the first of two for `backReference`. */
  readonly slot: number
  /** Slot of the position of the last round, if an empty round ends the repetition; else -1. */
  readonly position: number
  /** Bounds of a repetition; `minimum` also counts the characters of `back`. */
  readonly minimum: number
  readonly maximum: number
  /** Greedy (`repeat`), case-insensitive (`backReference`), continue at the end of the match (`run`). */
  readonly flag: boolean
  readonly text: string
  readonly set: CharacterSet | undefined
  readonly assertion: Assertion
  readonly automaton: Automaton | undefined
}

const blank: Omit<Instruction, "operation"> = {
  next: 0,
  alternative: 0,
  slot: -1,
  position: -1,
  minimum: 0,
  maximum: 0,
  flag: false,
  text: "",
  set: undefined,
  assertion: "textStart",
  automaton: undefined
}

/** The text of a part that consists of literal letters only, else undefined. */
const literalText = ({ node, children }: PatternPart): string | undefined => {
  if (node.type === "character") return String.fromCodePoint(node.codePoint)
  return node.type === "concat" ? literalTextOf(children) : undefined
}

const literalTextOf = (parts: ReadonlyArray<PatternPart>): string | undefined => {
  const texts = parts.map(literalText)
  return texts.every(text => text !== undefined) ? texts.join("") : undefined
}

const leading = (parts: ReadonlyArray<PatternPart>, test: (part: PatternPart) => boolean): number => {
  const end = parts.findIndex(part => !test(part))
  return end < 0 ? parts.length : end
}

const isAnchoredNode = (node: Node): boolean => {
  const first = node.type === "concat" ? node.children[0] : node
  return first?.type === "assertion" && first.assertion === "textStart"
}

/**
 * Writes the instructions. `hard`: the following part may request another match of this one; `last`: nothing follows
 * that depends on where the match ended.
 */
class Compiler {
  readonly instructions: Array<Instruction> = []
  slots: number

  constructor(groups: number) {
    this.slots = (groups + 1) * 2
  }

  compile(root: PatternPart): void {
    if (!isAnchoredNode(root.node)) {
      const start = this.#split()
      this.#add("consume", { set: anySet(true) })
      this.#add("jump", { next: 0 })
      start.next = this.#here
    }
    this.#visit(root, false, true)
    this.#add("matched")
  }

  get #here(): number {
    return this.instructions.length
  }

  #add(operation: Operation, fields: Partial<Instruction> = {}): Instruction {
    const instruction = { operation, ...blank, ...fields }
    this.instructions.push(instruction)
    return instruction
  }

  #split(): Instruction {
    return this.#add("split", { next: this.#here + 1, alternative: this.#here + 1 })
  }

  #visit(part: PatternPart, hard: boolean, last: boolean): void {
    const { node, children } = part
    if (node.type === "empty" || node.type === "keepOut") return
    if (!hard && !part.hard) this.#delegate([part], last)
    else if (node.type === "concat") this.#concat(children, hard, last)
    else if (node.type === "alternation") this.#alternatives(children, child => this.#visit(child, hard, last))
    else if (node.type === "repeat") for (const child of children) this.#repeat(child, node, hard, last)
    else if (node.type === "look") for (const body of children) this.#look(node, body)
    else if (node.type === "conditional") this.#conditional(children, hard, last)
    else if (node.type === "character") this.#delegate([part], last)
    else if (node.type === "group") {
      this.#add("save", { slot: node.group * 2 })
      for (const child of children) this.#visit(child, hard, false)
      this.#add("save", { slot: node.group * 2 + 1 })
    } else if (node.type === "atomic") {
      this.#add("beginAtomic")
      for (const child of children) this.#visit(child, false, last)
      this.#add("endAtomic")
    } else this.#leaf(node)
  }

  #leaf(node: Node): void {
    switch (node.type) {
      case "set":
        this.#add("consume", { set: node.set })
        break
      case "assertion":
        this.#add("assert", { assertion: node.assertion })
        break
      case "searchStart":
        this.#add("searchStart")
        break
      case "groupMatched":
        this.#add("groupMatched", { slot: node.group * 2 })
        break
      case "backReference":
        this.#add("backReference", { slot: node.group * 2, flag: node.caseInsensitive })
        break
    }
  }

  /** Compiles parts whose first match is as good as any. */
  #delegate(parts: ReadonlyArray<PatternPart>, last: boolean): void {
    const text = literalTextOf(parts)
    if (text !== undefined) {
      if (text !== "") this.#add("literal", { text })
      return
    }
    const node = concatenation(parts.map(part => part.node))
    if (node.type === "set") this.#add("consume", { set: node.set })
    else this.#add("run", { automaton: new Automaton(node, last ? "from" : "end"), flag: !last })
  }

  #concat(parts: ReadonlyArray<PatternPart>, hard: boolean, last: boolean): void {
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

  #alternatives(parts: ReadonlyArray<PatternPart>, visit: (part: PatternPart) => void): void {
    const jumps: Array<Instruction> = []
    for (const [index, part] of parts.entries()) {
      if (index === parts.length - 1) visit(part)
      else {
        const choice = this.#split()
        visit(part)
        jumps.push(this.#add("jump"))
        choice.alternative = this.#here
      }
    }
    for (const over of jumps) over.next = this.#here
  }

  #repeat(child: PatternPart, node: Node & { type: "repeat" }, hard: boolean, last: boolean): void {
    const { minimum, maximum, greedy } = node
    const unbounded = maximum === Number.POSITIVE_INFINITY
    if (minimum === 0 && maximum === 1) {
      const choice = this.#split()
      this.#visit(child, hard, last)
      if (greedy) choice.alternative = this.#here
      else choice.next = this.#here
    } else if (minimum === 0 && unbounded && child.minimum > 0) {
      const start = this.#here
      const choice = this.#split()
      this.#visit(child, true, false)
      this.#add("jump", { next: start })
      if (greedy) choice.alternative = this.#here
      else choice.next = this.#here
    } else if (minimum === 1 && unbounded && child.minimum > 0) {
      const start = this.#here
      this.#visit(child, true, false)
      const choice = this.#split()
      if (greedy) choice.next = start
      else choice.alternative = start
    } else {
      const slot = this.slots++
      const position = unbounded && child.minimum === 0 ? this.slots++ : -1
      this.#add("clear", { slot })
      const start = this.#here
      const round = this.#add("repeat", { minimum, maximum, flag: greedy, slot, position })
      this.#visit(child, true, false)
      this.#add("jump", { next: start })
      round.next = this.#here
    }
  }

  #look({ behind, negative }: Node & { type: "look" }, body: PatternPart): void {
    const parts = behind && !body.constant && body.node.type === "alternation" ? body.children : [body]
    if (negative) {
      for (const part of parts) {
        const choice = this.#split()
        this.#lookBody(part, behind)
        this.#add("failLook")
        choice.alternative = this.#here
      }
    } else {
      this.#alternatives(parts, part => {
        const slot = this.slots++
        this.#add("save", { slot })
        this.#lookBody(part, behind)
        this.#add("restore", { slot })
      })
    }
  }

  #lookBody(part: PatternPart, behind: boolean): void {
    if (!behind || part.constant) {
      if (behind) this.#add("back", { minimum: part.minimum })
      this.#visit(part, false, true)
    } else if (part.hard) throw new InvalidPattern()
    else this.#add("run", { automaton: new Automaton(part.node, "upTo") })
  }

  #conditional([condition, yes, no]: ReadonlyArray<PatternPart>, hard: boolean, last: boolean): void {
    if (condition === undefined || yes === undefined || no === undefined) return
    this.#add("beginAtomic")
    const choice = this.#split()
    this.#visit(condition, hard, false)
    this.#add("endAtomic")
    this.#visit(yes, hard, last)
    const over = this.#add("jump")
    choice.alternative = this.#here
    this.#visit(no, hard, last)
    over.next = this.#here
  }
}

/**
 * A pattern as instructions, and the number of their slots: two for each group, more for repetitions and look-arounds.
 */
export interface BacktrackingProgram {
  readonly instructions: ReadonlyArray<Instruction>
  readonly slots: number
}

/**
 * Writes the program of a pattern; returns undefined if the pattern needs no backtracking.
 *
 * @throws InvalidPattern when the official engine would reject the pattern
 */
export const writeBacktrackingProgram = ({
  node,
  referenced,
  groups
}: ParsedPattern): BacktrackingProgram | undefined => {
  const root = new Analyzer(referenced).analyze(node)
  if (!root.hard) return undefined
  const compiler = new Compiler(groups)
  compiler.compile(root)
  return compiler
}
