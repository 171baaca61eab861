/**
 * The default Evaluator: the engine on the held specs, with the user agent, country and ID list services.
 *
 * The services are resolved once, when the layer is built; a check calls plain functions only. If a service throws in a
 * check, only its value is missing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { CountryLookup } from "../src/CountryLookup.js"
import { Evaluator, type Service, type SpecMetadata } from "../src/Evaluator.js"
import { EventLogger } from "../src/EventLogger.js"
import { ClientInitialize } from "../src/engine/clientInitialize/clientInitialize.js"
import type { Host } from "../src/engine/conditions/conditions.js"
import { textOf } from "../src/engine/conditions/values.js"
import { Engine } from "../src/engine/engine.js"
import type { OverrideLookup } from "../src/engine/evaluate/overrides.js"
import { overLoaded, stickyKey } from "../src/engine/evaluate/sticky.js"
import { asObject, type JsonObject } from "../src/engine/json.js"
import type { CompiledSpec } from "../src/engine/payload/compiled.js"
import type { SpecTable } from "../src/engine/payload/snapshot.js"
import { IdLists } from "../src/IdLists.js"
import * as Persistence from "../src/internal/persistence.js"
import { sdkType, sdkVersion, sessionID } from "../src/internal/sdkInfo.js"
import { Overrides } from "../src/Overrides.js"
import { PersistentStorage } from "../src/PersistentStorage.js"
import { type SpecState, SpecStore } from "../src/SpecStore.js"
import type { StatsigOptions } from "../src/StatsigOptions.js"
import { UserAgentParser } from "../src/UserAgentParser.js"

/**
 * The options that evaluation uses.
 *
 * @since 0.1.0
 */
export interface Options extends Pick<StatsigOptions, "environment" | "globalCustomFields"> {
  readonly globalCustomFields?: JsonObject | undefined
}

/**
 * Makes the evaluator. With a `PersistentStorage` in the context, users have sticky assignments.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const store = yield* SpecStore
  const userAgents = yield* UserAgentParser
  const countries = yield* CountryLookup
  const idLists = yield* IdLists
  const logger = yield* EventLogger
  const overrides = yield* Overrides
  const storage = yield* Effect.serviceOption(PersistentStorage)
  const clock = yield* Effect.clock
  const kept = Option.isSome(storage) ? yield* Persistence.make(storage.value) : undefined

  const host: Host = {
    now: () => clock.unsafeCurrentTimeMillis(),
    random: Math.random,
    parseUserAgent: orElse(userAgents.parse, null),
    lookupCountry: orElse(countries.lookup, null),
    isInIdList: orElse(idLists.contains, false),
    environment: options.environment,
    globalCustomFields: options.globalCustomFields
  }
  const engine = new Engine(
    {
      host,
      view: store.current,
      onExperimentRead: (user, name, evaluation, exposed) => {
        if (!exposed) logger.countNonExposed(name)
        else {
          const origin = "parameterStore"
          logger.logExposure({ kind: "experiment", origin, name, user, evaluation, parameter: undefined })
        }
      },
      responses: new ClientInitialize(JSON.stringify({ sdkType, sdkVersion, sessionId: sessionID() }))
    },
    { overrides: total(overrides), persistence: kept?.persistence }
  )

  const metadata = specMetadata(store.current)

  const serviceOf = (engine: Engine): Service => ({
    gate: (user, name, isHidden) => engine.evaluate("gate", user, name, isHidden),
    dynamicConfig: (user, name, isHidden) => engine.evaluate("dynamicConfig", user, name, isHidden),
    experiment: (user, name, isHidden, sticky) => engine.evaluate("experiment", user, name, isHidden, sticky),
    layer: (user, name, isHidden, sticky) => engine.evaluate("layer", user, name, isHidden, sticky),
    look: (user, kind, name, sticky) => engine.look(kind, user, name, sticky),
    experimentByGroupName: (name, groupName) => engine.experimentGroup(name, "groupName", groupName),
    experimentByGroupID: (name, groupID) => engine.experimentGroup(name, "id", groupID),
    parameterStore: (user, name) => engine.parameterStore(user, name),
    explain: (user, kind, name, isHidden, sticky) => engine.explain(kind, user, name, isHidden, sticky),
    writeClientInitializeResponse: (user, options, buffer) =>
      engine.writeClientInitializeResponse(user, options, buffer),
    metadata,
    parsedUserAgent: user => {
      const text = textOf(user.userAgent)
      return text === undefined ? undefined : (host.parseUserAgent(text) ?? undefined)
    },
    overlaid: overlay =>
      serviceOf(
        engine.overlaid({
          overrides: overlay.overrides && total(overlay.overrides),
          persistence: kept && overlay.persistedValues && overLoaded(overlay.persistedValues, kept.persistence)
        })
      ),
    loadPersistedValues: (user, idTypes) => {
      const keys = idTypes.flatMap(idType => stickyKey(user, idType) ?? [])
      return kept === undefined ? Effect.succeed(new Map()) : kept.loadValues(new Set(keys))
    }
  })

  return Evaluator.of(serviceOf(engine))
})

const specMetadata = (current: () => SpecState): SpecMetadata => {
  const names = (table: SpecTable, entity?: string): ReadonlyArray<string> =>
    Array.from(current().snapshot?.specs(table) ?? []).flatMap(([name, spec]) =>
      entity === undefined || spec.entity === entity ? name : []
    )
  const specOf = (kind: "gate" | "experiment" | "layer", name: string): CompiledSpec | undefined =>
    current().snapshot?.spec(kind, name)
  const fieldsOf = (kind: "gate" | "experiment" | "layer") => (name: string) => specOf(kind, name)?.fieldsUsed ?? []

  return {
    gates: () => names("gates", "feature_gate"),
    dynamicConfigs: () => names("dynamicConfigs", "dynamic_config"),
    experiments: () => names("dynamicConfigs", "experiment"),
    autotunes: () => names("dynamicConfigs", "autotune"),
    layers: () => names("layers"),
    parameterStores: () => [...(current().snapshot?.parameterStores.keys() ?? [])],
    experimentGroups: name => {
      const spec = specOf("experiment", name)
      if (spec?.entity !== "experiment") return { isExperimentActive: undefined, groups: [] }
      return {
        isExperimentActive: spec.isActive ?? false,
        groups: spec.rules
          .filter(rule => rule.isExperimentGroup === true)
          .map(rule => ({
            groupName: rule.groupName ?? "",
            ruleID: rule.id,
            idType: rule.idType,
            returnValue: asObject(rule.returnValue)
          }))
      }
    },
    fieldsNeededForGate: fieldsOf("gate"),
    fieldsNeededForDynamicConfig: fieldsOf("experiment"),
    fieldsNeededForExperiment: fieldsOf("experiment"),
    fieldsNeededForLayer: fieldsOf("layer")
  }
}

/** Overrides that never throw: an override that fails is skipped. */
const total = (overrides: OverrideLookup): OverrideLookup => ({
  // Called by every check.
  isEmpty: () => {
    try {
      return overrides.isEmpty()
    } catch {
      return true
    }
  },
  find: orElse(overrides.find, undefined) as OverrideLookup["find"]
})

const orElse =
  <Arguments extends ReadonlyArray<unknown>, A>(f: (...input: Arguments) => A, fallback: A) =>
  (...input: Arguments): A => {
    try {
      return f(...input)
    } catch {
      return fallback
    }
  }

/**
 * The evaluator as a layer.
 *
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Evaluator, never, SpecStore | UserAgentParser | CountryLookup | IdLists | EventLogger | Overrides> =>
  Layer.scoped(Evaluator, make(options))
