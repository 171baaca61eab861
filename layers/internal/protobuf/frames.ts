/**
 * Splits a stream into envelopes.
 */
import { join } from "../../../src/internal/payload.js"
import { SpecsError } from "../../../src/StatsigError.js"

/** Reads one envelope after the other, until it is done. */
export interface Consumer {
  readonly isDone: boolean
  readonly take: (envelope: Uint8Array) => Generator<void, void>
}

/** Thrown to reject the payload. */
export const refusal = (problem: string, reason: SpecsError["reason"] = "Syntax") =>
  new SpecsError({ reason, message: `protobuf specs: ${problem}` })

/** Splits a stream into its envelopes. Each is preceded by its length. */
export class Frames {
  #taken = 0
  /** The length of the current envelope, as far as it was read. */
  #length = 0
  #lengthBytes = 0
  /** The available bytes of the current envelope, once its length is known. */
  #parts: Array<Uint8Array> | undefined
  #missing = 0

  constructor(private readonly limit: number) {}

  *take(chunk: Uint8Array, consumer: Consumer): Generator<void, void> {
    this.#taken += chunk.length
    if (this.#taken > this.limit) throw tooLarge(this.limit)
    for (let at = 0; at < chunk.length && !consumer.isDone; ) {
      this.#parts ??= this.#addToLength(chunk[at++]!)
      if (this.#parts === undefined) continue
      const part = chunk.subarray(at, at + this.#missing)
      at += part.length
      this.#parts.push(part)
      this.#missing -= part.length
      if (this.#missing > 0) continue
      const envelope = yield* join(this.#parts, this.#length)
      this.#length = this.#lengthBytes = 0
      this.#parts = undefined
      yield* consumer.take(envelope)
    }
  }

  /** Returns the list of the parts when this was the last byte of the length. */
  #addToLength(byte: number): Array<Uint8Array> | undefined {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes++)
    if (this.#length > this.limit) throw tooLarge(this.limit)
    this.#missing = this.#length
    if (byte < 0x80) return []
    if (this.#lengthBytes === 10) throw refusal("the length of an envelope is no number")
    return undefined
  }
}

export const tooLarge = (limit: number) => refusal(`expected at most ${limit} bytes (maxSpecsBytes), got more`, "Size")
