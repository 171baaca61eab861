/**
 * Resolves a flag's key.
 *
 * A key is a name, or a name and one of its parameters: `pricing`, `pricing.currency`. A name that contains dots is
 * looked up in full first, then the longest name that the key starts with. If several kinds have the same name, the
 * order of `kinds` decides; for a boolean a gate comes first.
 */
import type { User } from "../engine/user.js"
import type { Internals } from "../promise/internals.js"

/** A name of a kind, and the requested parameter. */
export interface FlagTarget {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"
  readonly name: string
  readonly parameter: string | undefined
}

const flagKinds = ["config", "gate", "layer", "parameterStore"] as const
const kindsForBoolean = ["gate", "config", "layer", "parameterStore"] as const

/** The target of the key for this user: overrides may apply to some users only. */
export const locate = (behind: Internals, user: User, key: string, wantsBoolean: boolean): FlagTarget | undefined => {
  const find = (name: string, parameter: string | undefined): FlagTarget | undefined => {
    for (const kind of wantsBoolean ? kindsForBoolean : flagKinds) {
      if (parameter !== undefined && kind === "gate") continue
      const found = kind === "config" ? configKind(behind, user, name) : isKnown(behind, user, kind, name) && kind
      if (found) return { kind: found, name, parameter }
    }
    return undefined
  }
  const whole = find(key, undefined)
  if (whole !== undefined) return whole
  for (let dot = key.lastIndexOf("."); dot > 0; dot = key.lastIndexOf(".", dot - 1)) {
    const target = find(key.slice(0, dot), key.slice(dot + 1))
    if (target !== undefined) return target
  }
  return undefined
}

const configKind = (behind: Internals, user: User, name: string): "dynamicConfig" | "experiment" | undefined => {
  const spec = behind.store.current().snapshot?.spec("experiment", name)
  if (spec !== undefined) return spec.spec.entity === "dynamic_config" ? "dynamicConfig" : "experiment"
  if (isKnown(behind, user, "experiment", name)) return "experiment"
  return isKnown(behind, user, "dynamicConfig", name) ? "dynamicConfig" : undefined
}

const isKnown = ({ overrides, store }: Internals, user: User, kind: FlagTarget["kind"], name: string): boolean => {
  if (!overrides.isEmpty() && overrides.find(kind, name, user) !== undefined) return true
  const { snapshot } = store.current()
  if (snapshot === undefined) return false
  return kind === "parameterStore"
    ? snapshot.parameterStores.has(name)
    : snapshot.spec(kind, name) !== undefined || snapshot.isReplaceable(kind, name)
}
