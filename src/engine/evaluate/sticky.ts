/**
 * Sticky assignments: an assignment is reused for as long as the experiment runs.
 *
 * The engine receives a user's sticky assignments and reports what to save and delete; it never waits for a storage.
 */

import { compileUnit } from "../conditions/conditions.js"
import { textOf } from "../conditions/values.js"
import { asObject, copyJson, type Json, literalOf } from "../json.js"
import type { User } from "../user.js"
import { Evaluation, type Question, type SecondaryExposure } from "./evaluation.js"

/** A sticky assignment in its stored form: names and `null`s are those of the JSON. */
export interface StickyValues {
  readonly value: boolean
  /** A value that is not an object counts as an empty one. */
  readonly json_value: Json
  readonly rule_id: string | null
  readonly group_name: string | null
  readonly secondary_exposures: ReadonlyArray<SecondaryExposure>
  readonly undelegated_secondary_exposures: ReadonlyArray<SecondaryExposure> | null
  /** For a layer: the experiment that decided. */
  readonly config_delegate: string | null
  readonly explicit_parameters: ReadonlyArray<string> | null
  /** The `time` of the specs that decided, in epoch milliseconds. */
  readonly time: number | null
  readonly config_version: number | null
}

/** A user's sticky assignments, by the names of experiments and layers. */
export type UserPersistedValues = ReadonlyMap<string, StickyValues>

/** Receives changes to store. Called within checks: returns at once and never throws. */
export interface Persistence {
  /** The sticky assignments stored under the key, if already known. */
  readonly valuesOf: (key: string) => UserPersistedValues | undefined
  readonly save: (key: string, name: string, values: StickyValues) => void
  readonly delete: (key: string, name: string) => void
}

/** How one check uses sticky assignments. */
export interface StickyOptions {
  /** Used instead of the persistence's values. */
  readonly userPersistedValues?: UserPersistedValues | undefined
  /** The sticky assignment is replaced if the user matches an override rule now. */
  readonly enforceOverrides?: boolean | undefined
  /** The sticky assignment is replaced if the user fails targeting now. */
  readonly enforceTargeting?: boolean | undefined
  /**
   * The evaluation is read by a condition or a parameter. As in the official SDK, the sticky assignment is then stored
   * under the name that was asked for, not the name that answered, and an unknown id type counts as empty.
   */
  readonly isReference?: boolean | undefined
}

/** The options for evaluations that are read by something else. */
export const byReference: StickyOptions = { isReference: true }

/** Selects the rules that one evaluation considers. */
export type RuleFilter = (ruleID: string) => boolean

/** What a decision on a sticky assignment needs from the engine. */
export interface StickyHost {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Whether an experiment is active; `undefined` if it does not exist or does not say. */
  readonly isActive: (experiment: string) => boolean | undefined
  /** Whether the user passes the experiment by the filtered rules alone. */
  readonly passes: (experiment: string, filter: RuleFilter) => boolean
  /** Is notified of the key and name that were looked up, and the values found. */
  readonly looked?: (key: string, name: string, values: UserPersistedValues | undefined) => void
}

const isTargeting: RuleFilter = id => id === "targetingGate" || id === "inlineTargetingRules"
const isOverride: RuleFilter = id => id.endsWith("override")

/**
 * The storage key of a user's unit ID; `undefined` if the user lacks it. A unit ID without a text form counts as empty.
 */
export const stickyKey = (user: User, idType: string): string | undefined => {
  const unit = compileUnit(idType)(user)
  return unit === undefined ? undefined : `${textOf(unit) ?? ""}:${idType}`
}

/** The current evaluation or the sticky assignment, whichever applies. */
export const settle = (
  question: Question,
  found: Evaluation,
  options: StickyOptions,
  persistence: Persistence,
  host: StickyHost
): Evaluation => {
  const { kind, user } = question
  const name = options.isReference ? question.name : found.name
  const idType = options.isReference ? (found.idType ?? "") : found.idType
  const key = idType === undefined ? undefined : stickyKey(user, idType)
  if (key === undefined || name === undefined) return found
  const values = options.userPersistedValues ?? persistence.valuesOf(key)
  host.looked?.(key, name, values)
  const kept = values?.get(name)
  // A layer has no active state of its own, so that of the experiment that decided counts.
  const decider = kind === "layer" ? (kept?.config_delegate ?? undefined) : name
  const delegateIsActive = kind === "layer" && decider !== undefined ? host.isActive(decider) : undefined
  if (values === undefined || !(delegateIsActive ?? found.isExperimentActive)) {
    persistence.delete(key, name)
    return found
  }
  if (kept === undefined) {
    if (found.isExperimentActive && found.isExperimentGroup) persistence.save(key, name, stickyValues(found))
    return found
  }
  const givesWay =
    decider !== undefined &&
    ((options.enforceTargeting === true && host.passes(decider, isTargeting)) ||
      (options.enforceOverrides === true && host.passes(decider, isOverride)))
  return givesWay ? found : fromSticky(kept, found, host.now())
}

const copyExposures = (exposures: ReadonlyArray<SecondaryExposure>) => exposures.map(exposure => ({ ...exposure }))

/** The evaluation in its stored form; it shares nothing with the record. */
const stickyValues = (found: Evaluation): StickyValues => ({
  value: found.bool,
  json_value: found.value === undefined ? null : copyJson(literalOf(found.value)),
  rule_id: found.ruleID ?? null,
  group_name: found.groupName ?? null,
  secondary_exposures: copyExposures(found.secondaryExposures),
  undelegated_secondary_exposures:
    found.undelegatedSecondaryExposures === undefined ? null : copyExposures(found.undelegatedSecondaryExposures),
  config_delegate: found.configDelegate ?? null,
  explicit_parameters: found.explicitParameters === undefined ? null : [...found.explicitParameters],
  time: found.lcut ?? null,
  config_version: found.version ?? null
})

/**
 * The sticky assignment as a record. Fields that control how its exposure is logged are not stored: sampling rate,
 * forwarding of all exposures, nested gates that must be logged and the config mapping come from the current
 * evaluation.
 */
const fromSticky = (kept: StickyValues, found: Evaluation, now: number): Evaluation => {
  const record = new Evaluation()
  record.name = found.name
  record.idType = found.idType
  record.bool = kept.value
  record.value = asObject(kept.json_value)
  record.ruleID = kept.rule_id ?? undefined
  record.groupName = kept.group_name ?? undefined
  record.secondaryExposures = kept.secondary_exposures
  record.undelegatedSecondaryExposures = kept.undelegated_secondary_exposures ?? undefined
  record.configDelegate = kept.config_delegate ?? undefined
  record.explicitParameters = kept.explicit_parameters ?? undefined
  record.version = kept.config_version ?? undefined
  record.isExperimentActive = true
  record.isExperimentGroup = true
  record.details = { reason: "Persisted", lcut: kept.time ?? undefined, receivedAt: now, remote: found.remote }
  record.samplingRate = found.samplingRate
  record.forwardAllExposures = found.forwardAllExposures
  record.hasUnsampledSecondaryExposure = found.hasUnsampledSecondaryExposure
  record.overrideConfigName = found.overrideConfigName
  return record
}

/** The values loaded for one request, by storage key. A missing key could not be loaded. */
export type LoadedValues = ReadonlyMap<string, ReadonlyMap<string, StickyValues>>

/**
 * A persistence over loaded values. Changes take effect at once and are passed on to `behind`.
 *
 * Nothing is changed for keys that were not loaded: an assignment must not be lost because it could not be read.
 */
export const overLoaded = (loaded: LoadedValues, behind: Persistence): Persistence => {
  const users = new Map(Array.from(loaded, ([key, values]) => [key, new Map(values)]))
  return {
    valuesOf: key => users.get(key),
    save: (key, name, values) => {
      if (users.get(key)?.set(name, values) !== undefined) behind.save(key, name, values)
    },
    delete: (key, name) => {
      if (users.get(key)?.delete(name)) behind.delete(key, name)
    }
  }
}
