/** The test double as tests use it: in Effect programs and behind the Promise API. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option, Queue, Schema, Stream } from "effect"
import * as StatsigTest from "../../layers/StatsigTest.js"
import { Evaluator } from "../../src/Evaluator.js"
import * as Flag from "../../src/Flag.js"
import * as Overrides from "../../src/Overrides.js"
import type { SpecChange } from "../../src/SpecStore.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"

const ada = StatsigUser.make({ userID: "ada", customIDs: { companyID: "acme" }, email: "ada@example.com" })
const ben = StatsigUser.make({ userID: "ben" })

describe("StatsigTest", () => {
  it.effect("sets every kind in one call, and evaluates as a project with these specs does", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const gate = statsig.getFeatureGate(ada, "new_checkout")
      assert.deepStrictEqual([gate.value, gate.ruleID, gate.details.reason], [true, "everyone", "Bootstrap:Recognized"])
      assert.deepStrictEqual(statsig.getDynamicConfig(ada, "pricing").value, { vat: 19, steps: [1, 2] })
      const button = statsig.getExperiment(ada, "button")
      assert.deepStrictEqual(
        [button.value, button.groupName, button.ruleID, button.isUserInExperiment],
        [{ color: "red" }, Option.some("Test"), "Test", true]
      )
      assert.strictEqual(statsig.getLayer(ada, "home").get("columns", 1), 2)
      const links = statsig.getParameterStore(ada, "links")
      assert.strictEqual(links.get("help", ""), "/help")
      assert.strictEqual(links.get("checkout", ""), "/new")
      assert.deepStrictEqual(statsig.metadata.experiments(), ["button"])
      const response = JSON.parse(statsig.getClientInitializeResponse(ada, { hashAlgorithm: "none" }))
      assert.deepInclude(response.feature_gates.new_checkout, { value: true })
    }).pipe(
      Effect.provide(
        StatsigTest.layer([
          { gate: "new_checkout", value: true },
          { dynamicConfig: "pricing", value: { vat: 19, steps: [1, 2] } },
          { experiment: "button", value: { color: "red" }, group: "Test" },
          { layer: "home", value: { columns: 2 } },
          {
            parameterStore: "links",
            value: {
              help: "/help",
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

  it.effect("reports unset names as unrecognized", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const reasons = [
        statsig.getFeatureGate(ada, "any").details.reason,
        statsig.getDynamicConfig(ada, "any").details.reason,
        statsig.getExperiment(ada, "any").details.reason,
        statsig.getLayer(ada, "any").details.reason,
        statsig.getParameterStore(ada, "any").details.reason
      ]
      assert.deepStrictEqual(reasons, Array(5).fill("Bootstrap:Unrecognized"))
    }).pipe(Effect.provide(StatsigTest.layer()))
  )

  it.effect("prefers values for an ID to a function, and a function to values for everyone", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      const answers = () => [ada, ben].map(user => statsig.getDynamicConfig(user, "c").get("by", "nobody"))
      const isAda = (user: StatsigUser.StatsigUser) => user.email === "ada@example.com"
      test.set({ dynamicConfig: "c", value: { by: "function" }, when: isAda })
      assert.deepStrictEqual(answers(), ["function", "nobody"])
      test.set({ dynamicConfig: "c", value: { by: "everyone" } })
      test.set({ dynamicConfig: "c", value: { by: "later function" }, when: () => true })
      assert.deepStrictEqual(answers(), ["later function", "later function"])
      test.set({ dynamicConfig: "c", value: { by: "company" }, id: "acme" })
      test.set({ dynamicConfig: "c", value: { by: "userID" }, id: "ben" })
      assert.deepStrictEqual(answers(), ["company", "userID"])
      test.set({ dynamicConfig: "c", value: { by: "company again" }, id: "acme" })
      assert.deepStrictEqual(answers(), ["company again", "userID"])
      test.remove({ dynamicConfig: "c", id: "acme" })
      assert.deepStrictEqual(answers(), ["later function", "userID"])
      test.remove({ dynamicConfig: "c" })
      assert.deepStrictEqual(answers(), ["nobody", "nobody"])
    }).pipe(Effect.provide(StatsigTest.layer()))
  )

  it.effect("sets a flag at once, also among thousands that are in use", () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `gate ${index}`)
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      const open = () => names.filter(name => statsig.checkGate(ada, name)).length
      assert.strictEqual(open(), 10_000)
      test.set({ gate: "gate 5", value: false })
      assert.strictEqual(open(), 9_999)
    }).pipe(Effect.provide(StatsigTest.layer(names.map(gate => ({ gate, value: true })))))
  })

  it.effect("closes a gate for one user only", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      assert.deepStrictEqual([statsig.checkGate(ada, "g"), statsig.checkGate(ben, "g")], [false, true])
    }).pipe(
      Effect.provide(
        StatsigTest.layer([
          { gate: "g", value: false, id: "ada" },
          { gate: "g", value: true }
        ])
      )
    )
  )

  it.effect("can change while the program runs, and notifies the program", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      const changes = yield* Queue.unbounded<SpecChange>()
      yield* Effect.fork(Stream.runForEach(statsig.changes, change => Queue.offer(changes, change)))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.isFalse(statsig.checkGate(ada, "g"))
      test.set({ gate: "g", value: true })
      assert.isTrue(statsig.checkGate(ada, "g"))
      assert.deepInclude((yield* Queue.take(changes)).gates, { added: ["g"] })
    }).pipe(Effect.provide(StatsigTest.layer()))
  )

  it.effect("keeps exposures and events, with users unchanged", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      statsig.checkGate(ada, "g")
      statsig.checkGate(ben, "g", { disableExposureLogging: true })
      statsig.getExperiment(ada, "button")
      statsig.getLayer(ada, "home").get("columns", 1)
      statsig.logEvent(ben, "paid", 12.5, { item: "book" })
      statsig.identify(ada)
      const [gate, button, columns] = test.exposures
      assert.deepInclude(gate, { kind: "gate", name: "g", value: true, ruleID: "ada", userID: "ada" })
      assert.strictEqual(gate?.user, ada)
      assert.deepInclude(button, { kind: "experiment", name: "button", groupName: "Test" })
      assert.deepStrictEqual(button?.value, { color: "red" })
      assert.deepInclude(columns, { kind: "layer", name: "home", parameter: "columns", value: 2 })
      assert.lengthOf(test.exposures, 3)
      assert.deepInclude(test.events[0], { name: "paid", value: 12.5, userID: "ben" })
      assert.deepStrictEqual(
        test.events.map(({ metadata, name }) => [name, metadata]),
        [
          ["paid", { item: "book" }],
          ["statsig::identify", null]
        ]
      )
      test.reset()
      assert.deepStrictEqual([test.exposures, test.events], [[], []])
      assert.strictEqual(statsig.getFeatureGate(ada, "g").details.reason, "Bootstrap:Unrecognized")
    }).pipe(
      Effect.provide(
        StatsigTest.layer([
          { gate: "g", value: true, id: "ada" },
          { experiment: "button", value: { color: "red" }, group: "Test" },
          { layer: "home", value: { columns: 2 } }
        ])
      )
    )
  )

  it.effect("sets declared flags, and layer parameters one by one", () => {
    const Pricing = Flag.config("pricing", Schema.Struct({ from: Schema.Date }), { from: new Date(0) })
    const Button = Flag.experiment("button", Schema.Struct({ color: Schema.String }), { color: "grey" })
    const Columns = Flag.layer("home", "columns", Schema.Int, 1)
    const Title = Flag.layer("home", "title", Schema.String, "")
    const Help = Flag.parameterStore("links", "help", Schema.String, "")
    return Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      test.setFlag(Flag.gate("g"), true)
      test.setFlag(Pricing, { from: new Date(1_000) })
      test.setFlag(Button, { color: "red" }, { group: "Test", id: "ada" })
      test.setFlag(Columns, 3)
      test.setFlag(Title, "Hello")
      test.setFlag(Help, "/help")
      assert.deepStrictEqual(
        yield* Effect.all([
          Flag.get(Flag.gate("g")),
          Flag.get(Pricing),
          Flag.get(Button),
          Flag.get(Columns),
          Flag.get(Title),
          Flag.get(Help)
        ]),
        [true, { from: new Date(1_000) }, { color: "red" }, 3, "Hello", "/help"]
      )
      assert.strictEqual(test.exposures[2]?.groupName, "Test")
    }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
  })

  it.effect("accepts any name, and keeps only the JSON of values", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const names = ["__proto__", "constructor", 'quote " \\ \n', ""]
      const test = yield* StatsigTest.StatsigTest
      for (const name of names) test.set({ gate: name, value: true })
      assert.deepStrictEqual(
        names.map(name => statsig.checkGate(ada, name)),
        [true, true, true, true]
      )
      test.set({ dynamicConfig: "c", value: { not: undefined, list: [Number.NaN], ["__proto__"]: 1 } })
      assert.deepStrictEqual(statsig.getDynamicConfig(ada, "c").value, { list: [null], ["__proto__"]: 1 })
    }).pipe(Effect.provide(StatsigTest.layer()))
  )

  it.effect("is initialised, supports overrides, and logs nothing", () => {
    const lines: Array<unknown> = []
    const log = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void lines.push(message))
    )
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      assert.isTrue((yield* statsig.initialize).success)
      assert.isTrue(statsig.checkGate(ada, "g"))
      yield* statsig.flush
      const overrides = yield* Overrides.Overrides
      overrides.set({ gate: "g", value: false })
      assert.isFalse(statsig.checkGate(ada, "g"))
      assert.isTrue(statsig.withOverrides([{ gate: "g", value: true }]).checkGate(ada, "g"))
      yield* statsig.shutdown
      assert.isDefined(yield* Evaluator)
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(Layer.provide(StatsigTest.layer([{ gate: "g", value: true, id: "ada" }]), log)))
  })

  it.effect("is separate for each test that provides it", () => {
    const layer = StatsigTest.layer()
    const open = Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const before = (yield* Statsig.Statsig).checkGate(ada, "g")
      test.set({ gate: "g", value: true })
      return [before, (yield* Statsig.Statsig).checkGate(ada, "g"), test.exposures.length]
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.provide(open, layer), [false, true, 2])
      assert.deepStrictEqual(yield* Effect.provide(open, layer), [false, true, 2])
    })
  })
})
