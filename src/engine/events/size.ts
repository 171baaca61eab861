/**
 * The approximate memory of waiting values, which bounds the event queue.
 *
 * A cheap estimate: a text counts one byte per character, which is correct for Latin letters in V8; others take two.
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

/** The bytes of a user, including private attributes, which wait too. Computed once. */
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
