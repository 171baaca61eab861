/**
 * The requests for ID lists: for the manifest, and for the files that it names. There are no retries.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { httpUrl, mayPass, readWithin, withoutQuery } from "../../../src/internal/http.js"
import { exceptionOf, reportException } from "../../../src/internal/observe.js"
import { type Ask, describeFailure, type ReadAnswer, requester } from "../../../src/internal/request.js"
import { IdListError } from "../../../src/StatsigError.js"
import { defaultIdListsUrl, optionTable, type StatsigOptions } from "../../../src/StatsigOptions.js"
import type { HeldList } from "./heldLists.js"
import { decodeManifest, type ListFile, ListReading, largestListFile, type ReadingPlan } from "./listFile.js"

const cdn = "https://api.statsigcdn.com"

const defaultRequestTimeout = Duration.decode(optionTable.idListsRequestTimeout.default)

const largestManifest = 64 * 1024 * 1024

/** The slowest accepted download rate of a large file. */
const bytesPerSecond = 1_000_000

export type IdListRequests = Effect.Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (options: StatsigOptions) {
  const requests = yield* requester(options)
  const defaultUrl = `${defaultIdListsUrl}/${Redacted.value(options.sdkKey)}.json`
  const manifestUrl = options.idListsUrl ?? defaultUrl
  const fileApi = options.downloadIdListFileApi
  const givenTimeout = Duration.decode(options.idListsRequestTimeout ?? defaultRequestTimeout)
  const timeout = Duration.isZero(givenTimeout) ? defaultRequestTimeout : givenTimeout
  const trusted = new Set([cdn, httpUrl(manifestUrl)?.origin, httpUrl(fileApi ?? "")?.origin])

  /** The query of a file may be a signature that grants access. */
  const shown = (url: string): string => requests.mask(withoutQuery(url))

  const errorAt = (
    url: string,
    reason: IdListError["reason"],
    problem: string,
    { list, status }: Partial<Pick<IdListError, "list" | "status">>
  ) => {
    const message = describeFailure(shown(url), requests.mask(problem), status)
    return new IdListError({ list, reason, message, status })
  }

  const report = (error: IdListError) => {
    const exception = exceptionOf(error)
    if (exception === undefined) return
    requests.observe(client => reportException(client, exception.tag, exception.exception, error.message))
  }

  const ask = <A>(url: string, asked: Omit<Ask, "shownUrl" | "sendsKey">, read: ReadAnswer<A>, list?: string) =>
    Effect.suspend((): Effect.Effect<A, IdListError> => {
      const origin = httpUrl(asked.request.url)?.origin
      if (origin === undefined) return errorAt(url, "Failed", "expected an absolute http or https URL", { list })
      return requests.ask({ ...asked, shownUrl: shown(url), sendsKey: trusted.has(origin) }, read).pipe(
        Effect.mapError(({ message, reason: failed, retryAfter, status }) => {
          const reason = failed === "Unusable" ? "Invalid" : failed
          return new IdListError({ list, reason, message, status, retryAfter })
        }),
        Effect.tapError(error => Effect.sync(() => report(error)))
      )
    })

  const manifestFrom = Effect.fnUntraced(function* (url: string) {
    const request = url.startsWith(defaultIdListsUrl) ? HttpClientRequest.get(url) : HttpClientRequest.post(url)
    const asked = { request: HttpClientRequest.setHeader(request, "accept-encoding", "gzip, br"), timeout }
    const { body, status } = yield* ask(url, { ...asked, step: "get_id_list_sources" }, (response, fail) =>
      Effect.flatMap(readWithin(response, largestManifest), body =>
        body === undefined
          ? fail("Unusable", `got more than ${largestManifest} bytes`)
          : Effect.succeed({ body, status: response.status })
      )
    )
    return yield* Effect.mapError(decodeManifest(body), problem => errorAt(url, "Invalid", problem, { status }))
  })

  const mayFallBack = options.fallbackToStatsigApi === true && !manifestUrl.includes(defaultIdListsUrl)

  return {
    /** The timeout of a small request. */
    timeout,

    manifest: Effect.catchIf(
      manifestFrom(manifestUrl),
      error => mayFallBack && mayPass(error),
      () => manifestFrom(defaultUrl)
    ),

    /** Returns the resulting list. Calls `progress` whenever data arrives. */
    file: (list: string, next: ListFile, plan: ReadingPlan, progress: () => void) => {
      const url = fileUrl(next, fileApi)
      const missing = Math.min(next.size - plan.start, largestListFile)
      const asked = {
        request: fileRequest(url, plan.start, next.size),
        timeout: Duration.sum(timeout, Duration.seconds(missing / bytesPerSecond)),
        step: "get_id_list",
        fileID: next.fileID,
        // An empty file has no satisfiable range.
        accepts: next.size === 0 ? 416 : undefined
      } as const
      return ask(url, asked, readingFile(next, plan, progress), list)
    },

    shownFileUrl: (file: ListFile): string => shown(fileUrl(file, fileApi)),

    /** An error of a list, or of all of them, that no request caused. */
    error: (reason: IdListError["reason"], problem: string, list?: string): IdListError =>
      errorAt(manifestUrl, reason, problem, { list })
  }
})

/** Replaces scheme and host; a URL without a path becomes just these. */
const fileUrl = ({ url }: ListFile, api: string | undefined): string => {
  if (api === undefined) return url
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/]*\/(.*)$/is.exec(url)?.[1]
  return path === undefined ? api : `${api}/${path}`
}

const fileRequest = (url: string, start: number, size: number): HttpClientRequest.HttpClientRequest => {
  if (!url.startsWith(cdn)) {
    const headers = { range: `bytes=${start}-`, "statsig-id-list-file-size": String(size) }
    return HttpClientRequest.get(url, { headers })
  }
  const headers = { "accept-encoding": "gzip, br" }
  return HttpClientRequest.get(`${url}${url.includes("?") ? "&" : "?"}range=${start}-`, { headers })
}

const readingFile = (next: ListFile, plan: ReadingPlan, progress: () => void): ReadAnswer<HeldList> =>
  Effect.fnUntraced(function* ({ headers, status, stream }, fail) {
    const reading = new ListReading(next, plan)
    const orUnusable = <A>(effect: Effect.Effect<A, string>) =>
      Effect.mapError(effect, problem => fail("Unusable", problem, status))
    if (status !== 416) {
      progress()
      const first = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1]
      if (status === 206 && first !== undefined && Number(first) !== plan.start) {
        const problem = `expected the bytes from ${plan.start} on, got those from ${first} on`
        return yield* fail("Unusable", problem, status)
      }
      const read = Stream.runForEach(stream, bytes => {
        progress()
        return orUnusable(reading.read(bytes))
      })
      yield* Effect.catchIf(
        read,
        error => error.reason === "EmptyBody",
        () => Effect.void
      )
    }
    return yield* orUnusable(reading.end(status))
  })
