/**
 * Hashes that hide names from the browser; clients look up names by them.
 */
import { sha256Base64 } from "./sha256.js"

/** The replacement of names: a 32-bit hash, the base64 of a SHA-256, or the plain name. */
export type HashAlgorithm = "djb2" | "none" | "sha256"

/** The 32-bit hash of a text, over its code points. */
export const djb2 = (text: string): number => {
  let hash = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    hash = (Math.imul(hash, 31) + (isHalf(code) ? 0xfffd : code)) >>> 0
  }
  return hash
}

/** Half a surrogate pair, which the official package replaces by U+FFFD. */
const isHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdfff

/** The replacement of a name. */
export const hashedName = (algorithm: HashAlgorithm, name: string): string => {
  switch (algorithm) {
    case "djb2":
      return String(djb2(name))
    case "sha256":
      return sha256Base64(name)
    case "none":
      return name
  }
}
