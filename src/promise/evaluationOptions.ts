/**
 * Checks the arguments of checks and overrides.
 */

import type { ExplainedKind } from "../engine/explain/explanation.js"
import type { JsonObject } from "../engine/json.js"
import { decode } from "../PersistentStorage.js"
import type * as Core from "../Statsig.js"
import { argumentError, asFlag, asText } from "./argument.js"
import { toExactJson, toJsonMap } from "./json.js"
import type { UserPersistedValues } from "./StatsigOptions.js"

/**
 * Options of one gate check.
 *
 * @since 0.1.0
 */
export interface FeatureGateEvaluationOptions {
  /** Logs no exposure; the check is only counted. Default: false. */
  disableExposureLogging?: boolean
}

/**
 * Options of one dynamic config check.
 *
 * @since 0.1.0
 */
export interface DynamicConfigEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * Options of reading a store's parameters.
 *
 * @since 0.1.0
 */
export interface ParameterStoreEvaluationOptions extends FeatureGateEvaluationOptions {}

/**
 * Options of one experiment check.
 *
 * @since 0.1.0
 */
export interface ExperimentEvaluationOptions extends FeatureGateEvaluationOptions {
  /** The sticky assignments of this user. */
  userPersistedValues?: UserPersistedValues
  /** An override rule that the user now matches replaces the sticky assignment. */
  enforceOverrides?: boolean
  /** The sticky assignment is dropped when the user no longer passes targeting. */
  enforceTargeting?: boolean
}

/**
 * Options of one layer check.
 *
 * @since 0.1.0
 */
export interface LayerEvaluationOptions extends ExperimentEvaluationOptions {}

/** The options of a check, if their members have the right types. Anything but an object has no members. */
export const checkable = (options: FeatureGateEvaluationOptions | null | undefined): Core.CheckOptions | undefined => {
  if (options === undefined || options === null) return undefined
  checkFlag(options.disableExposureLogging, "disableExposureLogging")
  return options
}

/**
 * The same for an experiment or a layer. Any error in the sticky assignments makes all of them count as absent.
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

/** The kind of a check that is explained. Throws for any other text. */
export const asKind = (value: unknown): ExplainedKind => {
  const text = asText(value, "kind")
  const kind = kinds.find(kind => kind === text)
  if (kind === undefined) throw argumentError("InvalidArg", `kind: expected one of ${kinds.join(", ")}`)
  return kind
}

/** The ID that an override is for; `undefined` for everyone. */
export const asID = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : asText(value, "id")

const checkFlag = (value: unknown, where: string): void => {
  if (value !== undefined) asFlag(value, where)
}

/** A string or a number; anything else counts as none. */
export const asEventValue = (value: unknown): string | number | null => {
  const json = value === undefined ? null : toExactJson(value)
  return typeof json === "string" || typeof json === "number" ? json : null
}

/** An object; anything else counts as none. */
export const asEventMetadata = (value: unknown) => {
  const json = value === undefined ? null : toExactJson(value)
  return typeof json === "object" && !Array.isArray(json) ? (json as JsonObject) : null
}
