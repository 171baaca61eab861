/** The methods on the Python SDK's page, in camelCase. */
import { ManagedRuntime } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as LocalStatsigNode from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { Statsig, StatsigUser } from "../../layers/promise.js"
import { payload } from "./support/payload.js"

const runtime = ManagedRuntime.make(LocalStatsigNode.layer({ specs: payload }))
const user = new StatsigUser({
  userID: "u",
  customIDs: { companyID: "c" },
  userAgent: "agent",
  appVersion: "1",
  privateAttributes: { a: 1 }
})
const quiet = { disableExposureLogging: true }
let statsig: Statsig

beforeAll(async () => {
  const { logEventUrl, specsUrl } = await runtime.runPromise(LocalStatsig)
  statsig = new Statsig("secret-key", { specsUrl, logEventUrl })
  expect(await statsig.initialize()).toEqual({ isSuccess: true })
})

afterAll(async () => {
  await statsig.shutdown()
  await runtime.dispose()
})

const config = () => statsig.getDynamicConfig(user, "config", quiet)
const store = () => statsig.getParameterStore(user, "store", quiet)
const override = (name: string) => statsig.getExperiment(user, name, quiet).value

const calls: ReadonlyArray<readonly [python: string, call: () => unknown, expected: unknown]> = [
  ["is_initialized", () => statsig.isInitialized(), true],
  ["get_initialize_details", () => statsig.getInitializeDetails().initSuccess, true],
  ["initialize_with_details", async () => (await statsig.initializeWithDetails()).initSuccess, true],
  ["flush_events", () => statsig.flushEvents(), { isSuccess: true }],
  ["check_gate", () => statsig.checkGate(user, "gate_on", quiet), true],
  ["get_feature_gate", () => statsig.getFeatureGate(user, "gate_on", quiet).value, true],
  ["get_string", () => config().getString("s", ""), "str"],
  ["get_float", () => config().getFloat("f", 0), 4.5],
  ["get_bool", () => config().getBool("bt", false), true],
  ["get_integer", () => config().getInteger("n", 0), 13],
  ["get_array", () => config().getArray("arr", []), [1, "a", null]],
  ["get_object", () => config().getObject("obj", {}), { a: 1, b: { c: [2] } }],
  ["rule_id, id_type", () => [config().getRuleId(), config().getIdType()], ["config", "userID"]],
  ["get_experiment", () => statsig.getExperiment(user, "experiment", quiet).getString("color", ""), "blue"],
  ["get_layer", () => statsig.getLayer(user, "layer", quiet).getString("a", ""), "x"],
  ["parameter store, get_string", () => store().getString("text", ""), "hello"],
  ["parameter store, get_bool", () => store().getBool("flag", false), true],
  ["parameter store, get_float", () => store().getFloat("fraction", 0), 4.5],
  ["parameter store, get_integer", () => store().getInteger("integer", 0), 7],
  ["parameter store, get_array", () => store().getArray("list", []), [1, 2]],
  ["parameter store, get_map", () => store().getMap("map", {}), { x: 1 }],
  ["get_gate_fields_needed", () => statsig.getGateFieldsNeeded("gate_on"), ["userID", "email"]],
  ["get_dynamic_config_fields_needed", () => statsig.getDynamicConfigFieldsNeeded("config"), ["custom"]],
  ["get_experiment_fields_needed", () => statsig.getExperimentFieldsNeeded("experiment"), []],
  ["get_layer_fields_needed", () => statsig.getLayerFieldsNeeded("layer"), []],
  [
    "get_client_initialize_response",
    () => {
      const options = { hashAlgorithm: "none", clientSdkKey: "client-key", includeLocalOverrides: true }
      return JSON.parse(statsig.getClientInitializeResponse(user, options)).feature_gates.gate_on.value
    },
    true
  ],
  [
    "override_gate, remove_gate_override",
    () => {
      statsig.overrideGate("gate_on", false)
      const overridden = statsig.checkGate(user, "gate_on", quiet)
      statsig.removeGateOverride("gate_on")
      return [overridden, statsig.checkGate(user, "gate_on", quiet)]
    },
    [false, true]
  ],
  [
    "override_experiment_by_group_name, remove_all_overrides",
    () => {
      statsig.overrideExperimentByGroupName("experiment", "Control")
      const overridden = override("experiment")
      statsig.removeAllOverrides()
      return [overridden, override("experiment")["color"]]
    },
    [{ n: 1, color: "red" }, "blue"]
  ]
]

it.each(calls)("%s", async (_, call, expected) => {
  expect(await call()).toEqual(expected)
})

it("log_event, forward_log_line_event and manual exposures", async () => {
  await statsig.flushEvents()
  statsig.logEvent(user, "bought", 5, { item: "book" })
  statsig.forwardLogLineEvent(user, "info", "line", { k: "v" })
  statsig.manuallyLogGateExposure(user, "gate_on")
  statsig.manuallyLogDynamicConfigExposure(user, "config")
  statsig.manuallyLogExperimentExposure(user, "experiment")
  statsig.manuallyLogLayerParameterExposure(user, "layer", "a")
  await statsig.flushEvents()
  const { events } = await runtime.runPromise(LocalStatsig)
  const names = (await runtime.runPromise(events)).map(({ eventName }) => eventName)
  expect(names.slice(names.indexOf("bought"))).toEqual([
    "bought",
    "statsig::log_line",
    "statsig::gate_exposure",
    "statsig::config_exposure",
    "statsig::config_exposure",
    "statsig::layer_exposure"
  ])
})

it("new_shared, shared, has_shared_instance, remove_shared", async () => {
  const shared = Statsig.newShared("secret-key", { disableNetwork: true })
  expect([Statsig.hasSharedInstance(), Statsig.shared() === shared]).toEqual([true, true])
  Statsig.removeShared()
  expect(Statsig.hasSharedInstance()).toBe(false)
  expect(await shared.shutdown()).toEqual({ isSuccess: true })
})
