/**
 * A payload, assembled from envelopes.
 */
import {
  type Body,
  emptyTable,
  JsonError,
  memberNamed,
  memberOf,
  readBody,
  type Table
} from "../../../src/engine/payload/body.js"
import type { BadPart } from "../../../src/engine/payload/snapshot.js"
import { join } from "../../../src/internal/payload.js"
import { SpecsError } from "../../../src/StatsigError.js"
import { checkText, entityJson, membersOf } from "./entities.js"
import * as Format from "./fields.js"
import { type Consumer, refusal, tooLarge } from "./frames.js"
import { type Message, readMessage } from "./wire.js"

export interface DecodedPayload {
  /** The specs as JSON in UTF-8. */
  readonly json: Uint8Array
  /** Whether they build on the held specs. */
  readonly isDelta: boolean
  /** The envelopes that were skipped: the first hundred. */
  readonly warnings: ReadonlyArray<BadPart>
}

/** Options of reading a payload. */
export interface DecodeOptions {
  /** The maximum size of the payload in bytes, both decompressed and as JSON. */
  readonly limit: number
  /** The held specs, whatever their original format. */
  readonly held?: Body | undefined
  /** Reports whether the payload's own checksums match, if it has any. */
  readonly onSums?: ((result: "success" | "failure") => void) | undefined
}

/** The maximum number of reported warnings of one payload. */
const mostWarnings = 100

/** Entities that are assembled between two turns of the event loop. */
const entitiesPerTurn = 500

/** Assembles specs from the envelopes of a payload and the held specs. */
export class Payload implements Consumer {
  readonly #tables = Object.fromEntries(Format.tableFields.map(table => [table, new Map()])) as Readonly<
    Record<Format.TableName, Map<string, Entity>>
  >
  readonly #held: Partial<Record<Format.TableName, HeldTable>> = {}
  readonly #warnings: Array<BadPart> = []
  /** The members outside the tables: names and JSON. `undefined` without updates. */
  #top: ReadonlyArray<readonly [name: string, json: Uint8Array]> | undefined
  #isDelta = false
  #size = 0
  isDone = false

  constructor(private readonly options: DecodeOptions) {}

  *take(envelope: Uint8Array): Generator<void, void> {
    let found: Format.EnvelopeFields = {}
    try {
      found = readMessage(Format.envelopeFields, envelope)
      yield* this.#read(found)
    } catch (error) {
      if (error instanceof SpecsError) throw error
      this.#warn(found, error instanceof Error ? error.message : String(error))
    }
  }

  *#read(envelope: Format.EnvelopeFields): Generator<void, void> {
    const { data, kind = 0 } = envelope
    switch (kind) {
      case 0:
        throw refusal("an envelope has no kind")
      case Format.envelopeKinds.done:
        this.isDone = true
        return
      case Format.envelopeKinds.topLevel:
        this.#top = yield* topLevel(given(data))
        return
      case Format.envelopeKinds.copyPrevious:
        return yield* this.#copyHeld()
      case Format.envelopeKinds.deletions:
        this.#delete(readMessage(Format.deletionFields, data ?? emptyBytes))
        return
      case Format.envelopeKinds.checksums:
        return yield* this.#checkSums(data ?? emptyBytes)
      default: {
        const table = Format.tableOfKind[kind as keyof typeof Format.tableOfKind]
        if (table === undefined) throw new Error(`the kind ${kind} is unknown`)
        return yield* this.#readEntity(table, envelope)
      }
    }
  }

  /** An envelope with the checksum of a held entity means that entity, and may omit its data. */
  *#readEntity(
    table: Format.TableName,
    { checksum = "", data, name = "" }: Format.EnvelopeFields
  ): Generator<void, void> {
    const held = yield* heldEntity(yield* this.#heldTable(table), name)
    const entity =
      held?.checksum === checksum ? held : { checksum, parts: yield* entityJson(table, checksum, given(data)) }
    this.#set(table, name, entity)
  }

  #set(table: Format.TableName, name: string, entity: Entity): void {
    for (const part of entity.parts) this.#size += part.length
    if (this.#size > this.options.limit) throw tooLarge(this.options.limit)
    this.#tables[table].set(name, entity)
  }

  *#heldTable(table: Format.TableName): Generator<void, HeldTable> {
    this.#held[table] ??= yield* heldTable(this.options.held, table)
    return this.#held[table]
  }

  *#copyHeld(): Generator<void, void> {
    this.#isDelta = true
    const { held } = this.options
    if (held === undefined) return
    this.#top = membersOf(held, new Set(Format.tableFields))
    for (const table of Format.tableFields) {
      const from = yield* this.#heldTable(table)
      let copied = 0
      for (const name of from.table.ordinals.keys()) {
        this.#set(table, name, (yield* heldEntity(from, name))!)
        if (++copied % entitiesPerTurn === 0) yield
      }
    }
  }

  #delete(lists: Message): void {
    for (const table of Format.tableFields) {
      for (const name of (lists[`${table}[]`] ?? []) as ReadonlyArray<string>) this.#tables[table].delete(name)
    }
  }

  *#checkSums(data: Uint8Array): Generator<void, void> {
    const problem = yield* this.#differenceOf(sumsOf(data))
    this.options.onSums?.(problem === undefined ? "success" : "failure")
    if (problem !== undefined) throw refusal(problem, "Checksum")
  }

  /** The first table with a wrong sum. */
  *#differenceOf(sums: ReadonlyMap<string, string>): Generator<void, string | undefined> {
    for (const table of Format.tableFields) {
      let actual = 0n
      let added = 0
      for (const { checksum } of this.#tables[table].values()) {
        actual += BigInt(checksumNumber(checksum))
        if (++added % entitiesPerTurn === 0) yield
      }
      const expected = sums.get(table)
      if (expected !== String(BigInt.asUintN(64, actual))) {
        return `the checksums of ${table} do not agree: expected ${expected}, got ${actual}`
      }
    }
    return undefined
  }

  #warn({ kind = 0, name = "" }: Format.EnvelopeFields, problem: string): void {
    if (this.#warnings.length === mostWarnings) return
    this.#warnings.push({ kind: Format.partOfKind[kind] ?? "envelope", name, message: problem })
  }

  /** Called after the last envelope. */
  *finish(): Generator<void, DecodedPayload> {
    if (this.#top === undefined) throw refusal("it has no top level with updates")
    const parts: Array<Uint8Array> = []
    const key = (first: string, name: string) => Buffer.from(`${first}${JSON.stringify(name)}:`)
    for (const [index, [name, json]] of this.#top.entries()) parts.push(key(index === 0 ? "{" : ",", name), json)
    for (const table of Format.tableFields) {
      parts.push(key(",", table))
      let count = 0
      for (const [name, entity] of this.#tables[table]) {
        parts.push(key(count++ === 0 ? "{" : ",", name))
        for (const part of entity.parts) parts.push(part)
        if (count % entitiesPerTurn === 0) yield
      }
      parts.push(Buffer.from(count === 0 ? "{}" : "}"))
    }
    parts.push(Buffer.from("}"))
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    if (size > this.options.limit) throw tooLarge(this.options.limit)
    return { json: yield* join(parts, size), isDelta: this.#isDelta, warnings: this.#warnings }
  }
}

interface Entity {
  readonly checksum: string | undefined
  /** JSON. */
  readonly parts: ReadonlyArray<Uint8Array>
}

interface HeldTable {
  readonly bytes: Uint8Array
  readonly table: Table<unknown>
}

function* heldEntity({ bytes, table }: HeldTable, name: string): Generator<void, Entity | undefined> {
  const member = memberNamed(table, name)
  if (member === undefined) return undefined
  const json = bytes.subarray(member.start, member.end)
  const checksum = yield* memberOf(json, "checksum")
  return { checksum: checksum?.startsWith('"') === true ? JSON.parse(checksum) : undefined, parts: [json] }
}

/** A table of the held specs. Parameter stores are read once more: a body has no index of its stores. */
function* heldTable(held: Body | undefined, name: Format.TableName): Generator<void, HeldTable> {
  const bytes = held?.bytes ?? emptyBytes
  const table = held?.tables.get(name)
  if (table !== undefined) return { bytes, table }
  const member = held && memberNamed(held.members, name)
  if (member === undefined) return { bytes, table: emptyTable }
  try {
    const stores = yield* readBody(bytes.subarray(member.start, member.end), new Set(), undefined)
    return { bytes: stores.bytes, table: stores.members }
  } catch (error) {
    // It is `null`.
    if (error instanceof JsonError) return { bytes, table: emptyTable }
    throw error
  }
}

const emptyBytes = new Uint8Array()

const given = (data: Uint8Array | undefined): Uint8Array => {
  if (data === undefined) throw new Error("it has no data")
  return data
}

/** A checksum that is not a 32-bit number adds nothing. */
const checksumNumber = (checksum: string | undefined): number => {
  const number = checksum !== undefined && /^\+?[0-9]+$/.test(checksum) ? Number(checksum) : 0
  return number < 2 ** 32 ? number : 0
}

/** By table name. Unreadable sums match nothing. */
const sumsOf = (data: Uint8Array): ReadonlyMap<string, string> => {
  try {
    const { "sums[]": sums = [] } = readMessage(Format.checksumFields, data) as {
      readonly "sums[]"?: ReadonlyArray<{ readonly table?: string; readonly sum?: string }>
    }
    return new Map(sums.map(({ sum = "0", table = "" }) => [table, sum]))
  } catch {
    return new Map()
  }
}

/** Reads a top level; `undefined` for one without updates. */
function* topLevel(data: Uint8Array): Generator<void, ReadonlyArray<readonly [string, Uint8Array]> | undefined> {
  const message = readMessage(Format.topLevelFields, data)
  const {
    checksum = "",
    hasUpdates,
    time = "0"
  } = message as { time?: string; checksum?: string; hasUpdates?: boolean }
  const { rest = emptyBytes } = message as { readonly rest?: Uint8Array }
  yield* checkText(rest, "the rest of the top level")
  const members = membersOf(yield* readBody(rest, new Set(), undefined), Format.ownMembers)
  if (hasUpdates !== true) return undefined
  const own = Object.entries({ has_updates: "true", time, checksum: JSON.stringify(checksum) })
  return [...own.map(([name, json]) => [name, Buffer.from(json)] as const), ...members]
}

/** Reads only the first top level. */
export class TimeFinder implements Consumer {
  time: number | undefined
  isDone = false;

  *take(envelope: Uint8Array): Generator<void, void> {
    try {
      const { data, kind } = readMessage(Format.envelopeFields, envelope) as Format.EnvelopeFields
      if (kind === Format.envelopeKinds.topLevel)
        this.time = Number(readMessage(Format.topLevelFields, given(data))["time"] ?? 0)
      this.isDone = kind === Format.envelopeKinds.topLevel || kind === Format.envelopeKinds.done
    } catch {
      // Errors are reported where the payload is read.
    }
  }
}
