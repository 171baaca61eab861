/**
 * OpenFeature on Statsig: a program that uses only OpenFeature's API gets its flags from the shop's project, is
 * notified of changes, and tracks its users' actions.
 *
 * Run it with `npx tsx examples/openfeature/main.ts`. It uses specs from memory, and no network.
 */
import { type EvaluationContext, type Hook, OpenFeature, ProviderEvents } from "@openfeature/server-sdk"
import { StatsigProvider } from "statsig-effect/openfeature"
import { Statsig } from "statsig-effect/promise"
import { specs } from "../shop/specs.js"

let published: object = specs
const statsig = new Statsig("secret-shop", {
  environment: "production",
  disableNetwork: true,
  dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(published) }) }
})

/** An OpenFeature hook, like OpenFeature's own for OpenTelemetry. */
const errors: Hook = {
  error: ({ flagKey }, error) => console.log(`  ${flagKey}: ${String(error)}`)
}

await OpenFeature.setProviderAndWait(new StatsigProvider(statsig))
OpenFeature.addHooks(errors)
const client = OpenFeature.getClient()

const show = async (title: string, context: EvaluationContext) => {
  console.log(`\n${title}`)
  const answers = [
    await client.getBooleanDetails("new_checkout", false, context),
    await client.getNumberDetails("free_shipping_threshold.amount", 0, context),
    await client.getObjectDetails("free_shipping_threshold", {}, context),
    await client.getStringDetails("checkout_button.color", "grey", context),
    await client.getStringDetails("product_page.gallery", "carousel", context),
    await client.getStringDetails("shop_settings.checkout_path", "/checkout", context),
    await client.getStringDetails("new_checkout", "a gate is no text", context)
  ]
  console.table(
    answers.map(({ errorCode, flagKey, flagMetadata, reason, value, variant }) => ({
      key: flagKey,
      value: typeof value === "object" ? JSON.stringify(value) : value,
      variant,
      reason: errorCode ?? reason,
      rule: flagMetadata["ruleID"]
    }))
  )
}

await show("An employee", {
  targetingKey: "staff-0017",
  customIDs: { stableID: "device-17" },
  email: "mara@shop.example",
  country: "DE"
})
await show("A visitor that nothing is known of", {})

// Events are tracked for the same contexts, and Statsig relates them to the users' exposures.
client.track("checkout_completed", { targetingKey: "staff-0017" }, { value: 59.9, currency: "EUR" })

client.addHandler(ProviderEvents.ConfigurationChanged, details => {
  console.log(`\nChanged: ${details?.flagsChanged?.join(", ")}`)
})
const { new_checkout, ...gates } = specs.feature_gates
published = {
  ...specs,
  time: specs.time + 1,
  checksum: undefined,
  feature_gates: { ...gates, new_checkout: { ...new_checkout, enabled: false, rules: [] } }
}
await statsig.syncNow()
const after = await client.getBooleanDetails("new_checkout", true, { targetingKey: "staff-0017" })
console.log(`new_checkout is now ${after.value}: ${after.reason}`)

await OpenFeature.close()
