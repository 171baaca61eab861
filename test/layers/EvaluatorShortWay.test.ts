/**
 * Records shared between users must be those that each user would get alone. An override of an unrelated name turns the
 * memoised path off for every name, so the tests compare a service with and without one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { benchSpecs, benchUsers } from "../../bench/project.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import { Statsig } from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"

const elsewhere = [{ gate: "another", value: true }] as const

const gate = (name: string, conditions: ReadonlyArray<string>) => ({
  type: "feature_gate",
  entity: "feature_gate",
  salt: name,
  enabled: true,
  defaultValue: false,
  idType: "userID",
  rules: [
    {
      name: "rule",
      id: `${name}_rule`,
      salt: "s",
      passPercentage: 100,
      returnValue: true,
      conditions,
      idType: "userID"
    }
  ]
})

const condition = (fields: object) => ({
  targetValue: null,
  operator: null,
  field: null,
  additionalValues: {},
  idType: "userID",
  ...fields
})

const passes = (targetValue: string) => condition({ type: "pass_gate", targetValue })

const special = {
  has_updates: true,
  time: 1,
  feature_gates: {
    later: gate("later", ["after"]),
    asks_later: gate("asks_later", ["pass_later"]),
    left: gate("left", ["pass_right"]),
    right: gate("right", ["pass_left"]),
    asks_unknown: gate("asks_unknown", ["pass_unknown"])
  },
  dynamic_configs: {},
  layer_configs: {},
  experiment_to_layer: {},
  condition_map: {
    after: condition({ type: "current_time", operator: "after", targetValue: 5_000 }),
    pass_later: passes("later"),
    pass_right: passes("right"),
    pass_left: passes("left"),
    pass_unknown: passes("unknown")
  }
}

describe("the memoised path", () => {
  it.effect("gives the same records as the full path, for many users of a large project", () =>
    Effect.gen(function* () {
      const specs = benchSpecs()
      const statsig = yield* Effect.provide(Statsig, StatsigLayer.layerOffline({ specs: JSON.stringify(specs) }))
      const long = statsig.withOverrides(elsewhere)
      const gates = Object.keys(specs.feature_gates)
      const configs = Object.keys(specs.dynamic_configs)
      const layers = Object.keys(specs.layer_configs)
      for (const input of benchUsers(150)) {
        const user = StatsigUser.make(input)
        const answers = ({ getExperiment, getFeatureGate, getLayer }: Statsig["Type"]) =>
          [
            ...gates.map(name => getFeatureGate(user, name)),
            ...configs.map(name => getExperiment(user, name)),
            ...layers.map(name => getLayer(user, name))
          ].map(({ evaluation }) => evaluation)
        const expected = answers(long)
        for (const { reason } of expected) assert.strictEqual(reason, "Bootstrap:Recognized")
        assert.deepEqual(answers(statsig), expected)
        assert.deepEqual(answers(statsig), expected)
      }
    })
  )

  it.effect("does not memoise what depends on the clock", () =>
    Effect.gen(function* () {
      const statsig = yield* Effect.provide(Statsig, StatsigLayer.layerOffline({ specs: JSON.stringify(special) }))
      const user = StatsigUser.make({ userID: "u" })
      const open = () => ["later", "asks_later"].map(name => statsig.checkGate(user, name))
      assert.deepEqual([...open(), ...open()], [false, false, false, false])
      yield* TestClock.adjust("6 seconds")
      assert.deepEqual([...open(), ...open()], [true, true, true, true])
    })
  )

  it.effect("evaluates a clock-dependent gate once per check, however often it is nested", () =>
    Effect.gen(function* () {
      const levels = Array.from({ length: 20 }, (_, level) => level)
      const specs = {
        ...special,
        feature_gates: {
          "gate 0": gate("gate 0", ["after"]),
          ...Object.fromEntries(
            levels.map(level => [`gate ${level + 1}`, gate(`gate ${level + 1}`, [`pass ${level}`, `pass ${level}`])])
          )
        },
        condition_map: {
          ...special.condition_map,
          ...Object.fromEntries(levels.map(level => [`pass ${level}`, passes(`gate ${level}`)]))
        }
      }
      const statsig = yield* Effect.provide(Statsig, StatsigLayer.layerOffline({ specs: JSON.stringify(specs) }))
      const answer = (userID: string) => statsig.getFeatureGate(StatsigUser.make({ userID }), "gate 20").evaluation
      // Users on the same path share a record; a path with too many steps is abandoned.
      assert.isFalse(answer("a").bool)
      assert.strictEqual(answer("b"), answer("a"))
      yield* TestClock.adjust("6 seconds")
      assert.isTrue(answer("a").bool)
      assert.strictEqual(answer("b"), answer("a"))
    })
  )

  it.effect("stops at gates that nest each other, and handles gates that do not exist", () =>
    Effect.gen(function* () {
      const statsig = yield* Effect.provide(Statsig, StatsigLayer.layerOffline({ specs: JSON.stringify(special) }))
      for (const userID of ["a", "b", "a"]) {
        const user = StatsigUser.make({ userID })
        const reason = (name: string) => statsig.getFeatureGate(user, name).details.reason
        assert.deepEqual(
          ["left", "right", "left"].map(reason),
          Array(3).fill("Error:Statsig Evaluation Depth Exceeded")
        )
        assert.isFalse(statsig.checkGate(user, "asks_unknown"))
        assert.strictEqual(reason("asks_unknown"), "Bootstrap:Recognized")
      }
    })
  )
})
