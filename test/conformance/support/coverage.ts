/**
 * What the generated worlds reached, by the oracle's results: otherwise agreement could mean that nothing was tested.
 */
import type { Question, Shown } from "./sdk.js"
import { objectAt } from "./tree.js"
import { probe, type World } from "./world.js"

/** Counts what was reached; each count has a name. */
export class Coverage {
  readonly counts = new Map<string, number>()
  #world: World | undefined

  /** Begins a world. */
  world(world: World): void {
    this.#world = world
  }

  /** Counts a result of the oracle. */
  answer(question: Question, answer: unknown): void {
    switch (question.kind) {
      case "gate":
      case "config":
      case "experiment":
      case "layer":
        this.#result(question.kind, answer as Shown)
        if (question.name.startsWith(probe)) this.#condition(question.name.slice(probe.length), answer as Shown)
    }
  }

  /** Adds the counts of another run. */
  add(counts: Iterable<readonly [string, number]>): void {
    for (const [name, count] of counts) this.#count(name, count)
  }

  #count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }

  #condition(key: string, answer: Shown): void {
    const condition = this.#world && objectAt(this.#world.payload, "condition_map").get(key)
    if (!(condition instanceof Map)) return
    const type = String(condition.get("type"))
    const value = answer["value"]
    this.#count(`type ${type} ${value}`)
    const takesOperator = !["public", "pass_gate", "fail_gate"].includes(type)
    if (takesOperator) this.#count(`operator ${condition.get("operator")} ${value}`)
  }

  #result(kind: string, answer: Shown): void {
    const details = answer["details"] as { readonly reason: string }
    this.#count(`reason ${details.reason}`)
    const ruleID = answer["ruleID"]
    const decided = ruleID === "default" || ruleID === "disabled" || ruleID === "" ? ruleID || "none" : "rule"
    this.#count(`${kind} decided by ${decided}`)
    const exposures = answer["secondaryExposures"]
    if (Array.isArray(exposures) && exposures.length > 0) {
      this.#count(`${kind} with ${exposures.length > 3 ? "more than 3" : "some"} secondary exposures`)
    }
    if (typeof answer["groupName"] === "string") this.#count(`${kind} with a group`)
    if (typeof answer["allocatedExperimentName"] === "string") this.#count(`${kind} with an experiment`)
    if (typeof ruleID === "string" && ruleID.endsWith(":explore")) this.#count(`${kind} explored by a bandit`)
  }
}
