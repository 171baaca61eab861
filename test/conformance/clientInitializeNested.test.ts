/**
 * Evaluating a nested gate removes "active" from an experiment in which no rule decides; a gate that is already
 * memoised does not. Which gates are memoised depends on the other entries of the response.
 */
import * as official from "@statsig/statsig-node-core"
import { describe, expect, it } from "vitest"
import * as ours from "../../layers/promise.js"
import { liftBounds } from "../support/testBounds.js"
import vectors from "../vectors/client-initialize-vectors.json" with { type: "json" }
import { inlined } from "./support/clientInitialize.js"
import { storeOf } from "./support/sdk.js"

liftBounds()

/** With these specs `u1` fails `g_everyone`, and so no rule of `exp_new_a` decides. */
const specs = structuredClone(vectors.specs) as typeof vectors.specs & { session_replay_info?: object }
specs.feature_gates.g_everyone.rules[0]!.passPercentage = 12.5

type Side = Pick<typeof official, "Statsig" | "StatsigUser">

const start = async (side: Side, targetingGate: string | undefined) => {
  const replay = targetingGate && { sampling_rate: 1, targeting_gate: targetingGate }
  const text = JSON.stringify({ ...specs, session_replay_info: replay })
  const statsig = new side.Statsig("secret-nested", {
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: storeOf(text)
  })
  await statsig.initialize()
  return (options: official.ClientInitResponseOptions) => {
    const user = new side.StatsigUser({ userID: "u1" })
    const response = inlined(
      JSON.parse(statsig.getClientInitializeResponse(user, { hashAlgorithm: "none", ...options }))
    )
    return { ...response, sdkInfo: undefined }
  }
}

const sides = [official, ours as unknown as Side]
const plain = await Promise.all(sides.map(side => start(side, undefined)))
const withReplay = await Promise.all(sides.map(side => start(side, "g_default_after_expo")))

/** A gate that nests itself, which is too deep to evaluate. */
const circular = structuredClone(specs.feature_gates.g_everyone)
circular.rules[0]!.conditions = ["nests circular"]
Object.assign(specs.feature_gates, { circular })
const nesting = {
  type: "pass_gate",
  targetValue: "circular",
  operator: null,
  field: null,
  additionalValues: {},
  idType: "userID"
}
Object.assign(specs.condition_map, { "nests circular": nesting })
const withCircular = await Promise.all(sides.map(side => start(side, "circular")))

const only = (...gates: ReadonlyArray<string>) => ({
  featureGateFilter: new Set(gates),
  experimentFilter: new Set(["exp_new_a"])
})

describe.each([0, 1, 2])("an experiment without a deciding rule, in format %i", responseFormat => {
  const cases: ReadonlyArray<readonly [string, typeof plain, official.ClientInitResponseOptions, boolean]> = [
    ["is active in a whole response", plain, {}, true],
    ["is active when a gate nests the same gate", plain, only("g_default_after_expo"), true],
    [
      "is active when such a gate is left out by its value",
      plain,
      { ...only("g_nested"), removeDefaultValueGates: true },
      true
    ],
    ["is not active alone", plain, only(), false],
    ["is not active when the gate is there but not nested", plain, only("g_everyone"), false],
    ["is not active when only a layer nests the gate", plain, { ...only(), layerFilter: new Set(["lyr_new"]) }, false],
    ["is active when session replay nests the gate before", withReplay, only(), responseFormat !== 0]
  ]
  it.each(cases)("%s", (_, [expected, actual], options, isActive) => {
    const asked = { ...options, responseFormat }
    const response = actual!(asked)
    expect(response).toEqual(expected!(asked))
    const entry = response.dynamic_configs["exp_new_a"]!
    expect(entry[responseFormat === 2 ? "ea" : "is_experiment_active"]).toBe(isActive)
    expect(entry[responseFormat === 2 ? "ue" : "is_user_in_experiment"]).toBe(false)
    // Reused entries equal new ones.
    expect(actual!(asked)).toEqual(response)
  })
})

it.each([0, 1, 2])("session replay counts a gate that is too deep as failed, in format %i", responseFormat => {
  const [wanted, given] = withCircular.map(ask => ask({ featureGateFilter: new Set(["g_nested"]), responseFormat }))
  expect(given).toEqual(wanted)
  expect(given).toMatchObject({ has_updates: true, passes_session_recording_targeting: false })
})
