/**
 * Custom events and forwarded log lines.
 */
import type { EventLogger } from "../EventLogger.js"
import type { JsonObject } from "../engine/json.js"
import type { RemoteConfig } from "../engine/specs.js"
import type { User } from "../engine/user.js"
import { toJson } from "../StatsigUser.js"
import { sdkType } from "./sdkInfo.js"

/**
 * The levels of forwarded log lines.
 *
 * @since 0.1.0
 */
export type LogLineLevel = "trace" | "debug" | "log" | "info" | "warn" | "error"

/** Statsig's names of the levels. */
const logLineLevels = {
  trace: { status: "trace", log_level: "Trace" },
  debug: { status: "debug", log_level: "Debug" },
  log: { status: "info", log_level: "Log" },
  info: { status: "info", log_level: "Info" },
  warn: { status: "warn", log_level: "Warn" },
  error: { status: "error", log_level: "Error" }
} as const satisfies Record<LogLineLevel, unknown>

/** Logs custom events. It queues nothing that could not be serialized later and would spoil a whole batch. */
export class ProgramEvents {
  /** `remote` returns the SDK settings in the current specs. */
  constructor(
    private readonly logger: EventLogger["Type"],
    private readonly remote: () => RemoteConfig | undefined
  ) {}

  log(user: User, name: string, value?: unknown, metadata?: unknown): void {
    this.#log(user, name, value, metadata, undefined)
  }

  forwardLogLine(user: User, level: LogLineLevel, value: unknown, metadata: unknown): void {
    this.#log(user, "statsig::log_line", value, metadata, { ...logLineLevels[level], source: sdkType })
  }

  /** Counts an event that cannot be logged as dropped. */
  refuse(problem: string): void {
    this.logger.refuse?.(problem)
  }

  #log(user: User, name: string, value: unknown, metadata: unknown, more: JsonObject | undefined): void {
    const json = eventMetadata(metadata)
    if (typeof name !== "string") this.refuse("the name is no text")
    else if (json === undefined) this.refuse("a getter of the metadata throws")
    else {
      this.logger.logEvent({
        user,
        name,
        value: eventValue(value),
        metadata: more ? { ...json, ...more } : json,
        remote: this.remote()
      })
    }
  }
}

/** A string or a number; Statsig accepts nothing else. */
const eventValue = (value: unknown): string | number | null =>
  typeof value === "string" || Number.isFinite(value) ? (value as string | number) : null

/** An object; `null` for anything else, and `undefined` if reading it throws. */
const eventMetadata = (metadata: unknown): JsonObject | null | undefined => {
  try {
    const json = toJson(metadata)
    return typeof json === "object" && !Array.isArray(json) ? (json as JsonObject | null) : null
  } catch {
    return undefined
  }
}
