/**
 * The results of calls with outside effects, and the state of an instance.
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DropReason } from "../EventLogger.js"
import { neverRepeated } from "../internal/http.js"
import type * as Core from "../Statsig.js"
import type {
  EventSinkError,
  IdListError,
  InitializeTimeoutError,
  SpecSourceError,
  SpecsError
} from "../StatsigError.js"

/**
 * The result of a call with outside effects. `error` is present if it failed, with keys masked.
 *
 * @since 0.1.0
 */
export interface StatsigResult {
  isSuccess: boolean
  error?: string
}

/**
 * The result of `initialize`. Not in the official Node package.
 *
 * @since 0.1.0
 */
export interface InitializeDetails {
  durationMs: number
  /** Whether `initialize` succeeded; `false` before it ended. */
  initSuccess: boolean
  /** Whether there are specs. */
  isConfigSpecReady: boolean
  /** Whether the first sync brought all ID lists; `null` before it ended and when they are off. */
  isIdListReady: boolean | null
  /** Where the specs come from, as in evaluation reasons: `Network`, `NoValues`, `Uninitialized`, … */
  source: string
  /** Why there are no fresh specs. `error` is the text of `StatsigResult.error`. */
  failureDetails?: { reason: string; error?: string }
}

/**
 * The state of the specs. Times are epoch milliseconds; `null` means never or none. Not in the official Node package.
 *
 * @since 0.1.0
 */
export interface SpecsStatus {
  /** Where they come from, as in evaluation reasons: `Network`, `NoValues`, `Uninitialized`, … */
  source: string
  /** The `time` of the held specs, 0 when there are none. */
  lcut: number
  receivedAt: number | null
  /** When a source last responded successfully, with or without news. */
  lastSuccessAt: number | null
  /** How long ago that was, in milliseconds, which is how old the specs may be. */
  ageMs: number | null
  /** Whether there are no specs, or they are polled and no source has responded for three sync intervals. */
  isStale: boolean
  /** The last error since the last success, with keys masked. */
  lastError: string | null
  /** The parts of the held specs that were invalid when first used. */
  warnings: Array<{ kind: string; name: string; message: string }>
}

/**
 * The state of event delivery. At every moment each logged event is pending, sent or dropped. Not in the official Node
 * package.
 *
 * @since 0.1.0
 */
export interface EventStatus {
  /** Events that are queued or being sent. */
  pending: number
  /** Events that the server accepted. */
  sent: number
  /** Events that were given up. */
  dropped: number
  /** Dropped events by reason; a reason that did not occur is absent. */
  droppedBy: { [reason in DropReason]?: number }
  /** Why the last batch failed, until one succeeds, with keys masked. */
  lastError: string | null
}

/** The text of a failed flush, in the words of the official package. */
export const sinkErrorText = (error: EventSinkError): string =>
  error.reason === "Status" && !error.retryable
    ? `NetworkError|RequestNotRetryable: ${error.message}`
    : `NetworkError|RetriesExhausted: ${error.message}`

/** The result of `initialize`. */
export const resultOf = ({ failure }: Core.InitializeResult): StatsigResult =>
  Option.match(failure, {
    onNone: () => ({ isSuccess: true }),
    // A program that disabled the network does not expect specs from it.
    onSome: error =>
      error._tag === "SpecSourceError" && error.reason === "Disabled"
        ? { isSuccess: true }
        : { isSuccess: false, error: errorText(error) }
  })

/** The result of a sync. */
export const syncOutcome = {
  onFailure: (error: SpecSourceError | SpecsError | IdListError): StatsigResult => ({
    isSuccess: false,
    error: errorText(error)
  }),
  onSuccess: (): StatsigResult => ({ isSuccess: true })
}

/** The texts of the official package, which programs may parse. */
const errorText = (error: SpecSourceError | SpecsError | IdListError | InitializeTimeoutError): string => {
  switch (error._tag) {
    case "IdListError":
      return `${error.list === undefined ? "ID lists" : `ID list ${error.list}`}: ${error.message}`
    case "InitializeTimeoutError":
      return "Initialization Error: Initialization timed out"
    case "SpecsError":
      return `Failed to parse JSON ResponseData - ${error.message}`
    case "SpecSourceError":
      // None of several sources had specs.
      if (error.source.includes(", ") || error.source === "specAdaptersConfig") {
        const told = error.reason === "Key" ? `: ${error.message}` : ""
        return `Adapter not started: Failed to start any adapters${told}`
      }
      if (error.reason === "Timeout") return `NetworkError|RetriesExhausted: ${error.message}: operation timed out`
      return neverRepeated.has(error.status!)
        ? `NetworkError|RequestNotRetryable: ${error.message.replace(" attempts(1)", "")}`
        : `NetworkError|RetriesExhausted: ${error.message}`
  }
}

/** The result of `initialize`; `undefined` before it ended. */
export const detailsOf = (statsig: Core.Service, result: Core.InitializeResult | undefined): InitializeDetails => {
  const { source, time } = Effect.runSync(statsig.status)
  const isIdListReady = Effect.runSync(statsig.idListStatus).isReady ?? null
  const isConfigSpecReady = time > 0
  if (result === undefined) return { durationMs: 0, initSuccess: false, isConfigSpecReady, isIdListReady, source }
  const { error, isSuccess } = resultOf(result)
  const failure = Option.getOrUndefined(result.failure)
  return {
    durationMs: Duration.toMillis(result.duration),
    initSuccess: isSuccess,
    isConfigSpecReady,
    isIdListReady,
    source: result.source,
    ...(failure === undefined || error === undefined ? {} : { failureDetails: { reason: failure._tag, error } })
  }
}
