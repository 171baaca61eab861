/**
 * Plays histories of sticky assignments and prints their outcome as JSON. It is a separate program, like
 * `eventsChild.ts`: the official package sends its events, so it runs with no network but loopback. Its argument is a
 * `Task` as JSON.
 */
import { type HistoryDifference, stickyHistory } from "./assignments.js"
import { officialSdk, ourSdk, type Sdk } from "./sdk.js"

/** The histories to play. */
export interface Task {
  readonly seed: number
  readonly indices: ReadonlyArray<number>
  readonly rounds: number
  /** Compares the official package with a copy that ignores targeting, instead of this package. */
  readonly isWrong?: boolean
}

/** Their combined outcome. */
export interface Report {
  readonly counts: Readonly<Record<string, number>>
  readonly differences: ReadonlyArray<HistoryDifference>
}

/** The official package with a fault. */
class Wrong extends officialSdk.Statsig {
  constructor(key: string, options?: ConstructorParameters<Sdk["Statsig"]>[1]) {
    super(key, options)
    const { getExperiment } = this
    this.getExperiment = (user, name, options) => getExperiment(user, name, { ...options, enforceTargeting: false })
  }
}

const main = async ({ indices, isWrong, rounds, seed }: Task): Promise<Report> => {
  const packages = { expected: officialSdk, actual: isWrong ? { ...officialSdk, Statsig: Wrong } : ourSdk }
  const counts: Record<string, number> = {}
  const differences: Array<HistoryDifference> = []
  for (const index of indices) {
    const history = await stickyHistory(packages, seed, index, rounds)
    for (const [name, count] of history.counts) counts[name] = (counts[name] ?? 0) + count
    differences.push(...history.differences)
  }
  return { counts, differences }
}

const report = await main(JSON.parse(process.argv[2] ?? ""))
process.stdout.write(JSON.stringify(report), () => process.exit())
