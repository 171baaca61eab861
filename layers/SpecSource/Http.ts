/**
 * Specs from Statsig's network, or from a proxy with its protocol: `GET <specsUrl>/<sdkKey>.json`. It requests JSON, or
 * protobuf if the options or the data store want it, and accepts both.
 *
 * The SDK key is part of the URL and also a header. The HTTP clients under `layers/HttpClient` therefore follow no
 * redirect; this source does, without the key if one leads to another origin. Requests are not traced and carry no
 * trace headers, because traces would contain the URL.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { marked } from "../../src/internal/diagnostics.js"
import { takeTurn } from "../../src/internal/eventLoop.js"
import { httpUrl, readWithin } from "../../src/internal/http.js"
import { sizeLimit } from "../../src/internal/payload.js"
import { type ReadAnswer, requester } from "../../src/internal/request.js"
import { sdkKeyProblem } from "../../src/internal/secrets.js"
import { type Fetch, type Outcome, type Source, type SpecRequest, SpecSource } from "../../src/SpecSource.js"
import { type PayloadFormat, SpecSourceError } from "../../src/StatsigError.js"
import { defaultSpecsUrl, optionTable, type StatsigOptions } from "../../src/StatsigOptions.js"

/**
 * Options of the source.
 *
 * @since 0.1.0
 */
export interface HttpOptions
  extends Pick<
    StatsigOptions,
    "enableDcsDeltas" | "fallbackToStatsigApi" | "initTimeout" | "maxSpecsBytes" | "sdkKey" | "serviceName" | "specsUrl"
  > {}

const name = "Network"
const pollTimeout = Duration.seconds(10)
const processing = marked({ key: "download_config_specs", step: "process" })
/** The longest possible timer: without a timer nothing keeps a process alive that waits for a response. */
const longestDelay = Duration.millis(2 ** 31 - 1)

/** The maximum number of attempts for each purpose. */
const attemptsFor: Record<SpecRequest["purpose"], number> = { initialize: 1, sync: 1, poll: 4 }

/** Every so many failed polls also ask Statsig's own host, as in the official SDK. */
const failuresPerFallback = 5

/**
 * Makes the source. It asks once for `initialize` and `sync`; for a poll it retries a failed request up to three times,
 * after 200, 400 and 800 ms, unless the server sets the time (`Retry-After`). Each attempt is limited to 10 seconds,
 * except for `initialize`.
 *
 * A key that is not a server secret key causes a warning at once, because custom servers may accept it. If no specs
 * arrive, it is the reason of the error.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const keyProblem = sdkKeyProblem(options.sdkKey)
  if (keyProblem !== undefined) yield* Effect.logWarning(keyProblem)
  const fetchingFrom = yield* makeFetchingFrom(options)
  const { fallbackToStatsigApi, specsUrl = defaultSpecsUrl } = options
  const own = fetchingFrom(specsUrl)
  const fetchAny =
    fallbackToStatsigApi === true && specsUrl !== defaultSpecsUrl
      ? fallingBack(own, fetchingFrom(defaultSpecsUrl))
      : own
  const fetch: Fetch =
    keyProblem === undefined
      ? fetchAny
      : (request, apply) =>
          Effect.catchTag(
            fetchAny(request, apply),
            "SpecSourceError",
            error => new SpecSourceError({ ...error, reason: "Key", message: `${keyProblem}: ${error.message}` })
          )
  const source: Source = { name, fetch, polls: Effect.succeed(true), updates: Stream.empty }
  return source
})

/** Returns a function that makes the fetch for the `specsUrl` of an API. */
const makeFetchingFrom = Effect.fnUntraced(function* (options: HttpOptions) {
  const requests = yield* requester(options)
  const { mask } = requests
  const key = Redacted.value(options.sdkKey)
  const timeouts = timeoutsFor(options)
  const read = readingUpTo(sizeLimit(options.maxSpecsBytes))
  const negotiation = new Negotiation(options.enableDcsDeltas === true)

  return (specsUrl: string): Fetch => {
    const url = `${specsUrl}/${key}.json`
    const shownUrl = mask(url)
    // Checked alone first: in "http://" followed by a key, the key would become the host.
    const sourceApi = URL.canParse(specsUrl) ? apiOf(url) : undefined
    if (sourceApi === undefined) {
      const message = `specsUrl: expected an absolute http or https URL, got ${mask(JSON.stringify(specsUrl))}`
      return () => new SpecSourceError({ source: name, reason: "Failed", message })
    }
    return Effect.fnUntraced(function* (request, apply) {
      const { purpose } = request
      const { deltasUsed, headers, query } = negotiation.asking(request.prefersProtobuf === true)
      const http = HttpClientRequest.get(withQuery(url, request, query), { headers })
      const asked = { request: http, shownUrl, timeout: timeouts[purpose], attempts: attemptsFor[purpose], deltasUsed }
      const answer = yield* Effect.mapError(
        requests.ask({ ...asked, step: "download_config_specs" }, read),
        ({ message, reason: failed, retryAfter, status }) => {
          const reason = failed === "Unusable" ? "Failed" : failed
          return new SpecSourceError({ source: name, reason, message, status, sourceApi, deltasUsed, retryAfter })
        }
      )
      // Other instances may receive their responses at the same moment.
      yield* takeTurn
      const { body } = answer
      return yield* processing(
        Effect.tapBoth(apply({ source: name, sourceApi, format: formatOf(answer.headers), deltasUsed, body }), {
          onFailure: () => Effect.sync(() => negotiation.settle(answer.headers, undefined)),
          onSuccess: outcome => Effect.sync(() => negotiation.settle(answer.headers, outcome))
        })
      )
    })
  }
})

/** What is added to a request. */
interface Asking {
  readonly headers: Readonly<Record<string, string>>
  readonly query: ReadonlyArray<string>
  readonly deltasUsed: boolean
}

const askingJson: Asking = { headers: { "accept-encoding": "gzip, br" }, query: [], deltasUsed: false }

const askingProtobuf: Asking = {
  headers: { "accept-encoding": "statsig-br, gzip, br", "statsig-supports-proto": "true" },
  query: ["supports_proto=true"],
  deltasUsed: false
}

const askingDeltas: Asking = {
  ...askingProtobuf,
  query: [...askingProtobuf.query, "accept_deltas=true"],
  deltasUsed: true
}

/**
 * What spec requests ask for: JSON, protobuf, or only the changes (a delta). The official SDK requests the full specs
 * again after an unusable delta, and deltas again after the next usable response.
 */
class Negotiation {
  #isAccepting = true

  constructor(private readonly allowsDeltas: boolean) {}

  asking(prefersProtobuf: boolean): Asking {
    if (this.allowsDeltas) return this.#isAccepting ? askingDeltas : askingProtobuf
    return prefersProtobuf ? askingProtobuf : askingJson
  }

  /** A delta that is not newer leads nowhere: the full specs may. `outcome`: of a usable response. */
  settle(headers: Headers.Headers, outcome: Outcome | undefined): void {
    const isUseless = outcome?._tag === "NotNewer" && headers["x-deltas-used"] !== undefined
    this.#isAccepting = outcome !== undefined && !isUseless
  }
}

const timeoutsFor = (options: HttpOptions): Record<SpecRequest["purpose"], Duration.Duration> => {
  const given = Duration.min(options.initTimeout ?? optionTable.initTimeout.default, longestDelay)
  return { initialize: Duration.isZero(given) ? pollTimeout : given, sync: pollTimeout, poll: pollTimeout }
}

const readingUpTo =
  (limit: number): ReadAnswer<{ readonly body: Uint8Array; readonly headers: Headers.Headers }> =>
  (response, fail) =>
    Effect.flatMap(readWithin(response, limit), body =>
      body === undefined
        ? fail("Unusable", `expected at most ${limit} bytes (maxSpecsBytes), got more`, response.status)
        : Effect.succeed({ body, headers: response.headers })
    )

/** Falls back to Statsig's own host when the other one fails. */
const fallingBack = (own: Fetch, statsig: Fetch): Fetch => {
  let failedPolls = 0
  return (request, apply) =>
    Effect.catchIf(
      own(request, apply),
      () => request.purpose !== "poll" || ++failedPolls % failuresPerFallback === 0,
      () => statsig(request, apply)
    )
}

const formatOf = (headers: Headers.Headers): typeof PayloadFormat.Type => {
  const { "content-encoding": encoding, "content-type": given = "" } = headers
  if (encoding === "statsig-br" && given.includes("application/octet-stream")) return "protobuf"
  const type = given.toLowerCase()
  if (type.includes("application/json")) return "json"
  return type.includes("text/plain") ? "plain_text" : "unknown"
}

/** The query is built by hand: a URL object would rewrite a query in `specsUrl`. */
const withQuery = (url: string, { checksum, sinceTime }: SpecRequest, more: ReadonlyArray<string>): string => {
  const fields = [...more]
  if (sinceTime > 0) fields.push(`sinceTime=${sinceTime}`)
  if (checksum !== undefined) fields.push(`checksum=${encodeURIComponent(encodeChecksum(checksum))}`)
  return fields.length === 0 ? url : `${url}${url.includes("?") ? "&" : "?"}${fields.join("&")}`
}

/** The first of the two encodings of a checksum: of everything but letters and digits. The query adds the second. */
const encodeChecksum = (checksum: string): string =>
  Array.from(new TextEncoder().encode(checksum), byte => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")

/** The origin of a URL and its API version, if the path starts with one; `undefined` when it cannot be fetched. */
const apiOf = (text: string): string | undefined => {
  const url = httpUrl(text)
  return url && url.origin + (/^\/v[0-9]+(?=\/)/.exec(url.pathname)?.[0] ?? "")
}

/**
 * The network as the source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<SpecSource, never, HttpClient.HttpClient> =>
  Layer.effect(SpecSource, make(options))
