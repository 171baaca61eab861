/**
 * The memoised path to an evaluation.
 *
 * A `Call`'s record depends on the user only through decisions: which conditions hold, which gates and delegates were
 * evaluated and with what result, and whether the user is within a pass percentage. A decider takes the same decisions
 * in the same order but writes no record. It follows them along a tree of paths. The end of a path holds one record,
 * made by a `Call` for the first user who reaches it; later users on this path reuse it.
 *
 * Decisions for a user are remembered until a question about another user: a request checks many gates for one user,
 * and these share conditions and holdouts. Where requests ask by turns, a user who comes back keeps some decisions with
 * it. Where a decider cannot decide, it gives up and a `Call` evaluates.
 */

import type { Host, Selection, Subject } from "../conditions/conditions.js"
import type { Json } from "../json.js"
import type { CompiledSpec, Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { User } from "../user.js"
import type { Evaluation } from "./evaluation.js"

/** Paths kept for all names together, at least, and for each spec of a large project. Further ones are not kept. */
const leastPaths = 50_000
const pathsPerSpec = 20

/** Specs evaluated within one question. */
const maxSteps = 10_000

/** Decisions kept with a user; each has one place. A power of two. */
const keptPlaces = 128
/** Numbers of all specs of all deciders: what is kept for a spec is not taken for that of another one. */
let lastNumber = 0

/** A node in the tree of decisions. */
export class Path {
  /** The spec that it belongs to. */
  readonly owner: number
  /** At the end of a path: the result of the gate for conditions on it. */
  readonly bool: boolean
  /** At the end of a path: the record of all users on it, once made. */
  evaluation: Evaluation | undefined = undefined
  /** At the end of a path: the entry of the last client initialize response. `clientInitialize` knows its type. */
  clientEntry: unknown = undefined
  /** The next paths, each preceded by the decision that leads to it. Frequent ones tend to come first. */
  steps: Array<object> | undefined = undefined

  constructor(owner: number, bool: boolean) {
    this.owner = owner
    this.bool = bool
  }
}

/** Only a `Call` can decide. No path continues from here. */
const nowhere = new Path(0, false)

/** One outcome of a spec. */
class End {
  /** The path of users for whom this was the first decision. */
  path: Path | undefined = undefined
}

/** A condition of a rule, with its result for the current turn's user. */
class Check {
  /** The test of a condition that evaluates no gate. */
  readonly test: ((subject: Subject) => boolean) | undefined
  readonly mayLack: boolean
  readonly isVolatile: boolean
  /** The gate that the condition evaluates. */
  readonly gate: SpecDecision | undefined
  readonly negated: boolean
  turn = 0
  holds = false

  constructor(
    test: ((subject: Subject) => boolean) | undefined,
    mayLack: boolean,
    isVolatile: boolean,
    gate: SpecDecision | undefined,
    negated: boolean
  ) {
    this.test = test
    this.mayLack = mayLack
    this.isVolatile = isVolatile
    this.gate = gate
    this.negated = negated
  }
}

/** A rule, and the objects that identify its outcomes. */
interface Choice {
  readonly selection: Selection
  readonly checks: ReadonlyArray<Check>
  readonly delegate: SpecDecision | undefined
  /** Whether the user is within the pass percentage; `undefined` if everyone is. */
  readonly passes: ((user: User) => boolean) | undefined
  readonly returnBool: boolean
  readonly passed: End
  readonly failed: End
  readonly delegated: object
}

/** A spec, with the path of the current turn's user. */
class SpecDecision {
  readonly kind: SpecKind
  readonly name: string
  readonly number = ++lastNumber
  readonly root = new Path(this.number, false)
  readonly byDefault = new End()
  /** `undefined` before the first use, `null` if only a `Call` can decide. */
  choices: ReadonlyArray<Choice> | null | undefined = undefined
  spec: CompiledSpec | undefined = undefined
  /** Whether it is being decided; it must not depend on itself. */
  isOpen = false
  /** Whether the decision is the same for all users. */
  isSettled = false
  turn = 0
  /** The last question that decided it, if the result may change a moment later. */
  question = 0
  path = nowhere

  constructor(kind: SpecKind, name: string) {
    this.kind = kind
    this.name = name
  }
}

/** Decides on the specs of one snapshot. */
export class Decider implements Subject {
  readonly snapshot: Snapshot
  readonly host: Host
  readonly tier: string | undefined
  readonly appId: Json | undefined
  readonly found = undefined
  user: User
  /** The decisions kept with the user; `undefined` in the user's first turn. */
  #kept: Array<unknown> | undefined = undefined
  readonly #number = ++lastNumber
  /** Whether the last result may change a moment later. */
  isVolatile = false
  readonly #gates = new Map<string, SpecDecision>()
  readonly #configs = new Map<string, SpecDecision>()
  readonly #layers = new Map<string, SpecDecision>()
  /** One for each condition, shared by all its rules. */
  readonly #checks = new Map<object, Check>()
  readonly #lacks = new Map<string, object>()
  #lack: string | undefined = undefined
  /** Counts the users: results of an earlier turn belong to another user. */
  #turn = 1
  /** Counts the questions: each evaluates a gate once, as a `Call` does. */
  #question = 0
  #steps = 0
  #paths = 0
  readonly #maxPaths: number
  #isBusy = false

  constructor(snapshot: Snapshot, host: Host, tier: string | undefined, user: User) {
    this.snapshot = snapshot
    this.host = host
    this.tier = tier
    this.appId = snapshot.appId
    this.user = user
    this.#maxPaths = Math.max(leastPaths, pathsPerSpec * snapshot.size)
  }

  /** The path of a user; `undefined` if only a `Call` can decide. */
  decide(kind: SpecKind, name: string, user: User): Path | undefined {
    // Called from within a decision, e.g. by a custom parser of the program.
    if (this.#isBusy) return undefined
    const decision = this.#known(kind).get(name) ?? this.#find(kind, name)
    if (decision === undefined) return undefined
    if (user !== this.user) this.#turnTo(user)
    this.isVolatile = false
    if (decision.isSettled || decision.turn === this.#turn) return ended(decision.path)
    this.#isBusy = true
    this.#question++
    this.#steps = 0
    try {
      return ended(this.#decide(decision))
    } catch {
      // The stack overflowed: drop half-finished decisions and start again.
      this.#forget()
      return undefined
    } finally {
      this.#isBusy = false
    }
  }

  /** Most users have one turn, and keep nothing. */
  #turnTo(user: User): void {
    this.user = user
    this.#turn++
    if (user.decider === this.#number) {
      user.decisions ??= new Array(keptPlaces).fill(undefined)
    } else {
      user.decider = this.#number
      user.decisions = undefined
    }
    this.#kept = user.decisions
  }

  lacks(reason: string): void {
    this.#lack = reason
  }

  experimentGroup(): undefined {
    return undefined
  }

  #known(kind: SpecKind): Map<string, SpecDecision> {
    return kind === "gate" ? this.#gates : kind === "layer" ? this.#layers : this.#configs
  }

  /** Remembers only names in the payload: names invented by callers must not fill the memory. */
  #find(kind: SpecKind, name: string): SpecDecision | undefined {
    if (this.snapshot.spec(kind, name) === undefined) return undefined
    return this.#remember(kind, name)
  }

  #remember(kind: SpecKind, name: string): SpecDecision {
    const known = this.#known(kind)
    let decision = known.get(name)
    if (decision === undefined) {
      decision = new SpecDecision(kind, name)
      known.set(name, decision)
    }
    return decision
  }

  #forget(): void {
    for (const known of [this.#gates, this.#configs, this.#layers]) known.clear()
    this.#checks.clear()
    this.#paths = 0
  }

  // --- preparing

  /** The possible outcomes of a spec; `null` if only a `Call` can decide part of it. */
  #prepare(decision: SpecDecision): ReadonlyArray<Choice> | null {
    const { kind, name } = decision
    const spec = this.snapshot.spec(kind, name)
    const isConfig = kind === "dynamicConfig" || kind === "experiment"
    if (this.snapshot.isReplaceable(isConfig ? "experiment" : kind, name)) return null
    decision.spec = spec
    const choices: Array<Choice> = []
    for (const rule of spec?.rules ?? []) {
      const checks: Array<Check> = []
      for (const condition of rule.conditions) {
        if (condition === undefined || condition.kind === "experiment" || condition.kind === "unsupported") return null
        // It always holds.
        if (condition.kind === "test" && condition.selection === "everyone") continue
        let check = this.#checks.get(condition)
        if (check === undefined) {
          check =
            condition.kind === "gate"
              ? new Check(undefined, false, false, this.#remember("gate", condition.gate), condition.negated)
              : new Check(condition.test, condition.mayLack, condition.isVolatile, undefined, false)
          this.#checks.set(condition, check)
        }
        checks.push(check)
      }
      const { configDelegate, returnBool, selection } = rule
      const delegate =
        configDelegate !== undefined && this.snapshot.hasDynamicConfig(configDelegate)
          ? this.#remember("experiment", configDelegate)
          : undefined
      choices.push({
        selection,
        checks,
        delegate,
        passes: rule.passesAll ? undefined : rule.passes,
        returnBool,
        passed: new End(),
        failed: new End(),
        delegated: {}
      })
    }
    return choices
  }

  // --- deciding

  #decide(decision: SpecDecision): Path {
    if (decision.isSettled || decision.turn === this.#turn) return decision.path
    if (decision.question === this.#question) {
      this.isVolatile = true
      return decision.path
    }
    const place = decision.number & (keptPlaces - 1)
    const kept = this.#kept?.[place] as Path | undefined
    if (kept?.owner === decision.number) {
      decision.turn = this.#turn
      decision.path = kept
      return kept
    }
    if (decision.choices === undefined) decision.choices = this.#prepare(decision)
    if (decision.choices === null || decision.isOpen || ++this.#steps > maxSteps) return nowhere
    const wasVolatile = this.isVolatile
    this.isVolatile = false
    decision.isOpen = true
    const path =
      decision.kind === "layer" && decision.spec?.useNewLayerEval === true
        ? this.#walkAll(decision, decision.choices)
        : this.#walk(decision, decision.choices)
    decision.isOpen = false
    decision.path = path
    if (this.isVolatile) {
      decision.question = this.#question
      return path
    }
    this.isVolatile = wasVolatile
    decision.turn = this.#turn
    decision.isSettled = isForEveryone(decision)
    if (this.#kept !== undefined) this.#kept[place] = path
    return path
  }

  /** The first matching rule decides. */
  #walk(decision: SpecDecision, choices: ReadonlyArray<Choice>): Path {
    const defaultBool = decision.spec?.defaultBool ?? false
    let path = decision.root
    for (const choice of choices) {
      path = this.#check(path, choice.checks)
      if (!this.#meets) continue
      const { delegate, passes, returnBool } = choice
      if (delegate !== undefined) {
        const way = this.#decide(delegate)
        return this.#next(this.#next(path, choice.delegated), way, way.bool)
      }
      return passes === undefined || passes(this.user)
        ? this.#end(decision, path, choice.passed, returnBool)
        : this.#end(decision, path, choice.failed, defaultBool)
    }
    return this.#end(decision, path, decision.byDefault, defaultBool)
  }

  /** In new layer evaluation all matching rules add to the value. */
  #walkAll(decision: SpecDecision, choices: ReadonlyArray<Choice>): Path {
    let path = decision.root
    for (const choice of choices) {
      path = this.#check(path, choice.checks)
      if (!this.#meets || choice.passes?.(this.user) === false) continue
      path = this.#next(path, choice.passed)
      if (choice.delegate !== undefined) path = this.#next(path, this.#decide(choice.delegate))
    }
    return this.#end(decision, path, decision.byDefault, false)
  }

  /** Whether the last checked conditions hold. */
  #meets = true

  /** Follows the conditions of a rule. Gates are steps on the path even after a condition that failed. */
  #check(from: Path, checks: ReadonlyArray<Check>): Path {
    let path = from
    let meets = true
    for (const check of checks) {
      if (check.gate !== undefined) {
        const way = this.#decide(check.gate)
        path = this.#next(path, way)
        if (way.bool === check.negated) meets = false
      } else if (meets || check.mayLack) {
        if (check.turn === this.#turn) {
          if (!check.holds) meets = false
          continue
        }
        this.#lack = undefined
        const holds = check.test!(this)
        if (!holds) meets = false
        if (check.isVolatile) this.isVolatile = true
        else if (this.#lack !== undefined) {
          path = this.#next(path, this.#lackOf(this.#lack))
          // It may not be missing for long.
          this.isVolatile = true
        } else {
          check.turn = this.#turn
          check.holds = holds
        }
      }
    }
    this.#meets = meets
    return path
  }

  /** The step on the path for missing data. */
  #lackOf(reason: string): object {
    let lack = this.#lacks.get(reason)
    if (lack === undefined) {
      lack = {}
      this.#lacks.set(reason, lack)
    }
    return lack
  }

  /** `bool` is the result if the path ends there. */
  #next(from: Path, by: object, bool = false): Path {
    const { steps } = from
    if (steps !== undefined) {
      for (let i = 0; i < steps.length; i += 2) if (steps[i] === by) return steps[i + 1] as Path
    }
    if (from === nowhere || by === nowhere) return nowhere
    const path = this.#path(from.owner, bool)
    if (path !== nowhere) {
      if (steps === undefined) from.steps = [by, path]
      else steps.push(by, path)
    }
    return path
  }

  #end(decision: SpecDecision, from: Path, by: End, bool: boolean): Path {
    if (from !== decision.root) return this.#next(from, by, bool)
    by.path ??= this.#path(from.owner, bool)
    return by.path
  }

  #path(owner: number, bool: boolean): Path {
    if (this.#paths === this.#maxPaths) return nowhere
    this.#paths++
    return new Path(owner, bool)
  }
}

/** Whether all users get the same decision: everyone matches the first rule, if there is one. */
const isForEveryone = ({ choices, kind, spec }: SpecDecision): boolean => {
  if (kind === "layer" && spec?.useNewLayerEval === true) return false
  const first = choices?.[0]
  return first === undefined || (first.selection === "everyone" && first.delegate === undefined)
}

const ended = (path: Path): Path | undefined => (path === nowhere ? undefined : path)
