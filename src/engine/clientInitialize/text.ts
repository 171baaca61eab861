/**
 * The JSON of one entry of a client initialize response, with gaps for its exposures.
 *
 * Members are in the order of the official SDK, although only their names matter.
 */
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import type { Exposures } from "../evaluate/exposures.js"
import { type HashAlgorithm, hashedName } from "../hashing/nameHash.js"
import { type JsonObject, literalOf } from "../json.js"
import type { Parameter, ParameterSpec } from "../specs.js"

/** The format of a response: entries in full, with exposures by id, or with exposures, values and keys shortened. */
export type ResponseFormat = "Initialize" | "InitializeWithSecondaryExposureMapping" | "InitializeV2"

/** The settings that affect the JSON of all entries. */
export interface EntryStyle {
  readonly format: ResponseFormat
  readonly hashAlgorithm: HashAlgorithm
  readonly removeIdType: boolean
}

/** The kinds of entries, by the kind of the spec. */
export type EntryKind = "gate" | "dynamicConfig" | "experiment" | "autotune" | "layer"

/** Placeholders for the exposures of an entry. Raw control characters never occur in JSON. */
export const secondaryGap = "\u0001"
/** Marks in an entry where its undelegated exposures belong. */
export const undelegatedGap = "\u0002"

/** A text as JSON. */
export const quotedJson = (text: string): string => JSON.stringify(text)

/** The JSON of an evaluation's value. */
export const valueText = ({ value }: Evaluation): string =>
  value === undefined ? "null" : JSON.stringify(literalOf(value))

const joinedObject = (members: ReadonlyArray<string | false | undefined>): string =>
  `{${members.filter(Boolean).join(",")}}`

/** An entry in full: the key is the name as JSON. */
export const longEntry = (kind: EntryKind, key: string, record: Evaluation, style: EntryStyle): string => {
  const { configDelegate = "", explicitParameters, groupName, idType, parameterRuleIDs } = record
  const isGate = kind === "gate"
  const isLayer = kind === "layer"
  const isExperiment = kind === "experiment" || kind === "autotune"
  const value = `"value":${isGate ? record.bool : valueText(record)}`
  return joinedObject([
    `"name":${key}`,
    `"rule_id":${quotedJson(ruleIDOf(record))}`,
    `"secondary_exposures":${listText(record.exposures, secondaryGap)}`,
    isLayer && value,
    !style.removeIdType && (!isGate || idType !== undefined) && `"id_type":${quotedJson(idType ?? "")}`,
    !isLayer && value,
    !isGate && `"is_device_based":${idType === "stableID" || idType === "stableid"}`,
    kind === "dynamicConfig" && `"passed":${record.bool}`,
    isExperiment && record.isInLayer && `"is_in_layer":true`,
    isExperiment && explicitParameters && `"explicit_parameters":${JSON.stringify(explicitParameters)}`,
    (isExperiment || isLayer) && groupName !== undefined && `"group_name":${quotedJson(groupName)}`,
    hasFlags(kind, record) && `"is_experiment_active":${record.isExperimentActive}`,
    hasFlags(kind, record) && `"is_user_in_experiment":${record.isExperimentGroup}`,
    isLayer &&
      isDelegated(record) &&
      `"allocated_experiment_name":${quotedJson(hashedName(style.hashAlgorithm, configDelegate))}`,
    isLayer && `"explicit_parameters":${JSON.stringify(explicitParameters ?? [])}`,
    isLayer && `"undelegated_secondary_exposures":${listText(record.undelegated, undelegatedGap)}`,
    isLayer &&
      style.format === "Initialize" &&
      parameterRuleIDs !== undefined &&
      `"parameter_rule_ids":${JSON.stringify(Object.fromEntries(parameterRuleIDs))}`
  ])
}

/** An entry with short keys, without the client's defaults. `valueID` refers to its value. */
export const shortEntry = (kind: EntryKind, record: Evaluation, valueID: string, style: EntryStyle): string => {
  const ruleID = ruleIDOf(record)
  const { configDelegate = "", explicitParameters, groupName, idType, undelegated } = record
  const isLayer = kind === "layer"
  const value = kind === "gate" ? record.bool && `"v":true` : `"v":${quotedJson(valueID)}`
  return joinedObject([
    ruleID !== "default" && `"r":${quotedJson(ruleID)}`,
    isFilled(record.exposures) && `"s":[${secondaryGap}]`,
    isLayer && value,
    !style.removeIdType && idType !== undefined && `"i":${quotedJson(idType)}`,
    !isLayer && value,
    kind === "dynamicConfig" && `"p":${record.bool}`,
    kind !== "gate" && kind !== "dynamicConfig" && groupName !== undefined && `"gn":${quotedJson(groupName)}`,
    hasFlags(kind, record) && `"ea":${record.isExperimentActive}`,
    hasFlags(kind, record) && `"ue":${record.isExperimentGroup}`,
    isLayer && isDelegated(record) && `"ae":${quotedJson(hashedName(style.hashAlgorithm, configDelegate))}`,
    isLayer && explicitParameters && `"ep":${JSON.stringify(explicitParameters)}`,
    isLayer && isFilled(undelegated) && `"us":[${undelegatedGap}]`
  ])
}

/** A parameter of a store. Nothing is evaluated here: the client looks up the names. */
export const parameterText = (key: string, parameter: ParameterSpec, hashAlgorithm: HashAlgorithm): string =>
  JSON.stringify({
    name: key,
    ref_type: parameter.refType,
    param_type: parameter.parameterType,
    ...parameterMembers(parameter, name => hashedName(hashAlgorithm, name))
  })

/** The members of a parameter that decide its value, as in a payload, with each name as `shown` writes it. */
export const parameterMembers = (parameter: Parameter, shown: (name: string) => string): JsonObject => {
  switch (parameter.kind) {
    case "static":
      return { value: parameter.value }
    case "gate":
      return { gate_name: shown(parameter.gateName), pass_value: parameter.passValue, fail_value: parameter.failValue }
    case "dynamicConfig":
      return { config_name: shown(parameter.configName), param_name: parameter.parameterName }
    case "experiment":
      return { experiment_name: shown(parameter.experimentName), param_name: parameter.parameterName }
    case "layer":
      return { layer_name: shown(parameter.layerName), param_name: parameter.parameterName }
  }
}

/** Whether it says if the experiment is active and the user in it. */
const hasFlags = (kind: EntryKind, record: Evaluation): boolean =>
  kind === "experiment" || (kind === "layer" && isDelegated(record))

/** An experiment with an empty name is ignored. */
const isDelegated = ({ configDelegate }: Evaluation): boolean => configDelegate !== undefined && configDelegate !== ""

const isFilled = (list: Exposures | undefined): boolean => list !== undefined && list.length > 0

const listText = (list: Exposures | undefined, gap: string): string => (isFilled(list) ? `[${gap}]` : "[]")
