/**
 * A response has one memo of nested gates, and `previousResponseHash` makes the official package evaluate in name
 * order. The memo's content affects the entries.
 */
import * as official from "@statsig/statsig-node-core"
import { describe, expect, it } from "vitest"
import * as ours from "../../layers/promise.js"
import { liftBounds } from "../support/testBounds.js"
import { inlined } from "./support/clientInitialize.js"
import { storeOf } from "./support/sdk.js"

liftBounds()

type Side = Pick<typeof official, "Statsig" | "StatsigUser">
type Rule = readonly [id: string, conditions: ReadonlyArray<string>, more?: object]

const spec = (entity: string, ...rules: ReadonlyArray<Rule>) => ({
  type: "dynamic_config",
  entity,
  salt: "salt",
  defaultValue: entity === "feature_gate" || entity === "segment" ? false : {},
  enabled: true,
  idType: "userID",
  isActive: entity === "experiment" ? true : undefined,
  rules: rules.map(([id, conditions, more]) => ({
    name: id,
    id,
    salt: id,
    passPercentage: 100,
    returnValue: true,
    idType: "userID",
    conditions,
    ...more
  }))
})

const nests = (type: string, gate: string) => ({ type, targetValue: gate, idType: "userID" })

const condition_map = {
  everyone: { type: "public", idType: "userID" },
  unknown: { type: "unknown", idType: "userID" },
  "in a group": {
    type: "experiment_group",
    field: "e",
    operator: "any",
    targetValue: ["Group"],
    idType: "userID"
  },
  vip: { type: "user_field", field: "email", operator: "any", targetValue: ["vip"], idType: "userID" },
  "fails off": nests("fail_gate", "off"),
  "fails closed": nests("fail_gate", "closed"),
  "passes ghost": nests("pass_gate", "ghost"),
  "passes on": nests("pass_gate", "on"),
  "passes around ghost": nests("pass_gate", "around ghost")
}

const gates = {
  off: spec("segment", ["rule of off", ["everyone"], { returnValue: false }]),
  closed: spec("segment", ["rule of closed", ["everyone"], { returnValue: false }]),
  on: spec("segment", ["rule of on", ["everyone"], { groupName: "Group of on", isExperimentGroup: true }])
}

type Specs = Readonly<Record<string, object>>

/** Specs by their section, and the value of an override. */
interface World {
  readonly feature_gates?: Specs
  readonly dynamic_configs?: Specs
  readonly layer_configs?: Specs
  readonly session_replay_info?: object
}

const start = async (side: Side, world: World) => {
  const specs = {
    has_updates: true,
    time: 1,
    dynamic_configs: {},
    layer_configs: {},
    experiment_to_layer: {},
    ...world
  }
  const text = JSON.stringify({ ...specs, feature_gates: { ...gates, ...world.feature_gates }, condition_map })
  const statsig = new side.Statsig("secret-memo", {
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: storeOf(text)
  })
  await statsig.initialize()
  return statsig
}

const both = [official, ours as unknown as Side]

const respond = (side: Side, statsig: official.Statsig, email: string, options: official.ClientInitResponseOptions) => {
  const user = new side.StatsigUser({ userID: "u", email })
  return inlined(JSON.parse(statsig.getClientInitializeResponse(user, { hashAlgorithm: "none", ...options })))
}

const worlds: ReadonlyArray<readonly [string, World]> = [
  [
    "a missing gate that a gate asked first, behind another one",
    {
      feature_gates: { g: spec("feature_gate", ["r", ["fails off", "passes ghost"]]) },
      dynamic_configs: { e: spec("experiment", ["r", ["passes ghost"]]) }
    }
  ],
  [
    "a missing gate that a gate asked first, behind nothing",
    {
      feature_gates: { g: spec("feature_gate", ["r", ["passes ghost"]]) },
      dynamic_configs: { e: spec("experiment", ["r", ["fails off", "passes ghost"]]) }
    }
  ],
  [
    "a missing gate that gates ask one after the other, by their names",
    {
      feature_gates: {
        "\u{1f600}": spec("feature_gate", ["r", ["passes ghost"]]),
        "\uffff": spec("feature_gate", ["r", ["fails closed", "passes ghost"]]),
        b: spec("feature_gate", ["r", ["vip"]], ["r", ["fails off", "passes ghost"]]),
        B: spec("feature_gate", ["r", ["vip"], { returnValue: false }], ["r", ["everyone"]])
      }
    }
  ],
  [
    "a missing gate within a gate that others nest",
    {
      feature_gates: {
        "around ghost": spec("feature_gate", ["r", ["passes ghost"]]),
        a: spec("feature_gate", ["r", ["vip"]], ["r", ["fails off", "passes around ghost"]]),
        b: spec("feature_gate", ["r", ["fails closed", "passes around ghost"]])
      },
      layer_configs: { l: spec("layer", ["r", ["passes around ghost", "passes ghost"]]) }
    }
  ],
  [
    "a gate behind a condition of an unknown type",
    {
      feature_gates: { g: spec("feature_gate", ["r", ["passes on"]]) },
      dynamic_configs: {
        e: spec("experiment", ["r", ["unknown", "passes on"]]),
        f: spec("experiment", ["r", ["unknown", "passes ghost"]])
      }
    }
  ],
  [
    "a gate behind a condition on a group",
    {
      feature_gates: { g: spec("feature_gate", ["r", ["passes on"]]) },
      dynamic_configs: { e: spec("experiment", ["r", ["in a group", "passes on"]]) },
      layer_configs: { l: spec("layer", ["r", ["in a group", "fails off"]]) }
    }
  ],
  [
    "a gate behind an unsupported condition that nobody else nests",
    { dynamic_configs: { e: spec("experiment", ["r", ["unknown", "passes on"]]) } }
  ],
  [
    "a gate that an experiment without a deciding rule nests as the first or as the second",
    {
      dynamic_configs: {
        a: spec("experiment", ["r", ["passes on", "vip"]]),
        b: spec("experiment", ["r", ["passes on", "vip"]])
      }
    }
  ]
]

describe.each(worlds)("%s", (_, world) => {
  it("equals the official response, for alternating users", async () => {
    const sessions = await Promise.all(both.map(side => start(side, world)))
    for (const email of ["vip", "nobody", "vip", "nobody"]) {
      const [expected, actual] = both.map((side, index) => {
        const response = respond(side, sessions[index]!, email, { previousResponseHash: "" })
        return { ...response, sdkInfo: undefined, full_checksum: undefined }
      })
      expect(actual).toEqual(expected)
      // The order is the same without a hash.
      const { sdkInfo, ...unchecked } = respond(both[1]!, sessions[1]!, email, {})
      expect(unchecked).toEqual(JSON.parse(JSON.stringify(actual)))
    }
  })
})
