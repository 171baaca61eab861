/**
 * Histories: a sequence of steps on an instance of each package, in a generated world. Everything that either returns
 * or passes to its storage is compared.
 */
import type { StatsigOptions } from "@statsig/statsig-node-core"
import { difference } from "./compare.js"
import { compareEvents, isOfKeptAnswer } from "./events.js"
import { keptParameters, type Local, type SamplingMode, startLocal, withSampling } from "./eventsRun.js"
import { type KeptValues, spoil, withSpecialRules } from "./kept.js"
import { userQuestions } from "./questions.js"
import { Random } from "./random.js"
import { open, type Question, type Sdk, type Session, shown } from "./sdk.js"
import { listAt, objectAt, type Tree, type TreeObject } from "./tree.js"
import { makeWorld, payloadText, type World } from "./world.js"

/** The oracle, and the package that is compared with it. */
export interface Packages {
  readonly expected: Sdk
  readonly actual: Sdk
}

/** The outcome of a history. */
export interface History {
  /** How often each thing was done and compared. */
  readonly counts: ReadonlyMap<string, number>
  readonly differences: ReadonlyArray<HistoryDifference>
}

/** One result that differs. */
export interface HistoryDifference {
  readonly name: string
  readonly what: unknown
  readonly path: string
  readonly expected: unknown
  readonly actual: unknown
}

/** A call on both sides. It gets the index of the side, to pass arguments that belong to one side. */
type Step = (session: Session, side: 0 | 1) => unknown

/** A storage that only records its calls. */
interface Recorder {
  readonly calls: Array<StorageCall>
  readonly storage: NonNullable<StatsigOptions["persistentStorage"]>
}

type StorageCall = readonly [operation: "save" | "delete", key: string, config: string, data?: unknown]

const recorder = (): Recorder => {
  const calls: Array<StorageCall> = []
  return {
    calls,
    storage: {
      load: () => null,
      save: (key, config, data) => void calls.push(["save", key, config, data]),
      delete: (key, config) => void calls.push(["delete", key, config])
    }
  }
}

/** Both packages in one world, with their differences. */
class Pair {
  readonly counts = new Map<string, number>()
  readonly differences: Array<HistoryDifference> = []
  readonly #sessions: readonly [Session, Session]

  constructor(sessions: readonly [Session, Session]) {
    this.#sessions = sessions
  }

  /** Does the same on both sides, compares the results, and returns one. */
  compare(name: string, what: unknown, step: Step): unknown {
    const [expected, actual] = this.#sessions.map((session, side) => step(session, side as 0 | 1))
    const path = difference(expected, actual)
    if (path !== undefined) this.differences.push({ name, what, path, expected, actual })
    this.count(name)
    return expected
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

const names = (world: World, ...sections: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...sections.flatMap(section => [...objectAt(world.payload, section).keys()]),
  "nobody",
  "__proto__"
]

/**
 * IDs for overrides, such that no user has two of them as custom IDs, because then the official package uses either.
 * Which of the custom IDs is among them is random.
 */
const overrideIDs = (random: Random, world: World): ReadonlyArray<string> => {
  const custom = world.users.flatMap(({ fields }) => [...objectAt(fields, "customIDs").values()])
  const own = world.users.map(({ assigned, fields }) => assigned.get("userID") ?? fields.get("userID"))
  const one = random.pick(custom.length === 0 ? ["u1"] : custom)
  const others = own.filter(id => !custom.includes(id ?? null))
  return [one, ...others, "__STATSIG_NO_ID__"].filter(id => typeof id === "string")
}

const rulesOf = (spec: Tree | undefined): ReadonlyArray<TreeObject> =>
  spec instanceof Map ? listAt(spec, "rules").filter(rule => rule instanceof Map) : []

/** One change of the overrides, as a call. */
const makeOverride = (
  random: Random,
  world: World,
  ids: ReadonlyArray<string>
): readonly [method: string, ...input: ReadonlyArray<unknown>] => {
  const id = random.chance(0.5) ? random.pick([undefined, null]) : random.pick(ids)
  const gate = () => random.pick(names(world, "feature_gates"))
  const config = () => random.pick(names(world, "dynamic_configs", "cmab_configs"))
  const layer = () => random.pick(names(world, "layer_configs"))
  const value = () => random.pick<unknown>([{ color: "local" }, { size: 1, nested: { a: [null] } }, {}, ["x"], "ab", 5])
  const group = (name: string) => {
    const groups = rulesOf(objectAt(world.payload, "dynamic_configs").get(name)).map(rule => rule.get("groupName"))
    return random.pick([...groups.filter(group => typeof group === "string"), "no such group"])
  }
  return random.weighted<() => readonly [string, ...ReadonlyArray<unknown>]>([
    [20, () => ["overrideGate", gate(), random.chance(0.5), id]],
    [8, () => ["overrideDynamicConfig", config(), value(), id]],
    [12, () => ["overrideExperiment", config(), value(), id]],
    [
      12,
      () => {
        const name = config()
        return ["overrideExperimentByGroupName", name, group(name), id]
      }
    ],
    [8, () => ["overrideLayer", layer(), value(), id]],
    [6, () => ["removeGateOverride", gate(), id]],
    [4, () => ["removeDynamicConfigOverride", config(), id]],
    [6, () => ["removeExperimentOverride", config(), id]],
    [4, () => ["removeLayerOverride", layer(), id]],
    [1, () => ["removeAllOverrides"]]
  ])()
}

const override = (pair: Pair, random: Random, world: World, ids: ReadonlyArray<string>): void => {
  const [method, ...input] = makeOverride(random, world, ids)
  pair.compare(method, input, ({ statsig }) =>
    (statsig as unknown as Record<string, (...input: ReadonlyArray<unknown>) => unknown>)[method]?.(...input)
  )
}

const inPair = async (
  packages: Packages,
  world: World,
  options: readonly [StatsigOptions, StatsigOptions],
  sdkKey: string | undefined,
  use: (pair: Pair, sessions: readonly [Session, Session]) => Promise<void>
): Promise<History> => {
  const sessions = [
    await open(packages.expected, world, options[0], sdkKey),
    await open(packages.actual, world, options[1], sdkKey)
  ] as const
  const pair = new Pair(sessions)
  try {
    await use(pair, sessions)
  } finally {
    for (const session of sessions) await session.close()
  }
  return pair
}

const resultOf = (pair: Pair, question: Question, answer: unknown): void => {
  if (typeof answer !== "object" || answer === null || !("details" in answer)) return
  const { reason } = answer.details as { readonly reason: string }
  if (reason === "LocalOverride:Recognized") pair.count(`${question.kind} overridden`)
  if (reason === "Persisted") pair.count(`${question.kind} kept`)
}

/** Sets and removes overrides at random, with checks in between. */
export const overrideHistory = (packages: Packages, seed: number, index: number, steps: number): Promise<History> => {
  const world = makeWorld(seed, index)
  const random = Random.of(seed, index + 1_000_000)
  const questions = userQuestions(world)
  const ids = overrideIDs(random, world)
  return inPair(packages, world, [{}, {}], undefined, async pair => {
    for (let step = 0; step < steps; step++) {
      if (random.chance(0.2)) override(pair, random, world, ids)
      else {
        const user = random.below(world.users.length)
        const question = random.pick(questions)
        const answer = pair.compare(question.kind, [user, question], session => session.ask(user, question))
        resultOf(pair, question, answer)
      }
    }
  })
}

/** The sticky assignments of the users. */
type Kept = Map<string, Map<string, unknown>>

const apply = (kept: Kept, [operation, key, config, data]: StorageCall): void => {
  const values = kept.get(key) ?? new Map<string, unknown>()
  kept.set(key, values)
  if (operation === "save") values.set(config, data)
  else values.delete(config)
}

/**
 * Saves and deletions of each key in order. The official package does not keep the order of a save and a deletion, this
 * one not that of two keys.
 */
const inOrder = (calls: ReadonlyArray<StorageCall>): Record<string, ReadonlyArray<StorageCall>> => {
  const name = ([operation, key]: StorageCall) => `${operation} ${key}`
  return Object.fromEntries(calls.map(call => [name(call), calls.filter(other => name(other) === name(call))]))
}

/** What a program passes in is copied, but not below a hundred levels (docs/differences.md). */
const levelsKept = 90

const levelsOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(levelsOf)) : 0

/** The argument for one check: the user's sticky assignments, sometimes something else. */
const persistedValues = (random: Random, kept: Kept, session: Session, user: number): unknown => {
  const { customIDs, userID } = session.users[user]!
  const ids = [userID, ...Object.values(customIDs ?? {})].map(String)
  const own = [...kept].filter(([key]) => ids.some(id => key.startsWith(`${id}:`)))
  const known = own.flatMap(([, values]) => [...values]).filter(([, value]) => levelsOf(value) <= levelsKept)
  const values: KeptValues = structuredClone(Object.fromEntries(known))
  return random.weighted<() => unknown>([
    [2, () => undefined],
    [1, () => random.pick([{}, [], "", 5, true])],
    [14, () => values],
    [2, () => spoil(random, values)]
  ])()
}

/** The world with other rules: earlier decisions would now differ. */
const changed = (random: Random, world: World, round: number): World => {
  const configs = new Map(objectAt(world.payload, "dynamic_configs"))
  const layers = new Map(objectAt(world.payload, "layer_configs"))
  for (const [specs, share] of [
    [configs, 0.3],
    [layers, 0.2]
  ] as const) {
    for (const [name, spec] of specs) {
      if (!(spec instanceof Map) || !random.chance(share)) continue
      const copy = new Map(spec)
      if (random.chance(0.4)) copy.set("isActive", random.chance(0.7))
      if (random.chance(0.4)) copy.set("rules", random.shuffle(listAt(spec, "rules")))
      specs.set(name, copy)
    }
  }
  return {
    ...world,
    payload: new Map(world.payload)
      .set("time", startTime + round)
      .set("dynamic_configs", configs)
      .set("layer_configs", layers)
  }
}

/** Whether the result replaces a different sticky assignment. */
const isGivenUp = (name: string, { userPersistedValues }: { userPersistedValues: unknown }, answer: unknown): boolean =>
  Object.hasOwn(Object(userPersistedValues), name) &&
  (answer as { readonly details: { readonly reason: string } }).details.reason !== "Persisted"

const pause = (millis: number) => new Promise(resolve => setTimeout(resolve, millis))

/**
 * Until both storages have the same number of calls, or it is clear that they will not. Later calls appear as a
 * difference in the next round.
 */
const settled = async (recorders: ReadonlyArray<Recorder>): Promise<void> => {
  for (let looks = 0, alike = 0; looks < 100 && alike < 2; looks++) {
    await pause(2)
    alike = recorders[0]?.calls.length === recorders[1]?.calls.length ? alike + 1 : 0
  }
}

/** One check of a history, of an experiment or a layer, with the parameters read from a layer. */
interface Check {
  readonly kind: "experiment" | "layer"
  readonly name: string
  readonly user: number
  readonly parameters: ReadonlyArray<string>
  readonly options: {
    readonly disableExposureLogging: boolean
    readonly userPersistedValues: unknown
    readonly enforceOverrides: boolean
    readonly enforceTargeting: boolean
  }
}

/** The `time` of the first specs of a history. */
const startTime = 1_700_000_000_000

const timeOf = (answer: unknown): number =>
  (answer as { readonly details: { readonly lcut?: number } }).details.lcut ?? 0

const performCheck = (pair: Pair, check: Check): void => {
  const { kind, name, options, parameters, user } = check
  const answer = pair.compare(kind, check, ({ statsig, users }) => {
    const given = structuredClone(options) as never
    if (kind === "experiment") return shown(statsig.getExperiment(users[user]!, name, given))
    const layer = statsig.getLayer(users[user]!, name, given)
    return { ...shown(layer), reads: parameters.map(parameter => layer.getValue(parameter, null)) }
  })
  resultOf(pair, { kind, name, logged: true }, answer)
  if (isGivenUp(name, options, answer)) pair.count("given up")
  if (timeOf(answer) > startTime) pair.count("answer of changed specs")
}

const logManually = (pair: Pair, { kind, name, parameters, user }: Check): void => {
  pair.compare("manual exposure", [kind, name, user], ({ statsig, users }) =>
    kind === "experiment"
      ? statsig.manuallyLogExperimentExposure(users[user]!, name)
      : statsig.manuallyLogLayerParamExposure(users[user]!, name, parameters[0]!)
  )
}

/** Sends what was logged, and compares the events that arrived on either side. */
const compareLogged = async (pair: Pair, sessions: ReadonlyArray<Session>, locals: ReadonlyArray<Local>) => {
  const [expected = [], actual = []] = await Promise.all(
    sessions.map(async ({ statsig }, side) => {
      await statsig.flushEvents()
      return locals[side]?.events()
    })
  )
  const { compared, missing, unexpected } = compareEvents(expected, actual)
  if (missing.length + unexpected.length > 0) {
    pair.differences.push({ name: "events", what: "all", path: "", expected: missing, actual: unexpected })
  }
  for (const event of compared) {
    pair.count("event")
    if (isOfKeptAnswer(event)) pair.count("event of a kept answer")
  }
}

/** Eight names of experiments, most of them active: only active ones have sticky assignments. */
const someExperiments = (random: Random, world: World): ReadonlyArray<string> => {
  const all = random
    .shuffle(names(world, "dynamic_configs", "cmab_configs", "overrides"))
    .filter(name => !/^(shadow|probe|chain)/.test(name))
  const active = all.filter(name => {
    const spec = objectAt(world.payload, "dynamic_configs").get(name)
    return spec instanceof Map && spec.get("isActive") === true
  })
  return [...new Set([...active.slice(0, 6), ...all])].slice(0, 8)
}

/**
 * Users return with their sticky assignments while the specs and the overrides change: all results, all storage calls,
 * and finally all logged events are compared.
 */
export const stickyHistory = async (
  packages: Packages,
  seed: number,
  index: number,
  rounds: number
): Promise<History> => {
  const random = Random.of(seed, index + 2_000_000)
  const mode = random.pick<SamplingMode>(["none", "on", "shadow"])
  let world = changed(random, withSampling(withSpecialRules(random, makeWorld(seed, index)), mode, [], random), 0)
  // A few users, so that they return.
  const users = random.shuffle([...world.users.keys()]).slice(0, 6)
  const experiments = someExperiments(random, world)
  const layers = random.shuffle(names(world, "layer_configs", "overrides")).slice(0, 4)
  const others = userQuestions(world).filter(({ kind }) => kind === "gate" || kind === "checkGate" || kind === "store")
  const ids = overrideIDs(random, world)
  const recorders = [recorder(), recorder()] as const
  const exposureDedupeMaxKeys = random.pick([1, 5])
  const locals = [await startLocal(), await startLocal()] as const
  const kept: Kept = new Map()
  const dataStore = {
    initialize: async () => {},
    shutdown: async () => {},
    get: async () => ({ result: payloadText(world), time: 1 }),
    set: async () => {},
    supportPollingUpdatesFor: async () => false
  }
  const optionsOf = (side: 0 | 1): StatsigOptions => ({
    ...locals[side].urls,
    disableNetwork: false,
    dataStore,
    // Few, so that one result is logged again and again, live and sticky.
    exposureDedupeMaxKeys,
    persistentStorage: recorders[side].storage
  })

  const makeCheck = (session: Session): Check => {
    const user = random.pick(users)
    const kind = random.pick(["experiment", "experiment", "layer"] as const)
    return {
      kind,
      user,
      name: random.pick(kind === "layer" ? layers : experiments),
      parameters: random.times(2, () => random.pick(keptParameters)),
      options: {
        disableExposureLogging: random.chance(0.3),
        userPersistedValues: persistedValues(random, kept, session, user),
        enforceOverrides: random.chance(0.3),
        enforceTargeting: random.chance(0.3)
      }
    }
  }

  const playRound = async (pair: Pair, sessions: readonly [Session, Session]) => {
    const asked: Array<unknown> = []
    for (let call = 0; call < 8; call++) {
      if (random.chance(0.1)) {
        const question = { user: random.pick(users), ...random.pick(others) }
        asked.push(question)
        pair.compare(question.kind, question, session => session.ask(question.user, question))
        continue
      }
      const check = makeCheck(sessions[0])
      asked.push(check)
      if (random.chance(0.1)) logManually(pair, check)
      performCheck(pair, check)
    }
    await settled(recorders)
    pair.compare("storage", asked, (_, side) => inOrder(recorders[side].calls))
    for (const call of recorders[1].calls) {
      apply(kept, call)
      pair.count(call[0])
    }
    for (const { calls } of recorders) calls.length = 0
  }

  const key = `secret-history${seed}x${index}`
  try {
    return await inPair(packages, world, [optionsOf(0), optionsOf(1)], key, async (pair, sessions) => {
      for (let round = 1; round <= rounds; round++) {
        if (random.chance(0.1)) {
          world = changed(random, world, round)
          for (const session of sessions) await session.statsig.initialize()
          pair.count("specs changed")
        }
        if (random.chance(0.1)) override(pair, random, world, ids)
        await playRound(pair, sessions)
      }
      await compareLogged(pair, sessions, locals)
    })
  } finally {
    for (const local of locals) await local.close()
  }
}
