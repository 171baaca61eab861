/**
 * Receives the SDK's own metrics.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Tags of one measurement: names and values are strings.
 *
 * @since 0.1.0
 */
export type MetricTags = Readonly<Record<string, string>>

/**
 * Implement it to send the SDK's metrics to your own system. Names begin with `statsig.sdk.`. Members are called in the
 * background and must not block; anything they throw is swallowed.
 *
 * @since 0.1.0
 */
export interface Client {
  readonly increment: (name: string, value: number, tags: MetricTags | undefined) => void
  readonly gauge: (name: string, value: number, tags: MetricTags | undefined) => void
  /** One observation of a distribution; durations are in milliseconds. */
  readonly distribution: (name: string, value: number, tags: MetricTags | undefined) => void
  readonly error: (tag: string, error: string) => void
  /** Whether a high-cardinality tag (`lcut`, `prev_lcut`) may be sent. Default: never. */
  readonly allowsHighCardinality?: ((tag: string) => boolean) | undefined
}

/**
 * The client in use.
 *
 * Layers: `statsig-effect/layers/ObservabilityClient/Noop` (default).
 *
 * @since 0.1.0
 */
export class ObservabilityClient extends Context.Tag("statsig-effect/ObservabilityClient")<
  ObservabilityClient,
  Client
>() {}
