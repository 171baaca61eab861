/**
 * The worked examples of the official package's evaluation.
 *
 * The file keeps the specs as text, because the spelling of a number (`1.0`) can decide a result.
 */
import type { Json } from "../../../src/engine/json.js"
import type { StatsigUserInput } from "../../../src/StatsigUser.js"
import vectors from "../../vectors/evaluation-vectors.json" with { type: "json" }
import type { Call } from "./overrides.js"

export interface Case {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly user?: StatsigUserInput
  readonly params?: ReadonlyArray<string>
  readonly param?: string
  readonly fallbacks?: ReadonlyArray<Json>
  readonly group?: string
  readonly options?: {
    readonly userPersistedValues?: object
    readonly enforceOverrides?: boolean
    readonly enforceTargeting?: boolean
  }
  readonly expected: { readonly storage?: unknown }
}

export interface Suite {
  readonly name: string
  readonly options: {
    readonly environment?: string
    readonly globalCustomFields?: { readonly [name: string]: Json }
    readonly useThirdPartyUaParser?: boolean
    readonly disableCountryLookup?: boolean
    readonly persistentStorage?: boolean
  }
  /** Calls of the official package before each case. */
  readonly setup?: ReadonlyArray<Call>
  readonly idLists?: Readonly<Record<string, string>>
  readonly specs: string
  readonly cases: ReadonlyArray<Case>
}

export const suites: ReadonlyArray<Suite> = [
  { name: "main", ...vectors },
  ...vectors.suites
] as unknown as ReadonlyArray<Suite>

/** Looks IDs up in the text of change files, whose lines hold hashes instead of IDs. */
export const lookupIn = (
  files: Readonly<Record<string, string>> = {}
): ((list: string, high: number, low: number) => boolean) => {
  const lists = new Map<string, Set<string>>()
  for (const [name, text] of Object.entries(files)) {
    const keys = new Set<string>()
    for (const line of text.split(/\r?\n/)) {
      if (line.startsWith("+")) keys.add(line.slice(1))
      if (line.startsWith("-")) keys.delete(line.slice(1))
    }
    lists.set(name, keys)
  }
  return (list, high, low) => {
    const bytes = Buffer.alloc(6)
    bytes.writeUIntBE(high, 0, 3)
    bytes.writeUIntBE(low, 3, 3)
    return lists.get(list)?.has(bytes.toString("base64")) === true
  }
}

/** The calls of a storage, in order. */
export type StorageCall =
  | { readonly op: "save"; readonly key: string; readonly config: string; readonly data: unknown }
  | { readonly op: "delete"; readonly key: string; readonly config: string }
