/**
 * From bytes to the text of a payload, for every source that gets bytes.
 */
import * as Effect from "effect/Effect"
import { SpecsError } from "../StatsigError.js"

/**
 * The largest payload that is read, in bytes: the longest string that V8 can make is not much longer.
 *
 * @internal
 */
export const largestPayload = 512 * 1024 * 1024 - 32

/**
 * Reads UTF-8. A byte order mark stays in the text, where it is refused: it is not JSON.
 *
 * @internal
 */
export const decodePayload = (bytes: Uint8Array): Effect.Effect<string, SpecsError> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => new SpecsError({ reason: "Syntax", message: "expected UTF-8 text, got other bytes" })
  })
