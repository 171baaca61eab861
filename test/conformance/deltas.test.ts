/** Protobuf and deltas: the official package and this one get the same bodies and must return the same results. */
import { setTimeout as sleep } from "node:timers/promises"
import * as official from "@statsig/statsig-node-core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, expect, it } from "vitest"
import * as ours from "../../layers/promise.js"
import { encodePayload, protobufHeaders } from "../layers/support/protobuf.js"
import { serve } from "../layers/support/proxies.js"
import { liftBounds } from "../support/testBounds.js"
import vectors from "../vectors/client-initialize-vectors.json" with { type: "json" }

liftBounds()

// biome-ignore lint/suspicious/noExplicitAny: payloads are changed as they come
type Payload = any

/** The vectors' specs, without values that the format cannot encode. */
const first: Payload = structuredClone(vectors.specs)
delete first.feature_gates.g_mystery_entity
delete first.dynamic_configs.odd_entity
delete first.condition_map.c_weird

const changed = (before: Payload, change: (payload: Payload) => void): Payload => {
  const after = structuredClone(before)
  after.time = before.time + 1_000
  after.checksum = `checksum ${after.time}`
  change(after)
  return after
}

const second = changed(first, payload => {
  payload.feature_gates.g_by_company.rules[0].passPercentage = 12.5
  payload.feature_gates.g_new = structuredClone(payload.feature_gates.g_acme)
  delete payload.feature_gates.g_off
  delete payload.dynamic_configs.dc_plain
  delete payload.param_stores.ps_mix
  payload.layer_configs.lyr_bare.defaultValue = { gap: 5, list: [1, 2.5, null] }
})

const third = changed(second, payload => {
  payload.feature_gates.g_by_company.enabled = false
})

interface Reply {
  readonly body: string | Uint8Array
  readonly headers: Record<string, string>
}

const deltaHeaders = { ...protobufHeaders, "x-deltas-used": "true" }
const replies: ReadonlyArray<Reply> = [
  { body: encodePayload(first), headers: protobufHeaders },
  { body: encodePayload(second, { since: first }), headers: deltaHeaders },
  // Outside of tables nothing is merged: the body replaces it.
  { body: encodePayload(third, { since: second, rest: { experiment_to_layer: {} } }), headers: deltaHeaders }
]

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Responses in the order of the requests, whatever is requested. */
const unusual: ReadonlyArray<Reply & { readonly status?: number }> = [
  { body: encodePayload(first), headers: protobufHeaders },
  { body: encodePayload(second, { since: first, wrongSums: true }), headers: deltaHeaders },
  { body: '{"has_updates":false}', headers: { "content-type": "application/json" } },
  { body: encodePayload(second, { since: first }), headers: deltaHeaders },
  { body: JSON.stringify(third), headers: { "content-type": "text/plain" } },
  { body: '{"has_updates":false}', headers: {} },
  { body: "", headers: {}, status: 403 },
  // The last one: only our package requests the whole payload after it.
  { body: "no protobuf", headers: protobufHeaders }
]
let unusualReplies: Iterator<(typeof unusual)[number]>

const asked = new Map<string, Array<string>>()
let released = 1
const origin = await Effect.runPromise(
  Scope.extend(
    serve("http", (request, response) => {
      const url = new URL(request.url!, "http://server.test")
      const key = /secret-[a-z]+/.exec(url.pathname)![0]
      if (key === "secret-unusual") {
        const {
          body,
          headers,
          status = 200
        } = unusualReplies.next().value ?? { body: '{"has_updates":false}', headers: {} }
        response.writeHead(status, headers).end(body)
        return
      }
      const requests = asked.get(key) ?? []
      asked.set(key, requests)
      const since = Number(url.searchParams.get("sinceTime") ?? 0)
      const index = [0, first.time, second.time].indexOf(since)
      const reply = index >= 0 && index < released ? replies[index] : undefined
      if (reply === undefined) {
        response.end('{"has_updates":false}')
        return
      }
      requests.push(
        [...url.searchParams]
          .map(pair => pair.join("="))
          .sort()
          .join("&")
      )
      response.writeHead(200, reply.headers).end(reply.body)
    }),
    scope
  )
)

const users = [
  { userID: "u1" },
  {
    userID: "u2",
    email: "kim@acme.test",
    country: "NZ",
    customIDs: { stableID: "st-1", companyID: "c9" },
    custom: { plan: "gold" }
  }
]

type Side = Pick<typeof official, "Statsig" | "StatsigUser">

const start = async (side: Side, key: string) => {
  const statsig = new side.Statsig(key, {
    specsUrl: `${origin}/v2/download_config_specs`,
    specsSyncIntervalMs: 20,
    disableAllLogging: true,
    outputLogLevel: "none",
    enableDcsDeltas: true
  })
  expect(await statsig.initialize()).toEqual({ isSuccess: true })
  /** All results, for every user and every app. */
  const answers = () =>
    users.flatMap(fields =>
      [undefined, "client-alpha", "client-beta"].map(clientSdkKey => {
        const options = { hashAlgorithm: "none" as const, ...(clientSdkKey === undefined ? {} : { clientSdkKey }) }
        const text = statsig.getClientInitializeResponse(new side.StatsigUser(fields), options)
        const { dynamic_configs, feature_gates, layer_configs, param_stores, time } = JSON.parse(text)
        return { dynamic_configs, feature_gates, layer_configs, param_stores, time }
      })
    )
  return { statsig, answers }
}

it("both packages return the same results for deltas", async () => {
  const expected = await start(official, "secret-official")
  const actual = await start(ours as unknown as Side, "secret-ours")
  for (const { time } of [first, second, third]) {
    while (expected.answers()[0]?.time !== time || actual.answers()[0]?.time !== time) await sleep(10)
    expect(actual.answers()).toEqual(expected.answers())
    released++
  }
  expect(asked.get("secret-ours")).toEqual(asked.get("secret-official"))
  await Promise.all([expected.statsig.shutdown(), actual.statsig.shutdown()])
})

/** The calls about specs to an observability client of one side during the unusual responses. */
const metricsOf = async (side: Side) => {
  unusualReplies = unusual[Symbol.iterator]()
  const calls: Array<readonly [name: string, tags: unknown]> = []
  const keep = (name: string, _value: unknown, tags: unknown) =>
    void calls.push([name.replace("statsig.sdk.", ""), tags])
  const statsig = new side.Statsig("secret-unusual", {
    specsUrl: `${origin}/v2/download_config_specs`,
    specsSyncIntervalMs: 20,
    disableAllLogging: true,
    outputLogLevel: "none",
    enableDcsDeltas: true,
    observabilityClient: { initialize: () => {}, increment: keep, gauge: keep, dist: keep, error: () => {} }
  })
  await statsig.initialize()
  const of = (wanted: string) => calls.filter(([name]) => name === wanted).map(([, tags]) => tags)
  while (of("config_sync_overall.latency").length < unusual.length) await sleep(10)
  await statsig.shutdown()
  const exceptions = of("sdk_exceptions_count") as ReadonlyArray<{ readonly tag: string }>
  return {
    requests: of("network_request.latency").slice(0, unusual.length),
    syncs: (of("config_sync_overall.latency") as ReadonlyArray<Record<string, string>>)
      .slice(0, unusual.length)
      // Each side has its own texts, and only the official one counts unreadable payloads as processed.
      .map(({ error, process_success, ...tags }) => ({ tags, hasError: error !== "" })),
    updates: of("config_propagation_diff"),
    sums: of("deltas_checksum_validation.count"),
    // The official package counts a payload twice that is not protobuf.
    exceptions: exceptions.filter(({ tag }) => tag !== "ProtoSpecs")
  }
}

it("both packages report deltas in the same metrics", async () => {
  const expected = await metricsOf(official)
  expect(await metricsOf(ours as unknown as Side)).toEqual(expected)
  expect(expected.sums).toEqual([{ result: "failure" }, { result: "success" }])
  expect(new Set(expected.syncs.map(({ tags }) => tags["format"]))).toEqual(
    new Set(["protobuf", "json", "plain_text", "unknown"])
  )
})
