import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { layer } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { translated } from "../support/translated.js"
import { payload } from "./support/payload.js"

const program = translated(fileURLToPath(new URL("support/lifetime.ts", import.meta.url)))

/** Runs the program to its end; a program that does not end fails the test by its time limit. */
const run = async (...task: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", await program, ...task], {
    env: { ...process.env, STATSIG_RUNNING_TESTS: "1" }
  })
  return stdout
}

// These tests mostly start processes and wait.
describe.concurrent("a process", () => {
  it("ends while an instance polls a data store", async () => {
    expect(await run("exit")).toBe("true\n")
  })

  it("ends while an instance polls the network", async () => {
    const stdout = await Effect.runPromise(
      Effect.flatMap(LocalStatsig, local => Effect.promise(() => run("exit", local.specsUrl))).pipe(
        Effect.provide(layer({ specs: payload }))
      )
    )
    expect(stdout).toBe("true\n")
  })
})

describe.concurrent("a process whose poll gets no response", () => {
  for (const at of ["head", "body"] as const) {
    it(`ends without waiting for it (${at})`, async () => {
      const polls = await Effect.runPromise(
        Effect.gen(function* () {
          const local = yield* LocalStatsig
          // The first request is that of initialize.
          yield* local.faultNext("specs", Fault.Headers({ headers: {} }))
          yield* local.faultAlways("specs", Fault.Stall({ at }))
          expect(yield* Effect.promise(() => run("stalled", local.specsUrl))).toBe("done\n")
          return (yield* local.requests).length - 1
        }).pipe(Effect.provide(layer({ specs: payload })))
      )
      // A waiting one would have timed out and polled again.
      expect(polls).toBe(1)
    })
  }
})

describe.concurrent("a dropped instance", () => {
  it("is collected and its background work stopped, unless one of its methods is kept", async () => {
    expect(await run("drop")).toBe("dropped stopped\ntrue\n")
  })
})
