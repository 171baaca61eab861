/**
 * What the checks of the Promise API return: objects with properties of their own, as programs for the official package
 * print, compare and serialise them. A value is the caller's own copy, and the getters read from that copy.
 *
 * @since 0.1.0
 */

import { Evaluation, type SecondaryExposure as Exposed, ruleIDOf } from "../engine/evaluate/evaluation.js"
import { isInteger, type ParameterRead, readAny, readTyped } from "../engine/getters.js"
import { copyJson, emptyObject, type Json, type JsonObject, setOwn } from "../engine/json.js"
import { brandClass } from "./classes.js"
import { complain } from "./complain.js"

/**
 * How an answer came about. What is not known is `null`.
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
 * A gate that was evaluated on the way.
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
 * Reads a parameter whatever its type: its value, or the fallback, or `null`.
 *
 * @since 0.1.0
 */
export type UnknownGet = (
  key: string,
  fallback?: boolean | number | string | object | Array<unknown> | null
) => unknown | null

/**
 * What the constructors take: fields, the JSON text of fields, or nothing.
 *
 * @since 0.1.0
 */
export type RawEvaluation = Record<string, unknown> | string | null

/** What a result is made of: the raw fields, or, from the checks, an engine's record. */
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
 * An engine's record in the place of raw fields, which the constructors take as well: a check makes its result without
 * a detour.
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

/** The declared type is that of the official package, whose details hold `null` all the same. */
const resultDetails = (reason: string, lcut: number | null, receivedAt: number | null, version: number | null) =>
  ({ reason, lcut, receivedAt, version }) as EvaluationDetails

const copyExposure = ({ gate, gateValue, ruleID }: Exposed) => ({ gate, gateValue, ruleID }) as SecondaryExposure

/**
 * What all results have.
 *
 * @since 0.1.0
 */
export abstract class BaseEvaluation {
  readonly secondaryExposures: Array<SecondaryExposure>
  /** The name that was asked for. */
  readonly name: string
  /** The id of the rule that decided; `default` or `disabled` when none did, empty for an unknown name. */
  readonly ruleID: string
  /** The unit the answer is decided for, e.g. `userID`; empty for an unknown name. */
  readonly idType: string
  readonly details: EvaluationDetails

  /**
   * `showsExposures` tells whether a check shows the gates that it evaluated on the way.
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
 * A feature gate's answer.
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

/** A copy of an evaluation's value. Most are flat: what is not is looked up once. */
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

/** The value as a copy of the caller's own. Raw fields are the caller's already. */
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
 * What the results have that hold parameters. The getters by type have no counterpart in the official Node package and
 * follow the rules of `get`.
 *
 * @since 0.1.0
 */
export abstract class ValueEvaluation extends BaseEvaluation {
  abstract readonly get: TypedGet

  /** The text of parameter `key`, or the fallback when it is missing or no text. */
  getString(key: string, fallback: string): string {
    return this.get(key, fallback)
  }

  /** The number of parameter `key`, or the fallback when it is missing or no number. */
  getFloat(key: string, fallback: number): number {
    return this.get(key, fallback)
  }

  /** The same as `getFloat`. */
  getNumber(key: string, fallback: number): number {
    return this.getFloat(key, fallback)
  }

  /** As `getFloat`, and the fallback for a number with a fraction. */
  getInteger(key: string, fallback: number): number {
    return this.get(key, fallback, isInteger)
  }

  /** The truth value of parameter `key`, or the fallback when it is missing or neither true nor false. */
  getBoolean(key: string, fallback: boolean): boolean {
    return this.get(key, fallback)
  }

  /** The same as `getBoolean`. */
  getBool(key: string, fallback: boolean): boolean {
    return this.getBoolean(key, fallback)
  }

  /** The array of parameter `key`, or the fallback when it is missing or no array. */
  getArray(key: string, fallback: Array<unknown>): Array<unknown> {
    return this.get(key, fallback)
  }

  /** The object of parameter `key`, or the fallback when it is missing or no object. */
  getMap(key: string, fallback: Record<string, unknown>): Record<string, unknown> {
    return this.get(key, fallback)
  }

  /** The same as `getMap`. */
  getObject(key: string, fallback: Record<string, unknown>): Record<string, unknown> {
    return this.getMap(key, fallback)
  }
}

/**
 * A dynamic config's answer.
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
 * An experiment's answer.
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
 * A layer's answer. Reading a parameter logs the exposure of that parameter.
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
  /** All parameters. Looking at them here logs nothing. */
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
