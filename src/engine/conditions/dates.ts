/**
 * Date texts, parsed as by Rust's `chrono` 0.4, which the official SDK uses.
 *
 * A text is tried as RFC 3339 first, then in the form `%Y-%m-%d %H:%M:%S`, taken as UTC. In the second form numbers
 * need no leading zeros, white space may precede each number, and none is needed between the date and the time.
 */

/** The fraction has any number of digits. The sign of the offset may also be the minus sign U+2212. */
const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([-+\u2212])([01]\d|2[0-3]):([0-5]\d))$/

/** A signed year has any number of digits. The day takes two digits if there are two. */
const lenient =
  /^\p{White_Space}*([-+]\d+|\d{1,4})-\p{White_Space}*(\d{1,2})-\p{White_Space}*(\d\d|\d(?!\d))\p{White_Space}*(\d{1,2}):\p{White_Space}*(\d{1,2}):\p{White_Space}*(\d{1,2})$/u

/** The years that `chrono` can hold. */
const firstYear = -262_143
const lastYear = 262_142

/** Epoch milliseconds of a date text; `undefined` for any other text. */
export const parseDate = (text: string): number | undefined => {
  const exact = rfc3339.exec(text)
  if (exact === null) {
    const loose = lenient.exec(text)
    return loose === null ? undefined : millisOf(loose)
  }
  const millis = millisOf(exact)
  if (millis === undefined) return undefined
  const [, , , , , , , fraction, sign, hours, minutes] = exact
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === "+" ? 60_000 : -60_000)
  return millis + (fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"))) - offset
}

/** The UTC time of the first six groups. Second 60 is a leap second. */
const millisOf = ([, year, month, day, hour, minute, second]: RegExpExecArray): number | undefined => {
  if (Number(year) < firstYear || Number(year) > lastYear) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  const date = new Date(0)
  const midnight = date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  // A month or day that does not exist overflows into another month.
  if (date.getUTCMonth() !== Number(month) - 1) return undefined
  return midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000
}
