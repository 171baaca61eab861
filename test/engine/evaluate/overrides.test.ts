import { describe, expect, it } from "vitest"
import { firstOf, OverrideTable } from "../../../src/engine/evaluate/overrides.js"
import { User } from "../../../src/engine/user.js"
import { runVectors } from "../support/runVectors.js"

runVectors(name => name.startsWith("overrides"))

const user = new User({ userID: "u", customIDs: { companyID: "c", number: 7 } })
const other = new User({ userID: "other" })

describe("a table of overrides", () => {
  it("applies to everyone without an ID", () => {
    const table = new OverrideTable()
    table.set("gate", "gate", true)
    expect(table.find("gate", "gate", user)).toBe(true)
    expect(table.find("gate", "another gate", user)).toBeUndefined()
    expect(table.find("layer", "gate", user)).toBeUndefined()
  })

  it("prefers the user's ID to a custom one, and that to everyone", () => {
    const table = new OverrideTable()
    table.set("layer", "layer", { is: "everyone" })
    table.set("layer", "layer", { is: "company" }, "c")
    table.set("layer", "layer", { is: "user" }, "u")
    expect(table.find("layer", "layer", user)).toEqual({ is: "user" })
    table.remove("layer", "layer", "u")
    expect(table.find("layer", "layer", user)).toEqual({ is: "company" })
    expect(table.find("layer", "layer", other)).toEqual({ is: "everyone" })
  })

  it("matches IDs by their text", () => {
    const table = new OverrideTable()
    table.set("gate", "gate", true, "7")
    expect(table.find("gate", "gate", user)).toBe(true)
    expect(table.find("gate", "gate", other)).toBeUndefined()
  })

  it("is empty again once all are removed", () => {
    const table = new OverrideTable()
    expect(table.isEmpty()).toBe(true)
    table.set("gate", "gate", true, "a")
    table.set("gate", "gate", true, "b")
    table.set("experiment", "experiment", {})
    expect(table.names()).toEqual([
      { kind: "gate", name: "gate" },
      { kind: "experiment", name: "experiment" }
    ])
    table.remove("gate", "gate", "a")
    table.remove("gate", "unknown")
    expect(table.isEmpty()).toBe(false)
    table.remove("gate", "gate", "b")
    table.remove("experiment", "experiment")
    expect(table.isEmpty()).toBe(true)
  })

  it("clears everything at once", () => {
    const table = new OverrideTable()
    table.set("gate", "gate", true)
    table.clear()
    expect(table.isEmpty()).toBe(true)
    expect(table.find("gate", "gate", user)).toBeUndefined()
  })
})

describe("the first of two tables", () => {
  it("wins where both have an override, also a false one", () => {
    const [first, second] = [new OverrideTable(), new OverrideTable()]
    const both = firstOf(first, second)
    expect(both.isEmpty()).toBe(true)
    second.set("gate", "gate", true)
    expect(both.isEmpty()).toBe(false)
    expect(both.find("gate", "gate", user)).toBe(true)
    first.set("gate", "gate", false)
    expect(both.find("gate", "gate", user)).toBe(false)
  })
})
