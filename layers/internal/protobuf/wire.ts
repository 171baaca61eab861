/**
 * Protobuf messages, as the official SDK's library reads them: of a repeated field the last wins, messages are merged,
 * unknown fields are skipped, and a field of another wire type makes the message unreadable.
 *
 * `@bufbuild/protobuf` is bundled into this module, so it need not be installed.
 */
import { BinaryReader } from "@bufbuild/protobuf/wire"

const varint = 0
const fixed64 = 1
const delimited = 2
const fixed32 = 5

/** A message: its fields by name. */
export type Message = { readonly [name: string]: unknown }

/** A field: its name, its wire type and how it is read. One whose name ends in `[]` occurs any number of times. */
export type Field = readonly [name: string, wireType: number, read: ReadField]

/** Reads a value. `data` is the message, `before` the field's previous value. */
type ReadField = (reader: BinaryReader, data: Uint8Array, before: unknown) => unknown

/** The fields of a message by number. */
export type WireFields = Readonly<Record<number, Field>>

/**
 * The maximum number of items of one list. No project comes near it, and a few bytes of a payload make a large object
 * here.
 */
const mostItems = 100_000

/** Reads a varint. The tenth byte holds one bit. */
const readNumber =
  <A>(read: (reader: BinaryReader) => A) =>
  (reader: BinaryReader, data: Uint8Array): A => {
    const start = reader.pos
    const value = read(reader)
    if (reader.pos - start === 10 && data[reader.pos - 1]! > 1) throw new Error("a number has more than 64 bits")
    return value
  }

const anyVarint = readNumber(reader => reader.uint64())
export const text = (name: string): Field => [name, delimited, reader => reader.string(true)]
export const bytes = (name: string): Field => [name, delimited, reader => reader.bytes()]
export const flag = (name: string): Field => [name, varint, readNumber(reader => reader.bool())]
export const uint32 = (name: string): Field => [name, varint, readNumber(reader => reader.uint32())]
/** As a decimal text, which is also its JSON. */
export const uint64 = (name: string): Field => [name, varint, readNumber(reader => String(reader.uint64()))]
export const enumeration = (name: string): Field => [name, varint, readNumber(reader => reader.int32())]
export const float = (name: string): Field => [name, fixed32, reader => reader.float()]
export const double = (name: string): Field => [name, fixed64, reader => reader.double()]

/** A nested message. Repeated occurrences are merged. */
export const nested = (name: string, fields: WireFields): Field => [
  name,
  delimited,
  (reader, _data, before) => readMessage(fields, reader.bytes(), before as Message | undefined)
]

/** Values that become JSON at once. */
export const jsonText = (name: string): Field => [name, delimited, reader => JSON.stringify(reader.string(true))]
export const jsonFlag = (name: string): Field => [name, varint, readNumber(reader => String(reader.bool()))]
export const jsonInt64 = (name: string): Field => [name, varint, readNumber(reader => String(reader.int64()))]
export const jsonDouble = (name: string): Field => [name, fixed64, reader => doubleText(reader.double())]

/** With a decimal point if the format says that it is not an integer: conditions distinguish them. */
const doubleText = (value: number): string => {
  if (!Number.isFinite(value)) return "null"
  return Number.isInteger(value) && !String(value).includes("e") ? value.toFixed(1) : String(value)
}

/** Reads a message, merged into what was read of it before. Throws if the bytes are invalid. */
export const readMessage = (fields: WireFields, data: Uint8Array, before: Message = {}): Message => {
  const reader = new BinaryReader(data)
  const found: Record<string, unknown> = { ...before }
  while (reader.pos < reader.len) {
    const [fieldNumber, wireType] = reader.tag()
    const field = fields[fieldNumber]
    if (field === undefined) {
      if (wireType === varint) anyVarint(reader, data)
      else reader.skip(wireType, fieldNumber)
      continue
    }
    const [name, expected, read] = field
    if (wireType !== expected) throw new Error(`field ${fieldNumber} (${name}) is of the wire type ${wireType}`)
    if (name.endsWith("[]")) found[name] = withItem(found[name], read(reader, data, undefined))
    else found[name] = read(reader, data, found[name])
  }
  return found
}

const withItem = (list: unknown, item: unknown): unknown => {
  if (!Array.isArray(list)) return [item]
  if (list.length === mostItems) throw new Error(`a list has more than ${mostItems} items`)
  list.push(item)
  return list
}
