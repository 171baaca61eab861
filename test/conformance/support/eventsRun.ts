/**
 * The same calls on the official package and on this one, each with a separate local Statsig, and the events that
 * arrive at both.
 *
 * Dedupe windows and batches begin and end at different times on each side. So a world takes only seconds, far less
 * than a window, and the counters of unlogged checks, which each batch has, are added up.
 */
import official from "@statsig/statsig-node-core"
import { Context, Effect, Layer, Logger, ManagedRuntime } from "effect"
import { decompress } from "fzstd"
import { layer as layerLocalStatsig } from "../../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../../layers/LocalStatsig.js"
import * as ourPackage from "../../../layers/promise.js"
import type { LogLineLevel } from "../../../src/Statsig.js"
import { compareEvents, isOfKeptAnswer, type SentEvent, type SentJson } from "./events.js"
import { type KeptValues, madeUpValues, mappingTargets, spoil, withSpecialRules } from "./kept.js"
import { userQuestions } from "./questions.js"
import { Random } from "./random.js"
import {
  listAt,
  object,
  objectAt,
  plain,
  type Tree,
  type TreeObject,
  without,
  withoutPrototypes,
  write
} from "./tree.js"
import { anyJson } from "./values.js"
import { makeWorld, parameterNames, type World } from "./world.js"

/** One call with its arguments. */
export type Call =
  | {
      readonly kind: "checkGate" | "gate" | "config"
      readonly name: string
      readonly disableExposureLogging: boolean
    }
  | (KeepingOptions & {
      readonly kind: "experiment"
      readonly name: string
      readonly disableExposureLogging: boolean
    })
  | (KeepingOptions & {
      readonly kind: "layer"
      readonly name: string
      readonly disableExposureLogging: boolean
      /** Read one after the other from the same layer. */
      readonly reads: ReadonlyArray<Read>
    })
  | {
      readonly kind: "store"
      readonly name: string
      readonly disableExposureLogging: boolean
      /** Read one after the other from the same store. */
      readonly reads: ReadonlyArray<Read>
    }
  | { readonly kind: "manualGate" | "manualConfig" | "manualExperiment"; readonly name: string }
  | { readonly kind: "manualLayer"; readonly name: string; readonly parameter: string }
  | {
      readonly kind: "event"
      readonly name: string
      readonly value: EventValue
      readonly metadata: Metadata | undefined
    }
  | { readonly kind: "identify" }
  | {
      readonly kind: "logLine"
      readonly level: LogLineLevel
      readonly value: string | undefined
      readonly metadata: Readonly<Record<string, string>> | undefined
    }

/** How a check uses the user's sticky assignments. */
interface KeepingOptions {
  readonly userPersistedValues?: KeptValues
  readonly enforceOverrides?: boolean
  readonly enforceTargeting?: boolean
}

interface Read {
  readonly parameter: string
  /** `get` compares types, `getValue` does not. */
  readonly typed: boolean
  readonly fallback: SentJson
}

type EventValue = string | number | null | undefined
type Metadata = Readonly<Record<string, string | number | boolean | null>>

/** How the project samples. */
export type SamplingMode = "none" | "on" | "shadow"

/** The world and all calls on it. */
export interface Script {
  readonly world: World
  readonly flags: ReadonlyArray<string>
  /** Whether there is a persistent storage, and of which kind: synchronous functions, or promises. */
  readonly storage: "none" | "sync" | "async"
  readonly calls: ReadonlyArray<{ readonly user: number; readonly call: Call }>
}

/** Names that no object inherits. */
export const keptParameters = parameterNames.filter(name => !(name in {}))

const fallbacks: ReadonlyArray<SentJson> = [null, null, "text", 7, true, ["x"], { x: 1 }]
const levels: ReadonlyArray<LogLineLevel> = ["trace", "debug", "log", "info", "warn", "error"]

/**
 * The world with sampling; rules of all kinds get rates. Where nested gates are separate exposures, no rule has an
 * empty ID: there the official package distinguishes it from no ID at all, and elsewhere it does not.
 */
export const withSampling = (world: World, mode: SamplingMode, flags: ReadonlyArray<string>, random: Random): World => {
  const rate = (rule: Tree): Tree => {
    if (!(rule instanceof Map) || !rule.has("id")) return rule
    const rated = new Map(rule)
    if (flags.length > 0 && rule.get("id") === "") rated.set("id", "empty")
    rated.delete("samplingRate")
    if (random.chance(0.5)) rated.set("samplingRate", random.pick([1, 2, 3, 5, 0]))
    return rated
  }
  const rateSpecs = (specs: TreeObject): TreeObject =>
    new Map(
      [...specs].map(([name, held]) => {
        const spec = withoutPrototypes(held)
        return spec instanceof Map && Array.isArray(spec.get("rules"))
          ? [name, new Map(spec).set("rules", listAt(spec, "rules").map(rate))]
          : [name, spec]
      })
    )
  const payload = new Map(world.payload)
  // A time at which both sides consider the specs new.
  payload.set("time", 1_700_000_000_000)
  payload.set(
    "sdk_configs",
    object({
      sampling_mode: mode,
      special_case_sampling_rate: random.pick<Tree | undefined>([undefined, 2, "3", 4.9]),
      sec_expo_number: random.pick([74, 75, 1_000])
    })
  )
  for (const section of ["feature_gates", "dynamic_configs", "layer_configs"]) {
    if (payload.get(section) instanceof Map) payload.set(section, rateSpecs(objectAt(payload, section)))
  }
  return { ...world, payload }
}

/** The world with more users, who differ from its own by their `userID`. */
const withUsers = (random: Random, world: World): World => {
  const others = random.times(16, index => {
    const { assigned, fields } = random.pick(world.users)
    return { fields: new Map(fields).set("userID", `other ${index}`), assigned: without(assigned, "userID") }
  })
  return { ...world, users: [...world.users, ...others] }
}

/** Script `index` of the seed. */
export const makeScript = (options: {
  readonly seed: number
  readonly index: number
  readonly mode: SamplingMode
  readonly calls: number
}): Script => {
  const { calls, index, mode, seed } = options
  const random = Random.of(seed + 1_000_000, index)
  const flags = random.pick([
    [],
    ["sec_expo_as_primary:abc"],
    ["x", "sec_expo_as_primary:abc", "sec_expo_as_primary:zzz"]
  ])
  const world = withSampling(withUsers(random, withSpecialRules(random, makeWorld(seed, index))), mode, flags, random)
  const kept = madeUpValues(random, world, 24)
  const mappedNames = mappingTargets(world)
  const storage = random.pick<Script["storage"]>(["none", "sync", "sync", "async", "async"])
  const brokenValues = spoil(random, madeUpValues(random, world, 1)[0] ?? {})
  const questions = userQuestions(world)
  const namesOf = (kind: string) => [
    ...new Set(questions.flatMap(question => ("name" in question && question.kind === kind ? [question.name] : [])))
  ]
  const gates = namesOf("gate")
  const configs = namesOf("experiment")
  const layers = namesOf("layer")
  const stores = namesOf("store")
  const parametersOf = (kind: "layerGetters" | "store", name: string) =>
    questions.flatMap(question => (question.kind === kind && question.name === name ? [question.parameter] : []))
  const reads = (parameters: ReadonlyArray<string>): ReadonlyArray<Read> =>
    random.times(random.between(0, 3), () => ({
      parameter: random.pick([...parameters, "absent"]),
      typed: random.chance(0.5),
      fallback: random.pick(fallbacks)
    }))
  const texts = () =>
    Object.fromEntries(random.times(random.below(3), () => [random.pick(["k", "status", "", "ünï"]), "v"]))

  const keptFor = (name: string): KeptValues => {
    const all = random.pick(kept)
    const names = new Set([name, ...mappedNames, ...random.times(2, () => random.pick(Object.keys(all)))])
    return Object.fromEntries([...names].flatMap(name => (Object.hasOwn(all, name) ? [[name, all[name]]] : [])))
  }
  const keeping = (name: string): KeepingOptions => {
    const userPersistedValues = random.weighted<() => KeptValues | undefined>([
      [12, () => keptFor(name)],
      [1, () => brokenValues],
      [1, () => ({})],
      [1, () => undefined]
    ])()
    return {
      ...(userPersistedValues === undefined ? {} : { userPersistedValues }),
      ...(random.chance(0.3) ? { enforceOverrides: random.chance(0.7) } : {}),
      ...(random.chance(0.3) ? { enforceTargeting: random.chance(0.7) } : {})
    }
  }

  const makeCall = (): Call => {
    const disableExposureLogging = random.chance(0.15)
    return random.weighted<() => Call>([
      [20, () => ({ kind: "checkGate", name: random.pick(gates), disableExposureLogging })],
      [20, () => ({ kind: "gate", name: random.pick(gates), disableExposureLogging })],
      [14, () => ({ kind: "config", name: random.pick(configs), disableExposureLogging })],
      [
        storage === "none" ? 18 : 100,
        () => {
          const name = random.pick(configs)
          return { kind: "experiment", name, disableExposureLogging, ...keeping(name) }
        }
      ],
      [
        storage === "none" ? 24 : 80,
        () => {
          const name = random.pick(layers)
          const parameters = [...parametersOf("layerGetters", name), ...keptParameters]
          return { kind: "layer", name, disableExposureLogging, reads: reads(parameters), ...keeping(name) }
        }
      ],
      [
        12,
        () => {
          const name = random.pick(stores)
          return { kind: "store", name, disableExposureLogging, reads: reads(parametersOf("store", name)) }
        }
      ],
      [5, () => ({ kind: "manualGate", name: random.pick(gates) })],
      [4, () => ({ kind: "manualConfig", name: random.pick(configs) })],
      [5, () => ({ kind: "manualExperiment", name: random.pick(configs) })],
      [
        6,
        () => {
          const name = random.pick(layers)
          return {
            kind: "manualLayer",
            name,
            parameter: random.pick([...parametersOf("layerGetters", name), "absent"])
          }
        }
      ],
      [
        6,
        () => ({
          kind: "event",
          name: random.pick(["add_to_cart", "", "ünï 🦊", "statsig::made_up"]),
          value: random.pick<EventValue>([undefined, null, "", "sku", 12, 12.5, -3, 1e21, 0]),
          metadata: random.chance(0.3)
            ? undefined
            : (plain(new Map(random.times(random.below(4), n => [`k${n}`, anyJson(random)]))) as Metadata)
        })
      ],
      [2, () => ({ kind: "identify" })],
      [
        3,
        () => ({
          kind: "logLine",
          level: random.pick(levels),
          value: random.pick([undefined, "", "line"]),
          metadata: random.pick([undefined, texts()])
        })
      ]
    ])()
  }
  return {
    world,
    flags,
    storage,
    calls: random.times(calls, () => ({ user: random.below(world.users.length), call: makeCall() }))
  }
}

/** One of the two packages: the calls that both share. */
type Package = Pick<typeof official, "Statsig" | "StatsigUser">

/** A storage that accepts everything and keeps nothing. */
const storages: Readonly<Record<Script["storage"], object>> = {
  none: {},
  sync: { persistentStorage: { load: () => null, save: () => {}, delete: () => {} } },
  async: { persistentStorage: { load: async () => null, save: async () => {}, delete: async () => {} } }
}

const localStatsig = (world: World) =>
  Effect.map(
    Layer.build(layerLocalStatsig({ specs: write(world.payload), decodeZstd: decompress })),
    Context.get(LocalStatsig)
  )

const arrivedAt = (local: LocalStatsig["Type"]) =>
  Effect.map(local.events, events => events as ReadonlyArray<unknown> as ReadonlyArray<SentEvent>)

const perform = (statsig: official.Statsig, user: official.StatsigUser, call: Call): unknown => {
  switch (call.kind) {
    case "checkGate":
      return statsig.checkGate(user, call.name, call)
    case "gate":
      return statsig.getFeatureGate(user, call.name, call)
    case "config":
      return statsig.getDynamicConfig(user, call.name, call)
    case "experiment":
      return statsig.getExperiment(user, call.name, call)
    case "layer": {
      const layer: official.Layer | null = statsig.getLayer(user, call.name, call)
      // Persisted values that are not JSON, such as a number out of range, are refused: there is no layer.
      if (layer === null) return undefined
      for (const { fallback, parameter, typed } of call.reads) {
        if (typed) layer.get(parameter, fallback)
        else layer.getValue(parameter, fallback)
      }
      return undefined
    }
    case "store": {
      const store: official.ParameterStore | null = statsig.getParameterStore(user, call.name, call)
      if (store === null) return undefined
      for (const { fallback, parameter } of call.reads) store.getValue(parameter, fallback)
      return undefined
    }
    case "manualGate":
      return statsig.manuallyLogFeatureGateExposure(user, call.name)
    case "manualConfig":
      return statsig.manuallyLogDynamicConfigExposure(user, call.name)
    case "manualExperiment":
      return statsig.manuallyLogExperimentExposure(user, call.name)
    case "manualLayer":
      return statsig.manuallyLogLayerParamExposure(user, call.name, call.parameter)
    case "event":
      return statsig.logEvent(user, call.name, call.value, call.metadata)
    case "identify":
      return statsig.identify(user)
    case "logLine":
      return statsig.forwardLogLineEvent(user, call.level, call.value, call.metadata)
  }
}

/** A local Statsig for a program of promises. */
export interface Local {
  /** The SDK's options for sending everything here. */
  readonly urls: { readonly specsUrl: string; readonly logEventUrl: string; readonly idListsUrl: string }
  readonly events: () => Promise<ReadonlyArray<SentEvent>>
  readonly close: () => Promise<void>
}

/** Starts a local Statsig without specs. */
export const startLocal = async (): Promise<Local> => {
  const runtime = ManagedRuntime.make(layerLocalStatsig({ decodeZstd: decompress }))
  const local = await runtime.runPromise(LocalStatsig)
  const { idListsUrl, logEventUrl, specsUrl } = local
  return {
    urls: { specsUrl, logEventUrl, idListsUrl },
    events: () => runtime.runPromise(arrivedAt(local)),
    close: () => runtime.dispose()
  }
}

/** Starts a package on the world. */
const open = Effect.fnUntraced(function* (
  { Statsig, StatsigUser }: Package,
  { flags, storage, world }: Script,
  sdkKey: string
) {
  const local = yield* localStatsig(world)
  const statsig = new Statsig(sdkKey, {
    ...(plain(world.options) as object),
    ...storages[storage],
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    idListsUrl: local.idListsUrl,
    specsSyncIntervalMs: 3_600_000,
    experimentalFlags: new Set(flags),
    outputLogLevel: "none",
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true
  })
  yield* Effect.addFinalizer(() => Effect.promise(() => statsig.shutdown()))
  const { isSuccess } = yield* Effect.promise(() => statsig.initialize())
  const users = world.users.map(({ assigned, fields }) =>
    Object.assign(new StatsigUser(plain(fields) as { userID: string }), plain(assigned))
  )
  return {
    /** Whether it can use the payload. */
    isReady: isSuccess,
    call: (index: number, call: Call): void => {
      const user = users[index]
      if (user === undefined) throw new Error(`there is no user ${index}`)
      perform(statsig, user, call)
    },
    /** Sends what is queued, and returns all that arrived. */
    events: Effect.andThen(
      Effect.promise(() => statsig.flushEvents()),
      arrivedAt(local)
    )
  }
})

/** The outcome of one script. */
export interface Outcome {
  /** Events by name that the official package sent. */
  readonly events: Readonly<Record<string, number>>
  /** Those with a sampling note, by its text. */
  readonly sampled: Readonly<Record<string, number>>
  /** Those of sticky assignments, by what they expose. */
  readonly kept: Readonly<Record<string, number>>
  readonly missing: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<string>
}

const countBy = (keys: ReadonlyArray<string>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

/**
 * Runs the script on both sides and compares what arrived. Returns nothing for an unusable payload, which the official
 * package would report to its own host.
 */
export const runScript = Effect.fnUntraced(
  function* (script: Script, sdkKey: string) {
    const ours = yield* open(ourPackage as unknown as Package, script, sdkKey)
    if (!ours.isReady) return undefined
    const theirs = yield* open(official, script, sdkKey)
    const { warn } = console
    console.warn = () => {}
    for (const { call, user } of script.calls) {
      theirs.call(user, call)
      ours.call(user, call)
    }
    console.warn = warn
    const expected = yield* theirs.events
    const actual = yield* ours.events
    const { compared, missing, unexpected } = compareEvents(expected, actual)
    const outcome: Outcome = {
      events: countBy(compared.map(({ eventName }) => eventName)),
      sampled: countBy(
        compared.flatMap(({ statsigMetadata }) => {
          const { samplingMode, shadowLogged } = (statsigMetadata ?? {}) as Readonly<Record<string, string>>
          return samplingMode === undefined ? [] : [`${samplingMode} ${shadowLogged}`]
        })
      ),
      kept: countBy(compared.filter(isOfKeptAnswer).map(({ eventName }) => eventName)),
      missing,
      unexpected
    }
    return outcome
  },
  Effect.scoped,
  Effect.provide(Logger.remove(Logger.defaultLogger))
)
