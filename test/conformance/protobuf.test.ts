/**
 * The official package and this one return the same results in worlds that are served as protobuf, with broken
 * envelopes. `scripts/differential.ts --protobuf` runs the same with any number of comparisons.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { compareWorlds } from "./support/compareWorlds.js"
import { isLong, seeds } from "./support/effort.js"
import { describe as describeReproduction, minimise } from "./support/minimise.js"
import { asProtobuf, type Faults } from "./support/protobuf.js"
import { officialSdk, ourSdk } from "./support/sdk.js"

describe("the official package and this one", () => {
  const faults: Faults = new Map()

  it.each(seeds)("return the same results in the worlds of seed %i", { timeout: 120_000 }, async seed => {
    const packages = { expected: officialSdk, actual: ourSdk }
    const served = (world: Parameters<typeof asProtobuf>[0], at: number) => asProtobuf(world, at, faults)
    const { coverage, differences } = await compareWorlds({
      ...packages,
      seed,
      comparisons: isLong ? 12_000 : 4_000,
      served
    })
    const [first] = differences
    if (first !== undefined) {
      const reproduction = describeReproduction(await minimise(packages, first, 300))
      assert.fail(`${differences.length} differences; the first, in world ${first.index}:\n${reproduction}`)
    }
    expect(coverage.counts.get("reason Adapter(DataStore):Recognized")).toBeGreaterThan(300)
  })

  afterAll(() => {
    console.info(`seeds ${seeds}`)
    // Most faults are in every world: without them agreement would mean little.
    expect(faults.size).toBeGreaterThan(20)
  })
})
