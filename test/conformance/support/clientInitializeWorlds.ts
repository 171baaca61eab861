/**
 * Compares client initialize responses of both packages in generated worlds, for random users, options and overrides.
 */
import type { ClientInitResponseOptions } from "@statsig/statsig-node-core"
import { type HashAlgorithm, hashedName } from "../../../src/engine/hashing/nameHash.js"
import { type Entries, type Entry, inlined, listsTwice, mapValues, type Response } from "./clientInitialize.js"
import { difference } from "./compare.js"
import { Random } from "./random.js"
import { isSafe } from "./safety.js"
import { open, type Sdk, type Session } from "./sdk.js"
import { listAt, object, objectAt, Raw, type Tree, type TreeObject, textAt } from "./tree.js"
import { operators } from "./values.js"
import { makeWorld, shadow, type World } from "./world.js"

/** One response to request. */
export interface Ask {
  readonly userIndex: number
  readonly options: ClientInitResponseOptions | undefined
}

/** A world with the parts that only responses use, and the responses to request. */
export interface ResponseWorld {
  readonly world: World
  readonly overrides: ReadonlyArray<readonly [method: string, ...input: ReadonlyArray<unknown>]>
  readonly asks: ReadonlyArray<Ask>
}

const asksPerWorld = 24

const clientKeys = ["client-a", "client-b", "client-number", "client-list", "client-none", "client-unknown", ""]
const apps: ReadonlyArray<Tree> = ["app", "App", "x", 7]
const allApps = ["app", "App", "x", "7", '["app"]', "true", '{"a":1}', "7.0", "1000.0"]

/** World `index` of the seed. */
export const makeResponseWorld = (seed: number, index: number): ResponseWorld => {
  const random = Random.of(seed ^ 0x5bd1e995, index)
  const made = makeWorld(seed, index)
  const payload = new Map(made.payload)
  for (const section of ["feature_gates", "dynamic_configs", "layer_configs", "cmab_configs", "param_stores"]) {
    if (!(payload.get(section) instanceof Map)) continue
    payload.set(section, new Map([...objectAt(payload, section)].flatMap(entry => retargeted(random, entry))))
  }
  // A cycle, or a chain that is too deep, makes a response blank.
  if (random.chance(0.9)) {
    const gates = objectAt(payload, "feature_gates")
    for (const name of [...gates.keys()]) if (/^(cycle|chain) /.test(name)) gates.delete(name)
  }
  withOneTarget(random, payload)
  addClientKeys(random, payload)
  addSessionReplay(random, payload)
  const world: World = { ...made, payload }
  if (!isSafe(world)) throw new Error(`world ${index} of seed ${seed} would abort the official package`)
  return {
    world,
    overrides: random.chance(0.6) ? overridesFor(random, world) : [],
    asks: random.times(asksPerWorld, () => ({
      userIndex: random.below(world.users.length),
      options: random.chance(0.05) ? undefined : optionsFor(random, world)
    }))
  }
}

/** World `index` of the seed, such that a result is the same alone and in a response, with overrides for it. */
export const makeClientWorld = (seed: number, index: number): Omit<ResponseWorld, "asks"> => {
  const made = makeWorld(seed, index)
  // A client that has no names recognizes none.
  if (made.isRefused) return makeClientWorld(seed + 1, index)
  const payload = new Map(made.payload)
  for (const section of ["feature_gates", "dynamic_configs"]) {
    // An invalid gate is a missing one, for which a single result has a different rule ID than a response.
    const specs = [...objectAt(payload, section)].filter(
      ([name]) => !/^(shadow|cycle|chain) /.test(name) && made.spoilt?.has(name) !== true
    )
    payload.set(section, new Map(specs))
  }
  for (const [section, specs] of withoutLeftovers(payload)) payload.set(section, specs)
  const world = { ...made, payload }
  return { world, overrides: overridesFor(Random.of(seed, index + 3_000_000), world) }
}

/**
 * The official package evaluates bandits in random order. So only one of them nests a gate, or the order would show.
 */
const withOneTarget = (random: Random, payload: TreeObject): void => {
  const bandits = objectAt(payload, "cmab_configs")
  if (bandits.size === 0) return
  const kept = random.pick([...bandits.keys()])
  for (const [name, bandit] of bandits) if (name !== kept) bandits.set(name, without(bandit, "targetingGateName"))
}

/** With target apps that responses may use; without the copies of gates, which add nothing here. */
const retargeted = (random: Random, [name, spec]: readonly [string, Tree]): ReadonlyArray<readonly [string, Tree]> => {
  if (name.startsWith(shadow)) return []
  if (!(spec instanceof Map)) return [[name, spec]]
  const targets = random.chance(0.5)
    ? random.shuffle(["app", "App", "7", '["app"]', "y"]).slice(0, random.below(4))
    : undefined
  const copy = new Map(spec)
  if (targets === undefined) copy.delete("targetAppIDs")
  else copy.set("targetAppIDs", targets)
  return [[name, copy]]
}

/** The payload without what nested gates leave behind in an evaluation: a group, flags. */
const withoutLeftovers = (payload: TreeObject): TreeObject => {
  const supported = withSupported(payload)
  return new Map([
    ...supported,
    mapped(supported, "feature_gates", tree =>
      withRules(without(tree, "isActive", "hasSharedParams", "explicitParameters"), rule =>
        without(rule, "groupName", "configDelegate")
      )
    ),
    mapped(supported, "dynamic_configs", tree => without(tree, "isActive")),
    ["overrides", object({})]
  ])
}

/** The payload without conditions that are unsupported or nest a missing gate. */
const withSupported = (payload: TreeObject): TreeObject => {
  const conditions = objectAt(payload, "condition_map")
  return new Map([
    ...payload,
    mapped(payload, "condition_map", condition =>
      isKnownGate(payload, condition) && isSupported(condition) ? condition : withType(condition, "public")
    ),
    ...sections.map(section =>
      mapped(payload, section, tree =>
        withRules(tree, rule => withConditions(rule, keys => keys.filter(key => conditions.has(String(key)))))
      )
    )
  ])
}

const isGateType = (type: Tree | undefined) => type === "pass_gate" || type === "fail_gate"

/** Whether a condition does not nest a missing gate. */
const isKnownGate = (payload: TreeObject, condition: Tree): boolean => {
  if (!(condition instanceof Map) || !isGateType(condition.get("type"))) return true
  const target = condition.get("targetValue")
  return typeof target === "string" && objectAt(payload, "feature_gates").has(target)
}

const isSupported = (condition: Tree): boolean => {
  if (!(condition instanceof Map)) return false
  const type = condition.get("type")
  if (type === "experiment_group" || type === "weird_type") return false
  return type === "public" || isGateType(type) || operators.includes(String(condition.get("operator")))
}

const mapped = (payload: TreeObject, section: string, change: (tree: Tree) => Tree): [string, TreeObject] => [
  section,
  new Map([...objectAt(payload, section)].map(([name, tree]) => [name, change(tree)]))
]

const without = (tree: Tree, ...keys: ReadonlyArray<string>): Tree =>
  tree instanceof Map ? new Map([...tree].filter(([key]) => !keys.includes(key))) : tree

const withType = (tree: Tree, type: string): Tree => (tree instanceof Map ? new Map(tree).set("type", type) : tree)

const withConditions = (rule: Tree, change: (keys: ReadonlyArray<Tree>) => ReadonlyArray<Tree>): Tree =>
  rule instanceof Map ? new Map(rule).set("conditions", change(listAt(rule, "conditions"))) : rule

const withRules = (tree: Tree, change: (rule: Tree) => Tree): Tree => {
  const rules = tree instanceof Map ? tree.get("rules") : undefined
  return tree instanceof Map && Array.isArray(rules) ? new Map(tree).set("rules", rules.map(change)) : tree
}

const addClientKeys = (random: Random, payload: TreeObject): void => {
  const ids = (): TreeObject =>
    object({
      "client-a": random.pick(apps),
      "client-b": random.pick(apps),
      "client-number": 7,
      "client-list": random.pick<Tree>([["app"], true, object({ a: 1 }), new Raw("7.0"), new Raw("1e3")]),
      "client-none": null
    })
  if (random.chance(0.6)) payload.set("sdk_keys_to_app_ids", random.chance(0.1) ? object({}) : ids())
  if (random.chance(0.2)) {
    payload.set("hashed_sdk_keys_to_app_ids", new Map([...ids()].map(([key, app]) => [djb2(key), app])))
  }
}

const djb2 = (text: string): string =>
  String([...text].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 0))

/** Only rates whose result is not random. */
const addSessionReplay = (random: Random, payload: TreeObject): void => {
  if (random.chance(0.5)) return
  const maybe = <A extends Tree>(make: () => A): Tree | undefined =>
    random.chance(0.6) ? make() : random.chance(0.2) ? null : undefined
  const rate = () => random.pick<Tree>([1, -1, 2, new Raw("1.0")])
  const names = [...objectAt(payload, "feature_gates").keys()]
  const circular = names.filter(name => name.startsWith("cycle "))
  const targets = circular.length > 0 && random.chance(0.5) ? circular : names
  const triggers = () =>
    new Map(
      random.times(random.below(4), () => [
        random.pick([...names, "nobody", "😀"]),
        object({
          sampling_rate: maybe(rate),
          values: maybe(() => random.times(random.below(3), () => random.pick(["true", "false", "9.99", ""]))),
          passes_sampling: maybe(() => true)
        })
      ])
    )
  const elements = () => random.times(random.below(3), () => random.pick([".ok", "#secret", ""]))
  payload.set(
    "session_replay_info",
    object({
      sampling_rate: maybe(rate),
      // Nothing sorts before the empty name, so the order of the short formats could not be reproduced in name order.
      targeting_gate: names.includes("") ? undefined : maybe(() => random.pick(targets)),
      recording_blocked: maybe(() => random.chance(0.3)),
      session_recording_event_triggers: maybe(triggers),
      session_recording_exposure_triggers: maybe(triggers),
      session_recording_privacy_settings: maybe(() =>
        object({
          privacy_mode: random.pick(["min", "input", ""]),
          unmasked_elements: maybe(elements),
          masked_elements: maybe(elements),
          blocked_elements: maybe(elements)
        })
      )
    })
  )
}

const namesOf = (world: World, section: string): ReadonlyArray<string> => [
  ...objectAt(world.payload, section).keys(),
  "nobody"
]

/** For everyone or for one ID. Of two IDs of a user, the choice would be random. */
const overridesFor = (random: Random, world: World): ResponseWorld["overrides"] => {
  const someone = random.pick(["u1", "u2", "vip", "42"])
  return random.times(random.below(10), () => {
    const id = random.chance(0.5) ? someone : undefined
    const value = random.pick([{}, { color: "override" }, { size: 1, nested: { a: [null] } }])
    const config = random.pick(namesOf(world, random.chance(0.8) ? "dynamic_configs" : "cmab_configs"))
    switch (random.below(5)) {
      case 0:
        return ["overrideGate", random.pick(namesOf(world, "feature_gates")), random.chance(0.5), id]
      case 1:
        return ["overrideDynamicConfig", config, value, id]
      case 2:
        return ["overrideExperiment", config, value, id]
      case 3:
        return ["overrideExperimentByGroupName", config, random.pick(["Control", "Test", "nobody", ""]), id]
      default:
        return ["overrideLayer", random.pick(namesOf(world, "layer_configs")), value, id]
    }
  })
}

const optionsFor = (random: Random, world: World): ClientInitResponseOptions => {
  const options: ClientInitResponseOptions = {}
  const filter = (section: string) => {
    const names = namesOf(world, section)
    return new Set(random.shuffle(names).slice(0, random.below(names.length)))
  }
  if (random.chance(0.8)) options.hashAlgorithm = random.pick(["none", "none", "djb2", "sha256", "SHA256", "dJb2", ""])
  if (random.chance(0.4)) options.clientSdkKey = random.pick(clientKeys)
  if (random.chance(0.5)) options.includeLocalOverrides = random.chance(0.8)
  if (random.chance(0.15)) options.featureGateFilter = filter("feature_gates")
  if (random.chance(0.15)) options.experimentFilter = filter("dynamic_configs")
  if (random.chance(0.15)) options.dynamicConfigFilter = filter("dynamic_configs")
  if (random.chance(0.15)) options.layerFilter = filter("layer_configs")
  if (random.chance(0.15)) options.paramStoreFilter = filter("param_stores")
  if (random.chance(0.3)) options.removeIdType = random.chance(0.8)
  if (random.chance(0.3)) options.removeDefaultValueGates = random.chance(0.8)
  if (random.chance(0.6)) options.responseFormat = random.below(3)
  if (random.chance(0.5)) options.previousResponseHash = random.pick(["", "0", "1"])
  return options
}

/** What was compared. */
export interface ResponseComparison {
  readonly responses: number
  readonly entries: number
  /** Entries of responses that the official package evaluates in name order. */
  readonly orderedEntries: number
  /** Other entries that differ from the official ones, but equal those in name order. */
  readonly entriesByOrder: number
  readonly differences: ReadonlyArray<ResponseDifference>
}

/** One place where responses differ. */
export interface ResponseDifference {
  readonly index: number
  readonly ask: Ask
  readonly path: string
  readonly expected: unknown
  readonly actual: unknown
}

const sections = ["feature_gates", "dynamic_configs", "layer_configs"] as const

/** Starts an instance on the world and sets its overrides. */
export const openOverridden = async (
  sdk: Sdk,
  { overrides, world }: Pick<ResponseWorld, "overrides" | "world">
): Promise<Session> => {
  const session = await open(sdk, world)
  const methods = session.statsig as unknown as Record<string, (...input: ReadonlyArray<unknown>) => void>
  for (const [method, ...input] of overrides) methods[method]?.(...input)
  return session
}

/** Requests everything about a world from both packages. */
export const compareResponses = async (
  packages: { readonly expected: Sdk; readonly actual: Sdk },
  { asks, overrides, world }: ResponseWorld,
  index: number
): Promise<ResponseComparison> => {
  const expected = await openOverridden(packages.expected, { world, overrides })
  const actual = await openOverridden(packages.actual, { world, overrides })
  const replayFirst = await openOverridden(packages.expected, withReplayFirst({ world, overrides }))
  const differences: Array<ResponseDifference> = []
  const counts = { entries: 0, orderedEntries: 0, entriesByOrder: 0 }
  for (const ask of asks) {
    const isOrdered = isLong(ask) && ask.options?.previousResponseHash !== undefined
    const given = responseOf(actual, ask)
    const ordered = inNameOrder(isLong(ask) ? expected : replayFirst, ask)
    const official = tidy(responseOf(expected, ask), ask, world)
    // Whether a chain of gates is too deep may depend on the order.
    const isBlankByOrder = !isOrdered && official["has_updates"] !== given["has_updates"]
    const wanted = isBlankByOrder ? ordered : official
    const differ = (path: string, one: unknown, other: unknown) =>
      void differences.push({ index, ask, path, expected: one, actual: other })
    const [one, other] = [wanted, given].map(response =>
      isBlankByOrder ? isBlank(response) : withoutEntries(response)
    )
    if (listsTwice(rawResponseOf(actual, ask))) differ(".values", "each once", "some twice")
    const rest = difference(one, other)
    if (rest !== undefined && !hasCleanReplay(expected, ask, one, other)) differ(rest, one, other)
    for (const section of sections) {
      const names = new Set([...Object.keys(wanted[section]), ...Object.keys(given[section])])
      for (const name of names) {
        counts.entries++
        if (isOrdered) counts.orderedEntries++
        const [one, other] = [wanted[section][name], given[section][name]]
        if (!isBlankByOrder && difference(one, other) === undefined) continue
        const isByOrder = !isOrdered && difference(ordered[section][name], other && leveled(other, ask)) === undefined
        if (isByOrder) counts.entriesByOrder++
        else differ(`.${section}.${name}`, one, other)
      }
    }
  }
  for (const session of [expected, actual, replayFirst]) await session.close()
  return { responses: asks.length, ...counts, differences }
}

/** Whether the response has full entries, so that the official package uses `previousResponseHash`. */
const isLong = ({ options }: Ask): boolean => (options?.responseFormat ?? 0) === 0

const isBlank = (response: Response): boolean => response["has_updates"] === false

/** First in name order, except for the empty name. */
const firstName = "\u0001"

/**
 * The same, with a second copy of the gate that session replay targets, under the first of all names. In the short
 * formats the official package evaluates it before all entries.
 */
const withReplayFirst = ({ overrides, world }: Pick<ResponseWorld, "overrides" | "world">) => {
  const { payload } = world
  const target = textAt(objectAt(payload, "session_replay_info"), "targeting_gate")
  const gate = target === undefined ? undefined : objectAt(payload, "feature_gates").get(target)
  if (target === undefined || !(gate instanceof Map)) return { overrides, world }
  const copied = (section: string, change: (tree: Tree) => Tree = tree => tree): [string, TreeObject][] => {
    const trees = objectAt(payload, section)
    const tree = trees.get(target)
    return tree === undefined ? [] : [[section, new Map([...trees, [firstName, change(tree)]])]]
  }
  const delivered = (tree: Tree) => new Map(tree as TreeObject).set("entity", "unfiltered").set("targetAppIDs", allApps)
  const changed = new Map([...payload, ...copied("feature_gates", delivered), ...copied("overrides")])
  return {
    overrides: overrides.flatMap(([method, name, ...input]) =>
      method === "overrideGate" && name === target
        ? [[method, name, ...input] as const, [method, firstName, ...input] as const]
        : [[method, name, ...input] as const]
    ),
    world: { ...world, payload: changed }
  }
}

/** The official package's response in name order, in the format of the ask. */
const inNameOrder = (session: Session, ask: Ask): Response => {
  const options = { ...ask.options, responseFormat: 0, previousResponseHash: "" }
  const { full_checksum: _, ...response } = responseOf(session, { ...ask, options })
  const { [hashOf(ask, firstName)]: __, ...gates } = response.feature_gates
  const entries = (map: Entries) => mapValues(map, entry => leveled(entry, ask))
  return {
    ...response,
    feature_gates: entries(gates),
    dynamic_configs: entries(response.dynamic_configs),
    layer_configs: entries(response.layer_configs)
  }
}

/** An entry with only what all formats have, under one name for each member. */
const leveled = (entry: Entry, { options }: Ask): Entry => {
  switch (options?.responseFormat ?? 0) {
    case 0:
      return entry
    case 1: {
      const { parameter_rule_ids: _, ...rest } = entry
      return rest
    }
    default: {
      // Only the full format has the explicit parameters of experiments.
      const { explicit_parameters: ep, ...rest } = entry
      const isLayer = "undelegated_secondary_exposures" in entry
      const named = Object.entries(isLayer ? { ...rest, ep } : rest).map(
        ([key, value]) => [shortNames.get(key) ?? key, value] as const
      )
      const members = named.filter(([key, value]) => !isLeftOut(key, value))
      const short = Object.fromEntries(members.filter(([key]) => key.length <= 2))
      // A gate's value is present where it is true.
      const isConfig = "is_device_based" in entry
      return isConfig && Object(short["v"]) !== short["v"] ? { ...short, v: "literal" } : short
    }
  }
}

const shortNames = new Map([
  ["rule_id", "r"],
  ["secondary_exposures", "s"],
  ["id_type", "i"],
  ["value", "v"],
  ["passed", "p"],
  ["group_name", "gn"],
  ["is_experiment_active", "ea"],
  ["is_user_in_experiment", "ue"],
  ["allocated_experiment_name", "ae"],
  ["undelegated_secondary_exposures", "us"]
])

/** What the shortest format omits, or what the others have instead. */
const isLeftOut = (key: string, value: unknown): boolean =>
  (key === "r" && value === "default") ||
  (key === "i" && value === "") ||
  (key === "v" && value === false) ||
  (Array.isArray(value) && value.length === 0)

const rawResponseOf = ({ statsig, users }: Session, { options, userIndex }: Ask): Response => {
  const text = statsig.getClientInitializeResponse(users[userIndex] as (typeof users)[number], options)
  // Zero has no sign here.
  return JSON.parse(text, (_, value) => (value === 0 ? 0 : value))
}

const responseOf = (session: Session, { options, userIndex }: Ask): Response => {
  const compared = inlined(masked(rawResponseOf(session, { options, userIndex })))
  return options?.responseFormat === 2 ? withoutLiterals(compared) : compared
}

/** Without values that differ between the packages. Their presence is compared. */
const masked = (response: Response): Response => ({
  ...response,
  ...("full_checksum" in response ? { full_checksum: typeof response["full_checksum"] } : {}),
  sdkInfo: Object.keys(response["sdkInfo"] as object).sort()
})

const withoutEntries = (response: Response): object =>
  Object.fromEntries(Object.entries(response).filter(([key]) => !sections.includes(key as "feature_gates")))

/** Whether the responses differ only in what earlier specs left of the targeting gate in the first format. */
const hasCleanReplay = (session: Session, ask: Ask, expected: unknown, actual: unknown): boolean => {
  if (!isLong(ask)) return false
  const clean = withoutEntries(responseOf(session, { ...ask, options: { ...ask.options, responseFormat: 1 } }))
  const { can_record_session, passes_session_recording_targeting } = clean as Record<string, unknown>
  const fixed = { ...(expected as object), can_record_session, passes_session_recording_targeting }
  return passes_session_recording_targeting !== undefined && difference(fixed, actual) === undefined
}

const tidy = (response: Response, { options }: Ask, world: World): Response =>
  options?.responseFormat === 2 ? withTidyBandits(response, options.hashAlgorithm, world) : response

/** In the shortest format the exposures of bandits are neither hashed nor deduplicated. */
const withTidyBandits = (response: Response, algorithm: string | undefined, world: World): Response => {
  const hash = (name: string) => hashedName(algorithmOf(algorithm), name)
  const bandits = new Set([...objectAt(world.payload, "cmab_configs").keys()].map(hash))
  const targets = [...objectAt(world.payload, "cmab_configs").values()].map(bandit =>
    bandit instanceof Map ? textAt(bandit, "targetingGateName") : undefined
  )
  const nested = [...objectAt(world.payload, "condition_map").values()].map(condition =>
    condition instanceof Map && /_gate$/.test(textAt(condition, "type") ?? "") ? textAt(condition, "targetValue") : ""
  )
  const plainNames = new Set([...targets, ...nested])
  const tidy = (exposures: ReadonlyArray<{ readonly gate: string }>) => {
    const hashed = exposures.map(({ gate, ...rest }) => ({ gate: plainNames.has(gate) ? hash(gate) : gate, ...rest }))
    return [...new Map(hashed.map(exposure => [JSON.stringify(exposure), exposure])).values()]
  }
  return {
    ...response,
    dynamic_configs: mapValues(response.dynamic_configs, (entry, name) =>
      bandits.has(name) && Array.isArray(entry["s"]) ? { ...entry, s: tidy(entry["s"]) } : entry
    )
  }
}

/** In the shortest format `true`, `false` and `null` share an ID, so that one is delivered as another. */
const withoutLiterals = (response: Response): Response => {
  const entries = (map: Entries) =>
    mapValues(map, entry => ("v" in entry && Object(entry["v"]) !== entry["v"] ? { ...entry, v: "literal" } : entry))
  return {
    ...response,
    dynamic_configs: entries(response.dynamic_configs),
    layer_configs: entries(response.layer_configs)
  }
}

const hashOf = ({ options }: Ask, name: string): string => hashedName(algorithmOf(options?.hashAlgorithm), name)

const algorithmOf = (word = "djb2"): HashAlgorithm =>
  word === "none" ? "none" : /^sha256$/i.test(word) ? "sha256" : "djb2"
