import { describe, expect, it } from "vitest"
import { type Lookup, NestedGates } from "../../../src/engine/clientInitialize/nestedGates.js"
import type { NestedResult } from "../../../src/engine/evaluate/call.js"

const result = (ruleID: string, fields: Partial<NestedResult> = {}): NestedResult => ({
  bool: true,
  ruleID,
  exposures: [{ gate: "inner", gateValue: "true", ruleID }],
  hasUnsampled: false,
  ...fields
})

/** An entry that looks a gate up, and evaluates it if it is not known. */
const ask = (gates: NestedGates, name: string, found: NestedResult): ReadonlyArray<Lookup> => {
  gates.beginEntry()
  if (gates.get(name) === undefined) gates.set(name, found)
  return gates.endEntry() ?? []
}

describe("nested gates", () => {
  it("are memoised for one response", () => {
    const gates = new NestedGates()
    gates.beginResponse()
    ask(gates, "gate", result("rule"))
    expect(gates.get("gate")).toEqual(result("rule"))
    gates.beginResponse()
    expect(gates.get("gate")).toBeUndefined()
  })

  it("of an entry are known again when the entry is reused", () => {
    const gates = new NestedGates()
    gates.beginResponse()
    const lookups = ask(gates, "gate", result("rule"))
    gates.beginResponse()
    expect(gates.repeat(lookups)).toBe(true)
    expect(gates.get("gate")).toEqual(result("rule"))
  })

  it("prevent reuse of an entry where the memo holds a different result", () => {
    const gates = new NestedGates()
    gates.beginResponse()
    const first = ask(gates, "gate", result("rule"))
    const second = ask(gates, "gate", result("rule"))
    gates.beginResponse()
    expect(gates.repeat(second)).toBe(false)
    expect(gates.repeat(first)).toBe(true)
    expect(gates.repeat(second)).toBe(true)
    gates.beginResponse()
    ask(gates, "gate", result("another rule"))
    expect(gates.repeat(second)).toBe(false)
  })

  it.each([
    ["another value", result("rule", { bool: false }), false],
    ["another rule", result("other"), false],
    ["other exposures", result("rule", { exposures: [] }), false],
    ["the same in every part", result("rule"), true]
  ])("with %s are one object: %#", (_, other, isOne) => {
    const gates = new NestedGates()
    gates.set("gate", result("rule"))
    const known = gates.get("gate")
    gates.set("gate", other)
    expect(gates.get("gate") === known).toBe(isOne)
  })
})
