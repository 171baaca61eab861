/** JSON that is generated before it is text: object keys may be anything, and a number keeps its given spelling. */

/**
 * Text that is written into the JSON unchanged, such as a number that JavaScript cannot hold or would spell
 * differently.
 */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A JSON value; objects are maps, so that `__proto__` is a key like any other. */
export type Tree = null | boolean | number | string | Raw | ReadonlyArray<Tree> | TreeObject

/** A JSON object. */
export type TreeObject = Map<string, Tree>

/** An object; `undefined` members are omitted. */
export const object = (members: { readonly [key: string]: Tree | undefined }): TreeObject =>
  new Map(Object.entries(members).filter((member): member is [string, Tree] => member[1] !== undefined))

/** The JSON text. */
export const write = (tree: Tree): string => {
  if (tree instanceof Raw) return tree.text
  if (tree instanceof Map) return `{${[...tree].map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`)}}`
  if (Array.isArray(tree)) return `[${tree.map(write)}]`
  return Object.is(tree, -0) ? "-0" : JSON.stringify(tree)
}

/** The tree as plain JavaScript values. */
export const plain = (tree: Tree): unknown => {
  if (tree instanceof Raw) return JSON.parse(tree.text)
  if (tree instanceof Map) {
    const result = {}
    for (const [key, value] of tree) {
      Object.defineProperty(result, key, { value: plain(value), enumerable: true, writable: true, configurable: true })
    }
    return result
  }
  return Array.isArray(tree) ? tree.map(plain) : tree
}

/** A copy without a member. */
export const without = (tree: TreeObject, key: string): TreeObject =>
  new Map([...tree].filter(([name]) => name !== key))

/** The object at a member, an empty one when there is none. */
export const objectAt = (tree: TreeObject, key: string): TreeObject => {
  const member = tree.get(key)
  return member instanceof Map ? member : new Map()
}

/** The list at a member, an empty one when there is none. */
export const listAt = (tree: TreeObject, key: string): ReadonlyArray<Tree> => {
  const member = tree.get(key)
  return Array.isArray(member) ? member : []
}

/** The text at a member, if it is one. */
export const textAt = (tree: TreeObject, key: string): string | undefined => {
  const member = tree.get(key)
  return typeof member === "string" ? member : undefined
}

/** Without members named `__proto__`, on which the official package fails when it reads a layer parameter. */
export const withoutPrototypes = (tree: Tree): Tree => {
  if (Array.isArray(tree)) return tree.map(withoutPrototypes)
  if (!(tree instanceof Map)) return tree
  return new Map([...tree].map(([key, member]) => [key === "__proto__" ? "proto" : key, withoutPrototypes(member)]))
}
