/**
 * Where config specs come from: one conditional fetch, whatever stands behind it.
 *
 * A source knows nothing of applying: it gives the text of a payload and the store decides (older, same checksum, bad).
 * Several sources are one source again, see `inOrder`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { SpecSourceError } from "./StatsigError.js"

/**
 * What the store holds now, so that a source can answer "nothing new".
 *
 * @since 0.1.0
 */
export interface SpecRequest {
  /** `initialize` asks once and wants a quick answer; `poll` may retry. */
  readonly purpose: "initialize" | "poll"
  /** The `time` of the held specs in epoch milliseconds, 0 when there are none. */
  readonly sinceTime: number
  /** The `checksum` of the held specs, if they have one. */
  readonly checksum: string | undefined
}

/**
 * A payload as it came: text that is not parsed yet.
 *
 * @since 0.1.0
 */
export interface SpecResponse {
  /** As it appears in evaluation reasons: `Network`, `Bootstrap`, `Adapter(DataStore)`, `Adapter(FileBased)`. */
  readonly source: string
  /** The origin and API version that answered, e.g. `https://api.statsigcdn.com/v2`; `undefined` where there is none. */
  readonly sourceApi: string | undefined
  readonly body: string
}

/**
 * One way to get specs. Implement it to bring specs from elsewhere.
 *
 * @since 0.1.0
 */
export interface Source {
  /** As in `SpecResponse.source`. */
  readonly name: string
  /** One fetch. It must bound its own time. */
  readonly fetch: (request: SpecRequest) => Effect.Effect<SpecResponse, SpecSourceError>
  /** Whether the background fiber should ask this source every interval. Read once, after `initialize`. */
  readonly polls: Effect.Effect<boolean>
  /** Emits whenever the source itself knows of something newer; each element causes one fetch. */
  readonly updates: Stream.Stream<void>
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
 * Makes one source of several. A fetch for `initialize` asks them one after the other until one answers; a poll asks
 * only the first that polls. Updates of all are merged.
 *
 * @since 0.1.0
 */
export const inOrder = (first: Source, ...rest: ReadonlyArray<Source>): Source => {
  const sources = [first, ...rest]
  return {
    name: sources.map(source => source.name).join(", "),
    fetch: Effect.fnUntraced(function* (request: SpecRequest) {
      if (request.purpose === "poll") {
        const source = yield* Effect.findFirst(sources, candidate => candidate.polls)
        if (source._tag === "Some") return yield* source.value.fetch(request)
      }
      return yield* Effect.firstSuccessOf(sources.map(source => source.fetch(request)))
    }),
    polls: Effect.exists(sources, source => source.polls),
    updates: Stream.mergeAll(
      sources.map(source => source.updates),
      { concurrency: "unbounded" }
    )
  }
}
