/**
 * Local overrides: values that a program sets itself. They take precedence over the specs.
 *
 * The engine only looks them up, so they may come from anywhere; `OverrideTable` holds most of them.
 */

import { textOf } from "../conditions/values.js"
import type { JsonObject } from "../json.js"
import type { Parameter } from "../specs.js"
import type { User } from "../user.js"

/** The value that a group of the experiment has in the current specs. */
export class GroupOverride {
  readonly groupName: string
  constructor(groupName: string) {
    this.groupName = groupName
  }
}

/** The values that replace the specs' results. Kinds are separate: a name can have one of each. */
export interface OverrideValues {
  readonly gate: boolean
  readonly dynamicConfig: JsonObject
  readonly experiment: JsonObject | GroupOverride
  readonly layer: JsonObject
  readonly parameterStore: ReadonlyMap<string, Parameter>
}

/** What can be overridden. */
export type OverrideKind = keyof OverrideValues

/** A name that is or was overridden. */
export interface OverriddenName {
  readonly kind: OverrideKind
  readonly name: string
}

/** Overrides as the engine looks them up. Everything is synchronous. */
export interface OverrideLookup {
  /** Whether there are none at all; then nothing is looked up. */
  readonly isEmpty: () => boolean
  readonly find: <Kind extends OverrideKind>(kind: Kind, name: string, user: User) => OverrideValues[Kind] | undefined
}

/** The overrides of both; `first` wins. */
export const firstOf = (first: OverrideLookup, second: OverrideLookup): OverrideLookup => ({
  isEmpty: () => first.isEmpty() && second.isEmpty(),
  find: (kind, name, user) => first.find(kind, name, user) ?? second.find(kind, name, user)
})

/** The key of overrides for everyone, as in the official package, where it is visible too. */
const everyoneKey = "__STATSIG_NO_ID__"

type ValuesByName<Kind extends OverrideKind> = Map<string, Map<string, OverrideValues[Kind]>>

/** Overrides by kind, name and id. The last one set wins. */
export class OverrideTable implements OverrideLookup {
  readonly #values: { readonly [Kind in OverrideKind]: ValuesByName<Kind> } = {
    gate: new Map(),
    dynamicConfig: new Map(),
    experiment: new Map(),
    layer: new Map(),
    parameterStore: new Map()
  }
  #names = 0

  readonly isEmpty = (): boolean => this.#names === 0

  /** The override for the user's `userID`, else for any of the custom IDs, else for everyone. */
  readonly find: OverrideLookup["find"] = (kind, name, user) => {
    const values = this.#values[kind].get(name)
    return values && (findFor(values, user.userID) ?? findForAny(values, user.customIDs) ?? values.get(everyoneKey))
  }

  /** Every name that has an override. */
  readonly names = (): ReadonlyArray<OverriddenName> =>
    Object.entries(this.#values).flatMap(([kind, names]) =>
      Array.from(names.keys(), name => ({ kind: kind as OverrideKind, name }))
    )

  /** Without an id the override applies to everyone. */
  readonly set = <Kind extends OverrideKind>(
    kind: Kind,
    name: string,
    value: OverrideValues[Kind],
    id: string = everyoneKey
  ): void => {
    const names: ValuesByName<Kind> = this.#values[kind]
    const values = names.get(name) ?? new Map()
    if (values.size === 0) {
      names.set(name, values)
      this.#names++
    }
    values.set(id, value)
  }

  /** Without an id all overrides of the name are removed, those for single ids too. */
  readonly remove = (kind: OverrideKind, name: string, id?: string): void => {
    const names: Map<string, Map<string, unknown>> = this.#values[kind]
    const values = names.get(name)
    if (values === undefined) return
    if (id !== undefined) values.delete(id)
    if (id !== undefined && values.size > 0) return
    names.delete(name)
    this.#names--
  }

  readonly clear = (): void => {
    for (const names of Object.values(this.#values)) names.clear()
    this.#names = 0
  }
}

const findFor = <A>(values: ReadonlyMap<string, A>, id: JsonObject[string] | undefined): A | undefined => {
  const text = textOf(id)
  return text === undefined ? undefined : values.get(text)
}

const findForAny = <A>(values: ReadonlyMap<string, A>, ids: JsonObject | undefined): A | undefined => {
  for (const idType in ids) {
    const found = findFor(values, ids[idType])
    if (found !== undefined) return found
  }
  return undefined
}
