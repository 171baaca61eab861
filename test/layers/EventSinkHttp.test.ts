import type { RequestListener } from "node:http"
import { gunzipSync, gzipSync } from "node:zlib"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, TestClock } from "effect"
import { decompress } from "fzstd"
import * as Http from "../../layers/EventSink/Http.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import type { EventBatch } from "../../src/EventSink.js"
import { sdkType, sdkVersion, sessionID } from "../../src/internal/sdkInfo.js"
import { EventSinkError } from "../../src/StatsigError.js"
import { serve } from "./support/server.js"

const key = "secret-testkey1234567890"
const masked = "secret-testk*****"
const sdkKey = Redacted.make(key)
const defaultUrl = "https://prodregistryv2.org/v1/log_event"

const text = '{"events":[{"eventName":"größe 🦊"}],"statsigMetadata":{}}'

const batch: EventBatch = {
  body: new TextEncoder().encode(text),
  eventCount: 1,
  retries: 0
}

/** A client that responds as `answer` says and keeps its requests. */
const stubClient = (answer: () => Effect.Effect<Response>) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make(request =>
    Effect.suspend(() => {
      requests.push(request)
      return Effect.map(answer(), response => HttpClientResponse.fromWeb(request, response))
    })
  )
  return { requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const answering = (status: number, body: string | null) =>
  stubClient(() => Effect.sync(() => new Response(body, { status })))

const send = (
  client: Layer.Layer<HttpClient.HttpClient>,
  options: Partial<Http.HttpOptions> = {},
  sent: EventBatch = batch
) => Effect.flatMap(Effect.provide(Http.make({ sdkKey, ...options }), client), sink => sink.send(sent))

const errorOf = (client: Layer.Layer<HttpClient.HttpClient>, options: Partial<Http.HttpOptions> = {}) =>
  Effect.flip(Effect.asVoid(send(client, options)))

/** The URL at which a test server receives events. */
const serveEvents = (listener: RequestListener) => Effect.map(serve(listener), url => `${url}/v1/log_event`)

const decoded = (encoding: string | undefined, body: Uint8Array): string =>
  new TextDecoder().decode(encoding === "zstd" ? decompress(body) : gunzipSync(body))

describe("EventSink/Http", () => {
  describe("request", () => {
    const urls: ReadonlyArray<readonly [given: string | undefined, url: string]> = [
      [undefined, defaultUrl],
      ["", defaultUrl],
      ["null", defaultUrl],
      ["NULL", defaultUrl],
      ["http://127.0.0.1:1/v1/log_event", "http://127.0.0.1:1/v1/log_event"],
      ["https://proxy.test/a?b=c&d", "https://proxy.test/a?b=c&d"],
      ["https://proxy.test", "https://proxy.test"]
    ]
    for (const [logEventUrl, url] of urls) {
      it.effect(`for ${logEventUrl} goes to ${url}`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(200, "{}")
          yield* send(layer, { logEventUrl })
          assert.deepStrictEqual(
            requests.map(request => [request.method, request.url]),
            [["POST", url]]
          )
        })
      )
    }

    it.scopedLive("carries the headers and the compressed body", () =>
      Effect.gen(function* () {
        const received = yield* Deferred.make<readonly [headers: Record<string, unknown>, body: Uint8Array]>()
        const logEventUrl = yield* serveEvents((request, response) => {
          const parts: Array<Buffer> = []
          request.on("data", part => parts.push(part))
          request.on("end", () => {
            Deferred.unsafeDone(received, Effect.succeed([request.headers, Buffer.concat(parts)]))
            response.writeHead(202).end('{"success":true}')
          })
        })
        const before = Date.now()
        yield* send(
          FetchClient.layer,
          { logEventUrl, serviceName: "shöp-api" },
          { ...batch, eventCount: 12, retries: 3 }
        )
        const [headers, body] = yield* Deferred.await(received)
        assert.deepInclude(headers, {
          accept: "*/*",
          "accept-encoding": "gzip, br",
          "content-type": "application/json",
          "content-length": String(body.length),
          "statsig-api-key": key,
          "statsig-event-count": "12",
          "statsig-retry-count": "3",
          "statsig-sdk-type": sdkType,
          "statsig-sdk-version": sdkVersion,
          "statsig-server-session-id": sessionID(),
          "x-request-service": "sh?p-api"
        })
        assert.notProperty(headers, "transfer-encoding")
        assert.notProperty(headers, "traceparent")
        const time = Number(headers["statsig-client-time"])
        assert.isTrue(time >= before && time <= Date.now())
        assert.strictEqual(decoded(headers["content-encoding"] as string, body), text)
      })
    )

    it.effect("names no service when none is set", () =>
      Effect.gen(function* () {
        const { layer, requests } = answering(200, "{}")
        yield* send(layer)
        assert.strictEqual(requests[0]?.headers["x-request-service"], "unknown")
      })
    )
  })

  describe("compression", () => {
    afterEach(() => {
      vi.doUnmock("node:zlib")
      vi.resetModules()
    })

    const sendWithZlib = (zlib: () => object) =>
      Effect.gen(function* () {
        vi.resetModules()
        vi.doMock("node:zlib", zlib)
        const { make } = yield* Effect.promise(() => import("../../layers/EventSink/Http.js"))
        const { layer, requests } = answering(200, "{}")
        const sink = yield* Effect.provide(make({ sdkKey }), layer)
        yield* sink.send(batch)
        const request = requests[0]
        const body = request?.body
        assert(request !== undefined && body?._tag === "Uint8Array")
        return { encoding: request.headers["content-encoding"], bytes: body.body }
      })

    it.live("is zstd where the runtime supports it", () =>
      Effect.gen(function* () {
        const zstdCompress = (body: Uint8Array, done: (error: null, bytes: Uint8Array) => void) =>
          setImmediate(() => done(null, Buffer.concat([Buffer.from("zstd of "), body])))
        const { bytes, encoding } = yield* sendWithZlib(() => ({ gzip: undefined, zstdCompress, default: {} }))
        assert.strictEqual(encoding, "zstd")
        assert.strictEqual(new TextDecoder().decode(bytes), `zstd of ${text}`)
      })
    )

    it.live("is gzip where the runtime has no zstd", () =>
      Effect.gen(function* () {
        const gzip = (body: Uint8Array, options: object, done: (error: null, bytes: Uint8Array) => void) =>
          setImmediate(() => done(null, gzipSync(body, options)))
        const { bytes, encoding } = yield* sendWithZlib(() => ({ gzip, zstdCompress: undefined, default: {} }))
        assert.strictEqual(encoding, "gzip")
        assert.strictEqual(new TextDecoder().decode(gunzipSync(bytes)), text)
      })
    )

    it.live("is gzip by the web's compression streams where there is no node:zlib", () =>
      Effect.gen(function* () {
        const { bytes, encoding } = yield* sendWithZlib(() => {
          throw new Error("no such module")
        })
        assert.strictEqual(encoding, "gzip")
        assert.strictEqual(new TextDecoder().decode(gunzipSync(bytes)), text)
      })
    )

    it.live("is none where the runtime has neither", () =>
      Effect.gen(function* () {
        const { CompressionStream } = globalThis
        Reflect.deleteProperty(globalThis, "CompressionStream")
        const { bytes, encoding } = yield* sendWithZlib(() => {
          throw new Error("no such module")
        })
        Object.assign(globalThis, { CompressionStream })
        assert.strictEqual(encoding, undefined)
        assert.strictEqual(new TextDecoder().decode(bytes), text)
      })
    )
  })

  describe("response", () => {
    const accepted: ReadonlyArray<readonly [status: number, body: string]> = [
      [200, '{"success":true}'],
      [202, '{"success":true}'],
      [200, "{}"],
      [299, ' { "success" : null , "more" : [1] } ']
    ]
    for (const [status, body] of accepted) {
      it.effect(`${status} ${body} is success`, () => send(answering(status, body).layer))
    }

    const refused: ReadonlyArray<string> = [
      "",
      "OK",
      "[]",
      "null",
      "true",
      '{"success":false}',
      '{"success":"yes"}',
      '{"success":1}',
      "{"
    ]
    for (const body of refused) {
      it.effect(`200 ${body} is a failure that may be retried`, () =>
        Effect.gen(function* () {
          const error = yield* errorOf(answering(200, body).layer)
          assert.deepInclude(error, { reason: "Refused", retryable: true, status: 200 })
        })
      )
    }

    it.effect("204 without a body is no success", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* errorOf(answering(204, null).layer)).reason, "Refused")
      })
    )

    it.effect("of any other status is an error, and five statuses are not retryable", () =>
      Effect.gen(function* () {
        const final: Array<number> = []
        for (let status = 300; status < 600; status++) {
          const error = yield* errorOf(answering(status, status === 304 ? null : '{"success":true}').layer)
          assert.deepInclude(error, { reason: "Status", status })
          if (!error.retryable) final.push(status)
        }
        assert.deepStrictEqual(final, [400, 403, 405, 413, 501])
      })
    )

    it.effect("reports the delay that the server asks for, whatever its status", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.parse("1994-11-06T08:49:07Z"))
        const waits: ReadonlyArray<readonly [header: string | undefined, millis: number | undefined]> = [
          ["2", 2_000],
          ["Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
          ["86400", 600_000],
          ["soon", undefined],
          [undefined, undefined]
        ]
        for (const status of [429, 503]) {
          for (const [header, millis] of waits) {
            const headers: Record<string, string> = header === undefined ? {} : { "retry-after": header }
            const client = stubClient(() => Effect.sync(() => new Response("", { status, headers })))
            const error = yield* errorOf(client.layer)
            assert.deepInclude(error, { status, retryable: true, retryAfterMillis: millis })
          }
        }
      })
    )

    const messages: ReadonlyArray<readonly [status: number, body: string, text: string]> = [
      [500, '{"error":"x"}', 'Internal Server Error: {"error":"x"}'],
      [429, "", "HTTP Error 429: "],
      [418, "teapot", "HTTP Error 418: teapot"],
      [403, "größe", "Forbidden"],
      [400, `no such key ${key}`, `Bad Request: no such key ${masked}`]
    ]
    for (const [status, body, text] of messages) {
      it.effect(`${status} ${body} is reported as: ${text}`, () =>
        Effect.gen(function* () {
          const { message } = yield* errorOf(answering(status, body).layer)
          assert.strictEqual(message, `${defaultUrl} status(${status}) attempts(1) ${text}`)
        })
      )
    }

    it.scopedLive("that does not end is not read to its end", () =>
      Effect.gen(function* () {
        let written = 0
        const logEventUrl = yield* serveEvents((request, response) => {
          request.resume()
          response.writeHead(200)
          const more = () => {
            while (!response.destroyed && response.write("x".repeat(10_000))) written++
            response.once("drain", more)
          }
          more()
        })
        assert.strictEqual((yield* errorOf(FetchClient.layer, { logEventUrl })).reason, "Refused")
        assert.isBelow(written, 2_000)
      })
    )
  })

  describe("a redirect", () => {
    interface Arrival {
      readonly method: string | undefined
      readonly path: string | undefined
      readonly key: unknown
      readonly text: string
    }

    /** A server that redirects its first path as configured and accepts events at every other. */
    const redirecting = (arrivals: Array<Arrival>, status: number, location: string) =>
      serveEvents((request, response) => {
        const parts: Array<Buffer> = []
        request.on("data", part => parts.push(part))
        request.on("end", () => {
          if (request.url === "/v1/log_event") {
            response.writeHead(status, { location }).end()
            return
          }
          const { headers, method, url } = request
          const body = Buffer.concat(parts)
          const text = body.length === 0 ? "" : decoded(headers["content-encoding"], body)
          arrivals.push({ method, path: url, key: headers["statsig-api-key"], text })
          response.writeHead(200).end("{}")
        })
      })

    for (const status of [307, 308]) {
      it.scopedLive(`of status ${status} is followed with the whole batch, with the key at the same origin only`, () =>
        Effect.gen(function* () {
          const arrivals: Array<Arrival> = []
          const elsewhere = yield* redirecting(arrivals, status, "")
          const toElsewhere = yield* redirecting(arrivals, status, `${new URL(elsewhere).origin}/other`)
          const toItself = yield* redirecting(arrivals, status, "/same")
          for (const logEventUrl of [toItself, toElsewhere]) yield* send(NodeClient.layer, { logEventUrl })
          assert.deepStrictEqual(arrivals, [
            { method: "POST", path: "/same", key, text },
            { method: "POST", path: "/other", key: undefined, text }
          ])
        })
      )
    }

    for (const status of [301, 302, 303]) {
      it.scopedLive(`of status ${status}, which asks for a GET, is a retryable error`, () =>
        Effect.gen(function* () {
          const arrivals: Array<Arrival> = []
          const logEventUrl = yield* redirecting(arrivals, status, "/same")
          const error = yield* errorOf(NodeClient.layer, { logEventUrl })
          assert.deepInclude(error, { reason: "Status", status, retryable: true })
          assert.include(error.message, "the redirect to /same is refused: it would lose the body")
          assert.deepStrictEqual(arrivals, [])
        })
      )
    }

    it.scopedLive("that leads in a circle is abandoned", () =>
      Effect.gen(function* () {
        const logEventUrl = yield* redirecting([], 307, "/v1/log_event")
        const error = yield* errorOf(NodeClient.layer, { logEventUrl })
        assert.deepInclude(error, { reason: "Status", status: 307, retryable: true })
        assert.include(error.message, "too many redirects")
      })
    )

    it.scopedLive("that would send the key to another host is refused", () =>
      Effect.gen(function* () {
        const logEventUrl = yield* redirecting([], 307, `http://localhost:1/${key}`)
        const error = yield* errorOf(NodeClient.layer, { logEventUrl })
        assert.include(error.message, `the redirect to http://localhost:1/${masked} is refused`)
      })
    )
  })

  describe("failure", () => {
    it.effect("is a timeout after ten seconds without a response", () =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const client = stubClient(() => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never))
        const fiber = yield* Effect.fork(errorOf(client.layer))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("9999 millis")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 millis")
        assert.deepInclude(yield* Fiber.join(fiber), { reason: "Timeout", retryable: true, status: undefined })
      })
    )

    it.effect("is a timeout as well when the body does not arrive", () =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const client = stubClient(() =>
          Effect.as(Deferred.succeed(asked, undefined), new Response(new ReadableStream(), { status: 200 }))
        )
        const fiber = yield* Effect.fork(errorOf(client.layer))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).reason, "Timeout")
      })
    )

    it.scopedLive("is a refused or reset connection", () =>
      Effect.gen(function* () {
        const resetting = yield* serveEvents(request => request.socket.resetAndDestroy())
        const closed = yield* Effect.scoped(serveEvents(() => {}))
        for (const url of [resetting, closed]) {
          const error = yield* errorOf(FetchClient.layer, { logEventUrl: url })
          assert.deepInclude(error, { reason: "Transport", retryable: true, status: undefined })
          assert.match(error.message, /^http:\/\/127\.0\.0\.1:\d+\/v1\/log_event status\(None\) attempts\(1\) .*ECONN/)
        }
      })
    )

    for (const logEventUrl of ["not a url", "ftp://a.test", "//a.test", `file:///${key}`]) {
      it.effect(`is ${logEventUrl}, permanently and without a request`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(200, "{}")
          const error = yield* errorOf(layer, { logEventUrl })
          assert.instanceOf(error, EventSinkError)
          assert.deepInclude(error, { reason: "Failed", retryable: false })
          assert.include(error.message, "expected an absolute http or https URL")
          assert.notInclude(error.message, key)
          assert.strictEqual(requests.length, 0)
        })
      )
    }
  })
})
