/**
 * The SDK's own log lines: to standard output, or to the program's provider. Every line goes through Effect's Logger;
 * in an instance of the Promise API this logger replaces the default one.
 *
 * Unlike in the official package each instance has its own level and provider.
 */
import * as Cause from "effect/Cause"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { quietly } from "../internal/quietly.js"
import { soon } from "../internal/timers.js"

/**
 * Receives the SDK's own log lines.
 *
 * @since 0.1.0
 */
export interface OutputLoggerProvider {
  initialize?: () => void
  debug?: (tag: string, message: string) => void
  info?: (tag: string, message: string) => void
  warn?: (tag: string, message: string) => void
  error?: (tag: string, message: string) => void
  shutdown?: () => void
}

/** Longer messages are truncated, as in the official package. In characters. */
const longest = 400
const cutMark = "...[TRUNCATED]"

const levels = {
  none: LogLevel.None,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warn: LogLevel.Warning,
  error: LogLevel.Error
} as const

const severities = ["error", "warn", "info", "debug"] as const

type Severity = (typeof severities)[number]

const severityOf = (level: LogLevel.LogLevel): Severity =>
  severities.find(severity => LogLevel.greaterThanEqual(level, levels[severity])) ?? "debug"

const messageText = (message: unknown): string =>
  (Array.isArray(message) ? message : [message]).map(part => String(part)).join(" ")

const cutMessage = (text: string): string =>
  text.length > longest ? text.slice(0, longest - cutMark.length) + cutMark : text

/** A message as it is shown: truncated, and with keys masked. */
export const shownMessage = (text: string): string =>
  cutMessage(text).replace(/(secret-[A-Za-z0-9]{1,5})[A-Za-z0-9]*(?:\*{5})?/g, "$1*****")

/** Writes a line if there is no provider. */
const writeLine = (line: string): void => {
  const { process } = globalThis
  if (process?.stdout) process.stdout.write(`${line}\n`)
  else console.log(line)
}

const toProvider = (provider: OutputLoggerProvider, severity: Severity, tag: string, message: string): void =>
  soon(() => quietly(() => provider[severity]?.(tag, message)))

const loggerOf = (provider: OutputLoggerProvider | undefined) =>
  Logger.make<unknown, void>(({ annotations, cause, date, logLevel, message }) => {
    const tag = String(Option.getOrElse(HashMap.get(annotations, "statsig"), () => "Statsig"))
    const trouble = Cause.isEmpty(cause) ? "" : ` ${Cause.pretty(cause)}`
    const text = shownMessage(messageText(message) + trouble)
    const severity = severityOf(logLevel)
    if (provider !== undefined) return toProvider(provider, severity, tag, text)
    quietly(() => writeLine(`${date.toISOString()} ${severity.toUpperCase().padEnd(5)} [Statsig::${tag}] ${text}`))
  })

/** Effect's own loggers without the default one, which the logger of an instance replaces. */
const otherLoggers = HashSet.remove(
  FiberRefs.getOrDefault(Runtime.defaultRuntime.fiberRefs, FiberRef.currentLoggers),
  Logger.defaultLogger
)
const toStandardOutput = HashSet.add(otherLoggers, loggerOf(undefined))

/** The options for the SDK's log lines. */
interface OutputLoggerOptions {
  readonly outputLogLevel?: keyof typeof levels | undefined
  readonly outputLoggerProvider?: OutputLoggerProvider | undefined
}

/** A runtime whose log lines go where the options of an instance say. Initializes the provider. */
export const runtimeWithLogger = (options: OutputLoggerOptions): Runtime.Runtime<never> => {
  const provider = options.outputLoggerProvider
  const wanted = options.outputLogLevel ?? "warn"
  const minimum = Object.hasOwn(levels, wanted) ? levels[wanted] : LogLevel.Warning
  if (provider !== undefined) soon(() => quietly(() => provider.initialize?.()))
  const loggers = provider === undefined ? toStandardOutput : HashSet.add(otherLoggers, loggerOf(provider))
  return Runtime.defaultRuntime.pipe(
    Runtime.setFiberRef(FiberRef.currentLoggers, loggers),
    Runtime.setFiberRef(FiberRef.currentMinimumLogLevel, minimum),
    // The result of a call contains its failure.
    Runtime.setFiberRef(FiberRef.unhandledErrorLogLevel, Option.none())
  )
}
