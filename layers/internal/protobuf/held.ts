/**
 * The held specs as the base of the next payload, whatever their original format.
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
import { type TableName, tableFields } from "./fields.js"

/** An entity of a table. */
export interface Entity {
  readonly checksum: string | undefined
  /** JSON. */
  readonly parts: ReadonlyArray<Uint8Array>
}

/** A table of the held specs. */
export class HeldTable {
  readonly #bytes: Uint8Array
  readonly #table: Table<unknown>

  constructor(bytes: Uint8Array, table: Table<unknown>) {
    this.#bytes = bytes
    this.#table = table
  }

  names(): Iterable<string> {
    return this.#table.ordinals.keys()
  }

  *entity(name: string): Generator<void, Entity | undefined> {
    const member = memberNamed(this.#table, name)
    if (member === undefined) return undefined
    const json = this.#bytes.subarray(member.start, member.end)
    const checksum = yield* memberOf(json, "checksum")
    return {
      checksum: checksum?.startsWith('"') === true ? (JSON.parse(checksum) as string) : undefined,
      parts: [json]
    }
  }
}

/** The members of a body except some, as written there, including duplicates. */
export const membersOf = (
  { bytes, members: { members } }: Body,
  without: ReadonlySet<string>
): ReadonlyArray<readonly [string, Uint8Array]> =>
  members
    .filter(({ name }) => !without.has(name))
    .map(({ end, name, start }) => [name, bytes.subarray(start, end)] as const)

/** The members outside the tables. */
export const heldTopLevel = (held: Body) => membersOf(held, new Set(tableFields))

/** A table of the held specs. Parameter stores are read once more: a body has no index of its stores. */
export function* heldTable(held: Body | undefined, name: TableName): Generator<void, HeldTable> {
  const table = held?.tables.get(name)
  if (held === undefined || table !== undefined)
    return new HeldTable(held?.bytes ?? new Uint8Array(0), table ?? emptyTable)
  const member = memberNamed(held.members, name)
  if (member === undefined) return new HeldTable(held.bytes, emptyTable)
  try {
    const { bytes, members } = yield* readBody(held.bytes.subarray(member.start, member.end), new Set(), undefined)
    return new HeldTable(bytes, members)
  } catch (error) {
    // It is `null`.
    if (error instanceof JsonError) return new HeldTable(held.bytes, emptyTable)
    throw error
  }
}
