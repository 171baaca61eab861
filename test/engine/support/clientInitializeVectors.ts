/**
 * The worked examples of the official package's client initialize response.
 */
import { assert } from "vitest"
import type { ClientInitResponseOptions, StatsigUserArgs } from "../../../layers/promise.js"
import { type HashAlgorithm, hashedName } from "../../../src/engine/hashing/nameHash.js"
import vectors from "../../vectors/client-initialize-vectors.json" with { type: "json" }
import type { Call } from "./overrides.js"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export interface Case {
  readonly name: string
  readonly user: { readonly userID: string } & StatsigUserArgs
  readonly userIsPlainObject?: boolean
  readonly options?: { readonly [option: string]: unknown }
  readonly specsMergePatch?: Json
  readonly sdkOptions?: object
  readonly sdkState?: "not initialized" | "specs download failed"
  readonly setup?: ReadonlyArray<Call>
  readonly response: Json
  readonly volatile: ReadonlyArray<string>
  readonly responseInlined?: boolean
}

export const cases = vectors.cases as unknown as ReadonlyArray<Case>

/** RFC 7396. */
const patched = (target: Json, patch: Json): Json => {
  if (!isObject(patch)) return patch
  const result: { [key: string]: Json } = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = patched(result[key] ?? null, value)
  }
  return result
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The payload of a case. */
export const specsOf = ({ specsMergePatch }: Case): string =>
  JSON.stringify(specsMergePatch === undefined ? vectors.specs : patched(vectors.specs as Json, specsMergePatch))

export const optionsOf = (options: Case["options"]): ClientInitResponseOptions =>
  Object.fromEntries(
    Object.entries(options ?? {}).map(([key, value]) => [key, key.endsWith("Filter") ? new Set(value as []) : value])
  )

/** Replaces each value that differs every time by the same word. */
export const masked = (response: Json, pointers: ReadonlyArray<string>): Json => {
  const copy = structuredClone(response)
  for (const pointer of pointers) {
    const keys = pointer.split("/").slice(1)
    const last = keys.pop() as string
    const parent = keys.reduce((value, key) => (value as Record<string, Json>)[key] as Json, copy) as Record<
      string,
      Json
    >
    assert.property(parent, last)
    parent[last] = "<volatile>"
  }
  return copy
}

/** The official package does not hash exposures of bandits in its shortest format; here they are hashed. */
export const withHashedExposures = (expected: Json, options: Case["options"]): Json =>
  JSON.parse(JSON.stringify(expected), (key, value) =>
    key === "gate" && Object.hasOwn(vectors.specs.feature_gates, value)
      ? hashedName((options?.["hashAlgorithm"] ?? "djb2") as HashAlgorithm, value)
      : value
  )
