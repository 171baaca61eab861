/**
 * The arguments of checks and overrides, checked.
 */

import type { ExplainedKind } from "../engine/explain/explanation.js"
import type { JsonObject } from "../engine/json.js"
import { decode } from "../PersistentStorage.js"
import type * as Core from "../Statsig.js"
import { argumentError, asFlag, asText } from "./argument.js"
import { toExactJson, toJsonMap } from "./json.js"
import type { UserPersistedValues } from "./StatsigOptions.js"

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface FeatureGateEvaluationOptions {
  /** Logs no exposure; the check is only counted. Default: false. */
  disableExposureLogging?: boolean
}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface DynamicConfigEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * How the parameters of a store are read.
 *
 * @since 0.1.0
 */
export interface ParameterStoreEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface ExperimentEvaluationOptions extends FeatureGateEvaluationOptions {
  /** The answers that this user keeps. */
  userPersistedValues?: UserPersistedValues
  /** A kept answer gives way to an override rule that the user meets now. */
  enforceOverrides?: boolean
  /** A kept answer is dropped when the user no longer passes targeting. */
  enforceTargeting?: boolean
}

/**
 * How one check is made.
 *
 * @since 0.1.0
 */
export interface LayerEvaluationOptions extends ExperimentEvaluationOptions {}

/** The options of a check, if their members are of the right types. Whatever is no object has no members. */
export const checkable = (options: FeatureGateEvaluationOptions | null | undefined): Core.CheckOptions | undefined => {
  if (options === undefined || options === null) return undefined
  checkFlag(options.disableExposureLogging, "disableExposureLogging")
  return options
}

/**
 * The same of an experiment or a layer. Of kept answers any mistake makes all count as not given.
 *
 * @internal
 */
export const checkableSticky = (
  options: ExperimentEvaluationOptions | null | undefined
): Core.ExperimentCheckOptions | undefined => {
  if (options === undefined || options === null) return undefined
  const { disableExposureLogging, enforceOverrides, enforceTargeting, userPersistedValues } = options
  checkFlag(disableExposureLogging, "disableExposureLogging")
  const values = userPersistedValues === undefined ? undefined : decode(toJsonMap(userPersistedValues))
  checkFlag(enforceOverrides, "enforceOverrides")
  checkFlag(enforceTargeting, "enforceTargeting")
  return { disableExposureLogging, enforceOverrides, enforceTargeting, userPersistedValues: values }
}

const kinds: ReadonlyArray<ExplainedKind> = ["gate", "dynamicConfig", "experiment", "layer", "parameterStore"]

export const asKind = (value: unknown): ExplainedKind => {
  const text = asText(value, "kind")
  const kind = kinds.find(kind => kind === text)
  if (kind === undefined) throw argumentError("InvalidArg", `kind: expected one of ${kinds.join(", ")}`)
  return kind
}

export const asID = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : asText(value, "id")

const checkFlag = (value: unknown, where: string): void => {
  if (value !== undefined) asFlag(value, where)
}

/** Text or a number; anything else counts as none. */
export const asEventValue = (value: unknown): string | number | null => {
  const json = value === undefined ? null : toExactJson(value)
  return typeof json === "string" || typeof json === "number" ? json : null
}

/** An object; anything else counts as none. */
export const asEventMetadata = (value: unknown) => {
  const json = value === undefined ? null : toExactJson(value)
  return typeof json === "object" && !Array.isArray(json) ? (json as JsonObject) : null
}
