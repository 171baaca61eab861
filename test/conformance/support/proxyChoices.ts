/**
 * A program that requests specs at some URLs with the official package, and prints those that it requested through a
 * proxy. Its argument is JSON: the environment variables, in which `PROXY` is replaced by the address of the proxy, and
 * the URLs.
 */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { Statsig } from "@statsig/statsig-node-core"

const { env, urls } = JSON.parse(process.argv[2] ?? "") as {
  readonly env: Readonly<Record<string, string>>
  readonly urls: ReadonlyArray<string>
}

const seen = new Set<string>()
const proxy = createServer((request, response) => {
  seen.add(new URL(request.url ?? "").origin)
  response.writeHead(403).end()
})
proxy.on("connect", (request, socket: Socket) => {
  seen.add(`https://${request.url}`)
  socket.on("error", () => {})
  socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")
})
proxy.listen(0, "127.0.0.1")
await once(proxy, "listening")
const { port } = proxy.address() as AddressInfo

for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"]) {
  delete process.env[name]
  delete process.env[name.toLowerCase()]
}
for (const [name, value] of Object.entries(env)) process.env[name] = value.replaceAll("PROXY", `127.0.0.1:${port}`)

await Promise.all(
  urls.map(async url => {
    const options = { specsUrl: url, logEventUrl: "http://127.0.0.1:1", initTimeoutMs: 60_000, outputLogLevel: "none" }
    await new Statsig("secret-key", options as ConstructorParameters<typeof Statsig>[1]).initialize()
  })
)
const proxied = urls.filter(url => seen.has(new URL(url).origin))
process.stdout.write(JSON.stringify(proxied), () => process.exit())
