/** The platform around a function: it passes each call to the handler, many concurrently. */
import { type Call, handler } from "./handler.js"

process.on("message", async ({ call, id }: { id: number; call: Call }) => {
  process.send!({ id, answer: await handler(call) })
})
