/** Generated flags: they compile, they read every value of their project, and the same project gives the same text. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Schema from "effect/Schema"
import { specs as shop } from "../examples/shop/specs.js"
import { compile } from "../scripts/compile.js"
import * as Codegen from "../src/Codegen.js"
import type { Json, JsonObject } from "../src/Evaluation.js"
import { asObject, ownValue } from "../src/engine/json.js"
import * as Flag from "../src/Flag.js"
import * as PromiseFlag from "../src/promise/Flag.js"
import * as Type from "../src/promise/Type.js"
import { makeWorld, payloadText } from "./conformance/support/world.js"
import { payload } from "./layers/support/specs.js"

type Flags = Readonly<Record<string, Flag.Flag<unknown>>>

interface Module {
  readonly gates: Flags
  readonly configs: Flags
  readonly experiments: Flags
  readonly layers: Readonly<Record<string, Flags>>
  readonly parameterStores: Readonly<Record<string, Flags>>
}

/** The exports of the module for a program. It has no type annotations, so it runs unchanged. */
const run = (source: string): Module =>
  new Function(
    "Flag",
    "Schema",
    "Type",
    `${source.replace(/^import .*$/gm, "").replace(/^export const/gm, "const")}
    return { gates, configs, experiments, layers, parameterStores }`
  )(source.includes('from "statsig-effect/promise"') ? PromiseFlag : Flag, Schema, Type)

const targets = ["effect", "promise"] as const

interface Rule {
  readonly returnValue: Json
  readonly configDelegate?: string | null
}

interface Spec {
  readonly entity: string
  readonly defaultValue: Json
  readonly rules: ReadonlyArray<Rule>
}

const valuesOf = (spec: Spec): ReadonlyArray<JsonObject> =>
  [spec.defaultValue, ...spec.rules.map(({ returnValue }) => returnValue)].map(asObject)

/** Reads every value of every spec that the module declares. Returns their number. */
const checkValues = (text: string, module: Module): number => {
  const { dynamic_configs, layer_configs } = JSON.parse(text)
  let values = 0
  const check = (flag: Flag.Flag<unknown>, value: Json, where: string) => {
    values++
    assert.deepInclude(flag.decode(value), { _tag: "Fits" }, `${where}: ${JSON.stringify(value)}`)
  }
  for (const [name, flag] of [...Object.entries(module.configs), ...Object.entries(module.experiments)]) {
    const spec = dynamic_configs[name] as Spec
    for (const value of valuesOf(spec)) check(flag, value, name)
    assert.deepInclude(flag.decode(asObject(spec.defaultValue)), { value: flag.fallback })
  }
  for (const [name, parameters] of Object.entries(module.layers)) {
    const spec = layer_configs[name] as Spec
    const delegates = spec.rules.flatMap(({ configDelegate }) =>
      typeof configDelegate === "string" ? (dynamic_configs[configDelegate] ?? []) : []
    )
    for (const value of [spec, ...delegates].flatMap(valuesOf)) {
      for (const parameter of Object.keys(value)) {
        if (parameter === "__proto__") continue
        const flag = ownValue(parameters as never, parameter) as Flag.Flag<unknown> | undefined
        if (flag !== undefined) check(flag, value[parameter] as Json, `${name}.${parameter}`)
      }
    }
  }
  return values
}

const config = (name: string, defaultValue: unknown, ...rules: ReadonlyArray<unknown>) => ({
  [name]: {
    type: "dynamic_config",
    entity: "dynamic_config",
    salt: name,
    enabled: true,
    idType: "userID",
    defaultValue,
    rules: rules.map((returnValue, index) => ({
      name: `rule ${index}`,
      id: `rule ${index}`,
      passPercentage: 100,
      returnValue,
      conditions: ["public"],
      idType: "userID"
    }))
  }
})

const nested = (depth: number): unknown => (depth === 0 ? "end" : { inside: nested(depth - 1) })

/** Unusual names and values that a project may hold. */
const odd = payload({
  gates: Object.fromEntries(
    [
      "__proto__",
      "constructor",
      "a-b",
      "a_b",
      "A B",
      "1st",
      "*/ evil()",
      '"',
      "`",
      "line\nbreak",
      "\u2028",
      "ü",
      ""
    ].map(name => [name, false])
  ),
  fields: {
    dynamic_configs: {
      ...config("empty", {}),
      ...config("no object", true, null, [1], "text", 7),
      ...config("optional keys", { a: 1, b: { c: "x" } }, { a: "one" }, { a: null, b: { c: "y", d: [] } }),
      ...config("lists", { list: [] }, { list: [1, "a", [true], { x: 1 }, { y: null }] }),
      ...config("odd keys", { "a-b": 1, "": 2, "1": 3, constructor: 4, "\n": 5 }, { ["__proto__"]: 6 }),
      ...config("numbers", { big: 1e21, small: 1e-7, zero: -0, precise: 0.1 }),
      ...config("deep", nested(40), nested(3))
    },
    param_stores: {
      store: {
        parameters: {
          fixed: { ref_type: "static", param_type: "object", value: { a: [1] } },
          chosen: { ref_type: "gate", param_type: "string", gate_name: "g", pass_value: "a", fail_value: 1 },
          taken: { ref_type: "dynamic_config", param_type: "object", config_name: "optional keys", param_name: "b" },
          lost: { ref_type: "layer", param_type: "string", layer_name: "unknown", param_name: "x" },
          "odd name": { ref_type: "static", param_type: "string", value: "*/" }
        }
      }
    }
  }
})

const projects: ReadonlyMap<string, string> = new Map([
  ["shop.ts", JSON.stringify(shop)],
  ["odd.ts", odd],
  ["empty.ts", payload({ gates: {} })],
  ...Array.from({ length: 6 }, (_, index) => [`random${index}.ts`, payloadText(makeWorld(7, index))] as const)
])

describe("Codegen", () => {
  it.effect.each(targets)(
    "generates modules that compile under strict, and read every value of their projects: %s",
    target =>
      Effect.gen(function* () {
        const sources = yield* Effect.forEach(projects, ([name, text]) =>
          Effect.map(Codegen.generate(text, target), ({ source }) => [name, source] as const)
        )
        assert.deepStrictEqual(compile(new Map(sources)), [])
        let values = 0
        for (const [name, source] of sources) values += checkValues(projects.get(name) as string, run(source))
        assert.isAbove(values, 500, "the random projects hold values")
      })
  )

  it.effect("generates the same text for the same project, in any order", () =>
    Effect.gen(function* () {
      const turned = (value: unknown): unknown =>
        typeof value === "object" && value !== null && !Array.isArray(value)
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, member]) => [key, turned(member)])
            )
          : value
      for (const text of [JSON.stringify(shop), odd]) {
        const { source } = yield* Codegen.generate(text)
        assert.strictEqual((yield* Codegen.generate(text)).source, source)
        assert.strictEqual((yield* Codegen.generate(JSON.stringify(turned(JSON.parse(text))))).source, source)
      }
    })
  )

  it.effect("writes what a developer would write", () =>
    Effect.gen(function* () {
      const { flags, source, warnings } = yield* Codegen.generate(
        payload({
          gates: { open: true, closed: false },
          fields: {
            dynamic_configs: {
              ...config("pricing", { vat: 20, note: null }, { vat: 19, note: "reduced", until: "2030" }),
              broken: { type: "dynamic_config" }
            }
          }
        })
      )
      assert.strictEqual(flags, 3)
      assert.deepStrictEqual(
        warnings.map(({ kind, name }) => [kind, name]),
        [["dynamicConfig", "broken"]]
      )
      assert.strictEqual(
        source,
        `// Made by statsig-effect generate. Changes are lost when it is made again.
import * as Schema from "effect/Schema"
import { Flag } from "statsig-effect"

/** The feature gates. */
export const gates = {
  /** @deprecated Stale: it is closed for everyone. */
  closed: Flag.gate("closed"),
  /** @deprecated Stale: it is open for everyone. */
  open: Flag.gate("open")
}

/** The dynamic configs. */
export const configs = {
  pricing: Flag.config(
    "pricing",
    Schema.Struct({
      note: Schema.NullOr(Schema.String),
      until: Schema.optionalWith(Schema.String, { exact: true }),
      vat: Schema.Number
    }),
    { note: null, vat: 20 }
  )
}

/** The experiments, and autotunes. */
export const experiments = {}

/** The layers, parameter by parameter. */
export const layers = {}

/** The parameter stores, parameter by parameter. */
export const parameterStores = {}
`
      )
    })
  )

  it.effect("writes the same for programs of the Promise API, without Effect", () =>
    Effect.gen(function* () {
      const { dynamic_configs: settings } = JSON.parse(odd)
      const { source } = yield* Codegen.generate(
        payload({
          gates: { "Type.x": true },
          fields: {
            dynamic_configs: {
              ...config("pricing", { vat: 20, note: null }, { vat: 19, note: "reduced", until: "2030" }),
              lists: settings.lists
            }
          }
        }),
        "promise"
      )
      assert.strictEqual(
        source.slice(0, source.indexOf("/** The experiments")),
        `// Made by statsig-effect generate. Changes are lost when it is made again.
import { Flag, Type } from "statsig-effect/promise"

/** The feature gates. */
export const gates = {
  /** @deprecated Stale: it is open for everyone. */
  "Type.x": Flag.gate("Type.x")
}

/** The dynamic configs. */
export const configs = {
  lists: Flag.config(
    "lists",
    Type.object({
      list: Type.array(
        Type.union(
          Type.string,
          Type.number,
          Type.array(Type.boolean),
          Type.object({ x: Type.optional(Type.number), y: Type.optional(Type.literal(null)) })
        )
      )
    }),
    { list: [] }
  ),
  pricing: Flag.config(
    "pricing",
    Type.object({ note: Type.nullable(Type.string), until: Type.optional(Type.string), vat: Type.number }),
    { note: null, vat: 20 }
  )
}

`
      )
      const alone = yield* Codegen.generate(payload({ gates: { "Type.x": true } }), "promise")
      assert.include(alone.source, '\nimport { Flag } from "statsig-effect/promise"\n')
    })
  )

  it.effect("gives a program of the Promise API typed values, and compile errors for wrong names", () =>
    Effect.gen(function* () {
      const { source } = yield* Codegen.generate(JSON.stringify(shop), "promise")
      const program = `import type { Statsig, StatsigUser } from "statsig-effect/promise"
export const page = (statsig: Statsig, user: StatsigUser): void => {
  const isOpen: boolean = Flag.read(statsig, user, gates.new_checkout, { disableExposureLogging: true })
  const { amount, currency, excludes } = Flag.read(statsig, user, configs.free_shipping_threshold)
  const price: readonly [number, string, number] = [amount, currency, excludes.length]
  const related: number = Flag.read(statsig, user, layers.product_page.relatedProducts)
  const path: string = Flag.read(statsig, user, parameterStores.shop_settings.checkout_path)
  // @ts-expect-error it is a number
  const text: string = amount
  // @ts-expect-error there is no such gate
  Flag.read(statsig, user, gates.new_chekout)
  // @ts-expect-error there is no such parameter
  Flag.read(statsig, user, layers.product_page.related)
  // @ts-expect-error a flag stands for the name
  Flag.read(statsig, user, "new_checkout")
  console.log(isOpen, price, related, path, text)
}
`
      assert.deepStrictEqual(compile(new Map([["program.ts", source + program]])), [])
    })
  )

  it.effect.each(targets)("declares names unchanged, none lost and none mistaken for code: %s", target =>
    Effect.gen(function* () {
      const { source } = yield* Codegen.generate(odd, target)
      const { gates } = run(source)
      const names = Object.keys(JSON.parse(odd).feature_gates)
      assert.sameMembers(Object.keys(gates), names)
      for (const name of names) assert.strictEqual(ownValue(gates as never, name)?.["name" as never], name)
      assert.strictEqual(Object.getPrototypeOf(gates), Object.prototype)
    })
  )

  it.effect("reports what is wrong with an invalid project", () =>
    Effect.gen(function* () {
      const problem = (text: string) => Effect.flip(Codegen.generate(text))
      assert.strictEqual((yield* problem("<html>")).reason, "Syntax")
      assert.strictEqual((yield* problem("")).reason, "Syntax")
      assert.match((yield* problem("{}")).message, /has_updates/)
      assert.match((yield* problem('{"has_updates":false}')).message, /no specs/)
    })
  )
})
