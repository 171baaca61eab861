/**
 * The client initialize response of both packages, alternating in one process: `tsx bench/clientInitialize.ts`.
 *
 * The project is that of `main.ts`, with configs as large as in projects whose response has 235 KB. First both must
 * return the same responses; then each is measured for 1,000 alternating users, so that no response repeats the
 * previous one.
 *
 * The official package runs without a network. It reports its own errors to a public host, so a namespace without a
 * network is better still: `unshare -rn npx tsx bench/clientInitialize.ts`.
 */
import { cpus } from "node:os"
import { isDeepStrictEqual } from "node:util"
import * as official from "@statsig/statsig-node-core"
import { inlined, type Response } from "../test/conformance/support/clientInitialize.js"
import { bundled } from "./bundle.js"
import { type Cost, measure } from "./measure.js"
import { benchSpecs, benchUsers } from "./project.js"

const userArguments = benchUsers(1000)

/** Settings as in real configs, for each place that holds a value. */
const settings = (name: string) =>
  Object.fromEntries(
    Array.from({ length: 7 }, (_, index) => [
      `section_${index}`,
      {
        title: `The ${index}th title of ${name.replaceAll("_", " ")}`,
        body: `Text that visitors read, in section ${index} of ${name}, with "quotes" and a link: <a href="/${name}">more</a>`,
        columns: (index % 4) + 1,
        isVisible: index % 3 === 0
      }
    ])
  )

const specsText = (): string => {
  const specs = benchSpecs()
  for (const [name, spec] of Object.entries({ ...specs.dynamic_configs, ...specs.layer_configs })) {
    if (typeof spec.defaultValue !== "object") continue
    spec.defaultValue = { ...spec.defaultValue, settings: settings(name) }
    for (const rule of spec.rules) {
      if (typeof rule.returnValue !== "object") continue
      rule.returnValue = { ...rule.returnValue, settings: settings(`${name}_${rule.name}`) }
    }
  }
  return JSON.stringify(specs)
}

const start = async <A extends official.Statsig>(
  Statsig: new (key: string, options: official.StatsigOptions) => A,
  text: string
): Promise<A> => {
  const statsig = new Statsig("secret-bench", {
    disableNetwork: true,
    outputLogLevel: "none",
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true,
    dataStore: {
      initialize: async () => {},
      shutdown: async () => {},
      get: async () => ({ result: text, time: 1 }),
      set: async () => {},
      supportPollingUpdatesFor: async () => false
    }
  })
  const { error, isSuccess } = await statsig.initialize()
  if (!isSuccess) throw new Error(error)
  return statsig
}

/** The response without values that differ between the packages. */
const comparable = (text: string): unknown => ({ ...inlined(JSON.parse(text) as Response), sdkInfo: undefined })

const microseconds = (nanoseconds: number): string => (nanoseconds / 1000).toPrecision(3)

const times = (ratio: number): string => `${ratio.toPrecision(3)}x`

const at = <A>(items: ReadonlyArray<A>, index: number): A => items[index % items.length] as A

const main = async (): Promise<void> => {
  const ours = await bundled()
  const text = specsText()
  const theirStatsig = await start(official.Statsig, text)
  const ourStatsig = (await start(ours.Statsig as never, text)) as never as InstanceType<typeof ours.Statsig>
  const theirUsers = userArguments.map(user => new official.StatsigUser(user))
  const ourUsers = userArguments.map(user => new ours.StatsigUser(user))
  const buffer = new ours.ResponseBuffer()

  const formats = [0, 1, 2] as const
  const sizes: Array<number> = []
  for (let index = 0; index < 300; index++) {
    const options = { responseFormat: at(formats, index) }
    const theirs = theirStatsig.getClientInitializeResponse(at(theirUsers, index), options)
    const own = ourStatsig.getClientInitializeResponse(at(ourUsers, index), options)
    const written = ourStatsig.writeClientInitializeResponse(at(ourUsers, index), buffer, options)
    if (own !== Buffer.from(written).toString()) throw new Error("text and bytes differ")
    if (!isDeepStrictEqual(comparable(theirs), comparable(own))) {
      throw new Error(`the responses differ for ${JSON.stringify(userArguments[index])}`)
    }
    if (options.responseFormat === 0) sizes.push(written.length)
  }
  // As on a server that has run for a while: what can be cached is cached.
  for (const [index, user] of ourUsers.entries()) {
    ourStatsig.writeClientInitializeResponse(user, buffer)
    theirStatsig.getClientInitializeResponse(at(theirUsers, index))
  }
  const size = sizes.reduce((sum, length) => sum + length, 0) / sizes.length
  const [cpu] = cpus()
  console.log(`${cpu?.model ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.version}`)
  console.log(`300 responses are the same; on average they have ${Math.round(size / 1000)} KB\n`)

  const [theirs, asText, asBytes] = (await measure([
    { run: index => theirStatsig.getClientInitializeResponse(at(theirUsers, index)).length },
    { run: index => ourStatsig.getClientInitializeResponse(at(ourUsers, index)).length },
    { run: index => ourStatsig.writeClientInitializeResponse(at(ourUsers, index), buffer).length }
  ])) as [Cost, Cost, Cost]
  const print = (name: string, cost: Cost, bar: number) => {
    const ratio = theirs.wall / cost.wall
    const columns = [microseconds(cost.wall), microseconds(cost.cpu), times(ratio), times(theirs.cpu / cost.cpu)]
    const verdict = bar === 0 ? "" : `${ratio >= bar ? "≥" : "below"} ${bar}x`
    console.log(name.padEnd(28) + [...columns, verdict].map(column => column.padStart(11)).join(""))
  }
  console.log("".padEnd(28) + ["µs", "µs of CPU", "ratio", "of CPU", "bar"].map(title => title.padStart(11)).join(""))
  print("official, a string", theirs, 0)
  print("ours, a string", asText, 3)
  print("ours, bytes into a buffer", asBytes, 20)
}

await main()
// The official package keeps the process alive.
process.exit(0)
