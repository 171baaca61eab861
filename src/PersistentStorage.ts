/**
 * Persistent storage for sticky assignments: users keep their experiment group while the experiment runs, even if the
 * rules change.
 *
 * A storage maps a key, which identifies one user (`u-1:userID`), to the names of experiments and layers and their
 * sticky assignments. A check never waits for it, and its errors do not affect checks.
 *
 * Without a storage nothing is stored. With one, a check without `userPersistedValues` deletes the sticky assignment,
 * as in the official SDKs; `Statsig.withPersistedValues` supplies the values for a whole request.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type StickyValues, stickyKey, type UserPersistedValues } from "./engine/evaluate/sticky.js"
import { PersistentStorageError } from "./StatsigError.js"
import { type StatsigUser, toJson } from "./StatsigUser.js"

export type { StickyValues, UserPersistedValues } from "./engine/evaluate/sticky.js"

/**
 * Implement it to store sticky assignments elsewhere. Operations on one key run one after the other.
 *
 * @since 0.1.0
 */
export interface Storage {
  /**
   * The entries under the key: an object from configuration names to saved values, as JSON that needs no further check;
   * `undefined` or `null` when there is nothing.
   */
  readonly load: (key: string) => Effect.Effect<unknown, PersistentStorageError>
  /** Saves a sticky assignment, replacing the one for that name. Other entries under the key stay. */
  readonly save: (key: string, configName: string, values: StickyValues) => Effect.Effect<void, PersistentStorageError>
  readonly delete: (key: string, configName: string) => Effect.Effect<void, PersistentStorageError>
}

/**
 * The storage in use. The preset looks for one when it is built, so provide it to the preset's layer.
 *
 * Layers: `statsig-effect/layers/PersistentStorage/Redis`, `KeyValueStore`, `Memory` (tests).
 *
 * @example
 * const redis = RedisStorage.layer({ url: Redacted.make("redis://127.0.0.1:6379") })
 * program.pipe(Statsig.withPersistedValues(user), Effect.provide(StatsigLayer.layerConfig.pipe(Layer.provide(redis))))
 *
 * @since 0.1.0
 */
export class PersistentStorage extends Context.Tag("statsig-effect/PersistentStorage")<PersistentStorage, Storage>() {}

const orNull = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(Schema.NullOr(schema), { default: () => null })

/** As strict as the official SDK: it rejects the same entries. */
const StickyJson = Schema.suspend(() => {
  // Not checked further, as officially.
  const gateValue = Schema.String as unknown as Schema.Schema<"true" | "false">
  const Exposure = Schema.Struct({ gate: Schema.String, gateValue, ruleID: Schema.String })
  const Exposures = Schema.Array(Exposure)
  return Schema.Struct({
    value: Schema.Boolean,
    json_value: Schema.optional(Schema.Unknown),
    rule_id: orNull(Schema.String),
    group_name: orNull(Schema.String),
    secondary_exposures: Exposures,
    undelegated_secondary_exposures: orNull(Exposures),
    config_delegate: orNull(Schema.String),
    explicit_parameters: orNull(Schema.Array(Schema.String)),
    time: Schema.Unknown,
    config_version: orNull(Schema.Number.pipe(Schema.int(), Schema.between(0, 4294967295)))
  })
})

/** `null` for anything but a number; the bounds are those of an unsigned 64-bit integer. */
const storedTime = (time: unknown): number | null =>
  typeof time === "number" ? Math.min(Math.max(Math.trunc(time), 0), 2 ** 64) : null

const decodeSticky = Schema.decodeUnknownEither(StickyJson, { exact: true })

const decodeEntry = (json: unknown): StickyValues | undefined => {
  const sticky = attempt(() => Either.getOrUndefined(decodeSticky(json)))
  return sticky && { ...sticky, json_value: toJson(sticky.json_value) ?? null, time: storedTime(sticky.time) }
}

/** Values from the program may have getters that throw: these count as malformed. */
const attempt = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The entries that a storage holds for a user: the valid ones, and the names of the malformed ones. */
const decodeEntries = (json: object) => {
  const values = new Map<string, StickyValues>()
  const malformed: Array<string> = []
  for (const name of Object.keys(json)) {
    const sticky = decodeEntry(attempt(() => (json as Readonly<Record<string, unknown>>)[name]))
    if (sticky === undefined) malformed.push(name)
    else values.set(name, sticky)
  }
  return { values, malformed }
}

/**
 * Reads a user's sticky assignments from JSON, as strictly as the official SDKs: a single malformed entry makes it
 * `undefined`, which means that none are given.
 *
 * @since 0.1.0
 */
export const decode = (json: object): UserPersistedValues | undefined => {
  const { malformed, values } = decodeEntries(json)
  return malformed.length === 0 ? values : undefined
}

/**
 * Loads the sticky assignments under a key, for a request. Malformed entries are skipped and reported: the others are
 * valid. A value that is not an object is an error, because then the user's assignments are unknown.
 *
 * @internal
 */
export const load = Effect.fnUntraced(function* (storage: Storage, key: string) {
  const json = (yield* storage.load(key)) ?? {}
  if (typeof json === "object" && !Array.isArray(json)) return decodeEntries(json)
  const message = `expected an object, got ${Array.isArray(json) ? "an array" : typeof json}`
  return yield* new PersistentStorageError({ operation: "load", message })
})

/**
 * The key of a user's unit, such as `u-1:userID`; `None` when the user lacks the unit.
 *
 * @since 0.1.0
 */
export const keyOf = (user: StatsigUser, idType: string): Option.Option<string> =>
  Option.fromNullable(stickyKey(user, idType))
