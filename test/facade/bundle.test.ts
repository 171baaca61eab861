import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { build, type Format } from "esbuild"
import { describe, expect, it } from "vitest"
import { payload } from "./support/payload.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** A program for a bundler to swallow whole. */
const program = `
import { DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, Statsig, StatsigUser } from "./layers/promise.js"
const get = async () => ({ result: ${JSON.stringify(JSON.stringify(payload))} })
const statsig = new Statsig("secret-key", {
  disableNetwork: true,
  waitForCountryLookupInit: true,
  dataStore: { initialize: async () => {}, get }
})
statsig.initialize().then(async result => {
  const user = new StatsigUser({ userID: "u", ip: "8.8.8.8" })
  console.log(JSON.stringify([result, [statsig.checkGate(user, "gate_on"), statsig.checkGate(user, "american")]]))
  const classes = [DynamicConfig, Experiment, FeatureGate, Layer, ParameterStore, Statsig, StatsigUser]
  console.log(classes.map(({ name }) => name).join())
})
`

/** Runs a program that comes in by the standard input, so that it has no place in the file system. */
const run = (text: string, format: Format): Promise<string> =>
  new Promise((resolve, reject) => {
    const type = format === "esm" ? "module" : "commonjs"
    const child = spawn(process.execPath, [`--input-type=${type}`, "-"], { cwd: root })
    let output = ""
    child.stdout.on("data", part => {
      output += part
    })
    child.stderr.on("data", part => {
      output += part
    })
    child.on("error", reject)
    child.on("close", () => resolve(output))
    child.stdin.end(text)
  })

describe("a program in one file", () => {
  it.each(["esm", "cjs"] as const)("works as %s", async format => {
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: root, loader: "ts" },
      bundle: true,
      write: false,
      platform: "node",
      target: "node20",
      format,
      logLevel: "error",
      logOverride: { "empty-import-meta": "silent" }
    })
    expect(await run(outputFiles[0]!.text, format)).toBe(
      '[{"isSuccess":true},[true,true]]\n' +
        "DynamicConfig,Experiment,FeatureGate,Layer,ParameterStore,Statsig,StatsigUser\n"
    )
  })
})
