/** Programs that are deployed as a single file; and the bundle of this package that such programs import. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../../scripts/bundle.js"
import { payload } from "./support/payload.js"

const root = resolve(import.meta.dirname, "../..")
const published = join(root, "node_modules/.cache/statsig-effect/bundled")

const empty = mkdtempSync(join(tmpdir(), "bundle-"))
afterAll(() => rmSync(empty, { recursive: true }))

/** A program to bundle completely. It prints its first results and its cost. */
const program = (sdk: string) => `
import { DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, redisDataStore, Statsig, StatsigUser } from "${sdk}"
const get = async () => ({ result: ${JSON.stringify(JSON.stringify(payload))} })
const start = dataStore => new Statsig("secret-key", { disableNetwork: true, dataStore })
const statsig = start({ initialize: async () => {}, get })
const main = async () => {
  const result = await statsig.initialize()
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
  const user = new StatsigUser({ userID: "u", ip: "8.8.8.8", userAgent })
  const gates = ["gate_on", "american", "chrome"].map(name => statsig.checkGate(user, name))
  const classes = [DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, Statsig, StatsigUser]
  console.log(JSON.stringify([result, gates, classes.map(({ name }) => name).join(), process.resourceUsage().maxRSS]))
  await start(redisDataStore({ url: "redis://127.0.0.1:1" })).initialize()
}
main()
`

/** Bundles the program, returns esbuild's warnings, and runs it from an otherwise empty folder. */
const deployed = async (sdk: string, format: "esm" | "cjs") => {
  const file = join(empty, format === "esm" ? "program.mjs" : "program.cjs")
  const { metafile, warnings } = await build({
    stdin: { contents: program(sdk), resolveDir: root },
    outfile: file,
    metafile: true,
    bundle: true,
    platform: "node",
    format,
    logLevel: "silent"
  })
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: empty })
  const [output, ...log] = stdout.split("\n")
  return { inputs: Object.keys(metafile.inputs), warnings, output: JSON.parse(output!), log: log.join("\n") }
}

describe.each(["esm", "cjs"] as const)("as %s", format => {
  const sdk = join(published, format === "esm" ? "promise.mjs" : "promise.cjs")
  beforeAll(async () => {
    mkdirSync(published, { recursive: true })
    await bundle("layers/promise.ts", format, sdk)
  }, 120_000)

  it("a program in one file, alone in a folder, recognises countries and browsers at the first check", async () => {
    const { inputs, log, output, warnings } = await deployed(sdk, format)
    expect(warnings).toEqual([])
    expect(inputs.filter(name => name.includes("redis"))).toEqual([])
    const [result, gates, classes, kilobytes] = output
    expect(result).toEqual({ isSuccess: true })
    expect(gates).toEqual([true, true, true])
    expect(classes).toBe("DynamicConfig,Experiment,FeatureGate,Layer,ParameterStore,Statsig,StatsigUser")
    // A getter for each byte of the country table takes 130 MB.
    expect(kilobytes / 1024).toBeLessThan(130)
    expect(log).toContain("npm install redis")
  })

  it("an uncaught error is printed with a short line of the bundle", async () => {
    const text = readFileSync(sdk, "utf8")
    expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThan(1_000)
    const file = join(published, `throws.${basename(sdk)}`)
    const load = format === "esm" ? `import { Statsig } from "${sdk}"` : `const { Statsig } = require("${sdk}")`
    writeFileSync(file, `${load}\nnew Statsig("secret-key", { environment: { tier: "development" } })`)
    const { stderr } = await promisify(execFile)(process.execPath, [file]).catch(error => error)
    expect(stderr).toMatch(/environment: expected a string, got an object; write environment: "development"$/m)
    expect(stderr.length).toBeLessThan(3_000)
  })
})
