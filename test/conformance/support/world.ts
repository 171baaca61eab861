/**
 * Generated worlds: a whole config-specs payload, the users that are checked against it and the options of the SDK.
 *
 * Omitted on purpose, because there the results differ by design: a condition with an error rejects the whole payload
 * officially and only its own specs here. Omitted because the official package aborts: see `safety.ts`. Times are hours
 * away from any "now", so both sides see them on the same side of it.
 *
 * Specs are made in levels and refer only to lower levels; the only cycles are deliberate ones of plain nested gates.
 */
import { Random } from "./random.js"
import { isSafe } from "./safety.js"
import { listAt, object, Raw, type Tree, type TreeObject, write } from "./tree.js"
import {
  addresses,
  aim,
  anyJson,
  anyUserValue,
  countries,
  hardValue,
  memberValue,
  operators,
  userAgents,
  userAgentValues,
  word
} from "./values.js"

/** A user: constructor arguments, and fields that are assigned afterwards. */
export interface WorldUser {
  readonly fields: TreeObject
  readonly assigned: TreeObject
}

/** Everything that one round of comparisons needs. */
export interface World {
  readonly payload: TreeObject
  readonly users: ReadonlyArray<WorldUser>
  /** Options of the SDK: `environment`, `globalCustomFields`. */
  readonly options: TreeObject
  /** Names of specs with an error. */
  readonly spoilt?: ReadonlySet<string>
  /** Whether the payload has an error outside of single specs: most such payloads are refused as a whole. */
  readonly isRefused?: boolean
  /** Makes the bytes that the data store serves instead of the text. */
  readonly encode?: (payload: TreeObject) => Uint8Array
}

/** The text that the data store serves. */
export const payloadText = (world: World): string => write(world.payload)

/** World `index` of the seed. */
export const makeWorld = (seed: number, index: number): World => {
  const random = Random.of(seed, index)
  for (;;) {
    const world = new Maker(random).world()
    if (isSafe(world)) return world
  }
}

/** The prefix of gates that show the result of one condition. */
export const probe = "probe "
/** The prefix of experiments that show a gate's secondary exposures: a copy of the gate. */
export const shadow = "shadow "
/** The prefix of the gates of a chain as deep as the recursion limit. */
export const chain = "chain "

const hostileNames = ["__proto__", "constructor", "", "😀", "toString", "segment:x", "segment:", "GATE", "gate", "ünï"]

const idTypes = ["userID", "userID", "userID", "userID", "userid", "USERID", "user_id", "companyID", "CompanyID"]
const oddIdTypes = ["companyid", "stableID", "", "__proto__", "constructor", "ünï"]

const fieldNames = [
  ..."userID userid user_id email Email ip country Country locale appVersion app_version appversion".split(" "),
  ..."userAgent user_agent plan Plan level tags joined build roles score region bio code kind".split(" "),
  ..."f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15".split(" "),
  ..."__proto__ constructor toString hasOwnProperty naïve 😀".split(" "),
  ""
]

const topLevelFields = new Map([
  ["userid", "userID"],
  ["user_id", "userID"],
  ["email", "email"],
  ["ip", "ip"],
  ["country", "country"],
  ["locale", "locale"],
  ["appversion", "appVersion"],
  ["app_version", "appVersion"],
  ["useragent", "userAgent"],
  ["user_agent", "userAgent"]
])

const userAgentFields = [
  ..."os_name osName OS_NAME os_version osversion browser_name browserName browser_version browserversion os".split(" ")
]

/** Names of parameters that values have. */
export const parameterNames = ["color", "size", "flag", "list", "nested", "Color", "", "__proto__", "constructor", "😀"]
const groupNames = ["Control", "Test", "test", "", "😀"]

class Maker {
  readonly #random: Random
  readonly #conditions = new Map<string, Tree>()
  readonly #values: Array<string> = []
  readonly #near = new Map<string, Array<Tree>>()
  readonly #units: Array<Tree> = ["u1", "u2", "", "42", 42, 1.5, 1e21, "vip", "ΑΣ"]
  readonly #groups = new Map<string, Array<string>>()
  readonly #fields: ReadonlyArray<string>
  readonly #spoilt = new Set<string>()
  #fieldsGiven = 0

  constructor(random: Random) {
    this.#random = random
    this.#fields = random.shuffle(fieldNames).slice(0, 38)
  }

  world(): World {
    const random = this.#random
    const payload = this.#payload()
    if (random.chance(0.15)) this.#spoilSpecs(payload)
    const isRefused = random.chance(0.01)
    if (isRefused) this.#spoilPayload(payload)
    const options = new Map<string, Tree>()
    if (random.chance(0.4)) options.set("environment", random.pick(["staging", "Production", "", "dev"]))
    if (random.chance(0.3)) {
      const fields = random.times(random.below(4), () => [this.#fieldKey(), this.#globalValue()] as const)
      options.set("globalCustomFields", new Map(fields))
    }
    return { payload, users: random.times(8, () => this.#user()), options, spoilt: this.#spoilt, isRefused }
  }

  #payload(): TreeObject {
    const random = this.#random
    const gates = new Map<string, Tree>()
    const configs = new Map<string, Tree>()
    const layers = new Map<string, Tree>()
    const bandits = new Map<string, Tree>()
    for (let count = 0; count < 70; count++) this.#values.push(this.#valueCondition())

    const gateNames: Array<string> = ["ghost gate"]
    const nested: Array<string> = []
    const addGates = (level: number, count: number, extra: ReadonlyArray<string>, delegates: ReadonlyArray<string>) => {
      const names: Array<string> = []
      for (let index = 0; index < count; index++) {
        const name = random.chance(0.12) ? random.pick(hostileNames) : `gate ${level}.${index}`
        if (gates.has(name)) continue
        gates.set(name, this.#spec("gate", nested, extra, delegates))
        names.push(name)
      }
      gateNames.push(...names)
      for (const name of names) nested.push(this.#nestedCondition(name), this.#nestedCondition(name))
      nested.push(this.#nestedCondition("ghost gate"))
    }
    const configNames: Array<string> = ["ghost config"]
    const addConfigs = (label: string, count: number, extra: ReadonlyArray<string>) => {
      for (let index = 0; index < count; index++) {
        const name = random.chance(0.12) ? random.pick(hostileNames) : `${label} ${index}`
        if (configs.has(name)) continue
        configs.set(name, this.#spec("config", nested, extra, random.chance(0.3) ? configNames : [], name))
        configNames.push(name)
      }
    }

    addGates(0, 5, [], [])
    addConfigs("base", 4, [])
    const experimentGroups = random.times(3, () => this.#experimentGroupCondition(random.pick(configNames)))
    const base = [...configNames]
    for (const level of [1, 2, 3, 4, 5]) addGates(level, 3, experimentGroups, random.chance(0.4) ? base : [])
    if (random.chance(0.3)) this.#addCycle(gates, nested)
    addConfigs("config", 6, experimentGroups)
    for (let index = 0; index < 3; index++) {
      const name = random.chance(0.4) ? random.pick(configNames) : `bandit ${index}`
      bandits.set(name, this.#bandit(gateNames))
      if (random.chance(0.5)) configNames.push(name)
    }
    for (let index = 0; index < 6; index++) {
      const name = random.chance(0.12) ? random.pick(hostileNames) : `layer ${index}`
      layers.set(name, this.#spec("layer", nested, experimentGroups, configNames))
    }
    for (const [name, gate] of gates) configs.set(shadow + name, gate)
    const nestedProbes = random.shuffle(nested).slice(0, 20)
    for (const key of new Set([...this.#values, ...experimentGroups, ...nestedProbes])) {
      gates.set(probe + key, this.#probe([key]))
    }
    if (random.chance(0.03)) this.#addChain(gates, configs)

    const payload = object({
      has_updates: true,
      time: random.pick<Tree>([1_700_000_000_000, 1, 0, new Raw("9223372036854775807"), 1_600_000_000_000]),
      feature_gates: gates,
      dynamic_configs: configs,
      layer_configs: layers,
      condition_map: this.#conditions,
      experiment_to_layer: object({}),
      cmab_configs: random.chance(0.9) ? bandits : undefined,
      app_id: this.#optional(0.6, () => random.pick<Tree>(["app", "App", 7, ["app"], null, "x"])),
      default_environment: this.#optional(0.4, () => random.pick(["staging", "production", "dev"])),
      param_stores: this.#optional(0.95, () => this.#stores(gateNames, configNames, [...layers.keys()])),
      company_id: this.#optional(0.5, () => "company"),
      sdk_configs: this.#optional(0.3, () => object({ any: anyJson(random) })),
      diagnostics: this.#optional(0.3, () => object({ initialize: 10000 })),
      id_lists: this.#optional(0.3, () => object({ vip_list: true })),
      unknown_key: this.#optional(0.3, () => anyJson(random))
    })
    if (random.chance(0.6)) this.#addMappings(payload, gateNames, configNames, [...layers.keys()])
    return payload
  }

  /** Present with the given probability; null means absent. */
  #optional(probability: number, make: () => Tree): Tree | undefined {
    return this.#random.chance(probability) ? make() : this.#random.chance(0.5) ? null : undefined
  }

  #addCondition(members: { readonly [key: string]: Tree | undefined }): string {
    const key = this.#random.chance(0.01) ? this.#random.pick(hostileNames) : `c${this.#conditions.size}`
    this.#conditions.set(
      key,
      object({ idType: this.#idType(), ...members, checksum: this.#random.chance(0.05) ? "x" : undefined })
    )
    return key
  }

  #idType(): string {
    return this.#random.pick(this.#random.chance(0.9) ? idTypes : oddIdTypes)
  }

  #addNear(place: string, values: ReadonlyArray<Tree>): void {
    const held = this.#near.get(place)
    if (held === undefined) this.#near.set(place, [...values])
    else held.push(...values)
  }

  /** A field as conditions spell it: one name after the other, sometimes in another case. */
  #fieldKey(): string {
    const field = this.#fields[this.#fieldsGiven++ % this.#fields.length] ?? ""
    return this.#random.chance(0.06) ? this.#random.pick([field.toUpperCase(), field.toLowerCase()]) : field
  }

  #operator(): string {
    return this.#random.pick(operators)
  }

  #valueCondition(): string {
    const random = this.#random
    const type = random.weighted([
      [60, "user_field"],
      [5, "public"],
      [6, "ua_based"],
      [4, "ip_based"],
      [5, "environment_field"],
      [2, "current_time"],
      [4, "user_bucket"],
      [5, "unit_id"],
      [3, "target_app"],
      [1, "weird_type"]
    ])
    const operator = random.chance(0.98) ? this.#operator() : random.pick([undefined, null, "weird", "EQ", ""])
    const anyAim = () => aim(random, operator ?? "any")
    const oneOf = (texts: ReadonlyArray<Tree>): string => {
      const chosen = random.pick([
        "any",
        "none",
        "any_case_sensitive",
        "eq",
        "neq",
        "str_contains_any",
        "str_matches",
        "version_gt"
      ])
      const target: Tree = ["eq", "neq", "str_matches", "version_gt"].includes(chosen)
        ? random.pick(texts)
        : random.shuffle(texts).slice(0, random.between(1, 3))
      return this.#addCondition({ type, operator: chosen, field: this.#derivedField(type), targetValue: target })
    }
    switch (type) {
      case "public":
        return this.#addCondition({ type, operator: random.chance(0.1) ? "eq" : undefined })
      case "ua_based":
        if (random.chance(0.85)) return oneOf(userAgentValues)
        break
      case "ip_based":
        if (random.chance(0.85)) return oneOf(countries)
        break
      case "environment_field":
        if (random.chance(0.85)) return oneOf(["staging", "production", "Production", "dev", ""])
        break
      case "unit_id":
        if (random.chance(0.8)) {
          const chosen = random.pick([
            "any",
            "none",
            "eq",
            "neq",
            "any_case_sensitive",
            "str_starts_with_any",
            "gt",
            "array_contains_any"
          ])
          const units = random.shuffle(this.#units)
          return this.#addCondition({
            type,
            operator: chosen,
            targetValue: ["eq", "neq", "gt"].includes(chosen)
              ? (units[0] as Tree)
              : units.slice(0, 3).filter(unit => unit !== 42)
          })
        }
        break
      case "target_app":
        if (random.chance(0.7)) return oneOf(["app", "App", "x"])
        break
      case "user_bucket": {
        const salt = this.#optional(0.7, () => object({ salt: word(random), other: "text" }))
        const chosen = random.pick(["gt", "gte", "lt", "lte", "any", "none", "eq", "neq", "before"])
        const target: Tree = ["any", "none"].includes(chosen)
          ? random.times(300, () => random.pick<Tree>([random.below(1000), String(random.below(1000))]))
          : random.below(1000)
        return this.#addCondition({ type, operator: chosen, additionalValues: salt, targetValue: target })
      }
    }
    const { near, target } = anyAim()
    const field = this.#optional(0.99, () => this.#derivedField(type))
    if (typeof field === "string") this.#addNear(field, near)
    return this.#addCondition({
      type,
      operator,
      field,
      targetValue: random.chance(0.01)
        ? hardValue(random)
        : target === null && random.chance(0.5)
          ? undefined
          : Array.isArray(target) && random.chance(0.08)
            ? this.#lengthened(target)
            : target
    })
  }

  /** A list with so many more items that it is read in another way. */
  #lengthened(items: ReadonlyArray<Tree>): Tree {
    const random = this.#random
    const before = random.below(3_000)
    const fillers = random.times(6_000, index =>
      random.chance(0.01) ? random.pick<Tree>([index, `É${index}`, `"${index}`]) : `filler ${index}`
    )
    return [...fillers.slice(0, before), ...items, ...fillers.slice(before)]
  }

  #derivedField(type: string): string {
    const random = this.#random
    switch (type) {
      case "ua_based":
        return random.chance(0.93) ? random.pick(userAgentFields) : this.#fieldKey()
      case "ip_based":
        return random.chance(0.85) ? "country" : random.chance(0.5) ? "Country" : this.#fieldKey()
      case "environment_field":
        return random.chance(0.85) ? "tier" : random.pick(["TIER", "Tier", "region", "__proto__", ""])
      default:
        return this.#fieldKey()
    }
  }

  #nestedCondition(gate: string): string {
    const random = this.#random
    return this.#addCondition({
      type: random.pick(["pass_gate", "pass_gate", "fail_gate"]),
      targetValue: random.chance(0.97) ? gate : random.pick<Tree>([1, null, ["x"], gate.toUpperCase()]),
      operator: random.chance(0.1) ? "any" : undefined
    })
  }

  #experimentGroupCondition(experiment: string): string {
    const random = this.#random
    const operator = random.pick(["any", "none", "eq", "neq", "any_case_sensitive"])
    const group = random.pick(this.#groups.get(experiment) ?? groupNames)
    return this.#addCondition({
      type: "experiment_group",
      field: this.#optional(0.95, () => experiment),
      operator,
      targetValue: operator === "eq" || operator === "neq" ? random.pick<Tree>([group, group, null]) : [group]
    })
  }

  #ruleConditions(nested: ReadonlyArray<string>, extra: ReadonlyArray<string>): Array<Tree> {
    const random = this.#random
    return random.times(
      random.weighted([
        [1, 0],
        [8, 1],
        [5, 2],
        [2, 3]
      ]),
      () => {
        if (random.chance(0.004)) return "missing condition"
        if (extra.length > 0 && random.chance(0.07)) return random.pick(extra)
        // Conditions of the highest level so far come last: deep nesting is as likely as shallow.
        if (nested.length > 0 && random.chance(0.4)) return random.pick(random.chance(0.6) ? nested.slice(-7) : nested)
        return random.pick(this.#values)
      }
    )
  }

  #passPercentage(): Tree {
    const random = this.#random
    return random.weighted<() => Tree>([
      [10, () => 100],
      [2, () => new Raw(random.pick(["100.0", "1e2", "50", "50.0", "33.33", "12.345", "99.99", "0.01", "66.6"]))],
      [2, () => random.between(1, 99)],
      [1, () => random.pick([0, -5, 150, 1e-9, -0, 99.999999, 100.0000001])]
    ])()
  }

  #value(kind: "gate" | "config" | "layer"): Tree {
    const random = this.#random
    if (kind === "gate" ? random.chance(0.95) : random.chance(0.04)) return random.chance(0.75)
    if (random.chance(0.06)) return anyJson(random)
    if (random.chance(0.03)) return hardValue(random)
    const names = random.shuffle(parameterNames).slice(0, random.below(5))
    return new Map(names.map(name => [name, memberValue(random, name)]))
  }

  #rule(
    kind: "gate" | "config" | "layer",
    nested: ReadonlyArray<string>,
    extra: ReadonlyArray<string>,
    delegates: ReadonlyArray<string>
  ): TreeObject {
    const random = this.#random
    const id = random.weighted<() => string>([
      [20, () => `r${random.below(100000)}`],
      [1, () => random.pick(["", "default", "override", "inlineTargetingRules", "ünï", "__proto__"])]
    ])()
    const delegation = delegates.length > 0 && random.chance(kind === "layer" ? 0.5 : 0.2)
    return object({
      name: random.chance(0.9) ? id : word(random),
      passPercentage: this.#passPercentage(),
      returnValue: this.#value(kind),
      id,
      salt: this.#optional(0.8, () => random.pick([`salt ${id}`, "", "shared salt", "ünï"])),
      conditions: this.#ruleConditions(nested, extra),
      idType: this.#idType(),
      groupName: this.#optional(0.5, () => random.pick(groupNames)),
      configDelegate: delegation ? random.pick(delegates) : this.#optional(0, () => null),
      isExperimentGroup: this.#optional(0.5, () => random.chance(0.7)),
      samplingRate: this.#optional(0.2, () => random.pick([1, 0, 101])),
      unknownKey: random.chance(0.02) ? random.pick([anyJson, hardValue])(random) : undefined
    })
  }

  #spec(
    kind: "gate" | "config" | "layer",
    nested: ReadonlyArray<string>,
    extra: ReadonlyArray<string>,
    delegates: ReadonlyArray<string>,
    name?: string
  ): TreeObject {
    const random = this.#random
    const rules = random.times(
      random.weighted([
        [1, 0],
        [6, 1],
        [6, 2],
        [4, 3],
        [1, 5]
      ]),
      () => this.#rule(kind, nested, extra, delegates)
    )
    if (name !== undefined) {
      this.#groups.set(
        name,
        rules.map(rule => rule.get("groupName")).filter(group => typeof group === "string")
      )
    }
    const entity = {
      gate: ["feature_gate", "feature_gate", "feature_gate", "segment", "holdout"],
      config: ["experiment", "experiment", "experiment", "dynamic_config", "autotune", "other"],
      layer: ["layer"]
    }
    return object({
      type: kind === "gate" ? "feature_gate" : "dynamic_config",
      salt: random.pick([`salt ${random.below(1000)}`, "", "ünï 😀", "shared salt"]),
      defaultValue: this.#value(kind),
      enabled: random.chance(0.85),
      rules,
      idType: this.#idType(),
      entity: random.pick(entity[kind]),
      explicitParameters: this.#optional(0.5, () => random.shuffle(parameterNames).slice(0, random.below(4))),
      hasSharedParams: this.#optional(0.3, () => random.chance(0.5)),
      isActive: this.#optional(0.7, () => random.chance(0.7)),
      version: this.#optional(0.5, () => random.pick([0, 1, 7, 4294967295])),
      targetAppIDs: this.#optional(0.2, () => [word(random)]),
      forwardAllExposures: this.#optional(0.2, () => random.chance(0.5)),
      fieldsUsed: this.#optional(0.3, () => random.times(random.below(4), () => random.pick(fieldNames))),
      useNewLayerEval: this.#optional(0.6, () => random.chance(0.8)),
      checksum: this.#optional(0.1, () => "x")
    })
  }

  #probe(conditions: ReadonlyArray<string>): TreeObject {
    return object({
      type: "feature_gate",
      salt: "",
      defaultValue: false,
      enabled: true,
      rules: [object({ name: "on", passPercentage: 100, returnValue: true, id: "on", conditions, idType: "userID" })],
      idType: "userID",
      entity: "feature_gate"
    })
  }

  #bandit(gates: ReadonlyArray<string>): TreeObject {
    const random = this.#random
    const groups = random.times(
      random.weighted([
        [1, 0],
        [1, 1],
        [3, 2],
        [3, 3],
        [1, 7]
      ]),
      index =>
        object({
          name: random.chance(0.9) ? `Arm ${index}` : "",
          parameterValues: this.#value("config"),
          id: random.chance(0.95) ? `arm_${index}` : "arm_0"
        })
    )
    const scored = groups.length > 0 && random.chance(0.5)
    return object({
      salt: random.pick(["", "salt", "ünï"]),
      targetAppIDs: this.#optional(0.2, () => ["app"]),
      defaultValue: this.#value("config"),
      idType: this.#idType(),
      enabled: random.chance(0.85),
      version: random.below(10),
      sampleRate: scored ? 0 : random.pick([0, 0.5, 1]),
      higherIsBetter: random.chance(0.7),
      groups,
      config: scored
        ? new Map(
            random
              .shuffle(groups)
              .slice(0, random.between(1, groups.length))
              .map((group, index) => [String(group.get("id")), this.#banditModel(index === 0)])
          )
        : this.#optional(0, () => null),
      targetingGateName: this.#optional(0.4, () => random.pick(gates))
    })
  }

  #banditModel(withWeights: boolean): TreeObject {
    const random = this.#random
    const weight = () => random.pick([0.5, 1, -3, 1e-3, 100, 0])
    const fields = () => random.times(random.below(3), () => this.#fieldKey())
    const numerical = new Map(fields().map(field => [field, weight()] as const))
    if (withWeights) numerical.set(this.#fieldKey(), weight())
    return object({
      alpha: random.pick([0, 0.25, -1]),
      intercept: random.pick([0, 1, 2, -5]),
      records: random.below(100),
      weightsNumerical: numerical,
      weightsCategorical: new Map(
        fields().map(field => {
          const texts = [...(this.#near.get(field) ?? []), "pro"].filter(value => typeof value === "string")
          return [
            field,
            new Map(
              random
                .shuffle(texts)
                .slice(0, 3)
                .map(text => [text, weight()] as const)
            )
          ]
        })
      )
    })
  }

  /** Gates that nest each other: every evaluation that enters the cycle and does not leave it is an error. */
  #addCycle(gates: Map<string, Tree>, nested: Array<string>): void {
    const random = this.#random
    const names = random.times(random.between(1, 3), index => `cycle ${index}`)
    names.forEach((name, index) => {
      const to = this.#nestedCondition(names[(index + 1) % names.length] as string)
      gates.set(name, this.#probe(random.shuffle([to, random.pick(this.#values)])))
    })
    if (random.chance(0.2)) nested.unshift(this.#nestedCondition(names[0] as string))
  }

  /** Gates in a row, about as many as may be nested, with a delegate or two between them. */
  #addChain(gates: Map<string, Tree>, configs: Map<string, Tree>): void {
    const random = this.#random
    const length = random.between(296, 304)
    for (let index = 0; index < length; index++) {
      const name = `${chain}${index}`
      const last = index === length - 1
      const conditions = [
        last
          ? this.#addCondition({ type: "public" })
          : this.#addCondition({
              type: random.chance(0.9) ? "pass_gate" : "fail_gate",
              targetValue: `${chain}${index + 1}`
            })
      ]
      if (!random.chance(0.01)) gates.set(name, this.#probe(conditions))
      else {
        const delegating = this.#probe([])
        const [rule] = delegating.get("rules") as ReadonlyArray<TreeObject>
        rule?.set("configDelegate", name)
        gates.set(name, delegating)
        configs.set(name, this.#probe(conditions))
      }
    }
  }

  #addMappings(
    payload: TreeObject,
    gates: ReadonlyArray<string>,
    configs: ReadonlyArray<string>,
    layers: ReadonlyArray<string>
  ): void {
    const random = this.#random
    const simple = [...this.#values, ...this.#values, "missing condition"]
    const rules = random.times(4, index => [`mapping rule ${index}`, this.#rule("gate", [], simple, [])] as const)
    const overrides = new Map<string, Tree>()
    const mapTo = (targets: ReadonlyArray<string>) =>
      random.times(random.between(1, 2), () =>
        object({
          new_config_name: random.pick(targets),
          rules: random.times(random.between(0, 3), () =>
            object({
              rule_name: random.chance(0.95) ? random.pick(rules)[0] : "missing rule",
              start_time: this.#optional(0.4, () => random.pick([0, 1_600_000_000_000, 7_000_000_000_000, -1]))
            })
          )
        })
      )
    for (let count = random.between(1, 5); count > 0; count--) {
      const names = random.pick([gates, configs, layers])
      const from = random.between(0, names.length)
      // Only earlier names, so that there is no cycle.
      overrides.set(names[from] ?? "mapped without a spec", mapTo(["ghost", ...names.slice(0, from)]))
    }
    if (random.chance(0.3)) {
      // Conditions and parameters ask for it though it has no spec. The targets ask for no gate.
      const targets = gates.filter(name => name.startsWith("gate 0.") && !overrides.has(name))
      if (targets.length > 0) overrides.set("ghost gate", mapTo(targets))
    }
    payload.set("override_rules", new Map(rules))
    payload.set("overrides", overrides)
  }

  #stores(gates: ReadonlyArray<string>, configs: ReadonlyArray<string>, layers: ReadonlyArray<string>): TreeObject {
    const random = this.#random
    const parameter = (): TreeObject => {
      const members = random.pick([
        { value: anyJson(random) },
        { gate_name: random.pick(gates), pass_value: anyJson(random), fail_value: anyJson(random) },
        { config_name: random.pick(configs), param_name: random.pick(parameterNames) },
        { experiment_name: random.pick(configs), param_name: random.pick(parameterNames) },
        { layer_name: random.pick(layers), param_name: random.pick(parameterNames) }
      ])
      const extra = random.chance(0.1) ? { value: random.pick<Tree>([null, 1]), layer_name: 5, gate_name: "x" } : {}
      return object({
        ref_type: random.pick(["static", "gate", "odd"]),
        param_type: "string",
        name: this.#optional(0.2, () => "name"),
        ...extra,
        ...members
      })
    }
    return new Map(
      ["store", random.pick(hostileNames)].map(name => [
        name,
        object({
          parameters: new Map(random.times(6, index => [random.chance(0.9) ? `p${index}` : word(random), parameter()])),
          targetAppIDs: this.#optional(0.2, () => ["app"]),
          version: this.#optional(0.5, () => random.below(10))
        })
      ])
    )
  }

  /** Gives a few specs an error each: such a spec is unknown, and all others stay. */
  #spoilSpecs(payload: TreeObject): void {
    const random = this.#random
    for (let count = random.between(1, 4); count > 0; count--) {
      const specs = payload.get(random.pick(["feature_gates", "dynamic_configs", "layer_configs"])) as TreeObject
      const name = random.pick([...specs.keys()])
      const spec = specs.get(name)
      if (!(spec instanceof Map)) continue
      this.#spoilt.add(name)
      const [rule, ...otherRules] = listAt(spec, "rules")
      const inRule = rule instanceof Map && random.chance(0.5)
      const spoilt = new Map(inRule ? rule : spec)
      const key = random.pick([...spoilt.keys()])
      const mistake = random.pick<Tree | undefined>([
        undefined,
        null,
        "text",
        1,
        true,
        -1,
        new Raw("1.5"),
        new Raw("1.0"),
        new Raw("1e2"),
        4_294_967_296,
        [],
        [1],
        object({})
      ])
      if (mistake === undefined) spoilt.delete(key)
      else spoilt.set(key, mistake)
      const text = random.chance(0.1) ? new Raw(write(spoilt).replace("{", `{${JSON.stringify(key)}:1,`)) : spoilt
      if (!inRule) specs.set(name, text)
      else specs.set(name, new Map(spec).set("rules", [...otherRules, text]))
    }
  }

  /** An error outside of single specs and conditions: nothing of the payload is used. */
  #spoilPayload(payload: TreeObject): void {
    const random = this.#random
    const key = random.pick([
      ..."has_updates time feature_gates dynamic_configs layer_configs condition_map experiment_to_layer".split(" "),
      ..."param_stores cmab_configs override_rules overrides default_environment company_id diagnostics id_lists".split(
        " "
      )
    ])
    const mistakes: Array<Tree | undefined> = [undefined, null, "text", 1, false, -1, new Raw("1.5"), [], [1]]
    // A condition that is none costs us its own specs alone: a documented difference.
    if (key !== "condition_map") mistakes.push(object({ a: 1 }))
    const mistake = random.pick(mistakes)
    if (mistake === undefined) payload.delete(key)
    else payload.set(key, mistake)
  }

  #globalValue(): Tree {
    const random = this.#random
    const value = random.pick([...[...this.#near.values()].flat(), "x"])
    return typeof value === "string" ||
      typeof value === "boolean" ||
      (typeof value === "number" && Number.isFinite(value))
      ? value
      : random.pick<Tree>([["a", 1, true], "pro", 1, true])
  }

  #user(): WorldUser {
    const random = this.#random
    const fields = new Map<string, Tree>()
    const assigned = new Map<string, Tree>()
    const custom = new Map<string, Tree>()
    const privateAttributes = new Map<string, Tree>()

    for (const field of [...this.#fields, ...this.#near.keys()]) {
      const near = this.#near.get(field) ?? []
      const value = near.length > 0 && random.chance(0.9) ? random.pick(near) : anyUserValue(random)
      const top = topLevelFields.get(field.toLowerCase())
      if (top !== undefined && random.chance(0.6)) this.#setTop(fields, assigned, top, value)
      else if (random.chance(0.85)) {
        const key = random.chance(0.06) ? random.pick([field.toUpperCase(), field.toLowerCase()]) : field
        ;(random.chance(0.8) ? custom : privateAttributes).set(key, value)
      }
    }
    if (random.chance(0.7)) this.#setTop(fields, assigned, "userAgent", random.pick(userAgents))
    else if (random.chance(0.2))
      custom.set(random.pick(["userAgent", "useragent", "user_agent"]), random.pick(userAgents))
    if (random.chance(0.7)) this.#setTop(fields, assigned, "ip", random.pick(addresses))
    else if (random.chance(0.2)) custom.set("ip", random.pick(addresses))
    if (random.chance(0.7)) {
      fields.delete("country")
      assigned.delete("country")
      custom.delete("country")
      privateAttributes.delete("country")
    } else if (random.chance(0.3)) custom.set("country", random.pick(countries))
    if (random.chance(0.08)) custom.set(random.pick(userAgentFields), random.pick(userAgentValues))
    if (random.chance(0.6)) this.#setTop(fields, assigned, "userID", random.pick(this.#units))
    if (random.chance(0.7)) {
      const ids = random.times(random.between(0, 4), () => {
        const unit = random.pick(this.#units)
        return [random.pick([...idTypes, ...oddIdTypes]), unit] as const
      })
      fields.set("customIDs", new Map(ids))
    }
    if (random.chance(0.4)) {
      const key = random.chance(0.85) ? "tier" : random.pick(["Tier", "region", "__proto__"])
      fields.set("statsigEnvironment", new Map([[key, random.pick(["staging", "production", "dev", ""])]]))
    }
    if (!fields.has("userID") && !fields.has("customIDs")) fields.set("userID", random.pick(["u1", "u2", ""]))
    if (custom.size > 0 || random.chance(0.5)) fields.set("custom", custom)
    if (privateAttributes.size > 0) fields.set("privateAttributes", privateAttributes)
    return { fields, assigned }
  }

  /** The constructor takes texts only; other values are assigned. */
  #setTop(fields: TreeObject, assigned: TreeObject, field: string, value: Tree): void {
    assigned.delete(field)
    if (typeof value === "string") fields.set(field, value)
    else if (isAssignable(value)) assigned.set(field, value)
  }
}

const isAssignable = (value: Tree): boolean =>
  value instanceof Map
    ? [...value.values()].every(isAssignable)
    : Array.isArray(value)
      ? value.every(isAssignable)
      : typeof value !== "number" || Number.isFinite(value)
