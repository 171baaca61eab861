/**
 * The SDK's metrics as Effect Metrics, for any exporter: OpenTelemetry, Prometheus, a snapshot in a test.
 *
 * Increments are counters, distributions are histograms of milliseconds, errors count under `statsig.sdk.errors`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Runtime from "effect/Runtime"
import { type MetricTags, ObservabilityClient } from "../../src/ObservabilityClient.js"

/** From 1 ms to half a minute. */
const boundaries = MetricBoundaries.exponential({ start: 1, factor: 2, count: 16 })

const tagged = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, tags: MetricTags | undefined) =>
  Object.entries(tags ?? {}).reduce((tagged, [key, value]) => Metric.tagged(tagged, key, value), metric)

/**
 * Updates the metrics of the fiber that builds the layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<ObservabilityClient> = Layer.effect(
  ObservabilityClient,
  Effect.map(Effect.runtime<never>(), runtime => {
    const run = Runtime.runSync(runtime)
    return {
      increment: (name, value, tags) => run(Metric.update(tagged(Metric.counter(name), tags), value)),
      gauge: (name, value, tags) => run(Metric.update(tagged(Metric.gauge(name), tags), value)),
      distribution: (name, value, tags) => run(Metric.update(tagged(Metric.histogram(name, boundaries), tags), value)),
      error: tag => run(Metric.update(tagged(Metric.counter("statsig.sdk.errors"), { tag }), 1))
    }
  })
)
