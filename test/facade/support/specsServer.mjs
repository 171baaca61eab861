/** A program that responds to every request with the given specs, compressed, and reports its port. */
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"

process.once("message", specs => {
  const body = gzipSync(JSON.stringify(specs))
  const headers = { "content-type": "application/json", "content-encoding": "gzip" }
  const server = createServer((request, response) => {
    request.resume()
    if (request.method === "POST") response.end('{"success":true}')
    else response.writeHead(200, headers).end(body)
  })
  server.listen(0, "127.0.0.1", 1_024, () => process.send({ port: server.address().port }))
})
process.once("disconnect", () => process.exit())
