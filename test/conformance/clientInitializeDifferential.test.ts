/**
 * The official package and this one return the same client initialize response, in generated worlds.
 * `scripts/clientInitializeDifferential.ts` runs the same for as long as requested.
 */
import { afterAll, describe, expect, it } from "vitest"
import { compareResponses, makeResponseWorld } from "./support/clientInitializeWorlds.js"
import { isLong, seeds } from "./support/effort.js"
import { officialSdk, ourSdk, type Sdk } from "./support/sdk.js"
import { listAt, objectAt, type Tree, textAt } from "./support/tree.js"

const worldsPerSeed = isLong ? 7 : 4

describe("the client initialize response of the official package and of this one", () => {
  const packages = { expected: officialSdk, actual: ourSdk }
  let responses = 0
  let entries = 0
  let orderedEntries = 0
  let entriesByOrder = 0

  it.each(seeds)("is the same in the worlds of seed %i", { timeout: 180_000 }, async seed => {
    for (let index = 0; index < worldsPerSeed; index++) {
      const found = await compareResponses(packages, makeResponseWorld(seed, index), index)
      expect(found.differences[0]).toBeUndefined()
      responses += found.responses
      entries += found.entries
      orderedEntries += found.orderedEntries
      entriesByOrder += found.entriesByOrder
    }
  })

  it("is compared often enough", () => {
    expect(responses).toBeGreaterThan(seeds.length * worldsPerSeed * 15)
    expect(entries).toBeGreaterThan(seeds.length * worldsPerSeed * 600)
    // The results of these do not depend on chance.
    expect(orderedEntries).toBeGreaterThan(seeds.length * worldsPerSeed * 100)
    // With more, the comparison of the others would prove little.
    expect(entriesByOrder / entries).toBeLessThan(0.05)
  })

  afterAll(() =>
    console.info(
      `compared ${entries} entries in ${responses} responses, ${orderedEntries} of them in name order, ` +
        `${entriesByOrder} with the answer of that order; seeds ${seeds}`
    )
  )
})

if (isLong)
  describe("the comparison", () => {
    it("requests every kind of response", () => {
      const asks = [1, 2, 3].flatMap(seed => [0, 1, 2, 3].flatMap(index => makeResponseWorld(seed, index).asks))
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

    it("includes missing gates, and gates behind unsupported conditions", () => {
      const found = { missing: 0, behind: 0 }
      const worlds = [1, 2, 3].flatMap(seed =>
        Array.from({ length: worldsPerSeed }, (_, index) => makeResponseWorld(seed, index))
      )
      for (const { payload } of worlds.map(({ world }) => world)) {
        const conditions = objectAt(payload, "condition_map")
        const gates = objectAt(payload, "feature_gates")
        const nested = (key: Tree) => {
          const condition = conditions.get(String(key))
          return condition instanceof Map && /_gate$/.test(textAt(condition, "type") ?? "") ? condition : undefined
        }
        for (const section of ["feature_gates", "dynamic_configs", "layer_configs"]) {
          for (const spec of objectAt(payload, section).values()) {
            for (const rule of spec instanceof Map ? listAt(spec, "rules") : []) {
              const keys = rule instanceof Map ? listAt(rule, "conditions") : []
              const unsupported = keys.findIndex(key => {
                const condition = conditions.get(String(key))
                return (
                  condition instanceof Map && /^(experiment_group|weird_type)$/.test(textAt(condition, "type") ?? "")
                )
              })
              for (const [index, key] of keys.entries()) {
                const target = nested(key)?.get("targetValue")
                if (typeof target === "string" && !gates.has(target)) found.missing++
                if (nested(key) !== undefined && unsupported >= 0 && index > unsupported) found.behind++
              }
            }
          }
        }
      }
      expect(found.missing).toBeGreaterThan(10)
      expect(found.behind).toBeGreaterThan(3)
    })

    it("notices a package that ignores an option", { timeout: 60_000 }, async () => {
      class Wrong extends officialSdk.Statsig {
        constructor(...input: ConstructorParameters<Sdk["Statsig"]>) {
          super(...input)
          const { getClientInitializeResponse } = this
          this.getClientInitializeResponse = (user, options) =>
            getClientInitializeResponse.call(this, user, { ...options, removeDefaultValueGates: false })
        }
      }
      const packages = { expected: officialSdk, actual: { ...officialSdk, Statsig: Wrong as Sdk["Statsig"] } }
      // Not every world has a gate that the option removes.
      for (let index = 0; index < 10; index++) {
        const { differences } = await compareResponses(packages, makeResponseWorld(1, index), index)
        // Other differences are the order in which the official package evaluates, which varies.
        const removed = differences.filter(
          ({ expected, path }) => path.startsWith(".feature_gates.") && expected === undefined
        )
        if (removed.length === 0) continue
        expect(removed.every(({ ask }) => ask.options?.removeDefaultValueGates === true)).toBe(true)
        return
      }
      expect.fail("no world shows it")
    })
  })
