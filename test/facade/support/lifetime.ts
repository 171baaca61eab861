/** A separate program, for what only a whole process shows. Its instances poll all the time; it prints what happens. */
import { setImmediate as turn } from "node:timers/promises"
import { Statsig, type StatsigOptions, StatsigUser } from "../../../layers/promise.js"
import { payload } from "./payload.js"

const [, , task, specsUrl] = process.argv

const user = new StatsigUser({ userID: "u" })

/** Options to poll a data store every millisecond. `onPoll` is called at each poll. */
const storeOptions = (name: string, onPoll: () => void = () => {}): StatsigOptions => ({
  disableNetwork: true,
  specsSyncIntervalMs: 1,
  dataStore: {
    initialize: async () => {},
    get: async () => {
      onPoll()
      return { result: JSON.stringify(payload) }
    },
    supportPollingUpdatesFor: async () => true,
    shutdown: async () => console.log(`${name} stopped`)
  }
})

const start = async (options: StatsigOptions): Promise<Statsig> => {
  const statsig = new Statsig("secret-key", options)
  await statsig.initialize()
  return statsig
}

const collect = async (until: () => boolean): Promise<void> => {
  while (!until()) {
    globalThis.gc?.()
    await turn()
  }
}

const tasks: Record<string, () => Promise<void>> = {
  /** Ends without a shutdown of the instance, to which it keeps a reference. */
  exit: async () => {
    const statsig = await start(specsUrl === undefined ? storeOptions("held") : { specsUrl, disableAllLogging: true })
    process.on("exit", () => console.log(statsig.checkGate(user, "gate_on")))
  },
  /** Ends while a poll waits for a response: the program's own timer gives it time to begin. */
  stalled: async () => {
    await start({ specsUrl: specsUrl!, specsSyncIntervalMs: 1, disableAllLogging: true })
    setTimeout(() => console.log("done"), 300)
  },
  /** Drops one instance, keeps a method of another, and waits until the background work of the first has stopped. */
  drop: async () => {
    const { checkGate } = await start(storeOptions("kept"))
    let polls = 0
    const options = storeOptions("dropped", () => polls++)
    let stopped = false
    options.dataStore!.shutdown = async () => {
      stopped = true
    }
    await start(options)
    while (polls < 3) await turn()
    await collect(() => stopped)
    console.log("dropped stopped")
    let rounds = 0
    await collect(() => ++rounds > 20)
    console.log(checkGate(user, "gate_on"))
    process.exit(0)
  }
}

await tasks[task ?? ""]?.()
