/**
 * The protobuf messages of specs, by field number. The numbers are Statsig's own.
 */
import type { BadPart } from "../../../src/engine/payload/snapshot.js"
import {
  bytes,
  double,
  enumeration,
  flag,
  float,
  jsonDouble,
  jsonFlag,
  jsonInt64,
  jsonText,
  nested,
  text,
  uint32,
  uint64,
  type WireFields
} from "./wire.js"

export const envelopeFields: WireFields = {
  1: enumeration("kind"),
  2: text("name"),
  3: text("checksum"),
  4: bytes("data")
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

export const topLevelFields: WireFields = {
  1: flag("hasUpdates"),
  2: uint64("time"),
  3: text("companyID"),
  4: text("responseFormat"),
  5: text("checksum"),
  7: bytes("rest")
}

/** Top-level members that are not taken from the rest of the message. */
export const ownMembers: ReadonlySet<string> = new Set([
  ..."has_updates time company_id response_format checksum".split(" "),
  ...tableFields
])

/** One of two: a number that stands for a name, or a name. The last one counts, as wherever fields share a name. */
const idTypeFields: WireFields = { 1: enumeration("id"), 2: text("id") }

export const returnValueFields: WireFields = {
  1: jsonFlag("value"),
  2: bytes("value")
}

export const anyValueFields: WireFields = {
  1: jsonText("value"),
  2: jsonFlag("value"),
  3: jsonInt64("value"),
  4: uint64("value"),
  5: jsonDouble("value"),
  6: bytes("value")
}

export const ruleFields: WireFields = {
  1: text("name"),
  2: uint32("passPercentage"),
  3: text("id"),
  4: text("salt"),
  5: text("conditions[]"),
  6: nested("idType", idTypeFields),
  7: nested("returnValue", returnValueFields),
  8: text("groupName"),
  9: text("configDelegate"),
  10: flag("isExperimentGroup"),
  11: flag("isControlGroup"),
  12: float("samplingRate"),
  13: double("exactPercentage")
}

export const specFields: WireFields = {
  1: text("salt"),
  2: flag("enabled"),
  3: nested("defaultValue", returnValueFields),
  4: enumeration("entity"),
  5: nested("idType", idTypeFields),
  6: uint32("version"),
  7: bytes("rules[]"),
  8: flag("isActive"),
  9: text("explicitParameters[]"),
  10: flag("hasSharedParams"),
  11: text("targetAppIDs[]"),
  12: flag("useNewLayerEval"),
  13: flag("forwardAllExposures"),
  14: text("fieldsUsed[]")
}

export const conditionFields: WireFields = {
  1: enumeration("type"),
  2: nested("idType", idTypeFields),
  3: nested("targetValue", anyValueFields),
  4: enumeration("operator"),
  5: text("field"),
  6: bytes("additionalValues")
}

/** Deleted names. Those of the top level need no list: members outside the tables come from the payload itself. */
export const deletionFields: WireFields = {
  1: text("dynamic_configs[]"),
  2: text("feature_gates[]"),
  3: text("layer_configs[]"),
  5: text("condition_map[]"),
  7: text("param_stores[]")
}

export const checksumFields: WireFields = { 1: nested("sums[]", { 1: text("table"), 2: uint64("sum") }) }

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
