/**
 * HTTP by `node:http` and a pool of connections of its own: the client of the presets.
 *
 * Unlike the global `fetch` it can let go of its sockets: none keeps the process alive, not even in the middle of an
 * answer. What a program waits for is kept alive by the timeout that every request of the SDK has. It goes through
 * proxies, trusts what Node trusts (`NODE_EXTRA_CA_CERTS` too) and further roots, decodes gzip, brotli and deflate, and
 * follows no redirect: requests carry the SDK key, and whoever makes one decides where it may go.
 *
 * @since 0.1.0
 */
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import { Socket } from "node:net"
import { type Duplex, pipeline, Readable, type Transform } from "node:stream"
import { arrayBuffer } from "node:stream/consumers"
import type { ReadableStream as WebStream } from "node:stream/web"
import * as tls from "node:tls"
import * as zlib from "node:zlib"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { getProxyForUrl } from "proxy-from-env"

/**
 * What a client may be told. All may be left out.
 *
 * @since 0.1.0
 */
export interface NodeOptions {
  /**
   * The proxy of all requests: `http://host:port` or `https://…`, with `user:password@` where it asks for them. Default:
   * that of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, but for the hosts of `NO_PROXY`), if any.
   */
  readonly proxyUrl?: Redacted.Redacted | undefined
  /** A PEM file of root certificates to trust besides those that Node trusts. */
  readonly caCertPath?: string | undefined
  /** PEM files of the client's own certificate and its key, for servers that ask for one. */
  readonly clientCertPath?: string | undefined
  readonly clientKeyPath?: string | undefined
  /** The name that the server's certificate must have, where it is not that of the URL. */
  readonly domainName?: string | undefined
}

/** How long a proxy may take to open a tunnel, in milliseconds: whoever asked for it may be gone. */
const tunnelTimeout = 10_000

const unref = (socket: Duplex): void => {
  if (socket instanceof Socket) socket.unref()
}

/** Does not keep the process alive, whatever address it tries. */
const letGo = <S extends Duplex | null | undefined>(socket: S): S => {
  if (socket instanceof Socket) {
    socket.unref()
    socket.on("connectionAttempt", () => socket.unref())
  }
  return socket
}

/** TLS connections through a proxy, each in a tunnel of its own. */
class TunnelAgent extends https.Agent {
  readonly #proxy: Proxy

  constructor(options: https.AgentOptions, proxy: Proxy) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(
    options: https.RequestOptions,
    callback: (error: Error | null, stream: Duplex) => void
  ): undefined {
    const fail = (error: Error) => callback(error, undefined as unknown as Duplex)
    const host = options.host!.includes(":") ? `[${options.host}]` : options.host
    const target = `${host}:${options.port}`
    const request = this.#proxy.request({ method: "CONNECT", path: target, headers: { host: target } })
    request.setTimeout(tunnelTimeout, () => request.destroy(new Error("the proxy does not answer")))
    request.once("error", fail)
    request.once("connect", ({ statusCode, statusMessage }, socket) => {
      socket.setTimeout(0)
      if (statusCode === 200) {
        const secured = super.createConnection({ ...options, socket } as https.RequestOptions)
        callback(null, letGo(secured as Duplex))
      } else {
        socket.destroy()
        fail(new Error(`the proxy refuses to connect to ${target}: ${statusCode} ${statusMessage}`))
      }
    })
    request.end()
  }
}

interface Proxy {
  readonly request: (options: http.RequestOptions) => http.ClientRequest
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(),
  "x-gzip": () => zlib.createGunzip(),
  br: () => zlib.createBrotliDecompress(),
  deflate: () => zlib.createInflate()
}

/** The body of an answer without its encoding. One that is not known is left to the reader, who finds it in the head. */
const decoded = (incoming: http.IncomingMessage): Readable => {
  const decoder = decoders[incoming.headers["content-encoding"]?.trim().toLowerCase() ?? ""]?.()
  // What goes wrong is an error of the decoder, which is what is read.
  return decoder === undefined ? incoming : pipeline(incoming, decoder, () => {})
}

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])

/** What is read of a `Response`. */
type Answer = Pick<Response, "status" | "headers" | "body" | "arrayBuffer" | "text" | "formData">

/** A whole `Response` and its stream cost more than all else that is done for a short answer, which is read at once. */
const answerOf = (incoming: http.IncomingMessage): Answer => {
  const headers = new Headers()
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index]!, incoming.rawHeaders[index + 1]!)
  }
  const status = incoming.statusCode!
  if (withoutBody.has(status)) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  let response: Response | undefined
  const whole = () => {
    const body = () => Readable.toWeb(decoded(incoming)) as unknown as ReadableStream<Uint8Array>
    response ??= new Response(body(), { status, headers })
    return response
  }
  return {
    status,
    headers,
    get body() {
      return whole().body
    },
    arrayBuffer: () => arrayBuffer(decoded(incoming)),
    text: () => whole().text(),
    formData: () => whole().formData()
  }
}

/** The pools of one client, and the way to send by them what `fetch` is given. */
const makePools = (proxyUrl: Redacted.Redacted | undefined, tls: https.AgentOptions) => {
  const agents: Array<http.Agent> = []
  let isClosed = false
  /** An agent that lets go of its sockets, and keeps none once all is closed. */
  const opened = <A extends http.Agent>(agent: A): A => {
    const { createConnection, keepSocketAlive, reuseSocket } = agent
    agent.createConnection = (...args) => letGo(createConnection.apply(agent, args))
    agent.reuseSocket = (socket, request) => {
      reuseSocket.call(agent, socket, request)
      unref(socket)
    }
    agent.keepSocketAlive = socket => !isClosed && keepSocketAlive.call(agent, socket)
    agents.push(agent)
    return agent
  }
  const plain = opened(new http.Agent({ keepAlive: true }))
  const secured = opened(new https.Agent(tls))
  const proxies = new Map<string, Proxy & { readonly tunnels: TunnelAgent }>()

  const proxyOf = (text: string) => {
    const known = proxies.get(text)
    if (known !== undefined) return known
    const url = new URL(text)
    const isSecure = url.protocol === "https:"
    const { password, username } = url
    const authorization =
      username === "" && password === ""
        ? {}
        : {
            "proxy-authorization": `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64")}`
          }
    // The name of the target is not that of the proxy.
    const agent = isSecure ? opened(new https.Agent({ ...tls, servername: undefined })) : plain
    const proxy: Proxy = {
      request: request =>
        (isSecure ? https : http).request({
          ...request,
          host: unbracketed(url.hostname),
          port: url.port || (isSecure ? 443 : 80),
          headers: { ...(request.headers as http.OutgoingHttpHeaders), ...authorization },
          agent
        })
    }
    const made = { ...proxy, tunnels: opened(new TunnelAgent(tls, proxy)) }
    proxies.set(text, made)
    return made
  }

  const given = proxyUrl === undefined ? undefined : Redacted.value(proxyUrl)

  const requestTo = (url: URL, options: http.RequestOptions): http.ClientRequest => {
    const proxyText = given ?? fromEnvironment(url)
    if (proxyText === undefined) {
      return url.protocol === "https:"
        ? https.request(url, { ...options, agent: secured })
        : http.request(url, { ...options, agent: plain })
    }
    const proxy = proxyOf(proxyText)
    if (url.protocol === "https:") return https.request(url, { ...options, agent: proxy.tunnels })
    const headers = { host: url.host, ...(options.headers as http.OutgoingHttpHeaders) }
    const auth = url.username === "" ? {} : { auth: `${decode(url.username)}:${decode(url.password)}` }
    return proxy.request({ ...options, ...auth, headers, path: url.origin + url.pathname + url.search })
  }

  const fetch = (input: URL | string, init: RequestInit): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { body } = init
      const send = () => {
        const request = requestTo(new URL(input), {
          method: init.method ?? "GET",
          headers: init.headers as http.OutgoingHttpHeaders,
          signal: init.signal ?? undefined
        })
        let isAnswered = false
        request.once("error", error => {
          // The server had closed the connection meanwhile. What has a body may have been read, and is not sent twice.
          const isStale = request.reusedSocket && isReset(error) && !isAnswered && !body
          if (isStale) send()
          else reject(error)
        })
        request.once("response", incoming => {
          isAnswered = true
          resolve(answerOf(incoming))
        })
        if (body instanceof ReadableStream) pipeline(Readable.fromWeb(body as WebStream), request, () => {})
        else request.end(body)
      }
      send()
    })

  return {
    fetch,
    /** What is under way comes to its end; no connection is kept after that. */
    close: () => {
      isClosed = true
      for (const agent of agents) {
        for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
      }
    }
  }
}

const isReset = (error: Error): boolean => (error as NodeJS.ErrnoException).code === "ECONNRESET"

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const unbracketed = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1")

/** Of the environment's proxies those that speak HTTP. */
const fromEnvironment = (url: URL): string | undefined => {
  const text = getProxyForUrl(url.href)
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? text : undefined
}

/** Given roots replace Node's own, which are therefore given along with them. */
const trustedRoots = (): ReadonlyArray<string | Buffer> => {
  const { getCACertificates } = tls as { readonly getCACertificates?: (kind: "default") => ReadonlyArray<string> }
  if (getCACertificates !== undefined) return getCACertificates("default")
  try {
    return [...tls.rootCertificates, readFileSync(process.env["NODE_EXTRA_CA_CERTS"] ?? "")]
  } catch {
    // There is none, or Node has warned of it when it started.
    return tls.rootCertificates
  }
}

/** What concerns TLS. Files that cannot be used cost a warning, not the network. */
const makeTls = Effect.fnUntraced(function* (options: NodeOptions) {
  const { caCertPath, clientCertPath, clientKeyPath, domainName } = options
  const named = { keepAlive: true, ...(domainName === undefined ? {} : { servername: domainName }) }
  if (caCertPath === undefined && clientCertPath === undefined) return named
  return yield* Effect.try(() => {
    const ca = caCertPath === undefined ? undefined : [...trustedRoots(), certificates(caCertPath)]
    const own = clientCertPath === undefined ? {} : { cert: readFileSync(clientCertPath), key: keyOf(clientKeyPath) }
    // Made once: with all roots it takes milliseconds.
    return { ...named, secureContext: tls.createSecureContext({ ...own, ...(ca && { ca: [...ca] }) }) }
  }).pipe(
    Effect.catchAll(({ error }) =>
      Effect.as(Effect.logWarning(`The certificates of the network options are not used: ${String(error)}`), named)
    )
  )
})

/** Throws where a file holds none. */
const certificates = (path: string): Buffer => {
  const pem = readFileSync(path)
  new X509Certificate(pem)
  return pem
}

const keyOf = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path))

const makeFetch = Effect.fnUntraced(function* (options: NodeOptions) {
  const tls = yield* makeTls(options)
  const pools = yield* Effect.acquireRelease(
    Effect.sync(() => makePools(options.proxyUrl, tls)),
    ({ close }) => Effect.sync(close)
  )
  return pools.fetch as unknown as typeof globalThis.fetch
})

/**
 * A client that is told where to go through and whom to trust.
 *
 * @example
 * NodeClient.layerWith({ proxyUrl: Redacted.make("http://user:password@proxy.example:3128") })
 *
 * @since 0.1.0
 */
export const layerWith = (options: NodeOptions): Layer.Layer<HttpClient.HttpClient> =>
  Layer.provide(FetchHttpClient.layer, Layer.scoped(FetchHttpClient.Fetch, makeFetch(options)))

/**
 * A client with a pool of connections for each time the layer is built.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = /* @__PURE__ */ layerWith({})
