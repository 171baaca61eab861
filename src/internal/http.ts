/**
 * What requests to Statsig have in common, whatever they carry.
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { concat } from "./payload.js"

/**
 * A client whose requests are not traced and carry no trace headers: both would hold the SDK key.
 *
 * @internal
 */
export const withoutTraces = (client: HttpClient.HttpClient) =>
  client.pipe(
    HttpClient.withTracerPropagation(false),
    HttpClient.withTracerDisabledWhen(() => true),
    HttpClient.withScope
  )

/**
 * Statuses that say the request itself is wrong or not welcome: to repeat it is of no use.
 *
 * @internal
 */
export const neverRepeated: ReadonlySet<number> = new Set([400, 403, 405, 413, 429, 501])

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** As many as the official SDK follows. */
const mostRedirects = 10

/**
 * A redirect that is not followed. `message` says why, and where it leads.
 *
 * @internal
 */
export class RedirectError extends Data.TaggedError("RedirectError")<{
  readonly message: string
  readonly status: number
}> {}

/**
 * Sends a request and follows redirects, up to ten. The SDK key stays with the origin that it was sent to: elsewhere the
 * request goes without the header of the key, and an address that holds the key, or one that is not encrypted after one
 * that is, is refused. The scope of the answer is the caller's.
 *
 * @internal
 */
export const executeWithRedirects = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>,
  request: HttpClientRequest.HttpClientRequest,
  key: string
) {
  const first = new URL(request.url)
  let current = request
  for (let followed = 0; ; followed++) {
    const response = yield* client.execute(current)
    const { status } = response
    const location = response.headers["location"]
    if (!redirects.has(status) || location === undefined) return response
    const refuse = (why: string) =>
      new RedirectError({ status, message: `the redirect to ${location.slice(0, errorBodyShown)} is refused: ${why}` })
    if (followed === mostRedirects) return yield* refuse("too many redirects")
    if (!URL.canParse(location, current.url)) return yield* refuse("no address")
    const next = new URL(location, current.url)
    const isHttp = next.protocol === "http:" || next.protocol === "https:"
    if (!isHttp) return yield* refuse("neither http nor https")
    if (next.protocol === "http:" && new URL(current.url).protocol === "https:") {
      return yield* refuse("it is not encrypted")
    }
    const isAtHome = next.origin === first.origin
    if (!isAtHome && holds(next.href, key)) return yield* refuse("another host would learn the SDK key")
    const isRead = current.method === "GET" || (status !== 307 && status !== 308)
    const kept = isAtHome ? request.headers : Headers.remove(request.headers, "statsig-api-key")
    const redirected = HttpClientRequest.get(next.href, { headers: kept })
    current = isRead
      ? redirected
      : redirected.pipe(HttpClientRequest.setMethod(current.method), HttpClientRequest.setBody(current.body))
  }
})

const holds = (url: string, key: string): boolean =>
  key.trim() !== "" && (url.includes(key.trim()) || url.includes(encodeURIComponent(key.trim())))

/**
 * How much of the body of an error is read and shown, in bytes.
 *
 * @internal
 */
export const errorBodyShown = 1_000

/**
 * The body, of which no more is read than makes it longer than `limit` bytes.
 *
 * @internal
 */
export const readBody = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> => {
  // A stream costs more than all else that is done for a short answer.
  if (isShort(response, limit)) return Effect.map(response.arrayBuffer, bytes => new Uint8Array(bytes))
  const parts: Array<Uint8Array> = []
  const read = Stream.runFoldWhile(
    response.stream,
    0,
    size => size <= limit,
    (size, part) => {
      parts.push(part)
      return size + part.length
    }
  )
  const orNothing = Effect.catchIf(
    read,
    error => error.reason === "EmptyBody",
    () => Effect.succeed(0)
  )
  return Effect.flatMap(orNothing, size => concat(parts, size))
}

/** Answers up to this length, in bytes, are read at once, if they tell it. */
const longestAtOnce = 64 * 1024

/** Whether the answer itself says that it is short; what is encoded may grow. */
const isShort = ({ headers }: HttpClientResponse.HttpClientResponse, limit: number): boolean => {
  const length = headers["content-length"]
  return (
    length !== undefined &&
    headers["content-encoding"] === undefined &&
    Number(length) <= Math.min(limit, longestAtOnce)
  )
}

const statusTexts = new Map([
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [408, "Request Timeout"],
  [500, "Internal Server Error"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"]
])

/**
 * What a status that is not 2xx means, in the official SDK's words: a body that is not ASCII counts as empty.
 *
 * @internal
 */
export const describeStatus = (status: number, body: Uint8Array): string => {
  const text = new TextDecoder().decode(body.subarray(0, errorBodyShown))
  const shown = /^[\x00-\x7f]*$/.test(text) ? text : ""
  const known = statusTexts.get(status)
  if (known === undefined) return `HTTP Error ${status}: ${shown}`
  return shown === "" ? known : `${known}: ${shown}`
}

/**
 * What went wrong below: `fetch` says little itself and much in its causes.
 *
 * @internal
 */
export const causesOf = ({ cause, message }: HttpClientError.HttpClientError): string => {
  const messages: Array<string> = []
  for (let current = cause; current instanceof Error && messages.length < 5; current = current.cause) {
    const { code } = current as { readonly code?: unknown }
    messages.push(current.message || (typeof code === "string" ? code : current.name))
  }
  return messages.join(": ") || message
}
