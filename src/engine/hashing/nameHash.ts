/**
 * How names are hidden from the browser: each kind of hash that a client can look names up by.
 */
import { sha256Base64 } from "./sha256.js"

/** What names are replaced by: a 32-bit hash, the base64 of a SHA-256, or themselves. */
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

/** Half a pair of surrogates, for which the official package has U+FFFD. */
const isHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdfff

/** What a name becomes. */
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
