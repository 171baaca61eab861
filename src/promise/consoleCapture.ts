/**
 * Console capture: what the program writes to the console, as events.
 *
 * Capturing replaces the functions of `console`, which there is one of: a second capture takes over from the first, and
 * any end restores the originals. This module holds the capture in force, as `console` itself does.
 */
import type { ConsoleCaptureOptions } from "./StatsigOptions.js"

/** The functions that are captured. */
export type ConsoleLevel = "trace" | "debug" | "log" | "info" | "warn" | "error"

const allLevels: ReadonlyArray<ConsoleLevel> = ["trace", "debug", "log", "info", "warn", "error"]
const defaultLevels: ReadonlyArray<ConsoleLevel> = ["warn", "error"]

/** Defaults and ceilings. */
const maxKeys = 100
const maxDepth = 10
const maxLength = 4096

type ConsoleFunction = (...input: ReadonlyArray<unknown>) => void

/** The property of a capturing function that holds the one it stands for. */
const original = "__statsig_original__"

/** Records one line: its level, its text, and up to three stack lines. */
export type Record = (level: ConsoleLevel, value: string, trace: string) => void

const limit = (wanted: number | undefined, most: number): number =>
  wanted === undefined || wanted <= 0 ? most : Math.min(wanted, most)

const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether values lie deeper than `depth`; scalars have a level too. */
const isDeeper = (value: unknown, depth: number): boolean => {
  if (depth <= 0) return true
  if (typeof value !== "object" || value === null) return false
  return Object.values(value).some(member => isDeeper(member, depth - 1))
}

/** Makes the text of one argument. */
export const makeStringify = (options: Pick<ConsoleCaptureOptions, "maxDepth" | "maxKeys" | "maxLength">) => {
  const keys = limit(options.maxKeys, maxKeys)
  const depth = limit(options.maxDepth, maxDepth)
  const length = limit(options.maxLength, maxLength)
  const textOf = (value: unknown): string => {
    if (typeof value === "string") return value
    if (isPlainObject(value) && (Object.keys(value).length > keys || isDeeper(value, depth))) return String(value)
    return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
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
export const lineOf = (payload: ReadonlyArray<unknown>, stringify: (value: unknown) => string): string | undefined => {
  const texts = payload.map(stringify)
  return texts.some(text => text.includes("Statsig::") || text.includes("[Statsig]")) ? undefined : texts.join(" ")
}

/** The levels that are recorded. */
export const levelsOf = (options: Pick<ConsoleCaptureOptions, "logLevels">): ReadonlySet<ConsoleLevel> => {
  const known = (options.logLevels ?? []).filter(level => allLevels.includes(level))
  return new Set(known.length === 0 ? defaultLevels : known)
}

let restore: (() => void) | undefined

/** Gives `console` back its own functions. */
export const stopCapture = (): void => {
  restore?.()
  restore = undefined
}

/** Captures the console from now on, in place of whoever captured it. */
export const startCapture = (options: ConsoleCaptureOptions, record: Record): void => {
  stopCapture()
  const levels = levelsOf(options)
  const stringify = makeStringify(options)
  let busy = false

  const capture = (level: ConsoleLevel, payload: ReadonlyArray<unknown>) => {
    if (busy || !levels.has(level)) return
    busy = true
    try {
      const line = lineOf(payload, stringify)
      if (line !== undefined) record(level, line, (new Error().stack ?? "").split("\n").slice(2, 5).join("\n"))
    } catch {
      // The program's console must go on working.
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
  restore = () => {
    for (const [level, write] of originals) console[level] = write
  }
}
