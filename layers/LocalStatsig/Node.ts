/**
 * A local Statsig with its own server, for programs and tests on Node.
 *
 * @since 0.1.0
 */

import { createServer } from "node:http"
import * as HttpServer from "@effect/platform/HttpServer"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LocalStatsig from "../LocalStatsig.js"

/**
 * The server's contents and port.
 *
 * @since 0.1.0
 */
export interface NodeOptions extends LocalStatsig.LocalStatsigOptions {
  /** The port. Default: a free one. */
  readonly port?: number | undefined
}

/**
 * Listens on 127.0.0.1, on a free port unless one is given, until the scope closes. Fails when the port is taken.
 *
 * @since 0.1.0
 */
export const layer = (options: NodeOptions = {}): Layer.Layer<LocalStatsig.LocalStatsig, ServeError> =>
  Layer.provide(LocalStatsig.layer(options), Layer.scoped(HttpServer.HttpServer, makeServer(options.port ?? 0)))

/** Closing waits for the clients' connections, so it cuts kept-alive ones. */
const makeServer = Effect.fnUntraced(function* (port: number) {
  const server = createServer()
  const httpServer = yield* NodeHttpServer.make(() => server, { port, host: "127.0.0.1" })
  yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
  return httpServer
})
