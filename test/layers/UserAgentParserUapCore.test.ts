import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import * as UapCore from "../../layers/UserAgentParser/UapCore.js"
import { generate } from "../../scripts/generate-uap-rules.js"
import { type ParsedUserAgent, UserAgentParser } from "../../src/UserAgentParser.js"
import { userAgents } from "./support/userAgents.js"

const line = (parsed: ParsedUserAgent | null | undefined): string | null =>
  parsed ? [parsed.osName, parsed.osVersion, parsed.browserName, parsed.browserVersion].join(" / ") : null

const check = (rows: ReadonlyArray<readonly [userAgent: string, expected: string]>) => {
  const { parse } = UapCore
  for (const [userAgent, expected] of rows) assert.strictEqual(line(parse(userAgent)), expected, userAgent)
}

describe("UserAgentParser/UapCore", () => {
  it("parses what browsers, apps and crawlers send", () => {
    check([
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.86 Safari/537.36",
        "Windows / 10.0.0 / Chrome / 131.0.6778"
      ],
      ["Mozilla/5.0 (Windows NT 6.2) Gecko/20100101 Firefox/115.0", "Windows / 8.0.0 / Firefox / 115.0.0"],
      ["Mozilla/5.0 (Windows NT 6.3; rv:109.0) Gecko/20100101 Firefox/115.0", "Windows / 8.1.0 / Firefox / 115.0.0"],
      [
        "Mozilla/5.0 (Linux; Android 14; Foo 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.1 Mobile Safari/537.36",
        "Android / 14.0.0 / Chrome Mobile / 130.0.0"
      ],
      [
        "Mozilla/5.0 (Linux; Android 14; Foo 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.1 Mobile Safari/537.36",
        "Android / 14.0.0 / Chrome Mobile WebView / 130.0.0"
      ],
      [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        "iOS / 17.6.1 / Mobile Safari / 17.6.0"
      ],
      [
        "Mozilla/5.0 (iPad; CPU OS 16_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/119.0.6045.41 Mobile/15E148 Safari/604.1",
        "iOS / 16.2.0 / Chrome Mobile iOS / 119.0.6045"
      ],
      [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1.2 Safari/605.1.15",
        "Mac OS X / 10.15.7 / Safari / 18.1.2"
      ],
      [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/121 Version/12.3 Safari/605.1.16",
        "iOS / 0.0.0 / Chrome Mobile iOS / 121.0.0"
      ],
      [
        "Mozilla/5.0 (X11; CrOS x86_64 15117.112.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36",
        "Chrome OS / 15117.112.0 / Chrome / 109.0.0"
      ],
      [
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Ubuntu / 0.0.0 / Firefox / 120.0.0"
      ],
      ["Mozilla/5.0 (compatible; Examplebot/2.1; +http://example.com/bot.html)", "Other / 0.0.0 / Examplebot / 2.1.0"],
      ["MyShop/3.4.5 (42; iOS 18.1; iPhone15,2)", "iOS / 18.1.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["MyShop/77 CFNetwork/1410.0.3 Darwin/22.6.0", "iOS / 16.0.0 / MyShop / 77.0.0"],
      ["curl/8.5.0", "Other / 0.0.0 / curl / 8.5.0"],
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.7 Safari/537.36 Edg/131.0.2903.51",
        "Windows / 10.0.0 / Edge / 131.0.2903"
      ],
      ["Opera/9.80 (Windows NT 6.1; U; en) Presto/2.10.229 Version/11.62", "Windows / 7.0.0 / Opera / 11.62.0"],
      ["Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "Windows / XP.0.0 / IE / 8.0.0"],
      ["Mozilla/5.0 (Mac OS 9.2; Linux) Foo/1", "Linux / 0.0.0 / Other / 0.0.0"],
      ["", "Other / 0.0.0 / Other / 0.0.0"]
    ])
  })

  it("includes the rules that differ from uap-core", () => {
    check([
      ["Mozilla/5.0 (compatible; GPTBot/1.2)", "Other / 0.0.0 / GPTBot / 1.2.0"],
      ["GoogleOther/2", "Other / 0.0.0 / GoogleOther / 2.0.0"],
      ["CriOS/121", "Other / 0.0.0 / Chrome Mobile iOS / 121.0.0"],
      ["EdgiOS/121", "Other / 0.0.0 / Edge Mobile / 121.0.0"],
      ["EdgA/121.2", "Other / 0.0.0 / Edge Mobile / 121.2.0"],
      ["Intel Mac OS X 10_15_7 CriOS/121", "iOS / 0.0.0 / Chrome Mobile iOS / 121.0.0"],
      ["Intel Mac OS X 10_15_7 EdgiOS/121", "iOS / 0.0.0 / Edge Mobile / 121.0.0"],
      ["App/1 CFNetwork/1400 Darwin/22.3.0", "iOS / 16.3.0 / App / 1.0.0"],
      ["App/1 CFNetwork/1400 Darwin/22.6.0", "iOS / 16.0.0 / App / 1.0.0"],
      ["App/1 CFNetwork/1490 Darwin/23.5.0", "iOS / 17.5.0 / App / 1.0.0"],
      ["App/1 CFNetwork/1490 Darwin/23.6.0", "iOS / 17.0.0 / App / 1.0.0"],
      ["App/1 CFNetwork/1568 Darwin/24.2.0", "iOS / 18.2.0 / App / 1.0.0"],
      ["App/1 CFNetwork/1568 Darwin/25.0.0", "iOS / 0.0.0 / App / 1.0.0"],
      ["/1 CFNetwork/1400", "Other / 0.0.0 / CFNetwork / 0.0.0"],
      ["x  Bot;", "Other / 0.0.0 / x  Bot / 0.0.0"],
      ["Windows Vista", "Windows / Vista.0.0 / Other / 0.0.0"],
      ["WinNT4.0", "Windows / NT 4.0.0.0 / Other / 0.0.0"],
      ["Minefield/3.0", "Other / 0.0.0 / Firefox (Minefield) / 3.0.0"]
    ])
  })

  it("matches digits, letters and spaces of all scripts, and counts characters", () => {
    check([
      ["Chrome/1٣.2", "Other / 0.0.0 / Chrome / 1٣.2.0"],
      ["AppleTV/٣.4", "ATV OS X / ٣.4.0 / Other / 0.0.0"],
      ["Apple\u00a0TV/2.1", "ATV OS X / 2.1.0 / Other / 0.0.0"],
      ["Apple\ufeffTV/2.1", "Other / 0.0.0 / Other / 0.0.0"],
      ["語iOS/4.22", "Other / 0.0.0 / Other / 0.0.0"],
      ["Amazonboté v116.16", "Other / 0.0.0 / Other / 0.0.0"],
      ["PLAYSTATION 3\rWebKit", "Other / 0.0.0 / NetFront NX / 0.0.0"],
      ["PLAYSTATION 3\nWebKit", "Other / 0.0.0 / NetFront / 0.0.0"],
      [`PLAYSTATION 3${"🙂".repeat(200)}WebKit`, "Other / 0.0.0 / NetFront NX / 0.0.0"],
      [`PLAYSTATION 3${"🙂".repeat(201)}WebKit`, "Other / 0.0.0 / NetFront / 0.0.0"]
    ])
  })

  it("parses at most 1,000 bytes", () => {
    const { parse } = UapCore
    const one = "Chrome/1.2 ".padEnd(1_000, "x")
    const two = `Chrome/1.2 ${"é".repeat(494)}x`
    assert.strictEqual(Buffer.byteLength(one), 1_000)
    assert.strictEqual(Buffer.byteLength(two), 1_000)
    for (const userAgent of [one, two]) {
      assert.strictEqual(line(parse(userAgent)), "Other / 0.0.0 / Chrome / 1.2.0")
      assert.isNull(parse(`${userAgent}x`))
    }
  })

  it.effect("gives the same result with and without the memo", () =>
    Effect.gen(function* () {
      const memoized = (yield* UserAgentParser).parse
      const { parse } = UapCore
      const known = userAgents(1_200, 6)
      const answers = known.map(parse)
      for (let asked = 0; asked < 3_000; asked++) {
        const at = (asked * asked) % known.length
        assert.deepStrictEqual(memoized(known[at]!), answers[at])
      }
    }).pipe(Effect.provide(UapCore.layer))
  )

  it.effect("returns four texts or null for any text", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 1_500 })), userAgent => {
          const parsed = parse(userAgent)
          if (parsed === null) return assert.isAbove(Buffer.byteLength(userAgent), 1_000)
          for (const text of Object.values(parsed!)) assert.isString(text)
        }),
        { numRuns: 200 }
      )
    }).pipe(Effect.provide(UapCore.layer))
  )

  it("has the rules that its script generates", () => {
    const generated = new URL("../../layers/internal/uapRules.generated.ts", import.meta.url)
    assert.strictEqual(readFileSync(generated, "utf8"), generate())
  })
})
