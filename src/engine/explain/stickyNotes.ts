/**
 * Explains the use of sticky assignments.
 */
import type { RuleFilter, UserPersistedValues } from "../evaluate/sticky.js"
import { copyJson } from "../json.js"
import type { ExplainedEvaluation, ExplainedRecheck, ExplainedSticky } from "./explanation.js"

/** Records how sticky assignments are used. */
export class StickyNotes {
  #looked: Pick<ExplainedSticky, "key" | "name" | "kept"> = {}
  #decision: ExplainedSticky["decision"] = "noUnit"
  readonly #rechecks: Array<ExplainedRecheck> = []

  readonly looked = (key: string, name: string, values: UserPersistedValues | undefined): void => {
    const kept = values?.get(name)
    this.#looked = { key, name, ...(kept === undefined ? {} : { kept: copyJson(kept as never) as never }) }
    this.#decision = values === undefined ? "notGiven" : kept === undefined ? "nothingKept" : "givesWay"
  }

  readonly saved = (): void => {
    this.#decision = "saved"
  }

  readonly deleted = (): void => {
    if (this.#decision !== "notGiven") this.#decision = "notActive"
  }

  rechecked(filter: RuleFilter, passes: boolean, evaluation: ExplainedEvaluation): void {
    this.#rechecks.push({ rules: filter("targetingGate") ? "targeting" : "overrides", passes, evaluation })
  }

  /** The complete explanation, once the returned evaluation is known. */
  explained(isKept: boolean): ExplainedSticky {
    return { decision: isKept ? "kept" : this.#decision, ...this.#looked, rechecks: this.#rechecks }
  }
}
