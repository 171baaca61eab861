import { describe, expect, it } from "vitest"
import { plain, type RawJson } from "../../../src/engine/json.js"
import { type Body, readBody } from "../../../src/engine/payload/body.js"
import { type BadPart, type Envelope, Snapshot, tableNames } from "../../../src/engine/payload/snapshot.js"
import type { Condition, ConfigMapping, Rule, Spec } from "../../../src/engine/specs.js"
import { User } from "../../../src/engine/user.js"

const rule = (fields: Partial<Rule> = {}): Rule => ({
  name: "rule",
  passPercentage: 100,
  returnValue: true,
  id: "rule",
  conditions: ["public"],
  idType: "userID",
  ...fields
})

const spec = (...rules: ReadonlyArray<Rule>): Spec => ({
  salt: "salt",
  defaultValue: false,
  enabled: true,
  rules,
  idType: "userID",
  entity: "feature_gate"
})

const publicCondition: Condition = { type: "public", idType: "" }

interface Payload {
  readonly gates?: Readonly<Record<string, unknown>>
  readonly configs?: Readonly<Record<string, unknown>>
  readonly conditions?: Readonly<Record<string, unknown>>
}

const isObject = (value: RawJson): boolean => typeof value === "object" && value !== null && !Array.isArray(value)

/** Successive snapshots, with what was decoded and what was invalid. */
const snapshots = () => {
  const decoded: Array<string> = []
  const bad: Array<BadPart> = []
  const decode =
    <A>(kind: string) =>
    ({ value }: { readonly value: RawJson }): A | string => {
      decoded.push(kind)
      return isObject(value) ? (plain(value) as A) : "expected an object"
    }
  const make = (
    { conditions = { public: publicCondition }, configs = {}, gates = {} }: Payload,
    before?: Snapshot,
    envelope: Partial<Envelope> = {}
  ): Snapshot => {
    const text = JSON.stringify({ feature_gates: gates, dynamic_configs: configs, condition_map: conditions })
    const bytes = new TextEncoder().encode(text)
    const isSame = (at: number, start: number, end: number) =>
      before?.body.bytes.subarray(start, end).every((byte, index) => byte === bytes[at + index]) === true
    const work = readBody(bytes, tableNames, before && { body: before.body, isSame })
    let body: Body | undefined
    while (body === undefined) body = work.next().value ?? undefined
    const whole: Envelope = {
      time: 1,
      checksum: undefined,
      remote: { defaultEnvironment: "staging", sdkConfigs: new Map(), diagnostics: new Map() },
      appId: undefined,
      parameterStores: new Map(),
      bandits: new Map(),
      mappingRules: new Map(),
      mappings: new Map(),
      clientKeys: {},
      sessionReplay: undefined,
      ...envelope
    }
    const onBadPart = (part: BadPart) => bad.push(part)
    return new Snapshot(body, whole, { spec: decode("spec"), condition: decode("condition"), onBadPart }, before)
  }
  return { bad, decoded, make }
}

describe("a snapshot", () => {
  it("decodes a spec and its conditions once, on first use", () => {
    const { decoded, make } = snapshots()
    const snapshot = make({ gates: { a: spec(rule()), b: spec(rule(), rule()) } })
    expect(decoded).toEqual([])
    expect(snapshot.spec("gate", "a")).toMatchObject({ salt: "salt", rules: [{ id: "rule", isWhole: true }] })
    expect(decoded).toEqual(["spec", "condition"])
    expect(snapshot.spec("gate", "a")).toBe(snapshot.spec("gate", "a"))
    snapshot.spec("gate", "b")
    expect(decoded).toEqual(["spec", "condition", "spec"])
  })

  it("separates the kinds, except that experiments are dynamic configs", () => {
    const snapshot = snapshots().make({ gates: { gate: spec() }, configs: { config: spec() } })
    expect(snapshot.spec("experiment", "config")).toBe(snapshot.spec("dynamicConfig", "config"))
    expect(snapshot.hasDynamicConfig("config")).toBe(true)
    expect(snapshot.spec("gate", "config")).toBeUndefined()
    expect(snapshot.spec("layer", "gate")).toBeUndefined()
    expect(snapshot.spec("gate", "toString")).toBeUndefined()
  })

  it("omits an invalid spec, and reports it once", () => {
    const { bad, make } = snapshots()
    const snapshot = make({ gates: { good: spec(), broken: 1 } })
    expect([snapshot.spec("gate", "broken"), snapshot.spec("gate", "broken")]).toEqual([undefined, undefined])
    expect(bad).toEqual([{ kind: "gate", name: "broken", message: "expected an object" }])
    expect([...snapshot.badParts()]).toEqual(bad)
    expect([...snapshot.specs("gates")].map(([name]) => name)).toEqual(["good"])
    expect([...snapshot.names("gates")]).toEqual(["good", "broken"])
  })

  it("leaves a gap where a condition is missing or invalid", () => {
    const { bad, make } = snapshots()
    const gates = { gate: spec(rule({ conditions: ["missing", "broken", "public"] })) }
    const snapshot = make({ gates, conditions: { public: publicCondition, broken: [] } })
    const [compiled] = snapshot.spec("gate", "gate")?.rules ?? []
    expect(compiled?.conditions).toMatchObject([{ kind: "missing" }, { kind: "missing" }, { kind: "test" }])
    expect(compiled?.isWhole).toBe(false)
    expect(bad).toEqual([{ kind: "condition", name: "broken", message: "expected an object" }])
    expect(snapshot.condition("missing")).toBeUndefined()
    expect(snapshot.condition("broken")).toBe("expected an object")
    expect(snapshot.condition("public")).toEqual(publicCondition)
    expect([...snapshot.conditionKeys()]).toEqual(["public", "broken"])
  })

  it.each([
    [100, 1],
    [0, 0],
    [50, 0.5],
    [-5, 0]
  ])("lets %d percent of the users pass", (passPercentage, share) => {
    const snapshot = snapshots().make({ gates: { gate: spec(rule({ passPercentage })) } })
    const [compiled] = snapshot.spec("gate", "gate")?.rules ?? []
    const users = Array.from({ length: 2_000 }, (_, index) => new User({ userID: `user ${index}` }))
    const passed = users.filter(user => compiled?.passes(user)).length
    expect(Math.abs(passed / users.length - share)).toBeLessThan(0.05)
  })

  it.each([
    ["everyone", rule()],
    ["split", rule({ passPercentage: 10 })],
    ["split", rule({ conditions: ["bucket", "field"] })],
    ["targeting", rule({ conditions: ["public", "field"] })],
    ["targeting", rule({ conditions: ["missing"] })]
  ])("reports what a rule depends on: %s", (selection, one) => {
    const conditions = {
      public: publicCondition,
      bucket: { type: "user_bucket", idType: "userID", operator: "lt", targetValue: 5 },
      field: { type: "user_field", field: "email", idType: "", operator: "any", targetValue: ["a"] }
    }
    const snapshot = snapshots().make({ gates: { gate: spec(one) }, conditions })
    expect(snapshot.spec("gate", "gate")?.rules[0]?.selection).toBe(selection)
  })

  it("prepares mappings for the salt of the spec, with the existing rules", () => {
    const mapping: ConfigMapping = {
      newConfigName: "new",
      rules: [
        { ruleName: "known", startTime: 5 },
        { ruleName: "unknown", startTime: 0 }
      ]
    }
    const snapshot = snapshots().make({}, undefined, {
      mappings: new Map([["old", [mapping]]]),
      mappingRules: new Map([["known", rule({ id: "known" })]])
    })
    expect(snapshot.hasMappings).toBe(true)
    expect(snapshot.isReplaceable("gate", "old")).toBe(true)
    expect(snapshot.isReplaceable("gate", "other")).toBe(false)
    expect(snapshot.mappings("old", "salt")).toMatchObject([
      { newConfigName: "new", rules: [{ startTime: 5, rule: { id: "known" } }, { rule: undefined }] }
    ])
    expect(snapshot.mappings("old", "salt")).toBe(snapshot.mappings("old", "salt"))
    expect(snapshot.mappings("old", "pepper")).not.toBe(snapshot.mappings("old", "salt"))
    expect(snapshot.mappings("new", "salt")).toBeUndefined()
  })
})

describe("the next snapshot", () => {
  it("compiles first what checks asked for in the one before, and then all", () => {
    const { decoded, make } = snapshots()
    const version = (salt: string) => ({
      gates: { asked: spec(rule({ salt })), compiled: spec(rule({ salt })), same: spec() },
      configs: { unread: spec(rule({ salt })) }
    })
    const before = make(version("1"))
    expect([...before.compile()]).toHaveLength(4)
    // As a decider does.
    for (const name of ["asked", "same"]) Object.assign(before.spec("gate", name) ?? {}, { isAsked: true })
    decoded.length = 0
    const after = make(version("2"), before)
    expect([...after.compile(before)]).toHaveLength(2)
    expect(decoded).toEqual(["spec"])
    expect([...after.compile()]).toHaveLength(4)
    expect(decoded).toEqual(["spec", "spec", "spec"])
  })

  const field = { type: "user_field", field: "email", idType: "", operator: "any", targetValue: ["a"] }
  const gates = { plain: spec(rule()), targeted: spec(rule({ conditions: ["field"] })), removed: spec() }
  const conditions = { public: publicCondition, field }

  it("reuses compiled specs that are equal and have equal conditions", () => {
    const { decoded, make } = snapshots()
    const before = make({ gates, conditions })
    for (const name of Object.keys(gates)) before.spec("gate", name)
    decoded.length = 0
    const after = make({ gates: { added: spec(), ...gates }, conditions }, before)
    expect(after.spec("gate", "plain")).toBe(before.spec("gate", "plain"))
    expect(after.spec("gate", "targeted")).toBe(before.spec("gate", "targeted"))
    expect(decoded).toEqual([])
  })

  it("recompiles a spec when one of its conditions has changed", () => {
    const { decoded, make } = snapshots()
    const before = make({ gates, conditions })
    for (const name of Object.keys(gates)) before.spec("gate", name)
    decoded.length = 0
    const after = make({ gates, conditions: { ...conditions, field: { ...field, targetValue: ["b"] } } }, before)
    expect(after.spec("gate", "plain")).toBe(before.spec("gate", "plain"))
    expect(after.spec("gate", "targeted")).not.toBe(before.spec("gate", "targeted"))
    expect(decoded).toEqual(["spec", "condition"])
    expect([...after.changedConditions(before)]).toEqual(["field"])
  })

  it("names what was added, changed and removed", () => {
    const { make } = snapshots()
    const before = make({ gates, conditions })
    const { removed: _, ...left } = gates
    const after = make({ gates: { ...left, plain: spec(), added: spec() }, conditions }, before)
    expect(after.changesSince(before).gates).toEqual({ added: ["added"], changed: ["plain"], removed: ["removed"] })
    expect(after.changesSince(after).gates).toEqual({ added: [], changed: [], removed: [] })
    expect(after.changesSince(undefined).gates.added).toEqual(["plain", "targeted", "added"])
  })
})
