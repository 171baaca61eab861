/**
 * The official package and this one log the same: the same random calls in both, each against a local Statsig of its own,
 * and the multisets of the events that arrive are compared. Times, and what each says of itself, are left out.
 *
 * The official package reports its errors to a host of its own, whatever URLs it is given. So it runs in a process that
 * has no network but loopback, where the system allows that; and nowhere is it given specs that it would fail on.
 */
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, expect, it } from "vitest"
import { runAlone } from "./support/alone.js"
import type { Report, Task } from "./support/eventsChild.js"
import type { SamplingMode } from "./support/eventsRun.js"

const child = fileURLToPath(new URL("support/eventsChild.ts", import.meta.url))

const run = async (task: Task): Promise<ReadonlyArray<Report>> => {
  const { code, output } = await runAlone(child, [JSON.stringify(task)])
  assert.strictEqual(code, 0)
  return JSON.parse(output)
}

const eventsPerMode = 7_000
const modes: ReadonlyArray<SamplingMode> = ["none", "on", "shadow"]
const randomSeed = Math.floor(Math.random() * 1_000_000)

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0)

describe("the official package and this one", () => {
  const events: Record<string, number> = {}
  const sampled: Record<string, number> = {}

  const add = (totals: Record<string, number>, counts: Readonly<Record<string, number>>) => {
    for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
  }

  const compare = async (task: Task) => {
    const reports = await run(task)
    for (const { index, mode, outcome } of reports) {
      add(events, outcome.events)
      add(sampled, outcome.sampled)
      const { missing, unexpected } = outcome
      if (missing.length + unexpected.length === 0) continue
      const shown = [
        ...missing.slice(0, 3).map(text => `- ${text}`),
        ...unexpected.slice(0, 3).map(text => `+ ${text}`)
      ]
      assert.fail(
        `seed ${task.seed}, world ${index}, sampling ${mode}: ${missing.length} events are missing and ` +
          `${unexpected.length} unexpected:\n${shown.join("\n")}`
      )
    }
  }

  it("log the same events, with sampling off and on and in its shadow", { timeout: 180_000 }, () =>
    compare({ seed: 1, modes, events: eventsPerMode, callsPerWorld: 3_000 })
  )

  it(`log the same events for the random seed ${randomSeed}`, { timeout: 180_000 }, () =>
    compare({ seed: randomSeed, modes, events: 1_000, callsPerWorld: 1_500 })
  )

  it("logged enough, and of everything", () => {
    expect(sum(events)).toBeGreaterThanOrEqual(20_000)
    const names = [
      ..."gate_exposure config_exposure layer_exposure identify log_line non_exposed_checks".split(" ")
    ].map(name => `statsig::${name}`)
    for (const name of [...names, "add_to_cart", ""]) expect(events[name] ?? 0, name).toBeGreaterThan(10)
    for (const note of ["on logged", "shadow logged", "shadow dropped"]) {
      expect(sampled[note] ?? 0, note).toBeGreaterThan(500)
    }
  })

  afterAll(() => console.info(`compared ${sum(events)} events; the random seed was ${randomSeed}`))
})
