/**
 * Events in the form that is sent: the key of an exposure, and the JSON of each kind.
 *
 * An event is queued as references to immutable objects and written only on flush. The parts that exposures of one
 * record share, including most of their JSON, are computed once and cached with the record.
 */

import { type ByteBuffer, bytesOf } from "../byteBuffer.js"
import { compileUnit } from "../conditions/conditions.js"
import { floatText, userJson } from "../conditions/values.js"
import { type Evaluation, ruleIDOf, type SecondaryExposure } from "../evaluate/evaluation.js"
import { isLong } from "../evaluate/exposures.js"
import { hashFlag, hashID, hashName, hashUser, type Word64, zero } from "../hashing/samplingHash.js"
import { type Json, type JsonObject, wellFormedJson } from "../json.js"
import type { User } from "../user.js"
import { type Hash, hashNames, type KeyAnswer, KeyUser } from "./deduplicator.js"
import { sizeOf } from "./size.js"

/** The call that an exposure comes from; the official SDK keys and words them differently. */
export type ExposureOrigin =
  /** `checkGate` */
  | "check"
  /** A getter of a gate, config, experiment, or of a layer's parameter */
  | "get"
  | "manual"
  /** A read through a parameter store, or of an experiment by a condition. */
  | "parameterStore"

/** An evaluation that a program used. */
export interface Exposure {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer"
  readonly origin: ExposureOrigin
  /** The name that was asked for. */
  readonly name: string
  readonly user: User
  /** The record of the evaluation; immutable, so it may be kept and serialised later. */
  readonly evaluation: Evaluation
  /** The parameter that was read, for a layer. */
  readonly parameter: string | undefined
}

/** An exposure without its user. */
export type ExposureOfAll = Omit<Exposure, "user">

/** The sampling decision on an exposure, as it is sent. */
export interface SamplingNote {
  readonly samplingRate: number | null
  readonly samplingMode: "on" | "shadow"
  readonly shadowLogged: "logged" | "dropped"
}

/** The content of an event, independent of its user and time. */
export interface EventText {
  /** Writes the JSON of the event before its user. */
  readonly writeHead: (into: ByteBuffer) => void
  /** Writes the JSON of the event after its time. */
  readonly writeTail: (into: ByteBuffer) => void
  /** The approximate memory held for this event alone, in bytes. */
  readonly size: number
}

/** Texts without characters to escape, the usual case, only need quotes. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\ud7ff\ue000-\uffff]*$/
const quoted = (text: string): string => (plainText.test(text) ? `"${text}"` : JSON.stringify(text))

// --- keys

/** The rule id; only getters have a suffix without a rule id. */
const ruleIDFor = ({ evaluation, origin }: ExposureOfAll): string =>
  evaluation.ruleID === undefined && origin !== "get" ? "" : ruleIDOf(evaluation)

/** The logged rule id; in new layer evaluation each parameter has its own. */
const exposedRuleID = (exposure: ExposureOfAll): string => {
  const { evaluation, kind, origin, parameter } = exposure
  if (kind === "layer" && origin !== "manual" && parameter !== undefined) {
    const ruleID = evaluation.parameterRuleIDs?.get(parameter)
    if (ruleID !== undefined) return ruleID
  }
  return ruleIDFor(exposure)
}

/** The rule id in keys if it is not set; distinct from an empty one. */
export const noRule = "\u0000"

/**
 * The rule id in the key. For a layer, getters use that of the parameter, which is always set by then; stores use that
 * of the layer.
 */
export const keyRuleID = (exposure: ExposureOfAll): string => {
  const { evaluation, kind, origin } = exposure
  const ruleID = origin === "parameterStore" ? ruleIDFor(exposure) : exposedRuleID(exposure)
  return ruleID !== "" || evaluation.ruleID !== undefined || (kind === "layer" && origin === "get") ? ruleID : noRule
}

/** Whether the experiment is keyed by whether its group is an experiment group, and logged without `rulePassed`. */
const isKeyedByGroup = ({ kind, origin }: ExposureOfAll): boolean =>
  kind === "experiment" && (origin === "manual" || origin === "parameterStore")

/** Marks in keys a layer parameter that was read through a store; it is hashed like an id. */
const throughStore = "\u0000"

/** The result as a part of the key. */
export const answerOf = (exposure: ExposureOfAll): KeyAnswer => {
  const { evaluation, origin, parameter } = exposure
  if (parameter !== undefined) return origin === "parameterStore" ? throughStore + parameter : parameter
  return isKeyedByGroup(exposure) ? evaluation.isExperimentGroup : evaluation.bool
}

const hashAnswer = (answer: KeyAnswer): Word64 => {
  if (typeof answer === "boolean") return hashFlag(answer)
  return answer.startsWith(throughStore) ? hashID(answer.slice(throughStore.length)) : hashName(answer)
}

const idText = (id: Json | undefined): string | undefined =>
  id === undefined || id === null ? undefined : typeof id === "string" ? id : userJson(id)

/** The official SDK treats numbers among the custom ids as floats. */
const customIDText = (id: Json | undefined): string | undefined => (typeof id === "number" ? floatText(id) : idText(id))

const customIDTexts = (user: User): Array<string> =>
  Object.values(user.customIDs ?? {}).map(id => customIDText(id) ?? "null")

const stableIDOf = compileUnit("stableID")

/**
 * The user part of a key. Its text is equal for users that the official SDK treats as the same: by userID, stableID and
 * the values of all custom ids, regardless of their keys.
 */
export const userKey = (user: User): KeyUser => {
  user.key ??= new KeyUser(makeUserKey(user))
  return user.key as KeyUser
}

const makeUserKey = (user: User): string => {
  const userID = idText(user.userID)
  const isPlain = userID !== undefined && userID[0] !== "["
  if (isPlain && (user.customIDs === undefined || Object.keys(user.customIDs).length === 0)) return userID
  const texts = [userID, customIDText(stableIDOf(user)), ...customIDTexts(user).sort()]
  // The lengths keep texts from running together.
  return texts.reduce<string>((key, text) => key + (text === undefined ? "-" : `${text.length}:${text}`), "[")
}

const noUnit = () => undefined

/**
 * Reads the unit ID of the evaluation, if the key includes it. An unknown reference of a store has the unit ID `""`.
 */
const unitOf = ({ evaluation, origin }: ExposureOfAll): ((user: User) => string | undefined) => {
  const idType = evaluation.idType ?? (origin === "parameterStore" ? "" : undefined)
  if (idType === undefined || (origin !== "check" && origin !== "parameterStore")) return noUnit
  if (idType.toLowerCase() === "userid") return user => idText(user.userID)
  const read = compileUnit(idType)
  return user => (user.customIDs === undefined ? undefined : customIDText(read(user)))
}

/** The shared parts of the exposures of one record by one call. */
export class ExposureForm implements EventText, Hash {
  readonly kind: Exposure["kind"]
  readonly origin: ExposureOrigin
  readonly name: string
  readonly evaluation: Evaluation
  readonly parameter: string | undefined
  /** The parts of the key, apart from the user; the hash is that of the names and the answer. */
  readonly ruleID: string
  readonly high: number
  readonly low: number
  readonly answer: KeyAnswer
  readonly unitOf: (user: User) => string | undefined
  /** The next form of the same record. */
  readonly next: ExposureForm | undefined
  /** The number of forms of the record from this one on. */
  readonly count: number
  #head: Uint8Array | undefined = undefined
  #tail: Uint8Array | undefined = undefined

  constructor(exposure: ExposureOfAll, next: ExposureForm | undefined) {
    this.kind = exposure.kind
    this.origin = exposure.origin
    this.name = exposure.name
    this.evaluation = exposure.evaluation
    this.parameter = exposure.parameter
    this.ruleID = keyRuleID(exposure)
    this.answer = answerOf(exposure)
    const { high, low } = hashNames(this.name, this.ruleID, this.answer)
    this.high = high
    this.low = low
    this.unitOf = unitOf(exposure)
    this.next = next
    this.count = next === undefined ? 1 : next.count + 1
  }

  /** It is shared, and cached with the record anyway. */
  get size(): number {
    return 0
  }

  writeHead(into: ByteBuffer): void {
    this.#head ??= wellFormedBytes(`${exposureStart(this)}{}${beforeUser}`)
    into.append(this.#head)
  }

  writeTail(into: ByteBuffer): void {
    if (isLong(this.evaluation.exposures)) {
      into.appendText(wellFormedJson(exposureEnd(this, false)))
      return
    }
    this.#tail ??= wellFormedBytes(exposureEnd(this, false))
    into.append(this.#tail)
  }
}

/** The JSON of an exposure before its sampling note. */
const exposureStart = (exposure: ExposureOfAll): string =>
  `{"eventName":"${exposureNames[exposure.kind]}","value":null,"metadata":${exposureMetadata(exposure)},"statsigMetadata":`

/** The JSON of an exposure after its time. */
const exposureEnd = (exposure: ExposureOfAll, stripped: boolean): string => {
  const secondaries = secondariesOf(exposure)
  return `,"secondaryExposures":${JSON.stringify(stripped && secondaries !== null ? [] : secondaries)}}`
}

/** The JSON of an exposure, without user and time. */
export const exposureJson = (exposure: ExposureOfAll): string =>
  `${exposureStart(exposure)}null${exposureEnd(exposure, false)}`

/** Bounds the forms of a layer's record: one per parameter that is read, with names from callers. */
const maxForms = 100

/** The form of an exposure, cached with its record. */
export const formOf = (exposure: Exposure): ExposureForm => {
  const { evaluation, kind, name, origin, parameter } = exposure
  const known = evaluation.exposureForms as ExposureForm | undefined
  for (let form = known; form !== undefined; form = form.next) {
    if (form.origin === origin && form.parameter === parameter && form.kind === kind && form.name === name) return form
  }
  const form = new ExposureForm(exposure, known)
  if (form.count <= maxForms) evaluation.exposureForms = form
  return form
}

/** The parts of the hash that decides sampling. */
export const samplingParts = (
  name: string,
  ruleID: string,
  user: User,
  answer: KeyAnswer,
  unit: string | undefined
): ReadonlyArray<Word64> => {
  const hash = (id: string | undefined) => (id === undefined ? undefined : hashID(id))
  return [
    hashName(name),
    ruleID === noRule ? zero : hashName(ruleID),
    hashUser(
      hash(idText(user.userID)),
      hash(customIDText(stableIDOf(user))),
      hash(unit),
      customIDTexts(user).map(hashID)
    ),
    hashAnswer(answer)
  ]
}

/** The secondary exposures that an exposure is logged with. */
export const secondariesOf = (exposure: ExposureOfAll): ReadonlyArray<SecondaryExposure> | null => {
  const { evaluation, kind, origin, parameter } = exposure
  if (origin !== "parameterStore" && evaluation.reason.startsWith("Error:")) return null
  if (kind !== "layer" || isExplicit(evaluation, parameter)) return evaluation.secondaryExposures
  return evaluation.undelegatedSecondaryExposures ?? (origin === "parameterStore" ? [] : null)
}

const isExplicit = (evaluation: Evaluation, parameter: string | undefined): boolean =>
  parameter !== undefined && evaluation.explicitParameters?.includes(parameter) === true

// --- JSON

const exposureNames = {
  gate: "statsig::gate_exposure",
  dynamicConfig: "statsig::config_exposure",
  experiment: "statsig::config_exposure",
  layer: "statsig::layer_exposure"
} as const

const exposureMetadata = (exposure: ExposureOfAll): string => {
  const { evaluation, kind, name, origin, parameter } = exposure
  let metadata: string
  if (kind === "gate") metadata = `{"gate":${quoted(name)},"gateValue":"${evaluation.bool}"`
  else {
    metadata = `{"config":${quoted(name)}`
    if (kind === "layer") {
      const explicit = isExplicit(evaluation, parameter)
      const allocated = explicit ? (evaluation.configDelegate ?? "") : ""
      metadata += `,"parameterName":${quoted(parameter ?? "")},"isExplicitParameter":"${explicit}","allocatedExperiment":${quoted(allocated)}`
    } else if (!isKeyedByGroup(exposure)) metadata += `,"rulePassed":"${evaluation.bool}"`
  }
  metadata += `,"ruleID":${quoted(exposedRuleID(exposure))},"reason":${quoted(evaluation.reason)}`
  if (evaluation.lcut !== undefined) metadata += `,"lcut":"${evaluation.lcut}"`
  if (evaluation.receivedAt !== undefined) metadata += `,"receivedAt":"${evaluation.receivedAt}"`
  if (evaluation.version !== undefined) metadata += `,"configVersion":"${evaluation.version}"`
  if (evaluation.overrideConfigName !== undefined && !(kind === "layer" && origin === "get")) {
    metadata += `,"overrideConfigName":${quoted(evaluation.overrideConfigName)}`
  }
  if (origin === "manual") metadata += ',"isManualExposure":"true"'
  return `${metadata}}`
}

const beforeUser = ',"user":'

const wellFormedBytes = (json: string): Uint8Array => bytesOf(wellFormedJson(json))

/** The bytes of a reference to a form or a record. */
const referenceSize = 200

const lazyText = (size: number, head: () => string, tail: () => string): EventText => ({
  size,
  writeHead: into => into.appendText(wellFormedJson(`${head()}${beforeUser}`)),
  writeTail: into => into.appendText(wellFormedJson(tail()))
})

const samplingJson = (sampling: SamplingNote | undefined): string =>
  sampling === undefined ? "{}" : JSON.stringify(sampling)

/** The text of an exposure. If `stripped`, its secondary exposures are sent as separate exposures. */
export const exposureText = (form: ExposureForm, sampling: SamplingNote | undefined, stripped: boolean): EventText =>
  sampling === undefined && !stripped
    ? form
    : lazyText(
        referenceSize,
        () => exposureStart(form) + samplingJson(sampling),
        () => exposureEnd(form, stripped)
      )

/** The text of a secondary exposure that is sent as a separate exposure. */
export const secondaryText = (secondary: SecondaryExposure, sampling: SamplingNote | undefined): EventText =>
  lazyText(
    referenceSize,
    () =>
      `{"eventName":"statsig::gate_exposure","value":null,"metadata":${JSON.stringify(secondary)},"statsigMetadata":${samplingJson(sampling)}`,
    () => ',"secondaryExposures":[]}'
  )

/** The text of a custom event, or of an event of the SDK itself. */
export const customText = (name: string, value: string | number | null, metadata: JsonObject | null): EventText =>
  lazyText(
    referenceSize + sizeOf(name) + sizeOf(value) + sizeOf(metadata),
    () =>
      `{"eventName":${quoted(name)},"value":${JSON.stringify(value)},"metadata":${JSON.stringify(metadata)},"statsigMetadata":null`,
    () => ',"secondaryExposures":null}'
  )
