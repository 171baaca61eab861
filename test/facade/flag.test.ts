/** Flags as values in programs of the Promise API: typed values where they fit, the fallback where they do not. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { Flag, makeStatsigTest, Statsig, StatsigUser, Type } from "../../layers/promise.js"

const ada = new StatsigUser({ userID: "ada" })
const Checkout = Flag.gate("new_checkout")
const Pricing = Flag.config("pricing", Type.object({ vat: Type.number, note: Type.optional(Type.string) }), { vat: 20 })
const Button = Flag.experiment("button", Type.object({ color: Type.literal("blue", "green") }), { color: "blue" })
const Gallery = Flag.layer("product_page", "gallery", Type.literal("carousel", "grid"), "carousel")
const Path = Flag.parameterStore("settings", "path", Type.nullable(Type.string), null)

afterEach(() => vi.restoreAllMocks())

describe("a flag of the Promise API", () => {
  it("has the value for the user", () => {
    const { statsig } = makeStatsigTest([
      { gate: "new_checkout", value: true, id: "ada" },
      { dynamicConfig: "pricing", value: { vat: 19, note: "reduced", more: 1 } },
      { experiment: "button", value: { color: "green" } },
      { layer: "product_page", value: { gallery: "grid" } },
      { parameterStore: "settings", value: { path: "/checkout/v2" } }
    ])
    expect(Flag.read(statsig, ada, Checkout)).toBe(true)
    expect(Flag.read(statsig, new StatsigUser({ userID: "bob" }), Checkout)).toBe(false)
    expect(Flag.read(statsig, ada, Pricing)).toEqual({ vat: 19, note: "reduced" })
    expect(Flag.read(statsig, ada, Button)).toEqual({ color: "green" })
    expect(Flag.read(statsig, ada, Gallery)).toBe("grid")
    expect(Flag.read(statsig, ada, Path)).toBe("/checkout/v2")
    expect(Object.isFrozen(Flag.read(statsig, ada, Pricing))).toBe(true)
  })

  it("has its fallback for an unknown name", () => {
    const { statsig } = makeStatsigTest()
    const read = [Checkout, Pricing, Button, Gallery, Path].map(flag => Flag.read<unknown>(statsig, ada, flag))
    expect(read).toEqual([false, { vat: 20 }, { color: "blue" }, "carousel", null])
  })

  it("logs the exposure that the check logs, unless exposures are disabled", () => {
    const { statsig, test } = makeStatsigTest([
      { gate: "new_checkout", value: true },
      { layer: "product_page", value: { gallery: "grid", size: 3 } }
    ])
    Flag.read(statsig, ada, Checkout, { disableExposureLogging: true })
    Flag.read(statsig, ada, Gallery, { disableExposureLogging: true })
    expect(test.exposures).toEqual([])
    Flag.read(statsig, ada, Checkout)
    Flag.read(statsig, ada, Gallery)
    expect(test.exposures).toMatchObject([
      { name: "new_checkout", value: true, userID: "ada" },
      { name: "product_page", parameter: "gallery", userID: "ada" }
    ])
  })

  it("has its fallback for an unfit value, and warns once with flag, path and rule", async () => {
    const lines: Array<string> = []
    const note = (tag: string, message: string) => void lines.push(`${tag} ${message}`)
    const outputLoggerProvider = {
      initialize: () => {},
      debug: note,
      info: note,
      warn: note,
      error: note,
      shutdown: () => {}
    }
    const statsig = new Statsig("secret-key", { disableNetwork: true, outputLoggerProvider, outputLogLevel: "warn" })
    await statsig.initialize()
    for (const vat of ["19 %", "20 %"]) {
      statsig.overrideDynamicConfig("pricing", { vat })
      for (let read = 0; read < 3; read++) expect(Flag.read(statsig, ada, Pricing)).toEqual({ vat: 20 })
    }
    statsig.overrideLayer("product_page", { gallery: "list" })
    expect(Flag.read(statsig, ada, Gallery)).toBe("carousel")
    await vi.waitUntil(() => lines.length >= 2, { timeout: 20_000 })
    expect(lines).toEqual([
      expect.stringMatching(/dynamicConfig "pricing" from rule "override" does not fit at vat: Expected number/),
      expect.stringMatching(/layer "product_page.gallery" from rule "override" does not fit/)
    ])
    await statsig.shutdown()
  })

  it("returns a value for any arguments", () => {
    const write = vi.spyOn(console, "error").mockImplementation(() => {})
    const { statsig } = makeStatsigTest([{ gate: "new_checkout", value: true }])
    expect(Flag.read({} as never, ada, Pricing)).toEqual({ vat: 20 })
    expect(Flag.read(statsig, undefined as never, Pricing)).toEqual({ vat: 20 })
    expect(Flag.read(statsig, ada, { ...Checkout, name: 5 } as never)).toBe(false)
    expect(Flag.read(statsig, ada, undefined as never)).toBe(undefined)
    expect(write).toHaveBeenCalled()
    expect(String(write.mock.calls[0]?.[1])).toMatch(/statsig: expected a Statsig instance of statsig-effect\/promise/)
  })

  it("requires a type where one belongs", () => {
    expect(() => Flag.config("pricing", { vat: "number" } as never, {} as never)).toThrow(
      /expected a type such as Type\./
    )
    expect(() => Type.object({ vat: Number as never })).toThrow(/expected a type such as Type\./)
  })
})

describe("a type", () => {
  const fits = (type: Type.Type<unknown>, value: unknown): boolean => {
    const { Statsig } = makeStatsigTest([{ dynamicConfig: "c", value: { value } }])
    const statsig = new Statsig("secret-test", { outputLogLevel: "none" })
    const fallback = {}
    return Flag.read(statsig, ada, Flag.config("c", Type.object({ value: type }), fallback as never)) !== fallback
  }

  it.each([
    ["string", Type.string, ["", "a"], [1, null, true, [], {}]],
    ["number", Type.number, [0, -1.5], ["1", null, true]],
    ["boolean", Type.boolean, [true, false], ["true", 1, null]],
    ["unknown", Type.unknown, [1, "a", null, [], {}], []],
    ["literal", Type.literal("a", 1, null), ["a", 1, null], ["b", 2, true]],
    ["nullable", Type.nullable(Type.string), ["a", null], [1]],
    ["union", Type.union(Type.string, Type.number), ["a", 1], [true, null]],
    ["array", Type.array(Type.number), [[], [1, 2]], [["a"], 1, {}]],
    ["record", Type.record(Type.number), [{}, { a: 1 }], [{ a: "b" }, 1]],
    [
      "object",
      Type.object({ a: Type.number, b: Type.optional(Type.string) }),
      [{ a: 1 }, { a: 1, b: "c", d: 2 }],
      [{}, { a: 1, b: 2 }, { a: 1, b: null }, { b: "c" }]
    ]
  ] as const)("%s", (_, type, good, bad) => {
    expect(good.filter(value => !fits(type, value))).toEqual([])
    expect(bad.filter(value => fits(type, value))).toEqual([])
  })
})
