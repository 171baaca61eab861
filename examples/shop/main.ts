/**
 * The main job, from end to end: a local Statsig serves the shop's specs over HTTP, the SDK loads them, decides for the
 * shop's visitors, and follows a change of a rollout on the server.
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
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import * as MemoryEventLogger from "../../layers/EventLogger/Memory.js"
import * as FetchClient from "../../layers/HttpClient/Fetch.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import * as Http from "../../layers/SpecSource/Http.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import { Statsig } from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { idLists, specs } from "./specs.js"
import { printTable, type Row } from "./table.js"
import { users } from "./users.js"

const visitors = Object.entries(users).map(([name, input]) => ({ name, user: StatsigUser.make(input) }))

/** The SDK, its specs from the local Statsig and all other parts named one by one: any of them can be another. */
const statsigLayer = Layer.unwrapEffect(
  Effect.map(LocalStatsig, local =>
    StatsigLayer.layerFrom({ specsSyncInterval: "1 second", initTimeout: "3 seconds" }).pipe(
      Layer.provide(
        Layer.mergeAll(
          Layer.provide(
            Http.layer({ sdkKey: Redacted.make("secret-shop"), specsUrl: local.specsUrl }),
            FetchClient.layer
          ),
          StatsigUserAgents.layer,
          Ip3Country.layer,
          MemoryIdLists.layer(idLists),
          MemoryEventLogger.layer(),
          NoObservability.layer
        )
      )
    )
  )
)

/** A few names of every kind, for one visitor. */
const decide = (statsig: Statsig["Type"], user: StatsigUser.StatsigUser): ReadonlyArray<Row> => {
  const gate = (name: string): Row => {
    const { details, ruleID, value } = statsig.getFeatureGate(user, name)
    return { kind: "gate", name, value, ruleID, group: "", reason: details.reason }
  }
  const config = (name: string): Row => {
    const { details, ruleID, value } = statsig.getDynamicConfig(user, name)
    return { kind: "config", name, value, ruleID, group: "", reason: details.reason }
  }
  const experiment = (name: string): Row => {
    const { details, groupName, ruleID, value } = statsig.getExperiment(user, name)
    const group = Option.getOrElse(groupName, () => "")
    return { kind: "experiment", name, value, ruleID, group, reason: details.reason }
  }
  const layer = (name: string, parameter: string): Row => {
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
  const parameter = (store: string, name: string): Row => {
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

const countOpen = (statsig: Statsig["Type"], gate: string): string =>
  `${visitors.filter(({ user }) => statsig.checkGate(user, gate)).length} of ${visitors.length} visitors`

const program = Effect.gen(function* () {
  const local = yield* LocalStatsig
  const statsig = yield* Statsig
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
    yield* Console.log(printTable(name, decide(statsig, user)))
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
  yield* Console.log(`new_checkout is open for ${countOpen(statsig, "new_checkout")}.`)
})

program.pipe(Effect.provide(Layer.provideMerge(statsigLayer, LocalStatsigNode.layer({ specs }))), NodeRuntime.runMain)
