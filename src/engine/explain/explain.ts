/**
 * Explains a check: runs the same evaluation with a watcher. Nothing is logged or stored.
 */
import type { EvaluateExperiment, EvaluationSetting } from "../evaluate/call.js"
import { type Evaluation, type Question, ruleIDOf } from "../evaluate/evaluation.js"
import type { Finder, SpecView } from "../evaluate/finder.js"
import { referenceOf } from "../evaluate/reference.js"
import { byReference, type Persistence, type RuleFilter, type StickyOptions, settle } from "../evaluate/sticky.js"
import { type ExposureOfAll, type ExposureOrigin, exposureJson } from "../events/events.js"
import { copyJson, copyJsonObject, emptyObject } from "../json.js"
import type { Parameter, SpecKind } from "../specs.js"
import type { User } from "../user.js"
import { Explainer, valueOf } from "./explainer.js"
import type {
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedOutcome,
  ExplainedParameter,
  ExplainedRecheck,
  ExplainedSticky,
  Explanation
} from "./explanation.js"

/** The context in which checks are explained. */
export interface Surroundings {
  readonly finder: Finder
  readonly specs: SpecView
  readonly setting: EvaluationSetting
  readonly persistence: Persistence | undefined
  /** Whether the check would log its exposures. */
  readonly isLogged: boolean
}

/** Options of one check besides its question. */
interface ExplainOptions {
  readonly sticky: StickyOptions | undefined
  readonly origin: ExposureOrigin
  /** The parameter of a layer, if only that is read. */
  readonly parameter?: string | undefined
}

type Explained = readonly [evaluation: Evaluation, explained: ExplainedEvaluation]

/** One check being explained. */
class ExplainedCheck {
  readonly exposures: Array<ExplainedExposure> = []
  readonly #explainer: Explainer
  readonly readExperiment: EvaluateExperiment
  readonly #readExperimentSilently: EvaluateExperiment

  constructor(
    private readonly surroundings: Surroundings,
    private readonly user: User
  ) {
    this.#explainer = new Explainer(user, surroundings.specs.snapshot)
    this.readExperiment = this.#reader(true)
    this.#readExperimentSilently = this.#reader(false)
  }

  log(exposure: ExposureOfAll): void {
    if (this.surroundings.isLogged) this.exposures.push(explainedExposure(exposure))
  }

  /** The current evaluation. */
  find(question: Question, experiment: EvaluateExperiment, filter?: RuleFilter): Explained {
    const { finder, specs } = this.surroundings
    const { watch } = this.#explainer
    return this.#explainer.explained(() =>
      finder.evaluate(specs, question, { experiment, overrides: finder.overrides, filter, watcher: watch })
    )
  }

  /** The evaluation that the check returns: the current one or the sticky assignment. */
  settle(question: Question, [live, explained]: Explained, sticky: StickyOptions | undefined): Explained {
    const { persistence, setting } = this.surroundings
    if (persistence === undefined || sticky === undefined) return [live, explained]
    let decision: ExplainedSticky["decision"] = "noUnit"
    let looked: Pick<ExplainedSticky, "key" | "name" | "kept"> = {}
    const rechecks: Array<ExplainedRecheck> = []
    const silent: Persistence = {
      valuesOf: persistence.valuesOf,
      save: () => {
        decision = "saved"
      },
      delete: () => {
        if (decision !== "notGiven") decision = "notActive"
      }
    }
    const settled = settle(question, live, sticky, silent, {
      now: setting.host.now,
      isActive: name => setting.snapshot?.spec("experiment", name)?.isActive,
      passes: (name, filter) => {
        const asked: Question = { kind: "experiment", user: question.user, name }
        const [{ bool }, evaluation] = this.find(asked, this.#readExperimentSilently, filter)
        rechecks.push({ rules: filter("targetingGate") ? "targeting" : "overrides", passes: bool, evaluation })
        return bool
      },
      looked: (key, name, values) => {
        const kept = values?.get(name)
        looked = { key, name, ...(kept === undefined ? {} : { kept: copyJson(kept as never) as never }) }
        decision = values === undefined ? "notGiven" : kept === undefined ? "nothingKept" : "givesWay"
      }
    })
    if (settled !== live) decision = "kept"
    return [settled, { ...explained, sticky: { decision, ...looked, rechecks } }]
  }

  #reader(isExposed: boolean): EvaluateExperiment {
    const { work } = this.surroundings.finder
    const read: EvaluateExperiment = (_, name) => {
      const question: Question = { kind: "experiment", user: this.user, name }
      const known = work.experiments.get(name)
      const { picks } = work
      const live: Explained = known === undefined ? this.find(question, read) : [known, repeatedExperiment(name, known)]
      if (work.picks === picks && !live[0].failed) work.experiments.set(name, live[0])
      const answer = this.settle(question, live, byReference)
      this.#explainer.experimentRead(name, ...answer)
      const [evaluation] = answer
      if (isExposed) this.log({ kind: "experiment", origin: "parameterStore", name, evaluation, parameter: undefined })
      return evaluation
    }
    return read
  }
}

/** Why a check would return its result. */
export const explainCheck = (surroundings: Surroundings, question: Question, options: ExplainOptions): Explanation =>
  explainRecord(surroundings, question, options)[0]

const explainRecord = (
  surroundings: Surroundings,
  question: Question,
  { origin, parameter, sticky }: ExplainOptions
): readonly [Explanation, Evaluation] => {
  const { kind, name, user } = question
  const check = new ExplainedCheck(surroundings, user)
  const [record, evaluation] = check.settle(question, check.find(question, check.readExperiment), sticky)
  const outcome = shownOutcome(kind, record)
  const isRead = (name: string) => parameter === undefined || parameter === name
  const read = kind === "layer" ? Object.keys(outcome.value).filter(isRead) : [undefined]
  for (const parameter of read) check.log({ kind, origin, name, evaluation: record, parameter })
  return [{ kind, name, outcome, exposures: check.exposures, evaluation }, record]
}

/** Explains each parameter of a parameter store. */
export const explainParameterStore = (surroundings: Surroundings, user: User, name: string): Explanation => {
  const { evaluation, parameters } = surroundings.finder.parameterStore(user, name)
  const explained = Array.from(parameters ?? [], ([name, parameter]) =>
    explainParameter(surroundings, user, name, parameter)
  )
  const value = Object.fromEntries(explained.map(({ name, value }) => [name, value]))
  return {
    kind: "parameterStore",
    name,
    outcome: { ...shownOutcome("dynamicConfig", evaluation), value },
    exposures: [],
    ...(parameters === undefined ? {} : { parameters: explained })
  }
}

const explainParameter = (
  surroundings: Surroundings,
  user: User,
  name: string,
  parameter: Parameter
): ExplainedParameter => {
  if (parameter.kind === "static") return { name, kind: parameter.kind, value: copyJson(parameter.value) }
  const { kind, origin, parameter: parameterName, sticky, valueIn, name: referred } = referenceOf(parameter)
  const question: Question = { kind, user, name: referred }
  const options: ExplainOptions = { sticky, origin, parameter: parameterName }
  const [reference, record] = explainRecord(surroundings, question, options)
  const value = copyJson(valueIn(record) ?? null)
  return { name, kind, value, ...(parameterName === undefined ? {} : { parameterName }), reference }
}

/** An experiment that the same check has read before. */
const repeatedExperiment = (name: string, record: Evaluation): ExplainedEvaluation => ({
  kind: "experiment",
  name,
  value: valueOf("experiment", record),
  ruleID: record.ruleID === undefined ? null : ruleIDOf(record),
  omitted: "repeated"
})

/** The outcome shown for a record. */
export const shownOutcome = (kind: SpecKind, record: Evaluation): ExplainedOutcome => ({
  value: kind === "gate" ? record.bool : copyJsonObject(record.value ?? emptyObject),
  ruleID: ruleIDOf(record),
  idType: record.idType ?? "",
  groupName: record.groupName ?? null,
  allocatedExperimentName: record.configDelegate ?? null,
  isUserInExperiment: record.isExperimentActive && record.isExperimentGroup,
  reason: record.reason,
  lcut: record.lcut ?? null,
  receivedAt: record.receivedAt ?? null,
  version: record.version ?? null,
  secondaryExposures: record.secondaryExposures.map(exposure => ({ ...exposure }))
})

/** The exposure as it would be sent. */
export const explainedExposure = (exposure: ExposureOfAll): ExplainedExposure => {
  const { eventName, metadata, secondaryExposures } = JSON.parse(exposureJson(exposure))
  return { eventName, metadata, secondaryExposures }
}
