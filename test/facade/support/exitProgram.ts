/**
 * A program that makes many instances, shuts down all but the last, and comes to its end. Its argument is the URL that
 * receives the events. It logs again whenever the process is about to end, which must not continue forever.
 */
import { Statsig, StatsigUser } from "../../../layers/promise.js"

const [logEventUrl = ""] = process.argv.slice(2)
const user = new StatsigUser({ userID: "u" })

const counts: Array<number> = []
const count = () => counts.push(process.listenerCount("beforeExit"))

count()
const instances = Array.from({ length: 20 }, () => new Statsig("secret-testkey1234567890", { logEventUrl }))
count()
const last = instances.pop()!
for (const instance of instances) await instance.shutdown()
count()

last.logEvent(user, "first")
let ends = 0
process.on("beforeExit", () => {
  ends++
  last.logEvent(user, "at the end")
})
process.on("exit", () => {
  const { dropped, pending, sent } = last.getEventStatus()
  console.log(JSON.stringify({ counts, ends: ends < 10, sum: pending + sent + dropped === ends + 1 }))
})
