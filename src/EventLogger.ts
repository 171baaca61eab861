/**
 * Takes what is to be logged. Its methods are called on the check path: they return at once and never throw.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Evaluation } from "./engine/evaluation.js"
import type { User } from "./engine/user.js"

/**
 * An answer that a program acted on.
 *
 * @since 0.1.0
 */
export interface Exposure {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer"
  /** The name that was asked for. */
  readonly name: string
  readonly user: User
  /** The record behind the answer; immutable, so it may be kept and serialised later. */
  readonly evaluation: Evaluation
  /** The parameter of a layer that was read. */
  readonly parameter: string | undefined
}

/**
 * The logger in use.
 *
 * Layers: `statsig-effect/layers/EventLogger/Memory` (tests), `Noop`.
 *
 * @since 0.1.0
 */
export class EventLogger extends Context.Tag("statsig-effect/EventLogger")<
  EventLogger,
  {
    readonly logExposure: (exposure: Exposure) => void
    /** Counts an evaluation made without exposure logging. */
    readonly countNonExposed: (name: string) => void
    /** Sends what is queued. */
    readonly flush: Effect.Effect<void>
  }
>() {}
