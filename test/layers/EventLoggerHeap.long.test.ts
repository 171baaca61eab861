/** Distinct users do not grow the heap; measured in a separate process. `bench/heap.ts` uses a million of them. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const program = fileURLToPath(new URL("../../bench/heap.ts", import.meta.url))

it("users leave nothing behind on the heap", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--import", "tsx", program, "100000"])
  expect(stdout).toMatch(/^100000 users, 1000000 events sent, 0 dropped\n.*\nflat\n$/)
})
