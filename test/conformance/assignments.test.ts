/**
 * Overrides and kept answers are histories: what an instance answers depends on what was done before. Histories that
 * nobody thought of come out alike in the official package and in this one, step by step.
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

/** Plays histories of kept answers in a process of their own. */
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

/** Of all that 36 histories lead to. */
const atLeast = (least: Readonly<Record<string, number>>) =>
  expect(Object.entries(least).filter(([name, count]) => (counts.get(name) ?? 0) < count * share)).toEqual([])

afterAll(() => console.info(`compared random histories, seeds ${seeds}`))

describe("overrides that come and go", () => {
  it.each(seeds)("change the answers alike, seed %i", { timeout: 60_000 }, async seed => {
    for (let index = 0; index < histories / 3; index++) {
      const { counts, differences } = await overrideHistory(packages, seed, index, 700)
      expectAlike({ counts: Object.fromEntries(counts), differences })
    }
  })

  it("took part in enough answers", () => {
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

describe("users who come back with what they keep", () => {
  it.each(seeds)("are answered alike, and logged alike, seed %i", { timeout: 120_000 }, async seed =>
    expectAlike(await play({ seed, indices: [...Array(histories).keys()], rounds: 40 }))
  )

  it("kept enough, while the specs changed", () => {
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
    it("notices a package that is wrong about targeting", { timeout: 120_000 }, async () => {
      const { differences } = await play({ seed: 2, indices: [...Array(6).keys()], rounds: 40, isWrong: true })
      expect(differences).not.toEqual([])
    })
  })
