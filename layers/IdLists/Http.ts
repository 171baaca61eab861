/**
 * ID lists from Statsig's network: a manifest names them and their files, and of a file that grew only the new end is
 * downloaded.
 *
 * A list is changed on a copy that shares most of its memory with the list in use, in slices that give the event loop
 * its turns, and takes the list's place by one assignment when the whole answer was good. So a check sees a list before
 * or after a change, never in between, and whatever fails leaves the list as it was.
 *
 * Lists do not wait for each other. Each file has a deadline of its own, a file that is silent gives its place to the
 * next (`downloads.ts`), and a file that failed is left out of more and more syncs. The manifest is polled like the specs:
 * less often while the server refuses.
 *
 * The SDK key goes to the host of the manifest, to Statsig's own, and to that of `downloadIdListFileApi`; other hosts that
 * a manifest names get the request without it.
 *
 * With a `DataStore` in the context, the first sync begins with the lists that are stored, and changes are stored.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { KeyOptions } from "../../src/DataStore.js"
import { bytesPerId, IdListReader } from "../../src/engine/idLists/idListFile.js"
import { PackedSet } from "../../src/engine/idLists/packedSet.js"
import { type IdListStatus, IdLists } from "../../src/IdLists.js"
import { inBackground } from "../../src/internal/clocks.js"
import { BackgroundRecorder, marked, type Recorder } from "../../src/internal/diagnostics.js"
import { released } from "../../src/internal/errors.js"
import { yieldToEventLoop } from "../../src/internal/eventLoop.js"
import { httpUrl, mayPass, readWithin, withoutQuery } from "../../src/internal/http.js"
import { exceptionOf, observer, reportException } from "../../src/internal/observe.js"
import { makePace } from "../../src/internal/pace.js"
import { type Ask, describeFailure, type ReadAnswer, requester } from "../../src/internal/request.js"
import * as Stored from "../../src/internal/storedIdLists.js"
import { IdListError } from "../../src/StatsigError.js"
import {
  checkInterval,
  defaultIdListsSyncInterval,
  defaultIdListsUrl,
  type StatsigOptions
} from "../../src/StatsigOptions.js"
import * as Downloads from "../internal/downloads.js"

/**
 * What the lists need to know. The key schema is that of the data store.
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

const cdn = "https://api.statsigcdn.com"

const defaultRequestTimeout = Duration.seconds(10)

/** Entries of a manifest between two turns of the event loop. */
const entriesPerTurn = 500

/** A poll goes on when no file has brought anything for so long; what is under way goes on too. */
const waitingOfPoll: Downloads.Waiting = { awaited: "quick", patience: Duration.seconds(1) }

/** A file that fails again and again is left out of this many syncs in a row at most: about an hour by default. */
const mostSkips = 64

/** Lists that one sync tells of in the log; the others are counted. */
const mostLogged = 10

const largestManifest = 64 * 1024 * 1024

/** A hundred million ids. */
const largestFile = 1024 ** 3

/**
 * Bytes of a file between two turns of the event loop: a thousand ids of a new list; fewer of one that grows, where each
 * may have to copy a part of the list first.
 */
const sliceOf = (as: Download["as"]): number => bytesPerId * (as === "replacement" ? 1_000 : 100)

/** The slowest download of a large file that is waited for. */
const bytesPerSecond = 1_000_000

/** `key` is an older name of `name`. */
const Entry = Schema.Struct({
  name: Schema.optional(Schema.String),
  key: Schema.optional(Schema.String),
  url: Schema.String,
  size: Schema.NonNegativeInt,
  creationTime: Schema.Int,
  fileID: Schema.optional(Schema.NullOr(Schema.String))
}).pipe(Schema.filter(({ key, name }) => (name ?? key) !== undefined || 'expected "name"'))

interface ListFile extends Stored.ReadFile {
  readonly url: string
}

const Manifest = Schema.parseJson(
  Schema.declare(
    (value): value is { readonly [name: string]: unknown } =>
      typeof value === "object" && value !== null && !Array.isArray(value),
    { message: () => "expected an object of lists" }
  )
)

type FailList = (reason: IdListError["reason"], problem: string, status?: number, retryAfter?: number) => IdListError

/** A list that could not be brought up to date. */
interface Failing {
  readonly error: IdListError
  /** How often in a row. */
  readonly failures: number
  /** In how many syncs from now on it is left alone, unless the manifest names another file. */
  readonly skips: number
  /** Which file it was. */
  readonly file: string
}

/** What to download, and how the list is made of it. */
interface Download {
  /** How much of the file was read before. */
  readonly start: number
  readonly as: "replacement" | "growth" | "addition"
}

/**
 * What there is to do for a list. A file that is neither the one held nor as new as that does not replace it: its lines
 * are read on top, once and when it grows.
 */
const planOf = (next: ListFile, held: Stored.HeldList | undefined): Download | undefined => {
  if (held === undefined) return { start: 0, as: "replacement" }
  const { addition, file } = held
  if (next.fileID !== file.fileID && next.creationTime >= file.creationTime) return { start: 0, as: "replacement" }
  if (next.fileID === file.fileID && next.creationTime <= file.creationTime) {
    return next.size > file.size ? { start: file.size, as: "growth" } : undefined
  }
  if (next.fileID !== addition?.fileID || next.creationTime !== addition?.creationTime) {
    return { start: 0, as: "addition" }
  }
  return next.size > addition.size ? { start: addition.size, as: "addition" } : undefined
}

/**
 * Makes the lists. Nothing is repeated within a sync.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const requests = yield* requester(options)
  const { mask } = requests
  const observe = yield* observer
  const stored = yield* Stored.make(options)
  const key = Redacted.value(options.sdkKey)
  const defaultUrl = `${defaultIdListsUrl}/${key}.json`
  const manifestUrl = options.idListsUrl ?? defaultUrl
  const givenTimeout = Duration.decode(options.idListsRequestTimeout ?? defaultRequestTimeout)
  const requestTimeout = Duration.isZero(givenTimeout) ? defaultRequestTimeout : givenTimeout
  const syncInterval = yield* checkInterval(
    "idListsSyncInterval",
    Duration.decode(options.idListsSyncInterval ?? defaultIdListsSyncInterval),
    defaultIdListsSyncInterval
  )
  const lock = yield* Effect.makeSemaphore(1)
  const started = yield* Deferred.make<Recorder>()
  const changes = yield* Queue.sliding<void>(1)
  const downloads = yield* Downloads.make
  const pace = makePace(syncInterval)
  const trusted = new Set([cdn, httpUrl(manifestUrl)?.origin, httpUrl(options.downloadIdListFileApi ?? "")?.origin])

  const lists = new Map<string, Stored.HeldList>()
  const unwritten = new Set<string>()
  const failing = new Map<string, Failing>()
  /** Errors that are not in the log yet. */
  let unlogged: Array<IdListError> = []
  let unloggedMore = 0
  let downloaded = 0
  let isSyncing = false
  let isRead = false
  let isReady: boolean | undefined
  let lastSuccessAt: number | undefined
  let lastError: IdListError | undefined

  const failure =
    (url: string, list?: string): FailList =>
    (reason, problem, status, retryAfter) =>
      new IdListError({
        list,
        reason,
        retryAfter,
        // The query of a file may be a signature, which opens it.
        message: describeFailure(mask(withoutQuery(url)), mask(problem), status),
        status
      })

  const reportFailed = (error: IdListError) =>
    Effect.sync(() => {
      const exception = exceptionOf(error)
      if (exception === undefined) return
      observe(client => reportException(client, exception.tag, exception.exception, error.message))
    })

  const ask = <A>(
    url: string,
    asked: Omit<Ask, "shownUrl" | "sendsKey">,
    read: ReadAnswer<A>,
    list?: string
  ): Effect.Effect<A, IdListError> =>
    Effect.suspend(() => {
      const origin = httpUrl(asked.request.url)?.origin
      if (origin === undefined) return failure(url, list)("Failed", "expected an absolute http or https URL")
      const shownUrl = mask(withoutQuery(url))
      return requests.ask({ ...asked, shownUrl, sendsKey: trusted.has(origin) }, read).pipe(
        Effect.mapError(({ message, reason: failed, retryAfter, status }) => {
          const reason = failed === "Unusable" ? "Invalid" : failed
          return new IdListError({ list, reason, message, status, retryAfter })
        }),
        Effect.tapError(reportFailed)
      )
    })

  const fetchManifest = (url: string) => {
    const request = url.startsWith(defaultIdListsUrl) ? HttpClientRequest.get(url) : HttpClientRequest.post(url)
    return ask(
      url,
      {
        request: HttpClientRequest.setHeader(request, "accept-encoding", "gzip, br"),
        timeout: requestTimeout,
        step: "get_id_list_sources"
      },
      (response, fail) =>
        Effect.flatMap(readWithin(response, largestManifest), body =>
          body === undefined
            ? fail("Unusable", `got more than ${largestManifest} bytes`)
            : Effect.succeed({ body, status: response.status })
        )
    ).pipe(
      Effect.flatMap(({ body, status }) =>
        Effect.mapError(Schema.decodeUnknown(Manifest)(new TextDecoder().decode(body)), error =>
          failure(url)("Invalid", ParseResult.TreeFormatter.formatErrorSync(error), status)
        )
      )
    )
  }

  const mayFallBack = options.fallbackToStatsigApi === true && !manifestUrl.includes(defaultIdListsUrl)
  const manifest = Effect.catchIf(
    fetchManifest(manifestUrl),
    error => mayFallBack && mayPass(error),
    () => fetchManifest(defaultUrl)
  )

  const fileRequest = (url: string, start: number, { size }: ListFile): HttpClientRequest.HttpClientRequest =>
    url.startsWith(cdn)
      ? HttpClientRequest.get(`${url}${url.includes("?") ? "&" : "?"}range=${start}-`, {
          headers: { "accept-encoding": "gzip, br" }
        })
      : HttpClientRequest.get(url, {
          headers: { range: `bytes=${start}-`, "statsig-id-list-file-size": String(size) }
        })

  /** Gives the list as it is afterwards; nobody else has it yet. */
  const download = (
    name: string,
    next: ListFile,
    { as, start }: Download,
    held: Stored.HeldList | undefined,
    progress: () => void
  ) => {
    const url = fileUrl(next.url, options.downloadIdListFileApi)
    const missing = next.size - start
    const timeout = Duration.sum(requestTimeout, Duration.seconds(Math.min(missing, largestFile) / bytesPerSecond))
    return ask(
      url,
      {
        request: fileRequest(url, start, next),
        timeout,
        step: "get_id_list",
        fileID: next.fileID,
        // Of an empty file no range can be had.
        accepts: next.size === 0 ? 416 : undefined
      },
      Effect.fnUntraced(function* (response, fail) {
        const { status } = response
        const hasBody = status !== 416
        const ids =
          as === "replacement" || held === undefined
            ? new PackedSet(Math.min(next.size, largestFile) / bytesPerId)
            : held.ids.copy()
        const reader = new IdListReader(ids)
        const decoder = new TextDecoder("utf-8", { fatal: true })
        let length = 0
        if (hasBody) {
          progress()
          const first = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1]
          if (status === 206 && first !== undefined && Number(first) !== start) {
            return yield* fail("Unusable", `expected the bytes from ${start} on, got those from ${first} on`, status)
          }
          yield* Stream.runForEach(response.stream, bytes => {
            progress()
            length += bytes.length
            if (length > largestFile) return fail("Unusable", `got more than ${largestFile} bytes`, status)
            return Effect.mapError(read(reader, decoder, bytes, sliceOf(as)), () => fail("Unusable", notUtf8, status))
          }).pipe(
            Effect.catchIf(
              error => error._tag === "ResponseError" && error.reason === "EmptyBody",
              () => Effect.void
            )
          )
        }
        // A line that was cut in an answer that is too short comes whole the next time.
        const isShort = start + length < next.size
        if (isShort) length -= reader.openLength
        else {
          yield* Effect.mapError(
            Effect.try(() => decoder.decode()),
            () => fail("Unusable", notUtf8, status)
          )
          reader.end()
        }
        // Whoever knows no ranges answers 200 with all of the file. To read lines again changes nothing.
        const isWhole = status === 200 && length > missing
        const { creationTime, fileID } = next
        const file: Stored.ReadFile = { creationTime, fileID, size: isWhole ? length : start + length }
        const updatedAt = yield* Clock.currentTimeMillis
        const result: Stored.HeldList =
          as === "addition" && held !== undefined
            ? { ids, updatedAt, file: held.file, addition: file }
            : as === "growth" && held !== undefined
              ? { ids, updatedAt, file: { ...held.file, size: file.size }, addition: held.addition }
              : { ids, updatedAt, file, addition: undefined }
        return result
      }),
      name
    )
  }

  const syncList = Effect.fnUntraced(function* (name: string, next: ListFile, plan: Download, progress: () => void) {
    const list = yield* download(name, next, plan, lists.get(name), progress)
    const publish = Effect.sync(() => {
      lists.set(name, list)
      unwritten.add(name)
      downloaded++
      failing.delete(name)
      // A sync has all of its changes written together.
      if (!isSyncing) Queue.unsafeOffer(changes, undefined)
    })
    const shownUrl = mask(withoutQuery(fileUrl(next.url, options.downloadIdListFileApi)))
    yield* marked({ key: "get_id_list", step: "process", url: shownUrl })(publish)
  })

  /** Leaves the file alone for a while that doubles with each failure, and is as long as the server asks for. */
  const failed = (name: string, file: string, error: IdListError, share: number) => {
    const failures = (failing.get(name)?.failures ?? 0) + 1
    const grown = failures === 1 ? 0 : Math.min(2 ** (failures - 1), mostSkips)
    const told = Math.ceil((error.retryAfter ?? 0) / Math.max(Duration.toMillis(syncInterval), 1))
    failing.set(name, { error: released(error), failures, file, skips: Math.max(Math.ceil(grown * share), told) })
    if (unlogged.length < mostLogged) unlogged.push(error)
    else unloggedMore++
  }

  const startDownload = Effect.fnUntraced(function* (name: string, next: ListFile, plan: Download) {
    const file = fileKeyOf(next)
    const share = 0.5 + (yield* Random.next) / 2
    yield* downloads.start({
      name,
      file,
      run: progress =>
        Effect.catchAll(orBroken(syncList(name, next, plan, progress), name), error =>
          Effect.sync(() => failed(name, file, error, share))
        ),
      onGivenUp: () => failed(name, file, failure(manifestUrl, name)("Timeout", tooManyHang), share)
    })
  })

  const decodeEntry = (name: string, entry: unknown) =>
    Effect.mapBoth(Schema.decodeUnknown(Entry)(entry), {
      onFailure: error => failure(manifestUrl, name)("Invalid", ParseResult.TreeFormatter.formatErrorSync(error)),
      onSuccess: ({ creationTime, fileID, size, url }): ListFile => ({
        creationTime,
        fileID: fileID ?? undefined,
        size,
        url
      })
    })

  /** Begins the download of a list, where there is something to download and it is not to be left alone. */
  const beginList = (name: string, entry: unknown) =>
    Effect.matchEffect(decodeEntry(name, entry), {
      onFailure: error => Effect.sync(() => failed(name, "", error, 1)),
      onSuccess: next => {
        const file = fileKeyOf(next)
        const before = failing.get(name)
        if (before !== undefined && before.file !== file) failing.delete(name)
        else if (before !== undefined && before.skips > 0) {
          failing.set(name, { ...before, skips: before.skips - 1 })
          return Effect.void
        }
        return downloads.underWay(name) === file ? Effect.void : beginDownload(name, next)
      }
    })

  const beginDownload = (name: string, next: ListFile) =>
    Effect.suspend(() => {
      const plan = planOf(next, lists.get(name))
      if (plan !== undefined) return startDownload(name, next, plan)
      failing.delete(name)
      return Effect.void
    })

  const removeAllBut = Effect.fnUntraced(function* (named: ReadonlySet<string>) {
    for (const name of failing.keys()) if (!named.has(name)) failing.delete(name)
    yield* downloads.cancelAllBut(named)
    for (const name of lists.keys()) {
      if (named.has(name)) continue
      lists.delete(name)
      unwritten.add(name)
    }
  })

  /** Those that did not fail come first. */
  const beginLists = Effect.fnUntraced(function* (entries: { readonly [name: string]: unknown }) {
    yield* removeAllBut(new Set(Object.keys(entries)))
    const named = Object.entries(entries)
    const sorted = [...named.filter(([name]) => !failing.has(name)), ...named.filter(([name]) => failing.has(name))]
    for (const [index, [name, entry]] of sorted.entries()) {
      yield* beginList(name, entry)
      if (index % entriesPerTurn === entriesPerTurn - 1) yield* yieldToEventLoop
    }
  })

  /** Whatever else goes wrong. */
  const orBroken = <A>(effect: Effect.Effect<A, IdListError>, list?: string) =>
    Effect.catchAllDefect(effect, defect => failure(manifestUrl, list)("Failed", String(defect)))

  const readStored = Effect.suspend(() => {
    if (isRead || Option.isNone(stored)) return Effect.void
    return Effect.map(stored.value.read, found => {
      isRead = true
      for (const [name, list] of found) lists.set(name, list)
    })
  })

  const countManifest = (outcome: "success" | "failure") =>
    Effect.sync(() =>
      observe(client => client.increment(`statsig.sdk.id_list_manifest_download_${outcome}`, 1, undefined))
    )

  const syncFromNetwork = Effect.fnUntraced(function* (waiting: Downloads.Waiting) {
    const begun = yield* Clock.currentTimeMillis
    const measureSync = (hasManifest: boolean, downloaded: number) =>
      Effect.map(Clock.currentTimeMillis, now =>
        observe(client =>
          client.distribution("statsig.sdk.id_lists_sync_overall.latency", now - begun, {
            id_list_manifest_success: String(hasManifest),
            succeed_single_id_list_number: String(downloaded)
          })
        )
      )
    const entries = yield* Effect.tapBoth(manifest, {
      onFailure: ({ reason, retryAfter }) =>
        Effect.all(
          [
            countManifest("failure"),
            measureSync(false, 0),
            reason === "Status" ? pace.refused(retryAfter) : Effect.void
          ],
          { discard: true }
        ),
      onSuccess: () => countManifest("success")
    })
    pace.accepted()
    const idListCount = Object.keys(entries).length
    const before = downloaded
    yield* Effect.gen(function* () {
      yield* beginLists(entries)
      const haveEnded = yield* downloads.settled(waiting)
      yield* measureSync(true, downloaded - before)
      const [first] = failing.values()
      if (first !== undefined) return yield* first.error
      if (!haveEnded) return yield* failure(manifestUrl)("Timeout", "some of the lists are still being downloaded")
    }).pipe(marked({ key: "get_id_list_sources", step: "process", idListCount }))
    lastSuccessAt = yield* Clock.currentTimeMillis
  })

  /** How long a sync waits for lists of which nothing comes. Their own deadlines come first, unless many hang. */
  const waitingOfSync: Downloads.Waiting = {
    awaited: "all",
    patience: Duration.sum(requestTimeout, waitingOfPoll.patience)
  }

  const syncWith = (waiting: Downloads.Waiting) =>
    Effect.andThen(readStored, options.disableNetwork === true ? Effect.void : syncFromNetwork(waiting)).pipe(
      orBroken,
      Effect.tapBoth({
        onFailure: error =>
          Effect.sync(() => {
            lastError = released(error)
            isReady ??= false
          }),
        onSuccess: () =>
          Effect.sync(() => {
            lastError = undefined
            isReady ??= true
          })
      }),
      Effect.ensuring(
        Effect.sync(() => {
          isSyncing = false
          Queue.unsafeOffer(changes, undefined)
        })
      ),
      effect =>
        Effect.suspend(() => {
          isSyncing = true
          return effect
        }),
      lock.withPermits(1)
    )

  /** Tells in the log what failed since the last time. */
  const logFailures = (error: IdListError | undefined) =>
    Effect.suspend(() => {
      const told = error === undefined || error.list !== undefined ? unlogged : [error, ...unlogged]
      const more = unloggedMore
      unlogged = []
      unloggedMore = 0
      return Effect.zipRight(
        Effect.forEach(
          told,
          ({ list, message }) => {
            const what = list === undefined ? "The ID lists were" : `The ID list ${JSON.stringify(list)} was`
            return Effect.logWarning(`${what} not synced: ${message}`)
          },
          { discard: true }
        ),
        more > 0 ? Effect.logWarning(`${more} more ID lists were not synced`) : Effect.void
      )
    })

  const logSynced = Effect.suspend(() => Effect.logDebug(`The ID lists are synced: there are ${lists.size}`))

  const syncAndLog = (waiting: Downloads.Waiting) =>
    Effect.tapBoth(syncWith(waiting), {
      onFailure: logFailures,
      onSuccess: () => Effect.zipRight(logFailures(undefined), logSynced)
    })

  const writeChanges = Effect.suspend(() => {
    if (unwritten.size === 0 || Option.isNone(stored)) return Effect.void
    const names = new Set(unwritten)
    unwritten.clear()
    return Effect.map(stored.value.write(names, new Map(lists)), failed => {
      for (const name of failed) unwritten.add(name)
    })
  })

  const poll = (record: Recorder) => Effect.andThen(pace.pause, Effect.ignore(record(syncAndLog(waitingOfPoll))))

  yield* Effect.forkScoped(
    inBackground(Effect.flatMap(Deferred.await(started), record => Effect.forever(poll(record))))
  )
  yield* Effect.forkScoped(inBackground(Effect.forever(Effect.andThen(Queue.take(changes), writeChanges))))

  const statusOf = (name: string): IdListStatus => {
    const list = lists.get(name)
    return {
      name,
      ids: list?.ids.size ?? 0,
      file: list && { fileID: list.file.fileID, bytes: list.file.size },
      updatedAt: list?.updatedAt,
      lastError: failing.get(name)?.error
    }
  }

  return IdLists.of({
    contains: (list, high, low) => lists.get(list)?.ids.has(high, low) === true,
    sync: syncAndLog(waitingOfSync),
    startUpdates: Effect.flatMap(BackgroundRecorder, record => Effect.asVoid(Deferred.succeed(started, record))),
    status: Effect.sync(() => ({
      isReady,
      lists: Array.from(new Set([...lists.keys(), ...failing.keys()]), statusOf),
      lastSuccessAt,
      lastError
    }))
  })
})

const fileKeyOf = ({ creationTime, fileID, url }: ListFile): string => JSON.stringify([fileID, creationTime, url])

const tooManyHang = "too many other files hang"

const notUtf8 = "expected UTF-8 text, got other bytes"

/** Reads a part of a file, in slices. */
const read = Effect.fnUntraced(function* (
  reader: IdListReader,
  decoder: InstanceType<typeof TextDecoder>,
  bytes: Uint8Array,
  slice: number
) {
  for (let at = 0; at < bytes.length; at += slice) {
    const part = bytes.subarray(at, at + slice)
    // Other bytes are not from a list file, whatever lines they happen to hold.
    yield* Effect.try(() => decoder.decode(part, { stream: true }))
    reader.read(part)
    yield* yieldToEventLoop
  }
})

/** With another scheme and host; what has no path becomes just these. */
const fileUrl = (url: string, api: string | undefined): string => {
  if (api === undefined) return url
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/]*\/(.*)$/is.exec(url)?.[1]
  return path === undefined ? api : `${api}/${path}`
}

/**
 * The network as the source of ID lists.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<IdLists, never, HttpClient.HttpClient> =>
  Layer.scoped(IdLists, make(options))
