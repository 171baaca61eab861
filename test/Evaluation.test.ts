/** How results and users print and serialise. */
import { inspect } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as StatsigLayer from "../layers/Statsig.js"
import { Overrides } from "../src/Overrides.js"
import { Statsig } from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"

const user = StatsigUser.make({ userID: "u", custom: { plan: "pro" }, privateAttributes: { income: 1 } })

const jsonOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

it.effect("results print their details, also after they were logged", () =>
  Effect.gen(function* () {
    const statsig = yield* Statsig
    const overrides = yield* Overrides
    overrides.set({ gate: "gate", value: true })
    overrides.set({ experiment: "experiment", value: { color: "red" } })
    overrides.set({ layer: "layer", value: { size: 1 } })
    const details = { reason: "LocalOverride:Recognized", lcut: 0 }
    const common = { ruleID: "override", idType: "", details, secondaryExposures: [] }

    const gate = statsig.getFeatureGate(user, "gate")
    assert.deepStrictEqual(jsonOf(gate), { name: "gate", ...common, value: true })
    const experiment = statsig.getExperiment(user, "experiment")
    assert.deepStrictEqual(jsonOf(experiment), { name: "experiment", ...common, value: { color: "red" } })
    const layer = statsig.getLayer(user, "layer")
    layer.getNumber("size", 0)
    assert.deepStrictEqual(jsonOf(layer), { name: "layer", ...common, value: { size: 1 } })
    const store = statsig.getParameterStore(user, "store")
    assert.deepStrictEqual(jsonOf(store), {
      ...common,
      name: "store",
      ruleID: "",
      details: { reason: "NoValues" }
    })
    for (const result of [gate, experiment, layer, store]) {
      assert.strictEqual(inspect(result), inspect(result.toJSON()))
    }
  }).pipe(Effect.provide(StatsigLayer.layer({ sdkKey: Redacted.make("secret-key"), disableNetwork: true })))
)

it.effect("a user prints the fields that are set, and no private attributes", () =>
  Effect.gen(function* () {
    const shown = { userID: "u", custom: { plan: "pro" } }
    const statsig = yield* Statsig
    statsig.checkGate(user, "gate")
    assert.deepStrictEqual(jsonOf(user), shown)
    assert.strictEqual(inspect(user), inspect(shown))
  }).pipe(Effect.provide(StatsigLayer.layer({ sdkKey: Redacted.make("secret-key"), disableNetwork: true })))
)
