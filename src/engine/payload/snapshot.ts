/**
 * The immutable config specs of one payload.
 *
 * A snapshot keeps the payload's bytes and the position of each spec and condition; each is decoded and compiled on
 * first use and then cached. Nothing else ever changes, so a snapshot is replaced by one assignment, and an evaluation
 * that began on the old one ends on it.
 *
 * The next snapshot reuses what has the same bytes in its payload: decoded specs and compiled conditions with the
 * entries of the index, and compiled specs if none of their conditions changed. It keeps nothing else of this one
 * alive.
 */

import { type CompiledBandit, compileBandit } from "../conditions/bandit.js"
import {
  type CompiledCondition,
  compileCondition,
  compileUnit,
  FieldTexts,
  type Selection
} from "../conditions/conditions.js"
import { textOf } from "../conditions/values.js"
import { type Bucketer, Bucketers } from "../hashing/bucketing.js"
import { asObject, type Json, type JsonObject } from "../json.js"
import type {
  Bandit,
  ClientKeys,
  Condition,
  ConfigMapping,
  ParameterStoreSpec,
  RemoteConfig,
  Rule,
  SessionReplay,
  Spec,
  SpecKind
} from "../specs.js"
import type { User } from "../user.js"
import { type Body, emptyTable, memberNamed, type Table, type TableMember, textOfBytes } from "./body.js"
import { type RawDocument, readExact } from "./exactJson.js"

/** A compiled rule. */
export interface CompiledRule extends Required<Pick<Rule, "id" | "groupName" | "configDelegate" | "samplingRate">> {
  readonly source: Rule
  readonly isExperimentGroup: boolean
  /** `undefined` for a condition that is missing or invalid. */
  readonly conditions: ReadonlyArray<CompiledCondition | undefined>
  /** Whether no condition is missing or invalid. */
  readonly isWhole: boolean
  readonly selection: Selection
  readonly returnBool: boolean
  readonly returnValue: JsonObject
  /** Whether the user is within the pass percentage. */
  readonly passes: (user: User) => boolean
  /** Whether everyone is within the pass percentage. */
  readonly passesAll: boolean
  /** The salt of its spec. */
  readonly specSalt: string
}

/** A compiled spec. */
export interface CompiledSpec
  extends Required<Pick<Spec, "salt" | "idType" | "enabled" | "version" | "isActive" | "hasSharedParams">> {
  readonly spec: Spec
  readonly explicitParameters: ReadonlyArray<string> | undefined
  readonly forwardAllExposures: boolean
  readonly useNewLayerEval: boolean
  readonly defaultBool: boolean
  readonly defaultValue: JsonObject
  readonly rules: ReadonlyArray<CompiledRule>
}

/** A compiled config mapping. */
export interface CompiledMapping {
  readonly newConfigName: string
  readonly rules: ReadonlyArray<{
    readonly ruleName: string
    readonly rule: CompiledRule | undefined
    readonly startTime: number
  }>
}

/** The parts of a payload that are decoded on arrival. */
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

/**
 * An invalid part of a payload. It is skipped; the others still load. Parameter stores and envelopes are parts of a
 * payload in protobuf.
 *
 * @since 0.1.0
 */
export interface BadPart {
  readonly kind: "gate" | "dynamicConfig" | "layer" | "condition" | "parameterStore" | "envelope"
  readonly name: string
  /** What was found and what was expected. */
  readonly message: string
}

/** Decodes one part on first use. A string says why the part is invalid; `onBadPart` is then notified once. */
export interface Decoder {
  readonly spec: (raw: RawDocument) => Spec | string
  readonly condition: (raw: RawDocument) => Condition | string
  readonly onBadPart: (part: BadPart) => void
}

/** The tables of specs. */
export type SpecTable = "gates" | "dynamicConfigs" | "layers"

/** The top-level members whose own members are decoded one by one. */
const tableKeys = {
  gates: "feature_gates",
  dynamicConfigs: "dynamic_configs",
  layers: "layer_configs",
  conditions: "condition_map"
} as const

/** The names of those members. */
export const tableNames: ReadonlySet<string> = new Set(Object.values(tableKeys))

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

const partKinds = { gates: "gate", dynamicConfigs: "dynamicConfig", layers: "layer" } as const

const perTable = <A>(make: (table: SpecTable) => A): Record<SpecTable, A> => ({
  gates: make("gates"),
  dynamicConfigs: make("dynamicConfigs"),
  layers: make("layers")
})

/**
 * The specs of one payload, opaque to programs.
 *
 * @since 0.1.0
 */
export class Snapshot {
  readonly time: number
  readonly checksum: string | undefined
  /** @internal */
  readonly remote: RemoteConfig
  /** @internal */
  readonly appId: Json | undefined
  /** @internal */
  readonly parameterStores: ReadonlyMap<string, ParameterStoreSpec>
  /** @internal */
  readonly bandits: ReadonlyMap<string, CompiledBandit>
  /** @internal */
  readonly hasMappings: boolean
  /** @internal */
  readonly clientKeys: ClientKeys
  /** @internal */
  readonly sessionReplay: SessionReplay | undefined
  /** @internal */
  readonly body: Body
  /** @internal */
  readonly envelope: Envelope
  readonly #decoder: Decoder
  readonly #bucketers: Bucketers
  readonly #texts = new FieldTexts()
  readonly #tables: Readonly<Record<SpecTable, Table<Spec>>>
  readonly #conditions: Table<CompiledCondition>
  /** By the ordinals of the tables. */
  readonly #specs: Readonly<Record<SpecTable, Array<CompiledSpec | undefined>>>
  readonly #mappings = new Map<string, ReadonlyArray<CompiledMapping>>()

  /**
   * `before` is the snapshot that `body` was compared with; unchanged parts are reused.
   *
   * @internal
   */
  constructor(body: Body, envelope: Envelope, decoder: Decoder, before: Snapshot | undefined) {
    this.body = body
    this.time = envelope.time
    this.checksum = envelope.checksum
    this.remote = envelope.remote
    this.appId = envelope.appId
    this.parameterStores = envelope.parameterStores
    const table = (key: keyof typeof tableKeys) => body.tables.get(tableKeys[key]) ?? emptyTable
    this.#tables = perTable(key => table(key) as Table<Spec>)
    this.#conditions = table("conditions") as Table<CompiledCondition>
    // The bucketers accumulate those that conditions of earlier snapshots shared.
    const isCrowded = before !== undefined && before.#bucketers.size > 2 * this.#conditions.members.length
    this.#bucketers = before === undefined || isCrowded ? new Bucketers() : before.#bucketers
    this.bandits =
      before !== undefined && before.envelope.bandits === envelope.bandits
        ? before.bandits
        : new Map([...envelope.bandits].map(([name, bandit]) => [name, compileBandit(bandit, this.#bucketers)]))
    this.hasMappings = envelope.mappings.size > 0 && envelope.mappingRules.size > 0
    this.clientKeys = envelope.clientKeys
    this.sessionReplay = envelope.sessionReplay
    this.envelope = envelope
    this.#decoder = decoder
    this.#specs = this.#takeOver(before)
  }

  /** The compiled specs of the previous snapshot that are in this one too, except those with changed conditions. */
  #takeOver(before: Snapshot | undefined): Record<SpecTable, Array<CompiledSpec | undefined>> {
    if (before === undefined) return perTable(table => this.#tables[table].members.map(() => undefined))
    const changed = this.changedConditions(before)
    return perTable(table => {
      const held = before.#tables[table]
      return this.#tables[table].members.map(({ entry, name }, at) => {
        const ordinal = held.ordinals === this.#tables[table].ordinals ? at : held.ordinals.get(name)
        if (ordinal === undefined || held.members[ordinal]?.entry !== entry) return undefined
        const compiled = before.#specs[table][ordinal]
        return compiled === undefined || usesOneOf(compiled.spec, changed) ? undefined : compiled
      })
    })
  }

  /**
   * The environment of users without one, if the SDK has none either.
   *
   * @internal
   */
  get defaultEnvironment(): string | undefined {
    return this.remote.defaultEnvironment
  }

  /**
   * The number of specs.
   *
   * @internal
   */
  get size(): number {
    return Object.values(this.#tables).reduce((sum, table) => sum + table.members.length, 0)
  }

  /**
   * The spec of a name of that kind.
   *
   * @internal
   */
  spec(kind: SpecKind, name: string): CompiledSpec | undefined {
    const table = tableOf[kind]
    const ordinal = this.#tables[table].ordinals.get(name)
    return ordinal === undefined ? undefined : (this.#specs[table][ordinal] ?? this.#compile(table, name, ordinal))
  }

  #compile(table: SpecTable, name: string, ordinal: number): CompiledSpec | undefined {
    const spec = this.decoded(table, name)
    if (spec === undefined) return undefined
    const compiled = this.#compileSpec(spec)
    this.#specs[table][ordinal] = compiled
    return compiled
  }

  /**
   * Whether the spec of a config mapping or a bandit may replace the name's own spec.
   *
   * @internal
   */
  isReplaceable(kind: SpecKind, name: string): boolean {
    if (this.hasMappings && this.envelope.mappings.has(name)) return true
    return kind === "experiment" && this.bandits.has(name)
  }

  /**
   * Whether a delegate of that name exists.
   *
   * @internal
   */
  hasDynamicConfig(name: string): boolean {
    return this.spec("dynamicConfig", name) !== undefined
  }

  /**
   * The spec of a name, not compiled; `undefined` if it is invalid.
   *
   * @internal
   */
  decoded(table: SpecTable, name: string): Spec | undefined {
    return this.#content(memberNamed(this.#tables[table], name), partKinds[table], this.#decoder.spec)
  }

  /**
   * Every condition key.
   *
   * @internal
   */
  conditionKeys(): Iterable<string> {
    return this.#conditions.ordinals.keys()
  }

  /**
   * Every name of a table.
   *
   * @internal
   */
  names(table: SpecTable): Iterable<string> {
    return this.#tables[table].ordinals.keys()
  }

  /**
   * Every name of a table whose spec is valid, with the spec.
   *
   * @internal
   */
  *specs(table: SpecTable): Iterable<readonly [string, Spec]> {
    for (const name of this.names(table)) {
      const compiled = this.spec(partKinds[table], name)
      if (compiled !== undefined) yield [name, compiled.spec]
    }
  }

  /**
   * The config mappings of a name, compiled for the salt of its spec.
   *
   * @internal
   */
  mappings(name: string, salt: string): ReadonlyArray<CompiledMapping> | undefined {
    const mappings = this.envelope.mappings.get(name)
    if (mappings === undefined) return undefined
    // A gate and a config may share a name, but not a salt.
    const key = `${salt} ${name}`
    const known = this.#mappings.get(key)
    if (known !== undefined) return known
    const compiled = mappings.map(mapping => ({
      newConfigName: mapping.newConfigName,
      rules: mapping.rules.map(({ ruleName, startTime }) => {
        const rule = this.envelope.mappingRules.get(ruleName)
        return { ruleName, startTime, rule: rule === undefined ? undefined : this.#compileRule(rule, salt) }
      })
    }))
    this.#mappings.set(key, compiled)
    return compiled
  }

  /**
   * A condition of the payload, decoded at each call. A string says why it is invalid; `undefined` means it is missing.
   *
   * @internal
   */
  condition(key: string): Condition | string | undefined {
    const member = memberNamed(this.#conditions, key)
    return member === undefined ? undefined : this.#decoder.condition(this.#read(member))
  }

  /**
   * The parts found invalid so far, including those of earlier snapshots that are still present.
   *
   * @internal
   */
  *badParts(): Iterable<BadPart> {
    const { gates, dynamicConfigs, layers } = this.#tables
    const tables = { gate: gates, dynamicConfig: dynamicConfigs, layer: layers, condition: this.#conditions }
    for (const [kind, table] of Object.entries<Table<unknown>>(tables)) {
      for (const name of table.ordinals.keys()) {
        const message = memberNamed(table, name)?.entry.problem
        if (message !== undefined) yield { kind: kind as keyof typeof tables, name, message }
      }
    }
  }

  /**
   * Names whose text differs from the previous snapshot; all, if there is none.
   *
   * @internal
   */
  changesSince(before: Snapshot | undefined): Record<SpecTable, NameChanges> {
    return perTable(table =>
      changedNames(before === undefined ? emptyTable : before.#tables[table], this.#tables[table])
    )
  }

  /**
   * Keys of conditions whose text differs from the previous snapshot; all, if there is none.
   *
   * @internal
   */
  changedConditions(before: Snapshot | undefined): ReadonlySet<string> {
    const held = before === undefined ? emptyTable : before.#conditions
    const { added, changed, removed } = changedNames(held, this.#conditions)
    return new Set([...added, ...changed, ...removed])
  }

  /** The decoded content of a member. */
  #content<A extends object>(
    member: TableMember<A> | undefined,
    kind: BadPart["kind"],
    decode: (raw: RawDocument) => A | string
  ): A | undefined {
    if (member === undefined) return undefined
    const { entry, name } = member
    if (entry.content !== undefined || entry.problem !== undefined) return entry.content
    const decoded = decode(this.#read(member))
    if (typeof decoded === "string") {
      entry.problem = decoded
      this.#decoder.onBadPart({ kind, name, message: decoded })
    } else entry.content = decoded
    return entry.content
  }

  #read({ end, start }: TableMember<unknown>): RawDocument {
    return readExact(textOfBytes(this.body.bytes, start, end))
  }

  #condition(key: string): CompiledCondition | undefined {
    return this.#content(memberNamed(this.#conditions, key), "condition", raw => {
      const condition = this.#decoder.condition(raw)
      return typeof condition === "string" ? condition : compileCondition(condition, this.#bucketers, this.#texts)
    })
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
      source: rule,
      id: rule.id,
      groupName: rule.groupName,
      isExperimentGroup: rule.isExperimentGroup ?? false,
      configDelegate: rule.configDelegate,
      samplingRate: rule.samplingRate,
      conditions,
      isWhole: !conditions.includes(undefined),
      selection: selectionOf(rule, conditions),
      returnBool: rule.returnValue !== false,
      returnValue: asObject(rule.returnValue),
      passes: passesOf(rule, specSalt, this.#bucketers),
      passesAll: thresholdOf(rule) >= 10_000,
      specSalt
    }
  }
}

const selectionOf = ({ passPercentage }: Rule, conditions: ReadonlyArray<CompiledCondition | undefined>): Selection => {
  const selections = conditions.map(condition => (condition?.kind === "test" ? condition.selection : "targeting"))
  if ((passPercentage > 0 && passPercentage < 100) || selections.includes("split")) return "split"
  return selections.includes("targeting") ? "targeting" : "everyone"
}

const everyone = () => true
const noOne = () => false

const thresholdOf = ({ passPercentage }: Rule): number => passPercentage * 100

// Separate functions: a rule outlives its snapshot, so its closures must not hold the snapshot.

/**
 * How a rule's pass percentage splits users: the salt is hashed before the unit ID, with a dot, and units whose bucket
 * of 10,000 is below the threshold pass.
 */
export const splitOf = (rule: Rule, specSalt: string, bucketers: Bucketers) => {
  const salt = `${specSalt}.${rule.salt ?? rule.id}`
  const unit = compileUnit(rule.idType)
  let bucketer: Bucketer | undefined
  const bucketOf = (user: User): number => {
    bucketer ??= bucketers.make(`${salt}.`, 10_000)
    return bucketer.of(textOf(unit(user)) ?? "")
  }
  return { salt, threshold: thresholdOf(rule), bucketOf }
}

/** Only a rule that splits users keeps what that takes. */
const passesOf = (rule: Rule, specSalt: string, bucketers: Bucketers): ((user: User) => boolean) => {
  const threshold = thresholdOf(rule)
  if (threshold >= 10_000) return everyone
  if (threshold <= 0) return noOne
  const { bucketOf } = splitOf(rule, specSalt, bucketers)
  return user => bucketOf(user) < threshold
}

const changedNames = <A>(before: Table<A>, after: Table<A>): NameChanges => {
  const added: Array<string> = []
  const changed: Array<string> = []
  const isSameIndex = before.ordinals === after.ordinals
  for (const [name, ordinal] of after.ordinals) {
    const held = isSameIndex ? ordinal : before.ordinals.get(name)
    if (held === undefined) added.push(name)
    else if (before.members[held]?.entry !== after.members[ordinal]?.entry) changed.push(name)
  }
  const removed = isSameIndex ? [] : [...before.ordinals.keys()].filter(name => !after.ordinals.has(name))
  return { added, changed, removed }
}

const usesOneOf = ({ rules }: Spec, conditions: ReadonlySet<string>): boolean =>
  conditions.size > 0 && rules.some(rule => rule.conditions.some(condition => conditions.has(condition)))
