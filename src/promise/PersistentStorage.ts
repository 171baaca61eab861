/**
 * Adapts a program's persistent storage object to the `PersistentStorage` service.
 *
 * Its members may throw, or be asynchronous although declared synchronous. They are called on the object, and never
 * within a check.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Storage } from "../PersistentStorage.js"
import { PersistentStorageError } from "../StatsigError.js"
import type { PersistentStorage, StickyValues } from "./StatsigOptions.js"

/**
 * Makes the service.
 *
 * @internal
 */
export const storageFromProgram = (storage: PersistentStorage): Storage => {
  const call = <A>(operation: PersistentStorageError["operation"], member: () => A) =>
    Effect.tryPromise({
      try: async () => member(),
      catch: error => new PersistentStorageError({ operation, message: String(error) })
    })
  return {
    load: key => call("load", () => storage.load(key)),
    // The declared type differs from the JSON in details; the official package passes the JSON.
    save: (key, configName, values) =>
      call("save", () => storage.save(key, configName, values as unknown as StickyValues)),
    delete: (key, configName) => call("delete", () => storage.delete(key, configName))
  }
}
