/**
 * A program that logs and says so. With `end` it waits for a signal, and then only closes its scope; with `leave` it
 * ends without a shutdown, with its own exit code. Its other arguments are the URL that receives the events, and how
 * many to log.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, ManagedRuntime, Redacted } from "effect"
import * as StatsigLayer from "../../../layers/Statsig.js"
import { Statsig } from "../../../src/Statsig.js"
import * as StatsigUser from "../../../src/StatsigUser.js"

const [how = "", logEventUrl = "", count = ""] = process.argv.slice(2)

const logging = Effect.gen(function* () {
  const statsig = yield* Statsig
  for (let index = 0; index < Number(count); index++) {
    statsig.logEvent(StatsigUser.make({ userID: `u-${index}` }), `event ${index}`)
  }
  // Long enough for background work to have begun.
  yield* Effect.sleep("50 millis")
  yield* Effect.sync(() => process.stdout.write("logged\n"))
  if (how === "end") yield* Effect.never
})

const layer = StatsigLayer.layerManual({ sdkKey: Redacted.make("secret-testkey1234567890"), logEventUrl })

if (how === "leave") process.exitCode = 7
if (how === "end") NodeRuntime.runMain(Effect.provide(logging, layer))
else await ManagedRuntime.make(layer).runPromise(logging)
