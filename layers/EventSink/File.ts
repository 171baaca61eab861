/**
 * Events into a file: for runs without a network, whose events are looked at or carried on later, and for debugging.
 *
 * Each batch becomes one line, the JSON array of its events. Lines are only ever appended, and each in one go; the file
 * grows until somebody takes it away, after which a new one begins.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { EventSink, type Sink } from "../../src/EventSink.js"
import { EventSinkError } from "../../src/StatsigError.js"

const decodeBody = Schema.decodeUnknown(Schema.parseJson(Schema.Struct({ events: Schema.Array(Schema.Unknown) })))

/**
 * Makes a sink that appends to the file at `path`, which it makes along with its folders where they are missing.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: { readonly path: string }) {
  const { path } = options
  const files = yield* FileSystem.FileSystem
  const folder = (yield* Path.Path).dirname(path)
  const oneWriter = yield* Effect.makeSemaphore(1)
  /** Whether the last line may be cut off: what comes next must not be glued to it. */
  let torn = false

  const cannotWrite = (error: PlatformError.PlatformError) =>
    new EventSinkError({ reason: "Failed", message: `cannot write ${path}: ${error.message}`, retryable: true })

  const append = (line: string) =>
    Effect.suspend(() => {
      const text = torn ? `\n${line}\n` : `${line}\n`
      torn = true
      return files.writeFileString(path, text, { flag: "a" })
    }).pipe(
      Effect.tap(() => {
        torn = false
      }),
      // A line that is begun is ended.
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
export const layer = (options: {
  readonly path: string
}): Layer.Layer<EventSink, never, FileSystem.FileSystem | Path.Path> => Layer.effect(EventSink, make(options))
