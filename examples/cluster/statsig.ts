/**
 * What the processes and threads of one machine share, and what each has alone.
 *
 * They share a directory with the specs, which one of them fills and the others watch. An instance cannot be shared:
 * each has its own specs in memory, evaluates in its own thread, and logs its own exposures. So a user who meets two of
 * them within a minute is logged by both, which Statsig counts as one.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ip3Country from "statsig-effect/layers/CountryLookup/Ip3Country"
import * as FileStore from "statsig-effect/layers/DataStore/File"
import * as EventLogger from "statsig-effect/layers/EventLogger"
import * as NoEventLogger from "statsig-effect/layers/EventLogger/Noop"
import * as HttpSink from "statsig-effect/layers/EventSink/Http"
import * as NodeClient from "statsig-effect/layers/HttpClient/Node"
import * as MemoryIdLists from "statsig-effect/layers/IdLists/Memory"
import * as NoObservability from "statsig-effect/layers/ObservabilityClient/Noop"
import * as DataStoreSource from "statsig-effect/layers/SpecSource/DataStore"
import * as Http from "statsig-effect/layers/SpecSource/Http"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import * as StatsigUserAgents from "statsig-effect/layers/UserAgentParser/Statsig"

/** The settings that a worker gets when it starts. */
export interface Settings {
  readonly directory: string
  readonly logEventUrl: string
}

const sdkKey = Redacted.make("secret-shop")

const parts = Layer.mergeAll(StatsigUserAgents.layer, Ip3Country.layer, MemoryIdLists.layer())

const platform = Layer.mergeAll(NodeClient.layer, NodeContext.layer, NoObservability.layer)

/** The primary fetches specs from Statsig and stores them in the directory. It evaluates nothing. */
export const primaryLayer = (directory: string, specsUrl: string) => {
  const source = DataStoreSource.layerBefore({ sdkKey }).pipe(
    Layer.provide(Http.layer({ sdkKey, specsUrl, serviceName: "primary" })),
    Layer.provide(FileStore.layer({ directory }))
  )
  return StatsigLayer.layerFrom({ specsSyncInterval: "1 second" }).pipe(
    Layer.provide(Layer.mergeAll(source, parts, NoEventLogger.layer)),
    Layer.provide(platform)
  )
}

/** A worker reads the directory and never requests Statsig's specs. It sends its own exposures. */
export const workerLayer = ({ directory, logEventUrl }: Settings) => {
  const source = DataStoreSource.layer({ sdkKey }).pipe(
    Layer.provide(FileStore.layer({ directory, watch: true, supportsPollingUpdates: true }))
  )
  const logger = Layer.provide(EventLogger.layer(), HttpSink.layer({ sdkKey, logEventUrl }))
  return StatsigLayer.layerFrom({}).pipe(Layer.provide(Layer.mergeAll(source, parts, logger)), Layer.provide(platform))
}
