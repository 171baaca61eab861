import { assert, describe, it } from "vitest"
import { Call, Work } from "../../../src/engine/evaluate/call.js"
import type { Step } from "../../../src/engine/evaluate/watcher.js"
import { User } from "../../../src/engine/user.js"
import { gateSpec, payload } from "../../layers/support/specs.js"
import { parseSpecs } from "../support/engine.js"
import { makeHost } from "../support/host.js"

const condition = (type: string, operator: string | null, targetValue: unknown, field: string | null = null) => ({
  type,
  operator,
  targetValue,
  field,
  additionalValues: {},
  idType: "userID"
})

const specs = payload({
  fields: {
    feature_gates: {
      outer: gateSpec(true, ["inner", "level"]),
      inner: gateSpec(true),
      missing: gateSpec(true, ["nowhere"]),
      odd: gateSpec(true, ["moon"]),
      circle: gateSpec(true, ["itself"])
    },
    condition_map: {
      public: condition("public", null, null),
      inner: condition("pass_gate", null, "inner"),
      level: condition("user_field", "gt", 3, "level"),
      moon: condition("moon_phase", "eq", 1),
      itself: condition("pass_gate", null, "circle")
    }
  }
})

/** The steps of one evaluation, and its result, which equals that of an unwatched evaluation. */
const watched = async (name: string, custom: { readonly [field: string]: number } = {}) => {
  const setting = { snapshot: await parseSpecs(specs), host: makeHost(), tier: undefined }
  const user = new User({ userID: "u", custom })
  const steps: Array<Step> = []
  const call = new Call(user, setting, new Work(), { watcher: step => steps.push(step) })
  const found = call.run("gate", name)
  const unwatched = new Call(user, setting, new Work())
  assert.strictEqual(unwatched.run("gate", name), found)
  assert.deepStrictEqual({ ...call.record }, { ...unwatched.record })
  return { steps, names: steps.map(({ step }) => step), found, record: call.record }
}

describe("a watched evaluation", () => {
  it("reports its steps in order, nested gates within the condition that evaluates them", async () => {
    const { names } = await watched("outer", { level: 5 })
    assert.deepStrictEqual(names, [
      ...["begin", "spec", "rule", "condition"],
      ...["begin", "spec", "rule", "condition", "conditionEnd", "ruleEnd", "percentage", "end"],
      ...["conditionEnd", "condition", "operand", "conditionEnd", "ruleEnd", "percentage", "end"]
    ])
  })

  it("reports the value that a condition tested, and where it was found", async () => {
    const { steps } = await watched("outer", { level: 5 })
    const operands = steps.filter(step => step.step === "operand")
    assert.deepStrictEqual(operands, [{ step: "operand", value: 5, place: { foundIn: "custom", key: "level" } }])
  })

  it("reports a value that was not found", async () => {
    const { steps } = await watched("outer")
    assert.deepInclude(steps, { step: "operand", value: undefined, place: undefined })
  })

  it("reports a condition that the specs lack, and one of an unknown type", async () => {
    const missing = await watched("missing")
    assert.isTrue(missing.record.unsupported)
    assert.deepStrictEqual(
      missing.steps.flatMap(step => (step.step === "conditionEnd" ? [step.condition] : [])),
      [{ kind: "missing", key: "nowhere" }]
    )
    const odd = await watched("odd")
    assert.isTrue(odd.record.unsupported)
    const [ended] = odd.steps.flatMap(step => (step.step === "conditionEnd" ? [step.condition] : []))
    assert.deepInclude(ended, { kind: "unsupported", problem: 'this SDK knows no condition of the type "moon_phase"' })
  })

  it("reports how many evaluations a limit has ended", async () => {
    const { found, steps } = await watched("circle")
    assert.strictEqual(found, "Statsig Evaluation Depth Exceeded")
    const begun = steps.filter(({ step }) => step === "begin").length
    assert.deepStrictEqual(steps.at(-1), { step: "abandoned", count: begun })
  })
})
