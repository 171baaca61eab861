/**
 * Persistent assignment: an answer that was given once is given again for as long as the experiment runs.
 *
 * The engine is handed what a user keeps and says what is to be saved and deleted; it never waits for a storage.
 */

import { compileUnit } from "../conditions/conditions.js"
import { textOf } from "../conditions/values.js"
import { asObject, copyJson, type Json, literalOf } from "../json.js"
import type { User } from "../user.js"
import { Evaluation, type Question, type SecondaryExposure } from "./evaluation.js"

/** A kept answer, in the form in which it is stored: names and `null`s are those of the JSON. */
export interface StickyValues {
  readonly value: boolean
  /** What is no object stands for an empty one. */
  readonly json_value: Json
  readonly rule_id: string | null
  readonly group_name: string | null
  readonly secondary_exposures: ReadonlyArray<SecondaryExposure>
  readonly undelegated_secondary_exposures: ReadonlyArray<SecondaryExposure> | null
  /** Of a layer: the experiment that decided. */
  readonly config_delegate: string | null
  readonly explicit_parameters: ReadonlyArray<string> | null
  /** The `time` of the specs that decided, in epoch milliseconds. */
  readonly time: number | null
  readonly config_version: number | null
}

/** What a user keeps, by the names of experiments and layers. */
export type UserPersistedValues = ReadonlyMap<string, StickyValues>

/** Takes what is to be stored. Called within checks: returns at once and never throws. */
export interface Persistence {
  /** What the user behind the key keeps, where that is known beforehand. */
  readonly valuesOf: (key: string) => UserPersistedValues | undefined
  readonly save: (key: string, name: string, values: StickyValues) => void
  readonly delete: (key: string, name: string) => void
}

/** How kept answers are used in one check. */
export interface StickyOptions {
  /** In place of what the persistence knows. */
  readonly userPersistedValues?: UserPersistedValues | undefined
  /** The kept answer gives way to an override rule that the user meets now. */
  readonly enforceOverrides?: boolean | undefined
  /** The kept answer gives way when the user fails targeting now. */
  readonly enforceTargeting?: boolean | undefined
  /**
   * The answer is read for something else, a condition or a parameter. What is kept is then known by the name that was
   * asked for, where it else is by the name that answered, and an unknown id type is the empty one: so the official SDK.
   */
  readonly isReference?: boolean | undefined
}

/** How answers are read that are wanted for something else. */
export const byReference: StickyOptions = { isReference: true }

/** Tells the rules of one evaluation that are looked at. */
export type RuleFilter = (ruleID: string) => boolean

/** What deciding about a kept answer asks of the engine. */
export interface StickyHost {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Whether an experiment is active; `undefined` when it does not exist or does not say. */
  readonly isActive: (experiment: string) => boolean | undefined
  /** Whether the user passes the experiment by the filtered rules alone. */
  readonly passes: (experiment: string, filter: RuleFilter) => boolean
  /** Hears under which key and name was looked, and what is known of the user. */
  readonly looked?: (key: string, name: string, values: UserPersistedValues | undefined) => void
}

const isTargeting: RuleFilter = id => id === "targetingGate" || id === "inlineTargetingRules"
const isOverride: RuleFilter = id => id.endsWith("override")

/** The storage key of a user's unit, `undefined` when the user lacks it. A unit without a text has the empty one. */
export const stickyKey = (user: User, idType: string): string | undefined => {
  const unit = compileUnit(idType)(user)
  return unit === undefined ? undefined : `${textOf(unit) ?? ""}:${idType}`
}

/** The answer to give: the one that was found now, or the one that the user keeps. */
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
  // A layer has no activity of its own to go by: the experiment that once decided has.
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

/** The answer as it is stored; nothing in it is shared with the record. */
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
 * The kept answer as a record. What decides how its exposure is logged is not kept: sampling rate, forwarding of all
 * exposures, nested gates that must be logged and the config mapping are those of the answer of now.
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
  record.reason = "Persisted"
  record.lcut = kept.time ?? undefined
  record.receivedAt = now
  record.remote = found.remote
  record.samplingRate = found.samplingRate
  record.forwardAllExposures = found.forwardAllExposures
  record.hasUnsampledSecondaryExposure = found.hasUnsampledSecondaryExposure
  record.overrideConfigName = found.overrideConfigName
  return record
}

/** What was loaded for one request: by storage key. A key that is missing could not be loaded. */
export type LoadedValues = ReadonlyMap<string, ReadonlyMap<string, StickyValues>>

/**
 * A persistence that knows what users keep. Changes go on to the one behind it, and are known at once.
 *
 * Of a user that is not among the loaded nothing is known, and so nothing is changed: an assignment must not be lost
 * because it could not be read.
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
