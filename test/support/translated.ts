/** Test programs for separate processes: bundled once, so that a start need not translate all their imports. */
import { randomUUID } from "node:crypto"
import { renameSync } from "node:fs"
import { join, relative, resolve, sep } from "node:path"
import { build } from "esbuild"

const root = resolve(import.meta.dirname, "../..")

/**
 * Bundles a TypeScript program and its imports from the repository into one file from which the installed packages can
 * be found. Returns the path of that file.
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
    // CommonJS sources call `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' },
    logLevel: "warning"
  })
  // Other processes may do the same at the same time.
  renameSync(unfinished, file)
  return file
}
