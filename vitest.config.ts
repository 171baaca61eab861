import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // The official package is a native module: a process of its own for each file keeps its threads apart.
    pool: "forks",
    // Tests wait for servers and processes more than they compute.
    maxWorkers: "100%",
    minWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
