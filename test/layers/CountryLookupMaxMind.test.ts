import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as MaxMind from "../../layers/CountryLookup/MaxMind.js"
import { CountryLookup } from "../../src/CountryLookup.js"
import { ipv6, mmdb } from "./support/mmdb.js"

const folder = mkdtempSync(join(tmpdir(), "mmdb-"))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const write = (bytes: Buffer): string => {
  const path = join(folder, `${files++}.mmdb`)
  writeFileSync(path, bytes)
  return path
}

const lookups = (bytes: Buffer, ips: ReadonlyArray<string>) =>
  CountryLookup.pipe(
    Effect.map(({ lookup }) => ips.map(lookup)),
    Effect.provide(MaxMind.layer({ path: write(bytes) }))
  )

const geoIp2 = (code: string) => ({ continent: { code: "NA" }, country: { iso_code: code, geoname_id: 1 } })

const fileOfBoth = mmdb(6, [
  ["8.8.8.0/24", geoIp2("US")],
  ["81.2.69.0/24", geoIp2("GB")],
  [ipv6("2001:4860"), geoIp2("DE")]
])

describe("CountryLookup/MaxMind", () => {
  it.effect("finds addresses of both versions", () =>
    Effect.gen(function* () {
      const found = yield* lookups(fileOfBoth, ["8.8.8.8", "81.2.69.160", "2001:4860:4860::8888", "9.9.9.9", "2a00::1"])
      assert.deepStrictEqual(found, ["US", "GB", "DE", null, null])
    })
  )

  it.effect("finds IPv4 addresses written as IPv6", () =>
    Effect.gen(function* () {
      const forms = ["::ffff:8.8.8.8", "::FFFF:808:808", "0:0:0:0:0:ffff:0808:0808", "0::ffff:8.8.8.8"]
      assert.deepStrictEqual(yield* lookups(fileOfBoth, forms), ["US", "US", "US", "US"])
      const fileOfIpv4 = mmdb(4, [["8.8.8.0/24", geoIp2("US")]])
      assert.deepStrictEqual(yield* lookups(fileOfIpv4, forms), ["US", "US", "US", "US"])
    })
  )

  it.effect("returns no country for IPv6 in an IPv4 file", () =>
    Effect.gen(function* () {
      // its first 32 bits read as IPv4 are 32.1.72.96
      const file = mmdb(4, [["32.1.0.0/16", geoIp2("FR")]])
      assert.deepStrictEqual(yield* lookups(file, ["32.1.72.96", "2001:4860:4860::8888"]), ["FR", null])
    })
  )

  it.effect("returns null for text that is not an address", () =>
    Effect.gen(function* () {
      const texts = [
        "",
        "x",
        "8.8.8",
        "8.8.8.8.8",
        " 8.8.8.8",
        "8.8.8.8 ",
        "08.8.8.8",
        "8.8.8.8:443",
        "+8.8.8.8",
        "256.8.8.8"
      ]
      texts.push(
        "8.8.8.8, 1.1.1.1",
        "[2001:4860::1]",
        "2001:4860:4860::8888%eth0",
        "2001:4860::1/64",
        "0x8.8.8.8",
        "134744072"
      )
      assert.deepStrictEqual(
        yield* lookups(fileOfBoth, texts),
        texts.map(() => null)
      )
    })
  )

  it.effect("reads the records of several vendors, and accepts only two letters", () =>
    Effect.gen(function* () {
      const file = mmdb(4, [
        ["1.0.0.0/16", { country: { iso_code: "us" } }],
        ["2.0.0.0/16", { country_code: "CA" }],
        ["3.0.0.0/16", { country: "BR" }],
        ["4.0.0.0/16", { country_code: "NL", country: { iso_code: "BE" } }],
        ["5.0.0.0/16", { country: "Norway", country_code: "NO" }],
        ["6.0.0.0/16", { registered_country: { iso_code: "SE" }, continent: { code: "EU" } }],
        ["7.0.0.0/16", { country: { iso_code: "USA" } }],
        ["8.0.0.0/16", { country: { names: { en: "Norway" } } }],
        ["9.0.0.0/16", "US"],
        ["10.0.0.0/16", 7],
        ["11.0.0.0/16", ["US"]],
        ["12.0.0.0/16", { country: 7, country_code: true }]
      ])
      const ips = Array.from({ length: 12 }, (_, at) => `${at + 1}.0.0.1`)
      const expected = ["US", "CA", "BR", "BE", "NO", null, null, null, null, null, null, null]
      assert.deepStrictEqual(yield* lookups(file, ips), expected)
    })
  )

  const refused: ReadonlyArray<readonly [name: string, path: () => string]> = [
    ["missing", () => join(folder, "missing.mmdb")],
    ["a folder", () => folder],
    ["empty", () => write(Buffer.alloc(0))],
    ["text", () => write(Buffer.from("not a database ".repeat(100)))],
    ["compressed", () => write(gzipSync(fileOfBoth))],
    ["cut off within the metadata", () => write(fileOfBoth.subarray(0, -40))],
    ["cut off before the metadata", () => write(fileOfBoth.subarray(0, 300))],
    ["without a type", () => write(mmdb(4, [["8.8.8.0/24", geoIp2("US")]], { database_type: "" }))],
    ["with another record size", () => write(mmdb(4, [["8.8.8.0/24", geoIp2("US")]], { record_size: 25 }))],
    ["without nodes", () => write(mmdb(4, [["8.8.8.0/24", geoIp2("US")]], { node_count: 0 }))]
  ]
  for (const [name, path] of refused) {
    it.effect(`names a file that is ${name}`, () =>
      Effect.gen(function* () {
        const file = path()
        const error = yield* Effect.flip(Effect.provide(CountryLookup, MaxMind.layer({ path: file })))
        assert.strictEqual(error._tag, "LayerError")
        assert.strictEqual(error.layer, "CountryLookup/MaxMind")
        assert.include(error.message, file)
      })
    )
  }

  it.effect("returns null where the reader throws, and warns once", () =>
    Effect.gen(function* () {
      const damaged = Buffer.from(
        mmdb(4, [
          ["8.8.8.0/24", geoIp2("US")],
          ["9.0.0.0/8", geoIp2("GB")]
        ])
      )
      // the record of 8.8.8.0/24 becomes a pointer past the end of the file
      const at = damaged.indexOf("continent") - 2
      damaged.set([0x38, 0xff, 0xff, 0xff, 0xff], at)
      const messages: Array<unknown> = []
      const logger = Logger.make(({ message, logLevel }) => {
        if (logLevel.label === "WARN") messages.push(message)
      })
      const path = write(damaged)
      const found = yield* CountryLookup.pipe(
        Effect.flatMap(({ lookup }) => {
          const answers = ["8.8.8.8", "8.8.8.9", "9.1.1.1"].map(lookup)
          return Effect.as(Effect.yieldNow(), answers)
        }),
        Effect.provide(MaxMind.layer({ path })),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.deepStrictEqual(found, [null, null, "GB"])
      assert.strictEqual(messages.length, 1)
      assert.include(String(messages[0]), path)
    })
  )

  it.effect("never throws over a file with flipped bits", () =>
    Effect.gen(function* () {
      const silent = Logger.replace(Logger.defaultLogger, Logger.none)
      for (let bit = 0; bit < fileOfBoth.length * 8; bit += 29) {
        const damaged = Buffer.from(fileOfBoth)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        const found = yield* lookups(damaged, ["8.8.8.8", "81.2.69.160", "2001:4860::1", "1.1.1.1"]).pipe(
          Effect.catchTag("LayerError", () => Effect.succeed([])),
          Effect.provide(silent)
        )
        for (const code of found) assert.isTrue(code === null || /^[A-Z]{2}$/.test(code!))
      }
    })
  )

  it.effect("says what to install", () =>
    Effect.gen(function* () {
      vi.doMock("maxmind", () => {
        throw new Error("Cannot find package 'maxmind'")
      })
      const error = yield* Effect.flip(Effect.provide(CountryLookup, MaxMind.layer({ path: write(fileOfBoth) })))
      vi.doUnmock("maxmind")
      assert.strictEqual(error._tag, "LayerError")
      assert.include(error.message, "npm install maxmind")
    })
  )
})
