/**
 * Writes events to a file: for runs without a network, whose events are inspected or forwarded later, and for
 * debugging.
 *
 * Each batch becomes one line, the JSON array of its events. Lines are only appended, each in one write; the file grows
 * until it is moved away, after which a new one is started. If a writer was killed in the middle of a line, the next
 * one starts a new line.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EventSink, type Sink } from "../../src/EventSink.js"
import { EventSinkError } from "../../src/StatsigError.js"

const newLine = 0x0a

const decodeBody = Schema.decodeUnknown(Schema.parseJson(Schema.Struct({ events: Schema.Array(Schema.Unknown) })))

/**
 * The location of the events.
 *
 * @since 0.1.0
 */
export interface FileOptions {
  /** The file to append to. Created if it does not exist. */
  readonly path: string
}

/**
 * Makes a sink that appends to the file at `path`, which it creates along with missing directories.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: FileOptions) {
  const { path } = options
  const files = yield* FileSystem.FileSystem
  const folder = (yield* Path.Path).dirname(path)
  const oneWriter = yield* Effect.makeSemaphore(1)
  /**
   * Whether the last line may be cut off, so that the next must not be appended to it. Unknown before the first check.
   */
  let torn: boolean | undefined

  const cannotWrite = (error: PlatformError.PlatformError) =>
    new EventSinkError({ reason: "Failed", message: `cannot write ${path}: ${error.message}`, retryable: true })

  /** Whether another writer left the last line incomplete. */
  const endsTorn = Effect.scoped(
    Effect.gen(function* () {
      const file = yield* files.open(path, { flag: "r" })
      const { size } = yield* file.stat
      if (size === 0n) return false
      yield* file.seek(size - 1n, "start")
      const last = Option.getOrUndefined(yield* file.readAlloc(1n))
      return last?.[0] !== newLine
    })
  ).pipe(
    // It does not exist yet, or cannot be read: the write will show.
    Effect.orElseSucceed(() => false)
  )

  const append = (line: string) =>
    Effect.gen(function* () {
      torn ??= yield* endsTorn
      const text = torn ? `\n${line}\n` : `${line}\n`
      torn = true
      yield* files.writeFileString(path, text, { flag: "a" })
    }).pipe(
      Effect.tap(() => {
        torn = false
      }),
      // A started line is completed.
      Effect.uninterruptible
    )

  const send: Sink["send"] = Effect.fnUntraced(function* ({ body }) {
    const { events } = yield* Effect.mapError(
      decodeBody(new TextDecoder().decode(body)),
      ({ message }) => new EventSinkError({ reason: "Failed", message, retryable: false })
    )
    yield* files
      .makeDirectory(folder, { recursive: true })
      .pipe(Effect.andThen(append(JSON.stringify(events))), Effect.mapError(cannotWrite), oneWriter.withPermits(1))
  })

  return EventSink.of({ send })
})

/**
 * A file as the sink.
 *
 * @since 0.1.0
 */
export const layer = (options: FileOptions): Layer.Layer<EventSink, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(EventSink, make(options))
