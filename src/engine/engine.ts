/**
 * The engine: takes a name, a user and the specs, and returns a finished record. Pure except for its host.
 */

import type { ResponseBuffer } from "./byteBuffer.js"
import type { ClientInitialize, ClientInitializeOptions } from "./clientInitialize/clientInitialize.js"
import type { Host } from "./conditions/conditions.js"
import type { EvaluateExperiment } from "./evaluate/call.js"
import type { Evaluation } from "./evaluate/evaluation.js"
import { Finder, type FoundStore, SharedDecider, type SpecView } from "./evaluate/finder.js"
import { firstOf, type OverrideLookup } from "./evaluate/overrides.js"
import { byReference, type Persistence, type StickyOptions, settle } from "./evaluate/sticky.js"
import { explainCheck, explainParameterStore } from "./explain/explain.js"
import type { ExplainedKind, Explanation } from "./explain/explanation.js"
import type { SpecKind } from "./specs.js"
import type { User } from "./user.js"

/** Layers over the specs. */
export interface EngineOverlay {
  readonly overrides?: OverrideLookup | undefined
  /** Without it there are no sticky assignments. */
  readonly persistence?: Persistence | undefined
}

/** An evaluation that is not known to be used yet. */
export interface UnsettledLook {
  readonly evaluation: Evaluation
  /** Reports the experiments that conditions read. Call it once. */
  readonly settle: (exposed: boolean) => void
}

/** The dependencies of an engine. */
export interface EngineParts {
  readonly host: Host
  /** The current specs. */
  readonly view: () => SpecView
  /** Is notified of the experiments that `experiment_group` conditions read, and whether the check logs exposures. */
  readonly onExperimentRead: (user: User, name: string, evaluation: Evaluation, exposed: boolean) => void
  /** Writes the client initialize responses. */
  readonly responses: ClientInitialize
}

type OnRead = (user: User, name: string, evaluation: Evaluation) => void

/** Evaluates names for users. */
export class Engine {
  readonly #parts: EngineParts
  readonly #overlay: EngineOverlay
  readonly #shared: SharedDecider
  readonly #finder: Finder
  readonly #readExperiment: EvaluateExperiment
  readonly #readExperimentSilently: EvaluateExperiment

  constructor(parts: EngineParts, overlay: EngineOverlay = {}, shared = new SharedDecider(parts.host)) {
    const { onExperimentRead } = parts
    this.#parts = parts
    this.#overlay = overlay
    this.#shared = shared
    this.#finder = new Finder(parts.view, shared, overlay.overrides)
    this.#readExperiment = this.#reader((user, name, evaluation) => onExperimentRead(user, name, evaluation, true))
    this.#readExperimentSilently = this.#reader((user, name, evaluation) =>
      onExperimentRead(user, name, evaluation, false)
    )
  }

  /** With `sticky`, a sticky assignment takes precedence, and changes of sticky assignments are stored. */
  evaluate(
    kind: SpecKind,
    user: User,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ): Evaluation {
    const experiment = disableExposureLogging ? this.#readExperimentSilently : this.#readExperiment
    const found = this.#finder.find(kind, user, name, experiment)
    return sticky === undefined ? found : this.#settled(kind, user, name, found, sticky)
  }

  /**
   * As `evaluate`, but the experiments that conditions read are only reported by `settle`, with or without exposures.
   */
  look(kind: SpecKind, user: User, name: string, sticky?: StickyOptions): UnsettledLook {
    const reads: Array<readonly [name: string, evaluation: Evaluation]> = []
    const read = this.#reader((_, name, evaluation) => void reads.push([name, evaluation]))
    const found = this.#finder.find(kind, user, name, read)
    return {
      evaluation: sticky === undefined ? found : this.#settled(kind, user, name, found, sticky),
      settle: exposed => {
        for (const [name, evaluation] of reads) this.#parts.onExperimentRead(user, name, evaluation, exposed)
      }
    }
  }

  /** The value of the first rule of an experiment with that group name or id. */
  experimentGroup(name: string, by: "groupName" | "id", wanted: string): Evaluation {
    return this.#finder.experimentGroup(name, by, wanted)
  }

  /** The definitions of a parameter store. */
  parameterStore(user: User, name: string): FoundStore {
    return this.#finder.parameterStore(user, name)
  }

  /** Why the same check would return its result. Nothing is logged or stored. */
  explain(
    kind: ExplainedKind,
    user: User,
    name: string,
    disableExposureLogging: boolean,
    sticky?: StickyOptions
  ): Explanation {
    const specs = this.#parts.view()
    const surroundings = {
      finder: this.#finder,
      specs,
      setting: this.#shared.settingOf(specs),
      persistence: this.#overlay.persistence,
      isLogged: !disableExposureLogging
    }
    return kind === "parameterStore"
      ? explainParameterStore(surroundings, user, name)
      : explainCheck(surroundings, { kind, user, name }, { sticky, origin: "get" })
  }

  /** Writes the client initialize response into the buffer, replacing its content. */
  writeClientInitializeResponse(user: User, options: ClientInitializeOptions, buffer: ResponseBuffer): void {
    const specs = this.#parts.view()
    const overrides = options.includeLocalOverrides === true ? this.#finder.overrides : undefined
    const decider = overrides === undefined ? this.#shared.of(specs, user) : undefined
    this.#parts.responses.write({ ...this.#shared.settingOf(specs), user, options, overrides, decider }, buffer)
  }

  /** The same engine with another overlay on top; the new overrides take precedence. */
  overlaid(more: EngineOverlay): Engine {
    const { overrides, persistence } = this.#overlay
    const both =
      more.overrides !== undefined && overrides !== undefined
        ? firstOf(more.overrides, overrides)
        : (more.overrides ?? overrides)
    return new Engine(this.#parts, { overrides: both, persistence: more.persistence ?? persistence }, this.#shared)
  }

  #reader(onRead: OnRead): EvaluateExperiment {
    const read: EvaluateExperiment = (user, name) => {
      const found = this.#findOnce(user, name, read)
      const evaluation = this.#settled("experiment", user, name, found, byReference)
      onRead(user, name, evaluation)
      return evaluation
    }
    return read
  }

  /**
   * Evaluates an experiment for the conditions of one check, which may read it many times, along with everything it
   * reads itself. The result is reused, unless a bandit's pick may differ the next time.
   */
  #findOnce(user: User, name: string, experiment: EvaluateExperiment): Evaluation {
    const { work } = this.#finder
    const known = work.experiments.get(name)
    if (known !== undefined) return known
    const { picks } = work
    const found = this.#finder.find("experiment", user, name, experiment)
    if (work.picks === picks && !found.failed) work.experiments.set(name, found)
    return found
  }

  #settled(kind: SpecKind, user: User, name: string, found: Evaluation, sticky: StickyOptions): Evaluation {
    const { persistence } = this.#overlay
    if (persistence === undefined) return found
    return settle({ kind, user, name }, found, sticky, persistence, {
      now: this.#parts.host.now,
      isActive: name => this.#parts.view().snapshot?.spec("experiment", name)?.isActive,
      // Only a returned evaluation logs the experiments that its conditions read; this one is not returned.
      passes: (name, filter) => this.#finder.find("experiment", user, name, this.#readExperimentSilently, filter).bool
    })
  }
}
