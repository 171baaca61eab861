/**
 * Flags that a change may affect: at least those whose value changes, for generated changes, and only those that depend
 * on the change.
 */
import { Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import { changedFlags, idListNode, overrideNode } from "../../../src/engine/evaluate/dependents.js"
import type { Snapshot } from "../../../src/engine/payload/snapshot.js"
import * as Specs from "../../../src/Specs.js"
import { difference } from "../../conformance/support/compare.js"
import { seeds } from "../../conformance/support/effort.js"
import { userQuestions } from "../../conformance/support/questions.js"
import { Random } from "../../conformance/support/random.js"
import { open, ourSdk } from "../../conformance/support/sdk.js"
import { objectAt, type Tree, write } from "../../conformance/support/tree.js"
import { makeWorld, type World } from "../../conformance/support/world.js"
import { payload } from "../../layers/support/specs.js"

/** The snapshot of a payload; `undefined` for an unusable one. */
const parse = async (text: string, before?: Snapshot): Promise<Snapshot | undefined> => {
  const parsed = await Effect.runPromise(Effect.option(Specs.parse(text, () => {}, before)))
  return Option.isSome(parsed) && parsed.value._tag === "Specs" ? parsed.value.snapshot : undefined
}

const flagsOf = (
  before: Snapshot | undefined,
  after: Snapshot | undefined,
  nodes: Iterable<string> = []
): ReadonlyArray<string> => {
  const work = changedFlags(before, after, nodes)
  for (;;) {
    const step = work.next()
    if (step.done === true) return [...step.value].sort()
  }
}

const rule = (conditions: ReadonlyArray<string>, fields: object = {}) => ({
  name: "rule",
  id: "rule",
  passPercentage: 100,
  returnValue: {},
  conditions,
  idType: "userID",
  ...fields
})

const spec = (entity: string, rules: ReadonlyArray<object>, fields: object = {}) => ({
  type: entity === "feature_gate" ? "feature_gate" : "dynamic_config",
  entity,
  salt: "salt",
  enabled: true,
  defaultValue: entity === "feature_gate" ? false : {},
  idType: "userID",
  rules,
  ...fields
})

const gate = (...conditions: ReadonlyArray<string>) => spec("feature_gate", [rule(conditions, { returnValue: true })])
const config = (...conditions: ReadonlyArray<string>) => spec("dynamic_config", [rule(conditions)])
const field = (targetValue: unknown) => ({
  type: "user_field",
  field: "email",
  operator: "any",
  targetValue,
  idType: ""
})
const passes = (name: string) => ({ type: "pass_gate", targetValue: name, idType: "" })
const bandit = (sampleRate: number) => ({
  salt: "",
  defaultValue: {},
  idType: "userID",
  enabled: true,
  version: 1,
  sampleRate,
  higherIsBetter: true,
  groups: [],
  targetingGateName: "base"
})

/** Each flag depends on something else. */
const fields = {
  feature_gates: {
    base: gate("target"),
    nested: gate("base passes"),
    "nested twice": gate("nested passes"),
    holdout: spec("holdout", [rule(["public"], { returnValue: false })]),
    "held out": gate("holdout passes"),
    listed: gate("in list"),
    "by group": gate("group of experiment"),
    "by app": gate("app"),
    mapped: gate("public"),
    alone: gate("public")
  },
  dynamic_configs: {
    experiment: spec("experiment", [rule(["experiment target"])]),
    config: config("public")
  },
  layer_configs: { layer: spec("layer", [rule(["public"], { configDelegate: "experiment" })]) },
  condition_map: {
    public: { type: "public", idType: "" },
    target: field(["a"]),
    "experiment target": field(["b"]),
    "mapping target": field(["c"]),
    "base passes": passes("base"),
    "nested passes": passes("nested"),
    "holdout passes": passes("holdout"),
    "in list": { type: "unit_id", operator: "in_segment_list", targetValue: "vips", idType: "userID" },
    "group of experiment": {
      type: "experiment_group",
      field: "experiment",
      operator: "any",
      targetValue: ["A"],
      idType: ""
    },
    app: { type: "target_app", operator: "any", targetValue: ["app"], idType: "" }
  },
  param_stores: {
    "store of gate": {
      parameters: { p: { ref_type: "gate", param_type: "string", gate_name: "base", pass_value: 1, fail_value: 2 } }
    },
    "store of layer": {
      parameters: { p: { ref_type: "layer", param_type: "string", layer_name: "layer", param_name: "p" } }
    },
    "store of itself": { parameters: { p: { ref_type: "static", param_type: "string", value: 1 } } }
  },
  cmab_configs: { bandit: bandit(0) },
  overrides: { mapped: [{ new_config_name: "alone", rules: [{ rule_name: "mapping rule" }] }] },
  override_rules: { "mapping rule": rule(["mapping target"]) },
  app_id: "app"
}

type Fields = Record<string, unknown> &
  Record<"feature_gates" | "condition_map" | "cmab_configs", Record<string, unknown>>

const text = (change: (fields: Fields) => object = () => ({})) =>
  payload({ fields: { ...fields, ...change(fields as never) } })

const onBase = ["bandit", "base", "nested", "nested twice", "store of gate"]
const onExperiment = ["by group", "experiment", "layer", "store of layer"]

describe("changed flags", () => {
  const parsed = parse(text())
  it.each<[string, (fields: Fields) => object, ReadonlyArray<string>]>([
    ["nothing", () => ({}), []],
    ["a time only", () => ({ time: 1_800_000_000_000 }), []],
    ["a gate that others nest", it => ({ feature_gates: { ...it.feature_gates, base: gate("public") } }), onBase],
    ["a condition", it => ({ condition_map: { ...it.condition_map, target: field(["z"]) } }), onBase],
    ["a gate that is gone", it => ({ feature_gates: { ...it.feature_gates, base: undefined } }), onBase],
    [
      "a holdout",
      it => ({ feature_gates: { ...it.feature_gates, holdout: spec("holdout", []) } }),
      ["held out", "holdout"]
    ],
    [
      "an experiment",
      () => ({ dynamic_configs: { experiment: spec("experiment", []), config: config("public") } }),
      onExperiment
    ],
    [
      "a condition of an experiment",
      it => ({ condition_map: { ...it.condition_map, "experiment target": field(["z"]) } }),
      onExperiment
    ],
    [
      "a condition of a mapping",
      it => ({ condition_map: { ...it.condition_map, "mapping target": field(["z"]) } }),
      ["mapped"]
    ],
    ["a rule of a mapping", () => ({ override_rules: { "mapping rule": rule(["public"]) } }), ["mapped"]],
    ["a mapping", () => ({ overrides: { config: [] } }), ["config", "mapped"]],
    [
      "what a mapping leads to",
      it => ({ feature_gates: { ...it.feature_gates, alone: gate("target") } }),
      ["alone", "mapped"]
    ],
    ["a bandit", () => ({ cmab_configs: { bandit: bandit(1) } }), ["bandit"]],
    ["the target app", () => ({ app_id: "other" }), ["by app"]],
    [
      "a parameter store",
      () => ({
        param_stores: {
          ...fields.param_stores,
          "store of itself": { parameters: { p: { ref_type: "static", param_type: "string", value: 2 } } }
        }
      }),
      ["store of itself"]
    ]
  ])("are those that depend on %s", async (_, change, expected) => {
    const base = await parsed
    expect(flagsOf(base, await parse(text(change), base))).toEqual(expected)
  })

  it("are those that depend on an ID list or an override", async () => {
    const base = await parsed
    expect(flagsOf(base, base, [idListNode("vips")])).toEqual(["listed"])
    expect(flagsOf(base, base, [idListNode("others")])).toEqual([])
    expect(flagsOf(base, base, [overrideNode("gate", "nested")])).toEqual(["nested", "nested twice"])
    expect(flagsOf(base, base, [overrideNode("experiment", "experiment")])).toEqual(onExperiment)
    expect(flagsOf(undefined, base, [overrideNode("parameterStore", "unknown")])).toContain("unknown")
  })

  it("are all of a project at first", async () => {
    const base = await parsed
    const all = [fields.feature_gates, fields.dynamic_configs, fields.layer_configs, fields.param_stores].flatMap(
      Object.keys
    )
    expect(flagsOf(undefined, base)).toEqual([...all, "bandit"].sort())
  })
})

/** The world with one of its parts replaced by that of another world. */
const changed = (random: Random, world: World, other: World): World => {
  const sections =
    "feature_gates dynamic_configs layer_configs condition_map param_stores cmab_configs overrides override_rules"
  const section = random.pick(sections.split(" "))
  const members = new Map(objectAt(world.payload, section))
  const others: ReadonlyArray<Tree> = [...objectAt(other.payload, section).values()]
  for (const name of random.shuffle([...members.keys()]).slice(0, random.between(1, 3))) {
    if (others.length === 0 || random.chance(0.2)) members.delete(name)
    else members.set(name, random.pick(others))
  }
  const payload = new Map(world.payload).set(section, members)
  if (random.chance(0.1)) payload.set("app_id", random.pick(["app", "x", "other"]))
  return { ...world, payload }
}

/** The value of each flag, by name. */
const answersOf = async (world: World) => {
  const session = await open(ourSdk, world)
  const answers = new Map<string, Array<unknown>>()
  for (const user of world.users.keys()) {
    for (const question of userQuestions(world)) {
      if (!("name" in question) || question.kind.endsWith("Getters")) continue
      const known = answers.get(question.name) ?? []
      answers.set(question.name, known)
      known.push([question.kind, session.ask(user, { ...question, logged: false } as never)])
    }
  }
  await session.close()
  return answers
}

describe("a flag whose value changes", () => {
  it.each(seeds)("is among the changed flags, seed %i", { timeout: 600_000 }, async seed => {
    let found = 0
    // In some worlds few flags change.
    for (let index = 0; found < 15; index++) {
      const random = Random.of(seed, index + 3_000_000)
      const before = makeWorld(seed, index)
      const after = changed(random, before, makeWorld(seed, index + 1))
      const first = await parse(write(before.payload))
      const second = await parse(write(after.payload), first)
      if (first === undefined || second === undefined) continue
      const named = new Set(flagsOf(first, second))
      const answers = await answersOf({ ...after, payload: before.payload })
      for (const [name, answer] of await answersOf(after)) {
        const was = answers.get(name)
        if (was === undefined || difference(was, answer) === undefined) continue
        found++
        expect(named.has(name), `${name} of world ${index}`).toBe(true)
      }
    }
  })
})
