/**
 * Measures nothing.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { type Client, ObservabilityClient } from "../../src/ObservabilityClient.js"

/**
 * A client that drops every metric.
 *
 * @since 0.1.0
 */
export const client: Client = {
  increment: () => {},
  gauge: () => {},
  distribution: () => {},
  error: () => {}
}

/**
 * That client.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<ObservabilityClient> = /* @__PURE__ */ Layer.succeed(ObservabilityClient, client)
