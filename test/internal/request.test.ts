import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, TestClock } from "effect"
import { readWithin } from "../../src/internal/http.js"
import { type Ask, Requester } from "../../src/internal/request.js"
import type { Client } from "../../src/ObservabilityClient.js"

const key = "secret-testkey1234567890"
const url = "https://own.test/v2/download_config_specs/x.json?a=b"

/** Requests a server that responds as `answer` says. */
const asking = (answer: (request: HttpClientRequest.HttpClientRequest, number: number) => Response) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const measured: Array<readonly [name: string, tags: Readonly<Record<string, string>> | undefined]> = []
  const client = HttpClient.make(request =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, answer(request, requests.push(request))))
  )
  const observing = { distribution: (name, _millis, tags) => void measured.push([name, tags]) } as Partial<Client>
  const requester = new Requester(client, report => report(observing as Client), {
    sdkKey: Redacted.make(key),
    serviceName: "fox 🦊"
  })
  const ask = (asked: Partial<Ask> = {}) =>
    requester.ask(
      { request: HttpClientRequest.get(url), shownUrl: "shown", timeout: Duration.seconds(1), ...asked },
      (response, fail) =>
        Effect.flatMap(readWithin(response, 10), body =>
          body === undefined ? fail("Unusable", `too long for ${key}`, response.status) : Effect.succeed(body.length)
        )
    )
  return { ask, requests, measured }
}

describe("a request to Statsig", () => {
  it.effect("has the client's metadata and the time, and sends the key only to trusted hosts", () =>
    Effect.gen(function* () {
      const { ask, requests } = asking(() => new Response("1234"))
      yield* TestClock.adjust("7 millis")
      assert.strictEqual(yield* ask(), 4)
      yield* ask({ sendsKey: false })
      const [first, second] = requests.map(({ headers }) => headers)
      assert.strictEqual(first?.["statsig-api-key"], key)
      assert.strictEqual(first?.["statsig-client-time"], "7")
      assert.strictEqual(first?.["x-request-service"], "fox ?")
      const { "statsig-api-key": _, ...withoutKey } = first!
      assert.deepStrictEqual({ ...second }, withoutKey)
    })
  )

  it.effect("omits the key when it is redirected", () =>
    Effect.gen(function* () {
      const { ask, requests } = asking(({ url }, number) => {
        const location = ["https://own.test/next", "https://other.test/there"][number - 1]
        if (location !== undefined) return new Response("", { status: 302, headers: { location } })
        return new Response(url.slice(0, 10))
      })
      yield* ask()
      assert.deepStrictEqual(
        requests.map(({ headers, url }) => [url, headers["statsig-api-key"]]),
        [
          [url, key],
          ["https://own.test/next", key],
          ["https://other.test/there", undefined]
        ]
      )
    })
  )

  for (const [location, why] of [
    ["http://own.test/", "it is not encrypted"],
    ["ftp://own.test/", "neither http nor https"],
    ["https://", "no address"],
    [`https://other.test/${key}`, "another host would learn the SDK key"],
    [url, "too many redirects"]
  ] as const) {
    it.effect(`is not redirected where ${why}`, () =>
      Effect.gen(function* () {
        const { ask, requests } = asking(() => new Response("", { status: 307, headers: { location } }))
        const { message, reason, status } = yield* Effect.flip(ask())
        assert.deepStrictEqual([reason, status], ["Status", 307])
        assert.include(message, `is refused: ${why}`)
        assert.notInclude(message, key)
        assert.strictEqual(requests.length, why === "too many redirects" ? 11 : 1)
      })
    )
  }

  it.effect("is retried after pauses that double, and errors say which attempt failed", () =>
    Effect.gen(function* () {
      const { ask, requests } = asking(() => new Response("sad", { status: 500 }))
      const failing = yield* Effect.fork(Effect.flip(ask({ attempts: 3 })))
      for (const [pause, count] of [
        [199, 1],
        [1, 2],
        [399, 2],
        [1, 3]
      ] as const) {
        yield* TestClock.adjust(pause)
        assert.strictEqual(requests.length, count)
      }
      const { message } = yield* Fiber.join(failing)
      assert.strictEqual(message, "shown status(500) attempts(3) Internal Server Error: sad")
    })
  )

  it.effect("is not retried where that is useless or disabled", () =>
    Effect.gen(function* () {
      for (const [status, headers, attempts] of [
        [403, {}, 3],
        [503, { "retry-after": "2" }, 3],
        [503, {}, undefined]
      ] as const) {
        const { ask, requests } = asking(() => new Response("", { status, headers }))
        const failure = yield* Effect.flip(ask({ attempts }))
        assert.strictEqual(failure.retryAfter, "retry-after" in headers ? 2_000 : undefined)
        assert.strictEqual(requests.length, 1)
      }
    })
  )

  it.effect("fails where the response cannot be used", () =>
    Effect.gen(function* () {
      const { ask } = asking(() => new Response("12345678901"))
      const { message, reason } = yield* Effect.flip(ask())
      assert.deepStrictEqual([reason, message], ["Unusable", "shown status(200) too long for secret-testk*****"])
    })
  )

  it.effect("accepts one more status if configured", () =>
    Effect.gen(function* () {
      const { ask } = asking(() => new Response("", { status: 416 }))
      assert.strictEqual(yield* ask({ accepts: 416 }), 0)
      assert.strictEqual((yield* Effect.flip(ask())).status, 416)
    })
  )

  it.effect("is given up when its time is over", () =>
    Effect.gen(function* () {
      const never = HttpClient.make(() => Effect.never)
      const requester = new Requester(never, () => {}, { sdkKey: Redacted.make(key) })
      const asked = { request: HttpClientRequest.get(url), shownUrl: "shown", timeout: Duration.seconds(1) }
      const failing = yield* Effect.fork(Effect.flip(requester.ask(asked, () => Effect.void)))
      yield* TestClock.adjust("1 second")
      const { message, reason } = yield* Fiber.join(failing)
      assert.deepStrictEqual([reason, message], ["Timeout", "shown status(None) no whole answer within 1000 ms"])
    })
  )

  it.effect("is measured as a step of a sync, with the status of its response", () =>
    Effect.gen(function* () {
      const { ask, measured } = asking((_, number) => new Response(null, { status: [204, 503, 200][number - 1]! }))
      yield* ask({ step: "download_config_specs", deltasUsed: true })
      yield* Effect.flip(ask({ step: "download_config_specs" }))
      yield* ask({ step: "download_config_specs", request: HttpClientRequest.get("https://own.test/specs") })
      const tags = { request_path: "/v2/download_config_specs", source_service: "https://own.test" }
      assert.deepStrictEqual(measured, [
        [
          "statsig.sdk.network_request.latency",
          { ...tags, status_code: "204", is_success: "true", sdk_key: key.slice(0, 13), deltas_used: "true" }
        ],
        [
          "statsig.sdk.network_request.latency",
          { ...tags, status_code: "503", is_success: "false", sdk_key: key.slice(0, 13), deltas_used: "false" }
        ]
      ])
    })
  )
})
