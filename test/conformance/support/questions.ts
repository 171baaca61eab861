/** The questions about a world: every name with every user, through every call that takes it. */
import type { MetadataCall, Question } from "./sdk.js"
import { listAt, objectAt, type Tree, type TreeObject } from "./tree.js"
import { chain, probe, shadow, type World } from "./world.js"

const unknownNames = ["nobody", "__proto__", "toString", ""]

const lists: ReadonlyArray<MetadataCall> = [
  "getFeatureGateList",
  "getDynamicConfigList",
  "getExperimentList",
  "getAutotuneList",
  "getLayerList",
  "getParameterStoreList"
]

/** The questions that need no user; the first user is still passed. */
export const metadataQuestions = (world: World): ReadonlyArray<Question> => {
  const questions: Array<Question> = []
  const add = (call: MetadataCall, ...names: ReadonlyArray<string>) =>
    void questions.push({ kind: "metadata", call, arguments: names })
  for (const call of lists) add(call)
  const configs = specsOf(world, "dynamic_configs")
  for (const name of namesOf(world, "feature_gates")) if (!name.startsWith(probe)) add("getFieldsNeededForGate", name)
  for (const name of namesOf(world, "layer_configs")) add("getFieldsNeededForLayer", name)
  for (const name of namesOf(world, "dynamic_configs")) {
    if (name.startsWith(shadow)) continue
    add("getFieldsNeededForDynamicConfig", name)
    add("getFieldsNeededForExperiment", name)
    add("getExperimentGroups", name)
    const spec = configs.get(name)
    const rules = (spec instanceof Map ? listAt(spec, "rules") : []).filter(rule => rule instanceof Map)
    for (const group of textsOf(rules, "groupName", "nobody")) add("getExperimentByGroupName", name, group)
    for (const id of textsOf(rules, "id", "nobody")) add("getExperimentByGroupIdAdvanced", name, id)
  }
  return questions
}

/** The questions for each user. */
export const userQuestions = (world: World): ReadonlyArray<Question> => {
  const questions: Array<Question> = [{ kind: "user" }]
  let count = 0
  // One in sixteen is asked with its exposure logged: the result must be the same.
  const logged = () => count++ % 16 === 0
  for (const name of namesOf(world, "feature_gates")) {
    questions.push({ kind: "gate", name, logged: logged() })
    if (!name.startsWith(probe)) questions.push({ kind: "checkGate", name, logged: logged() })
  }
  for (const name of namesOf(world, "dynamic_configs", "cmab_configs")) {
    questions.push({ kind: "experiment", name, logged: logged() })
    if (name.startsWith(shadow)) continue
    questions.push({ kind: "config", name, logged: logged() })
    for (const parameter of parametersOf(specsOf(world, "dynamic_configs").get(name))) {
      questions.push({ kind: "experimentGetters", name, parameter }, { kind: "configGetters", name, parameter })
    }
  }
  for (const name of namesOf(world, "layer_configs")) {
    questions.push({ kind: "layer", name, logged: logged() })
    for (const parameter of parametersOf(specsOf(world, "layer_configs").get(name))) {
      questions.push({ kind: "layerGetters", name, parameter })
    }
  }
  for (const name of [...specsOf(world, "param_stores").keys(), "nobody"]) {
    const store = specsOf(world, "param_stores").get(name)
    const parameters = store instanceof Map ? [...objectAt(store, "parameters").keys()] : []
    for (const parameter of [...parameters, "toString"]) questions.push({ kind: "store", name, parameter })
  }
  return questions
}

const specsOf = (world: World, section: string): TreeObject => objectAt(world.payload, section)

const namesOf = (world: World, ...sections: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set([
    ...sections.flatMap(section => [...specsOf(world, section).keys()]).filter(isAsked),
    ...specsOf(world, "overrides").keys(),
    ...unknownNames
  ])
]

/** Of a chain as deep as the limit only its start is asked. */
const isAsked = (name: string): boolean => !name.includes(chain) || /chain \d$/.test(name)

const textsOf = (rules: ReadonlyArray<TreeObject>, key: string, more: string): ReadonlySet<string> =>
  new Set([...rules.map(rule => rule.get(key)).filter(text => typeof text === "string"), more])

/**
 * Two parameters of the spec, and one that it lacks. Names that every object inherits are omitted: the official package
 * finds the inherited member, which we do not copy.
 */
const parametersOf = (spec: Tree | undefined): ReadonlySet<string> => {
  if (!(spec instanceof Map)) return new Set()
  const values = [
    spec.get("defaultValue"),
    ...listAt(spec, "rules").map(rule => (rule instanceof Map ? rule.get("returnValue") : undefined))
  ]
  const names = values.flatMap(value => (value instanceof Map ? [...value.keys()] : []))
  return new Set([...names.filter(name => !(name in {})).slice(0, 2), "absent"])
}
