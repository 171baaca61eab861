/**
 * Memory under a flood of users who never return: ten million distinct users, each with a gate check and an experiment
 * read, both logged, through the Promise API. Prints heap and resident memory at intervals, each after a full
 * collection; the rest is what the package keeps. The events go to a server on loopback.
 *
 * `npx tsx bench/flat.ts [millions of users]`
 */
import { fork } from "node:child_process"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { bundled } from "./bundle.js"
import { benchSpecs } from "./project.js"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const [millions = 10] = process.argv.slice(2).map(Number)
const intervals = 20
/** Users between two flushes: with more, the event queue fills up, and the measurement shows its size. */
const burst = 10_000

const { Statsig, StatsigUser } = await bundled()
const server = fork(new URL("./server.ts", import.meta.url), { execArgv: process.execArgv })
const port = await new Promise<unknown>(resolve => server.once("message", resolve))
const origin = `http://127.0.0.1:${port}`

const specs = benchSpecs()
const gates = Object.keys(specs.feature_gates)
const experiments = Object.entries(specs.dynamic_configs).flatMap(([name, spec]) =>
  spec.entity === "experiment" ? [[name, Object.keys(spec.defaultValue as object)[0] ?? ""] as const] : []
)

const statsig = new Statsig("secret-flat", {
  specsUrl: `${origin}/v2/download_config_specs`,
  logEventUrl: `${origin}/flat/v1/log_event`,
  outputLogLevel: "none"
})
const { error, isSuccess } = await statsig.initialize()
if (!isSuccess) throw new Error(error)

const visit = (index: number): boolean => {
  const user = new StatsigUser({
    userID: `user-${index}`,
    customIDs: { stableID: `device-${index}`, companyID: `company-${index % 100_000}` },
    email: `person.${index}@mail.example`,
    ip: `${index % 223}.${index % 251}.${index % 241}.${index % 239}`,
    userAgent: `Mozilla/5.0 (X11; Linux x86_64; rv:${index % 100_000}) Gecko/20100101 Firefox/128.0`,
    custom: { plan: "pro", seats: index % 500, tags: [`tag-${index}`] }
  })
  const [experiment, parameter] = experiments[index % experiments.length]!
  const isOpen = statsig.checkGate(user, gates[index % gates.length]!)
  return statsig.getExperiment(user, experiment, {}).get(parameter, null) !== null && isOpen
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0).padStart(6)} MB`
const total = millions * 1_000_000
const started = performance.now()
console.log("     users      heap        RSS    seconds")
for (let index = 0, shown = 0; index < total; ) {
  const end = Math.min(index + burst, total)
  for (; index < end; index++) visit(index)
  await statsig.flushEvents()
  if (index < ((shown + 1) * total) / intervals) continue
  shown++
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const seconds = ((performance.now() - started) / 1_000).toFixed(0).padStart(8)
  console.log(`${String(index).padStart(10)} ${megabytes(heapUsed)}  ${megabytes(rss)}   ${seconds}`)
}
await statsig.flushEvents()
await statsig.shutdown()
const events = (await (await fetch(`${origin}/events`)).json()) as Record<string, number>
console.log(`events received: ${events["flat"]}`)
server.disconnect()
process.exit(0)
