/**
 * Keeps secrets out of everything that is written or shown.
 */
import * as Redacted from "effect/Redacted"

/** What remains to be seen of a key: `secret-`, if it begins so, and five letters or digits after it. */
const visible = (key: string): string => /^secret-[A-Za-z0-9]{0,5}/.exec(key)?.[0] ?? ""

/**
 * Makes a function that masks the SDK key in a text, and along with it whatever else looks like one, and the user
 * information of URLs.
 *
 * @internal
 */
export const masking = (sdkKey: Redacted.Redacted): ((text: string) => string) => {
  const key = Redacted.value(sdkKey).trim()
  return text =>
    (key === "" ? text : text.replaceAll(key, `${visible(key)}*****`))
      .replace(/(secret-[A-Za-z0-9]{0,5})[A-Za-z0-9]*(?:\*{5})?/g, "$1*****")
      .replace(/(\/\/)[^/?#\s@]*@/g, "$1*****@")
}
