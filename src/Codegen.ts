/**
 * Generates typed code from specs: each flag is declared under its console name, with a schema (for the Promise API, a
 * type) that fits every value a rule can return, and with its default value as the fallback.
 *
 * The same specs give the same text. Names are members of one object per kind, so they are never changed and cannot
 * collide.
 *
 * `statsig-effect generate` does this from a file or a live project and writes a file.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { byName, type DocWords, literalShape, shapeOf, typeDoc, valueDoc } from "./codegen/shape.js"
import { block, type Commented, comment, type Doc, print, property } from "./codegen/source.js"
import type { Json, JsonObject } from "./Evaluation.js"
import { asObject, ownValue } from "./engine/json.js"
import type { CompiledSpec } from "./engine/payload/compiled.js"
import type { Snapshot, SpecTable } from "./engine/payload/snapshot.js"
import type { ParameterSpec } from "./engine/specs.js"
import * as Specs from "./Specs.js"
import { SpecsError } from "./StatsigError.js"

/**
 * The target API of a module: `effect` for Effect programs, `promise` for programs that use `statsig-effect/promise`.
 *
 * @since 0.1.0
 */
export type TargetName = "effect" | "promise"

/**
 * The code generated for a project.
 *
 * @since 0.1.0
 */
export interface Generated {
  /** A TypeScript module that exports `gates`, `configs`, `experiments`, `layers` and `parameterStores`. */
  readonly source: string
  /** How many flags it declares. */
  readonly flags: number
  /** The parts of the project that cannot be used and were left out. */
  readonly warnings: ReadonlyArray<Specs.SpecWarning>
}

/**
 * Generates a module from a config-specs payload, as text or bytes. The default target is Effect programs.
 *
 * A gate with the same result for everyone is marked as deprecated: the program can do without it.
 *
 * @since 0.1.0
 */
export const generate = (
  specs: string | Uint8Array,
  targetName: TargetName = "effect"
): Effect.Effect<Generated, SpecsError> => {
  const target = targets[targetName]
  const warnings: Array<Specs.SpecWarning> = []
  return Effect.flatMap(
    Specs.parse(specs, warning => warnings.push(warning)),
    parsed =>
      parsed._tag === "NoUpdates"
        ? new SpecsError({ reason: "Shape", message: "there are no specs in it: has_updates is false" })
        : Effect.sync(() => {
            const tables = new Project(parsed.snapshot, target).tables()
            return {
              source: moduleOf(tables, target),
              flags: tables.reduce((sum, { count }) => sum + count, 0),
              warnings
            }
          })
  )
}

/** What differs between the APIs. */
interface Target extends DocWords {
  /** The lines that import what a module uses. */
  readonly imports: (uses: (name: string) => boolean) => ReadonlyArray<string>
}

const call =
  (name: string) =>
  (...items: ReadonlyArray<Doc>): Doc =>
    block(`${name}(`, items, ")")

const effect: Target = {
  imports: uses => [
    ...(uses("Schema") ? ['import * as Schema from "effect/Schema"'] : []),
    ...(uses("Flag") ? ['import { Flag } from "statsig-effect"'] : [])
  ],
  string: "Schema.String",
  number: "Schema.Number",
  boolean: "Schema.Boolean",
  null: "Schema.Null",
  unknown: "Schema.Unknown",
  record: "Schema.Record({ key: Schema.String, value: Schema.Unknown })",
  nullable: call("Schema.NullOr"),
  union: types => call("Schema.Union")(...types),
  array: call("Schema.Array"),
  object: call("Schema.Struct"),
  optional: type => call("Schema.optionalWith")(type, "{ exact: true }")
}

const promise: Target = {
  imports: uses => {
    const names = ["Flag", "Type"].filter(uses)
    return names.length === 0 ? [] : [`import { ${names.join(", ")} } from "statsig-effect/promise"`]
  },
  string: "Type.string",
  number: "Type.number",
  boolean: "Type.boolean",
  null: "Type.literal(null)",
  unknown: "Type.unknown",
  record: "Type.record(Type.unknown)",
  nullable: call("Type.nullable"),
  union: types => call("Type.union")(...types),
  array: call("Type.array"),
  object: call("Type.object"),
  optional: call("Type.optional")
}

/** By the name on the command line. */
const targets: Readonly<Record<TargetName, Target>> = { effect, promise }

/** One exported object. */
interface Exported {
  readonly name: string
  readonly comment: string
  readonly items: ReadonlyArray<Commented | Doc>
  readonly count: number
}

const moduleOf = (tables: ReadonlyArray<Exported>, target: Target): string => {
  const body = tables.map(
    ({ comment: text, items, name }) =>
      `${comment(text)}\n${print(items.length === 0 ? `export const ${name} = {}` : block(`export const ${name} = { `, items, " }"))}\n`
  )
  const text = body.join("\n")
  const code = text.replace(/"(?:\\.|[^"\\])*"|\/\*.*?\*\//g, "")
  const imports = target.imports(name => code.includes(`${name}.`))
  const head = ["// Made by statsig-effect generate. Changes are lost when it is made again.", ...imports].join("\n")
  return `${head}\n\n${text}`
}

/** A parameter of a layer or a store: all its possible values, and the value when no rule matches. */
interface ParameterValues {
  readonly values: ReadonlyArray<Json>
  readonly fallback: Json | undefined
}

class Project {
  constructor(
    private readonly snapshot: Snapshot,
    private readonly target: Target
  ) {}

  tables(): ReadonlyArray<Exported> {
    const isExperiment = ({ entity }: CompiledSpec) => entity === "experiment" || entity === "autotune"
    const isGate = ({ entity }: CompiledSpec) => entity === "feature_gate"
    const stores = [...this.snapshot.parameterStores].sort(byName).map(([name, { parameters }]) => {
      const members = Array.from(parameters, ([parameter, spec]) => [parameter, this.#referenced(spec)] as const)
      return [name, new Map(members)] as const
    })
    const layers = this.#specs("layers").map(([name, spec]) => [name, this.#layerParameters(name, spec)] as const)
    return [
      this.#table("gates", "The feature gates.", "gates", isGate, (name, spec) => this.#gate(name, spec)),
      this.#table(
        "configs",
        "The dynamic configs.",
        "dynamicConfigs",
        spec => !isExperiment(spec),
        (name, spec) => property(name, this.#whole("Flag.config(", name, spec))
      ),
      this.#table("experiments", "The experiments, and autotunes.", "dynamicConfigs", isExperiment, (name, spec) =>
        this.#experiment(name, spec)
      ),
      this.#nested("layers", "The layers, parameter by parameter.", "Flag.layer(", layers),
      this.#nested("parameterStores", "The parameter stores, parameter by parameter.", "Flag.parameterStore(", stores)
    ]
  }

  #specs(table: SpecTable): ReadonlyArray<readonly [string, CompiledSpec]> {
    return [...this.snapshot.specs(table)].sort(byName)
  }

  #table(
    name: string,
    comment: string,
    table: SpecTable,
    isOfIt: (spec: CompiledSpec) => boolean,
    itemOf: (name: string, spec: CompiledSpec) => Commented | Doc
  ): Exported {
    const items = this.#specs(table).flatMap(([name, spec]) => (isOfIt(spec) ? [itemOf(name, spec)] : []))
    return { name, comment, items, count: items.length }
  }

  #nested(
    name: string,
    comment: string,
    make: string,
    groups: ReadonlyArray<readonly [string, ReadonlyMap<string, ParameterValues>]>
  ): Exported {
    const items = groups.map(([group, parameters]) => {
      const members = [...parameters].sort(byName).map(([parameter, { fallback, values }]) => {
        const type = typeDoc(shapeOf(fallback === undefined ? [...values, null] : values), this.target)
        const names = [literalShape(group), literalShape(parameter)]
        return property(parameter, block(make, [...names, type, valueDoc(fallback ?? null)], ")"))
      })
      return property(group, members.length === 0 ? "{}" : block("{ ", members, " }"))
    })
    return { name, comment, items, count: groups.reduce((sum, [, parameters]) => sum + parameters.size, 0) }
  }

  #gate(name: string, spec: CompiledSpec): Commented | Doc {
    const item = property(name, block("Flag.gate(", [literalShape(name)], ")"))
    const stale = this.#staleness(spec)
    return stale === undefined ? item : { comment: comment(`@deprecated Stale: it is ${stale} for everyone.`), item }
  }

  #experiment(name: string, spec: CompiledSpec): Commented | Doc {
    const item = property(name, this.#whole("Flag.experiment(", name, spec))
    const groups = spec.rules.flatMap(rule =>
      rule.isExperimentGroup === true && rule.groupName !== undefined ? [rule.groupName] : []
    )
    const lines = [
      ...(groups.length === 0 ? [] : [`Groups: ${[...new Set(groups)].map(literalShape).join(", ")}.`]),
      ...(spec.isActive === false ? ["Not running."] : [])
    ]
    return lines.length === 0 ? item : { comment: comment(lines.join(" ")), item }
  }

  #whole(make: string, name: string, spec: CompiledSpec): Doc {
    const type = typeDoc(shapeOf(this.#values("dynamicConfig", name, spec)), this.target)
    return block(make, [literalShape(name), type, valueDoc(asObject(spec.defaultValue))], ")")
  }

  /** The gate's state if it is the same for everyone. */
  #staleness({ defaultValue, enabled, rules }: CompiledSpec): "open" | "closed" | undefined {
    const otherwise = defaultValue === true ? "open" : "closed"
    if (!enabled || rules.every(({ passPercentage }) => passPercentage <= 0)) return otherwise
    const [first] = rules
    const isForEveryone = first?.selection === "everyone" && first.passPercentage >= 100
    return isForEveryone ? (first.returnValue === false ? "closed" : "open") : undefined
  }

  /** Every value that a spec can have: its own, its delegates', and those of the specs that replace it. */
  #values(
    kind: "dynamicConfig" | "layer",
    name: string,
    spec: CompiledSpec,
    seen: ReadonlySet<string> = new Set()
  ): ReadonlyArray<JsonObject> {
    if (seen.has(name)) return []
    const visited = new Set([...seen, name])
    const valuesOf = (kind: "dynamicConfig" | "layer", name: string) => {
      const found = this.snapshot.spec(kind, name)
      return found === undefined ? [] : this.#values(kind, name, found, visited)
    }
    const mapped = this.snapshot.mappings(name, spec.salt) ?? []
    const bandit = this.snapshot.bandits.get(name)
    const ofBandit = bandit && [bandit.defaultValue, ...bandit.groups.map(group => group.parameterValues)]
    return [
      asObject(spec.defaultValue),
      ...spec.rules.flatMap(rule => [
        asObject(rule.returnValue),
        ...(rule.configDelegate === undefined ? [] : valuesOf("dynamicConfig", rule.configDelegate))
      ]),
      ...mapped.flatMap(({ newConfigName }) => valuesOf(kind, newConfigName)),
      ...(ofBandit ?? []).map(asObject)
    ]
  }

  #layerParameters(name: string, spec: CompiledSpec): ReadonlyMap<string, ParameterValues> {
    const values = this.#values("layer", name, spec)
    const names = new Set(values.flatMap(value => Object.keys(value)))
    return new Map([...names].map(parameter => [parameter, parameterIn(values, parameter)]))
  }

  #referenced(parameter: ParameterSpec): ParameterValues {
    switch (parameter.kind) {
      case "static":
        return { values: [parameter.value], fallback: parameter.value }
      case "gate":
        return { values: [parameter.passValue, parameter.failValue], fallback: parameter.failValue }
      case "dynamicConfig":
        return this.#parameterOf("dynamicConfig", parameter.configName, parameter.parameterName)
      case "experiment":
        return this.#parameterOf("dynamicConfig", parameter.experimentName, parameter.parameterName)
      case "layer":
        return this.#parameterOf("layer", parameter.layerName, parameter.parameterName)
    }
  }

  #parameterOf(kind: "dynamicConfig" | "layer", name: string, parameter: string): ParameterValues {
    const spec = this.snapshot.spec(kind, name)
    return parameterIn(spec === undefined ? [] : this.#values(kind, name, spec), parameter)
  }
}

/** The first of the values is the default. */
const parameterIn = (values: ReadonlyArray<JsonObject>, parameter: string): ParameterValues => ({
  values: values.flatMap(value => (Object.hasOwn(value, parameter) ? [value[parameter] as Json] : [])),
  fallback: values[0] && ownValue(values[0], parameter)
})
