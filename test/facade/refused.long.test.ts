/**
 * The memory of a refused body: bounded while it arrives, and released afterwards. Measured in a separate process whose
 * garbage is collected.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const program = fileURLToPath(new URL("support/refused.ts", import.meta.url))

interface Result {
  readonly name: string
  readonly isSuccess: boolean
  readonly error: string
  readonly grown: readonly [peak: number, refused: number, synced: number, ended: number]
}

it("a refused body is bounded, and none of it is kept", { timeout: 300_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--import", "tsx", program])
  const results: ReadonlyArray<Result> = JSON.parse(stdout)
  expect(results.map(({ name }) => name)).toEqual(["truncated JSON", "gzip", "brotli", "protobuf"])
  for (const { error, grown, isSuccess, name } of results) {
    expect(isSuccess, name).toBe(false)
    expect(error, name).toMatch(
      name === "truncated JSON" ? /expected JSON/ : /expected at most 33554432 bytes \(maxSpecs/
    )
    const [peak, ...after] = grown
    // The bound is 32 megabytes. A body within it is joined, and is briefly there twice.
    expect(peak, name).toBeLessThan(name === "truncated JSON" ? 90 : 60)
    for (const size of after) expect(size, name).toBeLessThan(4)
  }
})
