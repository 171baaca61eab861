/**
 * Sends events to Statsig's network, or to a proxy with its protocol: one `POST` per batch, compressed.
 *
 * A batch has arrived when the response is 2xx and a JSON object without `"success": false`; any other response is an
 * error that says whether the same batch may be sent again. There are no retries here. Redirects of status 307 and 308
 * are followed, to other origins without the SDK key. The body is compressed off the event loop: with zstd if the
 * runtime has it, else with gzip. A runtime that cannot compress, such as Vercel's Edge Runtime, sends it as it is.
 *
 * @since 0.1.0
 */
import type * as Zlib from "node:zlib"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { EventSink, type Sink } from "../../src/EventSink.js"
import { httpUrl, mayPass, readUpTo } from "../../src/internal/http.js"
import { describeFailure, type ReadAnswer, requester } from "../../src/internal/request.js"
import { EventSinkError } from "../../src/StatsigError.js"
import { defaultLogEventUrl, type StatsigOptions } from "../../src/StatsigOptions.js"

/**
 * Options of the sink.
 *
 * @since 0.1.0
 */
export interface HttpOptions extends Pick<StatsigOptions, "logEventUrl" | "sdkKey" | "serviceName"> {}

const requestTimeout = Duration.seconds(10)

/** A response is a few words; a longer one, in bytes, is invalid. */
const longestAnswer = 64 * 1024

const LogEventAnswer = Schema.parseJson(Schema.Struct({ success: Schema.optional(Schema.NullOr(Schema.Boolean)) }))

const decodeAnswer = Schema.decodeUnknown(LogEventAnswer)

interface Compression {
  /** `undefined` for a body as it is. */
  readonly encoding: "zstd" | "gzip" | undefined
  readonly compress: (body: Uint8Array) => Promise<Uint8Array>
}

type Compress = (body: Uint8Array, done: (error: Error | null, bytes: Uint8Array) => void) => void

/**
 * The lowest level: events are so similar that a higher one saves a tenth at most. Each chunk of the output, in bytes,
 * is a task for the threads of `node:zlib`, and a full batch fits into one.
 */
const gzipOptions = { level: 1, chunkSize: 128 * 1024 }

/** `node:zlib` has its own threads. It has zstd from Node 22.15 on; elsewhere the module may be missing. */
const findCompression = async (): Promise<Compression> => {
  const { gzip, zstdCompress }: Partial<Pick<typeof Zlib, "gzip">> & { readonly zstdCompress?: Compress } =
    await import("node:zlib").catch(() => ({}))
  const inZlib = (run: Compress) => (body: Uint8Array) =>
    new Promise<Uint8Array>((resolve, reject) =>
      run(body, (error, bytes) => (error === null ? resolve(bytes) : reject(error)))
    )
  if (zstdCompress !== undefined) return { encoding: "zstd", compress: inZlib(zstdCompress) }
  if (gzip === undefined) return "CompressionStream" in globalThis ? asStream : asItIs
  return { encoding: "gzip", compress: inZlib((body, done) => gzip(body, gzipOptions, done)) }
}

/** Shared by the whole process. */
let compression: Promise<Compression> | undefined

const asStream: Compression = {
  encoding: "gzip",
  compress: async body => {
    const compressed = new Blob([body as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"))
    return new Uint8Array(await new Response(compressed).arrayBuffer())
  }
}

const asItIs: Compression = { encoding: undefined, compress: async body => body }

/**
 * Makes the sink. A request times out after 10 seconds.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const requests = yield* requester(options)
  const { mask } = requests
  const given = options.logEventUrl ?? ""
  const url = given === "" || given.toLowerCase() === "null" ? defaultLogEventUrl : given
  const shownUrl = mask(url)
  const broken = (problem: string, retryable: boolean) =>
    new EventSinkError({ reason: "Failed", message: describeFailure(shownUrl, mask(problem), undefined, 1), retryable })

  const send: Sink["send"] = Effect.fnUntraced(function* ({ body, eventCount, retries }) {
    if (httpUrl(url) === undefined) {
      return yield* broken(`logEventUrl: expected an absolute http or https URL, got ${JSON.stringify(url)}`, false)
    }
    const { compress, encoding } = yield* Effect.promise(() => (compression ??= findCompression()))
    const bytes = yield* Effect.tryPromise({
      try: () => compress(body),
      catch: error => broken(`cannot compress the events: ${error}`, true)
    })
    const request = HttpClientRequest.post(url, {
      headers: {
        "accept-encoding": "gzip, br",
        ...(encoding !== undefined && { "content-encoding": encoding }),
        "statsig-event-count": String(eventCount),
        "statsig-retry-count": String(retries)
      }
    }).pipe(HttpClientRequest.bodyUint8Array(bytes, "application/json"))
    yield* Effect.mapError(
      requests.ask({ request, shownUrl, timeout: requestTimeout, attempts: 1 }, readAnswer),
      failure => {
        const { message, reason, retryAfter: retryAfterMillis, status } = failure
        // Unlike the official package: a rate-limiting server accepts the events later.
        const retryable = reason === "Unusable" || status === 429 || mayPass(failure)
        const refused = reason === "Unusable" ? "Refused" : reason
        return new EventSinkError({ reason: refused, message, status, retryable, retryAfterMillis })
      }
    )
  })

  return EventSink.of({ send, releasesBody: true })
})

const readAnswer: ReadAnswer<void> = Effect.fnUntraced(function* (response, fail) {
  const { status } = response
  const text = new TextDecoder().decode(yield* readUpTo(response, longestAnswer))
  const { success } = yield* Effect.mapError(decodeAnswer(text), () =>
    fail("Unusable", "expected a JSON object as the answer", status)
  )
  if (success === false) return yield* fail("Unusable", "the answer says success: false", status)
})

/**
 * The network as the sink.
 *
 * @since 0.1.0
 */
export const layer = (options: HttpOptions): Layer.Layer<EventSink, never, HttpClient.HttpClient> =>
  Layer.effect(EventSink, make(options))
