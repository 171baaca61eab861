/**
 * The official package and this one log the same events: the same random calls on both, each with a separate local
 * Statsig, and the multisets of arriving events are compared, without times and SDK names.
 *
 * The official package reports its errors to a fixed host, whatever URLs it is given. So it runs in a process with no
 * network but loopback, where the system allows that; and it never gets specs on which it would fail.
 * `scripts/eventsDifferential.ts` compares any number of events.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { isLong, seeds } from "./support/effort.js"
import type { Task } from "./support/eventsChild.js"
import { addCounts, describeDifferences, runTask, sumOf } from "./support/eventsProcess.js"
import type { SamplingMode } from "./support/eventsRun.js"

const eventsPerMode = isLong ? 5_700 : 500
const modes: ReadonlyArray<SamplingMode> = ["none", "on", "shadow"]

describe("the official package and this one", () => {
  const events: Record<string, number> = {}
  const sampled: Record<string, number> = {}
  const kept: Record<string, number> = {}

  const compare = async (task: Task) => {
    for (const report of await runTask(task)) {
      addCounts(events, report.outcome.events)
      addCounts(sampled, report.outcome.sampled)
      addCounts(kept, report.outcome.kept)
      const differences = describeDifferences(task.seed, report)
      if (differences !== undefined) assert.fail(differences)
    }
  }

  it.each(seeds)("log the same events, with sampling off, on and in shadow mode, seed %i", { timeout: 180_000 }, seed =>
    compare({ seed, modes, events: eventsPerMode, callsPerWorld: 3_000 })
  )

  it("log enough events, and of every kind", () => {
    expect(sumOf(events)).toBeGreaterThanOrEqual(modes.length * eventsPerMode)
    const names = [
      ..."gate_exposure config_exposure layer_exposure identify log_line non_exposed_checks".split(" ")
    ].map(name => `statsig::${name}`)
    for (const name of [...names, "add_to_cart", ""])
      expect(events[name] ?? 0, name).toBeGreaterThan(eventsPerMode / 600)
    for (const note of ["on logged", "shadow logged", "shadow dropped"]) {
      expect(sampled[note] ?? 0, note).toBeGreaterThan(eventsPerMode / 12)
    }
    for (const name of ["statsig::config_exposure", "statsig::layer_exposure"]) {
      expect(kept[name] ?? 0, `${name} of kept answers`).toBeGreaterThan(eventsPerMode / 24)
    }
  })

  afterAll(() =>
    console.info(
      `compared ${sumOf(events)} events, ${sumOf(sampled)} sampled, ${sumOf(kept)} of kept answers; seeds ${seeds}`
    )
  )
})
