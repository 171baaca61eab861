/**
 * How HTTP responses are interpreted, whatever they contain, and how their bodies are read.
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { concat } from "./payload.js"

/** Makes requests that are not traced and carry no trace headers. The body may be read until the scope closes. */
export type ExecuteUntraced = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError, Scope.Scope>

const untrace = (client: HttpClient.HttpClient): ExecuteUntraced =>
  client.pipe(
    HttpClient.withTracerPropagation(false),
    HttpClient.withTracerDisabledWhen(() => true),
    HttpClient.withScope
  ).execute

/** Instances share clients and what is derived from them. */
const untraced = new WeakMap<HttpClient.HttpClient, ExecuteUntraced>()

/** A client of this package has a shorter way, which it sets here. */
export const provideUntraced = (client: HttpClient.HttpClient, execute: ExecuteUntraced): void => {
  untraced.set(client, execute)
}

/** Requests of a client without traces and trace headers: both would contain the SDK key. */
export const withoutTraces = (client: HttpClient.HttpClient): ExecuteUntraced => {
  const made = untraced.get(client) ?? untrace(client)
  untraced.set(client, made)
  return made
}

/** Statuses that mean the request itself is wrong or rejected: repeating it is useless. */
export const neverRepeated: ReadonlySet<number> = new Set([400, 403, 405, 413, 429, 501])

/** Whether the same request may succeed later, or elsewhere. */
export const mayPass = ({ reason, status }: { readonly reason: string; readonly status?: number | undefined }) =>
  reason === "Transport" || reason === "Timeout" || (reason === "Status" && !neverRepeated.has(status ?? 0))

/** The URL, if it is an absolute one of http or https. */
export const httpUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined
}

/** A URL that is safe to show: queries may hold secrets. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, "")

/** How much of an error response's body is read and shown, in bytes. */
export const errorBodyShown = 1_000

/** The parts that were read of a body, and their size in bytes. */
export interface BodyParts {
  readonly parts: ReadonlyArray<Uint8Array>
  readonly size: number
}

/**
 * An HTTP client of this package can return this instead of a `Response`: a body that is read without an Effect stream,
 * which takes longer than all other work on a response.
 */
export interface BoundedBody {
  /** Reads the body, and stops once there are more bytes than that. */
  readonly readAtMost: (bytes: number) => Promise<BodyParts>
}

/** Effect keeps the client's `Response` in this member. */
const boundedBody = (response: HttpClientResponse.HttpClientResponse): BoundedBody | undefined => {
  const { source } = response as { readonly source?: Partial<BoundedBody> }
  return typeof source?.readAtMost === "function" ? (source as BoundedBody) : undefined
}

/** The body; reading stops once it is longer than `limit` bytes. */
export const readUpTo = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> =>
  Effect.flatMap(readParts(response, limit), ({ parts, size }) => concat(parts, size))

/** The body, or `undefined` if it has more than `limit` bytes: then the parts are not joined. */
export const readWithin = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Uint8Array | undefined, HttpClientError.ResponseError> =>
  Effect.flatMap(readParts(response, limit), ({ parts, size }) =>
    size > limit ? Effect.succeed(undefined) : concat(parts, size)
  )

const readParts = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<BodyParts, HttpClientError.ResponseError> => {
  const bounded = boundedBody(response)
  if (bounded !== undefined) {
    return Effect.tryPromise({
      try: () => bounded.readAtMost(limit),
      catch: cause => new ResponseError({ request: response.request, response, reason: "Decode", cause })
    })
  }
  // A stream costs more than all other work on a short response.
  if (isShort(response, limit)) {
    return Effect.map(response.arrayBuffer, bytes => ({ parts: [new Uint8Array(bytes)], size: bytes.byteLength }))
  }
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
  return Effect.map(orNothing, size => ({ parts, size }))
}

/** Responses up to this length, in bytes, are read at once if they declare it. */
const longestAtOnce = 64 * 1024

/** Whether the response declares that it is short; an encoded one may grow. */
const isShort = ({ headers }: HttpClientResponse.HttpClientResponse, limit: number): boolean => {
  const length = headers["content-length"]
  return (
    length !== undefined &&
    headers["content-encoding"] === undefined &&
    Number(length) <= Math.min(limit, longestAtOnce)
  )
}

/** The longest wait that a server may request, in milliseconds: ten minutes. It bounds the harm of a wrong header. */
export const longestRetryAfter = 10 * 60 * 1_000

/** The three forms of an HTTP date (RFC 9110, 5.6.7). `Date.parse` alone would also accept "1.5". */
const httpDate = /^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d/

/**
 * How long the server asks to wait before the next request, in milliseconds from `now`: the header `Retry-After`, in
 * seconds or as a date. It is at most `longestRetryAfter`, and 0 for a date in the past. `undefined` when the header is
 * missing or neither of them.
 */
export const retryAfter = (headers: Headers.Headers, now: number): number | undefined => {
  const text = headers["retry-after"]?.trim()
  if (text === undefined) return undefined
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : httpTime(text) - now
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestRetryAfter)
}

/** All HTTP dates are in GMT, even the form that does not say so. */
const httpTime = (text: string): number =>
  httpDate.test(text) ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) : Number.NaN

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

/** The message for a status that is not 2xx, in the official SDK's words: a body that is not ASCII counts as empty. */
export const describeStatus = (status: number, body: Uint8Array): string => {
  const text = new TextDecoder().decode(body.subarray(0, errorBodyShown))
  const shown = /^[\x00-\x7f]*$/.test(text) ? text : ""
  const known = statusTexts.get(status)
  if (known === undefined) return `HTTP Error ${status}: ${shown}`
  return shown === "" ? known : `${known}: ${shown}`
}

/** The underlying causes: `fetch` itself says little, its causes much. */
export const causesOf = ({ cause, message }: HttpClientError.HttpClientError): string => {
  const messages: Array<string> = []
  for (let current = cause; current instanceof Error && messages.length < 5; current = current.cause) {
    const { code } = current as { readonly code?: unknown }
    messages.push(current.message || (typeof code === "string" ? code : current.name))
  }
  return messages.join(": ") || message
}
