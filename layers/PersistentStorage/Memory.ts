/**
 * Sticky assignments in memory, for tests: they are lost with the layer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PersistentStorage, type StickyValues, type Storage } from "../../src/PersistentStorage.js"

/** The maximum number of users; beyond it the least recently changed one is dropped. */
const mostUsers = 100_000

/**
 * Makes an empty storage.
 *
 * @since 0.1.0
 */
export const make = (): Storage => {
  const users = new Map<string, Map<string, StickyValues>>()
  return {
    load: key => Effect.sync(() => Object.fromEntries(users.get(key) ?? [])),
    save: (key, configName, values) =>
      Effect.sync(() => {
        const kept = users.get(key) ?? new Map<string, StickyValues>()
        kept.set(configName, values)
        users.delete(key)
        users.set(key, kept)
        if (users.size > mostUsers) users.delete(users.keys().next().value as string)
      }),
    delete: (key, configName) =>
      Effect.sync(() => {
        const kept = users.get(key)
        if (kept?.delete(configName) && kept.size === 0) users.delete(key)
      })
  }
}

/**
 * An empty storage; each build of the layer makes a new one.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<PersistentStorage> = Layer.sync(PersistentStorage, make)
