/** Checked by the compiler only: what an Effect program must provide, and what it gets. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigTest from "../../layers/StatsigTest.js"
import { Explanation, Flag, Statsig, type StatsigOptions, StatsigUser } from "../../src/index.js"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_ extends true>(): void => {}

const user = StatsigUser.make({ userID: "u" })
const Pricing = Flag.config("pricing", Schema.Struct({ vat: Schema.Number }), { vat: 20 })
const Color = Flag.layer("home", "color", Schema.Literal("red", "blue"), "red")

// Effects that need a user say so in their type.
const gate = Statsig.checkGate("g")
holds<Equals<typeof gate, Effect.Effect<boolean, never, Statsig.Statsig | Statsig.CurrentUser>>>()
const vat = Flag.get(Pricing)
holds<Equals<typeof vat, Effect.Effect<{ readonly vat: number }, never, Statsig.Statsig | Statsig.CurrentUser>>>()
const colors = Flag.watch(Color)
holds<Equals<typeof colors, Stream.Stream<"red" | "blue", never, Statsig.Statsig | Statsig.CurrentUser>>>()
holds<Equals<Flag.Value<typeof Pricing>, { readonly vat: number }>>()

const ready = Effect.provide(gate, StatsigLayer.layerConfig)
// @ts-expect-error: there is no current user
Effect.runPromise(ready)
Effect.runPromise(Statsig.withUser(user)(ready))

// @ts-expect-error: there is no Statsig
Effect.runPromise(Statsig.withUser(user)(gate))

// @ts-expect-error: a user is made by StatsigUser.make
Statsig.withUser({ userID: "u" })(gate)

// A layer provides no user: each request has its own.
const provided: Layer.Layer<Statsig.Statsig> = StatsigLayer.layerConfig.pipe(Layer.orDie)
// @ts-expect-error
const withUser: Layer.Layer<Statsig.CurrentUser> = Layer.orDie(StatsigLayer.layerConfig)

// A fallback is of the schema's type, and so is what a test sets.
Flag.experiment("e", Schema.Struct({ size: Schema.Number }), { size: 1 })
// @ts-expect-error
Flag.experiment("e", Schema.Struct({ size: Schema.Number }), { size: "1" })
// @ts-expect-error
Flag.layer("l", "p", Schema.Literal("red", "blue"), "green")
// @ts-expect-error: a schema that needs services cannot be read synchronously
Flag.config("c", Schema.Int as Schema.Schema<number, number, Statsig.CurrentUser>, 1)

// Options are written as their schema decodes them.
type Read = typeof StatsigOptions.StatsigOptions.Encoded
type Members<A> = { [Name in keyof A]: A[Name] }
holds<Equals<Members<StatsigOptions.StatsigOptions>, Members<Read>>>()

// An explanation needs a user and is synchronous.
const explained = Statsig.explain("gate", "g", { disableExposureLogging: true })
type Explained = Effect.Effect<Explanation.Explanation, never, Statsig.Statsig | Statsig.CurrentUser>
holds<Equals<typeof explained, Explained>>()
// @ts-expect-error: segments are explained as gates
Statsig.explain("segment", "g")

const flags: ReadonlyArray<Flag.Flag<unknown>> = [Flag.gate("g"), Pricing, Color]

export const program = Effect.gen(function* () {
  const test = yield* StatsigTest.StatsigTest
  test.setFlag(Pricing, { vat: 19 })
  test.setFlag(Flag.gate("g"), true)
  test.set({ experiment: "e", value: { size: 1 }, group: "Test", when: ({ email }) => email === "a@example.com" })
  // @ts-expect-error
  test.setFlag(Pricing, { vat: "19" })
  // @ts-expect-error
  test.setFlag(Flag.gate("g"), "true")
  // @ts-expect-error: stores are the same for everyone
  test.set({ parameterStore: "s", value: {}, id: "u" })
  const open: boolean = Flag.read(yield* Statsig.Statsig, user, Flag.gate("g"))
  const color: "red" | "blue" = Flag.read(yield* Statsig.Statsig, user, Color)
  const why: Explanation.Explanation = (yield* Statsig.Statsig).explain(user, "layer", "home")
  const rules: ReadonlyArray<Explanation.Rule> | undefined = why.evaluation?.rules
  const text: string = Explanation.render(why)
  return [open, color, provided, withUser, flags, rules, text]
})
