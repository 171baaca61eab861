/** The browser's SDK, started from a client initialize response, next to the server that made it. */
import { StatsigClient, type StatsigOptions, type StatsigUser } from "@statsig/js-client"
import type * as official from "@statsig/statsig-node-core"
import { difference } from "./compare.js"
import { listAt, objectAt, plain, type Tree, type TreeObject } from "./tree.js"
import type { World } from "./world.js"

/** A client, and what it tried to send. */
export interface Client {
  readonly client: StatsigClient
  readonly sent: Array<{ readonly url: string; readonly body: unknown }>
}

/** Each client needs its own key, under which it stores values and its stable ID. */
let keys = 0

/** Starts a client from a response. It uses no network: what it would send is kept. */
export const startClient = (response: string, user: StatsigUser = JSON.parse(response).user): Client => {
  const sent: Array<{ url: string; body: unknown }> = []
  const options: StatsigOptions = {
    disableStableID: user.customIDs?.["stableID"] === undefined,
    logLevel: 0,
    // By default nothing is logged in Node, and bodies are unreadable.
    loggingEnabled: "always",
    logEventCompressionMode: "d",
    disableStatsigEncoding: true,
    networkConfig: {
      networkOverrideFunc: async (url, { body }) => {
        sent.push({ url, body })
        return new Response('{"success":true}', { status: 202 })
      }
    }
  }
  const client = new StatsigClient(`client-conformance-${keys++}`, user, options)
  client.dataAdapter.setData(response)
  client.initializeSync()
  return { client, sent }
}

/** The names of a world that a client can look up. */
export interface ClientNames {
  readonly gates: ReadonlyArray<string>
  readonly configs: ReadonlyArray<string>
  /** Bandits too. */
  readonly experiments: ReadonlyArray<string>
  readonly layers: ReadonlyMap<string, ReadonlyArray<string>>
  /** Parameters with a fallback of their type. */
  readonly stores: ReadonlyMap<string, ReadonlyArray<readonly [parameter: string, fallback: unknown]>>
}

/** The names that a server holds, except those that clients cannot look up. */
export const clientNames = ({ payload }: World, server: official.Statsig): ClientNames => {
  const layers = objectAt(payload, "layer_configs")
  const stores = objectAt(payload, "param_stores")
  const bandits = [...objectAt(payload, "cmab_configs").keys()].filter(isFound)
  const gates = server.getFeatureGateList().filter(isFound)
  return {
    gates,
    // A bandit replaces the config of its name.
    configs: server.getDynamicConfigList().filter(name => isFound(name) && !bandits.includes(name)),
    experiments: [
      ...new Set([...server.getExperimentList(), ...server.getAutotuneList()].filter(isFound).concat(bandits))
    ],
    layers: new Map(
      server
        .getLayerList()
        .filter(isFound)
        .map(name => [name, parametersOf(objectAt(layers, name))])
    ),
    stores: new Map(
      server
        .getParameterStoreList()
        .filter(isFound)
        .map(name => [
          name,
          [...objectAt(objectAt(stores, name), "parameters")]
            .filter(([, parameter]) => !asksUnlistedGate(parameter, gates))
            .flatMap(fallbackFor)
        ])
    )
  }
}

/** Clients read a name that every object inherits from there, and hash UTF-16 units where servers hash characters. */
const isFound = (name: string): boolean => !(name in {}) && !/[\ud800-\udfff]/.test(name)

const parametersOf = (spec: TreeObject): ReadonlyArray<string> => {
  const values = [spec, ...listAt(spec, "rules")].flatMap(part =>
    part instanceof Map ? [part.get("defaultValue"), part.get("returnValue")] : []
  )
  const keys = values.flatMap(value => (value instanceof Map ? [...value.keys()] : []))
  return [...new Set([...keys, "absent"])].filter(key => !(key in {}))
}

const fallbacks: Readonly<Record<string, unknown>> = {
  string: "fallback",
  number: -1,
  boolean: false,
  array: [],
  object: {}
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? "array" : typeof value)

/** Responses omit segments and holdouts, which a server still decides. */
const asksUnlistedGate = (parameter: Tree, gates: ReadonlyArray<string>): boolean => {
  const gate = parameter instanceof Map ? parameter.get("gate_name") : undefined
  return typeof gate === "string" && !gates.includes(gate)
}

/** None where the definition contradicts itself: clients use its `ref_type` and `param_type`, servers its members. */
const fallbackFor = ([key, parameter]: readonly [string, Tree]): ReadonlyArray<readonly [string, unknown]> => {
  const definition = plain(parameter) as Readonly<Record<string, unknown>>
  const type = String(definition["param_type"])
  const kind = (["value", "gate_name", "config_name", "experiment_name", "layer_name"] as const).find(
    member => definition[member] !== undefined
  )
  const kinds = { value: "static", gate_name: "gate", config_name: "dynamic_config" } as const
  const refType = kind === undefined ? "" : (kinds[kind as "value"] ?? kind.replace("_name", ""))
  const own = ["value", "pass_value", "fail_value"].filter(member => definition[member] !== undefined)
  const isSound =
    definition["ref_type"] === refType &&
    own.every(member => typeOf(definition[member]) === type && definition[member] !== null) &&
    isFound(key) &&
    isFound(String(definition[kind ?? ""])) &&
    !(String(definition["param_name"]) in {})
  return isSound && Object.hasOwn(fallbacks, type) ? [[key, fallbacks[type]]] : []
}

/** What was compared. */
export interface ClientComparison {
  answers: number
  readonly differences: Array<ClientDifference>
}

/** A result that the client returns and the server does not. */
export interface ClientDifference {
  readonly what: string
  readonly path: string
  readonly server: unknown
  readonly client: unknown
}

/** Looks all names up in the client and in the server. */
export const compareWithServer = (
  client: StatsigClient,
  server: official.Statsig,
  user: official.StatsigUser,
  names: ClientNames,
  isShort: boolean
): ClientComparison => {
  const comparison: ClientComparison = { answers: 0, differences: [] }
  const compare = (what: string, ofServer: unknown, ofClient: unknown) => {
    comparison.answers++
    // JSON has no negative zero.
    const path = difference(JSON.parse(JSON.stringify(ofServer)), ofClient)
    if (path !== undefined) comparison.differences.push({ what, path, server: ofServer, client: ofClient })
  }
  const isRecognized = ({ reason }: { readonly reason: string }) => /^Bootstrap\w*:Recognized$/.test(reason)
  // The content of an unsupported result depends on earlier checks.
  const isSupported = ({ reason }: { readonly reason: string }) => !reason.endsWith(":Unsupported")
  // The shortest format omits the default rule; clients restore it for gates.
  const ruleID = (id: string) => (isShort && id === "default" ? "" : id)
  for (const name of names.gates) {
    const wanted = server.getFeatureGate(user, name)
    if (!isSupported(wanted.details)) continue
    const found = client.getFeatureGate(name)
    compare(
      `gate ${name}`,
      [wanted.value, wanted.ruleID, true],
      [found.value, found.ruleID, isRecognized(found.details)]
    )
  }
  for (const name of names.configs) {
    const wanted = server.getDynamicConfig(user, name)
    if (!isSupported(wanted.details)) continue
    const found = client.getDynamicConfig(name)
    compare(
      `config ${name}`,
      [wanted.value, ruleID(wanted.ruleID), true],
      [objectOf(found.value), found.ruleID, isRecognized(found.details)]
    )
  }
  for (const name of names.experiments) {
    const wanted = server.getExperiment(user, name)
    if (!isSupported(wanted.details)) continue
    const found = client.getExperiment(name)
    compare(
      `experiment ${name}`,
      [wanted.value, ruleID(wanted.ruleID), wanted.groupName, true],
      [objectOf(found.value), found.ruleID, found.groupName, isRecognized(found.details)]
    )
  }
  for (const [name, parameters] of names.layers) {
    const wanted = server.getLayer(user, name)
    if (!isSupported(wanted.details)) continue
    const found = client.getLayer(name)
    compare(
      `layer ${name}`,
      [parameters.map(key => wanted.get(key, null)), ruleID(wanted.ruleID), wanted.groupName, true],
      [parameters.map(key => found.get(key, null)), found.ruleID, found.groupName, isRecognized(found.details)]
    )
  }
  for (const [name, parameters] of names.stores) {
    const wanted = server.getParameterStore(user, name)
    const found = client.getParameterStore(name)
    compare(
      `store ${name}`,
      parameters.map(([key, fallback]) => wanted.getValue(key, fallback)),
      parameters.map(([key, fallback]) => found.get(key, fallback))
    )
  }
  return comparison
}

/** Servers show no value for a config that is `true` or `false`. */
const objectOf = (value: unknown): unknown => (typeof value === "object" && !Array.isArray(value) ? value : {})
