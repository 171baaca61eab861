/**
 * Compares client initialize responses of both packages in made-up worlds, for random users, options and overrides.
 */
import type { ClientInitResponseOptions } from "@statsig/statsig-node-core"
import { type HashAlgorithm, hashedName } from "../../../src/engine/nameHash.js"
import { type Entries, inlined, mapValues, type Response } from "./clientInitialize.js"
import { difference } from "./compare.js"
import { Random } from "./random.js"
import { isSafe } from "./safety.js"
import { open, type Sdk, type Session } from "./sdk.js"
import { object, objectAt, Raw, type Tree, type TreeObject, textAt } from "./tree.js"
import { operators } from "./values.js"
import { makeWorld, shadow, type World } from "./world.js"

/** One response that is asked for. */
export interface Ask {
  readonly userIndex: number
  readonly options: ClientInitResponseOptions | undefined
}

/** A world with what concerns responses alone, and what is asked of it. */
export interface ResponseWorld {
  readonly world: World
  readonly overrides: ReadonlyArray<readonly [method: string, ...input: ReadonlyArray<unknown>]>
  readonly asks: ReadonlyArray<Ask>
}

const asksPerWorld = 24

const clientKeys = ["client-a", "client-b", "client-number", "client-list", "client-none", "client-unknown", ""]
const apps: ReadonlyArray<Tree> = ["app", "App", "x", 7]

/** World `index` of the seed. */
export const makeResponseWorld = (seed: number, index: number): ResponseWorld => {
  const random = Random.of(seed ^ 0x5bd1e995, index)
  const made = makeWorld(seed, index)
  const payload = new Map(made.payload)
  for (const section of ["feature_gates", "dynamic_configs", "layer_configs", "cmab_configs", "param_stores"]) {
    if (!(payload.get(section) instanceof Map)) continue
    payload.set(section, new Map([...objectAt(payload, section)].flatMap(entry => retargeted(random, entry))))
  }
  // One circle makes every response blank. Whether a chain is too deep depends on where it is entered first.
  const isUnwanted = random.chance(0.9) ? /^(cycle|chain) / : /^chain /
  for (const name of [...objectAt(payload, "feature_gates").keys()]) {
    if (isUnwanted.test(name)) objectAt(payload, "feature_gates").delete(name)
  }
  // Without them the order of evaluation shows nowhere, and answers can be compared directly.
  if (random.chance(0.8)) for (const [section, specs] of withoutLeftovers(payload)) payload.set(section, specs)
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

/** World `index` of the seed, such that an answer is the same alone and as one of a response, and overrides for it. */
export const makeClientWorld = (seed: number, index: number): Omit<ResponseWorld, "asks"> => {
  const made = makeWorld(seed, index)
  const payload = new Map(made.payload)
  for (const section of ["feature_gates", "dynamic_configs"]) {
    const specs = [...objectAt(payload, section)].filter(([name]) => !/^(shadow|cycle|chain) /.test(name))
    payload.set(section, new Map(specs))
  }
  for (const [section, specs] of withoutLeftovers(payload)) payload.set(section, specs)
  const world = { ...made, payload }
  return { world, overrides: overridesFor(Random.of(seed, index + 3_000_000), world) }
}

/** With target apps that responses may be made for; without the copies of gates, which say nothing new here. */
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

/**
 * The payload without what nested gates leave behind in an evaluation: a group, flags, the rule id for a gate that does
 * not exist, the word that something is unsupported.
 */
const withoutLeftovers = (payload: TreeObject): TreeObject => {
  const gates = objectAt(payload, "feature_gates")
  const without = (tree: Tree, ...keys: ReadonlyArray<string>): Tree =>
    tree instanceof Map ? new Map([...tree].filter(([key]) => !keys.includes(key))) : tree
  const gate = (tree: Tree): Tree => {
    const spec = without(tree, "isActive", "hasSharedParams", "explicitParameters")
    const rules = spec instanceof Map ? spec.get("rules") : undefined
    if (!(spec instanceof Map) || !Array.isArray(rules)) return spec
    return new Map(spec).set(
      "rules",
      rules.map(rule => without(rule, "groupName", "configDelegate"))
    )
  }
  const condition = (tree: Tree): Tree => {
    if (!(tree instanceof Map)) return tree
    const type = tree.get("type")
    const isGate = type === "pass_gate" || type === "fail_gate"
    const target = tree.get("targetValue")
    const isKnown = isGate
      ? typeof target === "string" && gates.has(target)
      : operators.includes(String(tree.get("operator")))
    const isSupported = type !== "experiment_group" && type !== "weird_type" && (isKnown || type === "public")
    return isSupported ? tree : new Map(tree).set("type", "public")
  }
  const mapped = (section: string, change: (tree: Tree) => Tree): [string, TreeObject] => [
    section,
    new Map([...objectAt(payload, section)].map(([name, tree]) => [name, change(tree)]))
  ]
  return new Map([
    mapped("feature_gates", gate),
    mapped("dynamic_configs", tree => without(tree, "isActive")),
    mapped("condition_map", condition),
    ["overrides", object({})]
  ])
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

/** Only rates that leave nothing to chance. */
const addSessionReplay = (random: Random, payload: TreeObject): void => {
  if (random.chance(0.5)) return
  const maybe = <A extends Tree>(make: () => A): Tree | undefined =>
    random.chance(0.6) ? make() : random.chance(0.2) ? null : undefined
  const rate = () => random.pick<Tree>([1, -1, 2, new Raw("1.0")])
  const names = [...objectAt(payload, "feature_gates").keys()]
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
      targeting_gate: maybe(() => random.pick(names)),
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

/** For everyone or for one id. Of two ids of a user, chance would decide which counts. */
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
  if (random.chance(0.7)) options.responseFormat = random.below(3)
  if (random.chance(0.1)) options.previousResponseHash = random.pick(["", "0", "1"])
  return options
}

/** What was compared. */
export interface ResponseComparison {
  readonly responses: number
  readonly entries: number
  /** Entries in which the official package lets what it evaluated before show. */
  readonly entriesByOrder: number
  readonly differences: ReadonlyArray<ResponseDifference>
}

/** One place at which responses differ. */
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

/** Asks both packages everything about a world. */
export const compareResponses = async (
  packages: { readonly expected: Sdk; readonly actual: Sdk },
  { asks, overrides, world }: ResponseWorld,
  index: number
): Promise<ResponseComparison> => {
  const [expected, actual] = [
    await openOverridden(packages.expected, { world, overrides }),
    await openOverridden(packages.actual, { world, overrides })
  ]
  const alone = new Map<string, Session>()
  const differences: Array<ResponseDifference> = []
  let entries = 0
  let entriesByOrder = 0
  /** Whether the official package gives this entry when it is asked for no other. */
  const isExplained = async (only: Only, section: (typeof sections)[number], key: string, entry: unknown) => {
    const unfilterable = only.names.filter(name => !isFilterable(objectAt(world.payload, section).get(name)))
    // A bandit of the same name is evaluated after the config, unless it is not delivered.
    for (const isBandit of [false, true]) {
      const variant = JSON.stringify([unfilterable, isBandit])
      const session =
        alone.get(variant) ??
        (await openOverridden(packages.expected, { world: withoutOthers(world, unfilterable, isBandit), overrides }))
      alone.set(variant, session)
      const response = tidy(responseOf(session, only.ask), only.ask, world)
      if (difference(response[section][key], entry) === undefined) return true
    }
    return false
  }
  for (const ask of asks) {
    const [wanted, given] = fixed(responseOf(expected, ask), responseOf(actual, ask), ask, world, expected)
    const differ = (path: string, one: unknown, other: unknown) =>
      void differences.push({ index, ask, path, expected: one, actual: other })
    const rest = difference(withoutEntries(wanted), withoutEntries(given))
    if (rest !== undefined) differ(rest, withoutEntries(wanted), withoutEntries(given))
    for (const section of sections) {
      const names = new Set([...Object.keys(wanted[section]), ...Object.keys(given[section])])
      for (const name of names) {
        entries++
        const [one, other] = [wanted[section][name], given[section][name]]
        if (difference(one, other) === undefined) continue
        // What a nested gate leaves behind in an evaluation depends on whether it was nested in one before, and the official
        // package goes through the specs in an order of its own. Here each entry is what its spec alone gives.
        const only = onlyFor(ask, world, section, name)
        if (await isExplained(only, section, name, other)) entriesByOrder++
        else differ(`.${section}.${name}`, one, other)
      }
    }
  }
  for (const session of [expected, actual, ...alone.values()]) await session.close()
  return { responses: asks.length, entries, entriesByOrder, differences }
}

const mapOf = {
  feature_gates: ["feature_gates"],
  dynamic_configs: ["dynamic_configs", "cmab_configs"],
  layer_configs: ["layer_configs"]
}

const isFilterable = (spec: Tree | undefined): boolean =>
  !(spec instanceof Map) || /^(feature_gate|dynamic_config|experiment|layer)$/.test(textAt(spec, "entity") ?? "")

/**
 * The world with nothing in responses that filters do not reach, but for these specs. The others still answer where they
 * are nested.
 */
const withoutOthers = (world: World, kept: ReadonlyArray<string>, isBandit: boolean): World => {
  const bandits = objectAt(world.payload, "cmab_configs")
  const stays = (name: string, spec: Tree) =>
    !(spec instanceof Map) || ((isFilterable(spec) || kept.includes(name)) && !(isBandit && bandits.has(name)))
  const payload = new Map(world.payload)
  payload.delete("session_replay_info")
  for (const section of sections) {
    const specs = [...objectAt(payload, section)].map(
      ([name, spec]) => [name, stays(name, spec) ? spec : new Map(spec as TreeObject).set("entity", "segment")] as const
    )
    if (payload.get(section) instanceof Map) payload.set(section, new Map(specs))
  }
  return { ...world, payload }
}

/** What asks for one entry, and the names that it may have. */
interface Only {
  readonly ask: Ask
  readonly names: ReadonlyArray<string>
}

const onlyFor = (ask: Ask, world: World, section: (typeof sections)[number], key: string): Only => {
  const algorithm = algorithmOf(ask.options?.hashAlgorithm)
  const names = mapOf[section].flatMap(map => namesOf(world, map))
  const only = new Set(names.filter(name => hashedName(algorithm, name) === key))
  const within = (map: (typeof sections)[number], filter: ReadonlySet<string> | undefined) =>
    new Set(map === section ? [...only].filter(name => filter === undefined || filter.has(name)) : [])
  const options = {
    ...ask.options,
    featureGateFilter: within("feature_gates", ask.options?.featureGateFilter),
    dynamicConfigFilter: within("dynamic_configs", ask.options?.dynamicConfigFilter),
    experimentFilter: within("dynamic_configs", ask.options?.experimentFilter),
    layerFilter: within("layer_configs", ask.options?.layerFilter)
  }
  return { ask: { ...ask, options }, names: [...only] }
}

const responseOf = ({ statsig, users }: Session, { options, userIndex }: Ask): Response => {
  const text = statsig.getClientInitializeResponse(users[userIndex] as (typeof users)[number], options)
  // Zero has no sign here.
  const response: Response = JSON.parse(text, (_, value) => (value === 0 ? 0 : value))
  const compared = inlined(masked(response))
  return options?.responseFormat === 2 ? withoutLiterals(compared) : compared
}

/** Without what is each package's own. That it is there counts. */
const masked = (response: Response): Response => ({
  ...response,
  ...("full_checksum" in response ? { full_checksum: typeof response["full_checksum"] } : {}),
  sdkInfo: Object.keys(response["sdkInfo"] as object).sort()
})

const withoutEntries = (response: Response): object =>
  Object.fromEntries(Object.entries(response).filter(([key]) => !sections.includes(key as "feature_gates")))

/** Both responses without what are faults of the official one. */
const fixed = (
  expected: Response,
  actual: Response,
  { options, userIndex }: Ask,
  world: World,
  session: Session
): readonly [Response, Response] => {
  if (options?.responseFormat === 2) return [tidy(expected, { options, userIndex }, world), actual]
  if (options?.responseFormat === 1) return [expected, actual]
  // The first format lets the spec before it change what the targeting gate says.
  const { can_record_session, passes_session_recording_targeting } = responseOf(session, {
    userIndex,
    options: { ...options, responseFormat: 1 }
  })
  return passes_session_recording_targeting === undefined
    ? [expected, actual]
    : [{ ...expected, can_record_session, passes_session_recording_targeting }, actual]
}

const tidy = (response: Response, { options }: Ask, world: World): Response =>
  options?.responseFormat === 2 ? withTidyBandits(response, options.hashAlgorithm, world) : response

/** In the shortest format the exposures of bandits are neither hashed nor tidied. */
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

/** In the shortest format `true`, `false` and `null` share an id, so that one is delivered as another. */
const withoutLiterals = (response: Response): Response => {
  const entries = (map: Entries) =>
    mapValues(map, entry => ("v" in entry && Object(entry["v"]) !== entry["v"] ? { ...entry, v: "literal" } : entry))
  return {
    ...response,
    dynamic_configs: entries(response.dynamic_configs),
    layer_configs: entries(response.layer_configs)
  }
}

const algorithmOf = (word = "djb2"): HashAlgorithm =>
  word === "none" ? "none" : /^sha256$/i.test(word) ? "sha256" : "djb2"
