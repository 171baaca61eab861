/**
 * Adapts a program's data store object to the `DataStore` service.
 *
 * Its members may be missing, throw or reject: that affects only the data store, not the SDK. They are called on the
 * object.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { make as makeStore, type Stamp, type Store } from "../DataStore.js"
import { payloadText } from "../internal/payload.js"
import { DataStoreError, type LayerError } from "../StatsigError.js"
import { runtimeWithLogger } from "./outputLogger.js"

/**
 * The response of a data store for a key.
 *
 * @since 0.1.0
 */
export interface DataStoreResponse {
  /** The stored text, if there is one. */
  result?: string
  /** Ignored. */
  time?: number
}

/**
 * The response of a data store for a key, as bytes.
 *
 * @since 0.1.0
 */
export interface DataStoreBytesResponse {
  /** The stored bytes, if there are any. */
  result?: Uint8Array
  /** Ignored. */
  time?: number
}

/**
 * A store outside the process for the last good specs. All members are optional; without `initialize` nothing is read.
 * The members for bytes, if present, are used instead of those for text.
 *
 * @since 0.1.0
 */
export interface DataStore {
  initialize?: () => Promise<void>
  shutdown?: () => Promise<void>
  get?: (key: string) => Promise<DataStoreResponse>
  getBytes?: (key: string) => Promise<DataStoreBytesResponse>
  /** `time` is the moment of receipt in epoch milliseconds. */
  set?: (key: string, value: string, time?: number) => Promise<void>
  setBytes?: (key: string, value: ArrayBuffer | Uint8Array, time?: number) => Promise<void>
  /** Whether updates of this path should be polled from the store instead of the network. */
  supportPollingUpdatesFor?: (key: string) => Promise<boolean>
}

/** A store of this package instead of a program's own. */
const own = Symbol("statsig-effect/DataStore")

/** The same for other copies of this package in the process. */
const promised: unique symbol = Symbol.for("statsig-effect/DataStore/1") as never

interface Given extends DataStore {
  readonly [own]?: Store
  readonly [promised]?: PromisedStore
}

/**
 * Makes a data store option of a `Statsig` instance from a store of this package. It has none of the members.
 * `initialize` makes the store, since the layers of an instance are built synchronously.
 *
 * @internal
 */
export const toProgram = (make: Effect.Effect<Store, LayerError, Scope.Scope>): DataStore => {
  const lock = Effect.unsafeMakeSemaphore(1)
  let made: { readonly store: Store; readonly scope: Scope.CloseableScope } | undefined

  const makeOnce = Effect.gen(function* () {
    if (made !== undefined) return made.store
    const scope = yield* Scope.make()
    const store = yield* Effect.onError(Scope.extend(make, scope), cause => Scope.close(scope, Exit.failCause(cause)))
    made = { store, scope }
    return store
  }).pipe(
    lock.withPermits(1),
    Effect.mapError(({ message }) => new DataStoreError({ operation: "initialize", message }))
  )

  const use = <A>(operation: DataStoreError["operation"], f: (store: Store) => Effect.Effect<A, DataStoreError>) =>
    Effect.suspend(() =>
      made === undefined ? new DataStoreError({ operation, message: "not initialised" }) : f(made.store)
    )

  const store: Store = {
    initialize: Effect.flatMap(makeOnce, ({ initialize }) => initialize),
    get: key => use("get", store => store.get(key)),
    set: (key, value, stamp) => use("set", store => store.set(key, value, stamp)),
    getBytes: key => use("get", store => store.getBytes(key)),
    setBytes: (key, value, stamp) => use("set", store => store.setBytes(key, value, stamp)),
    supportsPollingUpdatesFor: key =>
      Effect.suspend(() => made?.store.supportsPollingUpdatesFor(key) ?? Effect.succeed(false)),
    changes: key => Stream.suspend(() => made?.store.changes(key) ?? Stream.empty),
    stepDown: key => Effect.suspend(() => made?.store.stepDown(key) ?? Effect.void),
    shutdown: Effect.suspend(() => {
      if (made === undefined) return Effect.void
      const { scope, store } = made
      made = undefined
      return Effect.ensuring(store.shutdown, Scope.close(scope, Exit.void))
    })
  }
  const given: Given = { [own]: store, [promised]: toPromises(store) }
  return given
}

/**
 * Makes the service.
 *
 * @internal
 */
export const fromProgram = (store: Given): Store => {
  if (store[own] !== undefined) return store[own]
  if (store[promised] !== undefined) return fromPromises(store[promised])

  const call = <A>(operation: DataStoreError["operation"], member: () => Promise<A> | A) =>
    Effect.tryPromise({
      try: async () => member(),
      catch: error => new DataStoreError({ operation, message: String(error) })
    })
  const has = (member: keyof DataStore): boolean => typeof store[member] === "function"
  const missing = (operation: DataStoreError["operation"]) =>
    new DataStoreError({ operation, message: `the data store has no ${operation}` })

  const getBytes = (key: string) => call("get", () => store.getBytes!(key)).pipe(Effect.map(bytesResult))

  let initialized: Promise<unknown> | undefined
  /** Asks once, as the official SDK does. */
  const polls = new Map<string, Effect.Effect<boolean>>()
  const askForPolling = (path: string) =>
    Effect.tryPromise(async () => (await store.supportPollingUpdatesFor!(path)) === true).pipe(
      Effect.orElseSucceed(() => false)
    )

  return makeStore({
    initialize: Effect.suspend(() =>
      // Once, for specs and ID lists together. The result is ignored: a store that could not connect shows it in its
      // responses.
      has("initialize")
        ? Effect.ignore(call("initialize", () => (initialized ??= (async () => store.initialize!())())))
        : missing("initialize")
    ),
    get: key =>
      Effect.suspend(() => {
        if (has("getBytes")) return Effect.flatMap(getBytes(key), decodeText)
        return has("get") ? call("get", () => store.get!(key)).pipe(Effect.map(textResult)) : missing("get")
      }),
    set: (key, value, { receivedAt }) =>
      Effect.suspend(() => {
        if (has("setBytes")) return call("set", () => store.setBytes!(key, new TextEncoder().encode(value), receivedAt))
        return has("set") ? call("set", () => store.set!(key, value, receivedAt)) : Effect.void
      }),
    getBytes: key => Effect.suspend(() => (has("getBytes") ? getBytes(key) : Effect.succeed(undefined))),
    setBytes: (key, value, { receivedAt }) =>
      Effect.suspend(() =>
        has("setBytes") ? call("set", () => store.setBytes!(key, value, receivedAt)) : Effect.void
      ),
    supportsPollingUpdatesFor: key =>
      Effect.suspend(() => {
        const path = key.split("|")[1] ?? key
        const asked = polls.get(path) ?? askForPolling(path)
        return Effect.tap(asked, answer => Effect.sync(() => polls.set(path, Effect.succeed(answer))))
      }),
    shutdown: Effect.suspend(() => (has("shutdown") ? call("shutdown", () => store.shutdown!()) : Effect.void))
  })
}

const textResult = (response: unknown): string | undefined => {
  const result = storeResult(response)
  return typeof result === "string" ? result : undefined
}

/** Stores for the official package return plain arrays of numbers, the only form that it reads. */
const bytesResult = (response: unknown): Uint8Array | undefined => {
  const result = storeResult(response)
  if (result instanceof Uint8Array) return result
  return result instanceof ArrayBuffer || Array.isArray(result) ? new Uint8Array(result) : undefined
}

const decodeText = (bytes: Uint8Array | undefined): Effect.Effect<string | undefined, DataStoreError> =>
  bytes === undefined
    ? Effect.succeed(undefined)
    : Effect.mapError(payloadText(bytes), ({ message }) => new DataStoreError({ operation: "get", message }))

const storeResult = (response: unknown): unknown =>
  typeof response === "object" && response !== null ? (response as { readonly result?: unknown }).result : undefined

/**
 * A store's interface between copies of this package: each has its own runtime and cannot run the effects of another.
 */
interface PromisedStore {
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
const toPromises = (store: Store): PromisedStore => {
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
const fromPromises = (store: PromisedStore): Store => {
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
