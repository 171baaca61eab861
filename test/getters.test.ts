/** The getters by type have the same names and results in both APIs, for everything that can be read. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { StatsigUser as FacadeUser, makeStatsigTest } from "../layers/promise.js"
import * as StatsigTest from "../layers/StatsigTest.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"

const value = { text: "hello", integer: 7, fraction: 4.5, flag: true, list: [1, 2], map: { x: 1 } }
const settings: ReadonlyArray<StatsigTest.Setting> = [
  { dynamicConfig: "name", value },
  { experiment: "name", value, group: "Test" },
  { layer: "name", value },
  { parameterStore: "name", value }
]
const { getDynamicConfig, getExperiment, getLayer, getParameterStore } = Statsig
const checks = { getDynamicConfig, getExperiment, getLayer, getParameterStore }
const kinds = Object.keys(checks) as ReadonlyArray<keyof typeof checks>

/** What both APIs have in common. */
interface Getters {
  getString(key: string, fallback: string): string
  getFloat(key: string, fallback: number): number
  getInteger(key: string, fallback: number): number
  getBoolean(key: string, fallback: boolean): boolean
  getBool(key: string, fallback: boolean): boolean
  getArray(key: string, fallback: Array<never>): ReadonlyArray<unknown>
  getMap(key: string, fallback: Record<string, never>): object
}

const read = {
  getString: (from: Getters, key: string) => from.getString(key, "fallback"),
  getFloat: (from: Getters, key: string) => from.getFloat(key, -1.5),
  getInteger: (from: Getters, key: string) => from.getInteger(key, -1),
  getBoolean: (from: Getters, key: string) => from.getBoolean(key, false),
  getBool: (from: Getters, key: string) => from.getBool(key, false),
  getArray: (from: Getters, key: string) => from.getArray(key, []),
  getMap: (from: Getters, key: string) => from.getMap(key, {})
}

const fallbacks = {
  getString: "fallback",
  getFloat: -1.5,
  getInteger: -1,
  getBoolean: false,
  getBool: false,
  getArray: [],
  getMap: {}
}

/** The parameters that each getter accepts. */
const taken: Record<keyof typeof read, ReadonlyArray<keyof typeof value>> = {
  getString: ["text"],
  getFloat: ["integer", "fraction"],
  getInteger: ["integer"],
  getBoolean: ["flag"],
  getBool: ["flag"],
  getArray: ["list"],
  getMap: ["map"]
}

const getters = Object.keys(read) as ReadonlyArray<keyof typeof read>
const keys = [...Object.keys(value), "missing"] as ReadonlyArray<keyof typeof value>

const check = (from: Getters) => {
  for (const getter of getters) {
    for (const key of keys) {
      const expected = taken[getter].includes(key) ? value[key] : fallbacks[getter]
      assert.deepStrictEqual(read[getter](from, key), expected, `${getter} of ${key}`)
    }
  }
}

/** What a test sees of the exposures of reads. */
const exposed = (test: StatsigTest.Control) =>
  test.exposures.map(({ kind, name, parameter }) => `${kind} ${name} ${parameter}`)

describe("the getters by type", () => {
  for (const kind of kinds) {
    it.effect(`return values of their type, or the fallback: ${kind} of the Effect API`, () =>
      Effect.gen(function* () {
        check(yield* checks[kind]("name"))
      }).pipe(Statsig.withUser(StatsigUser.make({ userID: "u" })), Effect.provide(StatsigTest.layer(settings)))
    )

    it(`return values of their type, or the fallback: ${kind} of the facade`, () => {
      const { statsig } = makeStatsigTest(settings)
      check(statsig[kind](new FacadeUser({ userID: "u" }), "name"))
    })
  }

  it.effect("log the same exposures in both APIs", () =>
    Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const facade = makeStatsigTest(settings)
      for (const kind of kinds) {
        check(yield* checks[kind]("name"))
        check(facade.statsig[kind](new FacadeUser({ userID: "u" }), "name"))
      }
      assert.include(exposed(test), "layer name text")
      assert.deepStrictEqual(exposed(test), exposed(facade.test))
    }).pipe(Statsig.withUser(StatsigUser.make({ userID: "u" })), Effect.provide(StatsigTest.layer(settings)))
  )

  it.effect("read what a store parameter refers to, and log its exposure", () =>
    Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const store = yield* Statsig.getParameterStore("settings")
      assert.strictEqual(store.getString("checkout", "/old"), "/new")
      assert.strictEqual(store.getInteger("checkout", 1), 1)
      assert.deepStrictEqual(exposed(test), ["gate new_checkout undefined", "gate new_checkout undefined"])
    }).pipe(
      Statsig.withUser(StatsigUser.make({ userID: "u" })),
      Effect.provide(
        StatsigTest.layer([
          { gate: "new_checkout", value: true },
          {
            parameterStore: "settings",
            value: {
              checkout: {
                ref_type: "gate",
                param_type: "string",
                gate_name: "new_checkout",
                pass_value: "/new",
                fail_value: "/old"
              }
            }
          }
        ])
      )
    )
  )

  it.effect("have aliases: getNumber and getObject", () =>
    Effect.gen(function* () {
      const user = new FacadeUser({ userID: "u" })
      const { statsig } = makeStatsigTest(settings)
      const results = [
        yield* Statsig.getDynamicConfig("name"),
        yield* Statsig.getLayer("name"),
        statsig.getExperiment(user, "name"),
        statsig.getLayer(user, "name")
      ]
      for (const result of results) {
        assert.strictEqual(result.getNumber("fraction", 0), 4.5)
        assert.deepStrictEqual(result.getObject("map", {}), { x: 1 })
      }
    }).pipe(Statsig.withUser(StatsigUser.make({ userID: "u" })), Effect.provide(StatsigTest.layer(settings)))
  )
})
