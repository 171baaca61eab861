/**
 * Diagnostics: the steps of a sync, logged as an event of the SDK itself.
 *
 * The code that starts a sync records it (`record`). The parts that it runs mark their steps (`mark`) without knowing
 * whether they are recorded. Each recording covers one sync, so concurrent syncs stay apart.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import type { LoggedEvent } from "../EventLogger.js"
import type { RemoteConfig } from "../engine/specs.js"

/** The start or end of a step, without its time. */
export interface Marker {
  readonly key: "overall" | "download_config_specs" | "get_id_list_sources" | "get_id_list"
  readonly action: "start" | "end"
  readonly step?: "network_request" | "process" | undefined
  /** From 0. */
  readonly attempt?: number | undefined
  readonly success?: boolean | undefined
  /** Without the query, and with the SDK key masked. */
  readonly url?: string | undefined
  readonly statusCode?: number | undefined
  readonly contentType?: string | undefined
  readonly sdkRegion?: string | undefined
  readonly error?: { readonly name: string; readonly message: string; readonly code: string } | undefined
  readonly idListCount?: number | undefined
  /** Whether there are specs. */
  readonly configSpecReady?: boolean | undefined
  /** Where they come from, as in evaluation reasons. */
  readonly source?: string | undefined
}

/** As in the official SDK: a sync of very many lists must not make a huge event. */
const maxMarkers = 50

class Markers extends Context.Reference<Markers>()("statsig-effect/internal/diagnostics/Markers", {
  defaultValue: (): Array<object> | undefined => undefined
}) {}

/** Marks a step of the current sync, if it is recorded. */
export const mark = (marker: Marker): Effect.Effect<void> =>
  Effect.flatMap(Markers, markers => {
    if (markers === undefined || markers.length >= maxMarkers) return Effect.void
    return Effect.map(Clock.currentTimeMillis, timestamp => {
      const { action, attempt, configSpecReady, contentType, error, idListCount, key } = marker
      const { sdkRegion, source, statusCode, step, success, url } = marker
      const fields = { key, action, timestamp, attempt, error, idListCount, sdkRegion, statusCode, step, success, url }
      markers.push({ ...fields, configSpecReady, source, contentType })
    })
  })

/** Marks the start and end of an effect. */
export const marked =
  (step: Pick<Marker, "key" | "step" | "url" | "idListCount">) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const { idListCount: _, ...end } = step
    return Effect.zipRight(mark({ ...step, action: "start" }), effect).pipe(
      Effect.onExit(exit => mark({ ...end, action: "end", success: Exit.isSuccess(exit) }))
    )
  }

/** Records the given sync. */
export type Recorder = <A, E, R>(sync: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * How a service records its background syncs. It is set where the background work is started, by code that knows the
 * specs and the logger; elsewhere nothing is recorded.
 */
export class BackgroundRecorder extends Context.Reference<BackgroundRecorder>()(
  "statsig-effect/internal/diagnostics/BackgroundRecorder",
  { defaultValue: (): Recorder => sync => sync }
) {}

/** How many of 10,000 events are sent if the specs do not say. */
const defaultRates = { initialize: 10_000, dcs: 1_000, get_id_list: 100 }

/**
 * Records a sync and logs it when it ends, sampled at the rate in the specs then held. A sync without steps is not
 * logged. `rate` is the name of the sampling rate in the specs.
 */
export const recordDiagnostics =
  (options: {
    readonly context: "initialize" | "config_sync"
    readonly rate: keyof typeof defaultRates
    readonly remote: () => RemoteConfig | undefined
    readonly log: (event: LoggedEvent) => void
  }): Recorder =>
  effect =>
    Effect.suspend(() => {
      const markers: Array<object> = []
      return Effect.provideService(effect, Markers, markers).pipe(
        Effect.ensuring(
          Effect.map(Random.nextRange(0, 10_000), drawn => {
            const remote = options.remote()
            const rate = remote?.diagnostics.get(options.rate) ?? defaultRates[options.rate]
            if (markers.length === 0 || drawn >= rate) return
            const metadata = { context: options.context, markers: JSON.stringify(markers) }
            options.log({ name: "statsig::diagnostics", value: null, metadata, user: undefined, remote })
          })
        )
      )
    })
