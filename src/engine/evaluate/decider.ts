/**
 * The short way to an answer.
 *
 * What a `Call` writes into its record depends on the user only through decisions: which conditions hold, which gates
 * and delegates were asked and what became of them, and whether the user is within a pass percentage. A decider takes
 * the same decisions in the same order and writes no record. It follows them along a tree of paths, and at the end of a
 * path stands the one record of all users who come that way, made by a `Call` for the first of them.
 *
 * What was decided for a user is remembered as long as the next question is about the same user: a request asks many
 * gates for one, which share conditions and holdouts. Where a decider cannot tell, it gives up, and the `Call` answers.
 */

import type { Host, Selection, Subject } from "../conditions/conditions.js"
import type { Json } from "../json.js"
import type { CompiledSpec, Snapshot } from "../payload/snapshot.js"
import type { SpecKind } from "../specs.js"
import type { User } from "../user.js"
import type { Evaluation } from "./evaluation.js"

/** Paths that are kept, for all names together. Projects have some thousands; beyond this new ones are not kept. */
const maxPaths = 50_000

/** Specs asked within one question. */
const maxSteps = 10_000

/** Where decisions have led to. */
export class Path {
  /** At the end of a path: the answer, as a condition on the gate sees it. */
  bool = false
  /** At the end of a path: the record of all who came here, once it is made. */
  evaluation: Evaluation | undefined = undefined
  /** At the end of a path: what the last client initialize response says of all who came here. That room knows its type. */
  clientEntry: unknown = undefined
  /** The paths that go on from here, each behind the decision that leads to it. The usual ones are met first. */
  steps: Array<object> | undefined = undefined
}

/** Where only a `Call` can tell. No path leads on from here. */
const nowhere = new Path()

/** What a spec came to. */
class End {
  /** The path of those for whom it came to that at once. */
  path: Path | undefined = undefined
}

/** A condition of a rule, with what it said of the user of this turn. */
class Check {
  /** A condition that asks no gate. */
  readonly test: ((subject: Subject) => boolean) | undefined
  readonly mayLack: boolean
  readonly isVolatile: boolean
  /** The gate that it asks. */
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

/** A rule, and the objects that stand for what can become of it. */
interface Choice {
  readonly selection: Selection
  readonly checks: ReadonlyArray<Check>
  readonly delegate: SpecDecision | undefined
  /** Whether the user is within the pass percentage; `undefined` where everyone is. */
  readonly passes: ((user: User) => boolean) | undefined
  readonly returnBool: boolean
  readonly passed: End
  readonly failed: End
  readonly delegated: object
}

/** A spec, with the way that the user of this turn has gone. */
class SpecDecision {
  readonly kind: SpecKind
  readonly name: string
  readonly root = new Path()
  readonly byDefault = new End()
  /** `undefined` before the spec is first asked, `null` when only a `Call` can tell. */
  choices: ReadonlyArray<Choice> | null | undefined = undefined
  spec: CompiledSpec | undefined = undefined
  /** Whether it is being decided: it must not depend on itself. */
  isOpen = false
  /** Whether it was decided for everyone, whoever asks. */
  isSettled = false
  turn = 0
  /** The question in which it was decided last, if a moment later the answer may be another one. */
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
  /** Whether the last answer may be another one a moment later. */
  isVolatile = false
  readonly #gates = new Map<string, SpecDecision>()
  readonly #configs = new Map<string, SpecDecision>()
  readonly #layers = new Map<string, SpecDecision>()
  /** One for each condition, however many rules share it. */
  readonly #checks = new Map<object, Check>()
  readonly #lacks = new Map<string, object>()
  #lack: string | undefined = undefined
  /** Counts the users: what is remembered from another turn is of another user. */
  #turn = 1
  /** Counts the questions: in one of them a gate is asked once, as in a `Call`. */
  #question = 0
  #steps = 0
  #paths = 0
  #isBusy = false

  constructor(snapshot: Snapshot, host: Host, tier: string | undefined, user: User) {
    this.snapshot = snapshot
    this.host = host
    this.tier = tier
    this.appId = snapshot.appId
    this.user = user
  }

  /** The path of a user; `undefined` when only a `Call` can tell. */
  decide(kind: SpecKind, name: string, user: User): Path | undefined {
    // Asked by what it asks itself, such as a parser of the program's own.
    if (this.#isBusy) return undefined
    const decision = this.#known(kind).get(name) ?? this.#find(kind, name)
    if (decision === undefined) return undefined
    if (user !== this.user) {
      this.user = user
      this.#turn++
    }
    this.isVolatile = false
    if (decision.isSettled || decision.turn === this.#turn) return ended(decision.path)
    this.#isBusy = true
    this.#question++
    this.#steps = 0
    try {
      return ended(this.#decide(decision))
    } catch {
      // No room left on the stack: what stands half done is begun anew.
      this.#forget()
      return undefined
    } finally {
      this.#isBusy = false
    }
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

  /** Only names that the payload has are remembered: names that callers invent must not fill the memory. */
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

  /** What a spec can come to; `null` when there is something in it that only a `Call` can tell. */
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
        // It holds in any case.
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
    return path
  }

  /** The first rule that the user meets decides. */
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

  /** In new layer evaluation all rules that the user meets add to the value. */
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

  /** Whether the conditions that were checked last hold. */
  #meets = true

  /** Goes on past the conditions of a rule. Gates are steps on the way also after a condition that failed. */
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
        else if (this.#lack !== undefined) path = this.#next(path, this.#lackOf(this.#lack))
        else {
          check.turn = this.#turn
          check.holds = holds
        }
      }
    }
    this.#meets = meets
    return path
  }

  /** What stands for the lack of data on the way. */
  #lackOf(reason: string): object {
    let lack = this.#lacks.get(reason)
    if (lack === undefined) {
      lack = {}
      this.#lacks.set(reason, lack)
    }
    return lack
  }

  /** `bool` is the answer of those whose path ends there. */
  #next(from: Path, by: object, bool = false): Path {
    const { steps } = from
    if (steps !== undefined) {
      for (let i = 0; i < steps.length; i += 2) if (steps[i] === by) return steps[i + 1] as Path
    }
    if (from === nowhere || by === nowhere) return nowhere
    const path = this.#path(bool)
    if (path !== nowhere) {
      if (steps === undefined) from.steps = [by, path]
      else steps.push(by, path)
    }
    return path
  }

  #end(decision: SpecDecision, from: Path, by: End, bool: boolean): Path {
    if (from !== decision.root) return this.#next(from, by, bool)
    by.path ??= this.#path(bool)
    return by.path
  }

  #path(bool: boolean): Path {
    if (this.#paths === maxPaths) return nowhere
    this.#paths++
    const path = new Path()
    path.bool = bool
    return path
  }
}

/** Whether nothing tells users apart: everyone meets the first rule, if there is one. */
const isForEveryone = ({ choices, kind, spec }: SpecDecision): boolean => {
  if (kind === "layer" && spec?.useNewLayerEval === true) return false
  const first = choices?.[0]
  return first === undefined || (first.selection === "everyone" && first.delegate === undefined)
}

const ended = (path: Path): Path | undefined => (path === nowhere ? undefined : path)
