/**
 * The entries of a client initialize response as bytes.
 *
 * Apart from exposures, a spec has only as many entries as outcomes. So the bytes of an outcome are made once, with
 * gaps for exposures, and so are those of each exposure; an entry is a list of such chunks. The specs bound the number
 * of outcomes and exposures. Entries that depend on more than the specs (overrides, merged layers) are made each time.
 * If the decider's path shows that users get the same entry, the whole entry is cached with the path.
 *
 * In the formats that list exposures and values separately and refer to them by id, ids stay the same for the lifetime
 * of the table; a response lists those that it uses, each once.
 */

import { bytesOf, concatBytes, type Fragment, fragment, type ResponseBuffer } from "../byteBuffer.js"
import type { Path } from "../evaluate/decider.js"
import type { Evaluation, SecondaryExposure } from "../evaluate/evaluation.js"
import { shortened } from "../evaluate/exposures.js"
import { djb2, hashedName } from "../hashing/nameHash.js"
import type { Snapshot, SpecTable } from "../payload/snapshot.js"
import type { Spec, SpecKind } from "../specs.js"
import { type Lookup, NestedGates } from "./nestedGates.js"
import {
  type EntryKind,
  type EntryStyle,
  longEntry,
  parameterText,
  quotedJson,
  secondaryGap,
  shortEntry,
  undelegatedGap,
  valueText
} from "./text.js"

/** A spec that a response may contain. */
export interface ClientEntry {
  readonly name: string
  readonly entity: string
  readonly targetAppIDs: ReadonlyArray<string> | undefined
  readonly specKind: SpecKind
  readonly kind: EntryKind
  /** The hashed name as JSON. */
  readonly key: string
  outcomes: ReadonlyArray<EntryOutcome>
  kept: number
  /** Entries of paths on which those of another table were used last. */
  byPath: Map<Path, KeptEntry> | undefined
}

/** An entry for all users on one path whose responses have the same results for its nested gates. */
export interface KeptEntry {
  readonly entry: ClientEntry
  readonly lookups: ReadonlyArray<Lookup>
  readonly written: WrittenEntry
  /** The entry of the same path with other results of nested gates. */
  readonly next: KeptEntry | undefined
  /** The number of entries from this one on. */
  readonly count: number
}

/** An entry as it is copied into a response. */
export interface WrittenEntry {
  /** The first begins with the comma before the entry. */
  readonly chunks: ReadonlyArray<Uint8Array>
  /** The exposures that it refers to by id. */
  readonly exposures: ReadonlyArray<Listed>
  readonly value: Listed | undefined
  /** Whether it is a gate that is false by default and evaluated no other gate. */
  readonly isClosedByDefault: boolean
}

/** A parameter store that a response may contain. */
export interface StoreEntry {
  readonly name: string
  readonly targetAppIDs: ReadonlyArray<string> | undefined
  readonly bytes: Fragment
}

/** The bytes of an entry, and the evaluations they are valid for. */
interface EntryOutcome {
  /** The first of those evaluations. */
  readonly record: Evaluation
  readonly start: Uint8Array
  readonly gaps: ReadonlyArray<Gap>
  readonly listedValue: Listed | undefined
}

/** A gap for exposures, and the bytes after it. */
interface Gap {
  readonly isUndelegated: boolean
  readonly after: Uint8Array
}

/** Bytes in a separate list, once in each response that refers to them. */
interface Listed {
  readonly id: string
  readonly bytes: Fragment
  /** The response that listed them last. */
  listedIn: number
}

interface ExposureBytes extends Listed {
  readonly gateValue: string
  readonly ruleID: string
  /** Its bytes within an entry. */
  readonly item: Fragment
  /** The last gap that was filled with it. */
  writtenIn: number
}

/** Cached outcomes and entries of one spec: bounds, not expectations. */
const maxOutcomes = 256
const maxKept = 4_096

/** Cached entries of one path, which are searched linearly. */
const maxOfPath = 64

/** Gates that a cached entry may look up. */
const maxLookups = 256

/** Values listed separately. Beyond this number the table is rebuilt. */
const maxListedValues = 10_000

/** Chunks up to this size are joined in cached entries: copying the bytes is cheaper than another call. In bytes. */
const smallChunk = 512

/** Shared: most entries have no exposures. */
const none: ReadonlyArray<never> = []

const gapOf = new RegExp(`([${secondaryGap}${undelegatedGap}])`)

/** The cached entries for all users on this path. The last one used is on the path itself. */
export const keptBy = (entry: ClientEntry, path: Path): KeptEntry | undefined => {
  const last = path.clientEntry as KeptEntry | undefined
  if (last === undefined || last.entry === entry) return last
  const kept = entry.byPath?.get(path)
  if (kept !== undefined) putOnPath(kept, path)
  return kept
}

const putOnPath = (kept: KeptEntry, path: Path): void => {
  const last = path.clientEntry as KeptEntry | undefined
  if (last !== undefined && last.entry !== kept.entry) {
    last.entry.byPath ??= new Map()
    last.entry.byPath.set(path, last)
  }
  path.clientEntry = kept
}

/** The entries of one snapshot in one style, with their bytes. */
export class EntryTable {
  readonly gates: ReadonlyArray<ClientEntry>
  readonly configs: ReadonlyArray<ClientEntry>
  readonly bandits: ReadonlyArray<ClientEntry>
  readonly layers: ReadonlyArray<ClientEntry>
  readonly stores: ReadonlyArray<StoreEntry>
  readonly #exposures = new Map<string, Array<ExposureBytes>>()
  readonly #values = new Map<string, Listed>()
  readonly nestedGates = new NestedGates()
  #exposureCount = 0
  #gaps = 0
  /** The number of the latest response. */
  responses = 0

  constructor(
    snapshot: Snapshot | undefined,
    readonly style: EntryStyle
  ) {
    const specs = (table: SpecTable) => snapshot?.specs(table) ?? []
    this.gates = this.#entries(specs("gates"), () => ["gate", "gate"])
    this.configs = this.#entries(specs("dynamicConfigs"), entity =>
      entity === "dynamic_config"
        ? ["dynamicConfig", "dynamicConfig"]
        : ["experiment", entity === "experiment" ? "experiment" : "autotune"]
    )
    this.layers = this.#entries(specs("layers"), () => ["layer", "layer"])
    const bandits = Array.from(
      snapshot?.bandits ?? [],
      ([name, { targetAppIDs }]) => [name, { entity: "experiment", targetAppIDs }] as const
    )
    this.bandits = this.#entries(bandits, () => ["experiment", "autotune"])
    this.stores = [...(snapshot?.parameterStores ?? [])].map(([name, { parameters, targetAppIDs }]) => {
      const members = [...parameters].map(
        ([key, parameter]) => `${quotedJson(key)}:${parameterText(key, parameter, style.hashAlgorithm)}`
      )
      return { name, targetAppIDs, bytes: fragment(`${this.#key(name)}:{${members.join(",")}}`) }
    })
  }

  /** Whether it holds so many values that a new table is better. */
  get isFull(): boolean {
    return this.#values.size > maxListedValues
  }

  /** Caches an entry for all users on this path, if there is space. */
  keep(entry: ClientEntry, path: Path, lookups: ReadonlyArray<Lookup>, written: WrittenEntry): WrittenEntry {
    const next = keptBy(entry, path)
    const count = next === undefined ? 1 : next.count + 1
    if (entry.kept >= maxKept || count > maxOfPath || lookups.length > maxLookups) return written
    const joint = { ...written, chunks: joined(written.chunks) }
    const kept: KeptEntry = { entry, lookups, written: joint, next, count }
    putOnPath(kept, path)
    entry.kept++
    return joint
  }

  /** The bytes for an evaluation of the entry's spec. `kept` is that of checks on the same path. */
  written(entry: ClientEntry, record: Evaluation, kept: Evaluation | undefined): WrittenEntry {
    const { gaps, listedValue, start } = this.#outcome(entry, record, kept)
    const chunks = [start]
    const exposures: Array<ExposureBytes> = []
    for (const { after, isUndelegated } of gaps) {
      const filled = isUndelegated ? record.undelegated : record.exposures
      this.#fill(shortened(filled ?? []), chunks, exposures)
      chunks.push(after)
    }
    return {
      chunks,
      exposures: this.style.format === "Initialize" || exposures.length === 0 ? none : exposures,
      value: listedValue,
      isClosedByDefault:
        entry.entity === "feature_gate" && record.ruleID === "default" && !record.bool && !hasSecondary(record)
    }
  }

  /** Writes each exposure once. */
  #fill(filled: ReadonlyArray<SecondaryExposure>, chunks: Array<Uint8Array>, exposures: Array<ExposureBytes>): void {
    const gap = ++this.#gaps
    let isFirst = true
    for (const secondary of filled) {
      const exposure = this.#exposure(secondary)
      if (exposure.writtenIn === gap) continue
      exposure.writtenIn = gap
      chunks.push(isFirst ? exposure.item.first : exposure.item.next)
      exposures.push(exposure)
      isFirst = false
    }
  }

  #outcome(entry: ClientEntry, record: Evaluation, kept: Evaluation | undefined): EntryOutcome {
    for (const outcome of entry.outcomes) if (fits(outcome.record, record)) return outcome
    const isKept =
      record.overrideReason === undefined &&
      record.parameterRuleIDs === undefined &&
      entry.outcomes.length < maxOutcomes
    // One record for checks and responses takes less memory than two.
    const outcome = this.#makeOutcome(entry, kept !== undefined && fits(kept, record) ? kept : record)
    // Most have one: unlike `push`, this leaves no room for more.
    if (isKept) entry.outcomes = entry.outcomes.concat(outcome)
    return outcome
  }

  #exposure({ gate, gateValue, ruleID }: SecondaryExposure): ExposureBytes {
    const known = this.#exposures.get(gate) ?? []
    if (known.length === 0) this.#exposures.set(gate, known)
    for (const exposure of known) if (exposure.ruleID === ruleID && exposure.gateValue === gateValue) return exposure
    const { format, hashAlgorithm } = this.style
    const hashed = hashedName(hashAlgorithm, gate)
    const text = `{"gate":${quotedJson(hashed)},"gateValue":"${gateValue}","ruleID":${quotedJson(ruleID)}}`
    const id = String(format === "InitializeV2" ? this.#exposureCount++ : djb2(`${hashed}:${gateValue}:${ruleID}`))
    const item = fragment(format === "Initialize" ? text : quotedJson(id))
    const exposure = { ...listed(id, text), gateValue, ruleID, item, writtenIn: 0 }
    known.push(exposure)
    return exposure
  }

  #entries(
    specs: Iterable<readonly [name: string, spec: Pick<Spec, "entity" | "targetAppIDs">]>,
    kindsOf: (entity: string) => readonly [SpecKind, EntryKind]
  ): ReadonlyArray<ClientEntry> {
    return [...specs]
      .filter(([, { entity }]) => entity !== "segment" && entity !== "holdout")
      .sort(([left], [right]) => compareBytes(left, right))
      .map(([name, { entity, targetAppIDs }]) => {
        const [specKind, kind] = kindsOf(entity)
        const key = this.#key(name)
        return { name, entity, targetAppIDs, specKind, kind, key, outcomes: none, kept: 0, byPath: undefined }
      })
  }

  #key(name: string): string {
    return quotedJson(hashedName(this.style.hashAlgorithm, name))
  }

  #makeOutcome(entry: ClientEntry, record: Evaluation): EntryOutcome {
    const { style } = this
    const isShort = style.format === "InitializeV2"
    const listedValue = isShort && entry.kind !== "gate" ? this.#value(valueText(record)) : undefined
    const text = isShort
      ? shortEntry(entry.kind, record, listedValue?.id ?? "", style)
      : longEntry(entry.kind, entry.key, record, style)
    const [start = "", ...rest] = `${entry.key}:${text}`.split(gapOf)
    if (rest.length === 0) return { record, start: bytesOf(`,${start}`), gaps: none, listedValue }
    const gaps: Array<Gap> = []
    for (let i = 0; i < rest.length; i += 2) {
      gaps.push({ isUndelegated: rest[i] === undelegatedGap, after: bytesOf(rest[i + 1] as string) })
    }
    return { record, start: bytesOf(`,${start}`), gaps, listedValue }
  }

  #value(text: string): Listed {
    const value = this.#values.get(text) ?? listed(String(this.#values.size), text)
    this.#values.set(text, value)
    return value
  }
}

const listed = (id: string, text: string): Listed => ({
  id,
  bytes: fragment(`${quotedJson(id)}:${text}`),
  listedIn: 0
})

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff

/** The order of the official SDK: by the bytes of UTF-8. Surrogates represent characters beyond U+FFFF, the last ones. */
const compareBytes = (left: string, right: string): number => {
  const length = Math.min(left.length, right.length)
  for (let i = 0; i < length; i++) {
    const [one, other] = [left.charCodeAt(i), right.charCodeAt(i)]
    if (one === other) continue
    return isSurrogate(one) === isSurrogate(other) ? one - other : isSurrogate(one) ? 1 : -1
  }
  return left.length - right.length
}

const hasSecondary = (record: Evaluation): boolean => record.exposures.length > 0

const hasUndelegated = ({ undelegated }: Evaluation): boolean => undelegated !== undefined && undelegated.length > 0

/** Fields that differ most often come first; values and lists are compared by reference with those of the specs. */
const fits = (made: Evaluation, record: Evaluation): boolean =>
  made.ruleID === record.ruleID &&
  made.bool === record.bool &&
  made.value === record.value &&
  hasSecondary(made) === hasSecondary(record) &&
  hasUndelegated(made) === hasUndelegated(record) &&
  made.configDelegate === record.configDelegate &&
  made.groupName === record.groupName &&
  made.isExperimentActive === record.isExperimentActive &&
  made.isExperimentGroup === record.isExperimentGroup &&
  made.idType === record.idType &&
  made.ruleSuffix === record.ruleSuffix &&
  made.explicitParameters === record.explicitParameters &&
  made.isInLayer === record.isInLayer &&
  record.overrideReason === undefined &&
  record.parameterRuleIDs === undefined

/** Writes the entries of one response. */
export class EntryWriter {
  readonly #buffer: ResponseBuffer
  readonly #response: number
  readonly exposures: Array<Listed> = []
  readonly values: Array<Listed> = []

  constructor(table: EntryTable, buffer: ResponseBuffer) {
    this.#buffer = buffer
    this.#response = ++table.responses
  }

  /** Writes an entry; the first of its map without the comma. */
  write({ chunks, exposures, value }: WrittenEntry, isFirst: boolean): void {
    const buffer = this.#buffer
    const start = chunks[0] as Uint8Array
    buffer.append(isFirst ? start.subarray(1) : start)
    for (let i = 1; i < chunks.length; i++) buffer.append(chunks[i] as Uint8Array)
    for (const exposure of exposures) this.#list(exposure, this.exposures)
    if (value !== undefined) this.#list(value, this.values)
  }

  #list(item: Listed, items: Array<Listed>): void {
    if (item.listedIn === this.#response) return
    item.listedIn = this.#response
    items.push(item)
  }

  /** Writes the members of a list. */
  writeListed(items: ReadonlyArray<Listed>): void {
    for (let i = 0; i < items.length; i++) {
      const { first, next } = (items[i] as Listed).bytes
      this.#buffer.append(i === 0 ? first : next)
    }
  }
}

const joined = (chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  if (chunks.length === 1) return chunks
  const result: Array<Uint8Array> = []
  let small: Array<Uint8Array> = []
  let size = 0
  const join = () => {
    if (small.length > 0) result.push(small.length === 1 ? (small[0] as Uint8Array) : concatBytes(small))
  }
  for (const chunk of chunks) {
    if (size + chunk.length > smallChunk) {
      join()
      small = []
      size = 0
    }
    small.push(chunk)
    size += chunk.length
  }
  join()
  return result.slice()
}
