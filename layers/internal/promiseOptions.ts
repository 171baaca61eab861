/**
 * Converts options of the Promise API to options of the preset.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { DataStore, type Store } from "../../src/DataStore.js"
import {
  asWritten,
  type ProxyConfig,
  type SpecAdapterConfig,
  type StatsigOptions
} from "../../src/promise/StatsigOptions.js"
import { disabled, type Fetch, inOrder, type Source } from "../../src/SpecSource.js"
import { SpecSourceError } from "../../src/StatsigError.js"
import { checkInterval, givenUrl } from "../../src/StatsigOptions.js"
import * as NodeClient from "../HttpClient/Node.js"
import * as DataStoreSource from "../SpecSource/DataStore.js"
import * as Http from "../SpecSource/Http.js"
import type { PresetOptions } from "../Statsig.js"

/** The options of the preset. Parts that the program provides in its options are not included. */
export const presetOptions = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { dataStoreKeySchemaVersion = "", initTimeoutMs, proxyConfig = {}, specAdaptersConfig } = options
  const preset: PresetOptions = {
    ...asWritten(options),
    sdkKey,
    // Below 0 there is no deadline.
    initTimeout: (initTimeoutMs ?? 0) < 0 ? Duration.infinity : initTimeoutMs,
    proxyUrl: yield* proxyUrlOf(proxyConfig),
    caCertPath: proxyConfig.caCertPath,
    specsSyncInterval: yield* checkInterval("specsSyncInterval", options.specsSyncIntervalMs),
    keySchema: /^v?3$/i.test(dataStoreKeySchemaVersion) ? "v3" : "v2",
    isLasting: true
  }
  return specAdaptersConfig === undefined ? preset : { ...preset, source: adapters(preset, specAdaptersConfig) }
})

/** `undefined` without a proxy, or for an unsupported one. */
const proxyUrlOf = Effect.fnUntraced(function* (config: ProxyConfig) {
  const { proxyAuth, proxyHost, proxyPort, proxyProtocol = "http" } = config
  if (proxyHost === undefined || proxyPort === undefined) return undefined
  if (proxyProtocol !== "http" && proxyProtocol !== "https") {
    yield* Effect.logWarning(`proxyConfig: the protocol ${proxyProtocol} is not supported; the proxy is not used`)
    return undefined
  }
  const colon = proxyAuth?.indexOf(":") ?? -1
  if (proxyAuth !== undefined && colon < 0) {
    yield* Effect.logWarning("proxyConfig: proxyAuth is no user:password; it is not used")
  }
  const user = colon < 0 ? "" : `${encodeURIComponent(proxyAuth!.slice(0, colon))}:`
  const credentials = colon < 0 ? "" : `${user}${encodeURIComponent(proxyAuth!.slice(colon + 1))}@`
  const host = proxyHost.includes(":") && !proxyHost.startsWith("[") ? `[${proxyHost}]` : proxyHost
  const url = `${proxyProtocol}://${credentials}${host}:${proxyPort}`
  if (URL.canParse(url)) return Redacted.make(url)
  yield* Effect.logWarning("proxyConfig: proxyHost is no host; the proxy is not used")
  return undefined
})

const isDataStore = ({ adapterType }: SpecAdapterConfig): boolean => adapterType === "data_store"

const listName = "specAdaptersConfig"

/** The sources of a list in order. The list as a whole fails if none has specs, whatever the single errors. */
const adapters = Effect.fnUntraced(function* (options: PresetOptions, configs: ReadonlyArray<SpecAdapterConfig>) {
  const store = yield* Effect.serviceOption(DataStore)
  const written = configs.some(isDataStore) ? store : Option.none()
  const sources: Array<Source> = []
  for (const config of configs) {
    switch (config.adapterType) {
      case "data_store":
        if (Option.isNone(store)) {
          yield* Effect.logWarning(`${listName}: there is no dataStore; its adapter is left out`)
        } else {
          sources.push(yield* Effect.provideService(DataStoreSource.make(options), DataStore, store.value))
        }
        break
      case "network_grpc_websocket":
        yield* Effect.logWarning(`${listName}: ${noStreaming}`)
        sources.push(streaming)
        break
      default:
        if (config.adapterType !== "network_http") {
          yield* Effect.logWarning(`${listName}: ${config.adapterType} is unknown; it is taken as network_http`)
        }
        sources.push(yield* secured(config, options, network(config, options, written)))
    }
  }
  const [first = empty, ...rest] = sources
  const source = inOrder(first, ...rest)
  const fetch: Fetch = (request, apply) =>
    request.purpose === "poll"
      ? source.fetch(request, apply)
      : Effect.mapError(
          source.fetch(request, apply),
          ({ message, reason }) =>
            new SpecSourceError({ source: listName, reason: reason === "Key" ? reason : "Failed", message })
        )
  return { ...source, fetch }
})

/** The network, which writes its specs to the data store, if that is a source too. */
const network = Effect.fnUntraced(function* (
  { initTimeoutMs, specsUrl }: SpecAdapterConfig,
  options: PresetOptions,
  store: Option.Option<Store>
) {
  if (options.disableNetwork) return disabled
  const source = yield* Http.make({
    ...options,
    specsUrl: specsUrl === undefined ? options.specsUrl : givenUrl(specsUrl),
    initTimeout: initTimeoutMs > 0 ? initTimeoutMs : options.initTimeout
  })
  if (Option.isNone(store)) return source
  return yield* Effect.provideService(DataStoreSource.writing(source, options), DataStore, store.value)
})

/** Uses its own client if the adapter sets certificates to trust or to present. */
const secured = <A, E, R>(
  { authenticationMode, caCertPath, clientCertPath, clientKeyPath, domainName }: SpecAdapterConfig,
  options: PresetOptions,
  made: Effect.Effect<A, E, R | HttpClient.HttpClient>
): Effect.Effect<A, E, R | HttpClient.HttpClient | Scope.Scope> => {
  if (authenticationMode !== "tls" && authenticationMode !== "mtls") return made
  const tls = {
    proxyUrl: options.proxyUrl,
    caCertPath: caCertPath ?? options.caCertPath,
    domainName,
    ...(authenticationMode === "mtls" ? { clientCertPath, clientKeyPath } : {})
  }
  return Effect.flatMap(NodeClient.make(tls), client => Effect.provideService(made, HttpClient.HttpClient, client))
}

const failing = (message: string): Source => ({
  name: listName,
  fetch: () => new SpecSourceError({ source: listName, reason: "Failed", message }),
  polls: Effect.succeed(false),
  updates: Stream.empty
})

const noStreaming =
  "network_grpc_websocket is not supported by this package, which streams no specs; the adapter never has any. " +
  "Use network_http with the specsUrl of the forward proxy"

const streaming = failing(noStreaming)
const empty = failing("there is no adapter")
