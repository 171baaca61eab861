/**
 * The `Statsig` class with its shared instance.
 */

import { ofProcess } from "../internal/ofProcess.js"
import { brandClass } from "./classes.js"
import { complain } from "./complain.js"
import { type MakeServices, StatsigClient } from "./Statsig.js"
import type { StatsigOptions } from "./StatsigOptions.js"

/**
 * The `Statsig` class on one kind of services, with its shared instance.
 *
 * @since 0.1.0
 */
export interface StatsigClass {
  readonly prototype: StatsigClient
  /** Throws, with a `code`, if the key is not a string or an option has the wrong type. */
  new (sdkKey: string, options?: StatsigOptions | null): StatsigClient
  /** Makes the shared instance. If there is one already, warns and returns an instance that returns only defaults. */
  newShared(sdkKey: string, options?: StatsigOptions | null): StatsigClient
  /** The shared instance. Without one, warns and returns an instance that returns only defaults. */
  shared(): StatsigClient
  /** Whether there is a shared instance. */
  hasShared(): boolean
  /** Removes the shared instance, without shutting it down. */
  removeSharedInstance(): void
  /** The same as `hasShared`, by its Python name. */
  hasSharedInstance(): boolean
  /** The same as `removeSharedInstance`, by its Python name. */
  removeShared(): void
}

/**
 * Where a class stores its shared instance.
 *
 * @since 0.1.0
 */
export interface SharedPlace {
  instance: StatsigClient | undefined
}

/**
 * The place shared by the classes of all copies of this package in the process.
 *
 * @internal
 */
export const sharedOfProcess = (): SharedPlace => ofProcess("shared/1", () => ({ instance: undefined }))

/**
 * Makes the `Statsig` class on these services. It has its own shared instance, unless a place for it is given.
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
