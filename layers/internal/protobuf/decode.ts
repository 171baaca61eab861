/**
 * Specs as protobuf: a brotli stream of envelopes, each with one entity, in full or as a delta to the held specs. They
 * are converted to the JSON that the store reads, so there is only one path to a snapshot.
 *
 * The rules are those of the official SDK. An unreadable envelope is skipped with a warning. A missing end, an envelope
 * of kind 0, or wrong checksums reject the payload. The numbers of the format are Statsig's own.
 *
 * Work is done in portions, and the decompressed stream is read as it arrives: neither a large payload nor an endless
 * one blocks the process.
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isUtf8 } from "../../../src/internal/bytes.js"
import { inTurns } from "../../../src/internal/eventLoop.js"
import { SpecsError } from "../../../src/StatsigError.js"
import { type Consumer, Frames, refusal } from "./frames.js"
import { type DecodedPayload, type DecodeOptions, Payload, TimeFinder } from "./payload.js"

/**
 * Whether a payload is protobuf, judged by its bytes, whatever its headers or its name say. JSON is UTF-8, and a
 * compressed stream is not.
 */
export const isProtobuf = (body: string | Uint8Array): body is Uint8Array => typeof body !== "string" && !isUtf8(body)

/** Reads a payload. */
export const decodePayload = (body: Uint8Array, options: DecodeOptions): Effect.Effect<DecodedPayload, SpecsError> =>
  Effect.suspend(() => {
    const payload = new Payload(options)
    return Effect.andThen(
      read(body, options.limit, payload),
      refusing(() => payload.finish())
    )
  })

/** The `time` of a payload, reading only what precedes it; `undefined` if it cannot be found. */
export const payloadTime = (body: Uint8Array, limit: number): Effect.Effect<number | undefined> =>
  Effect.suspend(() => {
    const finder = new TimeFinder()
    return Effect.map(Effect.ignore(read(body, limit, finder)), () => finder.time)
  })

/** Bytes that are processed between two turns of the event loop: about two milliseconds. */
const bytesPerTurn = 32 * 1024

/** Runtimes without Node have no brotli. */
const { createBrotliDecompress }: Partial<Pick<typeof zlib, "createBrotliDecompress">> = zlib

const read = Effect.fnUntraced(function* (body: Uint8Array, limit: number, consumer: Consumer) {
  if (createBrotliDecompress === undefined) return yield* refusal("this runtime cannot decompress brotli")
  const frames = new Frames(limit)
  yield* Effect.acquireUseRelease(
    Effect.sync(() => createBrotliDecompress({ chunkSize: bytesPerTurn })),
    Effect.fnUntraced(function* (stream) {
      stream.end(body)
      const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]()
      while (!consumer.isDone) {
        const chunk = yield* Effect.tryPromise({ try: () => chunks.next(), catch: notCompressed })
        if (chunk.done === true) return yield* refusal("it ends too early")
        yield* refusing(() => frames.take(chunk.value, consumer))
      }
    }),
    stream => Effect.sync(() => void stream.destroy())
  )
})

const notCompressed = (error: unknown) =>
  refusal(`expected JSON in UTF-8, or protobuf compressed by brotli: ${problemText(error)}`)

const problemText = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs work in turns; a refusal becomes an error. */
const refusing = <A>(work: () => Generator<void, A>): Effect.Effect<A, SpecsError> =>
  Effect.catchSomeDefect(
    inTurns(work),
    Option.liftPredicate(error => error instanceof SpecsError)
  )
