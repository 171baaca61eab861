/**
 * A data store in Redis (6 or later), shared by any number of processes: when one writes, the others are notified and
 * read.
 *
 * Of two writes the higher version wins, whichever comes last. This store elects no writer: each process polls Statsig,
 * or none does (`supportsPollingUpdates`). `RedisFleet` is the same store for a fleet, of which one process polls;
 * readers of this kind may follow such a fleet.
 *
 * The client is that of the package `redis`, an optional peer dependency. The program also starts when Redis does not
 * respond, and the connection recovers by itself.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DataStore from "../../src/DataStore.js"
import type { LayerError } from "../../src/StatsigError.js"
import type { RedisOptions } from "../internal/redisConnection.js"
import * as RedisStore from "../internal/redisStore.js"

export type { RedisOptions } from "../internal/redisConnection.js"

/**
 * Makes the store. Its connection is closed when the scope ends.
 *
 * Fails when the package `redis` is not installed, or when the URL is invalid.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: RedisOptions & DataStore.PollingOptions) {
  const { store } = yield* RedisStore.make(options)
  return DataStore.make({
    ...store,
    supportsPollingUpdatesFor: () => Effect.succeed(options.supportsPollingUpdates === true)
  })
})

/**
 * A store in Redis.
 *
 * @example
 * const readsOnly = DataStoreSource.layer({ sdkKey }).pipe(
 *   Layer.provide(Redis.layer({ url: Redacted.make("redis://127.0.0.1:6379"), supportsPollingUpdates: true }))
 * )
 *
 * @since 0.1.0
 */
export const layer = (options: RedisOptions & DataStore.PollingOptions): Layer.Layer<DataStore.DataStore, LayerError> =>
  Layer.scoped(DataStore.DataStore, make(options))
