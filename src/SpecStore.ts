/**
 * Holds the current config specs: one immutable snapshot, replaced in one assignment.
 *
 * `current` is read on every check, so it is a plain function; everything that waits is an Effect.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Snapshot } from "./engine/payload/snapshot.js"
import type { SpecWarning } from "./Specs.js"
import type { SpecSourceError, SpecsError } from "./StatsigError.js"

/**
 * What the store holds at one moment.
 *
 * @since 0.1.0
 */
export interface SpecState {
  /**
   * Where the specs come from, as in evaluation reasons: `Uninitialized`, `Loading`, `NoValues`, `Network`, `Bootstrap`,
   * `Adapter(DataStore)`, …
   */
  readonly source: string
  readonly sourceApi: string | undefined
  readonly snapshot: Snapshot | undefined
  /** When the snapshot was stored, in epoch milliseconds. */
  readonly receivedAt: number | undefined
  /** The environment that the specs held at `initialize` set for users without one of their own. */
  readonly defaultEnvironment: string | undefined
}

/**
 * Names of one kind that an update touched.
 *
 * @since 0.1.0
 */
export interface ChangedNames {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

/**
 * One applied update.
 *
 * @since 0.1.0
 */
export interface SpecChange {
  readonly source: string
  readonly sourceApi: string | undefined
  /** The `time` of the new specs and of those before, in epoch milliseconds; 0 when there were none. */
  readonly time: number
  readonly previousTime: number
  readonly gates: ChangedNames
  readonly dynamicConfigs: ChangedNames
  readonly layers: ChangedNames
}

/**
 * The state of the store.
 *
 * @since 0.1.0
 */
export interface SpecStatus {
  readonly source: string
  /** The `time` of the held specs in epoch milliseconds, 0 when there are none. */
  readonly time: number
  readonly receivedAt: number | undefined
  /** When a source last responded successfully, with or without news; in epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** How long ago that was, which is how old the specs may be; `undefined` if it never happened. */
  readonly age: Duration.Duration | undefined
  /** Whether there are no specs, or they are polled and no source has responded for three sync intervals. */
  readonly isStale: boolean
  /** The last error since then, if any. */
  readonly lastError: SpecSourceError | SpecsError | undefined
  /** The parts of the held specs that were invalid when first used; at most 1,000. */
  readonly warnings: ReadonlyArray<SpecWarning>
}

/**
 * The store in use.
 *
 * Layers: `statsig-effect/layers/SpecStore` (default).
 *
 * @since 0.1.0
 */
export class SpecStore extends Context.Tag("statsig-effect/SpecStore")<
  SpecStore,
  {
    /** The current state. Synchronous and total. */
    readonly current: () => SpecState
    /**
     * Fetches once as `initialize` does, and applies the result. The source is `Loading` meanwhile, and stays so when
     * there is no news or on interruption. A failure keeps the held specs and sets the source to `NoValues`.
     */
    readonly load: Effect.Effect<void, SpecSourceError | SpecsError>
    /** Starts polling and following the source, in the background, once. */
    readonly startUpdates: Effect.Effect<void>
    /**
     * One fetch now, without retries. A call during a fetch waits for that fetch. A failure changes only the status.
     */
    readonly syncNow: Effect.Effect<void, SpecSourceError | SpecsError>
    /**
     * As `syncNow`, if the last success is longer ago than this; else it does nothing. During the back-off after a
     * refusal by the server it fails as the last sync did, without a request.
     */
    readonly syncIfOlderThan: (age: Duration.DurationInput) => Effect.Effect<void, SpecSourceError | SpecsError>
    /** Every applied update from now on; a slow reader loses the oldest. */
    readonly changes: Stream.Stream<SpecChange>
    /** Calls the listener within each update. Returns a function that removes it. */
    readonly onChange: (listener: (change: SpecChange) => void) => () => void
    readonly status: Effect.Effect<SpecStatus>
  }
>() {}
