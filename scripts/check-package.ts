/**
 * Checks the package as its users install it: with `publint` and "are the types wrong", and in a fresh project without
 * Effect that installs the tarball, compiles against it, checks a gate as a module, as CommonJS and bundled, and has no
 * native file. With Effect, it can import the layers and nothing internal. Run it after a build; `npm run verify` tests
 * more.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { build } from "esbuild"
import { specs } from "../examples/shop/specs.js"
import {
  makeProject,
  nativeFiles,
  openFeaturePackages,
  openFeatureProgram,
  pack,
  promiseProgram,
  run,
  typedOpenFeatureProgram,
  typedProgram,
  withFolder,
  write
} from "./consumers.js"

/** TypeScript's ways to resolve modules. */
const resolutions = {
  "as a module": { module: "node16", moduleResolution: "node16", type: "module" },
  "as CommonJS": { module: "node16", moduleResolution: "node16", type: "commonjs" },
  "for a bundler": { module: "esnext", moduleResolution: "bundler", type: "module" },
  "the old way": { module: "commonjs", moduleResolution: "node10", type: "commonjs" }
}

/** The configuration of a strict project with one file. */
const tsconfig = (file: string, { type: _, ...compilerOptions }: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    compilerOptions: { noEmit: true, ...compilerOptions, strict: true, target: "es2022", lib: ["es2023"], types: [] },
    files: [file]
  })

/** A library whose declarations mention our types, which its sources do not. */
const declaredProgram = `
import * as Effect from "effect/Effect"
import { Statsig, StatsigUser } from "statsig-effect"
import * as StatsigLayer from "statsig-effect/layers/Statsig"
export const ada = StatsigUser.make({ userID: "ada" })
export const withUser = Statsig.withUser
export const gate = Statsig.getFeatureGate("gate")
export const explained = Statsig.explain("gate", "gate")
export const status = Effect.flatMap(Statsig.Statsig, statsig => statsig.status)
export const parts = Effect.map(Statsig.Statsig, ({ changes, eventStatus, getClientInitializeResponse }) => ({
  changes,
  eventStatus,
  getClientInitializeResponse
}))
export const offline = StatsigLayer.layerOffline({ specs: "{}" })
`

await withFolder(async folder => {
  console.log(await run("npx", ["publint", "--strict"]))
  const tarball = await pack(folder)

  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
  // The modules for Effect programs are ES modules only, as the README says.
  const problems = analysis.types === false ? ["no types"] : analysis.problems.filter(isProblem)
  if (problems.length > 0) throw new Error(`The types are wrong: ${JSON.stringify(problems, undefined, 2)}`)
  console.log("The types are right.")

  const project = join(folder, "project")
  write(project, {
    "program.ts": typedProgram,
    "openfeature.ts": typedOpenFeatureProgram,
    "consumer.mjs": promiseProgram.esm,
    "consumer.cjs": promiseProgram.cjs,
    "openfeature.mjs": openFeatureProgram.esm,
    "openfeature.cjs": openFeatureProgram.cjs
  })
  await makeProject(project, tarball, openFeaturePackages)
  const native = nativeFiles(project)
  if (native.length > 0) throw new Error(`There are native files: ${native.join(", ")}`)
  console.log(`${Math.round(statSync(tarball).size / 1024)} KB packed, no native file.`)

  const dead = deadLinks(join(project, "node_modules/statsig-effect"))
  if (dead.length > 0) throw new Error(`Links of the installed package lead nowhere:\n${dead.join("\n")}`)
  console.log("Every link of its pages leads somewhere.")

  const compile = (...options: ReadonlyArray<string>) =>
    run("node", [join(process.cwd(), "node_modules/typescript/bin/tsc"), "-p", ".", ...options], project)
  const compileEachWay = async (files: Readonly<Record<string, { readonly skipLibCheck: boolean }>>) => {
    for (const [how, { type, ...compilerOptions }] of Object.entries(resolutions)) {
      write(project, { "package.json": JSON.stringify({ name: "consumer", private: true, type }) })
      for (const [file, options] of Object.entries(files)) {
        write(project, { "tsconfig.json": tsconfig(file, { ...compilerOptions, ...options }) })
        await compile()
      }
      console.log(`${Object.keys(files).join(" and ")} compile ${how}`)
    }
  }
  await compileEachWay({ "program.ts": { skipLibCheck: false }, "openfeature.ts": { skipLibCheck: true } })
  // Its pages need Next.js, and are compiled by `npm run verify next`.
  for (const name of ["lib", "tsconfig.json"]) {
    cpSync(join("examples/next", name), join(project, name), { recursive: true })
  }
  await compile("--types", "node", "--typeRoots", join(process.cwd(), "node_modules/@types"))
  console.log("compiles the server's part of the Next.js example")

  for (const consumer of ["consumer.mjs", "consumer.cjs", "openfeature.mjs", "openfeature.cjs"]) {
    console.log(`${consumer}: ${await run("node", [consumer], project)}`)
  }
  write(project, { "specs.json": JSON.stringify(specs) })
  const command = (...args: ReadonlyArray<string>) => run("npx", ["--no", "statsig-effect", ...args], project)
  await command("generate", "--target", "promise", "--specs", "specs.json", "--out", "flags.ts")
  write(project, { "tsconfig.json": tsconfig("flags.ts", resolutions["as a module"]) })
  await compile()
  console.log(`the command ${await command("version")} generates flags, which compile, without Effect`)
  await build({
    entryPoints: [join(project, "consumer.mjs")],
    outfile: join(project, "bundled.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    banner: { js: 'import { createRequire } from "node:module"\nconst require = createRequire(import.meta.url)' }
  })
  console.log(`bundled with esbuild: ${await run("node", ["bundled.mjs"], project)}`)

  linkPeers(project)
  const modules = layerModules()
  write(project, {
    "layers.ts": typedLayers(modules),
    "layers.mjs": importedLayers(modules),
    "declared.ts": declaredProgram
  })
  await compileEachWay({ "layers.ts": { skipLibCheck: true } })
  for (const how of ["as a module", "for a bundler"] as const) {
    const { type, ...compilerOptions } = resolutions[how]
    const declaring = {
      skipLibCheck: true,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: "declared"
    }
    write(project, {
      "package.json": JSON.stringify({ name: "consumer", private: true, type }),
      "tsconfig.json": tsconfig("declared.ts", { ...compilerOptions, ...declaring })
    })
    await compile()
    console.log(`declared.ts has declarations ${how}`)
  }
  console.log(await run("node", ["layers.mjs"], project))
})

/** The links of the pages in a folder whose target file or heading does not exist. */
function deadLinks(folder: string): ReadonlyArray<string> {
  const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(path => path.endsWith(".md"))
  return pages.flatMap(page =>
    Array.from(read(join(folder, page)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g))
      .filter(([, path = "", heading]) => {
        const target = path === "" ? join(folder, page) : join(folder, dirname(page), path)
        return !existsSync(target) || (heading !== undefined && !headings(read(target)).includes(heading))
      })
      .map(([link]) => `${page}: ${link}`)
  )
}

/** The anchors of a page's headings. */
function headings(page: string): ReadonlyArray<string> {
  return Array.from(page.matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  )
}

function read(path: string): string {
  return readFileSync(path, "utf8")
}

/** Links the packages that Effect programs install themselves into the project. */
function linkPeers(project: string): void {
  const { peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
  for (const name of Object.keys(peerDependencies)) {
    const path = join(project, "node_modules", name)
    if (existsSync(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(resolve("node_modules", name), path)
  }
}

interface LayerModules {
  readonly exported: ReadonlyArray<string>
  readonly internal: ReadonlyArray<string>
}

/**
 * The built modules of `layers`. Modules for programs have names such as `Service/Backend`; all others are internal.
 */
function layerModules(): LayerModules {
  const names = readdirSync("dist/layers", { recursive: true, encoding: "utf8" })
    .filter(path => /\.c?js$/.test(path))
    .map(path => `statsig-effect/layers/${path.replace(/\.c?js$/, "")}`)
  const isExported = (name: string) => /\/layers(\/[A-Z]\w*)+$/.test(name)
  return { exported: names.filter(isExported), internal: names.filter(name => !isExported(name)) }
}

/** Compiles where each exported module has types and each internal one is refused. */
function typedLayers({ exported, internal }: LayerModules): string {
  return [
    ...exported.map(name => `import(${JSON.stringify(name)})`),
    ...internal.map(name => `// @ts-expect-error it is internal\nimport(${JSON.stringify(name)})`)
  ].join("\n")
}

/** Fails where an exported module cannot be imported, or an internal one can. */
function importedLayers({ exported, internal }: LayerModules): string {
  return `
for (const name of ${JSON.stringify(exported)}) await import(name)
for (const name of ${JSON.stringify(internal)}) {
  const { code } = await import(name).catch(error => error)
  if (code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw new Error(name + " is internal, and can be imported: " + code)
}
console.log("${exported.length} layer modules can be imported, ${internal.length} internal ones cannot")
`
}

function isProblem({ kind, ...problem }: { readonly kind: string; readonly entrypoint?: string }): boolean {
  return kind !== "CJSResolvesToESM" || ["./promise", "./openfeature"].includes(problem.entrypoint ?? "")
}
