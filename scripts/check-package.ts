/**
 * Checks the package as its users install it: what `publint` says, and a fresh project that installs the tarball and asks
 * a gate through `statsig-effect/promise`, as a module and as CommonJS, without Effect installed. Run it after a build.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { specs } from "../examples/shop/specs.js"

const run = (command: string, args: ReadonlyArray<string>, cwd = process.cwd()): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })

const program = `
const dataStore = {
  initialize: async () => {},
  get: async () => ({ result: JSON.stringify(require("./specs.json")) }),
  set: async () => {},
  shutdown: async () => {},
  supportPollingUpdatesFor: async () => false
}
const statsig = new Statsig("secret-key", { dataStore, disableNetwork: true })
statsig.initialize().then(result => {
  const user = new StatsigUser({ userID: "staff-0017", email: "mara@shop.example" })
  if (!result.isSuccess || !statsig.checkGate(user, "new_checkout")) throw new Error(JSON.stringify(result))
  const gate = statsig.getFeatureGate(user, "new_checkout")
  console.log(process.argv[1].split("/").pop(), gate.value, gate.details.reason)
})
`

const folder = mkdtempSync(join(tmpdir(), "statsig-effect-"))
try {
  console.log(run("npx", ["publint", "--strict"]).trim())
  const tarball = run("npm", ["pack", "--silent", "--pack-destination", folder]).trim()
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true }))
  writeFileSync(join(folder, "specs.json"), JSON.stringify(specs))
  run("npm", ["install", "--silent", "--no-package-lock", "--legacy-peer-deps", `./${tarball}`], folder)
  writeFileSync(
    join(folder, "consumer.mjs"),
    `import { createRequire } from "node:module"
import { Statsig, StatsigUser } from "statsig-effect/promise"
const require = createRequire(import.meta.url)
${program}`
  )
  writeFileSync(
    join(folder, "consumer.cjs"),
    `const { Statsig, StatsigUser } = require("statsig-effect/promise")
${program}`
  )
  for (const consumer of ["consumer.mjs", "consumer.cjs"]) console.log(run("node", [consumer], folder).trim())
} finally {
  rmSync(folder, { recursive: true, force: true })
}
