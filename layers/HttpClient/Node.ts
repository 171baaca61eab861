/**
 * HTTP with `node:http` and its own connection pool: the client of the presets.
 *
 * Unlike with the global `fetch`, no socket keeps the process alive, not even in the middle of a response. When a
 * program waits for a request, the request's timeout keeps the process alive. The client supports proxies, trusts
 * Node's root certificates (including `NODE_EXTRA_CA_CERTS`) and additional ones, decodes gzip, brotli and deflate, and
 * follows no redirect: requests carry the SDK key, and the caller decides where they may go.
 *
 * Requests are made with the current `http.request` and `https.request`, so that mocks and tracers that replace them
 * see every request. They replace members of the module object, which is the default import; the named imports of an ES
 * module do not change.
 *
 * @since 0.1.0
 */
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import http from "node:http"
import https from "node:https"
import { Socket } from "node:net"
import { type Duplex, pipeline, Readable, type Transform } from "node:stream"
import { arrayBuffer } from "node:stream/consumers"
import type { ReadableStream as WebStream } from "node:stream/web"
import * as tls from "node:tls"
import * as zlib from "node:zlib"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { environmentVariable } from "../../src/internal/environment.js"
import { type BodyParts, type BoundedBody, type ExecuteUntraced, provideUntraced } from "../../src/internal/http.js"
import type { StatsigOptions } from "../../src/StatsigOptions.js"
import { environmentProxy } from "../internal/environmentProxy.js"

/**
 * Options of the client. All are optional.
 *
 * @since 0.1.0
 */
export interface NodeOptions extends Pick<StatsigOptions, "caCertPath" | "proxyUrl"> {
  /** A PEM file of the client's own certificate, for servers that require one. */
  readonly clientCertPath?: string | undefined
  /** A PEM file with the key of the client's own certificate. */
  readonly clientKeyPath?: string | undefined
  /** The name that the server's certificate must have, if it is not that of the URL. */
  readonly domainName?: string | undefined
}

/** The timeout for a proxy to open a tunnel, in milliseconds: the caller may be gone. */
const tunnelTimeout = 10_000

/** Does not keep the process alive, whichever address it tries. */
const letGo = <S extends Duplex | null | undefined>(socket: S): S => {
  if (socket instanceof Socket) {
    socket.unref()
    socket.on("connectionAttempt", () => socket.unref())
  }
  return socket
}

/** TLS connections through a proxy, each in a tunnel of its own. */
class TunnelAgent extends https.Agent {
  constructor(
    options: https.AgentOptions,
    private readonly askProxy: AskProxy
  ) {
    super(options)
  }

  override createConnection(
    options: https.RequestOptions,
    callback: (error: Error | null, stream: Duplex) => void
  ): undefined {
    const fail = (error: Error) => callback(error, undefined as unknown as Duplex)
    const host = options.host!.includes(":") ? `[${options.host}]` : options.host
    const target = `${host}:${options.port}`
    const request = this.askProxy({ method: "CONNECT", path: target, headers: { host: target } })
    request.setTimeout(tunnelTimeout, () => request.destroy(new Error("the proxy does not answer")))
    request.once("error", fail)
    request.once("connect", ({ statusCode, statusMessage }, socket) => {
      socket.setTimeout(0)
      if (statusCode === 200) {
        const secured = super.createConnection({ ...options, socket } as https.RequestOptions)
        return callback(null, letGo(secured as Duplex))
      }
      socket.destroy()
      fail(new Error(`the proxy refuses to connect to ${target}: ${statusCode} ${statusMessage}`))
    })
    request.end()
  }
}

type AskProxy = (options: http.RequestOptions) => http.ClientRequest

/** How many bytes are decoded at a time: fewer make decoding megabytes slow. */
const chunkSize = 64 * 1024

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip({ chunkSize }),
  "x-gzip": () => zlib.createGunzip({ chunkSize }),
  br: () => zlib.createBrotliDecompress({ chunkSize }),
  deflate: () => zlib.createInflate({ chunkSize })
}

/** The decoded body of a response. An unknown encoding is left to the reader, who finds it in the headers. */
const decoded = (incoming: http.IncomingMessage): Readable => {
  const decoder = decoders[incoming.headers["content-encoding"]?.trim().toLowerCase() ?? ""]?.()
  // Errors surface in the decoder, which is what is read.
  return decoder === undefined ? incoming : pipeline(incoming, decoder, () => {})
}

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])

/** The members of a `Response` that Effect and this package use. */
type NodeResponse = Pick<Response, "status" | "headers" | "body" | "arrayBuffer" | "text" | "formData"> & BoundedBody

/** A function of its own: one within a call would keep what the call knows. */
const ignored = () => {}

/** Plain events: an iterator over a stream takes longer than all other work on a short body. */
const readAtMost = (body: Readable, bytes: number) =>
  new Promise<BodyParts>((resolve, reject) => {
    const parts: Array<Uint8Array> = []
    let size = 0
    const take = (part: Uint8Array) => {
      parts.push(part)
      size += part.length
      if (size <= bytes) return
      settle()
      // Ends the connection too.
      body.destroy()
    }
    const settle = () => {
      resolve({ parts, size })
      // The stream may live longer than what was read of it.
      for (const [event, listener] of Object.entries(listeners)) body.off(event, listener)
      body.on("error", ignored)
    }
    const listeners = {
      data: take,
      end: settle,
      error: reject,
      close: () => reject(new Error("the connection was closed"))
    }
    for (const [event, listener] of Object.entries(listeners)) body.on(event, listener)
  })

/** The headers, with the one method of `Headers` that Effect calls. */
const headersOf = ({ headers }: http.IncomingMessage) => {
  const getSetCookie = () => headers["set-cookie"] ?? []
  return Object.defineProperty({ ...headers }, "getSetCookie", { value: getSetCookie }) as unknown as Headers
}

/**
 * Not a `Response`: that makes Node load its own `fetch`, which takes longer than a whole request, and reads the
 * environment, which Deno may deny.
 */
const responseOf = (incoming: http.IncomingMessage): NodeResponse => {
  const status = incoming.statusCode!
  const isEmpty = withoutBody.has(status)
  if (isEmpty) incoming.resume()
  const read = () => (isEmpty ? Readable.from([]) : decoded(incoming))
  let response: Response | undefined
  const whole = () => {
    const body = () => Readable.toWeb(decoded(incoming)) as unknown as ReadableStream<Uint8Array>
    response ??= new Response(isEmpty ? null : body(), { status, headers: incoming.headers as Record<string, string> })
    return response
  }
  return {
    status,
    headers: headersOf(incoming),
    get body() {
      return whole().body
    },
    arrayBuffer: () => arrayBuffer(read()),
    readAtMost: bytes => readAtMost(read(), bytes),
    text: () => whole().text(),
    formData: () => whole().formData()
  }
}

/** The connection pools of one client. */
class Pools {
  readonly #agents: Array<http.Agent> = []
  #isClosed = false
  readonly #plain = this.#opened(new http.Agent({ keepAlive: true }))
  readonly #secured: https.Agent
  readonly #proxies = new Map<string, { readonly ask: AskProxy; readonly tunnels: TunnelAgent }>()

  constructor(
    private readonly proxyUrl: Redacted.Redacted | undefined,
    private readonly tls: https.AgentOptions
  ) {
    this.#secured = this.#opened(new https.Agent(tls))
  }

  /** Opens a request on the matching pool and proxy. */
  request(url: URL, options: http.RequestOptions): http.ClientRequest {
    const proxyText = this.proxyUrl === undefined ? environmentProxy(url) : Redacted.value(this.proxyUrl)
    const isSecure = url.protocol === "https:"
    if (proxyText === undefined) {
      return isSecure
        ? https.request(url, { ...options, agent: this.#secured })
        : http.request(url, { ...options, agent: this.#plain })
    }
    const proxy = this.#proxyAt(proxyText)
    if (isSecure) return https.request(url, { ...options, agent: proxy.tunnels })
    const headers = { host: url.host, ...(options.headers as http.OutgoingHttpHeaders) }
    const auth = url.username === "" ? {} : { auth: `${decodeBody(url.username)}:${decodeBody(url.password)}` }
    return proxy.ask({ ...options, ...auth, headers, path: url.origin + url.pathname + url.search })
  }

  /** Pending requests finish; no connection is kept after that. */
  close(): void {
    this.#isClosed = true
    for (const agent of this.#agents) {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    }
  }

  /** An agent whose sockets do not keep the process alive, and which keeps none once closed. */
  #opened<A extends http.Agent>(agent: A): A {
    const { createConnection, keepSocketAlive, reuseSocket } = agent
    agent.createConnection = (...args) => letGo(createConnection.apply(agent, args))
    agent.reuseSocket = (socket, request) => {
      reuseSocket.call(agent, socket, request)
      if (socket instanceof Socket) socket.unref()
    }
    agent.keepSocketAlive = socket => !this.#isClosed && keepSocketAlive.call(agent, socket)
    this.#agents.push(agent)
    return agent
  }

  #proxyAt(text: string) {
    const known = this.#proxies.get(text)
    if (known !== undefined) return known
    const url = new URL(text)
    const isSecure = url.protocol === "https:"
    const credentials = `${decodeBody(url.username)}:${decodeBody(url.password)}`
    const authorization =
      credentials === ":" ? {} : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` }
    // The target's name is not the proxy's.
    const agent = isSecure ? this.#opened(new https.Agent({ ...this.tls, servername: undefined })) : this.#plain
    const ask: AskProxy = request =>
      (isSecure ? https : http).request({
        ...request,
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port || (isSecure ? 443 : 80),
        headers: { ...(request.headers as http.OutgoingHttpHeaders), ...authorization },
        agent
      })
    const made = { ask, tunnels: this.#opened(new TunnelAgent(this.tls, ask)) }
    this.#proxies.set(text, made)
    return made
  }
}

interface Outgoing {
  readonly method: string
  readonly headers: http.OutgoingHttpHeaders
  readonly body: unknown
  readonly signal?: AbortSignal | undefined
}

/** Sends a request on the pools, and calls one of the two functions. Returns how to end it. */
const send = (
  pools: Pools,
  url: URL,
  { body, headers, method, signal }: Outgoing,
  succeed: (response: NodeResponse) => void,
  fail: (error: unknown) => void
): (() => unknown) => {
  // A plain object: code that patches http.request reads it.
  const request = pools.request(url, { method, headers: { ...headers }, ...(signal && { signal }) })
  let isSettled = false
  let end: () => unknown = () => {
    isSettled = true
    request.destroy()
  }
  request.once("error", error => {
    // The server had closed the connection meanwhile. A request with a body may have been read and is not sent twice.
    const isReset = (error as NodeJS.ErrnoException).code === "ECONNRESET"
    if (isReset && request.reusedSocket && !isSettled && !body) {
      end = send(pools, url, { body, headers, method, signal }, succeed, fail)
    } else fail(error)
  })
  request.once("response", incoming => {
    isSettled = true
    succeed(responseOf(incoming))
  })
  if (isWebStream(body)) pipeline(Readable.fromWeb(body), request, () => {})
  else request.end(body)
  return () => end()
}

/** `fetch` on the pools. */
const fetchBy =
  (pools: Pools) =>
  (input: URL | string, { body, headers, method = "GET", signal }: RequestInit): Promise<NodeResponse> =>
    new Promise((resolve, reject) => {
      const outgoing = { method, headers: headers as http.OutgoingHttpHeaders, body, signal: signal ?? undefined }
      send(pools, new URL(input), outgoing, resolve, reject)
    })

/** Sends a request of this package without `fetch` and its signals, which take longer than the request itself. */
const executeBy =
  (pools: Pools, client: HttpClient.HttpClient): ExecuteUntraced =>
  request => {
    const { body, headers, method } = request
    const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
    const bytes = body._tag === "Uint8Array" ? body.body : undefined
    if (Either.isLeft(url) || (bytes === undefined && body._tag !== "Empty")) return client.execute(request)
    return Effect.flatMap(Effect.scope, scope => {
      let end: () => unknown = () => {}
      return Effect.zipRight(
        Scope.addFinalizer(
          scope,
          Effect.sync(() => end())
        ),
        Effect.async<HttpClientResponse.HttpClientResponse, RequestError>(resume => {
          const fail = (cause: unknown) => resume(new RequestError({ request, reason: "Transport", cause }))
          const succeed = (response: NodeResponse) =>
            resume(Effect.succeed(HttpClientResponse.fromWeb(request, response as unknown as Response)))
          try {
            end = send(pools, url.right, { body: bytes, headers, method }, succeed, fail)
          } catch (cause) {
            fail(cause)
          }
        })
      )
    })
  }

/** Not `instanceof`, which makes Node load web streams. */
const isWebStream = (body: unknown): body is WebStream => typeof (body as WebStream | null)?.getReader === "function"

const decodeBody = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Custom roots replace Node's own, so those are passed along with them. */
const trustedRoots = (): ReadonlyArray<string | Buffer> => {
  const { getCACertificates } = tls as { readonly getCACertificates?: (kind: "default") => ReadonlyArray<string> }
  if (getCACertificates !== undefined) return getCACertificates("default")
  try {
    return [...tls.rootCertificates, readFileSync(environmentVariable("NODE_EXTRA_CA_CERTS") ?? "")]
  } catch {
    // There are none, or Node warned of them at startup.
    return tls.rootCertificates
  }
}

const tlsOptions = (domainName: string | undefined): https.AgentOptions => ({
  keepAlive: true,
  ...(domainName === undefined ? {} : { servername: domainName })
})

/** The TLS settings. Unusable files cause a warning and do not disable the network. */
const makeTls = Effect.fnUntraced(function* (options: NodeOptions) {
  const { caCertPath, clientCertPath, clientKeyPath, domainName } = options
  const named = tlsOptions(domainName)
  return yield* Effect.try(() => {
    const ca = caCertPath === undefined ? undefined : [...trustedRoots(), certificates(caCertPath)]
    const fileAt = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path))
    const own = clientCertPath === undefined ? {} : { cert: fileAt(clientCertPath), key: fileAt(clientKeyPath) }
    // Made once: with all roots it takes milliseconds.
    return { ...named, secureContext: tls.createSecureContext({ ...own, ...(ca && { ca: [...ca] }) }) }
  }).pipe(
    Effect.catchAll(({ error }) =>
      Effect.as(Effect.logWarning(`The certificates of the network options are not used: ${String(error)}`), named)
    )
  )
})

/** Throws if a file contains none. */
const certificates = (path: string): Buffer => {
  const pem = readFileSync(path)
  new X509Certificate(pem)
  return pem
}

/** Effect's own client on the pools. */
const fetchClient = (pools: Pools): HttpClient.HttpClient => {
  const withFetch = Layer.succeed(FetchHttpClient.Fetch, fetchBy(pools) as unknown as typeof globalThis.fetch)
  const built = Effect.runSync(Effect.scoped(Layer.build(Layer.provide(FetchHttpClient.layer, withFetch))))
  return Context.get(built, HttpClient.HttpClient)
}

const openPools = (proxyUrl: Redacted.Redacted | undefined, tls: https.AgentOptions) => {
  const pools = new Pools(proxyUrl, tls)
  // Made on first use, which takes as long as all else at the start of an instance: the SDK's requests go without it.
  let made: HttpClient.HttpClient | undefined
  const client: HttpClient.HttpClient = HttpClient.makeWith<never, never, HttpClientError, never>(
    Effect.flatMap(request => {
      made ??= fetchClient(pools)
      return made.execute(request)
    }),
    Effect.succeed
  )
  provideUntraced(client, executeBy(pools, client))
  return { client, close: () => pools.close() }
}

/** Clients in use by their options, with the number of users. */
const sharedPools = new Map<string, ReturnType<typeof openPools> & { users: number }>()

/** Clients with the same options share their connections: a process may have hundreds of instances. */
const acquireShared = ({ domainName, proxyUrl }: NodeOptions) => {
  const key = JSON.stringify([proxyUrl && Redacted.value(proxyUrl), domainName])
  return Effect.acquireRelease(
    Effect.sync(() => {
      const opened = sharedPools.get(key) ?? { ...openPools(proxyUrl, tlsOptions(domainName)), users: 0 }
      opened.users++
      sharedPools.set(key, opened)
      return opened
    }),
    opened =>
      Effect.sync(() => {
        if (--opened.users > 0) return
        sharedPools.delete(key)
        opened.close()
      })
  )
}

/** Not shared: the same path may contain other certificates later. */
const acquireOwn = (options: NodeOptions) =>
  Effect.flatMap(makeTls(options), tls =>
    Effect.acquireRelease(
      Effect.sync(() => openPools(options.proxyUrl, tls)),
      ({ close }) => Effect.sync(close)
    )
  )

/**
 * Makes a client with these proxy and TLS options. It is closed with the scope.
 *
 * @internal
 */
export const make = (options: NodeOptions): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> => {
  const namesFiles = options.caCertPath !== undefined || options.clientCertPath !== undefined
  return Effect.map(namesFiles ? acquireOwn(options) : acquireShared(options), ({ client }) => client)
}

/**
 * A client with these proxy and TLS options.
 *
 * @example
 * NodeClient.layerWith({ proxyUrl: Redacted.make("http://user:password@proxy.example:3128") })
 *
 * @since 0.1.0
 */
export const layerWith = (options: NodeOptions): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))

/**
 * A client on the connection pool shared by all clients without options.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = /* @__PURE__ */ layerWith({})
