import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"

/** A test server that runs until the scope closes; returns its address. */
export const serve = (listener: RequestListener) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Server>(resume => {
        const server = createServer(listener).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      server => Effect.sync(() => void server.close().closeAllConnections())
    ),
    server => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  )
