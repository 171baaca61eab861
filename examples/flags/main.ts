/**
 * Flags as values: declarations generated from the shop's specs, read with their types, and watched during a rollout
 * and a mistake in the console.
 *
 * Run it with `npx tsx examples/flags/main.ts`. It rewrites `flags.generated.ts` and uses no network. A real program
 * would run `npx statsig-effect generate --specs specs.json --out src/flags.ts`.
 */
import { writeFile } from "node:fs/promises"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Codegen, Flag, Overrides, Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import { specs } from "../shop/specs.js"
import { users } from "../shop/users.js"
import { configs, gates, layers } from "./flags.generated.js"

/** Written by hand, where a program knows more than the values show: only these two exist. */
const Gallery = Flag.layer("product_page", "gallery", Schema.Literal("carousel", "grid"), "carousel")

const generate = Effect.gen(function* () {
  const { flags, source } = yield* Codegen.generate(JSON.stringify(specs))
  yield* Effect.promise(() => writeFile(new URL("flags.generated.ts", import.meta.url), source))
  yield* Console.log(`flags.generated.ts declares ${flags} flags of the shop.\n`)
})

/** Everything in it has a type, and its caller must provide the user. */
const offer = Effect.gen(function* () {
  const { amount, currency } = yield* Flag.get(configs.free_shipping_threshold)
  const gallery: "carousel" | "grid" = yield* Flag.get(Gallery)
  const related: number = yield* Flag.get(layers.product_page.relatedProducts)
  const checkout = (yield* Flag.get(gates.new_checkout)) ? "new" : "old"
  return `free shipping from ${amount.toFixed(2)} ${currency}, a ${gallery} and ${related} more products, ${checkout} checkout`
})

const program = Effect.gen(function* () {
  const overrides = yield* Overrides.Overrides
  for (const name of ["anonymous", "powerShopper", "employee"] as const) {
    yield* Console.log(`${name}: ${yield* Statsig.withUser(StatsigUser.make(users[name]))(offer)}`)
  }

  yield* Console.log("\nA watch of the free shipping for the power shopper; each line is an exposure, too:")
  const seen = yield* Queue.unbounded<number>()
  const watch = yield* Flag.watch(configs.free_shipping_threshold).pipe(
    Stream.take(4),
    Stream.tap(({ amount, currency }) => Console.log(`  from ${amount} ${currency}`)),
    Stream.runForEach(({ amount }) => Queue.offer(seen, amount)),
    Statsig.withUser(StatsigUser.make(users.powerShopper)),
    Effect.fork
  )
  const dynamicConfig = "free_shipping_threshold"
  yield* Queue.take(seen)
  overrides.set({ dynamicConfig, value: { amount: 10, currency: "EUR", excludes: [] } })
  yield* Queue.take(seen)
  yield* Console.log("  … and somebody writes the amount as a text, which gives the fallback and a warning:")
  overrides.set({ dynamicConfig, value: { amount: "10 Euro", currency: "EUR", excludes: [] } })
  yield* Queue.take(seen)
  overrides.removeAll()
  yield* Fiber.join(watch)
})

Effect.runPromise(
  Effect.andThen(generate, Effect.provide(program, StatsigLayer.layerOffline({ specs: JSON.stringify(specs) })))
)
