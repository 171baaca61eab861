/**
 * Generates user agents for the parser tests: realistic ones from the parts that browsers, apps, crawlers and libraries
 * use, damaged ones, and mixtures of the words that the parsers know. Equal seeds give equal lists.
 */

import { Random } from "../../conformance/support/random.js"

class Maker extends Random {
  /** `1` to `parts` numbers, joined. */
  version(parts = 4, separator = "."): string {
    return Array.from({ length: 1 + this.below(parts) }, (_, at) => this.below(at === 0 ? 140 : 30)).join(separator)
  }

  chromeVersion(): string {
    return this.pick([
      `${this.below(140)}.0.${this.below(9000)}.${this.below(200)}`,
      `${this.below(140)}.0.0.0`,
      this.version()
    ])
  }

  system(): string {
    return this.pick([
      () => `Windows NT ${this.pick(["10.0", "6.3", "6.2", "6.1", "6.0", "5.2", "5.1", "5.0", "4.0"])}; Win64; x64`,
      () => `Windows NT ${this.pick(["10.0", "6.1"])}${this.pick(["", "; WOW64", "; ARM"])}; rv:${this.version(2)}`,
      () =>
        this.pick([
          "Windows 98",
          "Windows XP",
          "Windows CE",
          "Windows; U; Win98; en-US",
          "Windows XP 5.1",
          "Windows Mobile"
        ]),
      () =>
        `Windows Phone ${this.pick(["", "OS "])}${this.version(2)}; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520`,
      () =>
        `Macintosh; Intel Mac OS X ${this.version(3, this.pick(["_", "."]))}${this.pick(["", "; rv:109.0", "; en-us"])}`,
      () => `Macintosh; ${this.pick(["PPC Mac OS X", "U; PPC Mac OS X Mach-O; en", "Intel Mac OS X"])}`,
      () => `iPhone; CPU iPhone OS ${this.version(3, "_")} like Mac OS X${this.pick(["", "; en-us"])}`,
      () => `iPad; ${this.pick(["", "U; "])}CPU OS ${this.version(3, "_")} like Mac OS X`,
      () => `iPod touch; CPU iPhone OS ${this.version(2, "_")} like Mac OS X`,
      () => `iPhone; ${this.pick(["iOS", "iPadOS"])} ${this.version(3)}; Scale/${this.version(2)}`,
      () =>
        `Linux; ${this.pick(["", "U; "])}Android ${this.version(3)}; ${this.device()}${this.pick(["", " Build/ABC.123", "; wv"])}`,
      () => `Android ${this.version(2)}; ${this.pick(["Mobile", "Tablet"])}; rv:${this.version(2)}`,
      () => `Linux; Android ${this.pick(["Donut", "Eclair", "Froyo", "Gingerbread", "Honeycomb"])}`,
      () =>
        `X11; ${this.pick(["Linux x86_64", "Ubuntu; Linux x86_64", "Fedora; Linux x86_64", "Linux i686; U;", "FreeBSD amd64", "OpenBSD i386", "SunOS sun4u", "Linux aarch64"])}; rv:${this.version(2)}`,
      () => `X11; CrOS ${this.pick(["x86_64", "armv7l", "aarch64"])} ${this.version(3)}`,
      () => `X11; Linux armv7l) (CrKey ${this.version(2)}`,
      () => `Linux; Tizen ${this.version(2)}; SAMSUNG SM-Z400`,
      () => `Web0S; Linux/SmartTV`,
      () => `PlayStation ${this.pick(["4", "5", "Vita", "4 3.11", "Portable"])} ${this.version(2)}`,
      () =>
        this.pick([
          "PLAYSTATION 3",
          "Nintendo 3DS; U; ; en",
          "Nintendo Switch; WifiWebAuthApplet",
          "Nintendo WiiU",
          "Xbox; Xbox One"
        ]),
      () => `Mobile; ${this.pick(["rv:26.0", "LYF/F90M/LYF-F90M"])}`,
      () =>
        `Linux; U; Android ${this.version(2)}; en-us; ${this.pick(["KFTT", "Kindle Fire", "Silk/1.0"])} Build/IML74K`,
      () => `Linux; Android ${this.version(1)}; Quest ${this.below(4)}`,
      () =>
        `compatible; MSIE ${this.version(2)}; Windows NT ${this.pick(["6.1", "6.0", "5.1"])}; Trident/${this.pick(["4", "5", "6", "7"])}.0`,
      () => `compatible; ${this.crawler()}; +http://example.com/bot.html`,
      () => `AppleTV; CPU OS ${this.version(2, "_")} like Mac OS X`,
      () => this.pick(["Apple TV; tvOS 15.2", "Apple-iPhone7C2/1202.466", "AppleTV11,1/11.1", "Watch4,2; watchOS 5.1"]),
      () => `Linux; Android ${this.version(1)}; HarmonyOS; ${this.device()}; HMSCore 6.4.0.312`,
      () => this.words(1 + this.below(6))
    ])()
  }

  device(): string {
    return this.pick([
      "SM-G991B",
      "Pixel 7 Pro",
      "moto g(7)",
      "Redmi Note 8",
      "K",
      "HUAWEI P30",
      "iPhone14,3",
      "KFSUWI",
      "Nexus 5",
      "vivo 1904"
    ])
  }

  crawler(): string {
    const name = this.pick([
      "Googlebot",
      "bingbot",
      "AhrefsBot",
      "YandexBot",
      "Baiduspider",
      "Applebot",
      "GPTBot",
      "GoogleOther",
      "ClaudeBot",
      "PetalBot",
      "SemrushBot",
      "DuckDuckBot",
      "Examplebot",
      "Some Crawler",
      "site-crawler",
      "MJ12bot",
      "Twitterbot",
      "facebookexternalhit",
      "LinkedInBot",
      "archive.org_bot",
      "CCBot",
      "Bytespider",
      "Cubot",
      "Amazonbot",
      "BotName/$BotVersion",
      "Better Uptime Bot",
      "Radius Compilance Bot",
      "Uptime Monitoring Bot",
      "AdsBot-Google-Mobile",
      "AdsBot-Google",
      "Mediapartners-Google",
      "Slackbot-LinkExpanding",
      "Pingdom.com_bot_version_",
      "YisouSpider",
      "ChatGPT-User",
      "OAI-SearchBot",
      "Yahoo! Slurp",
      "APIs-Google",
      "FeedFetcher-Google",
      "UptimeRobot",
      "crawler",
      "Wget"
    ])
    return this.chance(0.8) ? `${name}${this.pick(["/", " ", " v", "/v"])}${this.version(3)}` : name
  }

  product(): string {
    return this.pick([
      () => `Chrome/${this.chromeVersion()}`,
      () => `Version/${this.version(3)}`,
      () => `Mobile/${this.pick(["15E148", "14A5261v", "10A5376e"])}`,
      () => `Safari/${this.version(3)}`,
      () => `Mobile Safari/${this.version(3)}`,
      () => "Mobile",
      () => `Firefox/${this.version(2)}${this.pick(["", "", "a1", "b3", "pre"])}`,
      () => `Gecko/${this.pick(["20100101", this.version(2)])}`,
      () => `Edg/${this.chromeVersion()}`,
      () => `${this.pick(["Edge", "EdgA", "EdgiOS"])}/${this.version()}`,
      () =>
        `${this.pick(["OPR", "Opera", "OPiOS", "OPT", "OPX", "Opera Mini", "Opera Tablet", "Opera Mobi"])}/${this.version()}`,
      () => `${this.pick(["CriOS", "FxiOS", "GSA", "CrMo"])}/${this.version()}`,
      () => `SamsungBrowser/${this.version(2)}`,
      () => `${this.pick(["YaBrowser", "Yowser", "YaApp_Android"])}/${this.version()} Yowser/2.5`,
      () =>
        `${this.pick(["UCBrowser", "HuaweiBrowser", "MiuiBrowser", "VivoBrowser", "OculusBrowser", "DuckDuckGo", "Brave", "Vivaldi", "QQBrowser", "MQQBrowser", "Whale"])}/${this.version()}`,
      () => `Silk/${this.version()} like Chrome/${this.version()}`,
      () => `Kindle/${this.version(2)}`,
      () =>
        `${this.pick(["Electron", "axios", "HeadlessChrome", "PhantomJS", "Slack", "Teams", "Postman"])}/${this.version()}`,
      () => `${this.pick(["NetFront", "NX"])}/${this.version()}`,
      () => `IEMobile/${this.version(2)}`,
      () => `[FBAN/FBIOS;FBAV/${this.version()};FBDV/iPhone14,5;FBSN/iOS;FBSV/${this.version(2)}]`,
      () =>
        `${this.pick(["Instagram", "Snapchat", "WhatsApp", "TikTok", "Line", "MicroMessenger", "GoogleApp"])} ${this.version()}`,
      () =>
        `${this.pick(["SeaMonkey", "Camino", "Iceweasel", "Fennec", "Midori", "PaleMoon", "Konqueror", "Epiphany", "Netscape"])}/${this.version(3)}`,
      () => `Ubuntu Chromium/${this.version()}`,
      () => this.crawler()
    ])()
  }

  app(): string {
    return this.pick([
      () => `${this.name()}/${this.version()} (${this.version(1)}; iOS ${this.version(3)}; iPhone15,2)`,
      () =>
        `${this.name()}/${this.version()} CFNetwork/${this.version(3)} Darwin/${this.pick([9, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25])}.${this.below(8)}.${this.below(3)}${this.pick(["", "", " (x86_64)"])}`,
      () =>
        `NetworkingExtension/${this.version()} ${this.name()}/${this.version()} CFNetwork/${this.version(3)} Darwin/${this.version(3)}`,
      () =>
        `${this.name()}-${this.pick(["iPad", "iPhone"])}/${this.version()} CFNetwork/${this.version(3)} Darwin/${this.version(3)}`,
      () =>
        `${this.pick(["okhttp", "Dalvik", "Java", "python-requests", "Go-http-client", "curl", "axios", "node-fetch", "Wget", "got", "libwww-perl", "Apache-HttpClient", "PostmanRuntime"])}/${this.version(3)}`,
      () => `Dalvik/${this.version(3)} (Linux; U; Android ${this.version(3)}; ${this.device()} Build/QP1A)`,
      () => `${this.name()}/${this.version()} (${this.system()})`,
      () =>
        `${this.name()} ${this.version()} rv:${this.version(1)} (${this.pick(["iPhone", "iPad"])}; ${this.pick(["iOS", "iPadOS", "iPhone OS"])} ${this.version(3)}; en_US)`,
      () => `Opera/9.80 (${this.system()}; U; en) Presto/${this.version(3)} Version/${this.version(2)}`,
      () =>
        `UCWEB/2.0 (${this.pick(["MIDP-2.0", "Linux"])}; U; ${this.pick(["Adr", "iPh OS", "wds"])} ${this.version(3)}; en-US; ${this.device()}) U2/1.0.0 UCBrowser/${this.version()}`,
      () => this.crawler(),
      () =>
        `ArcGISRuntime-${this.pick(["iOS", "Android"])}/${this.version(3)} (${this.pick(["iOS", "Android"])} ${this.version(3)}; ${this.device()})`
    ])()
  }

  name(): string {
    return this.pick([
      "MyShop",
      "Acme%20News",
      "com.example.app",
      "Über",
      "体験",
      "MyShop_iOS",
      "Podcasts",
      "Some App",
      "__proto__",
      "constructor",
      "🙂"
    ])
  }

  browser(): string {
    const engine = this.pick([
      "AppleWebKit/537.36 (KHTML, like Gecko)",
      `AppleWebKit/${this.version(3)} (KHTML, like Gecko)`,
      "Gecko/20100101",
      "AppleWebKit/600.1.4+ (KHTML, like Gecko)",
      ""
    ])
    const products = Array.from({ length: 1 + this.below(4) }, () => this.product())
    return [`${this.pick(["Mozilla/5.0", "Mozilla/5.0", "Mozilla/4.0", ""])} (${this.system()})`, engine, ...products]
      .join(" ")
      .trim()
  }

  /** Words that the parsers know, in any order, with odd separators and versions. */
  words(count: number): string {
    let text = ""
    for (let made = 0; made < count; made++) {
      text += this.pick(knownWords)
      if (this.chance(0.4)) text += this.pick(["/", "/", ":", "/", " ", "//", "=", "-", ","]) + this.pick(oddVersions)
      text += this.pick([" ", " ", " ", "; ", ";", "  ", ") (", ", ", "+", "\t", ""])
    }
    return text
  }

  /** A few random edits of one character. */
  damaged(text: string): string {
    for (let edits = 1 + this.below(4); edits > 0; edits--) {
      const at = this.below(text.length + 1)
      text =
        text.slice(0, at) +
        this.pick(["", "", " ", ";", "/", "(", ")", ".", "_", "9", "é", "語", "🙂", '"', "+", "\u0000"]) +
        text.slice(at + this.below(3))
    }
    return Buffer.from(text).toString()
  }

  userAgent(): string {
    return this.weighted<() => string>([
      [45, () => this.browser()],
      [15, () => this.app()],
      [15, () => this.damaged(this.chance(0.7) ? this.browser() : this.app())],
      [20, () => this.words(1 + this.below(10))],
      [4, () => `${this.browser()} ${this.app()} ${this.words(this.below(30))}`],
      [1, () => this.words(50 + this.below(200))]
    ])()
  }
}

const knownWords = [
  "AppleTV",
  "AppleTV11,1",
  "like",
  "Mac",
  "OS",
  "X",
  "iOS",
  "iPadOS",
  "iPhone",
  "iPad",
  "iPad7,3iPad",
  "iPhone14,2",
  "Apple-iPhone7C2",
  "CPU",
  "CrOS",
  "CrKey",
  "PlayStation",
  "Android",
  "AndroidTV",
  "Windows",
  "Phone",
  "NT",
  "XP",
  "XP5",
  "WindowsNT",
  "MSIE",
  "Yahoo!",
  "Slurp",
  "Red",
  "Hat",
  "Ubuntu",
  "Mobile",
  "Linux",
  "linux",
  "Nintendo",
  "3DS",
  "U",
  "en",
  "é",
  "語",
  "語語",
  "Better",
  "Uptime",
  "Bot",
  "Radius",
  "Compilance",
  "Monitoring",
  "AdsBot-Google-Mobile",
  "Kindle",
  "FxiOS",
  "EdgiOS",
  "CriOS",
  "GSA",
  "SamsungBrowser",
  "NX",
  "IEMobile",
  "YisouSpider",
  "ChatGPT-User",
  "OAI-SearchBot",
  "Electron",
  "Edg",
  "Edge",
  "OPR",
  "Opera",
  "HuaweiBrowser",
  "robot",
  "crawler",
  "Crawler",
  "Safari",
  "CFNetwork",
  "OculusBrowser",
  "Chromecast",
  "ATV",
  "Version",
  "Chrome",
  "Firefox",
  "Silk",
  "NetFront",
  "YaBrowser",
  "axios",
  "HeadlessChrome",
  "NetworkingExtension",
  "Mozilla/5.0",
  "AppleWebKit/537.36",
  "KHTML",
  "Gecko",
  "Intel",
  "Macintosh",
  "x/mycrawler",
  "x/my-Crawler",
  "a/b/c",
  "a:b/c",
  "/x",
  ":",
  "__proto__",
  "constructor",
  "toString",
  "10",
  "10.0",
  "5.1",
  "6.2",
  "6.3",
  "14_2_1",
  "9",
  "()",
  "+",
  "_",
  '"',
  "a\tb",
  "[x]",
  "'q'",
  "Mac OS X 10_15_7",
  "iPhone OS 17_6",
  "Darwin/22.1.0",
  "Windows NT 10.0",
  "Windows NT 6.3",
  "Windows Phone 8.1",
  "Red Hat",
  "Yahoo! Slurp",
  "CPU OS 9_1",
  "like Mac OS X",
  "Nintendo 3DS"
]

const oddVersions = [
  "1",
  "12.3",
  "12.3.4",
  "12.3.4.5",
  "12.3.4.5.6",
  "9.x",
  "9.1x.2",
  "1..2",
  "10.",
  "10..",
  ".",
  "..",
  "_1_2",
  "1_2_3",
  "1,2,3",
  "v1.2",
  "xcrawler",
  "crawler",
  "5.1",
  "6.1",
  "10.0",
  "(1.2)",
  '"1"',
  "+1",
  "é.1",
  "1.é",
  "2;3",
  "0",
  "00.01",
  "1.2.3.4.",
  "1.2.3..",
  "-1",
  "1/2"
]

/** That many user agents; the same seed gives the same ones. */
export const userAgents = (count: number, seed: number): Array<string> => {
  const maker = new Maker(seed)
  return Array.from({ length: count }, () => maker.userAgent())
}
