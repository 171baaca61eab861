/**
 * The Schema of a config-specs payload. (In work: this is the contract that the store uses.)
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Snapshot } from "./engine/snapshot.js"
import type { SpecsError } from "./StatsigError.js"

/**
 * A part of a payload that could not be used: it fails alone, the rest works.
 *
 * @since 0.1.0
 */
export interface SpecWarning {
  readonly kind: "gate" | "dynamicConfig" | "layer" | "condition"
  readonly name: string
  /** What was found and what was expected. */
  readonly message: string
}

/**
 * A payload that was read: specs, or the word that there is nothing new.
 *
 * @since 0.1.0
 */
export type Parsed = { readonly _tag: "Specs"; readonly snapshot: Snapshot } | { readonly _tag: "NoUpdates" }

/**
 * Reads a payload. Single specs are decoded when they are first used; one that is bad then is reported to `onWarning`,
 * once.
 *
 * @since 0.1.0
 */
export const parse = (_body: string, _onWarning: (warning: SpecWarning) => void): Effect.Effect<Parsed, SpecsError> =>
  Effect.die("in work")
