/**
 * Passes the SDK's metrics to your own functions.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { type Client, ObservabilityClient } from "../../src/ObservabilityClient.js"

/**
 * Calls the given functions; a measurement without one is dropped.
 *
 * @since 0.1.0
 */
export const layer = (callbacks: Partial<Client>): Layer.Layer<ObservabilityClient> =>
  Layer.succeed(ObservabilityClient, {
    increment: (name, value, tags) => callbacks.increment?.(name, value, tags),
    gauge: (name, value, tags) => callbacks.gauge?.(name, value, tags),
    distribution: (name, value, tags) => callbacks.distribution?.(name, value, tags),
    error: (tag, error) => callbacks.error?.(tag, error),
    allowsHighCardinality: tag => callbacks.allowsHighCardinality?.(tag) === true
  })
