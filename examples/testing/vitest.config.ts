import { defineConfig } from "vitest/config"

/** Run it with `npx vitest run --root examples/testing`. */
export default defineConfig({ test: { include: ["*.test.ts"] } })
