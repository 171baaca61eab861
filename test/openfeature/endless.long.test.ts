/** Endless or nearly endless contexts, in requirement 3.1.2 of the OpenFeature specification. */
import { describe, expect, test } from "vitest"
import { makeStatsigTest } from "../../layers/promise.js"
import { StatsigProvider } from "../../src/openfeature/StatsigProvider.js"
import { countValues, endless } from "../support/endless.js"

const makeReady = async () => {
  const { statsig, test } = makeStatsigTest([{ gate: "g", value: true }])
  const provider = new StatsigProvider(statsig)
  await provider.initialize()
  return { provider, test }
}

describe("3: contexts", () => {
  test.each(Object.entries(endless))("3.1.2 a context is copied within bounds: %s", async (_, value) => {
    const context = {
      targetingKey: "u",
      value: value(),
      custom: { value: value() },
      privateAttributes: { value: value() }
    }
    const { provider, test } = await makeReady()
    expect((await provider.resolveBooleanEvaluation("g", false, context as never)).value).toBe(true)
    const user = test.exposures[0]!.user
    expect(countValues([user.custom, user.privateAttributes])).toBeLessThanOrEqual(100_010)
    provider.track("bought", {}, { value: 1, details: value() } as never)
    expect(countValues(test.events[0]?.metadata)).toBeLessThanOrEqual(100_000)
  })
})
