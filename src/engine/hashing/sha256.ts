/**
 * SHA-256 for bucketing: the first 64 bits of `prefix + unit`, where the prefix (two salts and their dots) never
 * changes and the unit ID is short.
 *
 * The whole blocks of a prefix are compressed once. A check then appends the unit ID character by character to the
 * rest, without building a string, and mostly compresses one block. Unit IDs with characters beyond ASCII take a path
 * over their UTF-8 bytes. Implemented here because `node:crypto` costs five times as much per call as this compression.
 */
/** The round constants of FIPS 180-4, section 4.2.2. */
const k = Int32Array.from(
  (
    "428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be 550c7dc3 " +
    "72be5d74 80deb1fe 9bdc06a7 c19bf174 e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da " +
    "983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 27b70a85 2e1b2138 4d2c6dfc 53380d13 " +
    "650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070 " +
    "19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 " +
    "90befffa a4506ceb bef9a3f7 c67178f2"
  )
    .split(" ")
    .map(word => Number.parseInt(word, 16) | 0)
)

/** The initial hash value of FIPS 180-4, section 5.3.3. */
const initial = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]

/** A short ASCII text as words for the hash. */
export interface Words {
  /** In bytes. */
  readonly length: number
  /** Four bytes in each, then the byte that begins the padding. */
  readonly words: Int32Array
  readonly count: number
}

/** An array type with each index named, so that accesses are not `undefined`. */
type Eight = Int32Array & { [Index in 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7]: number }
type Sixteen = Eight & { [Index in 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15]: number }

/** The index is always valid: positions within a block are below 16, those within a unit below its count. */
const wordAt = (words: Int32Array, index: number): number => words[index] as number

/** A running hash: the state, the block being filled and the number of bytes so far. */
export class Sha256 {
  readonly state: Eight
  readonly block: Sixteen
  length = 0

  constructor() {
    this.state = Int32Array.from(initial) as Eight
    this.block = new Int32Array(16) as Sixteen
  }

  /** Restores the state of `from`. */
  restore(from: Sha256): void {
    for (let i = 0; i < 8; i++) this.state[i] = wordAt(from.state, i)
    for (let i = 0; i < 16; i++) this.block[i] = wordAt(from.block, i)
    this.length = from.length
  }

  byte(value: number): void {
    const position = this.length & 63
    const index = position >> 2
    this.block[index] = wordAt(this.block, index) | (value << (24 - ((position & 3) << 3)))
    this.length++
    if (position === 63) {
      this.compress()
      this.block.fill(0)
    }
  }

  /** Finishes the hash of the input of `from` followed by a unit ID. */
  finishWith(from: Sha256, unit: Words): void {
    const { block } = this
    const { count, words } = unit
    let state = from.state
    let index = (from.length & 63) >> 2
    for (let i = 0; i < index; i++) block[i] = wordAt(from.block, i)
    let word = wordAt(from.block, index)
    // This many bits of a unit word belong to the word being filled.
    const shift = (from.length & 3) << 3
    for (let i = 0; i < count; i++) {
      const next = wordAt(words, i)
      block[index++] = word | (next >>> shift)
      // A shift by 32 bits would have no effect.
      word = shift === 0 ? 0 : next << (32 - shift)
      if (index === 16) {
        this.compress(state)
        state = this.state
        index = 0
      }
    }
    if (word !== 0) block[index++] = word
    // The last two words hold the length.
    if (index > 14) {
      if (index === 15) block[15] = 0
      this.compress(state)
      state = this.state
      index = 0
    }
    for (; index < 15; index++) block[index] = 0
    block[15] = (from.length + unit.length) << 3
    this.compress(state)
  }

  /** Adds a text. ASCII is added directly; from the first other character on, the rest is added as UTF-8. */
  text(text: string): void {
    const { block } = this
    const end = text.length
    let length = this.length
    let index = (length & 63) >> 2
    let shift = 24 - ((length & 3) << 3)
    let word = wordAt(block, index)
    for (let i = 0; i < end; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        block[index] = word
        this.length = length
        for (const byte of utf8Encoder.encode(text.slice(i))) this.byte(byte)
        return
      }
      word |= code << shift
      shift -= 8
      length++
      if (shift < 0) {
        block[index++] = word
        word = 0
        shift = 24
        if (index === 16) {
          this.compress()
          block.fill(0)
          index = 0
        }
      }
    }
    block[index] = word
    this.length = length
  }

  /** Pads and finishes the hash; the digest is in `state`. */
  finish(): void {
    const bits = this.length * 8
    const position = this.length & 63
    const index = position >> 2
    this.block[index] = wordAt(this.block, index) | (0x80 << (24 - ((position & 3) << 3)))
    if (position >= 56) {
      this.compress()
      this.block.fill(0)
    }
    this.block[14] = Math.floor(bits / 0x100000000)
    this.block[15] = bits | 0
    this.compress()
  }

  /**
   * Folds the block into the state `from`. Sixteen rounds at a time, so that all words are local variables. The
   * rotations of a sum are nested, which avoids copies: by 6, 11 and 25 is by 6 of (by 5 of (by 14)), by 2, 13 and 22
   * is by 2 of (by 11 of (by 9)).
   */
  compress(from: Eight = this.state): void {
    const { block, state } = this
    let w0 = block[0]
    let w1 = block[1]
    let w2 = block[2]
    let w3 = block[3]
    let w4 = block[4]
    let w5 = block[5]
    let w6 = block[6]
    let w7 = block[7]
    let w8 = block[8]
    let w9 = block[9]
    let w10 = block[10]
    let w11 = block[11]
    let w12 = block[12]
    let w13 = block[13]
    let w14 = block[14]
    let w15 = block[15]
    let a = from[0]
    let b = from[1]
    let c = from[2]
    let d = from[3]
    let e = from[4]
    let f = from[5]
    let g = from[6]
    let h = from[7]
    let t = 0
    for (let round = 0; round < 64; round += 16) {
      t = e ^ ((e >>> 14) | (e << 18))
      t = e ^ ((t >>> 5) | (t << 27))
      h = (h + k[round]! + w0 + (g ^ (e & (f ^ g))) + ((t >>> 6) | (t << 26))) | 0
      d = (d + h) | 0
      t = a ^ ((a >>> 9) | (a << 23))
      t = a ^ ((t >>> 11) | (t << 21))
      h = (h + ((a & b) | (c & (a | b))) + ((t >>> 2) | (t << 30))) | 0
      t = d ^ ((d >>> 14) | (d << 18))
      t = d ^ ((t >>> 5) | (t << 27))
      g = (g + k[round + 1]! + w1 + (f ^ (d & (e ^ f))) + ((t >>> 6) | (t << 26))) | 0
      c = (c + g) | 0
      t = h ^ ((h >>> 9) | (h << 23))
      t = h ^ ((t >>> 11) | (t << 21))
      g = (g + ((h & a) | (b & (h | a))) + ((t >>> 2) | (t << 30))) | 0
      t = c ^ ((c >>> 14) | (c << 18))
      t = c ^ ((t >>> 5) | (t << 27))
      f = (f + k[round + 2]! + w2 + (e ^ (c & (d ^ e))) + ((t >>> 6) | (t << 26))) | 0
      b = (b + f) | 0
      t = g ^ ((g >>> 9) | (g << 23))
      t = g ^ ((t >>> 11) | (t << 21))
      f = (f + ((g & h) | (a & (g | h))) + ((t >>> 2) | (t << 30))) | 0
      t = b ^ ((b >>> 14) | (b << 18))
      t = b ^ ((t >>> 5) | (t << 27))
      e = (e + k[round + 3]! + w3 + (d ^ (b & (c ^ d))) + ((t >>> 6) | (t << 26))) | 0
      a = (a + e) | 0
      t = f ^ ((f >>> 9) | (f << 23))
      t = f ^ ((t >>> 11) | (t << 21))
      e = (e + ((f & g) | (h & (f | g))) + ((t >>> 2) | (t << 30))) | 0
      t = a ^ ((a >>> 14) | (a << 18))
      t = a ^ ((t >>> 5) | (t << 27))
      d = (d + k[round + 4]! + w4 + (c ^ (a & (b ^ c))) + ((t >>> 6) | (t << 26))) | 0
      h = (h + d) | 0
      t = e ^ ((e >>> 9) | (e << 23))
      t = e ^ ((t >>> 11) | (t << 21))
      d = (d + ((e & f) | (g & (e | f))) + ((t >>> 2) | (t << 30))) | 0
      t = h ^ ((h >>> 14) | (h << 18))
      t = h ^ ((t >>> 5) | (t << 27))
      c = (c + k[round + 5]! + w5 + (b ^ (h & (a ^ b))) + ((t >>> 6) | (t << 26))) | 0
      g = (g + c) | 0
      t = d ^ ((d >>> 9) | (d << 23))
      t = d ^ ((t >>> 11) | (t << 21))
      c = (c + ((d & e) | (f & (d | e))) + ((t >>> 2) | (t << 30))) | 0
      t = g ^ ((g >>> 14) | (g << 18))
      t = g ^ ((t >>> 5) | (t << 27))
      b = (b + k[round + 6]! + w6 + (a ^ (g & (h ^ a))) + ((t >>> 6) | (t << 26))) | 0
      f = (f + b) | 0
      t = c ^ ((c >>> 9) | (c << 23))
      t = c ^ ((t >>> 11) | (t << 21))
      b = (b + ((c & d) | (e & (c | d))) + ((t >>> 2) | (t << 30))) | 0
      t = f ^ ((f >>> 14) | (f << 18))
      t = f ^ ((t >>> 5) | (t << 27))
      a = (a + k[round + 7]! + w7 + (h ^ (f & (g ^ h))) + ((t >>> 6) | (t << 26))) | 0
      e = (e + a) | 0
      t = b ^ ((b >>> 9) | (b << 23))
      t = b ^ ((t >>> 11) | (t << 21))
      a = (a + ((b & c) | (d & (b | c))) + ((t >>> 2) | (t << 30))) | 0
      t = e ^ ((e >>> 14) | (e << 18))
      t = e ^ ((t >>> 5) | (t << 27))
      h = (h + k[round + 8]! + w8 + (g ^ (e & (f ^ g))) + ((t >>> 6) | (t << 26))) | 0
      d = (d + h) | 0
      t = a ^ ((a >>> 9) | (a << 23))
      t = a ^ ((t >>> 11) | (t << 21))
      h = (h + ((a & b) | (c & (a | b))) + ((t >>> 2) | (t << 30))) | 0
      t = d ^ ((d >>> 14) | (d << 18))
      t = d ^ ((t >>> 5) | (t << 27))
      g = (g + k[round + 9]! + w9 + (f ^ (d & (e ^ f))) + ((t >>> 6) | (t << 26))) | 0
      c = (c + g) | 0
      t = h ^ ((h >>> 9) | (h << 23))
      t = h ^ ((t >>> 11) | (t << 21))
      g = (g + ((h & a) | (b & (h | a))) + ((t >>> 2) | (t << 30))) | 0
      t = c ^ ((c >>> 14) | (c << 18))
      t = c ^ ((t >>> 5) | (t << 27))
      f = (f + k[round + 10]! + w10 + (e ^ (c & (d ^ e))) + ((t >>> 6) | (t << 26))) | 0
      b = (b + f) | 0
      t = g ^ ((g >>> 9) | (g << 23))
      t = g ^ ((t >>> 11) | (t << 21))
      f = (f + ((g & h) | (a & (g | h))) + ((t >>> 2) | (t << 30))) | 0
      t = b ^ ((b >>> 14) | (b << 18))
      t = b ^ ((t >>> 5) | (t << 27))
      e = (e + k[round + 11]! + w11 + (d ^ (b & (c ^ d))) + ((t >>> 6) | (t << 26))) | 0
      a = (a + e) | 0
      t = f ^ ((f >>> 9) | (f << 23))
      t = f ^ ((t >>> 11) | (t << 21))
      e = (e + ((f & g) | (h & (f | g))) + ((t >>> 2) | (t << 30))) | 0
      t = a ^ ((a >>> 14) | (a << 18))
      t = a ^ ((t >>> 5) | (t << 27))
      d = (d + k[round + 12]! + w12 + (c ^ (a & (b ^ c))) + ((t >>> 6) | (t << 26))) | 0
      h = (h + d) | 0
      t = e ^ ((e >>> 9) | (e << 23))
      t = e ^ ((t >>> 11) | (t << 21))
      d = (d + ((e & f) | (g & (e | f))) + ((t >>> 2) | (t << 30))) | 0
      t = h ^ ((h >>> 14) | (h << 18))
      t = h ^ ((t >>> 5) | (t << 27))
      c = (c + k[round + 13]! + w13 + (b ^ (h & (a ^ b))) + ((t >>> 6) | (t << 26))) | 0
      g = (g + c) | 0
      t = d ^ ((d >>> 9) | (d << 23))
      t = d ^ ((t >>> 11) | (t << 21))
      c = (c + ((d & e) | (f & (d | e))) + ((t >>> 2) | (t << 30))) | 0
      t = g ^ ((g >>> 14) | (g << 18))
      t = g ^ ((t >>> 5) | (t << 27))
      b = (b + k[round + 14]! + w14 + (a ^ (g & (h ^ a))) + ((t >>> 6) | (t << 26))) | 0
      f = (f + b) | 0
      t = c ^ ((c >>> 9) | (c << 23))
      t = c ^ ((t >>> 11) | (t << 21))
      b = (b + ((c & d) | (e & (c | d))) + ((t >>> 2) | (t << 30))) | 0
      t = f ^ ((f >>> 14) | (f << 18))
      t = f ^ ((t >>> 5) | (t << 27))
      a = (a + k[round + 15]! + w15 + (h ^ (f & (g ^ h))) + ((t >>> 6) | (t << 26))) | 0
      e = (e + a) | 0
      t = b ^ ((b >>> 9) | (b << 23))
      t = b ^ ((t >>> 11) | (t << 21))
      a = (a + ((b & c) | (d & (b | c))) + ((t >>> 2) | (t << 30))) | 0
      if (round === 48) break
      w0 =
        (w0 +
          (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) +
          w9 +
          (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) |
        0
      w1 =
        (w1 +
          (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) +
          w10 +
          (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) |
        0
      w2 =
        (w2 +
          (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) +
          w11 +
          (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) |
        0
      w3 =
        (w3 +
          (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) +
          w12 +
          (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) |
        0
      w4 =
        (w4 +
          (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) +
          w13 +
          (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) |
        0
      w5 =
        (w5 +
          (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) +
          w14 +
          (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) |
        0
      w6 =
        (w6 +
          (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) +
          w15 +
          (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) |
        0
      w7 =
        (w7 +
          (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) +
          w0 +
          (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) |
        0
      w8 =
        (w8 +
          (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) +
          w1 +
          (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) |
        0
      w9 =
        (w9 +
          (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) +
          w2 +
          (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) |
        0
      w10 =
        (w10 +
          (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) +
          w3 +
          (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) |
        0
      w11 =
        (w11 +
          (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) +
          w4 +
          (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) |
        0
      w12 =
        (w12 +
          (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) +
          w5 +
          (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) |
        0
      w13 =
        (w13 +
          (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) +
          w6 +
          (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) |
        0
      w14 =
        (w14 +
          (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) +
          w7 +
          (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) |
        0
      w15 =
        (w15 +
          (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) +
          w8 +
          (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) |
        0
    }
    state[0] = (from[0] + a) | 0
    state[1] = (from[1] + b) | 0
    state[2] = (from[2] + c) | 0
    state[3] = (from[3] + d) | 0
    state[4] = (from[4] + e) | 0
    state[5] = (from[5] + f) | 0
    state[6] = (from[6] + g) | 0
    state[7] = (from[7] + h) | 0
  }
}

const utf8Encoder = new TextEncoder()

/** The first 64 bits of a hash as two unsigned 32-bit words. */
export interface Hash64 {
  readonly high: number
  readonly low: number
}

/** The first 64 bits of the SHA-256 of a text's UTF-8 form. */
export const sha256 = (text: string): Hash64 => {
  const hash = new Sha256()
  hash.text(text)
  hash.finish()
  return { high: hash.state[0] >>> 0, low: hash.state[1] >>> 0 }
}

/** The whole SHA-256 of a text's UTF-8 form, as base64 with padding. */
export const sha256Base64 = (text: string): string => {
  const hash = new Sha256()
  hash.text(text)
  hash.finish()
  let digest = ""
  for (const word of hash.state) {
    digest += String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255)
  }
  return btoa(digest)
}

/** The first 64 bits of the SHA-256 of bytes. */
export const sha256OfBytes = (parts: ReadonlyArray<Uint8Array>): Hash64 => {
  const hash = new Sha256()
  for (const part of parts) for (const byte of part) hash.byte(byte)
  hash.finish()
  return { high: hash.state[0] >>> 0, low: hash.state[1] >>> 0 }
}

/** The 48 bits that key ID lists: those of the first eight base64 characters, in two halves. */
export const idListKey = (id: string): { readonly high: number; readonly low: number } => {
  const { high, low } = sha256(id)
  return { high: high >>> 8, low: ((high & 255) << 16) | (low >>> 16) }
}
