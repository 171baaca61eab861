/**
 * Local overrides: values set by a program, a test or an operator that replace those of the specs.
 *
 * An override is one line of data, such as `{ gate: "new_checkout", value: true, id: "u-1" }`. It has the same form
 * everywhere: set here, applied to one request (`Statsig.withOverrides`), or written in a file.
 *
 * Overrides take precedence over the specs, work for names that the specs do not have and before any specs are loaded,
 * and apply to nested gates and layers. An evaluation that used one has the reason `LocalOverride:Recognized`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import {
  GroupOverride,
  type OverriddenName,
  type OverrideKind,
  type OverrideLookup,
  OverrideTable
} from "./engine/evaluate/overrides.js"
import { asObject, type JsonObject } from "./engine/json.js"
import type { Parameter } from "./engine/specs.js"
import { makeListeners } from "./internal/listeners.js"
import { decodeParameter } from "./Specs.js"
import { toJson } from "./StatsigUser.js"

export type {
  GroupOverride,
  OverriddenName,
  OverrideKind,
  OverrideLookup,
  OverrideValues
} from "./engine/evaluate/overrides.js"

const isObjectValue = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const Values = Schema.declare(isObjectValue, { identifier: "object" })

/** Applies to the user whose `userID`, or any of whose custom IDs, equals this; without it to everyone. */
const id = Schema.optional(Schema.String)

/**
 * One override. The value of a config, an experiment or a layer replaces the whole value. For an experiment, the name
 * of one of its groups may be given instead; an unknown group gives an empty value.
 *
 * A parameter of a parameter store is a fixed value or, if it has that shape, a definition as in the specs: `{
 * ref_type: "gate", param_type: "string", gate_name: "g", pass_value: "a", fail_value: "b" }`.
 *
 * @since 0.1.0
 */
export const Override = Schema.Union(
  Schema.Struct({ gate: Schema.String, value: Schema.Boolean, id }),
  Schema.Struct({ dynamicConfig: Schema.String, value: Values, id }),
  Schema.Struct({ experiment: Schema.String, value: Values, id }),
  Schema.Struct({ experiment: Schema.String, group: Schema.String, id }),
  Schema.Struct({ layer: Schema.String, value: Values, id }),
  Schema.Struct({ parameterStore: Schema.String, value: Values, id })
)

/**
 * One override.
 *
 * @since 0.1.0
 */
export type Override = typeof Override.Type

/**
 * The override to remove. Without an id: all overrides of the name, including those for single ids.
 *
 * @since 0.1.0
 */
export type OverrideTarget =
  | { readonly gate: string; readonly id?: string | undefined }
  | { readonly dynamicConfig: string; readonly id?: string | undefined }
  | { readonly experiment: string; readonly id?: string | undefined }
  | { readonly layer: string; readonly id?: string | undefined }
  | { readonly parameterStore: string; readonly id?: string | undefined }

/**
 * The methods of the service. All are synchronous, like the checks.
 *
 * @since 0.1.0
 */
export interface Service extends OverrideLookup {
  /** Sets an override; the last one for a name and an id wins. */
  readonly set: (override: Override) => void
  readonly remove: (target: OverrideTarget) => void
  readonly removeAll: () => void
  /** Calls the listener after each change, with the names that changed. Returns a function that removes it. */
  readonly onChange: (listener: (changed: ReadonlyArray<OverriddenName>) => void) => () => void
}

/**
 * The overrides in use. The preset holds them in memory, unless the program provides its own layer to the preset.
 *
 * Layers: `statsig-effect/layers/Overrides/Memory` (default), `statsig-effect/layers/Overrides/File`.
 *
 * @example
 * const overrides = yield* Overrides.Overrides
 * overrides.set({ gate: "new_checkout", value: true })
 * overrides.set({ experiment: "button", group: "Test", id: "u-1" })
 * overrides.remove({ gate: "new_checkout" })
 *
 * @since 0.1.0
 */
export class Overrides extends Context.Tag("statsig-effect/Overrides")<Overrides, Service>() {}

/**
 * Overrides in memory.
 *
 * @since 0.1.0
 */
export const make = (overrides: Iterable<Override> = []): Service => {
  const table = new OverrideTable()
  const listeners = makeListeners<ReadonlyArray<OverriddenName>>()
  const enter = (override: Override) => {
    const { id } = override
    if ("gate" in override) table.set("gate", override.gate, override.value, id)
    else if ("dynamicConfig" in override) table.set("dynamicConfig", override.dynamicConfig, asJson(override.value), id)
    else if ("layer" in override) table.set("layer", override.layer, asJson(override.value), id)
    else if ("parameterStore" in override) {
      table.set("parameterStore", override.parameterStore, parameters(override.value), id)
    } else {
      const value = "group" in override ? new GroupOverride(override.group) : asJson(override.value)
      table.set("experiment", override.experiment, value, id)
    }
  }
  for (const override of overrides) enter(override)
  return {
    isEmpty: table.isEmpty,
    find: table.find,
    set: override => {
      enter(override)
      listeners.tell(namesOf(override))
    },
    remove: target => {
      const names = namesOf(target)
      for (const { kind, name } of names) table.remove(kind, name, target.id)
      listeners.tell(names)
    },
    removeAll: () => {
      const names = table.names()
      table.clear()
      listeners.tell(names)
    },
    onChange: listeners.add
  }
}

const overrideKinds: ReadonlyArray<OverrideKind> = ["gate", "dynamicConfig", "experiment", "layer", "parameterStore"]

/**
 * The name that an override applies to, with its kind.
 *
 * @internal
 */
export const namesOf = (target: OverrideTarget): ReadonlyArray<OverriddenName> =>
  overrideKinds.flatMap(kind => {
    const name = (target as { readonly [kind in OverrideKind]?: string })[kind]
    return name === undefined ? [] : [{ kind, name }]
  })

/** A copy, so that later changes to the input have no effect. What cannot be JSON is left out. */
const asJson = (value: unknown): JsonObject => asObject(toJson(value) ?? null)

const parameters = (value: unknown): ReadonlyMap<string, Parameter> =>
  new Map(
    Object.entries(asJson(value)).map(([name, parameter]) => [
      name,
      decodeParameter(parameter) ?? { kind: "static", value: parameter }
    ])
  )
