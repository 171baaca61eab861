/**
 * Writes the SDK's log lines: a line that cannot be written is lost, without further effect.
 *
 * A write to a closed pipe (`EPIPE`) emits an `error` event on the stream soon after the call. Without a listener it is
 * an uncaught exception, from the second failure on even if `console` wrote it. So there is a listener only while a
 * line is being written: errors of the program's own writes remain its own.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { setTimeout, unref } from "./timers.js"

/** The used part of `process.stdout` and `process.stderr`. */
interface Output {
  readonly writableLength: number
  readonly on: (name: "error", listener: () => void) => unknown
  readonly off: (name: "error", listener: () => void) => unknown
}

/** The pause before a slow output is checked again, in milliseconds. */
const pause = 100

const ignore = (): void => {}

/** Calls under way, by output. */
const held = new WeakMap<Output, number>()

const hold = (output: Output): void => {
  const calls = held.get(output) ?? 0
  if (calls === 0) output.on("error", ignore)
  held.set(output, calls + 1)
}

const release = (output: Output): void => {
  const calls = held.get(output) ?? 0
  if (calls === 1) output.off("error", ignore)
  held.set(output, calls - 1)
}

/** Releases an output once its pending writes have succeeded or failed. The event comes before timers run. */
const releaseSoon = (output: Output, delay: number): void => {
  const timer = setTimeout(() => {
    if (output.writableLength > 0) releaseSoon(output, pause)
    else release(output)
  }, delay)
  unref(timer)
}

/** Empty without Node, or if it has no such output. */
const outputs = (): ReadonlyArray<Output> => {
  const { process } = globalThis as { readonly process?: { readonly stdout?: Output; readonly stderr?: Output } }
  const found = [process?.stdout, process?.stderr]
  return found.filter((output): output is Output => typeof output?.on === "function")
}

/**
 * Calls something that writes to standard output or error, or a custom logger. Errors that it throws or rejects with
 * are ignored, and so is an output that fails.
 */
export const quietly = (call: () => unknown): void => {
  let writing: ReadonlyArray<Output> = []
  try {
    writing = outputs()
    for (const output of writing) hold(output)
    const result = call()
    if (result instanceof Promise) result.catch(ignore)
  } catch {
    // The error cannot be logged either.
  }
  for (const output of writing) releaseSoon(output, 0)
}

const quietLoggers = new WeakMap<Logger.Logger<unknown, unknown>, Logger.Logger<unknown, unknown>>()

const quietLogger = (logger: Logger.Logger<unknown, unknown>): Logger.Logger<unknown, unknown> => {
  const known = quietLoggers.get(logger)
  if (known !== undefined) return known
  const quiet = Logger.make<unknown, unknown>(options => quietly(() => logger.log(options)))
  quietLoggers.set(logger, quiet)
  quietLoggers.set(quiet, quiet)
  return quiet
}

const quietAll = (loggers: HashSet.HashSet<Logger.Logger<unknown, unknown>>) => HashSet.map(loggers, quietLogger)

/**
 * Drops log lines of an effect, and of the fibers that it starts, if they cannot be written: a logger that throws ends
 * nothing. Fibers that fail do not log "Fiber terminated with an unhandled error": the code that started them handles
 * that.
 */
export const withQuietLoggers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withUnhandledErrorLogLevel(Effect.locallyWith(effect, FiberRef.currentLoggers, quietAll), Option.none())

/** The same for building a layer, and for its background work from then on. */
export const quietLayer = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.locally(
    Layer.locallyWith(layer, FiberRef.currentLoggers, quietAll),
    FiberRef.unhandledErrorLogLevel,
    Option.none()
  )
