/**
 * Overrides and sticky assignments are histories: a result depends on earlier steps. Generated histories must have the
 * same outcome in the official package and in this one, step by step.
 */
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, expect, it } from "vitest"
import { runAlone } from "./support/alone.js"
import { overrideHistory } from "./support/assignments.js"
import type { Report, Task } from "./support/assignmentsChild.js"
import { isLong, seeds } from "./support/effort.js"
import { officialSdk, ourSdk } from "./support/sdk.js"

const packages = { expected: officialSdk, actual: ourSdk }
/** For each seed. */
const histories = isLong ? 12 : 4
const share = (seeds.length * histories) / 36
const counts = new Map<string, number>()

const child = fileURLToPath(new URL("support/assignmentsChild.ts", import.meta.url))

/** Plays histories of sticky assignments in a separate process. */
const play = async (task: Task): Promise<Report> => {
  const { code, output } = await runAlone(child, [JSON.stringify(task)])
  if (code !== 0) throw new Error(`the histories of seed ${task.seed} ended with ${code}`)
  return JSON.parse(output)
}

const expectAlike = ({ counts: made, differences }: Report) => {
  for (const [name, count] of Object.entries(made)) counts.set(name, (counts.get(name) ?? 0) + count)
  const [first] = differences
  if (first !== undefined)
    assert.fail(`${differences.length} differences; the first: ${JSON.stringify(first, null, 1)}`)
}

/** Of the outcomes of 36 histories. */
const atLeast = (least: Readonly<Record<string, number>>) =>
  expect(Object.entries(least).filter(([name, count]) => (counts.get(name) ?? 0) < count * share)).toEqual([])

afterAll(() => console.info(`compared random histories, seeds ${seeds}`))

describe("overrides that are set and removed", () => {
  it.each(seeds)("change the results alike, seed %i", { timeout: 60_000 }, async seed => {
    for (let index = 0; index < histories / 3; index++) {
      const { counts, differences } = await overrideHistory(packages, seed, index, 700)
      expectAlike({ counts: Object.fromEntries(counts), differences })
    }
  })

  it("affect enough results", () => {
    atLeast({
      "gate overridden": 60,
      "experiment overridden": 60,
      "layer overridden": 20,
      "config overridden": 10,
      removeGateOverride: 20,
      removeAllOverrides: 2
    })
  })
})

describe("users who return with their sticky assignments", () => {
  it.each(seeds)("get the same results and log the same events, seed %i", { timeout: 120_000 }, async seed =>
    expectAlike(await play({ seed, indices: [...Array(histories).keys()], rounds: 40 }))
  )

  it("have enough of them, while the specs change", () => {
    atLeast({
      "experiment kept": 100,
      "layer kept": 10,
      save: 100,
      delete: 300,
      storage: 720,
      "specs changed": 20,
      "answer of changed specs": 500,
      event: 1_000,
      "event of a kept answer": 100
    })
  })
})

if (isLong)
  describe("the comparison", () => {
    it("notices a package that ignores targeting", { timeout: 120_000 }, async () => {
      const { differences } = await play({ seed: 2, indices: [...Array(6).keys()], rounds: 40, isWrong: true })
      expect(differences).not.toEqual([])
    })
  })
