/** The default logger in a separate process that ends, through both APIs. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { decompress } from "fzstd"
import { layer as layerLocalStatsig } from "../../layers/LocalStatsig/Node.js"
import { Fault, LocalStatsig } from "../../layers/LocalStatsig.js"
import { translated } from "../support/translated.js"

const programs = {
  "an Effect program": fileURLToPath(new URL("../conformance/support/eventsProgram.ts", import.meta.url)),
  "an async/await program": fileURLToPath(new URL("../facade/support/eventsProgram.ts", import.meta.url))
}

/** Starts the program and waits until it has logged. Returns its output once it has ended. */
const run = Effect.fnUntraced(function* (
  program: Promise<string>,
  how: "end" | "leave",
  logEventUrl: string,
  count: number
) {
  const logged = yield* Deferred.make<void>()
  const ended = yield* Deferred.make<{ readonly output: string; readonly code: number | null }>()
  const file = yield* Effect.promise(() => program)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [file, how, logEventUrl, String(count)])
      let output = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", part => {
          output += part
          if (output.includes("logged\n")) Deferred.unsafeDone(logged, Effect.void)
        })
      }
      child.on("close", code => Deferred.unsafeDone(ended, Effect.succeed({ output, code })))
      return child
    }),
    child => Effect.sync(() => child.kill("SIGKILL"))
  )
  yield* Effect.raceFirst(Deferred.await(logged), Deferred.await(ended))
  return { child, ended: Deferred.await(ended) }
})

const distinct = Effect.map(
  Effect.flatMap(LocalStatsig, ({ events }) => events),
  events => new Set(events.map(({ eventName }) => eventName)).size
)

/**
 * The SDK has three seconds to end. A busy machine may exceed them, and the program then reports a loss correctly; the
 * test is repeated.
 */
const again = { retry: 4 }

// These tests mostly start processes and wait.
describe.concurrent.each(Object.entries(programs))("%s", (_api, source) => {
  const program = translated(source)

  it.scopedLive(
    "that receives a signal delivers everything first",
    () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const { child, ended } = yield* run(program, "end", local.logEventUrl, 5_500)
        child.kill("SIGTERM")
        assert.strictEqual((yield* ended).output, "logged\n")
        assert.strictEqual(yield* distinct, 5_500)
      }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress }))),
    again
  )

  it.scopedLive("that receives a signal ends without a response, and reports how many events are lost", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      yield* local.faultAlways("logEvent", Fault.Stall({}))
      const { child, ended } = yield* run(program, "end", local.logEventUrl, 5_500)
      child.kill("SIGTERM")
      const { output } = yield* ended
      assert.match(output, /5500 events were dropped: the time to shut down was over/)
      // Each request would report this after a longer time.
      assert.notMatch(output, /no whole answer within/)
    }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress })))
  )

  it.scopedLive(
    "that never shuts down delivers everything, ends and keeps its exit code",
    () =>
      Effect.gen(function* () {
        const local = yield* LocalStatsig
        const { ended } = yield* run(program, "leave", local.logEventUrl, 3_000)
        assert.deepStrictEqual(yield* ended, { output: "logged\n", code: 7 })
        assert.strictEqual(yield* distinct, 3_000)
      }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress }))),
    again
  )

  it.scopedLive("that never shuts down ends without a response, and reports how many events are lost", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      yield* local.faultAlways("logEvent", Fault.Stall({}))
      const { ended } = yield* run(program, "leave", local.logEventUrl, 3_000)
      const { code, output } = yield* ended
      assert.strictEqual(code, 7)
      assert.match(output, /3000 events were dropped: the process ended before the delivery/)
      assert.notMatch(output, /no whole answer within/)
    }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress })))
  )
})
