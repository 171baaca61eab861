/**
 * The result of one evaluation. The engine fills a record within a call and never changes it afterwards, so results,
 * exposures and other evaluations with the same outcome may keep the reference. Copy its contents before handing them
 * to a caller.
 */
import type { JsonObject } from "../json.js"
import type { RemoteConfig, SpecKind } from "../specs.js"
import type { User } from "../user.js"
import { type Exposures, listOf, noExposures, type SecondaryExposure } from "./exposures.js"

export type { SecondaryExposure } from "./exposures.js"

/** What a check asks for. */
export interface Question {
  readonly kind: SpecKind
  readonly user: User
  readonly name: string
}

/**
 * What evaluations on the same specs share.
 *
 * @since 0.1.0
 */
export interface SharedDetails {
  /** The public reason, e.g. `Network:Recognized`. */
  readonly reason: string
  /** The specs' `time`, and when they were stored, in epoch milliseconds. */
  readonly lcut: number | undefined
  readonly receivedAt: number | undefined
  /** Settings in the current specs for the SDK itself. */
  readonly remote: RemoteConfig | undefined
}

const noDetails: SharedDetails = { reason: "", lcut: undefined, receivedAt: undefined, remote: undefined }

/** The fields are those of the reference's result record; `undefined` where it says "none". */
export class Evaluation {
  name: string | undefined = undefined
  bool = false
  /** The rule's or the spec's value when it is an object, else `undefined`. Shared with the specs: copy before use. */
  value: JsonObject | undefined = undefined
  /** Only in a look-up by group: a boolean value as it is. */
  booleanValue: boolean | undefined = undefined
  ruleID: string | undefined = undefined
  ruleSuffix: string | undefined = undefined
  groupName: string | undefined = undefined
  idType: string | undefined = undefined
  version: number | undefined = undefined
  configDelegate: string | undefined = undefined
  explicitParameters: ReadonlyArray<string> | undefined = undefined
  /**
   * The nested gates that were evaluated.
   *
   * @internal
   */
  exposures: Exposures = noExposures
  /**
   * The exposures of a layer before it delegated; unset where the official SDK has none.
   *
   * @internal
   */
  undelegated: Exposures | undefined = undefined
  /** Only in new layer evaluation: parameter name to the id of the layer rule that provided it. */
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
  /** The evaluation did not finish; `reason` says why. */
  failed = false
  /** Set last. */
  details: SharedDetails = noDetails
  /** A nested gate was recorded whose deciding rule has no sampling rate. */
  hasUnsampledSecondaryExposure = false
  /**
   * Cached data shared by its exposures. `events` knows the type. Set last.
   *
   * @internal
   */
  exposureForms: unknown = undefined
  /**
   * The members of its value that are objects or lists, once computed.
   *
   * @internal
   */
  deepMembers: ReadonlyArray<string> | undefined = undefined

  get reason(): string {
    return this.details.reason
  }

  get lcut(): number | undefined {
    return this.details.lcut
  }

  get receivedAt(): number | undefined {
    return this.details.receivedAt
  }

  get remote(): RemoteConfig | undefined {
    return this.details.remote
  }

  /** The nested gates that were evaluated, as an array. */
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
