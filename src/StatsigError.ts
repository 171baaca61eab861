/**
 * Every error this package can fail with. Each has a tag to catch and a `reason` that says what to do about it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Why a source gave no specs.
 *
 * - `Disabled`: the network is switched off by an option
 * - `Timeout`: no whole answer within the request's time
 * - `Transport`: no answer at all (refused, reset, unresolvable, TLS)
 * - `Status`: an answer that is not 2xx; `status` holds it
 * - `Empty`: the source works and has nothing (a data store without the key, no bootstrap text)
 * - `Failed`: the source itself broke (a missing file, a data store that threw)
 * - `Key`: the network gave no specs, and the SDK key is no server secret key: it is empty, or a client key, say;
 *   `message` tells which, and what the network said
 *
 * @since 0.1.0
 */
export const SpecSourceReason = Schema.Literal("Disabled", "Timeout", "Transport", "Status", "Empty", "Failed", "Key")

/**
 * A source could not give specs. Secrets in `message` are masked.
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
    /** How long the server asked to be left alone (`Retry-After`), in milliseconds, ten minutes at most. */
    retryAfter: Schema.optional(Schema.Number)
  }
) {}

/**
 * How an answer says that its payload is written.
 *
 * @since 0.1.0
 */
export const PayloadFormat = Schema.Literal("json", "plain_text", "protobuf", "unknown")

/**
 * A specs payload that cannot be used as a whole: it is not JSON, or a part outside the single specs is missing or of
 * the wrong type. What was held before stays in use.
 *
 * @since 0.1.0
 */
export class SpecsError extends Schema.TaggedError<SpecsError>("statsig-effect/SpecsError")("SpecsError", {
  /**
   * `Syntax`: neither JSON nor protobuf. `Shape`: JSON, but not a specs payload; `message` names the field and what was
   * expected. `Checksum`: differences that do not lead to the specs that they should. `Size`: more bytes than
   * `maxSpecsBytes`.
   */
  reason: Schema.Literal("Syntax", "Shape", "Checksum", "Size"),
  message: Schema.String,
  /** As in `SpecResponse.format`. */
  format: Schema.optional(PayloadFormat)
}) {}

/**
 * `initialize` passed its deadline. Polling goes on and may still bring specs.
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
 * A storage of kept answers failed to read or write, or held something else.
 *
 * @since 0.1.0
 */
export class PersistentStorageError extends Schema.TaggedError<PersistentStorageError>(
  "statsig-effect/PersistentStorageError"
)("PersistentStorageError", { operation: Schema.Literal("load", "save", "delete"), message: Schema.String }) {}

/**
 * A batch of events was not delivered.
 *
 * - `Timeout`, `Transport`: no answer in time, or none at all
 * - `Status`: an answer that is not 2xx; `status` holds it. After a 413 the batch is sent again in halves, and a 429
 *   does not count as one of its attempts
 * - `Refused`: a 2xx answer that does not accept the events
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
 * The ID lists, or one of them, could not be brought up to date. What was held stays in use.
 *
 * - `Timeout`, `Transport`: no whole answer in time, or none at all
 * - `Status`: an answer that is not 2xx; `status` holds it
 * - `Invalid`: an answer that cannot be used: no manifest, an entry with parts missing, another range than was asked
 *   for, no UTF-8, too long
 * - `Failed`: the sync itself broke
 *
 * @since 0.1.0
 */
export class IdListError extends Schema.TaggedError<IdListError>("statsig-effect/IdListError")("IdListError", {
  /** `undefined` when it is about all of them. */
  list: Schema.optional(Schema.String),
  reason: Schema.Literal("Timeout", "Transport", "Status", "Invalid", "Failed"),
  message: Schema.String,
  status: Schema.optional(Schema.Number),
  /** How long the server asked to be left alone (`Retry-After`), in milliseconds, ten minutes at most. */
  retryAfter: Schema.optional(Schema.Number)
}) {}
