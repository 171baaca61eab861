/**
 * Keeps secrets out of everything that is written or shown.
 */
import * as Redacted from "effect/Redacted"

/** The visible part of a key: `secret-`, if it starts so, and five letters or digits after it. */
const visible = (key: string): string => /^secret-[A-Za-z0-9]{0,5}/.exec(key)?.[0] ?? ""

/**
 * What is wrong with an SDK key that every Statsig server rejects; `undefined` if it may be valid. It never shows the
 * key.
 */
export const sdkKeyProblem = (sdkKey: Redacted.Redacted): string | undefined => {
  const key = Redacted.value(sdkKey)
  return /^secret-(?!.*\s$)/s.test(key)
    ? undefined
    : `sdkKey: expected a server secret key, which begins with "secret-", got ${kindOfKey(key)}`
}

const kindOfKey = (key: string): string => {
  if (key.trim() === "") return "an empty text"
  if (key.startsWith("client-")) return "a client key"
  if (key.trim().startsWith("secret-")) return "one with white space at its beginning or end"
  return key.startsWith("console-") ? "a console key" : "a text that begins otherwise"
}

/**
 * Makes a function that masks the SDK key in a text, anything else that looks like one, and the user information of
 * URLs.
 */
export const masking = (sdkKey: Redacted.Redacted): ((text: string) => string) => {
  const key = Redacted.value(sdkKey).trim()
  return text =>
    (key === "" ? text : text.replaceAll(key, `${visible(key)}*****`))
      .replace(/(secret-[A-Za-z0-9]{1,5})[A-Za-z0-9]*(?:\*{5})?/g, "$1*****")
      .replace(/(\/\/)[^/?#\s@]*@/g, "$1*****@")
}
