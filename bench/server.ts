/**
 * A Statsig for the benchmark, in a process of its own so that its work is not measured: it serves the project's specs
 * and takes events. Run by `main.ts`, to which it reports its port.
 */
import { createServer } from "node:http"
import { benchSpecs } from "./project.js"

const specs = JSON.stringify(benchSpecs())

const server = createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    response.setHeader("content-type", "application/json")
    response.end(request.method === "GET" ? specs : `{"success":true}`)
  })
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" ? address?.port : undefined)
})
process.on("disconnect", () => process.exit(0))
