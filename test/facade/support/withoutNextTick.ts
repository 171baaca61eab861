/**
 * The lifetime of an instance whose server is silent, while timers never fire and `process.nextTick` does nothing. Its
 * arguments are the URL, and whether that begins `before` or `after` the instance is made.
 */
import { Statsig, StatsigUser } from "../../../layers/promise.js"
import { stopEverything, timers } from "./stoppedTimers.js"

const [url = "", when] = process.argv.slice(2)
const stop = () => stopEverything([...timers, "queueMicrotask", "Date", "performance", "nextTick"])

let goOn = when === "before" ? stop() : () => {}
const statsig = new Statsig("secret-withoutNextTick", {
  outputLogLevel: "none",
  specsUrl: url,
  logEventUrl: url,
  initTimeoutMs: 200
})
if (when === "after") goOn = stop()
const initialized = await statsig.initialize()
statsig.logEvent(new StatsigUser({ userID: "u" }), "bought")
const ended = await statsig.shutdown(200)
goOn()
process.stdout.write(JSON.stringify({ initialized, ended }), () => process.exit())
