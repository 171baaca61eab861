/**
 * The worked examples of the official package's client initialize response, through the facade.
 */
import { assert, describe, expect, it, vi } from "vitest"
import { Statsig, StatsigUser } from "../../layers/promise.js"
import {
  type Case,
  cases,
  type Json,
  masked,
  optionsOf,
  specsOf,
  withHashedExposures
} from "../engine/support/clientInitializeVectors.js"
import { inlined, type Response } from "./support/clientInitialize.js"

const open = async (vector: Case): Promise<Statsig> => {
  const { sdkOptions, sdkState, setup = [] } = vector
  const statsig = new Statsig("secret-vectors", {
    ...sdkOptions,
    disableNetwork: true,
    outputLogLevel: "none",
    dataStore: {
      initialize: async () => {},
      get: async () => (sdkState === "specs download failed" ? {} : { result: specsOf(vector), time: 1 })
    }
  })
  if (sdkState !== "not initialized") await statsig.initialize()
  const methods = statsig as unknown as Record<string, (...input: ReadonlyArray<unknown>) => void>
  for (const [method, ...input] of setup) methods[method]?.(...input)
  return statsig
}

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

  it("are complete", () => expect(cases.length).toBe(74))
})
