/**
 * A data store in memory, for tests: its values are lost with the layer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DataStore from "../../src/DataStore.js"

/**
 * Makes an empty store.
 *
 * @since 0.1.0
 */
export const make = (options: DataStore.PollingOptions = {}): DataStore.Store => {
  const texts = new Map<string, string>()
  const bytes = new Map<string, Uint8Array>()
  return DataStore.make({
    get: key => Effect.sync(() => texts.get(key)),
    set: (key, value) => Effect.sync(() => void texts.set(key, value)),
    getBytes: key => Effect.sync(() => bytes.get(key)),
    setBytes: (key, value) => Effect.sync(() => void bytes.set(key, value.slice())),
    supportsPollingUpdatesFor: () => Effect.succeed(options.supportsPollingUpdates === true)
  })
}

/**
 * An empty store; each build of the layer makes a new one.
 *
 * @since 0.1.0
 */
export const layer = (options: DataStore.PollingOptions = {}): Layer.Layer<DataStore.DataStore> =>
  Layer.sync(DataStore.DataStore, () => make(options))
