import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import * as Disabled from "../../layers/UserAgentParser/Disabled.js"
import * as Statsig from "../../layers/UserAgentParser/Statsig.js"
import { type ParsedUserAgent, UserAgentParser } from "../../src/UserAgentParser.js"
import { userAgents } from "./support/userAgents.js"

const line = (parsed: ParsedUserAgent): string =>
  [parsed.osName, parsed.osVersion, parsed.browserName, parsed.browserVersion].join(" / ")

const check = (rows: ReadonlyArray<readonly [userAgent: string, expected: string]>) => {
  for (const [userAgent, expected] of rows) assert.strictEqual(line(Statsig.parse(userAgent)), expected, userAgent)
}

describe("UserAgentParser/Statsig", () => {
  it("parses what browsers, apps and crawlers send", () => {
    check([
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.86 Safari/537.36",
        "Windows / 10 / Chrome / 131.0.6778.86"
      ],
      ["Mozilla/5.0 (Windows NT 6.2) Gecko/20100101 Firefox/115.0", "Windows / 0.0.0 / Firefox / 115.0"],
      ["Mozilla/5.0 (Windows NT 6.3; rv:109.0) Gecko/20100101 Firefox/115.0", "Windows / 8.1 / Firefox / 115.0"],
      [
        "Mozilla/5.0 (Linux; Android 14; Foo 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.1 Mobile Safari/537.36",
        "Android / 14 / Chrome Mobile / 130.0.0.1"
      ],
      [
        "Mozilla/5.0 (Linux; Android 14; Foo 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.1 Mobile Safari/537.36",
        "Android / 14 / Chrome Mobile WebView / 130.0.0.1"
      ],
      [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        "iOS / 17.6.1 / Mobile Safari / 17.6"
      ],
      [
        "Mozilla/5.0 (iPad; CPU OS 16_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/119.0.6045.41 Mobile/15E148 Safari/604.1",
        "iOS / 16.2 / Chrome Mobile iOS / 119.0.6045.41"
      ],
      [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1.2 Safari/605.1.15",
        "Mac OS X / 10.15.7 / Safari / 18.1.2"
      ],
      [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/121 Version/12.3 Safari/605.1.16",
        "iOS / 0.0.0 / Chrome Mobile iOS / 121"
      ],
      [
        "Mozilla/5.0 (X11; CrOS x86_64 15117.112.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36",
        "Chrome OS / 15117.112.0 / Chrome / 109.0.0.0"
      ],
      [
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Ubuntu / 0.0.0 / Firefox / 120.0"
      ],
      ["Mozilla/5.0 (compatible; Examplebot/2.1; +http://example.com/bot.html)", "Other / 0.0.0 / Examplebot / 2.1"],
      ["MyShop/3.4.5 (42; iOS 18.1; iPhone15,2)", "iOS / 18.1 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["MyShop/77 CFNetwork/1410.0.3 Darwin/22.6.0", "iOS / 0.0.0 / MyShop / 77"],
      ["curl/8.5.0", "Other / 0.0.0 / Other / 0.0.0"],
      [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.7 Safari/537.36 Edg/131.0.2903.51",
        "Windows / 10 / Edge / 131.0.2903.51"
      ],
      ["Opera/9.80 (Windows NT 6.1; U; en) Presto/2.10.229 Version/11.62", "Windows / 7 / Opera / 9.80"],
      ["Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "Windows / XP / IE / 8.0"],
      ["Mozilla/5.0 (Mac OS 9.2; Linux) Foo/1", "Mac OS X / 9.2 / Other / 0.0.0"],
      ["", "Other / 0.0.0 / Other / 0.0.0"]
    ])
  })

  it("reads operating system phrases", () => {
    check([
      ["AppleTV11,1/11.1", "ATV OS X / 0.0.0 / Other / 0.0.0"],
      ["AppleTV Mac OS X 10.1", "ATV OS X / 0.0.0 / Other / 0.0.0"],
      ["like Mac OS X 10.1", "Other / 0.0.0 / Other / 0.0.0"],
      ["like Mac OS", "Other / 0.0.0 / Other / 0.0.0"],
      ["x like iPad", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["Mac OS X 10_15_7", "Mac OS X / 10.15.7 / Other / 0.0.0"],
      ["Mac OS X Firefox/3", "Mac OS X / 0.0.0 / Firefox / 3"],
      ["Mac OS 9.2 iPad Firefox/3", "Mac OS X / 9.2 / Firefox / 3"],
      ["Mac OS iPad Firefox/3", "Mac OS X / 0.0.0 / Firefox / 3"],
      ["Mac Firefox/3", "Other / 0.0.0 / Firefox / 3"],
      ["iOS 18.1 iPad Firefox/3", "iOS / 18.1 / Firefox / 3"],
      ["iOS Firefox/3 Chrome/2", "iOS / 0.0.0 / Chrome / 2"],
      ["iPadOS 17.2.1", "iOS / 17.2.1 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["iPadOS", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["iPhone OS 17_6_1", "iOS / 17.6.1 / Other / 0.0.0"],
      ["iPhone OS Firefox/3", "iOS / 0.0.0 / Firefox / 3"],
      ["iPad7,3iPadX CFNetwork/1", "iOS / 0.0.0 / iPad / 7.3"],
      ["iPad CFNetwork/1", "iOS / 0.0.0 / iPad / 0.0.0"],
      ["iPhone14,2/3 CFNetwork/1", "iOS / 0.0.0 / iPhone / 14.2"],
      ["iPhone", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["Apple-iPhone7C2/1202.466 CFNetwork/1", "iOS / 0.0.0 / iPhone / 0.0.0"],
      ["CPU OS 9_1", "Other / 0.0.0 / Other / 0.0.0"],
      ["iPad CPU OS 9_1", "iOS / 9.1 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["CrOS x86_64 15117.112.0", "Chrome OS / 15117.112.0 / Other / 0.0.0"],
      ["CrOS 15117.112.0", "Chrome OS / 15117.112.0 / Other / 0.0.0"],
      ["CrOS x86_64 Firefox/3", "Other / 0.0.0 / Firefox / 3"],
      ["CrKey 1.54", "Chromecast / 0.0.0 / Other / 0.0.0"],
      ["PlayStation 4 3.11 Silk/2", "Other / 0.0.0 / NetFront NX / 0.0.0"],
      ["Android 14", "Android / 14 / Android / 14"],
      ["Android Firefox/3", "Android / 0.0.0 / Firefox / 3"],
      ["Android-x86 5", "Android / 0.0.0 / Other / 0.0.0"],
      ["Windows Phone 8.1", "Windows Phone / 8.1 / Other / 0.0.0"],
      ["Windows Phone Firefox/3", "Other / 0.0.0 / Firefox / 3"],
      ["Windows NT 10.0", "Windows / 10 / Other / 0.0.0"],
      ["Windows NT Firefox/3", "Windows / 0.0.0 / Firefox / 3"],
      ["Windows XP 5.1", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows 5.1", "Windows / XP / Other / 0.0.0"],
      ["Windows-Update-Agent/7.6", "Windows / 0.0.0 / Other / 0.0.0"],
      ["MSIE 8.0", "Other / 0.0.0 / IE / 8.0"],
      ["MSIE", "Other / 0.0.0 / Other / 0.0.0"],
      ["Yahoo! Slurp 3.0", "Other / 0.0.0 / Yahoo! Slurp / 0.0.0"],
      ["Yahoo! Firefox/3", "Other / 0.0.0 / Firefox / 3"],
      ["Red Hat 7", "Red Hat / 0.0.0 / Other / 0.0.0"],
      ["Red Firefox/3", "Other / 0.0.0 / Firefox / 3"],
      ["Ubuntu 22.04", "Ubuntu / 22.04 / Other / 0.0.0"],
      ["Ubuntu", "Ubuntu / 0.0.0 / Other / 0.0.0"],
      ["Mobile Firefox/3.1", "Other / 0.0.0 / Firefox Mobile / 3.1"],
      ["Linux", "Linux / 0.0.0 / Other / 0.0.0"],
      ["linux", "Linux / 0.0.0 / Other / 0.0.0"],
      ["Linux/SmartTV", "Other / 0.0.0 / Other / 0.0.0"],
      ["Nintendo 3DS", "Other / 0.0.0 / NetFront NX / 0.0.0"],
      ["Nintendo Switch", "Other / 0.0.0 / Other / 0.0.0"],
      ["é iPad", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["éa/1 CFNetwork/2", "iOS / 0.0.0 / éa / 1"]
    ])
  })

  it("reads product names of browsers, apps and crawlers", () => {
    check([
      ["Better Uptime Bot 3", "Other / 0.0.0 / Better Uptime Bot / 0.0.0"],
      ["Radius Compilance Bot/2", "Other / 0.0.0 / Bot / 2"],
      ["AdsBot-Google-Mobile/3", "Other / 0.0.0 / AdsBot-Google-Mobile / 3"],
      ["Uptime Monitoring Bot", "Other / 0.0.0 / Uptime Monitoring Bot / 0.0.0"],
      ["Kindle/3.0", "Kindle / 3.0 / Kindle / 3.0"],
      ["Kindle", "Kindle / 0.0.0 / Other / 0.0.0"],
      ["Android 14 Kindle/3.0", "Android / 14 / Kindle / 3.0"],
      ["FxiOS/120.1", "Other / 0.0.0 / Firefox iOS / 120.1"],
      ["FxiOS", "Other / 0.0.0 / Other / 0.0.0"],
      ["Mac OS X 10_15 EdgiOS/121.2", "iOS / 0.0.0 / Edge Mobile / 121.2"],
      ["EdgiOS", "Other / 0.0.0 / Other / 0.0.0"],
      ["Mac OS X 10_15 CriOS/121.2", "iOS / 0.0.0 / Chrome Mobile iOS / 121.2"],
      ["CriOS", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["GSA/1.2", "Other / 0.0.0 / Google / 1.2"],
      ["SamsungBrowser/23.0", "Other / 0.0.0 / Samsung Internet / 23.0"],
      ["NX/4.1.2.3", "Other / 0.0.0 / NetFront NX / 4.1.2"],
      ["IEMobile/11.0", "Other / 0.0.0 / IE Mobile / 11.0"],
      ["YisouSpider/5.0", "Other / 0.0.0 / YisouSpider / 5.0"],
      ["ChatGPT-User/1.0", "Other / 0.0.0 / ChatGPT-User / 1.0"],
      ["OAI-SearchBot/1.0", "Other / 0.0.0 / OAI-SearchBot / 1.0"],
      ["OAI-SearchBot", "Other / 0.0.0 / Other / 0.0.0"],
      ["Electron/28.1.0", "Other / 0.0.0 / Electron / 28.1.0"],
      ["Edg/120.0.1.2", "Other / 0.0.0 / Edge / 120.0.1.2"],
      ["Edge/18", "Other / 0.0.0 / Edge / 18"],
      ["Edge/18 Mobile/15E148", "Other / 0.0.0 / Edge Mobile / 18"],
      ["OPR/106.0.1.2", "Other / 0.0.0 / Opera / 106.0.1"],
      ["OPR/106 Mobile", "Other / 0.0.0 / Opera Mobile / 106"],
      ["HuaweiBrowser/14 Chrome/99.1 Mobile", "Other / 0.0.0 / Chrome / 99.1"],
      ["Examplebot/2.1 Otherbot/3", "Other / 0.0.0 / Examplebot / 2.1"],
      ["mycrawler", "Other / 0.0.0 / mycrawler / 0.0.0"],
      ["Examplebot/2.1 IEMobile/11.0", "Other / 0.0.0 / IE Mobile / 11.0"],
      ["Safari/604.1", "Other / 0.0.0 / Safari / 0.0.0"],
      ["Version/17.6 Mobile Safari/604.1", "Other / 0.0.0 / Mobile Safari / 17.6"],
      ["Mac OS X 10_1 Version/17.6 Mobile Safari/604.1", "Mac OS X / 10.1 / Safari / 17.6"],
      ["MyShop/77 CFNetwork/1410 Darwin/22", "iOS / 0.0.0 / MyShop / 77"],
      ["NetworkingExtension/8 MyShop/77 CFNetwork/1410", "iOS / 0.0.0 / CFNetwork / 77"],
      ["NetworkingExtension/8 CFNetwork/1410", "iOS / 0.0.0 / CFNetwork / 0.0.0"],
      ["CFNetwork/1410", "iOS / 0.0.0 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["x/mycrawler", "Other / 0.0.0 / crawler / 0.0.0"],
      ["x/my-Crawler", "Other / 0.0.0 / Other / 0.0.0"],
      ["Android 14 OculusBrowser/30.0", "Android / 0.0.0 / Android / 14"],
      ["OculusBrowser", "Android / 0.0.0 / Other / 0.0.0"],
      ["Chrome/99.1 Version/4.0", "Other / 0.0.0 / Chrome Mobile WebView / 99.1"],
      ["Chrome/99.1", "Other / 0.0.0 / Chrome / 99.1"],
      ["Chrome Mobile", "Other / 0.0.0 / Chrome / 0.0.0"],
      ["Chrome Android 4", "Android / 4 / Android / 4"],
      ["HeadlessChrome/120.0", "Other / 0.0.0 / HeadlessChrome / 120.0"],
      ["axios/1.6.2", "Other / 0.0.0 / axios / 1.6.2"],
      ["Silk/100.1", "Other / 0.0.0 / Amazon Silk / 100.1"],
      ["YaBrowser/23.1.2.3", "Other / 0.0.0 / Yandex Browser / 23.1.2"],
      ["iPad Mac OS X Version/16.1", "iOS / 16.1 / Mobile Safari UI/WKWebView / 0.0.0"],
      ["Chromecast/3", "Chromecast / 0.0.0 / Other / 0.0.0"],
      ["/3.4 CFNetwork/1", "iOS / 0.0.0 / /3.4 / 3.4"],
      ["App:3/4 CFNetwork/1", "iOS / 0.0.0 / App / 3/4"]
    ])
  })

  it("writes versions as the official parser does", () => {
    check([
      ["Firefox/9", "Other / 0.0.0 / Firefox / 9"],
      ["Firefox/9.x", "Other / 0.0.0 / Firefox / 9."],
      ["Firefox/9.1x.2", "Other / 0.0.0 / Firefox / 9.1.2"],
      ["Firefox/1..2", "Other / 0.0.0 / Firefox / 1..2"],
      ["Firefox/10.", "Other / 0.0.0 / Firefox / 10"],
      ["Firefox/.", "Other / 0.0.0 / Firefox / "],
      ["Firefox/..", "Other / 0.0.0 / Firefox / ."],
      ["Firefox/_1_2", "Other / 0.0.0 / Firefox / 1.2"],
      ["Firefox/1_2_3", "Other / 0.0.0 / Firefox / 1.2.3"],
      ["Firefox/1,2,3", "Other / 0.0.0 / Firefox / 1.2.3"],
      ["Firefox/12.3.4.5.6", "Other / 0.0.0 / Firefox / 12.3.4.5"],
      ["Firefox/1.2.3.", "Other / 0.0.0 / Firefox / 1.2.3"],
      ["Firefox/1.2.3..", "Other / 0.0.0 / Firefox / 1.2.3."],
      ["Firefox/v1.2", "Other / 0.0.0 / Firefox / v1.2"],
      ["Firefox/é.1", "Other / 0.0.0 / Firefox / é.1"],
      ["Firefox/1.é", "Other / 0.0.0 / Firefox / 1."],
      ["Firefox/00.01", "Other / 0.0.0 / Firefox / 00.01"],
      ["Windows NT 5.0", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows NT 5.1", "Windows / XP / Other / 0.0.0"],
      ["Windows NT 5.2", "Windows / XP / Other / 0.0.0"],
      ["Windows NT 6.0", "Windows / Vista / Other / 0.0.0"],
      ["Windows NT 6.1", "Windows / 7 / Other / 0.0.0"],
      ["Windows NT 6.2", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows NT 6.3", "Windows / 8.1 / Other / 0.0.0"],
      ["Windows NT 6.4", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows NT 10.0", "Windows / 10 / Other / 0.0.0"],
      ["Windows NT 10", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows NT 11.0", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Windows XP", "Windows / 0.0.0 / Other / 0.0.0"],
      ["Opera/9.80.1.2.3", "Other / 0.0.0 / Opera / 9.80.1"],
      ["OPR/1.2.3.4", "Other / 0.0.0 / Opera / 1.2.3"],
      ["NX/1.2.3.4", "Other / 0.0.0 / NetFront NX / 1.2.3"],
      ["YaBrowser/1.2.3.4", "Other / 0.0.0 / Yandex Browser / 1.2.3"],
      ["Chrome/1.2.3.4.5", "Other / 0.0.0 / Chrome / 1.2.3.4"]
    ])
  })

  it("treats the names of object members like any others", () => {
    check([
      ["__proto__/1 CFNetwork/2", "iOS / 0.0.0 / proto / 1"],
      ["constructor/1 CFNetwork/2", "iOS / 0.0.0 / constructor / 1"],
      ["toString hasOwnProperty/2", "Other / 0.0.0 / Other / 0.0.0"],
      ["Windows NT __proto__", "Windows / 0.0.0 / Other / 0.0.0"]
    ])
  })

  it.effect("gives the same result with and without the memo, in any order and however often", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      const known = userAgents(3_000, 5)
      for (let asked = 0; asked < 9_000; asked++) {
        const userAgent = known[(asked * asked) % known.length]!
        assert.deepStrictEqual(parse(userAgent), Statsig.parse(userAgent))
      }
    }).pipe(Effect.provide(Statsig.layer))
  )

  it.effect("returns four texts for any text", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 3_000 })), userAgent => {
          const parsed = parse(userAgent)
          assert.deepStrictEqual(parsed, Statsig.parse(userAgent))
          assert.sameMembers(Object.keys(parsed!), ["osName", "osVersion", "browserName", "browserVersion"])
          for (const text of Object.values(parsed!)) assert.isString(text)
        }),
        { numRuns: 1_000 }
      )
    }).pipe(Effect.provide(Statsig.layer))
  )

  it.effect("memoises a result", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      assert.strictEqual(parse("Android 14"), parse(["Android", "14"].join(" ")))
    }).pipe(Effect.provide(Statsig.layer))
  )

  it("does not limit the length of a user agent", () => {
    const long = `${"Word/1.2 ".repeat(20_000)}Android 14`
    assert.strictEqual(line(Statsig.parse(long)), "Android / 14 / Android / 14")
  })
})

describe("UserAgentParser/Disabled", () => {
  it.effect("returns null", () =>
    Effect.gen(function* () {
      const { parse } = yield* UserAgentParser
      assert.isNull(parse("Android 14"))
    }).pipe(Effect.provide(Disabled.layer))
  )
})
