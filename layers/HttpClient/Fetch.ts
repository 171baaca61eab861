/**
 * HTTP with the runtime's own `fetch`, for runtimes without `node:http`. It follows no redirect: requests carry the SDK
 * key, and the caller decides where they may go. On Node a request in flight keeps the process alive until its timeout;
 * `HttpClient/Node`, the client of the presets, does not.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Layer from "effect/Layer"

/**
 * The client.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.provide(
  FetchHttpClient.layer,
  Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" })
)
