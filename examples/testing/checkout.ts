/** A small program to test: the checkout of a shop, written with Effect. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Flag, Statsig } from "statsig-effect"

export const Pricing = Flag.config(
  "pricing",
  Schema.Struct({ vat: Schema.Number, freeShippingFrom: Schema.optionalWith(Schema.Number, { exact: true }) }),
  { vat: 20 }
)

export const Button = Flag.experiment("checkout_button", Schema.Struct({ label: Schema.String }), { label: "Buy" })

/** The page for a cart. */
export const page = Effect.fn("page")(function* (net: number) {
  const { freeShippingFrom = Number.POSITIVE_INFINITY, vat } = yield* Flag.get(Pricing)
  const version = (yield* Statsig.checkGate("new_checkout")) ? "new" : "old"
  const { label } = yield* Flag.get(Button)
  const total = (net * (100 + vat)) / 100
  return `${version} checkout: ${total} EUR${total >= freeShippingFrom ? ", shipping is free" : ""} [${label}]`
})

export const placeOrder = (total: number) => Statsig.logEvent("order_placed", total, { currency: "EUR" })

/** The banner, emitted whenever it appears or disappears. */
export const banner = Flag.watch(Flag.gate("sale")).pipe(Stream.map(sale => (sale ? "Sale!" : "")))
