/**
 * Builds the package: modules one by one for Effect programs, and the Promise facade as one file with Effect inside and
 * one file of types that needs no other package. OpenFeature's provider is a small file beside it, which needs
 * OpenFeature's SDK alone.
 */
import { execFileSync } from "node:child_process"
import { copyFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor"
import { build } from "esbuild"
import { bundle } from "./bundle.js"

const compile = (project: string) =>
  execFileSync("node", ["node_modules/typescript/bin/tsc", "-p", project], { stdio: "inherit" })

rmSync("dist", { recursive: true, force: true })
compile("tsconfig.build.json")

/** What reads protobuf is small and built in: programs that are bundled need not install it. */
const protobuf = "dist/layers/SpecSource/deltas.js"
await build({
  entryPoints: [protobuf],
  outfile: protobuf,
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  external: ["effect/*", "../../src/*"],
  logLevel: "warning"
})

/** The bundled entries, by the name that the package exports them under. */
const entries = { promise: "layers/promise", openfeature: "src/openfeature/StatsigProvider" }

for (const [name, module] of Object.entries(entries)) {
  await bundle(`${module}.ts`, "esm", `dist/${name}.js`)
  await bundle(`${module}.ts`, "cjs", `dist/${name}.cjs`)
}

/** The types of the entries, without what is internal: that is where the types of Effect come in. */
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
          extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
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
  copyFileSync(`dist/${name}.d.ts`, `dist/${name}.d.cts`)
}
rmSync("dist/types", { recursive: true })
