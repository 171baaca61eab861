/**
 * Sticky assignments through the preset: what a storage receives, what users get, and that its failures affect nothing
 * else.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Layer, Option, Scope, TestClock } from "effect"
import * as NoCountryLookup from "../../layers/CountryLookup/Disabled.js"
import * as NoEventLogger from "../../layers/EventLogger/Noop.js"
import * as DefaultEventLogger from "../../layers/EventLogger.js"
import * as MemorySink from "../../layers/EventSink/Memory.js"
import * as MemoryIdLists from "../../layers/IdLists/Memory.js"
import * as NoObservability from "../../layers/ObservabilityClient/Noop.js"
import * as Memory from "../../layers/PersistentStorage/Memory.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import * as NoUserAgentParser from "../../layers/UserAgentParser/Disabled.js"
import type * as EventLogger from "../../src/EventLogger.js"
import { EventSink } from "../../src/EventSink.js"
import { PersistentStorage, type Storage } from "../../src/PersistentStorage.js"
import { SpecSource } from "../../src/SpecSource.js"
import * as Statsig from "../../src/Statsig.js"
import { PersistentStorageError } from "../../src/StatsigError.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { type ExperimentState, experimentSpecs } from "./support/experiments.js"
import { capturingLogs, scriptedSource } from "./support/specs.js"

const user = StatsigUser.make({ userID: "u", customIDs: { companyID: "c" } })
const other = StatsigUser.make({ userID: "other" })

/** A storage in memory that records its calls. */
const recording = () => {
  const calls: Array<string> = []
  const storage = Memory.make()
  const note = (...words: ReadonlyArray<string>) => Effect.sync(() => void calls.push(words.join(" ")))
  const recorder: Storage = {
    load: key => Effect.andThen(note("load", key), storage.load(key)),
    save: (key, name, values) => Effect.andThen(note("save", key, name), storage.save(key, name, values)),
    delete: (key, name) => Effect.andThen(note("delete", key, name), storage.delete(key, name))
  }
  return { calls, storage: recorder }
}

const layerOf = (
  storage: Storage,
  states: ReadonlyArray<ExperimentState> = [{}],
  logger: Layer.Layer<EventLogger.EventLogger> = NoEventLogger.layer
) =>
  StatsigLayer.layerFrom({}).pipe(
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(SpecSource, scriptedSource(states.map(state => experimentSpecs(state)))),
        Layer.succeed(PersistentStorage, storage),
        NoUserAgentParser.layer,
        NoCountryLookup.layer,
        MemoryIdLists.layer(),
        logger,
        NoObservability.layer
      )
    ),
    Layer.tap(services => Context.get(services, Statsig.Statsig).initialize)
  )

/** Waits until pending assignments are written. */
const written = Effect.promise(() => new Promise(resolve => setTimeout(resolve, 20)))

const color = (statsig: Statsig.Service, of = user) => statsig.getExperiment(of, "button").get("color", "none")

const reason = (statsig: Statsig.Service, of = user) => statsig.getExperiment(of, "button").details.reason

/** Two payloads: everybody is in group A and, after a poll, in group B. */
const fromAToB: ReadonlyArray<ExperimentState> = [{ group: "A" }, { group: "B", time: 1_700_000_000_001 }]
const poll = TestClock.adjust("10 seconds")

const failing = new PersistentStorageError({ operation: "save", message: "down" })

/** Every way in which a storage can fail. */
const broken: Readonly<Record<string, () => Effect.Effect<never, PersistentStorageError>>> = {
  fails: () => Effect.fail(failing),
  dies: () => Effect.die(new Error("broken")),
  throws: () => {
    throw new Error("broken")
  },
  "never answers": () => Effect.never,
  "gives no effect": () => undefined as never
}

describe("sticky assignments", () => {
  it.effect("are written to the storage after the check, not within it", () => {
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      statsig.getExperiment(user, "button", { userPersistedValues: new Map() })
      statsig.getExperiment(user, "banner", { userPersistedValues: new Map() })
      statsig.getLayer(user, "home")
      assert.deepStrictEqual(calls, [])
      yield* written
      assert.sameMembers(calls, ["save u:userID button", "delete u:userID home", "save c:companyID banner"])
    }).pipe(Effect.provide(layerOf(storage)))
  })

  it.effect("are written before the scope ends", () => {
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      yield* Effect.provide(Effect.map(Statsig.Statsig, color), layerOf(storage))
      assert.deepStrictEqual(calls, ["delete u:userID button"])
    })
  })

  it.effect("are not affected by manual exposures", () => {
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      statsig.manuallyLogExperimentExposure(user, "button")
      statsig.manuallyLogLayerParameterExposure(user, "home", "color")
      statsig.getExperimentByGroupName("button", "A")
      yield* written
      assert.deepStrictEqual(calls, [])
    }).pipe(Effect.provide(layerOf(storage)))
  })

  it.effect("are lost when the storage fails, with one warning and no other effect", () =>
    Effect.gen(function* () {
      for (const [how, trouble] of Object.entries(broken)) {
        const { layer, lines } = capturingLogs()
        const storage: Storage = { load: trouble, save: trouble, delete: trouble }
        yield* Effect.gen(function* () {
          const statsig = yield* Statsig.Statsig
          for (let check = 0; check < 10; check++) {
            assert.strictEqual(color(statsig), "group_A")
            statsig.getExperiment(user, "button", { userPersistedValues: new Map() })
            yield* written
            yield* TestClock.adjust("1 seconds")
          }
          yield* written
          const loading = yield* Effect.fork(statsig.withPersistedValues(user))
          yield* TestClock.adjust("1 seconds")
          assert.strictEqual(color(yield* loading), "group_A")
        }).pipe(Effect.provide(layerOf(storage)), Effect.provide(layer))
        assert.deepStrictEqual(
          lines.map(line => line.split(":")[0]),
          [`WARN The persistent storage ${how === "never answers" ? "was too slow to write" : "failed to delete"}`],
          how
        )
      }
    })
  )

  it.effect("do not pile up without bound while the storage hangs", () => {
    const { layer, lines } = capturingLogs()
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const open = yield* Deferred.make<void>()
      const hanging: Storage = { ...storage, delete: (key, name) => Effect.andThen(open, storage.delete(key, name)) }
      yield* Effect.gen(function* () {
        const statsig = yield* Statsig.Statsig
        for (let check = 0; check < 30_000; check++) statsig.getExperiment(user, "button")
        yield* written
        yield* Deferred.succeed(open, undefined)
      }).pipe(Effect.provide(layerOf(hanging)))
      assert.strictEqual(calls.length, 10_000)
      assert.deepStrictEqual(lines, ["WARN 20000 changes of kept answers were dropped: too many waited"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("do not delay the end of the scope for long", () =>
    Effect.gen(function* () {
      const storage: Storage = { load: () => Effect.never, save: () => Effect.never, delete: () => Effect.never }
      const scope = yield* Scope.make()
      const context = yield* Effect.provideService(Layer.build(layerOf(storage)), Scope.Scope, scope)
      const statsig = Context.get(context, Statsig.Statsig)
      for (let check = 0; check < 50; check++) statsig.getExperiment(user, "button")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* written
      yield* TestClock.adjust("2 seconds")
      yield* closing
    })
  )
})

describe("withPersistedValues", () => {
  it.effect("keeps a user's assignment when the specs would now decide otherwise", () => {
    const { calls, storage } = recording()
    const request = Effect.map(Statsig.Statsig, statsig => [color(statsig), color(statsig), reason(statsig)])
    return Effect.gen(function* () {
      const kept = Statsig.withPersistedValues(user)
      assert.deepStrictEqual(yield* kept(request), ["group_A", "group_A", "Persisted"])
      yield* written
      yield* poll
      assert.deepStrictEqual(yield* kept(request), ["group_A", "group_A", "Persisted"])
      assert.deepStrictEqual(
        yield* Statsig.withPersistedValues(other)(Effect.map(Statsig.Statsig, statsig => color(statsig, other))),
        "group_B"
      )
      yield* written
      const loads = ["load u:userID", "load c:companyID"]
      const others = ["load other:userID", "save other:userID button"]
      assert.deepStrictEqual(calls, [...loads, "save u:userID button", ...loads, ...others])
    }).pipe(Effect.provide(layerOf(storage, fromAToB)))
  })

  it.effect("applies to layers, conditions and parameter stores alike", () => {
    const { storage } = recording()
    return Effect.gen(function* () {
      const request = Effect.map(Statsig.Statsig, statsig => ({
        gate: statsig.checkGate(user, "in_a"),
        store: statsig.getParameterStore(user, "links").get("color", "none"),
        layer: statsig.getLayer(user, "home").get("color", "none")
      }))
      const answers = { gate: true, store: "group_A", layer: "group_A" }
      assert.deepStrictEqual(yield* Statsig.withPersistedValues(user)(request), answers)
      yield* written
      yield* poll
      assert.deepStrictEqual(yield* Statsig.withPersistedValues(user)(request), answers)
      // Outside of it users get the current values, and assignments are no longer stored.
      assert.deepStrictEqual(yield* request, { gate: false, store: "group_B", layer: "group_B" })
      yield* written
      assert.deepStrictEqual(yield* storage.load("u:userID"), {})
    }).pipe(Effect.provide(layerOf(storage, fromAToB)))
  })

  it.effect("separates users of one ID type from those of another", () => {
    const { storage } = recording()
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const first = yield* statsig.withPersistedValues(user)
      assert.strictEqual(first.getExperiment(user, "banner").get("color", "none"), "group_A")
      yield* written
      yield* poll
      const colleague = StatsigUser.make({ userID: "colleague", customIDs: { companyID: "c" } })
      const second = yield* statsig.withPersistedValues(colleague)
      assert.strictEqual(second.getExperiment(colleague, "banner").get("color", "none"), "group_A")
      assert.strictEqual(color(second, colleague), "group_B")
    }).pipe(Effect.provide(layerOf(storage, fromAToB)))
  })

  it.effect("does not write to the storage when nothing changes", () => {
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const statsig = yield* (yield* Statsig.Statsig).withPersistedValues(user, ["userID"])
      for (let check = 0; check < 5; check++) color(statsig)
      statsig.getExperiment(user, "banner")
      statsig.getExperiment(other, "button")
      statsig.getExperiment(user, "unknown")
      yield* written
      assert.deepStrictEqual(calls, ["load u:userID"])
    }).pipe(Effect.provide(layerOf(storage, [{ isActive: false }])))
  })

  it.effect("stops with the experiment", () => {
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const request = Statsig.withPersistedValues(user, ["userID"])(Effect.map(Statsig.Statsig, color))
      assert.strictEqual(yield* request, "group_A")
      yield* written
      yield* poll
      assert.strictEqual(yield* request, "group_B")
      yield* written
      assert.deepStrictEqual(calls.slice(-2), ["load u:userID", "delete u:userID button"])
    }).pipe(
      Effect.provide(layerOf(storage, [{ group: "A" }, { group: "B", isActive: false, time: 1_700_000_000_001 }]))
    )
  })

  for (const [rule, option] of [
    ["targetingGate", "enforceTargeting"],
    ["id_override", "enforceOverrides"]
  ] as const) {
    it.effect(`is replaced by a rule when the option says so: ${option}`, () => {
      const { storage } = recording()
      return Effect.gen(function* () {
        const statsig = yield* Statsig.Statsig
        color(yield* statsig.withPersistedValues(user))
        yield* written
        yield* poll
        const again = yield* statsig.withPersistedValues(user)
        assert.strictEqual(color(again), "group_A")
        assert.strictEqual(again.getExperiment(user, "button", { [option]: true }).ruleID, rule)
        assert.strictEqual(color(again), "group_A")
      }).pipe(Effect.provide(layerOf(storage, [{ group: "A" }, { group: "B", rule, time: 1_700_000_000_001 }])))
    })
  }

  it.effect("does not change what it could not load", () =>
    Effect.gen(function* () {
      const unreadable = {
        ...broken,
        "gives text": () => Effect.succeed("{}"),
        "gives a list": () => Effect.succeed([])
      }
      for (const [how, load] of Object.entries(unreadable)) {
        const { calls, storage } = recording()
        yield* Effect.gen(function* () {
          const statsig = yield* Statsig.Statsig
          const loading = yield* Effect.fork(statsig.withPersistedValues(user))
          yield* TestClock.adjust("1 seconds")
          const view = yield* loading
          assert.strictEqual(color(view), "group_A", how)
          assert.strictEqual(reason(view), "Network:Recognized", how)
          yield* written
          assert.deepStrictEqual(calls, [], how)
        }).pipe(Effect.provide(layerOf({ ...storage, load })), Effect.provide(capturingLogs().layer))
      }
    })
  )

  it.effect("keeps valid assignments next to a malformed one", () => {
    const { layer, lines } = capturingLogs()
    const { calls, storage } = recording()
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      color(yield* statsig.withPersistedValues(user))
      yield* written
      yield* poll
      const { button } = (yield* storage.load("u:userID")) as Record<string, object>
      const load = () => Effect.succeed({ button, home: { ...button, value: "yes" } })
      const damaged = yield* Effect.provide(
        Effect.flatMap(Statsig.Statsig, statsig => statsig.withPersistedValues(user)),
        layerOf({ ...storage, load }, [{ group: "B" }])
      )
      assert.strictEqual(color(damaged), "group_A")
      assert.strictEqual(damaged.getLayer(user, "home").get("color", "none"), "group_B")
      yield* written
      assert.include(calls, "save u:userID home")
      assert.notInclude(calls, "delete u:userID button")
      assert.deepStrictEqual(lines, ["WARN The answers that are kept for home are malformed"])
    }).pipe(Effect.provide(layerOf(storage, fromAToB)), Effect.provide(layer))
  })

  it.effect("evaluates normally where there is no storage", () =>
    Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      const view = yield* statsig.withPersistedValues(user)
      assert.deepStrictEqual([color(view), reason(view)], ["group_A", "Bootstrap:Recognized"])
      assert.deepStrictEqual(Option.getOrNull(view.getExperiment(user, "button").groupName), "A")
    }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs: experimentSpecs(), disableCountryLookup: true })))
  )
})

describe("exposures of sticky assignments", () => {
  const users = Array.from({ length: 300 }, (_, index) => StatsigUser.make({ userID: `u-${index}` }))

  const ask = (statsig: Statsig.Service, user: StatsigUser.StatsigUser) => {
    statsig.getExperiment(user, "button")
    statsig.getLayer(user, "plain").get("color", "none")
    statsig.getParameterStore(user, "links").get("color", "none")
  }

  /** What was logged for the users, with sticky or with current assignments. */
  const logged = (sampling: NonNullable<ExperimentState["sampling"]>, keeps: boolean) => {
    const { sent, sink } = MemorySink.make()
    const logger = DefaultEventLogger.layer({}).pipe(
      Layer.provide(Layer.merge(Layer.succeed(EventSink, sink), NoObservability.layer))
    )
    return Effect.gen(function* () {
      const statsig = yield* Statsig.Statsig
      for (const user of users) {
        const view = keeps ? yield* statsig.withPersistedValues(user) : statsig
        if (keeps) {
          view.getExperiment(user, "button", { disableExposureLogging: true })
          view.getLayer(user, "plain", { disableExposureLogging: true })
        }
        ask(view, user)
      }
      yield* statsig.flush
      const exposures = (yield* sent.events).filter(({ eventName }) => eventName.endsWith("_exposure"))
      const reasons = new Set(exposures.map(({ metadata }) => metadata?.["reason"]))
      assert.deepStrictEqual([...reasons], [keeps ? "Persisted" : "Network:Recognized"])
      return exposures.map(({ eventName, statsigMetadata, user }) => [user["userID"], eventName, statsigMetadata])
    }).pipe(Effect.provide(layerOf(Memory.make(), [{ sampling }], logger)))
  }

  for (const { all, sampling, title } of [
    { title: "are sampled like those of now", sampling: { mode: "on", samplingRate: 10 }, all: false },
    { title: "carry the marks of shadow sampling", sampling: { mode: "shadow", samplingRate: 10 }, all: true },
    {
      title: "are all logged where the project wants all",
      sampling: { mode: "on", samplingRate: 10, forwardAllExposures: true },
      all: true
    }
  ] as const) {
    it.effect(title, () =>
      Effect.gen(function* () {
        const kept = yield* logged(sampling, true)
        assert.deepStrictEqual(kept, yield* logged(sampling, false))
        if (all) assert.strictEqual(kept.length, 3 * users.length)
        else {
          assert.isAbove(kept.length, 30)
          assert.isBelow(kept.length, 200)
        }
      })
    )
  }
})
