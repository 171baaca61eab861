/**
 * A data store on a `KeyValueStore` of `@effect/platform`.
 *
 * The last write wins; whether a half-written value can be read depends on the `KeyValueStore`. `layerFileSystem` does
 * not replace files atomically: for files use `statsig-effect/layers/DataStore/File`.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as DataStore from "../../src/DataStore.js"
import { DataStoreError } from "../../src/StatsigError.js"

const failed =
  (operation: DataStoreError["operation"]) =>
  ({ message }: { readonly message: string }) =>
    new DataStoreError({ operation, message })

/**
 * Makes a store on the `KeyValueStore` of the context.
 *
 * @since 0.1.0
 */
export const make = (options: DataStore.PollingOptions = {}) =>
  Effect.map(KeyValueStore.KeyValueStore, store =>
    DataStore.make({
      get: key => Effect.mapBoth(store.get(key), { onFailure: failed("get"), onSuccess: Option.getOrUndefined }),
      set: (key, value) => Effect.mapError(store.set(key, value), failed("set")),
      getBytes: key =>
        Effect.mapBoth(store.getUint8Array(key), { onFailure: failed("get"), onSuccess: Option.getOrUndefined }),
      setBytes: (key, value) => Effect.mapError(store.set(key, value), failed("set")),
      supportsPollingUpdatesFor: () => Effect.succeed(options.supportsPollingUpdates === true)
    })
  )

/**
 * A store on a `KeyValueStore`.
 *
 * @since 0.1.0
 */
export const layer = (
  options: DataStore.PollingOptions = {}
): Layer.Layer<DataStore.DataStore, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(DataStore.DataStore, make(options))
