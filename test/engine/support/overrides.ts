import { GroupOverride, OverrideTable } from "../../../src/engine/evaluate/overrides.js"

/** A method of the official package, and its arguments. */
export type Call = readonly [method: string, name: string, value: never, id?: string]

/** The overrides after these calls of the official package. */
export const overridesOf = (setup: ReadonlyArray<Call> = []): OverrideTable => {
  const overrides = new OverrideTable()
  for (const [method, name, value, id] of setup) {
    switch (method) {
      case "overrideGate":
        overrides.set("gate", name, value, id)
        break
      case "overrideDynamicConfig":
        overrides.set("dynamicConfig", name, value, id)
        break
      case "overrideExperiment":
        overrides.set("experiment", name, value, id)
        break
      case "overrideExperimentByGroupName":
        overrides.set("experiment", name, new GroupOverride(value), id)
        break
      case "overrideLayer":
        overrides.set("layer", name, value, id)
        break
      case "removeGateOverride":
        overrides.remove("gate", name, value)
        break
      case "removeExperimentOverride":
        overrides.remove("experiment", name, value)
        break
      case "overrideParameterStore":
        // Responses list stores as in the specs.
        break
      default:
        throw new Error(`unknown method ${method}`)
    }
  }
  return overrides
}
