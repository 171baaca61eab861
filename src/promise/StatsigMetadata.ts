/**
 * An instance's metadata of the specs: names, groups, fields.
 */
import * as Option from "effect/Option"
import { copyJsonObject } from "../engine/json.js"
import type { Service } from "../Statsig.js"
import { asText } from "./argument.js"
import { type StatsigUser, userOf } from "./StatsigUser.js"

/**
 * One group of an experiment.
 *
 * @since 0.1.0
 */
export interface ExperimentGroup {
  groupName: string
  ruleId: string
  idType: string
  // biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
  returnValue: Record<string, any>
}

/**
 * The groups of an experiment, in the order of the specs.
 *
 * @since 0.1.0
 */
export interface ExperimentGroupsResult {
  /** Absent when the name is not an experiment. */
  isExperimentActive?: boolean
  groups: Array<ExperimentGroup>
}

/**
 * The methods of a `Statsig` instance that read the specs without a check.
 *
 * @since 0.1.0
 */
export abstract class StatsigMetadata {
  readonly #statsig: Service

  /** @internal */
  protected constructor(statsig: Service) {
    this.#statsig = statsig
  }

  /** The groups of an experiment. */
  getExperimentGroups(experimentName: string): ExperimentGroupsResult {
    const { groups, isExperimentActive } = this.#statsig.metadata.experimentGroups(
      asText(experimentName, "experimentName")
    )
    return {
      ...(isExperimentActive === undefined ? {} : { isExperimentActive }),
      groups: groups.map(({ groupName, idType, returnValue, ruleID }) => ({
        groupName,
        ruleId: ruleID,
        idType,
        returnValue: copyJsonObject(returnValue)
      }))
    }
  }

  /** The names of all gates, without holdouts and segments. */
  getFeatureGateList(): Array<string> {
    return [...this.#statsig.metadata.gates()]
  }

  getDynamicConfigList(): Array<string> {
    return [...this.#statsig.metadata.dynamicConfigs()]
  }

  getExperimentList(): Array<string> {
    return [...this.#statsig.metadata.experiments()]
  }

  getAutotuneList(): Array<string> {
    return [...this.#statsig.metadata.autotunes()]
  }

  getLayerList(): Array<string> {
    return [...this.#statsig.metadata.layers()]
  }

  getParameterStoreList(): Array<string> {
    return [...this.#statsig.metadata.parameterStores()]
  }

  /** The user fields that the gate reads. */
  getFieldsNeededForGate(gateName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForGate(asText(gateName, "gateName"))]
  }

  /** The user fields that the dynamic config reads. */
  getFieldsNeededForDynamicConfig(configName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForDynamicConfig(asText(configName, "configName"))]
  }

  /** The user fields that the experiment reads. */
  getFieldsNeededForExperiment(experimentName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForExperiment(asText(experimentName, "experimentName"))]
  }

  /** The user fields that the layer reads. */
  getFieldsNeededForLayer(layerName: string): Array<string> {
    return [...this.#statsig.metadata.fieldsNeededForLayer(asText(layerName, "layerName"))]
  }

  /** The same as `getFieldsNeededForGate`, by its Python name. */
  getGateFieldsNeeded(gateName: string): Array<string> {
    return this.getFieldsNeededForGate(gateName)
  }

  /** The same as `getFieldsNeededForDynamicConfig`, by its Python name. */
  getDynamicConfigFieldsNeeded(configName: string): Array<string> {
    return this.getFieldsNeededForDynamicConfig(configName)
  }

  /** The same as `getFieldsNeededForExperiment`, by its Python name. */
  getExperimentFieldsNeeded(experimentName: string): Array<string> {
    return this.getFieldsNeededForExperiment(experimentName)
  }

  /** The same as `getFieldsNeededForLayer`, by its Python name. */
  getLayerFieldsNeeded(layerName: string): Array<string> {
    return this.getFieldsNeededForLayer(layerName)
  }

  /** The user's parsed `userAgent`; `null` without one. */
  getParsedUserAgentValueForUser(user: StatsigUser): Record<string, string | undefined | null> | null {
    return Option.match(this.#statsig.getParsedUserAgent(userOf(user)), {
      onNone: () => null,
      onSome: ({ browserName, browserVersion, osName, osVersion }) => ({
        os_name: osName,
        os_version: osVersion,
        browser_name: browserName,
        browser_version: browserVersion
      })
    })
  }
}
