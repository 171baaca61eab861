/**
 * What answers over HTTP mean, whatever they carry, and how their bodies are read.
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { concat } from "./payload.js"

const untrace = (client: HttpClient.HttpClient) =>
  client.pipe(
    HttpClient.withTracerPropagation(false),
    HttpClient.withTracerDisabledWhen(() => true),
    HttpClient.withScope
  )

/** Instances share clients, and what is made of them. */
const untraced = new WeakMap<HttpClient.HttpClient, ReturnType<typeof untrace>>()

/** A client whose requests are not traced and carry no trace headers: both would hold the SDK key. */
export const withoutTraces = (client: HttpClient.HttpClient): ReturnType<typeof untrace> => {
  const made = untraced.get(client) ?? untrace(client)
  untraced.set(client, made)
  return made
}

/** Statuses that say the request itself is wrong or not welcome: to repeat it is of no use. */
export const neverRepeated: ReadonlySet<number> = new Set([400, 403, 405, 413, 429, 501])

/** Whether the same request may succeed later, or elsewhere. */
export const mayPass = ({ reason, status }: { readonly reason: string; readonly status?: number | undefined }) =>
  reason === "Transport" || reason === "Timeout" || (reason === "Status" && !neverRepeated.has(status ?? 0))

/** The URL, if it is an absolute one of http or https. */
export const httpUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined
}

/** A URL as it may be shown: queries may hold secrets. */
export const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, "")

/** How much of the body of an error is read and shown, in bytes. */
export const errorBodyShown = 1_000

/** What was read of a body, and how many bytes that is. */
interface BodyParts {
  readonly parts: ReadonlyArray<Uint8Array>
  readonly size: number
}

/**
 * What an HTTP client of this package can give in place of a `Response`: a body that is read without an Effect stream,
 * which takes more time than everything else that is done for an answer.
 */
export interface BoundedBody {
  /** Reads the body, and stops as soon as there are more bytes than that. */
  readonly readAtMost: (bytes: number) => Promise<BodyParts>
}

/** Effect keeps the `Response` that a client gave in this member. */
const boundedBody = (response: HttpClientResponse.HttpClientResponse): BoundedBody | undefined => {
  const { source } = response as { readonly source?: Partial<BoundedBody> }
  return typeof source?.readAtMost === "function" ? (source as BoundedBody) : undefined
}

/** The body, of which no more is read than makes it longer than `limit` bytes. */
export const readUpTo = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> =>
  Effect.flatMap(readParts(response, limit), ({ parts, size }) => concat(parts, size))

/** The body, or `undefined` if it has more than `limit` bytes: what is too long is not put together. */
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
  // A stream costs more than all else that is done for a short answer.
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

/** The longest wait that a server may ask for, in milliseconds: ten minutes. It bounds the harm of a wrong header. */
export const longestRetryAfter = 10 * 60 * 1_000

/** The three forms of a date in HTTP (RFC 9110, 5.6.7). `Date.parse` alone would also take "1.5" for one. */
const httpDate = /^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d/

/**
 * How long the server asks to wait before the next request, in milliseconds from `now`: the header `Retry-After`, in
 * seconds or as a date. It is never longer than `longestRetryAfter`, and 0 for a date in the past. `undefined` when the
 * answer has no such header, or one that is neither.
 */
export const retryAfter = (headers: Headers.Headers, now: number): number | undefined => {
  const text = headers["retry-after"]?.trim()
  if (text === undefined) return undefined
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : httpTime(text) - now
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestRetryAfter)
}

/** All dates in HTTP are in GMT, also the one form that does not say so. */
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

/** What a status that is not 2xx means, in the official SDK's words: a body that is not ASCII counts as empty. */
export const describeStatus = (status: number, body: Uint8Array): string => {
  const text = new TextDecoder().decode(body.subarray(0, errorBodyShown))
  const shown = /^[\x00-\x7f]*$/.test(text) ? text : ""
  const known = statusTexts.get(status)
  if (known === undefined) return `HTTP Error ${status}: ${shown}`
  return shown === "" ? known : `${known}: ${shown}`
}

/** What went wrong below: `fetch` says little itself and much in its causes. */
export const causesOf = ({ cause, message }: HttpClientError.HttpClientError): string => {
  const messages: Array<string> = []
  for (let current = cause; current instanceof Error && messages.length < 5; current = current.cause) {
    const { code } = current as { readonly code?: unknown }
    messages.push(current.message || (typeof code === "string" ? code : current.name))
  }
  return messages.join(": ") || message
}
