/**
 * A data store in memory, for tests: what is written is gone with the layer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DataStore, type Store } from "../../src/DataStore.js"

/**
 * How the store behaves.
 *
 * @since 0.1.0
 */
export interface MemoryOptions {
  /** Whether updates are polled from this store in place of the network. Default: `false`. */
  readonly supportsPollingUpdates?: boolean | undefined
}

/**
 * Makes an empty store.
 *
 * @since 0.1.0
 */
export const make = (options: MemoryOptions = {}): Store => {
  const values = new Map<string, string>()
  return {
    initialize: Effect.void,
    get: key => Effect.sync(() => values.get(key)),
    set: (key, value) => Effect.sync(() => void values.set(key, value)),
    supportsPollingUpdatesFor: () => Effect.succeed(options.supportsPollingUpdates === true),
    shutdown: Effect.void
  }
}

/**
 * An empty store, a new one for each time the layer is built.
 *
 * @since 0.1.0
 */
export const layer = (options: MemoryOptions = {}): Layer.Layer<DataStore> => Layer.sync(DataStore, () => make(options))
