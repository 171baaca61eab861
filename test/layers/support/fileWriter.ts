/** Writes to a file store and stops halfway: the value is written, but never moved into place. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Effect } from "effect"
import * as File from "../../../layers/DataStore/File.js"

const main = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const stuck = {
    ...files,
    rename: () =>
      Effect.andThen(
        Effect.sync(() => void process.stdout.write("written\n")),
        Effect.never
      )
  }
  const store = yield* Effect.provideService(File.make({ directory: process.argv[2]! }), FileSystem.FileSystem, stuck)
  yield* store.initialize
  yield* store.set("key", "half", { version: 1, receivedAt: 1 })
})

Effect.runPromise(Effect.provide(main, NodeContext.layer))
// Waits to be killed.
setInterval(() => {}, 1_000)
