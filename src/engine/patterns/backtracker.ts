/**
 * Backtracking matcher. Gives up, and so does not match, after as many backtracking steps as the official engine, or
 * when the call's `Work` is used up.
 */

import { codePointBefore, type PatternWork } from "./automaton.js"
import type { BacktrackingProgram } from "./backtrackingProgram.js"
import { numberAt } from "./program.js"
import { wordSet } from "./set.js"
import type { Assertion } from "./syntax.js"

/** Backtracking steps before the official engine gives up; also the most alternatives it keeps open. */
const maximumBacktracks = 1_000_000

/** Numbers kept to undo assignments. The official engine has no such limit. */
const maximumTrail = 4_000_000

/** The number of open alternatives at the start of each atomic group around a position, innermost first. */
interface AtomicMarks {
  readonly open: number
  readonly outer: AtomicMarks | undefined
}

const byteLength = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

const utf8Encoder = new TextEncoder()

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

/** With the flag `u`, two halves of a surrogate pair are one character. */
const escapeForExpression = (text: string): string =>
  text.replace(/./gs, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/**
 * The end of a repetition of `captured` at a position, or -1. As in the official engine, a repetition that ignores case
 * has the same number of UTF-8 bytes, and beyond ASCII it suffices that the captured text occurs among them.
 */
const repetitionEnd = (
  text: string,
  at: number,
  captured: string,
  caseInsensitive: boolean,
  work: PatternWork
): number => {
  // Many characters are compared in one step.
  work.left -= captured.length >> 4
  if (text.startsWith(captured, at)) return at + captured.length
  if (!caseInsensitive) return -1
  work.left -= 20 + captured.length * 8
  let bytes = utf8Encoder.encode(captured).length
  let end = at
  for (let codePoint = text.codePointAt(at); bytes > 0 && codePoint !== undefined; codePoint = text.codePointAt(end)) {
    bytes -= byteLength(codePoint)
    end += codePoint > 0xffff ? 2 : 1
  }
  if (bytes !== 0) return -1
  const candidate = text.slice(at, end)
  if (isAscii(candidate)) {
    return isAscii(captured) && candidate.toLowerCase() === captured.toLowerCase() ? end : -1
  }
  work.left -= 200
  return new RegExp(escapeForExpression(captured), "iu").test(candidate) ? end : -1
}

/** A number buffer that is reused between tests unless it has grown big. */
class Room {
  numbers = new Int32Array(roomKept)

  /** Reserves space for three more numbers than `length`. */
  reserve(length: number): void {
    if (length + 3 <= this.numbers.length) return
    const grown = new Int32Array(this.numbers.length * 4)
    grown.set(this.numbers)
    this.numbers = grown
  }

  tidy(): void {
    if (this.numbers.length > roomKept) this.numbers = new Int32Array(roomKept)
  }
}

/** The initial size of a `Room`. */
const roomKept = 1_024

/** The slots of a run, with a trail for undoing assignments. */
class GroupSlots {
  readonly #values: Int32Array
  /** Slots and their previous values. */
  readonly #trail: Room
  trailLength = 0

  constructor(count: number, trail: Room) {
    this.#values = new Int32Array(count).fill(-1)
    this.#trail = trail
  }

  get(slot: number): number {
    return numberAt(this.#values, slot)
  }

  set(slot: number, value: number): void {
    this.#trail.reserve(this.trailLength)
    const { numbers } = this.#trail
    numbers[this.trailLength++] = slot
    numbers[this.trailLength++] = this.get(slot)
    this.#values[slot] = value
  }

  undo(trailLength: number): void {
    const { numbers } = this.#trail
    while (this.trailLength > trailLength) {
      const value = numberAt(numbers, --this.trailLength)
      this.#values[numberAt(numbers, --this.trailLength)] = value
    }
  }
}

/** A compiled pattern that needs backtracking. */
export class Backtracker {
  readonly #word = wordSet()
  /** Open alternatives: three numbers each, instruction, position and length of the trail. */
  readonly #alternatives = new Room()
  readonly #trail = new Room()
  readonly #hasAtomic: boolean

  constructor(private readonly program: BacktrackingProgram) {
    this.#hasAtomic = program.instructions.some(({ operation }) => operation === "beginAtomic")
  }

  /** Whether the pattern matches somewhere in the text. */
  matches(text: string, work: PatternWork): boolean {
    const isMatch = this.#run(text, work)
    this.#alternatives.tidy()
    this.#trail.tidy()
    return isMatch
  }

  #run(text: string, work: PatternWork): boolean {
    const { instructions } = this.program
    const slots = new GroupSlots(this.program.slots, this.#trail)
    const room = this.#alternatives
    let alternatives = room.numbers
    /** The marks of the alternatives, in programs that have any. */
    const alternativeMarks: Array<AtomicMarks | undefined> | undefined = this.#hasAtomic ? [] : undefined
    let open = 0
    let marks: AtomicMarks | undefined
    let backtracks = 0
    let index = 0
    let at = 0
    for (;;) {
      if (--work.left < 0 || slots.trailLength > maximumTrail) return false
      const instruction = instructions[index++]!
      /** The instruction to leave open as an alternative. */
      let alternative = -1
      let failed = false
      switch (instruction.operation) {
        case "matched":
          return true
        case "literal": {
          const literal = instruction.text
          // The first letter usually decides.
          if (text.charCodeAt(at) !== literal.charCodeAt(0)) failed = true
          else if (literal.length === 1 || text.startsWith(literal, at)) at += literal.length
          else failed = true
          break
        }
        case "consume": {
          const codePoint = text.codePointAt(at)
          if (codePoint !== undefined && instruction.set?.has(codePoint)) at += codePoint > 0xffff ? 2 : 1
          else failed = true
          break
        }
        case "assert":
          failed = !this.#holds(instruction.assertion, text, at)
          break
        case "searchStart":
          failed = at !== 0
          break
        case "split":
          alternative = instruction.alternative
          index = instruction.next
          break
        case "jump":
          index = instruction.next
          break
        case "save":
          slots.set(instruction.slot, at)
          break
        case "clear":
          slots.set(instruction.slot, 0)
          break
        case "restore":
          at = slots.get(instruction.slot)
          break
        case "repeat": {
          const { slot, position, next, flag: greedy } = instruction
          const rounds = slots.get(slot)
          if (rounds === instruction.maximum || (position >= 0 && rounds > 0 && slots.get(position) === at)) {
            index = next
            break
          }
          slots.set(slot, rounds + 1)
          if (rounds < instruction.minimum) break
          if (position >= 0) slots.set(position, at)
          alternative = greedy ? next : index
          if (!greedy) index = next
          break
        }
        case "back":
          for (let left = instruction.minimum; left > 0 && !failed; left--) {
            work.left--
            if (at === 0) failed = true
            else at -= codePointBefore(text, at) > 0xffff ? 2 : 1
          }
          break
        case "failLook":
          // Drop the look-around's own alternative, which leads past it, and those opened inside.
          do open--
          while (alternatives[open * 3] !== index)
          failed = true
          break
        case "backReference": {
          const start = slots.get(instruction.slot)
          const end = slots.get(instruction.slot + 1)
          const repetition =
            start < 0 || end < 0 ? -1 : repetitionEnd(text, at, text.slice(start, end), instruction.flag, work)
          if (repetition < 0) failed = true
          else at = repetition
          break
        }
        case "groupMatched":
          failed = slots.get(instruction.slot) < 0
          break
        case "beginAtomic":
          marks = { open, outer: marks }
          break
        case "endAtomic":
          if (marks !== undefined) ({ open, outer: marks } = marks)
          break
        case "run": {
          work.left -= 4
          const end = instruction.automaton?.run(text, at, work) ?? -1
          if (end < 0) failed = true
          else if (instruction.flag) at = end
          break
        }
      }
      if (alternative >= 0) {
        if (open === maximumBacktracks) return false
        const top = open * 3
        if (top + 3 > alternatives.length) {
          room.reserve(top)
          alternatives = room.numbers
        }
        alternatives[top] = alternative
        alternatives[top + 1] = at
        alternatives[top + 2] = slots.trailLength
        if (alternativeMarks !== undefined) alternativeMarks[open] = marks
        open++
      } else if (failed) {
        if (open === 0 || ++backtracks > maximumBacktracks) return false
        open--
        if (alternativeMarks !== undefined) marks = alternativeMarks[open]
        index = numberAt(alternatives, open * 3)
        at = numberAt(alternatives, open * 3 + 1)
        slots.undo(numberAt(alternatives, open * 3 + 2))
      }
    }
  }

  #holds(assertion: Assertion, text: string, at: number): boolean {
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
        return this.#isWordBefore(text, at) !== this.#isWordAfter(text, at)
      case "notWordBoundary":
        return this.#isWordBefore(text, at) === this.#isWordAfter(text, at)
      case "wordStart":
        return !this.#isWordBefore(text, at) && this.#isWordAfter(text, at)
      case "wordEnd":
        return this.#isWordBefore(text, at) && !this.#isWordAfter(text, at)
      case "wordStartHalf":
        return !this.#isWordBefore(text, at)
      case "wordEndHalf":
        return !this.#isWordAfter(text, at)
    }
  }

  #isWordBefore(text: string, at: number): boolean {
    return at > 0 && this.#word.has(codePointBefore(text, at))
  }

  #isWordAfter(text: string, at: number): boolean {
    const codePoint = text.codePointAt(at)
    return codePoint !== undefined && this.#word.has(codePoint)
  }
}
