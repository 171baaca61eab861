/**
 * Fetches one at a time, and their state: metrics, the pace of polls, the last success.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import { released } from "../../../src/internal/errors.js"
import { exceptionOf, type Observe, reportException } from "../../../src/internal/observe.js"
import type { Pace } from "../../../src/internal/pace.js"
import { type Apply, type Fetch, fetchFrom, type SpecRequest, type SpecResponse } from "../../../src/SpecSource.js"
import type { SpecSourceError, SpecsError } from "../../../src/StatsigError.js"
import type { HeldSpecs } from "./heldSpecs.js"

export type SyncError = SpecSourceError | SpecsError

/** The metrics tags of the payload that a sync read. */
type ReadPayload = Partial<Pick<SpecResponse, "sourceApi" | "format" | "deltasUsed">>

export class Syncs {
  lastSuccessAt: number | undefined
  /** The last error since then. */
  lastError: SyncError | undefined
  /** Of the current sync. */
  #answer: ReadPayload | undefined
  /** Prevents responses from being applied out of order. */
  readonly #lock = Effect.unsafeMakeSemaphore(1)

  /** `name`: that of the source. `madeAt`: when the store was made. */
  constructor(
    private readonly name: string,
    private readonly held: HeldSpecs,
    private readonly pace: Pace,
    private readonly observe: Observe,
    private readonly madeAt: number
  ) {}

  /** `undefined` until a source has responded. After the clock was set back the age is unknown. */
  readonly age = Effect.map(Clock.currentTimeMillis, now =>
    this.lastSuccessAt === undefined || now < this.lastSuccessAt ? undefined : Duration.millis(now - this.lastSuccessAt)
  )

  /** How old the specs may be: the time since a source last responded successfully. */
  readonly measureStaleness = Effect.map(Clock.currentTimeMillis, now =>
    this.observe(client =>
      client.gauge("statsig.sdk.config_staleness", now - (this.lastSuccessAt ?? this.madeAt), undefined)
    )
  )

  /** One fetch, in turn; its result is noted for the status. */
  run(fetch: Fetch, purpose: SpecRequest["purpose"]): Effect.Effect<void, SyncError> {
    return Effect.flatMap(Clock.currentTimeMillis, started => {
      const { snapshot: held } = this.held.state
      const { checksum, time: sinceTime = 0 } = this.held.isBeyond(started) ? {} : (held ?? {})
      this.#answer = undefined
      const options: Tracer.SpanOptions = {
        kind: "client",
        attributes: { "statsig.sync.purpose": purpose, "statsig.sync.source": this.name },
        // Polls continue long after the span in which the layer was built has ended.
        root: purpose === "poll",
        captureStackTrace: false
      }
      // Not `withSpan`, which would put the span into errors.
      return Effect.useSpan("statsig.sync", options, span =>
        fetchFrom(this.name, fetch)({ purpose, sinceTime, checksum }, this.#apply).pipe(
          Effect.tapBoth({ onFailure: error => this.#note(started, error), onSuccess: () => this.#note(started) }),
          Effect.ensuring(
            Effect.sync(() => {
              const { snapshot } = this.held.state
              span.attribute("statsig.sync.source_api", this.#answer?.sourceApi ?? "")
              span.attribute("statsig.sync.is_new", snapshot !== held)
              span.attribute("statsig.specs.time", snapshot?.time ?? 0)
            })
          ),
          Effect.asVoid
        )
      )
    }).pipe(this.#lock.withPermits(1))
  }

  readonly #apply: Apply = response =>
    Effect.suspend(() => {
      const { deltasUsed, format, source, sourceApi } = response
      this.#answer = {
        sourceApi: sourceApi ?? (source === "Adapter(DataStore)" ? "datastore" : ""),
        format,
        deltasUsed
      }
      return this.held.apply(response)
    })

  #note(started: number, error?: SyncError): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, now => {
      this.lastError = error && released(error)
      if (error === undefined) this.lastSuccessAt = now
      this.#measure(now - started, error)
      if (error?._tag === "SpecSourceError") {
        return isRefusedRequest(error) ? this.pace.refused(error.retryAfter) : Effect.void
      }
      // A payload arrived, even if it is unusable.
      this.pace.accepted()
      return Effect.void
    })
  }

  #measure(millis: number, error: SyncError | undefined): void {
    const told: ReadPayload | undefined = this.#answer ?? (error?._tag === "SpecSourceError" ? error : undefined)
    const exception = error === undefined ? undefined : exceptionOf(error)
    this.observe(client => {
      client.distribution("statsig.sdk.config_sync_overall.latency", millis, {
        source_api: told?.sourceApi ?? "",
        format: told?.format ?? "unknown",
        error: error?.message ?? "",
        network_success: String(error?._tag !== "SpecSourceError"),
        process_success: String(error === undefined),
        deltas_used: String(told?.deltasUsed === true)
      })
      if (exception !== undefined) reportException(client, exception.tag, exception.exception, error?.message ?? "")
    })
  }
}

/** Whether a server responded without specs. */
const isRefusedRequest = ({ reason, retryAfter, status }: SpecSourceError): boolean =>
  reason === "Status" || (reason === "Key" && status !== undefined) || retryAfter !== undefined
