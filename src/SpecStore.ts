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
 * What the store holds at a moment.
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
  /** The environment that the specs held at `initialize` name for users without one of their own. */
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
 * How the store is doing.
 *
 * @since 0.1.0
 */
export interface SpecStatus {
  readonly source: string
  /** The `time` of the held specs in epoch milliseconds, 0 when there are none. */
  readonly time: number
  readonly receivedAt: number | undefined
  /** When a source was last asked with success, whether or not it had news; in epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** How long ago that was, which is how old the specs may be; `undefined` when it never was. */
  readonly age: Duration.Duration | undefined
  /** Whether there are no specs, or they are polled for and no source has answered for three sync intervals. */
  readonly isStale: boolean
  /** What went wrong since then, if anything. */
  readonly lastError: SpecSourceError | SpecsError | undefined
  /** The parts of the held specs that turned out bad when they were first used; at most 1,000. */
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
    /** The state now. Synchronous and total. */
    readonly current: () => SpecState
    /**
     * One fetch as `initialize` makes it, applied. The source is `Loading` meanwhile, and stays so when there is no news
     * or when this is interrupted. Failing leaves what was held and sets the source to `NoValues`.
     */
    readonly load: Effect.Effect<void, SpecSourceError | SpecsError>
    /** Starts polling and following the source, in the background, once. */
    readonly startUpdates: Effect.Effect<void>
    /**
     * One fetch now, without repetition. Whoever asks while one is under way waits for that one. Failing changes nothing
     * but the status.
     */
    readonly syncNow: Effect.Effect<void, SpecSourceError | SpecsError>
    /**
     * As `syncNow`, where the last success is longer ago than this; else nothing. While a server that refuses is left
     * alone, it fails as the last sync did, without a request.
     */
    readonly syncIfOlderThan: (age: Duration.DurationInput) => Effect.Effect<void, SpecSourceError | SpecsError>
    /** Every applied update from now on; one who reads slowly loses the oldest. */
    readonly changes: Stream.Stream<SpecChange>
    /** Calls the listener within each update. Gives what ends it. */
    readonly onChange: (listener: (change: SpecChange) => void) => () => void
    readonly status: Effect.Effect<SpecStatus>
  }
>() {}
