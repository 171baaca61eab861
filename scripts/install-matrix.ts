/**
 * Shows that the commands and programs of the README work with every package manager, in a project of Effect 3, one of
 * Effect 4, and one with neither. The programs use a Statsig on loopback. Package managers and packages come from the
 * npm registry into a temporary folder. `npm run build && npm run install-matrix [manager …]`
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { specs } from "../examples/shop/specs.js"
import { layer as layerLocalStatsig } from "../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../layers/LocalStatsig.js"
import { makeProject, pack, run, withFolder, write } from "./consumers.js"

type Environment = Readonly<Record<string, string | undefined>>

interface Manager {
  /** The package to install. */
  readonly package: string
  /** The name of its program. */
  readonly bin: string
  readonly add: ReadonlyArray<string>
  readonly environment?: Environment
  /** What runs Node.js, where it does not run alone. */
  readonly node?: string
}

const npm = (major: number): Manager => ({
  package: `npm@${major}`,
  bin: "npm",
  add: ["install", "--no-audit", "--no-fund"]
})

const pnpm = (major: number): Manager => ({ package: `pnpm@${major}`, bin: "pnpm", add: ["add"] })

const yarn4 = (linker: string): Manager => ({
  package: "@yarnpkg/cli-dist@4",
  bin: "yarn",
  add: ["add"],
  environment: { YARN_NODE_LINKER: linker }
})

const managers: Readonly<Record<string, Manager>> = {
  npm10: npm(10),
  npm11: npm(11),
  pnpm10: pnpm(10),
  pnpm12: pnpm(12),
  yarn1: { package: "yarn@1", bin: "yarn", add: ["add"] },
  "yarn4-node-modules": yarn4("node-modules"),
  "yarn4-pnp": { ...yarn4("pnp"), node: "node" }
}

const readme = readFileSync("README.md", "utf8")

/** The part of the README that the pattern captures. */
const partOf = (pattern: RegExp): string => {
  const found = pattern.exec(readme)?.[1]
  if (found === undefined) throw new Error(`The README has nothing like ${pattern}.`)
  return found
}

/** The packages of an install command. */
const lines = {
  effect: partOf(/^npm install (statsig-effect effect@.*?) *#/m).split(" "),
  promise: partOf(/^npm install (statsig-effect) *#/m).split(" ")
}

/** A program that uses the Statsig of the environment. */
const onLoopback = (program: string, options: RegExp): string => {
  if (!options.test(program)) throw new Error(`The program has no options like ${options}.`)
  const more = 'specsUrl: process.env["SPECS_URL"], logEventUrl: process.env["LOG_EVENT_URL"]'
  return program.replace(options, (_, before: string, after: string) => `${before}, ${more}${after}`)
}

/** Neither of them has type annotations, so they run unchanged. */
const programs = {
  effect: onLoopback(partOf(/\*\*Effect\*\*\n\n```ts\n(.*?)```/s), /(layer\(\{ sdkKey: .*?)( \}\))/),
  promise: onLoopback(partOf(/\*\*async\/await\*\*\n\n```ts\n(.*?)```/s), /(\{ environment: .*?)( \}\))/)
}

/** What Node.js prints where the Effect API lacks something: the folder of the package whose name says what. */
const requirement = "this-needs-effect@3-and-@effect/platform@0.97"

/** pnpm ends with this after it has installed all, but not built the optional parts of `@effect/platform`. */
const ignoredBuilds = "ERR_PNPM_IGNORED_BUILDS"

interface Project {
  /** Packages that are already installed. */
  readonly packages: ReadonlyArray<string>
  readonly line: ReadonlyArray<string>
  readonly program: string
  /** Whether the Effect API must say what it needs. */
  readonly lacksEffect: boolean
}

const projects: Readonly<Record<string, Project>> = {
  "Effect 3": { packages: ["effect@3"], line: lines.effect, program: programs.effect, lacksEffect: false },
  "Effect 4": { packages: ["effect@4"], line: lines.promise, program: programs.promise, lacksEffect: true },
  plain: { packages: [], line: lines.promise, program: programs.promise, lacksEffect: true }
}

/** The most informative line of an output. */
const summaryOf = (error: unknown): string => {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll(/\u001b\[[0-9;]*m/g, "")
  const lines = text.split("\n").filter(line => line.trim() !== "" && !line.startsWith("Command failed"))
  return (lines.find(line => /error|ERR|conflict|refus/i.test(line)) ?? lines[0] ?? text).trim().slice(0, 160)
}

/** Whether the registry lacks the package. */
const isUnavailable = (error: unknown): boolean =>
  /ETARGET|E404|ERR_PNPM_NO_MATCHING_VERSION|Couldn't find any versions|No candidates found/.test(String(error))

/** Checks that the Effect API says what it lacks. Without Effect a program's own import of it would fail first. */
const checkRequirement = async (start: (file: string) => Promise<string>, hasEffect: boolean): Promise<void> => {
  for (const file of hasEffect ? ["effect.mjs", "layer.mjs"] : ["layer.mjs"]) {
    const ended = await start(file).then(() => "error: it ran", String)
    if (!ended.includes(requirement)) {
      throw new Error(`error: ${file} does not say what it needs: ${summaryOf(ended)}`)
    }
  }
}

/** Runs the work for a cell of the table. */
const cellOf = async (work: () => Promise<string>): Promise<string> => {
  try {
    return await work()
  } catch (error) {
    return isUnavailable(error) ? `not available here: ${summaryOf(error)}` : `FAILED: ${summaryOf(error)}`
  }
}

/** The registry of this machine, and caches in the folder. */
const environmentOf = async (folder: string): Promise<NodeJS.ProcessEnv> => {
  const registry = await run("npm", ["config", "get", "registry"])
  // The managers must not see npm's variables for its scripts.
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_"))
  return {
    ...Object.fromEntries(own),
    npm_config_registry: registry,
    npm_config_cache: join(folder, "npm-cache"),
    npm_config_store_dir: join(folder, "pnpm-store"),
    YARN_CACHE_FOLDER: join(folder, "yarn-cache"),
    YARN_GLOBAL_FOLDER: join(folder, "yarn-global"),
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
    YARN_ENABLE_TELEMETRY: "0"
  }
}

const main = Effect.gen(function* () {
  const local = yield* LocalStatsig
  const requests = (key: string) =>
    Effect.runPromise(
      Effect.map(local.requests, all => all.filter(({ headers }) => headers["statsig-api-key"] === key))
    )
  yield* Effect.promise(() => withFolder(folder => fill(folder, local, requests)))
})

const fill = async (
  folder: string,
  local: LocalStatsig["Type"],
  requests: (key: string) => Promise<ReadonlyArray<{ readonly endpoint: string | undefined }>>
): Promise<void> => {
  const tarball = await pack(folder)
  const environment = await environmentOf(folder)

  const cell = async (name: string, title: string): Promise<string> => {
    const { add, bin, environment: more, node } = managers[name]!
    const { lacksEffect, line, packages, program } = projects[title]!
    const project = join(folder, `${name} ${title}`.replaceAll(" ", "-"))
    const key = `secret-${name}-${title.replaceAll(" ", "")}`
    const env = {
      ...environment,
      ...more,
      STATSIG_SDK_KEY: key,
      SPECS_URL: local.specsUrl,
      LOG_EVENT_URL: local.logEventUrl
    }
    const manager = join(folder, "managers", name, "node_modules/.bin", bin)
    let note = ""
    const install = (...wanted: ReadonlyArray<string>) =>
      run(manager, [...add, ...wanted], project, env).catch(error => {
        if (!String(error).includes(ignoredBuilds)) throw error
        note = `, though pnpm ends with ${ignoredBuilds}`
      })
    const start = (file: string) =>
      node === undefined ? run("node", [file], project, env) : run(manager, [node, file], project, env)

    // An own lock file: Yarn would look for one above.
    write(project, {
      "package.json": JSON.stringify({ name: "consumer", version: "1.0.0", private: true }),
      ...(name.startsWith("yarn") ? { "yarn.lock": "" } : {}),
      "program.mjs": program,
      "effect.mjs": programs.effect,
      "layer.mjs": 'import "statsig-effect/layers/Statsig"\n'
    })
    if (packages.length > 0) await install(...packages)
    await install(...line.map(name => (name === "statsig-effect" ? `statsig-effect@file:${tarball}` : name)))
    await start("program.mjs")
    const asked = new Set((await requests(key)).map(({ endpoint }) => endpoint))
    if (!asked.has("specs") || !asked.has("logEvent")) throw new Error("error: the program did not ask and log")
    if (!lacksEffect) return `ok${note}`
    await checkRequirement(start, packages.length > 0)
    return `ok${note}, the Effect API says what it needs`
  }

  const chosen = process.argv.slice(2)
  const unknown = chosen.filter(name => managers[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`Unknown: ${unknown.join(", ")}; there are ${Object.keys(managers).join(", ")}.`)

  const table: Record<string, Record<string, string>> = {}
  for (const name of chosen.length > 0 ? chosen : Object.keys(managers)) {
    const row: Record<string, string> = {}
    const had = await cellOf(async () => {
      await makeProject(join(folder, "managers", name), managers[name]!.package)
      return "ok"
    })
    for (const title of Object.keys(projects)) row[title] = had === "ok" ? await cellOf(() => cell(name, title)) : had
    console.log(
      `${name}: ${Object.entries(row)
        .map(entry => entry.join(": "))
        .join("; ")}`
    )
    table[name] = row
  }
  console.table(table)
  const cells = Object.values(table).flatMap(row => Object.values(row))
  if (cells.some(cell => cell.startsWith("FAILED"))) process.exitCode = 1
}

await Effect.runPromise(Effect.provide(main, layerLocalStatsig({ specs: JSON.stringify(specs) })))
