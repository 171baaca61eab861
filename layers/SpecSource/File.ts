/**
 * Specs from a file: for programs without a network, and for those that another process supplies.
 *
 * The file is polled, not watched through the operating system: a watcher would keep the process alive, loses a file
 * that is replaced by a rename, and does not work on network drives. A change is read once two checks in a row find the
 * same state, so that a file is not read while it is written.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { largestPayload } from "../../src/internal/payload.js"
import { type Fetch, type Source, SpecSource } from "../../src/SpecSource.js"
import { SpecSourceError } from "../../src/StatsigError.js"
import { changesOf, looksOf } from "../internal/fileLooks.js"

const name = "Adapter(FileBased)"

/**
 * The location of the specs.
 *
 * @since 0.1.0
 */
export interface FileOptions {
  /** The file that is read, and followed. */
  readonly path: string
}

/**
 * Makes a source that reads the file at `path`, and again whenever it changes or is replaced. A missing or invalid file
 * changes nothing.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FileOptions) {
  const { path } = options
  const files = yield* FileSystem.FileSystem

  const cannotRead = (error: PlatformError.PlatformError) =>
    new SpecSourceError({ source: name, reason: "Failed", message: `cannot read ${path}: ${error.message}` })

  const stat = Effect.mapError(files.stat(path), cannotRead)

  /** The state of the file when it was last read. */
  let read: string | undefined

  const fetch: Fetch = Effect.fnUntraced(function* (_request, apply) {
    const info = yield* stat
    if (info.size > largestPayload) {
      const message = `${path}: expected at most ${largestPayload} bytes, got ${info.size}`
      return yield* new SpecSourceError({ source: name, reason: "Failed", message })
    }
    read = looksOf(info)
    const body = yield* Effect.mapError(files.readFile(path), cannotRead)
    return yield* apply({ source: name, sourceApi: undefined, body })
  })

  const updates = Stream.map(
    changesOf(stat, looks => looks === read),
    () => fetch
  )
  const source: Source = { name, fetch, polls: Effect.succeed(false), updates }
  return source
})

/**
 * A file as the source of specs.
 *
 * @since 0.1.0
 */
export const layer = (options: FileOptions): Layer.Layer<SpecSource, never, FileSystem.FileSystem> =>
  Layer.effect(SpecSource, make(options))
