/**
 * Infers the type that all of some JSON values fit.
 */
import type { Json, JsonObject } from "../Evaluation.js"
import { ownValue } from "../engine/json.js"
import { block, type Doc, escaped, property } from "./source.js"

/** The kinds of values that are neither arrays nor objects. */
type ScalarKind = "string" | "number" | "boolean" | "null"

/** Grows with each value that is added. */
export interface Shape {
  readonly scalars: Set<ScalarKind>
  /** The shape of all elements of all arrays. */
  array?: Shape
  object?: ObjectShape
}

interface ObjectShape {
  /** The objects that were added. */
  count: number
  /** Each member with the number of objects that have it. */
  readonly members: Map<string, { count: number; readonly shape: Shape }>
}

const makeShape = (): Shape => ({ scalars: new Set() })

/** The shape of these values. */
export const shapeOf = (values: ReadonlyArray<Json>): Shape => {
  const shape = makeShape()
  for (const value of values) addShape(shape, value)
  return shape
}

const addShape = (shape: Shape, value: Json): void => {
  if (typeof value !== "object" || value === null) {
    shape.scalars.add(value === null ? "null" : (typeof value as ScalarKind))
  } else if (Array.isArray(value)) {
    shape.array ??= makeShape()
    for (const item of value) addShape(shape.array, item)
  } else {
    shape.object ??= { count: 0, members: new Map() }
    shape.object.count++
    for (const [key, member] of shapeMembers(value as JsonObject)) {
      const known = shape.object.members.get(key) ?? { count: 0, shape: makeShape() }
      known.count++
      addShape(known.shape, member)
      shape.object.members.set(key, known)
    }
  }
}

/** Schema cannot hold a member named `__proto__`: it is left out like an unknown one. */
const shapeMembers = (value: JsonObject): ReadonlyArray<readonly [string, Json]> =>
  Object.keys(value)
    .filter(key => key !== "__proto__")
    .sort()
    .map(key => [key, ownValue(value, key) as Json])

/** Deeper nesting is too much for the compiler. */
const maxShapeDepth = 16

/** How types are written in one API. */
export interface DocWords extends Readonly<Record<ScalarKind, string>> {
  readonly unknown: string
  /** Any object. */
  readonly record: string
  readonly nullable: (type: Doc) => Doc
  readonly union: (types: ReadonlyArray<Doc>) => Doc
  readonly array: (type: Doc) => Doc
  readonly object: (members: Doc) => Doc
  /** A member that may be missing. */
  readonly optional: (type: Doc) => Doc
}

/** The type of a shape. */
export const typeDoc = (shape: Shape, words: DocWords, depth = 0): Doc => {
  const scalars = (["string", "number", "boolean"] as const).filter(kind => shape.scalars.has(kind))
  const parts: Array<Doc> = scalars.map(kind => words[kind])
  const hasNull = shape.scalars.has("null")
  if (depth >= maxShapeDepth && (shape.array ?? shape.object)) return words.unknown
  if (shape.array) parts.push(words.array(typeDoc(shape.array, words, depth + 1)))
  if (shape.object) parts.push(objectDoc(shape.object, words, depth + 1))
  if (parts.length === 0) return hasNull ? words.null : words.unknown
  const one = parts.length === 1 ? parts[0]! : words.union(parts)
  return hasNull ? words.nullable(one) : one
}

const objectDoc = ({ count, members }: ObjectShape, words: DocWords, depth: number): Doc => {
  if (members.size === 0) return words.record
  const fields = [...members].sort(byName).map(([key, member]) => {
    // For the compiler every object has these members, and they are functions.
    const type = key in Object.prototype ? words.unknown : typeDoc(member.shape, words, depth)
    return property(key, member.count === count ? type : words.optional(type))
  })
  return words.object(block("{ ", fields, " }"))
}

/** By code units, the same everywhere. */
export const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : one > other ? 1 : 0

/** A value as source code. */
export const valueDoc = (value: Json): Doc => {
  if (Object.is(value, -0)) return "-0"
  if (typeof value !== "object" || value === null) return literalShape(value)
  if (Array.isArray(value)) return block("[", value.map(valueDoc), "]")
  const members = shapeMembers(value as JsonObject)
  if (members.length === 0) return "{}"
  const fields = members.map(([key, member]) => property(key, valueDoc(member)))
  return block("{ ", fields, " }")
}

/** A scalar as source code. */
export const literalShape = (value: string | number | boolean | null): string => escaped(JSON.stringify(value))
