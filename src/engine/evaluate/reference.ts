/**
 * The reference of a parameter in a parameter store, in one shape for all kinds.
 */
import { type Json, ownValue } from "../json.js"
import type { Parameter, SpecKind } from "../specs.js"
import type { Evaluation } from "./evaluation.js"
import { byReference, type StickyOptions } from "./sticky.js"

/** A check that provides a parameter's value. */
export interface Reference {
  readonly kind: SpecKind
  readonly name: string
  /** The parameter that is read; `undefined` for a gate. */
  readonly parameter: string | undefined
  /** The kind of call that its exposure counts as. */
  readonly origin: "check" | "parameterStore"
  readonly sticky: StickyOptions | undefined
  /** The value in the evaluation; `undefined` if it lacks the parameter. */
  readonly valueIn: (evaluation: Evaluation) => Json | undefined
}

/** The reference of a parameter without a static value. */
export const referenceOf = (parameter: Exclude<Parameter, { readonly kind: "static" }>): Reference => {
  switch (parameter.kind) {
    case "gate":
      return {
        kind: "gate",
        name: parameter.gateName,
        parameter: undefined,
        origin: "check",
        sticky: undefined,
        valueIn: ({ bool }) => (bool ? parameter.passValue : parameter.failValue)
      }
    case "dynamicConfig":
      return toParameter("dynamicConfig", parameter.configName, parameter.parameterName)
    case "experiment":
      return toParameter("experiment", parameter.experimentName, parameter.parameterName)
    case "layer":
      return toParameter("layer", parameter.layerName, parameter.parameterName)
  }
}

const toParameter = (kind: SpecKind, name: string, parameter: string): Reference => ({
  kind,
  name,
  parameter,
  origin: "parameterStore",
  sticky: kind === "dynamicConfig" ? undefined : byReference,
  valueIn: ({ value }) => (value === undefined ? undefined : ownValue(value, parameter))
})
