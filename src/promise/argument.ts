/**
 * Argument checks: each returns the value in the right type, or throws an error with the official package's `code`.
 */

/** Why an argument was rejected. */
export type ArgumentCode = "InvalidArg" | "StringExpected" | "BooleanExpected" | "NumberExpected" | "GenericFailure"

/** An error with a `code`, to be thrown. */
export const argumentError = (code: ArgumentCode, message: string): Error => Object.assign(new Error(message), { code })

/** The error of the official package when an object is missing. */
export const missingObject = (): TypeError => new TypeError("Cannot convert undefined or null to object")

const shownArgument = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "an array" : typeof value

/** A string. `where` names the argument in the error. */
export const asText = (value: unknown, where: string): string => {
  if (typeof value === "string") return value
  throw argumentError("StringExpected", `${where}: expected a string, got ${shownArgument(value)}`)
}

/** A boolean. */
export const asFlag = (value: unknown, where: string): boolean => {
  if (typeof value === "boolean") return value
  throw argumentError("BooleanExpected", `${where}: expected a boolean, got ${shownArgument(value)}`)
}

const asNumber = (value: unknown, where: string): number => {
  if (typeof value === "number") return value
  throw argumentError("NumberExpected", `${where}: expected a number, got ${shownArgument(value)}`)
}

/** A number as an unsigned 32-bit integer: fractions are truncated, values without an integer count as 0. */
export const asUnsigned = (value: unknown, where: string): number => asNumber(value, where) >>> 0

/** A number as an integer: fractions are truncated, values without an integer count as 0. */
export const asInteger = (value: unknown, where: string): number => {
  const number = asNumber(value, where)
  return Number.isFinite(number) ? Math.trunc(number) : 0
}

/** Anything may have been thrown, for example by a getter of the program. */
export const problemOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return "an argument threw what is no text"
  }
}
