/**
 * A serverless function, as for AWS Lambda, Google Cloud Functions and the like.
 *
 * Between two calls such a process is frozen. No timer runs then, so no poll fetches new specs and no flush sends
 * events: the function does both while it is awake. The same instance serves all calls of the process.
 */
import { Statsig, StatsigUser } from "statsig-effect/promise"

/** The maximum age of the specs for a call. It may be longer where a change can wait. */
const maxAgeMs = 2000

// Created outside of the handler, once per process. A real function only passes the key.
const statsig = new Statsig(process.env["STATSIG_SDK_KEY"]!, {
  specsUrl: process.env["STATSIG_SPECS_URL"]!,
  logEventUrl: process.env["STATSIG_LOG_EVENT_URL"]!,
  // The handler syncs specs when needed. A poll would only be interrupted by freezing.
  specsSyncIntervalMs: 3_600_000
})
const initialized = statsig.initialize()

/** The input of a call. */
export interface Call {
  readonly userID: string
}

/** The result of a call. */
export interface Answer {
  readonly checkout: "new" | "old"
}

export const handler = async ({ userID }: Call): Promise<Answer> => {
  await initialized
  await statsig.syncIfOlderThan(maxAgeMs)
  const isNew = statsig.checkGate(new StatsigUser({ userID }), "new_checkout")
  // Afterwards the process may be frozen, or ended, at any time.
  await statsig.flushEvents()
  return { checkout: isNew ? "new" : "old" }
}
