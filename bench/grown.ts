/**
 * Projects that are large in one respect: many gates, many rules, a long list, deep nesting. Seeded, so every run
 * measures the same work.
 *
 * Each is made of ordinary gates: one or two rules that target people, by conditions of their own or by those that
 * teams share, some by a gate or a segment below, and most with a percentage of everyone at the end. About 800 bytes a
 * gate.
 */
import { makeBuilder, type RuleInput, uuidOf } from "../examples/shop/builder.js"
import type { SpecsPayload } from "../layers/LocalStatsig.js"
import {
  type BenchUser,
  benchSpecs,
  benchSpecsTimes,
  benchUsers,
  makePool,
  makeRandom,
  numbered,
  type Random,
  settings
} from "./project.js"

/** The methods that take a user and a name. */
export type Method = "checkGate" | "getDynamicConfig" | "getExperiment" | "getLayer"

/** A method and a name to call it with. */
export type Question = readonly [method: Method, name: string]

/** A project to measure. */
export interface Project {
  readonly specs: SpecsPayload
  readonly users: ReadonlyArray<BenchUser>
  /** What a process has been asked before it is measured. */
  readonly before: ReadonlyArray<Question>
  /** What is measured. */
  readonly asked: ReadonlyArray<Question>
  /** Instances in one process. */
  readonly instances: number
}

type Builder = ReturnType<typeof makeBuilder>

const users = 50
/** Gates that are asked before anything is measured: every project has them. */
const before = 50

/** A condition of one rule alone: few people meet it. */
const ownCondition = ({ condition, user }: Builder, { integer, pick }: Random): string => {
  const some = <A>(make: (index: number) => A) => numbered(1 + integer(6), () => make(integer(1_000_000)))
  return pick([
    () => user("userID", "any", some(String)),
    () =>
      user(
        "email",
        "any",
        some(index => `person.${index}@mail.example`)
      ),
    () => user("seats", "gt", 400 + integer(1_000_000)),
    () => condition({ type: "unit_id", operator: "any", targetValue: some(String), idType: "companyID" }),
    () =>
      user(
        `trait_${integer(1_000)}`,
        "any",
        some(index => `value ${index}`)
      )
  ])()
}

/** Adds ordinary gates and returns their names. The first ones are those that others nest. */
const addGates = (build: Builder, random: Random, count: number): ReadonlyArray<string> => {
  const { chance, integer, pick } = random
  const pool = makePool(build, random)
  const segments = numbered(5, index => `segment:people_${index}`)
  for (const [index] of segments.entries()) {
    build.segment(`people_${index}`, { rules: [{ name: "People", when: [pick(pool)] }] })
  }
  const names = numbered(count, index => `gate_${index}_of_${pick(["search", "billing", "editor", "invites"])}`)
  for (const [index, name] of names.entries()) {
    const below = index < before / 2 ? segments : names.slice(0, before / 2)
    const when = () =>
      chance(0.2) ? build.passes(pick(below)) : chance(0.5) ? pick(pool) : ownCondition(build, random)
    const targeted = numbered(1 + integer(2), rule => ({
      name: `Targeted ${rule + 1}`,
      when: chance(0.2) ? [when(), when()] : [when()],
      pass: chance(0.3) ? 50 : 100
    }))
    const everyone = { name: "Everyone", when: [build.everyone], pass: pick([1, 10, 25, 50, 90]) }
    build.gate(name, {
      idType: pick(["userID", "userID", "userID", "stableID", "companyID"]),
      rules: chance(0.7) ? [...targeted, everyone] : targeted
    })
  }
  return names
}

const gates = (names: ReadonlyArray<string>): ReadonlyArray<Question> => names.map(name => ["checkGate", name])

/** A project of ordinary gates, and those that `add` adds; these are the ones to measure, if any. */
const project = (
  ordinary: number,
  add: (build: Builder, random: Random) => ReadonlyArray<string> = () => []
): Project => {
  const build = makeBuilder("growth")
  const random = makeRandom(15)
  const names = addGates(build, random, ordinary)
  const added = add(build, random)
  return {
    specs: build.payload(1_760_000_000_000, settings),
    users: benchUsers(users),
    before: gates(names.slice(0, before)),
    asked: gates(added.length === 0 ? names.slice(before) : added),
    instances: 1
  }
}

/** So many gates. */
export const manyGates = (count: number): Project => project(count)

/** Forty gates of so many rules, of which few match anyone before the last, which is for half of everyone. */
export const manyRules = (count: number): Project =>
  project(before, (build, random) =>
    numbered(40, index => {
      const name = `ruled_${index}`
      const rules: Array<RuleInput> = numbered(count - 1, rule => ({
        name: `Targeted ${rule + 1}`,
        when: [ownCondition(build, random)]
      }))
      build.gate(name, { rules: [...rules, { name: "Everyone", when: [build.everyone], pass: 50 }] })
      return name
    })
  )

/** IDs as in the lists of companies whose users are numbered. */
const listedID = (index: number): string => `u-${1_000_000 + index * 3}`

/** Half of the users get an ID from a list of so many. */
const halfListed = (length: number): ReadonlyArray<BenchUser> =>
  benchUsers(users).map((user, index) =>
    index % 2 === 0 ? user : { ...user, userID: listedID(Math.floor((index / users) * length)) }
  )

const addListed = (build: Builder, name: string, ids: ReadonlyArray<string>): string => {
  build.gate(name, {
    rules: [
      { name: "Listed", when: [build.user("userID", "any", ids)] },
      { name: "Everyone", when: [build.everyone], pass: 10 }
    ]
  })
  return name
}

/** Gates for lists of so many user IDs each; fewer gates where the lists are long, down to one. */
export const longLists = (length: number): Project => ({
  ...project(before, build =>
    numbered(Math.min(20, Math.ceil(1_000_000 / length)), list => {
      const ids = numbered(length, index => listedID(index * (list + 1)))
      return addListed(build, `listed_${list}`, ids)
    })
  ),
  users: halfListed(length)
})

/** Chains of gates, each with a rule that the gate below passes; about 200 gates in all. */
export const deepNesting = (depth: number): Project =>
  project(before, (build, random) =>
    numbered(Math.max(1, Math.floor(200 / depth)), chain => {
      const nameOf = (level: number) => `nested_${chain}_${level}`
      for (let level = 0; level <= depth; level++) {
        const last = [{ name: "Everyone", when: [build.everyone], pass: 50 }]
        const nested = [{ name: "Nested", when: [build.passes(nameOf(level + 1))] }]
        const targeted = { name: "Targeted", when: [ownCondition(build, random)] }
        build.gate(nameOf(level), { rules: [targeted, ...(level === depth ? last : nested)] })
      }
      return nameOf(0)
    })
  )

/** Users with so many custom fields. */
export const manyFields = (count: number): Project => {
  const whole = project(before + 200)
  const fieldsOf = ({ custom, userID }: BenchUser) => [
    ...Object.entries(custom),
    ...numbered(count, index => [`trait_${index}`, uuidOf(`${userID} ${index}`).slice(0, 10)] as const)
  ]
  return {
    ...whole,
    users: whole.users.map(user => ({ ...user, custom: Object.fromEntries(fieldsOf(user).slice(0, count)) }))
  }
}

/** So many instances of a project of 500 gates. */
export const manyInstances = (count: number): Project => ({ ...project(500), instances: count })

/** A project of 3,000 gates with as many configs, experiments and layers, 18 MB; with a list of so many user IDs. */
export const mixed = (listLength = 0): Project => {
  const specs = benchSpecsTimes(Math.round(3_000 / Object.keys(benchSpecs().feature_gates).length))
  const build = makeBuilder("growth")
  const listed = listLength === 0 ? [] : [addListed(build, "listed", numbered(listLength, listedID))]
  const { condition_map, feature_gates } = build.payload(specs.time, {})
  Object.assign(specs.feature_gates, feature_gates)
  Object.assign(specs.condition_map ?? {}, condition_map)
  const questions = [...questionsOf(specs.feature_gates), ...questionsOf(specs.dynamic_configs)]
  const all = [...questions, ...questionsOf(specs.layer_configs)].filter(([, name]) => !listed.includes(name))
  return {
    specs,
    users: listLength === 0 ? benchUsers(users) : halfListed(listLength),
    before: all.slice(0, before),
    asked: [...all.slice(before), ...gates(listed)],
    instances: 1
  }
}

const methods: Readonly<Record<string, Method>> = {
  dynamic_config: "getDynamicConfig",
  experiment: "getExperiment",
  layer: "getLayer"
}

const questionsOf = (specs: SpecsPayload["feature_gates"]): ReadonlyArray<Question> =>
  Object.entries(specs).map(([name, { entity }]) => [methods[entity] ?? "checkGate", name])
