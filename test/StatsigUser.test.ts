/** Users of the Effect API: conversion of anything that a program passes in. */
import { assert, describe, it } from "@effect/vitest"
import * as Overrides from "../src/Overrides.js"
import * as PersistentStorage from "../src/PersistentStorage.js"
import * as StatsigUser from "../src/StatsigUser.js"
import { author, countValues, diamond, endless } from "./support/endless.js"

const throwing = {
  get member(): never {
    throw new Error("of the program")
  },
  good: 1
}
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe("make", () => {
  for (const [what, value] of Object.entries(endless)) {
    it(`ends with ${what}`, () => {
      const user = StatsigUser.make({
        custom: { value: value() },
        privateAttributes: value() as Record<string, unknown>
      })
      assert.isAtMost(countValues(user.custom), 100_000)
      assert.isAtMost(countValues(user.privateAttributes), 100_000)
    })
  }

  it("omits an object nested in itself, and keeps a shared one", () => {
    assert.deepStrictEqual(StatsigUser.make({ custom: { author: author(1) } }).custom, {
      author: { name: "ada", posts: [{ index: 0 }] }
    })
    assert.deepStrictEqual(StatsigUser.make({ custom: { value: diamond(6) } }).custom, {
      value: JSON.parse(JSON.stringify(diamond(6)))
    })
  })

  it("omits what cannot be read", () => {
    const custom = { throwing, revoked: revoked(), list: [revoked(), 1] }
    assert.deepStrictEqual(StatsigUser.make({ custom }).custom, { throwing: { good: 1 }, list: [null, 1] })
    assert.isUndefined(StatsigUser.make({ custom: revoked() }).custom)
    const input = {
      userID: "u",
      get email(): never {
        throw new Error("of the program")
      }
    }
    assert.strictEqual(StatsigUser.make(input).userID, "u")
  })
})

describe("other values that a program passes in", () => {
  for (const [what, value] of Object.entries(endless)) {
    it(`are bounded in overrides and sticky assignments: ${what}`, () => {
      const overrides = Overrides.make([{ dynamicConfig: "config", value: { value: value() } }])
      assert.isAtMost(countValues(overrides.find("dynamicConfig", "config", StatsigUser.make({}))), 100_000)
      const entry = { value: true, json_value: value(), secondary_exposures: [], time: 1 }
      assert.isAtMost(countValues(PersistentStorage.decode({ entry })?.get("entry")?.json_value), 100_000)
    })
  }

  it("are a malformed sticky assignment where they cannot be read", () => {
    assert.isUndefined(PersistentStorage.decode({ entry: revoked() }))
    assert.isUndefined(PersistentStorage.decode(Object.defineProperty({}, "entry", { enumerable: true, get: revoked })))
  })
})
