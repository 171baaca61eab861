/**
 * What a platform has around a function: it hands each call to the handler, and many at a time.
 */
import { type Call, handler } from "./handler.js"

process.on("message", async ({ call, id }: { id: number; call: Call }) => {
  process.send!({ id, answer: await handler(call) })
})
