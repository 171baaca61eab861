/** Overrides through the preset: for everyone, for one ID, for one request. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import * as MemoryOverrides from "../../layers/Overrides/Memory.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as Overrides from "../../src/Overrides.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { experimentSpecs } from "./support/experiments.js"

const user = StatsigUser.make({ userID: "u", customIDs: { companyID: "c" } })
const other = StatsigUser.make({ userID: "other" })

const offline = StatsigLayer.layerOffline({ specs: experimentSpecs(), disableCountryLookup: true })

const gate = (statsig: Statsig.Service, of = user) => {
  const { details, ruleID, value } = statsig.getFeatureGate(of, "in_a")
  return [value, ruleID, details.reason]
}
const overridden = (value: boolean) => [value, "override", "LocalOverride:Recognized"]
const decided = [true, "in_a", "Bootstrap:Recognized"]

const color = (statsig: Statsig.Service, of = user) => statsig.getExperiment(of, "button").get("color", "none")

describe("Overrides", () => {
  it.effect("for one ID take precedence over those for everyone", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      assert.deepStrictEqual(gate(statsig), decided)
      overrides.set({ gate: "in_a", value: false })
      assert.deepStrictEqual(gate(statsig), overridden(false))
      overrides.set({ gate: "in_a", value: true, id: "c" })
      assert.deepStrictEqual(gate(statsig), overridden(true))
      assert.deepStrictEqual(gate(statsig, other), overridden(false))
      overrides.set({ gate: "in_a", value: false, id: "u" })
      assert.deepStrictEqual(gate(statsig), overridden(false))
      overrides.remove({ gate: "in_a", id: "u" })
      assert.deepStrictEqual(gate(statsig), overridden(true))
      overrides.remove({ gate: "in_a" })
      assert.deepStrictEqual(gate(statsig), decided)
      assert.isTrue(overrides.isEmpty())
    }).pipe(Effect.provide(offline))
  )

  it.effect("match numbers by their text, and no other forms of an ID", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      overrides.set({ gate: "in_a", value: false, id: "42" })
      const value = (input: StatsigUser.StatsigUserInput) => statsig.checkGate(StatsigUser.make(input), "in_a")
      assert.deepStrictEqual(
        [value({ userID: 42 }), value({ customIDs: { any: 42 } }), value({ userID: "042" }), value({})],
        [false, false, true, true]
      )
      overrides.set({ gate: "in_a", value: false, id: "" })
      assert.deepStrictEqual([value({ userID: "" }), value({})], [false, true])
    }).pipe(Effect.provide(offline))
  )

  it.effect("replace whole values, kind by kind, and are copied", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      const value = { size: 1, nested: { list: [1] } }
      overrides.set({ dynamicConfig: "button", value })
      assert.strictEqual(color(statsig), "group_A")
      overrides.set({ experiment: "button", value })
      value.nested.list.push(2)
      assert.deepStrictEqual(statsig.getExperiment(user, "button").value, { size: 1, nested: { list: [1] } })
      assert.deepStrictEqual(statsig.getLayer(user, "home").unloggedValue, { size: 1, nested: { list: [1] } })
      overrides.set({ layer: "home", value: { ["__proto__"]: 1 } })
      assert.deepStrictEqual(statsig.getLayer(user, "home").unloggedValue, { ["__proto__"]: 1 })
      overrides.set({ experiment: "button", group: "A", id: "u" })
      assert.strictEqual(color(statsig), "group_A")
      assert.isFalse(statsig.checkGate(user, "in_a"), "an overridden experiment has no group")
      overrides.removeAll()
      assert.isTrue(statsig.checkGate(user, "in_a"))
    }).pipe(Effect.provide(offline))
  )

  it.effect("replace parameter stores, by value and by definition", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      const gateParameter = {
        ref_type: "gate",
        param_type: "string",
        gate_name: "in_a",
        pass_value: "yes",
        fail_value: "no"
      }
      overrides.set({
        parameterStore: "links",
        value: { fixed: "local", gate: gateParameter, almost: { ...gateParameter, gate_name: 5 } },
        id: "u"
      })
      const store = statsig.getParameterStore(user, "links")
      assert.deepStrictEqual(
        ["fixed", "gate", "almost", "color"].map(name => Option.getOrNull(store.getValue(name))),
        ["local", "yes", { ...gateParameter, gate_name: 5 }, null]
      )
      assert.strictEqual(store.details.reason, "LocalOverride:Recognized")
      overrides.set({ gate: "in_a", value: false })
      assert.strictEqual(store.get("gate", "none"), "no")
      const untouched = statsig.getParameterStore(other, "links")
      assert.strictEqual(untouched.details.reason, "Bootstrap:Recognized")
      assert.strictEqual(untouched.get("fixed", "none"), "fixed")
      overrides.set({ parameterStore: "new", value: { a: 1 } })
      assert.strictEqual(statsig.getParameterStore(other, "new").get("a", 0), 1)
      overrides.remove({ parameterStore: "new", id: "nobody" })
      assert.strictEqual(statsig.getParameterStore(other, "new").get("a", 0), 1)
      overrides.remove({ parameterStore: "new" })
      assert.strictEqual(statsig.getParameterStore(other, "new").get("a", 0), 0)
    }).pipe(Effect.provide(offline))
  )

  it.effect("work before specs are loaded", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      overrides.set({ experiment: "any", value: { a: 1 } })
      const { details, value } = statsig.getExperiment(user, "any")
      assert.deepStrictEqual(value, { a: 1 })
      assert.deepStrictEqual(details, {
        reason: "LocalOverride:Recognized",
        lcut: Option.some(0),
        receivedAt: Option.none(),
        version: Option.none()
      })
      assert.strictEqual(statsig.getExperiment(user, "other").details.reason, "Uninitialized")
    }).pipe(Effect.provide(StatsigLayer.layerManual({ sdkKey: Redacted.make("secret-key"), disableNetwork: true })))
  )

  it.effect("can be the program's own, and no check fails when they throw", () => {
    const broken: Overrides.Service = {
      ...Overrides.make(),
      isEmpty: () => false,
      find: () => {
        throw new Error("broken")
      }
    }
    return Effect.gen(function* () {
      const given = MemoryOverrides.layer([{ gate: "in_a", value: false }])
      const ask = Effect.map(Statsig.Statsig, statsig => gate(statsig))
      assert.deepStrictEqual(yield* Effect.provide(ask, Layer.provide(offline, given)), overridden(false))
      const own = Layer.succeed(Overrides.Overrides, broken)
      assert.deepStrictEqual(yield* Effect.provide(ask, Layer.provide(offline, own)), decided)
    })
  })

  it.effect("belong to one instance", () =>
    Effect.gen(function* () {
      const [one, another] = [yield* Layer.build(offline), yield* Layer.build(Layer.fresh(offline))]
      const withOne = Effect.provide(one)
      yield* withOne(Effect.map(Overrides.Overrides, overrides => overrides.set({ gate: "in_a", value: false })))
      assert.deepStrictEqual(yield* withOne(Effect.map(Statsig.Statsig, statsig => gate(statsig))), overridden(false))
      assert.deepStrictEqual(
        yield* Effect.provide(
          Effect.map(Statsig.Statsig, statsig => gate(statsig)),
          another
        ),
        decided
      )
    }).pipe(Effect.scoped)
  )
})

describe("withOverrides", () => {
  it.effect("applies to the checks of its effect only, also concurrently", () =>
    Effect.gen(function* () {
      const meet = yield* Deferred.make<void>()
      const ask = Effect.gen(function* () {
        const before = gate(yield* Statsig.Statsig)
        yield* Deferred.await(meet)
        return [before, gate(yield* Statsig.Statsig)]
      })
      const requests = yield* Effect.fork(
        Effect.all(
          [
            ask,
            Statsig.withOverrides([{ gate: "in_a", value: false }])(ask),
            Statsig.withOverrides([{ experiment: "button", value: {} }])(ask)
          ],
          { concurrency: "unbounded" }
        )
      )
      yield* Deferred.succeed(meet, undefined)
      // The experiment looks up its group by a check of its own, which is overridden; the gate itself is not.
      const nested = [false, "default", "Bootstrap:Recognized"]
      assert.deepStrictEqual(yield* Fiber.join(requests), [
        [decided, decided],
        [overridden(false), overridden(false)],
        [nested, nested]
      ])
      assert.deepStrictEqual(gate(yield* Statsig.Statsig), decided)
    }).pipe(Effect.provide(offline))
  )

  it.effect("takes precedence over the overrides for everyone, and the inner one over the outer", () =>
    Effect.gen(function* () {
      const overrides = yield* Overrides.Overrides
      overrides.set({ gate: "in_a", value: false, id: "u" })
      overrides.set({ experiment: "button", value: { color: "everyone" } })
      const ask = Effect.map(Statsig.Statsig, statsig => [statsig.checkGate(user, "in_a"), color(statsig)])
      assert.deepStrictEqual(yield* ask, [false, "everyone"])
      const outer = Statsig.withOverrides([{ gate: "in_a", value: true }])
      assert.deepStrictEqual(yield* outer(ask), [true, "everyone"])
      const inner = Statsig.withOverrides([{ experiment: "button", value: { color: "inner" }, id: "c" }])
      assert.deepStrictEqual(yield* outer(inner(ask)), [true, "inner"])
    }).pipe(Effect.provide(offline))
  )

  it.effect("accepts overrides that change later", () =>
    Effect.gen(function* () {
      const mine = Overrides.make()
      const statsig = (yield* Statsig.Statsig).withOverrides(mine)
      assert.deepStrictEqual(gate(statsig), decided)
      mine.set({ gate: "in_a", value: false })
      assert.deepStrictEqual(gate(statsig), overridden(false))
      assert.deepStrictEqual(gate(yield* Statsig.Statsig), decided)
    }).pipe(Effect.provide(offline))
  )

  it.effect("is visible to evaluation listeners", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const reasons: Array<string> = []
      const end = statsig.onCheck(({ evaluation }) => void reasons.push(evaluation.reason))
      statsig.withOverrides([{ gate: "in_a", value: false }]).checkGate(user, "in_a")
      statsig.checkGate(user, "in_a")
      end()
      assert.deepStrictEqual(reasons, ["LocalOverride:Recognized", "Bootstrap:Recognized"])
    }).pipe(Effect.provide(offline))
  )
})
