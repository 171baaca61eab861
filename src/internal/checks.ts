/**
 * One check: evaluate, log the exposure, notify the listeners. Both APIs call it and only shape the results.
 *
 * Everything here is synchronous and total, without Effect.
 */
import type { Service as Evaluator } from "../Evaluator.js"
import type { EventLogger } from "../EventLogger.js"
import type { Evaluation, Question } from "../engine/evaluate/evaluation.js"
import { type Reference, referenceOf } from "../engine/evaluate/reference.js"
import { byReference, type StickyOptions } from "../engine/evaluate/sticky.js"
import type { ExposureOrigin } from "../engine/events/events.js"
import type { ExplainedKind, Explanation } from "../engine/explain/explanation.js"
import type { Json } from "../engine/json.js"
import type { Parameter, SpecKind } from "../engine/specs.js"
import type { User } from "../engine/user.js"
import type { Listeners } from "./listeners.js"

/** Options of one check. Gates and dynamic configs use only the first. */
export interface CheckSettings extends StickyOptions {
  readonly disableExposureLogging?: boolean | undefined
}

/** A check and its evaluation. */
export interface Checked extends Question {
  readonly evaluation: Evaluation
}

/** A checked layer; `expose` logs that one of its parameters was read. */
export interface CheckedLayer {
  readonly evaluation: Evaluation
  readonly expose: (parameter: string) => void
}

/** The resolved value of a parameter store's parameter; `expose` logs that it was read. */
export interface ResolvedParameter {
  readonly value: Json | undefined
  readonly expose?: () => void
}

/** The target of a look: a name of a kind, or one of its parameters. */
export interface LookTarget {
  readonly kind: SpecKind | "parameterStore"
  readonly name: string
  /** Required for a parameter store. */
  readonly parameter: string | undefined
}

/** A check whose caller may reject the value: reading a text flag as a number gives an error and logs nothing. */
export interface Look {
  readonly evaluation: Evaluation
  /** For a parameter store: the parameter's value. */
  readonly stored: Json | undefined
  /**
   * Logs the exposures of the check, as its own call would; if the value is not used, counts it as not exposed. Call it
   * once.
   */
  readonly finish: (isUsed: boolean) => void
}

const noSettings: CheckSettings = {}

const isDisabled = (settings: CheckSettings | undefined): boolean => settings?.disableExposureLogging === true

/** How a check uses sticky assignments; `undefined` if it does not. */
const stickyOf = (
  kind: SpecKind | "parameterStore",
  settings: CheckSettings | undefined,
  origin: ExposureOrigin
): StickyOptions | undefined => {
  if ((kind !== "experiment" && kind !== "layer") || origin === "manual") return undefined
  return origin === "parameterStore" ? byReference : (settings ?? noSettings)
}

/** The checks on one evaluator. */
export class Checks {
  readonly #evaluator: Evaluator
  readonly #logger: EventLogger["Type"]
  readonly #listeners: Listeners<Checked>

  constructor(evaluator: Evaluator, logger: EventLogger["Type"], listeners: Listeners<Checked>) {
    this.#evaluator = evaluator
    this.#logger = logger
    this.#listeners = listeners
  }

  /** Whether a gate is open. */
  checkGate(user: User, name: string, settings?: CheckSettings): boolean {
    return this.#gate(user, name, settings).bool
  }

  /** As in the official SDK, this one always logs the experiments that an `experiment_group` condition reads. */
  gate(user: User, name: string, settings?: CheckSettings): Evaluation {
    const evaluation = this.#evaluator.gate(user, name, false)
    this.#log("gate", user, name, evaluation, isDisabled(settings) ? undefined : "get")
    return evaluation
  }

  dynamicConfig(user: User, name: string, settings?: CheckSettings, origin: ExposureOrigin = "get"): Evaluation {
    const disabled = isDisabled(settings)
    const evaluation = this.#evaluator.dynamicConfig(user, name, disabled)
    this.#log("dynamicConfig", user, name, evaluation, disabled ? undefined : origin)
    return evaluation
  }

  experiment(user: User, name: string, settings?: CheckSettings, origin: ExposureOrigin = "get"): Evaluation {
    const disabled = isDisabled(settings)
    const sticky = stickyOf("experiment", settings, origin)
    const evaluation = this.#evaluator.experiment(user, name, disabled, sticky)
    this.#log("experiment", user, name, evaluation, disabled ? undefined : origin)
    return evaluation
  }

  /** Logs nothing: each parameter that is read must be exposed. */
  layer(user: User, name: string, settings?: CheckSettings, origin: ExposureOrigin = "get"): CheckedLayer {
    const disabled = isDisabled(settings)
    const evaluation = this.#evaluator.layer(user, name, disabled, stickyOf("layer", settings, origin))
    if (disabled) this.#logger.countNonExposed(name)
    this.#tell("layer", user, name, evaluation)
    const expose = (parameter: string) => {
      if (disabled) this.#logger.countNonExposed(name)
      else this.#logger.logExposure({ kind: "layer", origin, name, user, evaluation, parameter })
    }
    return { evaluation, expose }
  }

  /** Logs the current evaluation, regardless of earlier checks. Listeners are not notified. */
  exposeManually(kind: SpecKind, user: User, name: string, parameter?: string): void {
    const evaluation = this.#evaluator[kind](user, name, false)
    this.#logger.logExposure({ kind, origin: "manual", name, user, evaluation, parameter })
  }

  /** The definitions of a parameter store. */
  parameterStore(user: User, name: string): ReturnType<Evaluator["parameterStore"]> {
    this.#logger.countNonExposed(name)
    return this.#evaluator.parameterStore(user, name)
  }

  /** Resolves a parameter now. */
  resolve(user: User, parameter: Parameter, settings?: CheckSettings): ResolvedParameter {
    if (parameter.kind === "static") return { value: parameter.value }
    const { kind, name, origin, parameter: member, valueIn } = referenceOf(parameter)
    if (kind === "gate") return { value: valueIn(this.#gate(user, name, settings)) }
    if (kind !== "layer") return { value: valueIn(this[kind](user, name, settings, origin)) }
    const { evaluation, expose } = this.layer(user, name, settings, origin)
    return { value: valueIn(evaluation), expose: () => expose(member ?? "") }
  }

  /** Nothing is logged before `finish` says whether the value is used. */
  look(user: User, { kind, name, parameter }: LookTarget): Look {
    if (kind !== "parameterStore") {
      const reference = { kind, name, parameter, origin: "get", sticky: stickyOf(kind, undefined, "get") } as const
      return { ...this.#lookAt(user, reference), stored: undefined }
    }
    const { evaluation, parameters } = this.parameterStore(user, name)
    const found = parameter === undefined ? undefined : parameters?.get(parameter)
    if (found === undefined) return { evaluation, stored: undefined, finish: () => {} }
    if (found.kind === "static") return { evaluation, stored: found.value, finish: () => {} }
    const reference = referenceOf(found)
    const referred = this.#lookAt(user, reference)
    const stored = reference.valueIn(referred.evaluation)
    // A parameter that a layer lacks is not read from it.
    const isRead = reference.kind !== "layer" || stored !== undefined
    return { evaluation, stored, finish: isUsed => referred.finish(isUsed && isRead) }
  }

  /** Explains the result of a check. */
  explain(user: User, kind: ExplainedKind, name: string, settings?: CheckSettings): Explanation {
    return this.#evaluator.explain(user, kind, name, isDisabled(settings), stickyOf(kind, settings, "get"))
  }

  #gate(user: User, name: string, settings: CheckSettings | undefined): Evaluation {
    const disabled = isDisabled(settings)
    const evaluation = this.#evaluator.gate(user, name, disabled)
    this.#log("gate", user, name, evaluation, disabled ? undefined : "check")
    return evaluation
  }

  #lookAt(
    user: User,
    {
      kind,
      name,
      origin,
      parameter,
      sticky
    }: Omit<Reference, "valueIn" | "origin"> & { readonly origin: ExposureOrigin }
  ): Omit<Look, "stored"> {
    const { evaluation, settle } = this.#evaluator.look(user, kind, name, sticky)
    const read =
      kind !== "layer" ? [undefined] : parameter === undefined ? Object.keys(evaluation.value ?? {}) : [parameter]
    return {
      evaluation,
      finish: isUsed => {
        settle(isUsed)
        if (!isUsed) this.#logger.countNonExposed(name)
        else for (const parameter of read) this.#logger.logExposure({ kind, origin, name, user, evaluation, parameter })
        this.#tell(kind, user, name, evaluation)
      }
    }
  }

  /** Without an origin the exposure is not logged. */
  #log(
    kind: "gate" | "dynamicConfig" | "experiment",
    user: User,
    name: string,
    evaluation: Evaluation,
    origin: ExposureOrigin | undefined
  ): void {
    if (origin === undefined) this.#logger.countNonExposed(name)
    else this.#logger.logExposure({ kind, origin, name, user, evaluation, parameter: undefined })
    this.#tell(kind, user, name, evaluation)
  }

  #tell(kind: SpecKind, user: User, name: string, evaluation: Evaluation): void {
    if (!this.#listeners.isEmpty()) this.#listeners.tell({ kind, user, name, evaluation })
  }
}
