/**
 * The client initialize response: every gate, config, experiment, layer and parameter store for one user, for a client
 * that starts without a request to Statsig.
 *
 * The response has one memo of nested gates, and its state affects the entries (`NestedGates`). The official SDK
 * evaluates in name order if a `previousResponseHash` is given, else in arbitrary order. This SDK always uses name
 * order: gates, configs, bandits, layers. So the same user gets the same response. A failed evaluation (a cycle of
 * gates) makes the whole response blank, which clients treat as "no values".
 *
 * If a decider knows the path without an evaluation, the entry stored for that path is copied.
 */

import type { ResponseBuffer } from "../byteBuffer.js"
import { textOf } from "../conditions/values.js"
import { Call, type EvaluationSetting, Work } from "../evaluate/call.js"
import type { Decider, Path } from "../evaluate/decider.js"
import type { Evaluation } from "../evaluate/evaluation.js"
import type { OverrideLookup } from "../evaluate/overrides.js"
import { djb2, type HashAlgorithm, hashedName } from "../hashing/nameHash.js"
import { sha256OfBytes } from "../hashing/sha256.js"
import { type Json, wellFormedJson } from "../json.js"
import type { Snapshot } from "../payload/snapshot.js"
import type { RecordingTrigger, SpecKind } from "../specs.js"
import { type User, userToLog } from "../user.js"
import { type ClientEntry, EntryTable, EntryWriter, keptBy, type WrittenEntry } from "./entries.js"
import type { Lookup } from "./nestedGates.js"
import { type EntryStyle, quotedJson, type ResponseFormat } from "./text.js"

/** The content and the format of a response. */
export interface ClientInitializeOptions {
  /** How names are hashed; clients look up plain and djb2 names. Default `djb2`. */
  readonly hashAlgorithm?: HashAlgorithm | undefined
  /** Omits everything not meant for the target app of this client key. */
  readonly clientSdkKey?: string | undefined
  /** Whether local overrides apply. Default `false`. */
  readonly includeLocalOverrides?: boolean | undefined
  /** The names to include, of each kind; all of them by default. */
  readonly featureGateFilter?: ReadonlySet<string> | undefined
  readonly experimentFilter?: ReadonlySet<string> | undefined
  readonly dynamicConfigFilter?: ReadonlySet<string> | undefined
  readonly layerFilter?: ReadonlySet<string> | undefined
  readonly paramStoreFilter?: ReadonlySet<string> | undefined
  /** Omits the id types. Default `false`. */
  readonly removeIdType?: boolean | undefined
  /** Omits gates that are false by default and evaluated no other gate. Default `false`. */
  readonly removeDefaultValueGates?: boolean | undefined
  /** Default `Initialize`. */
  readonly responseFormat?: ResponseFormat | undefined
  /**
   * The `full_checksum` of the response that the client holds, or `""`. The response then carries one, and is blank if
   * nothing changed. Only in the format `Initialize`.
   */
  readonly previousResponseHash?: string | undefined
}

/** The input of a response. */
export interface ClientInitializeRequest extends EvaluationSetting {
  readonly user: User
  readonly options: ClientInitializeOptions
  readonly overrides: OverrideLookup | undefined
  /** For these specs and this user's environment; not with overrides. */
  readonly decider?: Decider | undefined
}

/** Styles whose bytes are cached at a time. A server uses one or two. */
const maxTables = 4

/** Writes responses and caches their bytes for the current specs. */
export class ClientInitialize {
  #snapshot: Snapshot | undefined
  #decider: Decider | undefined
  #tables: ReadonlyArray<EntryTable> = []

  /** `sdkInfo` is the response's information about the SDK, as JSON. */
  constructor(private readonly sdkInfo: string) {}

  /** Appends a response to the buffer. */
  write(request: ClientInitializeRequest, buffer: ResponseBuffer): void {
    new Response(request, this.#table(request), buffer, this.sdkInfo).write()
  }

  #table({ options, snapshot, decider }: ClientInitializeRequest): EntryTable {
    if (snapshot !== this.#snapshot || (decider !== undefined && decider !== this.#decider)) {
      this.#snapshot = snapshot
      this.#decider = decider
      this.#tables = []
    }
    const style: EntryStyle = {
      format: options.responseFormat ?? "Initialize",
      hashAlgorithm: options.hashAlgorithm ?? "djb2",
      removeIdType: options.removeIdType === true
    }
    const known = this.#tables.find(table => isSameStyle(table.style, style))
    if (known !== undefined && !known.isFull) return known
    const table = new EntryTable(snapshot, style)
    const others = this.#tables.filter(other => other !== known)
    this.#tables = [table, ...others.slice(0, maxTables - 1)]
    return table
  }
}

const isSameStyle = (left: EntryStyle, right: EntryStyle): boolean =>
  left.format === right.format && left.hashAlgorithm === right.hashAlgorithm && left.removeIdType === right.removeIdType

/** The filter for the names of an entity. Other entities have none. */
const filters: ReadonlyMap<string, (options: ClientInitializeOptions) => ReadonlySet<string> | undefined> = new Map([
  ["feature_gate", options => options.featureGateFilter],
  ["experiment", options => options.experimentFilter],
  ["dynamic_config", options => options.dynamicConfigFilter],
  ["layer", options => options.layerFilter]
])

/** One response. */
class Response {
  readonly #appId: Json | undefined
  /** Only if the app is the one it decides for. */
  readonly #decider: Decider | undefined
  readonly #writer: EntryWriter
  readonly #work = new Work()
  /** The target app that specs must be meant for; `undefined` to include all. */
  readonly #targetApp: string | undefined
  /** Whether anything is omitted by name or target app. */
  readonly #isFiltered: boolean
  /** Whether the map being written is still empty. */
  #isFirst = true

  constructor(
    private readonly request: ClientInitializeRequest,
    private readonly table: EntryTable,
    private readonly buffer: ResponseBuffer,
    private readonly sdkInfo: string
  ) {
    const { options, snapshot, decider } = request
    this.#writer = new EntryWriter(table, buffer)
    this.#appId = appOf(snapshot, options.clientSdkKey)
    this.#decider = this.#appId === snapshot?.appId ? decider : undefined
    table.nestedGates.beginResponse()
    this.#targetApp = options.clientSdkKey === undefined ? undefined : textOf(this.#appId)
    this.#isFiltered =
      this.#targetApp !== undefined || [...filters.values()].some(filter => filter(options) !== undefined)
  }

  write(): void {
    if (!this.#writeAnswers()) this.#writeBlank()
  }

  /** Whether all evaluations succeeded. */
  #writeAnswers(): boolean {
    const { format } = this.table.style
    const { previousResponseHash } = this.request.options
    const buffer = this.buffer
    buffer.clear()
    // Evaluated first, as in the official SDK: its nested gates are then in the memo for the specs.
    const early = format === "Initialize" ? "" : this.#sessionReplay()
    if (!this.#writeSpecs()) return false
    const endOfSpecs = buffer.length
    if (format === "InitializeV2") this.#writeStores()
    buffer.appendText(this.#envelope())
    const startOfRest = buffer.length
    if (format !== "InitializeV2") this.#writeStores()
    if (format !== "Initialize")
      this.#writeMap(',"exposures":{', () => this.#writer.writeListed(this.#writer.exposures))
    buffer.appendText(format === "Initialize" ? this.#sessionReplay() : early)
    const isChecked = format === "Initialize" && previousResponseHash !== undefined
    const checksum = isChecked && checksumOf(buffer.bytes.subarray(0, endOfSpecs), buffer.bytes.subarray(startOfRest))
    if (checksum === previousResponseHash) {
      buffer.clear()
      buffer.appendText(unchanged)
      return true
    }
    buffer.appendText(privateHash(this.request.user))
    if (isChecked) buffer.appendText(`,"full_checksum":"${checksum}"`)
    if (format === "InitializeV2") {
      this.#writeMap(',"values":{', () => this.#writer.writeListed(this.#writer.values))
      buffer.appendText(',"response_format":"init-v2"')
    }
    buffer.appendText("}")
    return true
  }

  /** Writes the maps of specs. Stops and returns `false` if an evaluation fails. */
  #writeSpecs(): boolean {
    const { bandits, configs, gates, layers } = this.table
    const replaced = new Set(bandits.filter(bandit => this.#isDelivered(bandit)).map(({ name }) => name))
    return (
      this.#writeMap('{"feature_gates":{', () => this.#writeEntries(gates)) &&
      this.#writeMap(
        ',"dynamic_configs":{',
        () => this.#writeEntries(configs, replaced) && this.#writeEntries(bandits)
      ) &&
      this.#writeMap(',"layer_configs":{', () => this.#writeEntries(layers))
    )
  }

  #writeMap<A>(start: string, writeMembers: () => A): A {
    this.buffer.appendText(start)
    this.#isFirst = true
    const result = writeMembers()
    this.buffer.appendText("}")
    return result
  }

  #writeEntries(entries: ReadonlyArray<ClientEntry>, replaced?: ReadonlySet<string>): boolean {
    const { removeDefaultValueGates } = this.request.options
    for (const entry of entries) {
      if (this.#isFiltered && !this.#isDelivered(entry)) continue
      const written = this.#written(entry)
      if (written === undefined) return false
      if (replaced?.has(entry.name) || (removeDefaultValueGates === true && written.isClosedByDefault)) continue
      this.#writer.write(written, this.#isFirst)
      this.#isFirst = false
    }
    return true
  }

  /** `undefined` if the evaluation fails. */
  #written(entry: ClientEntry): WrittenEntry | undefined {
    const { nestedGates } = this.table
    const path = this.#pathOf(entry)
    for (let kept = path && keptBy(entry, path); kept !== undefined; kept = kept.next) {
      if (nestedGates.repeat(kept.lookups)) return kept.written
    }
    nestedGates.beginEntry()
    const record = this.#evaluate(entry.specKind, entry.name)
    if (record === undefined) return undefined
    const lookups = nestedGates.endEntry()
    const written = this.table.written(entry, record, path?.evaluation)
    return path !== undefined && lookups !== undefined && this.#isStill(entry, path, lookups)
      ? this.table.keep(entry, path, lookups, written)
      : written
  }

  /** Whether the evaluation took this path: a time condition may have changed in between. */
  #isStill(entry: ClientEntry, path: Path, lookups: ReadonlyArray<Lookup>): boolean {
    if (this.#pathOf(entry) !== path) return false
    const decider = this.#decider
    if (decider?.isVolatile !== true) return true
    return lookups.every(({ before, gate }) => {
      const now = before && decider.decide("gate", gate.name, this.request.user)
      return now === undefined || now.bool === before?.bool
    })
  }

  #pathOf({ name, specKind }: ClientEntry): Path | undefined {
    return this.#decider?.decide(specKind, name, this.request.user)
  }

  /** `undefined` if the evaluation fails. */
  #evaluate(kind: SpecKind, name: string): Evaluation | undefined {
    const { overrides, user } = this.request
    const call = new Call(user, this.request, this.#work, { overrides })
    call.appId = this.#appId
    call.memo = this.table.nestedGates
    return typeof call.run(kind, name) === "string" ? undefined : call.record
  }

  #isDelivered(entry: ClientEntry): boolean {
    const names = filters.get(entry.entity)?.(this.request.options)
    return (names === undefined || names.has(entry.name)) && this.#isTarget(entry.targetAppIDs)
  }

  #isTarget(targetAppIDs: ReadonlyArray<string> | undefined): boolean {
    return this.#targetApp === undefined || targetAppIDs?.includes(this.#targetApp) === true
  }

  #writeStores(): void {
    const { paramStoreFilter } = this.request.options
    this.#writeMap(',"param_stores":{', () => {
      for (const { bytes, name, targetAppIDs } of this.table.stores) {
        if (paramStoreFilter !== undefined && !paramStoreFilter.has(name)) continue
        if (!this.#isTarget(targetAppIDs)) continue
        this.buffer.append(this.#isFirst ? bytes.first : bytes.next)
        this.#isFirst = false
      }
    })
  }

  #envelope(): string {
    const { snapshot, user } = this.request
    return (
      `,"time":${snapshot?.time ?? 0},"has_updates":true,"hash_used":"${this.table.style.hashAlgorithm}"` +
      `,"user":${this.#user()},"sdkInfo":${this.sdkInfo},"sdkParams":{},"evaluated_keys":${evaluatedKeys(user)}`
    )
  }

  #user(): string {
    const { host, tier, user } = this.request
    return wellFormedJson(userToLog(user, host.globalCustomFields, tier))
  }

  /** A targeting gate that cannot be evaluated does not pass. */
  #sessionReplay(): string {
    const replay = this.request.snapshot?.sessionReplay
    if (replay === undefined) return ""
    const draw = this.request.host.random()
    const isSampled = (rate: number) => draw <= rate
    const { recordingBlocked, samplingRate, targetingGate } = replay
    const passesTargeting =
      targetingGate === undefined ? undefined : (this.#evaluate("gate", targetingGate)?.bool ?? false)
    const canRecord =
      recordingBlocked !== true && passesTargeting !== false && (samplingRate === undefined || isSampled(samplingRate))
    const triggers = (map: ReadonlyMap<string, RecordingTrigger> | undefined, key: (name: string) => string) =>
      map === undefined ? undefined : triggersText(map, key, isSampled)
    const members: Readonly<Record<string, string | undefined>> = {
      can_record_session: String(canRecord),
      session_recording_rate: JSON.stringify(samplingRate),
      recording_blocked: JSON.stringify(recordingBlocked),
      passes_session_recording_targeting: JSON.stringify(passesTargeting),
      session_recording_event_triggers: triggers(replay.eventTriggers, name => name),
      session_recording_exposure_triggers: triggers(replay.exposureTriggers, name =>
        hashedName(this.table.style.hashAlgorithm, name)
      ),
      session_recording_privacy_settings: JSON.stringify(replay.privacySettings)
    }
    return Object.entries(members)
      .map(([key, text]) => (text === undefined ? "" : `,"${key}":${text}`))
      .join("")
  }

  #writeBlank(): void {
    const { format } = this.table.style
    const hash = format === "Initialize" ? privateHash(this.request.user) : ',"exposures":{}'
    const end = format === "InitializeV2" ? ',"values":{},"response_format":"init-v2"' : ""
    this.buffer.clear()
    this.buffer.appendText(`${blankStart}${this.#user()}${blankEnd}${hash}${end}}`)
  }
}

const blankStart =
  '{"feature_gates":{},"dynamic_configs":{},"layer_configs":{},"time":0,"has_updates":false,"hash_used":"","user":'
const blankEnd = ',"sdkInfo":{},"sdkParams":{},"evaluated_keys":{},"param_stores":{}'

/** The response for a client that already has it. */
const unchanged = `${blankStart}{}${blankEnd}}`

/** The target app that the specs are evaluated for. */
const appOf = (snapshot: Snapshot | undefined, clientSdkKey: string | undefined): Json | undefined => {
  if (snapshot === undefined || clientSdkKey === undefined) return snapshot?.appId
  const { hashed, plain } = snapshot.clientKeys
  if (hashed !== undefined) return hashed.get(String(djb2(clientSdkKey)))
  return plain === undefined ? snapshot.appId : plain.get(clientSdkKey)
}

const evaluatedKeys = ({ customIDs, userID }: User): string => {
  const ids = Object.entries(customIDs ?? {}).map(([key, id]) => [key, textOf(id) ?? ""] as const)
  const members = {
    userID: textOf(userID) || undefined,
    customIDs: ids.length === 0 ? undefined : Object.fromEntries(ids)
  }
  return wellFormedJson(JSON.stringify(members))
}

/** Lets clients notice changed private attributes, which are not sent. */
const privateHash = ({ privateAttributes }: User): string => {
  const attributes = Object.entries(privateAttributes ?? {})
  if (attributes.length === 0) return ""
  const sum = attributes.reduce((hash, [key, value]) => (hash + djb2(`${key}:${textOf(value) ?? ""}`)) >>> 0, 0)
  return `,"pa_hash":"${sum}"`
}

const triggersText = (
  triggers: ReadonlyMap<string, RecordingTrigger>,
  key: (name: string) => string,
  isSampled: (rate: number) => boolean
): string => {
  const members = [...triggers].map(([name, { samplingRate, values }]) => {
    const trigger = { values, passes_sampling: samplingRate === undefined ? undefined : isSampled(samplingRate) }
    return `${quotedJson(key(name))}:${JSON.stringify(trigger)}`
  })
  return `{${members.join(",")}}`
}

/** A 64-bit number that is equal for equal bytes. */
const checksumOf = (...parts: ReadonlyArray<Uint8Array>): string => {
  const { high, low } = sha256OfBytes(parts)
  return String((BigInt(high) << 32n) | BigInt(low))
}
