/**
 * Specs from the `DataStore`, stored there from the network by an earlier process or another one.
 *
 * Specs have two keys there, as in the official SDK: one for JSON, one for protobuf. Both are read, and the newest
 * wins. JSON is always written; protobuf too, if the network sent it. So every process of a fleet, with this SDK or an
 * official one, finds the newest specs, whichever operations its store supports. A process that finds protobuf in the
 * store also requests it from the network: official processes that read bytes then never read the JSON.
 *
 * `layer` only reads. `layerBefore` puts the store before a given source: `initialize` asks the store first, and the
 * source if the store has nothing usable. Before every poll the store decides whether it or the source is asked; a
 * fleet's store thus makes one process of many fetch. What is applied from the source is written to the store, in the
 * background.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { DataStore, type KeyOptions, keyOf, type Stamp, type Store } from "../../src/DataStore.js"
import { memberOf } from "../../src/engine/payload/body.js"
import { guarded, inBackground } from "../../src/internal/clocks.js"
import { inTurns } from "../../src/internal/eventLoop.js"
import { payloadBytes, payloadText, sizeLimit } from "../../src/internal/payload.js"
import { masking } from "../../src/internal/secrets.js"
import { type Fetch, inOrder, type Outcome, type Source, SpecSource } from "../../src/SpecSource.js"
import { type DataStoreError, SpecSourceError, type SpecsError } from "../../src/StatsigError.js"
import type { StatsigOptions } from "../../src/StatsigOptions.js"
import * as Protobuf from "../internal/protobuf/decode.js"

const name = "Adapter(DataStore)"

/** The timeout of one call of the store. */
const storeTimeout = Duration.seconds(10)

/** How long `initialize` waits for another process to fill the store. */
const firstTimeout = Duration.seconds(2)

/** The store's timeout for work that nobody waits for: a last write, and shutdown. */
const shortTimeout = Duration.seconds(1)

/**
 * The key under which specs are stored as JSON.
 *
 * @since 0.1.0
 */
export const specsKey = (options: KeyOptions): string => keyOf("/v2/download_config_specs", "plain_text", options)

/**
 * The key under which specs are stored as protobuf, with their original compression.
 *
 * @since 0.1.0
 */
export const protobufKey = (options: KeyOptions): string => keyOf("/v2/download_config_specs", "statsig-br", options)

/**
 * Options of the source.
 *
 * @since 0.1.0
 */
export interface DataStoreOptions extends KeyOptions, Pick<StatsigOptions, "maxSpecsBytes"> {}

/** Stores in which protobuf was found. */
const holdsProtobuf = new WeakSet<Store>()

/**
 * Makes the source that reads the store. The first fetch initializes the store; it is shut down with the scope.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: DataStoreOptions) {
  const store = yield* DataStore
  const key = specsKey(options)
  const limit = sizeLimit(options.maxSpecsBytes)
  const mask = masking(options.sdkKey)
  let initialized = false
  let isUnsure = false

  const failed = (reason: SpecSourceError["reason"], message: string) =>
    new SpecSourceError({ source: name, reason, message })
  const bounded = <A>(call: Effect.Effect<A, DataStoreError>): Effect.Effect<A, SpecSourceError> =>
    Effect.disconnect(call).pipe(
      Effect.mapError(({ message, operation }) => failed("Failed", `${operation} failed: ${mask(message)}`)),
      Effect.timeoutFail({
        duration: storeTimeout,
        onTimeout: () => failed("Timeout", `the data store did not answer within ${Duration.toMillis(storeTimeout)} ms`)
      })
    )

  const read = Effect.gen(function* () {
    if (!initialized) {
      yield* bounded(store.initialize)
      initialized = true
    }
    const read = [bounded(store.get(key)), bounded(store.getBytes(protobufKey(options)))] as const
    const [json, protobuf] = yield* Effect.all(read, { concurrency: "unbounded", mode: "either" })
    if (Either.isRight(protobuf) && protobuf.right !== undefined) holdsProtobuf.add(store)
    const found = [Either.getOrUndefined(json), Either.getOrUndefined(protobuf)].filter(body => body !== undefined)
    if (found.length > 0) return yield* newestFirst(found, limit)
    // Fail with the error of the read that failed.
    yield* json
    yield* protobuf
    return yield* failed("Empty", `the data store has no ${mask(key)}`)
  })

  /** A store that does not say is not asked again. */
  const polls = Effect.suspend(() =>
    isUnsure ? Effect.succeed(false) : bounded(store.supportsPollingUpdatesFor(key))
  ).pipe(
    Effect.map(answer => answer === true),
    Effect.catchAllCause(cause => {
      isUnsure = true
      return Effect.as(Effect.logWarning("The data store does not tell whether it supports polling", cause), false)
    })
  )

  /** A store that is empty and is polled will soon be filled by another process. */
  const readFirst = Effect.catchIf(read, isEmpty, empty =>
    Effect.flatMap(polls, isFilled =>
      isFilled
        ? Stream.runHead(store.changes(key)).pipe(Effect.timeoutOption(firstTimeout), Effect.andThen(read))
        : Effect.fail(empty)
    )
  )

  const fetch: Fetch = (request, apply) => {
    const applyFirst = ([body, ...others]: ReadonlyArray<string | Uint8Array>): Effect.Effect<Outcome, SpecsError> => {
      const applied = apply({ source: name, sourceApi: undefined, body: body! })
      if (others.length === 0) return applied
      return Effect.catchAll(applied, error =>
        Effect.andThen(Effect.logWarning(`The newest specs of the data store cannot be used: ${error.message}`), () =>
          applyFirst(others)
        )
      )
    }
    const applyFrom = (reading: typeof read) => Effect.flatMap(reading, applyFirst)
    if (request.purpose !== "initialize") return applyFrom(read)
    return Effect.tapErrorCause(applyFrom(readFirst), cause =>
      cause._tag === "Fail" && isEmpty(cause.error)
        ? Effect.void
        : Effect.logWarning(`The specs of the data store cannot be used: ${mask(storedText(cause))}`)
    )
  }

  yield* Effect.addFinalizer(() =>
    shortly(store.shutdown, cause => Effect.logDebug("The data store was not shut down", cause))
  )

  const source: Source = {
    name,
    fetch,
    polls,
    updates: Stream.merge(store.changes(key), store.changes(protobufKey(options))).pipe(Stream.map(() => fetch))
  }
  return source
})

/**
 * Makes the given source write applied payloads to the store. Writing never delays or fails a fetch. If payloads arrive
 * faster than the store accepts them, only the last is written; a failed write is retried at every poll of the source,
 * and once at the end.
 *
 * @since 0.1.0
 */
export const writing = Effect.fnUntraced(function* (source: Source, options: KeyOptions) {
  const store = yield* DataStore
  const key = specsKey(options)
  const mask = masking(options.sdkKey)
  const wake = yield* Queue.sliding<void>(1)
  let unwritten: { readonly specs: Applied; readonly stamp: Stamp } | undefined

  const warn = (cause: Cause.Cause<unknown>) =>
    Effect.logWarning(`The specs were not written to the data store: ${mask(storedText(cause))}`)

  const write = Effect.suspend(() => {
    const now = unwritten
    if (now === undefined) return Effect.void
    const { specs, stamp } = now
    const asJson = Effect.flatMap(payloadText(specs.json), text => store.set(key, text, stamp))
    const asProtobuf =
      specs.protobuf === undefined ? Effect.void : store.setBytes(protobufKey(options), specs.protobuf, stamp)
    // If one write fails, the other is still made.
    return Effect.map(
      Effect.flatMap(Effect.exit(asProtobuf), written => Effect.zipRight(asJson, written)),
      () => {
        if (unwritten === now) unwritten = undefined
      }
    )
  })

  yield* Effect.addFinalizer(() => shortly(write, warn))

  yield* Queue.take(wake).pipe(
    Effect.andThen(Effect.timeout(Effect.disconnect(write), storeTimeout)),
    Effect.catchAllCause(warn),
    Effect.forever,
    inBackground,
    Effect.forkScoped
  )

  const stepDown = stepsDown(store, options)

  const andWrite =
    (fetch: Fetch): Fetch =>
    (request, apply) =>
      fetch(holdsProtobuf.has(store) ? { ...request, prefersProtobuf: true } : request, response =>
        Effect.tap(
          apply(response),
          Effect.fnUntraced(function* (outcome) {
            if (outcome._tag !== "Applied") return
            const stamp = { version: outcome.time, receivedAt: yield* Clock.currentTimeMillis }
            unwritten = { specs: outcome, stamp }
          })
        )
      ).pipe(
        Effect.ensuring(Effect.suspend(() => (unwritten === undefined ? Effect.void : Queue.offer(wake, undefined)))),
        Effect.tapErrorTag("SpecSourceError", () => stepDown)
      )

  const result: Source = {
    ...source,
    fetch: andWrite(source.fetch),
    updates: Stream.map(source.updates, andWrite)
  }
  return result
})

type Applied = Extract<Outcome, { readonly _tag: "Applied" }>

/** With equal times the order stays. A payload without a time comes last. */
const newestFirst = Effect.fnUntraced(function* (bodies: ReadonlyArray<string | Uint8Array>, limit: number) {
  if (bodies.length === 1) return bodies
  const timed = yield* Effect.forEach(bodies, body =>
    Effect.map(specsTime(body, limit), time => ({ body, time: time ?? Number.NEGATIVE_INFINITY }))
  )
  return timed.sort((one, other) => other.time - one.time).map(({ body }) => body)
})

/** The `time` of a payload, reading no more than needed. */
const specsTime = (body: string | Uint8Array, limit: number): Effect.Effect<number | undefined> => {
  if (Protobuf.isProtobuf(body)) return Protobuf.payloadTime(body, limit)
  return payloadBytes(body).pipe(
    Effect.flatMap(bytes => inTurns(() => memberOf(bytes, "time"))),
    Effect.map(json => (json !== undefined && /^[0-9]+$/.test(json) ? Number(json) : undefined)),
    Effect.orElseSucceed(() => undefined)
  )
}

const isEmpty = (error: SpecSourceError | SpecsError): boolean =>
  error._tag === "SpecSourceError" && error.reason === "Empty"

const storedText = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

/** A finalizer is not interruptible by default: without this a hanging store would block the program's end. */
const shortly = <E>(
  call: Effect.Effect<void, E>,
  onTrouble: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
): Effect.Effect<void> =>
  guarded(
    Effect.interruptible(Effect.disconnect(call)).pipe(Effect.timeout(shortTimeout), Effect.catchAllCause(onTrouble))
  )

const stepsDown = (store: Store, options: KeyOptions): Effect.Effect<void> =>
  shortly(store.stepDown(specsKey(options)), cause => Effect.logDebug("The data store was not told", cause))

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
 * DataStoreSource.layerBefore({ sdkKey }).pipe(Layer.provide(Http.layer({ sdkKey })))
 *
 * @since 0.1.0
 */
export const layerBefore = (options: DataStoreOptions): Layer.Layer<SpecSource, never, SpecSource | DataStore> =>
  Layer.scoped(SpecSource, makeBefore(options))

/**
 * As `layerBefore`, before the source of the context.
 *
 * @internal
 */
export const makeBefore = (
  options: DataStoreOptions
): Effect.Effect<Source, never, SpecSource | DataStore | Scope.Scope> =>
  Effect.gen(function* () {
    const source = yield* SpecSource
    const stepDown = stepsDown(yield* DataStore, options)
    const stored = yield* make(options)
    // A process that never fetches must not be the fleet's fetching one.
    const polls = Effect.tap(stored.polls, isFollower =>
      isFollower ? Effect.void : Effect.unlessEffect(stepDown, source.polls)
    )
    return inOrder({ ...stored, polls }, yield* writing(source, options))
  })
