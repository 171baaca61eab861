/**
 * ID lists from Statsig's network: a manifest names them and their files, and of a file that grew only the new part is
 * downloaded.
 *
 * A list is updated on a copy that shares most of its memory with the list in use, in slices that yield to the event
 * loop. It replaces the list in one assignment once the whole response was valid. So a check sees a list before or
 * after a change, never in between, and a failure leaves the list as it was.
 *
 * Lists do not wait for each other. Each file has its own deadline, a silent file releases its slot to the next
 * (`layers/internal/idLists/downloads.ts`), and a file that fails repeatedly is skipped in more and more syncs. The
 * manifest is polled like the specs: less often while the server refuses.
 *
 * The SDK key is sent to the host of the manifest, to Statsig's own, and to that of `downloadIdListFileApi`; other
 * hosts in a manifest get the request without it.
 *
 * With a `DataStore` in the context, the first sync starts with the stored lists, and changes are stored.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { KeyOptions } from "../../src/DataStore.js"
import { IdLists } from "../../src/IdLists.js"
import { inBackground } from "../../src/internal/clocks.js"
import { BackgroundRecorder, type Recorder } from "../../src/internal/diagnostics.js"
import { observer } from "../../src/internal/observe.js"
import { makePace } from "../../src/internal/pace.js"
import { checkInterval, type StatsigOptions } from "../../src/StatsigOptions.js"
import * as Downloads from "../internal/idLists/downloads.js"
import * as HeldLists from "../internal/idLists/heldLists.js"
import { FailingLists, ListSync } from "../internal/idLists/listSync.js"
import * as Requests from "../internal/idLists/requests.js"

/**
 * Options of the lists. The key schema is that of the data store.
 *
 * @since 0.1.0
 */
export interface HttpOptions
  extends KeyOptions,
    Pick<
      StatsigOptions,
      | "disableNetwork"
      | "downloadIdListFileApi"
      | "fallbackToStatsigApi"
      | "idListsRequestTimeout"
      | "idListsSyncInterval"
      | "idListsUrl"
      | "serviceName"
    > {}

/**
 * Makes the lists. There are no retries within a sync.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const syncInterval = yield* checkInterval("idListsSyncInterval", options.idListsSyncInterval)
  const held = yield* HeldLists.make(options)
  const pace = makePace(syncInterval)
  const sync = new ListSync({
    held,
    failing: new FailingLists(syncInterval),
    requests: yield* Requests.make(options),
    downloads: yield* Downloads.make,
    pace,
    observe: yield* observer,
    isOffline: options.disableNetwork === true
  })
  const started = yield* Deferred.make<Recorder>()
  const poll = (record: Recorder) => Effect.andThen(pace.pause, Effect.ignore(record(sync.poll)))

  yield* Effect.forkScoped(
    inBackground(Effect.flatMap(Deferred.await(started), record => Effect.forever(poll(record))))
  )
  yield* Effect.forkScoped(inBackground(held.writeChanges))

  return IdLists.of({
    contains: (list, high, low) => held.lists.get(list)?.ids.has(high, low) === true,
    sync: sync.onDemand,
    startUpdates: Effect.flatMap(BackgroundRecorder, record => Effect.asVoid(Deferred.succeed(started, record))),
    status: Effect.sync(() => sync.status)
  })
})

/**
 * The network as the source of ID lists.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<IdLists, never, HttpClient.HttpClient> =>
  Layer.scoped(IdLists, make(options))
