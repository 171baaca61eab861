/**
 * Compares this package with the official one on generated worlds:
 *
 *     tsx scripts/differential.ts --comparisons 2000000 --seed 7 --workers 2
 *     tsx scripts/differential.ts --seed 7 --world 12      one world alone
 *     tsx scripts/differential.ts --protobuf               the worlds as protobuf, with broken envelopes
 *
 * It prints what was compared and reached, and for each kind of difference the smallest reproduction that it finds; any
 * difference ends it with status 1. Workers are separate processes, so that an abort of the official package costs only
 * one world. The official package runs without a network. It reports its own errors to a public host, so a namespace
 * without a network is better still: `unshare -rn npx tsx scripts/differential.ts`.
 */
import { type ChildProcess, fork } from "node:child_process"
import { parseArgs } from "node:util"
import { type Comparison, compareWorlds, type Difference } from "../test/conformance/support/compareWorlds.js"
import { Coverage } from "../test/conformance/support/coverage.js"
import { describe, minimise } from "../test/conformance/support/minimise.js"
import { asProtobuf } from "../test/conformance/support/protobuf.js"
import { officialSdk, ourSdk } from "../test/conformance/support/sdk.js"
import { objectAt } from "../test/conformance/support/tree.js"

const { values: options } = parseArgs({
  options: {
    comparisons: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    workers: { type: "string", default: "2" },
    world: { type: "string" },
    protobuf: { type: "boolean", default: false }
  }
})

/** A worker's task: about that many comparisons, starting at a world. */
interface Task {
  readonly seed: number
  readonly firstIndex: number
  readonly comparisons: number
  readonly protobuf: boolean
}

type Report =
  | { readonly _tag: "World"; readonly index: number }
  | { readonly _tag: "Difference"; readonly cause: string; readonly text: string }
  | {
      readonly _tag: "Done"
      readonly lastIndex: number
      readonly comparisons: ReadonlyArray<readonly [string, number]>
      readonly coverage: ReadonlyArray<readonly [string, number]>
      readonly differences: number
      /** Results that the official package gives by chance. */
      readonly varying: number
    }

/** Minimising takes seconds, so a worker minimises only so many similar differences. */
const reproductionsPerLikeness = 2

const packages = { expected: officialSdk, actual: ourSdk }

const work = async (task: Task, report: (report: Report) => void | Promise<void>): Promise<void> => {
  let lastIndex = task.firstIndex
  const comparison = await compareWorlds({
    ...packages,
    ...task,
    ...(task.protobuf ? { served: asProtobuf } : {}),
    onWorld: index => {
      lastIndex = index
      void report({ _tag: "World", index })
    }
  })
  for (const difference of chosen(comparison)) {
    const reproduction = await minimise(packages, difference)
    const { index, seed, userIndex } = difference
    await report({
      _tag: "Difference",
      cause: causeOf(difference, reproduction.world.payload),
      text: `seed ${seed}, world ${index}, user ${userIndex}\n${describe(reproduction)}`
    })
  }
  await report({
    _tag: "Done",
    lastIndex,
    comparisons: [...comparison.comparisons],
    coverage: [...comparison.coverage.counts],
    differences: comparison.differences.length,
    varying: comparison.varying
  })
}

const chosen = ({ differences }: Comparison): ReadonlyArray<Difference> => {
  const alike = new Map<string, number>()
  return differences.filter(difference => {
    const likeness = causeOf(difference, difference.world.payload)
    const count = alike.get(likeness) ?? 0
    alike.set(likeness, count + 1)
    return count < reproductionsPerLikeness
  })
}

/** Differences with the same cause are probably one bug: the question, the place, and the conditions that matter. */
const causeOf = ({ path, question }: Difference, payload: Difference["world"]["payload"]): string => {
  const conditions = [...objectAt(payload, "condition_map").values()]
  const involved = conditions
    .filter(condition => condition instanceof Map)
    .map(condition => `${condition.get("type")} ${condition.get("operator") ?? ""}`.trim())
  const shown = involved.length > 6 ? "many conditions" : [...new Set(involved)].sort().join(", ")
  return `${question.kind}${path} (${shown})`
}

const main = async (): Promise<number> => {
  const seed = Number(options.seed)
  if (options.world !== undefined) return runWorld(seed, Number(options.world))

  const wanted = Number(options.comparisons)
  const perTask = 100_000
  // The worlds of one task never reach those of the next: a world has thousands of comparisons.
  const worldsPerTask = 1000
  const tasks: Array<Task> = Array.from({ length: Math.ceil(wanted / perTask) }, (_, index) => ({
    seed,
    firstIndex: index * worldsPerTask,
    comparisons: Math.min(perTask, wanted - index * perTask),
    protobuf: options.protobuf
  }))
  console.log(`seed ${seed}, ${wanted} comparisons`)

  const comparisons = new Map<string, number>()
  const coverage = new Coverage()
  const causes = new Map<string, Array<string>>()
  let differences = 0
  let varying = 0
  let crashes = 0
  let worlds = 0

  const runTask = (task: Task): Promise<void> =>
    new Promise(resolve => {
      const child: ChildProcess = fork(import.meta.filename, [], {
        execArgv: process.execArgv,
        env: { ...process.env, DIFFERENTIAL_TASK: JSON.stringify(task) }
      })
      let current = task.firstIndex
      let isDone = false
      child.on("message", (report: Report) => {
        switch (report._tag) {
          case "World":
            current = report.index
            worlds++
            return
          case "Difference": {
            const texts = causes.get(report.cause) ?? []
            causes.set(report.cause, texts)
            texts.push(report.text)
            console.log(`differs: ${report.cause}, ${report.text.split("\n", 1)[0]}`)
            return
          }
          case "Done":
            isDone = true
            for (const [kind, count] of report.comparisons) comparisons.set(kind, (comparisons.get(kind) ?? 0) + count)
            coverage.add(report.coverage)
            differences += report.differences
            varying += report.varying
            console.log(`${total(comparisons)} comparisons in ${worlds} worlds, ${differences} differences`)
        }
      })
      child.on("exit", (code, signal) => {
        if (!isDone) {
          crashes++
          console.log(`the process ended (${signal ?? code}) in world ${current}: --seed ${seed} --world ${current}`)
          const next = current + 1
          if (next < task.firstIndex + worldsPerTask) tasks.unshift({ ...task, firstIndex: next })
        }
        resolve()
      })
    })

  const worker = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) await runTask(task)
  }
  await Promise.all(Array.from({ length: Number(options.workers) }, worker))

  print("comparisons", comparisons)
  print("reached, by the official answers", coverage.counts)
  for (const [cause, texts] of causes) {
    const shortest = texts.toSorted((one, other) => one.length - other.length)[0]
    console.log(`\n=== ${cause}: ${texts.length} reproduced\n${shortest}`)
  }
  const found = `${differences} differences, ${varying} officially by chance, ${crashes} crashes`
  console.log(`\n${total(comparisons)} comparisons, ${found}, seed ${seed}`)
  return differences + crashes === 0 ? 0 : 1
}

const runWorld = async (seed: number, index: number): Promise<number> => {
  let status = 0
  await work({ seed, firstIndex: index, comparisons: 1, protobuf: options.protobuf }, report => {
    if (report._tag === "Difference") {
      status = 1
      console.log(`\n=== ${report.cause}\n${report.text}`)
    } else if (report._tag === "Done") {
      print("comparisons", new Map(report.comparisons))
      console.log(`${report.differences} differences`)
    }
  })
  return status
}

const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

const print = (title: string, counts: ReadonlyMap<string, number>): void => {
  console.log(`\n${title}`)
  for (const [name, count] of [...counts].sort()) console.log(`${String(count).padStart(10)}  ${name}`)
}

const task = process.env["DIFFERENTIAL_TASK"]
// The official package keeps the process alive, so each exit is explicit.
if (task === undefined) process.exit(await main())
else {
  await work(JSON.parse(task), report => new Promise(resolve => void process.send?.(report, () => resolve())))
  process.exit(0)
}
