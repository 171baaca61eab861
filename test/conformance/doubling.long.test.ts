/**
 * Specs that use the spec below them twice, so that the work doubles with each level. The official package evaluates
 * them at the depths used here.
 */
import * as official from "@statsig/statsig-node-core"
import { describe, expect, it } from "vitest"
import * as ours from "../../layers/promise.js"
import { liftBounds } from "../support/testBounds.js"
import { inlined } from "./support/clientInitialize.js"
import { storeOf } from "./support/sdk.js"

liftBounds()

type Side = Pick<typeof official, "Statsig" | "StatsigUser">
const sides = { official, ours: ours as unknown as Side }

type Specs = Readonly<Record<string, object>>
interface Graph {
  readonly feature_gates?: Specs
  readonly dynamic_configs?: Specs
  readonly layer_configs?: Specs
  readonly condition_map: Specs
  readonly cmab_configs?: Specs
  readonly overrides?: Specs
  readonly override_rules?: Specs
}

const spec = (entity: string, rules: ReadonlyArray<object>) => ({
  type: "dynamic_config",
  entity,
  salt: "salt",
  defaultValue: entity === "feature_gate" ? false : {},
  enabled: true,
  idType: "userID",
  rules
})

const rule = (id: string, conditions: ReadonlyArray<string>, more: object = {}) => ({
  name: id,
  id,
  salt: id,
  passPercentage: 100,
  returnValue: true,
  idType: "userID",
  conditions,
  ...more
})

const condition = (type: string, more: object = {}) => ({ type, idType: "userID", ...more })

const everyone = { everyone: condition("public") }

/** The specs of each level from 0 on, in one record. */
const each = (levels: number, make: (level: number) => Specs): Specs =>
  Object.assign({}, ...Array.from({ length: levels + 1 }, (_, level) => make(level)))

/** Gates that nest the gate below twice, by conditions of this type. `prefix` and `entity` are those of all gates. */
const gates = (levels: number, { entity = "feature_gate", prefix = "gate ", type = "pass_gate" } = {}): Graph => ({
  condition_map: {
    ...everyone,
    ...each(levels, level => ({ [`asks ${level}`]: condition("pass_gate", { targetValue: prefix + level }) })),
    ...each(levels, level => ({ [`asks again ${level}`]: condition(type, { targetValue: prefix + level }) }))
  },
  feature_gates: each(levels, level => ({
    [prefix + level]: spec(entity, [
      rule(
        `rule ${level}`,
        level === 0
          ? ["everyone"]
          : [`asks ${level - 1}`, level % 2 === 0 ? `asks ${level - 1}` : `asks again ${level - 1}`],
        { returnValue: type === "pass_gate" }
      )
    ])
  })),
  dynamic_configs: {
    experiment: spec("experiment", [rule("in experiment", [`asks ${levels}`], { returnValue: { size: 1 } })])
  },
  layer_configs: {
    layer: spec("layer", [rule("in layer", [`asks ${levels}`], { configDelegate: "experiment" })])
  }
})

const experiments = (levels: number, conditions: (level: number) => ReadonlyArray<string>): Graph => ({
  condition_map: {
    ...everyone,
    ...each(levels, level => ({
      [`reads ${level}`]: condition("experiment_group", {
        field: `experiment ${level}`,
        operator: "any",
        targetValue: ["Group"]
      }),
      [`asks a ${level}`]: condition("pass_gate", { targetValue: `a ${level}` }),
      [`asks b ${level}`]: condition("pass_gate", { targetValue: `b ${level}` })
    }))
  },
  feature_gates: each(levels, level => ({
    [`a ${level}`]: spec("feature_gate", [rule(`rule a ${level}`, [`reads ${level}`])]),
    [`b ${level}`]: spec("feature_gate", [rule(`rule b ${level}`, [`reads ${level}`])])
  })),
  dynamic_configs: each(levels, level => ({
    [`experiment ${level}`]: spec("experiment", [
      rule(`rule ${level}`, level === 0 ? ["everyone"] : conditions(level - 1), {
        groupName: "Group",
        returnValue: { level }
      })
    ])
  }))
})

/** Each gate is mapped to another one, which nests the gate below twice. */
const mapped = (levels: number): Graph => ({
  condition_map: {
    ...everyone,
    ...each(levels, level => ({ [`asks ${level}`]: condition("pass_gate", { targetValue: `gate ${level}` }) }))
  },
  override_rules: { always: rule("always", ["everyone"]) },
  overrides: each(levels, level => ({
    [`gate ${level}`]: [{ new_config_name: `target ${level}`, rules: [{ rule_name: "always" }] }]
  })),
  feature_gates: each(levels, level => ({
    [`gate ${level}`]: spec("feature_gate", []),
    [`target ${level}`]: spec("feature_gate", [
      rule(`rule ${level}`, level === 0 ? ["everyone"] : [`asks ${level - 1}`, `asks ${level - 1}`])
    ])
  }))
})

/** Unsupported gates, which are evaluated each time; the rule of their mapping nests the gate below twice. */
const unsupported = (levels: number): Graph => ({
  condition_map: {
    ...everyone,
    unknown: condition("unknown"),
    ...each(levels, level => ({ [`asks ${level}`]: condition("pass_gate", { targetValue: `gate ${level}` }) }))
  },
  override_rules: each(levels, level => ({
    [`rule ${level}`]: rule(`rule ${level}`, level === 0 ? [] : ["unknown", `asks ${level - 1}`, `asks ${level - 1}`])
  })),
  overrides: each(levels, level => ({
    [`gate ${level}`]: [{ new_config_name: "target", rules: [{ rule_name: `rule ${level}` }] }]
  })),
  feature_gates: {
    target: spec("feature_gate", []),
    ...each(levels, level => ({ [`gate ${level}`]: spec("feature_gate", [rule("rule", ["everyone", "unknown"])]) }))
  }
})

const start = async ({ Statsig, StatsigUser }: Side, graph: Graph) => {
  const specs = { has_updates: true, time: 1, feature_gates: {}, dynamic_configs: {}, layer_configs: {}, ...graph }
  const text = JSON.stringify({ experiment_to_layer: {}, ...specs })
  const statsig = new Statsig("secret-doubling", {
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: storeOf(text)
  })
  await statsig.initialize()
  return { statsig, user: new StatsigUser({ userID: "u" }) }
}

type Started = Awaited<ReturnType<typeof start>>

const inBoth = async <A>(graph: Graph, ask: (started: Started) => A): Promise<readonly [A, A]> => [
  ask(await start(sides.official, graph)),
  ask(await start(sides.ours, graph))
]

/** Whether two long lists are equal: printing a diff would take minutes. */
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const levels = 16
const silent = { disableExposureLogging: true }

const graphs: ReadonlyArray<readonly [string, Graph]> = [
  ["gates", gates(levels)],
  ["gates that must fail", gates(levels, { type: "fail_gate" })],
  ["holdouts", gates(levels, { entity: "holdout" })],
  ["segments", gates(levels, { prefix: "segment:" })],
  ["mapped gates", mapped(levels)],
  ["unsupported gates", unsupported(levels)],
  ["groups of experiments", experiments(levels, level => [`reads ${level}`, `reads ${level}`])],
  ["groups of experiments behind gates", experiments(levels, level => [`asks a ${level}`, `asks b ${level}`])]
]

describe.each(graphs)(`%s that double over ${levels} levels`, { timeout: 120_000 }, (_, graph) => {
  const last = (specs: Specs = {}) => Object.keys(specs).slice(-1)

  it.each(last(graph.feature_gates))("are evaluated as officially: %s", async name => {
    const [one, other] = await inBoth(graph, ({ statsig, user }) => statsig.getFeatureGate(user, name, silent))
    expect([other.value, other.ruleID, other.details.reason]).toEqual([one.value, one.ruleID, one.details.reason])
    expect(other.details.reason).not.toMatch(/^Error/)
  })

  it.each(last(graph.dynamic_configs))("are evaluated as officially: %s", async name => {
    const [one, other] = await inBoth(graph, ({ statsig, user }) => statsig.getExperiment(user, name, silent))
    expect([other.value, other.ruleID, other.groupName]).toEqual([one.value, one.ruleID, one.groupName])
    expect(isSame(other.secondaryExposures, one.secondaryExposures)).toBe(true)
  })

  it.each(last(graph.layer_configs))("are evaluated as officially: %s", async name => {
    const [one, other] = await inBoth(graph, ({ statsig, user }) => statsig.getLayer(user, name, silent))
    expect([other.__value, other.ruleID]).toEqual([one.__value, one.ruleID])
    expect(isSame(other.secondaryExposures, one.secondaryExposures)).toBe(true)
  })

  it("are in a client response as officially", async () => {
    const options = { previousResponseHash: "", hashAlgorithm: "none" }
    const [one, other] = await inBoth(graph, ({ statsig, user }) => ({
      ...inlined(JSON.parse(statsig.getClientInitializeResponse(user, options))),
      sdkInfo: undefined,
      full_checksum: undefined
    }))
    expect(other).toEqual(one)
  })

  it("are explained with the result of the check", async () => {
    const { user, statsig } = await start(sides.ours, graph)
    const mine = statsig as unknown as ours.Statsig
    const [gate] = Object.keys(graph.feature_gates ?? {}).slice(-1)
    const { reason, value } = mine.explain(user as never, "gate", gate!).outcome
    const { details, value: answer } = mine.getFeatureGate(user as never, gate!, silent)
    expect([value, reason]).toEqual([answer, details.reason])
  })
})

describe("our own limits", { timeout: 60_000 }, () => {
  it("allow 20 levels of gates", async () => {
    const { statsig, user } = await start(sides.ours, gates(20))
    expect(statsig.checkGate(user, "gate 20")).toBe(true)
  })

  it("end a check with too many exposures, and report it", async () => {
    const { statsig, user } = await start(sides.ours, gates(40))
    expect(statsig.getFeatureGate(user, "gate 40").details.reason).toBe(
      "Error:more than 2097152 secondary exposures in one check"
    )
    expect(statsig.checkGate(user, "gate 15")).toBe(true)
  })

  it("end a check with too many evaluations, and report it", async () => {
    const { statsig, user } = await start(sides.ours, unsupported(25))
    expect(statsig.getFeatureGate(user, "gate 25").details.reason).toBe(
      "Error:more than 1000000 evaluations in one check"
    )
    expect(statsig.getFeatureGate(user, "gate 10").details.reason).toMatch(/:Unsupported$/)
  })
})
