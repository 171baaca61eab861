/**
 * Sticky assignments, and worlds that use them: what a storage may return for a user, and experiments that exclude
 * users or force them into a group.
 */
import type { Random } from "./random.js"
import { listAt, object, objectAt, plain, type Tree, type TreeObject, textAt, withoutPrototypes } from "./tree.js"
import { anyJson } from "./values.js"
import type { World } from "./world.js"

/** What `userPersistedValues` may hold: entries by the names of experiments and layers. */
export type KeptValues = Record<string, unknown>

const specialIDs = ["x:override", "override", "targetingGate", "inlineTargetingRules"]
const specialRule = { conditions: [], passPercentage: 100, returnValue: object({}), idType: "userID" }

/** Rules of an experiment that exclude users, or force them into a group. */
export const withSpecialRules = (random: Random, world: World): World => {
  const configs = new Map(objectAt(world.payload, "dynamic_configs"))
  for (const [name, spec] of configs) {
    if (!(spec instanceof Map)) continue
    const rules = listAt(spec, "rules").map(rule => {
      if (!(rule instanceof Map)) return rule
      const copy = new Map(rule)
      if (random.chance(0.25)) copy.set("id", random.pick(specialIDs))
      if (random.chance(0.5)) copy.set("isExperimentGroup", true)
      return copy
    })
    // One that everybody meets, after the others.
    if (random.chance(0.4)) rules.push(object({ ...specialRule, id: random.pick(specialIDs), name: "special" }))
    const copy = new Map(spec).set("rules", rules)
    if (random.chance(0.6)) copy.set("isActive", true)
    configs.set(name, copy)
  }
  const layers = new Map(objectAt(world.payload, "layer_configs"))
  for (const [name, spec] of layers) {
    if (spec instanceof Map && random.chance(0.5)) layers.set(name, new Map(spec).set("isActive", true))
  }
  const payload = new Map(world.payload).set("dynamic_configs", configs).set("layer_configs", layers)
  return { ...world, payload }
}

/** Names that config mappings lead to: assignments are then stored under them. */
export const mappingTargets = (world: World): ReadonlyArray<string> => {
  const mappings = [...objectAt(world.payload, "overrides").values()].flatMap(list => (Array.isArray(list) ? list : []))
  return mappings.flatMap(mapping => (mapping instanceof Map ? (textAt(mapping, "new_config_name") ?? []) : []))
}

const oddMembers: ReadonlyArray<unknown> = [undefined, null, true, 0, 1.5, -1, 4294967296, "text", [], ["a"], [1], {}]

/** Puts something odd into one member of one entry. The official package ignores most of these maps. */
export const spoil = (random: Random, values: KeptValues): KeptValues => {
  const entries = Object.values(values) as Array<KeptValues>
  if (entries.length === 0) return { [random.pick(["nobody", "config 1"])]: random.pick(oddMembers) }
  const entry = random.pick(entries)
  const field = random.pick(Object.keys(entry))
  // A time below zero wraps around in the official package.
  entry[field] = random.pick(oddMembers.filter(value => field !== "time" || value !== -1))
  return values
}

/** Without `undefined` members. */
const present = (members: KeptValues): KeptValues =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** Maps as storages return them for users of the world. The entries are valid, old, or of removed rules. */
export const madeUpValues = (random: Random, world: World, count: number): ReadonlyArray<KeptValues> => {
  const gates = [...objectAt(world.payload, "feature_gates").keys()].slice(0, 20)
  const configs = objectAt(world.payload, "dynamic_configs")
  const layers = objectAt(world.payload, "layer_configs")
  const experiments = [...configs.keys()]

  const exposures = (): unknown =>
    random.times(random.below(4), () => ({
      gate: random.pick([...gates, "gone", "segment:gone"]),
      gateValue: random.pick(["true", "false"]),
      ruleID: random.pick(["r1", "r2", "default", "ünï"])
    }))

  const entry = (spec: Tree | undefined, isLayer: boolean): KeptValues => {
    const rules = (spec instanceof Map ? listAt(spec, "rules") : []).filter(rule => rule instanceof Map)
    const rule: TreeObject = random.pick([...rules, object({ id: "gone" })])
    const value = random.pick<Tree>([rule.get("returnValue") ?? null, object({ color: "kept" }), anyJson(random)])
    const json = plain(withoutPrototypes(value))
    const delegate = random.pick([random.pick(experiments), null, undefined, "gone"])
    return present({
      value: random.chance(0.7),
      json_value: random.chance(0.05) ? undefined : json,
      rule_id: random.weighted<unknown>([
        [8, rule.get("id")],
        [4, random.pick(["gone", "gone too", "gone as well"])],
        [2, "default"],
        [1, ""],
        [1, null],
        [1, undefined]
      ]),
      group_name: random.pick([rule.get("groupName"), "Control", null]),
      secondary_exposures: random.chance(0.4) ? [] : exposures(),
      undelegated_secondary_exposures: random.pick([null, undefined, [], exposures()]),
      config_delegate: isLayer || random.chance(0.1) ? delegate : null,
      explicit_parameters: random.pick([null, undefined, [], Object.keys(Object(json)).slice(0, 2)]),
      time: random.pick([1_700_000_000_000, 1_600_000_000_000, 1, 0, null, "text", 1.5]),
      config_version: random.pick([null, undefined, 0, 7, 4294967295])
    })
  }

  const bandits = objectAt(world.payload, "cmab_configs")
  const names = [...experiments, ...bandits.keys(), ...layers.keys(), ...mappingTargets(world), "nobody"]
  return random.times(count, () => {
    const values = [...new Set(names)].flatMap(name => {
      const isLayer = layers.has(name) && (!configs.has(name) || random.chance(0.5))
      // Enumerable members named `__proto__` do not reach the official package.
      return name === "__proto__" || random.chance(0.15)
        ? []
        : [[name, entry((isLayer ? layers : configs).get(name), isLayer)] as const]
    })
    return Object.fromEntries(values)
  })
}
