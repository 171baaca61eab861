/**
 * What the start of a process costs: importing the package, the constructor, the first gate with specs from a local
 * server in another process, and the memory of an idle process. A process without a package, one with the official
 * package and one with this one run in turn, each time anew; what the empty process takes is subtracted. Run it after a
 * build, on a quiet machine: `npx tsx bench/coldStart.ts [runs]`.
 */
import { type ChildProcess, execFile, fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { median } from "./median.js"
import { benchSpecs } from "./project.js"

const specs = benchSpecs()
const [gate] = Object.keys(specs.feature_gates)

/** Serves the specs, compressed as Statsig does, and takes events. */
const serve = (): void => {
  const text = JSON.stringify(specs)
  const packed = gzipSync(text)
  const server = createServer((request, response) => {
    request.resume()
    if (request.method !== "GET") return response.writeHead(202).end('{"success":true}')
    if (!request.url?.includes("download_config_specs")) return response.end("{}")
    const takesGzip = String(request.headers["accept-encoding"]).includes("gzip")
    return response
      .writeHead(200, { "content-type": "application/json", ...(takesGzip && { "content-encoding": "gzip" }) })
      .end(takesGzip ? packed : text)
  })
  server.listen(0, "127.0.0.1", () => process.send?.(server.address()))
}

/** Prints the milliseconds since the process began at each step, the CPU until the gate, and the idle memory. */
const program = (module: string | undefined, address: string): string => `
const begun = performance.now()
const cpu = () => { const { system, user } = process.cpuUsage(); return (system + user) / 1000 }
const report = steps => {
  setTimeout(() => {
    console.log(JSON.stringify({ begun, ...steps, resident: process.memoryUsage.rss() / 1e6 }))
    process.exit(0)
  }, 2000)
}
${
  module === undefined
    ? "report({ imported: begun, made: begun, answered: begun, cpu: cpu() })"
    : `
const { Statsig, StatsigUser } = await import(${JSON.stringify(module)})
const imported = performance.now()
const statsig = new Statsig("secret-key", {
  specsUrl: "${address}/v2/download_config_specs",
  logEventUrl: "${address}/v1/log_event",
  idListsUrl: "${address}/v1/get_id_lists",
  outputLogLevel: "none"
})
const made = performance.now()
await statsig.initialize()
const { details } = statsig.getFeatureGate(new StatsigUser({ userID: "u-1" }), ${JSON.stringify(gate)})
const answered = performance.now()
if (details.reason !== "Network:Recognized") throw new Error(details.reason)
report({ imported, made, answered, cpu: cpu() })`
}`

const modules = {
  empty: undefined,
  official: "@statsig/statsig-node-core",
  ours: pathToFileURL(join(process.cwd(), "dist/promise.js")).href
}

type Figures = Readonly<Record<"begun" | "imported" | "made" | "answered" | "cpu" | "resident", number>>

/** What is shown: its name, its figure in a run, and whether an empty process has a part in it. */
const rows: ReadonlyArray<readonly [name: string, figure: (run: Figures) => number, isShared: boolean]> = [
  ["ms to import the package", run => run.imported - run.begun, false],
  ["ms in the constructor", run => run.made - run.imported, false],
  ["ms from the start of the process to the first gate", run => run.answered, true],
  ["ms of CPU until then", run => run.cpu, true],
  ["MB resident when idle", run => run.resident, true]
]

const measure = async (address: string, runs: number): Promise<void> => {
  const figures: Record<keyof typeof modules, Array<Figures>> = { empty: [], official: [], ours: [] }
  for (let run = 0; run < runs; run++) {
    for (const name of ["empty", "official", "ours"] as const) {
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--input-type=module",
        "-e",
        program(modules[name], address)
      ])
      figures[name].push(JSON.parse(stdout))
    }
  }
  console.log(`${runs} runs each, medians, without what an empty process takes; Node ${process.version}`)
  for (const [name, figure, isShared] of rows) {
    const of = (side: keyof typeof modules) => median(figures[side].map(figure))
    const base = isShared ? of("empty") : 0
    const [official, ours] = [of("official") - base, of("ours") - base]
    console.log(
      `official ${official.toFixed(1).padStart(6)}  ours ${ours.toFixed(1).padStart(6)}  ` +
        `${(ours / official).toFixed(2)} times  ${name}`
    )
  }
}

if (process.argv[2] === "serve") serve()
else {
  const server: ChildProcess = fork(process.argv[1]!, ["serve"], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  try {
    const [{ port }] = (await once(server, "message")) as [{ port: number }]
    await measure(`http://127.0.0.1:${port}`, Number(process.argv[2] ?? 9))
  } finally {
    server.kill()
  }
}
