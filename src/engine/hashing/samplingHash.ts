/**
 * The 64-bit hash that decides which exposures are sampled, so that the same users are kept as by the official SDK on
 * x86-64. All arithmetic is modulo 2^64, on pairs of 32-bit words; the constants are those of the fold hash that the
 * official core uses for its keys.
 */

/** A 64-bit number as two unsigned words. */
export interface Word64 {
  readonly high: number
  readonly low: number
}

const word64 = (value: bigint): Word64 => ({ high: Number(value >> 32n), low: Number(value & 0xffffffffn) })

const multiplier = word64(6364136223846793005n)
const [pad0, accumulator0, extra0, extra1] = (
  [
    [420n, 0x452821e638d01377n],
    [42n, 0xbe5466cf34e90c6cn],
    [24n, 0xc0ac29b7c97c50ddn],
    [4n, 0x3f84d5b5b5470917n]
  ] as const
).map(([seed, pi]) => word64(seed ^ pi)) as unknown as readonly [Word64, Word64, Word64, Word64]

const idEncoder = new TextEncoder()

/** The high half of the product of two unsigned words. */
const multiplyHigh = (a: number, b: number): number => {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const other = aLow * bHigh + (middle & 0xffff)
  return aHigh * bHigh + (middle >>> 16) + (other >>> 16)
}

const carry = (sum: number): number => Math.floor(sum / 0x100000000)

/** The 128-bit product, its two halves folded into one by exclusive or. */
const multiplyFold = (a: Word64, b: Word64): Word64 => {
  const w0 = Math.imul(a.low, b.low) >>> 0
  const w1 = multiplyHigh(a.low, b.low) + (Math.imul(a.low, b.high) >>> 0) + (Math.imul(a.high, b.low) >>> 0)
  const w2 = multiplyHigh(a.low, b.high) + multiplyHigh(a.high, b.low) + (Math.imul(a.high, b.high) >>> 0) + carry(w1)
  const w3 = multiplyHigh(a.high, b.high) + carry(w2)
  return { high: (w1 ^ w3) >>> 0, low: (w0 ^ w2) >>> 0 }
}

const multiply = (a: Word64, b: Word64): Word64 => ({
  high: (multiplyHigh(a.low, b.low) + Math.imul(a.low, b.high) + Math.imul(a.high, b.low)) >>> 0,
  low: Math.imul(a.low, b.low) >>> 0
})

const add = (a: Word64, b: Word64): Word64 => {
  const low = a.low + b.low
  return { high: (a.high + b.high + carry(low)) >>> 0, low: low >>> 0 }
}

const xor = (a: Word64, b: Word64): Word64 => ({ high: (a.high ^ b.high) >>> 0, low: (a.low ^ b.low) >>> 0 })

const rotateLeft = (a: Word64, count: number): Word64 => {
  const [high, low] = count & 32 ? [a.low, a.high] : [a.high, a.low]
  const shift = count & 31
  return shift === 0
    ? { high, low }
    : { high: ((high << shift) | (low >>> (32 - shift))) >>> 0, low: ((low << shift) | (high >>> (32 - shift))) >>> 0 }
}

const small = (value: number): Word64 => ({ high: carry(value), low: value >>> 0 })

class FoldHash {
  #accumulator = accumulator0

  word(value: Word64): void {
    this.#accumulator = multiplyFold(xor(value, this.#accumulator), multiplier)
  }

  bytes(data: Uint8Array): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const length = data.length
    const read64 = (at: number): Word64 => ({ high: view.getUint32(at + 4, true), low: view.getUint32(at, true) })
    const read32 = (at: number): Word64 => ({ high: 0, low: view.getUint32(at, true) })
    this.#accumulator = multiply(add(this.#accumulator, small(length)), multiplier)
    if (length > 16) {
      this.#pair(read64(length - 16), read64(length - 8))
      for (let at = 0; length - at > 16; at += 16) this.#pair(read64(at), read64(at + 8))
    } else if (length > 8) this.#pair(read64(0), read64(length - 8))
    else if (length >= 4) this.#pair(read32(0), read32(length - 4))
    else if (length >= 2) this.#pair(small(view.getUint16(0, true)), small(view.getUint8(length - 1)))
    else if (length === 1) this.#pair(small(view.getUint8(0)), small(view.getUint8(0)))
    else this.#pair(small(0), small(0))
  }

  end(): Word64 {
    return rotateLeft(multiplyFold(this.#accumulator, pad0), this.#accumulator.low & 63)
  }

  #pair(a: Word64, b: Word64): void {
    const folded = multiplyFold(xor(a, extra0), xor(b, extra1))
    this.#accumulator = rotateLeft(xor(add(this.#accumulator, pad0), folded), 23)
  }
}

/** The hash of a unit ID's text. */
export const hashID = (text: string): Word64 => {
  const hash = new FoldHash()
  hash.bytes(idEncoder.encode(text))
  hash.word(small(0xff))
  return hash.end()
}

/** The hash of the name of a spec, a rule or a parameter. */
export const hashName = (text: string): Word64 => {
  const data = idEncoder.encode(text)
  const hash = new FoldHash()
  hash.word(small(data.length))
  hash.bytes(data)
  return hash.end()
}

/** The hash of a missing part. */
export const zero: Word64 = { high: 0, low: 0 }

/** The hash of a user: of its userID, its stableID, the unit ID in question, and the sum over all its custom ids. */
export const hashUser = (
  userID: Word64 | undefined,
  stableID: Word64 | undefined,
  unit: Word64 | undefined,
  customIDs: ReadonlyArray<Word64>
): Word64 => {
  const data = new Uint8Array(32)
  const view = new DataView(data.buffer)
  const parts = [userID ?? zero, stableID ?? zero, unit ?? zero, customIDs.reduce(add, zero)]
  parts.forEach((part, index) => {
    view.setUint32(index * 8, part.low, true)
    view.setUint32(index * 8 + 4, part.high, true)
  })
  const hash = new FoldHash()
  hash.word(small(4))
  hash.bytes(data)
  return hash.end()
}

/** Whether an exposure with these key parts is sampled, one in `rate`; never for a rate of 0. */
export const isSampled = (parts: ReadonlyArray<Word64>, rate: number): boolean => {
  if (rate <= 0) return false
  const { high, low } = parts.reduce(xor, zero)
  if (rate <= 0x100000) return ((high % rate) * (0x100000000 % rate) + (low % rate)) % rate === 0
  return ((BigInt(high) << 32n) | BigInt(low)) % BigInt(rate) === 0n
}

/** A boolean as the integer in a key. */
export const hashFlag = (value: boolean): Word64 => small(value ? 1 : 0)
