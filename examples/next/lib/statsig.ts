/**
 * Statsig on the server. The key, and what decides, never get into the browser's code.
 */
import "server-only"
import { Statsig, type StatsigOptions } from "statsig-effect/promise"
import specs from "./specs.json"

/** Without a key it decides by the specs in hand, and asks nobody. */
const specsInHand: StatsigOptions = {
  disableNetwork: true,
  dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(specs) }) }
}

const start = () => {
  const key = process.env["STATSIG_SDK_KEY"]
  const statsig = new Statsig(key ?? "secret-none", key === undefined ? specsInHand : {})
  return { statsig, initialized: statsig.initialize() }
}

// Next.js loads this module anew after a change, and once for the pages and once for the routes; the process is the same.
const ofProcess = globalThis as { statsigOfProcess?: ReturnType<typeof start> }

/** The one instance of the process, which is made when it is first asked for, and so not while the app is built. */
export const getStatsig = async (): Promise<Statsig> => {
  ofProcess.statsigOfProcess ??= start()
  const { initialized, statsig } = ofProcess.statsigOfProcess
  await initialized
  // A server polls every 10 s, and this does nothing; a function that was frozen may be far behind.
  await statsig.syncIfOlderThan(60_000)
  return statsig
}
