/**
 * Patterns of the `str_matches` operator: `syntax` parses them, and `set` holds their character classes. As in the
 * official engine, patterns that need no backtracking run on the `automaton`, in time linear in the text. The others
 * run on the `backtracker`, which gives up after as many steps as the official engine.
 *
 * No pattern and no text blocks the caller: each test has one `Work` allowance, and JavaScript's own matcher, which
 * backtracks without bounds, only handles single characters or back-references already cut to size.
 */

import { Automaton } from "./automaton.js"
import { Backtracker } from "./backtracker.js"
import { writeBacktrackingProgram } from "./backtrackingProgram.js"
import { InvalidPattern } from "./set.js"
import { parsePattern } from "./syntax.js"

/** A valid pattern. */
export interface Pattern {
  /** Whether the pattern matches somewhere in the text. Never throws; returns `false` when out of work. */
  readonly test: (text: string) => boolean
}

/**
 * Steps of one test (see `Work`): about 50 ms. In most patterns the official engine's million backtracking steps are
 * three to six million of these.
 */
const workPerTest = 5_000_000

/** Compiles a pattern; undefined if it is invalid, so that it never matches. */
export const compilePattern = (pattern: string): Pattern | undefined => {
  try {
    const parsed = parsePattern(pattern)
    const program = writeBacktrackingProgram(parsed)
    if (program !== undefined) {
      const backtracker = new Backtracker(program)
      return { test: text => backtracker.matches(text, { left: workPerTest }) }
    }
    const automaton = new Automaton(parsed.node, "anywhere")
    return { test: text => automaton.run(text, 0, { left: workPerTest }) >= 0 }
  } catch (error) {
    if (error instanceof InvalidPattern) return undefined
    throw error
  }
}
