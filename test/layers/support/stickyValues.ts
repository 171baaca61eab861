import type { StickyValues } from "../../../src/PersistentStorage.js"

/** A stored sticky assignment. */
export const values: StickyValues = {
  value: true,
  json_value: {},
  rule_id: "rule",
  group_name: "A",
  secondary_exposures: [],
  undelegated_secondary_exposures: null,
  config_delegate: null,
  explicit_parameters: null,
  time: 1,
  config_version: null
}
