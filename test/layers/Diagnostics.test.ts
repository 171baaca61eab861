/** Diagnostics events: what they record of `initialize` and of syncs, and how often they are sent. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Logger, Redacted } from "effect"
import { decompress } from "fzstd"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig, type ReceivedEvent } from "../../layers/LocalStatsig.js"
import { Statsig as PromiseStatsig } from "../../layers/promise.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import { Statsig } from "../../src/Statsig.js"
import type { StatsigOptions } from "../../src/StatsigOptions.js"
import { payloadObject } from "./support/specs.js"

const sdkKey = "secret-testkey1234567890"

const specsWith = (diagnostics: Readonly<Record<string, number>> | undefined, time?: number) =>
  payloadObject({ fields: { diagnostics }, ...(time === undefined ? {} : { time }) })

const local = (diagnostics?: Readonly<Record<string, number>>) =>
  layerLocalStatsig({ specs: specsWith(diagnostics), decodeZstd: decompress })

const start = (options: Omit<StatsigOptions, "sdkKey"> = {}) =>
  Effect.gen(function* () {
    const { logEventUrl, specsUrl } = yield* LocalStatsig
    const services = yield* Layer.build(
      StatsigLayer.layerManual({ sdkKey: Redacted.make(sdkKey), specsUrl, logEventUrl, ...options })
    )
    return Context.get(services, Statsig)
  })

/** The events that arrived: the context and the markers of each. */
const arrived = Effect.flatMap(LocalStatsig, ({ events }) => Effect.map(events, read))

const read = (events: ReadonlyArray<ReceivedEvent>) =>
  events.map(({ metadata }) => ({
    context: metadata?.["context"],
    markers: JSON.parse(metadata?.["markers"] ?? "") as ReadonlyArray<Readonly<Record<string, unknown>>>
  }))

const always = { initialize: 10_000, dcs: 10_000 }

describe("diagnostics", () => {
  it.scopedLive("report the response to a sync, and why it failed", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const statsig = yield* start()
      yield* statsig.initialize
      yield* local.faultNext(
        "specs",
        Fault.Headers({ headers: { "x-statsig-region": "r1" } }),
        Fault.Reply({ status: 403, headers: { "content-type": "text/plain" }, body: "no" }),
        Fault.Reset({})
      )
      yield* statsig.syncNow
      yield* Effect.ignore(statsig.syncNow)
      yield* statsig.flush
      const [, applied, refused] = yield* arrived
      const ends = [applied, refused].map(event => {
        assert.strictEqual(event?.context, "config_sync")
        const { timestamp, url, ...end } = event?.markers[1] ?? {}
        assert.isAtLeast(Number(timestamp), Date.now() - 60_000)
        assert.strictEqual(url, `${local.specsUrl}/secret-testk*****.json`)
        return end
      })
      const end = { key: "download_config_specs", action: "end", attempt: 0, step: "network_request" }
      assert.deepStrictEqual(ends, [
        { ...end, sdkRegion: "r1", statusCode: 200, success: true, contentType: "application/json" },
        {
          ...end,
          error: { name: "NetworkError", message: "Forbidden: no", code: "403" },
          statusCode: 403,
          success: false,
          contentType: "text/plain"
        }
      ])
    }).pipe(Effect.provide(local(always)), Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  it.scopedLive("report an initialize that failed", () =>
    Effect.gen(function* () {
      const { faultAlways } = yield* LocalStatsig
      yield* faultAlways("specs", Fault.Reset({}))
      const statsig = yield* start()
      yield* statsig.initialize
      yield* statsig.flush
      const [event] = yield* arrived
      const network = event?.markers.find(({ error }) => error !== undefined)
      assert.nestedPropertyVal(network, "error.code", "None")
      const { timestamp: _, ...overall } = event?.markers.at(-1) ?? {}
      assert.deepStrictEqual(overall, {
        key: "overall",
        action: "end",
        success: false,
        configSpecReady: false,
        source: "NoValues"
      })
    }).pipe(Effect.provide(local()), Effect.provide(Logger.remove(Logger.defaultLogger)))
  )

  it.scopedLive("are sent at the rate of the specs that were just loaded", () =>
    Effect.gen(function* () {
      const { setSpecs } = yield* LocalStatsig
      const statsig = yield* start()
      yield* statsig.initialize
      for (let time = 1; time <= 10; time++) {
        yield* setSpecs(specsWith({ initialize: 0, dcs: 10_000 }, 1_700_000_000_000 + time))
        yield* statsig.syncNow
      }
      yield* statsig.initialize
      yield* setSpecs(specsWith({ initialize: 20_000, dcs: 0 }, 1_700_000_000_020))
      yield* statsig.syncNow
      yield* statsig.initialize
      yield* statsig.flush
      const contexts = (yield* arrived).map(({ context }) => context)
      assert.deepStrictEqual(contexts, [...Array<string>(10).fill("config_sync"), "initialize"])
    }).pipe(Effect.provide(local({ initialize: 0, dcs: 0 })))
  )

  it.scopedLive("are sampled where the specs set a rate", () =>
    Effect.gen(function* () {
      const statsig = yield* start()
      for (let count = 0; count < 40; count++) yield* statsig.initialize
      yield* statsig.flush
      const { length } = yield* arrived
      // All or none of forty: one run in 10^11.
      assert.isAbove(length, 0)
      assert.isBelow(length, 40)
    }).pipe(Effect.provide(local({ initialize: 5_000 })))
  )

  it.scopedLive("are not sent when logging is off", () =>
    Effect.gen(function* () {
      const { events } = yield* LocalStatsig
      const statsig = yield* start({ disableAllLogging: true })
      yield* statsig.initialize
      yield* statsig.flush
      assert.deepStrictEqual(yield* events, [])
    }).pipe(Effect.provide(local(always)))
  )

  it.scopedLive("report each background sync of ID lists, like those of the official package", () =>
    Effect.gen(function* () {
      const { faultAlways, growIdList, idListsUrl, setIdList, url } = yield* LocalStatsig
      yield* setIdList("list_a", ["a"])
      const statsig = yield* start({ idListsUrl, enableIdLists: true, idListsSyncInterval: "20 millis" })
      yield* statsig.initialize
      const shown = ({ context, markers }: { context: unknown; markers: ReadonlyArray<object> }) => {
        assert.strictEqual(context, "config_sync")
        return JSON.parse(JSON.stringify(markers).replaceAll(`${url}/v1/`, ""), (key, value) =>
          key === "timestamp" ? undefined : value
        ) as ReadonlyArray<Readonly<Record<string, unknown>>>
      }
      /** The newest event with this end marker. */
      const eventWith = (end: object) =>
        Effect.andThen(statsig.flush, arrived).pipe(
          Effect.map(events =>
            events
              .map(shown)
              .findLast(markers => markers.some(marker => Object.entries(end).every(([key, is]) => marker[key] === is)))
          ),
          Effect.delay("20 millis"),
          Effect.repeat({ until: found => found !== undefined })
        )

      const sources = { key: "get_id_list_sources", step: "network_request", url: "get_id_lists", attempt: 0 }
      const got = { statusCode: 200, success: true, contentType: "application/json" }
      const process = { key: "get_id_list_sources", step: "process" }
      const begun = [
        { ...sources, action: "start" },
        { ...sources, ...got, action: "end" },
        { ...process, action: "start", idListCount: 1 }
      ]
      assert.deepStrictEqual(yield* eventWith({ ...process, action: "end" }), [
        ...begun,
        { ...process, action: "end", success: true }
      ])

      yield* growIdList("list_a", { add: ["b"] })
      const list = { key: "get_id_list", url: "download_id_list_file/file_1" }
      const download = { ...list, step: "network_request", attempt: 0 }
      assert.deepStrictEqual(yield* eventWith({ key: "get_id_list" }), [
        ...begun,
        { ...download, action: "start" },
        { ...download, action: "end", success: true, statusCode: 206, contentType: "text/plain; charset=utf-8" },
        { ...list, step: "process", action: "start" },
        { ...list, step: "process", action: "end", success: true },
        { ...process, action: "end", success: true }
      ])

      const gone = Fault.Reply({ status: 404, headers: { "content-type": "text/plain" }, body: "gone" })
      const failed = {
        action: "end",
        success: false,
        statusCode: 404,
        contentType: "text/plain",
        error: { name: "NetworkError", code: "404", message: "Not Found: gone" }
      }
      yield* faultAlways("idListFile", gone)
      yield* growIdList("list_a", { add: ["c"] })
      assert.deepStrictEqual(yield* eventWith({ key: "get_id_list", success: false }), [
        ...begun,
        { ...download, action: "start" },
        { ...download, ...failed },
        // The official package omits this one.
        { ...process, action: "end", success: false }
      ])

      yield* faultAlways("idListManifest", gone)
      assert.deepStrictEqual(yield* eventWith({ ...sources, action: "end", success: false }), [
        { ...sources, action: "start" },
        { ...sources, ...failed }
      ])
    }).pipe(
      Effect.provide(local({ initialize: 0, dcs: 0, get_id_list: 10_000 })),
      Effect.provide(Logger.remove(Logger.defaultLogger)),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["STATSIG_RUNNING_TESTS", "1"]])))
    )
  )

  it.scopedLive("come from the facade", () =>
    Effect.gen(function* () {
      const { logEventUrl, specsUrl } = yield* LocalStatsig
      const statsig = new PromiseStatsig(sdkKey, { specsUrl, logEventUrl })
      yield* Effect.promise(() => statsig.initialize())
      yield* Effect.promise(() => statsig.shutdown())
      const [event] = yield* arrived
      assert.strictEqual(event?.context, "initialize")
      assert.deepStrictEqual(
        event?.markers.map(({ action, key, step, success }) => [key, step, action, success]),
        [
          ["overall", undefined, "start", undefined],
          ["download_config_specs", "network_request", "start", undefined],
          ["download_config_specs", "network_request", "end", true],
          ["download_config_specs", "process", "start", undefined],
          ["download_config_specs", "process", "end", true],
          ["overall", undefined, "end", true]
        ]
      )
    }).pipe(Effect.provide(local()))
  )
})
