import { createServer } from "node:http"
import { createRequire } from "node:module"
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http"
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { payload, print, useStatsig } from "./program.mjs"

const exporter = new InMemorySpanExporter()
const instrumentation = new HttpInstrumentation({ ignoreIncomingRequestHook: () => true })
instrumentation.setTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
// It patches modules when they are required.
createRequire(import.meta.url)("node:http")

const server = createServer((request, response) => {
  request.resume()
  response.end(JSON.stringify(request.method === "GET" ? payload : { success: true }))
})
server.listen(0, "127.0.0.1", async () => {
  const result = await useStatsig(`http://127.0.0.1:${server.address().port}`)
  const seen = exporter.getFinishedSpans().map(({ name }) => name)
  print({ ...result, seen: seen.join() === "GET,POST" })
})
