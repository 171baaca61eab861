/**
 * Patterns of the `str_matches` operator: `syntax` reads them, `set` holds their character classes, and
 * they run in one of two ways, as the official engine has it: patterns that need no backtracking on the
 * `automaton`, in time linear in the text; the others on the `backtracker`, which gives up after as many
 * steps as the official engine.
 *
 * No pattern and no text holds the caller up: both ways draw on one `Work` allowance per test, and JavaScript's own
 * matcher, which backtracks without bounds, only ever sees single characters or back-references already cut to size.
 */

import { Automaton } from "./automaton.js"
import { Backtracker } from "./backtracker.js"
import { writeBacktrackingProgram } from "./backtrackingProgram.js"
import { InvalidPattern } from "./set.js"
import { parsePattern } from "./syntax.js"

/** A valid pattern. */
export interface Pattern {
  /** Whether the pattern matches somewhere in the text. Never throws; out of work it says no. */
  readonly test: (text: string) => boolean
}

/**
 * Steps one test may take (see `Work`): about 50 ms. In most patterns the official engine's million backtracking steps
 * are three to six million of these.
 */
const workPerTest = 5_000_000

/** Compiles a pattern; undefined when it is invalid, so that it never matches. */
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
