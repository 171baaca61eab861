/**
 * The browser's SDK, `@statsig/js-client`, starts from our client initialize response and returns the server's values.
 * Here it runs in Node; `test/examples/bootstrap.long.test.ts` runs it in a browser.
 */
import { afterAll, assert, describe, expect, it } from "vitest"
import { type ClientInitResponseOptions, Statsig, StatsigUser } from "../../layers/promise.js"
import vectors from "../vectors/client-initialize-vectors.json" with { type: "json" }
import { makeClientWorld, openOverridden } from "./support/clientInitializeWorlds.js"
import { isLong, seeds } from "./support/effort.js"
import { clientNames, compareWithServer, startClient } from "./support/jsClient.js"
import { ourSdk } from "./support/sdk.js"

/** Every format that the client can read. */
const formats: ReadonlyArray<ClientInitResponseOptions> = [
  {},
  { hashAlgorithm: "none" },
  { responseFormat: 1 },
  { responseFormat: 1, hashAlgorithm: "none", removeIdType: true },
  { responseFormat: 2 },
  { responseFormat: 2, hashAlgorithm: "none", removeIdType: true }
]

describe("a client that starts from our response", () => {
  const worlds = isLong ? 2 : 1
  let clients = 0
  let answers = 0

  it.each(seeds)("returns the server's values, seed %i", async seed => {
    for (let index = 0; index < worlds; index++) {
      const made = makeClientWorld(seed, index)
      const { close, statsig, users } = await openOverridden(ourSdk, made)
      const names = clientNames(made.world, statsig)
      for (const [userIndex, user] of users.entries()) {
        for (const format of formats) {
          const options = { ...format, includeLocalOverrides: true }
          const { client } = startClient(statsig.getClientInitializeResponse(user, options))
          const compared = compareWithServer(client, statsig, user, names, format.responseFormat === 2)
          const [first] = compared.differences
          if (first !== undefined)
            assert.fail(`world ${index}, user ${userIndex}: ${JSON.stringify([options, first], null, 1)}`)
          clients++
          answers += compared.answers
        }
      }
      await close()
    }
  })

  it("is compared often enough", () => {
    expect(clients).toBe(seeds.length * worlds * 48)
    expect(answers).toBeGreaterThan(seeds.length * worlds * 2_000)
  })

  afterAll(() => console.info(`${clients} clients gave ${answers} answers; seeds ${seeds}`))
})

describe("a client", () => {
  const user = { userID: "u1", email: "kim@acme.test" }

  const payload = async (options?: ClientInitResponseOptions) => {
    const statsig = new Statsig("secret-clients", {
      disableNetwork: true,
      dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(vectors.specs), time: 1 }) }
    })
    await statsig.initialize()
    return statsig.getClientInitializeResponse(new StatsigUser(user), options)
  }

  it("uses the values of its own user only", async () => {
    const response = await payload()
    const reason = (other: { userID: string; email?: string }) =>
      startClient(response, other).client.getFeatureGate("g_nested").details.reason
    expect(reason(user)).toBe("Bootstrap:Recognized")
    expect(reason({ userID: "u1" })).toBe("BootstrapPartialUserMatch:Recognized")
    expect(reason({ userID: "u2" })).toBe("NoValues")
  })

  it("cannot read names that are hashed with SHA-256", async () => {
    const { client } = startClient(await payload({ hashAlgorithm: "sha256" }))
    expect(client.getFeatureGate("g_nested").details.reason).toBe("Bootstrap:Unrecognized")
  })

  it.each([0, 1, 2] as const)("logs what the server would, and the source of the values, format %i", async format => {
    const response = await payload({ hashAlgorithm: "none", responseFormat: format })
    const { client, sent } = startClient(response)
    client.checkGate("g_nested")
    client.getLayer("lyr_home").get("title")
    await client.flush()
    const events = sent.flatMap(({ body }) => JSON.parse(String(body)).events)
    const { feature_gates, layer_configs } = JSON.parse(await payload({ hashAlgorithm: "none" }))
    const bootstrapMetadata = { generatorSDKInfo: JSON.parse(response).sdkInfo }
    expect(events).toEqual([
      expect.objectContaining({
        eventName: "statsig::gate_exposure",
        metadata: expect.objectContaining({
          gate: "g_nested",
          gateValue: "true",
          ruleID: feature_gates.g_nested.rule_id,
          bootstrapMetadata: expect.objectContaining(bootstrapMetadata)
        }),
        secondaryExposures: feature_gates.g_nested.secondary_exposures
      }),
      expect.objectContaining({
        eventName: "statsig::layer_exposure",
        metadata: expect.objectContaining({
          config: "lyr_home",
          parameterName: "title",
          ruleID: "r_l_ctl",
          allocatedExperiment: "exp_layered",
          isExplicitParameter: "true"
        }),
        secondaryExposures: layer_configs.lyr_home.secondary_exposures
      })
    ])
  })
})
