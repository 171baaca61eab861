/**
 * Records sent batches, for tests: the events exactly as Statsig would receive them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { EventSink } from "../../src/EventSink.js"
import { EventSinkError } from "../../src/StatsigError.js"

/** Kept as it is: a record would be copied and lose a member called `__proto__`. */
const EventJson = Schema.declare(Predicate.isReadonlyRecord)

/**
 * One sent event.
 *
 * @since 0.1.0
 */
export const SentEvent = Schema.Struct({
  eventName: Schema.String,
  value: Schema.NullOr(Schema.Union(Schema.String, Schema.Number)),
  metadata: Schema.NullOr(EventJson),
  statsigMetadata: Schema.NullOr(EventJson),
  user: EventJson,
  /** Epoch milliseconds. */
  time: Schema.Number,
  secondaryExposures: Schema.NullOr(
    Schema.Array(Schema.Struct({ gate: Schema.String, gateValue: Schema.String, ruleID: Schema.String }))
  )
})

/**
 * One sent event.
 *
 * @since 0.1.0
 */
export interface SentEvent extends Schema.Schema.Type<typeof SentEvent> {}

/**
 * Events sent together, with the SDK metadata.
 *
 * @since 0.1.0
 */
export const SentBatch = Schema.Struct({
  events: Schema.Array(SentEvent),
  statsigMetadata: EventJson
})

/**
 * Events sent together, with the SDK metadata.
 *
 * @since 0.1.0
 */
export interface SentBatch extends Schema.Schema.Type<typeof SentBatch> {}

const decodeBatch = Schema.decodeUnknown(Schema.parseJson(SentBatch))

/**
 * What was sent since the sink was made, or since `clear`.
 *
 * @since 0.1.0
 */
export class SentBatches extends Context.Tag("statsig-effect/layers/EventSink/Memory/SentBatches")<
  SentBatches,
  {
    /** The batches, oldest first. */
    readonly batches: Effect.Effect<ReadonlyArray<SentBatch>>
    /** The events of all batches, oldest first. */
    readonly events: Effect.Effect<ReadonlyArray<SentEvent>>
    readonly clear: Effect.Effect<void>
  }
>() {}

/**
 * The limit of recorded events.
 *
 * @since 0.1.0
 */
export interface MemoryOptions {
  /** The maximum number of events; beyond it the oldest batches are dropped. Default: 100,000. */
  readonly capacity?: number | undefined
}

/**
 * Makes a sink and the view of its records. It rejects a batch that Statsig could not read.
 *
 * @since 0.1.0
 */
export const make = (
  options: MemoryOptions = {}
): { readonly sink: EventSink["Type"]; readonly sent: SentBatches["Type"] } => {
  const capacity = options.capacity ?? 100_000
  let batches: Array<SentBatch> = []
  let size = 0

  const keep = (batch: SentBatch) => {
    batches.push(batch)
    size += batch.events.length
    while (size > capacity) size -= batches.shift()?.events.length ?? size
  }

  return {
    sink: {
      send: ({ body }) =>
        decodeBatch(new TextDecoder().decode(body)).pipe(
          Effect.mapError(({ message }) => new EventSinkError({ reason: "Refused", message, retryable: false })),
          Effect.map(keep)
        )
    },
    sent: {
      batches: Effect.sync(() => [...batches]),
      events: Effect.sync(() => batches.flatMap(({ events }) => events)),
      clear: Effect.sync(() => {
        batches = []
        size = 0
      })
    }
  }
}

/**
 * A sink that records batches, and `SentBatches` to read them.
 *
 * @since 0.1.0
 */
export const layer = (options: MemoryOptions = {}): Layer.Layer<EventSink | SentBatches> =>
  Layer.effectContext(
    Effect.sync(() => {
      const { sent, sink } = make(options)
      return Context.make(EventSink, sink).pipe(Context.add(SentBatches, sent))
    })
  )
