/**
 * Every part of the SDK can be replaced: a preset uses a part that the program provides as it is, and a default for
 * each other one.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Predicate, Redacted } from "effect"
import * as Disabled from "../../layers/CountryLookup/Disabled.js"
import * as MemoryDataStore from "../../layers/DataStore/Memory.js"
import * as MemoryEventLogger from "../../layers/EventLogger/Memory.js"
import * as MemorySink from "../../layers/EventSink/Memory.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as MemoryObservability from "../../layers/ObservabilityClient/Memory.js"
import * as MemoryStorage from "../../layers/PersistentStorage/Memory.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import { CountryLookup } from "../../src/CountryLookup.js"
import { DataStore, keyOf } from "../../src/DataStore.js"
import { Evaluator } from "../../src/Evaluator.js"
import { EventLogger } from "../../src/EventLogger.js"
import { EventSink } from "../../src/EventSink.js"
import { IdLists } from "../../src/IdLists.js"
import * as index from "../../src/index.js"
import { ObservabilityClient } from "../../src/ObservabilityClient.js"
import * as Overrides from "../../src/Overrides.js"
import { PersistentStorage } from "../../src/PersistentStorage.js"
import { SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { Statsig } from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { UserAgentParser } from "../../src/UserAgentParser.js"
import { gateSpec, payload, scriptedSource } from "./support/specs.js"

const sdkKey = "secret-parts"

const condition = (members: object) => ({ additionalValues: {}, idType: "userID", ...members })
/** Gates that read a country, a browser and an ID list. */
const gates = ["country", "browser", "list"]
const specs = payload({
  fields: {
    feature_gates: Object.fromEntries(gates.map(name => [name, gateSpec(true, [name])])),
    condition_map: {
      country: condition({ type: "ip_based", field: "country", operator: "any", targetValue: ["XX"] }),
      browser: condition({ type: "ua_based", field: "browser_name", operator: "any", targetValue: ["none"] }),
      list: condition({ type: "unit_id", operator: "in_segment_list", targetValue: "list" })
    }
  }
})

/** Responds to every request, with specs or with success. */
const client = HttpClient.make((request, url) =>
  Effect.succeed(
    HttpClientResponse.fromWeb(
      request,
      new Response(url.pathname.includes("download_config_specs") ? specs : '{"success":true}', {
        headers: { "content-type": "application/json" }
      })
    )
  )
)

/** The same service, counting reads of its members. */
const watched = <S extends object>(service: S): { readonly service: S; readonly uses: () => number } => {
  let uses = 0
  const get = (target: S, name: string | symbol, receiver: unknown) => {
    uses++
    return Reflect.get(target, name, receiver)
  }
  return { service: new Proxy(service, { get }), uses: () => uses }
}

const servicesOf = <I>(layer: Layer.Layer<I>) => Effect.scoped(Layer.build(layer))

/** One of each part. */
const parts = Effect.gen(function* () {
  const offline = yield* servicesOf(StatsigLayer.layerOffline({ specs }))
  const sinks = yield* servicesOf(MemorySink.layer())
  const measured = yield* servicesOf(MemoryObservability.layer)
  const agents = yield* servicesOf(StatsigUserAgents.layer)
  const countries = yield* servicesOf(Disabled.layer)
  const stored = MemoryDataStore.make()
  const context = <I, S extends object>(tag: Context.Tag<I, S>, service: S) => {
    const { service: spied, uses } = watched(service)
    return { name: tag.key, uses, context: Context.make(tag, spied) as Context.Context<never> }
  }
  return [
    context(SpecSource, scriptedSource([specs])),
    context(SpecStore, Context.get(offline, SpecStore)),
    context(Evaluator, Context.get(offline, Evaluator)),
    context(Overrides.Overrides, Overrides.make()),
    context(IdLists, MemoryIdLists.make()),
    context(EventLogger, MemoryEventLogger.make().logger),
    context(EventSink, Context.get(sinks, EventSink)),
    context(ObservabilityClient, Context.get(measured, ObservabilityClient)),
    context(DataStore, stored),
    context(PersistentStorage, MemoryStorage.make()),
    context(CountryLookup, Context.get(countries, CountryLookup)),
    context(UserAgentParser, Context.get(agents, UserAgentParser)),
    context(HttpClient.HttpClient, client)
  ]
})

/** A program that uses every part of Statsig. */
const program = Effect.gen(function* () {
  const statsig = yield* Statsig
  yield* statsig.initialize
  const user = StatsigUser.make({ userID: "u", ip: "1.1.1.1", userAgent: "Mozilla/5.0 Firefox/1.0" })
  for (const gate of gates) statsig.checkGate(user, gate)
  yield* statsig.withPersistedValues(user)
  statsig.logEvent(user, "bought")
  yield* statsig.flush
})

const network = Layer.succeed(HttpClient.HttpClient, client)
const config = ConfigProvider.fromMap(new Map([["STATSIG_SDK_KEY", sdkKey]]))

const presets = {
  layer: StatsigLayer.layer({ sdkKey: Redacted.make(sdkKey) }),
  layerManual: StatsigLayer.layerManual({ sdkKey: Redacted.make(sdkKey) }),
  layerConfig: Layer.provide(StatsigLayer.layerConfig, Layer.setConfigProvider(config))
}

/** Parts that specs in memory do not use. */
const ofTheNetwork = new Set<string>([HttpClient.HttpClient.key, DataStore.key, EventSink.key])

describe("a part that the program provides", () => {
  it.live.each(Object.entries(presets))("is used by %s", ([, preset]) =>
    Effect.gen(function* () {
      for (const part of yield* parts) {
        const before = part.uses()
        const own = Layer.succeedContext(part.context)
        yield* program.pipe(Effect.provide(preset.pipe(Layer.provide(Layer.provideMerge(own, network)))), Effect.orDie)
        assert.isAbove(part.uses(), before, part.name)
      }
    })
  )

  it.live("is used by layerOffline", () =>
    Effect.gen(function* () {
      for (const part of (yield* parts).filter(({ name }) => !ofTheNetwork.has(name))) {
        const before = part.uses()
        const own = Layer.succeedContext(part.context)
        yield* Effect.provide(program, Layer.provide(StatsigLayer.layerOffline({ specs }), own))
        assert.isAbove(part.uses(), before, part.name)
      }
    })
  )
})

it.live("an instance within another one has its own specs, overrides and evaluations", () =>
  Effect.gen(function* () {
    const reason = Effect.map(
      Statsig,
      statsig => statsig.getFeatureGate(StatsigUser.make({}), "country").details.reason
    )
    const override = Effect.map(Overrides.Overrides, ({ set }) => set({ gate: "country", value: true }))
    const inner = StatsigLayer.layerOffline({ specs: payload({ fields: { feature_gates: {} } }) })
    const [outside, inside] = yield* Effect.zipRight(
      override,
      Effect.all([reason, Effect.provide(reason, inner)])
    ).pipe(Effect.provide(StatsigLayer.layerOffline({ specs })))
    assert.strictEqual(outside, "LocalOverride:Recognized")
    assert.strictEqual(inside, "Bootstrap:Unrecognized")
  })
)

it.live("a provided metrics client gets the metrics of every part", () =>
  Effect.gen(function* () {
    const measured = yield* servicesOf(MemoryObservability.layer)
    const preset = StatsigLayer.layer({ sdkKey: Redacted.make(sdkKey) })
    yield* Effect.provide(program, Layer.provide(preset, Layer.merge(network, Layer.succeedContext(measured))))
    const all = yield* Context.get(measured, MemoryObservability.Measurements).all
    const names = new Set(all.map(({ name }) => name))
    for (const name of ["initialization", "config_sync_overall.latency", "events_successfully_sent_count"]) {
      assert.include([...names], `statsig.sdk.${name}`)
    }
  })
)

it.live("a provided data store starts the next program without a network", () =>
  Effect.gen(function* () {
    const stored = MemoryDataStore.make()
    const key = keyOf("/v2/download_config_specs", "plain_text", { sdkKey: Redacted.make(sdkKey) })
    const isStored = Effect.map(stored.get(key), Predicate.isNotUndefined)
    const preset = StatsigLayer.layer({ sdkKey: Redacted.make(sdkKey), disableAllLogging: true })
    const reason = Effect.map(Statsig, statsig => {
      const { details } = statsig.getFeatureGate(StatsigUser.make({}), "country")
      return details.reason
    })
    const reasonOver = (client: HttpClient.HttpClient) =>
      Effect.zipLeft(reason, Effect.repeat(isStored, { until: found => found })).pipe(
        Effect.provide(preset),
        Effect.provideService(DataStore, stored),
        Effect.provideService(HttpClient.HttpClient, client)
      )
    assert.strictEqual(yield* reasonOver(client), "Network:Recognized")
    const down = HttpClient.make(request => Effect.fail(new RequestError({ request, reason: "Transport" })))
    assert.strictEqual(yield* reasonOver(down), "Adapter(DataStore):Recognized")
  })
)

it("the index exports every service of src", () => {
  const directory = new URL("../../src/", import.meta.url)
  const isService = (name: string) => readFileSync(new URL(name, directory), "utf8").includes("Context.Tag(")
  const services = readdirSync(directory).filter(name => name.endsWith(".ts") && isService(name))
  assert.isAbove(services.length, 10)
  assert.includeMembers(
    Object.keys(index),
    services.map(name => name.slice(0, -".ts".length))
  )
})
