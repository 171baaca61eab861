/**
 * Countries of IPv4 and IPv6 addresses from your own MMDB file (GeoIP2, GeoLite2, DB-IP, IPinfo), read by the package
 * `maxmind`, an optional peer dependency.
 *
 * The results are fresher than those of the default table, and differ: about one IPv4 address in fifteen has another
 * country than in the official SDKs.
 *
 * The reader checks little: it returns results for texts that are not addresses, and wrong ones for an IPv6 address in
 * an IPv4 file; a damaged file, which has no checksum, makes it throw in the middle of a lookup. This module guards
 * against all of that.
 *
 * @since 0.1.0
 */
import { isIP } from "node:net"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CountryLookup } from "../../src/CountryLookup.js"
import { LayerError } from "../../src/StatsigError.js"

/** The country fields in the files of the various vendors. */
interface CountryRecord {
  readonly country?: unknown
  readonly country_code?: unknown
}

const codeOf = (record: CountryRecord | null): string | null => {
  const country = record?.country
  const code = [
    (country as { readonly iso_code?: unknown } | null | undefined)?.iso_code,
    record?.country_code,
    country
  ].find(code => typeof code === "string" && /^[A-Za-z]{2}$/.test(code))
  return typeof code === "string" ? code.toUpperCase() : null
}

const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

/**
 * The address in the form to look up. Null if it is not an address, has a zone, or is IPv6 and the file is not. An IPv4
 * address in IPv6 form becomes IPv4 again.
 */
const normalise = (ip: string, fileVersion: number): string | null => {
  const version = isIP(ip)
  if (version === 4) return ip
  if (version === 0 || ip.includes("%")) return null
  const groups = mapped.exec(new URL(`http://[${ip}]`).hostname)
  if (groups === null) return fileVersion === 4 ? null : ip
  const [high, low] = [Number.parseInt(groups[1]!, 16), Number.parseInt(groups[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

const failure = (message: string) => (cause: unknown) =>
  new LayerError({ layer: "CountryLookup/MaxMind", message, cause })

/**
 * The location of the table.
 *
 * @since 0.1.0
 */
export interface MaxMindOptions {
  /** The MMDB file. */
  readonly path: string
}

/**
 * A lookup in the MMDB file at `path`, which is read once, in full, when the layer is built.
 *
 * Fails with a `LayerError` if `maxmind` is not installed or if the file is missing or not an MMDB. If the reader
 * throws later, on a damaged part of the file, the address has no country; the first error is logged as a warning.
 *
 * @since 0.1.0
 */
export const layer = (options: MaxMindOptions): Layer.Layer<CountryLookup, LayerError> =>
  Layer.scoped(
    CountryLookup,
    Effect.gen(function* () {
      const { open } = yield* Effect.tryPromise({
        try: () => import("maxmind"),
        catch: failure("The package maxmind cannot be loaded. Install it: npm install maxmind@5")
      })
      const reader = yield* Effect.tryPromise({
        try: async () => {
          const reader = await open(options.path)
          const { databaseType, nodeCount } = reader.metadata
          if (typeof databaseType === "string" && databaseType !== "" && nodeCount > 0) return reader
          throw new Error("The metadata is damaged")
        },
        catch: failure(`The file ${options.path} cannot be read as an MMDB`)
      })
      const damage = yield* Deferred.make<unknown>()
      yield* Deferred.await(damage).pipe(
        Effect.andThen(error =>
          Effect.logWarning(`The file ${options.path} is damaged: some addresses have no country`, error)
        ),
        Effect.forkScoped
      )
      const lookup = (ip: string): string | null => {
        const address = normalise(ip, reader.metadata.ipVersion)
        if (address === null) return null
        try {
          return codeOf(reader.get(address) as CountryRecord | null)
        } catch (error) {
          Deferred.unsafeDone(damage, Effect.succeed(error))
          return null
        }
      }
      return { lookup }
    })
  )
