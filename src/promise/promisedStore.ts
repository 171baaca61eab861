/**
 * Shares a data store of this package with a `Statsig` of another copy of it. Each copy has its own runtime and cannot
 * run the effects of another: between copies a store uses promises.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type { Stamp, Store } from "../DataStore.js"
import { DataStoreError } from "../StatsigError.js"
import { runtimeWithLogger } from "./outputLogger.js"

/** The store's interface between copies. */
export interface PromisedStore {
  readonly initialize: () => Promise<void>
  readonly get: (key: string) => Promise<string | undefined>
  readonly set: (key: string, value: string, stamp: Stamp) => Promise<void>
  readonly getBytes: (key: string) => Promise<Uint8Array | undefined>
  readonly setBytes: (key: string, value: Uint8Array, stamp: Stamp) => Promise<void>
  readonly supportsPollingUpdatesFor: (key: string) => Promise<boolean>
  /** Returns a function that removes the listener. */
  readonly changes: (key: string, listener: () => void) => () => void
  readonly stepDown: (key: string) => Promise<void>
  readonly shutdown: () => Promise<void>
}

/** Exposes a store to other copies. Its log lines go to their default destination. */
export const toPromises = (store: Store): PromisedStore => {
  const runtime = runtimeWithLogger({})
  const run = Runtime.runPromise(runtime)
  const fork = Runtime.runFork(runtime)
  return {
    initialize: () => run(store.initialize),
    get: key => run(store.get(key)),
    set: (key, value, stamp) => run(store.set(key, value, stamp)),
    getBytes: key => run(store.getBytes(key)),
    setBytes: (key, value, stamp) => run(store.setBytes(key, value, stamp)),
    supportsPollingUpdatesFor: key => run(store.supportsPollingUpdatesFor(key)),
    changes: (key, listener) => {
      const fiber = fork(Stream.runForEach(store.changes(key), () => Effect.sync(listener)))
      return () => void fork(Fiber.interrupt(fiber))
    },
    stepDown: key => run(store.stepDown(key)),
    shutdown: () => run(store.shutdown)
  }
}

/** Makes a store from the one that another copy exposes. */
export const fromPromises = (store: PromisedStore): Store => {
  const call = <A>(operation: DataStoreError["operation"], member: () => Promise<A>) =>
    Effect.tryPromise({
      try: member,
      catch: error => new DataStoreError({ operation, message: error instanceof Error ? error.message : String(error) })
    })
  return {
    initialize: call("initialize", store.initialize),
    get: key => call("get", () => store.get(key)),
    set: (key, value, stamp) => call("set", () => store.set(key, value, stamp)),
    getBytes: key => call("get", () => store.getBytes(key)),
    setBytes: (key, value, stamp) => call("set", () => store.setBytes(key, value, stamp)),
    supportsPollingUpdatesFor: key => Effect.promise(() => store.supportsPollingUpdatesFor(key)),
    changes: key => Stream.async<void>(emit => Effect.sync(store.changes(key, () => void emit.single(undefined)))),
    stepDown: key => Effect.promise(() => store.stepDown(key)),
    shutdown: call("shutdown", store.shutdown)
  }
}
