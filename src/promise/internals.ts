/**
 * Access to an instance of the Promise API for parts of this package that are bundled separately.
 */
import type { IdListsStatus } from "../IdLists.js"
import type { Overrides } from "../Overrides.js"
import type { SpecStatus, SpecStore } from "../SpecStore.js"
import type { Service } from "../Statsig.js"
import { brandOf, brandVersion, otherVersion } from "./classes.js"

/** The internals of an instance. */
export interface Internals {
  readonly statsig: Service
  readonly store: SpecStore["Type"]
  readonly overrides: Overrides["Type"]
  readonly status: () => SpecStatus
  readonly idListStatus: () => IdListsStatus
  /** Whether it still polls and sends events: until it is shut down. */
  readonly isRunning: () => boolean
}

/**
 * The property of an instance that holds them. A registered symbol, because each bundle has its own copy of this
 * module.
 */
export const internals: unique symbol = Symbol.for("statsig-effect/promise/internals") as never

const statsigBrand: unique symbol = brandOf("Statsig") as never

/**
 * The internals of an instance of any copy of this package. Throws a `TypeError` for another version, and with the text
 * `problem` for anything else.
 */
export const internalsOf = (statsig: unknown, problem: string): Internals => {
  const { [statsigBrand]: version, [internals]: behind } = Object(statsig) as {
    readonly [statsigBrand]?: unknown
    readonly [internals]?: Internals
  }
  if (version !== undefined && version !== brandVersion) throw new TypeError(otherVersion("Statsig", version))
  if (behind === undefined) throw new TypeError(problem)
  return behind
}
