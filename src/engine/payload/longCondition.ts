/**
 * Conditions on long lists. The list is read from the bytes, and apart from the rest of the condition.
 */
import { LongList } from "../conditions/longList.js"
import { openBracket, startOf, type TableMember, textOfBytes } from "./body.js"
import { type RawDocument, readExact } from "./exactJson.js"

/** Conditions of more bytes are read this way. */
const longest = 1 << 16

/** Whether the condition is so long that reading it takes milliseconds. */
export const isLong = ({ end, start }: TableMember<unknown>): boolean => end - start > longest

/** A long condition. */
interface LongCondition {
  /** The condition, with an empty list as its target if the target is read apart. */
  readonly head: RawDocument
  readonly list: LongList | undefined
}

/** Reads a condition. Yields where others may take a turn. */
export function* readLongCondition(
  bytes: Uint8Array,
  { end, start }: TableMember<unknown>
): Generator<void, LongCondition> {
  const json = bytes.subarray(start, end)
  const target = yield* startOf(json, "targetValue")
  const list =
    target !== undefined && json[target] === openBracket ? yield* LongList.read(json.subarray(target)) : undefined
  if (target === undefined || list === undefined) return { head: readExact(textOfBytes(json, 0, json.length)), list }
  const rest = textOfBytes(json, target + list.byteLength, json.length)
  return { head: readExact(`${textOfBytes(json, 0, target)}[]${rest}`), list }
}
