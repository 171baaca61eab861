/**
 * The levels of log lines, by the names that the official package accepts.
 */
import type { LogLineLevel } from "../Statsig.js"

const lineLevels = {
  trace: "trace",
  debug: "debug",
  log: "log",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  err: "error"
} as const satisfies Record<string, LogLineLevel>

/** The level of that name, in any case; `undefined` for any other. */
export const logLineLevel = (name: string): LogLineLevel | undefined => {
  const lower = name.toLowerCase()
  return Object.hasOwn(lineLevels, lower) ? lineLevels[lower as keyof typeof lineLevels] : undefined
}
