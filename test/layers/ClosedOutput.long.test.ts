/** Log lines of the SDK that cannot be written end no program, through both APIs. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Logger, Redacted } from "effect"
import * as StatsigLayer from "../../layers/Statsig.js"
import { Statsig } from "../../src/Statsig.js"
import * as StatsigUser from "../../src/StatsigUser.js"
import { translated } from "../support/translated.js"

const programs = {
  "an Effect program": fileURLToPath(new URL("support/closedOutput.ts", import.meta.url)),
  "an async/await program": fileURLToPath(new URL("../facade/support/closedOutput.ts", import.meta.url))
}

// These tests mostly start processes and wait.
describe.concurrent.each(Object.entries(programs))("%s", (_api, source) => {
  const program = translated(source)

  it("continues when its standard output and error are closed", async () => {
    const child = fork(await program, [], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, STATSIG_RUNNING_TESTS: "1" }
    })
    const ended = once(child, "exit")
    await once(child, "message")
    child.stdout?.destroy()
    child.stderr?.destroy()
    child.send("closed")
    expect(await ended).toEqual([0, null])
  })
})

it.live("a custom logger that throws stops neither the start nor the events", () => {
  let lines = 0
  const broken = Logger.make(() => {
    lines++
    throw new Error("broken")
  })
  const nowhere = "http://127.0.0.1:9/v1"
  const layer = StatsigLayer.layer({
    sdkKey: Redacted.make("secret-testkey1234567890"),
    specsUrl: nowhere,
    logEventUrl: nowhere
  })
  return Effect.gen(function* () {
    const statsig = yield* Statsig
    assert.isFalse((yield* statsig.initialize).success)
    statsig.logEvent(StatsigUser.make({ userID: "u" }), "event")
    yield* statsig.flush
    assert.deepInclude(yield* statsig.eventStatus, { sent: 0 })
    yield* Effect.ignore(statsig.shutdown)
    assert.isAbove(lines, 1)
  }).pipe(Effect.provide(layer), Effect.provide(Logger.replace(Logger.defaultLogger, broken)))
})
