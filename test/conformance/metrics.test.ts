/**
 * The official package's calls to an observability client, and this one's for the same lifetime of an instance. Where
 * the official calls are wrong ours are correct, and the test says so.
 */
import { readFileSync } from "node:fs"
import { Effect, ManagedRuntime } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { Statsig, type StatsigOptions, StatsigUser } from "../../layers/promise.js"

type Tags = Readonly<Record<string, string>>
type Call = readonly [method: string, name: string | null, value: unknown, tags?: Tags | null]

const reference: {
  readonly specs: object
  readonly observability: { readonly calls_in_order_first_of_each: ReadonlyArray<Call> }
} = JSON.parse(readFileSync(new URL("../vectors/events-captures.json", import.meta.url), "utf8"))

const sdkKey = "secret-demoKey0123456789sync"
const user = new StatsigUser({ userID: "u" })

let runtime: ManagedRuntime.ManagedRuntime<LocalStatsig, unknown>
let local: LocalStatsig["Type"]
let statsig: Statsig | undefined

beforeEach(async () => {
  // Lifts the minimum of a second between two polls.
  vi.stubEnv("STATSIG_RUNNING_TESTS", "1")
  runtime = ManagedRuntime.make(LocalStatsigNode.layer({ specs: reference.specs }))
  local = await runtime.runPromise(LocalStatsig)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await statsig?.shutdown(500)
  await runtime.dispose()
})

/** An instance whose calls are kept. */
const start = async (options: StatsigOptions = {}, highCardinality?: (tag: string) => boolean) => {
  const calls: Array<Call> = []
  const keep =
    (method: string) =>
    (...input: ReadonlyArray<unknown>) =>
      void calls.push([method, ...input] as unknown as Call)
  statsig = new Statsig(sdkKey, {
    specsUrl: local.specsUrl,
    logEventUrl: local.logEventUrl,
    idListsUrl: local.idListsUrl,
    specsSyncIntervalMs: 20,
    idListsSyncIntervalMs: 20,
    outputLogLevel: "none",
    observabilityClient: {
      initialize: () => void calls.push(["initialize", null, null]),
      increment: keep("increment"),
      gauge: keep("gauge"),
      dist: keep("dist"),
      error: keep("error"),
      ...(highCardinality === undefined ? {} : { shouldEnableHighCardinalityForThisTag: highCardinality })
    },
    ...options
  })
  await statsig.initialize()
  /** Waits for a call of that name with these tags, `null` for none. */
  const called = (method: string, name: string, tags: Tags | null = {}): Promise<Tags | null | undefined> =>
    vi.waitFor(
      () => {
        const found = calls.find(
          call => call[0] === method && call[1] === `statsig.sdk.${name}` && hasTags(call[3], tags)
        )
        expect(found, `${method} ${name} ${JSON.stringify(tags)}`).toBeDefined()
        expect(found?.[2]).toEqual(expect.any(Number))
        return found?.[3]
      },
      { timeout: 5_000 }
    )
  return { statsig, calls, called }
}

const hasTags = (tags: Tags | null | undefined, wanted: Tags | null): boolean =>
  wanted === null ? tags === null : Object.entries(wanted).every(([key, value]) => tags?.[key] === value)

const serve = (specs: object | string) => Effect.runPromise(local.setSpecs(specs))
const newer = { ...reference.specs, time: 1_750_000_000_005, checksum: "2" }

describe("the metrics of the official package", () => {
  it("all arrive, with the same tags", async () => {
    await Effect.runPromise(local.setIdList("list_a", ["a"]))
    const { called, calls, statsig } = await start({ enableIdLists: true })
    statsig.checkGate(user, "green_gate")
    await statsig.flushEvents()
    await serve({ has_updates: false })
    await called("increment", "config_no_update")
    await serve(newer)
    await called("dist", "config_propagation_diff")
    await serve("not json")
    await called("dist", "config_sync_overall.latency", { process_success: "false" })

    const ours = (call: Call | undefined) => call?.slice(0, 2).concat(call.slice(3))
    for (const [method, name, value, tags] of reference.observability.calls_in_order_first_of_each) {
      if (method === "error") {
        const [tag] = value as [string, string]
        // The official client is called with (null, [tag, error]).
        expect(calls).toContainEqual(["error", tag, expect.any(String)])
        continue
      }
      if (method === "initialize") continue
      const failed = tags?.["error"] !== undefined && tags["error"] !== ""
      const expected =
        tags === null
          ? null
          : Object.fromEntries(
              Object.entries(tags ?? {}).map(([tag, text]) => {
                const here = text.replace("http://specs.local", local.url)
                if (tag === "sdk_type" || tag === "sdk_version" || (failed && tag === "error"))
                  return [tag, expect.any(String)]
                // What cannot be parsed was not processed.
                return [tag, failed && tag === "process_success" ? "false" : here]
              })
            )
      expect(calls.map(ours)).toContainEqual([method, name, expected])
    }
    expect(calls[0]).toEqual(["initialize", null, null])
    expect(JSON.stringify(calls)).not.toContain(sdkKey)
  })

  it("report an initialize that failed", async () => {
    await Effect.runPromise(local.faultAlways("specs", Fault.Reply({ status: 500, body: "sad" })))
    const { called, calls } = await start()
    expect(await called("dist", "initialization")).toMatchObject({
      init_success: "false",
      source: "NoValues",
      store_populated: "false",
      init_source_api: ""
    })
    await called("increment", "sdk_exceptions_count", { tag: "Statsig", exception: "InitializationError" })
    await called("increment", "sdk_exceptions_count", { tag: "NetworkClient", exception: "RetriesExhausted" })
    expect(calls).toContainEqual(["error", "Statsig", expect.stringContaining("Internal Server Error: sad")])
  })

  it("count the outcomes of refused events", async () => {
    await Effect.runPromise(local.faultAlways("logEvent", Fault.Reply({ status: 400 })))
    const { called, statsig } = await start()
    statsig.logEvent(user, "bought")
    await statsig.flushEvents()
    await called("increment", "sdk_exceptions_count", { tag: "NetworkClient", exception: "RequestNotRetryable" })
    await called("increment", "sdk_exceptions_count", { tag: "statsig::log_event_failed", exception: "LogEventError" })
    await called("increment", "events_dropped_count", { reason: "Refused" })
  })

  it("report the outcome of unavailable ID lists", async () => {
    await Effect.runPromise(local.setIdList("list_a", ["a"]))
    await Effect.runPromise(local.faultAlways("idListFile", Fault.Reply({ status: 404, body: "gone" })))
    const { called, calls } = await start({ enableIdLists: true })
    const overall = "id_lists_sync_overall.latency"
    await called("dist", overall, { id_list_manifest_success: "true", succeed_single_id_list_number: "0" })
    await called("dist", "network_request.latency", {
      request_path: "/v1/download_id_list_file",
      status_code: "404",
      is_success: "false",
      id_list_file_id: "file_1"
    })
    const exhausted = { tag: "NetworkClient", exception: "RetriesExhausted" }
    await called("increment", "sdk_exceptions_count", exhausted)
    expect(calls).toContainEqual(["error", "NetworkClient", expect.stringContaining("Not Found: gone")])
    await Effect.runPromise(local.faultAlways("idListManifest", Fault.Reply({ status: 200, body: "no manifest" })))
    await called("increment", "id_list_manifest_download_failure", null)
    await called("dist", overall, { id_list_manifest_success: "false", succeed_single_id_list_number: "0" })
    await called("dist", "network_request.latency", { request_path: "/v1/get_id_lists", is_success: "true" })
    expect(calls).not.toContainEqual([
      "dist",
      expect.anything(),
      expect.anything(),
      expect.objectContaining({ request_path: "/v1/get_id_lists", is_success: "false" })
    ])
  })

  it("include gauges, which the official package never calls", async () => {
    const { called } = await start({ eventLoggingFlushIntervalMs: 50 })
    await called("gauge", "events_pending", null)
    await called("gauge", "config_staleness", null)
  })

  it.each([
    ["no tag", undefined, []],
    ["those that are allowed", (tag: string) => tag === "lcut", ["lcut"]],
    ["all", () => true, ["lcut", "prev_lcut"]]
  ])("include these high-cardinality tags: %s", async (_name, allowed, expected) => {
    const { called } = await start({}, allowed)
    await serve(newer)
    const tags = await called("dist", "config_propagation_diff")
    const values = { lcut: "1750000000005", prev_lcut: "1750000000000" }
    expect(Object.keys(tags ?? {}).filter(tag => tag in values)).toEqual(expected)
    for (const tag of expected) expect(tags?.[tag]).toBe(values[tag as "lcut"])
  })
})
