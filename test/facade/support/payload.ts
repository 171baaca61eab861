/** A small project with one entity of each kind that the facade exposes. */

const rule = (fields: { readonly id: string; readonly [field: string]: unknown }) => ({
  name: fields.id,
  passPercentage: 100,
  returnValue: true,
  salt: "salt",
  conditions: ["public"],
  idType: "userID",
  ...fields
})

const spec = (fields: object) => ({
  type: "feature_gate",
  entity: "feature_gate",
  salt: "salt",
  enabled: true,
  defaultValue: false,
  idType: "userID",
  rules: [] as ReadonlyArray<{ readonly returnValue: unknown }>,
  ...fields
})

const config = (fields: object) =>
  spec({ type: "dynamic_config", entity: "dynamic_config", defaultValue: {}, ...fields })

const condition = (fields: object) => ({
  targetValue: null,
  operator: null,
  field: null,
  additionalValues: {},
  idType: "userID",
  ...fields
})

const parameters = {
  text: { name: "of its own", ref_type: "static", param_type: "string", value: "hello" },
  fraction: { ref_type: "static", param_type: "number", value: 4.5 },
  integer: { ref_type: "static", param_type: "number", value: 7 },
  flag: { ref_type: "static", param_type: "boolean", value: true },
  list: { ref_type: "static", param_type: "array", value: [1, 2] },
  map: { ref_type: "static", param_type: "object", value: { x: 1 } },
  nothing: { ref_type: "static", param_type: "object", value: null },
  gate: { ref_type: "gate", param_type: "string", gate_name: "gate_on", pass_value: "pass", fail_value: "fail" },
  unknown_gate: { ref_type: "gate", param_type: "string", gate_name: "ghost", pass_value: "pass", fail_value: "fail" },
  config: { ref_type: "dynamic_config", param_type: "string", config_name: "config", param_name: "s" },
  config_without: { ref_type: "dynamic_config", param_type: "string", config_name: "config", param_name: "ghost" },
  experiment: { ref_type: "experiment", param_type: "string", experiment_name: "experiment", param_name: "color" },
  layer: { ref_type: "layer", param_type: "string", layer_name: "layer", param_name: "a" },
  layer_null: { ref_type: "layer", param_type: "string", layer_name: "layer", param_name: "nul" }
}

export const payload = {
  has_updates: true,
  time: 1_700_000_000_000,
  checksum: "checksum",
  experiment_to_layer: {},
  condition_map: {
    public: condition({ type: "public" }),
    nested: condition({ type: "pass_gate", targetValue: "gate_on" }),
    staging: condition({ type: "environment_field", field: "tier", operator: "any", targetValue: ["staging"] }),
    pro: condition({ type: "user_field", field: "plan", operator: "any", targetValue: ["pro"] }),
    american: condition({ type: "ip_based", field: "country", operator: "any", targetValue: ["US"] }),
    chrome: condition({ type: "ua_based", field: "browser_name", operator: "any", targetValue: ["Chrome"] }),
    company: condition({ type: "unit_id", idType: "companyID", operator: "any", targetValue: ["42"] })
  },
  feature_gates: {
    gate_on: spec({ version: 7, rules: [rule({ id: "on" })], fieldsUsed: ["userID", "email"] }),
    gate_off: spec({}),
    staging: spec({ rules: [rule({ id: "staging", conditions: ["staging"] })] }),
    pro: spec({ rules: [rule({ id: "pro", conditions: ["pro"] })] }),
    american: spec({ rules: [rule({ id: "american", conditions: ["american"] })] }),
    chrome: spec({ rules: [rule({ id: "chrome", conditions: ["chrome"] })] }),
    company: spec({ rules: [rule({ id: "company", conditions: ["company"] })] }),
    "": spec({ rules: [rule({ id: "empty name" })] }),
    holdout: spec({ entity: "holdout" }),
    segment: spec({ entity: "segment" })
  },
  dynamic_configs: {
    config: config({
      version: 3,
      fieldsUsed: ["custom"],
      rules: [
        rule({
          id: "config",
          returnValue: {
            s: "str",
            n: 13,
            f: 4.5,
            bt: true,
            bf: false,
            nul: null,
            arr: [1, "a", null],
            obj: { a: 1, b: { c: [2] } },
            empty: "",
            zero: 0,
            big: 9007199254740992
          }
        })
      ]
    }),
    experiment: config({
      entity: "experiment",
      isActive: true,
      version: 9,
      rules: [
        rule({
          id: "control",
          groupName: "Control",
          isExperimentGroup: true,
          returnValue: { n: 1, color: "red" },
          passPercentage: 0,
          conditions: ["company", "nested"]
        }),
        rule({
          id: "test",
          groupName: "Test",
          isExperimentGroup: true,
          returnValue: { n: 2, color: "blue", deep: { list: [1] } },
          conditions: ["nested"]
        }),
        rule({ id: "yes", groupName: "Yes", returnValue: true })
      ]
    }),
    ended: config({
      entity: "experiment",
      isActive: false,
      rules: [rule({ id: "ended", groupName: "Ended", isExperimentGroup: true, returnValue: { q: 1 } })]
    }),
    autotune: config({ entity: "autotune" })
  },
  layer_configs: {
    layer: config({ entity: "layer", version: 2, defaultValue: { a: "x", n: 5, o: { z: 1 }, nul: null } }),
    delegating: config({
      entity: "layer",
      defaultValue: { n: 0, color: "none", extra: 1 },
      rules: [rule({ id: "delegate", configDelegate: "experiment", returnValue: {} })]
    })
  },
  param_stores: { store: { parameters } }
}
