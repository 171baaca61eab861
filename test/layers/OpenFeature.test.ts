/**
 * OpenFeature's provider over the service of an Effect program.
 */
import { assert, describe, it } from "@effect/vitest"
import { InMemoryProvider, OpenFeature, ProviderEvents, ProviderStatus } from "@openfeature/server-sdk"
import { Effect } from "effect"
import * as OpenFeatureLayer from "../../layers/OpenFeature.js"
import * as StatsigTest from "../../layers/StatsigTest.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"

const ada = StatsigUser.make({ userID: "ada" })

describe("OpenFeature", () => {
  it.effect("resolves as the service does, and ends with its scope while the service continues", () =>
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

  it.effect("may be registered again until its scope ends", () =>
    Effect.gen(function* () {
      const test = yield* StatsigTest.StatsigTest
      const client = OpenFeature.getClient("again")
      const ask = () => client.getBooleanValue("beta", false, { targetingKey: "ada" })
      const changes: Array<ReadonlyArray<string> | undefined> = []
      client.addHandler(ProviderEvents.ConfigurationChanged, details => void changes.push(details?.flagsChanged))
      const provider = yield* Effect.scoped(
        Effect.tap(OpenFeatureLayer.make(), provider =>
          Effect.promise(async () => {
            await OpenFeature.setProviderAndWait("again", provider)
            await OpenFeature.setProviderAndWait("again", new InMemoryProvider())
            // The first registration is still closing.
            await OpenFeature.setProviderAndWait("again", provider)
            assert.deepStrictEqual([client.providerStatus, await ask()], [ProviderStatus.READY, true])
            await provider.onClose()
            assert.isFalse(await ask())
            await provider.initialize()
            assert.isTrue(await ask())
            test.set({ gate: "beta", value: false })
            assert.isFalse(await ask())
            assert.deepStrictEqual(changes, [["beta"]])
          })
        )
      )
      const error = yield* Effect.flip(Effect.tryPromise(() => provider.initialize()))
      assert.include(String(error.error), "make another of both")
    }).pipe(Effect.provide(StatsigTest.layer([{ gate: "beta", value: true }])))
  )
})
