/**
 * How much memory values take while they wait, about: what the queue of events is bounded by.
 *
 * It is an estimate that costs little. A text counts one byte for each character, which is what V8 takes for Latin
 * letters; it takes two for others.
 */
import type { Json } from "../json.js"
import type { User } from "../user.js"

/** A pointer, a number, or the head of a text, an array or an object; in bytes. */
const wordSize = 8
const head = 16

/** The bytes of a JSON value. */
export const sizeOf = (value: Json | undefined): number => {
  if (typeof value === "string") return head + value.length
  if (typeof value !== "object" || value === null) return wordSize
  let size = head
  if (Array.isArray(value)) {
    for (const item of value) size += wordSize + sizeOf(item)
    return size
  }
  for (const name of Object.keys(value)) size += head + name.length + sizeOf((value as { [name: string]: Json })[name])
  return size
}

/** The bytes of a user, private attributes included: they wait along with the rest. Worked out once. */
export const sizeOfUser = (user: User): number => {
  user.size ??=
    sizeOf(user.userID) +
    sizeOf(user.customIDs) +
    sizeOf(user.email) +
    sizeOf(user.ip) +
    sizeOf(user.userAgent) +
    sizeOf(user.country) +
    sizeOf(user.locale) +
    sizeOf(user.appVersion) +
    sizeOf(user.custom) +
    sizeOf(user.privateAttributes) +
    sizeOf(user.statsigEnvironment)
  return user.size
}
