/**
 * A program whose standard output and error are closed by its parent, which sends a message then. After that the SDK
 * logs many complaints. The exit code is 0 when the program comes to its end and no listener is left on the outputs.
 */
import { once } from "node:events"
import { Statsig, StatsigUser } from "../../../layers/promise.js"

process.send?.("ready")
await once(process, "message")

const nowhere = "http://127.0.0.1:9/v1"
const user = new StatsigUser({ userID: "u" })
const statsig = new Statsig("secret-testkey1234567890", {
  specsUrl: nowhere,
  logEventUrl: nowhere,
  outputLogLevel: "debug"
})
for (let round = 0; round < 3; round++) {
  await statsig.initialize()
  statsig.logEvent(user, "refused", Number.NaN)
  statsig.logEvent(user, "event")
  await statsig.flushEvents()
}
await statsig.shutdown()

process.disconnect?.()
await new Promise(resolve => setTimeout(resolve, 300))
process.exitCode = process.stdout.listenerCount("error") + process.stderr.listenerCount("error")
