/** Inputs that must never reach the official package: it aborts the whole process on them. */
import { listAt, objectAt, Raw, type Tree, type TreeObject, textAt } from "./tree.js"
import type { World } from "./world.js"

/** Whether the official package survives every question about this world. */
export const isSafe = (world: World): boolean => {
  const conditions = [...objectAt(world.payload, "condition_map").values()].filter(tree => tree instanceof Map)
  const comparesDays = conditions.some(condition => condition.get("operator") === "on")
  const values: Array<Tree> = [
    ...world.users.flatMap(user => [user.fields, user.assigned]),
    world.options,
    world.payload.get("app_id") ?? null
  ]
  return (
    conditions.every(condition => isSafeTarget(condition)) &&
    values.every(value => isSafeValue(value, comparesDays)) &&
    bandits(world.payload).every(isDeterministic) &&
    !hasUnboundedCycle(world.payload)
  )
}

const isSafeTarget = (condition: TreeObject): boolean => {
  const target = condition.get("targetValue") ?? null
  switch (condition.get("operator")) {
    case "eq":
    case "neq":
      return !Array.isArray(target) || !collides(target)
    case "on":
      return !isSmallestInteger(target)
    default:
      return true
  }
}

const isSafeValue = (value: Tree, comparesDays: boolean): boolean => {
  if (comparesDays && isSmallestInteger(value)) return false
  if (typeof value === "string") return !isAddressBeyond32Bits(value)
  if (value instanceof Map) return [...value.values()].every(member => isSafeValue(member, comparesDays))
  return !Array.isArray(value) || value.every(item => isSafeValue(item, comparesDays))
}

/** Whether two items of a target array could become equal, which makes `eq` and `neq` index out of range. */
export const collides = (items: ReadonlyArray<Tree>): boolean => {
  const seen = new Set<string>()
  return items.some(item => {
    const texts = itemTexts(item)
    const found = texts.some(text => seen.has(text))
    for (const text of texts) seen.add(text)
    return found
  })
}

/** Every text that the item may be converted to. */
const itemTexts = (item: Tree): ReadonlyArray<string> => {
  if (typeof item === "string") return [item.toLowerCase()]
  if (item instanceof Raw) {
    const number = String(Number(item.text))
    return [...new Set([item.text.toLowerCase(), number, `${number}.0`])]
  }
  return typeof item === "number" ? itemTexts(new Raw(String(item))) : [JSON.stringify(item)]
}

/** At or below the smallest 64-bit integer, as a number or as text: `on` cannot compute its distance. */
const isSmallestInteger = (value: Tree): boolean => {
  const number =
    value instanceof Raw
      ? Number(value.text)
      : typeof value === "string"
        ? Number(value.replace(/inf(inity)?$/i, "Infinity"))
        : value
  return typeof number === "number" && number < -9e18
}

const isAddressBeyond32Bits = (text: string): boolean => {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every(part => /^[+-]?\d+$/.test(part))) return false
  const numbers = parts.map(Number)
  const address = numbers.reduce((sum, part) => sum * 256 + part, 0)
  return address >= 2 ** 32 || numbers.some(part => Math.abs(part) > 1e6)
}

const bandits = (payload: TreeObject): Array<TreeObject> =>
  [...objectAt(payload, "cmab_configs").values()].filter(tree => tree instanceof Map)

/** Does not crash, but cannot be compared: with a share of random picks, or without any score, the result is random. */
const isDeterministic = (bandit: TreeObject): boolean => {
  const models = bandit.get("config")
  if (!(models instanceof Map)) return true
  const scored = listAt(bandit, "groups").some(group => {
    const model = group instanceof Map ? models.get(textAt(group, "id") ?? "") : undefined
    return (
      model instanceof Map && objectAt(model, "weightsNumerical").size + objectAt(model, "weightsCategorical").size > 0
    )
  })
  return bandit.get("sampleRate") === 0 && scored
}

type Kind = "gate" | "config" | "layer"

/** A reference from one spec to another; `unbounded` when following it resets the depth. */
interface Edge {
  readonly from: string
  readonly to: string
  readonly unbounded: boolean
}

/**
 * Whether an evaluation could return to itself through a config mapping, a rule of one, a spec that has one, or an
 * experiment_group condition: these restart the depth count, so the recursion limit never applies. A mapping does so as
 * soon as one of its rules was tried, also where the rule does not pass and the spec's own rules decide.
 */
const hasUnboundedCycle = (payload: TreeObject): boolean => {
  const edges = edgesOf(payload)
  const next = new Map<string, Array<string>>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  return edges.some(edge => {
    if (!edge.unbounded) return false
    const reached = new Set<string>([edge.to])
    for (const node of reached) for (const other of next.get(node) ?? []) reached.add(other)
    return reached.has(edge.from)
  })
}

const edgesOf = (payload: TreeObject): ReadonlyArray<Edge> => {
  const edges: Array<Edge> = []
  const conditions = objectAt(payload, "condition_map")
  const mapped = objectAt(payload, "overrides")

  const addRule = (from: string, rule: Tree, unbounded: boolean) => {
    if (!(rule instanceof Map)) return
    const delegate = textAt(rule, "configDelegate")
    if (delegate !== undefined) edges.push({ from, to: node("config", delegate), unbounded })
    for (const key of listAt(rule, "conditions")) {
      const condition = conditions.get(String(key))
      if (!(condition instanceof Map)) continue
      const type = condition.get("type")
      const target = textAt(condition, "targetValue") ?? ""
      if (type === "pass_gate" || type === "fail_gate") edges.push({ from, to: node("gate", target), unbounded })
      const field = textAt(condition, "field")
      if (type === "experiment_group" && field !== undefined)
        edges.push({ from, to: node("config", field), unbounded: true })
    }
  }

  const sections: ReadonlyArray<readonly [string, Kind]> = [
    ["feature_gates", "gate"],
    ["dynamic_configs", "config"],
    ["layer_configs", "layer"]
  ]
  for (const [section, kind] of sections) {
    for (const [name, spec] of objectAt(payload, section)) {
      if (!(spec instanceof Map)) continue
      for (const rule of listAt(spec, "rules")) addRule(node(kind, name), rule, mapped.has(name))
    }
  }
  for (const [name, bandit] of objectAt(payload, "cmab_configs")) {
    const gate = bandit instanceof Map ? textAt(bandit, "targetingGateName") : undefined
    if (gate !== undefined)
      edges.push({ from: node("config", name), to: node("gate", gate), unbounded: mapped.has(name) })
  }
  for (const [name, mappings] of mapped) {
    for (const mapping of Array.isArray(mappings) ? mappings : []) {
      if (!(mapping instanceof Map)) continue
      for (const [, kind] of sections) {
        const from = node(kind, name)
        edges.push({ from, to: node(kind, textAt(mapping, "new_config_name") ?? ""), unbounded: true })
        for (const rule of listAt(mapping, "rules")) {
          const ruleName = rule instanceof Map ? textAt(rule, "rule_name") : undefined
          addRule(from, objectAt(payload, "override_rules").get(ruleName ?? "") ?? null, true)
        }
      }
    }
  }
  return edges
}

const node = (kind: Kind, name: string): string => `${kind} ${name}`
