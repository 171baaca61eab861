/**
 * Keeps Effect's values on `globalThis` within a bundle: its store of global values and the current fiber.
 *
 * On `globalThis` they would collide with those of other bundles and of the program's own Effect. And Jest 30 replaces
 * the properties of everything on `globalThis` by accessors when a test file ends: a fiber that continues after that
 * calls itself until the stack overflows.
 */
import { readFile } from "node:fs/promises"
import type { Plugin } from "esbuild"

/** The modules of Effect that keep something there. */
const keepers = /[\\/]effect[\\/]dist[\\/]esm[\\/](GlobalValue|internal[\\/]fiber|internal[\\/]fiberRuntime)\.js$/

const place = "globals-of-this-bundle"

/** In those modules `globalThis` is an object of the bundle. */
export const ownGlobals: Plugin = {
  name: "own-globals",
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${place}$`) }, () => ({ path: place, namespace: place }))
    build.onLoad({ filter: /.*/, namespace: place }, () => ({ contents: "export const globalThis = {}" }))
    build.onLoad({ filter: keepers }, async ({ path }) => ({
      contents: `import { globalThis } from "${place}"\n${await readFile(path, "utf8")}`
    }))
  }
}
