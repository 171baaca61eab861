/**
 * The protobuf messages of specs, by field number. The numbers are Statsig's own.
 */
import type { BadPart } from "../../../src/engine/payload/snapshot.js"
import * as Wire from "./wire.js"

export const envelopeFields: Wire.WireFields = {
  1: Wire.enumeration("kind"),
  2: Wire.text("name"),
  3: Wire.text("checksum"),
  4: Wire.bytes("data")
}

export interface EnvelopeFields {
  readonly kind?: number
  readonly name?: string
  readonly checksum?: string
  readonly data?: Uint8Array
}

/** The kinds of envelopes without an entity. */
export const envelopeKinds = { done: 1, topLevel: 2, deletions: 8, checksums: 9, copyPrevious: 10 } as const

export const tableOfKind = {
  3: "feature_gates",
  4: "dynamic_configs",
  5: "layer_configs",
  6: "param_stores",
  7: "condition_map"
} as const

export type TableName = (typeof tableOfKind)[keyof typeof tableOfKind]

export const tableFields = Object.values(tableOfKind)

/** What their entities are called, by entity kind. */
export const partOfKind: Readonly<Record<number, BadPart["kind"]>> = {
  3: "gate",
  4: "dynamicConfig",
  5: "layer",
  6: "parameterStore",
  7: "condition"
}

export const topLevelFields: Wire.WireFields = {
  1: Wire.flag("hasUpdates"),
  2: Wire.uint64("time"),
  3: Wire.text("companyID"),
  4: Wire.text("responseFormat"),
  5: Wire.text("checksum"),
  7: Wire.bytes("rest")
}

/** Top-level members that are not taken from the rest of the message. */
export const ownMembers: ReadonlySet<string> = new Set([
  ..."has_updates time company_id response_format checksum".split(" "),
  ...tableFields
])

/** One of two: a number that stands for a name, or a name. The last one counts, as wherever fields share a name. */
const idTypeFields: Wire.WireFields = { 1: Wire.enumeration("id"), 2: Wire.text("id") }

export const returnValueFields: Wire.WireFields = {
  1: Wire.jsonFlag("value"),
  2: Wire.bytes("value")
}

export const anyValueFields: Wire.WireFields = {
  1: Wire.jsonText("value"),
  2: Wire.jsonFlag("value"),
  3: Wire.jsonInt64("value"),
  4: Wire.uint64("value"),
  5: Wire.jsonDouble("value"),
  6: Wire.bytes("value")
}

export const ruleFields: Wire.WireFields = {
  1: Wire.text("name"),
  2: Wire.uint32("passPercentage"),
  3: Wire.text("id"),
  4: Wire.text("salt"),
  5: Wire.text("conditions[]"),
  6: Wire.nested("idType", idTypeFields),
  7: Wire.nested("returnValue", returnValueFields),
  8: Wire.text("groupName"),
  9: Wire.text("configDelegate"),
  10: Wire.flag("isExperimentGroup"),
  11: Wire.flag("isControlGroup"),
  12: Wire.float("samplingRate"),
  13: Wire.double("exactPercentage")
}

export const specFields: Wire.WireFields = {
  1: Wire.text("salt"),
  2: Wire.flag("enabled"),
  3: Wire.nested("defaultValue", returnValueFields),
  4: Wire.enumeration("entity"),
  5: Wire.nested("idType", idTypeFields),
  6: Wire.uint32("version"),
  7: Wire.bytes("rules[]"),
  8: Wire.flag("isActive"),
  9: Wire.text("explicitParameters[]"),
  10: Wire.flag("hasSharedParams"),
  11: Wire.text("targetAppIDs[]"),
  12: Wire.flag("useNewLayerEval"),
  13: Wire.flag("forwardAllExposures"),
  14: Wire.text("fieldsUsed[]")
}

export const conditionFields: Wire.WireFields = {
  1: Wire.enumeration("type"),
  2: Wire.nested("idType", idTypeFields),
  3: Wire.nested("targetValue", anyValueFields),
  4: Wire.enumeration("operator"),
  5: Wire.text("field"),
  6: Wire.bytes("additionalValues")
}

/** Deleted names. Those of the top level need no list: members outside the tables come from the payload itself. */
export const deletionFields: Wire.WireFields = {
  1: Wire.text("dynamic_configs[]"),
  2: Wire.text("feature_gates[]"),
  3: Wire.text("layer_configs[]"),
  5: Wire.text("condition_map[]"),
  7: Wire.text("param_stores[]")
}

export const checksumFields: Wire.WireFields = {
  1: Wire.nested("sums[]", { 1: Wire.text("table"), 2: Wire.uint64("sum") })
}

/** The names of an enumeration's numbers, from 1 on. */
const names = (texts: string): ReadonlyArray<string> => ["", ...texts.split(" ")]

export const idTypes = names("userID stableID")
export const entityTypes = names("feature_gate dynamic_config autotune experiment layer segment holdout")
export const gateTypes: ReadonlySet<string> = new Set(["feature_gate", "segment", "holdout"])

export const conditionTypes = names(
  "public fail_gate pass_gate ua_based ip_based user_field environment_field current_time user_bucket target_app unit_id"
)

export const operatorNames = names(
  "gt gte lt lte version_gt version_gte version_lt version_lte version_eq version_neq any none str_starts_with_any " +
    "str_ends_with_any str_contains_any str_contains_none any_case_sensitive none_case_sensitive str_matches before " +
    "after on eq neq in_segment_list not_in_segment_list array_contains_any array_contains_none array_contains_all " +
    "not_array_contains_all encoded_any"
)

export const nameOf = (what: string, texts: ReadonlyArray<string>, number: unknown): string => {
  const name = texts[(number ?? 0) as number]
  if (name === undefined || name === "") throw new Error(`the ${what} ${number ?? 0} is unknown`)
  return name
}
