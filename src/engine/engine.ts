/**
 * The engine: a name, a user and the specs in; a finished record out. Pure but for what its host gives it.
 */

import type { ResponseBuffer } from "./byteBuffer.js"
import type { ClientInitialize, ClientInitializeOptions } from "./clientInitialize/clientInitialize.js"
import type { Host } from "./conditions/conditions.js"
import { Call, type EvaluateExperiment, overrideReason, Work } from "./evaluate/call.js"
import { Decider, type Path } from "./evaluate/decider.js"
import { Evaluation } from "./evaluate/evaluation.js"
import { firstOf, type OverrideLookup } from "./evaluate/overrides.js"
import { byReference, type Persistence, type RuleFilter, type StickyOptions, settle } from "./evaluate/sticky.js"
import type { ExposureOfAll, ExposureOrigin } from "./events/events.js"
import { Explainer, explainedExposure, outcomeOf, repeatedExperiment, StickyExplainer } from "./explain/explainer.js"
import type {
  ExplainedEvaluation,
  ExplainedExposure,
  ExplainedKind,
  ExplainedParameter,
  Explanation
} from "./explain/explanation.js"
import { asObject, copyJson, type JsonObject, ownValue } from "./json.js"
import type { Snapshot } from "./payload/snapshot.js"
import type { Parameter, SpecKind } from "./specs.js"
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
  if (hasNoSpecs(view.source) && record.overrideReason === undefined) {
    record.reason = view.source
    record.version = undefined
    return record
  }
  record.reason = record.overrideReason ?? `${view.source}:${outcome}`
  record.lcut = view.snapshot?.time ?? 0
  record.receivedAt = view.receivedAt
  return record
}

/** What lies over the specs. */
export interface Overlay {
  readonly overrides?: OverrideLookup | undefined
  /** Without it no answer is kept. */
  readonly persistence?: Persistence | undefined
}

/** An answer of which it is not known yet whether it is used. */
export interface Look {
  readonly evaluation: Evaluation
  /** Tells of the experiments that conditions read. To be called once. */
  readonly settle: (exposed: boolean) => void
}

/** Evaluates names for users. */
export interface Engine {
  /** With `sticky` an answer that the user keeps comes first, and changes of what is kept are stored. */
  readonly evaluate: (
    kind: SpecKind,
    user: User,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ) => Evaluation
  /** As `evaluate`, but nobody hears yet of the experiments that conditions read. `settle` says whether with exposures. */
  readonly look: (kind: SpecKind, user: User, name: string, sticky?: StickyOptions) => Look
  /** The value of the first rule of an experiment that `matches` holds for. */
  readonly experimentGroup: (name: string, by: "groupName" | "id", wanted: string) => Evaluation
  readonly parameterStore: (
    user: User,
    name: string
  ) => {
    readonly evaluation: Evaluation
    readonly parameters: ReadonlyMap<string, Parameter> | undefined
  }
  /** Why the same check would give its answer. Nothing is logged and nothing is stored. */
  readonly explain: (
    kind: ExplainedKind,
    user: User,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ) => Explanation
  /** Writes the client initialize response into the buffer, in place of what is in it. */
  readonly writeClientInitializeResponse: (user: User, options: ClientInitializeOptions, buffer: ResponseBuffer) => void
  /** The same engine with more laid over the specs; its overrides come before those of this one. */
  readonly overlaid: (overlay: Overlay) => Engine
}

/**
 * Makes an engine. `view` gives the specs of the moment; `onExperimentRead` hears of experiments that an
 * `experiment_group` condition read, and whether the check was made with exposures. `responses` writes the client
 * initialize responses.
 */
export const makeEngine = (
  host: Host,
  view: () => SpecView,
  onExperimentRead: (user: User, name: string, evaluation: Evaluation, exposed: boolean) => void,
  responses: ClientInitialize,
  overlay: Overlay = {}
): Engine => {
  /** Of one view of the specs. */
  let decider: Decider | undefined
  let decided: SpecView | undefined

  const deciderOf = (specs: SpecView, user: User): Decider | undefined => {
    if (decided !== specs) {
      const tier = host.environment ?? specs.defaultEnvironment
      decider = specs.snapshot === undefined ? undefined : new Decider(specs.snapshot, host, tier, user)
      decided = specs
    }
    return decider
  }

  const pathOf = (specs: SpecView, user: User, kind: SpecKind, name: string): Path | undefined =>
    deciderOf(specs, user)?.decide(kind, name, user)

  /** Whether the user still goes the same way: what the clock decides may have changed meanwhile. */
  const isStill = (path: Path, specs: SpecView, user: User, kind: SpecKind, name: string): boolean =>
    decider?.isVolatile !== true || pathOf(specs, user, kind, name) === path

  const over = ({ overrides, persistence }: Overlay): Engine => {
    const work = new Work()

    const overridesNow = () => (overrides === undefined || overrides.isEmpty() ? undefined : overrides)

    const reader = (onRead: (user: User, name: string, evaluation: Evaluation) => void): EvaluateExperiment => {
      const read: EvaluateExperiment = (user, name) => {
        const evaluation = settled("experiment", user, name, findOnce(user, name, read), byReference)
        onRead(user, name, evaluation)
        return evaluation
      }
      return read
    }
    const readExperiment = reader((user, name, evaluation) => onExperimentRead(user, name, evaluation, true))
    const readExperimentSilently = reader((user, name, evaluation) => onExperimentRead(user, name, evaluation, false))

    /**
     * The answer of an experiment to the conditions of one check, which may read it again and again, and each time all
     * that it reads itself. Only what a bandit picks may be another answer the next time.
     */
    const findOnce = (user: User, name: string, experiment: EvaluateExperiment): Evaluation => {
      const known = work.experiments.get(name)
      if (known !== undefined) return known
      const { picks } = work
      const found = find("experiment", user, name, experiment)
      if (work.picks === picks && !found.failed) work.experiments.set(name, found)
      return found
    }

    /** The answer of now. Where the short way leads to one, it is made the long way, once, by the first who gets it. */
    const find = (
      kind: SpecKind,
      user: User,
      name: string,
      experiment: EvaluateExperiment,
      filter?: RuleFilter
    ): Evaluation => {
      const specs = view()
      const overriding = overridesNow()
      if (overriding !== undefined || filter !== undefined) {
        return findBy(specs, overriding, kind, user, name, experiment, filter)
      }
      const path = pathOf(specs, user, kind, name)
      if (path?.evaluation !== undefined) return path.evaluation
      const evaluation = findBy(specs, undefined, kind, user, name, experiment)
      // Whether there is room on the stack is no matter of the way.
      if (path !== undefined && !evaluation.failed && isStill(path, specs, user, kind, name))
        path.evaluation = evaluation
      return evaluation
    }

    const findBy = (
      specs: SpecView,
      overriding: OverrideLookup | undefined,
      kind: SpecKind,
      user: User,
      name: string,
      experiment: EvaluateExperiment,
      filter?: RuleFilter,
      explainer?: Explainer
    ): Evaluation => {
      const tier = host.environment ?? specs.defaultEnvironment
      const call = new Call(user, specs.snapshot, host, tier, experiment, work, overriding, filter, explainer)
      const found = call.run(kind, name)
      const { record } = call
      if (typeof found === "string") {
        const failed = new Evaluation()
        failed.failed = true
        failed.reason = `Error:${found}`
        failed.remote = specs.snapshot?.remote
        return failed
      }
      return setDetails(record, specs, found ? (record.unsupported ? "Unsupported" : "Recognized") : "Unrecognized")
    }

    const evaluate = (
      kind: SpecKind,
      user: User,
      name: string,
      experiment: EvaluateExperiment,
      sticky: StickyOptions | undefined
    ): Evaluation => settled(kind, user, name, find(kind, user, name, experiment), sticky)

    const settled = (
      kind: SpecKind,
      user: User,
      name: string,
      found: Evaluation,
      sticky: StickyOptions | undefined
    ): Evaluation => {
      if (persistence === undefined || sticky === undefined) return found
      return settle(kind, user, name, found, sticky, persistence, {
        now: host.now,
        isActive: name => view().snapshot?.spec("experiment", name)?.isActive,
        // A check for the answer that is given logs what its conditions read; this one is not given to anyone.
        passes: (name, filter) => find("experiment", user, name, readExperimentSilently, filter).bool
      })
    }

    const look: Engine["look"] = (kind, user, name, sticky) => {
      const reads: Array<readonly [name: string, evaluation: Evaluation]> = []
      const read = reader((_, name, evaluation) => void reads.push([name, evaluation]))
      const evaluation = evaluate(kind, user, name, read, sticky)
      return {
        evaluation,
        settle: exposed => {
          for (const [name, evaluation] of reads) onExperimentRead(user, name, evaluation, exposed)
        }
      }
    }

    const parameterStore: Engine["parameterStore"] = (user, name) => {
      const specs = view()
      const override = overridesNow()?.find("parameterStore", name, user)
      const parameters = override ?? specs.snapshot?.parameterStores.get(name)?.parameters
      const record = new Evaluation()
      if (override !== undefined) record.overrideReason = overrideReason
      return {
        evaluation: setDetails(record, specs, parameters === undefined ? "Unrecognized" : "Recognized"),
        parameters
      }
    }

    /** A parameter is given where a layer is read for it alone. */
    const explain = (
      kind: SpecKind,
      user: User,
      name: string,
      isLogged: boolean,
      sticky: StickyOptions | undefined,
      origin: ExposureOrigin,
      parameter?: string
    ): Explanation => {
      const specs = view()
      const explainer = new Explainer(user, specs.snapshot, host, host.environment ?? specs.defaultEnvironment)
      const exposures: Array<ExplainedExposure> = []
      const log = (exposure: ExposureOfAll) => {
        if (isLogged) exposures.push(explainedExposure(exposure))
      }

      const explainedReader = (isExposed: boolean): EvaluateExperiment => {
        const read: EvaluateExperiment = (_, name) => {
          const known = work.experiments.get(name)
          const { picks } = work
          const live =
            known === undefined ? found("experiment", name, read) : ([known, repeatedExperiment(name, known)] as const)
          if (work.picks === picks && !live[0].failed) work.experiments.set(name, live[0])
          const answer = now("experiment", name, byReference, read, live)
          explainer.experimentRead(name, ...answer)
          const [evaluation] = answer
          if (isExposed) log({ kind: "experiment", origin: "parameterStore", name, evaluation, parameter: undefined })
          return evaluation
        }
        return read
      }
      const silently = explainedReader(false)
      const found = (kind: SpecKind, name: string, experiment: EvaluateExperiment, filter?: RuleFilter) =>
        explainer.watch(() => findBy(specs, overridesNow(), kind, user, name, experiment, filter, explainer))
      const now = (
        kind: SpecKind,
        name: string,
        sticky: StickyOptions | undefined,
        experiment: EvaluateExperiment,
        [live, explained] = found(kind, name, experiment)
      ): readonly [Evaluation, ExplainedEvaluation] => {
        if (persistence === undefined || sticky === undefined) return [live, explained]
        const kept = new StickyExplainer()
        const { valuesOf } = persistence
        const { deleted, looked, saved } = kept
        const settled = settle(
          kind,
          user,
          name,
          live,
          sticky,
          { valuesOf, save: saved, delete: deleted },
          {
            now: host.now,
            isActive: name => specs.snapshot?.spec("experiment", name)?.isActive,
            passes: (name, filter) => {
              const [{ bool }, evaluation] = found("experiment", name, silently, filter)
              kept.rechecked(filter, bool, evaluation)
              return bool
            },
            looked
          }
        )
        return [settled, { ...explained, sticky: kept.explained(settled !== live) }]
      }

      const [record, evaluation] = now(kind, name, sticky, explainedReader(true))
      const outcome = outcomeOf(kind, record)
      if (kind !== "layer") log({ kind, origin, name, evaluation: record, parameter: undefined })
      else {
        for (const read of Object.keys(outcome.value)) {
          if (parameter === undefined || parameter === read) {
            log({ kind, origin, name, evaluation: record, parameter: read })
          }
        }
      }
      return { kind, name, outcome, exposures, evaluation }
    }

    const explainParameter = (
      user: User,
      name: string,
      parameter: Parameter,
      isLogged: boolean
    ): ExplainedParameter => {
      const { kind } = parameter
      if (kind === "static") return { name, kind, value: copyJson(parameter.value) }
      if (kind === "gate") {
        const reference = explain(kind, user, parameter.gateName, isLogged, undefined, "check")
        const value = reference.outcome.value ? parameter.passValue : parameter.failValue
        return { name, kind, value: copyJson(value), reference }
      }
      const { parameterName } = parameter
      const referred =
        kind === "dynamicConfig"
          ? parameter.configName
          : kind === "experiment"
            ? parameter.experimentName
            : parameter.layerName
      const sticky = kind === "dynamicConfig" ? undefined : byReference
      const reference = explain(kind, user, referred, isLogged, sticky, "parameterStore", parameterName)
      const value = ownValue(reference.outcome.value as JsonObject, parameterName) ?? null
      return { name, kind, value: copyJson(value), parameterName, reference }
    }

    return {
      evaluate: (kind, user, name, disableExposureLogging, sticky) =>
        evaluate(kind, user, name, disableExposureLogging ? readExperimentSilently : readExperiment, sticky),
      look,
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
      parameterStore,
      explain: (kind, user, name, disableExposureLogging, sticky) => {
        if (kind !== "parameterStore") return explain(kind, user, name, !disableExposureLogging, sticky, "get")
        const { evaluation, parameters } = parameterStore(user, name)
        const explained = Array.from(parameters ?? [], ([name, parameter]) =>
          explainParameter(user, name, parameter, !disableExposureLogging)
        )
        const value = Object.fromEntries(explained.map(({ name, value }) => [name, value]))
        return {
          kind,
          name,
          outcome: { ...outcomeOf("dynamicConfig", evaluation), value },
          exposures: [],
          ...(parameters === undefined ? {} : { parameters: explained })
        }
      },
      writeClientInitializeResponse: (user, options, buffer) => {
        const specs = view()
        const tier = host.environment ?? specs.defaultEnvironment
        const counted = options.includeLocalOverrides === true ? overridesNow() : undefined
        const decider = counted === undefined ? deciderOf(specs, user) : undefined
        responses.write({ user, options, snapshot: specs.snapshot, host, tier, overrides: counted, decider }, buffer)
      },
      overlaid: more =>
        over({
          overrides:
            more.overrides !== undefined && overrides !== undefined
              ? firstOf(more.overrides, overrides)
              : (more.overrides ?? overrides),
          persistence: more.persistence ?? persistence
        })
    }
  }

  return over(overlay)
}
