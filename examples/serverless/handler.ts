/**
 * A serverless function: what one writes for AWS Lambda, Google Cloud Functions and the like.
 *
 * Between two calls such a process is frozen. No timer runs then, so no poll brings new specs and no flush sends events:
 * the function does both while it is awake. The same instance serves all calls that the process ever gets.
 */
import { Statsig, StatsigUser } from "statsig-effect/promise"

/** How old the specs may be that a call is answered by. It may be longer where a change need not be there at once. */
const maxAgeMs = 2000

// Made outside of the handler, once for each process. A function of its own has only the key.
const statsig = new Statsig(process.env["STATSIG_SDK_KEY"]!, {
  specsUrl: process.env["STATSIG_SPECS_URL"]!,
  logEventUrl: process.env["STATSIG_LOG_EVENT_URL"]!,
  // The handler asks for specs when they are needed. A poll would only be caught by the frost.
  specsSyncIntervalMs: 3_600_000
})
const initialized = statsig.initialize()

/** What a call is about. */
export interface Call {
  readonly userID: string
}

/** What it is answered with. */
export interface Answer {
  readonly checkout: "new" | "old"
}

export const handler = async ({ userID }: Call): Promise<Answer> => {
  await initialized
  await statsig.syncIfOlderThan(maxAgeMs)
  const isNew = statsig.checkGate(new StatsigUser({ userID }), "new_checkout")
  // Afterwards the process may be frozen, or ended, at any moment.
  await statsig.flushEvents()
  return { checkout: isNew ? "new" : "old" }
}
