/**
 * Requests to Statsig, or to a server with its protocol: their headers, which hosts receive the SDK key, timeouts and
 * retries, and their log lines, diagnostics and metrics.
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { StatsigOptions } from "../StatsigOptions.js"
import { type Marker, mark } from "./diagnostics.js"
import {
  causesOf,
  describeStatus,
  type ExecuteUntraced,
  errorBodyShown,
  httpUrl,
  mayPass,
  readUpTo,
  retryAfter,
  withoutQuery,
  withoutTraces
} from "./http.js"
import { type Observe, observer } from "./observe.js"
import { sdkHeaders, sdkKeyShown } from "./sdkInfo.js"
import { masking } from "./secrets.js"

/** A request and its settings. */
export interface Ask {
  readonly request: HttpClientRequest.HttpClientRequest
  /** The URL as shown in errors. */
  readonly shownUrl: string
  /** The timeout of each attempt. */
  readonly timeout: Duration.Duration
  /** The step of a sync as which diagnostics record it. A request without a step has no metrics either. */
  readonly step?: Marker["key"] | undefined
  /** The maximum number of attempts; errors state which attempt failed. Default: one, which errors do not state. */
  readonly attempts?: number | undefined
  /** Whether its host may receive the SDK key. Default: `true`. */
  readonly sendsKey?: boolean | undefined
  /** A status that counts as a 2xx. */
  readonly accepts?: number | undefined
  /** For metrics. */
  readonly deltasUsed?: boolean | undefined
  /** For metrics. */
  readonly fileID?: string | undefined
}

/**
 * Why a request failed. `Unusable`: the response is not what was requested. `message` contains the URL, the status and
 * the `problem`, without secrets. `retryAfter` is in milliseconds.
 */
export class RequestFailure extends Data.TaggedError("RequestFailure")<{
  readonly reason: "Status" | "Transport" | "Timeout" | "Unusable"
  readonly problem: string
  readonly message: string
  readonly status: number | undefined
  readonly retryAfter: number | undefined
}> {}

/** Makes the failure of an attempt. Secrets in `problem` are masked. */
export type Fail = (
  reason: RequestFailure["reason"],
  problem: string,
  status?: number,
  retryAfter?: number
) => RequestFailure

/** Reads a response with a good status. */
export type ReadAnswer<A> = (
  response: HttpClientResponse.HttpClientResponse,
  fail: Fail
) => Effect.Effect<A, RequestFailure | HttpClientError.ResponseError>

/** The error message for a request. */
export const describeFailure = (shownUrl: string, problem: string, status?: number, attempt?: number): string =>
  `${shownUrl} status(${status ?? "None"}) ${attempt === undefined ? "" : `attempts(${attempt}) `}${problem}`

/** The pause before the second attempt. It doubles with each further one. */
const firstPause = Duration.millis(200)

/** The endpoint of a URL and the part before it: only requests to Statsig's own paths are measured. */
const endpoint = /^(https?:\/\/.*?)(\/v[0-9]+\/(?:download_config_specs|get_id_lists|download_id_list_file))(?:[/?#]|$)/

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** As many as the official SDK follows. */
const mostRedirects = 10

/** Makes the requests of one part of an instance. */
export class Requester {
  /** Masks secrets in a text. */
  readonly mask: (text: string) => string
  readonly #executeUntraced: ExecuteUntraced
  readonly #key: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(
    client: HttpClient.HttpClient,
    readonly observe: Observe,
    { sdkKey, serviceName }: Pick<StatsigOptions, "sdkKey" | "serviceName">
  ) {
    this.mask = masking(sdkKey)
    this.#executeUntraced = withoutTraces(client)
    this.#key = Redacted.value(sdkKey)
    this.#headers = { accept: "*/*", ...sdkHeaders(serviceName) }
  }

  /**
   * Makes a request and reads its response. A failed attempt is retried, if the request allows it and it can help,
   * after 200, 400, 800 ms and so on, unless the server sets the time (`Retry-After`).
   */
  ask<A>(asked: Ask, read: ReadAnswer<A>): Effect.Effect<A, RequestFailure> {
    return Effect.flatMap(Clock.currentTimeMillis, now => {
      const request = HttpClientRequest.setHeaders(asked.request, {
        ...this.#headers,
        ...(asked.sendsKey === false ? {} : { "statsig-api-key": this.#key }),
        "statsig-client-time": String(now)
      })
      return this.#attempt({ ...asked, request }, read, 1)
    })
  }

  #attempt<A>(asked: Ask, read: ReadAnswer<A>, attempt: number): Effect.Effect<A, RequestFailure> {
    const { attempts = 1 } = asked
    return Effect.catchIf(
      this.#sendAsStep(asked, read, attempt),
      failure => attempt < attempts && mayPass(failure) && (failure.retryAfter ?? 0) === 0,
      ({ message }) => {
        const pause = Duration.times(firstPause, 2 ** (attempt - 1))
        const told = `Attempt ${attempt} of ${attempts} failed, the next is in ${Duration.toMillis(pause)} ms: ${message}`
        return Effect.logDebug(told).pipe(
          Effect.andThen(Effect.sleep(pause)),
          Effect.andThen(this.#attempt(asked, read, attempt + 1))
        )
      }
    )
  }

  /** Diagnostics and metrics report the result. */
  #sendAsStep<A>(asked: Ask, read: ReadAnswer<A>, attempt: number): Effect.Effect<A, RequestFailure> {
    const { shownUrl, step: key } = asked
    if (key === undefined) return this.#send(asked, read, attempt, () => {})
    return Effect.flatMap(Clock.currentTimeMillis, started => {
      let response: HttpClientResponse.HttpClientResponse | undefined
      const answered = (answer: HttpClientResponse.HttpClientResponse) => {
        response = answer
      }
      const step = { key, step: "network_request", url: withoutQuery(shownUrl), attempt: attempt - 1 } as const
      return mark({ ...step, action: "start" }).pipe(
        Effect.zipRight(this.#send(asked, read, attempt, answered)),
        Effect.onExit(exit => mark({ ...step, action: "end", ...outcomeOfStep(exit, response) })),
        Effect.tapBoth({
          onSuccess: () => this.#measure(asked, started, response?.status, true),
          onFailure: ({ status }) => this.#measure(asked, started, status, false)
        })
      )
    })
  }

  #measure({ deltasUsed, fileID, request }: Ask, started: number, status: number | undefined, isSuccess: boolean) {
    return Effect.map(Clock.currentTimeMillis, now => {
      const [, service, path] = endpoint.exec(request.url) ?? []
      if (service === undefined || path === undefined) return
      this.observe(client =>
        client.distribution("statsig.sdk.network_request.latency", now - started, {
          request_path: path,
          source_service: service,
          status_code: status === undefined ? "none" : String(status),
          is_success: String(isSuccess),
          sdk_key: this.#key.slice(0, sdkKeyShown),
          deltas_used: String(deltasUsed === true),
          ...(fileID === undefined ? {} : { id_list_file_id: fileID })
        })
      )
    })
  }

  #send<A>(
    { accepts, attempts, request, shownUrl, timeout }: Ask,
    read: ReadAnswer<A>,
    attempt: number,
    answered: (response: HttpClientResponse.HttpClientResponse) => void
  ): Effect.Effect<A, RequestFailure> {
    const fail: Fail = (reason, text, status, retryAfter) => {
      const problem = this.mask(text)
      const message = describeFailure(shownUrl, problem, status, attempts && attempt)
      return new RequestFailure({ reason, problem, message, status, retryAfter })
    }
    return this.#follow(request, fail).pipe(
      Effect.flatMap(response => {
        answered(response)
        const { status } = response
        const isGood = (status >= 200 && status <= 299) || status === accepts
        return isGood ? read(response, fail) : refuseStatus(response, fail)
      }),
      Effect.scoped,
      Effect.catchTags({
        RequestError: error => fail("Transport", causesOf(error)),
        ResponseError: error => fail("Transport", causesOf(error), error.response.status)
      }),
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () => fail("Timeout", `no whole answer within ${Duration.toMillis(timeout)} ms`)
      })
    )
  }

  /** Sends a request and follows redirects, up to ten. */
  #follow(
    request: HttpClientRequest.HttpClientRequest,
    fail: Fail,
    current = request,
    followed = 0
  ): Effect.Effect<
    HttpClientResponse.HttpClientResponse,
    HttpClientError.HttpClientError | RequestFailure,
    Scope.Scope
  > {
    return Effect.flatMap(this.#execute(current), response => {
      const { status } = response
      const location = redirects.has(status) ? response.headers["location"] : undefined
      if (location === undefined) return Effect.succeed(response)
      const next = followed < mostRedirects ? this.#redirect(request, current, status, location) : "too many redirects"
      if (typeof next !== "string") return this.#follow(request, fail, next, followed + 1)
      return fail("Status", `the redirect to ${location.slice(0, errorBodyShown)} is refused: ${next}`, status)
    })
  }

  /**
   * The request after a redirect, or why there is none. The SDK key stays with its origin: other origins do not receive
   * the key header. A URL that contains the key is refused, and so is an unencrypted one after an encrypted one. A 301,
   * 302 or 303 of a request with a body is refused too: it asks for a `GET`, which would lose the body.
   */
  #redirect(
    { body, headers, method, url }: HttpClientRequest.HttpClientRequest,
    current: HttpClientRequest.HttpClientRequest,
    status: number,
    location: string
  ): HttpClientRequest.HttpClientRequest | string {
    if (!URL.canParse(location, current.url)) return "no address"
    const { href, origin, protocol } = new URL(location, current.url)
    if (httpUrl(href) === undefined) return "neither http nor https"
    if (protocol === "http:" && new URL(current.url).protocol === "https:") return "it is not encrypted"
    const isAtHome = origin === new URL(url).origin
    if (!isAtHome && this.#isIn(href)) return "another host would learn the SDK key"
    if (method !== "GET" && status !== 307 && status !== 308) return "it would lose the body"
    return HttpClientRequest.make(method)(href, {
      headers: isAtHome ? headers : Headers.remove(headers, "statsig-api-key"),
      body
    })
  }

  /** Whether a URL contains the SDK key. */
  #isIn(url: string): boolean {
    const key = this.#key.trim()
    return key !== "" && (url.includes(key) || url.includes(encodeURIComponent(key)))
  }

  /** Logs the response and its duration at level debug. */
  #execute(request: HttpClientRequest.HttpClientRequest) {
    return Effect.flatMap(Clock.currentTimeMillis, started =>
      Effect.onExit(this.#executeUntraced(request), exit =>
        Effect.flatMap(Clock.currentTimeMillis, now => {
          const outcome = Exit.match(exit, {
            onSuccess: ({ status }) => `status(${status})`,
            onFailure: cause => (Cause.isInterruptedOnly(cause) ? "given up" : "no answer")
          })
          const shown = `${request.method} ${this.mask(withoutQuery(request.url))}`
          return Effect.logDebug(`${shown} ${outcome} in ${now - started} ms`)
        })
      )
    )
  }
}

const outcomeOfStep = (
  exit: Exit.Exit<unknown, RequestFailure>,
  response: HttpClientResponse.HttpClientResponse | undefined
): Partial<Marker> => {
  const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
  const code = String(response?.status ?? "None")
  return {
    success: Exit.isSuccess(exit),
    statusCode: response?.status,
    contentType: response?.headers["content-type"],
    sdkRegion: response?.headers["x-statsig-region"],
    error: failure && { name: "NetworkError", message: failure.problem, code }
  }
}

const refuseStatus = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse, fail: Fail) {
  const { headers, status } = response
  const problem = describeStatus(status, yield* readUpTo(response, errorBodyShown))
  return yield* fail("Status", problem, status, retryAfter(headers, yield* Clock.currentTimeMillis))
})

/** Makes the requests of one part of an instance, with the HTTP client of the context. */
export const requester = (options: Pick<StatsigOptions, "sdkKey" | "serviceName">) =>
  Effect.zipWith(HttpClient.HttpClient, observer, (client, observe) => new Requester(client, observe, options))
