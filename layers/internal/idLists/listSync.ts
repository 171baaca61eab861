/**
 * The sync of all ID lists. It loads the stored lists first; then lists that the manifest no longer names are removed,
 * and files that are new or have grown are downloaded.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { IdListStatus, IdListsStatus } from "../../../src/IdLists.js"
import { marked } from "../../../src/internal/diagnostics.js"
import { released } from "../../../src/internal/errors.js"
import { yieldToEventLoop } from "../../../src/internal/eventLoop.js"
import type { Observe } from "../../../src/internal/observe.js"
import type { Pace } from "../../../src/internal/pace.js"
import type { IdListError } from "../../../src/StatsigError.js"
import type { Downloads, Waiting } from "./downloads.js"
import type { HeldLists } from "./heldLists.js"
import { decodeManifestEntry, fileKeyOf, type ListFile, type Manifest, planOf, type ReadingPlan } from "./listFile.js"
import type { IdListRequests } from "./requests.js"

/** Entries of a manifest between two turns of the event loop. */
const entriesPerTurn = 500

/** A poll continues when no file has received data for so long; the downloads continue too. */
const waitingOfPoll: Waiting = { awaited: "quick", patience: Duration.seconds(1) }

/** The maximum number of consecutive syncs that skip a failing file: about an hour by default. */
const mostSkips = 64

/** How many lists one sync names in the log; the others are counted. */
const mostLogged = 10

interface FailingList {
  readonly error: IdListError
  readonly failures: number
  /** In how many further syncs it is skipped, unless the manifest names another file. */
  readonly skips: number
  readonly file: string
}

export class FailingLists extends Map<string, FailingList> {
  readonly #syncInterval: number
  #untold: Array<IdListError> = []
  #moreUntold = 0

  constructor(syncInterval: Duration.Duration) {
    super()
    this.#syncInterval = Math.max(Duration.toMillis(syncInterval), 1)
  }

  /**
   * A list failed. The file is skipped for a time that doubles with each failure, multiplied by `share`, and at least
   * as long as the server asks for.
   */
  fail(name: string, file: string, error: IdListError, share: number): void {
    const failures = (this.get(name)?.failures ?? 0) + 1
    const grown = failures === 1 ? 0 : Math.min(2 ** (failures - 1), mostSkips)
    const told = Math.ceil((error.retryAfter ?? 0) / this.#syncInterval)
    const skips = Math.max(Math.ceil(grown * share), told)
    this.set(name, { error: released(error), failures, file, skips })
    if (this.#untold.length < mostLogged) this.#untold.push(error)
    else this.#moreUntold++
  }

  /** Whether to skip a file in the current sync, which then counts. Another file is not skipped. */
  skip(name: string, file: string): boolean {
    const before = this.get(name)
    if (before === undefined) return false
    if (before.file !== file) this.delete(name)
    else if (before.skips > 0) {
      this.set(name, { ...before, skips: before.skips - 1 })
      return true
    }
    return false
  }

  keepOnly(named: ReadonlySet<string>): void {
    for (const name of this.keys()) if (!named.has(name)) this.delete(name)
  }

  /** The errors that were not logged yet, and how many more there were. */
  takeUntold(): { readonly errors: ReadonlyArray<IdListError>; readonly more: number } {
    const taken = { errors: this.#untold, more: this.#moreUntold }
    this.#untold = []
    this.#moreUntold = 0
    return taken
  }
}

export interface SyncParts {
  readonly held: HeldLists
  readonly failing: FailingLists
  readonly requests: IdListRequests
  readonly downloads: Downloads
  readonly pace: Pace
  readonly observe: Observe
  readonly isOffline: boolean
}

/** One sync at a time. */
export class ListSync {
  readonly #oneSync = Effect.unsafeMakeSemaphore(1)
  #isReady: boolean | undefined
  #lastSuccessAt: number | undefined
  #lastError: IdListError | undefined
  /** How many lists were downloaded. */
  #downloaded = 0

  constructor(readonly parts: SyncParts) {}

  /** Waits long for silent lists: their own deadlines come first, unless many hang. */
  get onDemand(): Effect.Effect<void, IdListError> {
    return this.#logged({
      awaited: "all",
      patience: Duration.sum(this.parts.requests.timeout, waitingOfPoll.patience)
    })
  }

  get poll(): Effect.Effect<void, IdListError> {
    return this.#logged(waitingOfPoll)
  }

  get status(): IdListsStatus {
    const { failing, held } = this.parts
    const lists = Array.from(new Set([...held.lists.keys(), ...failing.keys()]), (name): IdListStatus => {
      const list = held.lists.get(name)
      return {
        name,
        ids: list?.ids.size ?? 0,
        file: list && { fileID: list.file.fileID, bytes: list.file.size },
        updatedAt: list?.updatedAt,
        lastError: failing.get(name)?.error
      }
    })
    return { isReady: this.#isReady, lists, lastSuccessAt: this.#lastSuccessAt, lastError: this.#lastError }
  }

  #logged(waiting: Waiting): Effect.Effect<void, IdListError> {
    return Effect.tapBoth(this.#sync(waiting), { onFailure: this.#log, onSuccess: () => this.#log(undefined) })
  }

  /** Logs what failed since the last time. */
  readonly #log = Effect.fnUntraced(function* (this: ListSync, error: IdListError | undefined) {
    const { failing, held } = this.parts
    const { errors, more } = failing.takeUntold()
    for (const { list, message } of error === undefined || error.list !== undefined ? errors : [error, ...errors]) {
      const what = list === undefined ? "The ID lists were" : `The ID list ${JSON.stringify(list)} was`
      yield* Effect.logWarning(`${what} not synced: ${message}`)
    }
    if (more > 0) yield* Effect.logWarning(`${more} more ID lists were not synced`)
    if (error === undefined) yield* Effect.logDebug(`The ID lists are synced: there are ${held.lists.size}`)
  }).bind(this)

  #sync(waiting: Waiting): Effect.Effect<void, IdListError> {
    const { held, isOffline } = this.parts
    const end = (error: IdListError | undefined) =>
      Effect.sync(() => {
        this.#lastError = error && released(error)
        this.#isReady ??= error === undefined
      })
    const sync = Effect.andThen(held.readStored, isOffline ? Effect.void : this.#syncFromNetwork(waiting))
    const ended = Effect.tapBoth(this.#orBroken(sync), { onFailure: end, onSuccess: () => end(undefined) })
    return this.#oneSync.withPermits(1)(held.together(ended))
  }

  #syncFromNetwork(waiting: Waiting): Effect.Effect<void, IdListError> {
    return Effect.gen(this, function* () {
      const { downloads, failing, pace, requests } = this.parts
      const begun = yield* Clock.currentTimeMillis
      const manifest = yield* Effect.tapError(requests.manifest, error => this.#manifestFailed(error, begun))
      this.#countManifest("success")
      pace.accepted()
      const before = this.#downloaded
      yield* Effect.gen(this, function* () {
        yield* this.#begin(manifest)
        const haveEnded = yield* downloads.settled(waiting)
        yield* this.#measure(begun, true, this.#downloaded - before)
        const [failed] = failing.values()
        if (failed !== undefined) return yield* failed.error
        if (!haveEnded) return yield* requests.error("Timeout", "some of the lists are still being downloaded")
      }).pipe(marked({ key: "get_id_list_sources", step: "process", idListCount: Object.keys(manifest).length }))
      this.#lastSuccessAt = yield* Clock.currentTimeMillis
    })
  }

  #manifestFailed({ reason, retryAfter }: IdListError, begun: number): Effect.Effect<void> {
    this.#countManifest("failure")
    const measured = this.#measure(begun, false, 0)
    return reason === "Status" ? Effect.zipRight(measured, this.parts.pace.refused(retryAfter)) : measured
  }

  #countManifest(outcome: "success" | "failure"): void {
    this.parts.observe(client => client.increment(`statsig.sdk.id_list_manifest_download_${outcome}`, 1, undefined))
  }

  #measure(begun: number, hasManifest: boolean, downloaded: number): Effect.Effect<void> {
    return Effect.map(Clock.currentTimeMillis, now =>
      this.parts.observe(client =>
        client.distribution("statsig.sdk.id_lists_sync_overall.latency", now - begun, {
          id_list_manifest_success: String(hasManifest),
          succeed_single_id_list_number: String(downloaded)
        })
      )
    )
  }

  /** Starts the downloads for a manifest. Lists that did not fail come first. */
  #begin(manifest: Manifest): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { downloads, failing, held } = this.parts
      const names = new Set(Object.keys(manifest))
      failing.keepOnly(names)
      yield* downloads.cancelAllBut(names)
      held.keepOnly(names)
      const sorted = Object.entries(manifest).sort(([one], [other]) => +failing.has(one) - +failing.has(other))
      for (const [index, [name, entry]] of sorted.entries()) {
        yield* this.#beginList(name, entry)
        if (index % entriesPerTurn === entriesPerTurn - 1) yield* yieldToEventLoop
      }
    })
  }

  /** Starts the download of a list, if there is something to download and it is not skipped. */
  #beginList(name: string, entry: unknown): Effect.Effect<void> {
    const { downloads, failing, held, requests } = this.parts
    return Effect.matchEffect(decodeManifestEntry(entry), {
      onFailure: problem => Effect.sync(() => failing.fail(name, "", requests.error("Invalid", problem, name), 1)),
      onSuccess: next => {
        const file = fileKeyOf(next)
        if (failing.skip(name, file) || downloads.underWay(name) === file) return Effect.void
        const plan = planOf(next, held.lists.get(name))
        if (plan !== undefined) return this.#beginDownload(name, next, plan)
        failing.delete(name)
        return Effect.void
      }
    })
  }

  #beginDownload(name: string, next: ListFile, plan: ReadingPlan): Effect.Effect<void> {
    const { downloads, failing, requests } = this.parts
    const file = fileKeyOf(next)
    return Effect.flatMap(Random.nextRange(0.5, 1), share => {
      const failed = (error: IdListError) => failing.fail(name, file, error, share)
      return downloads.start({
        name,
        file,
        run: progress =>
          Effect.catchAll(this.#orBroken(this.#download(name, next, plan, progress), name), error =>
            Effect.sync(() => failed(error))
          ),
        onGivenUp: () => failed(requests.error("Timeout", "too many other files hang", name))
      })
    })
  }

  #download(name: string, next: ListFile, plan: ReadingPlan, progress: () => void): Effect.Effect<void, IdListError> {
    const { failing, held, requests } = this.parts
    return Effect.flatMap(requests.file(name, next, plan, progress), list => {
      const publish = Effect.sync(() => {
        held.replace(name, list)
        this.#downloaded++
        failing.delete(name)
      })
      return marked({ key: "get_id_list", step: "process", url: requests.shownFileUrl(next) })(publish)
    })
  }

  /** Turns any other failure into an error. */
  #orBroken<A>(effect: Effect.Effect<A, IdListError>, list?: string): Effect.Effect<A, IdListError> {
    return Effect.catchAllDefect(effect, defect => this.parts.requests.error("Failed", String(defect), list))
  }
}
