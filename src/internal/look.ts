/**
 * Checks by callers who may refuse the value that they get: one who asks a text flag for a number gets an error, and no
 * exposure may be logged then.
 */
import type { Service as Evaluator } from "../Evaluator.js"
import type { EventLogger } from "../EventLogger.js"
import type { Evaluation } from "../engine/evaluate/evaluation.js"
import { byReference, type StickyOptions } from "../engine/evaluate/sticky.js"
import type { ExposureOrigin } from "../engine/events/events.js"
import { type Json, ownValue } from "../engine/json.js"
import type { Parameter, SpecKind } from "../engine/specs.js"
import type { User } from "../engine/user.js"

/** What is asked for: a name of a kind, or one of its parameters. */
export interface LookTarget {
  readonly kind: SpecKind | "parameterStore"
  readonly name: string
  /** A parameter store is always asked for one. */
  readonly parameter: string | undefined
}

/** An answer, and what it owes. */
export interface Look {
  readonly evaluation: Evaluation
  /** Of a parameter store: what its parameter stands for. */
  readonly stored: Json | undefined
  /**
   * Logs the exposures of the check, as its own call would, or counts it as not exposed when the value is not used. To be
   * called once.
   */
  readonly finish: (isUsed: boolean) => void
}

const nothingGiven: StickyOptions = {}

/** How a check of this origin goes by what users keep; `undefined` when it does not. */
export const stickyOf = (options: StickyOptions | undefined, origin: ExposureOrigin): StickyOptions | undefined => {
  switch (origin) {
    case "manual":
      return undefined
    case "parameterStore":
      return byReference
    default:
      return options ?? nothingGiven
  }
}

/** Makes the looks of a service. `tell` hears of each answer, with the name that was asked for. */
export const makeLook = (
  evaluator: Evaluator,
  logger: EventLogger["Type"],
  tell: (kind: SpecKind, user: User, name: string, evaluation: Evaluation) => void
): ((user: User, target: LookTarget) => Look) => {
  const lookAt = (
    user: User,
    kind: SpecKind,
    name: string,
    parameter: string | undefined,
    origin: ExposureOrigin
  ): Omit<Look, "stored"> => {
    const sticky = kind === "experiment" || kind === "layer" ? stickyOf(undefined, origin) : undefined
    const { evaluation, settle } = evaluator.look(user, kind, name, sticky)
    const read =
      kind !== "layer" ? [undefined] : parameter === undefined ? Object.keys(evaluation.value ?? {}) : [parameter]
    return {
      evaluation,
      finish: isUsed => {
        settle(isUsed)
        if (!isUsed) logger.countNonExposed(name)
        else for (const parameter of read) logger.logExposure({ kind, origin, name, user, evaluation, parameter })
        tell(kind, user, name, evaluation)
      }
    }
  }

  const lookIntoStore = (user: User, name: string, parameter: string | undefined): Look => {
    const { evaluation, parameters } = evaluator.parameterStore(user, name)
    logger.countNonExposed(name)
    const found = parameter === undefined ? undefined : parameters?.get(parameter)
    if (found === undefined) return { evaluation, stored: undefined, finish: () => {} }
    if (found.kind === "static") return { evaluation, stored: found.value, finish: () => {} }
    if (found.kind === "gate") {
      const gate = lookAt(user, "gate", found.gateName, undefined, "check")
      const stored = gate.evaluation.bool ? found.passValue : found.failValue
      return { evaluation, stored, finish: gate.finish }
    }
    const { kind, parameterName } = found
    const referred = lookAt(user, kind, referredBy(found), parameterName, "parameterStore")
    const stored = ownValue(referred.evaluation.value ?? {}, parameterName)
    // A parameter that a layer lacks is not read from it.
    const isRead = kind !== "layer" || stored !== undefined
    return { evaluation, stored, finish: isUsed => referred.finish(isUsed && isRead) }
  }

  return (user, { kind, name, parameter }) =>
    kind === "parameterStore"
      ? lookIntoStore(user, name, parameter)
      : { ...lookAt(user, kind, name, parameter, "get"), stored: undefined }
}

const referredBy = (parameter: Exclude<Parameter, { readonly kind: "static" | "gate" }>): string => {
  switch (parameter.kind) {
    case "dynamicConfig":
      return parameter.configName
    case "experiment":
      return parameter.experimentName
    case "layer":
      return parameter.layerName
  }
}
