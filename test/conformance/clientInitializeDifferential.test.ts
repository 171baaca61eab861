/**
 * The official package and this one give the same client initialize response, in worlds that nobody thought of.
 * `scripts/clientInitializeDifferential.ts` runs the same for as long as it is told to.
 */
import { afterAll, describe, expect, it } from "vitest"
import { compareResponses, makeResponseWorld } from "./support/clientInitializeWorlds.js"
import { officialSdk, ourSdk, type Sdk } from "./support/sdk.js"

const seeds = [1, 2, 3]
const randomSeed = Math.floor(Math.random() * 1_000_000)
const worldsPerSeed = 7

describe("the client initialize response of the official package and of this one", () => {
  const packages = { expected: officialSdk, actual: ourSdk }
  let responses = 0
  let entries = 0
  let entriesByOrder = 0

  it.each([...seeds, randomSeed])("are alike in the worlds of seed %i", { timeout: 180_000 }, async seed => {
    for (let index = 0; index < worldsPerSeed; index++) {
      const found = await compareResponses(packages, makeResponseWorld(seed, index), index)
      expect(found.differences[0]).toBeUndefined()
      responses += found.responses
      entries += found.entries
      entriesByOrder += found.entriesByOrder
    }
  })

  it("were asked for enough", () => {
    expect(responses).toBeGreaterThan(600)
    expect(entries).toBeGreaterThan(25_000)
    // More, and the comparison would prove little.
    expect(entriesByOrder / entries).toBeLessThan(0.01)
  })

  afterAll(() =>
    console.info(
      `compared ${entries} entries in ${responses} responses, ${entriesByOrder} of them by chance; ` +
        `the random seed was ${randomSeed}`
    )
  )
})

describe("the comparison", () => {
  it("asks for every kind of response", () => {
    const asks = seeds.flatMap(seed => [0, 1, 2, 3].flatMap(index => makeResponseWorld(seed, index).asks))
    const options = asks.flatMap(ask => (ask.options === undefined ? [] : [ask.options]))
    expect(options.length).toBeLessThan(asks.length)
    expect(new Set(options.map(({ responseFormat }) => responseFormat))).toEqual(new Set([undefined, 0, 1, 2]))
    expect([...new Set(options.flatMap(Object.keys))].sort()).toEqual([
      "clientSdkKey",
      "dynamicConfigFilter",
      "experimentFilter",
      "featureGateFilter",
      "hashAlgorithm",
      "includeLocalOverrides",
      "layerFilter",
      "paramStoreFilter",
      "previousResponseHash",
      "removeDefaultValueGates",
      "removeIdType",
      "responseFormat"
    ])
  })

  it("notices a package that does not look at an option", { timeout: 60_000 }, async () => {
    class Wrong extends officialSdk.Statsig {
      constructor(...input: ConstructorParameters<Sdk["Statsig"]>) {
        super(...input)
        const { getClientInitializeResponse } = this
        this.getClientInitializeResponse = (user, options) =>
          getClientInitializeResponse.call(this, user, { ...options, removeDefaultValueGates: false })
      }
    }
    const packages = { expected: officialSdk, actual: { ...officialSdk, Statsig: Wrong as Sdk["Statsig"] } }
    const { differences } = await compareResponses(packages, makeResponseWorld(1, 1), 1)
    expect(differences[0]?.ask.options?.removeDefaultValueGates).toBe(true)
    expect(differences[0]?.path).toMatch(/^\.feature_gates\./)
  })
})
