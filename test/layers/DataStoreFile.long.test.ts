import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import * as File from "../../layers/DataStore/File.js"
import { translated } from "../support/translated.js"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "data-store-"))),
  path => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
const stamp = { version: 1, receivedAt: 1 }
const key = "statsig|/v2/x|plain_text|a"
const name = "statsig%7C%2Fv2%2Fx%7Cplain_text%7Ca.data"

const make = (options: File.FileOptions) =>
  Effect.tap(File.make(options), store => store.initialize).pipe(Effect.provide(NodeContext.layer))

describe("DataStore/File", () => {
  it.scopedLive("keeps values across restarts, in files named after the key, also a long one", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const before = yield* make({ directory })
      const long = "🦊".repeat(200)
      yield* before.set(key, "one", stamp)
      yield* before.set(long, "two", stamp)
      yield* before.set(`${long}1`, "three", stamp)
      const after = yield* make({ directory })
      assert.deepStrictEqual(yield* Effect.forEach([key, long, `${long}1`], after.get), ["one", "two", "three"])
      assert.include(yield* Effect.promise(() => readdir(directory)), name)
    })
  )

  it.scopedLive("shows the old value until the new one is complete, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const seen: Array<string> = []
      const full = new SystemError({ reason: "Unknown", module: "FileSystem", method: "rename", description: "full" })
      const failing = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, files => ({
          ...files,
          rename: (from: string, to: string) =>
            Effect.promise(async () => void seen.push(await readFile(from, "utf8"), await readFile(to, "utf8"))).pipe(
              Effect.andThen(seen.length > 0 ? full : files.rename(from, to))
            )
        }))
      )
      yield* Effect.promise(() => writeFile(join(directory, name), "zero"))
      const store = yield* File.make({ directory }).pipe(
        Effect.provide(Layer.merge(failing, Path.layer)),
        Effect.provide(NodeContext.layer)
      )
      yield* store.set(key, "one", stamp)
      assert.include((yield* Effect.flip(store.set(key, "two", stamp))).message, "full")
      assert.strictEqual(yield* store.get(key), "one")
      assert.deepStrictEqual(seen, ["one", "zero", "two", "one"])
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(directory)), [name])
    })
  )

  it.scopedLive("fails where it cannot read, write or start, and for a file that is not text", () =>
    Effect.gen(function* () {
      const directory = join(yield* folder, "a file")
      yield* Effect.promise(() => writeFile(directory, ""))
      const store = yield* File.make({ directory }).pipe(Effect.provide(NodeContext.layer))
      const failures = [
        yield* Effect.flip(store.initialize),
        yield* Effect.flip(store.get(key)),
        yield* Effect.flip(store.set(key, "", stamp))
      ]
      assert.deepStrictEqual(
        failures.map(({ operation }) => operation),
        ["initialize", "get", "set"]
      )
      const other = yield* make({ directory: yield* folder })
      yield* other.setBytes(key, Uint8Array.of(0xff), stamp)
      assert.deepInclude(yield* Effect.flip(other.get(key)), { message: "expected UTF-8 text, got other bytes" })
    })
  )

  it.scopedLive("removes what killed writers left behind, and nothing of active ones", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const program = fileURLToPath(new URL("support/fileWriter.ts", import.meta.url))
      const writer = Effect.acquireRelease(
        Effect.promise(async () => {
          const child = spawn(process.execPath, [await translated(program), directory], {
            stdio: ["ignore", "pipe", "inherit"]
          })
          await once(child.stdout, "data")
          return child
        }),
        child => Effect.sync(() => void child.kill("SIGKILL"))
      )
      const names = Effect.promise(async () => new Set(await readdir(directory)))
      const alive = yield* writer
      const [ofAlive = ""] = yield* names
      const killed = yield* writer
      assert.strictEqual((yield* names).size, 2)
      const gone = once(killed, "exit")
      killed.kill("SIGKILL")
      yield* Effect.promise(() => gone)

      const long = new Date(Date.now() - 3_600_000)
      const copy = (name: string, changedAt?: Date) =>
        Effect.promise(async () => {
          await copyFile(join(directory, ofAlive), join(directory, name))
          if (changedAt !== undefined) await utimes(join(directory, name), changedAt, changedAt)
        })
      const own = ofAlive.replace(`-${alive.pid}-`, `-${process.pid}-`)
      const other = ofAlive.replace(/\.data\.[0-9a-f]{8}-/, ".data.00000000-")
      const kept = [ofAlive, own, other, "notes.txt", "notes.unfinished"]
      for (const name of kept.slice(1)) yield* copy(name)
      const earlier = `earlier${own}`
      yield* copy(earlier, new Date(Date.now() - process.uptime() * 1_000 - 1_000))
      yield* copy(`old${other}`, long)
      yield* copy(`key.data.${randomUUID()}.unfinished`, long)
      yield* make({ directory })
      assert.deepStrictEqual(yield* names, new Set(kept))
    })
  )

  it.scopedLive("reports files that another process writes when it watches, and only then", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const store = yield* make({ directory, watch: true })
      const silent = yield* make({ directory })
      assert.strictEqual(yield* Stream.runCount(silent.changes(key)), 0)
      yield* store.set(key, "zero", stamp)
      assert.strictEqual(yield* store.get(key), "zero")
      yield* silent.set(key, "one", stamp)
      const told = yield* Queue.unbounded<unknown>()
      const reading = Stream.runForEach(store.changes(key), () =>
        Effect.flatMap(store.get(key), value => Queue.offer(told, value))
      )
      yield* Effect.forkScoped(reading)
      for (const value of ["one", "two", "three"]) {
        yield* silent.set(key, value, stamp)
        assert.strictEqual(yield* Queue.take(told), value)
      }
    })
  )
})
