/**
 * Evaluations for OpenTelemetry, through Effect's Metric and Tracer and under the names of its semantic conventions for
 * feature flags (1.45), for any exporter of those, such as `@effect/opentelemetry`.
 *
 * Each evaluation is counted, and is an event of the current span. Syncs are spans even without this layer:
 * `statsig.sync`. Without it evaluations cost nothing more; with it each costs about one microsecond more.
 *
 * Growth is bounded: metric series and span events are limited as in OpenTelemetry itself, and attributes contain no
 * user data except `feature_flag.context.id`.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { compileUnit } from "../src/engine/conditions/conditions.js"
import { textOf } from "../src/engine/conditions/values.js"
import type { Checked } from "../src/internal/checks.js"
import { outcomeOf } from "../src/internal/outcome.js"
import { SpecStore } from "../src/SpecStore.js"
import { Statsig } from "../src/Statsig.js"

/**
 * What is reported beyond key, variant and reason.
 *
 * @since 0.1.0
 */
export interface TelemetryOptions {
  /** Events contain the value, as `feature_flag.result.value`; it may be sensitive. Default: false. */
  readonly includeValue?: boolean | undefined
  /** Events contain the unit ID of the evaluation, as `feature_flag.context.id`. Default: true. */
  readonly includeContextID?: boolean | undefined
}

/**
 * The maximum number of metric series: the default of OpenTelemetry's SDKs. The others count as one, marked as they do.
 */
const maxSeries = 2_000
const overflow = { "otel.metric.overflow": "true" }

/** The maximum number of events of one span: the default of OpenTelemetry's SDKs. */
const maxEvents = 128

/** The maximum length of a value in characters. */
const maxValueLength = 1_000

const counterKey = MetricKey.counter("feature_flag.evaluations", {
  description: "Evaluations of feature flags, by flag, variant and reason"
})

type Attributes = Readonly<Record<string, string>>

/** Listens to the evaluations while the scope is open. */
const follow = Effect.fnUntraced(function* ({ includeContextID = true, includeValue = false }: TelemetryOptions) {
  const statsig = yield* Statsig
  const store = yield* SpecStore
  const clock = yield* Effect.clock
  const labels = yield* FiberRef.get(FiberRef.currentMetricLabels)

  /** A metric with a key of its own is updated without a registry lookup. */
  const counterOf = (attributes: Attributes) =>
    Metric.fromMetricKey(
      MetricKey.taggedWithLabels(counterKey, [
        ...labels,
        ...Object.entries(attributes).map(([name, value]) => MetricLabel.make(name, value))
      ])
    )
  const series = new Map<string, ReturnType<typeof counterOf>>()
  const count = (attributes: Attributes) => {
    const key = Object.values(attributes).join("\n")
    let metric = series.get(key)
    if (metric === undefined) {
      const isFull = series.size >= maxSeries
      metric = counterOf(isFull ? overflow : attributes)
      if (!isFull) series.set(key, metric)
    }
    metric.unsafeUpdate(1, [])
  }

  const counts = new WeakMap<Tracer.Span, number>()
  const addEvent = (attributes: () => Attributes) => {
    const span = currentSpan()
    if (span === undefined) return
    const events = counts.get(span) ?? 0
    if (events >= maxEvents) return
    counts.set(span, events + 1)
    span.event("feature_flag.evaluation", clock.unsafeCurrentTimeNanos(), attributes())
  }

  const tell = ({ evaluation, kind, name, user }: Checked) => {
    const { snapshot } = store.current()
    const outcome = outcomeOf(snapshot, kind, name, evaluation)
    const attributes: Attributes = {
      "feature_flag.key": name,
      "feature_flag.provider.name": "statsig-effect",
      ...(outcome._tag === "Resolved"
        ? { "feature_flag.result.variant": outcome.variant, "feature_flag.result.reason": outcome.reason }
        : { "feature_flag.result.reason": "error", "error.type": outcome.type })
    }
    count(attributes)
    addEvent(() => {
      const { idType = "userID", version } = evaluation
      const id = textOf(compileUnit(idType)(user))
      const value = kind === "gate" ? evaluation.bool : (evaluation.value ?? {})
      return {
        ...attributes,
        ...(outcome._tag === "Failed" ? { "error.message": outcome.message } : {}),
        ...(version === undefined ? {} : { "feature_flag.version": String(version) }),
        ...(includeContextID && id !== undefined ? { "feature_flag.context.id": id } : {}),
        ...(includeValue ? { "feature_flag.result.value": JSON.stringify(value).slice(0, maxValueLength) } : {})
      }
    })
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => statsig.onCheck(tell)),
    end => Effect.sync(end)
  )
})

/** The span of the current fiber: a check is a call within it. */
const currentSpan = (): Tracer.Span | undefined =>
  Option.getOrUndefined(
    Fiber.getCurrentFiber().pipe(
      Option.flatMap(fiber => Context.getOption(fiber.getFiberRef(FiberRef.currentContext), Tracer.ParentSpan)),
      Option.filter(span => span._tag === "Span")
    )
  )

/**
 * Reports every evaluation of the service below it. The metrics are those of the fiber that builds the layer.
 *
 * @example
 * program.pipe(
 *   Effect.provide(Telemetry.layer().pipe(Layer.provideMerge(StatsigLayer.layer({ sdkKey }))))
 * )
 *
 * @since 0.1.0
 */
export const layer = (options: TelemetryOptions = {}): Layer.Layer<never, never, Statsig | SpecStore> =>
  Layer.scopedDiscard(follow(options))
