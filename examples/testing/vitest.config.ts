import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Run it with `npx vitest run --root examples/testing`. */
export default defineConfig({
  test: { include: ["*.test.ts"] },
  // In the package's own repository its name resolves to the sources; a program does not need this.
  resolve: {
    alias: [
      { find: /^statsig-effect\/promise$/, replacement: `${root}layers/promise.ts` },
      { find: /^statsig-effect\/layers\/(.*)$/, replacement: `${root}layers/$1.ts` },
      { find: /^statsig-effect$/, replacement: `${root}src/index.ts` }
    ]
  }
})
