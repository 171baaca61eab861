/**
 * The flags of the OpenFeature specification's scenarios as a Statsig project: its test flags and the canonical flags
 * of its conformance suite for providers.
 */
import { Statsig, type StatsigOptions } from "../../../layers/promise.js"

const rule = (id: string, returnValue: unknown, conditions: ReadonlyArray<string>, more: object = {}) => ({
  name: id,
  id,
  groupName: id,
  salt: id,
  passPercentage: 100,
  returnValue,
  conditions,
  idType: "userID",
  ...more
})

const spec = (entity: string, rules: ReadonlyArray<object>, more: object = {}) => ({
  type: entity === "feature_gate" ? "feature_gate" : "dynamic_config",
  entity,
  salt: "salt",
  enabled: true,
  defaultValue: entity === "feature_gate" ? false : {},
  idType: "userID",
  rules,
  ...more
})

const everyone = ["everyone"]

/** A flag with one variant for everyone. */
const flag = (variant: string, value: unknown) => spec("dynamic_config", [rule(variant, { value }, everyone)])

/** A flag that serves the same variant with and without a rule. */
const targeted = (value: unknown) =>
  spec("dynamic_config", [rule("zero", { value }, ["ballmer"])], { defaultValue: { value } })

const disabled = (value: unknown) => spec("dynamic_config", [], { enabled: false, defaultValue: value })

const template = { showImages: true, title: "Check out these pics!", imagesPerPage: 100 }

const condition = (fields: object) => ({
  targetValue: null,
  operator: null,
  field: null,
  additionalValues: {},
  idType: "userID",
  ...fields
})

const user = (field: string, operator: string, targetValue: unknown) =>
  condition({ type: "user_field", field, operator, targetValue })

export const vip = "5c3d8535-f81a-4478-a6d3-afaa4d51199e"

export const payload = {
  has_updates: true,
  time: 1_700_000_000_000,
  experiment_to_layer: {},
  condition_map: {
    everyone: condition({ type: "public" }),
    ballmer: user("email", "any", ["ballmer@macrosoft.com"]),
    internal: user("customer", "any", ["false"]),
    vip: condition({ type: "unit_id", operator: "any", targetValue: [vip] }),
    company: condition({ type: "unit_id", idType: "companyID", operator: "any", targetValue: ["c-7"] }),
    late: user("signedUp", "after", String(Date.UTC(2024, 0, 1))),
    listed: condition({ type: "unit_id", operator: "in_segment_list", targetValue: "vips" }),
    grouped: condition({
      type: "experiment_group",
      field: "experiment",
      operator: "any",
      targetValue: ["Control", "Test"]
    }),
    strange: user("x", "no_such_operator", "y"),
    half: condition({
      type: "user_bucket",
      field: "user_bucket",
      operator: "lt",
      targetValue: 500,
      additionalValues: { salt: "s" }
    })
  },
  feature_gates: {
    "boolean-flag": spec("feature_gate", [rule("on", true, everyone)], { version: 4 }),
    "metadata-flag": spec("feature_gate", [rule("on", true, everyone)]),
    "boolean-zero-flag": spec("feature_gate", [rule("zero", true, everyone, { passPercentage: 0 })]),
    "boolean-targeted-zero-flag": spec("feature_gate", [rule("zero", false, ["ballmer"])]),
    "disabled-boolean-flag": spec("feature_gate", [], { enabled: false }),
    "rollout-flag": spec("feature_gate", [rule("rollout", true, everyone, { passPercentage: 50 })]),
    "company-rollout-flag": spec(
      "feature_gate",
      [rule("rollout", true, everyone, { passPercentage: 50, idType: "companyID" })],
      { idType: "companyID" }
    ),
    "vip-flag": spec("feature_gate", [rule("vips", true, ["vip"])]),
    "company-flag": spec("feature_gate", [rule("company", true, ["company"])]),
    "list-gate": spec("feature_gate", [rule("listed", true, ["listed"])]),
    "late-flag": spec("feature_gate", [rule("late", true, ["late"])]),
    "strange-flag": spec("feature_gate", [rule("strange", true, ["strange"])]),
    "circular-flag": spec("feature_gate", [rule("circle", true, ["circle"])]),
    "pricing.beta": spec("feature_gate", [rule("on", true, everyone)]),
    broken: { name: "no spec at all" }
  },
  dynamic_configs: {
    "string-flag": flag("greeting", "hi"),
    "integer-flag": flag("ten", 10),
    "float-flag": flag("half", 0.5),
    "object-flag": spec("dynamic_config", [rule("template", template, everyone)]),
    "boolean-config": flag("on", true),
    "string-zero-flag": flag("zero", ""),
    "integer-zero-flag": flag("zero", 0),
    "float-zero-flag": flag("zero", 0),
    "object-zero-flag": spec("dynamic_config", [rule("zero", {}, everyone)]),
    "large-integer-flag": flag("max-int32", 2147483647),
    "huge-integer-flag": flag("max-safe", 9007199254740991),
    "wrong-flag": flag("one", "uno"),
    "list-flag": flag("list", [1, "two"]),
    "string-targeted-zero-flag": targeted(""),
    "integer-targeted-zero-flag": targeted(0),
    "float-targeted-zero-flag": targeted(0),
    "object-targeted-zero-flag": spec("dynamic_config", [rule("zero", {}, ["ballmer"])]),
    "context-aware": spec("dynamic_config", [rule("internal", { value: "INTERNAL" }, ["internal"])], {
      defaultValue: { value: "EXTERNAL" }
    }),
    "targeting-key-flag": spec("dynamic_config", [rule("hit", { value: "hit" }, ["vip"])], {
      defaultValue: { value: "miss" }
    }),
    "fall-through-flag": spec("dynamic_config", [
      rule("hit", { value: "hit" }, ["vip"]),
      rule("rest", { value: "rest" }, everyone)
    ]),
    "partial-flag": spec("dynamic_config", [rule("lucky", { value: "in" }, everyone, { passPercentage: 50 })], {
      defaultValue: { value: "out" }
    }),
    "disabled-string-flag": disabled({}),
    "disabled-default-flag": disabled({ value: "configured" }),
    "grouped-flag": spec("dynamic_config", [rule("grouped", { value: "in a group" }, ["grouped"])]),
    "disabled-object-flag": disabled({ title: "of the project" }),
    "changing-flag": flag("foo", "foo"),
    pricing: spec("dynamic_config", [
      rule(
        "prices",
        { currency: "EUR", vat: 19, free: false, tiers: { a: 1 }, nothing: null, beta: "hidden" },
        everyone
      )
    ]),
    "pricing.us": flag("us", "USD"),
    experiment: spec(
      "experiment",
      [
        rule("control", { color: "red", size: 1 }, ["half"], { groupName: "Control", isExperimentGroup: true }),
        rule("test", { color: "blue", size: 2 }, everyone, { groupName: "Test", isExperimentGroup: true })
      ],
      { isActive: true }
    )
  },
  layer_configs: {
    layer: spec("layer", [rule("delegate", {}, everyone, { configDelegate: "experiment" })], {
      defaultValue: { color: "grey", size: 0, extra: true }
    })
  },
  param_stores: {
    store: {
      parameters: {
        title: { ref_type: "static", param_type: "string", value: "hello" },
        route: {
          ref_type: "gate",
          param_type: "string",
          gate_name: "boolean-flag",
          pass_value: "/new",
          fail_value: "/"
        },
        currency: {
          ref_type: "dynamic_config",
          param_type: "string",
          config_name: "pricing",
          param_name: "currency"
        },
        color: {
          ref_type: "experiment",
          param_type: "string",
          experiment_name: "experiment",
          param_name: "color"
        }
      }
    }
  }
}
Object.assign(payload.condition_map, { circle: condition({ type: "pass_gate", targetValue: "circular-flag" }) })

/** A data store with these specs. */
export const storeOf = (specs: object) => ({
  initialize: async () => {},
  get: async () => ({ result: JSON.stringify(specs) })
})

/** An instance that has the flags and uses no network. */
export const makeOffline = (options: StatsigOptions = {}) =>
  new Statsig("secret-openfeature", {
    disableNetwork: true,
    dataStore: storeOf(payload),
    outputLogLevel: "none",
    ...options
  })
