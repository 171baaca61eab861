/**
 * Three questions for a shop's support, each answered by an explanation: why a customer does not see the new checkout,
 * which gallery is shown and what decided it, and what an employee would see.
 *
 * Run it with `npx tsx examples/explain/main.ts`. It needs no network, and logs no exposure.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Explanation, Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import { specs } from "../shop/specs.js"
import { users } from "../shop/users.js"

const customer = StatsigUser.make(users.germanIphone)

/** Prints the explanation under the question. */
const answer = (question: string, explanation: Explanation.Explanation) =>
  Console.log(`${question}\n\n${Explanation.render(explanation)}`)

const program = Effect.gen(function* () {
  const statsig = yield* Statsig.Statsig

  const checkout = yield* Statsig.explain("gate", "new_checkout")
  yield* answer("Why does the customer not see the new checkout?", checkout)
  if (checkout.outcome.value !== statsig.checkGate(customer, "new_checkout")) {
    return yield* Effect.dieMessage("The explanation is not that of the check")
  }

  yield* answer("Which gallery does the customer see, and why?", yield* Statsig.explain("layer", "product_page"))

  const asEmployee = Statsig.explain("gate", "new_checkout").pipe(
    Statsig.withOverrides([{ gate: "segment:employees", value: true }])
  )
  yield* answer("And if the customer were an employee?", yield* asEmployee)

  // An explanation is data too: which rules fail, and because of which conditions?
  for (const { conditions, name } of checkout.evaluation?.rules ?? []) {
    const failed = conditions.filter(({ passes }) => passes === false).map(({ field, type }) => field ?? type)
    if (failed.length > 0) yield* Console.log(`${name}: failed by ${failed.join(", ")}`)
  }
})

program.pipe(
  Statsig.withUser(customer),
  Effect.provide(StatsigLayer.layerOffline({ specs, environment: "production" })),
  NodeRuntime.runMain
)
