/**
 * Writes source text: what fits stays on a line, the rest is broken and indented.
 */

/** A piece of source: text, or items between brackets. */
export type Doc = string | Block

/** Items, separated by commas. */
export interface Block {
  readonly before: Doc
  readonly items: ReadonlyArray<Doc | Commented>
  readonly after: string
}

/** An item with a comment above it. */
export interface Commented {
  readonly comment: string
  readonly item: Doc
}

/** The longest line that is not broken. */
const width = 110

export const block = (before: Doc, items: Block["items"], after: string): Block => ({ before, items, after })

/** A member of an object literal. A plain `__proto__` would set the prototype. */
export const property = (name: string, value: Doc): Doc => {
  const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
  const prefix = name === "__proto__" ? '["__proto__"]' : escaped(key)
  return join(`${prefix}: `, value)
}

const join = (prefix: string, doc: Doc): Doc =>
  typeof doc === "string" ? prefix + doc : { ...doc, before: join(prefix, doc.before) }

/** Line separators that JSON allows but comments do not. */
export const escaped = (text: string): string =>
  text.replace(/[\u2028\u2029]/g, character => `\\u${character.charCodeAt(0).toString(16)}`)

/** A documentation comment; its text cannot end it. */
export const comment = (text: string): string => `/** ${text.replaceAll("*/", "*\\/")} */`

/** The text of a piece. */
export const print = (doc: Doc, indent = ""): string => {
  if (typeof doc === "string") return doc
  const before = print(doc.before, indent)
  const flat = flatten(doc)
  if (flat !== undefined && !flat.includes("\n") && indent.length + flat.length <= width) return flat
  const [only] = doc.items
  // A single literal argument needs no lines for its brackets.
  if (doc.items.length === 1 && only !== undefined && doc.after === ")" && isHugged(only)) {
    return `${before.trimEnd()}${print(only, indent)}${doc.after}`
  }
  const inner = `${indent}  `
  const lines = doc.items.map(item =>
    typeof item === "object" && "comment" in item
      ? `${inner}${item.comment}\n${inner}${print(item.item, inner)}`
      : `${inner}${print(item, inner)}`
  )
  return `${before.trimEnd()}\n${lines.join(",\n")}\n${indent}${doc.after.trimStart()}`
}

const isHugged = (item: Doc | Commented): item is Doc =>
  typeof item === "object" && "before" in item && (item.before === "{ " || item.before === "[")

/** On one line, unless there is a comment in it. */
const flatten = (doc: Doc): string | undefined => {
  if (typeof doc === "string") return doc
  const before = flatten(doc.before)
  const items = doc.items.map(item => (typeof item === "object" && "comment" in item ? undefined : flatten(item)))
  return before === undefined || items.includes(undefined) ? undefined : before + items.join(", ") + doc.after
}
