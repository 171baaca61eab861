/** Measures two implementations of the same work alternately, so that other load on the machine affects both. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
/**
 * Run before each measurement, so that none pays for the garbage of another. Young generation only: a full collection
 * would discard optimised code.
 */
const collectGarbage = runInNewContext("gc") as (options: { readonly type: "minor" }) => void

/** One kind of work; `run` does it once. Its result is used, so that it cannot be optimised away. */
export interface Work {
  readonly run: (index: number) => unknown
  /** The remaining background work. Its CPU time counts, its duration does not. */
  readonly settle?: () => Promise<unknown>
}

/** Nanoseconds of one run: as the caller sees it, and of CPU over all threads of the process. */
export interface Cost {
  readonly wall: number
  readonly cpu: number
}

const rounds = 15
/** The duration of the slowest work in a round: long enough for the CPU clock, short enough for many rounds. */
const roundNanoseconds = 60_000_000

/** Measures all works in every round, in changing order and with the same indices, and returns the medians. */
export const measure = async (works: ReadonlyArray<Work>): Promise<ReadonlyArray<Cost>> => {
  const count = await calibrate(works)
  const costs: Array<Array<Cost>> = works.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < works.length; turn++) {
      const which = (round + turn) % works.length
      costs[which]?.push(await once(works[which] as Work, count, round))
    }
  }
  return costs.map(found => ({
    wall: median(found.map(cost => cost.wall)),
    cpu: median(found.map(cost => cost.cpu))
  }))
}

/** How long each work runs before it is measured, because a server runs for long. */
const warmUpNanoseconds = 300_000_000

/** The number of runs that fill a round. Also warms up, with indices after those of the rounds. */
const calibrate = async (works: ReadonlyArray<Work>): Promise<number> => {
  for (const work of works)
    for (let spent = 0; spent < warmUpNanoseconds; ) spent += (await once(work, 2_048, rounds)).wall * 2_048
  for (let count = 64; ; count *= 2) {
    const slowest = Math.max(...(await inTurn(works, work => once(work, count, rounds))).map(cost => cost.wall))
    if (slowest * count >= roundNanoseconds / 2) return Math.max(1, Math.round(roundNanoseconds / slowest))
  }
}

const inTurn = async <A, B>(items: ReadonlyArray<A>, use: (item: A) => Promise<B>): Promise<Array<B>> => {
  const results: Array<B> = []
  for (const item of items) results.push(await use(item))
  return results
}

/** Keeps the results from being optimised away. */
export const sink = { held: undefined as unknown, count: 0 }

const once = async ({ run, settle }: Work, count: number, round: number): Promise<Cost> => {
  collectGarbage({ type: "minor" })
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  // Each round continues where the previous one ended.
  const first = round * count
  for (let index = first; index < first + count; index++) {
    const result = run(index)
    if (result === sink.held) sink.count++
    sink.held = result
  }
  const wall = Number(process.hrtime.bigint() - before)
  await settle?.()
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
