/**
 * Records the SDK's metrics, for tests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type MetricTags, ObservabilityClient } from "../../src/ObservabilityClient.js"

/**
 * One call of the client.
 *
 * @since 0.1.0
 */
export type Measurement =
  | {
      readonly _tag: "Increment" | "Gauge" | "Distribution"
      readonly name: string
      readonly value: number
      readonly tags: MetricTags | undefined
    }
  | { readonly _tag: "Error"; readonly name: string; readonly message: string }

/**
 * The measurements, oldest first: the last 10,000 calls.
 *
 * @since 0.1.0
 */
export class Measurements extends Context.Tag("statsig-effect/layers/ObservabilityClient/Memory/Measurements")<
  Measurements,
  { readonly all: Effect.Effect<ReadonlyArray<Measurement>> }
>() {}

const kept = 10_000

/**
 * A client that records, and `Measurements` to read the records.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<ObservabilityClient | Measurements> = Layer.effectContext(
  Effect.sync(() => {
    const measurements: Array<Measurement> = []
    const keep = (measurement: Measurement) => {
      measurements.push(measurement)
      if (measurements.length > kept) measurements.shift()
    }
    return Context.make(ObservabilityClient, {
      increment: (name, value, tags) => keep({ _tag: "Increment", name, value, tags }),
      gauge: (name, value, tags) => keep({ _tag: "Gauge", name, value, tags }),
      distribution: (name, value, tags) => keep({ _tag: "Distribution", name, value, tags }),
      error: (name, message) => keep({ _tag: "Error", name, message })
    }).pipe(Context.add(Measurements, { all: Effect.sync(() => [...measurements]) }))
  })
)
