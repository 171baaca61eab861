/**
 * Sets of characters: those that one step of a pattern may consume (a class, an escape such as `\w`, a letter in any
 * case).
 *
 * Small JavaScript regular expressions decide the membership of a code point, so that no Unicode tables are shipped.
 * They hold only unions of characters, ranges and `\p{…}`; negation and the set operators are implemented here, because
 * engines differ about them when case is ignored. A union under the flags `iu` is closed under simple case folding, as
 * Rust's classes are, and the operators preserve this.
 */

import { unicodeProperty } from "./property.js"

/**
 * The pattern is not valid (or too big) for the official engine, so it never matches. Thrown while a pattern is
 * compiled, caught by `compilePattern`.
 */
export class InvalidPattern extends Error {
  override readonly name = "InvalidPattern"
}

type Contains = (character: string) => boolean

/** A set of code points. */
export class CharacterSet {
  /** For each block of 256 code points, once used: 1 for a member, -1 for a non-member, 0 for unknown. */
  readonly #pages: Array<Int8Array | undefined> = []

  /**
   * @param key two sets with the same key have the same members
   * @param weight bytes the official engine's automaton spends on the set, measured or estimated; it refuses
   * patterns that are too big
   */
  constructor(
    readonly key: string,
    readonly weight: number,
    private readonly contains: Contains
  ) {}

  /** Whether the code point is a member. */
  has(codePoint: number): boolean {
    let page = this.#pages[codePoint >> 8]
    if (page === undefined) {
      page = new Int8Array(256)
      this.#pages[codePoint >> 8] = page
    }
    const at = codePoint & 255
    if (page[at] === 0) page[at] = this.contains(String.fromCodePoint(codePoint)) ? 1 : -1
    return page[at] === 1
  }
}

/** The source of one code point inside a JavaScript class. */
const codePointSource = (codePoint: number): string => `\\u{${codePoint.toString(16)}}`

const unionOf = (sources: string, caseInsensitive: boolean): Contains => {
  const expression = new RegExp(`[${sources}]`, caseInsensitive ? "iu" : "u")
  return character => expression.test(character)
}

/** The set of a letter's case variants. */
export const variantsSet = (codePoint: number): CharacterSet =>
  new CharacterSet(`i${codePoint}`, codePoint < 0x80 ? 80 : 168, unionOf(codePointSource(codePoint), true))

/** The set of `.`: any character, or any but a line feed. */
export const anySet = (lineFeed: boolean): CharacterSet =>
  lineFeed ? new CharacterSet("any", 964, () => true) : new CharacterSet("dot", 1000, character => character !== "\n")

const wordSource = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"
const wordWeight = 50_000

/** Perl classes: source, weight, weight when negated. */
const perlClasses: ReadonlyMap<string, readonly [string, number, number]> = new Map([
  ["d", ["\\p{Nd}", 5_125, 12_600]],
  ["s", ["\\p{White_Space}", 680, 1_925]],
  ["w", [wordSource, wordWeight, 46_603]]
])

/** The members of `\w`, which also decide where words begin and end. */
export const wordSet = (): CharacterSet => new CharacterSet("\\w", wordWeight, unionOf(wordSource, false))

/** Weights of the most used properties. */
const propertyWeights: ReadonlyMap<string, number> = new Map([
  ["\\p{L}", 42_974],
  ["\\p{Alphabetic}", 46_000],
  ["\\p{Lu}", 27_300],
  ["\\p{Ll}", 30_600],
  ["\\p{M}", 18_900],
  ["\\p{N}", 9_800],
  ["\\p{Nd}", 5_125],
  ["\\p{P}", 12_200],
  ["\\p{S}", 16_300],
  ["\\p{Emoji}", 7_600],
  ["\\p{Any}", 966],
  ["\\p{ASCII}", 8]
])

const posixClasses: ReadonlyMap<string, string> = new Map([
  ["alnum", "0-9A-Za-z"],
  ["alpha", "A-Za-z"],
  ["ascii", "\\0-\\x7f"],
  ["blank", "\\t "],
  ["cntrl", "\\0-\\x1f\\x7f"],
  ["digit", "0-9"],
  ["graph", "!-~"],
  ["lower", "a-z"],
  ["print", " -~"],
  ["punct", "!-\\/:-@\\[-`\\{-~"],
  ["space", "\\t\\n\\v\\f\\r "],
  ["upper", "A-Z"],
  ["word", "0-9A-Za-z_"],
  ["xdigit", "0-9A-Fa-f"]
])

/** Rust's limit on nesting. */
const maximumNesting = 250

interface SetMembers {
  readonly contains: Contains
  readonly weight: number
}

const negate = ({ contains, weight }: SetMembers, negatedWeight = weight + 1_000): SetMembers => ({
  contains: character => !contains(character),
  weight: negatedWeight
})

/** A union being read: positive items are collected in one expression, the others are tested one by one. */
class Union {
  #sources = ""
  #rangesWeight = 64
  #largestWeight = 0
  readonly #others: Array<Contains> = []

  constructor(readonly caseInsensitive: boolean) {
    // The letters k and s have variants beyond ASCII.
    if (caseInsensitive) this.#rangesWeight += 200
  }

  get isEmpty(): boolean {
    return this.#sources === "" && this.#others.length === 0
  }

  addRange(first: number, last: number): void {
    this.#sources += `${codePointSource(first)}-${codePointSource(last)}`
    this.#rangesWeight += last < 0x80 ? 8 : last - first < 0x100 ? 100 : 400
  }

  addSource(source: string, weight: number): void {
    this.#sources += source
    this.#largestWeight = Math.max(this.#largestWeight, weight)
  }

  add(members: SetMembers): void {
    this.#others.push(members.contains)
    this.#largestWeight = Math.max(this.#largestWeight, members.weight)
  }

  members(): SetMembers {
    const others = this.#others
    const own = this.#sources === "" ? undefined : unionOf(this.#sources, this.caseInsensitive)
    const contains: Contains =
      own === undefined
        ? character => others.some(other => other(character))
        : others.length === 0
          ? own
          : character => own(character) || others.some(other => other(character))
    return { contains, weight: this.#rangesWeight + this.#largestWeight }
  }
}

const setOperators = {
  "&&": (left: boolean, right: boolean) => left && right,
  "--": (left: boolean, right: boolean) => left && !right,
  "~~": (left: boolean, right: boolean) => left !== right
}

const setOperatorNames = Object.keys(setOperators) as ReadonlyArray<keyof typeof setOperators>

const operate = (operator: keyof typeof setOperators, left: SetMembers, right: SetMembers): SetMembers => ({
  contains: character => setOperators[operator](left.contains(character), right.contains(character)),
  weight: left.weight + right.weight
})

/** The text that a parser reads, and where it is. */
export class PatternText {
  at = 0

  constructor(readonly source: string) {}

  startsWith(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  accept(text: string): boolean {
    const isNext = this.startsWith(text)
    if (isNext) this.at += text.length
    return isNext
  }

  nextCodePoint(): number {
    const codePoint = this.source.codePointAt(this.at)
    if (codePoint === undefined) throw new InvalidPattern()
    this.at += codePoint > 0xffff ? 2 : 1
    return codePoint
  }

  nextCharacter(): string {
    return String.fromCodePoint(this.nextCodePoint())
  }

  /** Reads up to a text, and skips that. */
  until(end: string): string {
    const stop = this.source.indexOf(end, this.at)
    if (stop < 0) throw new InvalidPattern()
    const text = this.source.slice(this.at, stop)
    this.at = stop + end.length
    return text
  }
}

/**
 * Parser of Rust's class syntax. Its source comes from the pattern's parser, which has already resolved the escapes of
 * the outer syntax.
 */
class SetReader extends PatternText {
  constructor(
    source: string,
    readonly caseInsensitive: boolean
  ) {
    super(source)
  }

  read(): SetMembers {
    const single = new Union(this.caseInsensitive)
    const members = this.source[0] === "[" ? this.#bracketed(0) : undefined
    if (members === undefined) this.#item(single)
    if (this.at !== this.source.length) throw new InvalidPattern()
    return members ?? single.members()
  }

  #bracketed(depth: number): SetMembers {
    if (depth >= maximumNesting) throw new InvalidPattern()
    this.accept("[")
    const negated = this.accept("^")
    let current = new Union(this.caseInsensitive)
    while (this.accept("-")) current.addRange(0x2d, 0x2d)
    if (current.isEmpty && this.accept("]")) current.addRange(0x5d, 0x5d)
    let pending: { readonly operator: keyof typeof setOperators; readonly left: SetMembers } | undefined
    const finish = (): SetMembers => {
      const right = current.members()
      current = new Union(this.caseInsensitive)
      return pending === undefined ? right : operate(pending.operator, pending.left, right)
    }
    while (!this.accept("]")) {
      const operator = setOperatorNames.find(text => this.accept(text))
      if (operator !== undefined) pending = { left: finish(), operator }
      else if (this.source[this.at] !== "[") this.#range(current)
      else if (!this.#posix(current)) current.add(this.#bracketed(depth + 1))
    }
    const members = finish()
    return negated ? negate(members) : members
  }

  /** `[:name:]`; anything else that begins like it is an ordinary class. */
  #posix(into: Union): boolean {
    const [whole, negation, name] = /^\[:(\^?)([^:]*):\]/.exec(this.source.slice(this.at)) ?? []
    const source = name === undefined ? undefined : posixClasses.get(name)
    if (whole === undefined || source === undefined) return false
    this.at += whole.length
    if (negation === "") into.addSource(source, 32)
    else into.add(negate({ contains: unionOf(source, this.caseInsensitive), weight: 32 }))
    return true
  }

  #range(into: Union): void {
    const first = this.#item(into)
    const after = this.source[this.at + 1]
    if (this.source[this.at] !== "-" || after === "]" || after === "-") {
      if (first !== undefined) into.addRange(first, first)
      return
    }
    this.at++
    const last = this.#item(into)
    if (first === undefined || last === undefined || first > last) throw new InvalidPattern()
    into.addRange(first, last)
  }

  /** Reads one item: returns a single character, adds anything else to the union. */
  #item(into: Union): number | undefined {
    const character = this.nextCodePoint()
    if (character !== 0x5c) return character
    const escaped = this.nextCharacter()
    const lower = escaped.toLowerCase()
    const perl = perlClasses.get(lower)
    if (perl !== undefined) {
      const [source, weight, negatedWeight] = perl
      if (escaped === lower) into.addSource(source, weight)
      else into.add(negate({ contains: unionOf(source, false), weight }, negatedWeight))
      return undefined
    }
    if (lower !== "p") return escaped.codePointAt(0)
    const query = this.accept("{") ? this.until("}") : this.nextCharacter()
    const source = unicodeProperty(query)
    if (source === undefined) throw new InvalidPattern()
    const weight = propertyWeights.get(source) ?? (source.includes("=") ? 2_500 : 20_000)
    if (escaped === "p") into.addSource(source, weight)
    else into.add(negate({ contains: unionOf(source, this.caseInsensitive), weight }))
    return undefined
  }
}

/** Parses a class (`[…]`, `\d`, `\p{…}` …) in the syntax of Rust's `regex`. */
export const parseSet = (source: string, caseInsensitive: boolean): CharacterSet => {
  const { contains, weight } = new SetReader(source, caseInsensitive).read()
  return new CharacterSet(`${caseInsensitive ? "i" : ""}${source}`, weight, contains)
}
