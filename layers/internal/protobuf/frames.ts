/**
 * Splits a stream into envelopes.
 */
import { join } from "../../../src/internal/payload.js"
import type { SpecsError } from "../../../src/StatsigError.js"

/** Reads one envelope after the other, until it is done. */
export interface Consumer {
  readonly isDone: boolean
  readonly take: (envelope: Uint8Array) => Generator<void, void>
}

/** Thrown to reject the payload. */
export class Refusal extends Error {
  readonly reason: SpecsError["reason"]
  constructor(problem: string, reason: SpecsError["reason"] = "Syntax") {
    super(problem)
    this.reason = reason
  }
}

/** Splits a stream into its envelopes. Each is preceded by its length. */
export class Frames {
  readonly #limit: number
  #taken = 0
  /** The length of the current envelope, as far as it was read. */
  #length = 0
  #lengthBytes = 0
  #isLengthKnown = false
  /** The available bytes of the current envelope. */
  #parts: Array<Uint8Array> = []
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  *take(chunk: Uint8Array, consumer: Consumer): Generator<void, void> {
    this.#taken += chunk.length
    if (this.#taken > this.#limit) throw tooLarge(this.#limit)
    for (let at = 0; at < chunk.length && !consumer.isDone; ) {
      if (!this.#isLengthKnown) {
        this.#addToLength(chunk[at++]!)
        if (!this.#isLengthKnown) continue
      }
      const part = chunk.subarray(at, at + this.#length - this.#size)
      at += part.length
      this.#parts.push(part)
      this.#size += part.length
      if (this.#size === this.#length) yield* consumer.take(yield* this.#envelope())
    }
  }

  #addToLength(byte: number): void {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes++)
    if (this.#length > this.#limit) throw tooLarge(this.#limit)
    this.#isLengthKnown = byte < 0x80
    if (!this.#isLengthKnown && this.#lengthBytes === 10) throw new Refusal("the length of an envelope is no number")
  }

  *#envelope(): Generator<void, Uint8Array> {
    const envelope = yield* join(this.#parts, this.#size)
    this.#length = 0
    this.#lengthBytes = 0
    this.#isLengthKnown = false
    this.#parts = []
    this.#size = 0
    return envelope
  }
}

/** The error for a message that is larger than allowed. */
export const tooLarge = (limit: number) =>
  new Refusal(`expected at most ${limit} bytes (maxSpecsBytes), got more`, "Size")
