/**
 * A program without permission to read its environment, as under Deno without `--allow-env`. It uses Statsig as
 * programs do, at the URLs of its arguments, and prints the outcome as JSON.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const { argv, stdout } = process
const refuse = () => {
  throw new Error("NotCapable: Requires env access")
}
Object.assign(globalThis, { Deno: {} })
Object.defineProperty(process, "env", {
  value: new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse })
})

const { Statsig, StatsigUser } = await import("../../../layers/promise.js")
const StatsigLayer = await import("../../../layers/Statsig.js")

const [specsUrl, logEventUrl, idListsUrl] = argv.slice(2) as [string, string, string]
// Values that are out of bounds, except for programs whose environment marks them as tests.
const statsig = new Statsig("secret-key", {
  specsUrl,
  logEventUrl,
  idListsUrl,
  enableIdLists: true,
  specsSyncIntervalMs: 1,
  idListsSyncIntervalMs: 1,
  eventLoggingMaxQueueSize: 1,
  outputLogLevel: "none"
})
const initialized = await statsig.initialize()
const isOpen = statsig.checkGate(new StatsigUser({ userID: "u" }), "gate_on")
const ended = await statsig.shutdown()
const fromEnvironment = await Effect.runPromise(Effect.scoped(Effect.flip(Layer.build(StatsigLayer.layerConfig))))
stdout.write(JSON.stringify({ initialized, isOpen, ended, fromEnvironment: String(fromEnvironment) }))
