import { describe, expect, it } from "vitest"
import { DynamicConfig, Experiment, FeatureGate, Layer } from "../../layers/promise.js"
import { payload } from "./support/payload.js"
import { expectSame, outcome, type Side, show } from "./support/sides.js"

const value = payload.dynamic_configs.config.rules[0]?.returnValue as object
const keys = [...Object.keys(value), "missing"]

const details = { reason: "Network:Recognized", lcut: 1, received_at: 2, version: 3 }

const raws: ReadonlyArray<unknown> = [
  undefined,
  null,
  5,
  "",
  "{",
  "{}",
  "[]",
  "5",
  '"text"',
  [],
  {},
  () => 1,
  { value: true, ruleID: "r", idType: "i", details },
  { value: 1, ruleID: 5, idType: null, secondaryExposures: "x", details: {} },
  { value: "str", details: { reason: null, lcut: null } },
  { value: [1], details: null },
  { value: null, groupName: null },
  { value: { a: 1 }, groupName: "g", allocatedExperimentName: "a", secondaryExposures: [{ gate: "x" }], extra: 1 },
  '{"value":true,"details":{"reason":"s"}}',
  JSON.stringify({ value, details, ruleID: "r", idType: "userID", groupName: "g" })
]

const makers: ReadonlyArray<
  readonly [string, (side: Side, raw: unknown, expose?: (parameter: string) => void) => unknown]
> = [
  ["FeatureGate", ({ FeatureGate }, raw) => new FeatureGate("n", raw)],
  ["DynamicConfig", ({ DynamicConfig }, raw) => new DynamicConfig("n", raw)],
  ["Experiment", ({ Experiment }, raw) => new Experiment("n", raw)],
  ["Layer", ({ Layer }, raw, expose) => new Layer(expose, "n", raw)]
]

describe.each(makers)("new %s", (_, make) => {
  it("accepts any raw evaluation as the official class does", async () => {
    for (const raw of raws) {
      await expectSame(side => {
        // biome-ignore lint/suspicious/noExplicitAny: of any class
        const result = make(side, raw) as any
        return [
          result,
          JSON.stringify(result),
          Object.keys(result),
          result.getEvaluationDetails(),
          result.getRuleId(),
          result.getIdType(),
          result.getSecondaryExposures(),
          result.getGroupName?.(),
          result.getAllocatedExperimentName?.()
        ]
      })
    }
  })

  it("treats the JSON text null as nothing", async () => {
    expect(
      await outcome(() => make({ FeatureGate, DynamicConfig, Experiment, Layer } as unknown as Side, "null"))
    ).toBe(await outcome(() => make({ FeatureGate, DynamicConfig, Experiment, Layer } as unknown as Side, null)))
  })
})

const defaults: ReadonlyArray<unknown> = [
  undefined,
  null,
  "x",
  "",
  1,
  0,
  Number.NaN,
  true,
  false,
  [],
  ["a"],
  {},
  { a: 1 },
  () => 1,
  new Date(0)
]

const guards: ReadonlyArray<unknown> = [
  undefined,
  null,
  () => true,
  () => 1,
  () => false,
  () => 0,
  (found: unknown) => typeof found === "string",
  () => {
    throw new RangeError("guard")
  },
  "no function",
  5
]

describe.each(makers.slice(1))("the getters of %s", (_, make) => {
  it("read and expose as the official ones do", async () => {
    for (const key of keys) {
      for (const fallback of defaults) {
        await expectSame(side => {
          const exposed: Array<string> = []
          const { get, getValue } = make(side, { value }, parameter => exposed.push(parameter)) as Layer
          return [get(key, fallback), exposed.length, getValue(key, fallback as null), exposed]
        })
      }
    }
  })

  it("check their arguments as the official ones do", async () => {
    for (const key of ["s", "n", "nul", "arr", "missing"]) {
      for (const guard of guards) {
        for (const fallback of [undefined, "d", 5]) {
          await expectSame(side => {
            const exposed: Array<string> = []
            const { get } = make(side, { value }, parameter => exposed.push(parameter)) as Layer
            return [get(key, fallback, guard as never), exposed]
          })
        }
      }
    }
  })

  it("accept any key as the official ones do", async () => {
    for (const key of [null, undefined, 5, "", Symbol("k"), true]) {
      await expectSame(side => {
        const { get, getValue } = make(side, { value }) as Layer
        return [get(key as string, "d"), getValue(key as string, "d")]
      })
    }
  })

  it("read the value of the constructor, as the official ones do", async () => {
    await expectSame(side => {
      // biome-ignore lint/suspicious/noExplicitAny: of any class
      const result = make(side, { value: { s: "str", n: 1 } }) as any
      const held = result.value ?? result.__value
      held.s = "changed"
      result.value = { n: 2 }
      result.__value = { n: 2 }
      return [result.get("s", ""), result.get("n", 0)]
    })
  })

  it("ignore inherited names", () => {
    const { get, getValue } = make({ DynamicConfig, Experiment, Layer } as unknown as Side, { value }) as Layer
    for (const key of ["toString", "__proto__", "constructor", "hasOwnProperty"]) {
      expect(get(key, "d")).toBe("d")
      expect(getValue(key, "d")).toBe("d")
    }
  })
})

describe("the getters by type", () => {
  const exposed: Array<string> = []
  const layer = new Layer(parameter => exposed.push(parameter), "n", { value: value as Record<string, unknown> })

  const reads: ReadonlyArray<readonly [string, () => unknown, unknown, boolean]> = [
    ["a text", () => layer.getString("s", "d"), "str", true],
    ["an empty text", () => layer.getString("empty", "d"), "", true],
    ["a number as a text", () => layer.getString("n", "d"), "d", false],
    ["null as a text", () => layer.getString("nul", "d"), "d", true],
    ["true", () => layer.getBool("bt", false), true, true],
    ["false", () => layer.getBool("bf", true), false, true],
    ["zero as a boolean", () => layer.getBool("zero", true), true, false],
    ["a number", () => layer.getNumber("f", 1), 4.5, true],
    ["a float", () => layer.getFloat("f", 1), 4.5, true],
    ["an integer as a float", () => layer.getFloat("n", 1), 13, true],
    ["a boolean as a number", () => layer.getNumber("bt", 1), 1, false],
    ["an integer", () => layer.getInteger("n", 1), 13, true],
    ["zero", () => layer.getInteger("zero", 1), 0, true],
    ["a fraction as an integer", () => layer.getInteger("f", 1), 1, false],
    ["a text as an integer", () => layer.getInteger("s", 1), 1, false],
    ["an array", () => layer.getArray("arr", []), [1, "a", null], true],
    ["an object as an array", () => layer.getArray("obj", []), [], false],
    ["an object", () => layer.getObject("obj", {}), { a: 1, b: { c: [2] } }, true],
    ["an array as an object", () => layer.getObject("arr", {}), {}, false]
  ]

  it.each(reads)("read %s", async (_, read, expected, exposes) => {
    exposed.length = 0
    const text = await outcome(read)
    expect(text.endsWith(show(expected))).toBe(true)
    expect(exposed.length).toBe(exposes ? 1 : 0)
    expect(text.startsWith("warn [Statsig] Parameter type mismatch. 'n.")).toBe(!exposes)
  })

  it("report what a fraction should have been", async () => {
    expect(await outcome(() => layer.getInteger("f", 1))).toContain("Expected 'integer', got 'number'")
  })

  it("exist for configs and experiments too", () => {
    for (const result of [
      new DynamicConfig("n", { value: { s: "str" } }),
      new Experiment("n", { value: { s: "str" } })
    ]) {
      expect(result.getString("s", "d")).toBe("str")
      expect(result.getInteger("missing", 3)).toBe(3)
    }
  })
})
