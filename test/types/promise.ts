/**
 * Checked by the compiler only: code written for the official package compiles against this one, and the types of both
 * are compatible.
 */
import type * as official from "@statsig/statsig-node-core"
import type * as ours from "../../layers/promise.js"
import {
  type DataStore,
  DynamicConfig,
  type DynamicConfigEvaluationOptions,
  type EvaluationDetails,
  Experiment,
  type ExperimentEvaluationOptions,
  type ExperimentGroup,
  type ExperimentGroupsResult,
  type ExplainedEvaluation,
  type ExplainedKind,
  type ExplainResult,
  FeatureGate,
  type FeatureGateEvaluationOptions,
  Layer,
  type LayerEvaluationOptions,
  OverrideAdapterType,
  type ParameterStore,
  type ParameterStoreEvaluationOptions,
  type PersistentStorage,
  Statsig,
  type StatsigOptions,
  type StatsigResult,
  StatsigUser,
  type StatsigUserArgs,
  type TypedGet,
  type UnknownGet,
  type UserPersistedValues
} from "../../layers/promise.js"

const storage: PersistentStorage = {
  load: (_key: string): UserPersistedValues | null => null,
  save: (_key, _configName, data) => void data.rule_id,
  delete: (_key: string, _configName: string) => {}
}

const store: DataStore = {
  initialize: async () => {},
  get: async key => ({ result: key, time: Date.now() }),
  set: async (_key: string, _value: string, _time?: number) => {},
  supportPollingUpdatesFor: async key => key === "/v2/download_config_specs",
  shutdown: () => Promise.resolve()
}

const options: StatsigOptions = {
  environment: "staging",
  specsSyncIntervalMs: 10_000,
  initTimeoutMs: 3000,
  outputLogLevel: "warn",
  dataStore: store,
  dataStoreKeySchemaVersion: "v3",
  persistentStorage: storage,
  globalCustomFields: { region: "eu", flags: ["a", 1, true] },
  overrideAdapterConfig: [{ adapterType: OverrideAdapterType.LocalOverride }],
  specAdaptersConfig: [{ adapterType: "network_http", initTimeoutMs: 3000, authenticationMode: null }],
  proxyConfig: { proxyHost: "localhost", proxyPort: 8080 },
  consoleCaptureOptions: { enabled: false, logLevels: ["warn"], user: new StatsigUser({ userID: "console" }) },
  observabilityClient: { increment: (_name: string, _value: number, _tags: Record<string, string>) => {} },
  outputLoggerProvider: { warn: (_tag, _message) => {} },
  experimentalFlags: new Set(["flag"])
}

const args: StatsigUserArgs = { email: "a@example.com", custom: { plan: "pro", none: null, deep: { a: [1] } } }

class Named extends Statsig {
  constructor(
    readonly name: string,
    ...more: ConstructorParameters<typeof Statsig>
  ) {
    super(...more)
  }

  override checkGate(user: StatsigUser, gateName: string, options?: FeatureGateEvaluationOptions | null): boolean {
    return super.checkGate(user, `${this.name}.${gateName}`, options)
  }
}

export const program = async (): Promise<ReadonlyArray<unknown>> => {
  const shared: Statsig = Statsig.hasShared() ? Statsig.shared() : Statsig.newShared("secret-key", options)
  Statsig.removeSharedInstance()
  const named = new Named("a", "secret-key", { disableNetwork: true })
  const result: StatsigResult = await named.initialize()
  if (!result.isSuccess) throw new Error(result.error ?? "unknown")

  const user = new StatsigUser({ userID: "u", ...args })
  const other = new StatsigUser({ customIDs: { companyID: "c" } })
  const made: Array<StatsigUser> = [StatsigUser.withUserID("u"), StatsigUser.withCustomIDs({ companyID: "c" })]
  user.custom = { plan: "free" }
  user.customIDs = null
  user.statsigEnvironment = { tier: "staging" }
  user.statsigEnvironment = undefined
  user.userID = null
  user.email = "b@example.com"
  const email: string | null = user.email
  const ids: Record<string, string> | null = other.customIDs
  const json: string = user.toJSON().userID

  const quiet: DynamicConfigEvaluationOptions = { disableExposureLogging: true }
  const sticky: ExperimentEvaluationOptions & LayerEvaluationOptions = {
    userPersistedValues: {},
    enforceTargeting: true
  }
  const open: boolean = shared.checkGate(user, "gate")
  const gate: FeatureGate = shared.getFeatureGate(user, "gate", quiet)
  const config: DynamicConfig = shared.getDynamicConfig(user, "config", quiet)
  const experiment: Experiment = shared.getExperiment(user, "experiment", sticky)
  const layer: Layer = shared.getLayer(user, "layer", sticky)
  const parameters: ParameterStore = shared.getParameterStore(user, "store", quiet as ParameterStoreEvaluationOptions)

  const text: string = config.get("a", "fallback")
  const number: number = experiment.get<number>("b", 1, (value): value is number => typeof value === "number")
  const list: Array<string> = layer.get("c", ["a"])
  const anything: unknown = config.getValue("d")
  const typed: TypedGet = layer.get
  const untyped: UnknownGet = layer.getValue
  const parameter: string = parameters.getValue("e", "fallback")
  const none: unknown = parameters.getValue("f")
  const details: EvaluationDetails = layer.getEvaluationDetails()
  const received: number | undefined = details.receivedAt
  const group: string | null = experiment.getGroupName()
  const values: Record<string, unknown> = config.value
  const groups: ExperimentGroupsResult = shared.getExperimentGroups("experiment")
  const colors = groups.groups.map((group: ExperimentGroup): string => group.returnValue["color"].toUpperCase())
  const names: Array<string> = shared.getFieldsNeededForGate("gate").concat(shared.getExperimentList())
  const agent = shared.getParsedUserAgentValueForUser(user)?.["os_name"]
  const mocks = [
    new FeatureGate("a", null),
    new DynamicConfig("a", { value: {} }),
    new Experiment("a", "{}"),
    new Layer((_parameter: string) => {}, "a", { value: {} })
  ]
  const { checkGate } = shared
  const ended: StatsigResult = await shared.shutdown(1000)
  return [
    [
      made,
      email,
      ids,
      json,
      open,
      gate,
      text,
      number,
      list,
      anything,
      typed,
      untyped,
      parameter,
      none,
      received,
      group
    ],
    [values, colors, names, agent, mocks, checkGate, ended, await shared.flushEvents()]
  ]
}

/** What this package adds. */
export const onTop = (statsig: Statsig, user: StatsigUser): ReadonlyArray<unknown> => {
  const kinds: ReadonlyArray<ExplainedKind> = ["gate", "dynamicConfig", "experiment", "layer", "parameterStore"]
  const explained: ExplainResult = statsig.explain(user, "experiment", "e", { disableExposureLogging: true })
  const text: string = explained.text
  const answer: boolean | { readonly [name: string]: unknown } = explained.outcome.value
  const group: string | null = explained.outcome.groupName
  const evaluation: ExplainedEvaluation | undefined = explained.evaluation
  const logged: ReadonlyArray<string> = explained.exposures.map(({ eventName }) => eventName)
  // @ts-expect-error: segments are explained as gates
  statsig.explain(user, "segment", "s")
  // @ts-expect-error: a user is an instance of StatsigUser
  statsig.explain({ userID: "u" }, "gate", "g")
  // @ts-expect-error: it is not changed
  explained.outcome.value = true
  return [kinds, text, answer, group, evaluation, logged]
}

/** `A` is assignable to `B`. */
type Fits<A extends B, B> = A extends B ? true : never

/** Only instances of the other package's class would be incompatible. */
type WithoutUser<A> = Omit<A, "user">
/** The official enumerations are distinct types; their members are these numbers. */
type WithoutEnums<A> = Omit<A, "adapterType" | "responseFormat" | "overrideAdapterConfig" | "consoleCaptureOptions">
/** The official type of a secondary exposure lacks the actual name of the rule's field: `ruleID`. */
type WithoutExposures<A> = Omit<A, "secondary_exposures" | "undelegated_secondary_exposures" | "persistentStorage">

/** What a program passes in: official declarations are assignable to ours. */
export type Accepted = [
  Fits<WithoutExposures<WithoutEnums<official.StatsigOptions>>, ours.StatsigOptions>,
  Fits<WithoutUser<official.ConsoleCaptureOptions>, ours.ConsoleCaptureOptions>,
  Fits<WithoutEnums<official.ClientInitResponseOptions>, ours.ClientInitResponseOptions>,
  Fits<`${official.GCIRResponseFormat}`, `${ours.GCIRResponseFormat}`>,
  Fits<`${official.OverrideAdapterType}`, `${ours.OverrideAdapterType}`>,
  Fits<official.DataStore, ours.DataStore>,
  Fits<official.DataStoreResponse, ours.DataStoreResponse>,
  Fits<official.DataStoreBytesResponse, ours.DataStoreBytesResponse>,
  Fits<official.ObservabilityClient, ours.ObservabilityClient>,
  Fits<official.OutputLoggerProvider, ours.OutputLoggerProvider>,
  Fits<keyof official.PersistentStorage, keyof ours.PersistentStorage>,
  Fits<WithoutExposures<official.StickyValues>, WithoutExposures<ours.StickyValues>>,
  Fits<official.ProxyConfig, ours.ProxyConfig>,
  Fits<official.SpecAdapterConfig, ours.SpecAdapterConfig>,
  Fits<official.StatsigUserArgs, ours.StatsigUserArgs>,
  Fits<official.FeatureGateEvaluationOptions, ours.FeatureGateEvaluationOptions>,
  Fits<official.DynamicConfigEvaluationOptions, ours.DynamicConfigEvaluationOptions>,
  Fits<official.ExperimentEvaluationOptions, ours.ExperimentEvaluationOptions>,
  Fits<official.LayerEvaluationOptions, ours.LayerEvaluationOptions>,
  Fits<official.ParameterStoreEvaluationOptions, ours.ParameterStoreEvaluationOptions>,
  Fits<official.SdkEvent, ours.SdkEvent>,
  Fits<ConstructorParameters<typeof official.StatsigUser>, ConstructorParameters<typeof ours.StatsigUser>>,
  Fits<ConstructorParameters<typeof official.FeatureGate>, ConstructorParameters<typeof ours.FeatureGate>>,
  Fits<ConstructorParameters<typeof official.DynamicConfig>, ConstructorParameters<typeof ours.DynamicConfig>>,
  Fits<ConstructorParameters<typeof official.Experiment>, ConstructorParameters<typeof ours.Experiment>>,
  Fits<ConstructorParameters<typeof official.Layer>, ConstructorParameters<typeof ours.Layer>>,
  Fits<Parameters<typeof official.StatsigUser.withUserID>, Parameters<typeof ours.StatsigUser.withUserID>>,
  Fits<Parameters<typeof official.StatsigUser.withCustomIDs>, Parameters<typeof ours.StatsigUser.withCustomIDs>>,
  Fits<Parameters<typeof official.statsigCaptureLogLine>, Parameters<typeof ours.statsigCaptureLogLine>>,
  Fits<official.TypedGet, ours.TypedGet>,
  Fits<official.UnknownGet, ours.UnknownGet>
]

/** What a program gets: ours are assignable to official declarations. */
export type Given = [
  Fits<ours.StatsigResult, official.StatsigResult>,
  Fits<ours.EvaluationDetails, official.EvaluationDetails>,
  Fits<ours.SecondaryExposure, official.SecondaryExposure>,
  Fits<ours.ExperimentGroup, official.ExperimentGroup>,
  Fits<ours.ExperimentGroupsResult, official.ExperimentGroupsResult>,
  Fits<ours.FeatureGate, official.FeatureGate>,
  Fits<ours.DynamicConfig, official.DynamicConfig>,
  Fits<ours.Experiment, official.Experiment>,
  Fits<ours.Layer, official.Layer>,
  Fits<ours.ParameterStore, official.ParameterStore>,
  Fits<ours.StatsigUser, official.StatsigUser>,
  Fits<ours.StatsigUserArgs, official.StatsigUserArgs>,
  Fits<ours.DataStore, official.DataStore>,
  Fits<ours.DataStoreResponse, official.DataStoreResponse>,
  Fits<ours.DataStoreBytesResponse, official.DataStoreBytesResponse>,
  Fits<ours.ObservabilityClient, official.ObservabilityClient>,
  Fits<ours.OutputLoggerProvider, official.OutputLoggerProvider>,
  Fits<ours.StickyValues, official.StickyValues>,
  Fits<ours.UserPersistedValues, official.UserPersistedValues>,
  Fits<ours.ProxyConfig, official.ProxyConfig>,
  Fits<ours.SpecAdapterConfig, official.SpecAdapterConfig>,
  Fits<ours.ConsoleCaptureOptions, official.ConsoleCaptureOptions>,
  Fits<WithoutEnums<ours.ClientInitResponseOptions>, official.ClientInitResponseOptions>,
  Fits<WithoutExposures<WithoutEnums<ours.StatsigOptions>>, official.StatsigOptions>,
  Fits<ours.ExperimentEvaluationOptions, official.ExperimentEvaluationOptions>,
  Fits<ours.LayerEvaluationOptions, official.LayerEvaluationOptions>,
  Fits<ours.ParameterStoreEvaluationOptions, official.ParameterStoreEvaluationOptions>,
  Fits<ours.SdkEvent, official.SdkEvent>,
  Fits<ours.TypedGet, official.TypedGet>,
  Fits<ours.UnknownGet, official.UnknownGet>,
  Fits<typeof ours.statsigCaptureLogLine, typeof official.statsigCaptureLogLine>
]

type Internal = `__${string}`

/** Every run-time name, except those internal to the official package. */
export type Names = Fits<
  Exclude<keyof typeof official, Internal | "StatsigNapiInternal" | "LayerParamExposureData">,
  keyof typeof ours
>

/** Every method of an instance, with its parameters and result. */
export type Methods = Fits<ours.Statsig, Omit<official.Statsig, Internal>>

/** Members of the class. They return an instance with the methods above; the options are checked above too. */
export type Classes = [
  Fits<Exclude<keyof typeof official.Statsig, "prototype">, keyof typeof ours.Statsig>,
  Fits<ConstructorParameters<typeof official.Statsig>[0], ConstructorParameters<typeof ours.Statsig>[0]>,
  Fits<Parameters<typeof official.Statsig.newShared>[0], Parameters<typeof ours.Statsig.newShared>[0]>
]
