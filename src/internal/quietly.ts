/**
 * Writing log lines of the SDK: a line that cannot be written is lost, and that is all.
 *
 * A write to a closed pipe (`EPIPE`) is an `error` event of the stream, soon after the call. Without a listener it is an
 * uncaught exception, also where `console` wrote, from its second failure on. So there is a listener for as long as a
 * line is under way, and no longer: errors of the program's own writes are its own.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { setTimeout } from "./timers.js"

/** What is used of `process.stdout` and `process.stderr`. */
interface Output {
  readonly writableLength: number
  readonly on: (name: "error", listener: () => void) => unknown
  readonly off: (name: "error", listener: () => void) => unknown
}

/** How long to wait before the next look at an output that takes its time, in milliseconds. */
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

/** Releases an output once it has written, or failed to write, what it was given. The event comes before timers do. */
const releaseSoon = (output: Output, delay: number): void => {
  const timer = setTimeout(() => {
    if (output.writableLength > 0) releaseSoon(output, pause)
    else release(output)
  }, delay)
  timer.unref?.()
}

/** None where there is no Node, or where it has no such output. */
const outputs = (): ReadonlyArray<Output> => {
  const { process } = globalThis as { readonly process?: { readonly stdout?: Output; readonly stderr?: Output } }
  const found = [process?.stdout, process?.stderr]
  return found.filter((output): output is Output => typeof output?.on === "function")
}

/**
 * Calls something that writes to standard output or error, or a logger of the program's own. What it throws, or rejects
 * with, is ignored, and so is an output that fails.
 *
 * @internal
 */
export const quietly = (call: () => unknown): void => {
  let writing: ReadonlyArray<Output> = []
  try {
    writing = outputs()
    for (const output of writing) hold(output)
    const result = call()
    if (result instanceof Promise) result.catch(ignore)
  } catch {
    // There is nowhere to say it.
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
 * Lets the log lines of an effect, and of the fibers that it starts, be lost where they cannot be written: a logger that
 * throws ends nothing. Fibers that fail leave no line of their own ("Fiber terminated with an unhandled error"): the code
 * that started them handles that.
 *
 * @internal
 */
export const withQuietLoggers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withUnhandledErrorLogLevel(Effect.locallyWith(effect, FiberRef.currentLoggers, quietAll), Option.none())

/**
 * The same for what a layer does when it is built, and for what runs in the background from then on.
 *
 * @internal
 */
export const quietLayer = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.locally(
    Layer.locallyWith(layer, FiberRef.currentLoggers, quietAll),
    FiberRef.unhandledErrorLogLevel,
    Option.none()
  )
