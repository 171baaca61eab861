/** What docstring examples take for granted: the usual imports, and a few self-explanatory names. */

const effect = ["Config", "Console", "Context", "Effect", "Layer", "Redacted", "Schema", "Stream"]

const own = [
  "ClientInitialize",
  "DataStore",
  "Explanation",
  "Flag",
  "Overrides",
  "SpecSource",
  "Statsig",
  "StatsigUser"
]

const layers = {
  Bootstrap: "SpecSource/Bootstrap",
  DataStoreSource: "SpecSource/DataStore",
  FileOverrides: "Overrides/File",
  FileStore: "DataStore/File",
  Http: "SpecSource/Http",
  NodeClient: "HttpClient/Node",
  Redis: "DataStore/Redis",
  RedisFleet: "DataStore/RedisFleet",
  RedisStorage: "PersistentStorage/Redis",
  StatsigLayer: "Statsig",
  StatsigOpenFeature: "OpenFeature",
  StatsigTest: "StatsigTest",
  Telemetry: "Telemetry"
}

const imports = (names: ReadonlyArray<string>, module: string) =>
  names.map(name => [name, `import { ${name} } from "${module}"`] as const)

const shared = [
  ...imports(["assert", "it"], "@effect/vitest"),
  ...imports(["OpenFeature"], "@openfeature/server-sdk"),
  ["key", "declare const key: string"]
] as const

/** For Effect programs. */
const ofEffect: ReadonlyArray<readonly [name: string, line: string]> = [
  ...shared,
  ...imports(effect, "effect"),
  ...imports(own, "statsig-effect"),
  ...imports(["Fault", "LocalStatsig"], "statsig-effect/layers/LocalStatsig"),
  ["NodeContext", 'import * as NodeContext from "@effect/platform-node/NodeContext"'],
  ...Object.entries(layers).map(
    ([name, module]) => [name, `import * as ${name} from "statsig-effect/layers/${module}"`] as const
  ),
  ["sdkKey", 'declare const sdkKey: import("effect").Redacted.Redacted'],
  ["user", 'declare const user: import("statsig-effect").StatsigUser.StatsigUser'],
  ["statsig", 'declare const statsig: import("statsig-effect").Statsig.Service'],
  [
    "program",
    'declare const program: import("effect").Effect.Effect<void, never, import("statsig-effect").Statsig.Statsig>'
  ],
  ["specs", "declare const specs: string"],
  ["newSpecs", "declare const newSpecs: string"],
  ["readSpecs", 'declare const readSpecs: import("effect").Effect.Effect<Uint8Array>'],
  ["Pricing", 'declare const Pricing: import("statsig-effect").Flag.Flag<{ readonly vat: number }>'],
  [
    "checkout",
    'declare const checkout: import("effect").Effect.Effect<string, never, import("statsig-effect").Statsig.Statsig>'
  ],
  ["client", 'declare const client: import("@statsig/js-client").StatsigClient']
]

/** For programs of the Promise API. */
const ofPromise: ReadonlyArray<readonly [name: string, line: string]> = [
  ...shared,
  ...imports(
    ["makeStatsigTest", "redisDataStore", "Statsig", "statsigCaptureLogLine", "StatsigUser"],
    "statsig-effect/promise"
  ),
  ["user", 'declare const user: import("statsig-effect/promise").StatsigUser'],
  ["statsig", 'declare const statsig: import("statsig-effect/promise").Statsig'],
  [
    "checkout",
    'declare const checkout: (statsig: import("statsig-effect/promise").Statsig, user: StatsigUser) => void'
  ],
  ...imports(["StatsigProvider"], "statsig-effect/openfeature")
]

/** The lines for the names that the example uses and does not declare itself, on one line. */
export const preludeOf = (example: string, isPromise: boolean): string =>
  (isPromise ? ofPromise : ofEffect)
    .filter(([name]) => {
      const uses = new RegExp(`(?<![.\\w"/])${name}\\b(?! ?:)`).test(example)
      const brings = new RegExp(`(const|import) (\\{[^}]*\\b)?${name}\\b`).test(example)
      return uses && !brings
    })
    .map(([, line]) => `${line};`)
    .join(" ")
