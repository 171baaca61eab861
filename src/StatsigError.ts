/**
 * Every error of this package. Each has a tag to catch and a `reason` that says what to do about it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Why a source gave no specs.
 *
 * - `Disabled`: the network is switched off by an option
 * - `Timeout`: no complete response within the request's time
 * - `Transport`: no response at all (refused, reset, unresolvable, TLS)
 * - `Status`: a response that is not 2xx; `status` holds it
 * - `Empty`: the source works but has nothing (a data store without the key, no bootstrap text)
 * - `Failed`: the source itself broke (a missing file, a data store that threw)
 * - `Key`: the network gave no specs, and the SDK key is not a server secret key: it is empty or a client key, for
 *   example; `message` says which, and how the network responded
 *
 * @since 0.1.0
 */
export const SpecSourceReason = Schema.Literal("Disabled", "Timeout", "Transport", "Status", "Empty", "Failed", "Key")

/**
 * A source could not supply specs. Secrets in `message` are masked.
 *
 * @since 0.1.0
 */
export class SpecSourceError extends Schema.TaggedError<SpecSourceError>("statsig-effect/SpecSourceError")(
  "SpecSourceError",
  {
    source: Schema.String,
    reason: SpecSourceReason,
    message: Schema.String,
    status: Schema.optional(Schema.Number),
    /** The API that was asked, as in `SpecResponse.sourceApi`. */
    sourceApi: Schema.optional(Schema.String),
    /** As in `SpecResponse.deltasUsed`. */
    deltasUsed: Schema.optional(Schema.Boolean),
    /**
     * The time after which the server allows the next request (`Retry-After`), in milliseconds, ten minutes at most.
     */
    retryAfter: Schema.optional(Schema.Number)
  }
) {}

/**
 * How a response says that its payload is encoded.
 *
 * @since 0.1.0
 */
export const PayloadFormat = Schema.Literal("json", "plain_text", "protobuf", "unknown")

/**
 * A specs payload that cannot be used as a whole: it is not JSON, or a part outside the single specs is missing or of
 * the wrong type. The held specs stay in use.
 *
 * @since 0.1.0
 */
export class SpecsError extends Schema.TaggedError<SpecsError>("statsig-effect/SpecsError")("SpecsError", {
  /**
   * `Syntax`: neither JSON nor protobuf. `Shape`: JSON, but not a specs payload; `message` names the field and what was
   * expected. `Checksum`: a delta that does not produce the expected specs. `Size`: more bytes than `maxSpecsBytes`.
   */
  reason: Schema.Literal("Syntax", "Shape", "Checksum", "Size"),
  message: Schema.String,
  /** As in `SpecResponse.format`. */
  format: Schema.optional(PayloadFormat)
}) {}

/**
 * `initialize` passed its deadline. Polling continues and may still load specs.
 *
 * @since 0.1.0
 */
export class InitializeTimeoutError extends Schema.TaggedError<InitializeTimeoutError>(
  "statsig-effect/InitializeTimeoutError"
)("InitializeTimeoutError", { millis: Schema.Number }) {
  override get message() {
    return `initialize did not end within ${this.millis} ms`
  }
}

/**
 * A layer's optional dependency is not installed, or a file that it needs cannot be used.
 *
 * @since 0.1.0
 */
export class LayerError extends Schema.TaggedError<LayerError>("statsig-effect/LayerError")("LayerError", {
  layer: Schema.String,
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/**
 * A data store failed to read or write.
 *
 * @since 0.1.0
 */
export class DataStoreError extends Schema.TaggedError<DataStoreError>("statsig-effect/DataStoreError")(
  "DataStoreError",
  { operation: Schema.Literal("initialize", "get", "set", "shutdown"), message: Schema.String }
) {}

/**
 * A persistent storage failed to read or write, or held something invalid.
 *
 * @since 0.1.0
 */
export class PersistentStorageError extends Schema.TaggedError<PersistentStorageError>(
  "statsig-effect/PersistentStorageError"
)("PersistentStorageError", { operation: Schema.Literal("load", "save", "delete"), message: Schema.String }) {}

/**
 * A batch of events was not delivered.
 *
 * - `Timeout`, `Transport`: no response in time, or none at all
 * - `Status`: a response that is not 2xx; `status` holds it. After a 413 the batch is sent again in halves, and a 429
 *   does not count as one of its attempts
 * - `Refused`: a 2xx response that does not accept the events
 * - `Failed`: the sink itself broke
 *
 * @since 0.1.0
 */
export class EventSinkError extends Schema.TaggedError<EventSinkError>("statsig-effect/EventSinkError")(
  "EventSinkError",
  {
    reason: Schema.Literal("Timeout", "Transport", "Status", "Refused", "Failed"),
    message: Schema.String,
    status: Schema.optional(Schema.Number),
    /** Whether sending the same batch again can help. */
    retryable: Schema.Boolean,
    /** How long the server asks to wait before the next request, in milliseconds. */
    retryAfterMillis: Schema.optional(Schema.Number)
  }
) {}

/**
 * The ID lists, or one of them, could not be updated. The held lists stay in use.
 *
 * - `Timeout`, `Transport`: no complete response in time, or none at all
 * - `Status`: a response that is not 2xx; `status` holds it
 * - `Invalid`: a response that cannot be used: not a manifest, an incomplete entry, a wrong range, not UTF-8, too long
 * - `Failed`: the sync itself broke
 *
 * @since 0.1.0
 */
export class IdListError extends Schema.TaggedError<IdListError>("statsig-effect/IdListError")("IdListError", {
  /** `undefined` when the error concerns all of them. */
  list: Schema.optional(Schema.String),
  reason: Schema.Literal("Timeout", "Transport", "Status", "Invalid", "Failed"),
  message: Schema.String,
  status: Schema.optional(Schema.Number),
  /** The time after which the server allows the next request (`Retry-After`), in milliseconds, ten minutes at most. */
  retryAfter: Schema.optional(Schema.Number)
}) {}
