/**
 * The JSON of one entry of a client initialize response, with gaps for its exposures.
 *
 * Members are in the order of the official SDK, although only their names matter.
 */
import { type Evaluation, ruleIDOf } from "../evaluate/evaluation.js"
import type { Exposures } from "../evaluate/exposures.js"
import { type HashAlgorithm, hashedName } from "../hashing/nameHash.js"
import { literalOf } from "../json.js"
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

type EntryMembers = ReadonlyArray<string | false | undefined>

const joinedObject = (members: EntryMembers): string => `{${members.filter(Boolean).join(",")}}`

/** An entry in full: the key is the name as JSON. */
export const longEntry = (kind: EntryKind, key: string, record: Evaluation, style: EntryStyle): string => {
  const idType = !style.removeIdType && `"id_type":${quotedJson(record.idType ?? "")}`
  const isDeviceBased = `"is_device_based":${record.idType === "stableID" || record.idType === "stableid"}`
  const start: EntryMembers = [
    `"name":${key}`,
    `"rule_id":${quotedJson(ruleIDOf(record))}`,
    `"secondary_exposures":${listText(record.exposures, secondaryGap)}`
  ]
  const groupName = record.groupName !== undefined && `"group_name":${quotedJson(record.groupName)}`
  const flags: EntryMembers = [
    `"is_experiment_active":${record.isExperimentActive}`,
    `"is_user_in_experiment":${record.isExperimentGroup}`
  ]
  switch (kind) {
    case "gate":
      return joinedObject([...start, record.idType !== undefined && idType, `"value":${record.bool}`])
    case "dynamicConfig":
      return joinedObject([...start, idType, `"value":${valueText(record)}`, isDeviceBased, `"passed":${record.bool}`])
    case "experiment":
    case "autotune":
      return joinedObject([
        ...start,
        idType,
        `"value":${valueText(record)}`,
        isDeviceBased,
        record.isInLayer && `"is_in_layer":true`,
        record.explicitParameters && `"explicit_parameters":${JSON.stringify(record.explicitParameters)}`,
        groupName,
        ...(kind === "experiment" ? flags : [])
      ])
    case "layer":
      return joinedObject([
        ...start,
        `"value":${valueText(record)}`,
        idType,
        isDeviceBased,
        groupName,
        ...(isDelegated(record) ? flags : []),
        isDelegated(record) &&
          `"allocated_experiment_name":${quotedJson(hashedName(style.hashAlgorithm, record.configDelegate ?? ""))}`,
        `"explicit_parameters":${JSON.stringify(record.explicitParameters ?? [])}`,
        `"undelegated_secondary_exposures":${listText(record.undelegated, undelegatedGap)}`,
        style.format === "Initialize" &&
          record.parameterRuleIDs !== undefined &&
          `"parameter_rule_ids":${JSON.stringify(Object.fromEntries(record.parameterRuleIDs))}`
      ])
  }
}

/** An entry with short keys, without the client's defaults. `valueID` refers to its value. */
export const shortEntry = (kind: EntryKind, record: Evaluation, valueID: string, style: EntryStyle): string => {
  const ruleID = ruleIDOf(record)
  const { explicitParameters, groupName, idType, undelegated } = record
  const start: EntryMembers = [
    ruleID !== "default" && `"r":${quotedJson(ruleID)}`,
    isFilled(record.exposures) && `"s":[${secondaryGap}]`
  ]
  const id = !style.removeIdType && idType !== undefined && `"i":${quotedJson(idType)}`
  const value = `"v":${quotedJson(valueID)}`
  const group = groupName !== undefined && `"gn":${quotedJson(groupName)}`
  const flags: EntryMembers = [`"ea":${record.isExperimentActive}`, `"ue":${record.isExperimentGroup}`]
  switch (kind) {
    case "gate":
      return joinedObject([...start, id, record.bool && `"v":true`])
    case "dynamicConfig":
      return joinedObject([...start, id, value, `"p":${record.bool}`])
    case "experiment":
    case "autotune":
      return joinedObject([...start, id, value, group, ...(kind === "experiment" ? flags : [])])
    case "layer":
      return joinedObject([
        ...start,
        value,
        id,
        group,
        ...(isDelegated(record) ? flags : []),
        isDelegated(record) && `"ae":${quotedJson(hashedName(style.hashAlgorithm, record.configDelegate ?? ""))}`,
        explicitParameters && `"ep":${JSON.stringify(explicitParameters)}`,
        isFilled(undelegated) && `"us":[${undelegatedGap}]`
      ])
  }
}

/** A parameter of a store. Nothing is evaluated here: the client looks up the names. */
export const parameterText = (key: string, parameter: ParameterSpec, hashAlgorithm: HashAlgorithm): string => {
  return JSON.stringify({
    name: key,
    ref_type: parameter.refType,
    param_type: parameter.parameterType,
    ...parameterMembers(parameter, name => hashedName(hashAlgorithm, name))
  })
}

const parameterMembers = (parameter: Parameter, hashed: (name: string) => string): object => {
  switch (parameter.kind) {
    case "static":
      return { value: parameter.value }
    case "gate":
      return {
        gate_name: hashed(parameter.gateName),
        pass_value: parameter.passValue,
        fail_value: parameter.failValue
      }
    case "dynamicConfig":
      return { config_name: hashed(parameter.configName), param_name: parameter.parameterName }
    case "experiment":
      return { experiment_name: hashed(parameter.experimentName), param_name: parameter.parameterName }
    case "layer":
      return { layer_name: hashed(parameter.layerName), param_name: parameter.parameterName }
  }
}

/** An experiment with an empty name is ignored. */
const isDelegated = ({ configDelegate }: Evaluation): boolean => configDelegate !== undefined && configDelegate !== ""

const isFilled = (list: Exposures | undefined): boolean => list !== undefined && list.length > 0

const listText = (list: Exposures | undefined, gap: string): string => (isFilled(list) ? `[${gap}]` : "[]")
