/**
 * Sticky assignments on Redis: visitors of a price page keep the page that they saw first, while the experiment
 * changes, until it ends.
 *
 * Run it with `npx tsx examples/sticky/main.ts`. It needs a Redis, on 127.0.0.1:6379 or at `REDIS_URL`; without one it
 * says so and does nothing, or fails with `REQUIRE_REDIS=1`. It uses no other network.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { PersistentStorage, SpecStore, Statsig, StatsigUser } from "statsig-effect"
import * as NoCountryLookup from "statsig-effect/layers/CountryLookup/Disabled"
import * as NoEventLogger from "statsig-effect/layers/EventLogger/Noop"
import * as MemoryIdLists from "statsig-effect/layers/IdLists/Memory"
import * as NoObservability from "statsig-effect/layers/ObservabilityClient/Noop"
import * as RedisStorage from "statsig-effect/layers/PersistentStorage/Redis"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
import * as NoUserAgentParser from "statsig-effect/layers/UserAgentParser/Disabled"
import { layerFollowing, type PricePage } from "./specs.js"

const redisUrl = Config.withDefault(Config.redacted("REDIS_URL"), Redacted.make("redis://127.0.0.1:6379"))

const redisIsRequired = Config.withDefault(Config.boolean("REQUIRE_REDIS"), false)

/** The same users in every act; each run has its own users, because Redis keeps those of earlier runs. */
const run = crypto.randomUUID()
const visitor = (name: string) => StatsigUser.make({ userID: `${name}-${run}` })
const regulars = ["ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hedy"]
const everybody = [...regulars, "ivo", "jana", "kim", "lea"]

/** One request of a visitor: sticky assignments are loaded before it, and a new one is saved after it. */
const visit = (name: string) => {
  const user = visitor(name)
  return Effect.map(Statsig.Statsig, statsig => {
    const page = statsig.getExperiment(user, "price_page")
    const kept = page.details.reason === "Persisted" ? ", kept" : ""
    return `${name}: ${Option.getOrElse(page.groupName, () => "no group")}${kept}`
  }).pipe(Statsig.withPersistedValues(user))
}

/** How many of the visitors have a sticky assignment. */
const countKept = (names: ReadonlyArray<string>) =>
  Effect.flatMap(PersistentStorage.PersistentStorage, storage =>
    Effect.map(
      Effect.forEach(names, name => storage.load(`${visitor(name).userID}:userID`)),
      kept => kept.filter(values => Object.keys(Object(values)).length > 0).length
    )
  )

/** Simulates the visits, and waits for background writes; fails when the result is unexpected. */
const act = Effect.fn(function* (title: string, names: ReadonlyArray<string>, expected: number) {
  yield* Console.log(`\n${title}`)
  const pages = yield* Effect.forEach(names, visit)
  for (const page of pages) yield* Console.log(`  ${page}`)
  yield* Effect.sleep("20 millis").pipe(
    Effect.andThen(countKept(names)),
    Effect.repeat({ until: count => count === expected }),
    Effect.timeoutFail({ duration: "1 minute", onTimeout: () => new Error(`expected ${expected} kept assignments`) })
  )
  yield* Console.log(`  kept in Redis: ${expected}`)
})

const play = Effect.fn(function* (experiment: SubscriptionRef.SubscriptionRef<PricePage>) {
  const store = yield* SpecStore.SpecStore
  const change = (state: PricePage) =>
    SubscriptionRef.set(experiment, state).pipe(Effect.andThen(store.syncNow), Effect.orDie)

  yield* act("Half of the visitors see the new page:", regulars, regulars.length)

  yield* change({ newPage: 0, isActive: true })
  yield* act("Nobody new sees it any longer, the others keep what they have:", everybody, everybody.length)

  yield* change({ newPage: 0, isActive: false })
  yield* act("The experiment has ended, and with it the keeping:", everybody, 0)
})

const main = Effect.gen(function* () {
  const experiment = yield* SubscriptionRef.make<PricePage>({ newPage: 50, isActive: true })
  const storage = RedisStorage.layer({ url: yield* redisUrl })
  const statsig = StatsigLayer.layerFrom({}).pipe(
    Layer.provide(
      Layer.mergeAll(
        layerFollowing(experiment),
        NoUserAgentParser.layer,
        NoCountryLookup.layer,
        MemoryIdLists.layer(),
        NoEventLogger.layer,
        NoObservability.layer
      )
    ),
    Layer.provideMerge(storage)
  )
  yield* Effect.gen(function* () {
    const redis = yield* PersistentStorage.PersistentStorage
    const isThere = yield* Effect.isSuccess(redis.load("nobody"))
    if (!isThere && (yield* redisIsRequired)) return yield* Effect.dieMessage("There is no Redis")
    if (!isThere) return yield* Console.log("There is no Redis: the example is skipped. Start one, or set REDIS_URL.")
    yield* Effect.flatMap(Statsig.Statsig, ({ initialize }) => initialize)
    yield* play(experiment)
  }).pipe(Effect.provide(statsig))
})

NodeRuntime.runMain(main)
