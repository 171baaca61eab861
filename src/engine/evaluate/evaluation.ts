/**
 * What one evaluation found. The engine fills a record within a call and never touches it again afterwards, so other
 * evaluations that come to the same end, results and exposures may keep the reference; nothing in it may be handed to a
 * caller without a copy.
 */
import type { JsonObject } from "../json.js"
import type { RemoteConfig, SpecKind } from "../specs.js"
import type { User } from "../user.js"
import { type Exposures, listOf, noExposures, type SecondaryExposure } from "./exposures.js"

export type { SecondaryExposure } from "./exposures.js"

/** What is asked. */
export interface Question {
  readonly kind: SpecKind
  readonly user: User
  readonly name: string
}

/** The fields are those of the reference's result record; `undefined` where it says "none". */
export class Evaluation {
  name: string | undefined = undefined
  bool = false
  /** The rule's or the spec's value when it is an object, else `undefined`. Shared with the specs: copy before use. */
  value: JsonObject | undefined = undefined
  /** Only of a look-up by group, where a value that is a boolean is shown as it is. */
  booleanValue: boolean | undefined = undefined
  ruleID: string | undefined = undefined
  ruleSuffix: string | undefined = undefined
  groupName: string | undefined = undefined
  idType: string | undefined = undefined
  version: number | undefined = undefined
  configDelegate: string | undefined = undefined
  explicitParameters: ReadonlyArray<string> | undefined = undefined
  /**
   * The gates that were evaluated on the way.
   *
   * @internal
   */
  exposures: Exposures = noExposures
  /**
   * Those of a layer before it delegated; unset where the official SDK has none.
   *
   * @internal
   */
  undelegated: Exposures | undefined = undefined
  /** Only in new layer evaluation: parameter name to the id of the layer rule that gave it. */
  parameterRuleIDs: ReadonlyMap<string, string> | undefined = undefined
  isExperimentGroup = false
  isExperimentActive = false
  isInLayer = false
  overrideConfigName: string | undefined = undefined
  /** Replaces `source:Recognized` as the whole reason, e.g. `LocalOverride:Recognized`. */
  overrideReason: string | undefined = undefined
  samplingRate: number | undefined = undefined
  forwardAllExposures = false
  unsupported = false
  /** The evaluation did not come to an end; `reason` tells why. */
  failed = false
  /** The public reason, e.g. `Network:Recognized`. Set last, with the two times below. */
  reason = ""
  /** The specs' `time`, and when they were stored, in epoch milliseconds. */
  lcut: number | undefined = undefined
  receivedAt: number | undefined = undefined
  /** What the specs of the moment say to the SDK itself. */
  remote: RemoteConfig | undefined = undefined
  /** A nested gate was recorded whose deciding rule has no sampling rate. */
  hasUnsampledSecondaryExposure = false
  /**
   * What its exposures have in common, kept here by the room of events, which knows the type. Set after all else is done.
   *
   * @internal
   */
  exposureForms: unknown = undefined
  /**
   * The members of its value that are objects or lists, once they are looked for.
   *
   * @internal
   */
  deepMembers: ReadonlyArray<string> | undefined = undefined

  /** The gates that were evaluated on the way, written out. */
  get secondaryExposures(): ReadonlyArray<SecondaryExposure> {
    return listOf(this.exposures)
  }

  set secondaryExposures(list: ReadonlyArray<SecondaryExposure>) {
    this.exposures = list
  }

  get undelegatedSecondaryExposures(): ReadonlyArray<SecondaryExposure> | undefined {
    return this.undelegated && listOf(this.undelegated)
  }

  set undelegatedSecondaryExposures(list: ReadonlyArray<SecondaryExposure> | undefined) {
    this.undelegated = list
  }
}

/** The rule id as it is shown and logged. */
export const ruleIDOf = (evaluation: Evaluation): string =>
  evaluation.ruleSuffix === undefined
    ? (evaluation.ruleID ?? "")
    : `${evaluation.ruleID ?? ""}:${evaluation.ruleSuffix}`
