/**
 * The parts common to every instance, of presets and the test double: specs, overrides and an evaluator, and the
 * service on them.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { Evaluator } from "../../src/Evaluator.js"
import type { JsonObject } from "../../src/engine/json.js"
import * as Overrides from "../../src/Overrides.js"
import { SpecStore } from "../../src/SpecStore.js"
import * as Statsig from "../../src/Statsig.js"
import type { CoreOptions } from "../../src/StatsigOptions.js"
import { toJson } from "../../src/StatsigUser.js"
import * as EvaluatorLayer from "../Evaluator.js"
import * as SpecStoreLayer from "../SpecStore.js"

/** The services that instances provide to the program. */
const offered = new Set<unknown>([Overrides.Overrides, SpecStore, Evaluator])

/**
 * Those of them that were made here. A nested instance, of another project for example, does not mistake them for the
 * program's.
 */
const madeHere = new WeakSet<object>()

export type Choose = <I, S extends object, E, R>(
  part: Context.Tag<I, S>,
  otherwise: Effect.Effect<S, E, R>
) => Effect.Effect<S, E, R>

/** Chooses each part: the one that the program provides, else the given default, which is only made if needed. */
export const chooser: Effect.Effect<Choose> = /* @__PURE__ */ Effect.map(
  /* @__PURE__ */ Effect.context<never>(),
  context => (part, otherwise) => {
    const own = Context.getOption(context, part)
    if (Option.isSome(own) && !madeHere.has(own.value)) return Effect.succeed(own.value)
    return offered.has(part) ? Effect.tap(otherwise, made => madeHere.add(made)) : otherwise
  }
)

/** The custom fields, converted to JSON like those of a user. */
export const customFields = ({ globalCustomFields }: CoreOptions) =>
  toJson(globalCustomFields) as JsonObject | undefined

export interface InstanceOptions extends CoreOptions {
  readonly specsSyncInterval: Duration.DurationInput
  readonly sdkKey?: Redacted.Redacted | undefined
}

/** Makes an instance from the parts in the context, with the default evaluator adapted by `adapt`. */
export const makeInstance = Effect.fnUntraced(function* (
  options: InstanceOptions,
  choose: Choose,
  adapt: (evaluator: Evaluator["Type"]) => Evaluator["Type"] = evaluator => evaluator
) {
  const { initTimeout = Duration.infinity, specsSyncInterval } = options
  const overrides = yield* choose(Overrides.Overrides, Effect.sync(Overrides.make))
  const store = yield* choose(SpecStore, SpecStoreLayer.make({ ...options, syncInterval: specsSyncInterval }))
  const held = Context.make(SpecStore, store).pipe(Context.add(Overrides.Overrides, overrides))
  const evaluating = EvaluatorLayer.make({ ...options, globalCustomFields: customFields(options) })
  const evaluator = yield* choose(Evaluator, Effect.map(Effect.provide(evaluating, held), adapt))
  const services = Context.add(held, Evaluator, evaluator)
  const timeout = Duration.decode(initTimeout)
  const deadline = Duration.isFinite(timeout) ? timeout : undefined
  const statsig = yield* Effect.provide(Statsig.make({ ...options, initTimeout: deadline }), services)
  return Context.add(services, Statsig.Statsig, statsig)
})
