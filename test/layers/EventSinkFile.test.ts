import { FileSystem, Path } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import * as FileSink from "../../layers/EventSink/File.js"
import type { EventBatch } from "../../src/EventSink.js"

const batch = (name: string): EventBatch => ({
  body: new TextEncoder().encode(JSON.stringify({ events: [{ eventName: name }], statsigMetadata: { sdkType: "x" } })),
  eventCount: 1,
  retries: 0
})

const line = (name: string) => `[{"eventName":"${name}"}]`

const full = new SystemError({ reason: "Unknown", module: "FileSystem", method: "write", description: "no space left" })

/** A file that accepts writes as `write` says, and its content. */
const stubFiles = (write: (text: string, number: number) => Effect.Effect<string, SystemError>) => {
  const writes: Array<string> = []
  const folders: Array<string> = []
  let started = 0
  const files = FileSystem.layerNoop({
    makeDirectory: path => Effect.sync(() => void folders.push(path)),
    writeFileString: (_path, text, options) =>
      Effect.suspend(() => {
        assert.strictEqual(options?.flag, "a")
        return Effect.map(write(text, started++), written => void writes.push(written))
      })
  })
  return { folders, content: () => writes.join(""), layer: Layer.merge(files, Path.layer) }
}

describe("EventSink/File", () => {
  it.effect("writes one line for each batch, with its events only", () =>
    Effect.gen(function* () {
      const { content, folders, layer } = stubFiles(Effect.succeed)
      const sink = yield* Effect.provide(FileSink.make({ path: "/a/b/events.jsonl" }), layer)
      for (const name of ["a", "b"]) yield* sink.send(batch(name))
      assert.strictEqual(content(), `${line("a")}\n${line("b")}\n`)
      assert.strictEqual(folders[0], "/a/b")
    })
  )

  it.effect("fails with a retryable error, and appends nothing to a truncated line", () =>
    Effect.gen(function* () {
      let written = ""
      const { layer } = stubFiles((text, number) => {
        written += number === 1 ? text.slice(0, 5) : text
        return number === 1 ? Effect.fail(full) : Effect.succeed(text)
      })
      const sink = yield* Effect.provide(FileSink.make({ path: "events.jsonl" }), layer)
      yield* sink.send(batch("a"))
      const error = yield* Effect.flip(Effect.asVoid(sink.send(batch("b"))))
      assert.deepInclude(error, { _tag: "EventSinkError", reason: "Failed", retryable: true })
      assert.match(error.message, /^cannot write events\.jsonl: .*no space left/)
      yield* sink.send(batch("b"))
      yield* sink.send(batch("c"))
      const lines = written.split("\n")
      assert.deepStrictEqual(lines, [line("a"), line("b").slice(0, 5), line("b"), line("c"), ""])
    })
  )

  it.scopedLive("starts a new line where another writer was killed within one", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      for (const [before, after] of [
        ["", `${line("a")}\n${line("b")}\n`],
        ['[{"eve', `[{"eve\n${line("a")}\n${line("b")}\n`],
        [`${line("x")}\n`, `${line("x")}\n${line("a")}\n${line("b")}\n`]
      ] as const) {
        const path = `${folder}/events-${before.length}.jsonl`
        yield* files.writeFileString(path, before)
        const sink = yield* FileSink.make({ path })
        for (const name of ["a", "b"]) yield* sink.send(batch(name))
        assert.strictEqual(yield* files.readFileString(path), after)
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("writes one line at a time, and completes a started line", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const mayEnd = yield* Deferred.make<void>()
      const { content, layer } = stubFiles((text, number) =>
        number > 0
          ? Effect.succeed(text)
          : Deferred.succeed(began, undefined).pipe(Effect.andThen(Deferred.await(mayEnd)), Effect.as(text))
      )
      const sink = yield* Effect.provide(FileSink.make({ path: "events.jsonl" }), layer)
      const first = yield* Effect.fork(sink.send(batch("a")))
      yield* Deferred.await(began)
      const second = yield* Effect.fork(sink.send(batch("b")))
      const interrupting = yield* Effect.fork(Fiber.interrupt(first))
      yield* Effect.yieldNow()
      assert.strictEqual(content(), "")
      yield* Deferred.succeed(mayEnd, undefined)
      yield* Fiber.join(second)
      yield* Fiber.join(interrupting)
      assert.strictEqual(content(), `${line("a")}\n${line("b")}\n`)
    })
  )
})
