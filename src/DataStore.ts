/**
 * A store outside the process for the last good specs and ID lists, shared by a fleet or kept across restarts.
 *
 * The SDK writes only what came from the network, and uses a stored value only if it is valid. A slow, empty, stale or
 * broken store never affects what the process holds. The SDK bounds each call; a store needs no timeouts of its own.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { sha256Base64 } from "./engine/hashing/sha256.js"
import type { DataStoreError } from "./StatsigError.js"
import type { StatsigOptions } from "./StatsigOptions.js"

/**
 * The metadata of a value that is written.
 *
 * @since 0.1.0
 */
export interface Stamp {
  /**
   * Grows with every newer value of a key; for specs it is their `time` in epoch milliseconds. A store with several
   * writers should, as far as it can, not let a lower version replace a higher one.
   */
  readonly version: number
  /** When the value was received, in epoch milliseconds. */
  readonly receivedAt: number
}

/**
 * Implement it to store values elsewhere. The SDK makes the keys; they are never empty. A key is read in the form, text
 * or bytes, in which it was written.
 *
 * @since 0.1.0
 */
export interface Store {
  /** Runs before the first read. May be called again. */
  readonly initialize: Effect.Effect<void, DataStoreError>
  /** The stored text, or `undefined` when there is none. */
  readonly get: (key: string) => Effect.Effect<string | undefined, DataStoreError>
  readonly set: (key: string, value: string, stamp: Stamp) => Effect.Effect<void, DataStoreError>
  /** The stored bytes, or `undefined` when there are none. */
  readonly getBytes: (key: string) => Effect.Effect<Uint8Array | undefined, DataStoreError>
  readonly setBytes: (key: string, value: Uint8Array, stamp: Stamp) => Effect.Effect<void, DataStoreError>
  /**
   * Whether this process takes updates of the key from the store instead of the network. It is asked before every poll,
   * so the result may change: in a fleet it is `false` for the one process that fetches and writes.
   */
  readonly supportsPollingUpdatesFor: (key: string) => Effect.Effect<boolean>
  /** Emits when another process may have changed the value of the key. Never fails. */
  readonly changes: (key: string) => Stream.Stream<void>
  /** Notifies the store that this process could not fetch the key from the network, so that another one may try. */
  readonly stepDown: (key: string) => Effect.Effect<void>
  /** Runs when the SDK ends. */
  readonly shutdown: Effect.Effect<void, DataStoreError>
}

/**
 * The data store in use.
 *
 * Layers: `statsig-effect/layers/DataStore/Memory`, `File`, `KeyValueStore`, `Redis`, `RedisFleet`.
 *
 * @since 0.1.0
 */
export class DataStore extends Context.Tag("statsig-effect/DataStore")<DataStore, Store>() {}

/**
 * Makes a store from its operations. By default bytes are not stored, updates are not polled from it, and it reports no
 * changes.
 *
 * @example
 * const values = new Map<string, string>()
 * const store = DataStore.make({
 *   get: key => Effect.sync(() => values.get(key)),
 *   set: (key, value) => Effect.sync(() => void values.set(key, value))
 * })
 *
 * @since 0.1.0
 */
export const make = (store: Pick<Store, "get" | "set"> & Partial<Store>): Store => ({
  initialize: Effect.void,
  getBytes: () => Effect.succeed(undefined),
  setBytes: () => Effect.void,
  supportsPollingUpdatesFor: () => Effect.succeed(false),
  changes: () => Stream.empty,
  stepDown: () => Effect.void,
  shutdown: Effect.void,
  ...store
})

/**
 * Options of a store that elects no writer.
 *
 * @since 0.1.0
 */
export interface PollingOptions {
  /**
   * Whether updates come from the store instead of the network: for processes supplied by another one. Default:
   * `false`.
   */
  readonly supportsPollingUpdates?: boolean | undefined
}

/**
 * The options that determine the keys.
 *
 * @since 0.1.0
 */
export interface KeyOptions extends Pick<StatsigOptions, "sdkKey"> {
  /**
   * How the SDK key appears in the keys of the store: `v2` as the base64 of its SHA-256, `v3` by its first 20
   * characters. Programs that share a store must agree. Default: `v2`.
   */
  readonly keySchema?: "v2" | "v3" | undefined
}

/**
 * The key under which the response of an endpoint is stored, e.g. of `/v2/download_config_specs`:
 * `statsig|<path>|<format>|<SDK key>`.
 *
 * @since 0.1.0
 */
export const keyOf = (path: string, format: "plain_text" | "statsig-br", options: KeyOptions): string => {
  const sdkKey = Redacted.value(options.sdkKey)
  const part = options.keySchema === "v3" ? sdkKey.slice(0, 20) : sha256Base64(sdkKey)
  return `statsig|${path}|${format}|${part}`
}
