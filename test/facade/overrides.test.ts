import { describe, expect, it } from "vitest"
import { type Statsig, StatsigUser } from "../../layers/promise.js"
import { expectSame, initialized, offline, ourSide, outcome, type Side, show } from "./support/sides.js"

type Call = readonly [method: string, ...input: ReadonlyArray<unknown>]

const methods = {
  set: ["overrideGate", "overrideDynamicConfig", "overrideExperiment", "overrideLayer"],
  byGroup: "overrideExperimentByGroupName",
  remove: ["removeGateOverride", "removeDynamicConfigOverride", "removeExperimentOverride", "removeLayerOverride"]
} as const

/** What an instance returns for the name that the calls use. */
const answers = (side: Side, statsig: Statsig) => {
  const users = [{ userID: "u" }, { userID: "other" }, { customIDs: { any: "u" } }].map(
    fields => new side.StatsigUser(fields)
  )
  return users.map(user => [
    statsig.checkGate(user, "name"),
    statsig.getDynamicConfig(user, "name").value,
    statsig.getExperiment(user, "name").value,
    statsig.getLayer(user, "name").__value
  ])
}

/** Makes the same calls on fresh instances of both sides, and compares their results and the values afterwards. */
const compare = (...calls: ReadonlyArray<Call>) =>
  expectSame(side => {
    const statsig = new side.Statsig("secret-key", offline)
    const results = calls.map(([method, ...input]) => statsig[method](...input))
    return [results, answers(side, statsig)]
  })

const values = [
  ...[{ a: 1 }, { a: undefined, b: null, c: [1, { d: "x" }] }, {}, [], ["x", 1], [undefined], "text", "", 1, true],
  ...[Number.NaN, 5n, Symbol("x"), () => 1, new Date(5), new Map([[1, 2]]), Object.create({ inherited: 1 })],
  ...[null, undefined, { a: Number.NaN }, { a: () => 1 }, { a: [undefined] }, { a: { b: 5n } }, { a: -0, b: 1e20 }]
]

describe("the overrides", () => {
  it.each(methods.set)("%s accepts and refuses values as the official package does", async method => {
    for (const value of [...values, false, "true"]) await compare([method, "name", value])
    await compare([method])
    await compare([method, null, null, 5])
    await compare([method, "name", null, 5])
  })

  it.each([...methods.set, methods.byGroup])(
    "%s accepts and refuses IDs as the official package does",
    async method => {
      const value = method === "overrideGate" ? true : method === methods.byGroup ? "Test" : { a: 1 }
      for (const id of ["u", "other", "", null, undefined, "__STATSIG_NO_ID__", 1, true, {}]) {
        await compare([method, "name", value, id])
      }
      for (const name of ["", "__proto__", null, undefined, 1, {}]) await compare([method, name, value])
    }
  )

  it(`${methods.byGroup} accepts only the name of a group`, async () => {
    for (const group of ["Test", "", null, undefined, 1, {}]) await compare([methods.byGroup, "name", group])
  })

  it.each(methods.remove)("%s removes one, or all of a name", async method => {
    const set = methods.set[methods.remove.indexOf(method)]!
    const value = set === "overrideGate" ? true : { a: 1 }
    const both: ReadonlyArray<Call> = [
      [set, "name", value],
      [set, "name", value, "u"],
      [set, "another", value]
    ]
    for (const input of [
      ["name"],
      ["name", "u"],
      ["name", null],
      ["name", "other"],
      ["name", "__STATSIG_NO_ID__"],
      ["x"]
    ]) {
      await compare(...both, [method, ...input])
    }
    for (const input of [[], [null], ["name", 1], [5, "u"]]) await compare(...both, [method, ...input])
  })

  it("removeAllOverrides removes all", async () => {
    await compare(
      ["overrideGate", "name", true],
      ["overrideLayer", "name", { a: 1 }, "u"],
      ["overrideExperimentByGroupName", "name", "Test"],
      ["removeAllOverrides"]
    )
  })

  it("change results as the official package does, also nested ones and by group", async () => {
    const instances = await initialized()
    await expectSame(side => {
      const statsig = instances.get(side)
      const user = new side.StatsigUser({ userID: "u" })
      statsig.overrideGate("gate_on", false)
      statsig.overrideExperimentByGroupName("experiment", "Control", "u")
      statsig.overrideDynamicConfig("config", { s: "local" })
      const shown = [
        statsig.getFeatureGate(user, "gate_on"),
        statsig.getDynamicConfig(user, "config"),
        statsig.getExperiment(user, "experiment"),
        statsig.getLayer(user, "delegating"),
        statsig.getExperiment(new side.StatsigUser({ userID: "other" }), "experiment"),
        statsig.getParameterStore(user, "store").getValue("gate"),
        statsig.getParameterStore(user, "store").getValue("experiment")
      ]
      statsig.removeAllOverrides()
      return shown
    })
  })

  it("of parameter stores have an effect here", async () => {
    const statsig = new ourSide.Statsig("secret-key", offline) as Statsig
    const user = new StatsigUser({ userID: "u" })
    const definition = {
      ref_type: "gate",
      param_type: "string",
      gate_name: "gate",
      pass_value: "pass",
      fail_value: "fail"
    }
    statsig.overrideGate("gate", true)
    statsig.overrideParameterStore("store", { fixed: 1, gate: definition }, "u")
    const store = statsig.getParameterStore(user, "store")
    expect([store.getValue("fixed"), store.getValue("gate"), store.getValue("none", 2)]).toEqual([1, "pass", 2])
    expect(show(store)).toContain("LocalOverride:Recognized")
    expect(statsig.getParameterStore(new StatsigUser({ userID: "other" }), "store").getValue("fixed")).toBeNull()
    statsig.removeParameterStoreOverride("store")
    expect(statsig.getParameterStore(user, "store").getValue("fixed")).toBeNull()
    const refused = [
      await outcome(() => statsig.overrideParameterStore("store", null as never)),
      await outcome(() => statsig.overrideParameterStore("store", { a: Number.NaN })),
      await outcome(() => statsig.removeParameterStoreOverride(5 as never))
    ]
    expect(refused).toEqual([
      "error Statsig::overrideParameterStore TypeError without code\nnull",
      "error Statsig::overrideParameterStore Error InvalidArg\nnull",
      "error Statsig::removeParameterStoreOverride Error StringExpected\nnull"
    ])
  })
})
