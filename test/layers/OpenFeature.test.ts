/**
 * OpenFeature's provider over the service of an Effect program.
 */
import { assert, describe, it } from "@effect/vitest"
import { OpenFeature, ProviderStatus } from "@openfeature/server-sdk"
import { Effect } from "effect"
import * as OpenFeatureLayer from "../../layers/OpenFeature.js"
import * as StatsigTest from "../../layers/StatsigTest.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"

const ada = StatsigUser.make({ userID: "ada" })

describe("OpenFeature", () => {
  it.effect("answers as the service does, and ends with its scope while the service goes on", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const test = yield* StatsigTest.StatsigTest
      yield* Effect.scoped(
        Effect.gen(function* () {
          const provider = yield* OpenFeatureLayer.make()
          yield* Effect.promise(() => OpenFeature.setProviderAndWait("effect", provider))
          const client = OpenFeature.getClient("effect")
          assert.strictEqual(client.providerStatus, ProviderStatus.READY)
          const ask = () => Effect.promise(() => client.getBooleanDetails("beta", false, { targetingKey: "ada" }))
          assert.deepInclude(yield* ask(), { value: true, reason: "TARGETING_MATCH", variant: "on" })
          test.set({ gate: "beta", value: false })
          test.remove({ gate: "beta", id: "ada" })
          assert.deepInclude(yield* ask(), { value: false, reason: "STATIC", variant: "off" })
        })
      )
      const closed = yield* Effect.promise(() =>
        OpenFeature.getClient("effect").getBooleanDetails("beta", true, { targetingKey: "ada" })
      )
      assert.deepStrictEqual([closed.value, closed.errorCode as string], [true, "PROVIDER_NOT_READY"])
      statsig.checkGate(ada, "beta")
      assert.lengthOf(test.exposures, 3)
    }).pipe(Effect.provide(StatsigTest.layer([{ gate: "beta", value: true, id: "ada" }])))
  )
})
