/**
 * Backtracking matcher. Gives up, and so does not match, after as many backtracking steps as the official engine, or
 * when the call's `Work` is used up.
 */

import { codePointBefore, type Work } from "./regexAutomaton.js"
import * as Program from "./regexBacktrackingProgram.js"
import { wordSet } from "./regexSet.js"
import type { Assertion } from "./regexSyntax.js"

/** Backtracking steps before the official engine gives up; also the most alternatives it keeps open. */
const maximumBacktracks = 1_000_000

/** Numbers kept to undo assignments. The official engine has no such limit. */
const maximumTrail = 4_000_000

/** How many alternatives were open when the atomic groups around a position began, innermost first. */
interface AtomicMarks {
  readonly open: number
  readonly outer: AtomicMarks | undefined
}

const utf8Length = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

const escapeForExpression = (text: string): string =>
  Array.from(text, character => `\\u{${character.codePointAt(0)!.toString(16)}}`).join("")

/**
 * Where a repetition of `captured` at a position ends, or -1. When case is ignored it has, as in the official engine,
 * as many bytes of UTF-8, and beyond ASCII it is enough that the captured text occurs among them.
 */
const repetitionEnd = (text: string, at: number, captured: string, caseInsensitive: boolean, work: Work): number => {
  work.left -= captured.length
  if (text.startsWith(captured, at)) return at + captured.length
  if (!caseInsensitive) return -1
  work.left -= 20 + captured.length * 8
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
  if (isAscii(candidate)) {
    return isAscii(captured) && candidate.toLowerCase() === captured.toLowerCase() ? end : -1
  }
  work.left -= 200
  return new RegExp(escapeForExpression(captured), "iu").test(candidate) ? end : -1
}

/**
 * A pattern that needs backtracking, ready to run.
 *
 * @since 0.1.0
 */
export class Backtracker {
  readonly #program: Program.BacktrackingProgram
  readonly #word = wordSet()

  constructor(program: Program.BacktrackingProgram) {
    this.#program = program
  }

  /** Whether the pattern matches somewhere in the text. */
  matches(text: string, work: Work): boolean {
    const { instructions } = this.#program
    const slots = new Int32Array(this.#program.slots).fill(-1)
    /** Slots and their former values, to be undone. */
    const trail: Array<number> = []
    /** Alternatives left open: three numbers each, instruction, position and length of the trail. */
    const open: Array<number> = []
    const openMarks: Array<AtomicMarks | undefined> = []
    let marks: AtomicMarks | undefined
    let backtracks = 0
    let index = 0
    let at = 0
    for (;;) {
      if (--work.left < 0) return false
      const instruction = instructions[index++]!
      let failed = false
      switch (instruction.operation) {
        case Program.matched:
          return true
        case Program.literal:
          if (text.startsWith(instruction.text, at)) at += instruction.text.length
          else failed = true
          break
        case Program.consume: {
          const codePoint = text.codePointAt(at)
          if (codePoint !== undefined && instruction.set!.has(codePoint)) at += codePoint > 0xffff ? 2 : 1
          else failed = true
          break
        }
        case Program.assert:
          failed = !this.#holds(instruction.assertion, text, at)
          break
        case Program.searchStart:
          failed = at !== 0
          break
        case Program.split:
          open.push(instruction.alternative, at, trail.length)
          openMarks.push(marks)
          index = instruction.next
          break
        case Program.jump:
          index = instruction.next
          break
        case Program.save:
          trail.push(instruction.slot, slots[instruction.slot]!)
          slots[instruction.slot] = at
          break
        case Program.clear:
          trail.push(instruction.slot, slots[instruction.slot]!)
          slots[instruction.slot] = 0
          break
        case Program.restore:
          at = slots[instruction.slot]!
          break
        case Program.repeat: {
          const { slot, position } = instruction
          const rounds = slots[slot]!
          if (rounds === instruction.maximum || (position >= 0 && rounds > 0 && slots[position] === at)) {
            index = instruction.next
            break
          }
          trail.push(slot, rounds)
          slots[slot] = rounds + 1
          if (rounds < instruction.minimum) break
          if (position >= 0) {
            trail.push(position, slots[position]!)
            slots[position] = at
          }
          open.push(instruction.flag ? instruction.next : index, at, trail.length)
          openMarks.push(marks)
          if (!instruction.flag) index = instruction.next
          break
        }
        case Program.back:
          for (let left = instruction.minimum; left > 0 && !failed; left--) {
            work.left--
            if (at === 0) failed = true
            else at -= codePointBefore(text, at) > 0xffff ? 2 : 1
          }
          break
        case Program.failLook:
          // The look-around's own alternative leads past it; neither that nor what was left open inside is wanted.
          while (open[openMarks.length * 3 - 3] !== index) {
            openMarks.pop()
            open.length -= 3
          }
          openMarks.pop()
          open.length -= 3
          failed = true
          break
        case Program.backReference: {
          const start = slots[instruction.slot]!
          const end = slots[instruction.slot + 1]!
          const repetition =
            start < 0 || end < 0 ? -1 : repetitionEnd(text, at, text.slice(start, end), instruction.flag, work)
          if (repetition < 0) failed = true
          else at = repetition
          break
        }
        case Program.groupMatched:
          failed = slots[instruction.slot]! < 0
          break
        case Program.beginAtomic:
          marks = { open: openMarks.length, outer: marks }
          break
        case Program.endAtomic:
          openMarks.length = marks!.open
          open.length = marks!.open * 3
          marks = marks!.outer
          break
        case Program.run: {
          const end = instruction.automaton!.run(text, at, work)
          if (end < 0) failed = true
          else if (instruction.flag) at = end
          break
        }
      }
      if (failed) {
        if (openMarks.length === 0 || ++backtracks > maximumBacktracks) return false
        marks = openMarks.pop()
        const trailLength = open.pop()!
        at = open.pop()!
        index = open.pop()!
        while (trail.length > trailLength) {
          const value = trail.pop()!
          slots[trail.pop()!] = value
        }
      } else if (openMarks.length > maximumBacktracks || trail.length > maximumTrail) return false
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
    return at < text.length && this.#word.has(text.codePointAt(at)!)
  }
}
