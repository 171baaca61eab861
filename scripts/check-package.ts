/**
 * Checks the package as its users install it: what `publint` and "are the types wrong" say of it, and a fresh project
 * without Effect that installs the tarball, compiles against it, asks a gate as a module, as CommonJS and bundled, and
 * holds no native file. Run it after a build; `npm run verify` goes further.
 */
import { cpSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { build } from "esbuild"
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

/** How a project may ask TypeScript to find modules. */
const resolutions = {
  "as a module": { module: "node16", moduleResolution: "node16", type: "module" },
  "as CommonJS": { module: "node16", moduleResolution: "node16", type: "commonjs" },
  "for a bundler": { module: "esnext", moduleResolution: "bundler", type: "module" },
  "the old way": { module: "commonjs", moduleResolution: "node10", type: "commonjs" }
}

await withFolder(async folder => {
  console.log(await run("npx", ["publint", "--strict"]))
  const tarball = await pack(folder)

  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
  // The modules for Effect programs are ES modules alone, as is said in the README.
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

  const compile = (...options: ReadonlyArray<string>) =>
    run("node", [join(process.cwd(), "node_modules/typescript/bin/tsc"), "-p", ".", ...options], project)
  for (const [how, { type, ...compilerOptions }] of Object.entries(resolutions)) {
    write(project, { "package.json": JSON.stringify({ name: "consumer", private: true, type }) })
    for (const [file, skipLibCheck] of [["program.ts", false] as const, ["openfeature.ts", true] as const]) {
      write(project, {
        "tsconfig.json": JSON.stringify({
          compilerOptions: {
            ...compilerOptions,
            skipLibCheck,
            noEmit: true,
            strict: true,
            target: "es2022",
            lib: ["es2023"],
            types: []
          },
          files: [file]
        })
      })
      await compile()
    }
    console.log(`compiles ${how}`)
  }
  // Its pages need Next.js, and are compiled by `npm run verify next`.
  for (const name of ["lib", "tsconfig.json"]) {
    cpSync(join("examples/next", name), join(project, name), { recursive: true })
  }
  await compile("--types", "node", "--typeRoots", join(process.cwd(), "node_modules/@types"))
  console.log("compiles the server's part of the Next.js example")

  for (const consumer of ["consumer.mjs", "consumer.cjs", "openfeature.mjs", "openfeature.cjs"]) {
    console.log(`${consumer}: ${await run("node", [consumer], project)}`)
  }
  const generator = await run("npx", ["--no", "statsig-effect", "generate"], project).catch(String)
  if (!generator.includes("npm install effect"))
    throw new Error(`The generator does not say what it lacks: ${generator}`)
  console.log("the generator says that it needs Effect")
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
})

function isProblem({ kind, ...problem }: { readonly kind: string; readonly entrypoint?: string }): boolean {
  return kind !== "CJSResolvesToESM" || ["./promise", "./openfeature"].includes(problem.entrypoint ?? "")
}
