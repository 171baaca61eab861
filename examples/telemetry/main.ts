/**
 * Evaluations and syncs in OpenTelemetry: a request whose span shows which flags decided it, a count of all
 * evaluations, and a span for each sync.
 *
 * Run it with `npx tsx examples/telemetry/main.ts`. It exports to memory and prints what a collector would get; a real
 * program has an OTLP exporter there. It uses specs from memory, and no network.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import * as Telemetry from "statsig-effect/layers/Telemetry"
import { specs } from "../shop/specs.js"

const spans = new InMemorySpanExporter()
const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const metricReader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 60_000 })

const exporter = NodeSdk.layer(() => ({
  resource: { serviceName: "shop" },
  spanProcessor: new SimpleSpanProcessor(spans),
  metricReader
}))

/** The program uses no telemetry except its own spans. */
const handleRequest = (userID: string) =>
  Effect.gen(function* () {
    const isNew = yield* Statsig.checkGate("new_checkout")
    const button = yield* Statsig.getExperiment("checkout_button")
    return { checkout: isNew ? "new" : "old", color: button.getString("color", "grey") }
  }).pipe(
    Statsig.withUser(StatsigUser.make({ userID, email: `${userID}@shop.example` })),
    Effect.withSpan("GET /checkout", { root: true })
  )

const print = Effect.gen(function* () {
  yield* Effect.promise(() => metricReader.forceFlush())
  yield* Console.log("Spans")
  for (const { attributes, events, name } of spans.getFinishedSpans()) {
    yield* Console.log(`  ${name} ${JSON.stringify(attributes)}`)
    for (const event of events) yield* Console.log(`    ${event.name} ${JSON.stringify(event.attributes)}`)
  }
  yield* Console.log("Metrics")
  for (const { dataPoints, descriptor } of metrics
    .getMetrics()
    .at(-1)
    ?.scopeMetrics.flatMap(s => s.metrics) ?? []) {
    if (!descriptor.name.startsWith("feature_flag.")) continue
    for (const { attributes, value } of dataPoints) {
      yield* Console.log(`  ${descriptor.name} ${JSON.stringify(attributes)} ${String(value)}`)
    }
  }
})

await Effect.gen(function* () {
  yield* Effect.forEach(["mara", "joe", "ada"], handleRequest)
  yield* Effect.flatMap(Statsig.Statsig, statsig => statsig.syncNow)
  yield* print
}).pipe(
  Effect.provide(
    Telemetry.layer({ includeValue: true }).pipe(
      Layer.provideMerge(StatsigLayer.layerOffline({ specs: JSON.stringify(specs) })),
      Layer.provideMerge(exporter)
    )
  ),
  Effect.runPromise
)
