/** Statsig on the server. The key and the rules never reach the browser's code. */
import "server-only"
import { Statsig, type StatsigOptions } from "statsig-effect/promise"
import specs from "./specs.json"

/** Without a key it uses the specs in memory, and no network. */
const specsInHand: StatsigOptions = {
  disableNetwork: true,
  dataStore: { initialize: async () => {}, get: async () => ({ result: JSON.stringify(specs) }) }
}

const start = () => {
  const key = process.env["STATSIG_SDK_KEY"]
  const statsig = new Statsig(key ?? "secret-none", key === undefined ? specsInHand : {})
  return { statsig, initialized: statsig.initialize() }
}

// Next.js loads this module again after a change, and separately for pages and routes; the process is the same.
const ofProcess = globalThis as { statsigOfProcess?: ReturnType<typeof start> }

/** The one instance of the process, created on first use, and so not while the app is built. */
export const getStatsig = async (): Promise<Statsig> => {
  ofProcess.statsigOfProcess ??= start()
  const { initialized, statsig } = ofProcess.statsigOfProcess
  await initialized
  // A server polls every 10 s, and this does nothing; a function that was frozen may be far behind.
  await statsig.syncIfOlderThan(60_000)
  return statsig
}
