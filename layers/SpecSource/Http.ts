/**
 * Specs from Statsig's network, or from a proxy that speaks its protocol: `GET <specsUrl>/<sdkKey>.json`. It asks for
 * JSON, and for protobuf where the options or the data store want that; it takes what comes.
 *
 * The SDK key is a part of the URL and a header of its own. The HTTP clients under `layers/HttpClient` therefore follow
 * no redirect; this source does, without the key where one leads to another origin. Requests are not traced and carry no
 * trace headers, since traces would hold the URL.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { marked, markedRequest } from "../../src/internal/diagnostics.js"
import { takeTurn } from "../../src/internal/eventLoop.js"
import {
  causesOf,
  describeStatus,
  errorBodyShown,
  executeWithRedirects,
  neverRepeated,
  readBody,
  readParts,
  retryAfter,
  withoutQuery,
  withoutTraces
} from "../../src/internal/http.js"
import { measureRequest, observer } from "../../src/internal/observe.js"
import { concat, sizeLimit } from "../../src/internal/payload.js"
import { sdkHeaders } from "../../src/internal/sdkInfo.js"
import { masking, sdkKeyProblem } from "../../src/internal/secrets.js"
import { type Apply, type Fetch, type Source, type SpecRequest, SpecSource } from "../../src/SpecSource.js"
import { type PayloadFormat, SpecSourceError, type SpecsError } from "../../src/StatsigError.js"
import { defaultSpecsUrl, type StatsigOptions } from "../../src/StatsigOptions.js"
import * as Deltas from "../internal/deltas.js"

/**
 * What the source needs to know.
 *
 * @since 0.1.0
 */
export interface HttpOptions
  extends Pick<
    StatsigOptions,
    "enableDcsDeltas" | "fallbackToStatsigApi" | "initTimeout" | "maxSpecsBytes" | "sdkKey" | "serviceName" | "specsUrl"
  > {}

const name = "Network"
const defaultInitTimeout = Duration.seconds(3)
const pollTimeout = Duration.seconds(10)
const processing = marked({ key: "download_config_specs", step: "process" })
const firstPause = Duration.millis(200)

/** The longest time that a timer can be set to: without a timer nothing keeps a process alive that waits for an answer. */
const longestTimer = Duration.millis(2 ** 31 - 1)

/** Of each purpose, how often a request is made at most. */
const attemptsFor: Record<SpecRequest["purpose"], number> = { initialize: 1, sync: 1, poll: 4 }

/** Every so many failed polls ask Statsig's own host too, as in the official SDK. */
const failuresPerFallback = 5

/** An API that has specs. */
interface Endpoint {
  readonly url: string
  readonly shownUrl: string
  /** `undefined` where the URL cannot be fetched. */
  readonly sourceApi: string | undefined
}

/** An API, and how it is asked. */
interface Asked extends Endpoint {
  readonly deltasUsed: boolean
}

/** What an API answered with success. */
interface Answer {
  readonly bytes: Uint8Array
  readonly headers: Headers.Headers
}

/**
 * Makes the source. It asks once for `initialize` and `sync`; for a poll it repeats a failed request up to three times,
 * after 200, 400 and 800 ms, unless the server says when to come back (`Retry-After`). Each attempt is bounded: 10 seconds
 * but for `initialize`.
 *
 * A key that is no server secret key gets a warning at once, for servers of one's own may take it. When no specs come, it
 * is the reason.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const client = withoutTraces(yield* HttpClient.HttpClient)
  const observe = yield* observer
  const mask = masking(options.sdkKey)
  const key = Redacted.value(options.sdkKey)
  const keyProblem = sdkKeyProblem(options.sdkKey)
  if (keyProblem !== undefined) yield* Effect.logWarning(keyProblem)
  const specsUrl = options.specsUrl ?? defaultSpecsUrl
  const initTimeout = Duration.min(options.initTimeout ?? defaultInitTimeout, longestTimer)
  const timeouts: Record<SpecRequest["purpose"], Duration.Duration> = {
    initialize: Duration.isZero(initTimeout) ? pollTimeout : initTimeout,
    sync: pollTimeout,
    poll: pollTimeout
  }
  const limit = sizeLimit(options.maxSpecsBytes)
  const negotiation = new Deltas.Negotiation(options.enableDcsDeltas === true)
  const headers = {
    accept: "*/*",
    "statsig-api-key": key,
    ...sdkHeaders(options.serviceName)
  }

  const endpointOf = (specsUrl: string): Endpoint => {
    const url = `${specsUrl}/${key}.json`
    // Alone first: of "http://" and a key the key would become the host.
    return { url, shownUrl: mask(url), sourceApi: URL.canParse(specsUrl) ? apiOf(url) : undefined }
  }
  const own = endpointOf(specsUrl)
  const fallback =
    options.fallbackToStatsigApi === true && specsUrl !== defaultSpecsUrl ? endpointOf(defaultSpecsUrl) : undefined

  const failureOf =
    ({ deltasUsed, shownUrl, sourceApi }: Asked, attempt: number) =>
    (reason: SpecSourceError["reason"], problem: string, status?: number, retryAfter?: number) =>
      new SpecSourceError({
        source: name,
        reason,
        message: `${shownUrl} status(${status ?? "None"}) attempts(${attempt}) ${mask(problem)}`,
        status,
        sourceApi,
        deltasUsed,
        retryAfter
      })

  const readAnswer = Effect.fnUntraced(function* (
    response: HttpClientResponse.HttpClientResponse,
    failure: ReturnType<typeof failureOf>
  ) {
    const { headers, status } = response
    if (status < 200 || status > 299) {
      const shown = (yield* readBody(response, errorBodyShown)).subarray(0, errorBodyShown)
      const wait = retryAfter(headers, yield* Clock.currentTimeMillis)
      return yield* failure("Status", describeStatus(status, shown), status, wait)
    }
    const { parts, size } = yield* readParts(response, limit)
    if (size <= limit) return { bytes: yield* concat(parts, size), headers }
    return yield* failure("Failed", `expected at most ${limit} bytes (maxSpecsBytes), got more`, status)
  })

  const measured = ({ deltasUsed, url }: Asked, started: number, status: number | undefined, isSuccess: boolean) =>
    Effect.map(Clock.currentTimeMillis, now => {
      const requestPath = requestPathOf(url)
      if (requestPath === undefined) return
      observe(client =>
        measureRequest(client, {
          ...requestPath,
          millis: now - started,
          status,
          isSuccess,
          sdkKey: key,
          deltasUsed
        })
      )
    })

  const send = (
    asked: Asked,
    request: HttpClientRequest.HttpClientRequest,
    attempt: number,
    timeout: Duration.Duration
  ) =>
    Effect.flatMap(Clock.currentTimeMillis, started =>
      sendUnmeasured(asked, request, attempt, timeout).pipe(
        Effect.tapBoth({
          onSuccess: () => measured(asked, started, 200, true),
          onFailure: ({ status }) => measured(asked, started, status, false)
        })
      )
    )

  const sendUnmeasured = (
    asked: Asked,
    request: HttpClientRequest.HttpClientRequest,
    attempt: number,
    timeout: Duration.Duration
  ) => {
    const failure = failureOf(asked, attempt)
    const url = withoutQuery(asked.shownUrl)
    return markedRequest({ key: "download_config_specs", url, attempt: attempt - 1 }, answered =>
      executeWithRedirects(client, request, key).pipe(
        Effect.flatMap(response => {
          answered(response)
          return readAnswer(response, failure)
        }),
        Effect.scoped,
        Effect.catchTags({
          RedirectError: ({ message, status }) => failure("Status", message, status),
          RequestError: error => failure("Transport", causesOf(error)),
          ResponseError: error => failure("Transport", causesOf(error), error.response.status)
        }),
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () => failure("Timeout", `no whole answer within ${Duration.toMillis(timeout)} ms`)
        })
      )
    )
  }

  const sendUpTo = (
    attempts: number,
    asked: Asked,
    request: HttpClientRequest.HttpClientRequest,
    timeout: Duration.Duration,
    attempt = 1
  ): Effect.Effect<Answer, SpecSourceError> =>
    Effect.catchIf(
      send(asked, request, attempt, timeout),
      error => attempt < attempts && isRepeated(error),
      ({ message }) => {
        const pause = Duration.times(firstPause, 2 ** (attempt - 1))
        const told = `Attempt ${attempt} of ${attempts} failed, the next is in ${Duration.toMillis(pause)} ms: ${message}`
        return Effect.logDebug(told).pipe(
          Effect.andThen(Effect.sleep(pause)),
          Effect.andThen(sendUpTo(attempts, asked, request, timeout, attempt + 1))
        )
      }
    )

  const fetchFrom = Effect.fnUntraced(function* (endpoint: Endpoint, request: SpecRequest, apply: Apply) {
    const { sourceApi, url } = endpoint
    if (sourceApi === undefined) {
      const message = `specsUrl: expected an absolute http or https URL, got ${mask(JSON.stringify(specsUrl))}`
      return yield* new SpecSourceError({ source: name, reason: "Failed", message })
    }
    const now = yield* Clock.currentTimeMillis
    const { deltasUsed, ...asking } = negotiation.asking(request.prefersProtobuf === true)
    const http = HttpClientRequest.get(withQuery(url, request, asking.query), {
      headers: { ...headers, ...asking.headers, "statsig-client-time": String(now) }
    })
    const { bytes, headers: answered } = yield* sendUpTo(
      attemptsFor[request.purpose],
      { ...endpoint, deltasUsed },
      http,
      timeouts[request.purpose]
    )
    // Other instances may have their answers at the same moment.
    yield* takeTurn
    return yield* processing(
      Effect.tapBoth(apply({ source: name, sourceApi, format: formatOf(answered), deltasUsed, body: bytes }), {
        onFailure: () => Effect.sync(() => negotiation.refused()),
        onSuccess: outcome => Effect.sync(() => negotiation.used(answered, outcome))
      })
    )
  })

  let failedPolls = 0

  /** Whether a failure is one after which Statsig's own host is asked. */
  const fallsBack = ({ purpose }: SpecRequest): boolean =>
    purpose !== "poll" || ++failedPolls % failuresPerFallback === 0

  const fetchFromAny: Fetch = (request, apply) =>
    fallback === undefined
      ? fetchFrom(own, request, apply)
      : Effect.catchIf(
          fetchFrom(own, request, apply),
          () => fallsBack(request),
          () => fetchFrom(fallback, request, apply)
        )

  const fetch: Fetch =
    keyProblem === undefined
      ? fetchFromAny
      : (request, apply) => Effect.mapError(fetchFromAny(request, apply), error => blamingKey(error, keyProblem))

  const source: Source = { name, fetch, polls: Effect.succeed(true), updates: Stream.empty }
  return source
})

const blamingKey = (error: SpecSourceError | SpecsError, problem: string): SpecSourceError | SpecsError => {
  if (error._tag === "SpecsError") return error
  const { deltasUsed, message, retryAfter, source, sourceApi, status } = error
  return new SpecSourceError({
    source,
    reason: "Key",
    message: `${problem}: ${message}`,
    status,
    sourceApi,
    deltasUsed,
    retryAfter
  })
}

/** Whether to repeat a request soon can help, and the server did not ask to be left alone. */
const isRepeated = ({ reason, retryAfter = 0, status }: SpecSourceError): boolean =>
  reason === "Transport" ||
  reason === "Timeout" ||
  (reason === "Status" && !neverRepeated.has(status!) && retryAfter === 0)

const formatOf = (headers: Headers.Headers): typeof PayloadFormat.Type => {
  if (Deltas.saysProtobuf(headers)) return "protobuf"
  const type = headers["content-type"]?.toLowerCase() ?? ""
  if (type.includes("application/json")) return "json"
  return type.includes("text/plain") ? "plain_text" : "unknown"
}

/** The query is put together by hand: a URL object would write a query that `specsUrl` has anew. */
const withQuery = (url: string, { checksum, sinceTime }: SpecRequest, more: ReadonlyArray<string>): string => {
  const fields = [...more]
  if (sinceTime > 0) fields.push(`sinceTime=${sinceTime}`)
  if (checksum !== undefined) fields.push(`checksum=${encodeURIComponent(encodeChecksum(checksum))}`)
  return fields.length === 0 ? url : `${url}${url.includes("?") ? "&" : "?"}${fields.join("&")}`
}

/** The first of the two encodings of a checksum: everything but letters and digits. The query adds the second. */
const encodeChecksum = (checksum: string): string =>
  Array.from(new TextEncoder().encode(checksum), byte => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")

/** The endpoint that a URL names and what stands before it; only requests to Statsig's own paths are measured. */
const requestPathOf = (text: string): { readonly service: string; readonly path: string } | undefined => {
  const match = /^(https?:\/\/.*?)(\/v[0-9]+\/download_config_specs)(?:\/|$)/.exec(text)
  return match === null ? undefined : { service: match[1]!, path: match[2]! }
}

/** The origin of a URL and its API version, if the path begins with one; `undefined` when it cannot be fetched. */
const apiOf = (text: string): string | undefined => {
  const { origin, pathname, protocol } = new URL(text)
  if (protocol !== "http:" && protocol !== "https:") return undefined
  return origin + (/^\/v[0-9]+(?=\/)/.exec(pathname)?.[0] ?? "")
}

/**
 * The network as the source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<SpecSource, never, HttpClient.HttpClient> =>
  Layer.effect(SpecSource, make(options))
