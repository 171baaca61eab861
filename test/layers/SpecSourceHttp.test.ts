import type { Socket } from "node:net"
import { brotliCompressSync } from "node:zlib"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, type Duration, Effect, Exit, Fiber, Layer, Redacted, TestClock, Tracer } from "effect"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as Http from "../../layers/SpecSource/Http.js"
import packageJson from "../../package.json" with { type: "json" }
import { sdkVersion } from "../../src/internal/sdkInfo.js"
import { SpecsError } from "../../src/StatsigError.js"
import { serve } from "./support/server.js"
import { applied, initialize, keeping, notNewer, payload, poll } from "./support/specs.js"

const key = "secret-testkey1234567890"
const masked = "secret-testk*****"
const sdkKey = Redacted.make(key)

/** What a text response passes to the store besides the text and the API. */
const plainText = { source: "Network", format: "plain_text", deltasUsed: false } as const

/** A client that responds as configured and keeps its requests. */
const stubClient = (
  answer: (request: HttpClientRequest.HttpClientRequest, number: number) => Effect.Effect<Response>
) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make(request =>
    Effect.map(answer(request, requests.push(request)), response => HttpClientResponse.fromWeb(request, response))
  )
  return { requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

const answering = (status: number, body: string | null = "", headers: Record<string, string> = {}) =>
  stubClient(() => Effect.sync(() => new Response(body, { status, headers })))

const make = (options: Partial<Http.HttpOptions>, client: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.provide(Http.make({ sdkKey, ...options }), client)

const messageOf = (options: Partial<Http.HttpOptions>, client: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.gen(function* () {
    const source = yield* make(options, client)
    return (yield* Effect.flip(source.fetch(initialize, keeping()))).message
  })

const defaultUrl = `https://api.statsigcdn.com/v2/download_config_specs/${key}.json`

describe("SpecSource/Http", () => {
  it("has the version of the package", () => {
    assert.strictEqual(sdkVersion, packageJson.version)
  })

  describe("request", () => {
    const urls: ReadonlyArray<readonly [specsUrl: string | undefined, url: string, api: string]> = [
      [undefined, defaultUrl, "https://api.statsigcdn.com/v2"],
      ["http://127.0.0.1:8720/v2/specs", `http://127.0.0.1:8720/v2/specs/${key}.json`, "http://127.0.0.1:8720/v2"],
      ["https://proxy.test/", `https://proxy.test//${key}.json`, "https://proxy.test"],
      ["https://proxy.test/a/v2/b", `https://proxy.test/a/v2/b/${key}.json`, "https://proxy.test"],
      ["https://proxy.test/v12x/b", `https://proxy.test/v12x/b/${key}.json`, "https://proxy.test"],
      ["https://proxy.test/v12", `https://proxy.test/v12/${key}.json`, "https://proxy.test/v12"]
    ]
    for (const [specsUrl, url, sourceApi] of urls) {
      it.effect(`goes to ${url}`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(200, "body")
          const apply = keeping()
          const source = yield* make({ specsUrl }, layer)
          assert.strictEqual(yield* source.fetch(initialize, apply), applied)
          assert.deepStrictEqual([requests[0]?.method, requests[0]?.url], ["GET", url])
          assert.deepStrictEqual(apply.responses, [{ ...plainText, sourceApi, body: "body" }])
        })
      )
    }

    const queries: ReadonlyArray<
      readonly [specsUrl: string, sinceTime: number, checksum: string | undefined, query: string]
    > = [
      ["http://a.test", 0, undefined, ""],
      ["http://a.test", 1700000000000, undefined, "?sinceTime=1700000000000"],
      ["http://a.test", 5, "a+b/c==", "?sinceTime=5&checksum=a%252Bb%252Fc%253D%253D"],
      ["http://a.test", 0, "", "?checksum="],
      ["http://a.test", 0, "-_.~*é", "?checksum=%252D%255F%252E%257E%252A%25C3%25A9"],
      ["http://a.test/x?a=b", 5, undefined, "&sinceTime=5"]
    ]
    for (const [specsUrl, sinceTime, checksum, query] of queries) {
      it.effect(`adds the query ${JSON.stringify(query)} to ${specsUrl}`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(200)
          const source = yield* make({ specsUrl }, layer)
          yield* source.fetch({ purpose: "poll", sinceTime, checksum }, keeping())
          assert.strictEqual(requests[0]?.url, `${specsUrl}/${key}.json${query}`)
          assert.strictEqual(requests[0]?.urlParams.length, 0)
        })
      )
    }

    it.effect("names the SDK, the session and the service, with one time for all attempts", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_234)
        const { layer, requests } = answering(500)
        const source = yield* make({ serviceName: "checkout ☂" }, layer)
        const fiber = yield* Effect.fork(Effect.exit(source.fetch(poll, keeping())))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        const other = yield* make({}, layer)
        yield* Effect.exit(other.fetch(initialize, keeping()))
        const session = requests[0]?.headers["statsig-server-session-id"]
        assert.match(session ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        const expected: Record<string, unknown> = {
          accept: "*/*",
          "accept-encoding": "gzip, br",
          "statsig-api-key": key,
          "statsig-sdk-type": "statsig-effect",
          "statsig-sdk-version": packageJson.version,
          "statsig-server-session-id": session,
          "statsig-client-time": "1234",
          "x-request-service": "checkout ?"
        }
        assert.strictEqual(requests.length, 5)
        for (const request of requests.slice(0, 4)) assert.deepStrictEqual({ ...request.headers }, expected)
        assert.deepStrictEqual(
          { ...requests[4]!.headers },
          { ...expected, "statsig-client-time": "61234", "x-request-service": "unknown" }
        )
      })
    )

    it.effect("is not traced and carries no trace headers", () =>
      Effect.gen(function* () {
        const spans: Array<string> = []
        const { layer, requests } = answering(200)
        const source = yield* make({}, layer)
        const native = yield* Effect.tracer
        const tracer = Tracer.make({
          span: (...options) => {
            spans.push(options[0])
            return native.span(...options)
          },
          context: native.context
        })
        yield* source.fetch(initialize, keeping()).pipe(Effect.withSpan("outer"), Effect.withTracer(tracer))
        assert.deepStrictEqual(spans, ["outer"])
        assert.notProperty(requests[0]?.headers, "traceparent")
        assert.notProperty(requests[0]?.headers, "b3")
      })
    )
  })

  describe("response", () => {
    const texts: ReadonlyArray<readonly [status: number, body: string, text: string]> = [
      [400, "", "Bad Request"],
      [401, "no", "Unauthorized: no"],
      [403, "", "Forbidden"],
      [404, "", "Not Found"],
      [405, "", "Method Not Allowed"],
      [406, "", "Not Acceptable"],
      [408, "", "Request Timeout"],
      [418, "", "HTTP Error 418: "],
      [429, "slow", "HTTP Error 429: slow"],
      [500, "errbody 500", "Internal Server Error: errbody 500"],
      [500, "größe", "Internal Server Error"],
      [502, "", "Bad Gateway"],
      [503, `key is ${key}!`, `Service Unavailable: key is ${masked}!`],
      [504, "x".repeat(5_000), `Gateway Timeout: ${"x".repeat(1_000)}`],
      [304, "", "HTTP Error 304: "],
      [302, "", "HTTP Error 302: "]
    ]
    for (const [status, body, text] of texts) {
      it.effect(`of status ${status} fails with "${text.slice(0, 60)}"`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(status, status === 304 ? null : body)
          const source = yield* make({}, layer)
          const error = yield* Effect.flip(source.fetch(initialize, keeping()))
          const url = defaultUrl.replace(key, masked)
          assert.deepInclude(error, {
            _tag: "SpecSourceError",
            source: "Network",
            reason: "Status",
            status,
            message: `${url} status(${status}) attempts(1) ${text}`
          })
          assert.strictEqual(requests.length, 1)
        })
      )
    }

    for (const status of [200, 201, 204, 299]) {
      it.effect(`of status ${status} is a payload`, () =>
        Effect.gen(function* () {
          const body = status === 204 ? "" : "text"
          const apply = keeping(notNewer)
          const source = yield* make({}, answering(status, status === 204 ? null : body).layer)
          assert.strictEqual(yield* source.fetch(initialize, apply), notNewer)
          assert.strictEqual(apply.responses[0]?.body, body)
        })
      )
    }

    it.effect("keeps a byte order mark", () =>
      Effect.gen(function* () {
        const bytes = (...values: ReadonlyArray<number>) =>
          stubClient(() => Effect.sync(() => new Response(new Uint8Array(values)))).layer
        const apply = keeping()
        const marked = yield* make({}, bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d))
        yield* marked.fetch(initialize, apply)
        assert.strictEqual(apply.responses[0]?.body, "\ufeff{}")
      })
    )

    it.effect("of more than maxSpecsBytes, 256 MB by default, is not read to its end", () =>
      Effect.gen(function* () {
        const part = new Uint8Array(8 * 1024 * 1024).fill(32)
        let parts = 0
        const { layer } = stubClient(() =>
          Effect.sync(
            () =>
              new Response(
                new ReadableStream({
                  pull: controller => {
                    parts++
                    controller.enqueue(part)
                  }
                })
              )
          )
        )
        const source = yield* make({}, layer)
        const error = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.deepInclude(error, { reason: "Failed" })
        assert.match(error.message, /expected at most 268435456 bytes \(maxSpecsBytes\), got more$/)
        assert.isBelow(parts, 40)
        parts = 0
        const less = yield* make({ maxSpecsBytes: 20_000_000 }, layer)
        const refused = yield* Effect.flip(less.fetch(initialize, keeping()))
        assert.match(refused.message, /expected at most 20000000 bytes \(maxSpecsBytes\), got more$/)
        assert.isBelow(parts, 10)
      })
    )

    it.effect("that the store refuses is not requested again", () =>
      Effect.gen(function* () {
        const { layer, requests } = answering(200, "{}")
        const refusal = new SpecsError({ reason: "Shape", message: "no" })
        const source = yield* make({}, layer)
        assert.strictEqual(yield* Effect.flip(source.fetch(poll, () => Effect.fail(refusal))), refusal)
        assert.strictEqual(requests.length, 1)
      })
    )
  })

  describe("retries", () => {
    const timesOf = (answer: Parameters<typeof stubClient>[0], purpose: "initialize" | "poll") =>
      Effect.gen(function* () {
        const times: Array<number> = []
        const { layer } = stubClient((request, number) =>
          Effect.andThen(
            Effect.map(TestClock.currentTimeMillis, time => void times.push(time)),
            answer(request, number)
          )
        )
        const source = yield* make({}, layer)
        const fiber = yield* Effect.fork(Effect.exit(source.fetch({ ...poll, purpose }, keeping())))
        yield* TestClock.adjust("5 minutes")
        return { times, exit: yield* Fiber.join(fiber) }
      })

    for (const status of [401, 404, 408, 418, 500, 503, 302]) {
      it.effect(`of a poll: three after ${status}`, () =>
        Effect.gen(function* () {
          const { exit, times } = yield* timesOf(() => Effect.sync(() => new Response("", { status })), "poll")
          assert.deepStrictEqual(times, [0, 200, 600, 1_400])
          const error = yield* Effect.flip(exit)
          assert.include(error.message, `status(${status}) attempts(4)`)
        })
      )
    }

    for (const status of [400, 403, 405, 413, 429, 501]) {
      it.effect(`of a poll: none after ${status}`, () =>
        Effect.gen(function* () {
          const { times } = yield* timesOf(() => Effect.sync(() => new Response("", { status })), "poll")
          assert.deepStrictEqual(times, [0])
        })
      )
    }

    it.effect("of a poll: none before the time that the server asks for, which the error reports", () =>
      Effect.gen(function* () {
        const headers = { "retry-after": "7" }
        const { exit, times } = yield* timesOf(
          () => Effect.sync(() => new Response("", { status: 503, headers })),
          "poll"
        )
        assert.deepStrictEqual(times, [0])
        assert.deepInclude(yield* Effect.flip(exit), { status: 503, retryAfter: 7_000 })
      })
    )

    it.effect("of a poll end with the first usable response", () =>
      Effect.gen(function* () {
        const { exit, times } = yield* timesOf(
          (_, number) => Effect.sync(() => new Response("", { status: number < 3 ? 500 : 200 })),
          "poll"
        )
        assert.deepStrictEqual([times, exit], [[0, 200, 600], Exit.succeed(applied)])
      })
    )

    it.effect("of a poll follow each attempt that takes more than 10 seconds", () =>
      Effect.gen(function* () {
        const { exit, times } = yield* timesOf(() => Effect.never, "poll")
        assert.deepStrictEqual(times, [0, 10_200, 20_600, 31_400])
        const error = yield* Effect.flip(exit)
        assert.deepInclude(error, { reason: "Timeout" })
        assert.include(error.message, "status(None) attempts(4) no whole answer within 10000 ms")
      })
    )

    it.effect("are not made for initialize", () =>
      Effect.gen(function* () {
        const { times } = yield* timesOf(() => Effect.sync(() => new Response("", { status: 500 })), "initialize")
        assert.deepStrictEqual(times, [0])
      })
    )
  })

  describe("time for initialize", () => {
    const timeouts: ReadonlyArray<readonly [initTimeout: Duration.DurationInput | undefined, millis: number]> = [
      [undefined, 3_000],
      ["700 millis", 700],
      [6_000, 6_000],
      [0, 10_000]
    ]
    for (const [initTimeout, millis] of timeouts) {
      it.effect(`is ${millis} ms for initTimeout ${initTimeout}, body included`, () =>
        Effect.gen(function* () {
          const stalled = stubClient(() => Effect.sync(() => new Response(new ReadableStream({ pull: () => {} }))))
          const source = yield* make({ initTimeout }, stalled.layer)
          const fiber = yield* Effect.fork(Effect.flip(source.fetch(initialize, keeping())))
          yield* TestClock.adjust(millis - 1)
          assert.isTrue((yield* Fiber.poll(fiber))._tag === "None")
          yield* TestClock.adjust(1)
          assert.deepInclude(yield* Fiber.join(fiber), { _tag: "SpecSourceError", reason: "Timeout" })
        })
      )
    }
  })

  describe("redirects", () => {
    /** A chain of redirects: each address leads to the next one, the last has the payload. */
    const leading = (...path: ReadonlyArray<readonly [location: string, status?: number]>) =>
      stubClient((_request, number) =>
        Effect.sync(() => {
          const [location, status = 302] = path[number - 1] ?? []
          return location === undefined ? new Response("body") : new Response("", { status, headers: { location } })
        })
      )
    const specsUrl = "https://a.test/v2/specs"

    it.effect("within the origin are followed unchanged", () =>
      Effect.gen(function* () {
        const apply = keeping()
        const { layer, requests } = leading(
          [`/moved/${key}.json?x=1`, 301],
          ["more.json", 302],
          ["", 303],
          ["https://a.test:443/b", 307],
          ["c", 308]
        )
        const source = yield* make({ specsUrl }, layer)
        yield* source.fetch(initialize, apply)
        assert.deepStrictEqual(
          requests.map(({ url }) => url),
          [
            `${specsUrl}/${key}.json`,
            `https://a.test/moved/${key}.json?x=1`,
            "https://a.test/moved/more.json",
            "https://a.test/moved/more.json",
            "https://a.test/b",
            "https://a.test/c"
          ]
        )
        for (const { headers, method } of requests) {
          assert.deepStrictEqual([method, headers["statsig-api-key"]], ["GET", key])
        }
        assert.deepStrictEqual(apply.responses, [{ ...plainText, sourceApi: "https://a.test/v2", body: "body" }])
      })
    )

    it.effect("out of the origin are followed without the key", () =>
      Effect.gen(function* () {
        for (const elsewhere of ["https://b.test/specs", "https://a.test:8443/specs", "https://sub.a.test/specs"]) {
          const { layer, requests } = leading([elsewhere], ["/again"])
          const source = yield* make({ specsUrl }, layer)
          yield* source.fetch(initialize, keeping())
          const [first, ...others] = requests
          assert.strictEqual(first?.headers["statsig-api-key"], key)
          assert.strictEqual(others.length, 2)
          for (const { headers, url } of others) assert.notInclude(`${url} ${JSON.stringify(headers)}`, key)
        }
      })
    )

    it.effect("back to the origin have the key again", () =>
      Effect.gen(function* () {
        const { layer, requests } = leading(["https://b.test/"], ["https://a.test/home"])
        const source = yield* make({ specsUrl }, layer)
        yield* source.fetch(initialize, keeping())
        assert.deepStrictEqual(
          requests.map(({ headers }) => headers["statsig-api-key"]),
          [key, undefined, key]
        )
      })
    )

    const refused: ReadonlyArray<readonly [location: string, why: string]> = [
      [`https://b.test/v2/specs/${key}.json`, "another host would learn the SDK key"],
      [`https://b.test/?key=${key}`, "another host would learn the SDK key"],
      ["http://a.test/specs", "it is not encrypted"],
      ["ftp://a.test/specs", "neither http nor https"],
      ["http://", "no address"]
    ]
    for (const [location, why] of refused) {
      it.effect(`to ${location} are refused: ${why}`, () =>
        Effect.gen(function* () {
          const { layer, requests } = leading([location])
          const source = yield* make({ specsUrl }, layer)
          const error = yield* Effect.flip(source.fetch(initialize, keeping()))
          assert.deepInclude(error, { reason: "Status", status: 302 })
          assert.include(error.message, why)
          assert.notInclude(error.message, key)
          assert.strictEqual(requests.length, 1)
        })
      )
    }

    it.effect("without end are abandoned", () =>
      Effect.gen(function* () {
        const { layer, requests } = stubClient(() =>
          Effect.sync(() => new Response("", { status: 302, headers: { location: "again.json" } }))
        )
        const source = yield* make({ specsUrl }, layer)
        const error = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.include(error.message, "too many redirects")
        assert.strictEqual(requests.length, 11)
      })
    )
  })

  describe("fallbackToStatsigApi", () => {
    const specsUrl = "http://a.test"
    const options = { specsUrl, fallbackToStatsigApi: true }
    /** Hosts in the order of the requests. */
    const hostsOf = (requests: ReadonlyArray<HttpClientRequest.HttpClientRequest>) =>
      requests.map(({ url }) => new URL(url).host)
    const cdn = "api.statsigcdn.com"

    for (const status of [403, 500]) {
      it.effect(`requests Statsig's host once at initialize after ${status}, with the same query`, () =>
        Effect.gen(function* () {
          const apply = keeping()
          const { layer, requests } = stubClient((_request, number) =>
            Effect.sync(() => new Response("body", { status: number === 1 ? status : 200 }))
          )
          const source = yield* make(options, layer)
          yield* source.fetch({ purpose: "initialize", sinceTime: 5, checksum: "c" }, apply)
          assert.strictEqual(requests[1]?.url, `${defaultUrl}?sinceTime=5&checksum=c`)
          assert.strictEqual(apply.responses[0]?.sourceApi, "https://api.statsigcdn.com/v2")
        })
      )
    }

    it.effect("requests it too where the payload cannot be used, and reports its response", () =>
      Effect.gen(function* () {
        const refusal = new SpecsError({ reason: "Shape", message: "no" })
        const { layer, requests } = stubClient((_request, number) =>
          Effect.sync(() => new Response("{}", { status: number === 1 ? 200 : 503 }))
        )
        const source = yield* make(options, layer)
        const error = yield* Effect.flip(source.fetch(initialize, () => Effect.fail(refusal)))
        assert.deepInclude(error, { reason: "Status", status: 503 })
        assert.deepStrictEqual(hostsOf(requests), ["a.test", cdn])
      })
    )

    it.effect("requests it for every fifth poll that fails", () =>
      Effect.gen(function* () {
        const fails = [true, true, true, false, true, true, true]
        let poll = 0
        const { layer, requests } = stubClient(request =>
          Effect.sync(() => new Response("body", { status: request.url.includes(cdn) || !fails[poll] ? 200 : 403 }))
        )
        const source = yield* make(options, layer)
        for (; poll < fails.length; poll++) {
          yield* Effect.either(source.fetch({ purpose: "poll", sinceTime: 0, checksum: undefined }, keeping()))
        }
        assert.deepStrictEqual(hostsOf(requests), [...Array(6).fill("a.test"), cdn, "a.test"])
      })
    )

    it.effect("requests no other host where the URL is Statsig's own, or without the option", () =>
      Effect.gen(function* () {
        for (const given of [{ fallbackToStatsigApi: true }, { specsUrl }]) {
          const { layer, requests } = answering(500)
          yield* messageOf(given, layer)
          assert.strictEqual(requests.length, 1)
        }
      })
    )
  })

  describe("secrets", () => {
    it.effect("are masked in every message", () =>
      Effect.gen(function* () {
        const keys: ReadonlyArray<readonly [key: string, shown: string]> = [
          [key, masked],
          ["secret-q", "secret-q*****"],
          ["secret-abcdefgh-ijklmnop", "secret-abcde*****"],
          ["client-abcdefghijkl", "*****"],
          [" client-abcdefghijkl\n", " *****"],
          ["secret-abcdefgh\n", "secret-abcde*****"]
        ]
        for (const [secret, shown] of keys) {
          const message = yield* messageOf(
            { sdkKey: Redacted.make(secret) },
            answering(500, `${secret.trim()} and secret-other1234567`).layer
          )
          assert.include(message, `/${shown}`)
          assert.include(message, `: ${shown.trim()} and secret-other*****`)
          if (secret !== "secret-q") assert.notInclude(message, secret.trim())
        }
        const credentials = yield* messageOf({ specsUrl: "https://user:pass@a.test" }, answering(500).layer)
        assert.include(credentials, "https://*****@a.test/")
        const redirect = yield* messageOf({}, answering(302, "", { location: `https://b.test/${key}.json` }).layer)
        assert.include(
          redirect,
          `the redirect to https://b.test/${masked}.json is refused: another host would learn the SDK key`
        )
      })
    )

    for (const specsUrl of ["example.com/specs", "/specs", "ftp://a.test", "http://", "javascript:alert(1)", " "]) {
      it.effect(`and the URL ${JSON.stringify(specsUrl)} is refused by name`, () =>
        Effect.gen(function* () {
          const { layer, requests } = answering(200)
          assert.strictEqual(
            yield* messageOf({ specsUrl }, layer),
            `specsUrl: expected an absolute http or https URL, got ${JSON.stringify(specsUrl)}`
          )
          assert.deepStrictEqual(requests, [])
        })
      )
    }
  })

  for (const [clientName, client] of [
    ["Fetch", FetchClient.layer],
    ["Node", NodeClient.layer]
  ] as const) {
    describe(`over HttpClient/${clientName}`, () => {
      const body = payload({ gates: { größe: true } })

      const fetchFrom = (specsUrl: string, options: Partial<Http.HttpOptions> = {}) =>
        Effect.gen(function* () {
          const apply = keeping()
          const source = yield* Http.make({ sdkKey, specsUrl, ...options })
          yield* source.fetch(initialize, apply)
          return apply.responses[0]!.body
        }).pipe(Effect.provide(client))

      const local = layerLocalStatsig({ specs: body })

      it.live("gets a payload, in the encoding that the server prefers", () =>
        Effect.gen(function* () {
          const server = yield* LocalStatsig
          assert.strictEqual(yield* fetchFrom(server.specsUrl), body)
          yield* server.faultNext("specs", Fault.Encoding({ encoding: "gzip" }))
          assert.strictEqual(yield* fetchFrom(server.specsUrl), body)
          yield* server.faultNext("specs", Fault.Encoding({ encoding: "identity" }))
          assert.strictEqual(yield* fetchFrom(server.specsUrl), body)
          const requests = yield* server.requests
          for (const { headers, path } of requests) {
            assert.strictEqual(path, `/v2/download_config_specs/${key}.json`)
            assert.strictEqual(headers["accept-encoding"], "gzip, br")
            assert.strictEqual(headers["statsig-api-key"], key)
          }
        }).pipe(Effect.provide(local))
      )

      it.scopedLive("reuses a connection", () =>
        Effect.gen(function* () {
          const sockets = new Set<Socket>()
          const specsUrl = yield* serve((request, response) => {
            sockets.add(request.socket)
            response.end(body)
          })
          const services = yield* Layer.build(client)
          const source = yield* Effect.provide(Http.make({ sdkKey, specsUrl }), services)
          for (let count = 0; count < 6; count++) yield* source.fetch(initialize, keeping())
          assert.isBelow(sockets.size, 4)
        })
      )

      const faults: ReadonlyArray<readonly [name: string, fault: Fault]> = [
        ["a reset connection", Fault.Reset({})],
        ["a connection reset within the body", Fault.Reset({ at: "body" })],
        ["a truncated body", Fault.Close({ at: "body" })],
        ["a response that never arrives", Fault.Close({})],
        ["a corrupt encoding", Fault.Encoding({ encoding: "gzip", corrupt: true })]
      ]
      for (const [name, fault] of faults) {
        it.live(`fails for ${name}`, () =>
          Effect.gen(function* () {
            const server = yield* LocalStatsig
            yield* server.faultAlways("specs", fault)
            const error = yield* Effect.flip(fetchFrom(server.specsUrl))
            assert.deepInclude(error, { _tag: "SpecSourceError", source: "Network", reason: "Transport" })
            assert.include(error.message, masked)
            assert.notInclude(error.message, key)
          }).pipe(Effect.provide(local))
        )
      }

      for (const at of ["head", "body"] as const) {
        it.scopedLive(`gives up on a server that stalls at the ${at}, and closes the connection`, () =>
          Effect.gen(function* () {
            const closed = yield* Deferred.make<void>()
            let isReached = false
            const specsUrl = yield* serve((request, response) => {
              isReached = true
              request.socket.on("close", () => Deferred.unsafeDone(closed, Exit.void))
              if (at === "body") response.write("{")
            })
            const services = yield* Layer.build(client)
            const source = yield* Effect.provide(Http.make({ sdkKey, specsUrl, initTimeout: 50 }), services)
            // On a slow machine the time may be over before the server is reached.
            while (!isReached) {
              const error = yield* Effect.flip(source.fetch(initialize, keeping()))
              assert.deepInclude(error, { reason: "Timeout" })
              assert.include(error.message, "no whole answer within 50 ms")
            }
            yield* Deferred.await(closed)
          })
        )
      }

      it.live("fails where nobody listens, and for a host that does not exist", () =>
        Effect.gen(function* () {
          const refused = yield* Effect.flip(fetchFrom("http://127.0.0.1:1"))
          assert.deepInclude(refused, { reason: "Transport", status: undefined })
          assert.match(
            refused.message,
            /^http:\/\/127\.0\.0\.1:1\/secret-testk\*\*\*\*\*\.json status\(None\) attempts\(1\) .*(ECONNREFUSED|bad port)/
          )
          const unknown = yield* Effect.flip(fetchFrom("http://nowhere.invalid"))
          assert.deepInclude(unknown, { reason: "Transport" })
        })
      )

      it.live("reads a brotli response with many blocks", () =>
        Effect.gen(function* () {
          const large = payload({ fields: { padding: "statsig ".repeat(400_000) } })
          const server = yield* LocalStatsig
          const compressed = brotliCompressSync(large)
          yield* server.faultNext(
            "specs",
            Fault.Reply({ headers: { "content-encoding": "br" }, body: new Uint8Array(compressed) })
          )
          assert.strictEqual(yield* fetchFrom(server.specsUrl), large)
        }).pipe(Effect.provide(local))
      )
    })
  }
})
