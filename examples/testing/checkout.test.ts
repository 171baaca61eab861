/**
 * Tests of an Effect program: flags are set in one line, changed while the test runs, and exposures and events are
 * inspected.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Statsig, StatsigUser } from "statsig-effect"
import * as StatsigTest from "statsig-effect/layers/StatsigTest"
import { Button, banner, Pricing, page, placeOrder } from "./checkout.js"

const ada = StatsigUser.make({ userID: "ada", email: "ada@example.com" })
const ben = StatsigUser.make({ userID: "ben" })

it.effect("shows the old checkout where nothing is set", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* page(100), "old checkout: 120 EUR [Buy]")
  }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
)

it.effect("shows each visitor their own variant", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* Statsig.withUser(ada)(page(100)), "new checkout: 119 EUR [Buy]")
    assert.strictEqual(yield* Statsig.withUser(ben)(page(100)), "old checkout: 119 EUR [Buy]")
  }).pipe(
    Effect.provide(
      StatsigTest.layer([
        { gate: "new_checkout", value: true, when: user => String(user.email).endsWith("@example.com") },
        { dynamicConfig: "pricing", value: { vat: 19 } }
      ])
    )
  )
)

it.effect("takes part in the experiment once it has shown the button", () =>
  Effect.gen(function* () {
    const test = yield* StatsigTest.StatsigTest
    test.setFlag(Pricing, { vat: 0, freeShippingFrom: 50 })
    test.setFlag(Button, { label: "Pay now" }, { group: "Test" })
    assert.strictEqual(yield* page(60), "old checkout: 60 EUR, shipping is free [Pay now]")
    yield* placeOrder(60)
    assert.deepInclude(test.exposures.at(-1), { name: "checkout_button", groupName: "Test", userID: "ada" })
    assert.deepInclude(test.events[0], { name: "order_placed", value: 60, metadata: { currency: "EUR" } })
  }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
)

it.effect("keeps selling when the price in the console is invalid", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* page(100), "old checkout: 120 EUR [Buy]")
  }).pipe(
    Statsig.withUser(ada),
    Effect.provide(StatsigTest.layer([{ dynamicConfig: "pricing", value: { vat: "nineteen" } }]))
  )
)

it.scoped("follows the sale", () =>
  Effect.gen(function* () {
    const test = yield* StatsigTest.StatsigTest
    const shown = yield* Queue.unbounded<string>()
    yield* Effect.forkScoped(Stream.runForEach(banner, text => Queue.offer(shown, text)))
    assert.strictEqual(yield* Queue.take(shown), "")
    test.set({ gate: "sale", value: true })
    assert.strictEqual(yield* Queue.take(shown), "Sale!")
  }).pipe(Statsig.withUser(ada), Effect.provide(StatsigTest.layer()))
)
