/** A process that builds an SDK from layers, and how it ends. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { LocalStatsig } from "../../layers/LocalStatsig.js"
import { payload } from "./support/specs.js"

describe("Statsig", () => {
  it.live(
    "lets a process end that never shuts down",
    () => {
      const script = fileURLToPath(new URL("support/exitsByItself.ts", import.meta.url))
      const run = (...words: ReadonlyArray<string>) =>
        Effect.async<{ readonly code: number | null; readonly output: string }>(resume => {
          const child = spawn(process.execPath, ["--import", "tsx", script, ...words])
          let output = ""
          for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", part => {
              output += part
            })
          }
          child.on("close", code => resume(Effect.succeed({ code, output })))
          return Effect.sync(() => child.kill("SIGKILL"))
        })
      return Effect.acquireUseRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "statsig-"))),
        directory =>
          Effect.gen(function* () {
            const local = yield* LocalStatsig
            const path = join(directory, "specs.json")
            writeFileSync(path, payload())
            assert.deepStrictEqual(yield* run(local.specsUrl, path), {
              code: 0,
              output: "preset true\nnode true\nfile true\n"
            })
          }),
        directory => Effect.sync(() => rmSync(directory, { recursive: true }))
      ).pipe(Effect.provide(layerLocalStatsig({ specs: payload() })))
    },
    30_000
  )
})
