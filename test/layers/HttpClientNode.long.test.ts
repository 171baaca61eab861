import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rootCertificates } from "node:tls"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { afterAll, afterEach, vi } from "vitest"
import * as NodeClient from "../../layers/HttpClient/Node.js"
import { causesOf, withoutTraces } from "../../src/internal/http.js"
import { translated } from "../support/translated.js"
import { rootCertificate, serverCertificate, serverKey } from "./support/certificates.js"
import { serve, serveProxy } from "./support/proxies.js"

const folder = mkdtempSync(join(tmpdir(), "statsig-"))
const caCertPath = join(folder, "root.pem")
writeFileSync(caCertPath, rootCertificate)

/** The text at a URL, or the error. */
const get = (url: string, options: NodeClient.NodeOptions = {}) =>
  Effect.flatMap(HttpClient.get(url), response => response.text).pipe(
    Effect.catchAll(error => Effect.succeed(causesOf(error))),
    Effect.scoped,
    Effect.provide(NodeClient.layerWith(options))
  )

const hello = (scheme: "http" | "https") => serve(scheme, (_request, response) => response.end("hello"))
const withoutScheme = (url: string) => url.replace(/^https?:\/\//, "")

afterEach(() => void vi.unstubAllEnvs())
afterAll(() => rmSync(folder, { recursive: true }))

describe("HttpClient/Node", () => {
  describe("through a proxy", () => {
    it.scopedLive("fetches http and https URLs, with a user and a password", () =>
      Effect.gen(function* () {
        const plain = yield* hello("http")
        const secured = yield* hello("https")
        for (const scheme of ["http", "https"] as const) {
          const proxy = yield* serveProxy({ scheme, user: "me:pa:ss@" })
          const proxyUrl = Redacted.make(proxy.url.replace("://", "://me:pa%3Ass%40@"))
          assert.strictEqual(yield* get(`${plain}/a?b=c`, { proxyUrl, caCertPath }), "hello")
          assert.strictEqual(yield* get(`${secured}/a?b=c`, { proxyUrl, caCertPath }), "hello")
          assert.deepStrictEqual(proxy.seen, [
            `GET ${plain}/a?b=c me:pa:ss@`,
            `CONNECT ${withoutScheme(secured)} me:pa:ss@`
          ])
        }
      })
    )

    it.scopedLive("reports what is wrong with the proxy, without its password", () =>
      Effect.gen(function* () {
        const secured = yield* hello("https")
        const proxy = yield* serveProxy({ user: "me:right" })
        const wrong = Redacted.make(proxy.url.replace("://", "://me:wrong@"))
        const refused = yield* get(secured, { proxyUrl: wrong, caCertPath })
        assert.strictEqual(
          refused,
          `the proxy refuses to connect to ${withoutScheme(secured)}: 407 Proxy Authentication Required`
        )
        const nobody = Redacted.make("http://127.0.0.1:1")
        assert.include(yield* get(secured, { proxyUrl: nobody, caCertPath }), "connect ECONNREFUSED 127.0.0.1:1")
        assert.include(yield* get("http://a.test", { proxyUrl: nobody }), "connect ECONNREFUSED 127.0.0.1:1")
      })
    )

    it.scopedLive("uses the proxy of the environment, except for excluded hosts", () =>
      Effect.gen(function* () {
        const plain = yield* hello("http")
        const secured = yield* hello("https")
        const [forHttp, forHttps] = [yield* serveProxy(), yield* serveProxy()]
        vi.stubEnv("HTTP_PROXY", forHttp.url)
        vi.stubEnv("HTTPS_PROXY", forHttps.url)
        for (const url of [plain, secured]) assert.strictEqual(yield* get(url, { caCertPath }), "hello")
        vi.stubEnv("NO_PROXY", "example.com,localhost")
        for (const url of [plain, secured]) assert.strictEqual(yield* get(url, { caCertPath }), "hello")
        assert.deepStrictEqual(
          [forHttp.seen, forHttps.seen],
          [[`GET ${plain}/`], [`CONNECT ${withoutScheme(secured)}`]]
        )
      })
    )

    it.scopedLive("ignores the proxy of the environment when another is given or when it does not speak HTTP", () =>
      Effect.gen(function* () {
        const plain = yield* hello("http")
        const given = yield* serveProxy()
        vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1")
        assert.strictEqual(yield* get(plain, { proxyUrl: Redacted.make(given.url) }), "hello")
        assert.deepStrictEqual(given.seen, [`GET ${plain}/`])
        vi.stubEnv("HTTP_PROXY", "socks5://127.0.0.1:1")
        assert.strictEqual(yield* get(plain), "hello")
      })
    )
  })

  describe("over TLS", () => {
    it.scopedLive("trusts a root from a file along with Node's own, and no unknown root", () =>
      Effect.gen(function* () {
        const secured = yield* hello("https")
        assert.strictEqual(yield* get(secured, { caCertPath }), "hello")
        assert.match(yield* get(secured), /unable to verify|self-signed/)
      })
    )

    it.scopedLive("trusts NODE_EXTRA_CA_CERTS, with and without roots from a file", () =>
      Effect.gen(function* () {
        const secured = yield* hello("https")
        const others = join(folder, "others.pem")
        writeFileSync(others, rootCertificates.slice(0, 2).join("\n"))
        const several = join(folder, "several.pem")
        writeFileSync(several, [...rootCertificates.slice(0, 2), rootCertificate].join("\n"))
        const program = yield* Effect.promise(() =>
          translated(fileURLToPath(new URL("support/getText.ts", import.meta.url)))
        )
        const getIn = (extra: string, ...paths: ReadonlyArray<string>) =>
          Effect.promise(async () => {
            const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra }
            const { stdout } = await promisify(execFile)(process.execPath, [program, secured, ...paths], { env })
            return stdout
          })
        const { none, ...trusting } = yield* Effect.all(
          {
            none: getIn(others, others),
            extraAlone: getIn(several),
            extraWithFile: getIn(several, others),
            fileWithExtra: getIn(others, several),
            // Node reports unreadable ones itself.
            fileWithUselessExtra: getIn(program, several),
            fileWithUnreadableExtra: getIn(folder, several)
          },
          { concurrency: 2 }
        )
        for (const [name, text] of Object.entries(trusting)) assert.strictEqual(text, "hello", name)
        assert.match(none, /unable to verify|self-signed/)
      })
    )

    it.scopedLive("presents its own certificate to a server that requests one", () =>
      Effect.gen(function* () {
        const strict = yield* serve("https", (_request, response) => response.end("hello"), {
          requestCert: true,
          ca: rootCertificate
        })
        const clientCertPath = join(folder, "client.pem")
        const clientKeyPath = join(folder, "client.key")
        writeFileSync(clientCertPath, serverCertificate)
        writeFileSync(clientKeyPath, serverKey)
        assert.strictEqual(yield* get(strict, { caCertPath, clientCertPath, clientKeyPath }), "hello")
        assert.notStrictEqual(yield* get(strict, { caCertPath }), "hello")
      })
    )

    it.scopedLive("checks the server's certificate against the given name", () =>
      Effect.gen(function* () {
        const secured = (yield* hello("https")).replace("localhost", "127.0.0.1")
        assert.strictEqual(yield* get(secured, { caCertPath, domainName: "localhost" }), "hello")
        assert.include(yield* get(secured, { caCertPath, domainName: "other.test" }), "other.test")
      })
    )

    it.scopedLive("continues with a warning where a file cannot be used", () =>
      Effect.gen(function* () {
        const plain = yield* hello("http")
        const garbage = join(folder, "garbage.pem")
        writeFileSync(garbage, "no certificate")
        for (const path of [join(folder, "missing.pem"), garbage]) {
          const lines: Array<string> = []
          const keep = Logger.replace(
            Logger.defaultLogger,
            Logger.make(({ message }) => void lines.push(String(message)))
          )
          assert.strictEqual(yield* Effect.provide(get(plain, { caCertPath: path }), keep), "hello")
          assert.strictEqual(lines.length, 1)
          assert.match(lines[0]!, /^The certificates of the network options are not used/)
        }
      })
    )
  })

  it.scopedLive("shares connections between clients with equal options, until the last one closes", () =>
    Effect.gen(function* () {
      const open = new Set<Socket>()
      const seen: Array<Socket> = []
      const url = yield* serve("http", (request, response) => {
        seen.push(request.socket)
        open.add(request.socket)
        request.socket.once("close", () => open.delete(request.socket))
        response.end("hello")
      })
      const client = (options: NodeClient.NodeOptions) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const services = yield* Layer.buildWithScope(NodeClient.layerWith(options), scope)
          const client = Context.get(services, HttpClient.HttpClient)
          return {
            get: Effect.andThen(client.get(url), response => response.text),
            end: Scope.close(scope, Exit.void)
          }
        })
      const [first, second] = [yield* client({}), yield* client({})]
      const other = yield* client({ caCertPath })
      for (const { get } of [first, second, first, other]) assert.strictEqual(yield* get, "hello")
      assert.deepStrictEqual(
        seen.map(socket => seen.indexOf(socket)),
        [0, 0, 0, 3]
      )
      yield* first.end
      assert.strictEqual(yield* second.get, "hello")
      assert.strictEqual(seen[4], seen[0])
      yield* Effect.all([second.end, other.end])
      while (open.size > 0) yield* Effect.sleep(5)
    })
  )

  it.scopedLive("sends what it is given, and of its own only what HTTP requires", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const url = yield* serve("http", (request, response) => {
        seen.push([request.method, Object.keys(request.headers).sort()])
        response.end("hello")
      })
      const services = yield* Layer.build(NodeClient.layer)
      const execute = withoutTraces(Context.get(services, HttpClient.HttpClient))
      yield* execute(HttpClientRequest.get(url))
      yield* execute(HttpClientRequest.post(url))
      assert.deepStrictEqual(seen, [
        ["GET", ["connection", "host"]],
        ["POST", ["connection", "content-length", "host"]]
      ])
    })
  )
})
