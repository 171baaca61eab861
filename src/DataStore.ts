/**
 * A place outside the process that keeps the last good specs, shared by a fleet or kept over restarts.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { DataStoreError } from "./StatsigError.js"

/**
 * Implement it to keep specs elsewhere. Values are JSON text, keys are made by the SDK.
 *
 * @since 0.1.0
 */
export interface Store {
  readonly initialize: Effect.Effect<void, DataStoreError>
  /** The stored text, or `undefined` when there is none. */
  readonly get: (key: string) => Effect.Effect<string | undefined, DataStoreError>
  /** `time` is the moment of receipt in epoch milliseconds. */
  readonly set: (key: string, value: string, time: number) => Effect.Effect<void, DataStoreError>
  /** Whether updates of this path should be polled from the store in place of the network. */
  readonly supportsPollingUpdatesFor: (path: string) => Effect.Effect<boolean>
  readonly shutdown: Effect.Effect<void, DataStoreError>
}

/**
 * The data store in use.
 *
 * Layers: `statsig-effect/layers/DataStore/Memory`.
 *
 * @since 0.1.0
 */
export class DataStore extends Context.Tag("statsig-effect/DataStore")<DataStore, Store>() {}
