/**
 * The worked examples of the official package's client initialize response.
 */
import { assert, describe, expect, it, vi } from "vitest"
import { type ClientInitResponseOptions, Statsig, StatsigUser, type StatsigUserArgs } from "../../layers/promise.js"
import { type HashAlgorithm, hashedName } from "../../src/engine/hashing/nameHash.js"
import vectors from "../vectors/client-initialize-vectors.json" with { type: "json" }
import { inlined, type Response } from "./support/clientInitialize.js"

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

interface Case {
  readonly name: string
  readonly user: { readonly userID: string } & StatsigUserArgs
  readonly userIsPlainObject?: boolean
  readonly options?: { readonly [option: string]: unknown }
  readonly specsMergePatch?: Json
  readonly sdkOptions?: object
  readonly sdkState?: "not initialized" | "specs download failed"
  readonly setup?: ReadonlyArray<readonly [string, ...Array<unknown>]>
  readonly response: Json
  readonly volatile: ReadonlyArray<string>
  readonly responseInlined?: boolean
}

const cases = vectors.cases as unknown as ReadonlyArray<Case>

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

const open = async ({ sdkOptions, sdkState, setup = [], specsMergePatch }: Case): Promise<Statsig> => {
  const specs = specsMergePatch === undefined ? vectors.specs : patched(vectors.specs as Json, specsMergePatch)
  const statsig = new Statsig("secret-vectors", {
    ...sdkOptions,
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: {
      initialize: async () => {},
      get: async () => (sdkState === "specs download failed" ? {} : { result: JSON.stringify(specs), time: 1 })
    }
  })
  if (sdkState !== "not initialized") await statsig.initialize()
  const methods = statsig as unknown as Record<string, (...input: ReadonlyArray<unknown>) => void>
  for (const [method, ...input] of setup) methods[method]?.(...input)
  return statsig
}

const optionsOf = (options: Case["options"]): ClientInitResponseOptions =>
  Object.fromEntries(
    Object.entries(options ?? {}).map(([key, value]) => [key, key.endsWith("Filter") ? new Set(value as []) : value])
  )

const masked = (response: Json, pointers: ReadonlyArray<string>): Json => {
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

/** Exposures of bandits, which the official package does not hash in its shortest format, are hashed here. */
const withHashedExposures = (expected: Json, options: Case["options"]): Json =>
  JSON.parse(JSON.stringify(expected), (key, value) =>
    key === "gate" && Object.hasOwn(vectors.specs.feature_gates, value)
      ? hashedName((options?.["hashAlgorithm"] ?? "djb2") as HashAlgorithm, value)
      : value
  )

describe("client initialize vectors", () => {
  it.each(cases)("$name", async vector => {
    const statsig = await open(vector)
    const error = vi.spyOn(console, "error").mockImplementation(() => {})
    const user = vector.userIsPlainObject ? (vector.user as unknown as StatsigUser) : new StatsigUser(vector.user)
    const options = optionsOf(vector.options)
    const previous = options.previousResponseHash
    if (previous?.startsWith("<")) {
      const first = statsig.getClientInitializeResponse(user, { ...options, previousResponseHash: "" })
      options.previousResponseHash = JSON.parse(first).full_checksum
    }
    const text = statsig.getClientInitializeResponse(user, options)
    expect(error).toHaveBeenCalledTimes(vector.userIsPlainObject ? 1 : 0)
    error.mockRestore()
    const response = JSON.parse(text) as Response
    const compared = vector.responseInlined ? inlined(response) : response
    assert.deepStrictEqual(
      masked(compared as unknown as Json, vector.volatile),
      vector.options?.["responseFormat"] === 2 ? withHashedExposures(vector.response, vector.options) : vector.response
    )
    await statsig.shutdown()
  })

  it("are all there", () => expect(cases.length).toBe(74))
})
