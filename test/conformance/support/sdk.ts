/**
 * One way to ask both packages: the Promise API, with the payload served as text by a data store. Without a network the
 * official package makes no request at all, not even for its error reports.
 */
import * as official from "@statsig/statsig-node-core"
import * as ours from "../../../layers/promise.js"
import { plain } from "./tree.js"
import { payloadText, type World, type WorldUser } from "./world.js"

/** A package with the API of the official one. */
export interface Sdk {
  readonly Statsig: typeof official.Statsig
  readonly StatsigUser: typeof official.StatsigUser
}

/** The official package: the oracle. */
export const officialSdk: Sdk = official

/** This package. */
export const ourSdk = ours as unknown as Sdk

/** One call, or a few on one result object. */
export type Question =
  | {
      readonly kind: "checkGate" | "gate" | "config" | "experiment" | "layer"
      readonly name: string
      readonly logged: boolean
    }
  | {
      readonly kind: "configGetters" | "experimentGetters" | "layerGetters" | "store"
      readonly name: string
      readonly parameter: string
    }
  | { readonly kind: "user" }
  | { readonly kind: "metadata"; readonly call: MetadataCall; readonly arguments: ReadonlyArray<string> }

/** Calls that take no user. */
export type MetadataCall =
  | "getFeatureGateList"
  | "getDynamicConfigList"
  | "getExperimentList"
  | "getAutotuneList"
  | "getLayerList"
  | "getParameterStoreList"
  | "getFieldsNeededForGate"
  | "getFieldsNeededForDynamicConfig"
  | "getFieldsNeededForExperiment"
  | "getFieldsNeededForLayer"
  | "getExperimentGroups"
  | "getExperimentByGroupName"
  | "getExperimentByGroupIdAdvanced"

/** A running instance with a world's specs. */
export interface Session {
  readonly statsig: official.Statsig
  readonly users: ReadonlyArray<official.StatsigUser>
  /** The result as plain values: what the call returned, and the warnings it printed. */
  readonly ask: (userIndex: number, question: Question) => unknown
  readonly close: () => Promise<void>
}

/** A data store that has this payload and does not change. */
export const storeOf = (text: string): official.DataStore => ({
  initialize: async () => {},
  shutdown: async () => {},
  get: async () => ({ result: text, time: 1 }),
  set: async () => {},
  supportPollingUpdatesFor: async () => false
})

/** Starts an instance on the world, with options added to or replacing the shared ones. */
export const open = async (
  sdk: Sdk,
  world: World,
  options: official.StatsigOptions = {},
  sdkKey = "secret-conformance"
): Promise<Session> => {
  const text = payloadText(world)
  const protobuf = world.encode?.(world.payload)
  const statsig = new sdk.Statsig(sdkKey, {
    ...(plain(world.options) as object),
    disableNetwork: true,
    outputLogLevel: "none",
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true,
    dataStore: {
      ...storeOf(text),
      ...(protobuf && {
        getBytes: async key => (key.includes("|statsig-br|") ? { result: plainBytes(protobuf) } : {})
      })
    },
    ...options
  })
  const { isSuccess } = await statsig.initialize()
  const users = world.users.map(user => makeUser(sdk, user))
  return {
    statsig,
    users,
    ask: (userIndex, question) => {
      const user = users[userIndex]
      if (user === undefined) throw new Error(`there is no user ${userIndex}`)
      if (question.kind === "metadata" && question.arguments.length === 0)
        return [isSuccess, ask(statsig, user, question)]
      return ask(statsig, user, question)
    },
    close: async () => {
      await statsig.shutdown()
    }
  }
}

/** The only form that the official package reads. */
const plainBytes = (bytes: Uint8Array) => Array.from(bytes) as unknown as Uint8Array

const makeUser = (sdk: Sdk, { assigned, fields }: WorldUser): official.StatsigUser => {
  const user = new sdk.StatsigUser(plain(fields) as { userID: string })
  Object.assign(user, plain(assigned))
  return user
}

/** Fallbacks of every type, created for each call so that no call can change another's. */
const fallbacks = (): ReadonlyArray<unknown> => [undefined, null, "text", 7, 0.5, true, ["x"], { x: 1 }]

const ask = (statsig: official.Statsig, user: official.StatsigUser, question: Question): unknown => {
  switch (question.kind) {
    case "checkGate":
      return statsig.checkGate(user, question.name, { disableExposureLogging: !question.logged })
    case "gate":
      return shown(statsig.getFeatureGate(user, question.name, { disableExposureLogging: !question.logged }))
    case "config":
      return shown(statsig.getDynamicConfig(user, question.name, { disableExposureLogging: !question.logged }))
    case "experiment":
      return shown(statsig.getExperiment(user, question.name, { disableExposureLogging: !question.logged }))
    case "layer":
      return shown(statsig.getLayer(user, question.name, { disableExposureLogging: !question.logged }))
    case "configGetters":
      return getters(
        statsig.getDynamicConfig(user, question.name, { disableExposureLogging: true }),
        question.parameter
      )
    case "experimentGetters":
      return getters(statsig.getExperiment(user, question.name, { disableExposureLogging: true }), question.parameter)
    case "layerGetters":
      return getters(statsig.getLayer(user, question.name, { disableExposureLogging: true }), question.parameter)
    case "store": {
      const store = statsig.getParameterStore(user, question.name, { disableExposureLogging: true })
      return {
        name: store.name,
        details: shownDetails(store.getEvaluationDetails()),
        values: fallbacks().map(fallback => store.getValue(question.parameter, fallback))
      }
    }
    case "user":
      return {
        json: user.toJSON(),
        getters: [user.userID, user.customIDs, user.custom, user.privateAttributes, user.statsigEnvironment],
        texts: [user.email, user.ip, user.userAgent, user.country, user.locale, user.appVersion],
        userAgent: statsig.getParsedUserAgentValueForUser(user)
      }
    case "metadata": {
      const call = statsig[question.call] as (...names: ReadonlyArray<string>) => unknown
      const answer = call(...question.arguments)
      if (Array.isArray(answer)) return question.arguments.length === 0 ? answer.sort() : answer
      return question.call === "getExperimentGroups" ? answer : shown(answer as object)
    }
  }
}

/** Everything that a result object exposes: its keys in order, its properties, and the results of its methods. */
export const shown = (result: object): Shown => {
  const { getAllocatedExperimentName, getEvaluationDetails, getGroupName, getIdType, getRuleId } = result as Methods
  const properties = Object.entries(result).filter(([, value]) => typeof value !== "function")
  return {
    keys: Object.keys(result),
    ...Object.fromEntries(properties.map(([key, value]) => [key, key === "details" ? shownDetails(value) : value])),
    "getEvaluationDetails()": shownDetails(getEvaluationDetails?.call(result)),
    "getRuleId()": getRuleId?.call(result),
    "getIdType()": getIdType?.call(result),
    "getGroupName()": getGroupName?.call(result),
    "getAllocatedExperimentName()": getAllocatedExperimentName?.call(result)
  }
}

/** A result object as plain values. */
export interface Shown {
  readonly [property: string]: unknown
}

type Methods = {
  readonly [name in
    | "getEvaluationDetails"
    | "getRuleId"
    | "getIdType"
    | "getGroupName"
    | "getAllocatedExperimentName"]?: () => unknown
}

/** The time of receipt differs between instances. */
const shownDetails = (details: unknown): unknown =>
  details !== null && typeof details === "object" && "receivedAt" in details
    ? { ...details, receivedAt: typeof details.receivedAt }
    : details

type Getters = {
  readonly get: (key: string, fallback: unknown) => unknown
  readonly getValue: (key: string, fallback: unknown) => unknown
}

const getters = (result: object, parameter: string): unknown => {
  const { get, getValue } = result as Getters
  const warnings: Array<unknown> = []
  const warn = console.warn
  console.warn = (...message: ReadonlyArray<unknown>) => void warnings.push(message)
  try {
    return {
      get: fallbacks().map(fallback => get(parameter, fallback)),
      getValue: fallbacks().map(fallback => getValue(parameter, fallback)),
      warnings
    }
  } finally {
    console.warn = warn
  }
}
