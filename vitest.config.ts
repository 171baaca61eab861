import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // The official package is a native module: a process of its own for each file keeps its threads apart.
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
