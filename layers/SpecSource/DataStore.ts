/**
 * Specs from the `DataStore`: what an earlier process, or another one, got from the network and left there.
 *
 * Alone (`layer`) it only reads. `layerBefore` puts it before the source that it is given: `initialize` asks the store
 * first and that source where the store has nothing of use, and whatever is applied from that source is written to the
 * store, in the background.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { DataStore } from "../../src/DataStore.js"
import { inBackground } from "../../src/internal/backgroundClock.js"
import { masking } from "../../src/internal/secrets.js"
import { type Fetch, inOrder, type Source, SpecSource } from "../../src/SpecSource.js"
import { type DataStoreError, SpecSourceError } from "../../src/StatsigError.js"

/**
 * What the keys are made of.
 *
 * @since 0.1.0
 */
export interface DataStoreOptions {
  readonly sdkKey: Redacted.Redacted
  /**
   * How the SDK key appears in the keys of the store: `v2` as the base64 of its SHA-256, `v3` by its first 20
   * characters. Programs that share a store must agree. Default: `v2`.
   */
  readonly keySchema?: "v2" | "v3" | undefined
}

const name = "Adapter(DataStore)"
const path = "/v2/download_config_specs"

/** How long the store may take for one call. */
const timeout = Duration.seconds(10)
const shutdownTimeout = Duration.seconds(3)

/**
 * The key under which specs are stored.
 *
 * @since 0.1.0
 */
export const specsKey = (options: DataStoreOptions): string => {
  const sdkKey = Redacted.value(options.sdkKey)
  const part = options.keySchema === "v3" ? sdkKey.slice(0, 20) : createHash("sha256").update(sdkKey).digest("base64")
  return `statsig|${path}|plain_text|${part}`
}

/**
 * Makes the source that reads the store. The store is initialised by the first fetch and shut down with the scope.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: DataStoreOptions) {
  const store = yield* DataStore
  const key = specsKey(options)
  const mask = masking(options.sdkKey)
  let initialized = false
  let polling: boolean | undefined

  const bounded = <A>(call: Effect.Effect<A, DataStoreError>): Effect.Effect<A, SpecSourceError> =>
    call.pipe(
      Effect.mapError(
        ({ message, operation }) =>
          new SpecSourceError({ source: name, reason: "Failed", message: `${operation} failed: ${mask(message)}` })
      ),
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () =>
          new SpecSourceError({
            source: name,
            reason: "Timeout",
            message: `the data store did not answer within ${Duration.toMillis(timeout)} ms`
          })
      })
    )

  const fetch: Fetch = Effect.fnUntraced(function* (_request, apply) {
    if (!initialized) {
      yield* bounded(store.initialize)
      initialized = true
    }
    const body = yield* bounded(store.get(key))
    if (body === undefined) {
      return yield* new SpecSourceError({
        source: name,
        reason: "Empty",
        message: `the data store has no ${mask(key)}`
      })
    }
    return yield* apply({ source: name, sourceApi: undefined, body })
  })

  yield* Effect.addFinalizer(() =>
    // A finalizer is not interruptible by itself: without this a store that hangs would hang the program's end.
    Effect.interruptible(Effect.disconnect(store.shutdown)).pipe(
      Effect.timeout(shutdownTimeout),
      Effect.catchAllCause(cause => Effect.logDebug("The data store was not shut down", cause))
    )
  )

  const askForPolling = bounded(store.supportsPollingUpdatesFor(path)).pipe(
    Effect.map(answer => answer === true),
    Effect.catchAllCause(cause =>
      Effect.as(Effect.logWarning("The data store does not tell whether it supports polling", cause), false)
    ),
    Effect.tap(answer => {
      polling = answer
    })
  )

  const source: Source = {
    name,
    fetch,
    polls: Effect.suspend(() => (polling === undefined ? askForPolling : Effect.succeed(polling))),
    updates: Stream.empty
  }
  return source
})

/**
 * Makes the given source leave what is applied from it in the store. Writing never delays or fails a fetch; of payloads
 * that come faster than the store takes them only the last is written.
 *
 * @since 0.1.0
 */
export const writing = Effect.fnUntraced(function* (source: Source, options: DataStoreOptions) {
  const store = yield* DataStore
  const key = specsKey(options)
  const mask = masking(options.sdkKey)
  const writes = yield* Queue.sliding<{ readonly body: string; readonly time: number }>(1)

  yield* Queue.take(writes).pipe(
    Effect.flatMap(({ body, time }) => Effect.timeout(store.set(key, body, time), timeout)),
    Effect.catchAllCause(cause =>
      Effect.logWarning(`The specs were not written to the data store: ${mask(String(cause))}`)
    ),
    Effect.forever,
    inBackground,
    Effect.forkScoped
  )

  const andWrite =
    (fetch: Fetch): Fetch =>
    (request, apply) =>
      fetch(request, response =>
        Effect.tap(apply(response), outcome =>
          outcome._tag === "Applied"
            ? Effect.flatMap(Clock.currentTimeMillis, time => Queue.offer(writes, { body: response.body, time }))
            : Effect.void
        )
      )

  const result: Source = {
    ...source,
    fetch: andWrite(source.fetch),
    updates: Stream.map(source.updates, andWrite)
  }
  return result
})

/**
 * The data store as the only source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: DataStoreOptions): Layer.Layer<SpecSource, never, DataStore> =>
  Layer.scoped(SpecSource, make(options))

/**
 * The data store before another source, usually the network.
 *
 * @example
 * DataStore.layerBefore({ sdkKey }).pipe(Layer.provide(Http.layer({ sdkKey })))
 *
 * @since 0.1.0
 */
export const layerBefore = (options: DataStoreOptions): Layer.Layer<SpecSource, never, SpecSource | DataStore> =>
  Layer.scoped(SpecSource, makeBefore(options))

const makeBefore = (options: DataStoreOptions): Effect.Effect<Source, never, SpecSource | DataStore | Scope.Scope> =>
  Effect.gen(function* () {
    const stored = yield* make(options)
    return inOrder(stored, yield* writing(yield* SpecSource, options))
  })
