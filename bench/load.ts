/**
 * The event pipeline under load: 200,000 new exposures a second for ten seconds in this process, and a local Statsig in
 * another. Prints what a call costs, how long the event loop was blocked, and what happened to the events.
 *
 * `npx tsx bench/load.ts [exposures a second] [seconds]`
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer, Redacted } from "effect"
import { layer as layerLocalStatsig } from "../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../layers/LocalStatsig.js"
import * as StatsigLayer from "../layers/Statsig.js"
import { Statsig } from "../src/Statsig.js"
import type { StatsigUser } from "../src/StatsigUser.js"
import * as StatsigUsers from "../src/StatsigUser.js"
import { gates, specs } from "./gates.js"

/** Reports of the other process: its address, and then how many different exposures have arrived. */
interface Report {
  readonly specsUrl: string
  readonly logEventUrl: string
  readonly arrived: number
}

/** The other process. User and gate identify an exposure. */
const serve = Effect.gen(function* () {
  const { batches, logEventUrl, specsUrl } = yield* LocalStatsig
  const arrived = new Set<string>()
  const counted = new WeakSet<object>()
  process.on("message", () => process.send?.({ specsUrl, logEventUrl, arrived: arrived.size } satisfies Report))
  process.send?.({ specsUrl, logEventUrl, arrived: 0 } satisfies Report)
  const count = Effect.map(batches, received => {
    for (const batch of received) {
      if (counted.has(batch)) continue
      counted.add(batch)
      for (const { eventName, metadata, user } of batch.events) {
        if (eventName === "statsig::gate_exposure") arrived.add(`${user?.["userID"]} ${metadata?.["gate"]}`)
      }
    }
  })
  // The server keeps only the last hundred thousand events.
  yield* Effect.forever(Effect.andThen(Effect.sleep("20 millis"), count))
})

const ask = async (server: ChildProcess): Promise<Report> => {
  server.send("how many?")
  const [report] = await once(server, "message")
  return report as Report
}

const percentile = (sorted: ReadonlyArray<number>, share: number) =>
  sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0

/** How long the event loop was blocked while an effect ran. */
const delaysDuring = Effect.fnUntraced(function* (effect: Effect.Effect<void>) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  yield* effect
  delay.disable()
  const milliseconds = (nanos: number) => `${(nanos / 1e6).toFixed(1)} ms`
  return `p50 ${milliseconds(delay.percentile(50))}, p99 ${milliseconds(delay.percentile(99))}, max ${milliseconds(delay.max)}`
})

const load = Effect.fnUntraced(function* (server: ChildProcess, { logEventUrl, specsUrl }: Report) {
  const [rate = 200_000, seconds = 10] = process.argv.slice(2).map(Number)
  const sdkKey = Redacted.make("secret-benchmark")
  const services = yield* Layer.build(StatsigLayer.layer({ sdkKey, specsUrl, logEventUrl }))
  const statsig = Context.get(services, Statsig)
  const total = rate * seconds
  const users = (from: number, count: number): ReadonlyArray<StatsigUser> =>
    Array.from({ length: Math.ceil(count / gates.length) + 1 }, (_, index) =>
      StatsigUsers.make({ userID: `user-${Math.floor(from / gates.length) + index}`, custom: { plan: "pro" } })
    )

  const nanos: Array<number> = []
  let logged = 0
  const burst = (count: number) => {
    const first = Math.floor(logged / gates.length)
    const made = users(logged, count)
    const started = performance.now()
    for (let index = logged; index < logged + count; index++) {
      statsig.checkGate(made[Math.floor(index / gates.length) - first]!, gates[index % gates.length]!)
    }
    nanos.push(((performance.now() - started) * 1e6) / count)
    logged += count
  }

  // The delays of the machine itself, without load.
  const idle = yield* delaysDuring(Effect.sleep("1 second"))
  const started = performance.now()
  const loaded = yield* delaysDuring(
    Effect.async<void>(resume => {
      const timer = setInterval(() => {
        const due = Math.min(Math.floor(((performance.now() - started) / 1_000) * rate), total)
        if (due > logged) burst(due - logged)
        if (logged < total) return
        clearInterval(timer)
        resume(Effect.void)
      }, 1)
    })
  )
  const during = yield* statsig.eventStatus
  const cpu = process.cpuUsage()
  yield* statsig.flush
  const { dropped, pending, sent } = yield* statsig.eventStatus
  yield* Effect.sleep("500 millis")
  const { arrived } = yield* Effect.promise(() => ask(server))

  nanos.sort((a, b) => a - b)
  console.log(`offered      ${logged} exposures in ${((performance.now() - started) / 1_000).toFixed(1)} s, all new`)
  console.log(
    `a call       p50 ${percentile(nanos, 0.5).toFixed(0)} ns, p90 ${percentile(nanos, 0.9).toFixed(0)} ns, ` +
      `p99 ${percentile(nanos, 0.99).toFixed(0)} ns (means of a burst; check and exposure)`
  )
  console.log(`event loop   delayed ${loaded}; before, with nothing to do: ${idle}`)
  console.log(
    `CPU          ${((cpu.user + cpu.system) / 1e6).toFixed(1)} s, garbage collection and compression included`
  )
  console.log(`before flush sent ${during.sent}, waiting ${during.pending}, dropped ${during.dropped}`)
  console.log(`after flush  sent ${sent}, waiting ${pending}, dropped ${dropped}; arrived ${arrived}`)
  console.log(arrived + dropped + pending === logged ? "all accounted for" : "NOT ACCOUNTED FOR")
}, Effect.scoped)

if (process.send !== undefined) {
  Effect.runFork(Effect.provide(serve, layerLocalStatsig({ specs })))
} else {
  const server = fork(fileURLToPath(import.meta.url), { execArgv: ["--import", "tsx"] })
  const [report] = await once(server, "message")
  await Effect.runPromise(load(server, report as Report))
  server.kill()
}
