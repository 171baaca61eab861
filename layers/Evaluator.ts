/**
 * The default Evaluator: the engine over the held specs, with the user agent, country and ID-list services as its
 * surroundings.
 *
 * The services are resolved once, when the layer is built; a check calls plain functions only. A service that throws in
 * a check costs that value, not the check.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CountryLookup } from "../src/CountryLookup.js"
import { Evaluator, type SpecMetadata } from "../src/Evaluator.js"
import { EventLogger } from "../src/EventLogger.js"
import type { Host } from "../src/engine/call.js"
import { makeEngine } from "../src/engine/engine.js"
import { asObject } from "../src/engine/getters.js"
import type { SpecTable } from "../src/engine/snapshot.js"
import type { Spec } from "../src/engine/specs.js"
import type { JsonObject } from "../src/engine/user.js"
import { textOf } from "../src/engine/values.js"
import { IdLists } from "../src/IdLists.js"
import { SpecStore } from "../src/SpecStore.js"
import { UserAgentParser } from "../src/UserAgentParser.js"

/**
 * What evaluation takes from the options.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The tier for users without an environment of their own; without it the specs' default environment counts. */
  readonly environment?: string | undefined
  /** Fields that every user has, behind its own custom ones. */
  readonly globalCustomFields?: JsonObject | undefined
}

/**
 * Makes the evaluator.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const store = yield* SpecStore
  const userAgents = yield* UserAgentParser
  const countries = yield* CountryLookup
  const idLists = yield* IdLists
  const logger = yield* EventLogger
  const clock = yield* Effect.clock

  const host: Host = {
    now: () => clock.unsafeCurrentTimeMillis(),
    random: Math.random,
    parseUserAgent: orElse(userAgents.parse, null),
    lookupCountry: orElse(countries.lookup, null),
    isInIdList: orElse(idLists.contains, false),
    environment: options.environment,
    globalCustomFields: options.globalCustomFields
  }
  const engine = makeEngine(host, store.current, (user, name, evaluation) =>
    logger.logExposure({ kind: "experiment", origin: "get", name, user, evaluation, parameter: undefined })
  )

  const names = (table: SpecTable, entity?: string): ReadonlyArray<string> => {
    const found: Array<string> = []
    for (const [name, spec] of store.current().snapshot?.specs(table) ?? []) {
      if (entity === undefined || spec.entity === entity) found.push(name)
    }
    return found
  }
  const specOf = (kind: "gate" | "experiment" | "layer", name: string): Spec | undefined =>
    store.current().snapshot?.spec(kind, name)?.spec
  const fieldsOf = (kind: "gate" | "experiment" | "layer") => (name: string) => specOf(kind, name)?.fieldsUsed ?? []

  const metadata: SpecMetadata = {
    gates: () => names("gates", "feature_gate"),
    dynamicConfigs: () => names("dynamicConfigs", "dynamic_config"),
    experiments: () => names("dynamicConfigs", "experiment"),
    autotunes: () => names("dynamicConfigs", "autotune"),
    layers: () => names("layers"),
    parameterStores: () => [...(store.current().snapshot?.parameterStores.keys() ?? [])],
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

  return Evaluator.of({
    gate: (user, name, disableExposureLogging) => engine.evaluate("gate", user, name, disableExposureLogging),
    dynamicConfig: (user, name, disableExposureLogging) =>
      engine.evaluate("dynamicConfig", user, name, disableExposureLogging),
    experiment: (user, name, disableExposureLogging) =>
      engine.evaluate("experiment", user, name, disableExposureLogging),
    layer: (user, name, disableExposureLogging) => engine.evaluate("layer", user, name, disableExposureLogging),
    experimentByGroupName: (name, groupName) => engine.experimentGroup(name, "groupName", groupName),
    experimentByGroupID: (name, groupID) => engine.experimentGroup(name, "id", groupID),
    parameterStore: engine.parameterStore,
    metadata,
    parsedUserAgent: user => {
      const text = textOf(user.userAgent)
      return text === undefined ? undefined : (host.parseUserAgent(text) ?? undefined)
    }
  })
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
): Layer.Layer<Evaluator, never, SpecStore | UserAgentParser | CountryLookup | IdLists | EventLogger> =>
  Layer.effect(Evaluator, make(options))
