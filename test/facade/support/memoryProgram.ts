/**
 * A program with a small heap that logs events of 100 kB, or exposures of users of that size, while no server accepts
 * them. Its arguments are which of the two and the URL. It prints the status of the events and whether all are
 * accounted for.
 */
import { setImmediate as turn } from "node:timers/promises"
import { Statsig, StatsigUser } from "../../../layers/promise.js"

const [what = "", logEventUrl = ""] = process.argv.slice(2)
const count = 1_500
const statsig = new Statsig("secret-testkey1234567890", {
  logEventUrl,
  outputLogLevel: "none",
  ...(what === "small bound" ? { eventLoggingMaxPendingBytes: 4 * 1024 * 1024 } : {})
})
const someone = new StatsigUser({ userID: "u" })
for (let index = 0; index < count; index++) {
  // A different text each time.
  const text = Buffer.alloc(50_000, index).toString("hex")
  if (what === "users") statsig.checkGate(new StatsigUser({ userID: `u${index}`, custom: { text } }), "gate")
  else statsig.logEvent(someone, `event ${index}`, null, { text })
  if (index % 20 === 0) await turn()
}
const { dropped, droppedBy, pending, sent } = statsig.getEventStatus()
console.log(JSON.stringify({ all: pending + sent + dropped, full: droppedBy.QueueFull! > 300, waiting: pending > 20 }))
process.exit(0)
