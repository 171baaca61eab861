/** This package as it is published: running the sources directly would slow them down. */
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { bundle } from "../scripts/bundle.js"

/** Bundles the Promise API and loads it. */
export const bundled = async (): Promise<typeof import("../layers/promise.js")> => {
  const folder = new URL("../node_modules/.bench/", import.meta.url)
  const outfile = new URL("promise.mjs", folder)
  mkdirSync(folder, { recursive: true })
  await bundle(fileURLToPath(new URL("../layers/promise.ts", import.meta.url)), "esm", fileURLToPath(outfile))
  return import(outfile.href)
}
