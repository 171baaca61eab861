/**
 * A Statsig for the benchmark, in a separate process so that its work is not measured: it serves the project's specs
 * and counts the events that each package sends. `main.ts` runs it and gets its port.
 */
import { createServer } from "node:http"
import { benchSpecs } from "./project.js"

const specs = JSON.stringify(benchSpecs())
const events: Record<string, number> = {}

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.setHeader("content-type", "application/json")
    if (request.method === "POST") {
      const side = request.url?.split("/")[1] ?? ""
      events[side] = (events[side] ?? 0) + Number(request.headers["statsig-event-count"])
      response.end(`{"success":true}`)
    } else response.end(request.url === "/events" ? JSON.stringify(events) : specs)
  })
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" ? address?.port : undefined)
})
process.on("disconnect", () => process.exit(0))
