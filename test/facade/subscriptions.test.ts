/** What subscribers receive in both packages. */
import { it } from "vitest"
import { payload } from "./support/payload.js"
import { dataStore, expectSame, offline } from "./support/sides.js"

const names = (specs: object) => [...Object.keys(specs), "ghost", ""]

it("subscribers receive the same events as with the official package", async () => {
  await expectSame(async ({ Statsig, StatsigUser }) => {
    const statsig = new Statsig("secret-key", { ...offline, dataStore: dataStore() })
    const heard: Record<string, Array<unknown>> = { all: [], gates: [] }
    // Only the time of full specs is compared, because the official package re-encodes them.
    const hear = (where: string) => (event: unknown) =>
      void heard[where]?.push(
        JSON.parse(JSON.stringify(event), (key, value) => (key === "values" ? value.time : value))
      )
    statsig.subscribe("*", hear("all"))
    const gates = statsig.subscribe("gate_evaluated", hear("gates"))
    statsig.subscribe("nonsense", hear("gates"))
    await statsig.initialize()
    const user = new StatsigUser({ userID: "u-1", email: "u@statsig.com" })
    for (const options of [{}, { disableExposureLogging: true }]) {
      for (const name of names(payload.feature_gates)) {
        statsig.checkGate(user, name, options)
        statsig.getFeatureGate(user, name, options)
      }
      for (const name of names(payload.dynamic_configs)) {
        statsig.getDynamicConfig(user, name, options)
        statsig.getExperiment(user, name, options)
      }
      for (const name of names(payload.layer_configs)) statsig.getLayer(user, name, options).get("a", "b")
      for (const parameter of names(payload.param_stores.store.parameters)) {
        statsig.getParameterStore(user, "store", options).getValue(parameter, null)
      }
    }
    statsig.overrideGate("gate_on", false)
    statsig.checkGate(user, "gate_on")
    statsig.manuallyLogFeatureGateExposure(user, "gate_on")
    statsig.manuallyLogExperimentExposure(user, "experiment")
    statsig.getExperimentByGroupName("experiment", "Test")
    statsig.getClientInitializeResponse(user)
    statsig.logEvent(user, "bought")
    // Both deliver soon afterwards; the official one from other threads.
    await new Promise(resolve => setTimeout(resolve, 300))
    statsig.unsubscribeById(gates)
    await statsig.shutdown()
    statsig.checkGate(user, "gate_on")
    await new Promise(resolve => setTimeout(resolve, 300))
    return { ...heard, count: heard["all"]?.length }
  })
})

it("subscribers are notified of the specs before initialize resolves", async () => {
  await expectSame(async ({ Statsig }) => {
    const statsig = new Statsig("secret-key", { ...offline, dataStore: dataStore() })
    const heard: Array<unknown> = []
    statsig.subscribe("specs_updated", (event: { readonly data: { readonly values: typeof payload } }) =>
      heard.push(event.data.values.time)
    )
    await statsig.initialize()
    await statsig.shutdown()
    return heard
  })
})
