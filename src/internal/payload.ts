/**
 * The bytes and the text of a payload. Either may be large, so each is made in several turns of the event loop.
 */
import * as Effect from "effect/Effect"
import { SpecsError } from "../StatsigError.js"
import { optionTable } from "../StatsigOptions.js"
import { isUtf8 } from "./bytes.js"
import { inTurns } from "./eventLoop.js"

/** The largest readable payload, in bytes: the longest string that V8 can make is not much longer. */
export const largestPayload = 512 * 1024 * 1024 - 32

/**
 * The maximum size of specs in bytes, from the option `maxSpecsBytes`: less than 1 means the default; larger values are
 * capped at the largest readable payload.
 */
export const sizeLimit = (maxSpecsBytes = 0): number =>
  maxSpecsBytes >= 1 ? Math.min(maxSpecsBytes, largestPayload) : optionTable.maxSpecsBytes.default

/** Bytes or characters that are copied or decoded in one turn. */
const copiedPerTurn = 1 << 20

/** The cost of copying one more part, in bytes: there may be hundreds of thousands of short parts. */
const costOfPart = 512

/** The validated UTF-8 of a payload. A byte order mark stays, and is rejected later: it is not JSON. */
export const payloadBytes = (body: string | Uint8Array): Effect.Effect<Uint8Array, SpecsError> =>
  Effect.suspend(() => {
    if (typeof body === "string") return inTurns(() => encode(body))
    // Runs at gigabytes a second, so it needs no turns.
    return isUtf8(body)
      ? Effect.succeed(body)
      : new SpecsError({ reason: "Syntax", message: "expected UTF-8 text, got other bytes" })
  })

/** The text of a payload. */
export const payloadText = (body: string | Uint8Array): Effect.Effect<string, SpecsError> =>
  typeof body === "string"
    ? Effect.succeed(body)
    : Effect.flatMap(payloadBytes(body), bytes => inTurns(() => decodeInTurns(bytes)))

/** Joins the parts of a body. */
export const concat = (parts: ReadonlyArray<Uint8Array>, size: number): Effect.Effect<Uint8Array> =>
  inTurns(() => join(parts, size))

function* encode(text: string): Generator<void, Uint8Array> {
  const encoder = new TextEncoder()
  const parts: Array<Uint8Array> = []
  let size = 0
  for (let start = 0; start < text.length; ) {
    if (start > 0) yield
    let end = Math.min(start + copiedPerTurn, text.length)
    // A surrogate pair is one character.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end++
    const part = encoder.encode(text.slice(start, end))
    parts.push(part)
    size += part.length
    start = end
  }
  return yield* join(parts, size)
}

const isHighSurrogate = (code: number): boolean => (code & 0xfc00) === 0xd800

function* decodeInTurns(bytes: Uint8Array): Generator<void, string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  let text = ""
  for (let start = 0; start < bytes.length; ) {
    if (start > 0) yield
    let end = Math.min(start + copiedPerTurn, bytes.length)
    // A character may have several bytes.
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end++
    text += decoder.decode(bytes.subarray(start, end))
    start = end
  }
  return text
}

/** As `concat`, for work that already runs in turns. */
export function* join(parts: ReadonlyArray<Uint8Array>, size: number): Generator<void, Uint8Array> {
  const [first, ...others] = parts
  if (first !== undefined && others.length === 0) return first
  const bytes = new Uint8Array(size)
  let offset = 0
  let copied = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
    copied += part.length + costOfPart
    if (copied < copiedPerTurn) continue
    copied = 0
    yield
  }
  return bytes
}
