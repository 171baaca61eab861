/**
 * Writes config specs in the shape that Statsig's console publishes: rules that refer to shared conditions by key,
 * salts that are UUIDs, experiments whose groups are ranges of buckets, layers that allocate users to experiments.
 *
 * IDs and salts are derived from names, so the same project always has the same payload and the same buckets.
 */
import { createHash } from "node:crypto"
import type { ConditionPayload, RulePayload, SpecPayload, SpecsPayload } from "statsig-effect/layers/LocalStatsig"

/** The input of a rule; omitted fields have the usual values. */
export interface RuleInput {
  readonly name: string
  /** Keys of conditions; all of them must pass. */
  readonly when: ReadonlyArray<string>
  /** Percentage of the unit IDs that pass. Default 100. */
  readonly pass?: number
  /** The value of a passing unit ID. Default `true`. */
  readonly value?: unknown
  /** Default: derived from the names of spec and rule. */
  readonly id?: string
  readonly groupName?: string
  readonly idType?: string
  readonly configDelegate?: string
  readonly isExperimentGroup?: boolean
  readonly samplingRate?: number
}

/** A group of an experiment. */
export interface GroupInput {
  readonly name: string
  /** Buckets out of 1,000. */
  readonly share: number
  readonly value: Record<string, unknown>
}

/** The input of an experiment. */
export interface ExperimentInput {
  readonly idType?: string
  /** The parameters outside the experiment. */
  readonly defaults: Record<string, unknown>
  readonly groups: ReadonlyArray<GroupInput>
  /** Buckets out of 1,000 that take part. Default: all. */
  readonly size?: number
  /** Names of gates that exclude a user. */
  readonly holdouts?: ReadonlyArray<string>
  /** The gate or segment that a user must pass. */
  readonly targeting?: string
  /** Whether the experiment has been started. Default `true`. */
  readonly active?: boolean
  /** Parameters that it sets for its layer, when it is in one. */
  readonly explicitParameters?: ReadonlyArray<string>
}

/** Common to the inputs of gates, configs and layers. */
export interface SpecInput {
  readonly rules: ReadonlyArray<RuleInput>
  readonly idType?: string
  /** Default `true`. */
  readonly enabled?: boolean
}

/** A UUID-shaped text that depends only on `text`. */
export const uuidOf = (text: string): string =>
  createHash("sha256")
    .update(text)
    .digest("hex")
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5")

/** A rule ID of 22 letters and digits that depends only on `text`. */
const ruleIDOf = (text: string): string =>
  createHash("sha512").update(text).digest("base64").replace(/[+/=]/g, "").slice(0, 22)

/** A number of 32 bits that depends only on `text`. */
const numberOf = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE(0)

/** Starts an empty project; `seed` makes its salts and IDs differ from another project's. */
export const makeBuilder = (seed: string) => {
  const gates: Record<string, SpecPayload> = {}
  const configs: Record<string, SpecPayload> = {}
  const layers: Record<string, SpecPayload> = {}
  const conditions: Record<string, ConditionPayload> = {}
  const experimentToLayer: Record<string, string> = {}

  /** Registers a condition and returns its key; equal conditions share one. */
  const condition = (input: { readonly type: string } & Partial<ConditionPayload>): string => {
    const whole = { targetValue: null, operator: null, field: null, additionalValues: {}, idType: "userID", ...input }
    const key = String(numberOf(JSON.stringify(whole)))
    conditions[key] = whole
    return key
  }

  const everyone = condition({ type: "public" })
  const passes = (gate: string) => condition({ type: "pass_gate", targetValue: gate })
  const fails = (gate: string) => condition({ type: "fail_gate", targetValue: gate })
  const user = (field: string, operator: string, targetValue: unknown) =>
    condition({ type: "user_field", field, operator, targetValue })
  const ip = (operator: string, targetValue: unknown) =>
    condition({ type: "ip_based", field: "country", operator, targetValue })
  const agent = (field: string, operator: string, targetValue: unknown) =>
    condition({ type: "ua_based", field, operator, targetValue })
  const tier = (...tiers: ReadonlyArray<string>) =>
    condition({ type: "environment_field", field: "tier", operator: "any", targetValue: tiers })
  const bucket = (spec: string, operator: string, targetValue: unknown, idType = "userID") => {
    const additionalValues = { salt: uuidOf(`${seed}/${spec}/bucket`) }
    return condition({ type: "user_bucket", field: "user_bucket", operator, targetValue, additionalValues, idType })
  }

  const rule = (spec: string, specIdType: string, input: RuleInput): RulePayload => {
    const { name, pass = 100, value = true, when, ...rest } = input
    const derived = `${seed}/${spec}/${name}`
    return {
      name,
      id: ruleIDOf(derived),
      groupName: name,
      salt: uuidOf(derived),
      passPercentage: pass,
      conditions: [...when],
      returnValue: value,
      idType: specIdType,
      ...rest
    }
  }

  const spec = (name: string, entity: string, defaultValue: unknown, input: SpecInput): SpecPayload => {
    const { enabled = true, idType = "userID" } = input
    const rules = input.rules.map(written => rule(name, idType, written))
    const fields = rules.flatMap(({ conditions: keys }) => keys.map(key => conditions[key]?.field))
    return {
      type: ["feature_gate", "segment", "holdout"].includes(entity) ? "feature_gate" : "dynamic_config",
      entity,
      salt: uuidOf(`${seed}/${name}`),
      enabled,
      defaultValue,
      idType,
      rules,
      version: 1 + (numberOf(name) % 40),
      fieldsUsed: [...new Set(fields.filter(field => typeof field === "string" && field !== "user_bucket"))] as string[]
    }
  }

  const gate = (name: string, input: SpecInput) => {
    gates[name] = spec(name, "feature_gate", false, input)
  }

  /** The name gets the prefix that marks segments. */
  const segment = (name: string, input: SpecInput) => {
    gates[`segment:${name}`] = spec(`segment:${name}`, "segment", false, input)
  }

  const holdout = (name: string, pass: number) => {
    gates[name] = spec(name, "holdout", false, { rules: [{ name: "Holdout", when: [everyone], pass }] })
  }

  const config = (name: string, defaultValue: Record<string, unknown>, input: SpecInput) => {
    configs[name] = spec(name, "dynamic_config", defaultValue, input)
  }

  const experiment = (name: string, input: ExperimentInput) => {
    const {
      active = true,
      defaults,
      explicitParameters,
      groups,
      holdouts = [],
      idType = "userID",
      size,
      targeting
    } = input
    const out = (id: string, key: string): RuleInput => ({ name: id, id, when: [key], value: defaults })
    const rules: Array<RuleInput> = holdouts.map(gate => out(`holdout:${gate}`, passes(gate)))
    if (targeting !== undefined) rules.push(out("targetingGate", fails(targeting)))
    if (!active) rules.push(out("prestart", everyone))
    if (size !== undefined) rules.push(out("experimentSize", bucket(`${name}/size`, "gte", size, idType)))
    let end = 0
    for (const group of groups) {
      end += group.share
      const when = [bucket(name, "lt", end, idType)]
      rules.push({ name: group.name, when, value: { ...defaults, ...group.value }, isExperimentGroup: true })
    }
    configs[name] = {
      ...spec(name, "experiment", defaults, { rules, idType, enabled: active }),
      isActive: active,
      hasSharedParams: explicitParameters !== undefined,
      ...(explicitParameters === undefined ? {} : { explicitParameters: [...explicitParameters] })
    }
  }

  /** `experiments` are the ones to which its rules delegate. */
  const layer = (
    name: string,
    defaults: Record<string, unknown>,
    input: SpecInput & { readonly experiments: ReadonlyArray<string>; readonly useNewLayerEval?: boolean }
  ) => {
    for (const experiment of input.experiments) experimentToLayer[experiment] = name
    layers[name] = {
      ...spec(name, "layer", defaults, input),
      ...(input.useNewLayerEval === true ? { useNewLayerEval: true } : {})
    }
  }

  /** The payload with `rest` added to the specs; the checksum changes with the content. */
  const payload = (time: number, rest: Record<string, unknown>): SpecsPayload => {
    const specs = {
      feature_gates: gates,
      dynamic_configs: configs,
      layer_configs: layers,
      condition_map: conditions,
      experiment_to_layer: experimentToLayer,
      ...rest
    }
    return { has_updates: true, time, checksum: String(numberOf(JSON.stringify(specs))), ...specs }
  }

  return {
    condition,
    everyone,
    passes,
    fails,
    user,
    ip,
    agent,
    tier,
    bucket,
    gate,
    segment,
    holdout,
    config,
    experiment,
    layer,
    payload
  }
}
