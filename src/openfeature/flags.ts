/**
 * What the key of a flag stands for.
 *
 * A key is a name, or a name and one of its parameters: `pricing`, `pricing.currency`. A name that has dots itself is
 * found as a whole first, then the longest of those that the key begins with. Names of one text that stand for several
 * things are taken in the order of `kinds`; a gate comes first for who wants a boolean.
 */
import type { User } from "../engine/user.js"
import type { Internals } from "../promise/internals.js"

/** A name of a kind, and the parameter that is wanted of it. */
export interface FlagTarget {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"
  readonly name: string
  readonly parameter: string | undefined
}

const flagKinds = ["config", "gate", "layer", "parameterStore"] as const
const kindsForBoolean = ["gate", "config", "layer", "parameterStore"] as const

/** What the key stands for, for this user: overrides may be for some only. */
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
