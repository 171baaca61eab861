/**
 * The official package and this one on the same project, alternating in one process: `npm run bench`.
 *
 * This package is first bundled as it is published. Then both must return the same results for every name and many
 * users, and then each kind of call is measured through the Promise API. "Logged" rows send their exposures to a server
 * on loopback; serialising and sending them counts as CPU time, not as time of the call. Nothing here asserts a time.
 *
 * Only loopback is used. The official package reports its own errors to a public host, so a namespace with loopback
 * only is better still: `unshare -rn sh -c 'ip link set lo up; npm run bench'`.
 */
import { fork } from "node:child_process"
import { cpus } from "node:os"
import { isDeepStrictEqual } from "node:util"
import * as official from "@statsig/statsig-node-core"
import { bundled } from "./bundle.js"
import { type Cost, measure } from "./measure.js"
import { type BenchUser, benchSpecs, benchUsers, trivialGate } from "./project.js"

type Sdk = Pick<typeof official, "Statsig" | "StatsigUser">
type Statsig = InstanceType<Sdk["Statsig"]>
type User = InstanceType<Sdk["StatsigUser"]>

const specs = benchSpecs()
/** So many that most exposures of the rounds are new, not duplicates within the minute. */
const userArguments = benchUsers(10_000)
const comparedUsers = 1_000

const gates = Object.keys(specs.feature_gates)
const parameters = (section: object, entity: string): ReadonlyArray<readonly [name: string, parameter: string]> =>
  Object.entries(section)
    .filter(([, spec]) => spec.entity === entity)
    .map(([name, spec]) => [name, Object.keys(spec.defaultValue)[0] ?? ""])
const configs = parameters(specs.dynamic_configs, "dynamic_config")
const experiments = parameters(specs.dynamic_configs, "experiment")
const layers = parameters(specs.layer_configs, "layer")

const at = <A>(items: ReadonlyArray<A>, index: number): A => items[index % items.length] as A

/** The runs iterate over the names and, for each, over the users: concurrent requests ask by turns. */
const byTurns =
  <A>(items: ReadonlyArray<A>, users: ReadonlyArray<User>, call: (user: User, item: A) => unknown) =>
  (index: number) =>
    call(at(users, index), at(items, Math.floor(index / users.length)))

/** The runs iterate over the users and, for each, over the names, so that consecutive runs have the same user. */
const over =
  <A>(items: ReadonlyArray<A>, users: ReadonlyArray<User>, call: (user: User, item: A) => unknown) =>
  (index: number) =>
    call(at(users, Math.floor(index / items.length)), at(items, index))

interface Row {
  readonly name: string
  /** How many times faster this package should be. */
  readonly bar: number
  readonly isLogged: boolean
  readonly make: (sdk: Sdk, statsig: Statsig, users: ReadonlyArray<User>) => (index: number) => unknown
}

const unlogged = { disableExposureLogging: true }

const request = (sdk: Sdk, statsig: Statsig, options: typeof unlogged | undefined) => (index: number) => {
  const user = new sdk.StatsigUser(at(userArguments, index))
  let answers = 0
  for (let gate = 0; gate < 8; gate++) if (statsig.checkGate(user, at(gates, index * 8 + gate), options)) answers++
  for (let offset = 0; offset < 2; offset++) {
    const [name, parameter] = at(experiments, index * 2 + offset)
    if (statsig.getExperiment(user, name, options).get(parameter, null) !== null) answers++
  }
  const [name, parameter] = at(layers, index)
  if (statsig.getLayer(user, name, options).get(parameter, null) !== null) answers++
  return answers
}

/** The rows with and without exposure logging. */
const loggedAndNot = (
  name: string,
  bars: { readonly logged: number; readonly unlogged: number },
  make: (options: typeof unlogged | undefined) => Row["make"]
): ReadonlyArray<Row> => [
  { name: `${name}, logged`, bar: bars.logged, isLogged: true, make: make(undefined) },
  { name: `${name}, unlogged`, bar: bars.unlogged, isLogged: false, make: make(unlogged) }
]

/** Calls that are much cheaper here, whatever the project: they would flatter a mean. */
const rowsApart: ReadonlyArray<Row> = [
  {
    name: "new StatsigUser",
    bar: 200,
    isLogged: false,
    make: sdk => index => new sdk.StatsigUser(at(userArguments, index))
  },
  {
    name: "checkGate of a trivial gate, unlogged",
    bar: 30,
    isLogged: false,
    make: (_, statsig, users) => over([trivialGate], users, (user, name) => statsig.checkGate(user, name, unlogged))
  }
]

const rows: ReadonlyArray<Row> = [
  ...loggedAndNot(
    "checkGate",
    { logged: 15, unlogged: 5 },
    options => (_, statsig, users) => over(gates, users, (user, name) => statsig.checkGate(user, name, options))
  ),
  {
    name: "checkGate, 300 users by turns, unlogged",
    bar: 5,
    isLogged: false,
    make: (_, statsig, users) =>
      byTurns(gates, users.slice(0, 300), (user, name) => statsig.checkGate(user, name, unlogged))
  },
  {
    name: "checkGate, 20 users by turns, known exposures",
    bar: 5,
    isLogged: true,
    make: (_, statsig, users) => byTurns(gates, users.slice(0, 20), (user, name) => statsig.checkGate(user, name))
  },
  ...loggedAndNot(
    "getDynamicConfig().get",
    { logged: 15, unlogged: 5 },
    options => (_, statsig, users) =>
      over(configs, users, (user, [name, key]) => statsig.getDynamicConfig(user, name, options).get(key, null))
  ),
  ...loggedAndNot(
    "getExperiment().get",
    { logged: 15, unlogged: 5 },
    options => (_, statsig, users) =>
      over(experiments, users, (user, [name, key]) => statsig.getExperiment(user, name, options).get(key, null))
  ),
  ...loggedAndNot(
    "getLayer().get",
    { logged: 15, unlogged: 5 },
    options => (_, statsig, users) =>
      over(layers, users, (user, [name, key]) => statsig.getLayer(user, name, options).get(key, null))
  ),
  ...loggedAndNot(
    "request: new user, 8 gates, 2 experiments, 1 layer",
    { logged: 15, unlogged: 5 },
    options => (sdk, statsig) => request(sdk, statsig, options)
  ),
  {
    name: "getClientInitializeResponse",
    bar: 5,
    isLogged: false,
    make: (_, statsig, users) => index => statsig.getClientInitializeResponse(at(users, index))
  }
]

/** Every result for the user, as plain values. */
const answersOf = (statsig: Statsig, user: User): ReadonlyArray<unknown> => [
  ...gates.map(name => {
    const { details, idType, ruleID, value } = statsig.getFeatureGate(user, name, unlogged)
    return { name, value, ruleID, idType, reason: details.reason }
  }),
  ...configs.map(([name]) => {
    const { details, ruleID, value } = statsig.getDynamicConfig(user, name, unlogged)
    return { name, value, ruleID, reason: details.reason }
  }),
  ...experiments.map(([name]) => {
    const { details, groupName, ruleID, secondaryExposures, value } = statsig.getExperiment(user, name, unlogged)
    return { name, value, ruleID, groupName, secondaryExposures, reason: details.reason }
  }),
  ...layers.map(([name, parameter]) => {
    const layer = statsig.getLayer(user, name, unlogged)
    const { allocatedExperimentName, ruleID } = layer
    return { name, value: layer.get(parameter, null), ruleID, allocatedExperimentName }
  })
]

const compareAnswers = (expected: ReadonlyArray<unknown>, actual: ReadonlyArray<unknown>, user: BenchUser): number => {
  expected.forEach((answer, index) => {
    if (isDeepStrictEqual(answer, actual[index])) return
    console.error(`the answers differ for ${JSON.stringify(user)}:`)
    console.error(answer, actual[index])
    process.exit(1)
  })
  return expected.length
}

const microseconds = (nanoseconds: number): string => (nanoseconds / 1000).toPrecision(3)
const times = (ratio: number): string => `${ratio.toPrecision(3)}x`
const geometricMean = (values: ReadonlyArray<number>): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

const print = (columns: ReadonlyArray<string>): void => {
  const [name = "", ...figures] = columns
  console.log(name.padEnd(62) + figures.map(figure => figure.padStart(11)).join(""))
}

const start = async (sdk: Sdk, side: string, origin: string): Promise<Statsig> => {
  const statsig = new sdk.Statsig("secret-bench", {
    specsUrl: `${origin}/v2/download_config_specs`,
    logEventUrl: `${origin}/${side}/v1/log_event`,
    specsSyncIntervalMs: 3_600_000,
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true,
    outputLogLevel: "none"
  })
  const { error, isSuccess } = await statsig.initialize()
  if (!isSuccess) throw new Error(error)
  return statsig
}

const main = async (): Promise<void> => {
  const server = fork(new URL("./server.ts", import.meta.url), { execArgv: process.execArgv })
  const port = await new Promise<unknown>(resolve => server.once("message", resolve))
  const origin = `http://127.0.0.1:${port}`

  const sdks: ReadonlyArray<readonly [string, Sdk]> = [
    ["official", official],
    ["ours", (await bundled()) as unknown as Sdk]
  ]
  const sides = await Promise.all(
    sdks.map(async ([side, sdk]) => ({
      sdk,
      statsig: await start(sdk, side, origin),
      users: userArguments.map(user => new sdk.StatsigUser(user))
    }))
  )

  let answers = 0
  userArguments.slice(0, comparedUsers).forEach((user, index) => {
    const [expected = [], actual = []] = sides.map(({ statsig, users }) => answersOf(statsig, users[index] as User))
    answers += compareAnswers(expected, actual, user)
  })
  const [cpu] = cpus()
  console.log(`${cpu?.model ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.version}`)
  console.log(
    `${gates.length} gates, ${configs.length} configs, ${experiments.length} experiments, ${layers.length} layers`
  )
  console.log(`${answers} answers for ${comparedUsers} users are the same\n`)

  /** Measures and prints a row; returns the ratios. */
  const run = async (row: Row): Promise<Cost> => {
    const [theirs, own] = (await measure(
      sides.map(({ sdk, statsig, users }) => ({
        run: row.make(sdk, statsig, users),
        ...(row.isLogged ? { settle: () => statsig.flushEvents() } : {})
      }))
    )) as readonly [Cost, Cost]
    const ratio = { wall: theirs.wall / own.wall, cpu: theirs.cpu / own.cpu }
    print([
      row.name,
      microseconds(theirs.wall),
      microseconds(own.wall),
      times(ratio.wall),
      microseconds(theirs.cpu),
      microseconds(own.cpu),
      times(ratio.cpu),
      `${ratio.wall >= row.bar ? "≥" : "below"} ${row.bar}x`
    ])
    return ratio
  }

  print(["microseconds per call", "official", "ours", "ratio", "CPU", "CPU", "ratio", "bar"])
  const ratios: Array<Cost> = []
  for (const row of rows) ratios.push(await run(row))
  const wall = times(geometricMean(ratios.map(ratio => ratio.wall)))
  const cpuTime = times(geometricMean(ratios.map(ratio => ratio.cpu)))
  print(["geometric mean", "", "", wall, "", "", cpuTime, ""])
  console.log("\nnot in the mean:")
  for (const row of rowsApart) await run(row)

  await Promise.all(sides.map(({ statsig }) => statsig.shutdown()))
  const events = (await (await fetch(`${origin}/events`)).json()) as Record<string, number>
  console.log(`\nevents sent: ${JSON.stringify(events)}`)
  server.disconnect()
}

await main()
// The official package keeps the process alive.
process.exit(0)
