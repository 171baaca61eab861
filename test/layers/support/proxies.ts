/** Test servers: one that responds, over TLS or not, and a proxy that records its requests. */
import * as http from "node:http"
import * as https from "node:https"
import { type AddressInfo, connect, type Server, type Socket } from "node:net"
import { Effect } from "effect"
import { serverCertificate, serverKey } from "./certificates.js"

const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.async<Set<Socket>>(resume => {
      const sockets = new Set<Socket>()
      server.on("connection", socket => {
        sockets.add(socket)
        socket.on("error", () => {})
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(sockets)))
    }),
    sockets =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Responds to every request; returns the URL. */
export const serve = Effect.fnUntraced(function* (
  scheme: "http" | "https",
  listener: http.RequestListener,
  tls: https.ServerOptions = {}
) {
  const server =
    scheme === "http"
      ? http.createServer(listener)
      : https.createServer({ cert: serverCertificate, key: serverKey, ...tls }, listener)
  yield* listen(server)
  return `${scheme}://localhost:${portOf(server)}`
})

/** A proxy and its requests: the request line and the decoded authorisation. */
export const serveProxy = Effect.fnUntraced(function* (
  options: {
    readonly scheme?: "http" | "https"
    readonly user?: string
    /** The target of every tunnel, whatever was requested. */
    readonly tunnelTo?: number
  } = {}
) {
  const seen: Array<string> = []
  const isWelcome = (request: http.IncomingMessage): boolean => {
    const given = (request.headers["proxy-authorization"] ?? "").replace("Basic ", "")
    const user = Buffer.from(given, "base64").toString()
    seen.push(`${request.method} ${request.url} ${user}`.trim())
    return options.user === undefined || user === options.user
  }
  const forward: http.RequestListener = (request, response) => {
    if (!isWelcome(request)) {
      response.writeHead(407).end()
      return
    }
    const { "proxy-authorization": _, ...headers } = request.headers
    const passed = http.request(request.url!, { method: request.method, headers }, answer => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    passed.on("error", () => response.writeHead(502).end())
    request.pipe(passed)
  }
  const server =
    options.scheme === "https"
      ? https.createServer({ cert: serverCertificate, key: serverKey }, forward)
      : http.createServer(forward)
  server.on("connect", (request: http.IncomingMessage, socket: Socket) => {
    if (!isWelcome(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
      return
    }
    const [host, port] = request.url!.split(":")
    const target = connect(
      options.tunnelTo ?? Number(port),
      options.tunnelTo === undefined ? host : "127.0.0.1",
      () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
        socket.pipe(target).pipe(socket)
      }
    )
    target.on("error", () => socket.destroy())
    socket.on("error", () => target.destroy())
    socket.on("close", () => target.destroy())
  })
  yield* listen(server)
  return {
    seen,
    host: "localhost",
    port: portOf(server),
    url: `${options.scheme ?? "http"}://localhost:${portOf(server)}`
  }
})
