/**
 * The immutable config specs of one payload.
 *
 * A snapshot keeps the payload's text and where each spec and condition stands in it; one is decoded and compiled when
 * it is first asked for and then kept. Nothing else ever changes, so a snapshot is replaced in one assignment and an
 * evaluation that began on the old one ends on it.
 */

import { type CompiledBandit, compileBandit } from "./bandit.js"
import type { SpecKind } from "./call.js"
import { type CompiledCondition, compileCondition, compileUnit } from "./conditions.js"
import { asObject } from "./getters.js"
import { forEachMember, type RawDocument, readExact, type TextRange } from "./json.js"
import { type Bucketer, Bucketers } from "./sha256.js"
import type {
  Bandit,
  ClientKeys,
  Condition,
  ConfigMapping,
  ParameterStoreSpec,
  Rule,
  SessionReplay,
  Spec
} from "./specs.js"
import type { Json, JsonObject, User } from "./user.js"
import { textOf } from "./values.js"

/** A rule ready to run. */
export interface CompiledRule {
  readonly id: string
  readonly groupName: string | undefined
  readonly isExperimentGroup: boolean
  readonly configDelegate: string | undefined
  readonly samplingRate: number | undefined
  /** `undefined` for a condition that the payload lacks, or that is bad. */
  readonly conditions: ReadonlyArray<CompiledCondition | undefined>
  /** Whether all conditions are there. */
  readonly isWhole: boolean
  readonly returnBool: boolean
  readonly returnValue: JsonObject
  /** Whether the user is within the pass percentage. */
  readonly passes: (user: User) => boolean
}

/** A spec ready to run. */
export interface CompiledSpec {
  readonly spec: Spec
  readonly salt: string
  readonly idType: string
  readonly enabled: boolean
  readonly version: number | undefined
  readonly isActive: boolean | undefined
  readonly hasSharedParams: boolean | undefined
  readonly explicitParameters: ReadonlyArray<string> | undefined
  readonly forwardAllExposures: boolean
  readonly useNewLayerEval: boolean
  readonly defaultBool: boolean
  readonly defaultValue: JsonObject
  readonly rules: ReadonlyArray<CompiledRule>
}

/** A config mapping ready to run. */
export interface CompiledMapping {
  readonly newConfigName: string
  readonly rules: ReadonlyArray<{ readonly rule: CompiledRule | undefined; readonly startTime: number }>
}

/** What a payload says to the SDK itself. Small, so that results and queued events may keep it. */
export interface RemoteConfig {
  readonly defaultEnvironment: string | undefined
  readonly sdkConfigs: ReadonlyMap<string, Json>
  /** Of each kind of diagnostics event, how many in 10,000 are sent. */
  readonly diagnostics: ReadonlyMap<string, number>
}

/** The parts of a payload that are decoded when it arrives. */
export interface Envelope {
  readonly time: number
  readonly checksum: string | undefined
  readonly remote: RemoteConfig
  readonly appId: Json | undefined
  readonly parameterStores: ReadonlyMap<string, ParameterStoreSpec>
  readonly bandits: ReadonlyMap<string, Bandit>
  readonly mappingRules: ReadonlyMap<string, Rule>
  readonly mappings: ReadonlyMap<string, ReadonlyArray<ConfigMapping>>
  readonly clientKeys: ClientKeys
  readonly sessionReplay: SessionReplay | undefined
}

/** Decodes one part when it is first used; `undefined` when it is bad, which the decoder has reported. */
export interface Decoder {
  readonly spec: (table: SpecTable, name: string, raw: RawDocument | undefined) => Spec | undefined
  readonly condition: (name: string, raw: RawDocument | undefined) => Condition | undefined
}

/** The tables of specs. */
export type SpecTable = "gates" | "dynamicConfigs" | "layers"

/** Where the members of the big tables stand in the text. */
export interface SpecIndex {
  readonly text: string
  readonly gates: ReadonlyMap<string, TextRange>
  readonly dynamicConfigs: ReadonlyMap<string, TextRange>
  readonly layers: ReadonlyMap<string, TextRange>
  readonly conditions: ReadonlyMap<string, TextRange>
}

const tableOf = {
  gate: "gates",
  dynamicConfig: "dynamicConfigs",
  experiment: "dynamicConfigs",
  layer: "layers"
} as const

/** Names of one table that differ between two snapshots. */
export interface NameChanges {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

export class Snapshot {
  readonly time: number
  readonly checksum: string | undefined
  readonly remote: RemoteConfig
  readonly appId: Json | undefined
  readonly parameterStores: ReadonlyMap<string, ParameterStoreSpec>
  readonly bandits: ReadonlyMap<string, CompiledBandit>
  readonly hasMappings: boolean
  readonly clientKeys: ClientKeys
  readonly sessionReplay: SessionReplay | undefined
  readonly index: SpecIndex
  readonly #envelope: Envelope
  readonly #decoder: Decoder
  readonly #bucketers = new Bucketers()
  readonly #specs = {
    gates: new Map<string, CompiledSpec | undefined>(),
    dynamicConfigs: new Map<string, CompiledSpec | undefined>(),
    layers: new Map<string, CompiledSpec | undefined>()
  }
  readonly #conditions = new Map<string, CompiledCondition | undefined>()
  readonly #mappings = new Map<string, ReadonlyArray<CompiledMapping>>()

  constructor(index: SpecIndex, envelope: Envelope, decoder: Decoder) {
    this.index = index
    this.time = envelope.time
    this.checksum = envelope.checksum
    this.remote = envelope.remote
    this.appId = envelope.appId
    this.parameterStores = envelope.parameterStores
    this.bandits = new Map(
      [...envelope.bandits].map(([name, bandit]) => [name, compileBandit(bandit, this.#bucketers)])
    )
    this.hasMappings = envelope.mappings.size > 0 && envelope.mappingRules.size > 0
    this.clientKeys = envelope.clientKeys
    this.sessionReplay = envelope.sessionReplay
    this.#envelope = envelope
    this.#decoder = decoder
  }

  /** The environment of users that have none, where the SDK has none either. */
  get defaultEnvironment(): string | undefined {
    return this.remote.defaultEnvironment
  }

  /** The spec that a name of a kind stands for. */
  spec(kind: SpecKind, name: string): CompiledSpec | undefined {
    const table = tableOf[kind]
    const specs = this.#specs[table]
    const known = specs.get(name)
    if (known !== undefined) return known
    const range = this.index[table].get(name)
    // Only names that the payload has are remembered: names that callers invent must not fill the memory.
    if (range === undefined || specs.has(name)) return undefined
    const spec = this.#decoder.spec(table, name, this.#read(range))
    const compiled = spec === undefined ? undefined : this.#compileSpec(spec)
    specs.set(name, compiled)
    return compiled
  }

  /** Whether something else may answer in place of a name's own spec: the spec of a config mapping, or a bandit. */
  isReplaceable(kind: SpecKind, name: string): boolean {
    if (this.hasMappings && this.#envelope.mappings.has(name)) return true
    return kind === "experiment" && this.bandits.has(name)
  }

  /** Whether a delegate of that name exists. */
  hasDynamicConfig(name: string): boolean {
    return this.spec("dynamicConfig", name) !== undefined
  }

  /** Every name of a table whose spec is good, with the spec. */
  *specs(table: SpecTable): Iterable<readonly [string, Spec]> {
    const kind = table === "gates" ? "gate" : table === "layers" ? "layer" : "dynamicConfig"
    for (const name of this.index[table].keys()) {
      const compiled = this.spec(kind, name)
      if (compiled !== undefined) yield [name, compiled.spec]
    }
  }

  /** The mappings of a name, prepared for the salt of the spec that it stands for. */
  mappings(name: string, salt: string): ReadonlyArray<CompiledMapping> | undefined {
    const mappings = this.#envelope.mappings.get(name)
    if (mappings === undefined) return undefined
    // A gate and a config may share a name, not a salt.
    const key = `${salt} ${name}`
    const known = this.#mappings.get(key)
    if (known !== undefined) return known
    const compiled = mappings.map(mapping => ({
      newConfigName: mapping.newConfigName,
      rules: mapping.rules.map(({ ruleName, startTime }) => {
        const rule = this.#envelope.mappingRules.get(ruleName)
        return { startTime, rule: rule === undefined ? undefined : this.#compileRule(rule, salt) }
      })
    }))
    this.#mappings.set(key, compiled)
    return compiled
  }

  #read(range: TextRange): RawDocument | undefined {
    try {
      return readExact(this.index.text, range)
    } catch {
      return undefined
    }
  }

  #condition(key: string): CompiledCondition | undefined {
    const known = this.#conditions.get(key)
    if (known !== undefined || this.#conditions.has(key)) return known
    const range = this.index.conditions.get(key)
    const condition = range === undefined ? undefined : this.#decoder.condition(key, this.#read(range))
    const compiled = condition === undefined ? undefined : compileCondition(condition, this.#bucketers)
    this.#conditions.set(key, compiled)
    return compiled
  }

  #compileSpec(spec: Spec): CompiledSpec {
    return {
      spec,
      salt: spec.salt,
      idType: spec.idType,
      enabled: spec.enabled,
      version: spec.version,
      isActive: spec.isActive,
      hasSharedParams: spec.hasSharedParams,
      explicitParameters: spec.explicitParameters,
      forwardAllExposures: spec.forwardAllExposures ?? false,
      useNewLayerEval: spec.useNewLayerEval ?? false,
      defaultBool: spec.defaultValue === true,
      defaultValue: asObject(spec.defaultValue),
      rules: spec.rules.map(rule => this.#compileRule(rule, spec.salt))
    }
  }

  #compileRule(rule: Rule, specSalt: string): CompiledRule {
    const conditions = rule.conditions.map(key => this.#condition(key))
    return {
      id: rule.id,
      groupName: rule.groupName,
      isExperimentGroup: rule.isExperimentGroup ?? false,
      configDelegate: rule.configDelegate,
      samplingRate: rule.samplingRate,
      conditions,
      isWhole: !conditions.includes(undefined),
      returnBool: rule.returnValue !== false,
      returnValue: asObject(rule.returnValue),
      passes: this.#compilePasses(rule, specSalt)
    }
  }

  #compilePasses(rule: Rule, specSalt: string): (user: User) => boolean {
    const threshold = rule.passPercentage * 100
    if (threshold >= 10_000) return () => true
    if (threshold <= 0) return () => false
    const unit = compileUnit(rule.idType)
    const prefix = `${specSalt}.${rule.salt ?? rule.id}.`
    let bucketer: Bucketer | undefined
    return user => {
      bucketer ??= this.#bucketers.make(prefix, 10_000)
      return bucketer.of(textOf(unit(user)) ?? "") < threshold
    }
  }
}

/** Names whose text differs between two snapshots, for each table. */
export const diffSnapshots = (before: Snapshot | undefined, after: Snapshot): Record<SpecTable, NameChanges> => ({
  gates: diffTable(before, after, "gates"),
  dynamicConfigs: diffTable(before, after, "dynamicConfigs"),
  layers: diffTable(before, after, "layers")
})

const diffTable = (before: Snapshot | undefined, after: Snapshot, table: SpecTable): NameChanges => {
  const added: Array<string> = []
  const changed: Array<string> = []
  const removed: Array<string> = []
  const old = before?.index[table] ?? new Map<string, TextRange>()
  const current = after.index[table]
  const textIn = (snapshot: Snapshot, range: TextRange) => snapshot.index.text.slice(range.start, range.end)
  for (const [name, range] of current) {
    const was = old.get(name)
    if (before === undefined || was === undefined) added.push(name)
    else if (textIn(before, was) !== textIn(after, range)) changed.push(name)
  }
  for (const name of old.keys()) if (!current.has(name)) removed.push(name)
  return { added, changed, removed }
}

/** Finds the members of the tables; `visit` receives every other top-level member. */
export const indexPayload = (
  text: string,
  visit: (key: string, range: TextRange) => void
): { readonly end: number; readonly tables: ReadonlyMap<string, ReadonlyMap<string, TextRange>> } => {
  const tables = new Map<string, Map<string, TextRange>>()
  const end = forEachMember(text, 0, (key, range) => {
    visit(key, range)
    if (!tableKeys.has(key) || text[range.start] !== "{") return
    const members = new Map<string, TextRange>()
    forEachMember(text, range.start, (name, member) => members.set(name, member))
    tables.set(key, members)
  })
  return { end, tables }
}

/** The top-level members that are read one entry at a time. */
const tableKeys: ReadonlySet<string> = new Set(["feature_gates", "dynamic_configs", "layer_configs", "condition_map"])
