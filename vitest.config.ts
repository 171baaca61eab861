import { defineConfig } from "vitest/config"

export default defineConfig(({ mode }) => {
  // `npm run test:long`: what takes minutes (outages, processes, compilers), and more of each comparison.
  const isLong = mode === "long"
  return {
    test: {
      env: { TEST_LENGTH: isLong ? "long" : "short" },
      include: isLong ? ["test/**/*.long.test.ts", "test/conformance/**/*.test.ts"] : ["test/**/*.test.ts"],
      exclude: isLong ? [] : ["test/**/*.long.test.ts"],
      pool: "forks",
      // To load Effect anew for each file would take longer than the short tests themselves.
      isolate: isLong,
      // Tests wait for servers and processes more than they compute.
      maxWorkers: "100%",
      minWorkers: 1,
      // Long tests start processes and wait for them, also on a busy machine.
      testTimeout: isLong ? 180_000 : 60_000,
      hookTimeout: isLong ? 180_000 : 60_000,
      reporters: isLong ? "default" : "dot",
      silent: "passed-only"
    }
  }
})
