import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import * as FileSource from "../../layers/SpecSource/File.js"
import { initialize, keeping, payload, poll } from "./support/specs.js"

const withFile = <E>(
  use: (path: string, files: FileSystem.FileSystem) => Effect.Effect<void, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    yield* use(`${yield* files.makeTempDirectoryScoped()}/specs.json`, files)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** Advances time in steps of the file watcher, with time for the real file system in between. */
const pass = (looks: number) =>
  Effect.repeatN(
    Effect.andThen(
      TestClock.adjust("500 millis"),
      Effect.promise(() => new Promise(resolve => setTimeout(resolve, 5)))
    ),
    looks - 1
  )

/** Follows the source; the bodies arrive as they are read. */
const follow = Effect.fnUntraced(function* (path: string) {
  const source = yield* FileSource.make({ path })
  const apply = keeping()
  yield* Effect.ignore(source.fetch(initialize, keeping()))
  const fiber = yield* Effect.fork(Stream.runForEach(source.updates, fetch => Effect.ignore(fetch(poll, apply))))
  const read = () => apply.responses.map(({ body }) => body)
  return {
    read,
    /** Advances time until that many bodies have arrived. */
    readUntil: (count: number) =>
      Effect.iterate(0, {
        while: steps => steps < 1_000 && read().length < count,
        body: steps => Effect.as(pass(1), steps + 1)
      }).pipe(Effect.map(read)),
    stop: Fiber.interrupt(fiber)
  }
})

describe("SpecSource/File", () => {
  it.effect("names the file that it cannot read", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        const source = yield* FileSource.make({ path })
        const missing = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.deepInclude(missing, { _tag: "SpecSourceError", source: "Adapter(FileBased)", reason: "Failed" })
        assert.include(missing.message, `cannot read ${path}: `)
        yield* files.makeDirectory(path)
        const directory = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.include(directory.message, `cannot read ${path}: `)
      })
    )
  )

  it.effect("refuses a file of more than 512 MiB without reading it", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        yield* files.writeFileString(path, "")
        yield* files.truncate(path, 600 * 1024 * 1024)
        const source = yield* FileSource.make({ path })
        const error = yield* Effect.flip(source.fetch(initialize, keeping()))
        assert.match(error.message, /specs\.json: expected at most [0-9]+ bytes, got 629145600$/)
      })
    )
  )

  it.effect("reads again after a write, and only then", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        yield* files.writeFileString(path, "one")
        const { read, readUntil, stop } = yield* follow(path)
        yield* pass(4)
        assert.deepStrictEqual(read(), [])
        yield* files.writeFileString(path, "number two")
        assert.deepStrictEqual(yield* readUntil(1), ["number two"])
        yield* pass(4)
        assert.deepStrictEqual(read(), ["number two"])
        yield* stop
      })
    )
  )

  it.effect("notices a file that replaces the old one, even with the same size and time", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        yield* files.writeFileString(path, "one")
        yield* files.utimes(path, 1_000, 1_000)
        const { readUntil, stop } = yield* follow(path)
        yield* files.writeFileString(`${path}.new`, "two")
        yield* files.utimes(`${path}.new`, 1_000, 1_000)
        yield* files.rename(`${path}.new`, path)
        assert.deepStrictEqual(yield* readUntil(1), ["two"])
        yield* stop
      })
    )
  )

  it.effect("waits until a file is no longer being written", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        yield* files.writeFileString(path, "")
        const { read, readUntil, stop } = yield* follow(path)
        const body = payload()
        for (let written = 0; written < 5; written++) {
          yield* files.writeFileString(path, body.slice(0, 20 * written))
          yield* pass(1)
        }
        assert.deepStrictEqual(read(), [])
        yield* files.writeFileString(path, body)
        assert.deepStrictEqual(yield* readUntil(1), [body])
        yield* stop
      })
    )
  )

  it.effect("tolerates a missing file, and reads it when it is back", () =>
    withFile((path, files) =>
      Effect.gen(function* () {
        const { read, readUntil, stop } = yield* follow(path)
        yield* pass(3)
        yield* files.writeFileString(path, "first")
        assert.deepStrictEqual(yield* readUntil(1), ["first"])
        yield* files.remove(path)
        yield* pass(3)
        assert.deepStrictEqual(read(), ["first"])
        yield* files.writeFileString(path, "and again")
        assert.deepStrictEqual(yield* readUntil(2), ["first", "and again"])
        yield* stop
      })
    )
  )
})
