/**
 * Records what is logged, for tests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventLogger, type Exposure, type LoggedEvent } from "../../src/EventLogger.js"

/**
 * What was logged since the logger was made, or since `clear`.
 *
 * @since 0.1.0
 */
export class LoggedEvents extends Context.Tag("statsig-effect/layers/EventLogger/Memory/LoggedEvents")<
  LoggedEvents,
  {
    /** The exposures, oldest first. */
    readonly exposures: Effect.Effect<ReadonlyArray<Exposure>>
    /** The other events, oldest first. */
    readonly events: Effect.Effect<ReadonlyArray<LoggedEvent>>
    /** How often each name was checked without exposure logging. */
    readonly nonExposed: Effect.Effect<ReadonlyMap<string, number>>
    readonly clear: Effect.Effect<void>
  }
>() {}

/**
 * The limit of recorded events.
 *
 * @since 0.1.0
 */
export interface MemoryOptions {
  /**
   * The maximum number of exposures and of other events, of which the last ones are kept, and of counted names, of
   * which the first ones are. The status counts the rest. Default: 100,000.
   */
  readonly capacity?: number | undefined
}

/** Keeps the last items. Older ones are removed only now and then: each removal moves all that stay. */
class Last<A> {
  #items: Array<A> = []
  #added = 0

  constructor(private readonly capacity: number) {}

  add(item: A): void {
    this.#added++
    this.#items.push(item)
    if (this.#items.length >= 2 * this.capacity) this.#items = this.all()
  }

  all(): Array<A> {
    return this.#items.slice(Math.max(0, this.#items.length - this.capacity))
  }

  get kept(): number {
    return Math.min(this.#added, this.capacity)
  }

  get dropped(): number {
    return this.#added - this.kept
  }
}

/**
 * Makes a logger and the view of its records.
 *
 * @since 0.1.0
 */
export const make = (
  options: MemoryOptions = {}
): { readonly logger: EventLogger["Type"]; readonly logged: LoggedEvents["Type"] } => {
  const capacity = options.capacity ?? 100_000
  const empty = () => ({
    exposures: new Last<Exposure>(capacity),
    events: new Last<LoggedEvent>(capacity),
    nonExposed: new Map<string, number>(),
    uncounted: 0
  })
  let kept = empty()

  return {
    logger: {
      logExposure: exposure => kept.exposures.add(exposure),
      countNonExposed: name => {
        const count = kept.nonExposed.get(name)
        if (count === undefined && kept.nonExposed.size >= capacity) kept.uncounted++
        else kept.nonExposed.set(name, (count ?? 0) + 1)
      },
      logEvent: event => kept.events.add(event),
      flush: Effect.void,
      shutdown: Effect.void,
      status: Effect.sync(() => ({
        pending: kept.exposures.kept + kept.events.kept,
        sent: 0,
        dropped: kept.exposures.dropped + kept.events.dropped + kept.uncounted,
        lastError: undefined
      }))
    },
    logged: {
      exposures: Effect.sync(() => kept.exposures.all()),
      events: Effect.sync(() => kept.events.all()),
      nonExposed: Effect.sync(() => new Map(kept.nonExposed)),
      clear: Effect.sync(() => {
        kept = empty()
      })
    }
  }
}

/**
 * A logger that records, and `LoggedEvents` to read the records.
 *
 * @since 0.1.0
 */
export const layer = (options: MemoryOptions = {}): Layer.Layer<EventLogger | LoggedEvents> =>
  Layer.effectContext(
    Effect.sync(() => {
      const { logged, logger } = make(options)
      return Context.make(EventLogger, logger).pipe(Context.add(LoggedEvents, logged))
    })
  )
