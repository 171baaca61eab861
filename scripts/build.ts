/**
 * Builds the package: separate modules for Effect programs, and the Promise facade as one file with Effect inside and
 * one file of types that needs no other package. OpenFeature's provider is a separate small file, which needs only
 * OpenFeature's SDK.
 */
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, resolve } from "node:path"
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor"
import { build } from "esbuild"
import { bundle, countryTable } from "./bundle.js"

const compile = (project: string) =>
  execFileSync("node", ["node_modules/typescript/bin/tsc", "-p", project], { stdio: "inherit" })

rmSync("dist", { recursive: true, force: true })
compile("tsconfig.build.json")
copyFileSync(countryTable, `dist/${countryTable}`)

/** The protobuf reader is small and built in: bundled programs need not install it. */
const protobuf = "dist/layers/internal/protobuf/wire.js"
await build({
  entryPoints: [protobuf],
  outfile: protobuf,
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  external: ["effect/*", "../../../src/*"],
  logLevel: "warning"
})

/**
 * A program with another major of Effect, or without it, fails at the first missing module, before any of ours runs:
 * Node.js links all modules first. It prints the path of the module with the missing import. So the main entries first
 * import, from a file whose path says what to install, something that only Effect 3 has.
 */
const requirement = "this-needs-effect@3-and-@effect/platform@0.97.js"
mkdirSync(dirname(`dist/${requirement}`))
writeFileSync(`dist/${requirement}`, 'import "@effect/platform/HttpClient"\nimport "effect/Either"\n')
for (const entry of ["src/index", "layers/Statsig", "layers/StatsigTest"]) {
  renameSync(`dist/${entry}.js`, `dist/${entry}.module.js`)
  writeFileSync(`dist/${entry}.js`, `import "../${requirement}"\nexport * from "./${basename(entry)}.module.js"\n`)
}

/** The command works in projects without Effect, too. */
await bundle("layers/cli.ts", "esm", "dist/cli.js")

/** The bundled entries, by the name of their export in the package. */
const entries = { promise: "layers/promise", openfeature: "src/openfeature/StatsigProvider" }

for (const [name, module] of Object.entries(entries)) {
  await bundle(`${module}.ts`, "esm", `dist/${name}.js`)
  await bundle(`${module}.ts`, "cjs", `dist/${name}.cjs`)
}

/**
 * For a class whose type alone is exported the extractor exports the class itself, which does not exist at run time.
 */
const keepTypesAlone = async (name: string) => {
  const path = resolve(`dist/${name}.d.ts`)
  const values = await import(resolve(`dist/${name}.js`))
  const found: Array<string> = []
  const types = readFileSync(path, "utf8").replaceAll(
    /^export (declare (?:abstract )?class (\w+))/gm,
    (exported, declaration, className) => {
      if (className in values) return exported
      found.push(className)
      return declaration
    }
  )
  writeFileSync(path, `${types}export type { ${found.join(", ")} }\n`)
}

/** The types of the entries, without internal ones, which would bring in Effect's types. */
compile("tsconfig.types.json")
for (const [name, module] of Object.entries(entries)) {
  const { succeeded } = Extractor.invoke(
    ExtractorConfig.prepare({
      configObject: {
        mainEntryPointFilePath: resolve(`dist/types/${module}.d.ts`),
        projectFolder: resolve("."),
        compiler: { tsconfigFilePath: resolve("tsconfig.types.json"), skipLibCheck: true },
        apiReport: { enabled: false },
        docModel: { enabled: false },
        tsdocMetadata: { enabled: false },
        dtsRollup: { enabled: true, untrimmedFilePath: resolve(`dist/${name}.d.ts`) },
        messages: {
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.None },
            // A type that a signature uses and that is not exported.
            "ae-forgotten-export": { logLevel: ExtractorLogLevel.Error }
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } }
        }
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: resolve("package.json")
    }),
    {
      localBuild: true,
      showVerboseMessages: false,
      messageCallback: message => (message.handled = message.logLevel !== "error")
    }
  )
  if (!succeeded) throw new Error(`The types of ${name} could not be put into one file.`)
  await keepTypesAlone(name)
  copyFileSync(`dist/${name}.d.ts`, `dist/${name}.d.cts`)
}
rmSync("dist/types", { recursive: true })
