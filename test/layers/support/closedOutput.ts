/**
 * A program whose standard output and error are closed by its parent, which sends a message then. After that the SDK
 * logs many complaints. The exit code is 0 when the program comes to its end and no listener is left on the outputs.
 */
import { once } from "node:events"
import { Effect, ManagedRuntime, Redacted } from "effect"
import * as StatsigLayer from "../../../layers/Statsig.js"
import { Statsig } from "../../../src/Statsig.js"
import * as StatsigUser from "../../../src/StatsigUser.js"

process.send?.("ready")
await once(process, "message")

// The background work of the SDK keeps no process alive.
const alive = setInterval(() => {}, 1_000)

const nowhere = "http://127.0.0.1:9/v1"
const runtime = ManagedRuntime.make(
  StatsigLayer.layer({
    sdkKey: Redacted.make("secret-testkey1234567890"),
    specsUrl: nowhere,
    logEventUrl: nowhere,
    specsSyncInterval: 10,
    eventLoggingMaxQueueSize: 1
  })
)
await runtime.runPromise(
  Effect.gen(function* () {
    const statsig = yield* Statsig
    for (let round = 0; round < 3; round++) {
      yield* statsig.initialize
      statsig.logEvent(StatsigUser.make({ userID: "u" }), "event")
      yield* statsig.flush
    }
  })
)
await runtime.dispose()
clearInterval(alive)

process.disconnect?.()
await new Promise(resolve => setTimeout(resolve, 300))
process.exitCode = process.stdout.listenerCount("error") + process.stderr.listenerCount("error")
