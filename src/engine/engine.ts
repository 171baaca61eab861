/**
 * The engine: a name, a user and the specs in; a finished record out. Pure but for what its host gives it.
 */
import { Call, type Host, type SpecKind, type Work } from "./call.js"
import { Evaluation } from "./evaluation.js"
import { asObject } from "./getters.js"
import type { Snapshot } from "./snapshot.js"
import type { ParameterStoreSpec } from "./specs.js"
import type { User } from "./user.js"

/** The specs and where they come from, as the store holds them. */
export interface SpecView {
  readonly source: string
  readonly snapshot: Snapshot | undefined
  readonly receivedAt: number | undefined
  readonly defaultEnvironment: string | undefined
}

/** Sources without specs: their name alone is the reason. */
const hasNoSpecs = (source: string): boolean => source === "Uninitialized" || source === "NoValues"

/** Writes the public details into a record. */
const setDetails = (record: Evaluation, view: SpecView, outcome: string): Evaluation => {
  record.remote = view.snapshot?.remote
  if (hasNoSpecs(view.source)) {
    record.reason = record.overrideReason ?? view.source
    record.version = undefined
    return record
  }
  record.reason = record.overrideReason ?? `${view.source}:${outcome}`
  record.lcut = view.snapshot?.time ?? 0
  record.receivedAt = view.receivedAt
  return record
}

/** Evaluates names for users. */
export interface Engine {
  readonly evaluate: (kind: SpecKind, user: User, name: string, disableExposureLogging: boolean) => Evaluation
  /** The value of the first rule of an experiment that `matches` holds for. */
  readonly experimentGroup: (name: string, by: "groupName" | "id", wanted: string) => Evaluation
  readonly parameterStore: (name: string) => {
    readonly evaluation: Evaluation
    readonly parameters: ParameterStoreSpec["parameters"] | undefined
  }
}

/**
 * Makes an engine. `view` gives the specs of the moment; `onExperimentRead` hears of experiments that an
 * `experiment_group` condition read, unless the check was made without exposures.
 */
export const makeEngine = (
  host: Host,
  view: () => SpecView,
  onExperimentRead: (user: User, name: string, evaluation: Evaluation) => void
): Engine => {
  const work: Work = { depth: 0, evaluations: 0 }

  const readExperiment = (user: User, name: string): Evaluation => {
    const evaluation = evaluate("experiment", user, name, readExperiment)
    onExperimentRead(user, name, evaluation)
    return evaluation
  }
  const readExperimentSilently = (user: User, name: string): Evaluation =>
    evaluate("experiment", user, name, readExperimentSilently)

  const evaluate = (kind: SpecKind, user: User, name: string, experiment: typeof readExperiment): Evaluation => {
    const specs = view()
    const tier = host.environment ?? specs.defaultEnvironment
    const call = new Call(user, specs.snapshot, host, tier, experiment, work)
    const found = call.run(kind, name)
    const { record } = call
    if (typeof found === "string") {
      const failed = new Evaluation()
      failed.reason = `Error:${found}`
      failed.remote = specs.snapshot?.remote
      return failed
    }
    return setDetails(record, specs, found ? (record.unsupported ? "Unsupported" : "Recognized") : "Unrecognized")
  }

  return {
    evaluate: (kind, user, name, disableExposureLogging) =>
      evaluate(kind, user, name, disableExposureLogging ? readExperimentSilently : readExperiment),
    experimentGroup: (name, by, wanted) => {
      const specs = view()
      const record = new Evaluation()
      const rule = specs.snapshot?.spec("experiment", name)?.spec.rules.find(candidate => candidate[by] === wanted)
      if (rule !== undefined) {
        record.value = asObject(rule.returnValue)
        if (typeof rule.returnValue === "boolean") record.booleanValue = rule.returnValue
        record.ruleID = rule.id
        record.idType = rule.idType
        record.groupName = rule.groupName
      }
      return setDetails(record, specs, rule === undefined ? "Unrecognized" : "Recognized")
    },
    parameterStore: name => {
      const specs = view()
      const store = specs.snapshot?.parameterStores.get(name)
      return {
        evaluation: setDetails(new Evaluation(), specs, store === undefined ? "Unrecognized" : "Recognized"),
        parameters: store?.parameters
      }
    }
  }
}
