import { assert, describe, it } from "@effect/vitest"
import {
  Chunk,
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Scope,
  Stream,
  TestClock
} from "effect"
import * as Ip3Country from "../../layers/CountryLookup/Ip3Country.js"
import * as NoEventLogger from "../../layers/EventLogger/Noop.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as StatsigUserAgents from "../../layers/UserAgentParser/Statsig.js"
import { type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecStore } from "../../src/SpecStore.js"
import { Statsig } from "../../src/Statsig.js"
import { SpecSourceError } from "../../src/StatsigError.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { capturingLogs, noUpdates, payload, scriptedSource } from "./support/specs.js"

const sdkKey = Redacted.make("secret-testkey1234567890")
const user = StatsigUser.make({ userID: "u" })

const reasonOf = (statsig: Statsig["Type"], name = "gate") => statsig.getFeatureGate(user, name).details.reason

const layerOf = (source: Source, options: Parameters<typeof StatsigLayer.layerFrom>[0] = {}) =>
  StatsigLayer.layerFrom(options).pipe(
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(SpecSource, source),
        StatsigUserAgents.layer,
        Ip3Country.layer,
        MemoryIdLists.layer(),
        NoEventLogger.layer,
        NoObservability.layer
      )
    )
  )

const down = new SpecSourceError({ source: "Network", reason: "Transport", message: "refused" })

/** A gate that opens under one condition. */
const conditional = (condition: Record<string, unknown>) =>
  payload({
    fields: { condition_map: { public: { additionalValues: {}, idType: "userID", ...condition } } }
  })

const ofEnvironment = (environment: string) =>
  conditional({ type: "environment_field", field: "tier", operator: "any", targetValue: [environment] })

describe("Statsig", () => {
  describe("initialize", () => {
    it.effect("reports its outcome, and so do the evaluations", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.strictEqual(reasonOf(statsig), "Uninitialized")
        assert.deepStrictEqual(yield* statsig.initialize, {
          success: true,
          source: "Network",
          duration: Duration.zero,
          failure: Option.none()
        })
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
        assert.strictEqual(reasonOf(statsig, "unknown"), "Network:Unrecognized")
        assert.isTrue(statsig.checkGate(user, "gate"))
      }).pipe(Effect.provide(layerOf(scriptedSource([payload()]))))
    )

    it.effect("succeeds without new specs", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.deepInclude(yield* statsig.initialize, { success: true, source: "Loading", failure: Option.none() })
        assert.strictEqual(reasonOf(statsig), "Loading:Unrecognized")
      }).pipe(Effect.provide(layerOf(scriptedSource([noUpdates]))))
    )

    it.effect("reports a failure without failing, and polling recovers", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.deepInclude(yield* statsig.initialize, {
          success: false,
          source: "NoValues",
          failure: Option.some(down)
        })
        assert.strictEqual(reasonOf(statsig), "NoValues")
        assert.isFalse(statsig.checkGate(user, "gate"))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
      }).pipe(Effect.provide(layerOf(scriptedSource([Effect.fail(down), payload()]))))
    )

    it.effect("ends at its deadline; a late response is dropped, polling continues", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        const fiber = yield* Effect.fork(statsig.initialize)
        yield* TestClock.adjust("2 seconds")
        const result = yield* Fiber.join(fiber)
        assert.deepInclude(result, { success: false, source: "Loading", duration: Duration.seconds(2) })
        const failure = Option.getOrThrow(result.failure)
        assert.deepInclude(failure, { _tag: "InitializeTimeoutError", millis: 2_000 })
        assert.strictEqual(failure.message, "initialize did not end within 2000 ms")
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(reasonOf(statsig), "Loading:Unrecognized")
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
      }).pipe(
        Effect.provide(
          layerOf(scriptedSource([Effect.as(Effect.sleep("3 seconds"), payload())]), { initTimeout: "2 seconds" })
        )
      )
    )

    it.effect("times out at once with a deadline of 0, and recovers", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        const fiber = yield* Effect.fork(statsig.initialize)
        yield* TestClock.adjust(0)
        assert.deepInclude(yield* Fiber.join(fiber), { success: false, source: "Loading" })
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
      }).pipe(
        Effect.provide(layerOf(scriptedSource([Effect.as(Effect.sleep("1 second"), payload())]), { initTimeout: 0 }))
      )
    )

    it.effect("may be called again, also concurrently, and starts polling once", () => {
      const source = scriptedSource([payload({ time: 1 }), payload({ time: 2 }), payload({ time: 3 })])
      return Effect.gen(function* () {
        const statsig = yield* Statsig
        const results = yield* Effect.all([statsig.initialize, statsig.initialize], { concurrency: "unbounded" })
        assert.deepStrictEqual(
          results.map(({ success }) => success),
          [true, true]
        )
        assert.strictEqual(source.requests.length, 2)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(source.requests.length, 5)
      }).pipe(Effect.provide(layerOf(source)))
    })
  })

  it.effect("polls at its configured interval", () => {
    const source = scriptedSource([noUpdates])
    return Effect.gen(function* () {
      yield* Effect.flatMap(Statsig, statsig => statsig.initialize)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(source.requests.length, 1 + 3)
    }).pipe(Effect.provide(layerOf(source, { specsSyncInterval: "20 seconds" })))
  })

  it.effect("exposes sync, status and changes of the store", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig
      const ready = yield* Deferred.make<void>()
      const fiber = yield* statsig.changes.pipe(
        Stream.onStart(Deferred.succeed(ready, undefined)),
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(ready)
      yield* Effect.yieldNow()
      yield* statsig.syncNow
      assert.deepInclude(yield* statsig.status, { source: "Network", time: 7, lastError: undefined })
      const [change] = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      assert.deepInclude(change, { source: "Network", time: 7, previousTime: 0 })
      assert.deepStrictEqual(change?.gates.added, ["gate"])
    }).pipe(Effect.provide(layerOf(scriptedSource([payload({ time: 7 })]))))
  )

  it.effect("keeps the last specs after the scope closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const source = scriptedSource([payload()])
      const services = yield* Scope.extend(Layer.build(layerOf(source)), scope)
      const statsig = Context.get(services, Statsig)
      yield* statsig.initialize
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(statsig.checkGate(user, "gate"))
      assert.deepInclude(yield* statsig.initialize, { success: true })
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(source.requests.length, 2)
    })
  )

  describe("layerManual", () => {
    it("is built synchronously and is not initialised", () => {
      const scope = Effect.runSync(Scope.make())
      const services = Effect.runSync(
        Scope.extend(Layer.build(StatsigLayer.layerManual({ sdkKey, disableAllLogging: true })), scope)
      )
      const statsig = Context.get(services, Statsig)
      assert.strictEqual(reasonOf(statsig), "Uninitialized")
      assert.deepStrictEqual(Context.get(services, SpecStore).current().snapshot, undefined)
      assert.deepStrictEqual(statsig.metadata.gates(), [])
      return Effect.runPromise(Scope.close(scope, Exit.void))
    })

    it.live("works over the network with a local Statsig", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const services = yield* Layer.build(
          StatsigLayer.layerManual({
            sdkKey,
            specsUrl: local.specsUrl,
            logEventUrl: local.logEventUrl,
            serviceName: "shop"
          })
        )
        const statsig = Context.get(services, Statsig)
        assert.deepStrictEqual(yield* local.requests, [])
        assert.deepInclude(yield* statsig.initialize, { success: true, source: "Network" })
        assert.isTrue(statsig.checkGate(user, "gate"))
        const [first] = yield* local.requests
        assert.deepInclude(first!.headers, { "x-request-service": "shop" })
        yield* local.setSpecs(payload({ time: 1_700_000_000_001, gates: { gate: false } }))
        yield* statsig.syncNow
        assert.isFalse(statsig.checkGate(user, "gate"))
        const [, second] = yield* local.requests
        assert.deepStrictEqual(second?.query, { sinceTime: "1700000000000" })
        assert.strictEqual((yield* local.requests).length, 2)
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig({ specs: payload() })))
    )

    it.live("gives up at the deadline on a server that stalls", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultNext("specs", Fault.Stall({}))
        const services = yield* Layer.build(
          StatsigLayer.layerManual({
            sdkKey,
            specsUrl: local.specsUrl,
            logEventUrl: local.logEventUrl,
            initTimeout: 100
          })
        )
        const statsig = Context.get(services, Statsig)
        const { failure, success } = yield* statsig.initialize
        assert.isFalse(success)
        assert.strictEqual(Option.getOrThrow(failure)._tag, "InitializeTimeoutError")
        assert.strictEqual(reasonOf(statsig), "Loading:Unrecognized")
        yield* statsig.syncNow
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig({ specs: payload() })))
    )
  })

  describe("options", () => {
    it.effect("disableNetwork starts without specs and requests nothing", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const local = yield* LocalStatsig
        const services = yield* Layer.build(
          StatsigLayer.layer({ sdkKey, specsUrl: local.specsUrl, logEventUrl: local.logEventUrl, disableNetwork: true })
        )
        const statsig = Context.get(services, Statsig)
        assert.strictEqual(reasonOf(statsig), "NoValues")
        assert.deepInclude(yield* statsig.initialize, { success: true, source: "NoValues", failure: Option.none() })
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual([yield* local.requests, logs.lines], [[], []])
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig()), Effect.provide(logs.layer))
    })

    const environments: ReadonlyArray<
      readonly [name: string, environment: string | undefined, default_: string | undefined, open: boolean]
    > = [
      ["is the tier of users", "staging", undefined, true],
      ["takes precedence over the default of the specs", "staging", "production", true],
      ["is that of the specs by default", undefined, "staging", true],
      ["is missing without either", undefined, undefined, false]
    ]
    for (const [name, environment, defaultEnvironment, open] of environments) {
      it.effect(`environment ${name}`, () => {
        const specs = { ...JSON.parse(ofEnvironment("staging")), default_environment: defaultEnvironment }
        return Effect.gen(function* () {
          const statsig = yield* Statsig
          assert.strictEqual(statsig.checkGate(user, "gate"), open)
        }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs, environment })))
      })
    }

    it.effect("globalCustomFields are added to every user as JSON, and the user's own fields win", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.isTrue(statsig.checkGate(user, "gate"))
        assert.isFalse(statsig.checkGate(StatsigUser.make({ userID: "u", custom: { plan: "free" } }), "gate"))
      }).pipe(
        Effect.provide(
          StatsigLayer.layerOffline({
            specs: conditional({ type: "user_field", field: "plan", operator: "any", targetValue: ["pro"] }),
            globalCustomFields: { plan: "pro", none: undefined, callback: () => 1, big: 1n }
          })
        )
      )
    )

    const chrome = StatsigUser.make({
      userID: "u",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    })
    const parsers = [
      [{}, "120.0.0.0"],
      [{ useThirdPartyUaParser: true }, "120.0.0"],
      [{ disableUserAgentParsing: true }, undefined],
      [{ disableUserAgentParsing: true, useThirdPartyUaParser: true }, undefined]
    ] as const
    for (const [options, version] of parsers) {
      it.effect(`the user agent is parsed as ${JSON.stringify(options)} says`, () =>
        Effect.gen(function* () {
          const statsig = yield* Statsig
          const parsed = Option.getOrUndefined(statsig.getParsedUserAgent(chrome))
          assert.strictEqual(parsed?.browserVersion, version)
        }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs: payload(), ...options })))
      )
    }

    for (const [disableCountryLookup, open, reason] of [
      [false, true, "Bootstrap:Recognized"],
      [true, false, "CountryLookupNotLoaded:Recognized"]
    ] as const) {
      it.effect(`disableCountryLookup: ${disableCountryLookup}`, () =>
        Effect.gen(function* () {
          const statsig = yield* Statsig
          const american = StatsigUser.make({ userID: "u", ip: "8.8.8.8" })
          const gate = statsig.getFeatureGate(american, "gate")
          assert.deepStrictEqual([gate.value, gate.details.reason], [open, reason])
        }).pipe(
          Effect.provide(
            StatsigLayer.layerOffline({
              specs: conditional({ type: "ip_based", field: "country", operator: "any", targetValue: ["US"] }),
              disableCountryLookup
            })
          )
        )
      )
    }
  })

  describe("layer", () => {
    it.live("is initialised, and polls", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const services = yield* Layer.build(
          StatsigLayer.layer({ sdkKey, specsUrl: local.specsUrl, logEventUrl: local.logEventUrl })
        )
        const statsig = Context.get(services, Statsig)
        assert.strictEqual(reasonOf(statsig), "Network:Recognized")
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig({ specs: payload() })))
    )

    it.live("warns with the reason when there are no specs, and still starts", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultAlways("specs", Fault.Reply({ status: 401, body: "unknown key" }))
        const services = yield* Layer.build(
          StatsigLayer.layer({ sdkKey, specsUrl: local.specsUrl, logEventUrl: local.logEventUrl })
        )
        const statsig = Context.get(services, Statsig)
        assert.strictEqual(reasonOf(statsig), "NoValues")
        assert.deepInclude((yield* statsig.status).lastError, { reason: "Status", status: 401 })
        assert.deepStrictEqual(logs.lines, [
          `WARN Statsig starts without fresh specs: ${local.specsUrl}/secret-testk*****.json status(401) attempts(1) ` +
            "Unauthorized: unknown key"
        ])
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig()), Effect.provide(logs.layer))
    })

    it.live("reports an empty key or a client key when the server refuses it, and never shows it", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const local = yield* LocalStatsig
        yield* local.faultAlways("specs", Fault.Reply({ status: 403 }))
        for (const [key, got] of [
          ["", "an empty text"],
          [" \t", "an empty text"],
          ["client-abcdefghij", "a client key"],
          ["console-abcdefghij", "a console key"],
          ['"secret-abcdefghij"', "a text that begins otherwise"]
        ] as const) {
          const options = { sdkKey: Redacted.make(key), specsUrl: local.specsUrl, logEventUrl: local.logEventUrl }
          logs.lines.length = 0
          const statsig = Context.get(yield* Layer.build(StatsigLayer.layerManual(options)), Statsig)
          const expected = `sdkKey: expected a server secret key, which begins with "secret-", got ${got}`
          assert.deepStrictEqual(logs.lines, [`WARN ${expected}`], "at once")
          const error = Option.getOrThrow((yield* statsig.initialize).failure)
          assert.deepInclude(error, { _tag: "SpecSourceError", reason: "Key", status: 403 })
          assert.isTrue(error.message.startsWith(`${expected}: `), error.message)
          assert.notInclude(error.message, "abcdefghij")
        }
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig()), Effect.provide(logs.layer))
    })

    it.live("works with any key where the server accepts it, and where no server is used", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const local = yield* LocalStatsig
        const { logEventUrl, specsUrl } = local
        const sdkKey = Redacted.make("client-abc")
        const taken = yield* Layer.build(StatsigLayer.layer({ sdkKey, specsUrl, logEventUrl }))
        assert.isTrue(Context.get(taken, Statsig).checkGate(user, "gate"))
        logs.lines.length = 0
        const offline = yield* Layer.build(StatsigLayer.layer({ sdkKey: Redacted.make(""), disableNetwork: true }))
        assert.isTrue((yield* Context.get(offline, Statsig).initialize).success)
        assert.deepStrictEqual(logs.lines, [])
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig({ specs: payload() })), Effect.provide(logs.layer))
    })
  })

  describe("layerConfig", () => {
    const withConfig = (values: Record<string, string>) =>
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

    it.live("reads the options from the environment", () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const services = yield* withConfig({
          STATSIG_SDK_KEY: "secret-fromenvironment",
          STATSIG_SPECS_URL: local.specsUrl,
          STATSIG_LOG_EVENT_URL: local.logEventUrl,
          STATSIG_ENVIRONMENT: "staging"
        })(Layer.build(StatsigLayer.layerConfig))
        assert.isTrue(Context.get(services, Statsig).checkGate(user, "gate"))
        assert.deepInclude((yield* local.requests)[0]?.headers, { "statsig-api-key": "secret-fromenvironment" })
      }).pipe(Effect.scoped, Effect.provide(layerLocalStatsig({ specs: ofEnvironment("staging") })))
    )

    it.effect("fails without a key", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(withConfig({})(Layer.build(StatsigLayer.layerConfig)))
        assert.include(String(error), "STATSIG_SDK_KEY")
      }).pipe(Effect.scoped)
    )
  })

  describe("layerOffline", () => {
    it.effect("evaluates the given specs", () =>
      Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.strictEqual(reasonOf(statsig), "Bootstrap:Recognized")
        assert.isTrue(statsig.checkGate(user, "gate"))
      }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs: payload() })))
    )

    it.effect("warns of unusable specs", () => {
      const logs = capturingLogs()
      return Effect.gen(function* () {
        const statsig = yield* Statsig
        assert.strictEqual(reasonOf(statsig), "NoValues")
        assert.strictEqual(logs.lines.length, 1)
        assert.match(logs.lines[0]!, /^WARN Statsig starts without fresh specs: ./)
      }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs: "{}" })), Effect.provide(logs.layer))
    })
  })
})
