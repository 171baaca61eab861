/**
 * The default logger in a process of its own that ends, through both APIs.
 */
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

/** Starts the program and waits until it has logged. Gives what it wrote, once it is over. */
const run = Effect.fnUntraced(function* (
  program: Promise<string>,
  how: "end" | "leave",
  logEventUrl: string,
  count: number
) {
  const logged = yield* Deferred.make<void>()
  const ended = yield* Deferred.make<string>()
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
      child.on("close", () => Deferred.unsafeDone(ended, Effect.succeed(output)))
      return child
    }),
    child => Effect.sync(() => child.kill("SIGKILL"))
  )
  yield* Effect.raceFirst(Deferred.await(logged), Deferred.await(ended))
  return { child, output: Deferred.await(ended) }
})

const distinct = Effect.map(
  Effect.flatMap(LocalStatsig, ({ events }) => events),
  events => new Set(events.map(({ eventName }) => eventName)).size
)

// They mostly start and wait.
describe.concurrent.each(Object.entries(programs))("%s", (api, source) => {
  const program = translated(source)

  it.scopedLive("that is told to end delivers everything first", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const { child, output } = yield* run(program, "end", local.logEventUrl, 5_500)
      child.kill("SIGTERM")
      assert.strictEqual(yield* output, "logged\n")
      assert.strictEqual(yield* distinct, 5_500)
    }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress })))
  )

  it.scopedLive("that is told to end does so though nobody answers, and says what is lost", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      yield* local.faultAlways("logEvent", Fault.Stall({}))
      const { child, output } = yield* run(program, "end", local.logEventUrl, 5_500)
      child.kill("SIGTERM")
      const written = yield* output
      assert.match(
        written,
        api === "an Effect program"
          ? /Not all events were sent before the end: the time to shut down is over/
          : /Shutdown failure: Shutdown timed out/
      )
      // Which is what each request would have said after a longer time.
      assert.notMatch(written, /no whole answer within/)
    }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress })))
  )

  it.scopedLive("that leaves without a word ends by itself", () =>
    Effect.gen(function* () {
      const local = yield* LocalStatsig
      const { output } = yield* run(program, "leave", local.logEventUrl, 2_500)
      assert.strictEqual(yield* output, "logged\n")
      // What filled a batch was sent at once.
      assert.isAtLeast(yield* distinct, 2_000)
    }).pipe(Effect.provide(layerLocalStatsig({ decodeZstd: decompress })))
  )
})
