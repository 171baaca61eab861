/**
 * The source of config specs: one conditional fetch, whatever the origin.
 *
 * A source hands the payload to the store, which decides (older, same checksum, invalid) and reports to the source. So
 * a combined source can go on to the next one when a payload is invalid (`inOrder`), or store a copy of an applied
 * payload, without the store knowing of either.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type PayloadFormat, SpecSourceError, type SpecsError } from "./StatsigError.js"

/**
 * What the store holds now, so that a source can report that there is nothing new.
 *
 * @since 0.1.0
 */
export interface SpecRequest {
  /** `initialize` asks once and wants a quick response, a caller also waits for `sync`; `poll` may retry. */
  readonly purpose: "initialize" | "sync" | "poll"
  /** The `time` of the held specs in epoch milliseconds, 0 when there are none. */
  readonly sinceTime: number
  /** The `checksum` of the held specs, if they have one. */
  readonly checksum: string | undefined
  /** Whether protobuf is preferred to JSON, because other processes read it from the data store. Default: `false`. */
  readonly prefersProtobuf?: boolean | undefined
}

/**
 * An unparsed payload: JSON as text, or better as UTF-8, which needs no conversion; or protobuf as Statsig sends it,
 * compressed with brotli. The bytes show which of them it is.
 *
 * @since 0.1.0
 */
export interface SpecResponse {
  /** As it appears in evaluation reasons: `Network`, `Bootstrap`, `Adapter(DataStore)`, `Adapter(FileBased)`. */
  readonly source: string
  /** The origin and API version that responded, e.g. `https://api.statsigcdn.com/v2`; `undefined` if there is none. */
  readonly sourceApi: string | undefined
  /** The format that the response declares. Reported in metrics. Default: `unknown`. */
  readonly format?: typeof PayloadFormat.Type | undefined
  /** Whether only the differences from the held specs were requested. Reported in metrics. Default: `false`. */
  readonly deltasUsed?: boolean | undefined
  /** Bytes belong to the store from then on and must not be modified. */
  readonly body: string | Uint8Array
}

/**
 * The result for a readable payload: it replaced the held specs, was not newer, or said that there is nothing new.
 * `time` is the payload's own, in epoch milliseconds.
 *
 * @since 0.1.0
 */
export type Outcome =
  | {
      readonly _tag: "Applied"
      readonly time: number
      /** The specs as JSON in UTF-8, whatever their original format. Must not be modified. */
      readonly json: Uint8Array
      /** The same as protobuf, if they came so and in full. */
      readonly protobuf?: Uint8Array | undefined
    }
  | { readonly _tag: "NotNewer"; readonly time: number }
  | { readonly _tag: "NoUpdates" }

/**
 * Hands a payload to the store.
 *
 * @since 0.1.0
 */
export type Apply = (response: SpecResponse) => Effect.Effect<Outcome, SpecsError>

/**
 * One fetch: gets a payload and hands it to `apply`. It must bound its own time.
 *
 * @since 0.1.0
 */
export type Fetch = (request: SpecRequest, apply: Apply) => Effect.Effect<Outcome, SpecSourceError | SpecsError>

/**
 * One source of specs. Implement it to load specs from elsewhere.
 *
 * @example
 * const source: SpecSource.Source = {
 *   name: "Adapter(Bucket)",
 *   fetch: (_request, apply) =>
 *     Effect.flatMap(readSpecs, body => apply({ source: "Adapter(Bucket)", sourceApi: undefined, body })),
 *   polls: Effect.succeed(true),
 *   updates: Stream.empty
 * }
 *
 * @since 0.1.0
 */
export interface Source {
  /** As in `SpecResponse.source`. */
  readonly name: string
  readonly fetch: Fetch
  /** Whether the background fiber should ask this source every interval. Read once, after `initialize`. */
  readonly polls: Effect.Effect<boolean>
  /** Emits a fetch to run whenever the source itself learns of something newer. */
  readonly updates: Stream.Stream<Fetch>
}

/**
 * The source that the SpecStore asks.
 *
 * Layers: `statsig-effect/layers/SpecSource/Http`, `File`, `Bootstrap`, `DataStore`.
 *
 * @since 0.1.0
 */
export class SpecSource extends Context.Tag("statsig-effect/SpecSource")<SpecSource, Source>() {}

/**
 * Replaces the network when it is disabled: it never has specs, and `initialize` counts that as success.
 *
 * @since 0.1.0
 */
export const disabled: Source = {
  name: "Network",
  fetch: () =>
    new SpecSourceError({ source: "Network", reason: "Disabled", message: "the network is off (disableNetwork)" }),
  polls: Effect.succeed(false),
  updates: Stream.empty
}

/**
 * Fetches from a source that may be broken: any defect becomes a `SpecSourceError`.
 *
 * @internal
 */
export const fetchFrom =
  (name: string, fetch: Fetch): Fetch =>
  (request, apply) =>
    Effect.suspend(() => fetch(request, apply)).pipe(
      Effect.catchAllCause(cause =>
        Option.match(Cause.failureOption(cause), {
          onNone: () =>
            Effect.fail(
              new SpecSourceError({ source: name, reason: "Failed", message: `${name} broke: ${Cause.pretty(cause)}` })
            ),
          onSome: Effect.fail
        })
      )
    )

/**
 * Combines several sources. A fetch for `initialize` asks them in order until one has usable specs, or none newer; a
 * poll asks only the first that polls. Updates of all are followed.
 *
 * @since 0.1.0
 */
export const inOrder = (first: Source, ...rest: ReadonlyArray<Source>): Source => {
  if (rest.length === 0) return first
  const sources = [first, ...rest]
  const name = sources.map(source => source.name).join(", ")

  const fetchInOrder: Fetch = Effect.fnUntraced(function* (request, apply) {
    const failures: Array<string> = []
    let reason: SpecSourceError["reason"] = "Failed"
    for (const source of sources) {
      const answer = yield* Effect.merge(fetchFrom(source.name, source.fetch)(request, apply))
      if (!(answer instanceof Error)) return answer
      yield* Effect.logDebug(`No specs from ${source.name}: ${answer.message}`)
      failures.push(`${source.name}: ${answer.message}`)
      if (answer.reason === "Key") reason = "Key"
    }
    return yield* new SpecSourceError({ source: name, reason, message: failures.join("; ") })
  })

  return {
    name,
    fetch: (request, apply) =>
      request.purpose === "initialize"
        ? fetchInOrder(request, apply)
        : Effect.flatMap(
            Effect.findFirst(sources, source => source.polls),
            Option.match({
              onNone: () => fetchInOrder(request, apply),
              onSome: source => source.fetch(request, apply)
            })
          ),
    polls: Effect.exists(sources, source => source.polls),
    updates: Stream.mergeAll(
      sources.map(source => source.updates),
      { concurrency: "unbounded" }
    )
  }
}
