/**
 * HTTP by a connection pool of its own, for programs on Node that do not want to share the one behind the global
 * `fetch`; its sockets are closed with the layer. Answers are decoded, and redirects not followed, as by `Fetch`.
 *
 * Needs `@effect/platform-node`, whose `undici` it uses.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * The `fetch` of a new pool.
 */
const makeFetch = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent()),
    agent => Effect.promise(() => agent.destroy())
  ),
  (dispatcher): typeof globalThis.fetch =>
    // The types of Node's fetch are those of another copy of undici.
    (input, init) =>
      Undici.fetch(input as string, {
        ...(init as unknown as Undici.RequestInit),
        redirect: "manual",
        dispatcher
      }) as Promise<never>
)

/**
 * A client with a pool of connections for each time the layer is built.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.provide(
  FetchHttpClient.layer,
  Layer.scoped(FetchHttpClient.Fetch, makeFetch)
)
