/**
 * The way into an instance of the Promise API for parts of this package that are bundled by themselves.
 */
import type { IdListsStatus } from "../IdLists.js"
import type { Overrides } from "../Overrides.js"
import type { SpecStatus, SpecStore } from "../SpecStore.js"
import type { Service } from "../Statsig.js"
import { brandOf, brandVersion, otherVersion } from "./classes.js"

/** What is behind an instance. */
export interface Internals {
  readonly statsig: Service
  readonly store: SpecStore["Type"]
  readonly overrides: Overrides["Type"]
  readonly status: () => SpecStatus
  readonly idListStatus: () => IdListsStatus
  /** Whether it still polls and sends what is logged: until it is shut down. */
  readonly isRunning: () => boolean
}

/** Where an instance has them. Of the registry, because each bundle has this module for itself. */
export const internals: unique symbol = Symbol.for("statsig-effect/promise/internals") as never

const statsigBrand: unique symbol = brandOf("Statsig") as never

/** What is behind an instance of any copy of this package. Throws a `TypeError` for one of another
 * version, and with this text for anything else. */
export const internalsOf = (statsig: unknown, problem: string): Internals => {
  const { [statsigBrand]: version, [internals]: behind } = Object(statsig) as {
    readonly [statsigBrand]?: unknown
    readonly [internals]?: Internals
  }
  if (version !== undefined && version !== brandVersion) throw new TypeError(otherVersion("Statsig", version))
  if (behind === undefined) throw new TypeError(problem)
  return behind
}
