/** The shortest format of a client initialize response lists values separately, and entries refer to them by ID. */
import { describe, expect, it } from "vitest"
import { Statsig, StatsigUser } from "../../layers/promise.js"
import { inlined, listsTwice } from "./support/clientInitialize.js"

const spec = (entity: string, defaultValue: object, more: object = {}) => ({
  type: "dynamic_config",
  entity,
  salt: "salt",
  defaultValue,
  enabled: true,
  idType: "userID",
  rules: [],
  ...more
})

const config = (fields: object) => spec("dynamic_config", fields)
/** A layer whose value is merged from those of its rules. */
const merging = (fields: object) => spec("layer", fields, { useNewLayerEval: true })

const specs = {
  has_updates: true,
  time: 1,
  feature_gates: {},
  dynamic_configs: {
    a: config({ size: 1 }),
    b: config({ size: 2 }),
    c: config({ size: 1 }),
    d: config({ size: 4 })
  },
  layer_configs: { l: merging({ size: 1 }), m: merging({ size: 5 }), n: merging({ size: 5 }) },
  condition_map: {},
  experiment_to_layer: {}
}

const start = async () => {
  const statsig = new Statsig("secret-values", {
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(specs), time: 1 }) }
  })
  await statsig.initialize()
  return statsig
}

const user = new StatsigUser({ userID: "u" })

const respond = (statsig: Statsig, includeLocalOverrides: boolean) =>
  JSON.parse(
    statsig.getClientInitializeResponse(user, { responseFormat: 2, includeLocalOverrides, hashAlgorithm: "none" })
  )

describe("a value in the shortest format", () => {
  it.each<[string, (statsig: Statsig) => unknown]>([
    ["overridden alike", statsig => ["a", "b"].map(name => statsig.overrideDynamicConfig(name, { size: 3 }))],
    ["overridden with the value of a later entry", statsig => statsig.overrideDynamicConfig("a", { size: 4 })],
    ["overridden with the value of an earlier entry", statsig => statsig.overrideDynamicConfig("d", { size: 1 })],
    ["overridden with its own value", statsig => statsig.overrideDynamicConfig("d", { size: 4 })],
    ["overridden with what layers are merged to", statsig => statsig.overrideDynamicConfig("d", { size: 5 })],
    ["of a layer that is overridden", statsig => statsig.overrideLayer("l", { size: 5 })],
    ["of layers that are merged alike", () => {}]
  ])("is listed once: %s", async (_, override) => {
    const statsig = await start()
    override(statsig)
    const ids = [false, true, false, true].map(includeLocalOverrides => {
      const response = respond(statsig, includeLocalOverrides)
      expect(listsTwice(response)).toBe(false)
      expect(inlined(response).layer_configs["m"]!["v"]).toEqual({ size: 5 })
      return response.values
    })
    // The same response has the same IDs.
    expect(ids[3]).toEqual(ids[1])
  })

  it("is listed once and correctly, however many values came before", { timeout: 120_000 }, async () => {
    const statsig = await start()
    for (let size = 0; size < 10_100; size++) {
      statsig.overrideDynamicConfig("a", { size })
      const response = respond(statsig, true)
      const value = inlined(response).dynamic_configs["a"]!["v"] as { readonly size: number }
      if (value.size === size && !listsTwice(response)) continue
      throw new Error(`wrong after ${size} values`)
    }
  })
})
