/**
 * The immutable config specs of one payload.
 *
 * A snapshot keeps the payload's bytes and the position of each spec and condition; each is decoded and compiled on
 * first use and then cached. Nothing else ever changes, so a snapshot is replaced by one assignment, and an evaluation
 * that began on the old one ends on it.
 *
 * The next snapshot reuses what has the same bytes in its payload: compiled conditions with the entries of the index,
 * and compiled specs if none of their conditions changed. It keeps nothing else of this one alive.
 */

import { type CompiledBandit, compileBandit } from "../conditions/bandit.js"
import { type CompiledCondition, compileCondition } from "../conditions/conditions.js"
import type { LongList } from "../conditions/longList.js"
import type { Json } from "../json.js"
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
import { type Body, type Entry, emptyTable, memberNamed, type Table, type TableMember, textOfBytes } from "./body.js"
import { CompiledRule, CompiledSpec, SharedParts } from "./compiled.js"
import { type RawDocument, readExact } from "./exactJson.js"
import { isLong, readLongCondition } from "./longCondition.js"

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

const tableOf = (kind: SpecKind): SpecTable =>
  kind === "gate" ? "gates" : kind === "layer" ? "layers" : "dynamicConfigs"

/** Names of one table that differ between two snapshots. */
export interface NameChanges {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

const partKinds = { gates: "gate", dynamicConfigs: "dynamicConfig", layers: "layer" } as const

const tables = ["gates", "dynamicConfigs", "layers"] as const

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
  readonly #parts: SharedParts
  readonly #tables: Readonly<Record<SpecTable, Table<unknown>>>
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
    this.#tables = perTable(table)
    this.#conditions = table("conditions") as Table<CompiledCondition>
    // The shared parts accumulate those of earlier snapshots.
    const isCrowded = before !== undefined && before.#parts.size > 2 * (this.#conditions.members.length + this.size)
    this.#parts = before === undefined || isCrowded ? new SharedParts() : before.#parts
    this.bandits =
      before !== undefined && before.envelope.bandits === envelope.bandits
        ? before.bandits
        : new Map([...envelope.bandits].map(([name, bandit]) => [name, compileBandit(bandit, this.#parts.bucketers)]))
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
        return compiled === undefined || compiled.usesOneOf(changed) ? undefined : compiled
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
    const table = tableOf(kind)
    const ordinal = this.#tables[table].ordinals.get(name)
    return ordinal === undefined ? undefined : (this.#specs[table][ordinal] ?? this.#compile(table, name, ordinal))
  }

  #compile(table: SpecTable, name: string, ordinal: number): CompiledSpec | undefined {
    const spec = this.decoded(table, name)
    if (spec === undefined) return undefined
    const rules = spec.rules.map(rule => this.#compileRule(rule, spec.salt))
    const compiled = new CompiledSpec(spec, rules, this.#parts)
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
   * The spec of a name, decoded at each call; `undefined` if it is invalid.
   *
   * @internal
   */
  decoded(table: SpecTable, name: string): Spec | undefined {
    const member = memberNamed(this.#tables[table], name)
    if (member === undefined || member.entry.problem !== undefined) return undefined
    const spec = this.#decoder.spec(this.#read(member))
    if (typeof spec !== "string") return spec
    this.#note(member.entry, { kind: partKinds[table], name, message: spec })
    return undefined
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
  *specs(table: SpecTable): Iterable<readonly [string, CompiledSpec]> {
    for (const name of this.names(table)) {
      const spec = this.spec(partKinds[table], name)
      if (spec !== undefined) yield [name, spec]
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
   * As `condition`, without the items of a long list. Yields where that takes long.
   *
   * @internal
   */
  *head(key: string): Generator<void, Condition | string | undefined> {
    const member = memberNamed(this.#conditions, key)
    if (member === undefined || !isLong(member)) return this.condition(key)
    const { head } = yield* readLongCondition(this.body.bytes, member)
    return this.#decoder.condition(head)
  }

  /**
   * Compiles specs that are not compiled yet: those that checks asked for in the snapshot before, or all. Yields after
   * each.
   *
   * @internal
   */
  *compile(askedIn?: Snapshot): Generator<void, void> {
    for (const table of tables) {
      for (const { name } of this.#tables[table].members) {
        const isAsked = askedIn === undefined || askedIn.#isAsked(table, name)
        if (isAsked && this.spec(partKinds[table], name) !== undefined) yield
      }
    }
  }

  #isAsked(table: SpecTable, name: string): boolean {
    const ordinal = this.#tables[table].ordinals.get(name)
    return ordinal !== undefined && this.#specs[table][ordinal]?.isAsked === true
  }

  /**
   * Compiles the conditions on long lists: no check must wait for that. Yields where others may take a turn.
   *
   * @internal
   */
  *compileLong(): Generator<void, void> {
    for (const member of this.#conditions.members) {
      const { entry } = member
      if (!isLong(member) || entry.content !== undefined || entry.problem !== undefined) continue
      const { head, list } = yield* readLongCondition(this.body.bytes, member)
      this.#compileCondition(member, head, list)
    }
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

  /** Notes why a part is invalid, and reports it once. */
  #note(entry: Entry<unknown>, part: BadPart): void {
    if (entry.problem === undefined) this.#decoder.onBadPart(part)
    entry.problem = part.message
  }

  #read({ end, start }: TableMember<unknown>): RawDocument {
    return readExact(textOfBytes(this.body.bytes, start, end))
  }

  #condition(key: string): CompiledCondition {
    const member = memberNamed(this.#conditions, key)
    if (member === undefined || member.entry.problem !== undefined) return { kind: "missing", key }
    return member.entry.content ?? this.#compileCondition(member, this.#read(member)) ?? { kind: "missing", key }
  }

  /** `undefined` if it is invalid. */
  #compileCondition(
    { entry, name }: TableMember<CompiledCondition>,
    raw: RawDocument,
    list?: LongList
  ): CompiledCondition | undefined {
    const condition = this.#decoder.condition(raw)
    if (typeof condition === "string") this.#note(entry, { kind: "condition", name, message: condition })
    else entry.content = compileCondition(name, condition, this.#parts, list)
    return entry.content
  }

  #compileRule(rule: Rule, specSalt: string): CompiledRule {
    return new CompiledRule(
      rule,
      specSalt,
      rule.conditions.map(key => this.#condition(key)),
      this.#parts
    )
  }
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
