/**
 * The parameter store of the Promise API.
 *
 * @since 0.1.0
 */

import type { ParameterStore as CoreParameterStore } from "../Evaluation.js"
import { parameterMembers } from "../engine/clientInitialize/text.js"
import { copyJsonObject, type Json } from "../engine/json.js"
import type { Parameter, ParameterSpec } from "../engine/specs.js"
import { asText } from "./argument.js"
import { brandClass } from "./classes.js"
import { toExactJson } from "./json.js"
import type { EvaluationDetails } from "./results.js"

/**
 * A parameter store: each name maps to a fixed value, a gate's pass or fail value, or a parameter of a config, an
 * experiment or a layer. Each read is evaluated again and logs the exposure of its target. `getParameterStore` makes
 * it.
 *
 * @since 0.1.0
 */
export class ParameterStore {
  static {
    brandClass(this, "ParameterStore")
  }

  readonly #store: CoreParameterStore
  readonly #disableExposureLogging: boolean
  #name: string

  /** @internal */
  constructor(store: CoreParameterStore, disableExposureLogging: boolean) {
    this.#store = store
    this.#disableExposureLogging = disableExposureLogging
    this.#name = store.name
  }

  get name(): string {
    return this.#name
  }

  set name(name: string) {
    this.#name = asText(name, "name")
  }

  /**
   * The parameter's value when it is of the fallback's type, else the fallback. Without a fallback: the value whatever
   * its type, or `null`. Throws for a name that is not a string, and for a fallback that cannot be JSON.
   */
  getValue<T>(paramName: string, fallback?: T): T {
    const name = asText(paramName, "paramName")
    return this.#store.get<Json>(name, fallback === undefined ? null : (toExactJson(fallback) ?? null)) as T
  }

  /**
   * The string of the parameter, or the fallback. Like the other typed getters it has no counterpart in the official
   * package.
   */
  getString(paramName: string, fallback: string): string {
    return this.getValue(paramName, fallback)
  }

  /** The number of the parameter, or the fallback. */
  getFloat(paramName: string, fallback: number): number {
    return this.getValue(paramName, fallback)
  }

  /** As `getFloat`; also returns the fallback for a number with a fraction. */
  getInteger(paramName: string, fallback: number): number {
    const value = this.getValue(paramName, fallback)
    return Number.isInteger(value) ? value : fallback
  }

  /** The boolean of the parameter, or the fallback. */
  getBoolean(paramName: string, fallback: boolean): boolean {
    return this.getValue(paramName, fallback)
  }

  /** The same as `getBoolean`. */
  getBool(paramName: string, fallback: boolean): boolean {
    return this.getBoolean(paramName, fallback)
  }

  /** The array of the parameter, or the fallback. */
  getArray(paramName: string, fallback: Array<unknown>): Array<unknown> {
    return this.getValue(paramName, fallback)
  }

  /** The object of the parameter, or the fallback. */
  getMap(paramName: string, fallback: Record<string, unknown>): Record<string, unknown> {
    return this.getValue(paramName, fallback)
  }

  /** How the store was found. Unknown details are absent. */
  getEvaluationDetails(): EvaluationDetails {
    const { lcut, reason, receivedAt } = this.#store.evaluation
    return {
      reason,
      ...(lcut === undefined ? {} : { lcut }),
      ...(receivedAt === undefined ? {} : { receivedAt })
    }
  }

  /** The store and the definitions of its parameters. */
  // biome-ignore lint/suspicious/noExplicitAny: as the official package declares it
  toJSON(): Record<string, any> {
    const { lcut, reason, receivedAt } = this.#store.evaluation
    return {
      name: this.#store.name,
      details: { reason, lcut: lcut ?? null, received_at: receivedAt ?? null, version: null },
      parameters: Object.fromEntries(
        Array.from(this.#store.parameters ?? [], ([name, parameter]) => [name, shownParameter(parameter)])
      ),
      options: { disable_exposure_logging: this.#disableExposureLogging }
    }
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

/** A definition as in the payload. That of an override has only the fields that decide it. */
const shownParameter = (parameter: Parameter | ParameterSpec): Record<string, unknown> => ({
  name: "name" in parameter ? (parameter.name ?? null) : null,
  ref_type: "refType" in parameter ? parameter.refType : refTypeOf(parameter.kind),
  ...("parameterType" in parameter ? { param_type: parameter.parameterType } : {}),
  ...copyJsonObject(parameterMembers(parameter, name => name))
})

const refTypeOf = (kind: Parameter["kind"]): string => (kind === "dynamicConfig" ? "dynamic_config" : kind)
