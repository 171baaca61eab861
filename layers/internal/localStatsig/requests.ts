/**
 * The requests that a local Statsig receives.
 */
import type { RequestError } from "@effect/platform/HttpServerError"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/**
 * The endpoints of Statsig: specs, the manifest of ID lists, one list's file, posted events.
 *
 * @since 0.1.0
 */
export type Endpoint = "specs" | "idListManifest" | "idListFile" | "logEvent"

/**
 * One request, recorded before the response.
 *
 * @since 0.1.0
 */
export interface ReceivedRequest {
  /** `undefined` for an unknown path or method. */
  readonly endpoint: Endpoint | undefined
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Decoded once. */
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body as sent, thus compressed. For one that is too long, at most the announced size. */
  readonly bodySize: number
  /** Epoch milliseconds by the `Clock` of the layer. */
  readonly time: number
}

/** The largest request body that is kept, in bytes. */
export const maxBody = 64 * 1024 * 1024
const maxRequests = 10_000

/**
 * The body of a request; `undefined` as soon as it turns out to be too long. The rest of it is read and discarded, so
 * that the client can read its response.
 */
export const readRequestBody = Effect.fnUntraced(function* (incoming: HttpServerRequest.HttpServerRequest) {
  if (incoming.method === "GET") return new Uint8Array()
  if (Number(incoming.headers["content-length"] ?? 0) > maxBody) return undefined
  const read = yield* Deferred.make<Uint8Array | undefined, RequestError>()
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(incoming.stream, part =>
    Effect.suspend(() => {
      size += part.length
      if (size <= maxBody) parts.push(part)
      else parts.length = 0
      return size <= maxBody ? Effect.void : Deferred.succeed(read, undefined)
    })
  ).pipe(
    Effect.map(() => (size <= maxBody ? Buffer.concat(parts) : undefined)),
    Effect.intoDeferred(read),
    Effect.forkDaemon
  )
  return yield* Deferred.await(read)
})

/** The path under which files of ID lists are served. */
export const filePath = "/v1/download_id_list_file/"

/** The method and the path of each endpoint. */
const routes: ReadonlyArray<readonly [Endpoint, RegExp]> = [
  ["specs", /^GET \/v2\/download_config_specs\/.*\.json$/],
  ["idListManifest", /^(GET|POST) \/v1\/get_id_lists(\/.*\.json)?$/],
  ["idListFile", new RegExp(`^GET ${filePath}`)],
  ["logEvent", /^POST \/v1\/log_event$/]
]

/** Records a request, before the response. */
export const requestOf = (incoming: HttpServerRequest.HttpServerRequest, body: Uint8Array | undefined) =>
  Effect.map(Clock.currentTimeMillis, (time): ReceivedRequest => {
    const { headers, method, url } = incoming
    const [path = ""] = url.split("?", 1)
    return {
      endpoint: routes.find(([, pattern]) => pattern.test(`${method} ${path}`))?.[0],
      method,
      path,
      query: Object.fromEntries(new URLSearchParams(url.slice(path.length))),
      headers: { ...headers },
      bodySize: body?.length ?? Number(headers["content-length"] ?? maxBody),
      time
    }
  })

/** The last requests, and those of each endpoint that were not taken yet. */
export class RequestLog {
  readonly #kept: Array<ReceivedRequest> = []
  readonly #queues: Partial<Record<Endpoint, Queue.Queue<ReceivedRequest>>> = {}

  add(request: ReceivedRequest): void {
    this.#kept.push(request)
    if (this.#kept.length > maxRequests) this.#kept.shift()
    if (request.endpoint !== undefined) this.#notTaken(request.endpoint).unsafeOffer(request)
  }

  get all(): ReadonlyArray<ReceivedRequest> {
    return [...this.#kept]
  }

  take(endpoint: Endpoint, count: number): Effect.Effect<ReadonlyArray<ReceivedRequest>> {
    return Effect.map(Queue.takeN(this.#notTaken(endpoint), count), Chunk.toReadonlyArray)
  }

  #notTaken(endpoint: Endpoint): Queue.Queue<ReceivedRequest> {
    this.#queues[endpoint] ??= Effect.runSync(Queue.sliding(maxRequests))
    return this.#queues[endpoint]
  }
}
