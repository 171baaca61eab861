import { afterEach, describe, expect, it, vi } from "vitest"
import { makeStatsigTest, StatsigUser } from "../../layers/promise.js"

const user = new StatsigUser({ userID: "u-1", privateAttributes: { department: "Payments" } })

const statsigTest = () =>
  makeStatsigTest([
    { gate: "checkout", value: true, id: "u-1" },
    { experiment: "button", value: { color: "blue" }, group: "Control" }
  ])

describe("explain", () => {
  afterEach(() => vi.restoreAllMocks())

  it("returns the result of the check as plain data and as text, and logs nothing", () => {
    const { statsig, test } = statsigTest()
    const explained = statsig.explain(user, "gate", "checkout")
    expect(test.exposures).toEqual([])
    const gate = statsig.getFeatureGate(user, "checkout")
    expect(explained.outcome).toMatchObject({ value: gate.value, ruleID: gate.ruleID, reason: gate.details.reason })
    expect(explained.text.split("\n")[0]).toMatch(/^gate checkout is true: rule /)
    expect(JSON.parse(JSON.stringify(explained))).toEqual(explained)
    expect(statsig.explain(user, "experiment", "button").outcome).toMatchObject({
      value: { color: "blue" },
      groupName: "Control",
      isUserInExperiment: true
    })
  })

  it("explains overrides", () => {
    const { statsig } = statsigTest()
    statsig.overrideGate("checkout", false)
    expect(statsig.explain(user, "gate", "checkout")).toMatchObject({
      outcome: { value: false, reason: "LocalOverride:Recognized" },
      evaluation: { decidedBy: "override" }
    })
  })

  it("accepts the options of a check", () => {
    const { statsig } = statsigTest()
    const exposures = (options: object) => statsig.explain(user, "experiment", "button", options).exposures
    expect(exposures({})).toHaveLength(1)
    expect(exposures({ disableExposureLogging: true })).toEqual([])
  })

  it.each([
    ["a kind that does not exist", [user, "segment", "checkout"], "kind: expected one of gate, dynamicConfig"],
    ["no name", [user, "gate", undefined], "name: expected a string"],
    ["no user", [undefined, "gate", "checkout"], ""]
  ])("refuses %s, and does not throw", (_, input, message) => {
    const error = vi.spyOn(console, "error").mockReturnValue()
    const { statsig } = statsigTest()
    expect(Reflect.apply(statsig.explain, undefined, input)).toBeNull()
    expect(error.mock.calls.map(([where, problem]) => `${where} ${problem}`)).toEqual([
      expect.stringMatching(new RegExp(`^Statsig::explain .*${message}`))
    ])
  })
})
