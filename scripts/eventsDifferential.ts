/**
 * Compares the events that this package logs with those of the official one, on generated worlds and calls:
 *
 *     tsx scripts/eventsDifferential.ts --events 30000 --seed 7
 *
 * A third of the events is logged with sampling off, a third with it on, a third in shadow mode. Prints what was
 * compared and each world that differs; any difference ends it with status 1.
 */
import { parseArgs } from "node:util"
import { addCounts, describeDifferences, runTask, sumOf } from "../test/conformance/support/eventsProcess.js"
import type { SamplingMode } from "../test/conformance/support/eventsRun.js"

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "30000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) }
  }
})

const modes: ReadonlyArray<SamplingMode> = ["none", "on", "shadow"]
const seed = Number(options.seed)
const events: Record<string, number> = {}
const sampled: Record<string, number> = {}
const kept: Record<string, number> = {}
let differences = 0

for (const report of await runTask({
  seed,
  modes,
  events: Number(options.events) / modes.length,
  callsPerWorld: 3_000
})) {
  addCounts(events, report.outcome.events)
  addCounts(sampled, report.outcome.sampled)
  addCounts(kept, report.outcome.kept)
  const text = describeDifferences(seed, report)
  if (text === undefined) continue
  differences++
  console.log(text)
}

for (const [name, count] of Object.entries({ ...events, ...sampled }).sort()) {
  console.log(`${String(count).padStart(8)}  ${name}`)
}
console.log(`${sumOf(events)} events, ${sumOf(kept)} of kept answers, ${differences} worlds differ, seed ${seed}`)
process.exitCode = differences === 0 ? 0 : 1
