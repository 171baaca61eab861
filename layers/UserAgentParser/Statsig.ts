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

/** What the whole string is about. */
type Trait =
  | "ios"
  | "mac"
  | "windows"
  | "linux"
  | "mobile"
  | "safari"
  | "playStation"
  | "huawei"
  | "cfNetwork"
  | "crawler"

/** How a name and its version are recorded. */
type Kind = "token" | "osToken" | "browserToken"

/** The findings of one pass over the words. */
class Scan {
  readonly tokens: Array<Token> = []
  readonly traits = new Set<Trait>()
  os: Token | undefined = undefined
  browser: Token | undefined = undefined
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

  /** Reads the phrase at the current word and returns how many words to advance. */
  private read(word: string): number {
    const step = phrases.get(word)?.(this) ?? 0
    if (step > 0) return step
    if (word.startsWith("Windows")) {
      this.traits.add("windows")
      this.osToken("Windows", this.windowsVersion())
    } else if (word.startsWith("iPad")) {
      this.appleDevice("iPad", word)
    } else if (word.startsWith("iPhone")) {
      this.appleDevice("iPhone", word)
    } else if (word.startsWith("Apple-iPhone7C2")) {
      this.traits.add("ios")
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
    if (!next.startsWith("XP")) return this.take(1)
    this.skip()
    return "XP"
  }

  private appleDevice(device: string, word: string): void {
    this.traits.add("ios")
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
    else if (version?.includes("crawler")) this.traits.add("crawler")
    else if (name === "OculusBrowser") this.os = { name: "Android", version: undefined }
    else this.token(name, version)
  }
}

/**
 * A word with a meaning of its own, perhaps with the words after it. Returns how many words to advance (each version
 * taken adds one), or 0 when the following words do not match.
 */
type Phrase = (scan: Scan) => number

/** Advances by `step` words, the last of which may be followed by a version. */
const versioned =
  (kind: Kind, name: string, step = 1, at = step): Phrase =>
  scan => {
    scan[kind](name, scan.take(at))
    return step
  }

const unversionedToken =
  (name: string, step = 1): Phrase =>
  scan => {
    scan.token(name)
    return step
  }

/** A phrase that needs this word next. */
const before =
  (next: string, phrase: Phrase): Phrase =>
  scan =>
    scan.word(1) === next ? phrase(scan) : 0

/** A phrase, or a product, that also says something about the whole string. */
const telling =
  <Input extends ReadonlyArray<unknown>, A>(trait: Trait, then: (scan: Scan, ...input: Input) => A) =>
  (scan: Scan, ...input: Input): A => {
    scan.traits.add(trait)
    return then(scan, ...input)
  }

/** A bot whose name has spaces. Only the first word is consumed: the others are read again as single words. */
const spacedBot = (name: string): Phrase => {
  const [, second = "", third] = name.split(" ")
  return before(second, scan => {
    if (scan.word(2) !== third) return 0
    scan.bot(name)
    return 1
  })
}

/** Advances by two whether or not a version was taken: the word after it is never read. */
const appleSystem = telling("ios", versioned("osToken", "iOS", 2, 1))

const macOS = telling("mac", scan => versioned("osToken", "Mac OS X", 3, scan.word(2) === "X" ? 3 : 2)(scan))

const linux = telling("linux", unversionedToken("Linux"))

const chromeOS: Phrase = scan => {
  let version = scan.take(1)
  if (version === undefined) {
    scan.skip()
    version = scan.take(1)
  }
  scan.osToken("Chrome OS", version)
  return 1
}

const googleAdsBot: Phrase = scan => {
  scan.bot("AdsBot-Google")
  return 1
}

const phrases = new Map<string, Phrase>([
  ["like", scan => (scan.word(1) === "Mac" && scan.word(2) === "OS" ? 4 : 1)],
  ["Mac", before("OS", macOS)],
  ["iOS", appleSystem],
  ["iPadOS", appleSystem],
  ["iPhone", before("OS", versioned("osToken", "iOS", 2))],
  ["CPU", before("OS", versioned("token", "CPU OS", 2))],
  ["CrOS", chromeOS],
  ["CrKey", unversionedToken("Chromecast")],
  ["PlayStation", telling("playStation", unversionedToken("PlayStation"))],
  ["Android", versioned("osToken", "Android")],
  ["Windows", before("Phone", versioned("osToken", "Windows Phone", 2))],
  ["MSIE", versioned("browserToken", "IE")],
  ["Yahoo!", before("Slurp", unversionedToken("Yahoo! Slurp", 2))],
  ["Red", before("Hat", unversionedToken("Red Hat", 2))],
  ["Ubuntu", versioned("osToken", "Ubuntu")],
  ["Mobile", telling("mobile", unversionedToken("Mobile"))],
  ["Linux", linux],
  ["linux", linux],
  ["Nintendo", before("3DS", unversionedToken("NetFront NX", 2))],
  ["Better", spacedBot("Better Uptime Bot")],
  ["Radius", spacedBot("Radius Compilance Bot")],
  ["Uptime", spacedBot("Uptime Monitoring Bot")],
  ["AdsBot-Google-Mobile", googleAdsBot]
])

type Product = (scan: Scan, version: string | undefined) => void

/** A product under the given name. */
const product =
  (kind: Kind, name: string): Product =>
  (scan, version) =>
    scan[kind](name, version)

/** An iOS browser that may have requested the desktop page and therefore identify as a Mac. */
const iosBrowser =
  (name: string): Product =>
  (scan, version) => {
    if (scan.os?.name === "Mac OS X") scan.os = { name: "iOS", version: undefined }
    scan.browserToken(name, version)
  }

const kindle: Product = (scan, version) => {
  if (version !== undefined) scan.os ??= { name: "Kindle", version }
  scan.browserToken("Kindle", version)
}

const products = new Map<string, Product>([
  ["FxiOS", product("browserToken", "Firefox iOS")],
  ["GSA", product("browserToken", "Google")],
  ["SamsungBrowser", product("browserToken", "Samsung Internet")],
  ["NX", product("browserToken", "NetFront NX")],
  ["IEMobile", product("browserToken", "IE Mobile")],
  ["YisouSpider", product("browserToken", "YisouSpider")],
  ["ChatGPT-User", product("browserToken", "ChatGPT-User")],
  ["OAI-SearchBot", product("browserToken", "OAI-SearchBot")],
  ["Electron", product("browserToken", "Electron")],
  ["Kindle", kindle],
  ["EdgiOS", iosBrowser("Edge Mobile")],
  ["CriOS", telling("ios", iosBrowser("Chrome Mobile iOS"))],
  ["Edg", product("token", "Edge")],
  ["Edge", product("token", "Edge")],
  ["OPR", product("token", "Opera")],
  ["HuaweiBrowser", telling("huawei", product("token", "HuaweiBrowser"))],
  ["Mobile", telling("mobile", product("token", "Mobile"))],
  ["Safari", telling("safari", product("token", "Safari"))],
  ["CFNetwork", telling("cfNetwork", scan => void scan.traits.add("ios"))]
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

const versionedSystems = new Set(["iOS", "Android", "Kindle", "Ubuntu"])

const unversionedSystems = new Set(["ATV OS X", "Chromecast", "Red Hat"])

const osOf = ({ os, tokens, traits }: Scan): readonly [name: string, version: string] => {
  if (os !== undefined) return named(os.name, os)
  for (const token of tokens) {
    const { name } = token
    if (versionedSystems.has(name)) return named(name, token)
    if (traits.has("ios") && (name === "CPU OS" || (name === "Version" && traits.has("mac"))))
      return named("iOS", token)
    if (unversionedSystems.has(name)) return unversioned(name)
    if (name.startsWith("Android")) return unversioned("Android")
  }
  if (traits.has("ios")) return unversioned("iOS")
  if (traits.has("mac")) return unversioned("Mac OS X")
  if (traits.has("windows")) return unversioned("Windows")
  return unversioned(traits.has("linux") ? "Linux" : "Other")
}

const browserOf = ({ browser, tokens, traits }: Scan): readonly [name: string, version: string] => {
  if (browser !== undefined) return named(browser.name, browser)
  const isMobile = traits.has("mobile")
  let android: Token | undefined
  let version: Token | undefined
  let chrome: Token | undefined
  for (const token of tokens) {
    const { name } = token
    switch (name) {
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
        return named(isMobile ? `${name} Mobile` : name, token)
      case "Yahoo! Slurp":
        return unversioned(name)
      case "Silk":
        return traits.has("playStation") ? unversioned("NetFront NX") : named("Amazon Silk", token)
      case "YaBrowser":
        return named("Yandex Browser", token)
      case "NetFront NX":
      case "axios":
      case "HeadlessChrome":
        return named(name, token)
    }
  }
  if (chrome !== undefined) {
    if (version !== undefined) return named("Chrome Mobile WebView", chrome)
    if (isMobile && chrome.version !== undefined && !traits.has("huawei")) return named("Chrome Mobile", chrome)
    if (chrome.version === undefined && android !== undefined) return named("Android", android)
    return named("Chrome", chrome)
  }
  if (android !== undefined) return named("Android", android)
  if (traits.has("cfNetwork") && tokens[0] !== undefined) {
    const [first, second] = tokens
    return first.name === "NetworkingExtension" ? named("CFNetwork", second) : named(first.name, first)
  }
  if (traits.has("safari")) return named(isMobile && !traits.has("mac") ? "Mobile Safari" : "Safari", version)
  if (traits.has("ios")) return unversioned("Mobile Safari UI/WKWebView")
  return unversioned(traits.has("crawler") ? "crawler" : "Other")
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
