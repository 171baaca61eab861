/**
 * Runs scripts and prints their outcomes as JSON. It is a separate program, so that the official package runs with no
 * network but loopback. Its argument is a `Task` as JSON.
 */
import { Effect } from "effect"
import { makeScript, type Outcome, runScript, type SamplingMode } from "./eventsRun.js"

/** The scripts to run. */
export interface Task {
  readonly seed: number
  readonly modes: ReadonlyArray<SamplingMode>
  /** How many events are enough, for each mode. */
  readonly events: number
  readonly callsPerWorld: number
}

/** The outcome for each world. */
export interface Report {
  readonly mode: SamplingMode
  readonly index: number
  readonly outcome: Outcome
}

const main = async (task: Task): Promise<ReadonlyArray<Report>> => {
  const reports: Array<Report> = []
  for (const [offset, mode] of task.modes.entries()) {
    let events = 0
    for (let index = offset * 1_000; events < task.events; index++) {
      const script = makeScript({ ...task, index, mode, calls: task.callsPerWorld })
      const outcome = await Effect.runPromise(runScript(script, `secret-events${task.seed}x${index}`))
      if (outcome === undefined) continue
      reports.push({ mode, index, outcome })
      events += Object.values(outcome.events).reduce((sum, count) => sum + count, 0)
    }
  }
  return reports
}

const reports = await main(JSON.parse(process.argv[2] ?? ""))
process.stdout.write(JSON.stringify(reports), () => process.exit())
