/**
 * How both packages grow with the project: `npx tsx bench/growth.ts [--axis gates] [--quick]`, after a build.
 *
 * Along each axis projects become larger in one respect. For each project both packages must first give the same
 * answers. Then each is measured in processes of its own, three times by turns, of which the table shows the medians.
 * The specs come from a server on loopback in this process, without compression. Nothing is logged by the checks, and
 * nothing here asserts a time. The tables are printed as Markdown.
 *
 * A machine with other work shows longer blocks than there are. The official package reports its own errors to a public
 * host, so a namespace with loopback only is better still: `unshare -rn sh -c 'ip link set lo up; npx tsx
 * bench/growth.ts'`.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import { build } from "esbuild"
import {
  deepNesting,
  longLists,
  manyFields,
  manyGates,
  manyInstances,
  manyRules,
  mixed,
  type Project
} from "./grown.js"
import type { Figures, Report, Task } from "./growthProcess.js"
import { median } from "./median.js"

/** A column of a table: its title, and the figures of one package in it. */
const columns = {
  ready: ["ready, ms", ({ ready }: Figures) => shown(ready)],
  block: [
    "longest block until ready / afterwards, ms",
    ({ blockAfterwards, blockUntilReady }: Figures) => `${shown(blockUntilReady)} / ${shown(blockAfterwards)}`
  ],
  first: [
    "first check, µs: median / longest",
    ({ firstCheck, longestCheck }: Figures) => `${shown(firstCheck)} / ${shown(longestCheck)}`
  ],
  turns: ["by turns, µs", ({ byTurns }: Figures) => shown(byTurns)],
  newUser: ["new user and check, µs", ({ newUser }: Figures) => shown(newUser)],
  response: [
    "client response, ms: first / next",
    ({ firstResponse, nextResponse }: Figures) => `${shown(firstResponse)} / ${shown(nextResponse)}`
  ],
  memory: [
    "MB when ready / all checked / after a response",
    ({ memoryChecked, memoryReady, memoryResponse }: Figures) =>
      [memoryReady, memoryChecked, memoryResponse].map(megabytes => megabytes.toFixed(0)).join(" / ")
  ]
} as const

interface Axis {
  /** What grows. */
  readonly title: string
  readonly sizes: ReadonlyArray<number>
  readonly make: (size: number) => Project
  readonly columns: ReadonlyArray<keyof typeof columns>
}

const axes: Readonly<Record<string, Axis>> = {
  gates: {
    title: "gates",
    sizes: [100, 1_000, 10_000, 50_000],
    make: manyGates,
    columns: ["ready", "block", "first", "turns", "newUser", "response", "memory"]
  },
  rules: {
    title: "rules in a gate",
    sizes: [1, 10, 100, 1_000],
    make: manyRules,
    columns: ["ready", "block", "first", "turns", "newUser", "response", "memory"]
  },
  list: {
    title: "user IDs in a list",
    sizes: [10, 1_000, 100_000, 1_000_000],
    make: longLists,
    columns: ["ready", "block", "first", "turns", "newUser", "memory"]
  },
  nesting: {
    title: "gates nested in one another",
    sizes: [1, 10, 100, 250],
    make: deepNesting,
    columns: ["first", "turns", "newUser", "response"]
  },
  fields: {
    title: "custom fields of a user",
    sizes: [0, 10, 100, 1_000],
    make: manyFields,
    columns: ["turns", "newUser", "response"]
  },
  instances: {
    title: "instances",
    sizes: [1, 10, 50],
    make: manyInstances,
    columns: ["ready", "block", "first", "memory"]
  },
  mixed: {
    title: "user IDs in a list beside 3,000 gates and 3,700 others",
    sizes: [0, 1_000_000],
    make: mixed,
    columns: ["ready", "block", "first", "turns", "newUser", "response", "memory"]
  }
}

interface Bar {
  readonly axis: string
  readonly sizes: ReadonlyArray<number>
  readonly what: string
  readonly figure: (ours: Figures, official: Figures) => number
  readonly most: number
}

/** What should hold. Like everything here it is told, not asserted. */
const bars: ReadonlyArray<Bar> = [
  {
    axis: "gates",
    sizes: [10_000, 50_000],
    what: "by turns, ours / official",
    figure: (ours, official) => ours.byTurns / official.byTurns,
    most: 0.25
  },
  {
    axis: "gates",
    sizes: [10_000, 50_000],
    what: "memory when ready, ours / official",
    figure: (ours, official) => ours.memoryReady / official.memoryReady,
    most: 1
  },
  {
    axis: "gates",
    sizes: [10_000, 50_000],
    what: "memory when all are checked, ours / official",
    figure: (ours, official) => ours.memoryChecked / official.memoryChecked,
    most: 1.2
  },
  { axis: "mixed", sizes: [1_000_000], what: "first check, µs", figure: ours => ours.firstCheck, most: 10 },
  { axis: "mixed", sizes: [1_000_000], what: "longest block, ms", figure: ours => ours.blockAfterwards, most: 10 },
  { axis: "mixed", sizes: [1_000_000], what: "first response, ms", figure: ours => ours.firstResponse, most: 10 }
]

/** Three digits, more before the decimal point. */
const shown = (value: number): string =>
  value < 100 ? String(Number(value.toPrecision(value < 10 ? 2 : 3))) : Math.round(value).toLocaleString("en")

/** Each figure's median over the runs. */
const medians = (runs: ReadonlyArray<Figures>): Figures =>
  Object.fromEntries(
    Object.keys(runs[0]!).map(key => [key, median(runs.map(run => run[key as keyof Figures]))])
  ) as unknown as Figures

/** Serves the specs that were set last, and takes events. */
const serve = async () => {
  let specs: Uint8Array = new Uint8Array()
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json")
      response.end(request.method === "POST" ? `{"success":true}` : specs)
    })
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (next: Uint8Array) => {
      specs = next
    }
  }
}

const packages = {
  official: pathToFileURL(createRequire(import.meta.url).resolve("@statsig/statsig-node-core")).href,
  ours: new URL("../dist/promise.js", import.meta.url).href
}

/** Makes a program of `growthProcess.ts` that runs without tsx, whose memory would count. */
const bundleProcess = async (folder: string): Promise<string> => {
  const outfile = join(folder, "growthProcess.mjs")
  const entry = fileURLToPath(new URL("growthProcess.ts", import.meta.url))
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm" })
  return outfile
}

/** Has the task done by a process of its own. */
const run = async (program: string, task: Task): Promise<Report> => {
  const child = fork(program, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] })
  child.send(task)
  const ended = once(child, "exit")
  const report = await Promise.race([once(child, "message"), ended])
  await ended
  if (typeof report[0] !== "object") throw new Error(`the process ended with ${report.join(" ")}`)
  return report[0] as Report
}

const figuresOf = async (program: string, task: Task): Promise<Figures> => {
  const report = await run(program, task)
  if (!("figures" in report)) throw new Error("no figures")
  return report.figures
}

/** Ends the benchmark where an answer differs. */
const compare = async (program: string, task: Task): Promise<void> => {
  const report = await run(program, task)
  if (!("compared" in report)) {
    throw new Error(`the answers differ:\n${"difference" in report ? report.difference.join("\n") : ""}`)
  }
  console.error(`  ${report.compared.toLocaleString("en")} answers are the same`)
}

type Both = Readonly<Record<"official" | "ours", Figures>>

const measure = async (program: string, task: Omit<Task, "packages">, rounds: number): Promise<Both> => {
  await compare(program, { ...task, packages: Object.values(packages) })
  const official: Array<Figures> = []
  const ours: Array<Figures> = []
  for (let round = 0; round < rounds; round++) {
    official.push(await figuresOf(program, { ...task, packages: [packages.official] }))
    ours.push(await figuresOf(program, { ...task, packages: [packages.ours] }))
  }
  return { official: medians(official), ours: medians(ours) }
}

const tellBars = (axis: string, size: number, { official, ours }: Both): void => {
  for (const { figure, most, what } of bars.filter(bar => bar.axis === axis && bar.sizes.includes(size))) {
    const found = figure(ours, official)
    console.error(`  ${found <= most ? "reached" : "MISSED"}: ${what}: ${shown(found)}, at most ${most}`)
  }
}

const row = (cells: ReadonlyArray<string>) => console.log(`| ${cells.join(" | ")} |`)

/** Measures and prints an axis; with `quick` one size, once. */
const table = async (
  program: string,
  server: Awaited<ReturnType<typeof serve>>,
  name: string,
  quick: boolean
): Promise<void> => {
  const { columns: chosen, make, sizes, title } = axes[name]!
  row([title, "", ...chosen.map(column => columns[column][0])])
  row(["---", "---", ...chosen.map(() => "---")])
  for (const size of quick ? sizes.slice(1, 2) : sizes) {
    console.error(`${title}: ${size.toLocaleString("en")}`)
    const { specs, ...project } = make(size)
    const body = Buffer.from(JSON.stringify(specs))
    server.set(body)
    const task = { ...project, origin: server.origin, milliseconds: quick ? 200 : 1_000 }
    const figures = await measure(program, task, quick ? 1 : 3)
    const cells = (side: keyof Both) => [side, ...chosen.map(column => columns[column][1](figures[side]))]
    row([`${size.toLocaleString("en")} (${shown(body.length / 1e6)} MB)`, ...cells("official")])
    row(["", ...cells("ours")])
    tellBars(name, size, figures)
  }
  console.log()
}

const main = async (): Promise<void> => {
  const { values: options } = parseArgs({
    options: { axis: { type: "string" }, quick: { type: "boolean", default: false } }
  })
  const chosen = Object.keys(axes).filter(name => options.axis === undefined || options.axis === name)
  if (chosen.length === 0) throw new Error(`--axis takes one of ${Object.keys(axes).join(", ")}`)
  const folder = mkdtempSync(join(tmpdir(), "statsig-effect-"))
  try {
    const program = await bundleProcess(folder)
    const server = await serve()
    console.log(`${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.version}\n`)
    for (const name of chosen) await table(program, server, name, options.quick)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
process.exit(0)
