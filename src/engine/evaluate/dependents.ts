/**
 * Which flags may evaluate differently after a change of something they depend on.
 *
 * An evaluation depends on more than the flag's own spec: on conditions, nested gates, the experiments that layers
 * delegate to and that conditions read, bandits, config mappings, the references of a parameter store, ID lists and
 * overrides. Each of these is a node here. From the changed nodes, the search follows their users to all flags.
 *
 * The work is done in portions: the generators yield between two portions.
 */

import type { NameChanges, Snapshot } from "../payload/snapshot.js"
import type { Condition, Parameter, Rule } from "../specs.js"
import type { OverrideKind } from "./overrides.js"

/** Something that evaluations depend on. */
export type DependencyNode = string

type NodeKind = "gate" | "config" | "layer" | "parameterStore" | "condition" | "mappingRule" | "idList" | "targetApp"

const nodeOf = (kind: NodeKind, name: string): DependencyNode => `${kind} ${name}`

/** Nodes read between two yields: some milliseconds. */
const nodesPerTurn = 500

const flagTables = [
  ["gates", "gate"],
  ["dynamicConfigs", "config"],
  ["layers", "layer"]
] as const

/** The node of an ID list. */
export const idListNode = (name: string): DependencyNode => nodeOf("idList", name)

/** The node of an overridden name. */
export const overrideNode = (kind: OverrideKind, name: string): DependencyNode =>
  nodeOf(kind === "dynamicConfig" || kind === "experiment" ? "config" : kind, name)

/**
 * The names of all flags and parameter stores that may evaluate differently between two snapshots, or because of other
 * changed nodes.
 */
export function* changedFlags(
  before: Snapshot | undefined,
  after: Snapshot | undefined,
  changed: Iterable<DependencyNode>
): Generator<void, ReadonlyArray<string>> {
  const reached = new Set<DependencyNode>(changed)
  if (after !== undefined && before !== after) for (const node of changedNodes(before, after)) reached.add(node)
  if (reached.size === 0) return []
  const users = after === undefined ? noUsers : yield* usersOf(after)
  // Iterating a set also visits nodes added meanwhile.
  for (const node of reached) for (const user of users.get(node) ?? []) reached.add(user)
  const flags = [...reached].flatMap(node => {
    const kind = node.slice(0, node.indexOf(" "))
    const isFlag = kind === "parameterStore" || flagTables.some(([, flagKind]) => flagKind === kind)
    return isFlag ? [node.slice(kind.length + 1)] : []
  })
  return [...new Set(flags)]
}

const changedNamesOf = ({ added, changed, removed }: NameChanges): ReadonlyArray<string> => [
  ...added,
  ...changed,
  ...removed
]

function* changedNodes(before: Snapshot | undefined, after: Snapshot): Generator<DependencyNode> {
  const changes = after.changesSince(before)
  for (const [table, kind] of flagTables) for (const name of changedNamesOf(changes[table])) yield nodeOf(kind, name)
  for (const key of after.changedConditions(before)) yield nodeOf("condition", key)
  const [was, is] = [before?.envelope, after.envelope]
  for (const name of changedMembers(was?.parameterStores, is.parameterStores)) yield nodeOf("parameterStore", name)
  for (const name of changedMembers(was?.bandits, is.bandits)) yield nodeOf("config", name)
  for (const name of changedMembers(was?.mappingRules, is.mappingRules)) yield nodeOf("mappingRule", name)
  for (const name of changedMembers(was?.mappings, is.mappings)) {
    for (const [, kind] of flagTables) yield nodeOf(kind, name)
  }
  if (!isSame(was?.appId, is.appId)) yield nodeOf("targetApp", "")
}

const noMembers: ReadonlyMap<string, unknown> = new Map()

function* changedMembers(
  before: ReadonlyMap<string, unknown> = noMembers,
  after: ReadonlyMap<string, unknown>
): Generator<string> {
  if (before === after) return
  for (const [name, is] of after) if (!isSame(before.get(name), is)) yield name
  for (const name of before.keys()) if (!after.has(name)) yield name
}

/** Whether two decoded parts are the same. */
const isSame = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (left instanceof Map || right instanceof Map) {
    if (!(left instanceof Map && right instanceof Map) || left.size !== right.size) return false
    return [...left].every(([key, value]) => right.has(key) && isSame(value, right.get(key)))
  }
  const keys = Object.keys(left)
  return (
    Array.isArray(left) === Array.isArray(right) &&
    keys.length === Object.keys(right).length &&
    keys.every(
      key =>
        Object.hasOwn(right, key) &&
        isSame((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key])
    )
  )
}

/** The users of each node. */
type Users = ReadonlyMap<DependencyNode, ReadonlyArray<DependencyNode>>

const noUsers: Users = new Map()

function* usersOf(snapshot: Snapshot): Generator<void, Users> {
  const users = new Map<DependencyNode, Array<DependencyNode>>()
  let read = 0
  const add = (user: DependencyNode, used: Iterable<DependencyNode>) => {
    for (const node of used) {
      const known = users.get(node)
      if (known === undefined) users.set(node, [user])
      else known.push(user)
    }
    read++
  }
  for (const key of snapshot.conditionKeys()) {
    const condition = yield* snapshot.head(key)
    if (typeof condition === "object") add(nodeOf("condition", key), usedByCondition(condition))
    if (read % nodesPerTurn === nodesPerTurn - 1) yield
  }
  for (const [table, kind] of flagTables) {
    for (const name of snapshot.names(table)) {
      add(nodeOf(kind, name), (snapshot.decoded(table, name)?.rules ?? []).flatMap(usedByRule))
      if (read % nodesPerTurn === nodesPerTurn - 1) yield
    }
  }
  const { bandits, mappingRules, mappings, parameterStores } = snapshot.envelope
  for (const [name, rule] of mappingRules) add(nodeOf("mappingRule", name), usedByRule(rule))
  for (const [name, targets] of mappings) {
    for (const [, kind] of flagTables) {
      for (const { newConfigName, rules } of targets) {
        const used = rules.map(({ ruleName }) => nodeOf("mappingRule", ruleName))
        add(nodeOf(kind, name), [nodeOf(kind, newConfigName), ...used])
      }
    }
  }
  for (const [name, { targetingGateName }] of bandits) {
    if (targetingGateName !== undefined) add(nodeOf("config", name), [nodeOf("gate", targetingGateName)])
  }
  for (const [name, { parameters }] of parameterStores) {
    add(nodeOf("parameterStore", name), [...parameters.values()].flatMap(usedByParameter))
  }
  return users
}

const usedByRule = ({ conditions, configDelegate }: Rule): ReadonlyArray<DependencyNode> => [
  ...conditions.map(key => nodeOf("condition", key)),
  ...(configDelegate === undefined ? [] : [nodeOf("config", configDelegate)])
]

const usedByCondition = ({ field, operator, targetValue, type }: Condition): ReadonlyArray<DependencyNode> => {
  const target = typeof targetValue === "string" ? targetValue : undefined
  const used: Array<DependencyNode> = []
  if (type === "pass_gate" || type === "fail_gate") used.push(nodeOf("gate", target ?? ""))
  if (type === "experiment_group" && field !== undefined) used.push(nodeOf("config", field))
  if (type === "target_app") used.push(nodeOf("targetApp", ""))
  const readsList = operator === "in_segment_list" || operator === "not_in_segment_list"
  if (readsList && target !== undefined) used.push(idListNode(target))
  return used
}

const usedByParameter = (parameter: Parameter): ReadonlyArray<DependencyNode> => {
  switch (parameter.kind) {
    case "static":
      return []
    case "gate":
      return [nodeOf("gate", parameter.gateName)]
    case "dynamicConfig":
      return [nodeOf("config", parameter.configName)]
    case "experiment":
      return [nodeOf("config", parameter.experimentName)]
    case "layer":
      return [nodeOf("layer", parameter.layerName)]
  }
}
