/** Where two results differ. */

/**
 * The path to the first place where the two differ, `undefined` when they are equal. The order of keys is ignored, and
 * so is a member named `__proto__`: the official package loses it on its way to JavaScript.
 */
export const difference = (expected: unknown, actual: unknown, path = ""): string | undefined => {
  if (Object.is(expected, actual)) return undefined
  if (typeof expected !== "object" || typeof actual !== "object" || expected === null || actual === null) return path
  if (Array.isArray(expected) !== Array.isArray(actual)) return path
  const keys = keysOf(expected)
  if (keysOf(actual).length !== keys.length) return path
  for (const key of keys) {
    if (!Object.hasOwn(actual, key)) return `${path}.${key}`
    const found = difference(
      (expected as Record<string, unknown>)[key],
      (actual as Record<string, unknown>)[key],
      `${path}.${key}`
    )
    if (found !== undefined) return found
  }
  return undefined
}

const keysOf = (value: object): ReadonlyArray<string> => Object.keys(value).filter(key => key !== "__proto__")
