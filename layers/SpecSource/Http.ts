/**
 * Specs from Statsig's network, or from a proxy that speaks its protocol: `GET <specsUrl>/<sdkKey>.json`, answered with
 * JSON (the protobuf form is never asked for).
 *
 * The SDK key is a part of the URL and a header of its own. The HTTP clients under `layers/HttpClient` therefore follow
 * no redirect; one that does sends the key wherever it is led. Requests are not traced and carry no trace headers, since
 * traces would hold the URL.
 *
 * @since 0.1.0
 */
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
import {
  causesOf,
  describeStatus,
  errorBodyShown,
  headerText,
  neverRepeated,
  readBody
} from "../../src/internal/http.js"
import { observer } from "../../src/internal/observe.js"
import { decodePayload, largestPayload } from "../../src/internal/payload.js"
import { sdkKeyShown, sdkType, sdkVersion, sessionID } from "../../src/internal/sdkInfo.js"
import { masking } from "../../src/internal/secrets.js"
import { type Fetch, type Source, type SpecRequest, SpecSource } from "../../src/SpecSource.js"
import { SpecSourceError, type SpecsError } from "../../src/StatsigError.js"
import { defaultSpecsUrl } from "../../src/StatsigOptions.js"

/**
 * What the source needs to know.
 *
 * @since 0.1.0
 */
export interface HttpOptions {
  readonly sdkKey: Redacted.Redacted
  /** `/<sdkKey>.json` is appended. Default: Statsig's CDN. */
  readonly specsUrl?: string | undefined
  /** How long the request of `initialize` may take as a whole. Default: 3 seconds; 0 means the 10 of a poll. */
  readonly initTimeout?: Duration.DurationInput | undefined
  /** Tells Statsig which of a company's services is asking. */
  readonly serviceName?: string | undefined
}

const name = "Network"
const defaultInitTimeout = Duration.seconds(3)
const pollTimeout = Duration.seconds(10)
const processing = marked({ key: "download_config_specs", step: "process" })
const pollAttempts = 4
const firstPause = Duration.millis(200)

/**
 * Makes the source. It asks once for `initialize`; for a poll it repeats a failed request up to three times, after 200,
 * 400 and 800 ms. Each attempt is bounded: 10 seconds for a poll.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const client = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
  const observe = yield* observer
  const mask = masking(options.sdkKey)
  const key = Redacted.value(options.sdkKey)
  const specsUrl = options.specsUrl ?? defaultSpecsUrl
  const url = `${specsUrl}/${key}.json`
  const shownUrl = mask(url)
  const markedUrl = shownUrl.replace(/[?#].*$/, "")
  // Alone first: of "http://" and a key the key would become the host.
  const sourceApi = URL.canParse(specsUrl) ? apiOf(url) : undefined
  const initTimeout = Duration.decode(options.initTimeout ?? defaultInitTimeout)
  const timeouts: Record<SpecRequest["purpose"], Duration.Duration> = {
    initialize: Duration.isZero(initTimeout) ? pollTimeout : initTimeout,
    poll: pollTimeout
  }
  const headers = {
    accept: "*/*",
    "accept-encoding": "gzip, br",
    "statsig-api-key": key,
    "statsig-sdk-type": sdkType,
    "statsig-sdk-version": sdkVersion,
    "statsig-server-session-id": sessionID(),
    "x-request-service": headerText(options.serviceName ?? "unknown")
  }

  const failure = (attempt: number, reason: SpecSourceError["reason"], problem: string, status?: number) =>
    new SpecSourceError({
      source: name,
      reason,
      message: `${shownUrl} status(${status ?? "None"}) attempts(${attempt}) ${mask(problem)}`,
      status,
      sourceApi
    })

  const readAnswer = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse, attempt: number) {
    const { headers, status } = response
    if (status < 200 || status > 299) {
      const shown = (yield* readBody(response, errorBodyShown)).subarray(0, errorBodyShown)
      return yield* failure(attempt, "Status", describeAnswer(status, shown, headers["location"]), status)
    }
    const body = yield* readBody(response, largestPayload)
    if (body.length <= largestPayload) return yield* decodePayload(body)
    return yield* failure(attempt, "Failed", `expected at most ${largestPayload} bytes, got more`, status)
  })

  const requestPath = requestPathOf(url)
  const measured = (started: number, status: number | undefined, isSuccess: boolean) =>
    Effect.map(Clock.currentTimeMillis, now => {
      if (requestPath === undefined) return
      observe(metrics =>
        metrics.distribution("statsig.sdk.network_request.latency", now - started, {
          request_path: requestPath.path,
          source_service: requestPath.service,
          status_code: status === undefined ? "none" : String(status),
          is_success: String(isSuccess),
          sdk_key: key.slice(0, sdkKeyShown),
          deltas_used: "false"
        })
      )
    })

  const send = (request: HttpClientRequest.HttpClientRequest, attempt: number, timeout: Duration.Duration) =>
    Effect.flatMap(Clock.currentTimeMillis, started =>
      attemptOnce(request, attempt, timeout).pipe(
        Effect.tapBoth({
          onSuccess: () => measured(started, 200, true),
          onFailure: error => measured(started, error._tag === "SpecSourceError" ? error.status : 200, false)
        })
      )
    )

  const attemptOnce = (request: HttpClientRequest.HttpClientRequest, attempt: number, timeout: Duration.Duration) =>
    markedRequest({ key: "download_config_specs", url: markedUrl, attempt: attempt - 1 }, answered =>
      client.execute(request).pipe(
        Effect.flatMap(response => {
          answered(response)
          return readAnswer(response, attempt)
        }),
        Effect.catchTags({
          RequestError: error => failure(attempt, "Transport", causesOf(error)),
          ResponseError: error => failure(attempt, "Transport", causesOf(error), error.response.status)
        }),
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () => failure(attempt, "Timeout", `no whole answer within ${Duration.toMillis(timeout)} ms`)
        })
      )
    )

  const sendUpTo = (
    attempts: number,
    request: HttpClientRequest.HttpClientRequest,
    timeout: Duration.Duration,
    attempt = 1
  ): Effect.Effect<string, SpecSourceError | SpecsError> =>
    Effect.catchIf(
      send(request, attempt, timeout),
      error => attempt < attempts && isRepeated(error),
      () =>
        Effect.andThen(
          Effect.sleep(Duration.times(firstPause, 2 ** (attempt - 1))),
          sendUpTo(attempts, request, timeout, attempt + 1)
        )
    )

  const fetch: Fetch = Effect.fnUntraced(function* (request, apply) {
    if (sourceApi === undefined) {
      const message = `specsUrl: expected an absolute http or https URL, got ${mask(JSON.stringify(specsUrl))}`
      return yield* new SpecSourceError({ source: name, reason: "Failed", message })
    }
    const now = yield* Clock.currentTimeMillis
    const http = HttpClientRequest.get(withQuery(url, request), {
      headers: { ...headers, "statsig-client-time": String(now) }
    })
    const attempts = request.purpose === "initialize" ? 1 : pollAttempts
    const body = yield* sendUpTo(attempts, http, timeouts[request.purpose])
    return yield* processing(apply({ source: name, sourceApi, body }))
  })

  const source: Source = { name, fetch, polls: Effect.succeed(true), updates: Stream.empty }
  return source
})

const isRepeated = (error: SpecSourceError | SpecsError): boolean =>
  error._tag === "SpecSourceError" &&
  (error.reason === "Transport" ||
    error.reason === "Timeout" ||
    (error.reason === "Status" && !neverRepeated.has(error.status!)))

/** The query is put together by hand: a URL object would write a query that `specsUrl` has anew. */
const withQuery = (url: string, { checksum, sinceTime }: SpecRequest): string => {
  const fields: Array<string> = []
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

const describeAnswer = (status: number, body: Uint8Array, location: string | undefined): string =>
  status >= 300 && location !== undefined && status < 400
    ? `redirects are not followed, give the final address as specsUrl: ${location.slice(0, errorBodyShown)}`
    : describeStatus(status, body)

/**
 * The network as the source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<SpecSource, never, HttpClient.HttpClient> =>
  Layer.effect(SpecSource, make(options))
