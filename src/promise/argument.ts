/**
 * Checks of what a program hands over: the right type comes back, anything else throws an error with the `code` that the
 * official package gives for it.
 */

/** Why an argument was refused. */
export type ArgumentCode = "InvalidArg" | "StringExpected" | "BooleanExpected" | "NumberExpected" | "GenericFailure"

/** An error with a `code`, to be thrown. */
export const argumentError = (code: ArgumentCode, message: string): Error => Object.assign(new Error(message), { code })

/** What the official package throws where it needs an object and finds none. */
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

/** A number as an unsigned 32-bit integer: fractions are cut off, what has no integer counts as 0. */
export const asUnsigned = (value: unknown, where: string): number => asNumber(value, where) >>> 0

/** A number as an integer: fractions are cut off, what has no integer counts as 0. */
export const asInteger = (value: unknown, where: string): number => {
  const number = asNumber(value, where)
  return Number.isFinite(number) ? Math.trunc(number) : 0
}

/** What was thrown may be anything: a getter of the program's own may have done it. */
export const problemOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return "an argument threw what is no text"
  }
}
