/**
 * Statsig's own user agent parser, the default of the official SDKs: a scan over words, not a list of regular
 * expressions. Projects write their `ua_based` conditions for its names and versions, so its quirks are reproduced too
 * (a skipped word, `0.0.0` for Windows 8).
 *
 * One pass reads the words and records tokens, a candidate for the operating system, one for the browser, and a few
 * flags about the whole string; both results are then derived from those. The grammar is two tables: `phrases`, by the
 * word itself, and `products`, by the name before the slash of `name/version`. Time is linear in the input.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { type ParsedUserAgent, UserAgentParser } from "../../src/UserAgentParser.js"
import { memoize } from "../internal/memoize.js"

interface Token {
  readonly name: string
  readonly version: string | undefined
}

const isDigitCode = (code: number): boolean => code >= 48 && code <= 57

/** Whether a character is trimmed from both ends of a word: `( ) ; , + _ "` */
const isFringe = (code: number): boolean =>
  code === 40 || code === 41 || code === 59 || code === 44 || code === 43 || code === 95 || code === 34

/** The part of `text` from `start` to `end` without the fringe at its ends. */
const clean = (text: string, start: number, end: number): string => {
  while (start < end && isFringe(text.charCodeAt(start))) start++
  while (start < end && isFringe(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** The cleaned words between single spaces and semicolons; empty ones stay, because positions count. */
const wordsOf = (text: string): Array<string> => {
  const words: Array<string> = []
  let start = 0
  for (let end = 0; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === 32 || code === 59) {
      words.push(clean(text, start, end))
      start = end + 1
    }
  }
  words.push(clean(text, start, text.length))
  return words
}

/** At most two bytes of UTF-8. */
const isTiny = (word: string): boolean =>
  word.length === 1
    ? word.charCodeAt(0) < 0x800
    : word.length === 2 && word.charCodeAt(0) < 0x80 && word.charCodeAt(1) < 0x80

/** The findings of one pass over the words. */
class Scan {
  readonly tokens: Array<Token> = []
  os: Token | undefined = undefined
  browser: Token | undefined = undefined
  ios = false
  mac = false
  windows = false
  linux = false
  mobile = false
  safari = false
  playStation = false
  huawei = false
  cfNetwork = false
  crawler = false
  private botFound = false
  private position = 0

  constructor(private readonly words: ReadonlyArray<string>) {}

  run(): this {
    while (this.position < this.words.length) {
      const word = this.word(0)
      const step = word === "" ? 1 : this.read(word)
      this.position += step
    }
    return this
  }

  /** The word at a distance from the current one; the empty string if there is none. */
  word(distance: number): string {
    return this.words[this.position + distance] ?? ""
  }

  skip(): void {
    this.position++
  }

  /** The word at a distance if it is a version, that is, starts with a digit; it is then consumed. */
  take(distance: number): string | undefined {
    const word = this.word(distance)
    if (!isDigitCode(word.charCodeAt(0))) return undefined
    this.skip()
    return word
  }

  token(name: string, version?: string): void {
    this.tokens.push({ name, version })
  }

  /** The first with a version is the operating system. */
  osToken(name: string, version: string | undefined): void {
    if (version !== undefined) this.os ??= { name, version }
    this.token(name, version)
  }

  /** The last with a version is the browser. */
  browserToken(name: string, version: string | undefined): void {
    if (version !== undefined) this.browser = { name, version }
    this.token(name, version)
  }

  /** The first bot is the browser, with a version or without, until a browser with a version follows. */
  bot(name: string, version?: string): void {
    if (this.botFound) return
    this.botFound = true
    this.browser = { name, version }
  }

  /** An iOS browser that requested the desktop page and therefore identifies as a Mac. */
  macIsReallyIos(): void {
    if (this.os?.name === "Mac OS X") this.os = { name: "iOS", version: undefined }
  }

  /** Reads the phrase at the current word and returns how many words to advance. */
  private read(word: string): number {
    const step = phrases.get(word)?.(this) ?? 0
    if (step > 0) return step
    if (word.startsWith("Windows")) {
      this.windows = true
      this.osToken("Windows", this.windowsVersion())
    } else if (word.startsWith("iPad")) {
      this.appleDevice("iPad", word)
    } else if (word.startsWith("iPhone")) {
      this.appleDevice("iPhone", word)
    } else if (word.startsWith("Apple-iPhone7C2")) {
      this.ios = true
      this.token("iPhone")
    } else if (word.startsWith("AppleTV")) {
      this.token("ATV OS X")
      return 2
    } else if (!isTiny(word)) {
      this.product(word)
    }
    return 1
  }

  private windowsVersion(): string | undefined {
    const next = this.word(1)
    if (next === "NT") {
      const version = this.take(2)
      if (version !== undefined) this.skip()
      return version
    }
    if (next.startsWith("XP")) {
      this.skip()
      return "XP"
    }
    return this.take(1)
  }

  private appleDevice(device: string, word: string): void {
    this.ios = true
    const next = word.indexOf(device, device.length)
    this.token(device, clean(word, device.length, next === -1 ? word.length : next) || undefined)
  }

  /** Any other word: `name/version`, `name:version` or a name alone. */
  private product(word: string): void {
    const cut = word.search(/[/:]/)
    const name = (cut === -1 ? "" : clean(word, 0, cut)) || word
    const version = (cut === -1 ? "" : clean(word, cut + 1, word.length)) || undefined
    const known = products.get(name)
    if (known !== undefined) known(this, version)
    else if (/[Bb]ot|[Cc]rawler/.test(name)) this.bot(name, version)
    else if (version?.includes("crawler")) this.crawler = true
    else if (name === "OculusBrowser") this.os = { name: "Android", version: undefined }
    else this.token(name, version)
  }
}

/**
 * The words with a meaning of their own, perhaps with the words after them. A phrase returns how many words to advance
 * (each version taken adds one), or 0 when the following words do not match.
 */
const phrases = new Map<string, (scan: Scan) => number>([
  ["like", scan => (scan.word(1) === "Mac" && scan.word(2) === "OS" ? 4 : 1)],
  [
    "Mac",
    scan => {
      if (scan.word(1) !== "OS") return 0
      scan.mac = true
      scan.osToken("Mac OS X", scan.take(scan.word(2) === "X" ? 3 : 2))
      return 3
    }
  ],
  ["iOS", scan => appleSystem(scan)],
  ["iPadOS", scan => appleSystem(scan)],
  [
    "iPhone",
    scan => {
      if (scan.word(1) !== "OS") return 0
      scan.osToken("iOS", scan.take(2))
      return 2
    }
  ],
  [
    "CPU",
    scan => {
      if (scan.word(1) !== "OS") return 0
      scan.token("CPU OS", scan.take(2))
      return 2
    }
  ],
  [
    "CrOS",
    scan => {
      let version = scan.take(1)
      if (version === undefined) {
        scan.skip()
        version = scan.take(1)
      }
      scan.osToken("Chrome OS", version)
      return 1
    }
  ],
  ["CrKey", scan => recordToken(scan, "Chromecast")],
  [
    "PlayStation",
    scan => {
      scan.playStation = true
      return recordToken(scan, "PlayStation")
    }
  ],
  [
    "Android",
    scan => {
      scan.osToken("Android", scan.take(1))
      return 1
    }
  ],
  [
    "Windows",
    scan => {
      if (scan.word(1) !== "Phone") return 0
      scan.osToken("Windows Phone", scan.take(2))
      return 2
    }
  ],
  [
    "MSIE",
    scan => {
      scan.browserToken("IE", scan.take(1))
      return 1
    }
  ],
  ["Yahoo!", scan => (scan.word(1) === "Slurp" ? 1 + recordToken(scan, "Yahoo! Slurp") : 0)],
  ["Red", scan => (scan.word(1) === "Hat" ? 1 + recordToken(scan, "Red Hat") : 0)],
  [
    "Ubuntu",
    scan => {
      scan.osToken("Ubuntu", scan.take(1))
      return 1
    }
  ],
  [
    "Mobile",
    scan => {
      scan.mobile = true
      return recordToken(scan, "Mobile")
    }
  ],
  ["Linux", scan => linux(scan)],
  ["linux", scan => linux(scan)],
  ["Nintendo", scan => (scan.word(1) === "3DS" ? 1 + recordToken(scan, "NetFront NX") : 0)],
  ["Better", scan => spacedBot(scan, "Better", "Uptime", "Bot")],
  ["Radius", scan => spacedBot(scan, "Radius", "Compilance", "Bot")],
  ["Uptime", scan => spacedBot(scan, "Uptime", "Monitoring", "Bot")],
  [
    "AdsBot-Google-Mobile",
    scan => {
      scan.bot("AdsBot-Google")
      return 1
    }
  ]
])

const recordToken = (scan: Scan, name: string): number => {
  scan.token(name)
  return 1
}

/** Advances by two whether or not a version was taken: the word after it is never read. */
const appleSystem = (scan: Scan): number => {
  scan.ios = true
  scan.osToken("iOS", scan.take(1))
  return 2
}

const linux = (scan: Scan): number => {
  scan.linux = true
  return recordToken(scan, "Linux")
}

/** A bot whose name has spaces. Only the first word is consumed: the others are read again as single words. */
const spacedBot = (scan: Scan, first: string, second: string, third: string): number => {
  if (scan.word(1) !== second || scan.word(2) !== third) return 0
  scan.bot(`${first} ${second} ${third}`)
  return 1
}

/** A product whose version, if it has one, makes it the browser under the given name. */
const browser = (name: string) => (scan: Scan, version: string | undefined) => scan.browserToken(name, version)

/** A product that is compared with the others once all words are read. */
const plainToken = (name: string) => (scan: Scan, version: string | undefined) => scan.token(name, version)

const products = new Map<string, (scan: Scan, version: string | undefined) => void>([
  ["FxiOS", browser("Firefox iOS")],
  ["GSA", browser("Google")],
  ["SamsungBrowser", browser("Samsung Internet")],
  ["NX", browser("NetFront NX")],
  ["IEMobile", browser("IE Mobile")],
  ["YisouSpider", browser("YisouSpider")],
  ["ChatGPT-User", browser("ChatGPT-User")],
  ["OAI-SearchBot", browser("OAI-SearchBot")],
  ["Electron", browser("Electron")],
  ["Edg", plainToken("Edge")],
  ["Edge", plainToken("Edge")],
  ["OPR", plainToken("Opera")],
  [
    "Kindle",
    (scan, version) => {
      if (version !== undefined) scan.os ??= { name: "Kindle", version }
      scan.browserToken("Kindle", version)
    }
  ],
  [
    "EdgiOS",
    (scan, version) => {
      scan.macIsReallyIos()
      scan.browserToken("Edge Mobile", version)
    }
  ],
  [
    "CriOS",
    (scan, version) => {
      scan.ios = true
      scan.macIsReallyIos()
      scan.browserToken("Chrome Mobile iOS", version)
    }
  ],
  [
    "HuaweiBrowser",
    (scan, version) => {
      scan.huawei = true
      scan.token("HuaweiBrowser", version)
    }
  ],
  [
    "Mobile",
    (scan, version) => {
      scan.mobile = true
      scan.token("Mobile", version)
    }
  ],
  [
    "Safari",
    (scan, version) => {
      scan.safari = true
      scan.token("Safari", version)
    }
  ],
  [
    "CFNetwork",
    scan => {
      scan.cfNetwork = true
      scan.ios = true
    }
  ]
])

const unknownVersion = "0.0.0"

const windowsVersions = new Map([
  ["5.1", "XP"],
  ["5.2", "XP"],
  ["6.0", "Vista"],
  ["6.1", "7"],
  ["6.3", "8.1"],
  ["10.0", "10"]
])

/** The text of a token's version: at most four parts (three for some names), the second reduced to its first digits. */
const versionOf = ({ name, version }: Token): string => {
  if (version === undefined) return unknownVersion
  if (name === "Windows") return windowsVersions.get(version) ?? unknownVersion
  const parts = version.split(/[_,.]/, 5)
  if (parts.at(-1) === "") parts.pop()
  if (parts[1] !== undefined) parts[1] = /^[0-9]*/.exec(parts[1])![0]
  return parts.slice(0, name === "YaBrowser" || name === "Opera" || name === "NetFront NX" ? 3 : 4).join(".")
}

/** A token's version under another name. */
const named = (name: string, token: Token | undefined): readonly [name: string, version: string] => [
  name,
  token === undefined ? unknownVersion : versionOf(token)
]

const unversioned = (name: string): readonly [name: string, version: string] => [name, unknownVersion]

const osOf = (scan: Scan): readonly [name: string, version: string] => {
  if (scan.os !== undefined) return named(scan.os.name, scan.os)
  for (const token of scan.tokens) {
    switch (token.name) {
      case "iOS":
      case "Android":
      case "Kindle":
      case "Ubuntu":
        return named(token.name, token)
      case "CPU OS":
        if (scan.ios) return named("iOS", token)
        break
      case "Version":
        if (scan.ios && scan.mac) return named("iOS", token)
        break
      case "ATV OS X":
      case "Chromecast":
      case "Red Hat":
        return unversioned(token.name)
      default:
        if (token.name.startsWith("Android")) return unversioned("Android")
    }
  }
  if (scan.ios) return unversioned("iOS")
  if (scan.mac) return unversioned("Mac OS X")
  if (scan.windows) return unversioned("Windows")
  if (scan.linux) return unversioned("Linux")
  return unversioned("Other")
}

const browserOf = (scan: Scan): readonly [name: string, version: string] => {
  if (scan.browser !== undefined) return named(scan.browser.name, scan.browser)
  let android: Token | undefined
  let version: Token | undefined
  let chrome: Token | undefined
  for (const token of scan.tokens) {
    switch (token.name) {
      case "Android":
        android = token
        break
      case "Version":
        version = token
        break
      case "Chrome":
        chrome = token
        break
      case "Firefox":
      case "Edge":
      case "Opera":
        return named(scan.mobile ? `${token.name} Mobile` : token.name, token)
      case "Yahoo! Slurp":
        return unversioned(token.name)
      case "Silk":
        return scan.playStation ? unversioned("NetFront NX") : named("Amazon Silk", token)
      case "YaBrowser":
        return named("Yandex Browser", token)
      case "NetFront NX":
      case "axios":
      case "HeadlessChrome":
        return named(token.name, token)
    }
  }
  if (chrome !== undefined) {
    if (version !== undefined) return named("Chrome Mobile WebView", chrome)
    if (scan.mobile && chrome.version !== undefined && !scan.huawei) return named("Chrome Mobile", chrome)
    if (chrome.version === undefined && android !== undefined) return named("Android", android)
    return named("Chrome", chrome)
  }
  if (android !== undefined) return named("Android", android)
  if (scan.cfNetwork && scan.tokens[0] !== undefined) {
    const [first, second] = scan.tokens
    return first.name === "NetworkingExtension" ? named("CFNetwork", second) : named(first.name, first)
  }
  if (scan.safari) return named(scan.mobile && !scan.mac ? "Mobile Safari" : "Safari", version)
  if (scan.ios) return unversioned("Mobile Safari UI/WKWebView")
  if (scan.crawler) return unversioned("crawler")
  return unversioned("Other")
}

/**
 * Parses a user agent as the official SDKs do by default. Total, pure, and linear in the length of the input, which it
 * does not limit. Unknown parts are `"Other"` or `"0.0.0"`.
 *
 * @since 0.1.0
 */
export const parse = (userAgent: string): ParsedUserAgent => {
  const scan = new Scan(wordsOf(userAgent)).run()
  const [osName, osVersion] = osOf(scan)
  const [browserName, browserVersion] = browserOf(scan)
  return { osName, osVersion, browserName, browserVersion }
}

/**
 * The default parser as a service. All users share one memo of about 1,000 user agents.
 *
 * @since 0.1.0
 */
export const parser: UserAgentParser["Type"] = { parse: /* @__PURE__ */ memoize(parse) }

/**
 * The default parser as a layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<UserAgentParser> = /* @__PURE__ */ Layer.succeed(UserAgentParser, parser)
