/**
 * Reports values that do not fit their flags: once per flag and rule of the current specs, in the log and as a metric.
 */

import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Snapshot } from "../engine/payload/snapshot.js"
import type { Observe } from "./observe.js"

/**
 * A value that does not fit its flag. It is logged as a warning and counted as `statsig.sdk.flag_mismatch`, once per
 * flag and rule of the current specs.
 *
 * @since 0.1.0
 */
export class FlagMismatch extends Schema.TaggedClass<FlagMismatch>("statsig-effect/FlagMismatch")("FlagMismatch", {
  kind: Schema.Literal("gate", "dynamicConfig", "experiment", "layer", "parameterStore"),
  name: Schema.String,
  parameter: Schema.UndefinedOr(Schema.String),
  /** The path within the value, from the outside in. */
  path: Schema.Array(Schema.String),
  /** The rule that supplied the value. */
  ruleID: Schema.String,
  /** What was expected there, and what was found. */
  problem: Schema.String
}) {
  /** The mismatch as a sentence. */
  get message(): string {
    const flag = this.parameter === undefined ? this.name : `${this.name}.${this.parameter}`
    const place = this.path.length === 0 ? "" : ` at ${this.path.join(".")}`
    return `The value of ${this.kind} "${flag}" from rule "${this.ruleID}" does not fit${place}: ${this.problem}`
  }
}

/** How many are remembered per update of the specs; beyond that nothing is reported until the next. */
const remembered = 1_000

/** Makes a reporter. It returns at once: `fork` does the work. */
export const makeReport = (
  snapshot: () => Snapshot | undefined,
  fork: (effect: Effect.Effect<void>) => void,
  observe: Observe
): ((mismatch: FlagMismatch) => void) => {
  const told = new Set<string>()
  /** Held weakly, so that replaced specs can be freed. */
  let toldOf: WeakRef<Snapshot> | undefined

  return mismatch => {
    const now = snapshot()
    if (toldOf?.deref() !== now) {
      told.clear()
      toldOf = now && new WeakRef(now)
    }
    const { kind, name, parameter, path, ruleID } = mismatch
    const key = JSON.stringify([kind, name, parameter, ruleID])
    if (told.has(key) || told.size >= remembered) return
    told.add(key)
    const count = Effect.sync(() =>
      observe(client => client.increment("statsig.sdk.flag_mismatch", 1, { kind, name, rule_id: ruleID }))
    )
    fork(
      Effect.yieldNow().pipe(
        Effect.andThen(count),
        Effect.andThen(Effect.logWarning(mismatch.message)),
        Effect.annotateLogs({ kind, flag: name, path: path.join("."), ruleID })
      )
    )
  }
}
