/**
 * Evaluations and syncs as a program's telemetry sees them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, MetricState, Tracer } from "effect"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigTest from "../../layers/StatsigTest.js"
import * as Telemetry from "../../layers/Telemetry.js"
import * as Statsig from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"

const ada = StatsigUser.make({ userID: "ada" })

const flags = StatsigTest.layer([
  { gate: "checkout", value: true },
  { gate: "beta", value: true, id: "ada" },
  { dynamicConfig: "pricing", value: { vat: 19, text: "x".repeat(5_000) } },
  { experiment: "button", value: { color: "red" }, group: "Test" },
  { layer: "home", value: { columns: 2 } }
])

const emptySpecs = {
  has_updates: true,
  feature_gates: {},
  dynamic_configs: {},
  layer_configs: {},
  condition_map: {},
  experiment_to_layer: {}
}

const withTelemetry = (options?: Telemetry.TelemetryOptions) => Layer.provideMerge(Telemetry.layer(options), flags)

/** The events of a span around the effect. */
const eventsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* effect
    const span = yield* Effect.orDie(Effect.currentSpan)
    const { events } = span as Tracer.Span & {
      readonly events: ReadonlyArray<[string, bigint, Record<string, string>]>
    }
    return events.map(([name, , attributes]): Record<string, string> => ({ name, ...attributes }))
  }).pipe(Effect.withSpan("request"))

/** The count of each series, for flags whose key has the prefix. */
const countsOf = (prefix: string) =>
  Effect.map(Metric.snapshot, pairs =>
    Object.fromEntries(
      pairs.flatMap(({ metricKey, metricState }) => {
        const tags = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
        const key = tags["feature_flag.key"]
        if (metricKey.name !== "feature_flag.evaluations" || !MetricState.isCounterState(metricState)) return []
        const type = tags["error.type"] ?? tags["feature_flag.result.variant"]
        return key?.startsWith(prefix)
          ? [[`${key} ${type} ${tags["feature_flag.result.reason"]}`, metricState.count]]
          : []
      })
    )
  )

describe("Telemetry", () => {
  it.effect("makes each evaluation an event of the enclosing span, named by the semantic conventions", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const events = yield* eventsOf(
        Effect.sync(() => {
          statsig.checkGate(ada, "checkout")
          statsig.checkGate(ada, "beta")
          statsig.getExperiment(ada, "button")
          statsig.getLayer(ada, "home")
          statsig.checkGate(ada, "unknown")
        })
      )
      const event = (key: string, variant: string, reason: string) => ({
        name: "feature_flag.evaluation",
        "feature_flag.key": key,
        "feature_flag.provider.name": "statsig-effect",
        "feature_flag.result.variant": variant,
        "feature_flag.result.reason": reason,
        "feature_flag.context.id": "ada"
      })
      assert.deepStrictEqual(events, [
        event("checkout", "on", "static"),
        event("beta", "on", "targeting_match"),
        event("button", "Test", "static"),
        event("home", "everyone", "static"),
        {
          name: "feature_flag.evaluation",
          "feature_flag.key": "unknown",
          "feature_flag.provider.name": "statsig-effect",
          "feature_flag.result.reason": "error",
          "error.type": "flag_not_found",
          "error.message": "flag unknown not found",
          "feature_flag.context.id": "ada"
        }
      ])
    }).pipe(Effect.provide(withTelemetry()))
  )

  it.effect("includes values only on request, and truncates them", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const [event] = yield* eventsOf(Effect.sync(() => statsig.getDynamicConfig(ada, "pricing")))
      assert.match(event!["feature_flag.result.value"]!, /^\{"vat":19,/)
      assert.lengthOf(event!["feature_flag.result.value"]!, 1_000)
      assert.notProperty(event, "feature_flag.context.id")
    }).pipe(Effect.provide(withTelemetry({ includeValue: true, includeContextID: false })))
  )

  it.effect("counts evaluations by flag, variant and reason, with or without a span", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      for (let i = 0; i < 3; i++) statsig.checkGate(ada, "counted")
      statsig.getDynamicConfig(ada, "pricing")
      assert.deepStrictEqual(yield* countsOf("counted"), { "counted flag_not_found error": 3 })
      const { "pricing everyone static": before = 0 } = yield* countsOf("pricing")
      statsig.getDynamicConfig(ada, "pricing")
      assert.deepStrictEqual(yield* countsOf("pricing"), { "pricing everyone static": Number(before) + 1 })
    }).pipe(Effect.provide(withTelemetry()))
  )

  it.effect("keeps no more series and events than OpenTelemetry does", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const events = yield* eventsOf(
        Effect.sync(() => {
          for (let i = 0; i < 2_100; i++) statsig.checkGate(ada, `many-${i}`)
        })
      )
      assert.lengthOf(events, 128)
      assert.lengthOf(Object.keys(yield* countsOf("many-")), 2_000)
      const overflow = (yield* Metric.snapshot).find(({ metricKey }) =>
        metricKey.tags.some(({ key }) => key === "otel.metric.overflow")
      )?.metricState
      assert.isTrue(MetricState.isCounterState(overflow) && overflow.count === 100)
    }).pipe(Effect.provide(withTelemetry()))
  )

  it.effect("ends with its scope", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      yield* Effect.scoped(Layer.build(Telemetry.layer()))
      assert.deepStrictEqual(yield* eventsOf(Effect.sync(() => statsig.checkGate(ada, "checkout"))), [])
    }).pipe(Effect.provide(flags))
  )
})

describe("statsig.sync", () => {
  it.effect("is a span for each sync that reports its outcome", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const native = yield* Effect.tracer
      const recording = Tracer.make({
        context: native.context,
        span: (...made) => {
          const span = native.span(...made)
          spans.push(span)
          return span
        }
      })
      const specs = { ...emptySpecs, time: 7 }
      yield* Effect.gen(function* () {
        yield* (yield* Statsig.Statsig).syncNow
      }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs: JSON.stringify(specs) })), Effect.withTracer(recording))
      yield* Effect.void.pipe(
        Effect.provide(StatsigLayer.layerOffline({ specs: "no specs" })),
        Effect.withTracer(recording)
      )
      const shown = spans.map(({ attributes, name, status }) => [
        name,
        Object.fromEntries(attributes),
        status._tag === "Ended" && status.exit._tag
      ])
      const attributes = (purpose: string, isNew: boolean) => ({
        "statsig.sync.purpose": purpose,
        "statsig.sync.source": "Bootstrap",
        "statsig.sync.source_api": "",
        "statsig.sync.is_new": isNew,
        "statsig.specs.time": 7
      })
      assert.deepStrictEqual(shown, [
        ["statsig.sync", attributes("initialize", true), "Success"],
        ["statsig.sync", attributes("sync", false), "Success"],
        ["statsig.sync", { ...attributes("initialize", false), "statsig.specs.time": 0 }, "Failure"]
      ])
    })
  )
})
