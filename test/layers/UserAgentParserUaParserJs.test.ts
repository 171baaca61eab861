import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { parse as parseOfficially } from "../../layers/UserAgentParser/Statsig.js"
import * as UaParserJs from "../../layers/UserAgentParser/UaParserJs.js"
import { UserAgentParser } from "../../src/UserAgentParser.js"

describe("UserAgentParser/UaParserJs", () => {
  it.effect("gives the default parser's results for common user agents", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      const webKit = "AppleWebKit/537.36 (KHTML, like Gecko)"
      const apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
      for (const userAgent of [
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/131.0.6778.86 Safari/537.36`,
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/131.0.0.7 Safari/537.36 Edg/131.0.2903.51`,
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/131.0.0.0 Safari/537.36 OPR/116.0.0.0`,
        `Mozilla/5.0 (Windows NT 10.0) ${webKit} Chrome/122.0.0.0 YaBrowser/24.4.1.2 Safari/537.36`,
        `Mozilla/5.0 (Windows NT 6.1; Win64; x64) ${webKit} Chrome/122.0.0.0 Vivaldi/6.6 Safari/537.36`,
        "Mozilla/5.0 (Windows NT 6.2) Gecko/20100101 Firefox/115.0",
        "Mozilla/5.0 (Windows NT 6.3; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
        `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${apple} Version/18.1.2 Safari/605.1.15`,
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; SunOS sun4u; rv:120.0) Gecko/20100101 Firefox/120.0",
        `Mozilla/5.0 (X11; CrOS x86_64 15117.112.0) ${webKit} Chrome/109.0.0.0 Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 14; Foo 9) ${webKit} Chrome/130.0.0.1 Mobile Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 14; Foo 9; wv) ${webKit} Version/4.0 Chrome/130.0.0.1 Mobile Safari/537.36`,
        `Mozilla/5.0 (Linux; Android 13; SM-A5) ${webKit} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36`,
        "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
        `Mozilla/5.0 (Linux; Android 9; KFTRWI) ${webKit} Silk/108.4.6 like Chrome/108.0.5359.160 Safari/537.36`,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) ${apple} Version/17.6 Mobile/15E148 Safari/604.1`,
        `Mozilla/5.0 (iPad; CPU OS 16_2 like Mac OS X) ${apple} CriOS/119.0.6045.41 Mobile/15E148 Safari/604.1`,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 16_2 like Mac OS X) ${apple} FxiOS/120.0 Mobile/15E148 Safari/605.1.15`,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 16_2 like Mac OS X) ${apple} EdgiOS/120.0.1 Mobile/15E148 Safari/605.1.15`,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 16_2 like Mac OS X) ${apple} GSA/290.0.1 Mobile/15E148 Safari/604.1`,
        `Mozilla/5.0 (iPhone; CPU iPhone OS 16_2 like Mac OS X) ${apple} Mobile/15E148`,
        "Mozilla/5.0 (compatible; Examplebot/2.1; +http://example.com/bot.html)",
        `Mozilla/5.0 (Linux; Android 6.0.1) ${webKit} Chrome/99.0.0.1 Mobile Safari/537.36 (compatible; Googlebot/2.1)`,
        `Mozilla/5.0 ${webKit} HeadlessChrome/120.0.0.0 Safari/537.36`,
        "curl/8.5.0",
        ""
      ]) {
        assert.deepStrictEqual(parse(userAgent), parseOfficially(userAgent), userAgent)
      }
    }).pipe(Effect.provide(UaParserJs.layer))
  )

  it.effect("returns four texts for any text", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 3_000 })), userAgent => {
          for (const text of Object.values(parse(userAgent)!)) assert.isString(text)
        }),
        { numRuns: 150 }
      )
    }).pipe(Effect.provide(UaParserJs.layer))
  )

  it.effect("says what to install", () => {
    vi.doMock("ua-parser-js", () => {
      throw new Error("Cannot find package 'ua-parser-js'")
    })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(UserAgentParser, UaParserJs.layer))
      vi.doUnmock("ua-parser-js")
      assert.strictEqual(error._tag, "LayerError")
      assert.strictEqual(error.layer, "UserAgentParser/UaParserJs")
      assert.include(error.message, "npm install ua-parser-js@1.0.41")
    })
  })
})
