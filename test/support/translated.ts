/**
 * Programs of the tests that are to start in processes of their own, and quickly: translated once, where each start
 * would translate everything that they import.
 */
import { randomUUID } from "node:crypto"
import { renameSync } from "node:fs"
import { join, relative, resolve, sep } from "node:path"
import { build } from "esbuild"

const root = resolve(import.meta.dirname, "../..")

/**
 * Puts a TypeScript program, and what it imports of the repository, into one file from which the installed packages can
 * be found. Gives the path of that file.
 */
export const translated = async (program: string): Promise<string> => {
  const file = join(root, "node_modules/.cache/statsig-effect", `${relative(root, program).replaceAll(sep, "_")}.mjs`)
  const unfinished = `${file}.${randomUUID()}`
  await build({
    entryPoints: [program],
    outfile: unfinished,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    // What is CommonJS among the sources requires packages.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' },
    logLevel: "warning"
  })
  // Others may be at it, too.
  renameSync(unfinished, file)
  return file
}
