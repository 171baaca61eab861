/**
 * The current evaluation, from a name to a finished record with its public details.
 */

import type { Host } from "../conditions/conditions.js"
import { asObject } from "../json.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { Parameter, SpecKind } from "../specs.js"
import type { User } from "../user.js"
import {
  Call,
  type CallOptions,
  type EvaluateExperiment,
  type EvaluationSetting,
  overrideReason,
  Work
} from "./call.js"
import { Decider, type Path } from "./decider.js"
import { Evaluation, type Question, type SharedDetails } from "./evaluation.js"
import type { OverrideLookup } from "./overrides.js"
import type { RuleFilter } from "./sticky.js"

/** The specs and their source, as the store holds them. */
export interface SpecView {
  readonly source: string
  readonly snapshot: Snapshot | undefined
  readonly receivedAt: number | undefined
  readonly defaultEnvironment: string | undefined
}

/** The result of looking up a parameter store; without `parameters` there is none of that name. */
export interface FoundStore {
  readonly evaluation: Evaluation
  readonly parameters: ReadonlyMap<string, Parameter> | undefined
}

/** The decider for the current specs. All finders on one store share it. */
export class SharedDecider {
  readonly host: Host
  #decider: Decider | undefined = undefined
  #view: SpecView | undefined = undefined

  constructor(host: Host) {
    this.host = host
  }

  settingOf(specs: SpecView): EvaluationSetting {
    return { snapshot: specs.snapshot, host: this.host, tier: this.host.environment ?? specs.defaultEnvironment }
  }

  /** `undefined` while there are no specs. */
  of(specs: SpecView, user: User): Decider | undefined {
    if (this.#view !== specs) {
      const { snapshot, tier } = this.settingOf(specs)
      this.#decider = snapshot === undefined ? undefined : new Decider(snapshot, this.host, tier, user)
      this.#view = specs
    }
    return this.#decider
  }

  /** Whether the user still takes the same path: a time condition may have changed meanwhile. */
  isStill(path: Path, specs: SpecView, { kind, name, user }: Question): boolean {
    return this.#decider?.isVolatile !== true || this.of(specs, user)?.decide(kind, name, user) === path
  }
}

/** Sources without specs: the reason is their name alone. */
const hasNoSpecs = (source: string): boolean => source === "Uninitialized" || source === "NoValues"

/** What the look-up of a name found. */
type Outcome = "Recognized" | "Unrecognized" | "Unsupported"

/** The public details of evaluations on one view. Those with the same reason share them. */
class ViewDetails {
  readonly view: SpecView
  readonly #known = new Map<string, SharedDetails>()

  constructor(view: SpecView) {
    this.view = view
  }

  /** Writes the details into a record. */
  write(record: Evaluation, outcome: Outcome): void {
    const { receivedAt, snapshot, source } = this.view
    const remote = snapshot?.remote
    if (hasNoSpecs(source) && record.overrideReason === undefined) {
      record.version = undefined
      record.details = this.#shared({ reason: source, lcut: undefined, receivedAt: undefined, remote })
    } else {
      const reason = record.overrideReason ?? `${source}:${outcome}`
      record.details = this.#shared({ reason, lcut: snapshot?.time ?? 0, receivedAt, remote })
    }
  }

  #shared(details: SharedDetails): SharedDetails {
    const known = this.#known.get(details.reason) ?? details
    this.#known.set(details.reason, known)
    return known
  }
}

/** Finds evaluations, with the overrides that apply. */
export class Finder {
  readonly view: () => SpecView
  readonly work = new Work()
  readonly #shared: SharedDecider
  readonly #overrides: OverrideLookup | undefined
  #details: ViewDetails

  constructor(view: () => SpecView, shared: SharedDecider, overrides: OverrideLookup | undefined) {
    this.view = view
    this.#shared = shared
    this.#overrides = overrides
    this.#details = new ViewDetails(view())
  }

  /** The overrides, if there are any at present. */
  get overrides(): OverrideLookup | undefined {
    return this.#overrides === undefined || this.#overrides.isEmpty() ? undefined : this.#overrides
  }

  /** Returns the evaluation stored with the decider's path; otherwise evaluates and stores the result with the path. */
  find(kind: SpecKind, user: User, name: string, experiment: EvaluateExperiment, filter?: RuleFilter): Evaluation {
    const specs = this.view()
    const { overrides } = this
    if (overrides !== undefined || filter !== undefined) {
      return this.evaluate(specs, { kind, user, name }, { experiment, overrides, filter })
    }
    const path = this.#shared.of(specs, user)?.decide(kind, name, user)
    if (path?.evaluation !== undefined) return path.evaluation
    const question: Question = { kind, user, name }
    const evaluation = this.evaluate(specs, question, { experiment })
    // A failure for lack of stack space depends on the caller, not on the path.
    if (path !== undefined && !evaluation.failed && this.#shared.isStill(path, specs, question)) {
      path.evaluation = evaluation
    }
    return evaluation
  }

  /** Evaluates step by step, without the stored evaluations. */
  evaluate(specs: SpecView, { kind, name, user }: Question, options: CallOptions): Evaluation {
    const call = new Call(user, this.#shared.settingOf(specs), this.work, options)
    const found = call.run(kind, name)
    const { record } = call
    if (typeof found === "string") {
      const failed = new Evaluation()
      failed.failed = true
      const remote = specs.snapshot?.remote
      failed.details = { reason: `Error:${found}`, lcut: undefined, receivedAt: undefined, remote }
      return failed
    }
    return this.#withDetails(
      record,
      specs,
      found ? (record.unsupported ? "Unsupported" : "Recognized") : "Unrecognized"
    )
  }

  #withDetails(record: Evaluation, view: SpecView, outcome: Outcome): Evaluation {
    if (this.#details.view !== view) this.#details = new ViewDetails(view)
    this.#details.write(record, outcome)
    return record
  }

  /** The value of the first rule of an experiment with that group name or id. Independent of the user. */
  experimentGroup(name: string, by: "groupName" | "id", wanted: string): Evaluation {
    const specs = this.view()
    const record = new Evaluation()
    const rule = specs.snapshot?.spec("experiment", name)?.rules.find(candidate => candidate[by] === wanted)
    if (rule !== undefined) {
      const { returnValue } = rule
      record.value = asObject(returnValue)
      if (typeof returnValue === "boolean") record.booleanValue = returnValue
      record.ruleID = rule.id
      record.idType = rule.idType
      record.groupName = rule.groupName
    }
    return this.#withDetails(record, specs, rule === undefined ? "Unrecognized" : "Recognized")
  }

  /** The definitions of a parameter store, and the details of the look-up. */
  parameterStore(user: User, name: string): FoundStore {
    const specs = this.view()
    const override = this.overrides?.find("parameterStore", name, user)
    const parameters = override ?? specs.snapshot?.parameterStores.get(name)?.parameters
    const record = new Evaluation()
    if (override !== undefined) record.overrideReason = overrideReason
    return {
      evaluation: this.#withDetails(record, specs, parameters === undefined ? "Unrecognized" : "Recognized"),
      parameters
    }
  }
}
