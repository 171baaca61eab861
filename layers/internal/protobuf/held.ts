/**
 * The specs that are held, as what the next payload may build on, whatever they came as.
 */
import { type Body, emptyTable, JsonError, memberOf, readBody, type Table } from "../../../src/engine/payload/body.js"
import { type TableName, tableNames } from "./fields.js"

/** An entity of a table. */
export interface Entity {
  readonly checksum: string | undefined
  /** JSON. */
  readonly parts: ReadonlyArray<Uint8Array>
}

/** A table of the specs that are held. */
export class HeldTable {
  readonly #bytes: Buffer
  readonly #table: Table<unknown>

  constructor(bytes: Buffer, table: Table<unknown>) {
    this.#bytes = bytes
    this.#table = table
  }

  names(): Iterable<string> {
    return this.#table.ordinals.keys()
  }

  *entity(name: string): Generator<void, Entity | undefined> {
    const ordinal = this.#table.ordinals.get(name)
    if (ordinal === undefined) return undefined
    const json = this.#bytes.subarray(this.#table.starts[ordinal], this.#table.ends[ordinal])
    const checksum = yield* memberOf(json, "checksum")
    return {
      checksum: checksum?.startsWith('"') === true ? (JSON.parse(checksum) as string) : undefined,
      parts: [json]
    }
  }
}

/** The members of a body but for some, as they stand there, also those that occur twice. */
export const membersOf = (
  { bytes, members: { ends, names, starts } }: Body,
  without: ReadonlySet<string>
): ReadonlyArray<readonly [string, Uint8Array]> =>
  names
    .map((name, ordinal) => [name, bytes.subarray(starts[ordinal], ends[ordinal])] as const)
    .filter(([name]) => !without.has(name))

/** What is not of a table. */
export const heldTopLevel = (held: Body) => membersOf(held, new Set(tableNames))

/** A table of the held specs. Parameter stores are read once more: a payload is not kept by its stores. */
export function* heldTable(held: Body | undefined, name: TableName): Generator<void, HeldTable> {
  const table = held?.tables.get(name)
  if (held === undefined || table !== undefined)
    return new HeldTable(held?.bytes ?? Buffer.alloc(0), table ?? emptyTable)
  const ordinal = held.members.ordinals.get(name)
  if (ordinal === undefined) return new HeldTable(held.bytes, emptyTable)
  try {
    const { bytes, members } = yield* readBody(
      held.bytes.subarray(held.members.starts[ordinal], held.members.ends[ordinal]),
      new Set(),
      undefined
    )
    return new HeldTable(bytes, members)
  } catch (error) {
    // It is `null`.
    if (error instanceof JsonError) return new HeldTable(held.bytes, emptyTable)
    throw error
  }
}
