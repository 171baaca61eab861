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
import { listAt, object, objectAt, Raw, type Tree, type TreeObject, textAt } from "./tree.js"
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
    // Other specs ask them like gates that do not exist.
    if (isUnwanted.test(name) || made.spoilt?.has(name)) objectAt(payload, "feature_gates").delete(name)
  }
  // With all leftovers, more depends on the order of evaluation than can be compared.
  const tidied = random.pick([withoutLeftovers, withSupported, withSupported, withSupportedGates])(payload)
  for (const [section, specs] of tidied) payload.set(section, specs)
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

/** The payload without conditions that are unsupported or ask a gate that does not exist. */
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

/** The same, but that there is an unsupported condition where nothing is evaluated afterwards. */
const withSupportedGates = (payload: TreeObject): TreeObject => {
  const conditions = objectAt(payload, "condition_map")
  const isUnsupported = (key: Tree) => !isSupported(conditions.get(String(key)) ?? null)
  const cut = (rule: Tree): Tree =>
    withConditions(rule, keys => keys.filter((_, index) => !keys.slice(0, index).some(isUnsupported)))
  return new Map([
    ...payload,
    mapped(payload, "condition_map", condition =>
      isKnownGate(payload, condition) ? condition : withType(condition, "public")
    ),
    mapped(payload, "feature_gates", tree =>
      withRules(tree, rule =>
        without(
          withConditions(rule, keys => keys.filter(key => !isUnsupported(key))),
          "configDelegate"
        )
      )
    ),
    mapped(payload, "dynamic_configs", tree => withRules(tree, cut)),
    mapped(payload, "layer_configs", tree => withRules(without(tree, "useNewLayerEval"), cut))
  ])
}

const isGateType = (type: Tree | undefined) => type === "pass_gate" || type === "fail_gate"

/** Whether a condition does not ask a gate that does not exist. */
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
type Section = (typeof sections)[number]

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
  /** Whether the official package gives this entry when it is asked for no other of the same part. */
  const isExplained = async (ask: Ask, section: Section, key: string, entry: unknown) => {
    for (const { filters, payload, variant } of aloneIn(ask, world, section, key)) {
      const session =
        alone.get(variant) ?? (await openOverridden(packages.expected, { world: { ...world, payload }, overrides }))
      alone.set(variant, session)
      const only = { ...ask, options: { ...ask.options, ...filters } }
      if (difference(tidy(responseOf(session, only), only, world)[section][key], entry) === undefined) return true
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
        // package goes through the specs of one part in an order of its own.
        if (await isExplained(ask, section, name, other)) entriesByOrder++
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

/** A response with one entry in its part: filters of options, and a payload where filters do not reach. */
interface Alone {
  readonly filters: ClientInitResponseOptions
  readonly payload: TreeObject
  /** Stands for the payload. */
  readonly variant: string
}

/** Ways to ask for one entry of a part, behind the same parts before. Others still answer where they are nested. */
const aloneIn = (ask: Ask, world: World, section: Section, key: string): ReadonlyArray<Alone> => {
  const algorithm = algorithmOf(ask.options?.hashAlgorithm)
  const names = mapOf[section].flatMap(map => namesOf(world, map)).filter(name => hashedName(algorithm, name) === key)
  const only = (filter: ReadonlySet<string> | undefined) =>
    new Set(names.filter(name => filter === undefined || filter.has(name)))
  const others = (map: string, change: (spec: TreeObject) => ReadonlyArray<Tree>) =>
    new Map(
      [...objectAt(world.payload, map)].flatMap(([name, spec]) =>
        names.includes(name) || !(spec instanceof Map)
          ? [[name, spec] as const]
          : change(spec).map(to => [name, to] as const)
      )
    )
  const unseen = (spec: TreeObject) => [isFilterable(spec) ? spec : new Map(spec).set("entity", "segment")]
  const { dynamicConfigFilter, experimentFilter, featureGateFilter, layerFilter } = ask.options ?? {}
  const variant = JSON.stringify([section, names])
  switch (section) {
    case "feature_gates":
      return [
        {
          filters: { featureGateFilter: only(featureGateFilter) },
          payload: new Map(world.payload).set(section, others(section, unseen)),
          variant
        }
      ]
    case "dynamic_configs": {
      const config = {
        filters: { dynamicConfigFilter: only(dynamicConfigFilter), experimentFilter: only(experimentFilter) },
        payload: new Map(world.payload).set(section, others(section, unseen)),
        variant
      }
      if (!names.some(name => objectAt(world.payload, "cmab_configs").has(name))) return [config]
      const bandits = others("cmab_configs", () => [])
      return [
        config,
        { filters: {}, payload: new Map(world.payload).set("cmab_configs", bandits), variant: `bandit ${variant}` }
      ]
    }
    case "layer_configs":
      return [{ filters: { layerFilter: only(layerFilter) }, payload: world.payload, variant: "" }]
  }
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
