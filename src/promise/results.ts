/**
 * The results of checks in the Promise API: objects with own properties, which programs for the official package print,
 * compare and serialise. A value is the caller's own copy, and the getters read from that copy.
 *
 * @since 0.1.0
 */

import { Evaluation, type SecondaryExposure as Exposed, ruleIDOf } from "../engine/evaluate/evaluation.js"
import { isInteger, type ParameterRead, readAny, readTyped } from "../engine/getters.js"
import { copyJson, emptyObject, type Json, type JsonObject, setOwn } from "../engine/json.js"
import { brandClass } from "./classes.js"
import { complain } from "./complain.js"

/**
 * How a result was decided. Unknown details are `null`.
 *
 * @since 0.1.0
 */
export interface EvaluationDetails {
  /** The source of the specs and what was found, e.g. `Network:Recognized`. Empty when the call failed. */
  reason: string
  /** The `time` of the specs, in epoch milliseconds. */
  lcut?: number
  /** When the specs were stored, in epoch milliseconds. */
  receivedAt?: number
  /** The version of the gate, config or layer. */
  version?: number
}

/**
 * A nested gate that was evaluated.
 *
 * @since 0.1.0
 */
export interface SecondaryExposure {
  gate: string
  /** `"true"` or `"false"`. */
  gateValue: string
  ruleID: string
  /** @deprecated The official package declares this name and never sets it either. Read `ruleID`. */
  ruleId: string
}

/**
 * Reads a parameter: its value when it has the type of the default, or passes the guard, else the default.
 *
 * @since 0.1.0
 */
export type TypedGet = <T = unknown>(
  key: string,
  defaultValue: T,
  typeGuard?: ((value: unknown) => value is T | null) | null
) => T

/**
 * Reads a parameter of any type: its value, or the fallback, or `null`.
 *
 * @since 0.1.0
 */
export type UnknownGet = (
  key: string,
  fallback?: boolean | number | string | object | Array<unknown> | null
) => unknown | null

/**
 * What the constructors accept: fields, the JSON text of fields, or nothing.
 *
 * @since 0.1.0
 */
export type RawEvaluation = Record<string, unknown> | string | null

/** The source of a result: raw fields or, from the checks, an engine's record. */
type RawSource = Evaluation | RawFields

interface RawFields {
  readonly secondaryExposures?: Array<SecondaryExposure>
  readonly ruleID?: string
  readonly idType?: string
  readonly details?: {
    readonly reason: string
    readonly lcut: number | null
    readonly received_at: number | null
    readonly version: number | null
  }
  readonly groupName?: string
  readonly allocatedExperimentName?: string
  readonly value?: unknown
}

/**
 * Passes an engine's record as raw fields, which the constructors also accept: a check makes its result directly.
 *
 * @internal
 */
export const recordAsRaw = (record: Evaluation): RawEvaluation => record as object as Record<string, unknown>

const sourceOf = (raw: unknown): RawSource => {
  if (typeof raw !== "string") return Object(raw)
  try {
    return Object(JSON.parse(raw))
  } catch (error) {
    complain("error", `[Statsig] Error parsing BaseEvaluation: ${error}`)
    return {}
  }
}

/** The declared type is that of the official package, whose details contain `null` anyway. */
const resultDetails = (reason: string, lcut: number | null, receivedAt: number | null, version: number | null) =>
  ({ reason, lcut, receivedAt, version }) as EvaluationDetails

const copyExposure = ({ gate, gateValue, ruleID }: Exposed) => ({ gate, gateValue, ruleID }) as SecondaryExposure

/**
 * The members common to all results.
 *
 * @since 0.1.0
 */
export abstract class BaseEvaluation {
  readonly secondaryExposures: Array<SecondaryExposure>
  /** The name that was asked for. */
  readonly name: string
  /** The id of the rule that decided; `default` or `disabled` when none did, empty for an unknown name. */
  readonly ruleID: string
  /** The unit type of the evaluation, e.g. `userID`; empty for an unknown name. */
  readonly idType: string
  readonly details: EvaluationDetails

  /**
   * `showsExposures`: whether a check lists the nested gates that it evaluated.
   *
   * @internal
   */
  constructor(name: string, source: RawSource, showsExposures: boolean) {
    if (source instanceof Evaluation) {
      this.secondaryExposures = showsExposures ? source.secondaryExposures.map(copyExposure) : []
      this.name = name
      this.ruleID = ruleIDOf(source)
      this.idType = source.idType ?? ""
      this.details = resultDetails(
        source.reason,
        source.lcut ?? null,
        source.receivedAt ?? null,
        source.version ?? null
      )
    } else {
      const { details } = source
      this.secondaryExposures = source.secondaryExposures ?? []
      this.name = name
      this.ruleID = source.ruleID ?? ""
      this.idType = source.idType ?? ""
      this.details = details
        ? resultDetails(details.reason, details.lcut, details.received_at, details.version)
        : resultDetails("", 0, 0, 0)
    }
  }

  getEvaluationDetails(): EvaluationDetails {
    return this.details
  }

  getRuleId(): string {
    return this.ruleID
  }

  getIdType(): string {
    return this.idType
  }

  getSecondaryExposures(): Array<SecondaryExposure> {
    return this.secondaryExposures
  }
}

/**
 * The result of a feature gate check.
 *
 * @since 0.1.0
 */
export class FeatureGate extends BaseEvaluation {
  static {
    brandClass(this, "FeatureGate")
  }

  readonly value: boolean

  constructor(name: string, raw: RawEvaluation) {
    const source = sourceOf(raw)
    super(name, source, false)
    this.value = source instanceof Evaluation ? source.bool : source.value === true
  }
}

/** A copy of an evaluation's value. Most are flat: whether one is not is determined once. */
const copyValue = (evaluation: Evaluation): Record<string, unknown> => {
  const value = evaluation.value ?? emptyObject
  const copy: { [key: string]: Json } = { ...value }
  evaluation.deepMembers ??= Object.keys(value).filter(key => typeof value[key] === "object" && value[key] !== null)
  const { deepMembers } = evaluation
  for (let i = 0; i < deepMembers.length; i++) {
    const key = deepMembers[i] as string
    setOwn(copy, key, copyJson(value[key] as Json))
  }
  return copy
}

/** The value as the caller's own copy. Raw fields already are. */
const rawValueOf = (source: RawSource): Record<string, unknown> =>
  source instanceof Evaluation
    ? ((source.booleanValue as unknown as Record<string, unknown>) ?? copyValue(source))
    : ((source.value ?? {}) as Record<string, unknown>)

type Expose = (parameter: string) => void

const typedGet =
  (name: string, value: JsonObject, expose?: Expose): TypedGet =>
  <T>(key: string, defaultValue: T, typeGuard?: ((value: unknown) => value is T | null) | null) =>
    finish(readTyped(value, name, key, defaultValue, typeGuard), key, expose) as T

const unknownGet =
  (value: JsonObject, expose?: Expose): UnknownGet =>
  (key, fallback) =>
    finish(readAny(value, key, fallback), key, expose)

const finish = (read: ParameterRead<unknown>, key: string, expose: Expose | undefined): unknown => {
  if (read.mismatch !== undefined) complain("warn", read.mismatch)
  if (read.exposes && expose !== undefined) expose(key)
  return read.value
}

/**
 * The members common to results with parameters. The typed getters have no counterpart in the official Node package and
 * follow the rules of `get`.
 *
 * @since 0.1.0
 */
export abstract class ValueEvaluation extends BaseEvaluation {
  abstract readonly get: TypedGet

  /** The string of parameter `key`, or the fallback when it is missing or not a string. */
  getString(key: string, fallback: string): string {
    return this.get(key, fallback)
  }

  /** The number of parameter `key`, or the fallback when it is missing or not a number. */
  getFloat(key: string, fallback: number): number {
    return this.get(key, fallback)
  }

  /** The same as `getFloat`. */
  getNumber(key: string, fallback: number): number {
    return this.getFloat(key, fallback)
  }

  /** As `getFloat`; also returns the fallback for a number with a fraction. */
  getInteger(key: string, fallback: number): number {
    return this.get(key, fallback, isInteger)
  }

  /** The boolean of parameter `key`, or the fallback when it is missing or not a boolean. */
  getBoolean(key: string, fallback: boolean): boolean {
    return this.get(key, fallback)
  }

  /** The same as `getBoolean`. */
  getBool(key: string, fallback: boolean): boolean {
    return this.getBoolean(key, fallback)
  }

  /** The array of parameter `key`, or the fallback when it is missing or not an array. */
  getArray(key: string, fallback: Array<unknown>): Array<unknown> {
    return this.get(key, fallback)
  }

  /** The object of parameter `key`, or the fallback when it is missing or not an object. */
  getMap(key: string, fallback: Record<string, unknown>): Record<string, unknown> {
    return this.get(key, fallback)
  }

  /** The same as `getMap`. */
  getObject(key: string, fallback: Record<string, unknown>): Record<string, unknown> {
    return this.getMap(key, fallback)
  }
}

/**
 * The result of a dynamic config check.
 *
 * @since 0.1.0
 */
export class DynamicConfig extends ValueEvaluation {
  static {
    brandClass(this, "DynamicConfig")
  }

  readonly value: Record<string, unknown>
  readonly get: TypedGet
  readonly getValue: UnknownGet

  constructor(name: string, raw: RawEvaluation) {
    const source = sourceOf(raw)
    super(name, source, false)
    const value = rawValueOf(source)
    this.value = value
    this.get = typedGet(name, value as JsonObject)
    this.getValue = unknownGet(value as JsonObject)
  }
}

/**
 * The result of an experiment check.
 *
 * @since 0.1.0
 */
export class Experiment extends ValueEvaluation {
  static {
    brandClass(this, "Experiment")
  }

  /** The group the user is in. */
  readonly groupName: string | null
  readonly value: Record<string, unknown>
  readonly get: TypedGet
  readonly getValue: UnknownGet

  constructor(name: string, raw: RawEvaluation) {
    const source = sourceOf(raw)
    super(name, source, true)
    const value = rawValueOf(source)
    this.groupName = source.groupName ?? null
    this.value = value
    this.get = typedGet(name, value as JsonObject)
    this.getValue = unknownGet(value as JsonObject)
  }

  getGroupName(): string | null {
    return this.groupName
  }
}

/**
 * The result of a layer check. Reading a parameter logs its exposure.
 *
 * @since 0.1.0
 */
export class Layer extends ValueEvaluation {
  static {
    brandClass(this, "Layer")
  }

  /** The group the user is in. */
  readonly groupName: string | null
  /** The experiment of the layer that the user is allocated to. */
  readonly allocatedExperimentName: string | null
  /** All parameters. Reading them here logs nothing. */
  readonly __value: Record<string, unknown>
  readonly get: TypedGet
  readonly getValue: UnknownGet

  /** `exposeFn` is called with each parameter that is read. */
  constructor(exposeFn: (param: string) => void, name: string, raw: RawEvaluation) {
    const source = sourceOf(raw)
    super(name, source, true)
    const value = rawValueOf(source)
    this.groupName = source.groupName ?? null
    this.allocatedExperimentName =
      (source instanceof Evaluation ? source.configDelegate : source.allocatedExperimentName) ?? null
    this.__value = value
    this.get = typedGet(name, value as JsonObject, exposeFn)
    this.getValue = unknownGet(value as JsonObject, exposeFn)
  }

  getGroupName(): string | null {
    return this.groupName
  }

  getAllocatedExperimentName(): string | null {
    return this.allocatedExperimentName
  }
}
