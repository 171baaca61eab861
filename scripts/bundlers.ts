/**
 * A program in one file, by each common bundler: without a warning, moved to an otherwise empty folder, and as fast,
 * small and complete as the unbundled program.
 */
import { readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { layer as localLayer } from "../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../layers/LocalStatsig.js"
import { payload } from "../test/facade/support/payload.js"
import { run, write } from "./consumers.js"

/** Looks up a country and a browser in its first checks. */
const program = `
import { Statsig, StatsigUser } from "statsig-effect/promise"
const [specsUrl, logEventUrl] = process.argv.slice(2)
const main = async () => {
  const statsig = new Statsig("secret-key", { specsUrl, logEventUrl })
  const { isSuccess } = await statsig.initialize()
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
  const user = new StatsigUser({ userID: "u", ip: "8.8.8.8", userAgent })
  const answers = ["american", "chrome"].map(gate => statsig.checkGate(user, gate))
  await statsig.shutdown()
  process.answers = [isSuccess, ...answers].join()
}
main()
`

/** Loaded before the program: the longest time in which no timer could run is mostly the start. */
const measure = `
let last = performance.now()
let longestBlock = 0
setInterval(() => {
  const now = performance.now()
  longestBlock = Math.max(longestBlock, now - last)
  last = now
}, 2).unref()
process.on("exit", () => {
  const { user, system } = process.cpuUsage()
  const memory = process.resourceUsage().maxRSS / 1024
  console.log(JSON.stringify({ answers: process.answers, cpu: (user + system) / 1e3, memory, longestBlock }))
})
`

/** The figures of a run: milliseconds, and peak megabytes. */
const figures = ["cpu", "memory", "longestBlock"] as const

type Figures = Record<(typeof figures)[number], number>

const runs = 5

/** How much worse than the unbundled program. Both are measured in the same minute. */
const allowed = 1.3

interface Bundler {
  readonly packages: ReadonlyArray<string>
  /** A module that bundles `program.mjs` into `out/` and prints the bundler's warnings. */
  readonly script: string
  /** The file that it creates in `out/`. */
  readonly file: string
}

const esbuild = (file: string, options: string): Bundler => ({
  packages: ["esbuild@0.28.2"],
  script: `import { build } from "esbuild"
const { warnings } = await build({
  entryPoints: ["program.mjs"], outfile: "out/${file}", bundle: true, platform: "node", logLevel: "silent", ${options}
})
for (const { text } of warnings) console.log(text)`,
  file
})

/** rspack has the API of webpack. */
const webpack = (name: string, version: string): Bundler => ({
  packages: [`${name}@${version}`],
  script: `import bundler from "${name}"
const output = { path: process.cwd() + "/out", filename: "program.cjs" }
bundler({ mode: "production", target: "node", entry: "./program.mjs", output }, (error, stats) => {
  if (error) throw error
  const text = stats.toString({ all: false, errors: true, warnings: true })
  if (text !== "") console.log(text)
})`,
  file: "program.cjs"
})

export const bundlers: Readonly<Record<string, Bundler>> = {
  "esbuild-esm": esbuild("program.mjs", 'format: "esm"'),
  "esbuild-cjs": esbuild("program.cjs", 'format: "cjs"'),
  "esbuild-minified": esbuild("program.mjs", 'format: "esm", minify: true'),
  vite: {
    packages: ["vite@8.4.0"],
    script: `import { build, createLogger } from "vite"
const customLogger = createLogger("silent")
customLogger.warn = customLogger.warnOnce = text => console.log(text)
await build({ customLogger, logLevel: "warn", build: { ssr: "program.mjs", outDir: "out" }, ssr: { noExternal: true } })`,
    file: "program.mjs"
  },
  rollup: {
    packages: ["rollup@4.68.8", "@rollup/plugin-node-resolve@16.0.3", "@rollup/plugin-commonjs@29.0.3"],
    script: `import { rollup } from "rollup"
import commonjs from "@rollup/plugin-commonjs"
import resolve from "@rollup/plugin-node-resolve"
const onwarn = ({ message }) => console.log(message)
const bundle = await rollup({ input: "program.mjs", plugins: [resolve({ preferBuiltins: true }), commonjs()], onwarn })
await bundle.write({ file: "out/program.mjs", format: "es", inlineDynamicImports: true })`,
    file: "program.mjs"
  },
  webpack: webpack("webpack", "5.113.0"),
  rspack: webpack("@rspack/core", "2.3.4"),
  ncc: {
    packages: ["@vercel/ncc@0.45.0"],
    script: `import { mkdirSync, writeFileSync } from "node:fs"
import ncc from "@vercel/ncc"
console.warn = console.log
const { assets, code } = await ncc(process.cwd() + "/program.mjs", { cache: false, quiet: true })
mkdirSync("out", { recursive: true })
for (const [name, { source }] of Object.entries(assets)) writeFileSync("out/" + name, source)
writeFileSync("out/program.mjs", code)`,
    file: "program.mjs"
  }
}

const measured = async (file: string, urls: ReadonlyArray<string>): Promise<Figures> => {
  const args = ["--require", join(file, "../../measure.cjs"), file, ...urls]
  const { answers, ...result } = JSON.parse(await run("node", args, join(file, "..")))
  if (answers !== "true,true,true") throw new Error(`initialize, country and browser: ${answers}`)
  return result
}

const least = (results: ReadonlyArray<Figures>): Figures => ({
  cpu: Math.min(...results.map(({ cpu }) => cpu)),
  memory: Math.min(...results.map(({ memory }) => memory)),
  longestBlock: Math.min(...results.map(({ longestBlock }) => longestBlock))
})

const shown = ({ cpu, longestBlock, memory }: Figures): string =>
  `${cpu.toFixed(0)} ms CPU, ${memory.toFixed(0)} MB, blocked for ${longestBlock.toFixed(0)} ms`

/** Alternating, and the minimum of each: other load on the machine can only add to it. */
const compare = async (plain: string, bundled: string, urls: ReadonlyArray<string>): Promise<string> => {
  const results: Record<"plain" | "bundled", Array<Figures>> = { plain: [], bundled: [] }
  for (let time = 0; time < runs; time++) {
    results.plain.push(await measured(plain, urls))
    results.bundled.push(await measured(bundled, urls))
  }
  const [unbundled, single] = [least(results.plain), least(results.bundled)]
  const text = `country and browser known, ${shown(single)}, unbundled ${shown(unbundled)}`
  if (figures.some(figure => single[figure] > unbundled[figure] * allowed)) throw new Error(`It is dearer: ${text}`)
  return text
}

/** An optional package is neither required where it is missing nor included where it is installed. */
const bundleWithAndWithoutRedis = async (project: string, file: string): Promise<void> => {
  const taken = "A package that few have"
  for (const files of [{}, { "node_modules/redis/index.js": `module.exports = "${taken}"` }]) {
    write(project, files)
    rmSync(join(project, "out"), { recursive: true, force: true })
    const warnings = await run("node", ["bundle.mjs"], project)
    if (warnings !== "") throw new Error(`It warns: ${warnings}`)
    if (readFileSync(join(project, "out", file), "utf8").includes(taken)) throw new Error("It takes redis in")
  }
}

/** Bundles the program in a project with the bundler and this package, moves the output away, and runs it. */
export const proveBundler =
  ({ file, script }: Bundler) =>
  async (project: string): Promise<string> => {
    const moved = `${project}-moved`
    write(project, {
      "plain/program.mjs": program,
      "program.mjs": program,
      "bundle.mjs": script,
      "measure.cjs": measure
    })
    write(moved, { "measure.cjs": measure })
    await bundleWithAndWithoutRedis(project, file)
    renameSync(join(project, "out"), join(moved, "out"))
    const bundled = join(moved, "out", file)
    const text = await Effect.runPromise(
      Effect.flatMap(LocalStatsig, ({ logEventUrl, specsUrl }) =>
        Effect.promise(() => compare(join(project, "plain/program.mjs"), bundled, [specsUrl, logEventUrl]))
      ).pipe(Effect.provide(localLayer({ specs: payload })))
    )
    return `${Math.round(statSync(bundled).size / 1024)} KB, ${text}`
  }
