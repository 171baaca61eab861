/**
 * Flags as values: what reading one returns, logs and costs, and what a watch emits. All on the test double, which is
 * the real service.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, HashMap, Layer, Logger, Option, Queue, Schema, Stream } from "effect"
import * as NoCountryLookup from "../layers/CountryLookup/Disabled.js"
import * as NoEventLogger from "../layers/EventLogger/Noop.js"
import * as MemoryIdLists from "../layers/IdLists/Memory.js"
import * as MemoryObservability from "../layers/ObservabilityClient/Memory.js"
import * as Bootstrap from "../layers/SpecSource/Bootstrap.js"
import * as StatsigLayer from "../layers/Statsig.js"
import * as StatsigTest from "../layers/StatsigTest.js"
import * as NoUserAgentParser from "../layers/UserAgentParser/Disabled.js"
import * as Flag from "../src/Flag.js"
import * as Overrides from "../src/Overrides.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"
import { experimentSpecs } from "./layers/support/experiments.js"

const ada = StatsigUser.make({ userID: "ada" })
const ben = StatsigUser.make({ userID: "ben" })

const Price = Schema.Struct({ amount: Schema.Number, currency: Schema.Literal("EUR", "USD") })
const Pricing = Flag.config("pricing", Schema.Struct({ plans: Schema.Array(Price) }), { plans: [] })
const Button = Flag.experiment("button", Schema.Struct({ color: Schema.String }), { color: "grey" })
const Columns = Flag.layer("home", "columns", Schema.Int, 1)
const Help = Flag.parameterStore("links", "help", Schema.String, "/")

const good: Flag.Value<typeof Pricing> = { plans: [{ amount: 5, currency: "EUR" }] }
const bad = {
  plans: [
    { amount: 5, currency: "EUR" },
    { amount: "5", currency: "EUR" }
  ]
}

/** The preset, with observable metrics. */
const measuredLayer = StatsigLayer.layerFrom({}).pipe(
  Layer.provide(
    Layer.mergeAll(
      Bootstrap.layer({ specs: experimentSpecs() }),
      NoUserAgentParser.layer,
      NoCountryLookup.layer,
      MemoryIdLists.layer(),
      NoEventLogger.layer
    )
  ),
  Layer.provideMerge(MemoryObservability.layer)
)

interface Line {
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const collecting = (lines: Array<Line>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ annotations, message }) => {
      lines.push({ message: String(message), annotations: Object.fromEntries(HashMap.toEntries(annotations)) })
    })
  )

/** Lets background fibers run. */
const settled = Effect.repeatN(Effect.yieldNow(), 20)

describe("Flag", () => {
  it.effect("reads every kind for the current user, and the fallback for an unknown name", () =>
    Effect.gen(function* () {
      const all = Effect.all([
        Flag.get(Flag.gate("g")),
        Flag.get(Pricing),
        Flag.get(Button),
        Flag.get(Columns),
        Flag.get(Help)
      ])
      assert.deepStrictEqual(yield* Statsig.withUser(ada)(all), [true, good, { color: "red" }, 2, "/help"] as never)
      const test = yield* StatsigTest.StatsigTest
      assert.deepStrictEqual(
        test.exposures.map(({ kind, name, parameter }) => [kind, name, parameter]),
        [
          ["gate", "g", undefined],
          ["dynamicConfig", "pricing", undefined],
          ["experiment", "button", undefined],
          ["layer", "home", "columns"]
        ]
      )
      test.reset()
      assert.deepStrictEqual(yield* Statsig.withUser(ada)(all), [
        false,
        { plans: [] },
        { color: "grey" },
        1,
        "/"
      ] as never)
    }).pipe(
      Effect.provide(
        StatsigTest.layer([
          { gate: "g", value: true, id: "ada" },
          { dynamicConfig: "pricing", value: good },
          { experiment: "button", value: { color: "red", size: 4 }, group: "Test" },
          { layer: "home", value: { columns: 2, title: "Home" } },
          { parameterStore: "links", value: { help: "/help" } }
        ])
      )
    )
  )

  it.effect("reads synchronously from a service and a user, without an exposure if disabled", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      assert.deepStrictEqual(
        [ada, ben].map(user => Flag.read(statsig, user, Button)),
        [{ color: "red" }, { color: "grey" }]
      )
      assert.lengthOf(test.exposures, 2)
      const silently = { disableExposureLogging: true }
      for (const flag of [Flag.gate("g"), Pricing, Button, Columns, Help])
        Flag.read<unknown>(statsig, ada, flag, silently)
      assert.lengthOf(test.exposures, 2)
      const { mismatch, result, value } = Flag.evaluate(statsig, ada, Button)
      assert.deepStrictEqual([value, result.ruleID, mismatch], [{ color: "red" }, "Test", Option.none()])
    }).pipe(
      Effect.provide(StatsigTest.layer([{ experiment: "button", value: { color: "red" }, group: "Test", id: "ada" }]))
    )
  )

  it.effect("applies the overrides of a request", () =>
    Flag.get(Button).pipe(
      Statsig.withOverrides([{ experiment: "button", value: { color: "blue" } }]),
      Effect.map(value => assert.deepStrictEqual(value, { color: "blue" })),
      Statsig.withUser(ada),
      Effect.provide(StatsigTest.layer())
    )
  )

  it.effect("decodes a value once, and freezes the shared result", () => {
    let decoded = 0
    const Counted = Flag.config(
      "pricing",
      Schema.Struct({ plans: Schema.Unknown }).pipe(Schema.filter(() => ++decoded > 0)),
      { plans: [] }
    )
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const first = Flag.read(statsig, ada, Counted)
      assert.strictEqual(Flag.read(statsig, ben, Counted), first)
      assert.strictEqual(decoded, 1)
      assert.throws(() => (first.plans as Array<unknown>).push("more"), TypeError)
      const config = statsig.getDynamicConfig(ada, "pricing")
      assert.deepStrictEqual(config.value, good, "the specs are no part of what is given out")
      ;(config.value["plans"] as Array<unknown>).push("more")
    }).pipe(Effect.provide(StatsigTest.layer([{ dynamicConfig: "pricing", value: good }])))
  })

  it.effect("returns the fallback for an unfit value, and reports path and rule once for each update", () => {
    const lines: Array<Line> = []
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      const { mismatch, value } = Flag.evaluate(statsig, ada, Pricing)
      assert.deepStrictEqual(value, { plans: [] })
      assert.deepInclude(Option.getOrThrow(mismatch), {
        _tag: "FlagMismatch",
        kind: "dynamicConfig",
        name: "pricing",
        path: ["plans", "1", "amount"],
        ruleID: "everyone",
        problem: 'Expected number, actual "5"'
      })
      assert.deepStrictEqual(Flag.read(statsig, ben, Pricing), { plans: [] })
      yield* settled
      assert.deepStrictEqual(lines, [
        {
          message:
            'The value of dynamicConfig "pricing" from rule "everyone" does not fit at plans.1.amount: Expected number, actual "5"',
          annotations: { kind: "dynamicConfig", flag: "pricing", path: "plans.1.amount", ruleID: "everyone" }
        }
      ])
      test.set({ dynamicConfig: "pricing", value: bad, id: "ben" })
      for (const user of [ada, ben, ada, ben]) Flag.read(statsig, user, Pricing)
      yield* settled
      assert.deepStrictEqual(
        lines.map(({ annotations }) => annotations["ruleID"]),
        ["everyone", "everyone", "ben"]
      )
    }).pipe(
      Effect.provide(Layer.provide(StatsigTest.layer([{ dynamicConfig: "pricing", value: bad }]), collecting(lines)))
    )
  })

  it.effect("logs no exposure of an unfit layer parameter, and leaves the other parameters intact", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      const Title = Flag.layer("home", "title", Schema.String, "")
      assert.deepStrictEqual([Flag.read(statsig, ada, Columns), Flag.read(statsig, ada, Title)], [1, "Home"])
      assert.deepStrictEqual(
        test.exposures.map(({ parameter }) => parameter),
        ["title"]
      )
    }).pipe(
      Effect.provide(
        Layer.provide(StatsigTest.layer([{ layer: "home", value: { columns: 2.5, title: "Home" } }]), collecting([]))
      )
    )
  )

  it.effect("survives a schema that throws, and an asynchronous one", () => {
    const throws = Schema.transform(Schema.Unknown, Schema.Unknown, {
      strict: true,
      decode: () => {
        throw new Error("no")
      },
      encode: value => value
    })
    const waits = Schema.transformOrFail(Schema.Unknown, Schema.Unknown, {
      strict: true,
      decode: value => Effect.delay(Effect.succeed(value), "1 second"),
      encode: value => Effect.succeed(value)
    })
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      for (const schema of [throws, waits]) {
        const { mismatch, value } = Flag.evaluate(statsig, ada, Flag.config("pricing", schema, "fallback"))
        assert.strictEqual(value, "fallback")
        assert.isTrue(Option.isSome(mismatch))
      }
    }).pipe(
      Effect.provide(Layer.provide(StatsigTest.layer([{ dynamicConfig: "pricing", value: good }]), collecting([])))
    )
  })

  it.effect("counts unfit values", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const overrides = yield* Overrides.Overrides
      overrides.set({ dynamicConfig: "pricing", value: bad })
      Flag.read(statsig, ada, Pricing)
      Flag.read(statsig, ben, Pricing)
      yield* settled
      const measured = yield* Effect.flatMap(MemoryObservability.Measurements, ({ all }) => all)
      assert.deepStrictEqual(
        measured.filter(({ name }) => name === "statsig.sdk.flag_mismatch"),
        [
          {
            _tag: "Increment",
            name: "statsig.sdk.flag_mismatch",
            value: 1,
            tags: { kind: "dynamicConfig", name: "pricing", rule_id: "override" }
          }
        ]
      )
    }).pipe(Effect.provide(measuredLayer), Effect.provide(collecting([])))
  )
})

describe("watch", () => {
  const watching = <A>(flag: Flag.Flag<A>) =>
    Effect.gen(function* () {
      const values = yield* Queue.unbounded<A>()
      yield* Effect.forkScoped(Stream.runForEach(Flag.watch(flag), value => Queue.offer(values, value)))
      return values
    })

  it.scoped("emits the value, and again when it changes for this user", () =>
    Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const values = yield* watching(Pricing)
      assert.deepStrictEqual(yield* Queue.take(values), { plans: [] })
      test.setFlag(Pricing, good)
      assert.deepStrictEqual(yield* Queue.take(values), good)
      // Another rule with the same value, another user's value, another flag.
      test.setFlag(Pricing, good, { id: "ada" })
      test.setFlag(Pricing, { plans: [] }, { id: "ben" })
      test.set({ gate: "g", value: true })
      yield* settled
      assert.deepStrictEqual(yield* Queue.takeAll(values).pipe(Effect.map(all => [...all])), [])
      test.setFlag(Pricing, { plans: [] }, { id: "ada" })
      assert.deepStrictEqual(yield* Queue.take(values), { plans: [] })
      assert.deepStrictEqual(
        test.exposures.map(({ name, userID }) => [name, userID]),
        Array(3).fill(["pricing", "ada"]),
        "an exposure for each value that was emitted"
      )
    }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
  )

  it.scoped("follows overrides", () =>
    Effect.gen(function* () {
      const overrides = yield* Overrides.Overrides
      const values = yield* watching(Flag.gate("g"))
      const seen = [yield* Queue.take(values)]
      overrides.set({ gate: "g", value: true })
      seen.push(yield* Queue.take(values))
      overrides.remove({ gate: "g" })
      seen.push(yield* Queue.take(values))
      overrides.set({ gate: "g", value: true, id: "ada" })
      seen.push(yield* Queue.take(values))
      overrides.removeAll()
      seen.push(yield* Queue.take(values))
      assert.deepStrictEqual(seen, [false, true, false, true, false])
    }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
  )

  it.scoped("misses no change between its first value and the next", () =>
    Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const reader = yield* Effect.fork(Stream.runCollect(Stream.take(Flag.watch(Flag.gate("g")), 2)))
      while (test.exposures.length === 0) yield* Effect.yieldNow()
      test.set({ gate: "g", value: true })
      assert.deepStrictEqual([...(yield* Fiber.join(reader))], [false, true])
    }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
  )
})
