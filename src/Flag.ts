/**
 * Typed flags: a name, the type of its value, and a fallback, declared once.
 *
 * A value that does not fit the type gives the fallback: a mistake in the console causes a warning, not an exception in
 * the program.
 *
 * A value is decoded once and then looked up, so a read costs little more than the check itself. Decoded values are
 * shared by all readers and therefore frozen.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { structuralRegion } from "effect/Utils"
import type { DynamicConfig, Experiment, FeatureGate, Json, Layer, ParameterStore } from "./Evaluation.js"
import { copyJson, ownValue } from "./engine/json.js"
import { FlagMismatch } from "./internal/mismatches.js"
import { CurrentUser, type ExperimentCheckOptions, type Service, Statsig } from "./Statsig.js"
import type { StatsigUser } from "./StatsigUser.js"

export { FlagMismatch } from "./internal/mismatches.js"

/**
 * A flag whose value is an `A`. Make one with `gate`, `config`, `experiment`, `layer` or `parameterStore`.
 *
 * @since 0.1.0
 */
export interface Flag<A> {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"
  readonly name: string
  /** The parameter of a layer or a parameter store that the flag reads. */
  readonly parameter: string | undefined
  /** The value for an unknown name, and for a value that does not fit. */
  readonly fallback: A
  /** Decodes a JSON value. */
  decode(json: Json): Decoded<A>
  /** Encodes a value as JSON. Dies if it cannot be encoded. */
  encode(value: A): Json
}

/**
 * The type of a flag's value.
 *
 * @example
 * type Pricing = Flag.Value<typeof Pricing>
 *
 * @since 0.1.0
 */
export type Value<F> = F extends Flag<infer A> ? A : never

/**
 * The result of decoding: a value, or where it does not fit and what was expected there.
 *
 * @since 0.1.0
 */
export type Decoded<A> =
  | { readonly _tag: "Fits"; readonly value: A }
  | { readonly _tag: "Mismatch"; readonly path: ReadonlyArray<string>; readonly message: string }

/**
 * A feature gate.
 *
 * @example
 * const NewCheckout = Flag.gate("new_checkout")
 *
 * @since 0.1.0
 */
export const gate = (name: string): Flag<boolean> => make("gate", name, undefined, Schema.Boolean, false)

/**
 * A dynamic config: all its parameters as one value.
 *
 * @example
 * const Pricing = Flag.config("pricing", Schema.Struct({ vat: Schema.Number }), { vat: 20 })
 *
 * @since 0.1.0
 */
export const config = <A, I>(name: string, schema: Schema.Schema<A, I>, fallback: NoInfer<A>): Flag<A> =>
  make("dynamicConfig", name, undefined, schema, fallback)

/**
 * An experiment: all its parameters as one value.
 *
 * @since 0.1.0
 */
export const experiment = <A, I>(name: string, schema: Schema.Schema<A, I>, fallback: NoInfer<A>): Flag<A> =>
  make("experiment", name, undefined, schema, fallback)

/**
 * One parameter of a layer. Reading it logs the exposure of this parameter only, so the user takes part only in the
 * experiment that decides it.
 *
 * @example
 * const Gallery = Flag.layer("product_page", "gallery", Schema.Literal("grid", "list"), "grid")
 *
 * @since 0.1.0
 */
export const layer = <A, I>(
  name: string,
  parameter: string,
  schema: Schema.Schema<A, I>,
  fallback: NoInfer<A>
): Flag<A> => make("layer", name, parameter, schema, fallback)

/**
 * One parameter of a parameter store. Reading it logs the exposure of its target.
 *
 * @since 0.1.0
 */
export const parameterStore = <A, I>(
  name: string,
  parameter: string,
  schema: Schema.Schema<A, I>,
  fallback: NoInfer<A>
): Flag<A> => make("parameterStore", name, parameter, schema, fallback)

/**
 * The flag's value for the current user. Never fails.
 *
 * @example
 * const price = Effect.gen(function* () {
 *   const { vat } = yield* Flag.get(Pricing)
 *   return 100 + vat
 * })
 * price.pipe(Statsig.withUser(user))
 *
 * @since 0.1.0
 */
export const get = <A>(
  flag: Flag<A>,
  options?: ExperimentCheckOptions
): Effect.Effect<A, never, Statsig | CurrentUser> =>
  Effect.zipWith(Statsig, CurrentUser, (statsig, user) => read(statsig, user, flag, options))

/**
 * The flag's value, given the service and the user. A plain synchronous call like the checks: it always returns a value
 * and never throws.
 *
 * @since 0.1.0
 */
export const read = <A>(statsig: Service, user: StatsigUser, flag: Flag<A>, options?: ExperimentCheckOptions): A =>
  flag.kind === "gate"
    ? (statsig.checkGate(user, flag.name, options) as A)
    : evaluate(statsig, user, flag, options).value

/**
 * A flag's value and how it was decided.
 *
 * @since 0.1.0
 */
export interface Evaluated<A> {
  readonly value: A
  /** The result of the check: rule, group, details. */
  readonly result: FeatureGate | DynamicConfig | Experiment | Layer | ParameterStore
  /** Why the fallback was used although there is a value. */
  readonly mismatch: Option.Option<FlagMismatch>
}

/**
 * As `read`, with rule, details, and any mismatch.
 *
 * @since 0.1.0
 */
export const evaluate = <A>(
  statsig: Service,
  user: StatsigUser,
  flag: Flag<A>,
  options?: ExperimentCheckOptions
): Evaluated<A> => {
  const { kind, name } = flag
  switch (kind) {
    case "gate": {
      const result = statsig.getFeatureGate(user, name, options)
      return settleRead(statsig, flag, result, result.value)
    }
    case "dynamicConfig":
    case "experiment": {
      const result = statsig[kind === "experiment" ? "getExperiment" : "getDynamicConfig"](user, name, options)
      return settleRead(statsig, flag, result, result.evaluation.value)
    }
    case "layer": {
      const parameter = flag.parameter!
      const result = statsig.getLayer(user, name, options)
      const { parameterRuleIDs, value } = result.evaluation
      const json = value && ownValue(value, parameter)
      const evaluated = settleRead(statsig, flag, result, json, parameterRuleIDs?.get(parameter))
      // As with `get` of a layer: a missing parameter counts as read, one that does not fit does not.
      if (Option.isNone(evaluated.mismatch)) result.logExposure(parameter)
      return evaluated
    }
    case "parameterStore": {
      const result = statsig.getParameterStore(user, name, options)
      return settleRead(statsig, flag, result, Option.getOrUndefined(result.getValue(flag.parameter!)))
    }
  }
}

const settleRead = <A>(
  statsig: Service,
  flag: Flag<A>,
  result: Evaluated<A>["result"],
  json: Json | undefined,
  parameterRuleID?: string
): Evaluated<A> => {
  if (json === undefined) return { value: flag.fallback, result, mismatch: Option.none() }
  const decoded = flag.decode(json)
  if (decoded._tag === "Fits") return { value: decoded.value, result, mismatch: Option.none() }
  const { kind, name, parameter } = flag
  const ruleID = parameterRuleID ?? result.ruleID
  const mismatch = new FlagMismatch(
    { kind, name, parameter, path: decoded.path, ruleID, problem: decoded.message },
    { disableValidation: true }
  )
  statsig.reportMismatch(mismatch)
  return { value: flag.fallback, result, mismatch: Option.some(mismatch) }
}

/**
 * The flag's value for the current user, now and whenever it changes: after an update of the specs or of the overrides.
 *
 * Each emitted value logs an exposure, because the program uses it. Nothing is logged in between. Updates that change
 * nothing for this user emit nothing; of several in quick succession only the last counts.
 *
 * @example
 * Flag.watch(Pricing).pipe(
 *   Stream.runForEach(({ vat }) => Console.log(`VAT is ${vat} %`)),
 *   Statsig.withUser(user)
 * )
 *
 * @since 0.1.0
 */
export const watch = <A>(
  flag: Flag<A>,
  options?: ExperimentCheckOptions
): Stream.Stream<A, never, Statsig | CurrentUser> =>
  Stream.unwrap(
    Effect.zipWith(Statsig, CurrentUser, (statsig, user) => {
      const silently = { ...options, disableExposureLogging: true }
      let last: Option.Option<A> = Option.none()
      return Stream.filterMap(statsig.updates, () => {
        if (Option.isSome(last) && isSameValue(last.value, read(statsig, user, flag, silently))) return Option.none()
        last = Option.some(read(statsig, user, flag, options))
        return last
      })
    })
  )

/** Compares by content: each update of the specs brings new objects. */
const isSameValue = (one: unknown, other: unknown): boolean => structuralRegion(() => Equal.equals(one, other))

// --- decoding

const make = <A, I>(
  kind: Flag<A>["kind"],
  name: string,
  parameter: string | undefined,
  schema: Schema.Schema<A, I>,
  fallback: A
): Flag<A> => ({
  kind,
  name,
  parameter,
  fallback,
  decode: remembering(decoderOf(schema)),
  encode: value => Schema.encodeSync(schema)(value) as Json
})

const decoderOf = <A, I>(schema: Schema.Schema<A, I>): ((json: Json) => Decoded<A>) => {
  let decode: ((value: unknown) => Either.Either<A, ParseResult.ParseError>) | undefined
  return json => {
    try {
      decode ??= Schema.decodeUnknownEither(schema)
      // A schema may pass its input on, and the specs must not be shared.
      return Either.match(decode(copyJson(json)), {
        onLeft: error => {
          const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
          return {
            _tag: "Mismatch" as const,
            path: issue === undefined ? [] : issue.path.map(String),
            message: issue === undefined ? error.message : issue.message
          }
        },
        onRight: value => ({ _tag: "Fits" as const, value: frozen(value) })
      })
    } catch (defect) {
      // A transformation of the user's schema.
      return { _tag: "Mismatch", path: [], message: `the schema broke: ${String(defect)}` }
    }
  }
}

/** How many strings and numbers are remembered; there are as many as rules. */
const scalarsRemembered = 1_000

/** Remembers the decoded form of each value: of an object for its lifetime, which is that of its specs. */
const remembering = <A>(decode: (json: Json) => Decoded<A>): ((json: Json) => Decoded<A>) => {
  const objects = new WeakMap<object, Decoded<A>>()
  const scalars = new Map<Json, Decoded<A>>()
  /** Checked first: most users get the same value. */
  let last: { readonly json: Json; readonly decoded: Decoded<A> } | undefined

  const find = (json: Json): Decoded<A> => {
    const isObject = typeof json === "object" && json !== null
    const known = isObject ? objects.get(json) : scalars.get(json)
    if (known !== undefined) return known
    const decoded = decode(json)
    if (!isObject && scalars.size >= scalarsRemembered) scalars.clear()
    if (isObject) objects.set(json, decoded)
    else scalars.set(json, decoded)
    return decoded
  }

  return json => {
    if (last !== undefined && last.json === json) return last.decoded
    const decoded = find(json)
    last = { json, decoded }
    return decoded
  }
}

/** The value, with plain objects and arrays deeply frozen. Others, such as dates, are left as they are. */
const frozen = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const member of Object.values(value)) frozen(member)
  return value
}
