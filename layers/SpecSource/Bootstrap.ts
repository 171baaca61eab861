/**
 * Specs that the program already has: from another server, a build step, or a test.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type Fetch, type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecSourceError } from "../../src/StatsigError.js"

const name = "Bootstrap"

/**
 * A payload: its JSON text, its original bytes (JSON or protobuf), or a value that becomes JSON.
 *
 * @since 0.1.0
 */
export type BootstrapSpecs = string | Uint8Array | object

/**
 * A source whose specs can be replaced.
 *
 * @since 0.1.0
 */
export interface BootstrapSource extends Source {
  /** Replaces the specs; a store that follows this source applies them at once. */
  readonly set: (specs: BootstrapSpecs) => Effect.Effect<void>
}

/**
 * Options of the source.
 *
 * @since 0.1.0
 */
export interface BootstrapOptions {
  /** The specs, in the network's format. */
  readonly specs: BootstrapSpecs
}

/**
 * Makes a source of the given specs. Provide it as a service to replace them later.
 *
 * @example
 * const bootstrap = yield* Bootstrap.make({ specs })
 * const source = Layer.succeed(SpecSource.SpecSource, bootstrap)
 * // …
 * yield* bootstrap.set(newSpecs)
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: BootstrapOptions) {
  const news = yield* Queue.sliding<void>(1)
  let current = options.specs
  let fetched: BootstrapSpecs | undefined

  const fetch: Fetch = Effect.fnUntraced(function* (_request, apply) {
    fetched = current
    const body = yield* bodyOf(current)
    return yield* apply({ source: name, sourceApi: undefined, body })
  })

  const source: BootstrapSource = {
    name,
    fetch,
    polls: Effect.succeed(false),
    updates: Stream.fromQueue(news).pipe(
      Stream.filter(() => fetched !== current),
      Stream.map(() => fetch)
    ),
    set: specs =>
      Effect.suspend(() => {
        current = specs
        return Effect.asVoid(Queue.offer(news, undefined))
      })
  }
  return source
})

const bodyOf = (specs: BootstrapSpecs): Effect.Effect<string | Uint8Array, SpecSourceError> => {
  if (specs === "") {
    return new SpecSourceError({ source: name, reason: "Empty", message: "specs: expected JSON, got an empty text" })
  }
  if (typeof specs === "string" || specs instanceof Uint8Array) return Effect.succeed(specs)
  return Effect.try({
    try: () => String(JSON.stringify(specs)),
    catch: cause =>
      new SpecSourceError({ source: name, reason: "Failed", message: `specs: expected a JSON value: ${String(cause)}` })
  })
}

/**
 * Given specs as the source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: BootstrapOptions): Layer.Layer<SpecSource> => Layer.effect(SpecSource, make(options))
