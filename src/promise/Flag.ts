/**
 * Typed flags: a name, the type of its value, and a fallback, declared once. Not in the official Node package.
 * `statsig-effect generate --target promise` writes them for a whole project.
 *
 * @example
 * import { Flag, Type } from "statsig-effect/promise"
 *
 * const NewCheckout = Flag.gate("new_checkout")
 * const Gallery = Flag.layer("product_page", "gallery", Type.literal("carousel", "grid"), "carousel")
 * if (Flag.read(statsig, user, NewCheckout)) console.log(Flag.read(statsig, user, Gallery))
 *
 * @since 0.1.0
 */
import * as Core from "../Flag.js"
import { complain } from "./complain.js"
import { checkableSticky, type ExperimentEvaluationOptions } from "./evaluationOptions.js"
import { internalsOf } from "./internals.js"
import type { StatsigClient } from "./Statsig.js"
import { type StatsigUser, userOf } from "./StatsigUser.js"
import { schemaOf, type Type } from "./Type.js"

/**
 * A flag whose value is an `A`. Make one with `gate`, `config`, `experiment`, `layer` or `parameterStore`.
 *
 * @since 0.1.0
 */
export interface Flag<out A> {
  readonly kind: "gate" | "dynamicConfig" | "experiment" | "layer" | "parameterStore"
  readonly name: string
  /** The parameter of a layer or a parameter store that the flag reads. */
  readonly parameter: string | undefined
  /** The value for an unknown name, and for a value that does not fit. */
  readonly fallback: A
}

/**
 * The type of a flag's value.
 *
 * @example
 * import { Flag, Type } from "statsig-effect/promise"
 *
 * const Pricing = Flag.config("pricing", Type.object({ vat: Type.number }), { vat: 20 })
 * type Pricing = Flag.Value<typeof Pricing>
 *
 * @since 0.1.0
 */
export type Value<F> = F extends Flag<infer A> ? A : never

/**
 * A feature gate.
 *
 * @since 0.1.0
 */
export const gate = (name: string): Flag<boolean> => Core.gate(name)

/**
 * A dynamic config: all its parameters as one value.
 *
 * @since 0.1.0
 */
export const config = <A>(name: string, type: Type<A>, fallback: NoInfer<A>): Flag<A> =>
  Core.config(name, schemaOf(type), fallback)

/**
 * An experiment: all its parameters as one value.
 *
 * @since 0.1.0
 */
export const experiment = <A>(name: string, type: Type<A>, fallback: NoInfer<A>): Flag<A> =>
  Core.experiment(name, schemaOf(type), fallback)

/**
 * One parameter of a layer. Reading it logs the exposure of this parameter only.
 *
 * @since 0.1.0
 */
export const layer = <A>(name: string, parameter: string, type: Type<A>, fallback: NoInfer<A>): Flag<A> =>
  Core.layer(name, parameter, schemaOf(type), fallback)

/**
 * One parameter of a parameter store. Reading it logs the exposure of its target.
 *
 * @since 0.1.0
 */
export const parameterStore = <A>(name: string, parameter: string, type: Type<A>, fallback: NoInfer<A>): Flag<A> =>
  Core.parameterStore(name, parameter, schemaOf(type), fallback)

/**
 * The flag's value for a user; it is frozen. It always returns a value: one that does not fit gives the fallback and a
 * warning that names flag, path and rule, once for each rule and update of the specs. Like the checks it never throws.
 *
 * @since 0.1.0
 */
export const read = <A>(
  statsig: StatsigClient,
  user: StatsigUser,
  flag: Flag<A>,
  options?: ExperimentEvaluationOptions | null
): A => {
  try {
    const behind = internalsOf(statsig, "statsig: expected a Statsig instance of statsig-effect/promise")
    return Core.read(behind.statsig, userOf(user), flag as Core.Flag<A>, checkableSticky(options))
  } catch (error) {
    complain("error", "Flag.read", error)
    return flag?.fallback
  }
}
