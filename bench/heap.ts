/**
 * What very many users leave on the heap: each distinct user checks ten gates, all exposures are logged and sent
 * nowhere, and the heap is measured along the way. It must stop growing once every bounded structure is full.
 *
 * `node --expose-gc --import tsx bench/heap.ts [users]`, by default a million. Ends with status 1 when the heap grew.
 */
import { Context, Effect, Layer } from "effect"
import * as NoCountryLookup from "../layers/CountryLookup/Disabled.js"
import * as EventLogger from "../layers/EventLogger.js"
import * as NoSink from "../layers/EventSink/Noop.js"
import * as MemoryIdLists from "../layers/IdLists/Memory.js"
import * as NoObservability from "../layers/ObservabilityClient/Noop.js"
import * as Bootstrap from "../layers/SpecSource/Bootstrap.js"
import * as StatsigLayer from "../layers/Statsig.js"
import * as NoUserAgentParser from "../layers/UserAgentParser/Disabled.js"
import { Statsig } from "../src/Statsig.js"
import * as StatsigUser from "../src/StatsigUser.js"
import { gates, specs } from "./gates.js"

/** Far more than the noise of the measurement, and far less than a byte for each user. */
const allowed = 3 * 1024 * 1024
const steps = 10

const sdk = StatsigLayer.layerFrom({}).pipe(
  Layer.provide(
    Layer.mergeAll(
      Bootstrap.layer({ specs }),
      NoUserAgentParser.layer,
      NoCountryLookup.layer,
      MemoryIdLists.layer(),
      NoObservability.layer,
      // As many exposures are deduplicated as are logged in a tenth of a step of the smallest run.
      Layer.provide(
        EventLogger.layer({ exposureDedupeMaxKeys: 10_000 }),
        Layer.merge(NoSink.layer, NoObservability.layer)
      )
    )
  )
)

const run = Effect.fnUntraced(function* (users: number, collect: () => void) {
  const statsig = Context.get(yield* Layer.build(sdk), Statsig)
  yield* statsig.initialize
  const heap: Array<number> = []
  for (let step = 0; step < steps; step++) {
    for (let user = 0; user < users / steps; user++) {
      const userID = `user-${step}-${user}`
      const visitor = StatsigUser.make({
        userID,
        customIDs: { device: `device of ${userID}` },
        custom: { plan: "pro" }
      })
      for (const gate of gates) statsig.checkGate(visitor, gate)
      if (user % 1_000 === 999) yield* statsig.flush
    }
    yield* statsig.flush
    collect()
    heap.push(process.memoryUsage().heapUsed)
  }
  const { dropped, sent } = yield* statsig.eventStatus
  const megabytes = heap.map(bytes => (bytes / 1024 / 1024).toFixed(1)).join(", ")
  // The first steps warm up: code is compiled, tables reach their size.
  const growth = heap.at(-1)! - heap[2]!
  console.log(`${users} users, ${sent} events sent, ${dropped} dropped`)
  console.log(`heap in MB after each tenth: ${megabytes}`)
  console.log(growth <= allowed ? "flat" : `GREW by ${growth} bytes`)
  return growth <= allowed && sent === users * gates.length
}, Effect.scoped)

const { gc } = globalThis
if (gc === undefined) throw new Error("start it with --expose-gc")
const isFlat = await Effect.runPromise(run(Number(process.argv[2] ?? 1_000_000), () => void gc()))
process.exitCode = isFlat ? 0 : 1
