/** Runs worlds through two packages and compares every result. */
import { difference } from "./compare.js"
import { Coverage } from "./coverage.js"
import { metadataQuestions, userQuestions } from "./questions.js"
import { open, type Question, type Sdk, type Session } from "./sdk.js"
import { makeWorld, type World } from "./world.js"

/** One result that differs. */
export interface Difference {
  readonly seed: number
  readonly index: number
  readonly world: World
  readonly userIndex: number
  readonly question: Question
  readonly path: string
  readonly expected: unknown
  readonly actual: unknown
}

/** The outcome of a run. */
export interface Comparison {
  readonly comparisons: Map<Question["kind"], number>
  readonly differences: ReadonlyArray<Difference>
  readonly coverage: Coverage
  /** Results that the official package gives by chance, ours among them. */
  readonly varying: number
}

/**
 * Whether the package gives this result too when it is asked again. The official one answers `array_contains_*` by chance
 * where an item has no text form, about once in a hundred times.
 */
const varies = (sdk: Session, userIndex: number, question: Question, result: unknown): boolean => {
  for (let time = 0; time < 10; time++) {
    if (difference(sdk.ask(userIndex, question), result) === undefined) return true
  }
  return false
}

/** Compares the worlds of the seed until that many results were compared. */
export const compareWorlds = async (options: {
  readonly expected: Sdk
  readonly actual: Sdk
  readonly seed: number
  readonly comparisons: number
  readonly firstIndex?: number
  /** Called before each world, so that a crash can be traced to it. */
  readonly onWorld?: (index: number) => void
  /** Changes how the worlds are served. */
  readonly served?: (world: World, seed: number) => World
}): Promise<Comparison> => {
  const comparisons = new Map<Question["kind"], number>()
  const differences: Array<Difference> = []
  const coverage = new Coverage()
  let varying = 0
  let done = 0
  for (let index = options.firstIndex ?? 0; done < options.comparisons; index++) {
    options.onWorld?.(index)
    const made = makeWorld(options.seed, index)
    const world = options.served?.(made, Math.imul(options.seed, 65_537) ^ index) ?? made
    coverage.world(world)
    await inBoth(options.expected, options.actual, world, (expected, actual) => {
      const compare = (userIndex: number, question: Question) => {
        const wanted = expected.ask(userIndex, question)
        const given = actual.ask(userIndex, question)
        const path = difference(wanted, given)
        if (path !== undefined && varies(expected, userIndex, question, given)) varying++
        else if (path !== undefined) {
          differences.push({
            seed: options.seed,
            index,
            world,
            userIndex,
            question,
            path,
            expected: wanted,
            actual: given
          })
        }
        coverage.answer(question, wanted)
        comparisons.set(question.kind, (comparisons.get(question.kind) ?? 0) + 1)
        done++
      }
      for (const question of metadataQuestions(world)) compare(0, question)
      const questions = userQuestions(world)
      // Servers ask user by user, or by turns.
      if (index % 2 === 0) {
        for (const userIndex of world.users.keys()) for (const question of questions) compare(userIndex, question)
      } else for (const question of questions) for (const userIndex of world.users.keys()) compare(userIndex, question)
    })
  }
  return { comparisons, differences, coverage, varying }
}

/** Opens the world in both packages for as long as `use` needs them. */
export const inBoth = async (
  expected: Sdk,
  actual: Sdk,
  world: World,
  use: (expected: Session, actual: Session) => void
): Promise<void> => {
  const sessions = [await open(expected, world), await open(actual, world)] as const
  try {
    use(...sessions)
  } finally {
    for (const session of sessions) await session.close()
  }
}
