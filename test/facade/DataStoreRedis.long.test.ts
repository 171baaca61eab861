import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { redisDataStore, Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"
import { statsigServer } from "../layers/support/fleet.js"
import { canStartRedis, redisServer } from "../layers/support/redisServer.js"

const program = fileURLToPath(new URL("support/redisExit.ts", import.meta.url))
const user = new StatsigUser({ userID: "u" })

const start = (options: StatsigOptions) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const statsig = new Statsig("secret-key", { disableAllLogging: true, outputLogLevel: "none", ...options })
      assert.deepStrictEqual(await statsig.initialize(), { isSuccess: true })
      return statsig
    }),
    statsig => Effect.promise(() => statsig.shutdown())
  )

const detailsOf = (statsig: Statsig) => statsig.getFeatureGate(user, "gate").details

const until = (condition: () => boolean) =>
  Effect.repeat(Effect.delay(Effect.sync(condition), "10 millis"), { until: done => done })

describe("redisDataStore", () => {
  it.scopedLive.each(["redis://127.0.0.1:9", "no URL"])("%s loses the store, not the specs", url =>
    Effect.gen(function* () {
      const { callers, url: specsUrl } = yield* statsigServer
      const statsig = yield* start({ specsUrl, dataStore: redisDataStore({ url }) })
      assert.strictEqual(detailsOf(statsig).reason, "Network:Recognized")
      assert.strictEqual(callers.length, 1)
    })
  )
})

describe.skipIf(!canStartRedis)("redisDataStore with a Redis", () => {
  it.scopedLive("lets one of many instances poll, and the others follow it", () =>
    Effect.gen(function* () {
      const statsig = yield* statsigServer
      const redis = yield* redisServer
      const options = (serviceName: string, more = {}): StatsigOptions => ({
        serviceName,
        specsUrl: statsig.url,
        specsSyncIntervalMs: 1000,
        dataStore: redisDataStore({ url: Redacted.value(redis.url), intervalMs: 1000, ...more })
      })
      const first = yield* start(options("first"))
      const second = yield* start(options("second"))
      const reader = yield* start(options("reader", { readOnly: true }))
      const all = [first, second, reader]
      assert.deepStrictEqual(
        all.map(instance => detailsOf(instance).reason),
        ["Network:Recognized", "Adapter(DataStore):Recognized", "Adapter(DataStore):Recognized"]
      )
      statsig.state.time = 2
      yield* until(() => all.every(instance => detailsOf(instance).lcut === 2))
      assert.deepStrictEqual(new Set(statsig.callers), new Set(["first"]))
      yield* Effect.promise(() => first.shutdown())
      statsig.callers.length = 0
      statsig.state.time = 3
      yield* until(() => [second, reader].every(instance => detailsOf(instance).lcut === 3))
      assert.deepStrictEqual(new Set(statsig.callers), new Set(["second"]))
    })
  )

  it.scopedLive("does not keep a process alive", () =>
    Effect.gen(function* () {
      const statsig = yield* statsigServer
      const redis = yield* redisServer
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, ["--import", "tsx", program, Redacted.value(redis.url), statsig.url])
      )
      assert.strictEqual(stdout, "Network:Recognized\n")
    })
  )
})
