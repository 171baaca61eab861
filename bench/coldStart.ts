/**
 * The time from the start of a process to the first gate evaluated from a local specs file, and the memory of an idle
 * process: both packages alternate, and each run is a separate process. Run it after a build: `npx tsx
 * bench/coldStart.ts [runs]`.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { median } from "./median.js"
import { benchSpecs } from "./project.js"

const specs = benchSpecs()
const [gate] = Object.keys(specs.feature_gates)
const packages = { official: "@statsig/statsig-node-core", ours: join(process.cwd(), "dist/promise.cjs") }

/** Prints the process's CPU milliseconds at the first result, and its resident megabytes two seconds later. */
const program = (name: string, path: string) => `
const { Statsig, StatsigUser } = require(${JSON.stringify(name)})
const { readFile } = require("node:fs/promises")
const dataStore = {
  initialize: async () => {},
  get: async () => ({ result: await readFile(${JSON.stringify(path)}, "utf8"), time: 1 }),
  set: async () => {},
  shutdown: async () => {},
  supportPollingUpdatesFor: async () => false
}
const statsig = new Statsig("secret-key", { dataStore, disableNetwork: true, outputLogLevel: "none" })
statsig.initialize().then(() => {
  const { details } = statsig.getFeatureGate(new StatsigUser({ userID: "u-1" }), ${JSON.stringify(gate)})
  if (details.reason !== "Adapter(DataStore):Recognized") throw new Error(details.reason)
  const { system, user } = process.cpuUsage()
  const answer = { wall: performance.now(), cpu: (system + user) / 1000 }
  setTimeout(() => {
    console.log(JSON.stringify({ ...answer, resident: process.memoryUsage.rss() / 1e6 }))
    process.exit(0)
  }, 2000)
})`

type Figures = Readonly<Record<"wall" | "cpu" | "resident", number>>

const folder = mkdtempSync(join(tmpdir(), "statsig-effect-"))
try {
  const path = join(folder, "specs.json")
  writeFileSync(path, JSON.stringify(specs))
  const figures: Record<keyof typeof packages, Array<Figures>> = { official: [], ours: [] }
  const runs = Number(process.argv[2] ?? 9)
  for (let run = 0; run < runs; run++) {
    for (const name of ["official", "ours"] as const) {
      const { stdout } = await promisify(execFile)(process.execPath, ["-e", program(packages[name], path)])
      figures[name].push(JSON.parse(stdout))
    }
  }
  console.log(`${runs} runs each, medians; Node ${process.version}`)
  for (const [figure, what] of [
    ["wall", "ms from the start of Node to the first answer"],
    ["cpu", "ms of CPU until then"],
    ["resident", "MB resident when idle"]
  ] as const) {
    const [official, ours] = [figures.official, figures.ours].map(all => median(all.map(one => one[figure])))
    console.log(
      `official ${official!.toFixed(0).padStart(5)}  ours ${ours!.toFixed(0).padStart(5)}  ` +
        `${(ours! / official!).toFixed(2)} times  ${what}`
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
