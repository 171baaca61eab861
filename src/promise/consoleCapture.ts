/**
 * Console capture: logs the program's console output as events.
 *
 * Capturing replaces the functions of the one `console`: a second capture replaces the first, and ending any restores
 * the originals. Like `console` itself, the current capture is that of the process; so is the set of capturing
 * instances, by SDK key, for lines that a program passes on itself.
 */

import { ofProcess } from "../internal/ofProcess.js"
import { maxCharacters, maxValues } from "../internal/walk.js"
import type { LogLineLevel, Service } from "../Statsig.js"
import { argumentError, asText } from "./argument.js"
import { logLineLevel } from "./logLineLevels.js"
import type { ConsoleCaptureOptions } from "./StatsigOptions.js"
import { StatsigUser, userOf } from "./StatsigUser.js"

const allLevels: ReadonlyArray<LogLineLevel> = ["trace", "debug", "log", "info", "warn", "error"]
const defaultLevels: ReadonlyArray<LogLineLevel> = ["warn", "error"]

/** Defaults and upper limits. */
const maxKeys = 100
const maxDepth = 10
const maxLength = 4096

type ConsoleFunction = (...input: ReadonlyArray<unknown>) => void

/** The property of a capturing function that holds the original. */
const original = "__statsig_original__"

const limit = (wanted: number | undefined, most: number): number => Math.min(wanted ?? most, most)

const isPlainObject = (value: unknown): value is object => Object.prototype.toString.call(value) === "[object Object]"

/**
 * Whether values are nested deeper than `depth`; scalars count as a level. Objects that were visited are not visited
 * again.
 */
const isDeeper = (value: unknown, depth: number, met = new Set<object>()): boolean => {
  if (depth <= 0) return true
  if (typeof value !== "object" || value === null || met.has(value)) return false
  // Getters may return new objects endlessly.
  if (met.size === maxValues) return true
  met.add(value)
  return Object.values(value).some(member => isDeeper(member, depth - 1, met))
}

/** Stops `JSON.stringify` by throwing when one object is reached on too many paths, or there is too much text. */
const boundedReplacer = (): ((key: string, value: unknown) => unknown) => {
  let values = 0
  let characters = 0
  return (key, value) => {
    values++
    characters += key.length + (typeof value === "string" ? value.length : 0)
    if (values > maxValues || characters > maxCharacters) throw new RangeError("too many values")
    return value
  }
}

const makeStringify = (options: Pick<ConsoleCaptureOptions, "maxDepth" | "maxKeys" | "maxLength">) => {
  const keys = limit(options.maxKeys, maxKeys)
  const depth = limit(options.maxDepth, maxDepth)
  const length = limit(options.maxLength, maxLength)
  const textOf = (value: unknown): string => {
    if (typeof value === "string") return value
    if (isPlainObject(value) && (Object.keys(value).length > keys || isDeeper(value, depth))) return String(value)
    return typeof value === "object" && value !== null ? JSON.stringify(value, boundedReplacer()) : String(value)
  }
  return (value: unknown): string => {
    try {
      const text = textOf(value)
      return text.length > length ? `${text.slice(0, length)}...` : text
    } catch {
      return "[Unserializable]"
    }
  }
}

/** The line of a call as text; `undefined` for the SDK's own lines. */
const lineOf = (texts: ReadonlyArray<string>): string | undefined =>
  texts.some(text => text.includes("Statsig::") || text.includes("[Statsig]")) ? undefined : texts.join(" ")

const levelsOf = (options: Pick<ConsoleCaptureOptions, "logLevels">): ReadonlySet<LogLineLevel> => {
  const known = (options.logLevels ?? []).filter(level => allLevels.includes(level))
  return new Set(known.length === 0 ? defaultLevels : known)
}

/** Logs a line of the capturing instance with its origin, up to three stack lines, if its level is wanted. */
type Take = (level: LogLineLevel, texts: ReadonlyArray<string>, trace: string | undefined) => void

interface Captures {
  restore: (() => void) | undefined
  /** By SDK key. */
  readonly takers: Map<string, Take>
}

const captures = (): Captures => ofProcess("consoleCapture/1", () => ({ restore: undefined, takers: new Map() }))

/** Restores the console's own functions. */
export const stopCapture = (): void => {
  const current = captures()
  current.restore?.()
  current.restore = undefined
}

/**
 * Captures the console for an instance from now on, replacing any other capture. Returns a function that ends the recording of lines
 * from `captureLogLine`, which continues after the console's own functions are restored.
 */
export const captureConsole = (sdkKey: string, statsig: Service, options: ConsoleCaptureOptions): (() => void) => {
  const user = options.user ?? new StatsigUser({ userID: "console-capture-user" })
  stopCapture()
  const current = captures()
  const levels = levelsOf(options)
  const stringify = makeStringify(options)
  let busy = false

  const take: Take = (level, texts, trace) => {
    const line = lineOf(texts)
    if (line === undefined || !levels.has(level)) return
    statsig.forwardLogLine(userOf(user), level, line, trace === undefined ? null : { trace })
  }
  current.takers.set(sdkKey, take)

  const capture = (level: LogLineLevel, payload: ReadonlyArray<unknown>) => {
    if (busy || !levels.has(level)) return
    busy = true
    try {
      take(level, payload.map(stringify), (new Error().stack ?? "").split("\n").slice(2, 5).join("\n"))
    } catch {
      // The program's console must continue to work.
    } finally {
      busy = false
    }
  }

  const originals = allLevels.map(level => [level, console[level] as ConsoleFunction] as const)
  for (const [level, write] of originals) {
    const replacement: ConsoleFunction = (...payload) => {
      write.apply(console, payload as Array<unknown>)
      // Node's console.trace calls console.error.
      const isTrace = level === "error" && typeof payload[0] === "string" && payload[0].startsWith("Trace")
      capture(isTrace ? "trace" : level, payload)
    }
    Object.defineProperty(replacement, original, { value: write, enumerable: false })
    console[level] = replacement
  }
  current.restore = () => {
    for (const [level, write] of originals) console[level] = write
  }
  return () => {
    if (current.takers.get(sdkKey) === take) current.takers.delete(sdkKey)
  }
}

/**
 * Passes a line to the instance with this SDK key, as if it had been written to the console. Does nothing if no
 * instance with the key captures the console at that level.
 *
 * @example
 * statsigCaptureLogLine("warn", ["stock is low:", "3"], "secret-…")
 *
 * @since 0.1.0
 */
export const captureLogLine = (
  level: string,
  payload: Array<string>,
  sdkKey: string,
  stackTrace?: string | undefined | null
): void => {
  const known = logLineLevel(asText(level, "level"))
  if (!Array.isArray(payload)) throw argumentError("InvalidArg", "payload: expected an array of texts")
  const texts = payload.map((text, index) => asText(text, `payload[${index}]`))
  const take = captures().takers.get(asText(sdkKey, "sdkKey"))
  const trace = stackTrace === undefined || stackTrace === null ? undefined : asText(stackTrace, "stackTrace")
  if (known !== undefined) take?.(known, texts, trace)
}
