/**
 * Sticky assignments in a `KeyValueStore` of `@effect/platform`: one entry per user, a JSON object by configuration
 * name.
 *
 * A change reads the entry and writes it back. Changes of this process run one at a time; if two processes change the
 * same user at the same moment, one may win, and the other assignment is decided again next time. An entry that was not
 * written by this module is left alone, and the change fails.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { PersistentStorage, type StickyValues, type Storage } from "../../src/PersistentStorage.js"
import { PersistentStorageError } from "../../src/StatsigError.js"

/** Keeps the entries apart from others in the same store. */
const prefix = "statsig|sticky|"

const decodeStored = Schema.decode(
  Schema.parseJson(Schema.declare(Predicate.isReadonlyRecord, { identifier: "object" }))
)

/**
 * Makes a storage on the `KeyValueStore` of the context.
 *
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const store = KeyValueStore.prefix(yield* KeyValueStore.KeyValueStore, prefix)
  const lock = yield* Effect.makeSemaphore(1)

  const read = (key: string) =>
    Effect.flatMap(
      store.get(key),
      Option.match({ onNone: () => Effect.succeed({}), onSome: text => decodeStored(text) })
    )

  const change = (
    operation: "save" | "delete",
    key: string,
    f: (entries: Map<string, unknown>) => boolean
  ): Effect.Effect<void, PersistentStorageError> =>
    Effect.gen(function* () {
      const entries = new Map(Object.entries(yield* read(key)))
      if (!f(entries)) return
      if (entries.size === 0) yield* store.remove(key)
      else yield* store.set(key, JSON.stringify(Object.fromEntries(entries)))
    }).pipe(lock.withPermits(1), Effect.mapError(storageFailed(operation)))

  const storage: Storage = {
    load: key => Effect.mapError(read(key), storageFailed("load")),
    save: (key, configName, values: StickyValues) =>
      change("save", key, entries => {
        entries.set(configName, values)
        return true
      }),
    delete: (key, configName) => change("delete", key, entries => entries.delete(configName))
  }
  return storage
})

const storageFailed =
  (operation: PersistentStorageError["operation"]) =>
  ({ message }: { readonly message: string }) =>
    new PersistentStorageError({ operation, message })

/**
 * A storage on a `KeyValueStore`, e.g. `KeyValueStore.layerFileSystem("./sticky")`.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<PersistentStorage, never, KeyValueStore.KeyValueStore> = Layer.effect(
  PersistentStorage,
  make
)
