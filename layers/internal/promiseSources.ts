/**
 * What the options of the Promise API say of the network and of where specs come from.
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
import { DataStore } from "../../src/DataStore.js"
import * as ProgramDataStore from "../../src/promise/DataStore.js"
import type { ProxyConfig, SpecAdapterConfig, StatsigOptions } from "../../src/promise/StatsigOptions.js"
import { disabled, type Fetch, inOrder, type Source } from "../../src/SpecSource.js"
import { SpecSourceError } from "../../src/StatsigError.js"
import * as NodeClient from "../HttpClient/Node.js"
import * as DataStoreSource from "../SpecSource/DataStore.js"
import * as Http from "../SpecSource/Http.js"

/**
 * The HTTP client of an instance, or of a part of it that has its own ways of TLS.
 *
 * @internal
 */
export const client = ({ proxyConfig = {} }: StatsigOptions, tls: Omit<NodeClient.NodeOptions, "proxyUrl"> = {}) =>
  Effect.flatMap(proxyUrlOf(proxyConfig), proxyUrl =>
    NodeClient.make({ ...tls, proxyUrl, caCertPath: tls.caCertPath ?? proxyConfig.caCertPath })
  )

/** `undefined` where there is no proxy, or none that can be spoken to. */
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

/**
 * Where the specs of an instance come from: its `specAdaptersConfig`; else its data store, if it has one, and the network.
 *
 * @internal
 */
export const specSource = Effect.fnUntraced(function* (sdkKey: Redacted.Redacted, options: StatsigOptions) {
  const { dataStore, specAdaptersConfig } = options
  const source =
    specAdaptersConfig === undefined
      ? Effect.map(
          Effect.all([...(dataStore === undefined ? [] : [stored(sdkKey, options)]), network(sdkKey, options)]),
          ([first, ...rest]) => inOrder(first!, ...rest)
        )
      : adapters(sdkKey, options, specAdaptersConfig)
  const store = yield* Effect.serviceOption(DataStore)
  // Without one nothing asks for it.
  return yield* Effect.provideService(
    source,
    DataStore,
    Option.getOrElse(store, () => ProgramDataStore.fromProgram({}))
  )
})

const stored = (sdkKey: Redacted.Redacted, options: StatsigOptions) =>
  DataStoreSource.make({ sdkKey, keySchema: keySchemaOf(options), maxSpecsBytes: options.maxSpecsBytes })

/** The network, which leaves what it brings in the data store, if that is a source too. */
const network = Effect.fnUntraced(function* (
  sdkKey: Redacted.Redacted,
  options: StatsigOptions,
  adapter?: SpecAdapterConfig
) {
  const { dataStore, enableDcsDeltas, fallbackToStatsigApi, initTimeoutMs, serviceName, specsUrl } = options
  if (options.disableNetwork) return disabled
  const timeout = adapter !== undefined && adapter.initTimeoutMs > 0 ? adapter.initTimeoutMs : initTimeoutMs
  const source = yield* Http.make({
    sdkKey,
    serviceName,
    specsUrl: urlOf(adapter?.specsUrl ?? specsUrl),
    initTimeout: isUnbounded(timeout) ? Duration.infinity : timeout,
    fallbackToStatsigApi,
    enableDcsDeltas,
    maxSpecsBytes: options.maxSpecsBytes
  })
  const isStored = adapter === undefined || options.specAdaptersConfig?.some(isDataStore)
  if (dataStore === undefined || isStored !== true) return source
  return yield* DataStoreSource.writing(source, { sdkKey, keySchema: keySchemaOf(options) })
})

const isDataStore = ({ adapterType }: SpecAdapterConfig): boolean => adapterType === "data_store"

const listName = "specAdaptersConfig"

/** The sources of a list in its order. Whatever became of each, the list as a whole fails where none has specs. */
const adapters = Effect.fnUntraced(function* (
  sdkKey: Redacted.Redacted,
  options: StatsigOptions,
  configs: ReadonlyArray<SpecAdapterConfig>
) {
  const sources: Array<Source> = []
  for (const config of configs) {
    switch (config.adapterType) {
      case "data_store":
        if (options.dataStore === undefined) {
          yield* Effect.logWarning(`${listName}: there is no dataStore; its adapter is left out`)
        } else {
          sources.push(yield* stored(sdkKey, options))
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
        sources.push(yield* secured(config, options, network(sdkKey, options, config)))
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

/** Over a client of its own, where the adapter says whom to trust and how to show who it is. */
const secured = <A, E, R>(
  { authenticationMode, caCertPath, clientCertPath, clientKeyPath, domainName }: SpecAdapterConfig,
  options: StatsigOptions,
  made: Effect.Effect<A, E, R | HttpClient.HttpClient>
): Effect.Effect<A, E, R | HttpClient.HttpClient | Scope.Scope> => {
  if (authenticationMode !== "tls" && authenticationMode !== "mtls") return made
  const own = authenticationMode === "mtls" ? { clientCertPath, clientKeyPath } : {}
  return Effect.flatMap(client(options, { caCertPath, domainName, ...own }), client =>
    Effect.provideService(made, HttpClient.HttpClient, client)
  )
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

/**
 * How the SDK key appears in the keys of the data store.
 *
 * @internal
 */
export const keySchemaOf = ({ dataStoreKeySchemaVersion }: StatsigOptions): "v2" | "v3" =>
  /^v?3$/i.test(dataStoreKeySchemaVersion ?? "") ? "v3" : "v2"

/**
 * Empty or `null` stands for the default.
 *
 * @internal
 */
export const urlOf = (url: string | undefined): string | undefined =>
  url === "" || url?.toLowerCase() === "null" ? undefined : url

/**
 * Below zero a timeout is none.
 *
 * @internal
 */
export const isUnbounded = (timeout: number | undefined): boolean => timeout !== undefined && timeout < 0
