/**
 * A program that starts Statsig in several ways, checks a gate and ends without a shutdown. Its arguments are the URL
 * of the specs and the path of their file.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import * as NoCountryLookup from "../../../layers/CountryLookup/Disabled.js"
import * as NoEventLogger from "../../../layers/EventLogger/Noop.js"
import * as NodeClient from "../../../layers/HttpClient/Node.js"
import * as MemoryIdLists from "../../../layers/IdLists/Memory.js"
import * as NoObservability from "../../../layers/ObservabilityClient/Noop.js"
import * as FileSource from "../../../layers/SpecSource/File.js"
import * as HttpSource from "../../../layers/SpecSource/Http.js"
import * as StatsigLayer from "../../../layers/Statsig.js"
import * as NoUserAgentParser from "../../../layers/UserAgentParser/Disabled.js"
import type { SpecSource } from "../../../src/SpecSource.js"
import { Statsig } from "../../../src/Statsig.js"
import * as StatsigUser from "../../../src/StatsigUser.js"

const [specsUrl = "", path = ""] = process.argv.slice(2)
const sdkKey = Redacted.make("secret-testkey1234567890")

const parts = Layer.mergeAll(
  NoUserAgentParser.layer,
  NoCountryLookup.layer,
  MemoryIdLists.layer(),
  NoEventLogger.layer,
  NoObservability.layer
)

const from = (source: Layer.Layer<SpecSource>) =>
  StatsigLayer.layerFrom({}).pipe(Layer.provide(parts), Layer.provide(source))

const layers = {
  preset: StatsigLayer.layerManual({
    sdkKey,
    specsUrl,
    enableIdLists: true,
    idListsUrl: specsUrl.replace("/v2/download_config_specs", "/v1/get_id_lists"),
    initTimeout: "5 seconds",
    disableAllLogging: true
  }),
  node: from(Layer.provide(HttpSource.layer({ sdkKey, specsUrl }), NodeClient.layer)),
  file: from(Layer.provide(FileSource.layer({ path }), NodeFileSystem.layer))
}

const check = Effect.gen(function* () {
  const statsig = yield* Statsig
  yield* statsig.initialize
  // Long enough for background work to have begun.
  yield* Effect.sleep("50 millis")
  return statsig.checkGate(StatsigUser.make({ userID: "u" }), "gate")
})

for (const [name, layer] of Object.entries(layers)) {
  const open = await ManagedRuntime.make(layer).runPromise(check)
  process.stdout.write(`${name} ${open}\n`)
}
