/**
 * The JSON form of what a program hands to OpenFeature: the one that `JSON.stringify` makes, but for dates, which become
 * what the caller wants, and within the bounds of a `Walk`. Throws for a bigint and what throws when it is read.
 */
import type { Json } from "../engine/json.js"
import { Walk } from "../internal/walk.js"

/** `undefined` for what has no JSON form, and for what is left out. */
export const toFlagJson = (value: unknown, ofDate: (date: Date) => Json, walk = new Walk()): Json | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : null
    case "bigint":
      throw new TypeError("a bigint has no JSON form")
    case "object": {
      if (value === null) return null
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : ofDate(value)
      const { toJSON } = value as { readonly toJSON?: unknown }
      if (typeof toJSON !== "function") return partsToJson(value, ofDate, walk)
      const shown: unknown = toJSON.call(value)
      // What it gives is not asked again.
      return typeof shown === "object" && shown !== null
        ? partsToJson(shown, ofDate, walk)
        : toFlagJson(shown, ofDate, walk)
    }
    default:
      return undefined
  }
}

const partsToJson = (value: object, ofDate: (date: Date) => Json, walk: Walk): Json | undefined =>
  Array.isArray(value)
    ? walk.items(value, (holder, index) => toFlagJson(holder[index], ofDate, walk))
    : walk.members(value, Object.keys, (holder, key) => toFlagJson(holder[key], ofDate, walk))
