/** What an effect logs for its current user. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as StatsigTest from "../layers/StatsigTest.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"

const settings: ReadonlyArray<StatsigTest.Setting> = [
  { gate: "new_checkout", value: true },
  { dynamicConfig: "prices", value: { vat: 20 } },
  { experiment: "button", value: { color: "red" }, group: "Test" },
  { layer: "home", value: { columns: 2 } }
]

/** Runs an effect for two users in turn, and returns what was logged. */
const logged = <A>(effect: Effect.Effect<A, never, Statsig.Statsig | Statsig.CurrentUser>) =>
  Effect.gen(function* () {
    const test = yield* StatsigTest.StatsigTest
    for (const userID of ["ada", "ben"]) {
      assert.isUndefined(yield* effect.pipe(Statsig.withUser(StatsigUser.make({ userID }))))
    }
    return test
  }).pipe(Effect.provide(StatsigTest.layer(settings)))

describe("for the current user", () => {
  it.effect("identify sends the user to Statsig", () =>
    Effect.gen(function* () {
      const { events } = yield* logged(Statsig.identify)
      assert.deepStrictEqual(
        events.map(({ name, userID }) => [name, userID]),
        [
          ["statsig::identify", "ada"],
          ["statsig::identify", "ben"]
        ]
      )
    })
  )

  it.effect("forwardLogLine logs a line with its level and metadata", () =>
    Effect.gen(function* () {
      const { events } = yield* logged(Statsig.forwardLogLine("warn", "payment is slow", { provider: "acme" }))
      assert.deepStrictEqual(
        events.map(({ name, userID, value }) => [name, userID, value]),
        [
          ["statsig::log_line", "ada", "payment is slow"],
          ["statsig::log_line", "ben", "payment is slow"]
        ]
      )
      assert.deepInclude(events[0]?.metadata, { provider: "acme", log_level: "Warn" })
    })
  )

  const exposures = {
    manuallyLogGateExposure: [
      Statsig.manuallyLogGateExposure("new_checkout"),
      { kind: "gate", name: "new_checkout", value: true }
    ],
    manuallyLogDynamicConfigExposure: [
      Statsig.manuallyLogDynamicConfigExposure("prices"),
      { kind: "dynamicConfig", name: "prices", value: { vat: 20 } }
    ],
    manuallyLogExperimentExposure: [
      Statsig.manuallyLogExperimentExposure("button"),
      { kind: "experiment", name: "button", groupName: "Test" }
    ],
    manuallyLogLayerParameterExposure: [
      Statsig.manuallyLogLayerParameterExposure("home", "columns"),
      { kind: "layer", name: "home", parameter: "columns", value: 2 }
    ]
  } as const

  for (const [name, [effect, expected]] of Object.entries(exposures)) {
    it.effect(`${name} logs one exposure`, () =>
      Effect.gen(function* () {
        const test = yield* logged(effect)
        assert.lengthOf(test.exposures, 2)
        assert.deepInclude(test.exposures[0], { ...expected, userID: "ada" })
        assert.deepInclude(test.exposures[1], { ...expected, userID: "ben" })
      })
    )
  }
})
