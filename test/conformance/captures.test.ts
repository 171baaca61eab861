/** The bodies that the official package sent, call by call, and this package's for the same calls. */
import { readFileSync } from "node:fs"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { decompress } from "fzstd"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, idListHash, LocalStatsig, type ReceivedBatch, type SpecsPayload } from "../../layers/LocalStatsig.js"
import * as StatsigLayer from "../../layers/Statsig.js"
import { type LogLineLevel, type Service, Statsig } from "../../src/Statsig.js"
import type { StatsigOptions } from "../../src/StatsigOptions.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { comparable, type SentEvent } from "./support/events.js"

interface Capture {
  readonly name: string
  readonly instance: string
  readonly returned: unknown
  readonly requestHeaders?: Readonly<Record<string, string>>
  readonly body: {
    readonly events: ReadonlyArray<SentEvent>
    readonly statsigMetadata: Readonly<Record<string, unknown>>
  } | null
}

const reference: { readonly specs: SpecsPayload; readonly captures: ReadonlyArray<Capture> } = JSON.parse(
  readFileSync(new URL("../vectors/events-captures.json", import.meta.url), "utf8")
    // Where the local Statsig has the file.
    .replaceAll("/idlist/list_a", "/v1/download_id_list_file/file_1")
)

/** Overrides and console capture are tested elsewhere, with their captures. */
const elsewhere = ["override_gate", "override_config", "override_experiment", "override_layer", "console_capture"]

interface Instance {
  readonly options?: Omit<StatsigOptions, "sdkKey">
  /** Captures of other instances that belong to this one. */
  readonly captures?: ReadonlyArray<string>
  /** Top-level fields of the specs, in addition to the usual ones. */
  readonly specs?: Readonly<Record<string, unknown>>
  readonly initialized?: false
}

const sampling = (mode: string) => ({ sdk_configs: { sampling_mode: mode, special_case_sampling_rate: 10 } })

const instances: Readonly<Record<string, Instance>> = {
  main: { options: { environment: "staging" } },
  users: {
    options: {
      environment: "staging",
      globalCustomFields: { region: "eu", tier: "global", n: 3 },
      serviceName: "shop-api"
    }
  },
  plain: { specs: { default_environment: "development" } },
  before_init: { options: { environment: "qa" }, initialized: false },
  sampling_on: { specs: sampling("on") },
  sampling_shadow: { specs: sampling("shadow") },
  sync: { specs: { diagnostics: { initialize: 0, dcs: 10_000 } } },
  id_lists: { options: { enableIdLists: true }, captures: ["diagnostics_initialize_with_id_lists"] },
  sec_expo: {
    options: { experimentalFlags: new Set(["sec_expo_as_primary:abc"]) },
    specs: { sdk_configs: { sec_expo_number: 75 } }
  }
}

const userOf = (userID: string, more: object = {}) => StatsigUser.make({ userID, ...more })

const checkMany = (count: number, gate: string) => (statsig: Service) => {
  for (let index = 0; index < count; index++) statsig.getFeatureGate(userOf(`user-${index}`), gate)
}

const samplingCalls = (mode: string) => ({
  [`sampling_${mode}_rule_rate_4`]: checkMany(12, "sampled_gate"),
  [`sampling_${mode}_no_rate`]: checkMany(2, "green_gate"),
  [`sampling_${mode}_special_case_rate_10`]: checkMany(20, "user_gate"),
  [`sampling_${mode}_nested_is_forced`]: checkMany(2, "nested_gate")
})

const check = (userID: string, gate: string) => (statsig: Service) => statsig.checkGate(userOf(userID), gate)

const parameter = (userID: string, layer: string, name: string, fallback: unknown) => (statsig: Service) =>
  statsig.getLayer(userOf(userID), layer).get(name, fallback)

const event =
  (...[name, value, metadata]: ReadonlyArray<unknown>) =>
  (statsig: Service) =>
    statsig.logEvent(userOf("u13"), name as string, value as string, metadata as Record<string, unknown>)

/** Four syncs: the same specs, no updates, new specs, and an unreadable text. */
const syncFourTimes = Effect.fnUntraced(function* (statsig: Service, local: LocalStatsig["Type"]) {
  yield* statsig.syncNow
  yield* local.setSpecs({ has_updates: false })
  yield* statsig.syncNow
  yield* local.setSpecs({ ...reference.specs, ...instances["sync"]?.specs, time: 1_760_000_000_000 })
  yield* statsig.syncNow
  yield* local.setSpecs("not json")
  yield* Effect.ignore(statsig.syncNow)
})

/** The calls of the captures. Their results are compared where the capture has them. */
const calls: Readonly<Record<string, (statsig: Service, local: LocalStatsig["Type"]) => unknown>> = {
  diagnostics_initialize: () => undefined,
  diagnostics_initialize_with_id_lists: () => undefined,
  diagnostics_config_sync: syncFourTimes,
  gate_exposure_pass: statsig => statsig.getFeatureGate(userOf("u1"), "green_gate").value,
  gate_exposure_checkGate: check("u1", "green_gate"),
  gate_exposure_repeat_deduped: check("u1", "green_gate"),
  gate_exposure_nested: check("u2", "nested_gate"),
  gate_exposure_deep: check("u2", "deep_gate"),
  gate_exposure_duplicate_secondaries: check("u2", "dup_gate"),
  gate_exposure_segment_is_not_listed: check("bob", "seg_gate"),
  gate_exposure_default: check("u3", "user_gate"),
  gate_exposure_rollout_fail: check("u3", "pct_gate"),
  gate_exposure_disabled: check("u3", "dead_gate"),
  gate_exposure_unknown: check("u3", "nope"),
  gate_exposure_unsupported: check("u3", "weird_gate"),
  gate_exposure_manual: statsig => statsig.manuallyLogGateExposure(userOf("u4"), "green_gate"),
  gate_exposure_manual_unknown: statsig => statsig.manuallyLogGateExposure(userOf("u4"), "nope"),
  config_exposure_pass: statsig => statsig.getDynamicConfig(userOf("u5"), "paint_config").value,
  config_exposure_default: statsig => statsig.getDynamicConfig(userOf("u5"), "default_config").value,
  config_exposure_unknown: statsig => statsig.getDynamicConfig(userOf("u5"), "nope").value,
  config_exposure_manual: statsig => statsig.manuallyLogDynamicConfigExposure(userOf("u6"), "paint_config"),
  experiment_exposure: statsig => statsig.getExperiment(userOf("u7"), "button_exp").value,
  experiment_exposure_with_holdout: statsig => statsig.getExperiment(userOf("u7"), "held_exp").value,
  experiment_exposure_mapped: statsig => statsig.getExperiment(userOf("u7"), "old_exp").value,
  experiment_exposure_unknown: statsig => statsig.getExperiment(userOf("u7"), "nope2").value,
  experiment_exposure_manual: statsig => statsig.manuallyLogExperimentExposure(userOf("u8"), "button_exp"),
  layer_get_alone_logs_nothing: statsig => statsig.getLayer(userOf("u9"), "home_layer").name,
  layer_exposure_explicit: parameter("u9", "t_layer", "t", 9),
  layer_exposure_not_explicit: parameter("u9", "t_layer", "o", 9),
  layer_exposure_missing_param: parameter("u9", "t_layer", "zzz", "fb"),
  layer_missing_param_no_fallback: parameter("u9", "t_layer", "yyy", null),
  layer_exposure_no_delegate: parameter("u9", "plain_layer", "p", "x"),
  layer_exposure_new_eval: statsig => {
    const layer = statsig.getLayer(userOf("u9"), "n_layer")
    return ["t", "o", "z"].map(name => layer.get(name, 9))
  },
  layer_exposure_unknown: parameter("u9", "nope", "p", "x"),
  layer_exposure_manual: statsig => statsig.manuallyLogLayerParameterExposure(userOf("u10"), "t_layer", "t"),
  layer_exposure_manual_new_eval: statsig => statsig.manuallyLogLayerParameterExposure(userOf("u10"), "n_layer", "o"),
  parameter_store: statsig => {
    const store = statsig.getParameterStore(userOf("u11"), "ui_store")
    return ["s", "g", "l", "e", "c"].map(name => store.get(name, "fb"))
  },
  non_exposed_checks: statsig => {
    const options = { disableExposureLogging: true }
    const user = userOf("u12")
    for (let count = 0; count < 2; count++) statsig.checkGate(user, "green_gate", options)
    statsig.getDynamicConfig(user, "paint_config", options)
    statsig.getLayer(user, "home_layer", options).get("title", "x")
  },
  custom_event_bare: event("add_to_cart"),
  custom_event_string: event("add_to_cart", "sku_9", { price: "9.99" }),
  custom_event_number: event("purchase", 12.5),
  custom_event_typed_metadata: event("m", undefined, {
    s: "x",
    n: 1,
    f: 1.5,
    b: true,
    z: null,
    u: undefined,
    o: { k: [1, { q: null }] },
    a: ["x", 2]
  }),
  custom_event_odd_values: statsig => {
    const events = [
      ["v_null", null, null],
      ["v_bool", true],
      ["v_obj", { a: 1 }],
      ["v_arr", [1]],
      ["v_meta_arr", "v", ["a"]],
      ["v_meta_str", "v", "str"],
      ["", "", {}]
    ]
    for (const odd of events) event(...odd)(statsig)
  },
  identify: statsig => statsig.identify(userOf("u14", { email: "u14@example.test" })),
  log_line_levels: statsig => {
    const levels: ReadonlyArray<LogLineLevel> = ["trace", "debug", "log", "info", "warn", "error"]
    for (const level of levels) statsig.forwardLogLine(userOf("u15"), level, `msg ${level}`, { k: "v" })
  },
  log_line_clobbered_keys: statsig =>
    statsig.forwardLogLine(userOf("u15"), "info", undefined, { log_level: "mine", status: "mine", source: "mine" }),
  user_all_fields: statsig => {
    const user = {
      customIDs: { companyID: "co-1", stableID: "s-1" },
      email: "f@example.test",
      ip: "10.0.0.9",
      userAgent: "UA/1",
      country: "NZ",
      locale: "en_NZ",
      appVersion: "1.2.3",
      custom: { plan: "pro", age: 3, ok: true, arr: ["a", 1], nil: null, obj: { a: { b: 1 } }, tier: "usr" },
      privateAttributes: { secret: "x" },
      statsigEnvironment: { tier: "usr-env", extra: "e" }
    }
    statsig.logEvent(userOf("full", user), "e")
  },
  user_minimal_forms: statsig => {
    const users = [
      { userID: "" },
      { customIDs: { a: "b" } },
      { userID: "x", custom: {} },
      { userID: "x", email: "" },
      { userID: "x", statsigEnvironment: {} },
      { userID: "x", custom: { a: undefined, b: null } }
    ]
    for (const [index, user] of users.entries()) statsig.logEvent(StatsigUser.make(user), `e${index + 1}`)
  },
  user_env_from_specs_default: statsig => statsig.logEvent(userOf("a"), "e"),
  uninitialized_exposures: statsig => {
    const user = userOf("a")
    statsig.checkGate(user, "green_gate")
    statsig.getDynamicConfig(user, "paint_config")
    statsig.getExperiment(user, "button_exp")
    statsig.getLayer(user, "home_layer").get("title", "x")
  },
  ...samplingCalls("on"),
  ...samplingCalls("shadow"),
  secondary_as_primary_gate: statsig => statsig.getFeatureGate(userOf("a"), "nested_gate").value,
  secondary_as_primary_layer: parameter("b", "t_layer", "t", 9)
}

/** Metadata that differs between processes and SDKs. */
const ownMetadata = new Set(["sdkType", "sdkVersion", "sessionID", "os", "arch", "languageVersion"])
const ownHeaders = new Set([
  "host",
  "content-length",
  "content-encoding",
  "statsig-api-key",
  "statsig-client-time",
  "statsig-sdk-type",
  "statsig-sdk-version",
  "statsig-server-session-id"
])

const withoutOwn = (fields: Readonly<Record<string, unknown>>, own: ReadonlySet<string>) =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => !own.has(key)))

it("every capture is tested here or elsewhere", () => {
  const names = reference.captures.map(({ name }) => name)
  assert.sameMembers(names, [...Object.keys(calls), ...elsewhere])
})

/** The instance for a capture. */
const instanceOf = ({ instance, name }: Capture): string =>
  Object.entries(instances).find(([, { captures }]) => captures?.includes(name))?.[0] ?? instance

describe.each(Object.entries(instances))("instance %s", (name, { initialized = true, options, specs }) => {
  const captures = reference.captures.filter(capture => instanceOf(capture) === name && capture.name in calls)
  const scope = Effect.runSync(Scope.make())
  let statsig: Service
  let local: LocalStatsig["Type"]

  beforeAll(() =>
    Effect.gen(function* () {
      const payload = { ...reference.specs, ...specs }
      local = Context.get(
        yield* Layer.build(layerLocalStatsig({ specs: payload, decodeZstd: decompress })),
        LocalStatsig
      )
      yield* local.setIdList("list_a", ["a"])
      // Like the captures' server, which has no range support.
      yield* local.faultAlways("idListFile", Fault.Reply({ status: 200, body: `+${idListHash("a")}\n` }))
      const { idListsUrl, logEventUrl, specsUrl } = local
      const sdkKey = Redacted.make("secret-demoKey0123456789main")
      const urls = { idListsUrl, logEventUrl, specsUrl }
      const services = yield* Layer.build(StatsigLayer.layerManual({ sdkKey, ...urls, ...options }))
      statsig = Context.get(services, Statsig)
      if (!initialized) return
      assert.deepStrictEqual((yield* statsig.initialize).failure, Option.none())
      // The diagnostics of initialize are compared once without and once with ID lists.
      if (!captures.some(({ name }) => name.startsWith("diagnostics_initialize"))) yield* statsig.flush
    }).pipe(Scope.extend(scope), Effect.runPromise)
  )

  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  /** The batch of the call, if there was one. */
  const batchOf = (call: Effect.Effect<void>) =>
    Effect.gen(function* () {
      const before = (yield* local.batches).length
      yield* call
      yield* statsig.flush
      const batches = (yield* local.batches).slice(before)
      assert.isAtMost(batches.length, 1)
      return batches[0]
    })

  // In order: what was logged before is not logged again.
  it.live.each(captures)("$name", capture =>
    Effect.gen(function* () {
      let returned: unknown
      const batch: ReceivedBatch | undefined = yield* batchOf(
        Effect.suspend(() => {
          returned = calls[capture.name]?.(statsig, local)
          return Effect.isEffect(returned) ? (returned as Effect.Effect<void>) : Effect.void
        })
      )
      if (capture.returned !== null) assert.deepStrictEqual(returned, capture.returned)
      if (capture.body === null) {
        assert.isUndefined(batch)
        return
      }
      assert(batch !== undefined)
      assert.deepStrictEqual(
        (batch.events as ReadonlyArray<unknown> as ReadonlyArray<SentEvent>).map(comparable),
        capture.body.events.map(comparable)
      )
      for (const sent of batch.events) assert.isAtLeast(sent.time ?? 0, Date.now() - 60_000)
      assert.deepStrictEqual(
        withoutOwn(batch.statsigMetadata, ownMetadata),
        withoutOwn(capture.body.statsigMetadata, ownMetadata)
      )
      assert.sameMembers(Object.keys(batch.statsigMetadata), Object.keys(capture.body.statsigMetadata))
      if (capture.requestHeaders !== undefined) {
        const headers = withoutOwn(capture.requestHeaders, ownHeaders)
        assert.deepInclude(withoutOwn(batch.request.headers, ownHeaders), headers)
        assert.includeMembers(Object.keys(batch.request.headers), [...ownHeaders])
      }
    })
  )
})
