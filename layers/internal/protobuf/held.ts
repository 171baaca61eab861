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
import type { TableName } from "./fields.js"

export interface Entity {
  readonly checksum: string | undefined
  /** JSON. */
  readonly parts: ReadonlyArray<Uint8Array>
}

export interface HeldTable {
  readonly bytes: Uint8Array
  readonly table: Table<unknown>
}

export function* heldEntity({ bytes, table }: HeldTable, name: string): Generator<void, Entity | undefined> {
  const member = memberNamed(table, name)
  if (member === undefined) return undefined
  const json = bytes.subarray(member.start, member.end)
  const checksum = yield* memberOf(json, "checksum")
  return { checksum: checksum?.startsWith('"') === true ? JSON.parse(checksum) : undefined, parts: [json] }
}

/** The members of a body except some, as written there, including duplicates. */
export const membersOf = (
  { bytes, members: { members } }: Body,
  without: ReadonlySet<string>
): ReadonlyArray<readonly [string, Uint8Array]> =>
  members
    .filter(({ name }) => !without.has(name))
    .map(({ end, name, start }) => [name, bytes.subarray(start, end)] as const)

/** A table of the held specs. Parameter stores are read once more: a body has no index of its stores. */
export function* heldTable(held: Body | undefined, name: TableName): Generator<void, HeldTable> {
  const bytes = held?.bytes ?? new Uint8Array(0)
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
