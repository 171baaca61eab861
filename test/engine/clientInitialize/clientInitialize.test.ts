import { assert, describe, expect, it } from "vitest"
import { ResponseBuffer } from "../../../src/engine/byteBuffer.js"
import type { ClientInitializeOptions } from "../../../src/engine/clientInitialize/clientInitialize.js"
import type { Engine } from "../../../src/engine/engine.js"
import { OverrideTable } from "../../../src/engine/evaluate/overrides.js"
import type { JsonObject } from "../../../src/engine/json.js"
import { User } from "../../../src/engine/user.js"
import { clientInitializeOptions } from "../../../src/promise/clientInitialize.js"
import * as StatsigUser from "../../../src/StatsigUser.js"
import { inlined, type Response } from "../../conformance/support/clientInitialize.js"
import { payload } from "../../layers/support/specs.js"
import {
  cases,
  type Json,
  masked,
  optionsOf,
  specsOf,
  withHashedExposures
} from "../support/clientInitializeVectors.js"
import { engineOver, parseSpecs } from "../support/engine.js"
import { overridesOf } from "../support/overrides.js"

const noID = { userID: "" }

const respond = (engine: Engine, user: User, options: ClientInitializeOptions = {}): Response => {
  const buffer = new ResponseBuffer()
  engine.writeClientInitializeResponse(user, options, buffer)
  return JSON.parse(buffer.text) as Response
}

describe("the response of the official package", () => {
  it.each(cases.filter(({ userIsPlainObject }) => userIsPlainObject !== true))("$name", async vector => {
    const { environment, globalCustomFields } = (vector.sdkOptions ?? {}) as {
      readonly environment?: string
      readonly globalCustomFields?: JsonObject
    }
    const engine = engineOver(vector.sdkState === undefined ? await parseSpecs(specsOf(vector)) : undefined, {
      host: { environment, globalCustomFields },
      overrides: overridesOf(vector.setup),
      source: vector.sdkState === "not initialized" ? "Uninitialized" : "NoValues"
    })
    // Officially a user without any ID has the empty one.
    const user = StatsigUser.make("customIDs" in vector.user ? vector.user : { ...noID, ...vector.user })
    let options = clientInitializeOptions(optionsOf(vector.options))
    if (options.previousResponseHash?.startsWith("<")) {
      const first = respond(engine, user, { ...options, previousResponseHash: "" })
      options = { ...options, previousResponseHash: String(first["full_checksum"]) }
    }
    const response = respond(engine, user, options)
    assert.deepStrictEqual(
      masked((vector.responseInlined ? inlined(response) : response) as unknown as Json, vector.volatile),
      vector.options?.["responseFormat"] === 2 ? withHashedExposures(vector.response, vector.options) : vector.response
    )
  })
})

describe("responses from cached entries", () => {
  it("equal those of an engine without a cache, for users in any order", async () => {
    const vector = cases.find(({ specsMergePatch }) => specsMergePatch === undefined)
    if (vector === undefined) throw new Error("there is no such case")
    const snapshot = await parseSpecs(specsOf(vector))
    const engine = engineOver(snapshot)
    const users = Array.from({ length: 12 }, (_, index) =>
      StatsigUser.make({ ...vector.user, userID: `u${index % 5}`, custom: { level: index % 3 } })
    )
    for (const user of users) expect(respond(engine, user)).toEqual(respond(engineOver(snapshot), user))
  })

  it("follow overrides that are added and removed", async () => {
    const overrides = new OverrideTable()
    const engine = engineOver(await parseSpecs(payload()), { overrides })
    const gate = () =>
      respond(engine, new User({ userID: "u" }), { hashAlgorithm: "none", includeLocalOverrides: true })
    const value = () => gate().feature_gates["gate"]?.["value"]
    expect(value()).toBe(true)
    overrides.set("gate", "gate", false)
    expect(value()).toBe(false)
    overrides.clear()
    expect(value()).toBe(true)
  })
})
