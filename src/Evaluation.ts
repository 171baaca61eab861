/**
 * The results of checks: gates, dynamic configs, experiments, layers and parameter stores, each with the details of its
 * evaluation. Results are snapshots; the values they return are copies that the caller may change.
 *
 * @since 0.1.0
 */
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Option from "effect/Option"
import { type Evaluation, ruleIDOf, type SecondaryExposure } from "./engine/evaluate/evaluation.js"
import { isInteger, kindOf, type ParameterRead, readAny, readTyped } from "./engine/getters.js"
import { copyJson, copyJsonObject, emptyObject, type Json, type JsonObject } from "./engine/json.js"
import type { Parameter } from "./engine/specs.js"

export type { SecondaryExposure } from "./engine/evaluate/evaluation.js"
export type { Json, JsonObject } from "./engine/json.js"

/**
 * How a result was decided.
 *
 * @since 0.1.0
 */
export interface EvaluationDetails {
  /** The source of the specs and what was found, e.g. `Network:Recognized`, `Bootstrap:Unrecognized`, `NoValues`. */
  readonly reason: string
  /** The `time` of the specs that decided, in epoch milliseconds. */
  readonly lcut: Option.Option<number>
  /** When those specs were stored, in epoch milliseconds. */
  readonly receivedAt: Option.Option<number>
  /** The version of the gate, config or layer. */
  readonly version: Option.Option<number>
}

/**
 * Receives the warnings of getters whose parameter has another type than the fallback.
 *
 * @internal
 */
export type Warn = (message: string) => void

abstract class Result {
  /**
   * The record behind this result; it is shared and must not be modified.
   *
   * @internal
   */
  readonly evaluation: Evaluation
  /** The name that was asked for. */
  readonly name: string

  constructor(name: string, evaluation: Evaluation) {
    this.name = name
    this.evaluation = evaluation
  }

  /** The id of the rule that decided; `default` or `disabled` when none did, empty for an unknown name. */
  get ruleID(): string {
    return ruleIDOf(this.evaluation)
  }

  /** The unit type of the evaluation, e.g. `userID`; empty for an unknown name. */
  get idType(): string {
    return this.evaluation.idType ?? ""
  }

  get details(): EvaluationDetails {
    const { lcut, reason, receivedAt, version } = this.evaluation
    return {
      reason,
      lcut: Option.fromNullable(lcut),
      receivedAt: Option.fromNullable(receivedAt),
      version: Option.fromNullable(version)
    }
  }

  /** The nested gates that were evaluated. */
  get secondaryExposures(): ReadonlyArray<SecondaryExposure> {
    return this.evaluation.secondaryExposures.map(exposure => ({ ...exposure }))
  }

  /** The printed form. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { idType, name, ruleID, secondaryExposures } = this
    const { lcut, reason, receivedAt, version } = this.evaluation
    return { name, ruleID, idType, details: { reason, lcut, receivedAt, version }, secondaryExposures }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * The result of a feature gate check.
 *
 * @since 0.1.0
 */
export class FeatureGate extends Result {
  get value(): boolean {
    return this.evaluation.bool
  }

  override toJSON(): Readonly<Record<string, unknown>> {
    return { ...super.toJSON(), value: this.value }
  }
}

/** A check of a value that also narrows its type. */
export type TypeGuard<A> = (value: unknown) => value is A

/** The widened type of a literal fallback: `get("size", 10)` returns a number, not a 10. */
export type Widen<A> = A extends string ? string : A extends number ? number : A extends boolean ? boolean : A

/** The getters by type. They have the same names in both APIs. */
abstract class Parameters extends Result {
  /** The parameter `key` when it is present and of the fallback's type, else the fallback. */
  abstract get<A extends Json>(key: string, fallback: A): Widen<A>

  /** The string of parameter `key`, or the fallback when it is missing or not a string. */
  getString(key: string, fallback: string): string {
    return this.get<string>(key, fallback)
  }

  /** The number of parameter `key`, or the fallback when it is missing or not a number. */
  getFloat(key: string, fallback: number): number {
    return this.get<number>(key, fallback)
  }

  /** As `getFloat`; also returns the fallback for a number with a fraction. */
  getInteger(key: string, fallback: number): number {
    const value = this.get<number>(key, fallback)
    return Number.isInteger(value) ? value : fallback
  }

  /** The boolean of parameter `key`, or the fallback when it is missing or not a boolean. */
  getBoolean(key: string, fallback: boolean): boolean {
    return this.get<boolean>(key, fallback)
  }

  /** The same as `getBoolean`. */
  getBool(key: string, fallback: boolean): boolean {
    return this.getBoolean(key, fallback)
  }

  /** The array of parameter `key`, or the fallback when it is missing or not an array. */
  getArray(key: string, fallback: ReadonlyArray<Json>): ReadonlyArray<Json> {
    return this.get<ReadonlyArray<Json>>(key, fallback)
  }

  /** The object of parameter `key`, or the fallback when it is missing or not an object. */
  getMap(key: string, fallback: JsonObject): JsonObject {
    return this.get<JsonObject>(key, fallback)
  }
}

abstract class ValueResult extends Parameters {
  readonly #warn: Warn

  constructor(name: string, evaluation: Evaluation, warn: Warn) {
    super(name, evaluation)
    this.#warn = warn
  }

  /**
   * The parameter `key` when it is present and of the fallback's type, else the fallback.
   *
   * Types are `string`, `number`, `boolean`, `array` and `object`; elements are not checked. A mismatch is reported as
   * a warning. If a guard is given, it alone decides.
   */
  get<A>(key: string, fallback: A, guard?: TypeGuard<Widen<A>>): Widen<A> {
    return this.#finish(key, readTyped(this.#raw, this.name, key, fallback, guard)) as Widen<A>
  }

  override getInteger(key: string, fallback: number): number {
    return this.get<number>(key, fallback, isInteger)
  }

  /** The same as `getFloat`. */
  getNumber(key: string, fallback: number): number {
    return this.getFloat(key, fallback)
  }

  /** The same as `getMap`. */
  getObject(key: string, fallback: JsonObject): JsonObject {
    return this.getMap(key, fallback)
  }

  /** The parameter `key` whatever its type, or `None` when it is missing or null. */
  getValue(key: string): Option.Option<Json> {
    return Option.fromNullable(this.#finish(key, readAny(this.#raw, key, null)) as Json)
  }

  override toJSON(): Readonly<Record<string, unknown>> {
    const { groupName, value = emptyObject } = this.evaluation
    return { ...super.toJSON(), groupName, value: copyJsonObject(value) }
  }

  /** Called for each read that a layer logs. */
  protected expose(_parameter: string): void {}

  get #raw(): JsonObject {
    return this.evaluation.value ?? emptyObject
  }

  #finish(key: string, read: ParameterRead<unknown>): unknown {
    if (read.mismatch !== undefined) this.#warn(read.mismatch)
    if (read.exposes) this.expose(key)
    return read.exposes && kindOf(read.value) !== "function" ? copyJson(read.value as Json) : read.value
  }
}

/**
 * The result of a dynamic config check.
 *
 * @since 0.1.0
 */
export class DynamicConfig extends ValueResult {
  /** All parameters, as a fresh copy. */
  get value(): JsonObject {
    return copyJsonObject(this.evaluation.value ?? emptyObject)
  }
}

/**
 * The result of an experiment check.
 *
 * @since 0.1.0
 */
export class Experiment extends ValueResult {
  /** All parameters, as a fresh copy. */
  get value(): JsonObject {
    return copyJsonObject(this.evaluation.value ?? emptyObject)
  }

  /** The group the user is in. */
  get groupName(): Option.Option<string> {
    return Option.fromNullable(this.evaluation.groupName)
  }

  /** Whether the user is in a group of a running experiment. */
  get isUserInExperiment(): boolean {
    return this.evaluation.isExperimentActive && this.evaluation.isExperimentGroup
  }
}

/**
 * The result of a layer check. Reading a parameter logs its exposure.
 *
 * @since 0.1.0
 */
export class Layer extends ValueResult {
  readonly #onRead: (layer: Layer, parameter: string) => void

  constructor(name: string, evaluation: Evaluation, warn: Warn, onRead: (layer: Layer, parameter: string) => void) {
    super(name, evaluation, warn)
    this.#onRead = onRead
  }

  /** The group the user is in. */
  get groupName(): Option.Option<string> {
    return Option.fromNullable(this.evaluation.groupName)
  }

  /** The experiment of the layer that the user is allocated to. */
  get allocatedExperimentName(): Option.Option<string> {
    return Option.fromNullable(this.evaluation.configDelegate)
  }

  /**
   * All parameters, as a fresh copy, without logging an exposure: to take part in an experiment, read single
   * parameters.
   */
  get unloggedValue(): JsonObject {
    return copyJsonObject(this.evaluation.value ?? emptyObject)
  }

  override toJSON(): Readonly<Record<string, unknown>> {
    return { ...super.toJSON(), allocatedExperimentName: this.evaluation.configDelegate }
  }

  /**
   * Logs the exposure of a parameter without reading it.
   *
   * @internal
   */
  logExposure(parameter: string): void {
    this.#onRead(this, parameter)
  }

  protected override expose(parameter: string): void {
    this.logExposure(parameter)
  }
}

/**
 * Finds the current value of a parameter. `expose` logs the exposure of a layer's parameter once its value is used.
 *
 * @internal
 */
export type ResolveParameter = (parameter: Parameter) => {
  readonly value: Json | undefined
  readonly expose?: () => void
}

/**
 * A parameter store: each name maps to a fixed value, a gate's pass or fail value, or a parameter of a config, an
 * experiment or a layer. Each read is evaluated again and logs the exposure of its target.
 *
 * @since 0.1.0
 */
export class ParameterStore extends Parameters {
  /**
   * The definitions; `undefined` for an unknown store.
   *
   * @internal
   */
  readonly parameters: ReadonlyMap<string, Parameter> | undefined
  readonly #resolve: ResolveParameter

  constructor(
    name: string,
    evaluation: Evaluation,
    parameters: ReadonlyMap<string, Parameter> | undefined,
    resolve: ResolveParameter
  ) {
    super(name, evaluation)
    this.parameters = parameters
    this.#resolve = resolve
  }

  /** The parameter's value when it is of the fallback's type, else the fallback. */
  get<A extends Json>(parameter: string, fallback: A): Widen<A> {
    return this.#read(parameter, fallback) as Widen<A>
  }

  /** The parameter's value whatever its type, or `None` when it is missing or null. */
  getValue(parameter: string): Option.Option<Json> {
    return Option.fromNullable(this.#read(parameter, null))
  }

  #read(name: string, fallback: Json): Json {
    const parameter = this.parameters?.get(name)
    if (parameter === undefined) return fallback
    const { expose, value } = this.#resolve(parameter)
    if (value === undefined) return fallback
    const fits = fallback === null || kindOf(fallback) === kindOf(value)
    if (fits || value === null) expose?.()
    return fits ? copyJson(value) : fallback
  }
}

/**
 * One group of an experiment.
 *
 * @since 0.1.0
 */
export interface ExperimentGroup {
  readonly groupName: string
  readonly ruleID: string
  readonly idType: string
  readonly returnValue: JsonObject
}

/**
 * The groups of an experiment, in the order of the specs. An unknown name, or a config that is no experiment, has no
 * groups, and its activity is `undefined`.
 *
 * @since 0.1.0
 */
export interface ExperimentGroups {
  readonly isExperimentActive: boolean | undefined
  readonly groups: ReadonlyArray<ExperimentGroup>
}
