/**
 * The SDK's own log lines: to standard output, or to the program's provider. Every line goes through Effect's Logger;
 * this is the logger that a facade instance replaces the default one with.
 *
 * Unlike in the official package each instance has a level and a provider of its own.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { OutputLoggerProvider, StatsigOptions } from "./StatsigOptions.js"

/** Longer messages are cut, as the official package does. In characters. */
const longest = 400
const cutMark = "...[TRUNCATED]"

const levels = {
  none: LogLevel.None,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warn: LogLevel.Warning,
  error: LogLevel.Error
} as const

type Severity = "debug" | "info" | "warn" | "error"

const severityOf = (level: LogLevel.LogLevel): Severity => {
  if (LogLevel.greaterThanEqual(level, LogLevel.Error)) return "error"
  if (LogLevel.greaterThanEqual(level, LogLevel.Warning)) return "warn"
  return LogLevel.greaterThanEqual(level, LogLevel.Info) ? "info" : "debug"
}

const textOf = (message: unknown): string => {
  const parts = Array.isArray(message) ? message : [message]
  return parts.map(part => (typeof part === "string" ? part : String(part))).join(" ")
}

const cut = (text: string): string => (text.length > longest ? text.slice(0, longest - cutMark.length) + cutMark : text)

/** A message as it is shown: cut, and with keys masked. */
export const shownMessage = (text: string): string =>
  cut(text).replace(/(secret-[A-Za-z0-9]{0,5})[A-Za-z0-9]*(?:\*{5})?/g, "$1*****")

/** Where a line is written when there is no provider. */
const writeLine = (line: string): void => {
  const { process } = globalThis
  if (process?.stdout) process.stdout.write(`${line}\n`)
  else console.log(line)
}

const callQuietly = (call: () => void): void => {
  try {
    call()
  } catch {
    // The program's own trouble.
  }
}

const toProvider = (provider: OutputLoggerProvider, severity: Severity, tag: string, message: string): void =>
  queueMicrotask(() => callQuietly(() => provider[severity]?.(tag, message)))

/**
 * Puts the logger of one instance in the place of the default one, for as long as the scope is open. Tells the provider of
 * its begin.
 */
export const use = (
  options: Pick<StatsigOptions, "outputLogLevel" | "outputLoggerProvider">
): Effect.Effect<void, never, Scope.Scope> => {
  const provider = options.outputLoggerProvider
  const wanted = options.outputLogLevel ?? "warn"
  const minimum = Object.hasOwn(levels, wanted) ? levels[wanted] : LogLevel.Warning
  const logger = Logger.make<unknown, void>(({ annotations, cause, date, logLevel, message }) => {
    const tag = String(Option.getOrElse(HashMap.get(annotations, "statsig"), () => "Statsig"))
    const trouble = Cause.isEmpty(cause) ? "" : ` ${Cause.pretty(cause)}`
    const text = shownMessage(textOf(message) + trouble)
    const severity = severityOf(logLevel)
    if (provider !== undefined) return toProvider(provider, severity, tag, text)
    writeLine(`${date.toISOString()} ${severity.toUpperCase().padEnd(5)} [Statsig::${tag}] ${text}`)
  })
  if (provider !== undefined) queueMicrotask(() => callQuietly(() => provider.initialize?.()))
  return Effect.andThen(
    Effect.locallyScopedWith(FiberRef.currentLoggers, loggers =>
      HashSet.add(HashSet.remove(loggers, Logger.defaultLogger), logger)
    ),
    Effect.locallyScoped(FiberRef.currentMinimumLogLevel, minimum)
  )
}
