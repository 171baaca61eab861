/**
 * The official package and this one return the same results in generated worlds. `scripts/differential.ts` runs the
 * same with any number of comparisons.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { compareWorlds } from "./support/compareWorlds.js"
import { Coverage } from "./support/coverage.js"
import { isLong, seeds } from "./support/effort.js"
import { describe as describeReproduction, minimise } from "./support/minimise.js"
import { Random } from "./support/random.js"
import { isSafe } from "./support/safety.js"
import { officialSdk, ourSdk, type Sdk } from "./support/sdk.js"
import { object, type Tree } from "./support/tree.js"
import { operators } from "./support/values.js"
import { makeWorld, type World } from "./support/world.js"

describe("the official package and this one", () => {
  const comparisonsPerSeed = isLong ? 15_000 : 8_000
  const coverage = new Coverage()
  let comparisons = 0

  it.each(seeds)("return the same results in the worlds of seed %i", { timeout: 120_000 }, async seed => {
    const packages = { expected: officialSdk, actual: ourSdk }
    const found = await compareWorlds({ ...packages, seed, comparisons: comparisonsPerSeed })
    coverage.add(found.coverage.counts)
    for (const count of found.comparisons.values()) comparisons += count
    const [first] = found.differences
    if (first !== undefined) {
      const reproduction = describeReproduction(await minimise(packages, first, 500))
      assert.fail(`${found.differences.length} differences; the first, in world ${first.index}:\n${reproduction}`)
    }
  })

  it("are compared often enough", () => {
    expect(comparisons).toBeGreaterThanOrEqual(seeds.length * comparisonsPerSeed)
    const wanted = [
      ...operators.flatMap(operator => [`operator ${operator} false`, `operator ${operator} true`]),
      ...["gate", "config", "experiment", "layer"].map(kind => `${kind} decided by rule`),
      "experiment with more than 3 secondary exposures",
      "layer with an experiment",
      "experiment explored by a bandit",
      "reason Adapter(DataStore):Recognized",
      "reason Adapter(DataStore):Unrecognized",
      "reason Adapter(DataStore):Unsupported",
      "reason Error:Statsig Evaluation Depth Exceeded"
    ]
    // There are no ID lists without a network.
    const unreachable = ["operator in_segment_list true", "operator not_in_segment_list false"]
    const missing = wanted.filter(name => !coverage.counts.has(name) && !unreachable.includes(name))
    expect(missing).toEqual([])
  })

  afterAll(() => console.info(`compared ${comparisons} answers, seeds ${seeds}`))
})

describe("the comparison", () => {
  if (isLong)
    it("notices a package with one wrong operator, and shows why", { timeout: 60_000 }, async () => {
      class Wrong extends officialSdk.Statsig {
        constructor(key: string, options: ConstructorParameters<Sdk["Statsig"]>[1]) {
          const get = async (path: string) => {
            const answer = await options?.dataStore?.get?.(path)
            return { ...answer, result: String(answer?.result).replaceAll('"str_ends_with_any"', '"str_contains_any"') }
          }
          super(key, { ...options, dataStore: { ...options?.dataStore, get } })
        }
      }
      const packages = { expected: officialSdk, actual: { ...officialSdk, Statsig: Wrong as Sdk["Statsig"] } }
      const { differences } = await compareWorlds({ ...packages, seed: 1, comparisons: 20_000 })
      const [first] = differences
      assert.isDefined(first)
      const { world } = await minimise(packages, first!, 200)
      const conditions = [...(world.payload.get("condition_map") as ReadonlyMap<string, Tree>).values()]
      expect(conditions.map(condition => (condition as ReadonlyMap<string, Tree>).get("operator"))).toContain(
        "str_ends_with_any"
      )
    })

  it("generates the same world from the same seed", () => {
    expect(makeWorld(5, 3)).toEqual(makeWorld(5, 3))
    expect(new Random(5).bits()).not.toBe(new Random(6).bits())
  })

  it.each<readonly [string, Tree, Tree, Tree]>([
    ["eq with items that fall together", "eq", ["a", "A"], "x"],
    ["eq with a number and its text", "neq", ["1", 1], "x"],
    ["an address beyond 32 bits", "any", ["US"], "999.1.1.1"],
    ["on with the smallest integer as the target", "on", "-9223372036854775808", "x"],
    ["on with the smallest integer in the user", "on", 0, "-9223372036854775808"]
  ])("never sends what aborts the official package: %s", (_, operator, targetValue, value) => {
    const world = (condition: { readonly [key: string]: Tree }, custom: Tree): World => ({
      payload: object({ condition_map: object({ c: object({ type: "user_field", field: "f", ...condition }) }) }),
      users: [{ fields: object({ custom: object({ f: custom }) }), assigned: object({}) }],
      options: object({})
    })
    expect(isSafe(world({ operator, targetValue }, value))).toBe(false)
    expect(isSafe(world({ operator: "eq", targetValue: ["a", "b"] }, "8.8.8.8"))).toBe(true)
  })

  it("never sends a cycle of mappings or of experiment groups", () => {
    const mapping = (to: string) => [object({ new_config_name: to, rules: [] })]
    const mapped = (second: string): World => ({
      payload: object({ overrides: object({ a: mapping("b"), b: mapping(second) }) }),
      users: [],
      options: object({})
    })
    expect(isSafe(mapped("a"))).toBe(false)
    expect(isSafe(mapped("c"))).toBe(true)
    const readsItself: World = {
      payload: object({
        condition_map: object({ c: object({ type: "pass_gate", targetValue: "a" }) }),
        override_rules: object({ r: object({ conditions: ["c"] }) }),
        overrides: object({ a: [object({ new_config_name: "b", rules: [object({ rule_name: "r" })] })] })
      }),
      users: [],
      options: object({})
    }
    expect(isSafe(readsItself)).toBe(false)
    const reached = (name: string): World => ({
      payload: object({
        condition_map: object({ c: object({ type: "pass_gate", targetValue: "a" }) }),
        feature_gates: object({ a: object({ rules: [object({ conditions: ["c"] })] }) }),
        overrides: object({ [name]: [object({ new_config_name: "gone", rules: [object({ rule_name: "r" })] })] })
      }),
      users: [],
      options: object({})
    })
    expect(isSafe(reached("a"))).toBe(false)
    expect(isSafe(reached("b"))).toBe(true)
    const readsGroup: World = {
      payload: object({
        condition_map: object({ c: object({ type: "experiment_group", field: "e" }) }),
        dynamic_configs: object({ e: object({ rules: [object({ conditions: ["c"] })] }) })
      }),
      users: [],
      options: object({})
    }
    expect(isSafe(readsGroup)).toBe(false)
  })
})
