/**
 * Parser of the `str_matches` pattern language: fancy-regex 0.17 as the official engine uses it.
 *
 * Its parser defines what is valid, so this one works the same way, peculiarities included: a flag set inside a group
 * stays set after it, `{` that begins no repetition is a letter, comments may occur between an atom and its repetition,
 * numbered back-references exclude named groups (but not at a level with `|`).
 */

import { anySet, type CharacterSet, InvalidPattern, PatternText, parseSet, variantsSet } from "./set.js"

/** A zero-width condition on a position. */
export type Assertion =
  | "textStart"
  | "textEnd"
  | "lineStart"
  | "lineEnd"
  | "wordBoundary"
  | "notWordBoundary"
  | "wordStart"
  | "wordEnd"
  | "wordStartHalf"
  | "wordEndHalf"

/** A parsed pattern. `maximum` of a repetition may be `Infinity`; groups are numbered from 1. */
export type Node =
  | { readonly type: "empty" }
  | { readonly type: "character"; readonly codePoint: number }
  | { readonly type: "set"; readonly set: CharacterSet }
  | { readonly type: "assertion"; readonly assertion: Assertion }
  | { readonly type: "concat"; readonly children: ReadonlyArray<Node> }
  | { readonly type: "alternation"; readonly children: ReadonlyArray<Node> }
  | { readonly type: "group"; readonly group: number; readonly child: Node }
  | {
      readonly type: "repeat"
      readonly child: Node
      readonly minimum: number
      readonly maximum: number
      readonly greedy: boolean
    }
  | { readonly type: "look"; readonly behind: boolean; readonly negative: boolean; readonly child: Node }
  | { readonly type: "atomic"; readonly child: Node }
  | { readonly type: "backReference"; readonly group: number; readonly caseInsensitive: boolean }
  | { readonly type: "groupMatched"; readonly group: number }
  | { readonly type: "conditional"; readonly condition: Node; readonly yes: Node; readonly no: Node }
  | { readonly type: "keepOut" }
  | { readonly type: "searchStart" }

/** A parsed pattern, and the groups used by back-references or conditions. */
export interface ParsedPattern {
  readonly node: Node
  readonly referenced: ReadonlySet<number>
  readonly groups: number
}

/**
 * The flags: `i` ignores case, `m` lets `^` and `$` match at lines, `s` lets `.` match a line feed, `U` swaps greedy and
 * lazy, `x` ignores white space.
 */
const flagLetters = "imsUx"

const emptyNode: Node = { type: "empty" }

const assertion = (name: Assertion): Node => ({ type: "assertion", assertion: name })

/** A sequence of nodes. */
export const concatenation = (children: ReadonlyArray<Node>): Node => {
  const [first = emptyNode] = children
  return children.length < 2 ? first : { type: "concat", children }
}

/** `\Z`: the end, with any number of line feeds before it. */
const beforeFinalLineFeeds: Node = {
  type: "look",
  behind: false,
  negative: false,
  child: concatenation([
    {
      type: "repeat",
      child: { type: "character", codePoint: 10 },
      minimum: 0,
      maximum: Number.POSITIVE_INFINITY,
      greedy: true
    },
    assertion("textEnd")
  ])
}

/** Groups may nest this deep, the group itself included. */
const maximumDepth = 64

/** The largest 64-bit count: a longer number is not a number. */
const maximumCount = 2 ** 64

/** The text after a backslash: a node, one character, or class syntax that may also occur inside brackets. */
type Escape =
  | { readonly type: "node"; readonly node: Node }
  | { readonly type: "character"; readonly codePoint: number; readonly caseInsensitive: boolean }
  | { readonly type: "set"; readonly source: string; readonly caseInsensitive: boolean }

const controlEscapes = new Map(
  Object.entries({ a: 0x07, b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09, v: 0x0b, e: 0x1b })
)

const assertionEscapes: ReadonlyMap<string, Node> = new Map([
  ["A", assertion("textStart")],
  ["z", assertion("textEnd")],
  ["Z", beforeFinalLineFeeds],
  ["<", assertion("wordStart")],
  [">", assertion("wordEnd")],
  ["K", { type: "keepOut" }],
  ["G", { type: "searchStart" }],
  ["O", { type: "set", set: anySet(true) }]
])

const namedBoundaries: ReadonlyMap<string, Assertion> = new Map([
  ["start", "wordStart"],
  ["end", "wordEnd"],
  ["start-half", "wordStartHalf"],
  ["end-half", "wordEndHalf"]
])

const hexLengths = new Map(Object.entries({ x: 2, u: 4, U: 8 }))

const isDigit = (character: string | undefined): boolean => character !== undefined && /^[0-9]$/.test(character)

const notRepeatable: ReadonlySet<Node["type"]> = new Set(["look", "empty", "keepOut", "searchStart", "groupMatched"])

/**
 * A look-ahead at the very end equals its body, which may not need backtracking: only the existence of a match matters.
 */
const withoutFinalLook = (node: Node): Node => {
  const last = node.type === "concat" ? node.children.at(-1) : node
  if (last?.type !== "look" || last.behind || last.negative) return node
  const rest = node.type === "concat" ? node.children.slice(0, -1) : []
  return concatenation([concatenation(rest), last.child])
}

class Parser extends PatternText {
  #flags = new Set<string>()
  #groups = 0
  #usesNumberedReferences = false
  readonly #names = new Map<string, number>()
  readonly #referenced = new Set<number>()
  /** Case-insensitive letters occur many times in a pattern. */
  readonly #variants = new Map<number, CharacterSet>()

  parse(): ParsedPattern {
    const node = this.#alternatives(0)
    if (this.at < this.source.length) throw new InvalidPattern()
    for (const group of this.#referenced) {
      if (group === 0 || group > this.#groups) throw new InvalidPattern()
    }
    return { node: withoutFinalLook(node), referenced: this.#referenced, groups: this.#groups }
  }

  #peek(): string | undefined {
    return this.source[this.at]
  }

  get #ignoresCase(): boolean {
    return this.#flags.has("i")
  }

  /** Skips comments, and in free-spacing mode white space. */
  #skipSpace(): void {
    const { source } = this
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (this.#flags.has("x") && character === "#") {
        const end = source.indexOf("\n", this.at)
        this.at = end < 0 ? source.length : end + 1
      } else if (this.#flags.has("x") && " \r\n\t".includes(character)) {
        this.at++
      } else if (this.startsWith("(?#")) {
        this.at += 3
        while (source[this.at] !== ")") {
          if (this.at >= source.length) throw new InvalidPattern()
          this.at += source[this.at] === "\\" ? 2 : 1
        }
        this.at++
      } else return
    }
  }

  #alternatives(depth: number): Node {
    const first = this.#branch(depth)
    this.#skipSpace()
    if (this.#peek() !== "|") {
      if (this.#usesNumberedReferences && this.#names.size > 0) throw new InvalidPattern()
      return first
    }
    const children = [first]
    while (this.accept("|")) {
      children.push(this.#branch(depth))
      this.#skipSpace()
    }
    return { type: "alternation", children }
  }

  #branch(depth: number): Node {
    const children: Array<Node> = []
    while (this.at < this.source.length) {
      const before = this.at
      const child = this.#piece(depth)
      if (this.at === before) break
      if (child.type !== "empty") children.push(child)
    }
    return concatenation(children)
  }

  /** An atom and its repetition. */
  #piece(depth: number): Node {
    const child = this.#atom(depth)
    this.#skipSpace()
    const bounds = this.#bounds()
    if (bounds === undefined) return child
    if (notRepeatable.has(child.type)) throw new InvalidPattern()
    this.#skipSpace()
    const lazy = this.accept("?")
    const [minimum, maximum] = bounds
    const node: Node = { type: "repeat", child, minimum, maximum, greedy: lazy === this.#flags.has("U") }
    return this.accept("+") ? { type: "atomic", child: node } : node
  }

  #bounds(): readonly [minimum: number, maximum: number] | undefined {
    if (this.accept("?")) return [0, 1]
    if (this.accept("*")) return [0, Number.POSITIVE_INFINITY]
    if (this.accept("+")) return [1, Number.POSITIVE_INFINITY]
    if (this.#peek() !== "{") return undefined
    const start = this.at
    const bounds = this.#counts()
    if (bounds === undefined) this.at = start
    return bounds
  }

  /** `{2}`, `{2,}`, `{,3}`, `{2,3}`, or undefined if the brace is a letter. */
  #counts(): readonly [minimum: number, maximum: number] | undefined {
    this.at++
    this.#skipSpace()
    const minimum = this.#peek() === "," ? 0 : this.#number()
    if (minimum === undefined) return undefined
    let maximum = minimum
    this.#skipSpace()
    if (this.accept(",")) {
      this.#skipSpace()
      maximum = this.#number() ?? Number.POSITIVE_INFINITY
      this.#skipSpace()
    }
    return this.accept("}") ? [minimum, maximum] : undefined
  }

  #number(): number | undefined {
    const digits = /^[0-9]+/.exec(this.source.slice(this.at))?.[0]
    if (digits === undefined || Number(digits) >= maximumCount) return undefined
    this.at += digits.length
    return Number(digits)
  }

  #atom(depth: number): Node {
    this.#skipSpace()
    const character = this.#peek()
    switch (character) {
      case undefined:
      case "+":
      case "*":
      case "?":
      case "|":
      case ")":
        return emptyNode
      case ".":
        this.at++
        return { type: "set", set: anySet(this.#flags.has("s")) }
      case "^":
        this.at++
        return assertion(this.#flags.has("m") ? "lineStart" : "textStart")
      case "$":
        this.at++
        return assertion(this.#flags.has("m") ? "lineEnd" : "textEnd")
      case "(":
        return this.#group(depth)
      case "\\":
        return this.#escapeNode()
      case "[":
        return this.#class()
      default:
        return this.#literal(this.nextCodePoint(), this.#ignoresCase)
    }
  }

  #literal(codePoint: number, caseInsensitive: boolean): Node {
    const character = String.fromCodePoint(codePoint)
    if (!caseInsensitive || character.toLowerCase() === character.toUpperCase()) return { type: "character", codePoint }
    const set = this.#variants.get(codePoint) ?? variantsSet(codePoint)
    this.#variants.set(codePoint, set)
    return { type: "set", set }
  }

  #escapeNode(): Node {
    const escape = this.#escape(false)
    switch (escape.type) {
      case "node":
        return escape.node
      case "character":
        return this.#literal(escape.codePoint, escape.caseInsensitive)
      case "set":
        return { type: "set", set: parseSet(escape.source, escape.caseInsensitive) }
    }
  }

  #escape(inClass: boolean): Escape {
    const start = this.at
    this.at++
    const codePoint = this.nextCodePoint()
    const name = String.fromCodePoint(codePoint)
    const caseInsensitive = this.#ignoresCase
    if (isDigit(name)) {
      this.at = start + 1
      this.#usesNumberedReferences = true
      return { type: "node", node: this.#backReference(this.#number()) }
    }
    if (!inClass) {
      if (name === "k") {
        const node = this.#peek() === "'" ? this.#namedReference("'", "'", true) : this.#namedReference("<", ">", true)
        return { type: "node", node }
      }
      if (name === "b" || name === "B") return { type: "node", node: this.#boundary(name) }
      const node = assertionEscapes.get(name)
      if (node !== undefined) return { type: "node", node }
    }
    if (/^[dswDSW]$/.test(name)) return { type: "set", source: `\\${name}`, caseInsensitive }
    if (name === "h") return { type: "set", source: "[0-9A-Fa-f]", caseInsensitive: false }
    if (name === "H") return { type: "set", source: "[^0-9A-Fa-f]", caseInsensitive: false }
    if ((name === "p" || name === "P") && this.at < this.source.length) {
      if (this.nextCharacter() === "{") this.until("}")
      return { type: "set", source: this.source.slice(start, this.at), caseInsensitive }
    }
    const hexLength = hexLengths.get(name)
    if (hexLength !== undefined) {
      this.#skipSpace()
      return { type: "character", codePoint: this.#hex(hexLength), caseInsensitive }
    }
    const control = controlEscapes.get(name)
    if (control !== undefined) return { type: "character", codePoint: control, caseInsensitive: false }
    // Inside a class the letters of these position escapes are literal; other letters are invalid.
    if (/^[A-Za-z]$/.test(name) && !(inClass && "kAzBKG".includes(name))) throw new InvalidPattern()
    return { type: "character", codePoint, caseInsensitive: false }
  }

  #hex(length: number): number {
    const fixed = this.source.slice(this.at, this.at + length)
    if (fixed.length === length && /^[0-9A-Fa-f]+$/.test(fixed)) {
      this.at += length
      return this.#codePoint(fixed)
    }
    if (!this.accept("{")) throw new InvalidPattern()
    let digits = ""
    for (;;) {
      this.#skipSpace()
      const character = this.nextCharacter()
      if (character === "}" && digits !== "") return this.#codePoint(digits)
      if (!/^[0-9A-Fa-f]$/.test(character) || digits.length === 8) throw new InvalidPattern()
      digits += character
    }
  }

  #codePoint(digits: string): number {
    const codePoint = Number.parseInt(digits, 16)
    if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) throw new InvalidPattern()
    return codePoint
  }

  /** `\b`, `\B`, or one of the named `\b{…}`; a brace with a digit or a comma is left for a repetition. */
  #boundary(name: string): Node {
    const plain = assertion(name === "b" ? "wordBoundary" : "notWordBoundary")
    const end = this.at
    this.#skipSpace()
    if (!this.accept("{")) {
      this.at = end
      return plain
    }
    const open = this.at
    this.#skipSpace()
    const next = this.#peek()
    if (isDigit(next) || next === ",") {
      this.at = end
      return plain
    }
    this.at = open
    let content = ""
    for (this.#skipSpace(); !this.accept("}"); this.#skipSpace()) content += this.nextCharacter()
    const boundary = name === "b" ? namedBoundaries.get(content) : undefined
    if (boundary === undefined) throw new InvalidPattern()
    return assertion(boundary)
  }

  /** A bracketed class, rewritten to the syntax of `parseSet`: only the outer parser knows all escapes. */
  #class(): Node {
    let source = "["
    this.at++
    if (this.accept("^")) source += "^"
    if (this.accept("]")) source += "]"
    let nesting = 1
    while (nesting > 0) {
      const character = this.#peek()
      if (character === undefined) throw new InvalidPattern()
      if (character === "\\") {
        const escape = this.#escape(true)
        if (escape.type === "node") throw new InvalidPattern()
        if (escape.type === "set") source += escape.source
        else {
          const literal = String.fromCodePoint(escape.codePoint)
          source += /^[\\.+*?()|[\]{}^$#&\-~]$/.test(literal) ? `\\${literal}` : literal
        }
        continue
      }
      if (character === "[") nesting++
      if (character === "]") nesting--
      source += this.nextCharacter()
    }
    return { type: "set", set: parseSet(source, this.#ignoresCase) }
  }

  #backReference(group: number | undefined): Node {
    if (group === undefined) throw new InvalidPattern()
    this.#referenced.add(group)
    return { type: "backReference", group, caseInsensitive: this.#ignoresCase }
  }

  #namedReference(open: string, close: string, allowsRelative: boolean): Node {
    return this.#backReference(this.#groupReference(open, close, allowsRelative))
  }

  /** The group number of a name, a number or a relative reference (`-1` is the last opened group). */
  #groupReference(open: string, close: string, allowsRelative: boolean): number {
    const reference = /^([\p{Alphabetic}\p{N}_]*)(?:([+-])([0-9]+))?/u
    const [whole = "", name = "", sign, digits] = reference.exec(this.source.slice(this.at + open.length)) ?? []
    const relative = sign !== undefined
    const end = this.at + open.length + whole.length
    if (!this.startsWith(open) || !this.source.startsWith(close, end)) throw new InvalidPattern()
    if (relative ? !allowsRelative || name !== "" || Number(digits) === 0 : name === "") throw new InvalidPattern()
    this.at = end + close.length
    if (relative) {
      const group = sign === "+" ? this.#groups + Number(digits) : this.#groups + 1 - Number(digits)
      if (group < 0) throw new InvalidPattern()
      return group
    }
    const group = this.#names.get(name) ?? (/^[0-9]+$/.test(name) ? Number(name) : undefined)
    if (group === undefined) throw new InvalidPattern()
    return group
  }

  #group(depth: number): Node {
    if (depth + 1 >= maximumDepth) throw new InvalidPattern()
    this.at++
    this.#skipSpace()
    if (this.accept("?=")) return this.#look(depth, false, false)
    if (this.accept("?!")) return this.#look(depth, false, true)
    if (this.accept("?<=")) return this.#look(depth, true, false)
    if (this.accept("?<!")) return this.#look(depth, true, true)
    if (this.startsWith("?<")) return this.#namedGroup(depth, 1, "<", ">")
    if (this.startsWith("?'")) return this.#namedGroup(depth, 1, "'", "'")
    if (this.startsWith("?P<")) return this.#namedGroup(depth, 2, "<", ">")
    if (this.accept("?P=")) return this.#namedReference("", ")", false)
    if (this.accept("?>")) return { type: "atomic", child: this.#groupBody(depth) }
    if (this.accept("?(")) return this.#conditional(depth)
    if (this.accept("?")) return this.#flagGroup(depth)
    const group = ++this.#groups
    return { type: "group", group, child: this.#groupBody(depth) }
  }

  #groupBody(depth: number): Node {
    const node = this.#alternatives(depth + 1)
    this.#closeGroup()
    return node
  }

  #closeGroup(): void {
    this.#skipSpace()
    if (!this.accept(")")) throw new InvalidPattern()
  }

  #look(depth: number, behind: boolean, negative: boolean): Node {
    return { type: "look", behind, negative, child: this.#groupBody(depth) }
  }

  #namedGroup(depth: number, skip: number, open: string, close: string): Node {
    const group = ++this.#groups
    this.at += skip + open.length
    const name = /^[\p{Alphabetic}\p{N}_]+/u.exec(this.source.slice(this.at))?.[0]
    if (name === undefined) throw new InvalidPattern()
    this.at += name.length
    if (!this.accept(close)) throw new InvalidPattern()
    this.#names.set(name, group)
    return { type: "group", group, child: this.#groupBody(depth) }
  }

  #flagGroup(depth: number): Node {
    const start = this.at
    const before = new Set(this.#flags)
    let negated = false
    for (;;) {
      this.#skipSpace()
      const position = this.at
      const character = this.nextCharacter()
      if (flagLetters.includes(character)) this.#flags[negated ? "delete" : "add"](character)
      else if (character === "-" && !negated) negated = true
      else if (character === ":" && !(negated && position === start + 1)) {
        const node = this.#alternatives(depth + 1)
        if (!this.accept(")")) throw new InvalidPattern()
        this.#flags = before
        return node
      } else if (character === ")" && position !== start && !(negated && position === start + 1)) return emptyNode
      else if (character !== "u" || negated) throw new InvalidPattern()
    }
  }

  #conditional(depth: number): Node {
    const condition = this.#condition(depth)
    const start = this.at
    const branches = this.#alternatives(depth + 1)
    const hasBranches = this.at !== start
    this.#closeGroup()
    if (!hasBranches) {
      if (condition.type !== "groupMatched") throw new InvalidPattern()
      return condition
    }
    const [yes = emptyNode, ...rest] = branches.type === "alternation" ? branches.children : [branches]
    const no: Node = rest.length > 1 ? { type: "alternation", children: rest } : (rest[0] ?? emptyNode)
    return yes.type === "empty" && no.type === "empty" ? condition : { type: "conditional", condition, yes, no }
  }

  #condition(depth: number): Node {
    const character = this.#peek()
    let condition: Node
    if (character === "'") condition = this.#namedReference("'", "')", true)
    else if (character === "<") condition = this.#namedReference("<", ">)", true)
    else if (character === "+" || character === "-" || isDigit(character)) {
      condition = this.#namedReference("", ")", true)
    } else condition = this.#groupBody(depth)
    return condition.type === "backReference" ? { type: "groupMatched", group: condition.group } : condition
  }
}

/**
 * Parses a pattern.
 *
 * @throws InvalidPattern when the official engine would reject it
 */
export const parsePattern = (source: string): ParsedPattern => new Parser(source).parse()
