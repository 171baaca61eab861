/**
 * The `Statsig` class with its shared instance.
 */

import { ofProcess } from "../internal/ofProcess.js"
import { brandClass } from "./classes.js"
import { complain } from "./complain.js"
import { type MakeServices, StatsigClient } from "./Statsig.js"
import type { StatsigOptions } from "./StatsigOptions.js"

/**
 * The `Statsig` class over one kind of services, with its shared instance.
 *
 * @since 0.1.0
 */
export interface StatsigClass {
  readonly prototype: StatsigClient
  /** Throws, with a `code`, for a key that is no string and for options of the wrong type. */
  new (sdkKey: string, options?: StatsigOptions | null): StatsigClient
  /** Makes the shared instance. While there is one, warns and gives an instance that answers with defaults only. */
  newShared(sdkKey: string, options?: StatsigOptions | null): StatsigClient
  /** The shared instance. Without one, warns and gives an instance that answers with defaults only. */
  shared(): StatsigClient
  /** Whether there is a shared instance. */
  hasShared(): boolean
  /** Forgets the shared instance, without shutting it down. */
  removeSharedInstance(): void
  /** The same as `hasShared`, by its Python name. */
  hasSharedInstance(): boolean
  /** The same as `removeSharedInstance`, by its Python name. */
  removeShared(): void
}

/**
 * Where a class keeps its shared instance.
 *
 * @since 0.1.0
 */
export interface SharedPlace {
  instance: StatsigClient | undefined
}

/**
 * The place that the classes of all copies of this package in the process have in common.
 *
 * @internal
 */
export const sharedOfProcess = (): SharedPlace => ofProcess("shared/1", () => ({ instance: undefined }))

/**
 * Makes the `Statsig` class that works with these services. Its shared instance is its own, unless it is told a place
 * for it.
 *
 * @since 0.1.0
 */
export const makeStatsig = (makeServices: MakeServices, sharedPlace?: () => SharedPlace): StatsigClass => {
  const own: SharedPlace = { instance: undefined }
  const place = sharedPlace ?? (() => own)

  const invalid = (problem: string): StatsigClient => {
    complain("warn", `[Statsig] ${problem}. Returning an invalid instance`)
    const instance = new Bound("INVALID-KEY", { disableNetwork: true })
    instance.shutdown()
    return instance
  }

  class Bound extends StatsigClient {
    static {
      brandClass(this, "Statsig")
    }

    static newShared(sdkKey: string, options?: StatsigOptions | null): StatsigClient {
      const shared = place()
      if (shared.instance !== undefined) {
        return invalid(
          "Shared instance has been created, call removeSharedInstance() if you want to create another one"
        )
      }
      shared.instance = new Bound(sdkKey, options)
      return shared.instance
    }

    static shared(): StatsigClient {
      return place().instance ?? invalid("No shared instance has been created yet. Call newShared() before using it")
    }

    static hasShared(): boolean {
      return place().instance !== undefined
    }

    static removeSharedInstance(): void {
      place().instance = undefined
    }

    static hasSharedInstance(): boolean {
      return Bound.hasShared()
    }

    static removeShared(): void {
      Bound.removeSharedInstance()
    }

    constructor(sdkKey: string, options?: StatsigOptions | null) {
      super(makeServices, sdkKey, options)
    }
  }

  return Bound
}
