/** A user's view of the package: a separate project that installs the tarball, and programs that check a gate. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { promisify } from "node:util"
import { specs } from "../examples/shop/specs.js"

/** Runs a command and returns its output; fails with all of it. */
export const run = async (
  command: string,
  args: ReadonlyArray<string>,
  cwd = process.cwd(),
  env = process.env
): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 }).catch(
    ({ message, stderr, stdout }: Error & Record<"stderr" | "stdout", string>) => {
      throw new Error(`${message}\n${stdout}\n${stderr}`)
    }
  )
  return stdout.trim()
}

/** Packs the built package into the folder and returns the file's path. */
export const pack = async (folder: string): Promise<string> =>
  join(folder, await run("npm", ["pack", "--silent", "--pack-destination", folder]))

/** A folder that is removed after the work. */
export const withFolder = async <A>(work: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "statsig-effect-"))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes the files, by their paths in the folder. */
export const write = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** Makes a project with only the tarball and the packages installed. */
export const makeProject = async (
  folder: string,
  tarball: string,
  packages: ReadonlyArray<string> = []
): Promise<void> => {
  write(folder, { "package.json": JSON.stringify({ name: "consumer", private: true }) })
  const quiet = ["--silent", "--no-package-lock", "--no-audit", "--no-fund", "--legacy-peer-deps"]
  await run("npm", ["install", ...quiet, tarball, ...packages], folder)
}

/** The native files in the folder. */
export const nativeFiles = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(folder, "node_modules"), { recursive: true, encoding: "utf8" }).filter(path =>
    /\.(node|wasm|so|dylib|dll)$/.test(basename(path))
  )

const ask = `
const dataStore = {
  initialize: async () => {},
  get: async () => ({ result: ${JSON.stringify(JSON.stringify(specs))} }),
  set: async () => {},
  shutdown: async () => {},
  supportPollingUpdatesFor: async () => false
}
const main = async () => {
  const statsig = new Statsig("secret-key", { dataStore, disableNetwork: true })
  const result = await statsig.initialize()
  const user = new StatsigUser({ userID: "staff-0017", email: "mara@shop.example" })
  if (!result.isSuccess || !statsig.checkGate(user, "new_checkout")) throw new Error(JSON.stringify(result))
  await statsig.shutdown()
  return statsig.getFeatureGate(user, "new_checkout").details.reason
}
`

/** Checks a gate through the Promise API and prints why it is open. */
export const promiseProgram = {
  esm: `import { Statsig, StatsigUser } from "statsig-effect/promise"\n${ask}console.log(await main())\n`,
  cjs: `const { Statsig, StatsigUser } = require("statsig-effect/promise")\n${ask}main().then(console.log)\n`
}

/** The packages that a program installs for OpenFeature. */
export const openFeaturePackages = ["@openfeature/server-sdk", "@openfeature/core"]

const askOpenFeature = `
const dataStore = {
  initialize: async () => {},
  get: async () => ({ result: ${JSON.stringify(JSON.stringify(specs))} })
}
const main = async () => {
  const statsig = new Statsig("secret-key", { dataStore, disableNetwork: true })
  await OpenFeature.setProviderAndWait(new StatsigProvider(statsig))
  const context = { targetingKey: "staff-0017", email: "mara@shop.example" }
  const { reason, value } = await OpenFeature.getClient().getBooleanDetails("new_checkout", false, context)
  if (!value) throw new Error(reason)
  await OpenFeature.close()
  return reason
}
`

/** Checks a gate through OpenFeature and prints why it is open. */
export const openFeatureProgram = {
  esm: `import { OpenFeature } from "@openfeature/server-sdk"
import { StatsigProvider } from "statsig-effect/openfeature"
import { Statsig } from "statsig-effect/promise"
${askOpenFeature}console.log(await main())\n`,
  cjs: `const { OpenFeature } = require("@openfeature/server-sdk")
const { StatsigProvider } = require("statsig-effect/openfeature")
const { Statsig } = require("statsig-effect/promise")
${askOpenFeature}main().then(console.log)\n`
}

const askEffect = `
import * as Effect from "effect/Effect"
import { Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"

const specs = ${JSON.stringify(JSON.stringify(specs))}
const main = () =>
  Effect.gen(function* () {
    const statsig = yield* Statsig.Statsig
    const user = StatsigUser.make({ userID: "staff-0017", email: "mara@shop.example" })
    const gate = statsig.getFeatureGate(user, "new_checkout")
    if (!gate.value) throw new Error("The gate is closed: " + gate.details.reason)
    return gate.details.reason
  }).pipe(Effect.provide(StatsigLayer.layerOffline({ specs })), Effect.runPromise)
`

/** The same through the Effect API. */
export const effectProgram = {
  esm: `${askEffect}console.log(await main())\n`,
  exported: `${askEffect}export { main }\n`
}

/** A program whose types must be right without Effect. */
export const typedProgram = `
import { Statsig, StatsigUser, type StatsigOptions } from "statsig-effect/promise"
const options: StatsigOptions = { environment: "staging" }
export const check = async (): Promise<boolean> => {
  const statsig = new Statsig("secret-key", options)
  const { isSuccess } = await statsig.initialize()
  // @ts-expect-error a name is missing
  statsig.checkGate(new StatsigUser({ userID: "u" }))
  const size: number = statsig.getExperiment(new StatsigUser({ userID: "u" }), "experiment").get("size", 1)
  return isSuccess && size > 0 && statsig.checkGate(new StatsigUser({ userID: "u" }), "gate")
}
`

/** The same for OpenFeature, whose own types need those of Node.js. */
export const typedOpenFeatureProgram = `
import { OpenFeature } from "@openfeature/server-sdk"
import { StatsigProvider } from "statsig-effect/openfeature"
import { Statsig } from "statsig-effect/promise"
export const provide = (statsig: Statsig): Promise<void> => OpenFeature.setProviderAndWait(new StatsigProvider(statsig))
// @ts-expect-error a key is no instance
export const refused = new StatsigProvider("secret-key")
`
