/**
 * Measures two implementations of the same work by turns, so that whatever else the machine does falls on both.
 */

/** One kind of work; `run` does it once. Its result is used, so that it cannot be left out. */
export interface Work {
  readonly run: (index: number) => unknown
  /** What is still to be done for it in the background. Its CPU time counts, its duration does not. */
  readonly settle: () => Promise<unknown>
}

/** Nanoseconds of one run: as the caller sees them, and of CPU over all threads of the process. */
export interface Cost {
  readonly wall: number
  readonly cpu: number
}

const rounds = 15
/** How long one measurement should take: long enough for the CPU clock, short enough for many rounds. */
const roundNanoseconds = 40_000_000

/** Measures each of the works in every round, in changing order, and gives the medians. */
export const measure = async (works: ReadonlyArray<Work>): Promise<ReadonlyArray<Cost>> => {
  const counts: Array<number> = []
  for (const work of works) counts.push(await calibrate(work))
  const costs: Array<Array<Cost>> = works.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < works.length; turn++) {
      const which = (round + turn) % works.length
      costs[which]?.push(await once(works[which] as Work, counts[which] as number, round))
    }
  }
  return costs.map(found => ({
    wall: median(found.map(cost => cost.wall)),
    cpu: median(found.map(cost => cost.cpu))
  }))
}

/** How many runs fill a round. Warms up on the way. */
const calibrate = async (work: Work): Promise<number> => {
  for (let count = 64; ; count *= 2) {
    const { wall } = await once(work, count, count)
    if (wall * count >= roundNanoseconds / 2) return Math.max(1, Math.round(roundNanoseconds / wall))
  }
}

/** Keeps the results from being optimised away. */
export const sink = { held: undefined as unknown, count: 0 }

const once = async ({ run, settle }: Work, count: number, round: number): Promise<Cost> => {
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  // Each round goes on where the one before ended.
  const first = round * count
  for (let index = first; index < first + count; index++) {
    const result = run(index)
    if (result === sink.held) sink.count++
    sink.held = result
  }
  const wall = Number(process.hrtime.bigint() - before)
  await settle()
  const cpu = process.cpuUsage(cpuBefore)
  return { wall: wall / count, cpu: ((cpu.user + cpu.system) * 1000) / count }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
