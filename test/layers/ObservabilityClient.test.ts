import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Redacted } from "effect"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as Callback from "../../layers/ObservabilityClient/Callback.js"
import * as Memory from "../../layers/ObservabilityClient/Memory.js"
import * as Metrics from "../../layers/ObservabilityClient/Metrics.js"
import * as Http from "../../layers/SpecSource/Http.js"
import * as SpecStoreLayer from "../../layers/SpecStore.js"
import { ObservabilityClient } from "../../src/ObservabilityClient.js"
import { SpecStore } from "../../src/SpecStore.js"

const specs = {
  has_updates: true,
  time: 1_700_000_000_000,
  feature_gates: {},
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {},
  experiment_to_layer: {}
}

const store = Layer.unwrapEffect(
  Effect.map(LocalStatsig, local =>
    Layer.provide(
      SpecStoreLayer.layer({ syncInterval: "1 minute" }),
      Layer.provide(
        Http.layer({ sdkKey: Redacted.make("secret-0123456789"), specsUrl: local.specsUrl }),
        FetchClient.layer
      )
    )
  )
)

const world = store.pipe(Layer.provideMerge(Memory.layer), Layer.provideMerge(LocalStatsigNode.layer({ specs })))

describe("the metrics of syncing", () => {
  it.live("report a sync that succeeded and one that failed", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const { load, syncNow } = yield* SpecStore
      yield* load
      yield* local.faultAlways("specs", Fault.Reply({ status: 403 }))
      yield* Effect.ignore(syncNow)
      const { all } = yield* Memory.Measurements
      const found = (yield* all).map(measurement =>
        measurement._tag === "Error"
          ? [measurement._tag, measurement.name]
          : [measurement._tag, measurement.name, measurement.tags]
      )
      const request = { request_path: "/v2/download_config_specs", source_service: local.url, deltas_used: "false" }
      assert.deepStrictEqual(found, [
        [
          "Distribution",
          "statsig.sdk.network_request.latency",
          { ...request, status_code: "200", is_success: "true", sdk_key: "secret-012345" }
        ],
        [
          "Distribution",
          "statsig.sdk.config_sync_overall.latency",
          {
            source_api: `${local.url}/v2`,
            format: "json",
            error: "",
            network_success: "true",
            process_success: "true",
            deltas_used: "false"
          }
        ],
        [
          "Distribution",
          "statsig.sdk.network_request.latency",
          { ...request, status_code: "403", is_success: "false", sdk_key: "secret-012345" }
        ],
        [
          "Distribution",
          "statsig.sdk.config_sync_overall.latency",
          {
            source_api: `${local.url}/v2`,
            format: "unknown",
            error: `${local.specsUrl}/secret-01234*****.json status(403) attempts(1) Forbidden`,
            network_success: "false",
            process_success: "false",
            deltas_used: "false"
          }
        ],
        ["Increment", "statsig.sdk.sdk_exceptions_count", { tag: "NetworkClient", exception: "RequestNotRetryable" }],
        ["Error", "NetworkClient"],
        ["Gauge", "statsig.sdk.config_staleness", undefined]
      ])
    }).pipe(Effect.provide(world))
  )
})

describe("Callback", () => {
  it.effect("calls the given functions and drops the other metrics", () =>
    Effect.gen(function* () {
      const calls: Array<unknown> = []
      const client = yield* Effect.provide(
        ObservabilityClient,
        Callback.layer({ increment: (...input) => calls.push(input) })
      )
      client.increment("a", 1, { b: "c" })
      client.gauge("a", 1, undefined)
      client.error("a", "b")
      assert.deepStrictEqual(calls, [["a", 1, { b: "c" }]])
    })
  )
})

describe("Metrics", () => {
  it.effect("updates Effect's metrics with their tags", () =>
    Effect.gen(function* () {
      const client = yield* ObservabilityClient
      client.increment("test.sent", 3, { kind: "a" })
      client.increment("test.sent", 4, { kind: "a" })
      client.gauge("test.pending", 7, undefined)
      client.distribution("test.latency", 12, undefined)
      client.error("NetworkClient", "down")
      const counted = yield* Metric.value(Metric.tagged(Metric.counter("test.sent"), "kind", "a"))
      const pending = yield* Metric.value(Metric.gauge("test.pending"))
      const errors = yield* Metric.value(Metric.tagged(Metric.counter("statsig.sdk.errors"), "tag", "NetworkClient"))
      assert.deepStrictEqual([counted.count, pending.value, errors.count], [7, 7, 1])
      const states = (yield* Metric.snapshot).filter(({ metricKey }) => metricKey.name === "test.latency")
      assert.strictEqual(states.length, 1)
      assert.deepInclude(states[0]!.metricState as object, { sum: 12, count: 1 })
    }).pipe(Effect.provide(Metrics.layer))
  )
})
