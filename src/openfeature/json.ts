/**
 * The JSON form of values that a program passes to OpenFeature: that of `JSON.stringify`, except that the caller
 * converts dates, and within the bounds of a `Walk`. Throws for a bigint, and if reading throws.
 */
import type { Json } from "../engine/json.js"
import { Walk } from "../internal/walk.js"

/** `undefined` for a value without a JSON form, and for one that is left out. */
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
      // The `toJSON` of its result is not called.
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
