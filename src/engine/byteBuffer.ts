/**
 * Growing byte buffers.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** The longest UTF-8 form of one UTF-16 unit. */
const maxBytesPerUnit = 3
const defaultFirstSize = 65_536
const noBytes = new Uint8Array(0)

/** A text that is written often, with and without a comma before it: the first item of a list has none. */
export interface Fragment {
  readonly first: Uint8Array
  readonly next: Uint8Array
}

/** Memory for many small byte arrays: each one of its own would take more than its bytes. */
const slabSize = 16_384
let slab = noBytes
let slabUsed = 0

/** Makes sure that the slab has so many bytes left. */
const reserve = (size: number): void => {
  if (size <= slab.length - slabUsed) return
  slab = new Uint8Array(slabSize)
  slabUsed = 0
}

const taken = (size: number): Uint8Array => {
  slabUsed += size
  return slab.subarray(slabUsed - size, slabUsed)
}

/** The UTF-8 form of a text, for long use. */
export const bytesOf = (text: string): Uint8Array => {
  const longest = text.length * maxBytesPerUnit
  if (longest > slabSize) return encoder.encode(text)
  reserve(longest)
  return taken(encoder.encodeInto(text, slab.subarray(slabUsed)).written)
}

/** A copy of the parts, one after the other, for long use. */
export const concatBytes = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  if (size <= slabSize) reserve(size)
  const whole = size <= slabSize ? taken(size) : new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Prepares a text. */
export const fragment = (text: string): Fragment => {
  const next = bytesOf(`,${text}`)
  return { first: next.subarray(1), next }
}

/** A growing buffer of UTF-8 text. */
export class ByteBuffer {
  #bytes = noBytes
  #length = 0
  readonly #firstSize: number

  /**
   * Allocates `firstSize` bytes on the first write: a buffer that stays empty costs none.
   *
   * @internal
   */
  constructor(firstSize = defaultFirstSize) {
    this.#firstSize = firstSize
  }

  /** The number of bytes written since `clear`. */
  get length(): number {
    return this.#length
  }

  /** The number of bytes that fit without new memory. */
  get capacity(): number {
    return this.#bytes.length
  }

  /** The bytes written since `clear`; a view, not a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  get text(): string {
    return decoder.decode(this.bytes)
  }

  /**
   * Empties the buffer. Its memory is kept for reuse.
   *
   * @internal
   */
  clear(): void {
    this.#length = 0
  }

  /** @internal */
  append(bytes: Uint8Array): void {
    const start = this.#length
    const end = start + bytes.length
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.set(bytes, start)
    this.#length = end
  }

  /** @internal */
  appendText(text: string): void {
    const start = this.#length
    const longest = start + text.length * maxBytesPerUnit
    if (longest > this.#bytes.length) this.#grow(longest)
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(start)).written
  }

  /**
   * Appends a copy of the bytes from one position to another.
   *
   * @internal
   */
  repeat(from: number, to: number): void {
    const start = this.#length
    const end = start + to - from
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.copyWithin(start, from, to)
    this.#length = end
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#firstSize, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

/**
 * A growing buffer for client initialize responses, which are written one at a time. It keeps the size of the largest
 * one. The next response overwrites the result of `bytes`.
 *
 * @since 0.1.0
 */
export class ResponseBuffer extends ByteBuffer {}
