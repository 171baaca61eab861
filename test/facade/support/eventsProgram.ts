/**
 * A program that logs and says so. With `end` it waits for a signal and then shuts down; with `leave` it ends without a
 * shutdown, with its own exit code. Its other arguments are the URL that receives the events, and how many to log.
 */
import { Statsig, StatsigUser } from "../../../layers/promise.js"

const [how = "", logEventUrl = "", count = ""] = process.argv.slice(2)

const statsig = new Statsig("secret-testkey1234567890", { logEventUrl })
for (let index = 0; index < Number(count); index++) {
  statsig.logEvent(new StatsigUser({ userID: `u-${index}` }), `event ${index}`)
}

if (how === "end") {
  const alive = setInterval(() => {}, 1_000)
  process.once("SIGTERM", async () => {
    clearInterval(alive)
    const { error, isSuccess } = await statsig.shutdown()
    if (!isSuccess) console.error(error)
  })
}

if (how === "leave") process.exitCode = 7

// Long enough for background work to have begun.
await new Promise(resolve => setTimeout(resolve, 50))
process.stdout.write("logged\n")
