/**
 * The way into an instance of the Promise API for parts of this package that are bundled by themselves.
 */
import type { Overrides } from "../Overrides.js"
import type { SpecStatus, SpecStore } from "../SpecStore.js"
import type { Service } from "../Statsig.js"

/** What is behind an instance. */
export interface Internals {
  readonly statsig: Service
  readonly store: SpecStore["Type"]
  readonly overrides: Overrides["Type"]
  readonly status: () => SpecStatus
  /** Whether it still polls and sends what is logged: until it is shut down. */
  readonly isRunning: () => boolean
}

/** Where an instance has them. Of the registry, because each bundle has this module for itself. */
export const internals: unique symbol = Symbol.for("statsig-effect/promise/internals") as never
