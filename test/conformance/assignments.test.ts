/**
 * Overrides and kept answers are histories: what an instance answers depends on what was done before. Histories that
 * nobody thought of come out alike in the official package and in this one, step by step.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { type History, overrideHistory, stickyHistory } from "./support/assignments.js"
import { officialSdk, ourSdk, type Sdk } from "./support/sdk.js"

const packages = { expected: officialSdk, actual: ourSdk }
const randomSeed = Math.floor(Math.random() * 1_000_000)
const counts = new Map<string, number>()

const expectAlike = ({ counts: made, differences }: History) => {
  for (const [name, count] of made) counts.set(name, (counts.get(name) ?? 0) + count)
  const [first] = differences
  if (first !== undefined)
    assert.fail(`${differences.length} differences; the first: ${JSON.stringify(first, null, 1)}`)
}

const atLeast = (least: Readonly<Record<string, number>>) =>
  expect(Object.entries(least).filter(([name, count]) => (counts.get(name) ?? 0) < count)).toEqual([])

afterAll(() => console.info(`compared random histories; the random seed was ${randomSeed}`))

describe("overrides that come and go", () => {
  it.each([1, 2, randomSeed])("change the answers alike, seed %i", { timeout: 60_000 }, async seed => {
    for (let index = 0; index < 4; index++) expectAlike(await overrideHistory(packages, seed, index, 700))
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
  it.each([1, 2, randomSeed])("are answered alike, seed %i", { timeout: 60_000 }, async seed => {
    for (let index = 0; index < 6; index++) expectAlike(await stickyHistory(packages, seed, index, 40))
  })

  it("kept enough, while the specs changed", () => {
    atLeast({ "experiment kept": 100, "layer kept": 10, save: 100, delete: 300, storage: 720, "specs changed": 20 })
  })
})

describe("the comparison", () => {
  it("notices a package that is wrong about targeting", { timeout: 60_000 }, async () => {
    class Wrong extends officialSdk.Statsig {
      constructor(key: string, options?: ConstructorParameters<Sdk["Statsig"]>[1]) {
        super(key, options)
        const { getExperiment } = this
        this.getExperiment = (user, name, options) => getExperiment(user, name, { ...options, enforceTargeting: false })
      }
    }
    const wrong = { expected: officialSdk, actual: { ...officialSdk, Statsig: Wrong } }
    const histories = [await stickyHistory(wrong, 1, 1, 60), await stickyHistory(wrong, 1, 2, 60)]
    expect(histories.flatMap(({ differences }) => differences)).not.toEqual([])
  })
})
