/** A program that polls over a data store in Redis and ends without shutting it down. */
import { redisDataStore, Statsig, StatsigUser } from "../../../layers/promise.js"

const [, , url, specsUrl] = process.argv

const statsig = new Statsig("secret-key", {
  specsUrl: specsUrl!,
  disableAllLogging: true,
  outputLogLevel: "none",
  dataStore: redisDataStore({ url: url! })
})
await statsig.initialize()
process.on("exit", () => {
  console.log(statsig.getFeatureGate(new StatsigUser({ userID: "u" }), "gate").details.reason)
})
