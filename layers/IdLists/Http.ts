/**
 * ID lists from Statsig's network: a manifest names them and their files, and of a file that grew only the new end is
 * downloaded.
 *
 * A list is changed on a copy that shares most of its memory with the list in use, in slices that give the event loop
 * its turns, and takes the list's place by one assignment when the whole answer was good. So a check sees a list before
 * or after a change, never in between, and whatever fails leaves the list as it was. Lists do not wait for each other.
 *
 * The SDK key goes to the host of the manifest, to Statsig's own, and to that of `downloadIdListFileApi`; other hosts that
 * a manifest names get the request without it.
 *
 * With a `DataStore` in the context, the first sync begins with the lists that are stored, and changes are stored.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { KeyOptions } from "../../src/DataStore.js"
import { bytesPerId, IdListReader } from "../../src/engine/idLists/idListFile.js"
import { PackedSet } from "../../src/engine/idLists/packedSet.js"
import { type IdListStatus, IdLists } from "../../src/IdLists.js"
import { inBackground } from "../../src/internal/backgroundClock.js"
import { BackgroundRecorder, marked, markedRequest, type Recorder } from "../../src/internal/diagnostics.js"
import { yieldToEventLoop } from "../../src/internal/eventLoop.js"
import {
  causesOf,
  describeStatus,
  errorBodyShown,
  executeWithRedirects,
  neverRepeated,
  readBody,
  withoutTraces
} from "../../src/internal/http.js"
import { exceptionOf, measureRequest, observer, reportException } from "../../src/internal/observe.js"
import { sdkHeaders } from "../../src/internal/sdkInfo.js"
import { masking } from "../../src/internal/secrets.js"
import * as Stored from "../../src/internal/storedIdLists.js"
import { IdListError } from "../../src/StatsigError.js"
import { checkInterval, defaultIdListsSyncInterval, defaultIdListsUrl } from "../../src/StatsigOptions.js"

/**
 * What the lists need to know. The key schema is that of the data store.
 *
 * @since 0.1.0
 */
export interface HttpOptions extends KeyOptions {
  /** Where the manifest is, as it is written. Default: Statsig's CDN, with `/<sdkKey>.json` behind it. */
  readonly idListsUrl?: string | undefined
  /** Takes the place of scheme and host in the address of every list file. Default: files are where the manifest says. */
  readonly downloadIdListFileApi?: string | undefined
  /** From the end of a sync to the start of the next, at least one second. Default: 1 minute. */
  readonly idListsSyncInterval?: Duration.DurationInput | undefined
  /** How long a request may take; that of a file longer by a second for each announced megabyte. Default: 10 seconds. */
  readonly idListsRequestTimeout?: Duration.DurationInput | undefined
  /** Asks Statsig's own CDN when `idListsUrl` gives no answer or one that may be different next time. Default: `false`. */
  readonly fallbackToStatsigApi?: boolean | undefined
  /** Makes no request: the lists are those of the data store. Default: `false`. */
  readonly disableNetwork?: boolean | undefined
  /** Tells Statsig which of a company's services is asking. */
  readonly serviceName?: string | undefined
}

const cdn = "https://api.statsigcdn.com"

const defaultRequestTimeout = Duration.seconds(10)

/** Downloads at a time. */
const concurrency = 4

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

/** How one request is made. */
interface Ask {
  readonly fail: Fail
  readonly timeout: Duration.Duration
  readonly step: "get_id_list_sources" | "get_id_list"
  readonly fileID?: string | undefined
}

type Fail = (reason: IdListError["reason"], problem: string, status?: number) => IdListError

/** What to download, and what becomes of it. */
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
  const client = withoutTraces(yield* HttpClient.HttpClient)
  const observe = yield* observer
  const stored = yield* Stored.make(options)
  const mask = masking(options.sdkKey)
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
  const trusted = new Set([cdn, ...originOf(manifestUrl), ...originOf(options.downloadIdListFileApi ?? "")])

  const lists = new Map<string, Stored.HeldList>()
  const unwritten = new Set<string>()
  const failures = new Map<string, IdListError>()
  let isRead = false
  let isReady: boolean | undefined
  let lastSuccessAt: number | undefined
  let lastError: IdListError | undefined

  const failure =
    (url: string, list?: string): Fail =>
    (reason, problem, status) =>
      new IdListError({
        list,
        reason,
        // The query of a file may be a signature, which opens it.
        message: `${mask(withoutQuery(url))} status(${status ?? "None"}) ${mask(problem)}`,
        status
      })

  const measure = (url: string, millis: number, status: number | undefined, isSuccess: boolean, fileID?: string) => {
    const path = /^(https?:\/\/.*?)(\/v[0-9]+\/(?:get_id_lists|download_id_list_file))(?:[/?#]|$)/.exec(url)
    if (path === null) return
    const [, service, requestPath] = path as unknown as readonly [string, string, string]
    observe(client =>
      measureRequest(client, { service, path: requestPath, millis, status, isSuccess, sdkKey: key, fileID })
    )
  }

  const reportFailed = (error: IdListError) =>
    Effect.sync(() => {
      const exception = exceptionOf(error)
      if (exception === undefined) return
      observe(client => reportException(client, exception.tag, exception.exception, error.message))
    })

  /** Sends one request and reads its answer, within a time. */
  const ask = <A>(
    request: HttpClientRequest.HttpClientRequest,
    { fail, fileID, step, timeout }: Ask,
    read: (
      response: HttpClientResponse.HttpClientResponse
    ) => Effect.Effect<A, IdListError | HttpClientError.ResponseError>
  ): Effect.Effect<A, IdListError> =>
    Effect.gen(function* () {
      if (originOf(request.url).length === 0) return yield* fail("Failed", "expected an absolute http or https URL")
      const begun = yield* Clock.currentTimeMillis
      const headers = {
        accept: "*/*",
        ...(trusted.has(new URL(request.url).origin) ? { "statsig-api-key": key } : {}),
        "statsig-client-time": String(begun),
        ...sdkHeaders(options.serviceName)
      }
      const measured = (status: number | undefined, isSuccess: boolean) =>
        Effect.map(Clock.currentTimeMillis, now => measure(request.url, now - begun, status, isSuccess, fileID))
      let status: number | undefined
      return yield* markedRequest({ key: step, url: mask(withoutQuery(request.url)), attempt: 0 }, answered =>
        executeWithRedirects(client, HttpClientRequest.setHeaders(request, headers), key).pipe(
          Effect.flatMap(response => {
            answered(response)
            status = response.status
            return read(response)
          }),
          Effect.scoped,
          Effect.catchTags({
            RequestError: error => fail("Transport", causesOf(error)),
            ResponseError: error => fail("Transport", causesOf(error), error.response.status),
            RedirectError: error => fail("Status", error.message, error.status)
          }),
          Effect.timeoutFail({
            duration: timeout,
            onTimeout: () => fail("Timeout", `no whole answer within ${Duration.toMillis(timeout)} ms`)
          })
        )
      ).pipe(
        Effect.tapBoth({
          onSuccess: () => measured(status, true),
          onFailure: error => Effect.zipRight(measured(error.status, false), reportFailed(error))
        })
      )
    })

  const orStatus = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse, fail: Fail) {
    const { status } = response
    if (status >= 200 && status <= 299) return response
    return yield* fail("Status", describeStatus(status, yield* readBody(response, errorBodyShown)), status)
  })

  const fetchManifest = (url: string) => {
    const fail = failure(url)
    const request = url.startsWith(defaultIdListsUrl) ? HttpClientRequest.get(url) : HttpClientRequest.post(url)
    return ask(
      HttpClientRequest.setHeader(request, "accept-encoding", "gzip, br"),
      { fail, timeout: requestTimeout, step: "get_id_list_sources" },
      Effect.fnUntraced(function* (response) {
        const body = yield* readBody(yield* orStatus(response, fail), largestManifest)
        if (body.length > largestManifest) return yield* fail("Invalid", `got more than ${largestManifest} bytes`)
        return { body, status: response.status }
      })
    ).pipe(
      Effect.flatMap(({ body, status }) =>
        Effect.mapError(Schema.decodeUnknown(Manifest)(new TextDecoder().decode(body)), error =>
          fail("Invalid", ParseResult.TreeFormatter.formatErrorSync(error), status)
        )
      )
    )
  }

  const mayFallBack = options.fallbackToStatsigApi === true && !manifestUrl.includes(defaultIdListsUrl)
  const manifest = Effect.catchIf(
    fetchManifest(manifestUrl),
    ({ reason, status }) =>
      mayFallBack &&
      (reason === "Timeout" || reason === "Transport" || (reason === "Status" && !neverRepeated.has(status!))),
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
  const download = (name: string, next: ListFile, { as, start }: Download, held: Stored.HeldList | undefined) => {
    const url = fileUrl(next.url, options.downloadIdListFileApi)
    const fail = failure(url, name)
    const missing = next.size - start
    const timeout = Duration.sum(requestTimeout, Duration.seconds(Math.min(missing, largestFile) / bytesPerSecond))
    return ask(
      fileRequest(url, start, next),
      { fail, timeout, step: "get_id_list", fileID: next.fileID },
      Effect.fnUntraced(function* (response) {
        const { status } = response
        const ids =
          as === "replacement" || held === undefined
            ? new PackedSet(Math.min(next.size, largestFile) / bytesPerId)
            : held.ids.copy()
        const reader = new IdListReader(ids)
        const decoder = new TextDecoder("utf-8", { fatal: true })
        let length = 0
        // Of an empty file no range can be had.
        if (status !== 416 || next.size > 0) {
          yield* orStatus(response, fail)
          const first = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1]
          if (status === 206 && first !== undefined && Number(first) !== start) {
            return yield* fail("Invalid", `expected the bytes from ${start} on, got those from ${first} on`, status)
          }
          yield* Stream.runForEach(response.stream, bytes => {
            length += bytes.length
            if (length > largestFile) return fail("Invalid", `got more than ${largestFile} bytes`, status)
            return Effect.mapError(read(reader, decoder, bytes, sliceOf(as)), () => fail("Invalid", notUtf8, status))
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
            () => fail("Invalid", notUtf8, status)
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
      })
    )
  }

  /** Whether there was something to download. */
  const syncList = Effect.fnUntraced(function* (name: string, entry: unknown) {
    const { creationTime, fileID, size, url } = yield* Effect.mapError(Schema.decodeUnknown(Entry)(entry), error =>
      failure(manifestUrl, name)("Invalid", ParseResult.TreeFormatter.formatErrorSync(error))
    )
    const next: ListFile = { creationTime, fileID: fileID ?? undefined, size, url }
    const held = lists.get(name)
    const plan = planOf(next, held)
    if (plan === undefined) return false
    const list = yield* download(name, next, plan, held)
    const publish = Effect.sync(() => {
      lists.set(name, list)
      unwritten.add(name)
    })
    const shownUrl = mask(withoutQuery(fileUrl(url, options.downloadIdListFileApi)))
    yield* marked({ key: "get_id_list", step: "process", url: shownUrl })(publish)
    return true
  })

  const removeAllBut = (named: ReadonlySet<string>) => {
    for (const name of failures.keys()) if (!named.has(name)) failures.delete(name)
    for (const name of lists.keys()) {
      if (named.has(name)) continue
      lists.delete(name)
      unwritten.add(name)
    }
  }

  /** How many lists were downloaded. Fails with the first failure of all, after all have ended. */
  const syncLists = Effect.fnUntraced(function* (entries: { readonly [name: string]: unknown }) {
    const named = Object.entries(entries)
    removeAllBut(new Set(Object.keys(entries)))
    const downloaded = yield* Effect.forEach(
      named,
      ([name, entry]) =>
        Effect.match(orBroken(syncList(name, entry), name), {
          onFailure: error => {
            failures.set(name, error)
            return false
          },
          onSuccess: isDownloaded => {
            failures.delete(name)
            return isDownloaded
          }
        }),
      { concurrency }
    )
    return downloaded.filter(isDownloaded => isDownloaded).length
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

  const syncFromNetwork = Effect.gen(function* () {
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
      onFailure: () => Effect.zipRight(countManifest("failure"), measureSync(false, 0)),
      onSuccess: () => countManifest("success")
    })
    const idListCount = Object.keys(entries).length
    yield* Effect.gen(function* () {
      yield* measureSync(true, yield* syncLists(entries))
      const [failed] = failures.values()
      if (failed !== undefined) return yield* failed
    }).pipe(marked({ key: "get_id_list_sources", step: "process", idListCount }))
    lastSuccessAt = yield* Clock.currentTimeMillis
  })

  const sync = Effect.andThen(readStored, options.disableNetwork === true ? Effect.void : syncFromNetwork).pipe(
    orBroken,
    Effect.tapBoth({
      onFailure: error =>
        Effect.sync(() => {
          lastError = error
          isReady ??= false
        }),
      onSuccess: () =>
        Effect.sync(() => {
          lastError = undefined
          isReady ??= true
        })
    }),
    Effect.ensuring(Queue.offer(changes, undefined)),
    lock.withPermits(1)
  )

  const withWarnings = Effect.tapError(sync, error =>
    Effect.forEach(failures.size > 0 ? failures.values() : [error], ({ list, message }) => {
      const what = list === undefined ? "The ID lists were" : `The ID list ${JSON.stringify(list)} was`
      return Effect.logWarning(`${what} not synced: ${message}`)
    })
  )

  const writeChanges = Effect.suspend(() => {
    if (unwritten.size === 0 || Option.isNone(stored)) return Effect.void
    const names = new Set(unwritten)
    unwritten.clear()
    return Effect.map(stored.value.write(names, new Map(lists)), failed => {
      for (const name of failed) unwritten.add(name)
    })
  })

  const poll = (record: Recorder) => Effect.andThen(Effect.sleep(syncInterval), Effect.ignore(record(withWarnings)))

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
      lastError: failures.get(name)
    }
  }

  return IdLists.of({
    contains: (list, high, low) => lists.get(list)?.ids.has(high, low) === true,
    sync: withWarnings,
    startUpdates: Effect.flatMap(BackgroundRecorder, record => Effect.asVoid(Deferred.succeed(started, record))),
    status: Effect.sync(() => ({
      isReady,
      lists: Array.from(new Set([...lists.keys(), ...failures.keys()]), statusOf),
      lastSuccessAt,
      lastError
    }))
  })
})

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

/** None for what is no absolute http or https URL. */
const originOf = (url: string): ReadonlyArray<string> =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? [new URL(url).origin] : []

const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, "")

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
