/**
 * One member of the fleet: a server of the shop, in a separate process. It reports the current rollout whenever it
 * changes.
 */
import { redisDataStore, Statsig, StatsigUser } from "statsig-effect/promise"
import { type MemberInput, users } from "./shared.js"

const input: MemberInput = JSON.parse(process.argv[2]!)

const statsig = new Statsig(input.sdkKey, {
  serviceName: input.name,
  specsUrl: input.specsUrl,
  specsSyncIntervalMs: input.intervalMs,
  dataStore: redisDataStore({ url: input.redisUrl, intervalMs: input.intervalMs }),
  disableAllLogging: true,
  outputLogLevel: "error"
})
await statsig.initialize()

let told: number | undefined
setInterval(() => {
  const open = users.filter(userID => statsig.checkGate(new StatsigUser({ userID }), "new_checkout")).length
  if (open !== told) process.send!(open)
  told = open
}, 20)
